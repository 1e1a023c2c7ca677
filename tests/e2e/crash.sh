#!/bin/bash
# crash.sh: kill -9 of worker, keeper, gateway, a replica, and all of them, at random moments of a
# canary: afterwards store, gateway and audit log agree and no event is missing or doubled. And an
# engine that is dead or stuck leaves the candidate without traffic when the lease has run out.
# MOMENTS=50 for long; SEED=n to repeat a run.
. "$(dirname "$0")/lib.sh"
moments=${MOMENTS:-$(short_or 5 50)}
LEASE=${LEASE:-2000}
replica_endpoint
echo "# seed $SEED, $moments moments, lease $LEASE ms"

# -- a person who works on while things die --
# One line per act: request id, HTTP status (000 = broken).
driver() {
	local n=0 id r=0 verbs=(start advance pause resume advance abort) v path body
	RANDOM=$((SEED + 7))
	while [ ! -e "$dir/stop" ]; do
		v=${verbs[$((n % ${#verbs[@]}))]}
		id=drive-$i-$n
		n=$((n + 1))
		r=$(api GET /v1/endpoints/m | jq -r '.rollout // 0' 2>/dev/null)
		body='{"reason":"drive"}'
		case $v in
		start) path=/v1/endpoints/m/rollouts
			body='{"to":"v2","share_bp":2500,"reason":"drive"}' ;;
		advance) path=/v1/rollouts/$r/advance
			body="{\"share_bp\":$((RANDOM % 9000 + 500)),\"reason\":\"drive\"}" ;;
		*) path=/v1/rollouts/$r/$v ;;
		esac
		echo "$id $(curl -s -m 5 -o "$dir/drive.out" -w '%{http_code}' --unix-socket "$sock" \
			-H "X-Request-ID: $id" -d "$body" "http://e$path")" >>"$dir/acts"
		pause_ms $((RANDOM % 60 + 20))
	done
}

kill_one() { # kill_one KIND
	case $1 in
	worker | keeper) engine_pid "$1" ;;
	gateway) get /v1/engine .gateway.pid ;;
	replica) get /v1/endpoints/m '[.servers[].pid | select(. > 0)] | .[0] // empty' ;;
	all) engine_pid keeper; engine_pid worker; get /v1/engine .gateway.pid
		get /v1/endpoints/m '.servers[].pid | select(. > 0)' ;;
	esac >"$dir/pids" 2>/dev/null
	[ -s "$dir/pids" ] || not_ok "there is a $1 to kill"
	xargs -r kill -9 <"$dir/pids" 2>"$dir/kill.err" || cat "$dir/kill.err"
}

