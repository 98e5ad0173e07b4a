#!/usr/bin/env bash
# memory.sh stock|patched IMAGE DIR - counts the copies of keys in all memory of a guest of that
# kernel, at each step of their lives (lab/guest/memory), and on its swap disk. One boot makes
# the keys that the kernel makes, the next one loads their blobs, so that the needles are known
# while it runs. Leaves in DIR:
#
#   counts   lines "STEP KEY WHOLE PART... HEX"
#   planted  how often a key that was to be swapped out was found on the disk
#   killed   lines "KEY N of N", how often a load was killed that was under way
#   short    lines "KEY N", how often something was refused for want of memory
#   scanned  the milliseconds that the fastest scan of the memory took
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=memory-lib.sh
. "$(dirname "$0")/memory-lib.sh"

ram_mib=512
disk_mib=256

# count FILE STEP: lines as in counts, and one of the planted key
count() {
	"$memory/scan" "$1" <"$memory/needles" | awk -v step="$2" -v keys="$memory_keys planted" '
		{ n[$1] = $2 }
		END {
			of = split(keys, key, " ")
			for (i = 1; i <= of; i++) {
				k = key[i]
				parts = n[k ".half1"] " " n[k ".half2"]
				if (k "-1" in n) parts = n[k "-1"] " " n[k "-2"] " " n[k "-3"]
				print step, k, n[k], parts, n[k ".hex"] + n[k ".HEX"]
			}
		}'
}
# as_expected FILE: these counts are
as_expected() {
	local step key counts wanted
	while read -r step key counts; do
		wanted=$(memory_expected "$step" "$key")
		[ "$key" = planted ] || [ -z "$wanted" ] || memory_fits "$counts" "$wanted" || return 1
	done <"$1"
}
# Run by boot.sh, while the guest waits. The kernel frees some things a little later, so
# unexpected counts are looked at again, on the stock kernel, where they stay, only once.
look() {
	local try begin took
	say "    $(memory_title "$1")"
	for ((try = 0; try < tries; try++)); do
		[ "$try" -eq 0 ] || sleep 0.3
		begin=${EPOCHREALTIME/[.,]/}
		count "$memory/ram" "$1" >"$memory/now"
		took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
		echo "$took" >>"$memory/scans"
		! as_expected "$memory/now" || break
	done
	grep -v ' planted ' "$memory/now" >>"$memory/counts"
	if [ "$1" = swapped-out ]; then
		count "$memory/disk" disk >"$memory/now"
		sed -n 's/^disk planted \([0-9]*\) .*/\1/p' "$memory/now" >"$memory/planted"
		grep -v ' planted ' "$memory/now" >>"$memory/counts.disk"
	fi
}

[ $# -eq 3 ] || die "usage: memory.sh stock|patched IMAGE DIR"
case $1 in
stock) tries=2 ;;
patched) tries=12 ;;
*) die "say which kernel: stock or patched" ;;
esac
kernel=$2
memory=$3
export base memory tries memory_steps memory_keys
export -f say count as_expected look memory_title memory_expected memory_fits

rm -rf "$memory"
need_space $((ram_mib + disk_mib + 100)) "$memory"
chmod 700 "$memory"
mkdir "$memory/share" "$memory/programs"
on_exit "rm -f '$memory/ram' '$memory/disk' '$memory/keys' '$memory/needles' '$memory'/share/*.shares"
truncate -s ${disk_mib}M "$memory/disk"
cc -O2 -Wall -o "$memory/scan" "$top/lab/scan.c" || die "lab/scan.c does not compile"
cc -O2 -Wall -static -mgeneral-regs-only -o "$memory/programs/memory" "$top/lab/memory.c" ||
	die "lab/memory.c does not compile"
run "$top/lab/initramfs.sh" "$memory/initramfs.cpio" "$memory/programs" || exit 1

# boot MODE OPTION...
boot() {
	local mode=$1
	shift
	run "$top/lab/boot.sh" --kernel "$kernel" --initrd "$memory/initramfs.cpio" --mem $ram_mib \
		--tpm "$memory/tpm" --share "$memory/share" --append "lab.mode=$mode" \
		--result "$memory/$mode.result" --console "$memory/$mode.console" --timeout 300 "$@" ||
		die "the boot '$mode' failed: $(sed -n 's/^failed: //p' "$memory/$mode.result")"
}
boot memory-make

# Those that user space knows are made here, in two shares.
shares() { head -c $((2 * $2)) /dev/urandom >"$memory/share/$1.shares"; }
xor() {
	xxd -p -c 256 "$memory/share/$1.shares" | awk -v name="$1" '
		function digit(at) { return index("0123456789abcdef", substr($0, at, 1)) - 1 }
		{
			half = length($0) / 2
			for (i = 1; i <= half; i++) {
				a = digit(i); b = digit(half + i); x = 0
				for (bit = 1; bit < 16; bit *= 2) if (int(a / bit) % 2 != int(b / bit) % 2) x += bit
				out = out sprintf("%x", x)
			}
			print name "=" out
		}'
}
# A TPM that is asked for secrets and switched off, again and again, locks itself; a copy does not.
blob() {
	rm -rf "$memory/tpm-copy"
	cp -r "$memory/tpm" "$memory/tpm-copy"
	run "$top/lab/needle.sh" "$memory/tpm-copy" "$memory/share/$1.blob" "$2" - | sed -n "s/^$3=/$4=/p"
}
{
	for key in hex user logon tcw planted; do
		shares "$key" 64
		xor "$key"
	done
	for key in encrypted cbc gcm lmk authenc; do blob kmk "$memory/share/$key.blob" key "$key"; done
	blob trusted - master trusted
} >"$memory/keys"
[ "$(wc -l <"$memory/keys")" -eq 11 ] || die "not every key could be computed"
# The parts of a key that are no halves are needles of their own, as KEY-N.
while IFS="=" read -r key hex; do
	echo "$key=$hex"
	n=0
	for part in $(memory_parts "$key"); do
		n=$((n + 1))
		echo "$key-$n=${hex:2 * ${part%:*}:2 * ${part#*:}}"
	done
done <"$memory/keys" >"$memory/needles"
rm "$memory/keys"

boot memory --ram "$memory/ram" --disk "$memory/disk" --at-step look
cat "$memory/counts.disk" >>"$memory/counts"
for what in killed short; do sed -n "s/^$what //p" "$memory/memory.result" >"$memory/$what"; done
sort -n "$memory/scans" | head -n 1 >"$memory/scanned"
