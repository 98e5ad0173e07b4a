#!/usr/bin/env bash
# ahead.sh BASE STEP [BASE STEP]... - at the lowest priority, while other steps of the check run,
# builds what those steps boot, and goes through those that boot nothing, in this order: a guest
# leaves a processor idle. A step waits for what is being built; what cannot be built it tries
# again, and says why it fails. What check.sh is to count of the others is in the log of the step
# and, with its status and its seconds, in that log's .status. Says what it does in $build/ahead.log.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$build"
exec >"$build/ahead.log" 2>&1
renice -n 19 -p $$
while [ $# -ge 2 ]; do
	script=$top/lab/check/$2.sh
	if grep -q '^prepared$' "$script"; then
		say "what the step $2 of $1 boots"
		BASE=$1 AHEAD=yes run "$script" || say "left to the step"
	else
		say "the step $2 of $1"
		log=$build/$1/log/check-$2.log
		SECONDS=0
		status=0
		BASE=$1 run logged "$log" "$script" || status=$?
		echo "$status $SECONDS" >"$log.status"
	fi
	shift 2
done
