#!/usr/bin/env bash
# hostile.sh (test) - attacks that work on the patched kernel, or do not on the stock one: asserts
# that lab/check/hostile.sh finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory hostile
attacks=(key_race_test hostile_root_keyring_test)
mkdir "$work/programs"
touch "$work/programs/key_mode_test"
for i in "${attacks[@]}"; do
	touch "$work/programs/$i"
	echo "$i    what root gets"
done >"$tmp/lab/check/rows"
act check/programs.sh <<<"echo '$work/programs'"
act tables.sh <<<"[ ! -e '$ACT/other-'\"\$2\" ]"
act modes-table.sh <<<:
# told BOOT PROGRAM FIRST SECOND [MODE]: what the guest tells of its two tests, and of what is to be the
# same on both
told() {
	printf '%s\n' "# program $2" '1..2' "$3 1 attack.first" "$4 2 attack.second" '# exit 0' 'lab-end 0' | grep -v '^none' >"$ACT/$1.result"
	echo 'Linux version 6' >"$ACT/$1.console"
	[ "$1" != hostile-any ] || printf '%s\n' '# program key_mode_test' '1..1' "${5:-ok} 1 mode.first" >>"$ACT/$1.result"
}
well() {
	told stock-key_race_test key_race_test 'not ok' ok
	told stock-hostile_root_keyring_test hostile_root_keyring_test 'not ok' none
	told stock-key_mode_test key_mode_test ok ok
	told hostile-any key_race_test ok ok
	told hostile-keyring hostile_root_keyring_test ok ok
}

well
check hostile
for i in "${attacks[@]}"; do
	expect 'an attack on the stock kernel' ok "$i fails on the stock kernel"
	expect 'that does not work on the patched one' ok "$i passes on the patched kernel"
done
only 0
told stock-key_race_test key_race_test ok ok
check hostile
expect 'an attack that does not work on the stock kernel' 'not ok' 'key_race_test fails on the stock kernel' '0 of 2'
only 1
well
told hostile-any key_race_test ok 'not ok'
check hostile
expect 'an attack that works on the patched kernel' 'not ok' 'key_race_test passes on the patched kernel' '1 of 2'
only 1
told hostile-any key_race_test ok none
check hostile
expect 'one that ends the guest' 'not ok' 'key_race_test passes on the patched kernel' '1 of 2'
only 1
well
told hostile-any key_race_test ok 'ok'
sed -i '/^ok 2/s/$/ # SKIP no such thing here/' "$ACT/hostile-any.result"
check hostile
expect 'one that leaves itself out is a skip' ok 'key_race_test passes on the patched kernel # SKIP 1 of 2.*'
only 0
well
told hostile-keyring other_test ok ok
check hostile
expect 'one that was not tried' 'not ok' 'hostile_root_keyring_test passes on the patched kernel' '0 of 0'
only 1
well
told stock-key_mode_test key_mode_test 'not ok' ok
check hostile
expect 'what must be the same on both' 'not ok' 'key_mode_test passes on the stock kernel' '1 of 2'
only 1
well
sed -i '/^ok 1/s/$/ # SKIP no such thing here/' "$ACT/stock-key_mode_test.result"
check hostile
expect 'and leaves itself out there' ok 'key_mode_test passes on the stock kernel # SKIP 1 of 2.*'
only 0
well
echo 'WARNING: CPU: 0 PID: 1 at drivers/md/dm-crypt.c:1' >>"$ACT/hostile-any.console"
check hostile
expect 'a splat' 'not ok' 'no splat on the console'
only 1
well
told hostile-any key_race_test ok ok 'not ok'
check hostile
expect 'what must be the same and is not on the patched kernel' 'not ok' 'key_mode_test passes on the patched kernel' '1 of 1'
only 1
well
touch "$ACT/other-hostile"
check hostile
expect 'other counts than in README.md' 'not ok' 'README.md has these counts'
only 1
rm "$ACT/other-hostile"
touch "$ACT/other-modes"
check hostile
expect 'other modes than in README.md' 'not ok' 'README.md has these modes'
only 1
finish
