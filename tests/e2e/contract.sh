#!/bin/bash
# contract.sh: what scripts can rely on, of every command that commands.def has: with --json it prints
# one JSON value; when it fails, {"error": {...}} on standard output, nothing on standard error, and the
# exit code that this kind of failure has.
# run: beside
. "$(dirname "$0")/lib.sh"
LEASE=60000 one_endpoint
start_rollout v2 500 || not_ok "a rollout begins"
change=$(get '/v1/changes?limit=1' '.items[0].seq')
cp "$dir/pithead.yaml" "$dir/other.yaml"
cd "$dir" || exit 1
set -f # arguments in brackets are no patterns

sed -n 's/^COMMAND("\([^"]*\)", "\([^"]*\)", "[^"]*", \([A-Z]*\), "\([^"]*\)".*, \([a-z]*\))$/\1|\2|\3|\5/p' \
	"$root/backend/wire/commands.def" >"$dir/rows"
is "every row of the table is read" "$(wc -l <"$dir/rows")" "$(grep -c '^COMMAND(' "$root/backend/wire/commands.def")"

value_of() { # value_of NAME: what stands for an argument or option
	case $1 in
	ENDPOINT | SUBJECT) echo m ;;
	N) echo "$rollout" ;;
	CHANGE) echo "$change" ;;
	VERSION | --to=VERSION) echo "${1%VERSION}v2" ;;
	SEGMENT) echo ORD ;;
	CHOICE) echo stored ;;
	--to=ARM) echo "--to=stable" ;;
	--for=DURATION) echo "--for=1h" ;;
	FILE) echo "$dir/other.yaml" ;;
	--name=NAME) echo "--name=v9" ;;
	--project=PROJECT) echo "--project=t" ;;
	DIR) echo "$dir" ;;
	*) echo x ;;
	esac
}
words_of() { # words_of ARGUMENTS: sets $words to those that must be given
	local a
	words=()
	for a in $1; do [[ $a = \[* ]] || words+=("$(value_of "$a")"); done
}
run() { # run WORDS...: sets $code
	"$PITHEAD" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}
is_json() { jq -e . <"$dir/out" >/dev/null 2>&1 && [ ! -s "$dir/err" ]; }
is_error() { [ "$code" = "$1" ] && [ ! -s "$dir/err" ] &&
	jq -e --arg c "$2" '.error.code == $c and (.error.message | length) > 0 and .error.hint != null' <"$dir/out" >/dev/null; }
said() { echo "exit $code, out $(head -c 200 "$dir/out"), err $(head -c 200 "$dir/err")"; }

asked=0 bad=''
while IFS='|' read -r name args method render <&3; do
	[ "$method" = GET ] && [ "$render" != text ] || continue
	words_of "$args"
	case $name in "proposal show" | "version show") continue ;; esac # there is none; below
	run $name "${words[@]}" --json
	asked=$((asked + 1))
	is_json && [ "$code" = 0 ] || bad+="$name: $(said); "
done 3<"$dir/rows"
is "commands that ask print JSON, $asked of them" "$bad" ""
asked=0 bad=''
for name in "whoami" "rollout card $rollout" "plan" "version verify v2 $dir" "policy what-if other.yaml" "doctor" "audit verify" "spec check other.yaml"; do
	run $name --json
	asked=$((asked + 1))
	jq -e . <"$dir/out" >/dev/null 2>&1 && [ ! -s "$dir/err" ] || bad+="$name: $(said); "
done
is "others as well, $asked" "$bad" ""

# -- failures of every command: a word that is none, and an engine that is not there --
bad='' tried=0
while IFS='|' read -r name args method render <&3; do
	words_of "$args"
	run $name "${words[@]}" --json --no-such-option
	is_error 2 invalid || bad+="$name: $(said); "
	tried=$((tried + 1))
done 3<"$dir/rows"
is "usage: exit 2, for $tried commands" "$bad" ""
bad='' tried=0
while IFS='|' read -r name args method render <&3; do
	[ "$method" != LOCAL ] || continue
	words_of "$args"
	run $name "${words[@]}" --json --socket="$dir/nobody.sock"
	is_error 5 unreachable || bad+="$name: $(said); "
	tried=$((tried + 1))
done 3<"$dir/rows"
is "no engine: exit 5, for $tried commands" "$bad" ""

# -- each code once, from the engine --
failure() { # failure EXIT CODE WORDS...
	run "${@:3}" --json
	check "exit $1, $2: ${*:3}" is_error "$1" "$2" || said
}
failure 1 not_found endpoint show nothing
failure 1 not_found proposal show 99
failure 1 not_found version show v9
failure 1 not_found rollout abort 999 --reason x
failure 2 invalid rollout advance "$rollout" --share 5000% --reason x
failure 4 bad_transition rollout resume "$rollout" --reason x
failure 4 stale rollout pause "$rollout" --reason x --revision 1
failure 3 denied rollout pause "$rollout" --reason x --as auditor
failure 1 failed spec check nothing.yaml
failure 2 invalid engine upgrade --to nothing
failure 2 invalid version add nowhere --name v9 --project t
