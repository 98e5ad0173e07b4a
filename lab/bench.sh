#!/usr/bin/env bash
# bench.sh - two tables. What DM_TABLE_LOAD of a crypt target costs, in instructions of the guest, on the
# stock and the patched kernel of one configuration, side by side. And what it costs to load a trusted
# key, in commands to the TPM and in time, without a policy and with each kind, on the patched kernel,
# without and with CONFIG_TCG_TPM2_HMAC. bench-table.sh and bench-tpm-table.sh say what of it makes
# this end with 1.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

dir=$work/bench
mkdir -p "$dir/programs"
lock bench
for program in bench bench-tpm; do
	cc -O2 -Wall -static -o "$dir/programs/$program" "$top/lab/$program.c" || die "lab/$program.c does not compile"
done
cc -O2 -Wall -o "$dir/tpm-liar" "$top/lab/tpm-liar.c" || die "lab/tpm-liar.c does not compile"
run "$top/lab/initramfs.sh" "$dir/initramfs.cpio" "$dir/programs" || exit 1
n=0
# measure NAME KERNEL OPTION...: boots it, with a new TPM
measure() {
	local name=$1 kernel=$2
	rm -rf "$dir/tpm"
	run "$top/lab/boot.sh" --kernel "$kernel" --initrd "$dir/initramfs.cpio" --tpm "$dir/tpm" \
		--result "$dir/$name" --console "$dir/$name.console" "${@:3}" || {
		sed 's/^/bench: /' "$dir/$name" >&2
		die "the $name kernel was not measured"
	}
}
for kind in stock patched; do
	n=$((n + 1))
	step $n 4 "tables on the $kind kernel of $base"
	kernel=$("$top/lab/kernel.sh" $kind)
	measure $kind "$kernel" --clock instructions --append lab.mode=bench
done
# The TPM is beside that clock, so these have the usual one. Without a clock event of high resolution the
# kernel, which polls the TPM, sleeps a tick each time; under emulation the APIC's timer often fails its
# check, so one processor has the HPET.
for name in trusted trusted-hmac; do
	n=$((n + 1))
	case $name in
	*-hmac) what=", with CONFIG_TCG_TPM2_HMAC" config="$top/lab/config/hmac.config" ;;
	*) what="" config="" ;;
	esac
	step $n 4 "trusted keys on the patched kernel of $base$what"
	kernel=$(EXTRA_CONFIG="${EXTRA_CONFIG:-} $config" "$top/lab/kernel.sh" patched)
	measure $name "$kernel" --liar "$dir/tpm-liar" --cpus 1 --timeout 300 \
		--append "lab.mode=bench-tpm nolapic_timer"
done
status=0
"$top/lab/bench-table.sh" "$dir/stock" "$dir/patched" || status=1
echo
"$top/lab/bench-tpm-table.sh" "$dir/trusted" "$dir/trusted-hmac" || status=1
exit $status
