#!/bin/bash
# stale.sh: no act on a screen that has moved on. Of two who saw the same revision the slower one is
# refused and told what moved; a repeated request is one act; a plan changes nothing. The long form:
# LONG=1 (100 rounds).
# run: beside
. "$(dirname "$0")/lib.sh"
rounds=$(short_or 30 100)
LEASE=60000 one_endpoint
start_rollout v2 100 || not_ok "a rollout begins"
seen() { get "/v1/rollouts/$rollout" .revision; }
json='Content-Type: application/json'

# -- one after the other: the slower one is told who, what and when --
refused=0 named=0 current=0
for ((i = 1; i <= rounds / 2; i++)); do
	revision=$(seen)
	share=$((100 + i))
	ask POST "/v1/rollouts/$rollout/advance" "{\"share_bp\":$share,\"reason\":\"first $i\"}" \
		-H "If-Match: \"$revision\""
	[ "$code" = 200 ] || not_ok "round $i: the first is $code $body"
	case $((i % 3)) in
	0) verb=pause ;;
	1) verb=abort ;;
	2) verb=promote ;;
	esac
	ask POST "/v1/rollouts/$rollout/$verb" '{"reason":"late"}' -H "If-Match: $revision"
	[ "$code" = 412 ] && [ "$(body .error.code)" = stale ] && refused=$((refused + 1))
	case $(body .moved) in
	*"$(awk "BEGIN { print $share / 100 }")"*" by $(id -un) at 20"*"(change "*) named=$((named + 1)) ;;
	*) echo "# $(body .moved)" ;;
	esac
	[ "$(body .current.revision)" = "$(seen)" ] && current=$((current + 1))
done
is "the slower one is refused" "$refused of $((rounds / 2))" "$((rounds / 2)) of $((rounds / 2))"
is "with what moved, who and when" "$named" "$((rounds / 2))"
is "and with the state as it is now" "$current" "$((rounds / 2))"
is "the rollout goes on" "$(get "/v1/rollouts/$rollout" .state)" stepping

# -- at the same moment: exactly one gets through --
once=0 events=0
for ((i = 1; i <= rounds - rounds / 2; i++)); do
	revision=$(seen)
	head=$(get /v1/engine .head)
	for side in a b; do
		[ $side = a ] && share=$((1000 + i)) || share=$((3000 + i))
		curl -s -m 10 --unix-socket "$sock" -o "$dir/$side.body" -w '%{http_code}' -H "$json" \
			-H "If-Match: $revision" -d "{\"share_bp\":$share,\"reason\":\"race\"}" \
			"http://engine/v1/rollouts/$rollout/advance" >"$dir/$side.code" &
		eval "$side=\$!"
	done
	# shellcheck disable=SC2154 # both by eval
	wait "$a" "$b"
	case "$(<"$dir/a.code") $(<"$dir/b.code")" in
	"200 412" | "412 200") once=$((once + 1)) ;;
	*) echo "# $(<"$dir/a.code") $(<"$dir/b.code")" ;;
	esac
	[ "$(get "/v1/audit?after=$head&ascending=1" \
		'[.items[] | select(.verb == "rollout.advance")] | length')" = 1 ] && events=$((events + 1))
done
is "of two at once one gets through" "$once" "$((rounds - rounds / 2))"
is "and is one event" "$events" "$((rounds - rounds / 2))"

# -- by commands --
revision=$(seen)
"$PITHEAD" rollout pause "$rollout" --revision "$revision" >/dev/null 2>&1 </dev/null
is "pithead --revision: the first" $? 0
"$PITHEAD" rollout abort "$rollout" --revision "$revision" >"$dir/out" 2>"$dir/err" </dev/null
is "pithead --revision: the slower one" $? 4
grep -q "pause.* by $(id -un) at 20" "$dir/err" && ok "it is told what moved" ||
	not_ok "what moved: $(cat "$dir/err")"
verb resume >/dev/null || not_ok "resume"

# -- other resources have revisions too --
revision=$(get /v1/endpoints/m .revision)
ask POST /v1/endpoints/m/overrides '{"segment":"ORD","share_bp":0}' -H "If-Match: $revision"
is "an override with the endpoint's revision" "$code" 200
ask POST /v1/endpoints/m/overrides '{"segment":"LAX","share_bp":0}' -H "If-Match: $revision"
is "another with the same" "$code" 412
ask POST /v1/endpoints/m/rollback '{"to":"v1"}' -H "If-Match: $revision"
is "a rollback with the same" "$code" 412
for bad in abc 1.5 -1 '"' 99999999999999999999 1x; do
	ask POST "/v1/rollouts/$rollout/abort" '{}' -H "If-Match: $bad"
	is "If-Match: $bad" "$code $(body .error.field)" "400 If-Match"
done
ask POST "/v1/rollouts/$rollout/pause?dry_run=1" '{}' -H "If-Match: *"
is "If-Match: * takes any" "$code" 200

