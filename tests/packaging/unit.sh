#!/bin/sh
# unit.sh: the systemd unit is one that systemd takes, and says what the design promises.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
unit=$root/examples/pithead.service
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok $name"
		cat "$tmp/out"
	fi
}

for line in KillMode=process Restart=always Delegate=yes RuntimeDirectory=pithead \
	StateDirectory=pithead "ExecStart=/usr/bin/pithead engine --foreground" \
	Environment=PITHEAD_HOME=/var/lib/pithead; do
	check "the unit says $line" grep -qxF "$line" "$unit"
done
if command -v systemd-analyze >/dev/null; then
	# The program need not be installed for the unit to be right.
	sed "s|^ExecStart=/usr/bin/pithead|ExecStart=/bin/true|" "$unit" >"$tmp/pithead.service"
	check "systemd takes the unit" systemd-analyze verify --man=no "$tmp/pithead.service"
	check "and says nothing of it" test ! -s "$tmp/out"
	echo "Nonsense=1" >>"$tmp/pithead.service"
	check "and would say so" sh -c "systemd-analyze verify --man=no '$tmp/pithead.service' 2>&1 |
		grep -q Nonsense"
else
	echo "skip systemd-analyze is not installed: make packages"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
