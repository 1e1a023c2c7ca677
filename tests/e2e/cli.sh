#!/bin/bash
# cli.sh: the one-shot commands: help, mistakes, exit codes, JSON, completion, plan and apply from a
# git repository, versions, undo, filters, doctor.
# run: beside
. "$(dirname "$0")/lib.sh"
LEASE=60000 one_endpoint
# -- a plan says when all requests are one client's: a share would move all or nothing --
keys_warned() { "$PITHEAD" rollout start m --to v2 --share 50% --reason x --dry-run 2>&1 | grep -q "requests had $1 key"; }
"$TOOLS/load" --port "$front" --rate 1000 --requests 150 --keys 1 --out "$dir/one.tsv" >/dev/null
check "a plan warns of a single key" wait_for 5 keys_warned 1
"$TOOLS/load" --port "$front" --rate 1000 --requests 150 --keys 100 --out "$dir/many.tsv" >/dev/null
all_seen() { [ "$(get /v1/endpoints/m .stable_stats.requests)" -ge 300 ]; }
wait_for 5 all_seen || not_ok "the requests are seen"
keys_warned '[0-9]*' && not_ok "many keys are no warning" || ok "many keys are no warning"
# run WORDS...: sets $rc; what it said is in $dir/out and $dir/err
run() {
	"$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
}
said() { grep -q -- "$1" "$dir/out" "$dir/err"; }

# -- help --
run help
is "pithead help" $rc 0
sed -n 's/^  pithead \([a-z][a-z]*\( [a-z]*\)\?\)  .*/\1/p' "$dir/out" >"$dir/commands"
at_most "commands, at least 40" 40 "$(wc -l <"$dir/commands")"
faults=
while read -r command; do
	# shellcheck disable=SC2086 # a command of two words
	run $command --help
	[ $rc = 0 ] && [ ! -s "$dir/err" ] && said "pithead $command" || faults="$faults, $command"
	# shellcheck disable=SC2086
	run $command --no-such-option
	[ $rc = 2 ] && [ ! -s "$dir/out" ] && [ -s "$dir/err" ] || faults="$faults, $command --no-such-option ($rc)"
done <"$dir/commands"
is "every command has --help, and refuses an unknown option" "$faults" ""

# -- mistakes have a suggestion --
# oops CODE HINT WORDS...
oops() {
	local code=$1 hint=$2
	shift 2
	run "$@"
	is "pithead $*: $(head -n 1 "$dir/err")" $rc "$code"
	said "$hint" || not_ok "pithead $*: no \"$hint\" in: $(cat "$dir/err")"
}
oops 2 "did you mean: pithead rollout abort" rollout abotr 1
oops 2 "did you mean: pithead status" statsu
oops 2 "did you mean: pithead endpoint list" endpiont list
oops 2 "did you mean: --share" rollout start m --to v2 --shrae 5%
oops 2 "did you mean: --json" status --jsno
oops 2 "two dashes" status -x
oops 2 "rollout needs\|needs a second word\|did you mean" rollout
oops 2 "usage\|needs" rollout start m
oops 2 "is not a share" rollout start m --to v2 --share 101%
oops 2 "is not a share" rollout start m --to v2 --share 0.001%
oops 2 "is not a number" rollout abort x
oops 2 "is not a time" changes --since yesteryear
oops 2 "needs a value" rollout start m --to
oops 2 "given twice" rollout start m --to v1 --to v2
oops 2 "takes no" rollout abort 1 2
oops 2 "stable, candidate or none" override m ORD --to nowhere
oops 2 "bad pattern" audit --match '('
oops 2 "no role\|did you mean" --as amdin status

# -- the same words as JSON, as the API says them --
# What the clock moves is left out.
strip='walk(if type == "object" then del(.now_us, .uptime_s, .data_us, .lease_until_us, .rate,
	.spark, .spark_errors, .head, .p99_ms, .gateway, .ingest, .stable_stats) |
	(if .looks then del(.at_us) else . end) |
	(if .why then .why |= sub("[0-9]+ (s|min) ago"; "ago") else . end) else . end)'
