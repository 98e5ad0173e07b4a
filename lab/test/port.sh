#!/usr/bin/env bash
# port.sh (test) - two tiny kernels that differ in a line, with the same series on both:
# what is changed on the one has to arrive on the other by 'make port', and only that, and
# a conflict has to stop it until it is solved. And the view that 'make export' leaves.
# Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
copy=$tmp/copy
mkdir -p "$copy"
cp -a "$top/lab" "$copy/"
export BUILD=$tmp/build GIT_AUTHOR_NAME=$author_name GIT_AUTHOR_EMAIL=$author_mail
n=0
# is WHAT CMD...: the command succeeds
is() {
	local what=$1
	shift
	n=$((n + 1))
	if "$@" >"$tmp/out" 2>&1; then echo "ok $n - port: $what"; else
		echo "not ok $n - port: $what"
		sed 's/^/# /' "$tmp/out" "$tmp/log"
	fi
}
lab() { (cd "$copy" && BASE=${2:-} FROM=new TO=old "lab/$1.sh") >"$tmp/log" 2>&1; }
commit() { git -C "$BUILD/$1/tree" add -A -f && git -C "$BUILD/$1/tree" commit -q -m "$2" -m "${3:-Why.}"; }
fixup() { git -C "$BUILD/$1/tree" add -A -f && git -C "$BUILD/$1/tree" commit -q --fixup "$2" && GIT_SEQUENCE_EDITOR=: git -C "$BUILD/$1/tree" rebase -q -i --autosquash base; }
at() { git -C "$BUILD/$1/tree" log --format=%h --grep "^$2" -1; }

(cd "$copy" && git init -q)
# The kernels, and the series on both: the same but for a line of the first patch.
for base in old new; do
	mkdir -p "$BUILD/$base/stock/drivers" "$copy/patches/$base"
	seq 1 40 | sed "s/^20\$/the $base line/" >"$BUILD/$base/stock/drivers/core.c"
	[ $base = old ] || seq 1 9 >"$BUILD/$base/stock/drivers/only.c"
	echo 1 >"$BUILD/$base/stock.version"
	printf 'package linux-source-%s\nversion 1\n' $base >"$copy/patches/$base/BASE"
	: >"$copy/patches/TEXTS"
	lab tree $base || exit 1
	file=$BUILD/$base/tree/drivers/core.c
	sed -i "s/^the $base line/the $base line, hooked/; s/^5\$/five/" "$file"
	commit $base 'core: hook'
	echo one >"$BUILD/$base/tree/drivers/fresh.c"
	commit $base 'fresh: add'
	sed -i 's/^35$/thirty-five/' "$file"
	commit $base 'core: last'
	lab export $base || exit 1
done
echo 'patch core-hook  the line is another one' >"$copy/patches/TEXTS"
(cd "$copy" && git add -A && git commit -q -m both)
clean() { [ -z "$(git -C "$copy" status --porcelain patches/old)" ]; }
# arrived PATCH TEXT: that patch of the old base has the text
arrived() { lab export old && grep -qF -- "$2" "$copy"/patches/old/[0-9]*-"$1".patch; }
untouched() { ! grep -q "$1" "$copy"/patches/old/*; }
new=$BUILD/new/tree/drivers old=$BUILD/old/tree/drivers

is 'nothing to carry over' lab port
is 'and it leaves the patches as they were' eval 'lab export old && clean'

echo two >>"$new/fresh.c"
fixup new "$(at new 'fresh: add')"
sed -i 's/^five$/FIVE/' "$new/core.c"
fixup new "$(at new 'core: hook')"
sed -i 's/^30$/thirty/' "$new/core.c"
sed -i 's/^5$/five/' "$new/only.c"
commit new 'core: more' 'A patch that is new.'
lab export new
is 'changes beside a line that differs' lab port
is 'the new file is carried over' arrived fresh-add +two
is 'a hook is carried over' arrived core-hook +FIVE
is 'and keeps its own text' arrived core-hook '+the old line, hooked'
is 'a new patch is carried over with its message' arrived core-more 'A patch that is new.'
is 'but not what it does to a file that is not there' untouched only.c
is 'the last patch stays' arrived core-last +thirty-five
(cd "$copy" && git add -A && git commit -q -m ported)

sed -i 's/^the new line, hooked/the new line, hooked twice/' "$new/core.c"
fixup new "$(at new 'core: hook')"
lab export new
is 'a change of the line that differs stops it' eval '! lab port'
is 'and it says at which patch' grep -q 'stopped at patch 1 of 4, core-hook' "$tmp/log"
is 'it does not go on unsolved' eval '! lab port'
sed -i '/^<<<<<<</d; /^=======/d; /^>>>>>>>/d; /^the new line/d; /^|||||||/d' "$old/core.c"
sed -i 's/^the old line, hooked$/the old line, hooked twice/' "$old/core.c"
git -C "$BUILD/old/tree" add drivers/core.c
is 'solved, it goes on to the end' lab port
is 'with the solution' arrived core-hook '+the old line, hooked twice'
is 'and what follows unchanged' arrived core-last +thirty-five

# The view. By name "old" is the newer one.
echo 'file drivers/fresh.c  the text is another one' >>"$copy/patches/TEXTS"
echo three >>"$old/fresh.c"
fixup old "$(at old 'fresh: add')"
echo stale >"$copy/drivers/stale.c"
shown() { cmp "$old/fresh.c" "$copy/drivers/fresh.c"; }
is 'both are exported' eval 'lab export old && lab export new'
is 'the view of a file with two texts is of the newest base' shown
lab export old
is 'whichever is exported last' shown
is 'the view has nothing that no series creates' test ! -e "$copy/drivers/stale.c"
is 'and what is no part of it stays' test -e "$copy/lab/export.sh"
echo "1..$n"
