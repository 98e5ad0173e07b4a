#!/usr/bin/env bash
# boot.sh - boots the guest once, waits until it has switched itself off, and ends
# with 0 if it did so in order and its mode (lab.mode= in --append) succeeded.
#
#   --kernel IMAGE --initrd FILE     what to boot
#   --tpm DIR           a software TPM whose state is kept in DIR
#   --tpm-interface tis|crb          how the guest talks to it (tis)
#   --liar PROGRAM      stands between the guest and that TPM (tpm-liar.c)
#   --rules FILE        what that one refuses, or lies about
#   --ram FILE          guest memory is FILE (made anew), so that it can be read
#   --disk FILE         /dev/vda
#   --share DIR         /share in the guest
#   --result FILE       what the guest writes to its result port
#   --console FILE      its console ($work/log/console)
#   --at-step CMD       run as "CMD NAME" at each step the guest tells of; it waits
#   --ports virtio|isa  how it talks to us (virtio, which does not wake from suspend to RAM)
#   --clock KIND        "instructions": one emulated processor, on which each takes a nanosecond
#   --append ARGS --cpus N --mem MIB --timeout SECONDS
#
# QEMU's emulation stands still now and then on a busy machine, while the kernel sets up
# its interrupts (seen in 1 of some 200 boots). A guest that never came to its first
# process within the time is therefore started once more, and that is said; one that
# stands still twice has failed. So is one that has timed its clock wrongly, against a host that
# was busy just then: seven times too fast, it says of each test that it takes too long.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tpm.sh"

stood_still=5
if [ -z "${LAB_BOOT:-}" ]; then
	for try in 1 2; do
		status=0
		LAB_BOOT=$try run "$0" "$@" || status=$?
		[ $status -eq $stood_still ] || exit $status
	done
	die "the guest stood still before its first process, twice"
fi

tpm='' tpm_interface=tis liar='' rules='' ram='' disk='' share='' result=/dev/null at_step=true
clock='' console=$work/log/console append='' cpus=2 mem=512 timeout=120 ports=virtio kernel='' initrd=''
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || die "the option $1 needs a value"
	case $1 in
	--kernel | --initrd | --tpm | --tpm-interface | --liar | --rules | --ram | --disk | --share | --result | --console | --append | --cpus | --mem | --timeout | --ports | --at-step | --clock)
		name=${1#--}
		printf -v "${name//-/_}" %s "$2"
		;;
	*) die "there is no option $1" ;;
	esac
	shift 2
done
need_tools qemu-system-x86_64
[ -f "$kernel" ] || die "there is no kernel image '$kernel'"
[ -f "$initrd" ] || die "there is no initramfs '$initrd'"
[ -z "$disk" ] || [ -f "$disk" ] || die "there is no disk image '$disk'"
[ -z "$share" ] || [ -d "$share" ] || die "there is no directory '$share' to share"
case $tpm_interface in tis | crb) ;; *) die "there is no interface '$tpm_interface' to a TPM" ;; esac
case $clock in
'') ;;
instructions) cpus=1 ;;
*) die "there is no clock '$clock'" ;;
esac
mkdir -p "$build" "$(dirname "$console")" "$(dirname "$result")"

qemu=(qemu-system-x86_64 -machine q35 -cpu max -smp "$cpus" -nodefaults -no-reboot
	-global ICH9-LPC.disable_s3=0 -display none -kernel "$kernel" -initrd "$initrd")
cmdline="console=ttyS0 panic=-1 loglevel=7 $append"

# The processor: KVM where a guest of ours has booted with it since this machine was
# started, else emulation. A /dev/kvm that can be opened is not enough.
accelerator() {
	local known=$build/accelerator key out=$1/probe verdict=tcg
	key="$(cat /proc/sys/kernel/random/boot_id) $([ -w /dev/kvm ] && echo kvm || echo none)"
	if ! grep -qs " $key\$" "$known"; then
		if [ ! -w /dev/kvm ]; then
			say "there is no /dev/kvm that we may use: QEMU emulates the processor"
		else
			run timeout -k 1 5 "${qemu[@]}" -accel kvm -m 256 -serial "file:$out" \
				-append "console=ttyS0 panic=-1 lab.mode=probe" >/dev/null 2>&1 || :
			if grep -qs 'lab: probe reached' "$out"; then
				verdict=kvm
			else
				say "/dev/kvm is here but boots no guest: QEMU emulates the processor"
			fi
		fi
		echo "$verdict $key" >"$known"
	fi
	read -r accel _ <"$known"
}

