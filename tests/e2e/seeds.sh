#!/bin/bash
# seeds.sh: two seeds of each of what tests/soak/seeds.sh does with twenty.
# run: limit 170, run: beside
SEEDS=2 FLIGHTS=70000 exec "$(dirname "$0")/../soak/seeds.sh"
