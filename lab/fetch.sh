#!/usr/bin/env bash
# fetch.sh - the untouched kernel source of the base, in $work/stock, from
# Debian: the version that patches/<base>/BASE pins while apt can still have it,
# else the newest, reporting each file of the series that differs there.
# $work/stock.version tells which one it is.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

stock=$work/stock
package=$(base_field package)
package=${package:-linux-source-$base}
pinned=$(base_field version)
need_tools git tar xz dpkg-deb
lock stock

versions() { apt-cache madison "$package" 2>/dev/null | awk '{ print $3 }'; }
has_pinned() { grep -qxF -- "${pinned:-none}" <<<"$(versions)"; }
update() { run_logged "$build/log/apt-update.log" as_root apt-get -qy update; }

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

# The version to take: pinned if it can be had, else the newest.
installed=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null || :)
tarball=/usr/src/linux-source-$base.tar.xz
have=$(cat "$work/stock.version" 2>/dev/null || :)
if [ -n "$have" ]; then
	# What is there stays, unless the pinned version is another and can be had.
	if [ -z "$pinned" ] || [ "$have" = "$pinned" ] || ! has_pinned; then
		exit 0
	fi
fi
need_space 3000
[ "$installed" = "${pinned:-$installed}" ] || installed=
if [ -n "$installed" ] && [ -f "$tarball" ]; then
	version=$installed
else
	tarball=
	[ -n "$(versions)" ] || update
	if has_pinned; then version=$pinned; else version=$(versions | awk 'NR == 1'); fi
	[ -n "$version" ] ||
		die "apt does not know the package '$package'; add Debian's security or backports repository to its sources"
fi

tmp=$work/fetch.tmp
on_exit "rm -rf '$tmp'"
rm -rf "$tmp"
mkdir -p "$tmp/deb"
if [ -z "$tarball" ]; then
	say "downloading $package $version"
	download() { cd "$tmp/deb" && apt-get -q download "$package=$version"; }
	run logged "$build/log/download.log" download || { update; run_logged "$build/log/download.log" download; }
	extract() { dpkg-deb --fsys-tarfile "$tmp"/deb/*.deb | tar -x -C "$tmp/deb" --wildcards '*.tar.xz'; }
	run_logged "$build/log/extract.log" extract
	tarball=$(find "$tmp/deb" -name '*.tar.xz')
fi
say "unpacking $package $version"
mkdir "$tmp/src"
run_logged "$build/log/unpack.log" tar -x -f "$tarball" -C "$tmp/src" --strip-components=1
rm -f "$work/stock.version"
rm -rf "$stock"
mv "$tmp/src" "$stock"
echo "$version" >"$work/stock.version"
report "$version"
