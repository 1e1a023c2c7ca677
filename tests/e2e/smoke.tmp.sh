. "$(dirname "$0")/lib.sh"
one_endpoint
ok up
time start_rollout v2 500
get /v1/endpoints/m; "$TOOLS/admin" "$PITHEAD_HOME" "show map"; "$PITHEAD" engine stop --all --yes --reason x; echo $?; engine_up && echo up; ls $PITHEAD_HOME; pause_ms 1500; ours | xargs ps -o pid,stat,args -p
time verb advance 5000
time verb abort
get "/v1/audit?limit=3" '.items[0]'
"$PITHEAD" audit verify; echo $?
