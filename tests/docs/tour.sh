#!/bin/bash
# tour.sh: the README's tour, typed as written: its `keys tour` blocks into the console through tmux,
# then its `sh tour` blocks into a shell, in a private home and on private ports. A line that fails,
# or words that do not appear, is a failure. CAPTURE=FILE keeps the screen with the bad canary.
# run: quiet, run: limit 300, run: long
. "$(dirname "$0")/../e2e/lib.sh"
cd "$root" || exit 1
# The README speaks of the home that one gets without asking for one.
export PITHEAD_HOME=$dir/.local/state/pithead
sock=$PITHEAD_HOME/engine.sock
free_port
export PITHEAD FLIGHTS_PORT=$port TMUX_TMPDIR=$dir
user=(env -u PITHEAD_HOME -u PITHEAD_SOCKET -u XDG_STATE_HOME -u XDG_CONFIG_HOME "HOME=$dir" LC_ALL=C.UTF-8)
echo "set -g status off" >"$dir/tmux.conf" # the screen has all 24 rows
tm() { tmux -f "$dir/tmux.conf" "$@"; }
leave() {
	tm kill-server 2>/dev/null
	"${user[@]}" examples/flights/down >"$dir/down.out" 2>&1
	finish
}
trap 'rc=$?; trap - EXIT; (exit $rc); leave' EXIT

# blocks KIND: the lines of the README's blocks of that kind, with our ports and program
blocks() {
	awk -v kind="^\`\`\`$1 tour" '$0 ~ kind { inside = 1; next } /^```/ { inside = 0 } inside' README.md |
		sed "s|:8100/|:$FLIGHTS_PORT/|; s|\$PWD/build:|$BUILD:|"
}

"${user[@]}" examples/flights/up >"$dir/up.out" 2>&1 </dev/null || { not_ok "up: $(cat "$dir/up.out")"; exit 1; }
ok "the example is up"

# -- in the console --
screen() { tm capture-pane -p 2>/dev/null; }
shows() { screen | grep -qF -- "$1"; }
# A plan takes no key in its first moments; who was too quick is told, and types it again.
answered() {
	shows "$1" && return
	! shows "keys typed too early" || tm send-keys Enter
	return 1
}
enough() { screen | grep -qE 'brier.* n ([0-9],?){4}'; }
type_keys() { # as the README names them
	case $1 in
	:*) tm send-keys -l "$1" ;;
	Enter) tm send-keys Enter ;;
	Esc) tm send-keys Escape ;;
	'(wait)') ;;
	*) tm send-keys -l "$1" ;;
	esac
}
tm new-session -d -x 80 -y 24 "${user[@]}" TERM=screen-256color "$PITHEAD"
wait_for 20 shows "all is well" || not_ok "the console shows the endpoints: $(screen)"
typed=0
while IFS= read -r line; do
	keys=${line%%#*} words=''
	# A number of a change or rollout has # before it as well: the comment's stands after two blanks.
	if [[ $line =~ ^(.*[^[:blank:]])[[:blank:]]{2,}#\ (.*)$ ]]; then
		keys=${BASH_REMATCH[1]} words=${BASH_REMATCH[2]}
	else
		keys=$line
	fi
	type_keys "$keys"
	typed=$((typed + 1))
	[ -n "$words" ] || continue
	limit=10
	[ "$keys" != "(wait)" ] || limit=90
	if wait_for $limit answered "$words"; then
		ok "$keys: $words"
	else
		not_ok "$keys: \"$words\" does not appear: $(screen)"
	fi
	if [ "$keys" = "(wait)" ] && [ -n "${CAPTURE:-}" ]; then
		wait_for 120 enough # of the outcomes that show it
		screen >"$CAPTURE"
	fi
done < <(blocks keys)
check "the README's tour has keys" test $typed -ge 10
wait_for 5 eval '! tm has-session 2>/dev/null'
is "q leaves the console" "$?" 0
"$PITHEAD" changes --limit 1 >"$dir/last" </dev/null
check "the canary was undone" grep -q "abort #3 v3" "$dir/last"

# -- with commands: each line stops the script when it fails --
blocks sh >"$dir/tour"
check "the README's tour has commands" test "$(wc -l <"$dir/tour")" -ge 15
{ echo 'set -eo pipefail; set -v'; cat "$dir/tour"; } >"$dir/tour.sh"
"${user[@]}" bash "$dir/tour.sh" >"$dir/tour.out" 2>&1 </dev/null
is "the tour's commands succeed" "$?" 0
[ $failed = 0 ] || tail -n 30 "$dir/tour.out"
while read -r words; do
	check "the tour shows: $words" grep -qF -- "$words" "$dir/tour.out"
done <<-'END'
	route 50 % of delay to v5
	gateway confirms
	fails for flights from ORD
	whole
	x-pithead-version: v1
	"stable":"v1"
	abort #5
	traffic    stopped
	engine     stopped
END
check "nothing answers after down" eval '! curl -s -m 2 "http://127.0.0.1:$FLIGHTS_PORT/healthz"'
