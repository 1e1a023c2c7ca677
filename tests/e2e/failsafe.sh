#!/bin/bash
# failsafe.sh: after an abort nothing reaches the candidate, whatever overrides say; and a request
# that hides its segment while one is pinned to stable goes to stable and is counted.
. "$(dirname "$0")/lib.sh"
rounds=$(short_or 4 40)
one_endpoint

override() { # override SEGMENT SHARE_BP|null
	api POST /v1/endpoints/m/overrides \
		"{\"segment\":\"$1\",\"share_bp\":$2,\"reason\":\"test\"}" >"$dir/override.out" ||
		not_ok "override $1 $2: $(cat "$dir/override.out")"
}

# -- abort, with and without overrides --
wrong=0 seen=0
for ((i = 0; i < rounds; i++)); do
	start_rollout v2 5000 || not_ok "rollout $i begins"
	[ $((i % 2)) = 0 ] || override ORD 10000
	load "abort$i" --rate 500 --keys 500 --fresh 20
	wait_for 5 grep -q v2 "$dir/abort$i.tsv"
	verb abort >"$dir/abort.out" || not_ok "abort: $(cat "$dir/abort.out")"
	after=$(now_us)
	pause_ms 300
	unload
	wrong=$((wrong + $(awk -v t="$after" '$2 > t && $5 != "v1"' "$dir/abort$i.tsv" | wc -l)))
	seen=$((seen + $(awk -v t="$after" '$2 > t' "$dir/abort$i.tsv" | wc -l)))
	is "failed requests of round $i" "$(jq .failed "$dir/abort$i.out")" 0
	awk -v t="$after" '$4 !~ /^2/ || ($2 > t && $5 != "v1") { print "# round '$i', abort at " t ": " $0 }' \
		"$dir/abort$i.tsv"
done
is "candidate's requests of $seen sent after an abort" "$wrong" 0
check "there was traffic after the abort" test "$seen" -gt $((rounds * 50))

# -- hidden segments --
start_rollout v2 10000
override ORD 0
ask() { # ask BODY [CURL WORDS...]: the version that served
	local body=$1
	shift
	curl -s -m 20 -o /dev/null -D - "http://127.0.0.1:$front/predict" --data-binary "$body" \
		-H 'Content-Type: application/json' "$@" |
		tr -d '\r' | sed -n 's/^x-pithead-version: //Ip'
}
unknown() { get /v1/endpoints/m .segment_unknown; }
unknown_is() { [ "$(unknown)" = "$1" ]; }
is "a segment without an override follows the share" "$(ask '{"origin":"LAX"}')" v2
is "the pinned segment stays on stable" "$(ask '{"origin":"ORD"}')" v1
counted=$(unknown)
hidden() { # hidden WHAT BODY [CURL WORDS...]
	local what=$1
	shift
	is "$what goes to stable" "$(ask "$@")" v1
	counted=$((counted + 1))
	wait_for 3 unknown_is "$counted" ||
		not_ok "$what is counted: segment_unknown is $(unknown), wanted $counted"
}
hidden "a chunked body" '{"origin":"ORD"}' -H 'Transfer-Encoding: chunked'
big=$(head -c 20000 /dev/zero | tr '\0' ' ')
hidden "a body over the limit" "{\"pad\":\"$big\",\"origin\":\"ORD\"}"
hidden "the key twice" '{"origin":"LAX","origin":"ORD"}'
hidden "the key twice, the other way" '{"origin":"ORD","origin":"LAX"}'
hidden "an escaped key" '{"\u006frigin":"ORD","origin":"LAX"}'
hidden "the key in other letters" '{"Origin":"ORD","origin":"LAX"}'
hidden "no key" '{"hour":3}'
hidden "no JSON" 'ORD'

# A slow chunked body: the head first, the segment later.
exec 5<>"/dev/tcp/127.0.0.1/$front"
printf 'POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"origin\r\n' >&5
pause_ms 400
printf '7\r\n":"ORD"\r\n1\r\n}\r\n0\r\n\r\n' >&5
while read -rt 3 -u 5 line && [ "$line" != $'\r' ]; do echo "$line"; done | tr -d '\r' >"$dir/slow"
exec 5<&- 5>&-
is "a slow chunked body goes to stable" \
	"$(sed -n 's/^x-pithead-version: //Ip' "$dir/slow")" v1
wait_for 3 unknown_is $((counted + 1)) || not_ok "it is counted: $(unknown)"
override ORD null
is "without the override its segment follows the share" "$(ask '{"origin":"ORD"}')" v2
