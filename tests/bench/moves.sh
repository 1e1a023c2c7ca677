#!/bin/bash
# moves.sh: a share move, answered after the gateway's read-back, and an abort, against the floor
# of one durable commit of the same rows and one map row set and read by hand. Bars: 2 and 3.
. "$(dirname "$0")/../e2e/lib.sh"
LEASE=15000 TICK=${TICK:-1000}
one_endpoint
mkdir -p "$dir/floor/store" "$dir/floor/keys" "$dir/floor/log"
"$TOOLS/movebench" "$PITHEAD_HOME" "$dir/floor" t/m "${COUNT:-200}" >"$dir/bench" || exit 1
jq -r 'to_entries[] | "\(.key) \(.value)"' "$dir/bench"
at_most "share move: median against the floor" "$(jq .move_ratio "$dir/bench")" 2
at_most "abort: median against the floor" "$(jq .abort_ratio "$dir/bench")" 3
