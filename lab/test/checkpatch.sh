#!/usr/bin/env bash
# checkpatch.sh (test) - plants faults in small patches, and asserts that lab/check/checkpatch.sh,
# with the scripts of the base's kernel, finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

"$top/lab/fetch.sh"
real=$work/stock
laboratory checkpatch
for path in "$real"/*; do
	case ${path##*/} in MAINTAINERS | lib | scripts | tools) ;; *) ln -s "$path" "$work/patched" ;; esac
done
mkdir "$work/patched/lib"
cp -r "$real/scripts" "$work/patched"
# In the last section of the kernel's own is what nobody else has.
{
	printf '%s\n' 'SMALL FILES' "M:	$author_name <$author_mail>" 'S:	Maintained' 'F:	lib/small_*' ''
	sed -n '/^THE REST/,$p' "$real/MAINTAINERS"
} >"$work/patched/MAINTAINERS"

# patch NAME FILE LINE...: makes that file
patch() {
	local file=$2
	{
		printf '%s\n' "From: $author_name <$author_mail>" 'Date: Wed, 1 Jan 2025 00:00:00 +0000' "Subject: [PATCH] lib: add $file" '' \
			'What it is good for stands here, in words that are' 'enough for it.' '---' " lib/$file | $(($# - 2)) +" '' \
			"diff --git a/lib/$file b/lib/$file" 'new file mode 100644' \
			'index 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111' \
			'--- /dev/null' "+++ b/lib/$file" "@@ -0,0 +1,$(($# - 2)) @@"
		printf '+%s\n' "${@:3}"
		printf '%s\n' '-- ' '2.39'
	} >"$series/$1.patch"
	echo "$1.patch" >>"$series/SERIES"
	touch "$work/patched/lib/$file"
}
licence='// SPDX-License-Identifier: GPL-2.0-only'
patch 0001-well small_well.c "$licence" 'int small_well(int n)' '{' '	return n + 1;' '}'
patch 0002-indent small_indent.c "$licence" 'int small_indent(int n)' '{' '        return n + 1;' '}'
patch 0003-warning small_warning.c 'int small_warning(int n)' '{' '	return n + 1;' '}'
patch 0004-strict small_strict.c "$licence" 'int small_strict(int *n)' '{' '	return n == NULL;' '}'
patch 0005-nobody lonely.c "$licence" 'int lonely(int n)' '{' '	return n + 1;' '}'
patch 0006-words small_words.c "$licence" 'int small_words(int n)' '{' '	return n + 1;' '}'
sed -i '/^What/,/^enough/d' "$series/0006-words.patch"

check checkpatch
expect 'a patch that is well, but for a Signed-off-by' ok 'checkpatch 0001-well.patch'
expect 'an error' 'not ok' 'checkpatch 0002-indent.patch' 'ERROR:CODE_INDENT'
expect 'a warning' 'not ok' 'checkpatch 0003-warning.patch' 'WARNING:SPDX_LICENSE_TAG'
expect 'what only --strict finds' 'not ok' 'checkpatch 0004-strict.patch' 'CHECK:COMPARISON_TO_NULL'
expect 'a patch without a message' 'not ok' 'checkpatch 0006-words.patch' 'WARNING:COMMIT_MESSAGE'
expect 'a file of somebody' ok 'MAINTAINERS names somebody for lib/small_well.c'
expect 'a file of nobody' 'not ok' 'MAINTAINERS names somebody for lib/lonely.c'
expect 'that it came to the end' ok 'checkpatch ends in order'
only 5

sed -i '2,$d' "$series/SERIES"
check checkpatch
only 0
echo 'die "broken";' >"$work/patched/scripts/checkpatch.pl"
check checkpatch
expect 'a checkpatch that does not run' 'not ok' 'checkpatch ends in order' broken
only 1
finish
