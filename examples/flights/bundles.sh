#!/bin/sh
# bundles.sh BIN OUT: trains, and makes the five versions as bundle
# directories OUT/v1 .. OUT/v5: serve, model.liblinear, vocabulary and
# serve.conf. Five versions, one program: what differs is data.
set -eu

if [ $# -ne 2 ]; then
	echo "usage: bundles.sh BIN OUT" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
bin=$1 out=$2
mkdir -p "$out"
work=$(mktemp -d "$out/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT

sh "$here/train.sh" "$bin" "$here/data/flights.csv.gz" "$work/models"
for v in v1 v2 v3 v4 v5; do
	conf=$here/versions/$v.conf
	features=$(sed -n 's/^features //p' "$conf")
	mkdir "$work/$v"
	chmod 755 "$work/$v"
	install -m 755 "$bin/serve" "$work/$v/serve"
	install -m 644 "$work/models/$features/model.liblinear" \
		"$work/models/$features/vocabulary" "$work/$v/"
	install -m 644 "$conf" "$work/$v/serve.conf"
	rm -rf "${out:?}/$v"
	mv "$work/$v" "$out/$v"
done