alike() { # PATH WORDS...
	run "${@:2}" --json
	[ $rc = 0 ] && jq -S "$strip" "$dir/out" >"$dir/said" 2>/dev/null &&
		get "$1" "$strip" | jq -S . | diff "$dir/said" - >"$dir/differs"
}
# A tick between the two may move something: again, for three seconds.
same() { wait_for 3 alike "$@" && ok "pithead ${*:2} --json" || not_ok "pithead ${*:2} --json: $(cat "$dir/differs")"; }
start_rollout v2 500 || not_ok "a rollout begins"
same /v1/now status
same /v1/engine engine status
same /v1/endpoints endpoint list
same /v1/endpoints/m endpoint show m
same /v1/endpoints/t~m endpoint show t/m
same /v1/endpoints/t~m --project t endpoint show m
same /v1/rollouts rollout list
same "/v1/rollouts/$rollout" rollout show "$rollout"
same /v1/changes changes
same "/v1/audit?limit=3&ascending=1" audit --limit 3 --ascending
same /v1/versions version list
same /v1/alerts alert list
same /v1/projects project list
same /v1/settings settings
same /v1/whoami whoami

# -- exit codes --
oops 0 "v2" endpoint list
oops 1 "there is no rollout" rollout show 9999
oops 2 "no option" endpoint list --nope
oops 3 "lacks the permission" --as developer rollout abort "$rollout"
oops 4 "has rollout\|under way" rollout start m --to v3 --share 1% --reason x
oops 4 "moved on\|seen" rollout abort "$rollout" --revision 1
oops 5 "no engine answers" --socket "$dir/none.sock" status
mkdir -p -m 0777 "$dir/open" && chmod 0777 "$dir/open"
PITHEAD_HOME=$dir/open run status
[ $rc != 0 ] && said "not trusted" && ok "a home that anyone can write is not trusted: $rc" ||
	not_ok "a home that anyone can write: $rc $(cat "$dir/err")"
run rollout advance "$rollout" --share 10% --dry-run
[ $rc = 0 ] && said "10 %" && field_is /v1/endpoints/m .share_bp 500 && ok "--dry-run shows and changes nothing" ||
	not_ok "--dry-run: $rc $(cat "$dir/out")"

# -- completion --
run completion bash
cp "$dir/out" "$dir/completion.bash"
bash -n "$dir/completion.bash"
is "completion bash is bash" $? 0
complete_words() {
	bash -c 'source "$1"; shift; complete -p pithead | grep -q "complete -F" || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _pithead; printf "%s\n" "${COMPREPLY[@]}" | sort | xargs' \
		x "$dir/completion.bash" "$@"
}
is "pithead roll<Tab>" "$(complete_words pithead roll)" "rollback rollout"
is "pithead rollout ab<Tab>" "$(complete_words pithead rollout ab)" abort
is "pithead rollout start m --sh<Tab>" "$(complete_words pithead rollout start m --sh)" --share
is "pithead status --js<Tab>" "$(complete_words pithead status --js)" --json
run completion zsh
if command -v zsh >/dev/null; then
	cp "$dir/out" "$dir/completion.zsh" && zsh -n "$dir/completion.zsh"
	is "completion zsh is zsh" $? 0
else
	said bashcompinit && ok "completion zsh (no zsh here to read it)" || not_ok "completion zsh"
fi
oops 2 "bash or zsh" completion fish

# -- plan and apply, from a git repository --
verb abort >/dev/null
mkdir "$dir/repo" && cp "$dir/pithead.yaml" "$dir/repo"
export HOME=$dir GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git -C "$dir/repo" init -q && git -C "$dir/repo" add . &&
	git -C "$dir/repo" -c user.name=t -c user.email=t@t commit -qm first
commit=$(git -C "$dir/repo" rev-parse HEAD)
cd "$dir/repo" || exit 1
run plan
is "plan without a change" $rc 0
said "nothing to change" || not_ok "plan says: $(cat "$dir/out")"
run apply --yes --reason "from git"
is "apply records the commit: $(cat "$dir/err")" "$rc $(get /v1/projects '.[0] | "\(.commit) \(.dirty)"')" "0 $commit false"
head=$(get /v1/engine .head)
run apply --yes --reason "again"
is "and once only" "$rc $(get /v1/engine .head)" "0 $head"
sed -i '1i # a comment moves every line' pithead.yaml
run plan
said "nothing to change" && ok "a comment is no change" || not_ok "a comment: $(cat "$dir/out")"
sed -i 's/timeout: 2s/timeout: 3s/' pithead.yaml
run plan --out "$dir/saved"
is "plan with a change" $rc 0
said "DESIRED *RECORDED *OBSERVED" && said "^[~!] *change .*endpoints.m.timeout" && ok "three columns" ||
	not_ok "plan says: $(cat "$dir/out")"
