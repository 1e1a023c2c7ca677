#!/bin/bash
# haproxy.sh: configurations as teams have them, each taken by `haproxy -c`, are read by `pithead
# init --haproxy` and not changed; what is written is a valid spec that names the right servers. The
# lines `# want:` of a configuration say which. Then files that are none.
# run: beside
. "$(dirname "$0")/lib.sh"
shapes=$root/tests/fixtures/haproxy
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=reco.example.org \
	-keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
cat "$dir/key.pem" >>"$dir/cert.pem"
printf 'a.example.org be_a\nb.example.org be_b\n' >"$dir/hosts.map"
export CERT=$dir/cert.pem
mkdir -p "$dir/shapes"
cp "$shapes"/*.cfg "$dir/shapes/"
cd "$dir" || exit 1

# versions FILE: lines "ENDPOINT VERSION SERVERS" of a spec
versions() {
	awk '/^  [^ #]/ { ep = $1; sub(/:$/, "", ep) } /^      v[0-9]+:$/ { v = $1; sub(/:$/, "", v) }
		/^        upstream:/ { s = $0; sub(/^ *upstream: */, "", s); sub(/ +# .*/, "", s)
			gsub(/"/, "", s); gsub(/, /, ",", s); print ep, v, s }' "$1"
}
for file in shapes/*.cfg; do
	name=$(basename "$file" .cfg) out=$(basename "$file" .cfg).yaml
	haproxy -c -q -f "$file" >check.out 2>&1
	is "$name: haproxy takes it" "$?" 0
	[ ! -s check.out ] || grep -E 'ALERT|error' check.out
	before=$(sha256sum <"$file") stamp=$(stat -c '%Y %i' "$file")
	"$PITHEAD" init --haproxy "$file" --out "$out" --project shop >init.out 2>&1 </dev/null
	is "$name: init takes it" "$?" 0
	grep '^pithead' init.out
	is "$name: it is not changed" "$(sha256sum <"$file") $(stat -c '%Y %i' "$file")" "$before $stamp"
	check "$name: the spec is valid" "$PITHEAD" spec check "$out" >/dev/null
	versions "$out" >versions.out
	while read -r what rest; do
		case $what in
		health | timeout | key | host) check "$name: $what: $rest" grep -qF "    $what: $rest" "$out" ;;
		connections) check "$name: $what $rest" grep -qF "        $what: $rest" "$out" ;;
		says) check "$name says: $rest" grep -qF -- "$rest" <(sed 's/^ *# //' "$out" | tr '\n' ' ' | tr -d '"') ;;
		*) check "$name: $what $rest" grep -qxF "$what $rest" versions.out || cat versions.out ;;
		esac
	done < <(tr -d '\r' <"$file" | sed -n 's/^# want: //p')
done
is "28 shapes" "$(find shapes -name '*.cfg' | wc -l)" 28
check "nobody's backend is told of" grep -q 'No frontend names backend unused' 10-bluegreen.yaml

# -- a configuration in parts --
mkdir conf.d
sed -n '/^frontend/,$!p' shapes/01-simple.cfg >conf.d/00-defaults.cfg
sed -n '/^frontend/,/^$/p' shapes/01-simple.cfg >conf.d/10-frontend.cfg
sed -n '/^backend/,$p' shapes/01-simple.cfg >conf.d/20-models.cfg
echo "no configuration" >conf.d/README
check "haproxy takes a folder" haproxy -c -q -f conf.d
parts="$(cat conf.d/* | sha256sum)"
check "so does init" "$PITHEAD" init --haproxy conf.d --out folder.yaml >/dev/null
"$PITHEAD" init --haproxy conf.d/00-defaults.cfg --haproxy conf.d/10-frontend.cfg --haproxy conf.d/20-models.cfg \
	--out several.yaml >/dev/null
for file in folder several; do is "$file: as from one file" "$(grep -v '^# \|^project' $file.yaml)" \
	"$(grep -v '^# \|^project' 01-simple.yaml)"; done
is "none of them is changed" "$(cat conf.d/* | sha256sum)" "$parts"

# -- what is no configuration, or half of one --
# bad CODE NAME: the file NAME; a sentence, no crash, nothing written
bad() {
	"$PITHEAD" init --haproxy "$2" --out bad.yaml >bad.out 2>&1 </dev/null
	is "$2" "$?" "$1"
	check "$2: a sentence" grep -q '^pithead: .' bad.out
	check "$2: nothing written" test ! -e bad.yaml
}
head -c 20000 /dev/urandom >binary
: >empty
echo 'hello world' >text
printf 'backend x\n server a "1.2.3.4:80\n' >unclosed
printf 'frontend a\n mode tcp\n default_backend b\nbackend b\n server s 1.2.3.4:5\n' >tcp
printf 'backend %s\n mode http\n server s ::::::::::\n' "$(head -c 5000 /dev/zero | tr '\0' x)" >odd
mkdir hollow
for name in hollow binary empty text unclosed tcp odd nothing; do bad 1 $name; done
for file in shapes/*.cfg; do
	for n in 37 211 480 733; do
		head -c $n "$file" >cut
		"$PITHEAD" init --haproxy cut --out - >/dev/null 2>cut.err </dev/null
		[ $? -le 2 ] || not_ok "the first $n bytes of $file: $(cat cut.err)"
	done
done
ok "cut files end in a code"
