#!/bin/bash
# test_run.sh: tests/run counts right, and is never green when a test crashes, hangs, says nothing,
# loses count or is missing.
set -u
run=$(cd "$(dirname "$0")/.." && pwd)/run
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# program NAME SCRIPT: a test program
program() {
	printf '#!/bin/bash\n%s\n' "$2" >"$tmp/$1"
	chmod +x "$tmp/$1"
}

# expect WANT STATUS TEST...: tests/run ends with the line WANT and the status
expect() {
	local want=$1 status=$2 out rc line
	shift 2
	out=$("$run" --limit 2 "${@/#/$tmp/}" 2>&1)
	rc=$?
	line=${out##*$'\n'}
	if [ "$line" = "$want" ] && [ $rc = "$status" ]; then
		passed=$((passed + 1))
	else
		echo "not ok $*: \"$line\" and $rc, want \"$want\" and $status"
		failed=$((failed + 1))
	fi
}

cm() { # RUNNING PASSED [FAILED]: what cmocka prints
	echo "echo '[==========] Running $1 test(s).'; echo '[==========] $1 test(s) run.';"
	echo "echo '[  PASSED  ] $2 test(s).';"
	[ -z "${3:-}" ] || echo "echo '[  FAILED  ] $3 test(s), listed below:'; exit $3;"
}

program good "$(cm 3 3)"
program two_groups "$(cm 3 3)$(cm 2 2)"
program bad "$(cm 3 1 2)"
program lies "$(cm 3 1 2 | sed 's/exit 2/exit 0/')"
program lost "$(cm 3 2)"
program half "echo '[==========] Running 3 test(s).'; kill -SEGV \$\$"
program crash "$(cm 3 3) kill -SEGV \$\$"
program silent "exit 0"
program hangs "sleep 60"
program none "$(cm 0 0)"
program skips "$(cm 3 2) echo '[  SKIPPED ] 1 test(s), listed below:'"
program good.sh "echo '4 passed, 0 failed'"
program bad.sh "echo '4 passed, 1 failed'; exit 1"
program lies.sh "echo '4 passed, 1 failed'"
program dies.sh "echo '4 passed, 0 failed'; exit 3"
program plain.sh "echo hello"
program plain_bad.sh "echo hello; false"
program silent.sh "exit 0"
program none.sh "echo '0 passed, 0 failed'"

expect "3 passed, 0 failed" 0 good
expect "5 passed, 0 failed" 0 two_groups
expect "12 passed, 0 failed" 0 good two_groups good.sh
expect "1 passed, 2 failed" 1 bad
expect "1 passed, 2 failed" 1 lies
expect "2 passed, 1 failed" 1 lost
expect "0 passed, 3 failed" 1 half
expect "3 passed, 1 failed" 1 crash
expect "3 passed, 1 failed" 1 good silent
expect "3 passed, 1 failed" 1 hangs good
expect "0 passed, 1 failed" 1 none
expect "2 passed, 0 failed" 0 skips
expect "3 passed, 1 failed" 1 good missing
expect "4 passed, 1 failed" 1 bad.sh
expect "4 passed, 1 failed" 1 lies.sh
expect "4 passed, 1 failed" 1 dies.sh
expect "1 passed, 0 failed" 0 plain.sh
expect "0 passed, 1 failed" 1 plain_bad.sh
expect "4 passed, 1 failed" 1 good.sh silent.sh
expect "0 passed, 1 failed" 1 none.sh
expect "0 passed, 1 failed" 1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
