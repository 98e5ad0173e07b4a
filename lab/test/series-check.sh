#!/usr/bin/env bash
# series-check.sh (test) - breaks copies of patches and view, one fault each, and
# asserts that lab/series-check.sh fails and names that fault in its own words.
# Prints TAP. The copies have no kernel source; the last fault, which only shows
# against it, is left out where there is none.
# shellcheck source=../lib.sh disable=SC2015
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
n=0
copy=$tmp/copy
pd=patches/$base

fresh() {
	rm -rf "$copy"
	mkdir "$copy"
	(cd "$top" && cp -a lab patches "$copy"/ && cp .gitignore "$copy"/ &&
		for d in Documentation drivers include security tools; do [ ! -e "$d" ] || cp -a "$d" "$copy"/; done)
	git -C "$copy" init -q
}
# expect WHAT STATUS MESSAGE: run the copy's check; MESSAGE is an extended regular expression
expect() {
	local status=0
	n=$((n + 1))
	(cd "$copy" && BASE=$base BUILD=$with lab/series-check.sh) >"$tmp/out" 2>&1 || status=$?
	if [ "$((status != 0))" = "$2" ] && grep -qE -- "$3" "$tmp/out"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/out"
	fi
}
# caught WHAT MESSAGE COMMAND...: with the command's change to a fresh copy, the check fails so
caught() {
	local what=$1 message=$2
	shift 2
	fresh
	(cd "$copy" && "$@") || { n=$((n + 1)); echo "not ok $n - $what: the test could not make the fault"; return; }
	expect "$what" 1 "$message"
}
edit() { sed -i "$1" "$2"; }
first=$(basename "$(series_files | sed -n 1p)")
second=$(basename "$(series_files | sed -n 2p)")
mapfile -t patches < <(series_files)
maker=$(grep -l "^new file mode" "${patches[@]}" | awk "NR == 1")
maker=$pd/${maker##*/}
own=$(sed -n '/^new file mode/{x;s/^diff --git a.* b\///p;d};h' "$top/$maker" | head -n1)
edited=$(awk '$1 == "blob" { print $3; exit }' "$series/BASE")
with=$tmp/none

fresh
expect 'the series as it is passes' 0 'are in step'

# shellcheck disable=SC2016
{
caught 'a file of the view edited' "view of $own is not what the patches make of it" \
	edit '$a\/* drift */' "$own"
caught 'a file of the view deleted' "the view lacks $own" rm "$own"
caught 'a file in the view that no patch creates' 'view has drivers/md/orphan\.c, which no patch creates' \
	sh -c 'mkdir -p drivers/md && echo >drivers/md/orphan.c'
caught 'a file of the view made executable' "the mode of $own" \
	sh -c '[ -x "$1" ] && chmod -x "$1" || chmod +x "$1"' - "$own"
caught 'a line of a new file edited in its patch' "does not make of .* what its index line says" \
	edit '/^new file mode/,/^@@/!b;/^@@/{n;s/$/ drift/}' "$maker"
caught 'an index line edited' 'but the patch before it left|not what the patches make of it|but BASE has' \
	edit '/^new file mode/{n;s/....$/0000/}' "$maker"
caught 'blob ids abbreviated' 'does not name whole blob ids' \
	edit 's/^index \(.\{12\}\)[0-9a-f]*\.\.\(.\{12\}\)[0-9a-f]*/index \1..\2/' "$pd/$first"
caught 'two patches swapped in SERIES' 'is number [12] in SERIES but not by its name' \
	sh -c 'awk -v a="$2" -v b="$3" "\$1 == a { print b; next } \$1 == b { print a; next } { print }" "$1/SERIES" >s && mv s "$1/SERIES"' - "$pd" "$first" "$second"
caught 'two patches swapped by name and number' 'changes .* from .*, but|not numbered|is not by its name|already' \
	sh -c 'cd "$1" && mv "$2" t && mv "$3" "$2" && mv t "$3"' - "$pd" "$first" "$second"
caught 'a blob id of BASE changed' "changes .* from .*, but BASE has 0{8}" \
	edit '0,/^blob ......../s/^blob ......../blob 00000000/' "$pd/BASE"
caught 'a file missing from BASE' 'but BASE has no blob id of it' edit '0,/^blob/{/^blob/d}' "$pd/BASE"
caught 'a file in BASE that the series does not touch' 'BASE has the blob id of kernel/fork\.c, which' \
	edit '$ablob 0123456789012345678901234567890123456789 kernel/fork.c' "$pd/BASE"
caught 'BASE without a version' 'does not name package and version' edit '/^version/d' "$pd/BASE"
caught 'BASE missing' 'BASE is missing' rm "$pd/BASE"
caught 'a patch missing' "SERIES lists $second, which is not there" rm "$pd/$second"
caught 'a patch not in SERIES' "$second is not listed in SERIES" edit "/^$second\$/d" "$pd/SERIES"
caught 'a patch twice in SERIES' "SERIES lists $second twice" edit "s/^$second\$/&\n&/" "$pd/SERIES"
caught 'a stray file among the patches' 'stray\.txt is not listed in SERIES' touch "$pd/stray.txt"
caught 'a patch before the first part' 'names a patch before the first part' edit '0,/^part/{/^part/d}' "$pd/SERIES"
caught 'a Signed-off-by' "$first has a Signed-off-by" \
	edit '0,/^---$/s/^---$/Signed-off-by: Somebody <somebody@example.org>\n---/' "$pd/$first"
caught 'another author' "$first is not by" edit '0,/^From: /s/^From: .*/From: Somebody <somebody@example.org>/' "$pd/$first"
caught 'a patch without a message' "$first has no message" \
	awk -v f="$pd/$first" 'BEGIN {
		while ((getline l < f) > 0) { if (l == "") body = 1; if (l == "---") end = 1; if (!body || end || l == "") out = out l "\n" }
		printf "%s", out > f }'
caught 'a wrong number' 'is not numbered \[PATCH' edit '0,/^Subject: \[PATCH /s/^Subject: \[PATCH [0-9]*/Subject: [PATCH 99/' "$pd/$first"
caught 'a real commit id' 'does not start with a zero commit id' edit '1s/0000/1234/' "$pd/$first"
caught 'the cover letter missing' 'cover letter, .* is missing' rm "$pd/0000-cover-letter.patch"
caught 'a cover letter without text' 'lacks its subject or its text' edit '$a*** BLURB HERE ***' "$pd/0000-cover-letter.patch"
caught 'a cover letter that lists other patches' 'cover letter does not list' \
	edit 's/^The dm-keyring authors ([0-9]*):/The dm-keyring authors (999):/' "$pd/0000-cover-letter.patch"
caught 'a cover letter with a list of another author' 'cover letter lists patches of somebody else' \
	edit 's/^The dm-keyring authors ([0-9]*):/Somebody (2):\n  a patch\n\n&/' "$pd/0000-cover-letter.patch"
caught 'a file of the base copied whole' "creates $edited, which is there already" \
	edit "s|$own|$edited|g" "$maker"
caught 'a new file outside the directories of the view' 'creates crypto/own\.c, for which the view has no directory' \
	edit "s|$own|crypto/own.c|g" "$maker"
caught 'a patch that differs between the bases without a reason' 'is not the same on .*, and patches/TEXTS does not say why' \
	edit '0,/^patch /{/^patch /d}' patches/TEXTS
caught 'a patch of one base alone without a reason' 'patches/TEXTS does not say why' edit '0,/^only /{/^only /d}' patches/TEXTS
caught 'a reason for a patch that is the same' 'lists the patch .*, which is the same on' \
	sh -c 'name=${1#[0-9]*-}; echo "patch ${name%.patch}  no reason" >>patches/TEXTS' - "$(basename "$maker")"
caught 'a reason for a patch that is not there' 'lists the patch no-such-patch, which is not there' \
	edit '$apatch no-such-patch  no reason' patches/TEXTS
caught 'a new file that differs between the bases' 'the new file .* is not the same on' \
	edit "\\|^diff --git a/$own |,/^@@/s/^\\(index .*\\)....\$/\\10000/" "$(cd "$top" && grep -l "^diff --git a/$own " patches/*/[0-9]*.patch | grep -v "^$pd/" | tail -n 1)"
}

# Against the source, hunks on files of others are rebuilt, too.
with=$build
if stock_as_pinned; then
	hunk=$(grep -l "^diff --git a/$edited " "${patches[@]}" | awk "NR == 1")
	caught 'a line of another'\''s file edited in its patch' 'does not make of .* what its index line says' \
		awk -v f="$pd/${hunk##*/}" -v p="$edited" 'BEGIN {
			while ((getline l < f) > 0) {
				if (l ~ /^diff --git/) on = l ~ " b/" p "$"
				if (on && !done && l ~ /^\+[^+]/) { l = l " drift"; done = 1 }
				out = out l "\n"
			}
			printf "%s", out > f; exit !done }'
fi
echo "1..$n"
