#!/usr/bin/env bash
# demo.sh - the main job, all five boots.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

# On the selftests' kernel, which has all that the demo's own has: so one kernel less is built.
test_kernel patched
export EXTRA_CONFIG=$fragments
prepared
try 'make demo' "$top/lab/demo.sh"
try 'make demo INTEGRITY=1' "$top/lab/demo.sh" --integrity
plan
