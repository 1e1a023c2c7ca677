#!/bin/bash
# lease.sh: a dead and a stuck engine with the lease and the tick that people have.
MOMENTS=0 LEASE=15000 TICK=1000 exec "$(dirname "$0")/../e2e/crash.sh"
