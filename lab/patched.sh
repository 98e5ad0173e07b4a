#!/usr/bin/env bash
# patched.sh - the base with the series applied by patch -p1 without fuzz, in
# $work/patched. When the series changes, only files whose text changes are
# written, so that a kernel built from it is rebuilt in seconds.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_tools patch rsync
"$top/lab/fetch.sh"
stock=$work/stock
patched=$work/patched
mapfile -t files < <(series_files)
[ ${#files[@]} -gt 0 ] || exit 1
state="$(cat "$work/stock.version") $(series_digest)"
lock patched
[ "$(cat "$work/patched.state" 2>/dev/null)" != "$state" ] || exit 0

# paths FILE...: each path that those patches name
paths() { sed -n 's|^--- a/||p; s|^+++ b/||p' "$@" </dev/null | sort -u; }

tmp=$work/patched.tmp
on_exit "rm -rf '$tmp'"
rm -rf "$tmp"
if [ ! -d "$patched" ] || [ "$(cat "$work/patched.version" 2>/dev/null)" != "${state% *}" ]; then
	need_space 2500
	rm -rf "$patched" "$work"/patched.version "$work"/patched.paths
	run cp -a "$stock" "$tmp"
	mv "$tmp" "$patched"
	echo "${state% *}" >"$work/patched.version"
fi

# The touched files alone, patched aside.
mkdir "$tmp"
paths "${files[@]}" >"$work/patched.new"
while read -r path; do
	[ ! -e "$stock/$path" ] || { mkdir -p "$tmp/$(dirname "$path")"; cp -p "$stock/$path" "$tmp/$path"; }
done <"$work/patched.new"
log=$work/log/apply.log
mkdir -p "${log%/*}"
: >"$log"
for file in "${files[@]}"; do
	patch -d "$tmp" -p1 -F0 -N --no-backup-if-mismatch -r - <"$file" >>"$log" 2>&1 ||
		die "${file##*/} does not apply to $(base_field package) ${state% *} without fuzz; the output of patch is in $log"
done
! grep -q 'offset' "$log" || say "note: some hunks apply at an offset ($log)"

# From here to the last line an interrupted run is done again by the next.
rm -f "$work/patched.state"
touch "$work/patched.paths"
sort -u "$work/patched.paths" "$work/patched.new" | while read -r path; do
	if [ -e "$tmp/$path" ]; then mkdir -p "$patched/$(dirname "$path")"
	elif [ -e "$stock/$path" ]; then cp "$stock/$path" "$patched/$path"
	else rm -f "${patched:?}/$path"
	fi
done
sort -u -o "$work/patched.paths" "$work/patched.paths" "$work/patched.new"
rsync -rpc "$tmp/" "$patched/"
mv "$work/patched.new" "$work/patched.paths"
echo "$state" >"$work/patched.state"
