#!/bin/bash
# upstream.sh: servers that somebody else runs. Whatever HTTP they speak passes the gateway as it is:
# streams, large bodies, chunks, upgrades; what of it cannot be read is counted. They are drained by
# people, trusted by their certificates, followed where their names go, and never given too much.
# run: limit 90, run: beside
. "$(dirname "$0")/lib.sh"
exchange() { python3 "$root/tests/support/programs/exchange.py" "$@"; }

for n in up1 up2 up3 tls old named breaks front; do free_port; declare "$n=$port"; done
hosts() { printf '127.0.0.1 localhost\n127.0.0.1 model.test\n%s moving.test\n' "$1" >"$dir/hosts"; }
mkcert() { # mkcert NAME SUBJECT [OPENSSL WORDS...]: $dir/NAME.pem and $dir/NAME.key
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-keyout "$dir/$1.key" -out "$dir/$1.pem" -subj "/CN=$2" "${@:3}" 2>"$dir/openssl.err"
}
mkcert ca "an authority"
mkcert other "another authority"
mkcert server model.test -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -addext subjectAltName=DNS:model.test \
	-addext basicConstraints=critical,CA:FALSE || { not_ok "$(cat "$dir/openssl.err")"; exit 1; }
cat "$dir/server.key" >>"$dir/server.pem"
# One whose time is over: the authority's own command sets the dates.
openssl req -new -key "$dir/server.key" -out "$dir/old.csr" -subj /CN=model.test
echo subjectAltName=DNS:model.test >"$dir/old.ext"
: >"$dir/index.txt"
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index.txt\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\nrand_serial=yes
[p]\ncommonName=supplied\n' "$dir" "$dir" >"$dir/ca.conf"
openssl ca -batch -notext -config "$dir/ca.conf" -cert "$dir/ca.pem" -keyfile "$dir/ca.key" -in "$dir/old.csr" \
	-startdate 20240101000000Z -enddate 20250101000000Z -extfile "$dir/old.ext" -out "$dir/old.pem" \
	2>"$dir/openssl.err" || { not_ok "$(cat "$dir/openssl.err")"; exit 1; }
cat "$dir/server.key" >>"$dir/old.pem"
background servers python3 "$root/tests/support/programs/exchange.py" serve "$up1=v1" "$up2=v1b" \
	"127.0.0.2:$up3=moved" "$up3=here" "$tls=secret=$dir/server.pem" "$old=old=$dir/old.pem" "$named=named==model.internal" \
	"$breaks=breaks"
settings lease_ms 2000 tick_ms 200 resolve_ms 200
# The engine has a hosts file of its own, whose names move.
hosts 127.0.0.1
if [ "$(id -u)" = 0 ]; then
	unshare -m sh -c 'mount --bind "$1" /etc/hosts && exec "$2" whoami' - "$dir/hosts" "$PITHEAD" \
		>/dev/null 2>"$dir/start.err" </dev/null
fi
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
spec() { # spec ARM=UPSTREAM...
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "$@" | sed 's/timeout: 2s/timeout: 1s/'
}
spec "v1=127.0.0.1:$up1" >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
wait_for 10 serve_v1 || { not_ok "v1 serves"; exit 1; }
wait_for 5 answered_by v1 || { not_ok "the gateway answers with v1"; exit 1; }

# -- passes as it is: each in the background, as the longest decides --
asked=()
passes() { # passes WHAT KIND [NAME=VALUE...]
	local what=$1
	shift
	exchange ask "$1" "127.0.0.1:$front" "${@:2}" >"$dir/ask.${#asked[@]}" 2>&1 &
	asked+=("$!|$what")
}
passes "a stream that lasts three times the timeout" sse events=13 gap=250
passes "a stream that was asked for and is silent for longer than the timeout" \
	sse events=2 gap=1500 accept=1
