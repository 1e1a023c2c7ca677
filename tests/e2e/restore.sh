#!/bin/bash
# restore.sh: a backup is taken and restored under traffic, and moves nothing before a person has
# chosen; and a log that somebody has put a hand to is caught, by its own code.
# run: beside
. "$(dirname "$0")/lib.sh"
settings checkpoint_ms 400
one_endpoint
quiet() { # sets $rc
	"$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	return $rc
}
no_worker() { [ -z "$(engine_pid worker)" ]; }
stop_engine() { quiet engine stop --reason "test" && wait_for 5 no_worker; }
in_force() { "$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/route.map" | sed 's/^0x[0-9a-f]* //'; }
verify() { # sets $found
	quiet audit verify
	found=$rc
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
is "a backup under traffic: $(cat "$dir/err")" $rc 0
tar -tf "$dir/old.tar" | grep -q '^store/state.db$' && ok "it holds the store" ||
	not_ok "it holds: $(tar -tf "$dir/old.tar" | head -n 5 | xargs)"

tar -C "$dir" -xf "$dir/old.tar" store && mv "$dir/store" "$dir/old.store"
old=$(sqlite3 "$dir/old.store/state.db" "SELECT max(seq) FROM audit")

# -- three changes later --
verb advance 5000 >/dev/null || not_ok "change 1"
verb promote >/dev/null || not_ok "change 2"
wait_for 5 field_is /v1/endpoints/m .stable v2 || not_ok "v2 is stable"
start_rollout v1 100 || not_ok "change 3"
verb abort >/dev/null || not_ok "change 4"
wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 0
new=$(get /v1/engine .head)
quiet restore "$dir/old.tar"
is "no restore beside an engine" $rc 4
quiet backup "$dir/new.tar"

# restore_old: stops, restores, starts; nothing may move
restore_old() {
	stop_engine || not_ok "the engine stops"
	quiet restore "$dir/old.tar"
	is "no restore over a store" $rc 4
	map=$(in_force)
	since=$(now_us)
	quiet restore --replace "$dir/old.tar"
	is "restore --replace: $(cat "$dir/err")" $rc 0
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
is "engine hold observed: $(cat "$dir/err")" $rc 0
is "what ran is recorded" "$(get /v1/endpoints/m '"\(.stable) \(.candidate) \(.rollout)"')" "v2  0"
pause_ms 600
is "and goes on" "$(answers "$since")" v2
quiet engine hold stored
is "a hold ends once" $rc 4

# -- what is stored is brought back --
stop_engine
quiet restore --replace "$dir/new.tar"
is "the newer backup comes back" $rc 0
start_engine
quiet engine hold stored --reason "the newer one"
is "engine hold stored" $rc 0
wait_for 5 field_is /v1/endpoints/m .stable v2
restore_old
quiet engine hold stored --reason "as the backup says"
is "engine hold stored: $(cat "$dir/err")" $rc 0
wait_for 5 answered_by v1 && ok "traffic goes where the backup says" || not_ok "v1 does not answer"
get "/v1/audit?limit=1000" '.items[] | select(.verb == "engine.hold") | .after' >"$dir/holds"
grep -q stored "$dir/holds" && ok "the choice is an event" || not_ok "events: $(cat "$dir/holds")"
unload traffic
is "no request failed" "$(jq -r .failed "$dir/traffic.out")" 0

# -- hands on the files: each is caught by its own code --
signed_all() { [ "$("$PITHEAD" audit verify --json </dev/null | jq .exposed)" = 0 ]; }
wait_for 8 signed_all || not_ok "all events are signed in time"
stop_engine || not_ok "the engine stops"
sqlite3 "$PITHEAD_HOME/store/state.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
cp -r "$PITHEAD_HOME/store" "$dir/earlier"
start_engine || not_ok "the engine starts"
rollout=$(get /v1/endpoints/m .rollout)
verb abort >/dev/null || not_ok "a later change"
start_rollout v3 100 || not_ok "another"
verb abort >/dev/null
wait_for 8 signed_all || not_ok "all events are signed in time, again"
stop_engine
sqlite3 "$PITHEAD_HOME/store/state.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
last=$(sqlite3 "$PITHEAD_HOME/store/state.db" 'SELECT max(seq) FROM audit')

# hand WHAT CODE COMMAND...: does it in a copy of the home, $copy, and verifies that
hand() {
	local what=$1 wanted=$2
	shift 2
	rm -rf "$dir/copy"
	cp -r "$PITHEAD_HOME" "$dir/copy"
	copy=$dir/copy
	"$@" >"$dir/hand.out" 2>&1 || not_ok "$what: $(cat "$dir/hand.out")"
	PITHEAD_HOME=$copy "$PITHEAD" audit verify >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	is "$what: $(head -n 1 "$dir/out")" $rc "$wanted"
}
sql() { sqlite3 "$copy/store/state.db" "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; $1"; }
flip() { # one bit wherever TEXT stands in FILE: pages keep what was moved away
	local at byte found=
	for at in $(grep -abo -- "$2" "$1" | cut -d: -f1); do
		byte=$(dd if="$1" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1)
		printf "\\x$(printf %x $((byte ^ 1)))" |
			dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
		found=1
	done
	[ "$found" ] || echo "no $2 in $1"
	[ "$found" ]
}
old_copy() { rm -rf "$copy/store" && cp -r "$dir/earlier" "$copy/store"; }
lives_on() { # an old copy, on which an engine has written another history
	old_copy || return
	PITHEAD_HOME=$copy "$PITHEAD" whoami </dev/null || return
	for _ in 1 2 3; do
		PITHEAD_HOME=$copy "$PITHEAD" engine stop </dev/null || return
		wait_for 5 no_worker
		PITHEAD_HOME=$copy "$PITHEAD" whoami </dev/null
	done
	PITHEAD_HOME=$copy "$PITHEAD" engine stop </dev/null
	wait_for 5 no_worker
}
hand "nothing" 0 true
hand "one bit of the file" 10 flip "$dir/copy/store/state.db" "as the backup says"
hand "a row altered" 10 sql "UPDATE audit SET actor = 'nobody' WHERE seq = $((last - 3));"
hand "a row deleted" 11 sql "DELETE FROM audit WHERE seq = $((last - 3));"
hand "two rows swapped" 11 sql "UPDATE audit SET seq = 0 WHERE seq = 3; UPDATE audit SET seq = 3
	WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 0;"
hand "the end cut off" 12 sql "DELETE FROM audit WHERE seq > $((last - 2));"
hand "an old copy of the store" 12 old_copy
hand "another history on an old copy" 13 lives_on
hand "a signature changed" 14 flip "$dir/copy/log/checkpoints" "— "
