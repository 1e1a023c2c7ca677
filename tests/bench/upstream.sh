#!/bin/bash
# upstream.sh: what the gateway costs where it only passes things on: large bodies, chunks and an
# upgraded connection through it and through a plain HAProxy, by turns, to the same server; and a
# stream of 30 s. Floor: 0.9 of the plain one's speed (the median of pairs of runs).
. "$(dirname "$0")/../e2e/lib.sh"
exchange() { python3 "$root/tests/support/programs/exchange.py" "$@"; }
for n in up front plain; do free_port; declare "$n=$port"; done
background server python3 "$root/tests/support/programs/exchange.py" serve "$up=v1"
mkdir "$dir/plain"
cat >"$dir/plain/haproxy.cfg" <<CFG
global
	nbthread 2
defaults
	mode http
	timeout connect 1s
	timeout client 60s
	timeout server 60s
	timeout tunnel 1h
listen plain
	bind 127.0.0.1:$plain
	server s 127.0.0.1:$up
CFG
background plain haproxy -db -f "$dir/plain/haproxy.cfg"
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m "$front" "v1=127.0.0.1:$up"
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
wait_for 10 serve_v1 || { not_ok "v1 serves"; exit 1; }
wait_for 10 answered_by v1 || { not_ok "the gateway answers with v1"; exit 1; }
plain_answers() { curl -s -m 1 -o /dev/null "http://127.0.0.1:$plain/healthz"; }
wait_for 5 plain_answers || { not_ok "the plain HAProxy answers"; exit 1; }

exchange ask sse "127.0.0.1:$front" events=121 gap=250 >"$dir/sse.out" 2>&1 &
stream=$!
taken() { # taken PORT KIND [NAME=VALUE...]: milliseconds, or a sentence that is no number
	local said
	said=$(exchange ask "$2" "127.0.0.1:$1" "${@:3}")
	[[ $said =~ ([0-9]+)\ ms\ in\ all ]] && echo "${BASH_REMATCH[1]}" || echo "$said"
}
ratio() { # ratio WHAT KIND [NAME=VALUE...]
	local what=$1 i ours plains list=
	shift
	taken "$front" "$@" >/dev/null
	taken "$plain" "$@" >/dev/null
	for ((i = 0; i < 9; i++)); do
		plains=$(taken "$plain" "$@")
		ours=$(taken "$front" "$@")
		list+="$(awk "BEGIN { print $plains / $ours }") "
	done
	i=$(tr ' ' '\n' <<<"$list" | sort -g | sed '/^$/d' | sed -n 5p)
	if awk "BEGIN { exit !($i >= 0.9) }"; then
		ok "$what: $i of the plain HAProxy's speed (floor 0.9; the last took $ours ms)"
	else
		not_ok "$what: $i of the plain HAProxy's speed (floor 0.9): $list"
	fi
}
ratio "an upload of 50 MB" upload bytes=50000000
ratio "an upload of 50 MB in chunks" upload bytes=50000000 chunked=1
ratio "an answer of 50 MB" large bytes=50000000
ratio "an answer of 50 MB in chunks" chunks bytes=50000000
ratio "20 MB there and back over an upgraded connection" ws bytes=20000000
wait "$stream"
rc=$?
check "a stream of 30 s: $(cat "$dir/sse.out")" test "$rc" = 0
