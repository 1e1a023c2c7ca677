#!/bin/bash
# restore.sh: a backup is taken and restored under traffic, and moves nothing before a person has
# chosen; and a log that somebody has put a hand to is caught, by its own code.
. "$(dirname "$0")/lib.sh"
one_endpoint
quiet() { "$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null; }
stop_engine() { quiet engine stop --reason "test" && wait_for 5 test ! -S "$sock"; }
in_force() { "$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/route.map" | sed 's/^0x[0-9a-f]* //'; }
verify() { # sets $found
	quiet audit verify
	found=$?
}
# answers FROM_US: versions that answered requests sent since then, and how many failed
answers() {
	awk -F'\t' -v from="$1" '$2 > from { n[$4 == 200 ? $5 : "failed"]++ }
		END { for (v in n) print v }' "$dir/traffic.tsv" | sort | xargs
}

# -- a backup under traffic --
start_rollout v2 2500 || not_ok "a rollout begins"
load traffic --rate 200 --keys 1000
quiet backup "$dir/old.tar"
is "a backup under traffic: $(cat "$dir/err")" $? 0
old=$(get /v1/engine .head)
tar -tf "$dir/old.tar" | grep -q '^\(\./\)\?store/state.db$' && ok "it holds the store" ||
	not_ok "it holds: $(tar -tf "$dir/old.tar" | head -n 5 | xargs)"

# -- three changes later --
verb advance 5000 >/dev/null || not_ok "change 1"
verb promote >/dev/null || not_ok "change 2"
wait_for 5 field_is /v1/endpoints/m .stable v2 || not_ok "v2 is stable"
start_rollout v1 100 || not_ok "change 3"
verb abort >/dev/null || not_ok "change 4"
wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 0
new=$(get /v1/engine .head)
quiet restore "$dir/old.tar"
is "no restore beside an engine" $? 4
quiet backup "$dir/new.tar"

# restore_old: stops, restores, starts; nothing may move
restore_old() {
	stop_engine || not_ok "the engine stops"
	quiet restore "$dir/old.tar"
	is "no restore over a store" $? 4
	map=$(in_force)
	since=$(now_us)
	quiet restore --replace "$dir/old.tar"
	is "restore --replace: $(cat "$dir/err")" $? 0
	grep '^lost' "$dir/out"
	start_engine || not_ok "the engine starts"
	is "it is on hold" "$(get /v1/engine .hold)" true
	is "the restored state is the old one" "$(get /v1/endpoints/m .stable)" v1
	pause_ms 2500 # several ticks, and longer than the lease: time for a wrong move
	is "the gateway was not touched" "$(in_force)" "$map"
	is "0 requests moved" "$(answers "$since")" v2
	get "/v1/audit?verb=engine.restore&limit=1" '.items[0].reason' >"$dir/lost"
	grep -q "events $((old + 1)) to [0-9]* are lost" "$dir/lost" &&
		ok "the event names the lost range" || not_ok "the event: $(cat "$dir/lost")"
	verify
	is "the log is whole" $found 0
	ask POST /v1/endpoints/m/rollouts '{"to":"v3","share_bp":100,"reason":"on hold"}'
	case $code in
	20?) pause_ms 400; is "an act on hold moves nothing" "$(in_force)" "$map" ;;
	*) ok "an act on hold is refused: $(body .error.message)" ;;
	esac
}

# -- what runs is kept --
restore_old
since=$(now_us)
quiet engine hold observed --reason "what runs is right"
is "engine hold observed: $(cat "$dir/err")" $? 0
is "what ran is recorded" "$(get /v1/endpoints/m '"\(.stable) \(.candidate) \(.rollout)"')" "v2  0"
pause_ms 600
is "and goes on" "$(answers "$since")" v2
quiet engine hold stored
is "a hold ends once" $? 4

# -- what is stored is brought back --
stop_engine
quiet restore --replace "$dir/new.tar"
is "the newer backup comes back" $? 0
start_engine
quiet engine hold stored --reason "the newer one"
is "engine hold stored" $? 0
wait_for 5 field_is /v1/endpoints/m .stable v2
old=$(tar -xOf "$dir/old.tar" store/state.db >"$dir/old.db" 2>/dev/null ||
	tar -xOf "$dir/old.tar" ./store/state.db >"$dir/old.db"; sqlite3 "$dir/old.db" 'SELECT max(seq) FROM audit')
restore_old
quiet engine hold stored --reason "as the backup says"
is "engine hold stored: $(cat "$dir/err")" $? 0
wait_for 5 answered_by v1 && ok "traffic goes where the backup says" || not_ok "v1 does not answer"
get "/v1/audit?limit=1000" '.items[] | select(.verb == "engine.hold") | .after' >"$dir/holds"
grep -q stored "$dir/holds" && ok "the choice is an event" || not_ok "events: $(cat "$dir/holds")"
unload traffic
is "no request failed" "$(jq -r .failed "$dir/traffic.out")" 0

# -- hands on the files: each is caught by its own code --
store=$PITHEAD_HOME/store/state.db
wait_for 12 signed_all() 2>/dev/null || :
