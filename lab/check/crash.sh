#!/usr/bin/env bash
# crash.sh - root lets the machine crash, and reads in the kernel that boots then the keys that were kept
# for it: all of a logon key from the stock kernel, which the patched one gives only under policy=any,
# as those who use it know it. Where no key is kept, that is what is asserted.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
if [ ! -f "$work/patched/tools/testing/selftests/dm-crypt-keyring/config.crash" ]; then
	prepared
	if grep -rqs CRASH_DM_CRYPT "$work"/patched/kernel/Kconfig*; then not_ok 'no kernel keeps keys for the next one' 'there is CRASH_DM_CRYPT'; else ok 'no kernel keeps keys for the next one'; fi
	plan
	exit
fi
patched=$kernel
test_kernel stock
stock=$kernel
prepared

dir=$work/check/crash
rm -rf "$dir"
mkdir -p "$dir/programs" "$dir/share"
cc -O2 -Wall -static -o "$dir/programs/crash" "$top/lab/crash.c" || die "lab/crash.c does not compile"
run "$top/lab/initramfs.sh" "$dir/share/initrd"
share=$dir/share
# crash NAME KERNEL ARGS
crash() {
	kernel=$2
	cp "$kernel" "$share/kernel"
	boot "crash-$1" 120 "lab.mode=crash crashkernel=256M $3" "$dir/programs" 768
}
# told WHAT LINE...: the guest said each of them
told() {
	local what=$1 line
	shift
	for line; do
		grep -q "^$line" "$result" || { not_ok "$what" "no line '$line' in $result"; return; }
	done
	ok "$what"
}

crash stock "$stock" ''
told 'on the stock kernel root gets the whole key' 'the key is kept' 'root has the key'
crash any "$patched" dm_keyring.policy=any
told 'so it does under policy=any' 'the key is kept' 'root has the key'
crash keyring "$patched" dm_keyring.policy=keyring
told 'under policy=keyring no key is kept' 'the key is not kept: .*not permitted' 'root has no key'
crash second "$patched" 'dm_keyring.policy=any lab.second=dm_keyring.policy=keyring'
told 'and none is restored' 'the key is kept' 'nothing is restored: .*not permitted' 'root has no key'
plan
