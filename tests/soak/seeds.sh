#!/bin/bash
# seeds.sh: the flights example by its default policy, with many seeds on a played clock and the real
# answers of its models: v2 promoted, v3, v4 and v5 taken back, each for its own reason. SEEDS=20.
# run: limit 3600
. "$(dirname "$0")/../e2e/lib.sh"
cd "$root" || exit 1
bundles=$BUILD/examples/flights/bundles
for v in 1 2 3 4 5; do
	background "v$v" env -C "$bundles/v$v" ./serve --model model.liblinear --socket "$dir/v$v.sock"
done
for v in 1 2 3 4 5; do
	wait_for 10 test -S "$dir/v$v.sock" || not_ok "v$v answers"
done
# As shipped, but for who serves: the versions stand by name, nobody starts them here.
awk '/^    serve:/ { print "    versions:"; for (v = 1; v <= 5; v++)
	printf "      v%d:\n        upstream: 127.0.0.1:900%d\n", v, v; next }
	/^    replicas:/ { next } { print }' "${SPEC:-examples/flights/pithead.yaml}" >"$dir/pithead.yaml"
gunzip <examples/flights/data/flights.csv.gz |
	"$TOOLS/seeds" "$dir/pithead.yaml" "$dir" "${SEEDS:-20}" "${FLIGHTS:-150000}" \
		"${ONLY:-v2,v3,v4,v5}" >"$dir/seeds.out" 2>&1
rc=$?
sed 's/^/# /' "$dir/seeds.out"
for v in ${ONLY:-v2 v3 v4 v5}; do
	check "$v ended as it should with every seed" \
		grep -q "^$v: ${SEEDS:-20} of ${SEEDS:-20} " "$dir/seeds.out"
done
is "and none needed more flights than there are" "$rc" 0