passes "an upgraded connection, silent for longer than the timeout" ws bytes=300000 pause=1500
passes "an answer in chunks of all sizes" chunks bytes=3000000
passes "a large answer" large bytes=50000000
passes "an answer of an HTTP/1.0 server, ended by its close" close bytes=300000
passes "an HTTP/1.0 client" old bytes=300000
passes "a large upload" upload bytes=50000000
passes "an upload in chunks" upload bytes=3000000 chunked=1
passes "a client that waits for 100 Continue" upload bytes=200000 expect=1
passes "a small body of one that waits" upload bytes=2000 expect=1
passes "many requests on one connection" alive count=60
is "a compressed answer is the client's" \
	"$(curl -s -m 5 --compressed "http://127.0.0.1:$front/gzip" | jq -c .probability)" 0.25
for i in "${!asked[@]}"; do
	wait "${asked[i]%%|*}"
	rc=$?
	check "${asked[i]#*|}: $(cat "$dir/ask.$i")" test "$rc" = 0
done
# 4 of one request each have no readable answer: chunks, large, HTTP/1.0 twice; 2 streams, 1 upgrade.
unread() { field_is /v1/endpoints/m .stable_stats.unread "${1:-7}"; }
check "what cannot be read is counted" wait_for 5 unread
is "nothing of it is a failure" "$(get /v1/endpoints/m .stable_stats.failures)" 0
check "endpoint show tells it" grep -q "7 of them unread" <<<"$("$PITHEAD" endpoint show m </dev/null)"
check "so do the metrics" grep -Eq '^pithead_unread_total\{.*\} 7$' <<<"$(api GET /metrics)"
# A client that breaks its upload off is nobody's failure.
asked_for() { field_is /v1/endpoints/m .stable_stats.requests "$1"; }
before=$(get /v1/endpoints/m .stable_stats.requests)
(printf 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\nhalf' >&3
	pause_ms 50) 3<>"/dev/tcp/127.0.0.1/$front"
check "an upload that is broken off is heard of" wait_for 5 asked_for $((before + 1))
is "and is no failure of the server" "$(get /v1/endpoints/m .stable_stats.failures)" 0
# The number of a stream comes beside it, or afterwards.
exchange_id() { # exchange_id QUERY: the id of a streamed answer; its head is in $dir/head
	curl -s -m 5 -o "$dir/stream" -D - "http://127.0.0.1:$front/sse?events=1$1" |
		tr -d '\r' >"$dir/head"
	sed -n 's/^x-request-id: //Ip' "$dir/head"
}
scored=$(exchange_id "&score=0.75")
is "X-Pithead-Score does not reach the client" "$(grep -ic '^x-pithead-score' "$dir/head")" 0
predict() { # predict ID SCORE
	api POST /v1/predictions "{\"predictions\":[{\"id\":\"$1\",\"score\":$2}]}" |
		jq -c '[.stored, .duplicate, .unknown, .late]'
}
known() { [ "$(predict "$scored" 0.1)" = "[0,1,0,0]" ]; }
check "but is the stream's score, and stays it" wait_for 5 known
unscored=$(exchange_id "")
later() { [ "$(predict "$unscored" 0.5)" = "[1,0,0,0]" ]; }
check "another's is posted later" wait_for 5 later
is "once" "$(predict "$unscored" 0.6)" "[0,1,0,0]"
check "neither is unread" unread 8
# The stream that lasts is judged while it lasts: by its head.
exchange ask sse "127.0.0.1:$front" events=30 gap=900 accept=1 >/dev/null 2>&1 &
stream=$!
check "a stream's record is there before its end" wait_for 5 unread 9
check "which it has not come to" kill "$stream"
wait "$stream" 2>/dev/null || true

