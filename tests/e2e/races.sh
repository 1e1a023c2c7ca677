#!/bin/bash
# races.sh: many clients at once in an empty home start exactly one engine and all get an answer;
# whichever of worker and keeper is killed comes back. LONG=1: 50 rounds.
# run: beside
. "$(dirname "$0")/lib.sh"
rounds=$(short_or 15 50)
clients=8
base=$PITHEAD_HOME

engines() { engine_pid worker; }
alone() { [ "$(engines | wc -l)" = 1 ] && [ "$(engine_pid keeper | wc -l)" = 1 ]; }

bad=0 unanswered=0
for ((i = 0; i < rounds; i++)); do
	export PITHEAD_HOME=$base$i
	sock=$PITHEAD_HOME/engine.sock
	pids=()
	for ((c = 0; c < clients; c++)); do
		"$PITHEAD" whoami --json >"$dir/client$c" 2>"$dir/client$c.err" </dev/null &
		pids+=($!)
	done
	for ((c = 0; c < clients; c++)); do
		wait "${pids[$c]}" && jq -e .role "$dir/client$c" >/dev/null && continue
		unanswered=$((unanswered + 1))
		head -2 "$dir/client$c.err"
	done
	alone || { bad=$((bad + 1)); echo "# round $i: workers $(engines | xargs)," \
		"keepers $(engine_pid keeper | xargs)"; }
	# Each start is an event: a second engine that came and went would be seen here.
	[ "$(get "/v1/audit?verb=engine.start" '.items | length')" = 1 ] || bad=$((bad + 1))
	[ $i = $((rounds - 1)) ] || { "$PITHEAD" engine stop --all >/dev/null 2>&1 </dev/null
		wait_for 5 none_left || not_ok "round $i ends: $(ours | xargs ps -o args= -p)"; }
done
is "rounds of $rounds without exactly one engine" "$bad" 0
is "clients of $((rounds * clients)) without an answer" "$unanswered" 0

another() { # another KIND OLD: there is one, and it is not OLD
	local p
	p=$(engine_pid "$1")
	[ -n "$p" ] && [ "$p" != "$2" ]
}
old=$(engine_pid worker)
kill -9 "$old"
check "the keeper restarts a killed worker" wait_for 10 another worker "$old"
wait_for 5 engine_up || not_ok "the new worker answers"
old=$(engine_pid keeper)
kill -9 "$old"
check "the worker restarts a killed keeper" wait_for 10 another keeper "$old"
check "there is one of each" wait_for 5 alone
old=$(engine_pid worker)
kill -9 $(engine_pid keeper) "$old"
wait_for 5 gone "$old"
check "with both killed the next client starts them" start_engine
check "there is one of each again" wait_for 5 alone
"$PITHEAD" engine stop >/dev/null </dev/null
check "after a stop nobody restarts it" wait_for 5 none_left
