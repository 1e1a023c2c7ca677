#!/bin/sh
# release.sh ENDPOINT VERSION FOLDER: adds a version, starts its rollout, and waits for its end. Exit 0
# promoted, 1 taken back, else what failed. BASTION is ci@HOST; PROJECT is the project.
set -eu
endpoint=$1 version=$2 folder=$3
bastion=${SSH:-ssh}
tar -C "$folder" -cf - . | $bastion "$BASTION" pithead version add - --name "$version" --project "$PROJECT"
started=$($bastion "$BASTION" pithead rollout start "$endpoint" --to "$version" --reason ci --json)
rollout=$(printf '%s' "$started" | jq -r '.rollout.id // .rollout')
while :; do
	state=$($bastion "$BASTION" pithead rollout show "$rollout" --json | jq -r .state)
	case $state in
	promoted) exit 0 ;;
	aborted | rejected | superseded)
		echo "release: $version was $state" >&2
		exit 1 ;;
	esac
	sleep "${EVERY:-10}"
done
