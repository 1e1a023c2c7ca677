#!/bin/bash
# guard.sh: a candidate that fails, or that cannot be reached, is taken back by itself within
# seconds, even at a few requests per second.
. "$(dirname "$0")/lib.sh"
one_endpoint
alert() { get '/v1/alerts?open=1' "[.items[] | select(.rollout == $rollout and .kind == \"guard\")] | length"; }
alert_is_open() { [ "$(alert)" = 1 ]; }

# -- always 500 --
started=$(now_us)
start_rollout v3 10000 || not_ok "the rollout of v3 begins"
began=$(now_us)
load bad --rate 5
check "a candidate that always fails is aborted" wait_for 10 state_is aborted
bad() { awk '$5 == "v3" && $4 >= 500' "$dir/bad.tsv" | wc -l; }
# From its first answer to the gateway's word that the share is 0, as the event has it.
first=$(awk '$5 == "v3" { print $2; exit }' "$dir/bad.tsv")
ended=$(get "/v1/rollouts/$rollout" .ended_us)
at_most "share 0 after the first bad answer, s" \
	"$(awk "BEGIN { print ($ended - $first) / 1e6 }")" 3
pause_ms 600
unload
at_most "bad answers" "$(bad)" 20
is "bad answers after the abort" \
	"$(awk -v t="$ended" '$2 > t && $5 == "v3"' "$dir/bad.tsv" | wc -l)" 0
check "an alert is open" wait_for 3 alert_is_open
is "the reason names the guard's figures" "$(get "/v1/audit?rollout=$rollout&verb=rollout.guard" \
	'.items[0].reason' | grep -c 'answers of v3 failed')" 1
is "share in force" "$(get /v1/endpoints/m .share_in_force_bp)" 0

# -- nobody there --
free_port
dead=$port
background other "$TOOLS/upstream" "$dead=v4"
other=$pid
sed -i "s/upstream: 127.0.0.1:$up2/upstream: 127.0.0.1:$dead/" "$dir/pithead.yaml"
apply "$dir/pithead.yaml" || not_ok "another upstream is applied"
start_rollout v2 5000 || not_ok "the rollout of v2 begins: $(get /v1/endpoints/m .state_word)"
load down --rate 20 --keys 100
wait_for 5 grep -q v2 "$dir/down.tsv"
kill "$other"
died=$(now_us)
check "a candidate that is down is aborted" wait_for 10 state_is aborted
ended=$(get "/v1/rollouts/$rollout" .ended_us)
at_most "share 0 after it died, s" "$(awk "BEGIN { print ($ended - $died) / 1e6 }")" 3
unload
at_most "failed requests" "$(jq .failed "$dir/down.out")" 20
check "an alert is open" wait_for 3 alert_is_open
check "stable serves" answered_by v1
