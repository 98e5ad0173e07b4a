#!/usr/bin/env bash
# deb.sh - installable packages of the patched kernel, by the kernel's own bindeb-pkg,
# from lab/config/base.config or from CONFIG, a whole configuration such as
# /boot/config-$(uname -r). The packages' paths are what stands on stdout.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The make of the packages starts one of its own, and is told no compiler.
cached=()

config=${CONFIG:-}
[ -z "$config" ] || [ -f "$config" ] || die "there is no configuration $config"
need_tools dpkg-buildpackage dh rsync
"$top/lab/patched.sh"
obj=$work/deb/build
mkdir -p "$obj"
lock deb
if [ -z "$config" ]; then need_space 3000; else need_space 25000; fi
rm -f "$work"/deb/*.deb "$work"/deb/*.buildinfo "$work"/deb/*.changes

configure() {
	if [ -z "$config" ]; then
		cat "$top/lab/config/base.config" "$top/lab/config/base-$base.config" >"$obj/lab.config" 2>/dev/null || :
		kmake -C "$work/patched" O="$obj" KCONFIG_ALLCONFIG="$obj/lab.config" allnoconfig
	else
		cp "$config" "$obj/.config"
		# Debian's configuration names certificates that only its builders have.
		"$work/patched/scripts/config" --file "$obj/.config" --set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS ''
	fi
	kmake -C "$work/patched" O="$obj" olddefconfig
}
log=$work/log/deb.log
run_logged "$log" configure
pack() {
	kmake -C "$work/patched" O="$obj" LOCALVERSION=-dm-keyring KDEB_CHANGELOG_DIST=unstable \
		DEBEMAIL=$author_mail DEBFULLNAME="$author_name" bindeb-pkg 2>&1 | tee -a "$log" | progress 0
}
SECONDS=0
run pack || die "the packages were not made; the output of make is in $log"
find "$work/deb" -maxdepth 1 -name '*.deb' | sort | grep . || die "bindeb-pkg made no package; see $log"
