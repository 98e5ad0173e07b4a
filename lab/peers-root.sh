#!/usr/bin/env bash
# peers-root.sh SUITE - a file system with the programs of that suite of Debian that make
# device-mapper tables with keys in them, and with cryptsetup's own tests: unpacked, not installed,
# so that the machine may be of another release. Prints the path of its image, and keeps in
# $build/peers/SUITE.versions which versions these are.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 1 ] || die "usage: peers-root.sh SUITE"
suite=$1
# Who is tested, and below what cryptsetup's tests call.
peers=(cryptsetup-bin dmsetup lvm2)
tools=(bash coreutils util-linux mount keyutils procps grep sed gawk findutils diffutils
	debianutils jq xxd bsdextrautils expect tar gzip bzip2 xz-utils e2fsprogs tpm2-tools dpkg libc-bin)
need_tools dpkg-deb mkfs.ext4
dir=$build/peers/$suite
image=$dir.img
mkdir -p "$build/peers"
lock "peers-$suite"
need_space 1200 "$build/peers"
APT_CONFIG=$("$top/lab/apt-root.sh" "$suite")
export APT_CONFIG
log=$build/peers/$suite.log

run_logged "$log" apt-get -qy update
# first PACKAGE...: of these names, which differ between releases, the one that it has
first() { local i; for i; do ! apt-cache pkgnames "$i" | grep -x -- "$i" >/dev/null || { echo "$i"; return; }; done; }
peers+=("$(first systemd-cryptsetup systemd)")
tools+=("$(first libtss2-tcti-device0t64 libtss2-tcti-device0)")
version() { apt-cache policy "$1" | sed -n "s/^  Candidate: /$1 /p"; }
versions=$(for i in "${peers[@]}"; do version "$i"; done)
sum=$(sha256sum "$0")
[ ! -f "$image" ] || [ "$(cat "$dir.versions" "$dir.sum")" != "$versions"$'\n'"$sum" ] || { echo "$image"; exit 0; }

say "unpacking programs of $suite: $(tr '\n' ' ' <<<"$versions")"
rm -rf "$dir"
on_exit "rm -rf '$dir'"
mkdir -p "$dir"/{usr/{bin,sbin,lib,lib64},dev,proc,sys,run,tmp,etc,root,tests} "$dir.debs"
for i in bin sbin lib lib64; do ln -s "usr/$i" "$dir/$i"; done
get() {
	cd "$dir.debs" && rm -f -- * &&
		apt-get -qqy --no-install-recommends -o Dir::Cache::archives="$PWD" --download-only install "${peers[@]}" "${tools[@]}" &&
		apt-get -qq --download-only source cryptsetup
}
run_logged "$log" get
unpack() {
	local deb
	for deb in "$dir.debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$dir" --exclude=./usr/share/{doc,locale,man} || return
	done
	tar -x -f "$(echo "$dir.debs"/cryptsetup_*.orig.tar.*z)" -C "$dir/tests" --strip-components=2 --wildcards '*/tests/*'
}
run_logged "$log" unpack
# What the packages' scripts would have made.
ln -sf bash "$dir/bin/sh"
ln -sf gawk "$dir/bin/awk"
ln -sf which.debianutils "$dir/bin/which"
ln -sf /proc/self/mounts "$dir/etc/mtab"
echo root:x:0:0::/root:/bin/bash >"$dir/etc/passwd"
echo root:x:0: >"$dir/etc/group"
# Nothing to load: the kernel has built in what the tests ask for.
printf '#!/bin/sh\nexit 0\n' >"$dir/sbin/modprobe"
chmod 755 "$dir/sbin/modprobe"
pack() { rm -f "$image" && mkfs.ext4 -q -d "$dir" -O ^has_journal "$image" 900M; }
run_logged "$log" pack
rm -rf "$dir.debs"
echo "$versions" >"$dir.versions"
echo "$sum" >"$dir.sum"
echo "$image"
