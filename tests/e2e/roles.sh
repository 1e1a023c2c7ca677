#!/bin/bash
# roles.sh: who may do what: every route of the API, as real unix users over the socket of an engine
# that belongs to somebody else, and every command through --as. No mutation of the wrong person
# gets through, and each refusal is an event.
# run: beside, run: long
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	echo "skip roles: only root can be other users (setpriv)"
	exit 0
fi
chmod 0711 "$dir"
LEASE=60000 one_endpoint

# -- the people: users that every Debian has, and two whom no passwd file knows --
people="operator approver developer auditor service both stranger unknown grouped owner"
declare -A user=([operator]=bin [approver]=sys [developer]=daemon [auditor]=games [service]=news
	[both]=mail [stranger]=lp)
declare -A role=([both]=auditor [stranger]=stranger [unknown]=stranger [grouped]=developer
	[owner]=admin)
# What the table of the design gives to each, written down once more.
declare -A may=([operator]="read release lower version apply" [approver]="read approve lower"
	[developer]="read version" [auditor]=read [service]=post [both]=read [stranger]=
	[unknown]= [grouped]="read version"
	[owner]="read release lower approve version apply admin post")
become() { # sets $as and $uid
	local groups=--clear-groups
	case $1 in
	owner) as=() uid=0; return ;;
	unknown) uid=64123 ;;
	grouped) uid=$(id -u uucp) groups="--groups $(id -g uucp)" ;;
	*) uid=$(id -u "${user[$1]}") ;;
	esac
	# shellcheck disable=SC2206 # two words
	as=(setpriv --reuid "$uid" --regid 65534 $groups)
}
{
	cat "$dir/pithead.yaml"
	endpoint_spec high "$((front + 1))" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" |
		sed 's/tier: low/tier: high/'
	echo "tiers:"; echo "  high:"; echo "    approvals: 1"
	echo "access:"
	for who in operator approver developer auditor service; do
		list=${user[$who]}
		case $who in
		operator | auditor) list="$list, ${user[both]}" ;;
		developer) list="$list, \"@uucp\"" ;;
		esac
		echo "  $who: [$list]"
	done
} >"$dir/access.yaml"
apply "$dir/access.yaml" || { not_ok "the access is applied"; exit 1; }

# A session may still have a group that the machine's database has taken away.
as=(setpriv --reuid "$(id -u proxy)" --regid 65534 --groups "$(id -g uucp)")
ask GET /v1/whoami
is "a group that only the session has gives nothing" "$code" 403
as=()

head=$(get /v1/engine .head)
for who in $people; do
	become "$who"
	ask GET /v1/whoami
	if [ -z "${may[$who]}" ]; then
		is "$who is nobody here" "$code" 403
	else
		is "$who is ${role[$who]:-$who}, with these permissions" \
			"$(body '"\(.role) \(.permissions | sort | join(" "))"')" \
			"${role[$who]:-$who} $(xargs -n 1 <<<"${may[$who]}" | sort | xargs)"
	fi
done
# -- every route, as everybody --
api POST /v1/endpoints/high/serve '{"to":"v1","reason":"first"}' >/dev/null
wait_for 10 field_is /v1/endpoints/high .stable v1
start_rollout v2 500 || not_ok "a rollout begins"
begun=$(get "/v1/audit?verb=rollout.start&limit=1" '.items[0].seq')
jq -Rs '{spec: ., reason: "roles"}' <"$dir/access.yaml" >"$dir/spec.json"
mkdir "$dir/bundle" && echo hello >"$dir/bundle/model" && tar -C "$dir/bundle" -cf "$dir/bundle.tar" .

