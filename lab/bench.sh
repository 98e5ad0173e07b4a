#!/usr/bin/env bash
# bench.sh - what DM_TABLE_LOAD of a crypt target costs, in instructions of the guest, on the
# stock and the patched kernel of one configuration, side by side. bench-table.sh says what
# of it makes this end with 1.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

dir=$work/bench
mkdir -p "$dir/programs"
lock bench
cc -O2 -Wall -static -o "$dir/programs/bench" "$top/lab/bench.c" || die "lab/bench.c does not compile"
run "$top/lab/initramfs.sh" "$dir/initramfs.cpio" "$dir/programs" || exit 1
n=0
for kind in stock patched; do
	n=$((n + 1))
	step $n 2 "the $kind kernel of $base"
	kernel=$("$top/lab/kernel.sh" $kind)
	rm -rf "$dir/tpm"
	run "$top/lab/boot.sh" --kernel "$kernel" --initrd "$dir/initramfs.cpio" --tpm "$dir/tpm" --clock instructions \
		--append lab.mode=bench --result "$dir/$kind" --console "$dir/$kind.console" || {
		sed 's/^/bench: /' "$dir/$kind" >&2
		die "the $kind kernel was not measured"
	}
done
"$top/lab/bench-table.sh" "$dir/stock" "$dir/patched"
