#!/usr/bin/env bash
# demo.sh - the main job, all three boots.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

# The kernel first, so that its progress is seen.
run "$top/lab/kernel.sh" patched >/dev/null
try 'make demo' "$top/lab/demo.sh"
try 'make demo INTEGRITY=1' "$top/lab/demo.sh" --integrity
plan