said "uncommitted" && ok "a dirty tree is told" || not_ok "plan says: $(cat "$dir/out")"
run apply
is "apply without a terminal asks for --yes" "$rc $(said 'say --yes' && echo said)" "1 said"
run apply --yes --reason "slower"
is "apply of a dirty tree is marked" "$rc $(get /v1/projects '.[0] | "\(.commit) \(.dirty)"')" "0 $commit true"
run apply --plan "$dir/saved" --reason late
is "a saved plan that is stale is refused: $(head -n 1 "$dir/err")" $rc 4
said "by $(id -un) at 20" && ok "and what moved is named" || not_ok "it says: $(cat "$dir/err")"
run apply --plan "$dir/none"
is "a plan that is not there" $rc 2
echo '{"spec":1}' >"$dir/bad.plan"
run apply --plan "$dir/bad.plan"
is "a plan that is none" $rc 2

# -- faults of the spec: all of them, each with its place --
cp pithead.yaml bad.yaml
sed -i 's/tier: low/tier: lou/; s/timeout: 3s/timeout: soon/; s/health:/helth:/' bad.yaml
head=$(get /v1/engine .head)
for words in "plan --file bad.yaml" "apply --file bad.yaml --yes --reason x" "spec check bad.yaml"; do
	# shellcheck disable=SC2086
	run $words
	n=$(cat "$dir/err" "$dir/out" | grep -c '^bad.yaml:[0-9]*:[0-9]*: ')
	[ $rc != 0 ] && [ "$n" -ge 3 ] && ok "pithead $words: $n faults with line and column, exit $rc" ||
		not_ok "pithead $words: $rc $(cat "$dir/out" "$dir/err")"
	said "did you mean" && said health || not_ok "no suggestion: $(cat "$dir/out" "$dir/err")"
done
is "nothing is half applied" "$(get /v1/engine .head)" "$head"
run spec check
is "spec check of a good one" $rc 0
run spec fmt
is "spec fmt" $rc 0
cp "$dir/out" fmt.yaml && run spec fmt fmt.yaml && diff -q fmt.yaml "$dir/out" >/dev/null &&
	ok "what spec fmt writes stays as it is" || not_ok "spec fmt twice differs"
run spec schema
jq -e '."$schema" and .properties' "$dir/out" >/dev/null && ok "spec schema is a schema" || not_ok "spec schema"
run plan --file none.yaml
is "a file that is not there" $rc 2

# -- versions --
mkdir -p w/sub && echo one >w/model && echo two >w/sub/x && chmod +x w/sub/x
run version add w --name w1 --project t
is "version add: $(cat "$dir/err")" $rc 0
head=$(get /v1/engine .head)
run version add w --name w1 --project t
is "version add again changes nothing" "$rc $(get /v1/engine .head)" "0 $head"
run version verify w1 w --project t
is "version verify" $rc 0
echo other >w/model
run version add w --name w1 --project t
is "other bytes under the same name: $(head -n 1 "$dir/err")" $rc 4
run version verify w1 w --project t
[ $rc != 0 ] && ok "version verify sees other bytes: $rc" || not_ok "version verify passes other bytes"
run version show w1 --project t
[ $rc = 0 ] && said sha256: && ok "version show has the digest" || not_ok "version show: $rc $(cat "$dir/out")"
oops 2 "" version add "$dir/none" --name w2 --project t

# -- undo --
start_rollout v2 500 || not_ok "a rollout begins"
begun=$(get "/v1/audit?verb=rollout.start&limit=1" '.items[0].seq')
run change show "$begun"
said "abort #$rollout" && ok "a change shows its undo" || not_ok "change show: $(cat "$dir/out")"
run undo "$begun" --dry-run
[ $rc = 0 ] && said "will\|route" && field_is /v1/endpoints/m .share_bp 500 && ok "undo --dry-run is a plan" ||
	not_ok "undo --dry-run: $rc $(cat "$dir/out" "$dir/err")"
