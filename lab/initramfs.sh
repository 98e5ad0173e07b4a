#!/usr/bin/env bash
# initramfs.sh OUT [EXTRADIR] - packs the guest's file system: busybox, the programs of
# the host that the guest runs with their libraries, lab/guest, and what is in
# EXTRADIR as /selftests. Does nothing if OUT was made of the same files.
. "$(dirname "$0")/lib.sh"

[ $# -ge 1 ] || die "usage: initramfs.sh OUT [EXTRADIR]"
out=$1
extra=${2:-}
PATH=$PATH:/usr/sbin:/sbin
# tpm2 is one program, called by the names of its commands.
programs=(keyctl dmsetup cryptsetup mkfs.ext4 tpm2 openssl)
need_tools busybox cpio ldd "${programs[@]}"

# library NAME: where the dynamic linker of the host finds it
library() { /sbin/ldconfig -p | awk -v name="$1" '$1 == name && !path { path = $NF } END { print path }'; }
tcti=$(library libtss2-tcti-device.so.0)
[ -n "$tcti" ] || die "the library libtss2-tcti-device.so.0 is missing; lab/install.sh installs what the laboratory needs"
# The C library opens libgcc_s by name when a thread of cryptsetup ends.
libgcc=$(library libgcc_s.so.1)

binaries=()
for program in "${programs[@]}"; do
	binaries+=("$(command -v "$program")")
done
ours=()
if [ -n "$extra" ]; then
	[ -d "$extra" ] || die "there is no directory $extra"
	mapfile -t ours < <(find "$extra" -type f -perm -100)
fi
mapfile -t libraries < <({
	echo "$tcti"
	echo "$libgcc"
	for file in "${binaries[@]}" "$tcti" "${ours[@]}"; do
		ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || :
	done
} | sort -u)

busybox=$(command -v busybox)
sum=$(
	{
		echo "${extra:+with selftests}"
		sha256sum "$0" "$busybox" "${binaries[@]}" "${libraries[@]}"
		cd "$top/lab/guest" && sha256sum -- *
		[ -z "$extra" ] || { cd "$extra" && find . -type f -printf '%m %p\n' -exec sha256sum {} +; }
	} | sha256sum
)
[ ! -f "$out" ] || [ "$(cat "$out.sum" 2>/dev/null)" != "$sum" ] || exit 0

need_space 150 "$(dirname "$out")"
root=$(mktemp -d -p "$(dirname "$out")")
on_exit "rm -rf '$root'"
mkdir -p "$root"/{bin,sbin,lab,selftests,share,dev,proc,sys,tmp,run,etc}
cp "$busybox" "$root/bin/busybox"
for applet in $(busybox --list); do
	[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
cp -L --parents "${binaries[@]}" "${libraries[@]}" "$root"
for name in create createprimary evictcontrol flushcontext load loadexternal pcrextend pcrread policyauthorize \
	policyauthvalue policypcr readpublic startauthsession unseal verifysignature; do
	ln -s tpm2 "$root$(command -v tpm2)_$name"
done
cp "$top"/lab/guest/* "$root/lab"
mv "$root/lab/init" "$root/init"
ln -s /proc/self/mounts "$root/etc/mtab"
# Nothing to load: the kernel asks for modules that it has built in.
printf '#!/bin/sh\nexit 1\n' >"$root/sbin/modprobe"
chmod +x "$root/sbin/modprobe"
[ -z "$extra" ] || cp -r "$extra/." "$root/selftests"

(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out.new" ||
	die "cpio could not pack $out"
mv "$out.new" "$out"
echo "$sum" >"$out.sum"
