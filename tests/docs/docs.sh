#!/bin/bash
# docs.sh: what the documentation says is so: generated files are those that the tables make, manual
# pages render without a warning, links lead somewhere, examples are valid, commands exist.
. "$(dirname "$0")/../e2e/lib.sh"
cd "$root" || exit 1
MANUAL=$BUILD/tests/tools/manual

# same FILE COMMAND...: the committed file is what the command prints
same() {
	local file=$1
	shift
	if "$@" >"$dir/made" 2>"$dir/made.err" && cmp -s "$dir/made" "$file"; then
		ok "$file is up to date"
	else
		not_ok "$file is not what it is made from: run make docs"
		cat "$dir/made.err"
		diff "$file" "$dir/made" | head -n 5
	fi
}
for page in pithead.1 pithead.yaml.5; do
	same docs/$page "$MANUAL" docs/$page.in
	is "docs/$page renders" "$(groff -man -ww -Tutf8 docs/$page 2>&1 >"$dir/page")" ""
	check "docs/$page has text" test "$(wc -l <"$dir/page")" -gt 100
	is "docs/$page has its tables" "$(grep -c '^@' docs/$page)" 0
done
same docs/pithead.schema.json "$PITHEAD" spec schema
same docs/openapi.json "$MANUAL" openapi
for file in docs/pithead.schema.json docs/openapi.json; do
	check "$file is JSON" jq -e . $file >"$dir/json"
done

# -- the manual has every command, and every option a help --
"$PITHEAD" help | sed -n 's/^  pithead \([a-z-]\+\( [a-z-]\+\)\?\)  .*/\1/p' >"$dir/commands"
missing='' silent='' wide=''
while read -r command; do
	grep -qF "\\fB${command//-/\\-}\\fR" docs/pithead.1 || missing+="$command, "
	# shellcheck disable=SC2086 # its words
	"$PITHEAD" $command --help </dev/null >"$dir/help" || missing+="$command --help, "
	silent+=$(sed -nE 's/^  (--[a-z-]+( [A-Z0-9]+)?|[A-Z0-9]+) *$/\1, /p' "$dir/help")
	wide+=$(sed 1d "$dir/help" | awk -v c="$command" 'length > 80 { print c ": " $0 }')
done <"$dir/commands"
check "help lists the commands" test "$(wc -l <"$dir/commands")" -gt 40
is "the manual has all of them" "$missing" ""
is "each option says what it is" "$silent" ""
is "help fits 80 columns" "$wide$("$PITHEAD" help | awk 'length > 80')" ""

# -- the example of pithead.yaml(5) is one --
sed -n '/^\.SH EXAMPLE/,/^\.fi/p' docs/pithead.yaml.5 | sed '/^\./d; s/\\-/-/g' >"$dir/pithead.yaml"
check "the example of pithead.yaml(5) is valid" "$PITHEAD" spec check "$dir/pithead.yaml" \
	>"$dir/check.out" 2>&1 || cat "$dir/check.out"

# -- links and commands of the texts --
texts="README.md docs/architecture.md docs/audit-format.md docs/bundle-digest.md docs/console.md docs/judge.md"
for text in $texts; do
	while read -r target; do
		case $target in http*) continue ;; esac
		check "$text: $target is there" test -e "$(dirname "$text")/${target%%#*}"
	done < <(grep -oE '\]\([^)]+\)' "$text" | sed 's/^](//; s/)$//' | sort -u)
done
# shellcheck disable=SC2086 # the names of the texts
cat $texts | awk '/^```/ { inside = !inside; next } inside' >"$dir/blocks"
# shellcheck disable=SC2086
{ cat $texts | grep -oE '`pithead [^`]*`' | tr -d '`'; grep -oE '(^|[^/a-z])pithead [a-z].*' "$dir/blocks"; } |
	sed 's/.*pithead //; s/--as [a-z]* //' | sort -u >"$dir/said"
unknown=''
while read -r first second _; do
	[[ $first != --* ]] || continue
	grep -qxF -e "$first $second" -e "$first" "$dir/commands" || unknown+="$first $second, "
done <"$dir/said"
check "the texts name commands" test "$(wc -l <"$dir/said")" -gt 25
is "which exist" "$unknown" ""

# -- the README's screen is 80 by 24 at most, and all of the screen --
awk '/^```capture/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md >"$dir/capture"
check "the README has a screen" test "$(wc -l <"$dir/capture")" -ge 20
check "of 24 rows" test "$(wc -l <"$dir/capture")" -le 24
is "and 80 columns" "$(LC_ALL=C.UTF-8 grep -E '.{81}' "$dir/capture")" ""
