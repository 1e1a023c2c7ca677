#!/bin/bash
# moves.sh: traffic follows every act at once, and a share is what it says. The long form:
# LONG=1 (200 moves, 20,000 keys).
# run: alone
. "$(dirname "$0")/lib.sh"
cycles=$(short_or 10 50)
keys=$(short_or 4000 20000)
one_endpoint

# -- the time from an act to the last answer of the old place --

# move OLD COMMAND...: one act; old, times of call and answer go to $dir/moves
move() {
	local old=$1 t0 t1
	shift
	t0=$(now_us)
	"$@" >"$dir/move.out" || { not_ok "$*: $(cat "$dir/move.out")"; return; }
	t1=$(now_us)
	[ "$(jq -r .done "$dir/move.out")" = true ] || not_ok "$* is answered after its proof"
	echo "$old $t0 $t1" >>"$dir/moves"
	pause_ms 320 # longer than the limit, so that a late one would be seen
}
rollback() { api POST /v1/endpoints/m/rollback '{"to":"v1","reason":"test"}'; }

load moves --rate 200 --keys 1000 --fresh 20
for ((i = 0; i < cycles; i++)); do
	start_rollout v2 1 || not_ok "rollout $i begins"
	move v1 verb advance 10000
	move v2 verb advance 0
	move v1 verb promote
	move v2 rollback
done
unload
# Requests of the old version that ended after the call, and those sent after the answer.
awk 'NR == FNR { old[NR] = $1; t0[NR] = $2; t1[NR] = $3; n = NR; next }
	$4 == 200 { for (i = n; i > 0 && t0[i] > $3; i--) ;
		if (i && $5 == old[i]) {
			if ($3 - t0[i] > last[i]) last[i] = $3 - t0[i]
			if ($2 > t1[i]) wrong++ } }
	END { for (i = 1; i <= n; i++) print last[i] + 0 >"'"$dir"'/delays"; print wrong + 0 }' \
	"$dir/moves" "$dir/moves.tsv" >"$dir/wrong"
sort -n "$dir/delays" >"$dir/sorted"
n=$(wc -l <"$dir/sorted")
# Of few moves the 99th in a hundred is the worst, which is the disk's: there it is the 95th.
q=$(short_or 95 99)
late=$(sed -n "$(((n * q + 99) / 100))p" "$dir/sorted")
echo "# $n moves: median $(sed -n "$(((n + 1) / 2))p" "$dir/sorted") us, p$q $late us," \
	"longest $(tail -n 1 "$dir/sorted") us; traffic $(cat "$dir/moves.out")"
is "every move was made" "$n" $((cycles * 4))
at_most "p$q from the call to the last answer of the old place, us" "$late" 250000
is "requests on the old version after the confirmation" "$(cat "$dir/wrong")" 0
is "failed requests" "$(jq .failed "$dir/moves.out")" 0

# -- the split --

# within NAME SHARE_BP: 4 standard errors of the requests of $dir/NAME.tsv
within() {
	awk -v p="$2" '{ n++; if ($5 == "v2") k++ }
		END { p /= 10000; se = sqrt(p * (1 - p) / n); d = k / n - p
		printf "# %.4f of %d wanted %.4f, %+.2f standard errors\n", k / n, n, p, d / se
		exit !(n && d <= 4 * se && d >= -4 * se) }' "$dir/$1.tsv"
}
candidates() { awk '$5 == "v2" { print $6 }' "$dir/$1.tsv" | sort -u; }

start_rollout v2 100
for share in 100 500 2500 5000; do
	[ "$share" = 100 ] || verb advance "$share" >/dev/null || not_ok "advance to $share"
	"$TOOLS/load" --port "$front" --rate 2000 --requests "$keys" --keys "$keys" \
		--out "$dir/keyed$share.tsv" >"$dir/keyed.out"
	"$TOOLS/load" --port "$front" --rate 2000 --requests "$keys" \
		--out "$dir/keyless$share.tsv" >"$dir/keyless.out"
	check "$keys keys at $share bp" within "keyed$share" "$share"
	check "$keys requests without a key at $share bp" within "keyless$share" "$share"
	candidates "keyed$share" >"$dir/in$share"
	is "who left the candidate as the share grew to $share bp" \
		"$(cat "$dir/before" 2>/dev/null | comm -23 - "$dir/in$share" | wc -l)" 0
	cp "$dir/in$share" "$dir/before"
done
