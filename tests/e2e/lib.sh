# lib.sh: what the end-to-end tests share. Each has a private home, private ports, a tiny upstream
# for its models, and ends everything that it started. Sourced by bash; sets -u.
set -u
BUILD=${BUILD:-build}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
PITHEAD=${PITHEAD:-$BUILD/pithead}
TOOLS=${TOOLS:-$BUILD/tests/support/programs}
SEED=${SEED:-1}
RANDOM=$SEED
passed=0 failed=0
short_or() { [ -n "${LONG:-}" ] && echo "$2" || echo "$1"; }

ok() {
	passed=$((passed + 1))
	echo "ok - $*"
}
not_ok() {
	failed=$((failed + 1))
	echo "not ok - $*"
}
# check WHAT COMMAND...: counts whether the command succeeds
check() {
	local what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what: $*"; fi
}
# is WHAT GOT WANTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: got \"$2\", wanted \"$3\""; fi; }
# at_most WHAT GOT LIMIT: numbers, fractions too
at_most() {
	if awk "BEGIN { exit !(\"$2\" != \"\" && \"$2\" + 0 <= $3) }"; then
		ok "$1: $2 (limit $3)"
	else
		not_ok "$1: $2 is over the limit $3"
	fi
}
# wait_for SECONDS COMMAND...: asks until it succeeds; its failure is the caller's to count
wait_for() {
	local until=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || return 1
		pause_ms 20
	done
}
now_us() { echo "${EPOCHREALTIME/./}"; }
# A pause between two looks, or between two acts of a schedule; never instead of a condition.
exec {idle}<> <(:)
pause_ms() {
	local ms=00$(($1 % 1000))
	read -rt "$(($1 / 1000)).${ms: -3}" -u "$idle" || :
}

dir=$(mktemp -d /tmp/ph.XXXXXX)
export PITHEAD_HOME=$dir/h
unset PITHEAD_SOCKET
sock=$PITHEAD_HOME/engine.sock