# -- what serves how: a plain one of two, one by TLS, one by a name, one with a limit --
versions() { # versions [CA [HOST]]: the spec
	spec "v1=127.0.0.1:$up1, 127.0.0.1:$up2" "v2=tls model.test:$tls" "v3=moving.test:$up3" \
		"v4=127.0.0.1:$up1" "v5=gone.test:$up1" "v6=127.0.0.1:$named" "old=tls model.test:$old" \
		"odd=tls localhost:$tls" "v7=127.0.0.1:$breaks" |
		sed "s/upstream: 127.0.0.1:$up1\$/&\n        connections: 1/"
	[ -z "${1:-}" ] || { echo "    ca: |"; sed 's/^/      /' "$dir/$1.pem"; }
	[ -z "${2:-}" ] || echo "    host: $2"
}
server() { get /v1/endpoints/m "[.servers[] | select(.version == \"$1\")][${3:-0}].$2"; }
server_is() { [ "$(server "$1" "$2" "${4:-0}")" = "$3" ]; }
server_says() { grep -q "$3" <<<"$(server "$1" "$2")"; }
# route VERSION: all traffic goes there as soon as it is ready; what went elsewhere before is aborted
rollout=
route() {
	[ -z "$rollout" ] || verb abort >/dev/null
	rollout=$(api POST /v1/endpoints/m/rollouts "{\"to\":\"$1\",\"share_bp\":10000,\"reason\":\"test\"}" |
		jq -r '.rollout.id // .rollout')
}
asked_of() { curl -s -m 3 "http://127.0.0.1:$front/predict" -d '{}' | jq -r .version; }
answers() { [ "$(asked_of)" = "$1" ]; }

versions >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
both_up() { server_is v1 state up && server_is v1 state up 1; }
check "both servers of v1 are ready" wait_for 5 both_up

# -- a person takes a server out --
code() { "$PITHEAD" "$@" >"$dir/code.out" 2>&1 </dev/null; echo $?; }
says() { grep -q -- "$1" "$dir/code.out"; }
is "which of two versions must be said" "$(code server drain m "127.0.0.1:$up1")" 4
check "and how" says "--version=v1"
is "a plan" "$(code server drain m "127.0.0.1:$up1" --version=v1 --dry-run)" 0
check "tells how many are left" says "leave 1 ready server for v1"
is "one is drained" "$(code server drain m "127.0.0.1:$up1" --version=v1 --reason "kernel update")" 0
change=$(get /v1/changes '.items[0].seq')
server_is v1 state drain || server_is v1 state drain 1 || not_ok "it drains: $(get /v1/endpoints/m .servers)"
# asked N: who answers, each once
asked() { for ((i = 0; i < $1; i++)); do asked_of; done | sort -u | tr '\n' ' '; }
is "it gets no new request" "$(asked 12)" "v1b "
is "by whom and why is told" "$(get /v1/endpoints/m \
	'[.servers[].drained | select(.)][0] | "\(.by) \(.reason)"')" "$(id -un) kernel update"
is "the other is the last: the plan" "$(code server drain m "127.0.0.1:$up2" --dry-run)" 0
check "says so" says "last ready server of stable v1"
kill_engine
check "an engine that is killed keeps it so" wait_for 5 server_says v1 drained.reason "kernel update"
is "and nothing reached it" "$(asked 6)" "v1b "
killed=$(get /v1/engine .gateway.pid)
kill -9 "$killed"
another_gateway() {
	local now
	now=$(get /v1/engine .gateway.pid)
	[ "${now:-0}" -gt 0 ] && [ "$now" != "$killed" ] && answers v1b
}
check "a gateway that is killed, too" wait_for 10 another_gateway
is "from its first request on" "$(asked 6)" "v1b "
is "the drain is undone" "$(code undo "$change")" 0
both_answer() { [ "$(asked 12)" = "v1 v1b " ]; }
check "and it serves again" wait_for 5 both_answer

# -- whose certificate it is --
route v2
refused="TLS: its certificate is of an authority that is not trusted"
check "no certificate of an authority that nobody named" wait_for 5 server_says v2 check "$refused"
is "its server is down" "$(server v2 state)" down
code endpoint show m >/dev/null
check "and people are told why: $(grep "^ *servers" -A3 "$dir/code.out" | grep v2)" \
	grep -q "v2 .* down: $refused" "$dir/code.out"
