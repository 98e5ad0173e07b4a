#!/usr/bin/env bash
# kernel-doc.sh (test) - plants faults in the comments of small files, and asserts that
# lab/check/kernel-doc.sh, with the kernel-doc of the base's kernel, finds each and nothing else.
# Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

"$top/lab/fetch.sh"
real=$work/stock
laboratory kernel-doc
rm -r "$work/patched/tools"
# file NAME LINE...: a function with its comment
file() { printf '%s\n' '/**' "${@:2}" ' */' "int $1(int n) { return n; }" >"$tree/lib/$1.c"; }
described=('does nothing' ' * @n: any number' ' *' ' * Return: that number')
for tree in "$work"/{stock,patched}; do
	mkdir -p "$tree/lib"
	ln -s "$real"/{Documentation,scripts,tools} "$tree"
	file well " * well() - ${described[0]}" "${described[@]:1}"
	file before " * before() - ${described[0]}"
	file parameter " * parameter() - ${described[0]}" "${described[@]:1}"
	file more " * more() - ${described[0]}" "${described[@]:1}"
done
sed -i '1i /* On another line. */' "$tree/lib/before.c"
file parameter " * parameter() - ${described[0]}" ' * @m: another one' "${described[@]:2}"
file more " * more() - ${described[0]}" "${described[@]:1:2}"
file new " * neu() - ${described[0]}" "${described[@]:1}"
printf 'lib/%s.c\n' well before parameter more new gone >"$work/patched.paths"

check kernel-doc
expect 'a comment that is well' ok 'kernel-doc lib/well.c'
expect 'what the base has, too, on another line' ok 'kernel-doc lib/before.c'
expect 'a parameter that is not described' 'not ok' 'kernel-doc lib/parameter.c' "'n' not described"
expect 'a value that is not told' 'not ok' 'kernel-doc lib/more.c' 'No description found for return value'
expect 'a new file' 'not ok' 'kernel-doc lib/new.c' 'neu'
only 3
finish
