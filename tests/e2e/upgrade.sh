#!/bin/bash
# upgrade.sh: the engine gets another program in the middle of a canary at 200 requests/s: no request
# fails, the candidate is never without its share, the judge goes on counting and the rollout moves
# on. Programs that cannot run, die, fail half way through a migration or hang are refused, or taken
# back by themselves within the lease; kill -9 at any moment leaves one of the two, whole. MOMENTS=n,
# SEED=n for the kills.
# run: beside
. "$(dirname "$0")/lib.sh"
moments=${MOMENTS:-$(short_or 3 30)}
variants=$BUILD/variants
LEASE=${LEASE:-2500}
one_endpoint

upgrade() { "$PITHEAD" engine upgrade --to="$1" "${@:2}" >"$dir/up.out" 2>"$dir/up.err" </dev/null; }
version() { get /v1/engine .version 2>/dev/null; }
version_is() { [ "$(version)" = "$1" ]; }
schema() { sqlite3 -readonly "$PITHEAD_HOME/store/state.db" "SELECT value FROM meta WHERE name = 'schema'"; }
verified() { "$program" audit verify >"$dir/verify.out" 2>&1 </dev/null; }
program=$PITHEAD ours_version=$(version) ours_schema=$(schema)
counted() { get "/v1/rollouts/$rollout" '.card.counted[1] // 0' 2>/dev/null; }
has_counted() { [ "$(counted)" -ge "$1" ]; }
step() { get "/v1/rollouts/$rollout" .share_bp; }
alerts() { get '/v1/alerts?open=1' '[.items[] | select(.kind == "upgrade")] | length'; }

# -- a canary under load --
sed -i 's/steps: .*/steps: [20% 2s, 40% 1h]\n      signals:\n        error_rate: critical worse-by 20pp/' \
	"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || exit 1
load upgrade --rate 200 --keys 1000000
send v2
wait_for 15 field_is /v1/endpoints/m .share_in_force_bp 2000 || not_ok "the canary begins: $(get /v1/endpoints/m .)"
wait_for 5 has_counted 5 || not_ok "it is judged"

# Looks at the gateway, engine or not: its lease must hold whenever one looks.
lease_ms() { "$TOOLS/admin" "$PITHEAD_HOME" "get map lease.map t/m" | sed -n 's/.*value="\([0-9]*\)".*/\1/p'; }
watch_lease() {
	local end
	while [ ! -e "$dir/watched" ]; do
		end=$(lease_ms)
		echo "$((${end:-0} - $(now_us) / 1000))" >>"$dir/leases"
		pause_ms 20
	done
}
watch_lease &
watcher=$!

# -- what is refused before anything moves --
pid_before=$(get /v1/engine .pid)
head -c 100000 "$PITHEAD" >"$dir/cut"; chmod +x "$dir/cut"
cat >"$dir/lacks" <<-END
	#!/bin/sh
	echo "error while loading shared libraries: libfoo.so.9: cannot open shared object file" >&2
	exit 127
END
for broken in /bin/false "$dir/cut" "$dir/lacks"; do
	upgrade "$broken"
	is "${broken##*/} is refused" "$?" 2
done
check "with what it said" grep -q "libfoo.so.9" "$dir/up.err"
upgrade "$dir/nothing"
is "a program that is not there" "$?" 2
upgrade "$PITHEAD"
is "the same program: nothing to do" "$? $(cat "$dir/up.out")" \
	"0 nothing to do: the engine runs this program already ($ours_version)"
upgrade "$variants/far/pithead"
is "a program whose API is too far is refused" "$?" 4
upgrade "$variants/newer/pithead" --dry-run
is "a dry run" "$?" 0
check "names the migration" grep -q "state $ours_schema -> $((ours_schema + 1))" "$dir/up.out"
is "and all that has moved nothing" "$(version) $(get /v1/engine .pid) $(ls "$PITHEAD_HOME/backups" | wc -l)" \
	"$ours_version $pid_before 0"

"$variants/newer/pithead" rollout show "$rollout" >"$dir/near.out" 2>&1
is "a client one version newer reads" "$?" 0
"$variants/newer/pithead" rollout resume "$rollout" --reason near >"$dir/near.out" 2>&1
is "and acts, if the engine has nothing against it" "$?" 4
check "it says what is older, and what to do" \
	grep -q "the engine (API 1.1) is older than this program (API 1.2): pithead engine upgrade" "$dir/near.out"
"$variants/far/pithead" rollout pause "$rollout" --reason far >"$dir/far.out" 2>&1
is "one that is far does not act" "$? $(grep -c 'pithead engine upgrade' "$dir/far.out")" "1 1"

# -- what fails after it was handed over --
wrapper() { # wrapper NAME COMMAND: answers --version as the newer one, and then does something else
	printf '#!/bin/sh\ncase "$*" in *--version*) exec %s "$@" ;; esac\n%s\n' \
		"$variants/newer/pithead" "$2" >"$dir/$1"
	chmod +x "$dir/$1"
}
wrapper dies 'echo "no such thing" >&2; exit 3'
wrapper hangs 'exec sleep 1000'
came_back() { # came_back WHAT PROGRAM WHY
	local before
	before=$(counted)
	upgrade "$2"
	is "$1: exit" "$?" 1
	is "$1: the old program runs with its schema" "$(version) $(schema)" "$ours_version $ours_schema"
	check "$1: it says why" grep -Eq "failed, and $ours_version runs again: .*$3" "$dir/up.err"
	check "$1: the judge goes on from $before" wait_for 5 has_counted "$((before + 5))"
}
came_back "a migration that fails" "$variants/failing/pithead" "no such table: nowhere"
is "an alert is open" "$(alerts)" 1
is "an event tells it" "$(get '/v1/audit?verb=engine.upgrade.back&limit=9' '.items | length')" 1
came_back "a migration without end" "$variants/endless/pithead" "not healthy within"
came_back "one that dies" "$dir/dies" "no such thing"
came_back "one that hangs" "$dir/hangs" "not healthy within"
is "four events tell of it" "$(get '/v1/audit?verb=engine.upgrade.back&limit=9' '.items | length')" 4
check "engine status says so" grep -q "refused" <("$PITHEAD" engine status)

