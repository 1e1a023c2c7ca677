#!/bin/bash
# team.sh: several people on one machine, over one engine that root's service manager keeps: each has
# their own role at the same time, who has left a group has lost its role at the next act, in the
# session that still has it, and nobody gets or starts a second engine by accident.
# run: beside
. "$(dirname "$0")/../packaging/lib.sh"
why=$(machine_why)
[ -z "$why" ] || skip "$why"

# -- a machine with the engine as `make install` puts it there, and five people --
machine_new
make -s -C "$root" install BUILD="$BUILD" DESTDIR="$machine/upper" PREFIX=/usr >"$dir/install.out" 2>&1 ||
	{ not_ok "make install: $(cat "$dir/install.out")"; exit 1; }
mkdir -p "$machine/upper/etc/pithead" "$machine/upper/opt"
cp "$TOOLS/upstream" "$machine/upper/opt/"
machine_on || { not_ok "the machine boots: $(cat "$dir/boot.out")"; exit 1; }
inside adduser --quiet --system --group --no-create-home --home /var/lib/pithead pithead
for name in leads oncall audit; do inside groupadd "$name"; done
inside useradd -m -G leads ada
inside useradd -m -G oncall ben
inside useradd -m -G audit cyd
inside useradd -m dora
inside useradd -m -G oncall,audit eli
inside systemctl enable -q --now pithead
running() { inside pithead engine status >/dev/null 2>&1; }
check "the service runs" wait_for 10 running
inside systemd-run -q /opt/upstream 9001=v1 9002=v2
{
	echo "project: t"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec m 8100 v1=127.0.0.1:9001 v2=127.0.0.1:9002
	echo "access:"; echo "  admin: ['@leads']"; echo "  operator: ['@oncall', '@later', fay]"; echo "  auditor: ['@audit']"
} >"$machine/root.yaml"
nsenter -t "$init" -m sh -c 'cat >/opt/pithead.yaml' <"$machine/root.yaml"
inside pithead apply --file /opt/pithead.yaml --yes --reason team >"$dir/apply.out" 2>&1 ||
	{ not_ok "the spec is applied: $(cat "$dir/apply.out")"; exit 1; }
inside pithead endpoint serve m --to v1 --reason first >/dev/null
shown() { inside curl -s --unix-socket /run/pithead/engine.sock "http://e/v1/$1" | jq -r "$2" 2>/dev/null; }
stable_is() { [ "$(shown endpoints/m .stable)" = "$1" ]; }
wait_for 10 stable_is v1 || not_ok "v1 serves"

# -- all of them at once, with nothing in their environment --
role_of() { as_user "$1" pithead whoami --json 2>/dev/null | jq -r '.role // empty'; }
people=()
for name in ada ben cyd eli dora root; do
	{
		role_of "$name" >"$dir/$name.role"
		as_user "$name" pithead rollout start m --to v2 --share 5% --reason try --dry-run \
			>"$dir/$name.out" 2>"$dir/$name.err"
		echo $? >"$dir/$name.code"
	} &
	people[${#people[@]}]=$!
done
wait "${people[@]}"
roles() { for name; do echo "$name:$(cat "$dir/$name.role")/$(cat "$dir/$name.code")"; done | xargs; }
is "each has their role, and may do what it gives" "$(roles ada ben cyd eli dora root)" \
	"ada:admin/0 ben:operator/0 cyd:auditor/3 eli:auditor/3 dora:/3 root:admin/0"
is "a stranger gets 403" "$(as_user dora curl -s -o /dev/null -w '%{http_code}' \
	--unix-socket /run/pithead/engine.sock http://e/v1/now)" 403
check "and a sentence that says what to do" grep -q "no access section names dora" "$dir/dora.err"

# -- a session of ben's that lasts, as over ssh --
session() { # session COMMAND: sets $code; its words are in session.out
	echo "{ $1; } >/tmp/ben.out 2>&1 </dev/null; echo \$? >/tmp/ben.code" >&"${BEN[1]}"
	wait_for 10 ended || not_ok "the session answers"
	code=$(inside cat /tmp/ben.code)
	inside cat /tmp/ben.out >"$dir/session.out"
	inside rm -f /tmp/ben.code
}
ended() { inside test -s /tmp/ben.code; }
coproc BEN { nsenter -t "$init" -m -p -n -i -u -C -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/ben runuser -u ben -- bash; }
pause() { session "pithead rollout start m --to v2 --share 5% --reason try --dry-run"; }
pause
is "ben may start a rollout" "$code" 0
inside gpasswd -d ben oncall >/dev/null
pause
is "taken out of the group, he may not at the next act" "$code" 3
session "id -Gn"
check "though his session still has the group" grep -q oncall "$dir/session.out"
blind() { session "pithead status"; [ "$code" = 3 ]; }
check "and soon he sees nothing either" wait_for 8 blind
inside gpasswd -a ben oncall >/dev/null
pause
is "put back, he may again" "$code" 0
inside gpasswd -d eli audit >/dev/null
is "who leaves the auditors is what else they were" "$(role_of eli)" operator
inside groupadd later
inside useradd -m -G later gus
inside useradd -m fay
is "a group and a user that were made after the apply count" "$(role_of gus) $(role_of fay)" "operator operator"

# -- personal engines never stand before the team's --
session "PITHEAD_HOME=\$HOME/.local/state/pithead pithead whoami"
is "a personal engine of ben's runs where it would be his own" "$code" 0
session "pithead engine status --json"
is "without a word he still speaks to the team's" "$(jq -r '"\(.kind) \(.owner)"' "$dir/session.out")" "team root"
session "PITHEAD_HOME=\$HOME/.local/state/pithead pithead engine stop --all"

# -- the team's engine is stopped: nobody starts another --
engines() { inside pgrep -fc 'pithead engine'; }
stopped() { [ "$(engines)" = 0 ]; }
inside kill -9 "$(inside systemctl show -P MainPID pithead)"
inside systemctl stop pithead
wait_for 5 stopped || not_ok "it is stopped"
check "a socket is left behind" inside test -S /run/pithead/engine.sock
for name in ada ben cyd dora root; do
	for command in "whoami" "status" "rollout start m --to v2 --reason x"; do
		# shellcheck disable=SC2086 # the words of the command
		as_user "$name" pithead $command >/dev/null 2>"$dir/down.err"
		[ $? = 5 ] && grep -q "systemctl status pithead" "$dir/down.err" ||
			not_ok "$name: pithead $command: $(cat "$dir/down.err")"
	done
done
is "exit 5 for everybody, and no engine" "$(engines)" 0
is "and no home of one's own" "$(inside find /home -path '*state/pithead/store' -not -path '/home/ben/*')" ""

# -- what a dead engine left is nobody's trap: its socket, and a pid that is another's now --
gateway=$(inside pgrep -x haproxy)
inside kill -9 "$gateway"
inside sh -c 'echo "1 1 1" >/var/lib/pithead/run/gw/haproxy.pid'
inside systemctl start pithead
check "started again, it answers at the same place" wait_for 10 running
answers() { [ "$(inside curl -s -m 2 http://127.0.0.1:8100/predict -d '{}' | jq -r .version)" = v1 ]; }
check "and the endpoint serves" wait_for 10 answers
is "the session of before still is ben's" "$(role_of ben)" operator
echo exit >&"${BEN[1]}"
