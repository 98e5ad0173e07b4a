#!/usr/bin/env bash
# deb.sh (test) - packages that are not made, that do not install, or whose kernel is another one:
# asserts that lab/check/deb.sh finds each fault and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory deb
mkdir -p "$build/peers"
act peers-root.sh <<<"touch '$build/peers/'\"\$1.img\""
act deb.sh <<<"find '$tmp' -maxdepth 1 -name '*.deb' | sort | grep ."
# A package, and what it installs, is the version of its kernel.
act boot.sh <<'EOF2'
while [ $# -gt 0 ]; do
	case $1 in --kernel | --share | --append | --result) declare "${1#--}=$2" ;; --console) : >"$2" ;; esac
	shift
done
case $append in
*=install) cp "$share/linux-image.deb" "$share/vmlinuz" && sed 's/^/installed /' "$share/vmlinuz" ;;
*=version) sed 's/^/version /' "$(ls "$ACT/vmlinuz" 2>/dev/null || echo "$kernel")" ;;
esac >"$result"
EOF2
good=6.12.0-dm-keyring
# with VERSION PACKAGE...: the step, where those packages are made, of a kernel of that version
with() {
	local i
	rm -f "$tmp"/*.deb
	for i in "${@:2}"; do echo "$1" >"$tmp/$i.deb"; done
	[ ! -f "$tmp/linux-image-$1-dbg.deb" ] || echo symbols >"$tmp/linux-image-$1-dbg.deb"
	check deb
}

with $good linux-headers-$good linux-image-$good linux-image-$good-dbg
expect 'packages that are well' ok 'what was installed boots'
only 0
with $good
expect 'no packages' 'not ok' 'packages are made'
expect 'and nothing that installs' 'not ok' 'the image installs'
with $good linux-headers-$good linux-image-$good-dbg
expect 'no package of the kernel' 'not ok' 'the image installs'
expect 'and nothing that boots' 'not ok' 'what was installed boots' 'no version'
with 6.12.0 linux-image-6.12.0
expect 'a kernel that is not of this laboratory' 'not ok' 'and is of this laboratory' '6.12.0'
only 1
echo $good-1 >"$ACT/vmlinuz"
with $good linux-image-$good
expect 'a kernel that is another one' 'not ok' 'what was installed boots' "$good-1"
only 1
finish
