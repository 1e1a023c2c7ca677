#!/bin/bash
# crash.sh: the long form of the end-to-end test of the same name: 50 moments.
MOMENTS=${MOMENTS:-50} exec "$(dirname "$0")/../e2e/crash.sh"
