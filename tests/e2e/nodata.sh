#!/bin/bash
# nodata.sh: what is not known never passes and never aborts: a candidate whose answers cannot be
# read is invalid and held; traffic that stops is missing, with since when; and a stopped line does
# not silence the guard.
# run: limit 150, run: beside, run: long
. "$(dirname "$0")/lib.sh"
free_port; up4=$port
background streams "$TOOLS/upstream" "$up4=v4=200%stream"
one_endpoint
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v3=127.0.0.1:$up3" \
		"v4=127.0.0.1:$up4" | sed '/steps:/,$d'
	printf '      steps: [50%% 30s]\n      hold: 90s\n'
	printf '      signals:\n        error_rate: critical worse-by 10pp harm-at 1pp\n'
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
load traffic --rate 200
verdict_is() { field_is "/v1/rollouts/$rollout" .card.verdict "$1"; }
alerts() { get '/v1/alerts?open=1' "[.items[] | select(.rollout == $rollout and .kind == \"$1\")] | length"; }
has_alert() { [ "$(alerts "$1")" = 1 ]; }

# -- streamed, so that no score is read, while stable's are --
send v4
check "answers that cannot be read are invalid" wait_for 30 verdict_is invalid
check "the rollout is held, not passed and not aborted" wait_for 5 state_is paused
check "why: $(get "/v1/rollouts/$rollout" .card.why)" \
	grep -qi "score" <<<"$(get "/v1/rollouts/$rollout" .card.why)"
check "an alert is open" wait_for 5 has_alert invalid
is "failed answers to users" "$(awk '$4 >= 500' "$dir/traffic.tsv" | wc -l)" 0
verb abort >/dev/null
check "a person ends it" wait_for 10 state_is aborted

# -- no traffic at all --
send v2
wait_for 10 field_is /v1/endpoints/m .share_in_force_bp 5000 || not_ok "v2 has its share"
unload
check "without traffic it becomes missing" wait_for 100 verdict_is missing
check "it stands where it was" state_is stepping
missing=$(get "/v1/rollouts/$rollout" '.card.signals[0].missing_since_us')
check "since when is told: $missing" test "$missing" -gt 1000000000000000
check "an alert is open" wait_for 5 has_alert missing
verb abort >/dev/null
wait_for 10 state_is aborted || not_ok "a person ends it"

# -- a stopped line holds moves, and not the guard --
load again --rate 50
send v3
api POST /v1/freeze '{"all":true,"reason":"test"}' >/dev/null
check "the guard takes a failing one back on a stopped line" wait_for 15 state_is aborted
is "the line is still stopped" "$(get /v1/holds '.items | length')" 1
unload
