#!/usr/bin/env bash
# apply.sh - the series goes onto pristine source without fuzz, by patch -p1 and by
# git am, with the same result; exporting it again gives patches and view back byte by
# byte; and it copies no file of the base.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

lock check-tree "a step that works in the same tree"
export TREE=$work/check-tree
# The check's own tree; nobody works there.
[ ! -d "$TREE" ] || { git -C "$TREE" reset -q --hard; git -C "$TREE" checkout -q -B series refs/lab/exported; }

try 'patch -p1 takes it without fuzz' "$top/lab/patched.sh"
try 'git am takes it' "$top/lab/tree.sh"

same() {
	local path status=0
	while IFS=$'\t' read -r path; do
		[ "$(git hash-object --no-filters "$work/patched/$path")" = "$(git -C "$TREE" rev-parse "series:$path")" ] ||
			{ echo "$path differs"; status=1; }
	done < <(git -C "$TREE" diff-tree -r --name-only --diff-filter=d base series)
	return $status
}
try 'both give the same files' same

if stock_as_pinned; then
	try 'exporting it again gives the same patches and view' "$top/lab/export.sh" --compare
else
	say "note: files that the series edits are not as BASE pins them, so it is not exported again"
fi

# New sources that are half a file of the base, among those in the same directories.
copies() {
	local dirs
	mapfile -t dirs < <(git -C "$TREE" diff-tree -r --name-only base series | grep / | sed 's|/[^/]*$||' | sort -u)
	! git -C "$TREE" diff-tree -r -C --find-copies-harder -l0 --diff-filter=C base series -- "${dirs[@]}" | grep '\.[chS]$\|\.rst$\|\.sh$'
}
try 'no file of the base is copied' copies
plan
