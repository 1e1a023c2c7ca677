#!/bin/bash
# observe.sh: beside what runs already: a HAProxy that somebody else runs splits its traffic over two
# backends, Debian's Prometheus scrapes it, and pithead reads that. Of a candidate that fails 3 % more harm
# is named, and nothing is moved; a good one is ok; with the scrape stopped it says missing, and since when.
# `pithead judge` reads the same Prometheus, and has all its exit codes.
# run: limit 120, run: beside, run: long
. "$(dirname "$0")/lib.sh"
cd "$root" || exit 1
command -v prometheus >/dev/null || { echo "skip prometheus is not there"; exit 0; }
free_port; up1=$port
free_port; up2=$port
free_port; front=$port
free_port; promex=$port
free_port; prom=$port
P=http://127.0.0.1:$prom

# One request in 32 is from ORD, which bad answers with 500; the share of the candidate is a map of ours.
bad() { background upstream "$TOOLS/upstream" "$up1=stable" "$up2=canary=500@ORD"; upstream=$pid; }
good() { background upstream "$TOOLS/upstream" "$up1=stable" "$up2=canary"; upstream=$pid; }
mkdir -p "$dir/theirs/run/gw"
echo "share 0" >"$dir/theirs/share.map"
cat >"$dir/theirs/haproxy.cfg" <<CFG
global
  stats socket $dir/theirs/run/gw/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend shop
  bind 127.0.0.1:$front
  http-request set-var(txn.share) str(share),map_str_int($dir/theirs/share.map,0)
  use_backend be_canary if { rand(100),sub(txn.share) lt 0 }
  default_backend be_stable
backend be_stable
  server s 127.0.0.1:$up1
backend be_canary
  server c 127.0.0.1:$up2
frontend metrics
  bind 127.0.0.1:$promex
  http-request use-service prometheus-exporter
CFG
cat >"$dir/theirs/prometheus.yml" <<CFG
global: {scrape_interval: 1s}
scrape_configs:
- job_name: haproxy
  params: {scope: [backend]}
  static_configs: [{targets: ['127.0.0.1:$promex']}]
CFG
share() { # share PERCENT: as somebody else moves it
	"$TOOLS/admin" "$dir/theirs" "set map $dir/theirs/share.map share $1" >/dev/null
}
their_share() { "$TOOLS/admin" "$dir/theirs" "get map $dir/theirs/share.map share" | grep -o 'value="[^"]*"'; }
run_prometheus() {
	background prometheus prometheus --config.file="$dir/theirs/prometheus.yml" \
		--storage.tsdb.path="$dir/theirs/data" --web.listen-address="127.0.0.1:$prom"
	prometheus=$pid
	wait_for 20 curl -sf -o /dev/null "$P/-/ready" || not_ok "prometheus starts: $(tail -2 "$dir/prometheus.err")"
}
good
background haproxy haproxy -f "$dir/theirs/haproxy.cfg"
haproxy_pid=$pid
wait_for 5 curl -sf -o /dev/null "http://127.0.0.1:$promex/metrics" || not_ok "haproxy starts: $(cat "$dir/haproxy.err")"
run_prometheus
load shop --rate 600 --origins "ORD$(printf ',X%02d' {1..31})"
cat >"$dir/pithead.yaml" <<YAML
project: shop
owner: tests
endpoints:
  checkout:
    environment: production
    mode: observe
    tier: low
    metrics:
      prometheus: $P
      arm: proxy
      stable: be_stable
      candidate: be_canary
      every: 1s
      stale: 3s
      requests: haproxy_backend_http_responses_total{proxy=~"be_.*"}
      errors: haproxy_backend_http_responses_total{proxy=~"be_.*", code="5xx"}
    rollout:
      signals:
        error_rate: critical worse-by 2pp harm-at 0.5pp
YAML
settings tick_ms 200
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }

