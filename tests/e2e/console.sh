#!/bin/bash
# console.sh: the console as a person uses it, by keys through tmux, before a real gateway: a share
# taken back within four keys and two seconds; an auditor who cannot act; two consoles of which the
# slower is refused; resizes, an engine that goes away, the terminal given back; a drill.
# run: limit 300
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"
guard_ms=330 # a plan takes no answer before it has stood for 300 ms

head_seq() { get /v1/engine .head; }

# -- one endpoint, three servers that answer well; v3's fault is in what it answers --
free_port; up1=$port
free_port; up2=$port
free_port; up3=$port
free_port; front=$port
background upstream "$TOOLS/upstream" "$up1=v1" "$up2=v2" "$up3=v3"
settings lease_ms 5000 tick_ms 200
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
{
	echo "project: flights"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec delay "$front" "v1=127.0.0.1:$up1" "v2=127.0.0.1:$up2" "v3=127.0.0.1:$up3"
} >"$dir/pithead.yaml"
apply "$dir/pithead.yaml" || { not_ok "the spec is applied"; exit 1; }
serve() { api POST /v1/endpoints/delay/serve "{\"to\":\"$1\",\"reason\":\"first\"}" >"$dir/serve.out"; }
wait_for 10 serve v2 || { not_ok "v2 serves: $(cat "$dir/serve.out")"; exit 1; }
wait_for 10 answered_by v2 || { not_ok "the gateway answers with v2"; exit 1; }
send_v3() { # half of the traffic to v3: sets $rollout
	rollout=$(api POST /v1/endpoints/delay/rollouts \
		'{"to":"v3","share_bp":5000,"reason":"new encoder"}' | jq -r '.rollout.id // .rollout')
	wait_for 10 field_is /v1/endpoints/delay .share_in_force_bp 5000 ||
		{ not_ok "v3 is at 50 %"; exit 1; }
}
# by_gateway N: versions that N requests of different keys are answered by
by_gateway() {
	for ((i = 0; i < $1; i++)); do version_now -H "X-Key: k$i"; done | sort -u | tr '\n' ' '
}

# -- v3 is at 50 %: what changed, who and why, without a key; then two keys --
send_v3
load live --rate 60 --keys 500
open a 80x24
say "Now says what changed" a "canary #$rollout v2 -> v3 at 50 %"
say "and who" a "canary #$rollout .* $(id -un | cut -c1-6)"
say "and why, in the person's words" a "canary #$rollout .*\"new encoder\""
say "live requests are seen" a "delay .* (4[0-9]|5[0-9]|6[0-9]|7[0-9]) +[0-9.]+ +[0-9-]+ " 12
is "before, the gateway sends to both" "$(by_gateway 30)" "v2 v3 "

# take_back NAME KEY: sets $took (s), by the key, the plan, Enter, the gateway's word
take_back() {
	local begin
	begin=$(now_us)
	keys "$1" "$2"
	wait_for 3 shows "$1" 'Enter do it' || not_ok "$2 shows a plan"
	pause_ms $guard_ms
	keys "$1" Enter
	wait_for 5 shows "$1" 'gateway confirms since' || not_ok "the console says it is confirmed"
	took=$(awk "BEGIN { print ($(now_us) - $begin) / 1e6 }")
}
take_back a X
at_most "from v3 at 50 % to all on v2, confirmed, by X and Enter (2 keys), s" "$took" 2
is "the gateway sends all to v2" "$(by_gateway 30)" "v2 "
is "share in force" "$(get /v1/endpoints/delay .share_in_force_bp)" 0
say "no candidate is shown any more" a 'delay .* v2 +- '
send_v3
say "the next one is seen without a key" a "canary #$rollout v2 -> v3 at 50 %"
take_back a u
at_most "the same by u and Enter (2 keys), s" "$took" 2
is "the gateway sends all to v2 again" "$(by_gateway 30)" "v2 "
is "the undo names what it undid" "$(get "/v1/changes?limit=1" '.items[0].undo_of > 0')" true