# request METHOD ROUTE: sets $path, $send and $extra to a request that would do something
request() {
	path=${2//'{e}'/m} extra=()
	path=${path//'{seq}'/$begun} path=${path//'{v}'/t~v1}
	case $path in */alerts/*) path=${path//'{n}'/1} ;; *) path=${path//'{n}'/$rollout} ;; esac
	send='{"reason":"roles"}'
	case "$1 $2" in
	"GET "*) send= ;;
	*/serve | */rollback) send='{"to":"v1","reason":"roles"}' ;;
	*/{e}/rollouts) send='{"to":"v3","share_bp":100,"reason":"roles"}' ;;
	*/overrides) send='{"segment":"ORD","share_bp":0,"reason":"roles"}' ;;
	*/drain | */ready) send="{\"server\":\"127.0.0.1:$up1\",\"reason\":\"roles\"}" ;;
	*/hold) send='{"choose":"stored"}' ;;
	*/v1/plan | */what-if) send='{"spec":"project: t"}' ;;
	*/override-freeze) send='{"for_ms":3600000,"reason":"roles"}' ;;
	*/v1/apply) send=@$dir/spec.json ;;
	*/v1/predictions) send='{"predictions":[{"id":"x","score":1}]}' ;;
	*/v1/outcomes) send='{"outcomes":[{"id":"x","name":"late","value":1}]}' ;;
	*/v1/versions) path="$path?project=t&name=w1" send=@$dir/bundle.tar ;;
	*/upgrade) send=@$dir/program ;; # which runs already
	esac
}
dry() { case $path in *\?*) echo "$path&dry_run=1" ;; *) echo "$path?dry_run=1" ;; esac; }
state() {
	get /v1/endpoints '.items[] | [.id, .revision, .stable, .candidate, .share_bp, .rollout]'
	get /v1/rollouts '.items[] | [.id, .revision, .state, .share_bp]'
	get /v1/versions '.items[] | [.project, .name, .revision]'
	get /v1/projects '.[] | [.project, .spec_seq]'
	get /v1/alerts '.items[] | [.id, .revision]'
	"$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/route.map" | sed 's/^0x[0-9a-f]* //'
}

cp "$PITHEAD" "$dir/program"
chmod 755 "$dir/program"
# method, path, permissions (any of them), mutating
get /v1/openapi.json '.paths | to_entries[] | .key as $p | .value | to_entries[] |
	[(.key | ascii_upcase), $p, (.value["x-permissions"] | join(",")),
	 (any(.value.parameters[]; .name == "dry_run") | tostring)] | join(" ")' >"$dir/routes"