endpoint() { get /v1/endpoints/checkout "$1"; }
state() { field_is /v1/endpoints/checkout .state "$1"; }
word_has() { endpoint .state_word | grep -Eq -- "$1"; }
verdict_is() { field_is "/v1/rollouts/$rollout" .card.verdict "$1"; }
alerts() { get /v1/alerts "[.items[] | select(.kind == \"$1\" and .state == \"$2\")] | length"; }
alert_is() { [ "$(alerts "$1" "$2")" -ge 1 ]; }
counted() { get "/v1/rollouts/$rollout" '.card.counted[1]'; }
counts_more_than() { [ "$(counted)" -gt "$1" ]; }
has_rollout() { rollout=$(endpoint .rollout); [ "$rollout" -gt "${1:-0}" ]; }
ends() { field_is "/v1/rollouts/$rollout" .state ended; }

# -- nothing to see yet, then a good candidate --
check "no candidate: it serves elsewhere" wait_for 20 state ok
is "no rollout" "$(endpoint .rollout)" 0
before=$(now_us)
share 30
check "the candidate's first requests begin a rollout" wait_for 20 has_rollout
is "which names both" "$(get "/v1/rollouts/$rollout" '[.pattern, .from, .to, .state] | join(" ")')" \
	"observe be_stable be_canary observing"
check "a good candidate is ok" wait_for 40 verdict_is ok
is "and no harm" "$(alerts harm open)" 0
check "its share is what is seen" awk "BEGIN { s = $(endpoint .share_in_force_bp); exit !(s > 2000 && s < 4500) }"

# -- acts that would move traffic --
refused() { # refused METHOD PATH BODY
	ask "$1" "$2" "$3"
	is "$2 is refused" "$code $(body .error.message | grep -c 'is observed, and pithead moves none')" "409 1"
}
for verb in abort promote advance pause; do refused POST "/v1/rollouts/$rollout/$verb" '{"reason":"x"}'; done
refused POST /v1/endpoints/checkout/rollouts '{"to":"be_canary","reason":"x"}'
refused POST /v1/endpoints/checkout/rollback '{"reason":"x"}'

# -- killed in the middle --
kill_engine
judged=$(counted)
check "after a kill it goes on counting" wait_for 20 counts_more_than "$judged"
is "in the same rollout" "$(endpoint .rollout)" "$rollout"

# -- the scrape stops --
stopped=$(now_us)
kill -STOP "$haproxy_pid"
check "without a scrape it says missing" wait_for 20 state missing
check "and since when" word_has 'since [0-9]{2}:[0-9]{2}:[0-9]{2} UTC'
kill -CONT "$haproxy_pid"
check "when numbers come again it says so" wait_for 20 alert_is missing resolved
check "and watches on" wait_for 20 state watch
share 0
check "without requests of the candidate it ends" wait_for 20 ends
is "nothing is open" "$(get '/v1/alerts?open=1' '.items | length')" 0
check "replayed to the same bits" "$PITHEAD" rollout replay "$rollout"

# -- a bad one: 3 % more fail --
kill "$upstream" && wait_for 5 gone "$upstream"
bad
last=$rollout
share 30
check "another rollout begins" wait_for 20 has_rollout "$last"
check "harm is named" wait_for 20 state harm
check "with signal, values and limit" word_has \
	'error_rate [1-9]\.[0-9]+ % against 0\.[0-9]+ %: \+[1-9]\.[0-9]+ pp, harm proven above \+0\.5'
is "the alert's level" "$(get '/v1/alerts?open=1' '.items[] | select(.kind == "harm") | .level')" rollback
is "its card is frozen, with the interval" \
	"$(get "/v1/rollouts/$rollout/cards" '[.cards[] | select(.verdict == "harm")][0].signals[0] | .name, (.low != null)' | xargs)" \
	"error_rate true"
is "nothing was moved there" "$(their_share)" 'value="30"'
is "nothing is configured here" "$(ls "$PITHEAD_HOME/run/gw" | grep -c -e cfg -e map)" 0
is "no change is recorded but the apply" "$(get /v1/changes '[.items[].verb] | unique | join(" ")')" spec.apply
kill_engine
check "harm stands after a kill" wait_for 20 verdict_is harm

