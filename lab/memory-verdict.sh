#!/usr/bin/env bash
# memory-verdict.sh COUNTS - holds what lab/memory.sh counted to what is required: a line "ok STEP
# KEY" or "bad STEP KEY: why" for each that is required. Ends with 1 if one is bad.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=memory-lib.sh
. "$(dirname "$0")/memory-lib.sh"

if [ $# -ne 1 ] || [ ! -f "$1" ]; then die "usage: memory-verdict.sh COUNTS"; fi
status=0
for step in $memory_steps; do
	for key in $memory_keys; do
		wanted=$(memory_expected "$step" "$key")
		[ "$wanted" ] || continue
		found=$(sed -n "s/^$step $key //p" "$1")
		if [ -z "$found" ]; then
			echo "bad $step $key: not counted"
		elif ! memory_fits "$found" "$wanted"; then
			echo "bad $step $key: whole key, parts and hex are there $found times, not $wanted"
		else
			echo "ok $step $key"
			continue
		fi
		status=1
	done
done
exit $status
