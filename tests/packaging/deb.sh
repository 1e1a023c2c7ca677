#!/bin/bash
# deb.sh: the Debian package: the same bytes from the same commit, what is in it, Debian's own rules;
# then, on a machine to throw away, its life: installed and started by systemd, restarted and upgraded
# under traffic, rebooted in the middle of a canary, removed, and purged so that nothing is left.
# run: beside, run: long
. "$(dirname "$0")/lib.sh"
command -v dpkg-deb dpkg-shlibdeps >/dev/null || skip "dpkg-dev is not installed: make packages"
work=$dir/build
mkdir "$work"

# -- what is in it --
pack() { # sets $deb
	"$root/.debian/build" "$BUILD" 0.1.0 "$work" >"$dir/pack.out" 2>&1 || return
	deb=$(tail -n 1 "$dir/pack.out")
}
check "a package is made" pack
[ -f "${deb:-}" ] || { cat "$dir/pack.out"; exit 1; }
sum=$(sha256sum <"$deb")
pack
is "the same bytes a second time" "$(sha256sum <"$deb")" "$sum"
field() { dpkg-deb -f "$deb" "$1"; }
is "its version is below the release" "$(dpkg --compare-versions "$(field Version)" lt 0.1.1 && echo yes)" yes
for need in haproxy bubblewrap tzdata adduser libmicrohttpd libsqlite3 libcurl; do
	check "it depends on $need" grep -q "$need" <<<"$(field Depends)"
done
dpkg-deb -c "$deb" >"$dir/contents"
for path in usr/bin/pithead lib/systemd/system/pithead.service etc/pithead/ etc/logrotate.d/pithead \
	usr/share/man/man1/pithead.1.gz usr/share/man/man5/pithead.yaml.5.gz \
	usr/share/bash-completion/completions/pithead usr/share/zsh/vendor-completions/_pithead \
	usr/share/doc/pithead/copyright usr/share/doc/pithead/changelog.Debian.gz \
	usr/share/doc/pithead/examples/access.yaml; do
	check "it holds /$path" grep -q " \./$path\$" "$dir/contents"
done
is "all of it is root's, for nobody else to write" \
	"$(awk '$2 != "root/root" || substr($1, 6, 1) == "w" || substr($1, 9, 1) == "w"' "$dir/contents")" ""
sed 's/^project: .*/project: t/; /^access:/,$!d' "$root/examples/access.yaml" | { echo "project: t"; echo "owner: t"
	cat; } >"$dir/access.yaml"
check "the example of an access section is valid" "$PITHEAD" spec check "$dir/access.yaml" </dev/null >/dev/null
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error "$deb" >"$dir/lintian.out" 2>&1 ||
		{ not_ok "lintian"; cat "$dir/lintian.out"; }
	is "lintian has no errors" "$(grep '^E:' "$dir/lintian.out")" ""
else
	echo "skip lintian is not installed: make packages"
fi
if command -v logrotate >/dev/null; then
	mkdir "$dir/log"
	sed "s|/var/lib/pithead/log|$dir/log|" "$root/.debian/logrotate" >"$dir/logrotate.conf"
	printf '%060000000d' 0 >"$dir/log/r0123456789.log"
	chmod 700 "$dir/log"
	logrotate -s "$dir/log/state" "$dir/logrotate.conf" 2>"$dir/logrotate.err"
	is "logrotate cuts a replica's long log" "$(stat -c %s "$dir/log/r0123456789.log")" 0
fi
why=$(machine_why)
[ -z "$why" ] || skip "$why"

