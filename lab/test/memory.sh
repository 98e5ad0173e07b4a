#!/usr/bin/env bash
# memory.sh (test) - plants one copy too many, one too few and a step that was not looked at in
# counts of the memory table, and asserts that lab/memory-verdict.sh names each and nothing else,
# and that lab/memory-table.sh shows it; and that lab/memory.c plants the key that it is given in
# shares. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../memory-lib.sh
. "$(dirname "$0")/../memory-lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
n=0 bad=0
verdict() {
	n=$((n + 1))
	if [ "$2" = yes ]; then
		echo "ok $n - memory: $1"
	else
		echo "not ok $n - memory: $1"
		bad=1
		sed 's/^/# /' "$tmp/out"
	fi
}
is() { if [ "$1" = "$2" ]; then echo yes; else echo no; fi; }
# expect WHAT STATUS WORDS: of $tmp/counts, and how many lines are bad
expect() {
	local status=0
	"$top/lab/memory-verdict.sh" "$tmp/counts" >"$tmp/out" 2>&1 || status=$?
	verdict "$1" "$(is "$status $(grep -c '^bad' "$tmp/out")$(grep -q "$3" "$tmp/out" && echo ' named')" "$2 $2 named")"
}
for step in $memory_steps; do
	for key in $memory_keys; do
		counts=$(memory_expected "$step" "$key")
		[ -z "$counts" ] || echo "$step $key ${counts//-/7}"
	done
done >"$tmp/good"
# with EDIT: the counts, with one fault
with() { sed "$1" "$tmp/good" >"$tmp/counts"; }

with ''
expect 'what is required is well, digits of hex whatever they are' 0 '^ok removed trusted$'
with 's/^removed logon 0 /removed logon 1 /'
expect 'a whole key that is left' 1 '^bad removed logon: .* 1 0 0 0 times, not 0 0 0 0$'
with 's/^dropped encrypted 0 1 1 0/dropped encrypted 0 2 1 0/'
expect 'a first half too many' 1 '^bad dropped encrypted: '
with 's/^resumed trusted 1 2 2 0/resumed trusted 1 2 1 0/'
expect 'a schedule that is not there' 1 '^bad resumed trusted: '
with 's/^key-set user 1 2 2 0/key-set user 1 2 2 1/'
expect 'digits of a reference' 1 '^bad key-set user: '
with 's/^constructor hex 0 0 0/constructor hex 1 1 1/'
expect 'a hex key that a refused table leaves' 1 '^bad constructor hex: '
with '/^disk cbc/d'
expect 'a step that was not looked at' 1 '^bad disk cbc: not counted$'
with 's/^added cbc 1 1 1 0/added cbc 1 1 1/'
expect 'a column that is missing' 1 '^bad added cbc: '
with 's/^removed tcw 0 0 0 0 0/removed tcw 0 0 1 0 0/'
expect 'a seed that the generator leaves' 1 '^bad removed tcw: .* 0 0 1 0 0 times, not 0 0 0 0 0$'
with 's/^resumed authenc 1 2 2 1 0/resumed authenc 1 2 2 2 0/'
expect 'a key of a MAC' 1 '^bad resumed authenc: '
with 's/^dropped gcm 1 /dropped gcm 2 /'
expect 'a whole key beside the one in a schedule' 1 '^bad dropped gcm: '
with 's/^loaded lmk 1 3 3 2 0/loaded lmk 1 3 2 2 0/'
expect 'the last of many schedules that is not there' 1 '^bad loaded lmk: '
: >"$tmp/counts"
"$top/lab/memory-verdict.sh" "$tmp/counts" >"$tmp/out" 2>&1 || :
verdict 'no counts at all' "$(is "$(grep -vc '^bad' "$tmp/out")" 0)"

with 's/^removed logon 0 0 0 0/removed logon 0 3 0 0/'
"$top/lab/memory-table.sh" "$tmp/counts" "$tmp/good" >"$tmp/out"
verdict 'the table shows it in bold' "$(grep -qF '| removed | stock | 0 0 0 7 | 0 0 0 0 | 0 **3** 0 0 | 0 0 0 0 |' "$tmp/out" && echo yes)"
verdict 'and nothing else' "$(is "$(grep -o '\*\*[0-9]*\*\*' "$tmp/out" | wc -l)" 1)"

# The program's own memory is looked at as a guest's is: but for the page that is planted nothing
# of the key may be left. One share is zeros, so the other one would be found, too.
cc -O2 -Wall -o "$tmp/scan" "$top/lab/scan.c" &&
	cc -O2 -Wall -Wextra -Werror -static -mgeneral-regs-only -o "$tmp/memory" "$top/lab/memory.c" || exit 1
truncate -s 128 "$tmp/shares"
head -c 64 /dev/urandom | dd of="$tmp/shares" conv=notrunc status=none
needle="key=$(head -c 64 "$tmp/shares" | xxd -p -c 64)"
pid=$("$tmp/memory" -w plant "$tmp/shares")
on_exit "kill $pid"
sed -nE 's/^([0-9a-f]+)-([0-9a-f]+) rw.*/\1 \2/p' "/proc/$pid/maps" | while read -r from to; do
	dd if="/proc/$pid/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) status=none || :
done >"$tmp/mem"
"$tmp/scan" "$tmp/mem" <<<"$needle" >"$tmp/out"
verdict 'what plants a key wipes its own copies' "$(is "$(awk '{ printf "%s ", $2 }' "$tmp/out")" '1 1 1 0 0 ')"
echo "1..$n"
exit $bad
