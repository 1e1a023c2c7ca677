#!/bin/bash
# stalled.sh: requests do not feel the engine: pairs of spans with the engine alive and then
# stopped or stalled, in turns. Bars: median ratio of p50 1.05, of p99 1.25, no error. PAIRS=20
# SPAN=5 is the long form.
. "$(dirname "$0")/../e2e/lib.sh"
pairs=${PAIRS:-$(short_or 4 20)} span=${SPAN:-$(short_or 2 5)} rate=${RATE:-500}
LEASE=15000 TICK=1000
one_endpoint
measure() { # measure NAME: one span of traffic, a line of p50, p99, failed
	"$TOOLS/load" --port "$front" --rate "$rate" --for "$span" --keys 1000 >"$dir/span" ||
		not_ok "traffic"
	jq -r '"\(.p50_us) \(.p99_us) \(.failed)"' "$dir/span" >>"$dir/$1"
}
measure warm
for ((i = 0; i < pairs; i++)); do
	# Alternately first, so that a drift of the machine weighs on both.
	[ $((i % 2)) = 0 ] && measure live
	worker=$(engine_pid worker)
	if [ $((i / 2 % 2)) = 0 ]; then
		kill -STOP "$worker"
		measure without
		kill -CONT "$worker"
	else
		"$PITHEAD" engine stop >/dev/null </dev/null
		measure without
		start_engine || not_ok "the engine starts again"
	fi
	wait_for 5 engine_up
	[ $((i % 2)) = 1 ] && measure live
done
ratio() { # ratio COLUMN: median over the pairs of without / live
	paste -d' ' "$dir/without" "$dir/live" | awk -v c="$1" '{ print $c / $(c + 3) }' |
		sort -n | awk '{ a[NR] = $1 } END { m = int((NR + 1) / 2)
			printf "%.3f", NR % 2 ? a[m] : (a[m] + a[m + 1]) / 2 }'
}
echo "# without: $(xargs <"$dir/without")"
echo "# live:    $(xargs <"$dir/live")"
p99=$(ratio 2)
at_most "p50, engine stopped or stalled against live" "$(ratio 1)" 1.05
at_most "p99, engine stopped or stalled against live" "$p99" 1.25
is "failed requests" "$(awk '{ n += $3 } END { print n + 0 }' "$dir/without" "$dir/live")" 0
