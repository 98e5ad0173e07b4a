#!/usr/bin/env bash
# fetch.sh - the untouched kernel source of the base, in $work/stock, from
# Debian: the version that patches/<base>/BASE pins while apt can still have it,
# else the newest, reporting each file of the series that differs there.
# $work/stock.version tells which one it is.
#
# A base whose BASE names a suite is taken from that suite through an apt of its own
# (apt-root.sh). When the suite has moved on to another kernel, this says so, and how
# far the series applies to what is there, and ends with status $moved_on.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

stock=$work/stock
package=$(base_field package)
package=${package:-linux-source-$base}
pinned=$(base_field version)
suite=$(base_field suite)
need_tools git tar xz dpkg-deb
lock stock

versions() { apt-cache madison "$1" 2>/dev/null | awk '{ print $3 }'; }
has_pinned() { grep -qxF -- "${pinned:-none}" <<<"$(versions "$package")"; }
update() {
	local as=(as_root)
	# In an apt of our own nobody needs to be root.
	[ -z "$suite" ] || as=()
	run_logged "$work/log/apt-update.log" "${as[@]}" apt-get -qy update
}
download() { cd "$tmp/deb" && apt-get -q download "$1=$2"; }
# unpack TARBALL DIR [MEMBER...]
unpack() { mkdir -p "$2" && tar -x -f "$1" -C "$2" --strip-components=1 --wildcards "${@:3}"; }
# get PACKAGE VERSION: sets $tarball
get() {
	say "downloading $1 $2"
	rm -rf "$tmp/deb"
	mkdir -p "$tmp/deb"
	run logged "$work/log/download.log" download "$1" "$2" ||
		{ update; run_logged "$work/log/download.log" download "$1" "$2"; }
	extract() { dpkg-deb --fsys-tarfile "$tmp"/deb/*.deb | tar -x -C "$tmp/deb" --wildcards '*.tar.xz'; }
	run_logged "$work/log/extract.log" extract
	tarball=$(find "$tmp/deb" -name '*.tar.xz')
}

report() {
	local blob path
	[ "$1" != "$pinned" ] || return 0
	[ -n "$pinned" ] || return 0
	say "note: BASE pins $package $pinned, apt has $1"
	while read -r _ blob path; do
		[ "$(git hash-object --no-filters "$stock/$path" 2>/dev/null)" = "$blob" ] ||
			say "note: $path differs from the pinned version"
	done < <(grep '^blob ' "$series/BASE")
}

# The suite has another kernel than ours: which one, and does the series apply there?
moved_on() {
	local newest version file files n=0 path members=()
	newest=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' | sort -V | tail -n 1)
	[ -n "$newest" ] || die "$suite has no package $package, nor another linux-source"
	version=$(versions "$newest" | awk 'NR == 1')
	say "$suite has moved on: it has no $package any more, but $newest $version"
	get "$newest" "$version"
	while read -r _ _ path; do members+=("*/$path"); done < <(grep '^blob ' "$series/BASE")
	# A file that is gone there is no error of tar's; patch will say so.
	run logged "$work/log/unpack.log" unpack "$tarball" "$tmp/src" "${members[@]}" || :
	mapfile -t files < <(series_files)
	for file in "${files[@]}"; do
		if ! patch -d "$tmp/src" -p1 -N --no-backup-if-mismatch -r - <"$file" >"$work/log/moved-on.log" 2>&1; then
			say "the series applies there up to $n of ${#files[@]} patches; the next is ${file##*/} ($work/log/moved-on.log)"
			exit "$moved_on"
		fi
		n=$((n + 1))
	done
	say "the series still applies there, all $n patches; 'make port' carries it over"
	exit "$moved_on"
}

# The version to take: pinned if it can be had, else the newest.
installed=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null || :)
local_tarball=/usr/src/linux-source-$base.tar.xz
have=$(cat "$work/stock.version" 2>/dev/null || :)
if [ -n "$suite" ]; then
	APT_CONFIG=$("$top/lab/apt-root.sh" "$suite")
	export APT_CONFIG
fi
if [ -n "$have" ]; then
	# What is there stays, unless the pinned version is another and can be had.
	if [ -z "$pinned" ] || [ "$have" = "$pinned" ] || ! has_pinned; then
		exit 0
	fi
fi
need_space 3000
tmp=$work/fetch.tmp
on_exit "rm -rf '$tmp'"
rm -rf "$tmp"
mkdir -p "$tmp"

tarball=
[ "$installed" = "${pinned:-$installed}" ] || installed=
if [ -n "$installed" ] && [ -f "$local_tarball" ]; then
	version=$installed
	tarball=$local_tarball
else
	[ -n "$(versions "$package")" ] || update
	if has_pinned; then version=$pinned; else version=$(versions "$package" | awk 'NR == 1'); fi
	if [ -z "$version" ]; then
		[ -z "$suite" ] || moved_on
		die "apt does not know the package '$package'; add Debian's security or backports repository to its sources"
	fi
	get "$package" "$version"
fi
say "unpacking $package $version"
run_logged "$work/log/unpack.log" unpack "$tarball" "$tmp/src"
rm -f "$work/stock.version"
rm -rf "$stock"
mv "$tmp/src" "$stock"
echo "$version" >"$work/stock.version"
report "$version"
