#!/bin/bash
# init.sh: "Your own model" of the README, as written: from a server that was not made for pithead to
# a canary of a slower one that the judge takes back, and to the undo. Only ports and folders are
# ours. Then what init says when something is not as it must be.
# run: limit 240, run: beside
. "$(dirname "$0")/lib.sh"
cd "$root" || exit 1
began=$(now_us)
free_port; up1=$port
free_port; up2=$port
free_port; front=$port
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
background model1 python3 tests/support/model.py "$up1"
background model2 python3 tests/support/model.py "$up2" 100
free_port; plain=$port
free_port; secure=$port
shapes=http://127.0.0.1:$plain
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
cat "$dir/key.pem" >>"$dir/cert.pem"
background shapes python3 tests/support/shapes.py "$plain" "$secure" "$dir/cert.pem"
for port in $up1 $up2 $plain $secure; do wait_for 10 listens "$port" || not_ok "the model listens"; done

awk '/^```sh model/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md |
	sed "s|:9001|:$up1|; s|:9002|:$up2|; s|:8200|:$front|; s|\$PWD/build:|$BUILD:|" >"$dir/tour"
check "the README has the commands" test "$(wc -l <"$dir/tour")" -ge 18
{ echo 'set -eo pipefail; set -v'; cat "$dir/tour"; } >"$dir/tour.sh"
HOME=$dir timeout 180 bash "$dir/tour.sh" >"$dir/tour.out" 2>&1 </dev/null
is "the README's commands succeed" "$?" 0
[ $failed = 0 ] || tail -n 40 "$dir/tour.out"
at_most "seconds of machine time" $((($(now_us) - began) / 1000000)) 180
while read -r words; do
	check "it shows: $words" grep -qF -- "$words" "$dir/tour.out"
done <<-'END'
	valid: project fraud, 1 endpoint
	x-pithead-version: v1
	canary v1 -> v2 on fraud at 50 %: gateway confirms
	judge aborts #2 v2, back to v1
	latency_p99
	harm proven
	canary v1 -> v2 on fraud at 10 %
	UNDO of
END
is "v1 serves" "$(get /v1/endpoints/fraud .stable)" v1
is "without a candidate" "$(get /v1/endpoints/fraud .candidate)" ""
is "the canary was aborted" "$(get /v1/rollouts/2 .state)" aborted
check "for its answer times" eval 'get /v1/rollouts/2 .end_reason | grep -q "^latency_p99 "'
is "the gateway answers with v1" "$(version_now -d '{"amount":1}')" v1
has_no_v2() { ! "$PITHEAD" endpoint show fraud </dev/null | grep -q "^ .* v2 .* up"; }
check "the servers of v2 are let go with their lines of the file" wait_for 10 has_no_v2
check "and not missed" eval '! grep -q "not in the registry" "$PITHEAD_HOME/log/engine.log"'
grep -A1 '^seq 40000' "$dir/tour" | sed "s/40000/64/; s/:$front/:$up2/; s/ &\$//" >"$dir/traffic.sh"
began=$(now_us)
bash "$dir/traffic.sh" >/dev/null 2>&1 </dev/null
at_most "ms of the README's traffic, 64 requests of 100 ms, 16 at once" $((($(now_us) - began) / 1000)) 4000

# -- what was proposed --
file=$dir/fraud/pithead.yaml
while read -r words; do
	check "proposed: $words" grep -qE -- "^ *$words( |$)" "$file"
done <<-'END'
	upstream: 127.0.0.1:[0-9]+
	health: tcp
	key: json customer else random
	segment: json country
	score: json proba.1
	features: \[json amount, json country\]
	task: binary
END
check "of some twenty lines" test "$(wc -l <"$file")" -le 28
check "the scores are read" eval '"$PITHEAD" rollout card 2 --json </dev/null | grep -q "\"psi"'