versions other >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || not_ok "a spec with certificates is applied"
check "nor of another authority" wait_for 5 server_says v2 check "$refused"
is "so v2 waits" "$(get "/v1/rollouts/$rollout" .state)" waiting
is "v1 still serves" "$(version_now)" v1
versions ca >"$dir/pithead.yaml"
jq -Rs '{spec: .}' <"$dir/pithead.yaml" >"$dir/plan.json"
check "the plan shows certificates by their digest" grep -q '"a text of [0-9]* bytes, [0-9a-f]*"' \
	<<<"$(api POST /v1/plan "@$dir/plan.json")"
apply "$dir/pithead.yaml" || not_ok "a spec with the right certificates is applied"
check "the right one is trusted" wait_for 10 answers secret
while read -r version why; do
	route "$version"
	check "$version: $why" wait_for 5 server_says "$version" check "^TLS: $why"
done <<-END
	old its certificate has expired
	odd its certificate is not for localhost
END

# -- what the servers are asked for --
route v6
check "another host's request is refused" wait_for 5 server_says v6 check "Misdirected"
waits() { grep -q "servers of v6 are ready: 0 of 1" <<<"$(get /v1/endpoints/m .state_word)"; }
check "people are told how many are ready" wait_for 5 waits
versions ca model.internal >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || not_ok "a spec with a host is applied"
check "with its host it serves" wait_for 10 answers named

# -- names --
if [ "$(id -u)" = 0 ]; then
	route v3
	check "a name's server serves" wait_for 10 answers here
	generation=$(get /v1/engine .gateway.generation)
	hosts 127.0.0.2
	check "and is followed where its name goes" wait_for 5 answers moved
	is "without a reload" "$(get /v1/engine .gateway.generation)" "$generation"
	route v5
	check "a name without an address stops nothing" wait_for 5 server_says v5 check \
		"gone.test has no address"
	is "v1 serves meanwhile" "$(version_now)" v1
	echo 127.0.0.1 gone.test >>"$dir/hosts"
	check "until it has one" wait_for 15 answers v1
fi

# -- no more at a time than it can take --
route v4
served_by_v4() { [ "$(version_now)" = v4 ]; }
check "v4 serves" wait_for 10 served_by_v4
exchange ask sse "127.0.0.1:$front" events=2 gap=2500 accept=1 >/dev/null 2>&1 &
stream=$!
busy() { server_is v4 sessions 1; }
wait_for 5 busy || not_ok "its one connection is taken"
failures() { get /v1/endpoints/m .candidate_stats.failures; }
before=$(failures)
is "a second request waits its turn, then fails" \
	"$(curl -s -m 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$front/predict" -d '{}')" 503
more() { [ "$(failures)" = $((before + 1)) ]; }
check "as a failure of its arm" wait_for 5 more
kill "$stream"
wait "$stream" 2>/dev/null || true

# -- answers that begin well and break off --
verb abort >/dev/null
aborted() { state_is aborted; }
wait_for 5 aborted || not_ok "v4 is taken back"
start_rollout v7 5000 || not_ok "v7 has half of the traffic: $(get "/v1/rollouts/$rollout" .state)"
is "nothing is told of who had its place before" "$(get /v1/endpoints/m '[.servers[] | select(.version == "v7")] | length')" 1
for part in 1 2; do
	seq 60 | sed "s|.*|next\nsilent\noutput = /dev/null\nurl = http://127.0.0.1:$front/sse?events=1|" |
		curl --parallel --parallel-max 8 --config - 2>/dev/null
done
check "who breaks off its streams is taken back" wait_for 5 aborted
is "because of that" "$(get "/v1/rollouts/$rollout" .end_reason |
	sed -E 's/off [0-9]+ of [0-9]+ answers, v1 0 of [0-9]+/off N/')" "v7 broke off N"
