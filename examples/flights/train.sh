#!/bin/sh
# train.sh BIN CSV OUT: trains the two models of this example into OUT/hour
# and OUT/all (model.liblinear and vocabulary each). BIN holds `prepare`.
# The same table gives the same bytes every time.
set -eu

if [ $# -ne 3 ]; then
	echo "usage: train.sh BIN CSV OUT" >&2
	exit 2
fi
bin=$1 csv=$2 out=$3
if ! command -v liblinear-train >/dev/null; then
	echo "train.sh: liblinear-train is missing (package liblinear-tools)" >&2
	exit 1
fi

# train FEATURES MONTHS: -s 0 is L2-regularised logistic regression
train() {
	mkdir -p "$out/$1"
	"$bin/prepare" --csv "$csv" --months "$2" --features "$1" \
		--vocabulary "$out/$1/vocabulary" --out "$out/$1/rows"
	liblinear-train -q -s 0 "$out/$1/rows" "$out/$1/model.liblinear"
	rm "$out/$1/rows"
}

train hour 2001-01
train all 2001-01,2001-02