# -- refusals: a sentence, a hint, an exit code; nothing is written --
cd "$dir" || exit 1
echo '{"amount": 1}' >good.json
echo '{"amount":' >cut.json
head -c 3000 /dev/urandom >binary.json
echo '{}' >other.json
# refused CODE WORDS ARGUMENTS...
refused() {
	local want=$1 words=$2 code
	shift 2
	"$PITHEAD" init --out "$dir/none.yaml" "$@" >"$dir/refused.out" 2>&1 </dev/null
	code=$?
	if [ $code = "$want" ] && grep -qF -- "$words" "$dir/refused.out" && [ "$(wc -l <"$dir/refused.out")" -le 3 ]; then
		ok "$words"
	else
		not_ok "wanted $want, \"$words\": $code, $(cat "$dir/refused.out")"
	fi
}
url=http://127.0.0.1:$up1/predict
free_port
refused 1 "nothing listens there" --upstream "127.0.0.1:$port" --sample good.json
refused 1 "answers 400 to the sample" --upstream "$url" --sample other.json
refused 1 "answers 404 to the sample" --upstream "127.0.0.1:$up1" --sample good.json
refused 1 "another --method" --upstream "$url" --method PUT --sample good.json
refused 1 "cannot read none.json" --upstream "$url" --sample none.json
refused 2 "is not valid JSON" --upstream "$url" --sample cut.json
refused 2 "is not valid JSON" --upstream "$url" --sample binary.json
refused 1 "it sends elsewhere: give that address, /plain" --upstream "$shapes/moved" --sample good.json
refused 1 "answers 500 to the sample: {\"detail\": \"no model\"}" --upstream "$shapes/broken" --sample good.json
refused 1 "with text/html, which is not JSON: <html>hello" --upstream "$shapes/html" --sample good.json
refused 1 "answers 200, and nothing more" --upstream "$shapes/empty" --sample good.json
refused 2 "the address has no host" --upstream :9001 --sample good.json
refused 2 "is a number" --upstream 9001 --sample good.json
refused 1 "is the name of a file" --upstream "$url" --sample '{"amount": 1}'
refused 2 "your model itself listens at port $up1" --upstream "$url" --sample good.json --listen "127.0.0.1:$up1"
refused 2 "127.0.0.1:$plain is both v1 and v2" --upstream "$shapes/plain" --candidate "$shapes/plain" --sample good.json
refused 2 "the gateway changes no path" --upstream "$url" --candidate "$shapes/plain" --sample good.json
refused 2 "expected \`binary\`" --upstream "$url" --sample good.json --task best
refused 1 "Empty reply" --upstream "$shapes/drop" --sample good.json
refused 1 "TLS fails: SSL certificate problem: self-signed" --upstream "https://127.0.0.1:$secure/plain" --sample good.json
refused 1 "speaks no TLS" --upstream "https://127.0.0.1:$up1/predict" --sample good.json
refused 2 "needs to know where your model answers"
refused 2 "needs a request that the server answers" --upstream "$url"
refused 2 "neither http:// nor https://" --upstream ftp://h/ --sample good.json
refused 2 "is given twice" --upstream "$url" --upstream "$url" --sample good.json
refused 2 "expected \`low\`, \`medium\` or \`high\`" --upstream "$url" --sample good.json --tier lo
refused 2 "expected a loopback address" --upstream "$url" --sample good.json --listen 10.0.0.1:1
check "nothing was written" test ! -e none.yaml
"$PITHEAD" init --upstream "$url" --sample good.json --out "$file" >refused.out 2>&1 </dev/null
is "a file that is there is not written over" "$?" 4
check "which is said" grep -q "is there already" refused.out
check "and its text is whole" grep -q "json proba.1" "$file"

# -- servers of other shapes: score and health; off: the line is a comment that says why --
# shape PATH SCORE HEALTH WHY
shape() {
	local line
	"$PITHEAD" init --upstream "$shapes$1" --sample good.json --out shape.yaml --force --yes >shape.out 2>&1 </dev/null
	line=$(grep -E '^    (# )?score:' shape.yaml | sed 's/^ *//; s/  *#.*was .*//; s/ *$//')
	is "$1" "$line" "$2"
	check "$1: health $3" grep -qF "    health: $3" shape.yaml
	check "$1: ${4:-valid}" grep -qF -- "${4:-}" shape.yaml
}
shape /v2/models/iris/infer 'score: json outputs.0.data.0' /v2/models/iris/ready 'task: multiclass'
shape /serving 'score: json predictions.0.1' tcp 'task: binary'
shape /nested 'score: json result.risk.score' tcp
shape /plain 'score: json .' tcp
shape /header 'score: header X-Pithead-Score' tcp
shape /close '# score: json probability' tcp 'no Content-Length'
shape /chunked '# score: json probability' tcp 'no Content-Length'
shape /gzip 'score: json score' tcp
shape /deflate '# score: json PATH' tcp 'not by gzip'
shape /csv '# score: json PATH' tcp 'the answer is no JSON, and so not read'
shape /v7/fraud/score 'score: json score' /v7/health
shape /text '# score: json PATH' tcp 'no number that looks like'

