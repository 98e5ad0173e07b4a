#!/usr/bin/env bash
# peers.sh (test) - what the guest tells of the tests of cryptsetup and others, told wrongly: asserts
# that lab/check/peers.sh finds each fault, that it takes no test that leaves itself out for one that
# passes, and finds nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory peers
mkdir -p "$build/peers"
act peers-root.sh <<<"touch '$build/peers/'\"\$1\".{img,versions}; [ ! -e '$tmp/none-'\"\$1\" ]"
# shellcheck source=../check/guest.sh
release=$(. "$top/lab/check/guest.sh"; this_release)
good='peer keyring-test
|Test [OK]
ended 0
peer keyring-compat-test
|Test [OK]
ended 0
peer mode-test
|aes-xts-plain64 PLAIN:[table OK] CHECKSUM:[OK]
|twofish-ecb     PLAIN:[N/A] CHECKSUM:[N/A]
ended 0
peer peers-lines
|LUKS2 is formatted: 0
ended 0'
# What the newest has besides.
newer='peer keyring-trusted-test
|Test [OK]
ended 0'
# told KIND SUITE WHAT INSTEAD: that guest tells it so
told() {
	printf '%s\n' "${good/"$3"/"$4"}" >"$ACT/peers-$2-$1.result"
	[ "$2" != sid ] || printf '%s\n' "$newer" >>"$ACT/peers-$2-$1.result"
}
# with SUITE WHAT INSTEAD [STOCK]: the step, where that is told of a suite's programs on the patched
# kernel, and with a fourth word also on the stock one
with() {
	local suite
	for suite in "$release" sid; do
		told stock "$suite" '' ''
		told patched "$suite" '' ''
	done
	told patched "$1" "$2" "$3"
	[ -z "${4:-}" ] || told stock "$1" "$2" "$3"
	check peers
}
failed='|Test [OK]
ended 0
peer mode'
failing='|Test FAILED
ended 100
peer mode'

with sid '' ''
expect 'tests that pass' ok "$release: keyring-test passes"
expect 'on the newest, too' ok 'sid: peers-lines passes'
expect 'a mode whose cipher the kernel does not have' ok "$release: mode-test: no mode is refused"
only 0
with "$release" "$failed" "$failing"
expect 'a test that fails' 'not ok' "$release: keyring-compat-test passes" 'status 100'
only 1
with "$release" "$failed" "$failing" also
expect 'a test that fails on the stock kernel, too' 'not ok' "$release: keyring-compat-test passes" 'status 100'
only 1
with sid "$failed" "$failing"
expect 'one of the newest that fails' 'not ok' 'sid: keyring-compat-test passes' 'status 100'
only 1
with sid "$failed" "$failing" also
expect 'one of the newest that fails on the stock kernel, too' ok 'sid: keyring-compat-test ends as on stock, with 100'
only 0
left_out="${failing/FAILED/skipped}"
left_out="${left_out/100/77}"
with "$release" "$failed" "$left_out"
expect 'a test that leaves itself out is a skip' ok "$release: keyring-compat-test passes # SKIP Test skipped"
only 0
with sid "$failed" "$left_out" also
expect 'one of the newest, too' ok 'sid: keyring-compat-test passes # SKIP Test skipped'
only 0
with "$release" 'peer keyring-test
|Test [OK]
ended 0
' ''
expect 'a test that is not there' 'not ok' "$release: all that are to run are there" 'missing: keyring-test'
only 1
with sid 'peer keyring-test
|Test [OK]
ended 0
' ''
expect 'of the newest it is a skip' ok 'sid: all that are to run are there # SKIP it has no keyring-test'
only 0
newer='' with sid '' ''
expect 'nor has it the one of encrypted and trusted keys' ok 'sid: all that are to run are there # SKIP it has no keyring-trusted-test'
only 0
with "$release" "$good" ''
expect 'no test at all' 'not ok' "$release: all that are to run are there"
only 1
with "$release" 'ended 0
peer mode' 'peer mode'
expect 'a test that did not end' 'not ok' "$release: keyring-compat-test passes"
only 1
with sid 'ended 0
peer mode' 'peer mode' also
expect 'of the newest' 'not ok' 'sid: keyring-compat-test passes'
only 1
with "$release" '64 PLAIN:[table OK]' '64 PLAIN:[N/A]'
expect 'a mode that is refused' 'not ok' "$release: mode-test: no mode is refused" 'aes-xts-plain64'
only 1
with sid '64 PLAIN:[table OK]' '64 PLAIN:[N/A]'
expect 'of the newest' 'not ok' 'sid: mode-test: no mode is refused' 'aes-xts-plain64'
only 1
with sid '64 PLAIN:[table OK]' '64 PLAIN:[N/A]' also
expect 'of the newest on the stock kernel, too' ok 'sid: mode-test: no mode is refused'
only 0
export PEERS=all
with "$release" '|LUKS2 is formatted' '|LUKS2 was formatted'
expect 'other words than on the stock kernel' 'not ok' "$release: peers-lines says what it says on stock" 'LUKS2 was'
only 1
unset PEERS
touch "$tmp/none-sid"
with sid "$failed" "$failing"
expect 'a release alone' ok "$release: peers-lines passes"
only 0
finish
