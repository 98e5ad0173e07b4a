#!/usr/bin/env bash
# debug.sh (test) - a kernel that does not complain of what is planted, and one that complains of the
# selftests: asserts that lab/check/debug.sh finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory debug
unset DEBUG FUZZ
mkdir "$work/programs"
touch "$work/programs/aead_test"
echo 'int main(void) { return 0; }' >"$tmp/lab/tpm-liar.c"
act check/programs.sh <<<"echo '$work/programs'"
planted='    ok 1 kmalloc_oob_in_memset
    ok 2 kmalloc_memmove_invalid_size
BUG: KASAN: slab-out-of-bounds in act
UBSAN: array-index-out-of-bounds in act
Good, all 12 testcases passed! |'
leak='leak unreferenced object 0xffff888004a1c000 (size 64):
leak     [<0>] lkdtm_EXEC_KMALLOC+0x14/0x20'
good='# program aead_test
1..1
ok 1 aead.first
# exit 0
lab-end 0'
# with PLANTED LEAK RESULT [CONSOLE]: the step, where the guests tell that
with() {
	echo "$1" >"$ACT/debug-planted.console"
	echo "$2" >"$ACT/debug-planted.result"
	echo "$3" >"$ACT/debug-any.result"
	echo "${4:-Linux version 6}" >"$ACT/debug-any.console"
	check debug
}

with "$planted" "$leak" "$good"
expect 'a test that is well' ok 'aead_test: aead.first'
only 0
for i in KASAN UBSAN Good; do
	with "$(grep -v "$i" <<<"$planted")" "$leak" "$good"
	expect "what is planted and not seen: $i" 'not ok' "planted: .*$i.*"
	only 1
done
for i in memset memmove; do
	with "$(sed "/$i/s/\$/ # SKIP no/" <<<"$planted")" "$leak" "$good"
	expect "what is planted and left out: $i" 'not ok' "planted: $i\(\)"
	only 1
	with "$(sed "/$i/s/ok/not ok/" <<<"$planted")" "$leak" "$good"
	expect "what is planted and not seen: $i" 'not ok' "planted: $i\(\)"
	only 1
done
with "$planted" '' "$good"
expect 'a leak that is planted and not seen' 'not ok' 'planted: a leak'
only 1
with "$planted" "$leak" "$good" 'BUG: KASAN: slab-use-after-free in crypt_dtr'
expect 'a splat' 'not ok' 'no splat on the console' 'crypt_dtr'
only 1
with "$planted" "$leak" "${good/lab-end/# leak unreferenced object
lab-end}"
expect 'a leak' 'not ok' 'aead_test: no leak'
only 1
with "$planted" "$leak" "${good/ok 1/not ok 1}"
expect 'a test that fails' 'not ok' 'aead_test: aead.first'
only 1
finish
