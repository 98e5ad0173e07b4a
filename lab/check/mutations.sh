#!/usr/bin/env bash
# mutations.sh - series-check finds every fault that it is there to find.
exec "$(dirname "$0")/../test/series-check.sh"