# Below the range that the system takes for outgoing connections. A subshell could not count.
next_port=$((10000 + $$ % 2000 * 10))
free_port() { # sets $port
	while next_port=$((next_port + 1)); (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do
		:
	done
	port=$next_port
}

# background NAME COMMAND...: sets $pid; ended at exit
background() {
	local name=$1
	shift
	"$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null &
	pid=$!
}

# Processes of our private folder: by command line, working folder, or the home in their environment. Without
# a single fork, as it is asked often.
ours() {
	local p words
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" != $$ ] && [ "$p" != "$BASHPID" ] || continue
		mapfile -d '' -t words 2>/dev/null <"/proc/$p/cmdline" || continue
		if [[ "${words[*]}" = *"$dir/"* ]]; then
			echo "$p"
		elif [ "/proc/$p/cwd" -ef "$PITHEAD_HOME/run/gw" ]; then # a gateway names no path
			echo "$p"
		elif [ "/proc/$p/exe" -ef "$PITHEAD" ]; then
			mapfile -d '' -t words 2>/dev/null <"/proc/$p/environ" || continue
			[[ " ${words[*]} " = *" PITHEAD_HOME=$dir/"* ]] && echo "$p"
		fi
	done 2>/dev/null
	return 0
}
none_left() { [ -z "$(ours)" ]; }

no_jobs() { [ -z "$(jobs -rp)" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

finish() {
	local rc=$? p
	trap - EXIT INT TERM
	# By the shell's own list: a number that it has forgotten may be somebody else's by now.
	for p in $(jobs -p); do kill -CONT "$p"; kill "$p"; done 2>/dev/null
	wait_for 8 no_jobs || kill -9 $(jobs -p) 2>/dev/null
	# A scenario may have stopped its engine: the gateway goes on, and only an engine ends it.
	[ -S "$sock" ] || none_left || start_engine
	[ ! -S "$sock" ] || "$PITHEAD" engine stop --all \
		>/dev/null 2>&1 </dev/null
	if wait_for 10 none_left; then
		ok "nothing is left running"
	else
		not_ok "left running: $(ours | xargs -r ps -o pid=,args= -p)"
		ours | xargs -r kill -9 2>/dev/null
	fi
	if [ "$failed" -gt 0 ] || [ "$rc" -ne 0 ]; then
		if [ -n "${KEEP:-}" ]; then
			echo "# kept: $dir"
		else
			tail -n "${TAIL:-12}" "$PITHEAD_HOME/log/engine.log" 2>/dev/null | sed 's/^/# /'
		fi
	fi
	[ -n "${KEEP:-}" ] || rm -rf "$dir"
	[ "$rc" -eq 0 ] || { failed=$((failed + 1)); echo "not ok - ended early (exit $rc)"; }
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
trap finish EXIT
trap 'exit 1' INT TERM

# settings NAME VALUE...
settings() {
	mkdir -p -m 0711 "$PITHEAD_HOME"
	while [ $# -gt 0 ]; do
		echo "set $1 $2" >>"$PITHEAD_HOME/settings.conf"
		shift 2
	done
}

# api METHOD PATH [BODY [CURL WORDS...]]: body on stdout; exit 1 unless 2xx
api() {
	local method=$1 path=$2 body=${3:-} answer
	shift $(($# > 3 ? 3 : $#))
	answer=$(curl -s -m 10 --unix-socket "$sock" -X "$method" -w '\n%{http_code}' \
		${body:+-d "$body"} "$@" "http://engine$path")
	echo "${answer%$'\n'*}"
	[[ "${answer##*$'\n'}" = 2* ]]
}
get() { api GET "$1" | jq -r "${2:-.}"; }
field_is() { [ "$(get "$1" "$2" 2>/dev/null)" = "$3" ]; }
# ask METHOD PATH [BODY [CURL WORDS...]]: sets $code and $body. "${as[@]}" goes before curl: another
# user by setpriv. A body of `@-` is stdin.
as=()
ask() {
	local method=$1 path=$2 send=${3-} out
	shift $(($# > 3 ? 3 : $#))
	out=$("${as[@]}" curl -s -m 15 --path-as-is --unix-socket "$sock" -X "$method" -w "\n%{http_code}" \
		${send:+--data-binary "$send"} "$@" "http://engine$path" 2>/dev/null)
	code=${out##*$'\n'} body=${out%$'\n'*}
}
# body FILTER: of the last answer
body() { jq -r "$1" <<<"$body" 2>/dev/null; }

engine_up() { api GET /v1/engine >/dev/null 2>&1; }
start_engine() {
	"$PITHEAD" whoami >/dev/null 2>"$dir/start.err" </dev/null || return 1
	wait_for 5 engine_up
}

# endpoint_spec NAME PORT [ARM=HOST:PORT...]: one endpoint of the spec, upstream arms
endpoint_spec() {
	local name=$1 listen=$2 arm
	shift 2
	printf '  %s:\n    environment: production\n    mode: online\n    tier: low\n' "$name"
	printf '    owner: tests\n    listen: 127.0.0.1:%s\n    health: /healthz\n' "$listen"
	printf '    key: header X-Key else random\n    segment: json origin\n    timeout: 2s\n'
	printf '    score: json probability\n    task: binary\n    versions:\n'
	for arm; do printf '      %s:\n        upstream: %s\n' "${arm%%=*}" "${arm#*=}"; done
	printf '    rollout:\n      pattern: canary\n      steps: [1%% 1h, 5%% 1h, 25%% 1h, 50%% 1h]\n'
}

# apply SPEC FILE: through the API, with the base that it has now
apply() {
	local base
	base=$(get /v1/projects 'map(.spec_seq) | max // 0' 2>/dev/null)
	jq -Rs --argjson base "${base:-0}" '{spec: ., commit: "", dirty: false, base: $base,
		reason: "test"}' <"$1" >"$dir/apply.json"
	api POST /v1/apply "@$dir/apply.json" >"$dir/apply.out" || { cat "$dir/apply.out"; return 1; }
}

# one_endpoint: upstream for v1 and v2 (v3 fails), endpoint t/m on $front served by v1
one_endpoint() {
	free_port; up1=$port
	free_port; up2=$port
	free_port; up3=$port
	free_port; front=$port
	background upstream "$TOOLS/upstream" "$up1=v1" "$up2=v2" "$up3=v3=500"
	settings lease_ms "${LEASE:-2000}" tick_ms "${TICK:-200}"
	start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
	{
		echo "project: t"; echo "owner: tests"; echo "endpoints:"
		endpoint_spec m "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v3=127.0.0.1:$up3"
	} >"$dir/pithead.yaml"
	apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
	wait_for 10 serve_v1 || { not_ok "v1 serves: $(serve_v1 2>&1)"; exit 1; }
	wait_for 10 field_is /v1/endpoints/m .stable v1
	wait_for 5 answered_by v1 || { not_ok "the gateway answers with v1"; exit 1; }
}
serve_v1() { api POST /v1/endpoints/m/serve '{"to":"v1","reason":"first"}' >"$dir/serve.out"; }
version_now() {
	curl -s -m 3 -o /dev/null -D - "http://127.0.0.1:$front/predict" -d '{"origin":"ORD"}' "$@" |
		tr -d '\r' | sed -n 's/^x-pithead-version: //Ip'
}
answered_by() { [ "$(version_now)" = "$1" ]; }

# start_rollout VERSION SHARE_BP: sets $rollout, waits until it carries that share
start_rollout() {
	rollout=$(api POST /v1/endpoints/m/rollouts \
		"{\"to\":\"$1\",\"share_bp\":$2,\"reason\":\"test\"}" | jq -r '.rollout.id // .rollout')
	wait_for 10 field_is /v1/endpoints/m .share_in_force_bp "$2"
}
# send VERSION: starts a rollout by the spec's pattern and steps; sets $rollout
send() {
	rollout=$(api POST /v1/endpoints/m/rollouts "{\"to\":\"$1\",\"reason\":\"test\"}" |
		jq -r '.rollout.id // .rollout')
}
state_is() { field_is "/v1/rollouts/$rollout" .state "$1"; }
reason_has() { get "/v1/rollouts/$rollout" .end_reason | grep -Eq -- "$1"; }
verb() { # verb VERB [share_bp]
	api POST "/v1/rollouts/$rollout/$1" "{\"reason\":\"test\"${2:+,\"share_bp\":$2}}"
}
gateway_row() { "$TOOLS/admin" "$PITHEAD_HOME" "get map routes.map $1"; }

# load NAME WORDS...: traffic in the background; requests go to $dir/NAME.tsv, sets $load_pid
load() {
	local name=$1
	shift
	background "$name" "$TOOLS/load" --port "$front" --out "$dir/$name.tsv" "$@"
	load_pid=$pid
	wait_for 5 has_lines "$dir/$name.tsv" || not_ok "the traffic starts"
}
has_lines() { [ -s "$1" ]; }
# unload: ends it; the summary is then in $dir/NAME.out
unload() {
	kill "$load_pid" 2>/dev/null
	wait_for 10 gone "$load_pid"
}

# serve_spec NAME PORT: one endpoint whose versions are bundles that the engine runs
serve_spec() {
	endpoint_spec "$1" "$2" | sed '/^    versions:/d'
	printf '    serve: ./server --socket $SOCKET --name-file name\n    replicas: 2\n'
}
# replica_endpoint: as one_endpoint, with two replicas of each version in sandboxes
replica_endpoint() {
	local v
	free_port; front=$port
	settings lease_ms "${LEASE:-2000}" tick_ms "${TICK:-200}" drain_ms 200
	start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
	for v in v1 v2; do
		mkdir -p "$dir/bundles/$v"
		cp "$TOOLS/upstream" "$dir/bundles/$v/server"
		echo "$v" >"$dir/bundles/$v/name"
		"$PITHEAD" version add "$dir/bundles/$v" --name "$v" --project t \
			>"$dir/add.out" 2>&1 </dev/null || { cat "$dir/add.out"; exit 1; }
	done
	{ echo "project: t"; echo "owner: tests"; echo "endpoints:"; serve_spec m "$front"; } \
		>"$dir/pithead.yaml"
	apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
	serve_v1 || { not_ok "v1 is asked for: $(cat "$dir/serve.out")"; exit 1; }
	wait_for 20 answered_by v1 || { not_ok "the gateway answers with v1"; exit 1; }
	wait_for 10 field_is /v1/endpoints/m .stable v1
}

engine_pid() { # engine_pid worker|keeper
	local p words
	for p in $(ours); do
		mapfile -d '' -t words 2>/dev/null <"/proc/$p/cmdline" || continue
		[[ "${words[*]}" = *"engine --$1"* ]] && echo "$p"
	done 2>/dev/null
	return 0
}
# kill_engine: kill -9 of the worker, until another one answers
kill_engine() {
	local killed
	killed=$(engine_pid worker)
	kill -9 "$killed"
	wait_for 10 another_worker "$killed" || not_ok "the engine comes back"
}
another_worker() {
	local p
	p=$(engine_pid worker)
	[ -n "$p" ] && [ "$p" != "$1" ] && engine_up
}
