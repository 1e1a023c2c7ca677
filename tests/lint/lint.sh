#!/bin/bash
# lint.sh [ROOT]: the rules of the source. Every fault is a line FILE:LINE: what; the last line is
# "N passed, N failed", a rule each. (run: limit 400, run: long)
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=${1:-$here/../..}
cd "$root" || exit 1
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# rule NAME COMMAND...
rule() {
	local name=$1 rc
	shift
	"$@" >"$out" 2>&1
	rc=$?
	if [ $rc = 0 ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	sed "s/^/$name: /" "$out"
	[ -s "$out" ] || echo "$name: ended with $rc and said nothing"
}

sources() {
	find . \( -path ./build -o -path ./.git \) -prune -o -name '*.[ch]' -print | sort
}

format() {
	! sources | xargs clang-format --dry-run -Werror 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+: error' |
		awk -F: '!lines[$1]++ { first[$1] = $2 }
			END { for (f in lines) printf "%s:%s: the first of %d: run make format\n",
				f, first[f], lines[f] }' | sort | grep .
}

# Left out for all: the _r functions that it wants for these are deprecated or not needed by one
# thread, and NULL is a pointer in every C library of Debian.
analysis() {
	local what off=()
	for what in readdirCalled getpwuidCalled getpwnamCalled getgrnamCalled getgrgidCalled \
		strtokCalled varFuncNullUB missingInclude; do
		off+=("--suppress=$what")
	done
	mkdir -p build/cppcheck
	sources | sed 's|^\./||' >build/cppcheck/files
	cppcheck -q -j 2 --std=c11 --library=posix --library="$here/cjson.cfg" \
		-D_GNU_SOURCE -DPITHEAD_VERSION='""' -I. -Ibuild/gen \
		--enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--cppcheck-build-dir=build/cppcheck "${off[@]}" \
		--template='{file}:{line}: {id}: {message}' --file-list=build/cppcheck/files
}

shells() { # every script can be read at least
	local bad=0
	while read -r script; do
		case $(head -n 1 "$script") in
		'#!/bin/sh'*) sh -n "$script" || bad=1 ;;
		*) bash -n "$script" || bad=1 ;;
		esac
	done < <(find . \( -path ./build -o -path ./.git \) -prune -o -name '*.sh' -print)
	return $bad
}

for name in layers libraries lengths conditionals keymap comments words; do
	rule $name python3 "$here/rules.py" . $name
done
rule shells shells
rule format format
rule cppcheck analysis
echo "$passed passed, $failed failed"
[ $failed = 0 ]
