#!/bin/bash
# deb.sh: the package in a Debian root that never had anything of it: made by debootstrap, with what
# the package depends on and no more; then its whole life there (tests/packaging/deb.sh).
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null || {
	echo "skip deb: it needs root and debootstrap (apt-get install debootstrap)"
	exit 0
}
base=$(mktemp -d /tmp/ph-fresh.XXXXXX) || exit 1
trap 'rm -rf "$base"' EXIT
deb=$(.debian/build "${BUILD:-build}" 0.1.0 "$base" | tail -n 1)
suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	sed -n 's/^URIs: *//p; s/^deb  *\(\[[^]]*\]\)\{0,1\} *\(http[^ ]*\) .*/\2/p' | head -n 1)
needs=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/,//g')
{
	# What the test itself asks with: systemd, curl, ps, ip, and a shell that waits.
	debootstrap --variant=minbase --include=systemd,curl,procps,iproute2,ca-certificates \
		"$suite" "$base/root" "$mirror" &&
		cp -L /etc/resolv.conf "$base/root/etc/" &&
		printf '#!/bin/sh\nexit 101\n' >"$base/root/usr/sbin/policy-rc.d" &&
		chmod 755 "$base/root/usr/sbin/policy-rc.d" &&
		chroot "$base/root" env DEBIAN_FRONTEND=noninteractive sh -c \
			"apt-get update && apt-get install -y --no-install-recommends $needs" &&
		[ ! -e "$base/root/usr/bin/pithead" ]
} >"$base/log" 2>&1 || {
	tail -n 5 "$base/log"
	echo "0 passed, 1 failed"
	exit 1
}
FRESH=$base/root tests/packaging/deb.sh
