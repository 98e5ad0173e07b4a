#!/usr/bin/env bash
# install.sh GROUP... - install from Debian what the groups of lab/packages name
# and what is not there yet, saying what and why. Silent when nothing is missing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || die "name the groups of lab/packages to install"
command -v apt-get >/dev/null || die "the laboratory installs its tools with apt-get, which this machine does not have"

# installed NAME|NAME...: one of them is
installed() {
	local name
	for name in ${1//|/ }; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ] || return 0
	done
	return 1
}

missing=()
reasons=
for group; do
	grep -q "^${group}[[:space:]]" "$top/lab/packages" || die "lab/packages has no group '$group'"
	while read -r _ names reason; do
		! installed "$names" || continue
		missing+=("$names")
		reasons+="  $(printf '%-21s %s' "${names%%|*}" "$reason")"$'\n'
	done < <(grep "^${group}[[:space:]]" "$top/lab/packages")
done
[ ${#missing[@]} -gt 0 ] || exit 0

say "installing from Debian:"
printf '%s' "$reasons" >&2
need_space 1500 /usr
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
	die "installing packages needs root: run this as root, or install sudo"

log=$build/install.log
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}
mkdir -p "${log%/*}"
: >"$log"
apt update || say "apt-get update failed ($log); going on with the package lists that are there"
packages=()
for names in "${missing[@]}"; do
	package=
	for name in ${names//|/ }; do
		[[ $(apt-cache policy "$name" 2>/dev/null) =~ Candidate:\ [^\(] ]] || continue
		package=$name
		break
	done
	[ "$package" ] || die "apt does not know the package '$names'; check the sources of apt (its output is in $log)"
	packages+=("$package")
done
apt install --no-install-recommends "${packages[@]}" ||
	die "apt-get could not install ${packages[*]}; its output is in $log"
