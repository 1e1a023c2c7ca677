#!/bin/sh
# ci-step.sh: a step of a CI pipeline, after the deploy has sent a part of the traffic to the candidate.
#   POLICY    the pithead.yaml (the one beside this file)
#   FOR       how long it watches, unless harm is proven before: 10m
#   ROLLBACK  the command that takes the candidate back; without it the step only fails
# Ends with the code of the judge, so that the pipeline goes on only when the candidate is proven ok.
set -u
policy=${POLICY:-$(dirname "$0")/pithead.yaml}

pithead judge --policy="$policy" --for="${FOR:-10m}"
code=$?
case $code in
0) echo "the candidate is proven to be within its limits: go on" ;;
1)
	echo "the candidate is worse: it is taken back"
	sh -c "${ROLLBACK:-true}" || echo "ROLLBACK failed: do it by hand" >&2
	;;
4) echo "not proven either way: let it run longer, or give it more traffic" >&2 ;;
5) echo "there were no numbers to judge by: nothing is passed without them" >&2 ;;
esac
exit $code