# The row in the gateway, as the store has it: share|stable|candidate|gate|rollout|...
row() {
	"$TOOLS/admin" "$PITHEAD_HOME" "get map route.map t/m" | sed -n 's/.*value="\([^"]*\)".*/\1/p'
}
agree() {
	local have want
	have=$(row | awk -F'|' '{ printf "%s %s %s %s %s", $1, $4, $5, $7, ($4 == 1 ? $8 : "") }')
	want=$(get /v1/endpoints/m '"\(if .gate then .share_bp else 0 end) \(if .gate then 1 else 0 end) " +
		"\(.rollout) \(.stable) \(if .gate then .candidate else "" end)"' 2>/dev/null)
	[ -n "$have" ] && [ "$have" = "$want" ] || { echo "$have / $want" >"$dir/disagree"; return 1; }
}
last_event_agrees() {
	local e now
	e=$(get "/v1/audit?endpoint=m&limit=50" '[.items[] | select(.after != null and .after != "") |
		.after | fromjson | select(has("stable"))][0] | "\(.stable) \(.candidate) \(.share_bp)"')
	now=$(get /v1/endpoints/m '"\(.stable) \(.candidate) \(.share_bp)"')
	[ "$e" = "$now" ] || { echo "$e / $now" >"$dir/disagree"; return 1; }
}
verified() { "$PITHEAD" audit verify >"$dir/verify.out" 2>&1 </dev/null; }
serving() {
	local n
	for n in 1 2 3 4 5; do [ -n "$(version_now)" ] || return 1; done
}

kinds=(worker keeper gateway replica all)
: >"$dir/acts"
for ((i = 0; i < moments; i++)); do
	kind=${kinds[$((i % 5))]}
	rm -f "$dir/stop"
	driver &
	driver_pid=$!
	pause_ms $((RANDOM % 500 + 100))
	kill_one "$kind"
	pause_ms $((RANDOM % 300))
	touch "$dir/stop"
	wait_for 10 gone "$driver_pid" || not_ok "the driver ends"
	start_engine || not_ok "moment $i ($kind): the engine is there: $(cat "$dir/start.err")"
	check "moment $i ($kind): requests are answered" wait_for 15 serving
	wait_for 10 agree || not_ok "moment $i ($kind): gateway / store: $(cat "$dir/disagree")"
	wait_for 5 last_event_agrees || not_ok "moment $i ($kind): audit / store: $(cat "$dir/disagree")"
	verified || not_ok "moment $i ($kind): audit verify: $(cat "$dir/verify.out")"
done
# Each answered act is one event; each broken one at most one.
get "/v1/audit?limit=1000&ascending=1" '.items[].request_id' >"$dir/ids"
next=$(get "/v1/audit?limit=1000&ascending=1" .next)
while [ "$next" != 0 ] && [ "$next" != null ]; do
	get "/v1/audit?limit=1000&ascending=1&after=$next" '.items[].request_id' >>"$dir/ids"
	next=$(get "/v1/audit?limit=1000&ascending=1&after=$next" .next)
done
# have: how often the log has an id; done: answered with success; maybe: nobody knows.
sort "$dir/ids" | uniq -c | awk '{ print $2, $1 }' >"$dir/counts"
awk 'NR == FNR { have[$1] = $2; next }
	{ if ($2 ~ /^2/) done[$1]++; else if ($2 == "000") maybe[$1]++ }
	END { for (i in done) seen[i]; for (i in maybe) seen[i]
		for (i in seen) if (have[i] < done[i] || have[i] > done[i] + maybe[i])
			print i, have[i] + 0, done[i] + 0, maybe[i] + 0 }' \
	"$dir/counts" "$dir/acts" >"$dir/missing"
is "acts answered whose event is missing or doubled" "$(wc -l <"$dir/missing")" 0
head -3 "$dir/missing"
echo "# $(grep -c ' 2' "$dir/acts") acts answered, $(grep -c ' 000' "$dir/acts") broken," \
	"$(wc -l <"$dir/acts") in all"

# -- the lease --
calm() { # no rollout is left
	rollout=$(get /v1/endpoints/m .rollout)
	[ "$rollout" = 0 ] || verb abort >/dev/null
	wait_for 10 field_is /v1/endpoints/m .rollout 0
}
lease_end() { # ms UTC, by the gateway
	"$TOOLS/admin" "$PITHEAD_HOME" "get map lease.map t/m" | sed -n 's/.*value="\([0-9]*\)".*/\1/p'
}
past() { [ "$(now_us)" -gt "$1" ]; }
lapsed() { [ "$(get "/v1/rollouts/$rollout" '"\(.state) \(.share_in_force_bp)"' 2>/dev/null)" = "paused 0" ]; }
alert_open() { [ "$(get '/v1/alerts?open=1' '[.items[] | select(.rollout == '"$rollout"')] | length')" = 1 ]; }

lapse() { # lapse NAME: the engine has just become dead or stuck
	local died=$1 end
	died=$(now_us)
	end=$(($(lease_end) * 1000))
	at_most "$1: the lease that is left, ms" $(((end - died) / 1000)) "$LEASE"
	wait_for $((LEASE / 1000 + 2)) past $((end + 700000))
	"${@:2}"
	check "$1: the rollout is paused at 0" wait_for 10 lapsed
	check "$1: an alert is open" wait_for 5 alert_open
	pause_ms 300
	local resumed
	resumed=$(now_us)
	is "$1: candidate's requests after the lease" \
		"$(awk -v t="$end" -v u="$resumed" '$2 > t && $2 < u && $5 == "v2"' \
			"$dir/lease.tsv" | wc -l)" 0
	check "$1: the candidate had requests before" grep -q v2 "$dir/lease.tsv"
	verb resume >"$dir/resume.out" || not_ok "$1: resume: $(cat "$dir/resume.out")"
	check "$1: resume brings the share back" \
		wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 5000
	check "$1: the candidate gets requests again" wait_for 5 answered_by_v2_after "$resumed"
}
answered_by_v2_after() { awk -v t="$1" '$2 > t && $5 == "v2" { found = 1 } END { exit !found }' "$dir/lease.tsv"; }

calm
start_rollout v2 5000 || not_ok "a rollout begins"
load lease --rate 200 --keys 500
wait_for 5 grep -q v2 "$dir/lease.tsv"
worker=$(engine_pid worker)
kill -9 $(engine_pid keeper) "$worker"
lapse "engine dead" start_engine
worker=$(engine_pid worker)
kill -STOP "$worker"
lapse "engine stuck" kill -CONT "$worker"
unload
is "failed requests meanwhile" "$(jq .failed "$dir/lease.out")" 0
verified || not_ok "audit verify: $(cat "$dir/verify.out")"
