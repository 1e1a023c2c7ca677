#!/bin/bash
# bluegreen.sh: one cut after a smoke test with recorded requests, a control stays on stable to be
# compared with: promoted when it is proven, taken back at once when it fails, the engine killed in
# the middle of both.
# run: limit 150, run: beside
. "$(dirname "$0")/lib.sh"
free_port; up4=$port
free_port; up5=$port
background others "$TOOLS/upstream" "$up4=v4=500@SFO" "$up5=v5=200%none"
LEASE=6000
one_endpoint
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v4=127.0.0.1:$up4" \
		"v5=127.0.0.1:$up5" | sed '/pattern: canary/,$d'
	printf '      pattern: bluegreen\n      steps: [1%% 1s, 5%% 3s]\n'
	printf '      signals:\n        error_rate: critical worse-by 10pp harm-at 1pp\n'
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
load traffic --rate 200

answers_of() { awk -v v="$1" '$5 == v' "$dir/traffic.tsv" | wc -l; }

# -- promoted --
send v2
check "all but the control is cut over" wait_for 15 field_is /v1/endpoints/m .share_in_force_bp 9500
check "after a smoke test: $(get "/v1/audit?verb=rollout.begin&limit=1" .items[0].reason)" \
	grep -q "smoke test: [0-9]* recorded requests are answered" \
	<<<"$(get "/v1/audit?verb=rollout.begin&limit=1" .items[0].reason)"
kill_engine
check "v2 is promoted" wait_for 60 state_is promoted
is "the old one is kept hot" "$(get /v1/endpoints/m .previous)" v1
is "the cut was one step, as long as the longest" \
	"$(get "/v1/rollouts/$rollout" '.steps | map("\(.share_bp) \(.least_ms)") | join(", ")')" "9500 3000"

# -- taken back: the smoke test saw ORD, and SFO fails --
unload
load mixed --rate 200 --origins ORD
send v4
check "its smoke test passes, and it is cut over" wait_for 20 field_is /v1/endpoints/m .share_in_force_bp 9500
kill_engine
unload
load worse --rate 100 --origins ORD,ORD,SFO
check "it is taken back" wait_for 30 state_is aborted
check "with the reason: $(get "/v1/rollouts/$rollout" .end_reason)" \
	reason_has 'error_rate .*harm proven above|answers of v4 failed'
is "v2 serves" "$(get /v1/endpoints/m .stable)" v2
check "SFO is answered by v2" wait_for 3 answered_by v2
unload

# -- what the smoke test finds --
load last --rate 100
send v5
check "a broken contract ends it" wait_for 20 state_is aborted
check "it says what is missing" reason_has 'no score at `probability`'
unload
is "answers that users got of it" "$(awk '$5 == "v5"' "$dir"/*.tsv | wc -l)" 0
