#!/usr/bin/env bash
# demo.sh [--integrity] - the main job: five boots of the patched kernel with one disk
# image. Makes a volume whose key is sealed by a TPM, to the software that is running, and
# named in the table line; opens it again; fails to under another TPM and with other
# software; and opens it with the first software once more, although its key was capped and
# refused before. Counts the copies of the key in guest memory at each step. With --integrity
# the volume lies on dm-integrity, with keys of its own. Ends with 0 if everything was as it
# should be.
. "$(dirname "$0")/lib.sh"

ram_mib=256
disk_mib=64
case ${1:-} in
'') stack='' append='' ;;
--integrity) stack=yes append=lab.integrity ;;
*) die "there is no option $1" ;;
esac
demo=$work/demo${stack:+-integrity}
export demo stack

tenths() { echo $((${EPOCHREALTIME/[.,]/} / 100000)); }
seconds() { printf '%d.%d s' $(($1 / 10)) $(($1 % 10)); }

# The counts that a step should give: whole key, first and second half of the cipher's key,
# hex, the master, which with the public blob is the key, and with dm-integrity the MAC's
# key. Every whole copy has all parts. A table that is loaded has a cipher, whose schedules
# begin with the halves (a MAC keeps nothing that begins so); at the first resume the key
# itself goes, and with the volume all.
expected() {
	case $1 in
	added) echo 1 1 1 0 1 ${stack:+1} ;;
	loaded) echo 1 2 2 0 1 ${stack:+1} ;;
	dropped) echo 0 1 1 0 0 ${stack:+0} ;;
	closed) echo 0 0 0 0 0 ${stack:+0} ;;
	esac
}
title() {
	case $1 in
	added) echo 'keys added' ;;
	loaded) echo 'table loaded, not resumed' ;;
	dropped) echo 'resumed, key dropped' ;;
	closed) echo 'volume closed' ;;
	esac
}

# count RAM: these counts
count() {
	"$demo/scan" "$1" <"$demo/needles" | awk '
		{ n[$1] = $2 }
		END { printf "%d %d %d %d %d", n["key"], n["cipher.half1"], n["cipher.half2"], n["key.hex"] + n["key.HEX"], n["master"]
			if ("mac" in n) printf " %d", n["mac"] }'
}

# These two are run by boot.sh, while the guest waits. The key of the first boot is known
# when that boot is over, so its memory is kept; later it is read as it is. The kernel
# frees dropped keys a little later, so unexpected counts are looked at again.
keep_ram() {
	say "    $(title "$1")"
	cp --sparse=always "$demo/ram" "$demo/ram.$1"
}
count_ram() {
	local counts try
	say "    $(title "$1")"
	for try in {1..25}; do
		[ "$try" -eq 1 ] || sleep 0.2
		counts=$(count "$demo/ram")
		[ "$counts" != "$(expected "$1")" ] || break
	done
	echo "$number $1 $counts" >>"$demo/counts"
}
export -f say title expected count keep_ram count_ram

# boot NUMBER MODE TPM OPTION...
times=()
boot() {
	local mode=$2 tpm=$3 begin why
	local -x number=$1
	shift 3
	begin=$(tenths)
	if ! run "$top/lab/boot.sh" --kernel "$kernel" --initrd "$build/initramfs.cpio" --mem $ram_mib \
		--tpm "$demo/$tpm" --disk "$demo/disk" --share "$demo/share" --append "lab.mode=$mode $append" \
		--result "$demo/boot$number.result" --console "$demo/boot$number.console" "$@"; then
		why=$(said "$number" failed:)
		die "boot $number failed${why:+: $why}"
	fi
	times+=("boot $number: $(seconds $(($(tenths) - begin)))")
}
# said NUMBER WORD: what the guest reported under that word
said() { sed -n "s/^$2 //p" "$demo/boot$1.result"; }

start=$(tenths)
step 1 7 "the kernel and the guest's file system"
kernel=$("$top/lab/kernel.sh" patched | tail -n 1)
run "$top/lab/initramfs.sh" "$build/initramfs.cpio" || exit 1

lock "${demo##*/}"
rm -rf "$demo"
need_space 1200 "$demo"
chmod 700 "$demo"
mkdir "$demo/share"
on_exit "rm -f '$demo'/ram* '$demo/key' '$demo/needles'"
truncate -s ${disk_mib}M "$demo/disk"
{
	echo "Written at the first boot, $(date -u '+%F %T'), to be read at the second."
	head -c 1M /dev/urandom
} >"$demo/share/letter"
# What the guest measures: the software that the key is for.
release() { echo "$1 of $kernel" >"$demo/share/release"; }
release 'release 1'
cc -O2 -Wall -o "$demo/scan" "$top/lab/scan.c" || die "lab/scan.c does not compile"

