#!/bin/bash
# segmented.sh: segments go one by one through a real gateway: promoted when each is proven, taken
# back when the one in turn regresses, and both with the engine killed in the middle.
# run: limit 180, run: beside, run: long
. "$(dirname "$0")/lib.sh"
free_port; up4=$port
background fails_ord "$TOOLS/upstream" "$up4=v4=500@ORD"
one_endpoint
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v4=127.0.0.1:$up4" |
		sed '/pattern: canary/,$d'
	printf '      pattern: segmented\n      segments: [SFO, ORD]\n      steps: [20%% 1s, 50%% 1s]\n'
	printf '      signals:\n        error_rate: critical worse-by 10pp harm-at 1pp\n'
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
load traffic --rate 300 --origins SFO,ORD,LAX

stage_is() { field_is "/v1/rollouts/$rollout" .stage "$1"; }
seen() { jq -rs "map(select($1)) | length" <"$dir/answers"; }
# Who served each origin while the stage lasted, from 200 answers.
sample() {
	local i
	for i in $(seq 200); do
		curl -s -m 3 "http://127.0.0.1:$front/predict" -d "{\"origin\":\"$1\"}"
	done >"$dir/answers"
}

# -- a plan says how it goes --
plan=$(api POST "/v1/endpoints/m/rollouts?dry_run=1" '{"to":"v2","reason":"test"}')
check "the plan names the segments in their order" \
	grep -q "segment by segment, each by 20% 1s, 50% 1s: SFO, ORD, then all others" <<<"$plan"
is "an exact share is refused" "$(api POST /v1/endpoints/m/rollouts \
	'{"to":"v2","reason":"test","share_bp":500}' | jq -r .error.field)" share_bp

# -- promoted --
send v2
check "SFO goes first" wait_for 10 stage_is "20 % in segment SFO"
sample ORD
is "answers of v2 for ORD, which is not in turn" "$(seen '.version == "v2"')" 0
kill_engine
check "ORD follows" wait_for 60 stage_is "20 % in segment ORD"
verb pause >/dev/null || not_ok "it is held for as long as it is looked at"
sample SFO
check "SFO stays at the last step: $(seen '.version == "v2"') of 200 on v2" \
	test "$(seen '.version == "v2"')" -gt 50
sample LAX
is "answers of v2 for LAX, which has no turn yet" "$(seen '.version == "v2"')" 0
verb resume >/dev/null || not_ok "and goes on"
check "the others come last" wait_for 60 stage_is "20 % in segment other"
check "v2 is promoted" wait_for 60 state_is promoted
is "v2 serves" "$(get /v1/endpoints/m .stable)" v2
is "a card for each of six steps, and where it was held and went on" "$(get "/v1/rollouts/$rollout/cards" '.cards | length')" 8
check "it replays to the same bits" "$PITHEAD" rollout replay "$rollout"

# -- taken back --
send v4
check "SFO goes first, and is fine" wait_for 60 stage_is "20 % in segment ORD"
kill_engine
check "ORD fails on v4" wait_for 60 state_is aborted
check "the sentence names signal and segment: $(get "/v1/rollouts/$rollout" .end_reason)" \
	grep -Eq 'error_rate in segment ORD|answers of v4 failed' <<<"$(get "/v1/rollouts/$rollout" .end_reason)"
is "stable serves ORD again" "$(version_now)" v2
is "pins left at the gateway" "$("$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/override.map" | grep -c '|')" 0
check "it replays to the same bits" "$PITHEAD" rollout replay "$rollout"
unload
is "failed answers but those of v4" "$(awk '$4 >= 500 && $5 != "v4"' "$dir/traffic.tsv" | wc -l)" 0
