#!/bin/bash
# upstream.sh: servers that somebody else runs. Whatever HTTP they speak passes the gateway as it is:
# streams, large bodies, chunks, upgrades; what of it cannot be read is counted.
# run: limit 90, run: beside
. "$(dirname "$0")/lib.sh"
exchange() { python3 "$root/tests/support/programs/exchange.py" "$@"; }

free_port; up1=$port
free_port; front=$port
background servers python3 "$root/tests/support/programs/exchange.py" serve "$up1=v1"
settings lease_ms 2000 tick_ms 200
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
for i in "${!asked[@]}"; do
	wait "${asked[i]%%|*}"
	rc=$?
	check "${asked[i]#*|}: $(cat "$dir/ask.$i")" test "$rc" = 0
done
# 4 of one request each have no readable answer: chunks, large, HTTP/1.0 twice; 2 streams, 1 upgrade.
unread() { field_is /v1/endpoints/m .stable_stats.unread 7; }
check "what cannot be read is counted" wait_for 5 unread
is "nothing of it is a failure" "$(get /v1/endpoints/m .stable_stats.failures)" 0
check "endpoint show tells it" grep -q "7 of them unread" <<<"$("$PITHEAD" endpoint show m </dev/null)"
check "so do the metrics" grep -Eq '^pithead_unread_total\{.*\} 7$' <<<"$(api GET /metrics)"
# The stream that lasts is judged while it lasts: by its head.
exchange ask sse "127.0.0.1:$front" events=30 gap=900 accept=1 >/dev/null 2>&1 &
stream=$!
eight() { field_is /v1/endpoints/m .stable_stats.unread 8; }
check "a stream's record is there before its end" wait_for 5 eight
check "which it has not come to" kill "$stream"
wait "$stream" 2>/dev/null || true