step 2 7 "first boot: make the keys, the volume and a file on it"
boot 1 provision tpm --ram "$demo/ram" --at-step keep_ram
[ -n "$(said 1 table)" ] || die "boot 1 reported nothing; see $demo/boot1.console"
run "$top/lab/needle.sh" "$demo/tpm" "$demo/share/kmk.blob" "$demo/share/vol.blob" \
	"$(sha256sum <"$demo/share/release" | cut -d ' ' -f 1)" >"$demo/key" || exit 1
# The two halves as tpm2-tools take them: the octet strings of the sequence itself.
xxd -r -p "$demo/share/kmk.blob" >"$demo/kmk.der"
half() {
	openssl asn1parse -inform DER -in "$demo/kmk.der" |
		sed -nE 's/^ *([0-9]+):d=1 +hl=([0-9]+) +l= *([0-9]+) .*OCTET STRING.*/\1 \2 \3/p' | sed -n "$1p" |
		while read -r at head len; do tail -c +$((at + head + 1)) "$demo/kmk.der" | head -c "$len"; done
}
half 1 >"$demo/share/kmk.pub"
half 2 >"$demo/share/kmk.priv"
[ -s "$demo/share/kmk.priv" ] || die "the master's blob is no TPMKey; it is in $demo/kmk.der"
# The MAC's key, 32 bytes, stands behind the cipher's.
awk -F= -v mac="${stack:+64}" '
	{ print }
	$1 == "key" { print "cipher=" substr($2, 1, length($2) - mac) }
	$1 == "key" && mac { print "mac=" substr($2, length($2) - mac + 1) }' "$demo/key" >"$demo/needles"
for name in added dropped closed; do
	echo "1 $name $(count "$demo/ram.$name")" >>"$demo/counts"
	rm "$demo/ram.$name"
done

step 3 7 "second boot: load the blobs, open the volume, read the file back, once"
boot 2 reopen tpm --ram "$demo/ram" --at-step count_ram

step 4 7 "third boot, with another TPM: nothing may open"
boot 3 refused other-tpm

step 5 7 "fourth boot, with other software: nothing may open"
release 'release 2'
boot 4 refused tpm
[[ $(said 4 tpm) = *'sealed to: sha256:11'* ]] || die "boot 4 was refused for another reason: $(said 4 tpm)"

step 6 7 "fifth boot, with the first software again: what was capped and refused opens"
release 'release 1'
boot 5 reopen tpm --ram "$demo/ram" --at-step count_ram

step 7 7 "what came of it"
plain=$("$demo/scan" "$demo/disk" <<<"letter=$(head -c 64 "$demo/share/letter" | xxd -p -c 64)" | awk '$1 == "letter" { print $2 }')
cat <<END

What crossed the ioctl, as the kernel shows it with --showkeys, and its status:
  $(said 2 table)${stack:+
  $(said 2 low)}
  $(said 2 status)

Copies of the volume key in all $ram_mib MiB of guest memory, the key computed outside the
guest from its blobs. A whole copy counts as one of each half as well. While the volume is
open, the cipher's own schedules hold one of each half; that is what is left.

                                      whole  1st half  2nd half  as hex  master${stack:+     mac}
END
failed=0
while read -r number name counts; do
	read -r whole half1 half2 hex master mac <<<"$counts"
	printf '  boot %s, %-27s %5s %9s %9s %7s %7s%s' "$number" "$(title "$name")" "$whole" "$half1" "$half2" "$hex" "$master" \
		"${mac:+$(printf ' %7s' "$mac")}"
	if [ "$counts" = "$(expected "$name")" ]; then
		echo
	else
		echo "   expected $(expected "$name")"
		failed=$((failed + 1))
	fi
done <"$demo/counts"
cat <<END

Boot 2 read back the file of boot 1: $(stat -c %s "$demo/share/letter") bytes, the same. Of its text $plain copies stand on the disk.
Once the trusted key is loaded PCR 11 is capped, and its blob is of no use:
  tpm2_unseal:        $(said 2 capped)
  keyctl add:         $(said 2 again)
Boot 3, another TPM with the same disk and blobs:
  the trusted key:    $(said 3 master) ($(said 3 tpm))
  the encrypted key:  $(said 3 key)
  the volume:         $(said 3 volume)
Boot 4, the same TPM, disk and blobs, other software in PCR 11:
  the trusted key:    $(said 4 master) ($(said 4 tpm))
  the volume:         $(said 4 volume)
Boot 5, the software of boot 1 again, the PCR capped in boot 2 and other in boot 4:
  the volume opens:   $(said 5 status)
  the file:           the same
  keyctl add, again:  $(said 5 again)
$(printf '%s, ' "${times[@]}")in all: $(seconds $(($(tenths) - start))). Logs: ${demo#"$top/"}
END
[ "$failed" -eq 0 ] || die "$failed of the counts are not as expected"
[ "$(wc -l <"$demo/counts")" -eq 11 ] || die "not every step was looked at; see $demo/counts"
[ "$plain" = 0 ] || die "the file's text stands on the disk in the clear"
