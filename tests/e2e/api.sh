#!/bin/bash
# api.sh: the API as a stranger to our own client meets it: it describes itself, answers garbage
# with a sentence and stays alive, its lists are complete, and it wakes those who wait.
# run: beside, run: long
. "$(dirname "$0")/lib.sh"
one_endpoint
worker=$(engine_pid worker)
bytes() { head -c "$1" /dev/zero | tr '\0' "$2"; }

# -- metrics --
load traffic --rate 100 --keys 50
start_rollout v2 2500 || not_ok "a rollout begins"
wait_for 5 field_is /v1/endpoints/m '(.candidate_stats.requests > 5)' true
ask GET /metrics
is "GET /metrics" "$code" 200
if command -v promtool >/dev/null; then
	promtool check metrics <<<"$body" >"$dir/promtool" 2>&1
	is "promtool check metrics: $(xargs <"$dir/promtool")" "${PIPESTATUS[0]}$(wc -c <"$dir/promtool")" 00
else
	echo "skip promtool is not there (package prometheus)"
fi
grep -q '^pithead_[a-z_]*{[^}]*arm="candidate"[^}]*} [1-9]' <<<"$body" &&
	ok "the candidate's answers are counted" || not_ok "no metric of the candidate"
for label in endpoint environment version arm rollout; do
	grep -q "$label=\"[^\"]\+\"" <<<"$body" || not_ok "no label $label"
done
is "pithead metrics says the same names" \
	"$("$PITHEAD" metrics </dev/null | sed -n 's/^# TYPE //p' | sort | md5sum)" \
	"$(sed -n 's/^# TYPE //p' <<<"$body" | sort | md5sum)"

# -- the description --
ask GET /v1/openapi.json
cp /dev/stdin "$dir/openapi.json" <<<"$body"
structure='
def need($what; ok): if ok then empty else $what end;
. as $doc
| need("openapi 3.1"; .openapi | startswith("3.1.")),
  need("info"; (.info.title | length > 0) and (.info.version | length > 0)),
  (.paths | to_entries[] | .key as $p | .value | to_entries[] | .key as $m | .value
   | "\($m) \($p)" as $at
   | need("\($at): method"; ["get", "post"] | index($m)),
     need("\($at): summary"; .summary | length > 0),
     need("\($at): operationId"; .operationId | test("^[a-z][a-z0-9_]*$")),
     need("\($at): path parameters"; ([$p | scan("\\{([a-z]+)\\}")[0]] | sort)
        == ([.parameters[] | select(.in == "path" and .required) | .name] | sort)),
     need("\($at): parameters"; all(.parameters[]; (.schema | type == "object")
        and (.in | test("^(path|query|header)$")))),
     need("\($at): parameters are unique"; [.parameters[] | [.in, .name]] | length == (unique | length)),
     need("\($at): body"; ($m == "post") == has("requestBody")),
     need("\($at): answers"; (.responses | has("200")) and (.responses | has("default"))),
     need("\($at): permissions"; .["x-permissions"] | length > 0)),
  need("operationIds are unique"; [.paths[][].operationId] | length == (unique | length)),
  ([.. | objects | .["$ref"]? | strings] | unique[] | . as $ref
   | need("\($ref) is there"; $doc | getpath($ref | ltrimstr("#/") | split("/")) != null))'
is "the description is well formed" "$(jq -r "$structure" "$dir/openapi.json" 2>&1)" ""
# Every route of the table is there, and every path there is a route.
sed -n 's/.*{\(GET\|POST\), "\([^"]*\)".*/\1 \2/p; s/.*ROLLOUT_ACT("\([a-z]*\)".*/POST \/v1\/rollouts\/{n}\/\1/p' \
	"$root/backend/api/routes.c" | sort >"$dir/table"
jq -r '.paths | to_entries[] | .key as $p | .value | keys[] | "\(ascii_upcase) \($p)"' \
	"$dir/openapi.json" | sort | diff "$dir/table" - >"$dir/diff"
is "every route is described ($(wc -l <"$dir/table"))" "$(cat "$dir/diff")" ""

# -- garbage: a sentence each time --
# garbage WHAT CODES: the last answer is one of the codes, an error with code and sentence
garbage() {
	local what=$1
	shift
	case " $* " in
	*" $code "*) ;;
	*) not_ok "$what: $code $body"; return ;;
	esac
	if [ "$(body '.error | (.code | length > 0) and (.message | length > 10) and has("hint") and has("field")')" = true ]; then
		ok "$what: $code $(body .error.message | cut -c 1-100)"
	else
		not_ok "$what has no sentence: $body"
	fi
}
post() { ask POST "${2:-/v1/rollouts/$rollout/pause}" "$1"; }
while IFS= read -r text; do
	post "$text"
	garbage "the body $text" 400
