#!/bin/bash
# test_lint.sh: lint names each fault. A small clean tree passes; then one fault at a time is put in
# and lint must name the rule, the file and the line. (run: long)
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

clean_tree() {
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree"/{backend/spec,backend/base,backend/rollout,panes,build}
	cd "$tmp/tree" || exit 1
	cp "$here/../../.clang-format" .
	cat >backend/base/one.h <<'T'
/* one.h: a number. */
#ifndef PITHEAD_BACKEND_BASE_ONE_H
#define PITHEAD_BACKEND_BASE_ONE_H

/* One. */
int one_get(void);

#endif
T
	cat >backend/spec/two.c <<'T'
/* two.c: another number. */
#include <stdio.h>

#include "backend/base/one.h"

int one_get(void)
{
	return 1;
}
T
	printf 'bind global u "undo %%id"\nbind list u "undo %%other"\nbind prompt u "erase"\n' \
		>keymap.conf
}

# fault NAME WANT COMMAND...: after COMMAND lint fails and says WANT
fault() {
	local name=$1 want=$2 out
	shift 2
	clean_tree
	eval "$*"
	if out=$("$here/lint.sh" "$tmp/tree" 2>&1); then
		echo "not ok $name: lint found nothing"
	elif ! grep -q "$want" <<<"$out"; then
		echo "not ok $name: no \"$want\" in:"
		echo "$out"
	elif ! grep -q ', 1 failed$' <<<"$out"; then
		echo "not ok $name: more than one rule failed:"
		echo "$out"
	else
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
}

clean_tree
if out=$("$here/lint.sh" "$tmp/tree" 2>&1); then
	passed=$((passed + 1))
else
	echo "not ok a clean tree: $out"
	failed=$((failed + 1))
fi

c=backend/spec/two.c h=backend/base/one.h
head='/* x.c: x. */'
left='TO''DO'
place='/wo''rk/'
fault "a layer" "layers: $c:5: backend/spec/ may not include backend/rollout/x.h" \
	"sed -i '4a #include \"backend/rollout/x.h\"' $c"
fault "a pane that speaks to the store" "layers: panes/x.c:2: panes/ may not" \
	"printf '$head\n#include \"backend/store/store.h\"\n' >panes/x.c"
fault "an unknown folder" "layers: backend/newdom/x.c:1: the folder backend/newdom/ has no row" \
	"mkdir backend/newdom; echo '$head' >backend/newdom/x.c"
fault "a library elsewhere" "libraries: $c:3: sqlite3.h may be included in backend/store/ only" \
	"sed -i '2a #include <sqlite3.h>' $c"
fault "cJSON outside a codec" "libraries: $c:3: cjson/cJSON.h may be" \
	"sed -i '2a #include <cjson/cJSON.h>' $c"
fault "a long function" "lengths: $c:6: one_get has 84 lines" \
	"sed -i \"7r /dev/stdin\" $c < <(yes '	puts(\"x\");' | head -n 80)"
fault "a long file" "lengths: $c:709: 709 lines" \
	"yes '' | head -n 0 >>$c; for i in \$(seq 700); do echo \"/* line \$i */\"; done >>$c"
fault "#if" "conditionals: $c:6: #if outside" "sed -i '5a #ifdef X\n#endif\n' $c"
fault "no include guard" "conditionals: backend/spec/x.h:1: has no include guard" \
	"echo '/* x.h: x. */' >backend/spec/x.h"
fault "one guard for two headers" "conditionals: backend/spec/one.h:1: its include guard" \
	"cp $h backend/spec/one.h"
fault "a key with two meanings" 'keymap: keymap.conf:4: u is "ack" in now, but "undo" in global' \
	"echo 'bind now u \"ack\"' >>keymap.conf"
fault "a function without a comment" "comments: $h:5: no comment above int one_get" \
	"sed -i '/One/d' $h"
fault "a file without a comment" "comments: $c:1: does not begin" "sed -i 1d $c"
fault "a note of work left" "words: $c:8: \"$left\"" "sed -i '7a \\\t/* $left */' $c"
fault "a word of the workplace" "words: README:1: \"$place\"" "echo 'in ${place}main' >README"
fault "a suppression without a reason" "words: $c:8: a suppression" \
	"sed -i '7a \\\t/* cppcheck''-suppress nullPointer */' $c"
fault "a script that cannot be read" "shells: ./x.sh" "echo 'if' >x.sh"
fault "the format" "format: ./$c:8" "sed -i 's/return 1/return  1/' $c"
fault "a null pointer" "cppcheck: $c:9: nullPointer" \
	"sed -i 's/\treturn 1;/\tint *p = NULL;\n\treturn *p;/' $c"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
