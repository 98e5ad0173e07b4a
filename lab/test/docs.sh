#!/usr/bin/env bash
# docs.sh (test) - plants faults in a small book, with the documentation build of the base's
# kernel, and asserts that lab/check/docs.sh finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

"$top/lab/fetch.sh"
tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
real=$work/stock
unset CHECK_MINUTES CHECK_UNTIL
export BUILD=$tmp/build
work=$BUILD/$base
mkdir -p "$tmp/lab/check" "$tmp/patches/$base" "$work"/{stock,patched}/lib
touch "$tmp/patches/$base/SERIES"
cp "$top/lab/lib.sh" "$tmp/lab"
cp "$top"/lab/check/{docs,tap}.sh "$tmp/lab/check"
printf '#!/bin/sh\n' >"$tmp/lab/patched.sh"
chmod +x "$tmp/lab/patched.sh"

nowhere=":ref:\`nowhere\`"
# page NAME UNDERLINE TEXT: of the book
page() { printf '%s\n' "$1" "$2" '' "$3" >"$tree/Documentation/book/$1.rst"; }
# source_file NAME PARAMETER TEXT: a function with its comment
source_file() { printf '%s\n' '/**' " * $1 - does nothing" " * @$2: any" ' *' " * $3" ' */' "int $1(int n) { return n; }" >"$tree/lib/$1.c"; }
for tree in "$work"/{stock,patched}; do
	ln -s "$real"/{Makefile,MAINTAINERS,arch,include,scripts,tools} "$tree"
	mkdir -p "$tree"/Documentation/{book,networking/netlink_spec}
	ln -s "$real"/Documentation/{Makefile,conf.py,sphinx,sphinx-includes,sphinx-static,userspace-api} "$tree/Documentation"
	printf '%s\n' Book ==== '' '.. toctree::' '' '   clean' '   before' '   title' '   reference' >"$tree/Documentation/book/index.rst"
	page clean ===== 'All is well.'
	page before ==== 'A fault that the base has.'
	page title ===== 'All is well.'
	page reference ========= 'All is well.'
	source_file well n 'All is well.'
	source_file parameter n 'All is well.'
	source_file markup n 'All is well.'
done
echo 'And more.' >>"$tree/Documentation/book/before.rst"
page title ==== 'The line is too short.'
page reference ========= "See $nowhere."
page lonely ====== 'In no table of contents.'
source_file parameter m 'That is another one.'
source_file markup n "See $nowhere."
printf '%s\n' Documentation/book/{clean,before,title,reference,lonely}.rst lib/{well,parameter,markup}.c >"$work/patched.paths"

"$tmp/lab/check/docs.sh" >"$tmp/out" 2>"$tmp/err" || :
n=0 bad=0
# expect WHAT VERDICT PATH [WORDS]: that was said of it, and in the lines below those words
expect() {
	n=$((n + 1))
	if grep -A5 -xE "$2 [0-9]+ - docs:? $3" "$tmp/out" | grep -qi "${4:-$3}"; then
		echo "ok $n - docs: $1"
	else
		echo "not ok $n - docs: $1"
		bad=1
	fi
}
expect 'a page that is well' ok Documentation/book/clean.rst
expect 'what the base said, too' ok Documentation/book/before.rst
expect 'an underline that is too short' 'not ok' Documentation/book/title.rst 'underline too short'
expect 'a reference to nothing' 'not ok' Documentation/book/reference.rst 'undefined label'
expect 'a page in no table of contents' 'not ok' Documentation/book/lonely.rst 'toctree'
expect 'a comment that is well' ok lib/well.c
expect 'a parameter without its words' 'not ok' lib/parameter.c "'n' not described"
expect 'a fault in the text of a comment' 'not ok' lib/markup.c 'undefined label'
expect 'nothing that belongs to no file' ok 'nothing else'
[ $bad = 0 ] || sed 's/^/# /' "$tmp"/{out,err}
echo "1..$n"
exit $bad