# Sockets and pipes stand in a short path of their own.
dir=$(mktemp -d)
on_exit "rm -rf '$dir'"
if [ -n "$clock" ]; then
	accel=tcg,thread=single
	qemu+=(-icount 'shift=0,sleep=off')
else
	accelerator "$dir"
	[ "$accel" = kvm ] || accel=tcg,thread=multi
fi

if [ -n "$ram" ]; then
	need_space $((mem + 50)) "$(dirname "$ram")"
	rm -f "$ram"
	qemu+=(-object "memory-backend-file,id=ram,size=${mem}M,mem-path=$ram,share=on" -machine memory-backend=ram)
fi
if [ -n "$tpm" ]; then
	start_tpm "$tpm" "$dir/tpm" --ctrl "type=unixio,path=$dir/tpm" --flags startup-clear
	tpm_socket=$dir/tpm
	if [ -n "$liar" ]; then
		tpm_socket=$dir/liar
		spawn "$liar" "$tpm_socket" "$dir/tpm" ${rules:+"$rules"}
		until [ -S "$tpm_socket" ] || ! kill -0 "$spawned"; do sleep 0.05; done
	fi
	qemu+=(-chardev "socket,id=tpm,path=$tpm_socket" -tpmdev "emulator,id=tpm,chardev=tpm"
		-device "tpm-$tpm_interface,tpmdev=tpm")
fi
[ -z "$disk" ] || qemu+=(-drive "if=virtio,format=raw,file=$disk")
[ -z "$share" ] || qemu+=(-fsdev "local,id=share,security_model=none,path=$share"
	-device "virtio-9p-pci,fsdev=share,mount_tag=share")

case $ports in
virtio)
	qemu+=(-device virtio-serial-pci -device "virtserialport,chardev=result,nr=1"
		-device "virtserialport,chardev=talk,nr=2")
	;;
isa) qemu+=(-device "isa-serial,chardev=result" -device "isa-serial,chardev=talk") ;;
*) die "there are no ports '$ports'" ;;
esac

: >"$result"
: >"$console"
mkfifo "$dir/talk.in" "$dir/talk.out"
exec 3<>"$dir/talk.out" 4<>"$dir/talk.in"
spawn "${qemu[@]}" -accel "$accel" -m "$mem" -append "$cmdline" -serial "file:$console" \
	-device virtio-rng-pci \
	-chardev "file,id=result,path=$result" -chardev "pipe,id=talk,path=$dir/talk" \
	>"$dir/qemu" 2>&1 3>&- 4>&-
guest=$spawned

# right_clock: what the guest takes for the rate of its clock is about what other guests took, as far
# as is known
timed=''
right_clock() {
	local mhz usual
	[ -z "$timed$clock" ] || return 0
	mhz=$(sed -nE 's/.*tsc: Detected ([0-9]+)\..*/\1/p' "$console" 2>/dev/null | head -n 1)
	[ -n "$mhz" ] || return 0
	timed=yes
	echo "$mhz" >>"$build/clocks"
	usual=$(sort -n "$build/clocks" | awk '{ mhz[NR] = $1 } END { if (NR >= 5) print mhz[int((NR + 1) / 2)] }')
	[ -z "$usual" ] || { [ $((mhz * 10)) -gt $((usual * 9)) ] && [ $((mhz * 10)) -lt $((usual * 11)) ]; }
}

# The guest's words, until it says bye with its mode's status and QEMU has ended.
bye='' line='' end=$((SECONDS + timeout))
while :; do
	alive=yes; kill -0 "$guest" 2>/dev/null || alive=
	right_clock || { say "boot.sh: the guest has timed its clock wrongly; once more"; exit $stood_still; }
	if ! read -r -t 0.2 more <&3; then
		line+=$more
		[ -n "$alive" ] || break
		[ $SECONDS -lt $end ] || break
		continue
	fi
	line+=$more
	case $line in
	'step '*)
		run "$at_step" "${line#step }" || die "stopped at the guest's step '${line#step }'"
		echo go >&4
		;;
	'bye '*) bye=${line#bye } ;;
	esac
	line=''
done
if [ -n "$alive" ]; then
	say "boot.sh: the guest was still running after $timeout seconds; its console is in $console"
	grep -qa 'Run /init' "$console" || exit $stood_still
	exit 1
fi
wait "$guest" || die "QEMU failed: $(tail -n 1 "$dir/qemu")"
if [ -z "$bye" ]; then
	panic=$(grep -a -m 1 -o 'Kernel panic.*' "$console" || echo 'no panic seen')
	die "the guest ended without switching itself off (${panic%$'\r'}); its console is in $console"
fi
[ "$bye" -eq 0 ] || die "the guest's task ended with status $bye; its console is in $console"
