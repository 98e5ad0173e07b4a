#!/usr/bin/env bash
# demo.sh - the main job, all four boots.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

# The kernel first. That of `make demo` is built for one base;
# on another one the demo runs on the selftests' kernel, which has all of it: minutes less.
if [ "$base" = "$default_base" ]; then
	run "$top/lab/kernel.sh" patched >/dev/null
else
	test_kernel patched
	export EXTRA_CONFIG=$fragments
fi
prepared
try 'make demo' "$top/lab/demo.sh"
try 'make demo INTEGRITY=1' "$top/lab/demo.sh" --integrity
plan
