#!/usr/bin/env bash
# mutations.sh (test) - faults that nobody catches, or another one than is named: asserts that
# lab/check/mutations.sh finds each, and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../memory-lib.sh
. "$(dirname "$0")/../memory-lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory mutations
cp "$top"/lab/memory-{lib,verdict}.sh "$tmp/lab"
mkdir -p "$work/objects" "$work/programs" "$tmp/lab/check/mutations"
# A kernel of small files, of which nothing is made, and a series of two patches, of which the second
# one does not apply alone.
printf 'bzImage:\n' >"$work/patched/Makefile"
echo "# $work/patched" >"$work/objects/Makefile"
touch "$work/stock.version" "$work/programs/first_test"
printf '%s\n' 0001-dm-crypt-borrow-keyring-keys.patch 0002-next.patch >"$series/SERIES"
act patched.sh <<<"[ -e '$tmp/any' ] || grep -q borrow \"\$(dirname \"\$0\")/../patches/\$BASE/SERIES\""
act check/programs.sh <<<"echo '$work/programs'"
act memory.sh <<<"mkdir -p \"\$3\" && cp '$ACT/counts' \"\$3/counts\""
# mutation NAME NAMED...: of the file of that name
mutation() {
	echo well >"$work/patched/$1"
	printf '%s\n' "The fault $1." '' "${@:2}" '' "--- a/$1" "+++ b/$1" '@@ -1 +1 @@' -well +bad >"$tmp/lab/check/mutations/$1.patch"
}
mutation copy 'Memory: removed logon: .* there [1-9]' 'Also: [a-z-]+ logon:'
mutation errno 'Test: first_test state.refused state.again'
for step in $memory_steps; do
	for key in $memory_keys; do
		counts=$(memory_expected "$step" "$key")
		[ -z "$counts" ] || echo "$step $key ${counts//-/0}"
	done
done >"$tmp/good"
good='# program first_test
1..3
ok 1 state.set
not ok 2 state.refused
not ok 3 state.again
# exit 1
lab-end 1'
# with EDIT WHAT INSTEAD: the step, with that edit of the counts of memory that have the copy, and
# where the guest tells that otherwise
with() {
	sed "s/^removed logon 0 /removed logon 1 /; $1" "$tmp/good" >"$ACT/counts"
	printf '%s\n' "${good/"$2"/"$3"}" >"$ACT/mutations.result"
	check mutations
}

with '' '' ''
expect 'a copy that is found' ok 'the memory table finds: The fault copy.'
expect 'an error that is found' ok 'first_test, state.refused finds: The fault errno.'
expect 'a prefix that is found' ok 'apply finds a prefix that is broken'
only 0
with 's/^removed logon 1 /removed logon 0 /' '' ''
expect 'a copy that is not found' 'not ok' 'the memory table finds: The fault copy.'
only 1
with 's/^removed logon 1 /removed logon 0 /; s/^wiped user 0 /wiped user 1 /' '' ''
expect 'though another one is' 'not ok' 'the memory table finds: The fault copy.'
expect 'where none is' 'not ok' 'and no fault where there is none' 'wiped user'
only 2
with '' 'not ok 3' 'ok 3'
expect 'an error that one test does not find' 'not ok' 'first_test, state.again finds: The fault errno.'
only 1
with '' 'ok 1 state.set
not ok 2 state.refused' 'not ok 1 state.set
ok 2 state.refused'
expect 'though another test fails' 'not ok' 'first_test, state.refused finds: The fault errno.'
expect 'that should not' 'not ok' 'no other test fails' 'first_test state.set'
only 2
with '' "$good" ''
expect 'a guest that ran nothing' 'not ok' 'first_test, state.refused finds: The fault errno.'
only 2
touch "$tmp/any"
with '' '' ''
expect 'a broken prefix that applies' 'not ok' 'apply finds a prefix that is broken'
only 1
rm "$tmp/any"
mutation more
with '' '' ''
expect 'a fault that nobody is to find' 'not ok' 'somebody is to find: The fault more.'
only 1
finish
