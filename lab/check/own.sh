#!/usr/bin/env bash
# own.sh - the tests of the laboratory's own tools: each script of lab/test finds every
# fault that it plants.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

status=0
for test in "$top"/lab/test/*.sh; do "$test" || status=1; done
exit $status