done <<'END'
{
{"reason":
{"reason":"x"} and more
[1,2]
"reason"
null
{"reason":1}
{"reason":null,"reason":"x"}
{"reason":{"a":1}}
{"reson":"x"}
{"share_bp":10}
{"reason":"\u0000"}
{"reason":"\ud800"}
{"reason":"line\nbreak"}
{"reason":"\u001b[31m"}
nonsense
END
post "$(printf '{"reason":"\xff\xfe"}')"
garbage "a body that is no UTF-8" 400
post "{\"reason\":\"$(bytes 501 x)\"}"
garbage "a reason of 501 characters" 400
for text in '{"share_bp":-1}' '{"share_bp":10001}' '{"share_bp":0.5}' '{"share_bp":"5"}' \
	'{"share_bp":1e99}' '{"share_bp":true}' '{"share_bp":99999999999999999999}'; do
	post "$text" "/v1/rollouts/$rollout/advance"
	garbage "$text" 400
done
post "$(bytes 100000 '[')"
garbage "100,000 brackets" 400
{ printf '{"reason":"'; bytes 3000000 x; printf '"}'; } >"$dir/huge"
post "@$dir/huge"
garbage "a body of 3 MB" 413
bytes 1000000 x >"$dir/huge"
post "@$dir/huge" "/v1/versions?project=t&name=huge"
garbage "an upload that is no tar file" 400
for text in '{"spec":""}' '{"spec":"\tx: ["}' '{"spec":"project: t\nendpoints:\n  m: 1\n"}'; do
	post "$text" /v1/apply
	garbage "apply $text" 400
done
post '{"outcomes":[{"id":"x","name":"late","value":"soon"}]}' /v1/outcomes
garbage "an outcome that is no number" 400
jq -n '{outcomes: [range(1001) | {id: "x", name: "late", value: 1}]}' >"$dir/many"
post "@$dir/many" /v1/outcomes
garbage "1,001 outcomes" 400 413

while read -r codes path; do
	ask GET "$path"
	garbage "GET $path" ${codes//,/ }
done <<'END'
404 /
404 /v1
404 /v2/engine
404 /v1/engin
404 /v1/endpoints/nobody
404 /v1/endpoints/t~m/nothing
404 /v1/rollouts/99999
404 /v1/changes/99999
404 /v1/versions/t~v99
404 /v1/versions/v99
400 /v1/rollouts/x
400 /v1/rollouts/-1
400 /v1/rollouts/1e3
400 /v1/rollouts/99999999999999999999
400,404 /v1/endpoints/..
400,404 /v1/endpoints/../../etc/passwd
400,404 /v1/endpoints/..%2f..%2fetc%2fpasswd
400,404 /v1/endpoints/%2e%2e
400 /v1/endpoints/m%00
400 /v1/endpoints/m%zz
400 /v1/endpoints/m%0aSet-Cookie:x
400,404 /v1/versions/t~..
400,404 /v1/versions/t~..%2f..%2fkeys
400,404 /v1/versions/..~v1
400 /v1/changes?limit=0
400 /v1/changes?limit=100000
400 /v1/changes?limit=ten
400 /v1/changes?after=-5
400 /v1/changes?endpoint=../x
400 /v1/changes?limit=1&limit=2
400 /v1/changes?limt=1
400 /v1/changes?match=(
400 /v1/changes?match=%5B
400 /v1/changes?match=a%7B2,1%7D
400 /v1/changes?match=%5CK%ff
400 /v1/events?wait=61
400 /v1/alerts?open=perhaps
400 /v1/endpoints/m/series?span=0
400 /v1/endpoints/m/series?points=1000000
405 /v1/apply
END
ask DELETE /v1/endpoints/m
garbage "DELETE" 405
ask POST "/v1/versions?project=..&name=v9" "x"
garbage "a project .." 400
ask POST "/v1/versions?project=t&name=..%2fv9" "x"
garbage "a version ../v9" 400
ask GET "/v1/endpoints/$(bytes 3000 x)"
garbage "a name of 3,000 bytes" 400 414
ask GET "/v1/changes?match=$(bytes 3000 x)"
garbage "a regex of 3,000 bytes" 400 414
is "a wrong query has a suggestion" "$(ask GET '/v1/changes?limt=1'; body .error.hint)" "did you mean limit?"

# A version is a tar file that may hold surprises.
mkdir -p "$dir/b/sub" && echo model >"$dir/b/model"
tar -C "$dir/b" -cPf "$dir/up.tar" --transform 's|^model|../../model|' model
ln -s /etc/passwd "$dir/b/link" && tar -C "$dir/b" -cf "$dir/link.tar" link model
tar -C "$dir/b" -cPf "$dir/absolute.tar" --transform 's|^model|/tmp/model|' model
bytes 5000 x >"$dir/b/model" && tar -C "$dir/b" -c model | head -c 2000 >"$dir/cut.tar"
for what in up link absolute cut; do
	ask POST "/v1/versions?project=t&name=bad-$what" "@$dir/$what.tar"
	garbage "a bundle: $what" 400
done

# -- HTTP that is none --
raw() { "$TOOLS/raw" stream "$sock"; }
status() { head -n 1 | tr -d '\r' | cut -c 1-12; }
printf 'HELP\r\n\r\n' | raw >/dev/null
bytes 100000 A | raw >/dev/null
head -c 200000 /dev/urandom | raw >/dev/null
printf '\0\0\0\0' | raw >/dev/null
printf 'GET /v1/engine HTTP/1.1\r\nHost: x\r\n%s\r\n' "$(printf 'X-A: b\r\n%.0s' {1..5000})" | raw >/dev/null
printf 'GET /v1/engine HTTP/1.1\r\n' | raw >/dev/null
printf 'POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{' | raw >/dev/null
printf 'POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}' | raw >/dev/null
printf 'POST /v1/apply HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx' |
	raw >/dev/null
is "HTTP/1.0 is answered" \
	"$(printf 'GET /v1/engine HTTP/1.0\r\n\r\n' | raw | status | cut -d ' ' -f 2)" 200
is "the engine is the same after garbage" "$(engine_pid worker)" "$worker"
is "and answers" "$(ask GET /v1/engine; echo "$code")" 200

# -- a regex may not hang it --
quick() { # WHAT REGEX: an answer within a second
	local begin
	begin=$(now_us)
	ask GET "/v1/audit?match=$2"
	at_most "$1: $code $(body .error.message | cut -c 1-80), ms" $((($(now_us) - begin) / 1000)) 1000
}
quick "an explosive regex" '(a%2B)%2B%24%7C(.*.*.*.*.*.*.*.*)%2Bx%24'
quick "another" '(%3F:(%3F:.*)*)*%5E%23'
quick "nested counts" '(((.%7B1,99%7D)%7B1,99%7D)%7B1,99%7D)%24'
quick "a recursion" '(%3FR)'
get "/v1/audit?match=GATEWAY%20CONFIRMS" '.items | length' >"$dir/upper"
[ "$(get "/v1/audit?match=gateway%20confirms&limit=1000" '.items | length')" -gt 0 ] &&
	ok "a regex filters" || not_ok "a regex finds nothing"
is "and only what matches comes" "$(get '/v1/audit?match=%5Brollout.start&limit=10' \
	'.items[].verb' 2>/dev/null | grep -vc rollout.start)" 0
is "a filter by verb" "$(get '/v1/audit?verb=rollout.*&limit=1000' \
	'[.items[].verb | startswith("rollout.")] | all')" true

# -- the socket of the prediction log --
log=$PITHEAD_HOME/run/gw/log.sock
bad=$(get /v1/engine .ingest.bad)
sent=0
while IFS= read -r text; do
	printf '%b' "$text" | "$TOOLS/raw" dgram "$log" && sent=$((sent + 1))
done <<'END'
hello
{}
{"v":1}
{"v":99,"ep":"t/m"}
\0\0\0\0
<134>haproxy[1]: nonsense
{"v":1,"lc":-1,"pid":"x","ts":"y"}
{"v":1,"lc":1,"pid":1,"ts":99999999999999999999999,"ep":"t/m"}
[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
{"v":1,"ep":"t/nobody","ar":"c","rq":"
END
head -c 60000 /dev/urandom | "$TOOLS/raw" dgram "$log" && sent=$((sent + 1))
counted() { [ "$(get /v1/engine .ingest.bad)" -ge $((bad + sent)) ]; }
wait_for 5 counted && ok "$sent garbage datagrams are counted as unreadable" ||
	not_ok "of $sent garbage datagrams $(($(get /v1/engine .ingest.bad) - bad)) were counted"
field_is /v1/endpoints/m .share_in_force_bp 2500 && ok "and harm nothing" || not_ok "the share fell"

# -- lists are complete: 2,000 events, page by page, while more come --
unload
# Each stop of a segment is an event.
batch() {
	local i
	for ((i = $1; i < $1 + 250; i++)); do
		printf 'next\nurl = "http://engine/v1/endpoints/m/overrides"\nunix-socket = "%s"\nsilent\n' "$sock"
		printf 'output = "/dev/null"\ndata = "{\\"segment\\":\\"S%d\\",\\"share_bp\\":%d}"\n' \
			$((i % 9)) $((i / 9 % 2 * 10000))
	done | sed 1d | curl -s -K -
}
for ((n = 0; $(get /v1/engine .head) < 2000 && n < 20; n++)); do batch $((n * 250)); done
head=$(get /v1/engine .head)
at_most "events, at least 2,000" 2000 "$head"
pages() { # PATH FILTER: all items by pages of 97
	local after= next=1 n=0
	while [ "$next" != 0 ] && [ $((n += 1)) -lt 200 ]; do
		get "$1&limit=97${after:+&after=$after}" >"$dir/page"
		jq -r ".items[] | $2" "$dir/page"
		next=$(jq -r .next "$dir/page") after=$next
	done
}
# Newest first; more events come between the pages.
batch 0 &
pages "/v1/audit?verb=override.*" .seq >"$dir/seqs"
wait $!
is "no event comes twice" "$(sort "$dir/seqs" | uniq -d | wc -l)" 0
sort -rn "$dir/seqs" | diff -q - "$dir/seqs" >/dev/null && ok "in order" || not_ok "out of order"
pages "/v1/audit?ascending=1" .seq >"$dir/seqs"
is "oldest first, all of them" "$(head -n "$head" "$dir/seqs" | md5sum)" "$(seq "$head" | md5sum)"
pages "/v1/changes?match=." .seq | sort -n >"$dir/changes"
pages "/v1/audit?ascending=1" 'select(.change) | .seq' >"$dir/seqs"
is "changes are the events that are changes" "$(diff "$dir/changes" "$dir/seqs")" ""
"$PITHEAD" audit verify >/dev/null </dev/null
is "the log is whole" $? 0

quick "a costly regex over 2,000 events" '.*.*.*%23'
quick "a less costly one" '(.*)(.*)%23%23%23'
quick "one that looks at every byte" '%5B%5E%23%5D*%23%23%24'

# -- whoever waits is woken --
slow=0
for i in 1 2 3 4 5; do
	head=$(get /v1/engine .head)
	{ api GET "/v1/events?after=$head&wait=20" >"$dir/woken"; now_us >"$dir/woken.at"; } &
	waiter=$!
	pause_ms 100
	api POST /v1/endpoints/m/overrides "{\"segment\":\"W$i\",\"share_bp\":0}" >/dev/null
	begin=$(now_us)
	wait $waiter
	[ "$(jq .head "$dir/woken")" -gt "$head" ] || not_ok "woken without news"
	ms=$((($(<"$dir/woken.at") - begin) / 1000))
	[ $ms -gt $slow ] && slow=$ms
done
at_most "a long poll wakes after a change, ms" $slow 200
begin=$(now_us)
ask GET "/v1/events?after=$(get /v1/engine .head)&wait=1"
ms=$((($(now_us) - begin) / 1000))
[ $ms -ge 900 ] && [ $ms -lt 3000 ] && ok "and waits when nothing happens: $ms ms" ||
	not_ok "it waited $ms ms"
is "the engine is still the same" "$(engine_pid worker)" "$worker"

# -- settings that are none --
"$PITHEAD" engine stop --reason "for its settings" >/dev/null </dev/null
no_worker() { [ -z "$(engine_pid worker)" ]; }
wait_for 5 no_worker
cp "$PITHEAD_HOME/settings.conf" "$dir/settings.good"
lines=$(wc -l <"$dir/settings.good")
while IFS= read -r text; do
	{ cat "$dir/settings.good"; printf '%b\n' "$text"; } >"$PITHEAD_HOME/settings.conf"
	timeout 10 "$PITHEAD" engine --foreground >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	grep -q "settings.conf:$((lines + 1)): " "$dir/err" && [ $rc != 0 ] && [ $rc -lt 100 ] &&
		ok "settings \"$text\": $(sed 's/.*conf:/conf:/' "$dir/err" | head -n 1)" ||
		not_ok "settings \"$text\": $rc $(cat "$dir/err")"
done <<'END'
lease_ms 5
set lease_ms
set lease_ms ten
set lease_ms -1
set lease_ms 99999999999999999999
set lease_ms 5000 ms
set leese_ms 5000
\0377\0376
END
cp "$dir/settings.good" "$PITHEAD_HOME/settings.conf"
start_engine && ok "with good ones it starts" || not_ok "it does not start: $(cat "$dir/start.err")"
