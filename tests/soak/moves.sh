#!/bin/bash
# moves.sh: the long form of the end-to-end test of the same name.
LONG=1 exec "$(dirname "$0")/../e2e/moves.sh"
