#!/usr/bin/env bash
# boot.sh (test) - how a boot ended is told rightly, with a QEMU that only acts: one that
# stands still is started once more, and no other. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
export BUILD=$tmp/build PATH=$tmp:$PATH ACT=$tmp
mkdir -p "$BUILD"
touch "$tmp/image"
echo "tcg $(cat /proc/sys/kernel/random/boot_id) $([ -w /dev/kvm ] && echo kvm || echo none)" >"$BUILD/accelerator"
# It counts its runs, writes its part to the console, and stays if its part is to stay.
cat >"$tmp/qemu-system-x86_64" <<'EOF'
#!/bin/sh
for arg; do case $arg in file:*) console=${arg#file:} ;; esac; done
echo >>"$ACT/runs"
cat "$ACT/part" >"$console"
[ ! -e "$ACT/stays" ] || exec sleep 60
EOF
chmod +x "$tmp/qemu-system-x86_64"

n=0
# fails SECONDS WHAT PART RUNS WORDS: with that part on the console, and that much time, the boot
# fails after so many runs, saying so. One that stays spends all its time, and must have written
# its part by then; one that ends needs no more than it takes.
fails() {
	local seconds=$1
	shift
	n=$((n + 1))
	: >"$tmp/runs"
	echo "$2" >"$tmp/part"
	if ! "$top/lab/boot.sh" --kernel "$tmp/image" --initrd "$tmp/image" --timeout "$seconds" >"$tmp/out" 2>&1 &&
		[ "$(wc -l <"$tmp/runs")" = "$3" ] && grep -q "$4" "$tmp/out"; then
		echo "ok $n - boot: $1"
	else
		echo "not ok $n - boot: $1"
		sed 's/^/# /' "$tmp/out"
	fi
}
fails 60 'a panic is named' 'Kernel panic - not syncing: act' 1 'Kernel panic - not syncing: act'
touch "$tmp/stays"
fails 5 'one that stands still is started twice' 'PCI: Using ACPI' 2 'before its first process, twice'
fails 5 'one that hangs later is started once' 'Run /init as init process' 1 'still running after 5 seconds'
for ((i = 0; i < 5; i++)); do echo 2596; done >"$BUILD/clocks"
touch "$tmp/stays"
fails 20 'one that has timed its clock wrongly is started twice' 'tsc: Detected 374.000 MHz processor' 2 'timed its clock wrongly'
echo "1..$n"
