#!/bin/bash
# robot.sh: a pipeline with a key of its own: examples/ci over a real sshd, whose forced command opens
# nothing but the list; and the engine, which holds a declared robot to its list whatever its roles.
# run: beside
. "$(dirname "$0")/lib.sh"
chmod 0711 "$dir"
replica_endpoint
may='version add, rollout start, rollout show, rollout abort, status'

# -- the engine's list, for a user who is an operator and an admin --
robot() { # robot WORDS...: the forced command as sshd would run it, as the user games
	SSH_ORIGINAL_COMMAND=$* setpriv --reuid "$(id -u games)" --regid 65534 --clear-groups \
		env PITHEAD_SOCKET="$sock" "$PITHEAD" forced >"$dir/out" 2>"$dir/err" </dev/null
}
as_games() { SSH_ORIGINAL_COMMAND='' setpriv --reuid "$(id -u games)" --regid 65534 --clear-groups \
	env PITHEAD_SOCKET="$sock" "$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null; }
said() { grep -q -- "$1" "$dir/out" "$dir/err"; }
spec() { { cat "$dir/pithead.yaml"; printf 'access:\n  admin: [games]\n  operator: [games]\naccounts:\n'; echo "$1"; } >"$dir/robot.yaml"; apply "$dir/robot.yaml"; }
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	spec "  games: robot" || exit 1
	robot status
	is "without a list a key opens nothing" "$?" 3
	spec "  games: {kind: robot, may: [$may]}" || exit 1
	robot pithead status
	is "what is on the list" "$?" 0
	robot rollout start m --to v2 --share 10% --reason nightly --json
	is "an act on the list: $(cat "$dir/err")" "$?" 0
	rollout=$(jq -r '.rollout.id // .rollout' "$dir/out")
	wait_for 15 field_is /v1/endpoints/m .share_in_force_bp 1000 || not_ok "it carries traffic: $(get /v1/endpoints/m .)"
	is "in its own name" "$(get '/v1/audit?verb=rollout.start&limit=1' '.items[0].actor')" games
	robot rollout promote "$rollout"
	is "an act that is not" "$?" 3
	as_games rollout promote "$rollout" --reason x
	is "nor without the forced command: the engine refuses" "$? $(grep -c 'may use nothing but: version add, rollout start' "$dir/err")" "3 1"
	as_games audit
	is "reading is closed as well" "$?" 3
	is "each refusal is an event" "$(get '/v1/audit?verb=access.denied&limit=9' '[.items[] | select(.actor == "games")] | length')" 2
	as_games whoami
	check "whoami shows the list" said "but of commands only: $may"
	as_games whoami --can "rollout promote"
	is "and says no" "$?" 3
	robot 'rollout abort '"$rollout"'; id'
	is "no shell is there" "$?" 2
	robot 'version add /etc --name v9 --project t'
	is "files of the machine are closed" "$?" 3
	robot rollout abort "$rollout"
	is "it takes its rollout back" "$?" 0
	wait_for 10 field_is /v1/endpoints/m .rollout 0 || not_ok "the rollout ends: $(get /v1/endpoints/m .)"
else
	echo "skip the engine's list: only root can be another user (setpriv)"
fi

# -- the example over sshd --
free_port; sshd_port=$port
ssh-keygen -q -t ed25519 -N '' -f "$dir/host" && ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
sed "s|/usr/bin/pithead forced|PITHEAD_HOME=$PITHEAD_HOME $PITHEAD forced --may='$may'|; s|ssh-ed25519 .*|$(cat "$dir/key.pub")|" \
	"$root/examples/ci/authorized_keys" >"$dir/authorized_keys"
cat >"$dir/sshd_config" <<-END
	Port $sshd_port
	ListenAddress 127.0.0.1
	HostKey $dir/host
	AuthorizedKeysFile $dir/authorized_keys
	PermitRootLogin forced-commands-only
	PasswordAuthentication no
	StrictModes no
	UsePAM no
	PidFile none
END
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
background sshd "$(PATH=$PATH:/usr/sbin command -v sshd)" -D -e -f "$dir/sshd_config"
cat >"$dir/ssh" <<-END
	#!/bin/sh
	exec ssh -F none -p $sshd_port -i $dir/key -o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR \\
		-o UserKnownHostsFile=$dir/known -o StrictHostKeyChecking=accept-new "\$@"
END
chmod +x "$dir/ssh"
at=$(id -un)@127.0.0.1
remote() { "$dir/ssh" "$at" "$@" >"$dir/out" 2>"$dir/err"; }
reached() { remote pithead status </dev/null; }
check "ssh reaches it" wait_for 5 reached || cat "$dir/err" "$dir/sshd.err"
remote </dev/null
is "no shell" "$? $(grep -c 'opens no shell' "$dir/err")" "2 1"
remote id </dev/null
is "no other program" "$?" 2
remote 'pithead status; touch '"$dir/broken" </dev/null
is "no second command" "$?" 2
check "and it did not run" test ! -e "$dir/broken"
remote pithead engine stop --all </dev/null
is "what is not on the list" "$?" 3
"$dir/ssh" -N -o ExitOnForwardFailure=yes -L "$((sshd_port + 1)):127.0.0.1:$front" "$at" true >"$dir/out" 2>&1 </dev/null &
forward=$!
scp() { command scp -q -S "$dir/ssh" "$dir/key.pub" "$at:$dir/copied" >"$dir/out" 2>&1 </dev/null; }
scp
check "no file is copied" test ! -e "$dir/copied"
kill "$forward" 2>/dev/null

# The pipeline: a version from a folder, its rollout, and how it ended.
mkdir -p "$dir/built" && cp "$TOOLS/upstream" "$dir/built/server" && echo v3 >"$dir/built/name"
SSH=$dir/ssh BASTION=$at PROJECT=t EVERY=0.2 "$root/examples/ci/release.sh" m v3 "$dir/built" >"$dir/release.out" 2>&1 </dev/null &
pipeline=$!
under_way() { rollout=$(get /v1/endpoints/m .rollout); [ "$rollout" != 0 ] && state_is stepping; }
check "the pipeline's version is added and its rollout begins" wait_for 20 under_way || cat "$dir/release.out"
verb abort >/dev/null
wait "$pipeline"
code=$?
is "and it hears how that ended: $(tail -n 1 "$dir/release.out")" "$code" 1