run undo "$begun" --reason "not now"
is "undo" "$rc $(get "/v1/rollouts/$rollout" .state)" "0 aborted"
undo=$(get "/v1/audit?verb=rollout.abort&limit=1" '.items[0].seq')
is "the events are linked" "$(get "/v1/changes/$undo" .undo_of) $(get "/v1/changes/$begun" .undone_by)" "$begun $undo"
run undo "$undo" --reason "after all"
is "undo of an undo: $(head -n 1 "$dir/err")" $rc 0
again=$(get /v1/endpoints/m .rollout)
[ "$again" -gt "$rollout" ] && [ "$(get "/v1/rollouts/$again" .to)" = v2 ] && ok "is a new rollout" ||
	not_ok "undo of an undo: rollout $again"
run undo "$begun"
is "no change is undone twice: $(head -n 1 "$dir/err")" $rc 4
served=$(get "/v1/audit?verb=endpoint.serve&limit=1&ascending=1" '.items[0].seq')
run undo "$served" --dry-run
is "what cannot be undone says so: $(head -n 1 "$dir/err")" $rc 4
said "cannot be undone" || not_ok "it says: $(cat "$dir/err")"
rollout=$again
verb abort >/dev/null
start_rollout v3 500 || not_ok "another rollout begins"
run rollout promote "$rollout" --reason "be bold"
wait_for 5 field_is /v1/endpoints/m .stable v3
promoted=$(get "/v1/audit?verb=rollout.promote&limit=1" '.items[0].seq')
run undo "$promoted" --reason "not so bold"
is "undo of a promotion goes back" "$rc $(get /v1/endpoints/m .stable)" "0 v1"
wait_for 5 answered_by v1 && ok "and traffic follows" || not_ok "traffic is on $(version_now)"
applied=$(get "/v1/audit?verb=spec.apply&limit=1" '.items[0].seq')
run undo "$applied" --reason "2s again"
is "undo of an apply: $(head -n 1 "$dir/err")" "$rc $(get /v1/endpoints/m .config.timeout)" "0 2s"

# -- filters --
rows() { "$PITHEAD" "$@" --json </dev/null | jq "$filter"; }
filter='[.items[].verb | startswith("rollout.")] | (length > 3 and all)'
is "audit --verb" "$(rows audit --verb 'rollout.*')" true
filter='[.items[].actor == "engine"] | (length > 0 and all)'
is "audit --actor" "$(rows audit --actor engine)" true
filter='[.items[].reason | test("bold")] | (length == 2 and all)'
is "changes --match" "$(rows changes m --match bold)" true
filter='.items | length'
is "changes --since" "$(rows changes --since 1h --limit 2) $(rows changes --since 2099-01-01)" "2 0"
is "audit --until" "$(rows audit --until 2020-01-01)" 0
filter="[.items[].rollout == $rollout] | (length > 1 and all)"
is "audit --rollout" "$(rows audit --rollout "$rollout")" true
filter='.items | length > 2'
is "audit --endpoint" "$(rows audit --endpoint t/m)" true

# -- doctor --
run doctor
is "doctor: $(tail -n 1 "$dir/out")" $rc 0
[ "$(wc -l <"$dir/out")" -ge 6 ] && said HAProxy\\\|haproxy && ok "doctor has $(wc -l <"$dir/out") lines" ||
	not_ok "doctor says: $(cat "$dir/out")"
run doctor --json
jq -e . "$dir/out" >/dev/null && ok "doctor --json" || not_ok "doctor --json: $(head -c 200 "$dir/out")"
run whoami --can "rollout abort"
is "whoami --can" $rc 0
run --as auditor whoami --can "rollout abort"
is "whoami --can, as auditor" $rc 3
run audit verify
is "the log is whole" $rc 0
# A closed pipe or a full disk is no success.
"$PITHEAD" help >/dev/full 2>"$dir/err" </dev/null
is "output that cannot be written" $? 1

# -- a home that was removed under its engine: nobody goes on watching it --
PITHEAD_HOME=$dir/removed "$PITHEAD" whoami >/dev/null 2>&1 </dev/null || not_ok "another engine starts"
theirs() { ours | while read -r p; do
	tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "PITHEAD_HOME=$dir/removed" && echo "$p"; done; }
watched=$(theirs | wc -l)
rm -rf "$dir/removed"
theirs | while read -r p; do tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -e --worker && kill -9 "$p"; done
unwatched() { [ -z "$(theirs)" ]; }
[ "$watched" -ge 2 ] && check "an engine whose home is gone leaves no keeper" wait_for 10 unwatched ||
	not_ok "engine and keeper run: $watched"
