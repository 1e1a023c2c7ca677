#!/bin/bash
# shadow.sh: a candidate answers copies of stable's requests before it gets any: promoted over its
# steps when the pairs prove it, ended when its answers are far from stable's or fail, and the engine
# killed in the middle of each. No user ever gets an answer of a shadow.
# run: limit 180, run: beside
. "$(dirname "$0")/lib.sh"
free_port; up4=$port
free_port; up5=$port
background others "$TOOLS/upstream" "$up4=v4=200%0.9" "$up5=v5=200%none"
one_endpoint
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v3=127.0.0.1:$up3" \
		"v4=127.0.0.1:$up4" "v5=127.0.0.1:$up5" | sed '/pattern: canary/,$d'
	printf '      pattern: shadow\n      shadow-for: %s\n      steps: [50%% 1s]\n' "${SHADOW_FOR:-8s}"
	printf '      signals:\n        error_rate: critical worse-by 10pp harm-at 1pp\n'
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
load traffic --rate 200

pairs() { get "/v1/rollouts/$rollout" '.card.counted[1] // 0'; }
has_pairs() { [ "$(pairs)" -ge "$1" ]; }
undo() { api POST "/v1/changes/$1/undo" '{"reason":"test"}' >"$dir/undo.out"; }
answers_of() { awk -v v="$1" '$5 == v' "$dir/traffic.tsv" | wc -l; }

plan=$(api POST "/v1/endpoints/m/rollouts?dry_run=1" '{"to":"v2","reason":"test"}')
check "the plan says that copies come first" grep -q "copy 100 % of v1's requests to v2" <<<"$plan"

# -- promoted --
send v2
check "its smoke test passes, and it is shadowing" wait_for 15 state_is shadowing
wait_for 10 has_pairs 200 || not_ok "pairs are gathered: $(get "/v1/rollouts/$rollout" .card)"
is "answers that users got of it" "$(answers_of v2)" 0
is "the card is of pairs" "$(get "/v1/rollouts/$rollout" .card.kind)" shadow
before=$(pairs)
kill_engine
check "after a kill it goes on shadowing" state_is shadowing
wait_for 10 has_pairs 1 || not_ok "pairs are gathered after it"
check "and what was counted before it counts" has_pairs "$before"
check "then it steps" wait_for 30 state_is stepping
step=$(get "/v1/changes?limit=1" '.items[0].seq')
check "its first step is undone" undo "$step"
is "then it waits for a person, without traffic" \
	"$(get "/v1/rollouts/$rollout" '"\(.state) \(.share_bp)"') $(get /v1/endpoints/m .share_in_force_bp)" "paused 0 0"
step=$(get "/v1/changes?limit=1" '.items[0].seq')
check "the undo of the undo" undo "$step"
check "is the step again" wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 5000
is "it is called a shadow no more" \
	"$(get /v1/endpoints/m .state_word | cut -d ' ' -f 1-4)" "rollout #$rollout has v2"
is "the proof of the pairs is kept" \
	"$(get "/v1/rollouts/$rollout/cards" '.cards[0] | .kind + " " + .verdict')" "shadow ok"
check "and is promoted" wait_for 60 state_is promoted
check "its steps replay to the same bits" "$PITHEAD" rollout replay "$rollout"
is "a first share is refused: it has none" "$(api POST /v1/endpoints/m/rollouts \
	'{"to":"v4","reason":"test","share_bp":500}' | jq -r .error.field)" share_bp

# -- far from stable --
send v4
wait_for 15 state_is shadowing || not_ok "v4 is shadowing: $(get "/v1/rollouts/$rollout" .state)"
kill_engine
check "answers far from stable's end it" wait_for 30 state_is aborted
check "with how far: $(get "/v1/rollouts/$rollout" .end_reason)" reason_has "0.650 apart.*above 0.2"
is "answers that users got of it" "$(answers_of v4)" 0
is "the worst pair is an example" "$(get "/v1/rollouts/$rollout/cards" \
	'.cards[0].examples[0] | [.stable, .candidate] | join(" ")')" "0.25 0.9"

# -- what cannot serve at all --
send v5
check "a broken contract ends it before anything is copied" wait_for 20 state_is aborted
check "it says what is missing: $(get "/v1/rollouts/$rollout" .end_reason)" \
	reason_has 'no score at `probability`'
send v3
check "one that fails ends at the smoke test" wait_for 20 state_is aborted
check "it says so" reason_has "status 500 instead of 200"
is "answers that users got of them" "$(($(answers_of v3) + $(answers_of v5)))" 0
unload
is "failed requests" "$(jq .failed "$dir/traffic.out")" 0
