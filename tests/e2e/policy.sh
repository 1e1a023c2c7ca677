#!/bin/bash
# policy.sh: the policy through commands, as two people: a change that loosens waits for somebody
# else, the line is stopped and let go, a freeze is overridden, and the policy explains itself.
# (run: beside)
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null; then
	echo "skip policy: only root can be two people (setpriv)"
	exit 0
fi
chmod 0711 "$dir"
LEASE=60000 one_endpoint

# spec [SED WORDS...]: $dir/NAME.yaml with m on tier high
spec() {
	local name=$1
	shift
	{
		sed 's/tier: low/tier: high/' "$dir/pithead.yaml"
		printf 'access:\n  admin: [bin, daemon]\n'
		printf 'accounts:\n  games: robot\n'
		printf 'tiers:\n  high:\n    approvals: 1\n    approve: promote\n'
		# Every hour of every day but the one that is over.
		[ -z "${WINDOW:-}" ] || printf '    freeze: %s\n' "$WINDOW"
	} | sed "$@" >"$dir/$name.yaml"
}
spec high -e ''
apply "$dir/high.yaml" || { not_ok "tier high is applied"; exit 1; }
by() { # by USER COMMAND...: as that user, who has no home here
	local user=$1
	shift
	setpriv --reuid "$(id -u "$user")" --regid 65534 --clear-groups \
		env PITHEAD_SOCKET="$sock" "$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
said() { grep -q "$1" "$dir/out" "$dir/err"; }

# -- what loosens --
spec lax -e 's/approvals: 1/approvals: 0/'
"$PITHEAD" plan --file "$dir/lax.yaml" >"$dir/out" 2>"$dir/err" </dev/null
check "the plan calls it so" said "loosens: asks for fewer approvals on tier high"
"$PITHEAD" apply --file "$dir/lax.yaml" --yes --reason "less work" >"$dir/out" 2>"$dir/err" </dev/null
check "and it waits" said "proposal 1 waits for 1 approval"
"$PITHEAD" proposal list >"$dir/out" 2>"$dir/err" </dev/null
check "the list has it" said "open .* root .*fewer approvals"
"$PITHEAD" proposal approve 1 >"$dir/out" 2>"$dir/err" </dev/null
is "its author cannot approve it" "$? $(grep -c 'somebody else' "$dir/err")" "3 1"
by bin proposal approve 1 --reason "read it"
is "somebody else can: $(cat "$dir/out" "$dir/err")" "$?" 0
is "now it is applied, in its author's name" \
	"$(get /v1/projects '.[0].author') $(get '/v1/audit?verb=spec.apply&limit=1' '.items[0].actor')" \
	"root bin"
"$PITHEAD" proposal show 1 >"$dir/out" 2>"$dir/err" </dev/null
check "the proposal says so" said "1, done: 1 of 1 approved"
apply "$dir/high.yaml" || not_ok "what tightens needs nobody"

# -- the line --
start_rollout v2 100 || not_ok "a rollout begins: $(get /v1/endpoints/m .state_word)"
"$PITHEAD" freeze m --all --reason smoke >"$dir/out" 2>"$dir/err" </dev/null
is "one endpoint or all" "$?" 2
"$PITHEAD" freeze m --reason heat >"$dir/out" 2>"$dir/err" </dev/null
"$PITHEAD" status >"$dir/out" 2>"$dir/err" </dev/null
check "how the line of one goes on is said" said "STOPPED .*(pithead unfreeze t/m)"
"$PITHEAD" unfreeze m --reason cold >"$dir/out" 2>"$dir/err" </dev/null
by daemon unfreeze m --reason cold
"$PITHEAD" freeze --all --reason smoke >"$dir/out" 2>"$dir/err" </dev/null
is "one command stops the line" \
	"$(grep -c 'stop the line of all endpoints: 1 rollout held' "$dir/out")" 1
"$PITHEAD" rollout advance "$rollout" --reason x >"$dir/out" 2>"$dir/err" </dev/null
is "nothing moves" "$? $(grep -c 'the line is stopped by root: smoke' "$dir/err")" "3 1"
"$PITHEAD" status >"$dir/out" 2>"$dir/err" </dev/null
check "the status says it" said "STOPPED .*root has stopped the line of all endpoints: smoke"
"$PITHEAD" policy explain m --action advance >"$dir/out" 2>"$dir/err" </dev/null
check "so does the policy" said "^NO .*stop-the-line"
"$PITHEAD" unfreeze --reason "it was steam" >"$dir/out" 2>"$dir/err" </dev/null
check "one person does not let it go on" said "proposal 3 waits for 1 approval"
by games unfreeze --reason x
is "neither does an account that may not" "$?" 3
by daemon unfreeze --reason "so it was"
is "a second person does" "$? $(get /v1/engine .stopped)" "0 "
verb advance >/dev/null && ok "and rollouts move" || not_ok "the rollout is still held"
verb abort >/dev/null

# -- freezes --
hour=$((($(date -u +%-H) + 23) % 24))
WINDOW=$(printf 'daily %02d:00 .. %02d:59 UTC' "$(date -u +%-H)" "$hour") spec frozen -e ''
"$PITHEAD" policy what-if "$dir/frozen.yaml" >"$dir/out" 2>"$dir/err" </dev/null
check "what-if names what would differ" said "^~ .*start .*yes .*NO .*freeze-window"
"$PITHEAD" policy what-if "$dir/frozen.yaml" --endpoint n >"$dir/out" 2>"$dir/err" </dev/null
is "and refuses an endpoint that is not there" "$? $(grep -c 'has no endpoint n' "$dir/err")" "1 1"
WINDOW="Fri 16:00 .. Mon 08:00 Europe/Lundon" spec unreadable -e ''
"$PITHEAD" policy what-if "$dir/unreadable.yaml" >"$dir/out" 2>"$dir/err" </dev/null
is "or a window that cannot be read" "$? $(grep -c 'Europe/Lundon' "$dir/err")" "2 1"
spec stricter -e 's/approvals: 1/approvals: 3/' -e 's/approve: promote/approve: both/'
"$PITHEAD" policy what-if "$dir/stricter.yaml" >"$dir/out" 2>"$dir/err" </dev/null
check "more approvals are another decision" said "^~ .*promote .*NO .*needs 3 approvals"
apply "$dir/frozen.yaml" || not_ok "a freeze is applied"
wait_for 10 field_is /v1/endpoints/m .rollout null || true
"$PITHEAD" rollout start m --to v2 --reason x >"$dir/out" 2>"$dir/err" </dev/null
is "a freeze holds" "$? $(grep -c 'is frozen until' "$dir/err")" "3 1"
"$PITHEAD" override-freeze m --for 30m --reason "the fix" >"$dir/out" 2>"$dir/err" </dev/null
is "one person is not enough" "$("$PITHEAD" rollout start m --to v2 --reason x >/dev/null 2>&1 </dev/null; echo $?)" 3
by bin override-freeze m --for 30m --reason "the fix"
is "two are" "$?" 0
"$PITHEAD" holds >"$dir/out" 2>"$dir/err" </dev/null
check "who and until when is listed" said "freeze overridden .*root and bin"
start_rollout v2 100 && ok "a rollout starts" || not_ok "it is still frozen: $(get /v1/endpoints/m .state_word)"

# -- approvals --
"$PITHEAD" rollout promote "$rollout" --reason x >"$dir/out" 2>"$dir/err" </dev/null
is "the promotion needs one" "$? $(grep -c 'still needs 1 approval' "$dir/err")" "3 1"
by bin rollout approve "$rollout" --reason "seen"
is "bin approves it" "$?" 0
is "the approval keeps what was shown" \
	"$(get "/v1/rollouts/$rollout" '.approvals[0] | "\(.user) \(.purpose) \(.counts) \(.card_digest[0:7])"')" \
	"bin promote true sha256:"
"$PITHEAD" policy explain m --json >"$dir/out" 2>"$dir/err" </dev/null
is "explain prints every rule" "$(jq -r '.action, (.rules | length > 6)' "$dir/out" | xargs)" \
	"promote true"
"$PITHEAD" policy explain "$rollout" --json >"$dir/out2" 2>"$dir/err" </dev/null
is "and the same by the rollout's number" "$(jq -c '[.rollout, .rules]' "$dir/out2")" \
	"$(jq -c '[.rollout, .rules]' "$dir/out")"
verb promote >"$dir/out" && ok "it is promoted" || not_ok "promote: $(cat "$dir/out")"
"$PITHEAD" policy explain "$rollout" >"$dir/out" 2>"$dir/err" </dev/null
is "of an ended one nothing is decided" "$? $(grep -c 'nothing is decided' "$dir/err")" "4 1"
"$PITHEAD" audit verify >/dev/null 2>&1 </dev/null
is "the log is whole" $? 0