# -- and one that works --
before=$(counted)
upgrade "$variants/newer/pithead"
is "the upgrade" "$?" 0
is "the new program, its schema, the same process" "$(version) $(schema) $(get /v1/engine .upgrade)" \
	"9.0.0 $((ours_schema + 1)) null"
program=$variants/newer/pithead
check "the judge goes on from $before" wait_for 5 has_counted "$((before + 5))"
check "the rollout moves on by itself" wait_for 20 field_is /v1/endpoints/m .share_in_force_bp 4000
is "it is still the same rollout" "$(get /v1/endpoints/m .rollout) $(get "/v1/rollouts/$rollout" .state)" "$rollout stepping"
is "an event tells it" "$(get '/v1/audit?verb=engine.upgrade.done&limit=9' '.items | length')" 1
verified || not_ok "audit verify: $(cat "$dir/verify.out")"
touch "$dir/watched"
wait "$watcher"
is "looks without a lease, of $(wc -l <"$dir/leases")" "$(awk '$1 <= 0' "$dir/leases" | wc -l)" 0
at_most "longest time without an answer of the candidate, ms" "$(awk '$5 == "v2" {
	if (last && $2 - last > most) most = $2 - last; last = $2 } END { print most / 1000 }' \
	<(sort -n -k2,2 "$dir/upgrade.tsv"))" 1000

# -- an API that is one apart, and one that is far --
"$PITHEAD" alert list >"$dir/near.out" 2>&1
is "a client one version older reads" "$?" 0
"$PITHEAD" rollout pause "$rollout" --reason near >"$dir/near.out" 2>&1
is "and acts: $(cat "$dir/near.out")" "$?" 0
"$PITHEAD" rollout pause 999 --reason near >"$dir/near.out" 2>&1
check "what it is refused has the versions beside it" grep -q "the engine (API 1.2) is newer than this program (API 1.1)" "$dir/near.out"
"$variants/far/pithead" rollout list >"$dir/far.out" 2>&1
is "a client far away reads" "$?" 0
"$variants/far/pithead" rollout resume "$rollout" --reason far >"$dir/far.out" 2>&1
is "and does not act" "$?" 1
check "with a sentence" grep -q "too far apart" "$dir/far.out"

# -- the way back --
"$program" engine stop >/dev/null
ended() { [ -z "$(engine_pid worker)$(engine_pid keeper)" ]; }
wait_for 5 ended || not_ok "the engine and its keeper end"
"$PITHEAD" status >"$dir/old.out" 2>&1
is "an older program does not start on a newer schema" "$?" 5
check "and names the way back" grep -q "restore --replace" "$PITHEAD_HOME/log/engine.out"
backup=$(ls -t "$PITHEAD_HOME"/backups/pithead-"$ours_version"_*.tar | head -n 1)
cp "$backup" "$dir/back.tar"
check "the backup is restored" "$PITHEAD" restore --replace "$dir/back.tar" >"$dir/restore.out" 2>&1
start_engine || not_ok "the older program starts: $(cat "$dir/start.err")"
is "with its schema, on hold" "$(version) $(schema) $(get /v1/engine .hold)" "$ours_version $ours_schema true"
"$PITHEAD" engine hold stored >/dev/null

# -- kill -9 while it is under way: one of the two goes on, when the next client comes at the latest --
whole() { # the program that runs and the schema that is there belong together
	local at
	"$PITHEAD" whoami >"$dir/who.out" 2>&1 </dev/null # a client like any other
	at="$(version) $(schema) $(get /v1/engine '.upgrade.phase // "none"')"
	[[ "$at" = "$ours_version $ours_schema "@(none|refused) || "$at" = "9.0.0 $((ours_schema + 1)) none" ]]
}
programs=(endless newer endless)
for ((i = 0; i < moments; i++)); do
	p=$variants/${programs[$((i % 3))]}/pithead
	version_is "$ours_version" || break
	background client "$PITHEAD" engine upgrade --to="$p"
	client=$pid
	pause_ms $((RANDOM % 1000 / (1 + 4 * (i % 3 == 1))))
	case $((i % 3)) in
	0) kill -9 $(engine_pid keeper) ;;
	1) kill -9 $(engine_pid worker) ;;
	2) kill -9 $(engine_pid keeper) $(engine_pid worker) ;;
	esac 2>"$dir/kill.err"
	settled() { whole && gone "$client"; } # before that more may be on its way
	check "killed at moment $i: an engine runs, whole" wait_for 25 settled
	program=$PITHEAD
	version_is "$ours_version" || program=$variants/newer/pithead
	verified || not_ok "moment $i: audit verify: $(cat "$dir/verify.out")"
done
unload
is "failed requests of $(jq .sent "$dir/upgrade.out")" "$(jq .failed "$dir/upgrade.out")" 0
