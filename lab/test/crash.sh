#!/usr/bin/env bash
# crash.sh (test) - keys that a crash gives to root or not, each the other way round: asserts that
# lab/check/crash.sh finds it and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory crash
tests=$work/patched/tools/testing/selftests/dm-crypt-keyring
mkdir -p "$work/patched/kernel" "$work/objects/arch/x86/boot"
touch "$work/objects/arch/x86/boot/bzImage"
cp "$top/lab/crash.c" "$tmp/lab"
act initramfs.sh <<<"touch \"\$1\""
kept='the key is kept' lost='the key is not kept: crash: kexec_file_load: Operation not permitted'
has='root has the key' none='root has no key: not found'
refused='nothing is restored: Operation not permitted'
# told BOOT LINE...: what the guest tells
told() { printf '%s\n' "${@:2}" >"$ACT/crash-$1.result"; }
well() {
	told stock "$kept" "$has"
	told any "$kept" "$has"
	told keyring "$lost" "$none"
	told second "$kept" "$refused" "$none"
}

check crash
expect 'a base that keeps no keys' ok 'no kernel keeps keys for the next one'
only 0
echo 'config CRASH_DM_CRYPT' >"$work/patched/kernel/Kconfig.kexec"
check crash
expect 'one that does, and that nobody asks for' 'not ok' 'no kernel keeps keys for the next one'
only 1
touch "$tests/config.crash"
well
check crash
expect 'a key that the stock kernel gives' ok 'on the stock kernel root gets the whole key'
only 0
told stock "$kept" "$none"
check crash
expect 'one that it does not give' 'not ok' 'on the stock kernel root gets the whole key'
only 1
well
told any "$lost" "$none"
check crash
expect 'one that its users do not get' 'not ok' 'so it does under policy=any'
only 1
well
told keyring "$kept" "$none"
check crash
expect 'one that is kept under policy=keyring' 'not ok' 'under policy=keyring no key is kept'
only 1
well
told second "$kept" "$has"
check crash
expect 'one that is restored under it' 'not ok' 'and none is restored'
only 1
well
touch "$ACT/fails"
check crash
expect 'a guest that does not end' 'not ok' 'crash-stock: .*'
only 4
finish
