#!/usr/bin/env bash
# ahead.sh BASE STEP [BASE STEP]... - builds what those steps of the check boot, in this order and
# at the lowest priority, while other steps run: a guest leaves a processor idle. A step waits
# for what is being built; what cannot be built it tries again, and says why it fails. Says what
# it does in $build/ahead.log.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$build"
exec >"$build/ahead.log" 2>&1
renice -n 19 -p $$
while [ $# -ge 2 ]; do
	say "what the step $2 of $1 boots"
	BASE=$1 AHEAD=yes run "$top/lab/check/$2.sh" || say "left to the step"
	shift 2
done