# -- its life --
machine_new "${FRESH:-/}"
mkdir -p "$machine/upper/opt" "$machine/upper/etc/dpkg/dpkg.cfg.d"
cp "$TOOLS"/{upstream,load} "$deb" "$machine/upper/opt/"
echo force-unsafe-io >"$machine/upper/etc/dpkg/dpkg.cfg.d/quick"
# newer VARIANT VERSION: a newer package, with another program where `make variants` has made one
newer() {
	dpkg-deb -R "$deb" "$dir/$1"
	[ ! -x "$BUILD/variants/$1/pithead" ] || install "$BUILD/variants/$1/pithead" "$dir/$1/usr/bin/pithead"
	sed -i "s/^Version: .*/Version: $2-1/" "$dir/$1/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone -b "$dir/$1" "$machine/upper/opt/$1.deb" >/dev/null
}
newer failing 0.1.1
newer newer 0.1.2
machine_on || { not_ok "the machine boots: $(cat "$dir/boot.out")"; exit 1; }
# What was written on the machine's disk, but for what every use of a package manager leaves there.
files() {
	(cd "$machine/upper" && find . \( -path './var/log/*' -o -path './var/lib/dpkg/*' -o -path './var/cache/*' \
		-o -path './etc/*-' -o -path './etc/*shadow' \
		-o -path './etc/passwd' -o -path './etc/group' -o -path './etc/sub[gu]id' -o -path './var/lib/systemd/*' -o -path ./etc/.pwd.lock \
		-o -path './usr/lib/python*' \) -prune -o -type f -print -o -type l -print)
	inside find /run /var/lib/systemd -xdev -name '*pithead*'
	inside cat /etc/passwd /etc/group /etc/shadow
}
files | sort >"$dir/before"
inside rm -f /var/lib/man-db/auto-update
inside dpkg -i "/opt/${deb##*/}" >"$dir/install.out" 2>&1 || { not_ok "it installs"; cat "$dir/install.out"; }
pithead() { inside pithead "$@"; }
answers() { inside pithead engine status >/dev/null 2>&1; }
check "systemd has started the engine" wait_for 10 answers
is "and it starts with the machine" "$(inside systemctl is-enabled pithead)" enabled
is "doctor finds no fault" "$(pithead doctor | grep '^fail')" ""
check "and says who gateway and replicas run as" grep -q "run as the user pithead" <<<"$(pithead doctor)"

# -- replicas serve, a canary has half of the traffic --
mkdir -p "$machine/bundles"
for v in v1 v2; do
	inside mkdir -p "/opt/$v"
	inside cp /opt/upstream "/opt/$v/server"
	inside sh -c "echo $v >/opt/$v/name"
	pithead version add "/opt/$v" --name "$v" --project t >"$dir/add.out" 2>&1 || cat "$dir/add.out"
done
{ echo "project: t"; echo "owner: tests"; echo "endpoints:"; serve_spec m 80; } |
	sed 's/ 1h/ 10s/' >"$machine/upper/opt/spec"
