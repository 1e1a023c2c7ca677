#!/bin/bash
# console.sh: the console from outside: how fast a key is answered over 100,000 audit rows, how many
# bytes it costs, what it does when nothing happens, and over a slow line. Figures with their bars.
. "$(dirname "$0")/../e2e/lib.sh"
mkdir -p -m 0711 "$PITHEAD_HOME"
"$TOOLS/fillaudit" "$PITHEAD_HOME" "${ROWS:-100000}" || exit 1
start_engine || { cat "$dir/start.err"; exit 1; }
echo "audit_rows $(get /v1/engine .head)"
python3 "$(dirname "$0")/console.py" "$PITHEAD"
