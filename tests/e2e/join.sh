#!/bin/bash
# join.sh: the engine's log, a metric, an audit event and an answer's headers all carry version,
# environment and rollout, so that one jq joins them.
# run: beside
. "$(dirname "$0")/lib.sh"
one_endpoint
start_rollout v2 10000 || not_ok "the rollout begins"
curl -s -m 5 -D "$dir/head" -o /dev/null "http://127.0.0.1:$front/predict" -d '{"origin":"ORD"}'
tr -d '\r' <"$dir/head" | sed -n 's/^\(x-[a-z-]*\): \(.*\)$/\1 \2/Ip' |
	jq -Rn '[inputs | split(" ") | {(.[0] | ascii_downcase): .[1]}] | add |
		{version: ."x-pithead-version", environment: ."x-pithead-environment",
		 rollout: ."x-pithead-rollout", id: ."x-request-id"}' >"$dir/answer.json"
metric() { curl -s --unix-socket "$sock" http://e/metrics >"$dir/metrics"
	grep -q 'version="v2".*rollout="'"$rollout"'"\|rollout="'"$rollout"'".*version="v2"' "$dir/metrics"; }
check "a metric of the candidate is there" wait_for 5 metric
# Labels of one series each, as JSON.
grep -E '^pithead_[a-z_]*\{.*version="v2"' "$dir/metrics" | grep "rollout=\"$rollout\"" | head -1 |
	jq -R 'capture("^(?<name>[a-z_]+)\\{(?<l>[^}]*)\\}") |
		{name} + ([.l | scan("([a-z_]+)=\"([^\"]*)\"") | {(.[0]): .[1]}] | add)' >"$dir/metric.json"
get "/v1/audit?rollout=$rollout&ascending=1" '.items[0]' >"$dir/event.json"
jq -c "select(.rollout == \"$rollout\")" "$PITHEAD_HOME/log/engine.log" | head -1 >"$dir/log.json"

joined=$(jq -n --slurpfile a "$dir/answer.json" --slurpfile m "$dir/metric.json" \
	--slurpfile e "$dir/event.json" --slurpfile l "$dir/log.json" '
	[$a[0], $m[0], $e[0], $l[0]] | map({version, environment, rollout: (.rollout | tostring)}) |
	unique')
is "one join of answer, metric, event and log" "$(echo "$joined" | jq length)" 1
is "it is the candidate's" "$(echo "$joined" | jq -c '.[0]')" \
	"{\"version\":\"v2\",\"environment\":\"production\",\"rollout\":\"$rollout\"}"
is "event and log name the same sequence" "$(jq -r .seq "$dir/log.json")" \
	"$(jq -r .seq "$dir/event.json")"
is "event and log name the same request" "$(jq -r .request_id "$dir/log.json")" \
	"$(jq -r .request_id "$dir/event.json")"