inside sh -c "cd /opt && cp spec pithead.yaml && pithead apply --yes --reason first" >"$dir/apply.out" 2>&1 || cat "$dir/apply.out"
inside pithead endpoint serve m --to v1 --reason first >/dev/null
asked() { inside curl -s -m 3 http://127.0.0.1/predict -d '{"origin":"ORD"}'; }
serves_v1() { asked | grep -q '"v1"'; }
check "v1 serves on a low port" wait_for 20 serves_v1
users() { inside ps -eo user:12,comm | awk '$2 == "'"$1"'" { print $1 }' | sort -u | xargs; }
is "HAProxy is not root" "$(users haproxy)" pithead
is "nor are replicas" "$(users server) $(users bwrap)" "pithead pithead"
sees() { inside setpriv --reuid pithead --regid pithead --clear-groups ls "/var/lib/pithead/$1" 2>&1; }
for folder in . store keys log run run/gw run/box; do
	check "its user sees nothing in $folder" grep -q denied <<<"$(sees $folder)"
done
canary() {
	inside pithead rollout start m --to v2 --share 50% --reason test >"$dir/start.out" 2>&1
	wait_for 10 share_is 5000
}
shown() { inside curl -s --unix-socket /run/pithead/engine.sock "http://e/v1/$1" | jq -r "$2" 2>/dev/null; }
share_is() { [ "$(shown endpoints/m .share_in_force_bp)" = "$1" ]; }
check "a canary gets half" canary

# -- restarts of the service under traffic --
main_pid() { inside systemctl show -P MainPID pithead; }
gateway=$(inside pgrep -x haproxy)
(inside /opt/load --port 80 --rate 500 --keys 500 --fresh 30 --for 60 --out /tmp/load.tsv >"$dir/load.out") &
loader=$!
wait_for 5 inside test -s /tmp/load.tsv
old=$(main_pid)
inside systemctl restart pithead
check "the service is restarted" wait_for 10 answers
[ "$(main_pid)" != "$old" ] || not_ok "by another process"
old=$(main_pid)
inside kill -9 "$old"
another() { answers && [ "$(main_pid)" != "$old" ]; }
check "killed, systemd starts it again" wait_for 10 another
version=$(shown engine .version) old=$(main_pid)
for package in failing newer; do
	inside dpkg -i "/opt/$package.deb" >"$dir/upgrade.out" 2>&1 || { not_ok "$package is installed"; cat "$dir/upgrade.out"; }
	check "a package is installed over it ($package), and the service runs" wait_for 10 answers
	[ ! -x "$BUILD/variants/$package/pithead" ] ||
		is "by the right program, with its pid" "$(shown engine .version) $(main_pid)" \
			"$([ $package = newer ] && echo 9.0.0 || echo "$version") $old"
done
check "the canary still has half" wait_for 5 share_is 5000
is "and the gateway is the same" "$(inside pgrep -x haproxy)" "$gateway"
inside pkill -TERM -x load
wait "$loader"
is "requests failed at 500/s: $(jq -c . "$dir/load.out" 2>/dev/null)" "$(jq .failed "$dir/load.out")" 0
check "and many were sent" test "$(jq .sent "$dir/load.out")" -gt 1000

# -- a reboot --
machine_off
machine_on || { not_ok "it boots again: $(cat "$dir/boot.out")"; exit 1; }
check "after a reboot the endpoint serves, with nobody there" wait_for 25 serves_v1
is "the candidate has nothing" "$(shown endpoints/m .share_in_force_bp)" 0
paused() { [ "$(shown rollouts/2 .state)" = paused ]; }
check "and the rollout is paused" wait_for 20 paused
is "no request reached the candidate" "$(for _ in 1 2 3 4 5 6 7 8; do asked; done | grep -c v2)" 0
check "an alert says why" grep -q . <<<"$(shown alerts '.items[] | select(.state != "resolved") | .message')"
echo "# $(shown alerts '.items[] | .message' | head -n 1)"

# -- removed and purged --
inside sh -c 'for log in /var/lib/pithead/log/r*.log; do cp "$log" "$log.1"; done' # as logrotate does
inside dpkg -r pithead >"$dir/remove.out" 2>&1 || { not_ok "it is removed"; cat "$dir/remove.out"; }
is "a removal ends gateway and replicas" "$(inside ps -u pithead -o args= | head -n 3)" ""
is "and the engine" "$(inside pgrep -f 'pithead engine')" ""
is "and the logs of replicas" "$(inside ls /var/lib/pithead/log | grep '^r.*log')" ""
check "and keeps the state" inside test -s /var/lib/pithead/store/state.db
inside dpkg -i /opt/newer.deb >"$dir/install.out" 2>&1
check "installed again, it serves again" wait_for 20 serves_v1
inside dpkg -P pithead >"$dir/purge.out" 2>&1 || { not_ok "it is purged"; cat "$dir/purge.out"; }
inside rm -rf /opt/v1 /opt/v2 /opt/spec /opt/pithead.yaml
files | sort >"$dir/after"
is "a purge leaves nothing" "$(diff "$dir/before" "$dir/after")" ""
is "and nobody" "$(inside id pithead 2>&1 | grep -c 'no such user')" 1
