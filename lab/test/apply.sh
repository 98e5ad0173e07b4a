#!/usr/bin/env bash
# apply.sh (test) - a tiny kernel and a series that does not go onto it as it should: asserts that
# lab/check/apply.sh finds each fault and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

base=tiny
laboratory apply
cp "$top"/lab/{export,patched,tree}.sh "$tmp/lab"
drivers=$work/stock/drivers
mkdir -p "$drivers"
printf 'package linux-source-%s\nversion 1\n' $base >"$series/BASE"
echo 1 >"$work/stock.version"
: >"$tmp/patches/TEXTS"
seq 1 60 >"$drivers/core.c"
seq 101 160 >"$drivers/other.c"
(cd "$tmp" && git init -q)
export TREE GIT_AUTHOR_NAME=$author_name GIT_AUTHOR_EMAIL=$author_mail
lab() { "$tmp/lab/$1.sh" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp"/{out,err} >&2; exit 1; }; }
commit() { git -C "$TREE" add -A -f && git -C "$TREE" commit -q -m "$1" -m 'Why.'; }
lab tree
sed -i 's/^30$/thirty/' "$TREE/drivers/core.c"
commit 'core: change'
echo fresh >"$TREE/drivers/fresh.c"
commit 'fresh: add'
lab export
# again: as it was, for the next fault
cp -a "$tmp/patches" "$tmp/good.patches"
cp -a "$work/stock" "$tmp/good.stock"
cp -a "$tmp/drivers" "$tmp/good.drivers"
again() {
	local i
	for i in patches drivers; do rm -rf "${tmp:?}/$i"; cp -a "$tmp/good.$i" "$tmp/$i"; done
	rm -rf "$work"/{stock,patched,patched.*,check-tree} "$build/kernels.git"
	cp -a "$tmp/good.stock" "$work/stock"
	mkdir -p "$work/patched/tools/testing/selftests/dm-crypt-keyring"
}
# one more patch of the series, of the change that was made in the tree
more() { commit "$1"; lab export; }
patch_p1='patch -p1 takes it without fuzz' am='git am takes it' both='both give the same files'
exported='exporting it again gives the same patches and view' copied='no file of the base is copied'

again
check apply
for i in "$patch_p1" "$am" "$both" "$exported" "$copied"; do expect "as it is, $i" ok "$i"; done
only 0

again
sed -i 's/^28$/twenty-eight/' "$drivers/core.c"
check apply
expect 'a line that is another one, by patch' 'not ok' "$patch_p1" 'does not apply .* without fuzz'
expect 'and by git' 'not ok' "$am" 'git am does not take'
again

echo other >"$tmp/drivers/fresh.c"
check apply
expect 'a view of another text' 'not ok' "$exported" 'the view of drivers/fresh.c'
only 1
again

sed -i 's/^Why\.$/And why./' "$series"/0001-*.patch
sed -i 's/^Subject: \[PATCH 1\/2\] /&&/' "$series"/0001-*.patch
check apply
expect 'a patch that was edited by hand' 'not ok' "$exported" "patches/$base is not what the export"
only 1
again

lab tree
cp "$TREE/drivers/other.c" "$TREE/drivers/second.c"
sed -i 's/^110$/ten/' "$TREE/drivers/second.c"
more 'second: add'
check apply
expect 'a file of the base under another name' 'not ok' "$copied" 'drivers/second.c'
only 1
again

# Mail has no line ends of its own, so git takes them away, and patch does not.
lab tree
printf 'one\r\ntwo\r\n' >"$TREE/drivers/mail.c"
more 'mail: add'
check apply
expect 'what git and patch take otherwise' 'not ok' "$both" 'drivers/mail.c differs'
# Nor is what it becomes in a patch again.
only 2
finish
