# lib_screen.sh: consoles in terminals, driven and read through tmux. Sourced after lib.sh.
printf 'set -g status off\nset -g escape-time 5\n' >"$dir/tmux.conf"
tm() { tmux -S "$dir/tmux.sock" -f "$dir/tmux.conf" "$@"; }
trap 'rc=$?; tm kill-server 2>/dev/null; (exit $rc); finish' EXIT

# open NAME COLSxROWS [WORDS...]: a console in a terminal of its own, under a shell that stays; OPENED: what
# shows that it is there
open() {
	local name=$1 size=$2
	shift 2
	cat >"$dir/$name.sh" <<-END
		trap : INT # C-c is for the console alone
		stty -g >$dir/$name.before
		TERM=xterm-256color XDG_CONFIG_HOME=$dir/none $PITHEAD $* 2>$dir/$name.err
		echo "left with \$?" && stty -g >$dir/$name.after
		read -r _
	END
	tm new-session -d -s "$name" -x "${size%x*}" -y "${size#*x}" "sh $dir/$name.sh"
	wait_for 5 shows "$name" "${OPENED:-delay}"
}
screen() { tm capture-pane -p -t "$1"; }
shows() { screen "$1" | grep -Eq -- "$2"; }
hides() { ! shows "$1" "$2"; }
keys() {
	local name=$1
	shift
	tm send-keys -t "$name" "$@"
}
# say WHAT NAME REGEX: within 3 s; the screen is shown when it does not come
say() {
	if wait_for "${4:-3}" shows "$2" "$3"; then ok "$1"; else
		not_ok "$1: no /$3/ on the screen"
		screen "$2" | sed 's/^/# /'
	fi
}
