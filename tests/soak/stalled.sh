#!/bin/bash
# stalled.sh: the long form of the bench of the same name: 20 pairs of 5 s.
LONG=1 exec "$(dirname "$0")/../bench/stalled.sh"