# -- pithead judge, by the same Prometheus --
judge() { # judge NAME WORDS...: sets $code
	local name=$1
	shift
	"$PITHEAD" judge --policy="${policy:-$dir/pithead.yaml}" "$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null
	code=$?
}
judge harm --for 30s
is "judge: harm at once" "$code $(grep -c '^harm: error_rate' "$dir/harm.out")" "1 1"
judge past --from $((before / 1000000)) --until $((stopped / 1000000)) --json
is "judge of the time when it was good: ok or undecided" "$((code == 0 || code == 4)) $(tail -1 "$dir/past.out" | jq -r .kind)" "1 end"
sed 's/worse-by 2pp harm-at 0.5pp/worse-by 0.1pp/' "$dir/pithead.yaml" >"$dir/strict.yaml"
policy=$dir/strict.yaml judge strict --from $((before / 1000000)) --until $((stopped / 1000000))
is "judge by a limit that cannot be proven so soon: undecided" "$code" 4
judge nothing --from $((before / 1000000 - 500)) --until $((before / 1000000 - 400))
is "judge of a time without data" "$code" 5
judge usage --for 1
is "judge: usage" "$code" 2
# -- the examples, as they are --
PATH=$BUILD:$PATH
export PATH
POLICY=$dir/pithead.yaml FOR=20s ROLLBACK="touch $dir/taken-back" examples/judge/ci-step.sh >"$dir/ci.out" 2>&1
is "ci-step.sh takes a bad one back" "$? $(ls "$dir/taken-back")" "1 $dir/taken-back"
POLICY=$dir/pithead.yaml SECONDS_BACK=8 examples/judge/cron.sh >"$dir/cron.out" 2>&1
is "cron.sh tells of harm" "$? $(grep -c '^harm: error_rate' "$dir/cron.out")" "1 1"
sed 's/worse-by 2pp harm-at 0.5pp/worse-by 50pp harm-at 40pp/' "$dir/pithead.yaml" >"$dir/lax.yaml"
POLICY=$dir/lax.yaml SECONDS_BACK=8 examples/judge/cron.sh >"$dir/cron.out" 2>&1
is "and of nothing else" "$? $(wc -c <"$dir/cron.out")" "0 0"
# The words of the job, with its arguments filled in as Argo does.
mapfile -t words < <(python3 -c '
import sys, yaml
t = yaml.safe_load(open("examples/judge/analysis-template.yaml"))
c = t["spec"]["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]["containers"][0]
fill = dict(a.split("=", 1) for a in sys.argv[1:])
assert {a["name"] for a in t["spec"]["args"]} == {"prometheus", "for"}
for w in c["command"] + c["args"]:
    for k, v in fill.items():
        w = w.replace("{{args.%s}}" % k, v)
    print(w.replace("/etc/pithead/", "'"$dir"'/"))
' prometheus="$P" for=20s)
"${words[@]}" >"$dir/job.out" 2>&1 </dev/null
is "the job of the analysis template fails on harm" "$? $(tail -1 "$dir/job.out" | jq -r .verdict)" "1 harm"
"$PITHEAD" judge examples/judge/counts.csv >"$dir/csv.out" 2>&1
is "counts.csv is harm" "$? $(grep -c '^harm: error_rate' "$dir/csv.out")" "1 1"
check "the example's policy is valid" "$PITHEAD" spec check examples/judge/pithead.yaml

kill "$prometheus"; wait_for 8 gone "$prometheus"
judge away --for 2s
is "judge without a Prometheus: no data, never a pass" "$code $(grep -c 'does not answer' "$dir/away.err")" "5 2"
check "Prometheus gone: the alert says since when, beside the harm" wait_for 20 alert_is missing open
is "and why" "$(get '/v1/alerts?open=1' '.items[] | select(.kind == "missing") | .message' | grep -c 'does not answer.*since ..:..:.. UTC')" 1