# -- an OpenAPI document: alone, and with the server --
cat >api.yaml <<'END'
openapi: 3.0.3
servers: [{url: 'http://10.0.0.9:8000/v1'}]
paths:
  /predict:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                user_id: {type: string, example: u1}
                amount: {type: number, minimum: 0, maximum: 500}
      responses:
        '200':
          content:
            application/json:
              schema: {type: object, properties: {probability: {type: number}}}
END
"$PITHEAD" init --openapi api.yaml --out alone.yaml >alone.out 2>&1 </dev/null
is "a document alone is enough" "$?" 0
for words in 'upstream: 10.0.0.9:8000' 'Nothing was called' 'key: json user_id' 'score: json probability'; do
	check "it tells: $words" grep -qF -- "$words" alone.yaml
done
"$PITHEAD" init --openapi api.yaml --upstream "$url" --out called.yaml >called.out 2>&1 </dev/null
is "with a server the document's request is sent" "$?" 0
check "and the answer is looked at" grep -q 'score: json proba.1' called.yaml
refused 1 "is no OpenAPI document" --openapi good.json
refused 1 "has no POST operation at /no" --openapi api.yaml --path /no

# -- a terminal is asked, and only a valid answer is taken --
script -qec "$PITHEAD init --upstream $url --sample good.json --out asked.yaml" /dev/null \
	>asked.out 2>&1 <<<$'NO\nshop\ncheckout-team\npay\nstaging\nmedium\n\nheader X-Who\n'
for line in 'project: shop' 'owner: checkout-team' '    environment: staging' '    tier: medium' '    key: header X-Who'; do
	check "asked: $line" grep -q "^$line" asked.yaml
done
script -qec "$PITHEAD init --upstream $shapes/text --sample good.json --out open.yaml" /dev/null \
	>open.out 2>&1 <<<$'\n\n\n\n\n\njson odds\nmulticlass\n\n'
check "asked for the score, which was not seen" grep -q '^    score: json odds ' open.yaml
check "asked for the task" grep -q '^    task: multiclass ' open.yaml
check "what has no answer stays open" grep -q '^    # key: header X-User-Id' open.yaml
"$PITHEAD" init --upstream "$shapes/chunked" --sample good.json --out told.yaml --score 'json odds' --task regression \
	--key 'json amount' --segment 'header X-Part' --health /ready >told.out 2>&1 </dev/null
is "words say the same" "$(sed -n 's/  *# as you said//p' told.yaml | xargs)" \
	"health: /ready key: json amount segment: header X-Part score: json odds task: regression"
"$PITHEAD" rollout start fraud --to v9 --share 50% --reason "not there" >v9.out 2>&1 </dev/null
check "a version of servers is to be named in the file" grep -qF 'under `versions: v9: upstream:` in pithead.yaml' v9.out
sed "s|listen: .*|listen: 127.0.0.1:$plain|; s/^project: .*/project: other/" "$file" >taken.yaml
"$PITHEAD" apply --yes --file taken.yaml --reason "a port that is taken" >taken.out 2>&1 </dev/null
check "a refusal comes behind the plan, also in a file" eval 'tail -n 2 taken.out | grep -q "another program has that port"'
echo 1.5,DE >sample.csv
"$PITHEAD" init --upstream "$shapes/plain" --sample sample.csv --header 'Content-Type: text/csv' --out csv.yaml >csv.out 2>&1 </dev/null
is "a sample may have another form" "$?" 0
check "the answer is shown" grep -q 'plain: 200 in .*: 0.73' csv.out
"$PITHEAD" init --upstream "$shapes/chunked" --sample good.json --out - >/dev/null 2>unread.out </dev/null
check "that no score is read is told at once" grep -q 'no score is read.*Content-Length' unread.out
check "the endpoint too" grep -q '^  pay:$' asked.yaml
check "and a wrong one is asked for again" grep -q 'expected a name of at most 63' asked.out
is "json tells what was proposed" "$("$PITHEAD" init --upstream "$url" --sample good.json --out - --json \
	2>/dev/null </dev/null | jq -r '.endpoints[0] | .score, .task, .health' | xargs)" "json proba.1 binary tcp"
