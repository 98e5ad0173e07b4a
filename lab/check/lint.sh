#!/usr/bin/env bash
# lint.sh - the scripts are clean to shellcheck, and patches and view are in step.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

cd "$top"
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard lab .ci |
	while read -r file; do ! head -n1 "$file" 2>/dev/null | grep -q '^#!.*sh$\|^# shellcheck shell' || echo "$file"; done)
for file in "${scripts[@]}"; do
	try "shellcheck $file" shellcheck -x -P SCRIPTDIR "$file"
done
for name in $(all_bases); do
	try "series-check $name" env BASE="$name" lab/series-check.sh
done
plan