# -- an auditor --
send_v3
open auditor 80x24 --as auditor
say "the header says that it is read only" auditor 'auditor \(read only\)'
wait_for 3 shows auditor 'Enter explain'
check "no key of an act is offered" hides auditor '(u undo|X abort|B rollback|K alert|Y approve)'
before=$(head_seq)
for key in u X B N P R M Y K; do keys auditor "$key"; done
say "such a key says why nothing happens" auditor 'an auditor looks'
check "and shows no plan" hides auditor 'Enter do it'
keys auditor : ; keys auditor -l "rollout abort $rollout"; keys auditor Enter
say "the palette refuses too" auditor 'rollout abort needs "lower"'
is "nothing was done" "$(get "/v1/audit?after=$before&ascending=1" \
	'[.items[] | select(.verb != "session.read")] | length') $(get /v1/endpoints/delay .share_in_force_bp)" "0 5000"
keys auditor q

# -- two consoles; what moved while one looked at a plan --
open b 80x24
keys a Escape; keys a 1
say "the first sees the rollout" a "canary #$rollout v2 -> v3"
keys a X; keys b P
wait_for 3 shows a 'Enter do it' && wait_for 3 shows b 'Enter do it' || not_ok "both see a plan"
pause_ms $guard_ms
keys b Enter
say "the faster one is done" b '(pause|paused).*#'"$rollout"
keys a Enter
say "the slower one is refused" a 'moved'
say "and told what moved, and by whom" a "(pause|paused).*by $(id -un)"
is "it did nothing" "$(get "/v1/rollouts/$rollout" .state)" paused
keys a Escape
wait_for 3 hides a 'moved' || not_ok "Esc leaves the refusal"
take_back a X
is "a plan made anew is taken" "$(get "/v1/rollouts/$rollout" .state)" aborted
keys b q

# -- any size, and many of them --
for ((i = 0; i < 60; i++)); do
	tm resize-window -t a -x $((RANDOM % 150 + 1)) -y $((RANDOM % 50 + 1))
done
tm resize-window -t a -x 80 -y 24
say "after 60 resizes it draws as before" a 'WHAT CHANGED'
tm resize-window -t a -x 40 -y 10
say "in 40 x 10 the endpoint is there" a 'delay +. '
send_v3
say "and its rollout" a "v3 50% #$rollout"
keys a X
say "and a plan" a 'Enter do it'
say "that says what it will do" a 'route 100 %'
keys a Escape
wait_for 3 hides a 'Enter do it'
tm resize-window -t a -x 80 -y 24

# -- the engine goes away --
say "all is back" a 'WHAT CHANGED'
kill -9 $(engine_pid keeper) $(engine_pid worker)
say "the banner says that the screen is stale" a 'STALE since'
keys a X
say "and no act is taken" a 'no act on a stale screen'
start_engine || not_ok "the engine starts again: $(cat "$dir/start.err")"
say "it comes back by itself" a 'the engine answers again' 15
check "without the banner" hides a 'STALE'
keys a q
say "q leaves" a 'left with 0'
is "with the terminal as it was" "$(cat "$dir/a.before")" "$(cat "$dir/a.after")"
check "and the screen of before" hides a 'WHAT CHANGED'

# -- a drill --
rollout=$(get /v1/endpoints/delay .rollout)
[ "$rollout" = 0 ] || verb abort >/dev/null || not_ok "the rollout is ended: $(get "/v1/rollouts/$rollout" .state)"
wait_for 5 field_is /v1/endpoints/delay .rollout 0 || not_ok "the rollout is ended"
background drill "$PITHEAD" drill --fault v3 --timeout 60s
wait_for 10 field_is /v1/endpoints/delay .share_in_force_bp 5000 || not_ok "the drill begins"
open c 80x24
say "the drill is the first suspect" c '^>.*-> v3 at 50 %.*"drill"'
take_back c X
wait_for 5 gone "$pid" || not_ok "the drill ends"
check "the drill says how long it took" grep -Eq 'undone after [0-9.]+ m?s; it was v3' "$dir/drill.out"
check "and by whom" grep -q "by $(id -un) (console)" "$dir/drill.out"
sed 's/^/# /' "$dir/drill.out"
keys c q
unload
