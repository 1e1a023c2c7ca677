#!/bin/bash
# judge.sh: the flights example live, once through each version, by its policy as shipped.
# run: limit 5000
LONG=1 exec "$(dirname "$0")/../e2e/judge.sh"