# -- a repeated request is one act --
head=$(get /v1/engine .head)
wish='{"share_bp":700,"reason":"once"}'
key="Idempotency-Key: $(id -un).1"
again() { ask POST "/v1/rollouts/$rollout/advance" "$1" -H "$key"; }
again "$wish"
is "a request with a key" "$code" 200
event=$(body .event)
for _ in 1 2 3; do
	again "$wish"
	is "repeated, the same answer" "$code $(body .event) $(body .rollout.id)" "200 $event $rollout"
done
verb advance 800 >/dev/null
again "$wish"
is "repeated after another act" "$code $(body .event)" "200 $event"
is "which it does not take back" "$(get /v1/endpoints/m .share_bp)" 800
advances() {
	get "/v1/audit?after=$head&ascending=1&limit=1000" \
		'[.items[] | select(.verb == "rollout.advance")] | length'
}
is "two acts are two events" "$(advances)" 2
again '{"share_bp":701,"reason":"once"}'
is "the same key with another body" "$code $(body .error.field)" "409 Idempotency-Key"
ask POST "/v1/rollouts/$rollout/abort" "$wish" -H "$key"
is "the same key on another path" "$code" 400
ask POST "/v1/rollouts/$rollout/pause" '{"reason":"once"}' -H "$key"
is "the same key for another act" "$code" 409
# All at once, while none is answered yet.
key="Idempotency-Key: storm"
pids=()
for i in 1 2 3 4 5 6 7 8; do
	curl -s -m 10 --unix-socket "$sock" -o "$dir/storm.$i" -H "$key" -d '{"share_bp":900}' \
		"http://engine/v1/rollouts/$rollout/advance" &
	pids+=($!)
done
wait "${pids[@]}"
is "eight at once are one act" "$(cat "$dir"/storm.* | jq -s '[.[].event] | unique | length')" 1
is "and one event" "$(advances)" 3
for bad in "$(printf 'x%.0s' {1..100})" "a b"; do
	ask POST "/v1/rollouts/$rollout/pause" '{}' -H "Idempotency-Key: $bad"
	is "a key of ${#bad} bytes that cannot be kept" "$code $(body .error.field)" "400 Idempotency-Key"
done

# A restart forgets no key.
again=$(now_us) key="Idempotency-Key: kept"
ask POST "/v1/rollouts/$rollout/advance" '{"share_bp":950}' -H "$key"
event=$(body .event)
"$PITHEAD" engine stop >/dev/null 2>&1 </dev/null
wait_for 5 test ! -S "$sock"
start_engine || not_ok "the engine starts again"
ask POST "/v1/rollouts/$rollout/advance" '{"share_bp":950}' -H "$key"
is "repeated after a restart" "$code $(body .event)" "200 $event"

# -- a plan changes nothing --
state() {
	get /v1/engine .head
	get /v1/endpoints/m '[.revision, .share_bp, .stable, .candidate, .overrides]'
	get "/v1/rollouts/$rollout" '[.revision, .state, .share_bp, .step]'
	"$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/route.map" | sed 's/^0x[0-9a-f]* //'
	"$TOOLS/admin" "$PITHEAD_HOME" "show map $PITHEAD_HOME/run/gw/override.map" | sed 's/^0x[0-9a-f]* //'
}
wait_for 5 field_is /v1/endpoints/m .share_in_force_bp 950 || not_ok "the share is in force"
begun=$(get "/v1/audit?verb=rollout.start&limit=1" '.items[0].seq')
state >"$dir/before"
plans=0
while read -r path send; do
	ask POST "$path?dry_run=1" "$send"
	[ "$code" = 200 ] && [ -n "$(body '.plan | select((.will | length) > 0) | .title')" ] &&
		[ -n "$(body .plan.undo)" ] && plans=$((plans + 1)) || not_ok "plan of $path: $code $body"
done <<-END
	/v1/rollouts/$rollout/advance {"share_bp":5000}
	/v1/rollouts/$rollout/pause {}
	/v1/rollouts/$rollout/promote {"reason":"x"}
	/v1/rollouts/$rollout/abort {}
	/v1/endpoints/m/rollback {"to":"v1"}
	/v1/endpoints/m/serve {"to":"v1","reason":"x"}
	/v1/endpoints/m/overrides {"segment":"JFK","share_bp":10000}
	/v1/changes/$begun/undo {}
	/v1/engine/stop {"all":true}
	/v1/backup {}
END
is "plans of ten acts" "$plans" 10
is "change nothing" "$(state | diff "$dir/before" -)" ""
key="Idempotency-Key: planned"
ask POST "/v1/rollouts/$rollout/abort?dry_run=1" '{}' -H "$key"
ask POST "/v1/rollouts/$rollout/abort" '{}' -H "$key"
is "the key of a plan is free for the act" "$code $(body .rollout.state)" "200 aborted"
head=$(get /v1/engine .head)
ask POST "/v1/endpoints/m/rollouts?dry_run=1" '{"to":"v3","share_bp":100}'
is "the plan of a rollout starts none" "$code $(get /v1/engine .head) $(get /v1/endpoints/m .rollout)" \
	"200 $head 0"
"$PITHEAD" audit verify >/dev/null 2>&1 </dev/null
is "the log is whole" $? 0
