#!/bin/bash
# hitless.sh: at 500 requests/s, through promotions and rollbacks, new endpoints and restarts of
# the engine, no request fails and none is on a wrong version once an act is confirmed. LONG=1: 20
# cycles, 5 endpoints, 3 restarts.
. "$(dirname "$0")/lib.sh"
cycles=$(short_or 6 20)
endpoints=$(short_or 2 5)
restarts=$(short_or 2 3)
one_endpoint
rollback() { api POST /v1/endpoints/m/rollback '{"to":"v1","reason":"test"}'; }
worker() { get /v1/engine .pid; }

# act WANTED COMMAND...: until the next act all requests must be on WANTED ("-": on any)
act() {
	local wanted=$1 t0 t1
	shift
	t0=$(now_us)
	"$@" >"$dir/act.out" || not_ok "$*: $(cat "$dir/act.out")"
	t1=$(now_us)
	echo "$wanted $t0 $t1" >>"$dir/acts"
}
more_endpoints() { # the spec with one more endpoint
	free_port
	endpoint_spec "n$1" "$port" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" >>"$dir/pithead.yaml"
	apply "$dir/pithead.yaml" && api POST "/v1/endpoints/n$1/serve" '{"to":"v1","reason":"new"}'
}
new_answers() { curl -s -m 3 "http://127.0.0.1:$port/predict" -d '{}' | grep -q v1; }
restart() {
	local old
	old=$(worker)
	if [ $(($1 % 2)) = 0 ]; then
		kill -9 "$old"
	else
		"$PITHEAD" engine stop >/dev/null </dev/null || not_ok "engine stop"
		start_engine || not_ok "engine starts again: $(cat "$dir/start.err")"
	fi
	wait_for 10 engine_up && [ "$(worker)" != "$old" ]
}

load hitless --rate 500 --keys 2000 --fresh 30
made=0 restarted=0
for ((i = 0; i < cycles; i++)); do
	t0=$(now_us)
	start_rollout v2 5000 || not_ok "rollout $i begins: $(get /v1/endpoints/m .state_word)"
	echo "- $t0 $(now_us)" >>"$dir/acts"
	if [ $((i * endpoints / cycles)) -ge $made ] && [ $made -lt "$endpoints" ]; then
		made=$((made + 1))
		act - more_endpoints $made
		wait_for 10 new_answers || not_ok "endpoint n$made answers"
	fi
	if [ $((i * restarts / cycles)) -ge $restarted ] && [ $restarted -lt "$restarts" ]; then
		act - restart $restarted
		restarted=$((restarted + 1))
		wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 5000 ||
			not_ok "after restart $restarted: $(get /v1/endpoints/m .state_word)"
	fi
	act v2 verb promote
	pause_ms 250
	act v1 rollback
	pause_ms 250
done
unload
summary=$(cat "$dir/hitless.out")
echo "# $summary"
wrong=$(awk 'NR == FNR { want[NR] = $1; t0[NR] = $2; t1[NR] = $3; n = NR; next }
	{ for (i = n; i > 0 && t0[i] > $2; i--) ;
	  if (i && want[i] != "-" && $2 > t1[i] && $5 != want[i]) print }' \
	"$dir/acts" "$dir/hitless.tsv" | tee "$dir/wrong" | wc -l)
is "endpoints applied" "$made" "$endpoints"
is "engine restarts" "$restarted" "$restarts"
is "failed requests" "$(echo "$summary" | jq .failed)" 0
[ -z "$(awk '$4 != 200' "$dir/hitless.tsv")" ] || awk '$4 != 200' "$dir/hitless.tsv" | head -5
is "requests on a wrong version after a confirmation" "$wrong" 0
head -3 "$dir/wrong"
rate=$(awk 'NR == 1 { a = $2 } { b = $2 } END { print NR / (b - a) * 1e6 }' "$dir/hitless.tsv")
at_most "500 requests/s were sent ($rate)" "$(awk "BEGIN { print 500 - $rate }")" 25
