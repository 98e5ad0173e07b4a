#!/usr/bin/env bash
# checkpatch.sh - checkpatch --strict finds nothing in any patch but the missing
# Signed-off-by, and each file that the series creates has its maintainers.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

"$top/lab/patched.sh"
cd "$work/patched"
mapfile -t files < <(series_files)
# A new file asks for a line in MAINTAINERS in the same patch; that it has one at
# the end of the series is looked at below. Commit ids cannot be known without history.
found=$work/log/checkpatch
status=0
run logged "$found" perl scripts/checkpatch.pl --strict --no-signoff --no-summary \
	--terse --show-types --ignore FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID "${files[@]}" || status=$?
for file in "${files[@]}"; do
	what="checkpatch ${file##*/}"
	if of_file=$(grep -F "$file" "$found"); then not_ok "$what" "$of_file"; else ok "$what"; fi
done
if [ "$status" = 0 ] || [ "$tap_bad" -gt 0 ]; then ok 'checkpatch ends in order'; else not_ok 'checkpatch ends in order' "$(tail -n 20 "$found")"; fi

created=$(sed -n '/^new file mode/{x;s/^diff --git a.* b\///p;d};h' "${files[@]}" | sort -u)
for path in $created; do
	maintained() { perl scripts/get_maintainer.pl --nogit --nogit-fallback --no-rolestats --nol -f "$path" | grep @ >/dev/null; }
	try "MAINTAINERS names somebody for $path" maintained
done
plan
