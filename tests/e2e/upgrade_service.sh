#!/bin/bash
# upgrade_service.sh: an engine in the foreground, which a service manager starts again when it ends,
# and whose program is replaced at its place, as a package does: the pid stays over an upgrade; what
# fails is taken back, and the program that failed is not run by the next start either.
# run: beside
. "$(dirname "$0")/lib.sh"
variants=$BUILD/variants
mkdir "$dir/bin"
installed=$dir/bin/pithead
install_program() { cp "$1" "$dir/bin/new" && mv "$dir/bin/new" "$installed"; }
install_program "$PITHEAD"
ours_version=$("$PITHEAD" --version --json | jq -r .version)

manager() { # Restart=always
	until [ -e "$dir/stop" ]; do
		"$installed" engine --foreground >>"$dir/service.out" 2>&1 </dev/null
		pause_ms 50
	done
}
manager 2>/dev/null &
wait_for 5 engine_up || not_ok "the service runs: $(cat "$dir/service.out")"
version_is() { [ "$(get /v1/engine .version 2>/dev/null)" = "$1" ]; }
pid() { get /v1/engine .pid 2>/dev/null; }
upgrade() { "$installed" engine upgrade "$@" >"$dir/up.out" 2>"$dir/up.err" </dev/null; }
new_pid() { local p; p=$(pid) && [ -n "$p" ] && [ "$p" != "$1" ]; }
restarted() { # kill -9; sets $main to the next one
	kill -9 "$main"
	wait_for 10 new_pid "$main" || not_ok "the service is started again: $(cat "$dir/service.out")"
	main=$(pid)
}

main=$(pid)
install_program "$variants/failing/pithead"
upgrade
is "what fails: exit" "$?" 1
is "the old program is back, with the pid that the manager knows" \
	"$(get /v1/engine '"\(.version) \(.pid) \(.upgrade.phase)"')" "$ours_version $main refused"
is "its file is gone from its place: a copy runs" "$(readlink "/proc/$main/exe")" \
	"$PITHEAD_HOME/programs/pithead-$(get /v1/engine .build)"
restarted
check "the next start does not run what failed" version_is "$ours_version"
restarted
check "nor does the one after" version_is "$ours_version"

printf '#!/bin/sh\ncase "$*" in *--version*) exec %s "$@" ;; esac\necho "no luck" >&2\nexit 3\n' \
	"$variants/newer/pithead" >"$dir/dies"
chmod +x "$dir/dies"
upgrade --to="$dir/dies"
is "what dies: exit" "$?" 1
check "the manager's next start brings the old one back, and says why" grep -q "no luck" "$dir/up.err"
main=$(pid)

install_program "$variants/newer/pithead"
upgrade
is "what works, taken from where it was installed" "$? $(get /v1/engine '"\(.version) \(.pid) \(.upgrade)"')" "0 9.0.0 $main null"
restarted
check "and after the next start" version_is 9.0.0
"$installed" audit verify >"$dir/verify.out" 2>&1 || not_ok "audit verify: $(cat "$dir/verify.out")"
check "the backup of the older program is there" test -n "$(find "$PITHEAD_HOME/backups" -name "pithead-${ours_version}_*.tar" -size +100k)"
PITHEAD=$installed
touch "$dir/stop"
"$installed" engine stop >/dev/null </dev/null
wait_for 5 no_jobs || not_ok "the manager ends"
