# lib.sh: a machine to throw away, for what only a whole machine shows: packages, users, restarts of
# the service, reboots. It is this one, seen through an overlay that is kept in memory, with
# processes, network, users and a systemd of its own. Sourced by bash after settings of the caller.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# skip WHY: ends the scenario before anything was done
skip() {
	trap - EXIT INT TERM
	rm -rf "$dir"
	echo "skip ${0##*/}: $1"
	[ "$passed$failed" = 00 ] || echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# machine_why: a sentence, where no machine can be made here
machine_why() {
	if [ "$(id -u)" != 0 ]; then
		echo "only root can make a machine to throw away"
	elif ! [ -x /lib/systemd/systemd ] || ! command -v unshare nsenter >/dev/null; then
		echo "systemd or util-linux is not installed: make packages"
	elif ! unshare -mpniuCf --propagation private true 2>/dev/null; then
		echo "namespaces cannot be made here"
	elif ! unshare -m --propagation private sh -c "mkdir -p '$dir/try' && mount -t tmpfs t '$dir/try' &&
		cd '$dir/try' && mkdir u w m && mount -t overlay -o lowerdir=/,upperdir=u,workdir=w o m" 2>/dev/null; then
		echo "there is no overlay file system here"
	fi
}

# What systemd would start here and a test does not need.
masked="getty.target timers.target remote-fs.target systemd-udevd.service systemd-udev-trigger.service
	systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-logind.service dbus.service
	dbus.socket systemd-networkd.service systemd-resolved.service systemd-timesyncd.service
	dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount
	sys-fs-fuse-connections.mount sys-kernel-config.mount proc-sys-fs-binfmt_misc.automount
	systemd-binfmt.service systemd-sysctl.service systemd-modules-load.service
	systemd-random-seed.service systemd-update-utmp.service systemd-user-sessions.service
	systemd-remount-fs.service systemd-machine-id-commit.service systemd-firstboot.service
	systemd-pcrphase.service systemd-pcrphase-sysinit.service e2scrub_reap.service"

# In the new namespaces: a root of our own, and systemd in it.
machine_init() {
	set -e
	mount -t overlay -o "lowerdir=${2:-/},upperdir=$1/upper,workdir=$1/work" machine "$1/root"
	cd "$1/root"
	mount -t proc proc proc
	mount -t sysfs -o ro sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount -t tmpfs -o mode=755 dev dev
	for node in null zero full random urandom tty; do
		touch dev/$node
		mount --bind /dev/$node dev/$node
	done
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	mount -t tmpfs -o mode=755 run run
	mount -t tmpfs tmp tmp
	if [ ! -e "$1/prepared" ]; then
		rm -rf etc/systemd/system/*.wants usr/sbin/policy-rc.d
		for unit in $3; do ln -sfn /dev/null "etc/systemd/system/$unit"; done
		touch "$1/prepared"
	fi
	mkdir -p old_root
	pivot_root . old_root
	cd /
	umount -l /old_root
	ip link set lo up
	exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=0
}

# machine_new [LOWER]: its disk, over LOWER instead of / where a folder is named
machine_new() {
	lower=${1:-/}
	machine=$dir/m
	mkdir -p "$machine"
	mount -t tmpfs -o mode=755 machine "$machine" && mkdir "$machine/upper" "$machine/work" "$machine/root"
	group=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
	if [ -z "$group" ]; then
		group=$machine/groups
		mkdir "$group"
		mount -t cgroup2 groups "$group"
	fi
	group=$group/pithead-test-$$
	mkdir "$group"
}

# machine_on: boots it; sets $init
machine_on() {
	local code
	code="$(declare -f machine_init); machine_init \"\$@\"" # before: unshare's only child is to be init
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec unshare -mpniuCf --kill-child --propagation private bash -c "$code" init "$machine" "$lower" "$masked"
	) >"$dir/boot.out" 2>&1 </dev/null &
	outer=$!
	wait_for 5 machine_has_init && wait_for 30 inside systemctl is-active -q multi-user.target 2>/dev/null
}
machine_has_init() {
	init=
	{ read -r init <"/proc/$outer/task/$outer/children"; } 2>/dev/null
	[ -n "$init" ]
}

# machine_off: the power fails: every process of it ends at once
machine_off() {
	[ -n "${outer:-}" ] || return 0
	kill -9 "${init:-$outer}" 2>/dev/null # its end is that of all of them, and then of unshare
	wait "$outer" 2>/dev/null
	init='' outer=''
}

inside() {
	nsenter -t "$init" -m -p -n -i -u -C -- env -i LC_ALL=C.UTF-8 HOME=/root TERM=dumb \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}
as_user() { # as_user NAME COMMAND...: as after a login
	local name=$1
	shift
	inside runuser -u "$name" -- "$@"
}

machine_end() {
	local rc=$?
	[ "$failed" = 0 ] || [ -z "${init:-}" ] || inside journalctl -u pithead -n 15 -o cat | sed 's/^/# /'
	machine_off
	[ -z "${group:-}" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
	[ -z "${machine:-}" ] || umount -l "$machine" 2>/dev/null
	(exit $rc)
	finish
}

if [ -z "${MACHINE_SPACE:-}" ] && [ "$(id -u)" = 0 ]; then
	# Mounts of the test are the test's.
	rm -rf "$dir"
	trap - EXIT INT TERM
	MACHINE_SPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
trap machine_end EXIT