routes=$(wc -l <"$dir/routes")
[ "$routes" -ge 39 ] && ok "$routes routes describe themselves" || not_ok "only $routes routes"
state >"$dir/state.before"
before=$(get /v1/engine .head)
held() { # WHO PERMISSIONS
	local p
	for p in ${2//,/ }; do [[ " ${may[$1]} " == *" $p "* ]] && return 0; done
	return 1
}
refused=0 wrong=0 cells=0 expected="$dir/expected"
: >"$expected"
while read -r method route needs mutates; do
	request "$method" "$route"
	for who in $people; do
		become "$who"
		cells=$((cells + 1))
		if held "$who" "$needs"; then
			# What is allowed must not happen here: `engine stop` would end the test.
			[ "$mutates" = true ] && at=$(dry) || at=$path
			ask "$method" "$at" "$send"
			if [ "$code" = 403 ] || [ "${code:0:1}" != 2 ] && [ "$code" != 404 ] &&
			    [ "$code" != 409 ]; then
				not_ok "$who may $method $route: $code $body"
				wrong=$((wrong + 1))
			fi
			continue
		fi
		ask "$method" "$path" "$send" -H 'Content-Type: application/json'
		[ "$code" = 403 ] && [[ $(body '"\(.error.code) \(.error.hint // "")"') = "denied "?* ]] ||
			{ not_ok "$who must not $method $route: $code $body"; wrong=$((wrong + 1)); }
		if [ "$mutates" = true ]; then
			ask "$method" "$(dry)" "$send"
			[ "$code" = 403 ] || { not_ok "$who plans $method $route: $code"; wrong=$((wrong + 1)); }
		fi
		refused=$((refused + 1))
		echo "$uid route:$method $route" >>"$expected"
	done
done <"$dir/routes"
as=()
is "$cells cells of the table, $refused refused" "$wrong" 0
state >"$dir/state.after"
is "nothing has changed" "$(diff "$dir/state.before" "$dir/state.after")" ""
get "/v1/audit?after=$head&ascending=1&limit=1000" \
	'.items[] | select(.verb == "access.denied") | "\(.actor_uid) \(.subject)"' >"$dir/new"
is "only refusals are in the log" "$(get "/v1/audit?after=$before&ascending=1&limit=1000" \
	".items[].verb" | grep -vc "^access.denied\|^audit.read")" 0
sort "$dir/new" >"$dir/refused"
is "one event per person and route" "$(sort "$expected" | diff "$dir/refused" -)" ""

# -- what depends on what the act would do --
# cell WHO CODE METHOD PATH BODY
cell() {
	become "$1"
	ask "$3" "$4" "$5"
	is "$1: $3 $4 $5" "$code" "$2"
}
over=/v1/endpoints/m/overrides?dry_run=1
back=/v1/endpoints/m/rollback?dry_run=1
cell approver 200 POST "$over" '{"segment":"ORD","share_bp":0,"reason":"x"}'
cell approver 403 POST "$over" '{"segment":"ORD","share_bp":10000,"reason":"x"}'
cell approver 403 POST "$over" '{"segment":"ORD","share_bp":null,"reason":"x"}'
cell approver 403 POST "$back" '{"to":"v3","reason":"x"}'
cell operator 200 POST "$over" '{"segment":"ORD","share_bp":10000,"reason":"x"}'
applied=$(get "/v1/audit?verb=spec.apply&limit=1" ".items[0].seq")
cell operator 403 POST "/v1/changes/$applied/undo?dry_run=1" '{"reason":"x"}'
become operator
sed 's/^  operator: .*/  operator: [bin]\n  admin: [bin]/' "$dir/access.yaml" |
	jq -Rs '{spec: ., reason: "I want more"}' >"$dir/grab.json"
ask POST /v1/apply "@$dir/grab.json"
is "an operator cannot apply access: $(body .error.message)" "$code" 403
sed 's/approvals: 1/approvals: 0/' "$dir/access.yaml" |
	jq -Rs '{spec: ., reason: "less work"}' >"$dir/grab.json"
ask POST /v1/apply "@$dir/grab.json"
is "nor tiers: $(body .error.message)" "$code" 403
sed 's/^project: t/project: u/; s/^  operator: .*/  operator: [bin]\n  admin: [bin]/' \
	"$dir/access.yaml" | sed "s/:$front\$/:$((front + 5))/; s/:$((front + 1))\$/:$((front + 6))/" |
	jq -Rs '{spec: ., reason: "a project of mine"}' >"$dir/grab.json"
ask POST /v1/apply "@$dir/grab.json"
is "nor bring a project of their own: $(body .error.message)" "$code" 403
as=()
is "and each of these refusals is an event" "$(get "/v1/audit?verb=access.denied&limit=1000" \
	"[.items[] | select(.subject == \"route:POST /v1/apply\" and .actor == \"bin\") | .reason] | length")" 1

# -- --as lowers and never raises --
lower() { # WHO AS CODE METHOD PATH BODY
	become "$1"
	ask "$4" "$5" "$6" -H "X-Pithead-As: $2"
	is "$1 --as $2: $4 $5" "$code" "$3"
}
abort="/v1/rollouts/$rollout/abort"
for who in operator approver developer auditor service both stranger unknown; do
	lower $who admin 403 GET /v1/whoami ''
done
lower operator approver 403 POST "$abort?dry_run=1" '{}'
lower auditor operator 403 POST "$abort" '{"reason":"x"}'
lower both operator 403 POST "$abort" '{"reason":"x"}'
lower owner auditor 403 POST "$abort" '{"reason":"x"}'
lower owner auditor 403 POST /v1/engine/stop '{}'
lower owner auditor 200 GET /v1/now ''
lower owner service 403 GET /v1/now ''
lower owner operator 200 POST "$abort?dry_run=1" '{}'
lower operator developer 403 POST "$abort" '{"reason":"x"}'
lower operator auditor 200 GET "/v1/rollouts/$rollout" ''
lower owner amdin 400 GET /v1/whoami ''
is "a wrong role has a suggestion" "$(body .error.hint)" "did you mean admin?"
as=()
is "still nothing has changed" "$(state | diff "$dir/state.before" -)" ""

# -- what is allowed really happens, and bears the right name --
done_by() { # WHO VERB METHOD PATH BODY
	become "$1"
	ask "$3" "$4" "$5"
	case $code in
	20?) ;;
	*) not_ok "$1: $3 $4: $code $body"; as=(); return ;;
	esac
	as=()
	is "$1 did $2" "$(get "/v1/audit?verb=$2&limit=1" '.items[0] | "\(.actor) \(.role)"')" \
		"${user[$1]} $1"
}
done_by approver rollout.pause POST "/v1/rollouts/$rollout/pause" '{"reason":"look"}'
done_by operator rollout.resume POST "/v1/rollouts/$rollout/resume" '{"reason":"fine"}'
done_by operator rollout.abort POST "$abort" '{"reason":"enough"}'
done_by developer version.add POST "/v1/versions?project=t&name=w1" "@$dir/bundle.tar"
done_by operator rollout.start POST /v1/endpoints/high/rollouts '{"to":"v2","reason":"next"}'
waits=$(get "/v1/rollouts?active=1&endpoint=high" '.items[0].id')
is "tier high waits" "$(get "/v1/rollouts/$waits" .state)" waiting
done_by approver rollout.approve POST "/v1/rollouts/$waits/approve" '{"reason":"read it"}'
done_by approver rollout.abort POST "/v1/rollouts/$waits/abort" '{"reason":"no"}'
become service
ask POST /v1/outcomes '{"outcomes":[{"id":"x","name":"late","value":1}]}'
is "service posts outcomes" "$code $(body .unknown)" "200 1"
ask POST /v1/predictions '{"predictions":[{"id":"x","score":1}]}'
is "and scores" "$code $(body .unknown)" "200 1"
as=()

