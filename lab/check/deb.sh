#!/usr/bin/env bash
# deb.sh - what 'make deb' makes installs, in a file system of this machine's release, and the kernel
# that it installs there boots in the guest, and says that it is the one.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 1200 || exit "$no_time"
test_kernel patched
release=$(this_release)
"$top/lab/peers-root.sh" "$release" >/dev/null
mapfile -t debs < <("$top/lab/deb.sh")
if [ ${#debs[@]} -gt 0 ]; then ok 'packages are made'; else not_ok 'packages are made' "see $work/log/deb.log"; fi
share=$work/check/deb
disk=$work/deb.disk
rm -rf "$share"
mkdir -p "$share"
on_exit "rm -rf '$disk' '$share'"
for deb in "${debs[@]}"; do
	case ${deb##*/} in linux-image-*dbg*) ;; linux-image-*) cp "$deb" "$share/linux-image.deb" ;; esac
done
cp --sparse=always "$build/peers/$release.img" "$disk"
boot deb-install 300 lab.mode=install
try 'the image installs' grep '^installed ' "$result"
kernel=$share/vmlinuz
version=$(tr -d '\r' <"$result" | sed -n 's/^installed //p')
boot deb-boots 120 lab.mode=version
booted=$(tr -d '\r' <"$result" | sed -n 's/^version //p')
if [ "$version" ] && [ "$booted" = "$version" ]; then ok 'what was installed boots'; else not_ok 'what was installed boots' "${booted:-no version}"; fi
case $version in *-dm-keyring) ok 'and is of this laboratory' ;; *) not_ok 'and is of this laboratory' "${version:-no version}" ;; esac
plan
