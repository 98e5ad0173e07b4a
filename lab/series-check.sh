#!/usr/bin/env bash
# series-check.sh - patches and view are in step with each other, in seconds and
# without the kernel source. It speaks of each fault in a sentence of its own, and
# fails if there was one.
#
# Each patch names, for every file it touches, the blob id before and after
# ("index old..new", written in full). So:
#   SERIES     lists exactly the patches that are there, numbered in that order. Its
#              lines are "part <name>", file names of the patches of that part in the
#              order in which they apply, and comments that start with '#'.
#   form       each patch is as 'make export' writes it: a zero commit id, the authors
#              as author, "[PATCH n/m]", a message, no Signed-off-by, no rename with
#              changes; the cover letter has subject, text and the right counts.
#   chain      the id after patch k is the id before the next patch that touches the
#              file; the first id before is the one in BASE, or zero for a new file.
#   view       holds exactly the files that the series of all bases create, each with the
#              last id after, and its mode.
#   rebuild    the new files made from the patches alone have the ids that the patches
#              name; with the source of the base at hand, so do the files of others.
#   texts      with every other base, the series has the same patches, and each changes
#              the same lines and each new file is the same, but for what patches/TEXTS
#              lists with a reason; and TEXTS lists nothing that is the same.
# shellcheck source=lib.sh disable=SC2015
. "$(dirname "$0")/lib.sh"

need_tools git awk
faults=0
fault() { say "series-check: $*"; faults=$((faults + 1)); }
roots=(Documentation drivers include security tools)
zero=0000000000000000000000000000000000000000

[ -f "$series/BASE" ] || die "patches/$base/BASE is missing"
tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
mapfile -t files < <(series_files)
total=${#files[@]}
[ "$total" -gt 0 ] || die "patches/$base/SERIES lists no patch"

# SERIES
while read -r word name rest; do
	case $word in
	'' | '#'*) continue ;;
	part) [ -n "$name" ] && [ -z "$rest" ] || fault "SERIES has a part without a name of one word" ;;
	*) [ -z "$name" ] || fault "SERIES has more than a file name on the line of $word" ;;
	esac
done <"$series/SERIES"
[ "$(awk '/^[^#]/ { print $1; exit }' "$series/SERIES")" = part ] || fault "SERIES names a patch before the first part"
printf '%s\n' "${files[@]##*/}" | sort >"$tmp/listed"
find "$series" -mindepth 1 ! -name BASE ! -name SERIES ! -name 0000-cover-letter.patch -printf '%P\n' | sort >"$tmp/present"
for name in $(uniq -d "$tmp/listed"); do fault "SERIES lists $name twice"; done
for name in $(comm -13 "$tmp/listed" "$tmp/present"); do fault "patches/$base/$name is not listed in SERIES"; done
for name in $(comm -23 "$tmp/listed" "$tmp/present"); do fault "SERIES lists $name, which is not there"; done

