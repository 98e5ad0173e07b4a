#!/usr/bin/env bash
# coccinelle.sh (test) - plants faults in small files, with two semantic patches of the base's
# kernel, and asserts that lab/check/coccinelle.sh finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

"$top/lab/fetch.sh"
tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
real=$work/stock
unset CHECK_MINUTES CHECK_UNTIL
export BUILD=$tmp/build
work=$BUILD/$base
mkdir -p "$tmp/lab/check" "$tmp/patches/$base" "$work"/{stock,patched}/{lib,scripts/coccinelle/free}
touch "$tmp/patches/$base/SERIES"
cp "$top/lab/lib.sh" "$tmp/lab"
cp "$top"/lab/check/{coccinelle,tap}.sh "$tmp/lab/check"
printf '#!/bin/sh\n' >"$tmp/lab/patched.sh"
chmod +x "$tmp/lab/patched.sh"
# As where the laboratory is: what is built is in no git.
git init -q "$tmp"
echo /build >"$tmp/.gitignore"

# file NAME STATEMENT...: of a function
file() { printf '%s\n' "int $1(int *x, int *y)" '{' "${@:2}" '	return *y;' '}' >"$tree/lib/$1.c"; }
for tree in "$work"/{stock,patched}; do
	ln -s "$real/.cocciconfig" "$tree"
	ln -s "$real/scripts/coccicheck" "$tree/scripts"
	cp "$real"/scripts/coccinelle/free/{ifnullfree,kfree}.cocci "$tree/scripts/coccinelle/free"
	file well '	kfree(x);'
	file before '	if (x)' '		kfree(x);'
	file again '	if (x)' '		kfree(x);'
	file freed '	*x = 1;'
	file unread '	*x = 1;'
done
file before '	*y = 100;' '	if (x)' '		kfree(x);'
file again '	if (x)' '		kfree(x);' '	if (y)' '		kfree(y);'
file freed '	kfree(x);' '	*x = 1;'
file unread '	*x = (1;'
file new '	if (x)' '		kfree(x);'
printf 'lib/%s.c\n' well before again freed unread new >"$work/patched.paths"

n=0 bad=0
# expect WHAT VERDICT OF [WORDS]: that was said of it, and in the lines below those words
expect() {
	n=$((n + 1))
	if grep -A2 -xE "$2 [0-9]+ - $3" "$tmp/out" | grep -q "${4:-$3}"; then
		echo "ok $n - coccinelle: $1"
	else
		echo "not ok $n - coccinelle: $1"
		bad=1
	fi
}
check() { "$tmp/lab/check/coccinelle.sh" >"$tmp/out" 2>"$tmp/err" || :; }
check
expect 'a file that is well' ok 'coccinelle lib/well.c'
expect 'what the base has, too, on another line' ok 'coccinelle lib/before.c'
expect 'what the base has once' 'not ok' 'coccinelle lib/again.c' 'lib/again.c: WARNING: NULL check'
expect 'what is used when it is freed' 'not ok' 'coccinelle lib/freed.c' 'preceded by free on line N'
expect 'what cannot be read' 'not ok' 'coccinelle lib/unread.c' 'cannot read'
expect 'a new file' 'not ok' 'coccinelle lib/new.c' 'NULL check'
expect 'nothing that belongs to no file' ok 'coccinelle: nothing elsewhere'
expect 'all that was asked' ok 'each of the 2 semantic patches ran to its end'
for tree in "$work"/{stock,patched}; do printf 'virtual report\n@r@\n' >"$tree/scripts/coccinelle/broken.cocci"; done
check
expect 'a semantic patch that does not run' 'not ok' 'each of the 3 semantic patches ran to its end'
[ $bad = 0 ] || sed 's/^/# /' "$tmp"/{out,err}
echo "1..$n"
exit $bad
