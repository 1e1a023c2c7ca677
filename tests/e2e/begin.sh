#!/bin/bash
# begin.sh: a console over an engine that has nothing yet: three ways to begin; what no pane shows runs
# on the terminal and comes back; another engine is shown in this one's place; projects narrow the view.
# run: beside
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_screen.sh"

settings tick_ms 200
start_engine || { not_ok "the engine starts: $(cat "$dir/start.err")"; exit 1; }
OPENED='Three ways' open a 80x24
say "an empty engine offers ways to begin" a '^>init '
say "and says what the first of them does" a 'pithead init --upstream http://HOST:PORT'
keys a Down
say "the cursor goes on" a '^>flights'
say "and with it what is explained" a 'make run'
keys a G
say "to the last" a '^>connect'
say "which tells how to reach another machine" a 'ssh -t HOST pithead'
keys a g Enter
say "Enter begins the command" a '^:init --upstream http://'
keys a Escape
wait_for 3 hides a '^:init' || not_ok "Esc leaves it"
is "and nothing was changed by looking" "$(get '/v1/changes' '.changes | length')" 0

# -- the terminal is lent --
keys a ':engine status' Enter
say "a command without a pane runs on the terminal" a 'Enter goes back to the console'
is "with its own output" "$(screen a | grep -c "^home *$PITHEAD_HOME")" 1
keys a Enter
say "and Enter comes back" a '^>init '
keys a ':whoami --can nonsense' Enter
say "a code that is not 0 is told" a 'exit [1-9]'
keys a C-c
say "C-c goes back as well" a '^>init '
keys a ':engine' Enter
say "what would be one engine too many is not run" a 'for the shell'

# -- another engine --
two=$dir/two
PITHEAD_HOME=$two "$PITHEAD" whoami >/dev/null 2>&1 </dev/null || not_ok "a second engine starts"
free_port
{
	echo "project: shop"; echo "owner: tests"; echo "endpoints:"
	endpoint_spec basket "$port" "v1=127.0.0.1:$port"
} >"$dir/shop.yaml"
PITHEAD_HOME=$two "$PITHEAD" apply --file "$dir/shop.yaml" --yes --reason first >"$dir/shop.out" 2>&1 </dev/null ||
	not_ok "a spec is applied there: $(cat "$dir/shop.out")"
keys a ":connect $dir/none" Enter
say "a place with no engine is refused" a 'No such file'
say "and the one before is still there" a '^>init '
keys a ':connect -oProxyCommand=x' Enter
say "a word that ssh would take as an option is refused" a 'neither a host nor'
keys a ":connect $two" Enter
say "the other engine's endpoint is shown" a 'basket'
keys a p shop Enter
say "one project" a 'project shop'
say "has it" a 'basket +'
keys a p C-u none Enter
say "a project that is not there is refused" a 'there is no project "none"'
say "and the filter is as it was" a 'project shop'
keys a p C-u Enter
say "without a name all are shown" a 'all projects'
keys a q
say "q leaves" a 'left with 0'
PITHEAD_HOME=$two "$PITHEAD" engine stop --all >/dev/null 2>&1 </dev/null || not_ok "the second one stops"