# form
width=${#total}
# form FILE NUMBER: what all mails of the series have in common
form() {
	local name=${1##*/} number
	number=$(printf "%0${width}d/%d" "$2" "$total")
	[ "$(sed -n 1p "$1")" = "From $zero Mon Sep 17 00:00:00 2001" ] || fault "$name does not start with a zero commit id"
	grep -q '^From: ' "$1" && [ "$(grep -m1 '^From: ' "$1")" = "From: $author_name <$author_mail>" ] ||
		fault "$name is not by $author_name <$author_mail>"
	[[ "$(grep -m1 '^Subject: ' "$1")" = "Subject: [PATCH $number] "?* ]] || fault "$name is not numbered [PATCH $number]"
	! grep -qi '^Signed-off-by:' "$1" || fault "$name has a Signed-off-by, which only the person who sends it can give"
}
n=0
for file in "${files[@]}"; do
	n=$((n + 1))
	[ -f "$file" ] || continue
	form "$file" "$n"
	[[ ${file##*/} = "$(printf %04d "$n")"-*.patch ]] || fault "${file##*/} is number $n in SERIES but not by its name"
	awk '/^---$/ { exit } body && !/^[A-Z][a-z-]*(-[a-z]+)*: / && NF { found = 1; exit } /^$/ { body = 1 } END { exit !found }' "$file" ||
		fault "${file##*/} has no message"
done
cover=$series/0000-cover-letter.patch
if [ -f "$cover" ]; then
	form "$cover" 0
	! grep -q '\*\*\* [A-Z]* HERE \*\*\*' "$cover" || fault "the cover letter still lacks its subject or its text"
	! grep -E '^[^ ].* \([0-9]+\):$' "$cover" | grep -qvF "$author_name (" || fault "the cover letter lists patches of somebody else"
	grep -qF "$author_name ($total):" "$cover" || fault "the cover letter does not list $total patches"
else
	fault "the cover letter, patches/$base/0000-cover-letter.patch, is missing"
fi

there=()
for file in "${files[@]}"; do [ ! -f "$file" ] || there+=("$file"); done

# Each touched file of each patch: patch, path, id before, id after, mode (of a new
# file, else '-'), a line each.
awk -v FS='\t' -v OFS='\t' '
	function flush() { if (path != "") print patch, path, old, new, mode, rename; path = "" }
	FNR == 1 { flush(); n = split(FILENAME, part, "/"); patch = part[n]; head = 0 }
	/^diff --git a\// { flush(); path = $0; sub(/^diff --git a\/.* b\//, "", path); old = new = "-"; mode = "-"; rename = "-"; head = 1; next }
	/^@@ / { head = 0 }
	!head { next }
	/^index [0-9a-f]+\.\.[0-9a-f]+/ { id = $0; sub(/^index /, "", id); sub(/ .*/, "", id); split(id, two, /\.\./); old = two[1]; new = two[2] }
	/^new file mode / { mode = substr($0, 15) }
	/^deleted file mode / { mode = "deleted" }
	/^rename from / { rename = substr($0, 13) }
	END { flush() }' "${there[@]}" >"$tmp/touched"

# chain
declare -A now created mode_of upstream
while read -r word id path; do
	[ "$word" = blob ] && upstream[$path]=$id
done <"$series/BASE"
[ -n "$(base_field package)" ] && [ -n "$(base_field version)" ] || fault "BASE does not name package and version"
declare -A used
while IFS=$'\t' read -r patch path old new mode rename; do
	if [ "$rename" != - ]; then
		[ "$old" = - ] || fault "$patch renames $rename and changes it; do that in two patches"
		[ -n "${upstream[$rename]:-}" ] || fault "BASE has no blob id of $rename, which $patch renames"
		used[$rename]=1
		now[$path]=${upstream[$rename]:-}
		continue
	fi
	if [ "${#old}" != 40 ] || [ "${#new}" != 40 ]; then
		fault "$patch does not name whole blob ids for $path"
		continue
	fi
	before=${now[$path]:-}
	if [ "$mode" = 100644 ] || [ "$mode" = 100755 ]; then
		[ -z "$before" ] && [ -z "${upstream[$path]:-}" ] || fault "$patch creates $path, which is there already"
		created[$path]=1
		mode_of[$path]=$mode
	elif [ "$mode" = deleted ]; then
		[ -n "${created[$path]:-}" ] || fault "$patch deletes $path, a file of the base"
		[ "$old" = "$before" ] || fault "$patch changes $path from $old, but the patch before it left ${before:-none}"
		unset "created[$path]"
		now[$path]=
		continue
	elif [ -z "$before" ]; then
		used[$path]=1
		[ "${upstream[$path]:-}" = "$old" ] || fault "$patch changes $path from $old, but BASE has ${upstream[$path]:-no blob id of it}"
	else
		[ "$old" = "$before" ] || fault "$patch changes $path from $old, but the patch before it left $before"
	fi
	now[$path]=$new
done <"$tmp/touched"
for path in "${!upstream[@]}"; do
	[ -n "${used[$path]:-}" ] || fault "BASE has the blob id of $path, which the series does not touch"
done

# view
printf '%s\n' "${!created[@]}" | sort >"$tmp/created"
(cd "$top" && git ls-files --cached --others --exclude-standard -- "${roots[@]}" 2>/dev/null) |
	while read -r path; do [ ! -e "$top/$path" ] || echo "$path"; done | sort -u >"$tmp/view"
for name in $(all_bases); do created "$name"; done | sort -u >"$tmp/any"
while read -r path; do fault "the view has $path, which no patch creates"; done < <(comm -13 "$tmp/any" "$tmp/view")
newest=$(all_bases | tail -n 1)
for path in "${!created[@]}"; do
	[[ " ${roots[*]} " = *" ${path%%/*} "* ]] || { fault "the series creates $path, for which the view has no directory"; continue; }
	[ -f "$top/$path" ] || { fault "the view lacks $path"; continue; }
	[ "$(git hash-object --no-filters "$top/$path")" = "${now[$path]}" ] ||
		{ [ "$base" != "$newest" ] && grep -q "^file $path " "$top/patches/TEXTS"; } ||
		fault "the view of $path is not what the patches make of it"
	if [ -x "$top/$path" ]; then mode=100755; else mode=100644; fi
	[ "$mode" = "${mode_of[$path]}" ] || fault "the mode of $path in the view is not ${mode_of[$path]}"
done

# rebuild, if the names above hold
if [ "$faults" = 0 ]; then
	git init -q "$tmp/git"
	g() { git -C "$tmp/git" "$@"; }
	include=()
	others=0
	for path in "${!created[@]}"; do include+=(--include="$path"); done
	for path in "${!upstream[@]}"; do
		source=$work/stock/$path
		if [ -f "$source" ] && [ "$(git hash-object --no-filters "$source")" = "${upstream[$path]}" ]; then
			g hash-object -w --no-filters "$source" >/dev/null
			g update-index --add --cacheinfo "100644,${upstream[$path]},$path"
			include+=(--include="$path")
		else
			others=$((others + 1))
		fi
	done
	for file in "${files[@]}"; do
		if ! g apply --cached "${include[@]}" "$file" 2>"$tmp/err"; then
			fault "${file##*/} does not apply where it stands: $(head -n1 "$tmp/err")"
			break
		fi
		g ls-files -s | awk '{ id = $2; sub(/^[^\t]*\t/, ""); print $0 "\t" id }' >"$tmp/made"
		while IFS=$'\t' read -r path old new; do
			made=$(awk -F '\t' -v p="$path" '$1 == p { print $2 }' "$tmp/made")
			[ -z "$made" ] || [ "$made" = "$new" ] || fault "${file##*/} does not make of $path what its index line says"
		done < <(awk -F '\t' -v OFS='\t' -v f="${file##*/}" '$1 == f && $5 != "deleted" && $6 == "-" { print $2, $3, $4 }' "$tmp/touched")
	done
	[ "$others" = 0 ] || say "series-check: note: without the source of the base, hunks on $others of its files were not rebuilt"
fi

# texts
slug() { local name=${1##*/}; name=${name#[0-9]*-}; echo "${name%.patch}"; }
# lines FILE: what a patch changes and in which files, wherever in them
lines() { awk '/^diff --git/ { body = 1 } body && /^(diff --git|[-+])/ && !/^(---|\+\+\+) /' "$1"; }
# declared KIND NAME: TEXTS has it, with a reason
declared() { grep -qE "^$1 ${2//./\\.} +[^ ]" "$top/patches/TEXTS"; }
sort -o "$tmp/slugs" <(for file in "${files[@]}"; do slug "$file"; done)
for other in $(all_bases); do
	[ "$other" != "$base" ] || continue
	theirs=()
	for file in "$top/patches/$other"/[0-9]*.patch; do
		name=$(slug "$file")
		[ "$name" != cover-letter ] || continue
		theirs[${#theirs[@]}]=$name
		ours=$(find "$series" -name "[0-9]*-$name.patch")
		if [ -z "$ours" ]; then
			declared only "$name" || fault "the patch $name is in patches/$other alone, and patches/TEXTS does not say why"
		elif declared patch "$name"; then
			[ "$(lines "$ours")" != "$(lines "$file")" ] || fault "patches/TEXTS lists the patch $name, which is the same on $other"
		else
			[ "$(lines "$ours")" = "$(lines "$file")" ] || fault "the patch $name is not the same on $other, and patches/TEXTS does not say why"
		fi
	done
	while read -r name; do
		declared only "$name" || fault "the patch $name is not in patches/$other, and patches/TEXTS does not say why"
	done < <(printf '%s\n' "${theirs[@]}" | sort | comm -23 "$tmp/slugs" -)
	# The last id of each file that both create.
	for path in $(created "$other"); do
		[ -n "${created[$path]:-}" ] || continue
		id=$(awk -v p="$path" '$1 == "diff" { here = $0 ~ " b/" p "$" } here && /^index / { id = $2 } END { sub(/.*\.\./, "", id); print id }' "$top/patches/$other"/[0-9]*.patch)
		if declared file "$path"; then
			[ "$id" != "${now[$path]}" ] || fault "patches/TEXTS lists the file $path, which is the same on $other"
		elif [ "$id" != "${now[$path]}" ]; then
			fault "the new file $path is not the same on $other, and patches/TEXTS does not say why"
		fi
	done
done
while read -r kind name _; do
	case $kind in
	patch | only) find "$top/patches" -name "[0-9]*-$name.patch" | grep -q . || fault "patches/TEXTS lists the patch $name, which is not there" ;;
	file) grep -qxF "$name" "$tmp/any" || fault "patches/TEXTS lists the file $name, which no series creates" ;;
	'' | '#'*) ;;
	*) fault "patches/TEXTS has a line that starts with '$kind'" ;;
	esac
done <"$top/patches/TEXTS"

[ "$faults" = 0 ] || die "$faults faults in patches/$base and its view"
say "series-check: $total patches and ${#created[@]} files of the view are in step"
