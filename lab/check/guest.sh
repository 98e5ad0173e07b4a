# shellcheck shell=bash disable=SC2154
# guest.sh - what the steps that boot a guest share: the kernel of the selftests, the
# boot, and the look at its console. Sources tap.sh; sourced after lib.sh.

. "$top/lab/check/tap.sh"

tests=dm-crypt-keyring
# selftest_kernel: sets $kernel
selftest_kernel() {
	local own=$top/tools/testing/selftests/$tests/config
	[ -f "$own" ] || die "the series brings no fragment for its selftests, tools/testing/selftests/$tests/config"
	kernel=$(EXTRA_CONFIG="$top/lab/config/selftest.config $own" "$top/lab/kernel.sh" patched)
}
# boot NAME TIMEOUT ARGS [SELFTESTS]: sets $console and $result
boot() {
	local initrd=$work/check/$1.cpio
	console=$build/log/$1.console
	result=$build/log/$1.result
	rm -rf "$work/check/tpm-$1"
	mkdir -p "$work/check/tpm-$1"
	run "$top/lab/initramfs.sh" "$initrd" ${4:+"$4"}
	try "$1: the guest boots, does its work and switches off" "$top/lab/boot.sh" --kernel "$kernel" --initrd "$initrd" \
		--tpm "$work/check/tpm-$1" --result "$result" --console "$console" --timeout "$2" --append "$3"
}
# quiet: the kernel did not complain on $console
quiet() {
	local splats
	splats=$(grep -aE 'BUG:|WARNING:|Oops|Call Trace|general protection|possible .*deadlock|suspicious RCU' "$console" | head -n 20 || :)
	if [ -z "$splats" ]; then ok 'no splat on the console'; else not_ok 'no splat on the console' "$splats"; fi
}