# -- refusals are coalesced, with a count --
become stranger
ask GET /v1/settings
for _ in 1 2 3 4; do ask GET /v1/settings; done
as=()
settings_refused() {
	get "/v1/audit?verb=access.denied&limit=1000&ascending=1" \
		'.items[] | select(.actor == "lp" and .subject == "route:GET /v1/settings") | .reason, .after'
}
is "six refusals are one event" "$(settings_refused | grep -c lacks)" 1
"$PITHEAD" engine stop --reason "to close the minute" >/dev/null </dev/null
wait_for 5 test ! -S "$sock"
start_engine || not_ok "the engine starts again"
settings_refused | grep -q "5 more within a minute" && ok "and five more are counted" ||
	not_ok "the count: $(settings_refused)"

# -- the same by commands: every one that mutates, in the eyes of an auditor --
words() { # COMMAND: sets $line to arguments that would do something
	case $1 in
	"engine stop") line= ;;
	"engine hold") line=stored ;;
	apply) line="--file $dir/access.yaml --yes --reason x" ;;
	"endpoint serve") line="m --to v1 --reason x" ;;
	"version add") line="$dir/bundle --name w2 --project t" ;;
	"rollout start") line="m --to v2 --reason x" ;;
	"rollout "*) line="1 --reason x" ;;
	rollback) line="m --reason x" ;;
	override) line="m ORD --to stable --reason x" ;;
	undo) line="$begun --reason x" ;;
	"server drain" | "server ready") line="m 127.0.0.1:$up1 --reason x" ;;
	"alert ack") line="1 --reason x" ;;
	freeze | unfreeze) line="--reason x" ;;
	"override-freeze") line="m --for 1h --reason x" ;;
	"proposal "*) line="1 --reason x" ;;
	"engine upgrade") line="--to /bin/false --reason x" ;;
	backup) line=$dir/backup.tar ;;
	drill) line="--endpoint m" ;;
	*) return 1 ;;
	esac
}
state >"$dir/state.before"
"$PITHEAD" help </dev/null | sed -n 's/^  pithead \([a-z][a-z-]*\( [a-z-]*\)\?\)  .*/\1/p' >"$dir/commands"
mutating=0
while read -r command; do
	# shellcheck disable=SC2086 # a command of two words
	"$PITHEAD" $command --help </dev/null | grep -q "needs the permission" || continue
	mutating=$((mutating + 1))
	words "$command" || { not_ok "pithead $command is new here: give it words"; continue; }
	# shellcheck disable=SC2086
	"$PITHEAD" --as auditor $command $line >"$dir/out" 2>"$dir/err" </dev/null
	is "pithead --as auditor $command" "$? $(grep -c 'lacks the permission' "$dir/err")" "3 1"
done <"$dir/commands"
at_most "commands that mutate, at least 18" 18 "$mutating"
[ -e "$dir/backup.tar" ] && not_ok "the refused backup left a file" || ok "no file is left"
"$PITHEAD" --as auditor status >/dev/null 2>&1 </dev/null
is "pithead --as auditor status" $? 0
is "nothing has changed by commands" "$(state | diff "$dir/state.before" -)" ""
"$PITHEAD" audit verify >/dev/null 2>&1 </dev/null
is "the log is whole" $? 0
