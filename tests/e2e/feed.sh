#!/bin/bash
# feed.sh: beside what runs already, without a Prometheus: the team's own servers post what they answered,
# each arm by itself and in batches. Of a candidate that fails 3 % more harm is named with the numbers that
# were posted; when posts stop it says missing, and since when; a good one is no harm.
# run: limit 90, run: beside
. "$(dirname "$0")/lib.sh"
cat >"$dir/pithead.yaml" <<'YAML'
project: shop
owner: tests
endpoints:
  checkout:
    environment: production
    mode: observe
    tier: low
    metrics: {from: predictions, stable: v1, candidate: v2, every: 1s, stale: 4s}
    rollout:
      signals:
        error_rate: critical worse-by 2pp harm-at 0.5pp
        latency_p99: critical worse-by 200%
YAML
settings tick_ms 200
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }

# batch VERSION COUNT FAILED: answered now; most take 20 ms, one in a hundred more than two seconds
batch() {
	jq -nc --arg v "$1" --argjson n "$2" --argjson f "$3" '{predictions: [range($n) | {endpoint: "checkout",
		version: $v, status: (if . < $f then 503 else 200 end), ms: (20 / (1.001 - . / $n))}]}' >"$dir/$1.$3"
}
batch v1 600 12
batch v2 240 5
batch v2 240 12
# feed FAILED: both arms until killed; 2 % of stable's fail, FAILED of 240 of the candidate's
feed() {
	while :; do
		ask POST /v1/predictions "@$dir/v1.12"
		ask POST /v1/predictions "@$dir/v2.$1"
		pause_ms 200
	done
}
begin_feed() { feed "$1" >/dev/null 2>&1 & pid=$!; }
endpoint() { get /v1/endpoints/checkout "$1"; }
state() { field_is /v1/endpoints/checkout .state "$1"; }
word_has() { endpoint .state_word | grep -Eq -- "$1"; }
verdict_is() { field_is "/v1/rollouts/$rollout" .card.verdict "$1"; }
has_rollout() { rollout=$(endpoint .rollout); [ "$rollout" -gt "${1:-0}" ]; }
counted() { get "/v1/rollouts/$rollout" ".card.counted[$1]"; }

check "nothing posted is missing, not ok" wait_for 20 state missing
check "and it says what is expected" wait_for 10 word_has 'nothing is posted to /v1/predictions'
ask POST /v1/predictions '{"predictions":[{"endpoint":"nobody","version":"v1","status":200}]}'
is "an endpoint that is not there" "$code" 404
ask POST /v1/predictions '{"predictions":[{"endpoint":"checkout","version":"v9","status":200},
	{"endpoint":"checkout","version":"v1","status":200,"time":1000}]}'
is "another version is unknown, an old time late" "$(body '[.stored,.unknown,.late] | join(" ")')" "0 1 1"
ask POST /v1/predictions '{"predictions":[{"endpoint":"checkout","version":"v1","status":"200"}]}'
is "a status that is none" "$code $(body .error.field)" "400 predictions"

# -- a good one: the same failures --
begin_feed 5
check "posts of a candidate begin a rollout" wait_for 20 has_rollout
check "as good as stable is no harm" wait_for 40 verdict_is ok
kill_engine
check "and after a kill the same rollout goes on" wait_for 20 field_is /v1/endpoints/checkout .rollout "$rollout"
kill "$pid"; wait "$pid" 2>/dev/null
check "posts that stop are missing" wait_for 20 state missing
check "and since when" word_has 'since [0-9]{2}:[0-9]{2}:[0-9]{2} UTC'

# -- 3 % more --
begin_feed 12
check "when they come again it watches on, and names harm" wait_for 40 state harm
check "with signal, values and limit" word_has \
	'error_rate [2-4]\.[0-9]+ % against [12]\.[0-9]+ %: \+[0-9]\.[0-9]+ pp, harm proven above \+0\.5'
is "its alert" "$(get '/v1/alerts?open=1' '[.items[] | select(.kind == "harm").level] | first')" rollback
kill "$pid"; wait "$pid" 2>/dev/null
# Whole batches; each of the three kills may have parted the two of one round.
check "each batch was counted once and whole" awk "BEGIN { a = $(counted 0) / 600; b = $(counted 1) / 240
	exit !(a == int(a) && b == int(b) && b >= 10 && a - b <= 3 && b - a <= 3) }"
check "replayed to the same bits" "$PITHEAD" rollout replay "$rollout"
is "nothing is configured here" "$(ls "$PITHEAD_HOME/run/gw" | grep -c -e cfg -e map)" 0
