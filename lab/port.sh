#!/usr/bin/env bash
# port.sh - carry what is new in the series of the base FROM over to that of TO, in TO's
# tree, patch by patch. What HEAD has in patches/ is the ancestor: there the two are in
# step. So change one base, export it, port, export the other, and commit both.
#
# A patch that has changed is merged three ways: as HEAD has it on FROM, as it is now, and
# as it is on TO, each on top of what is new before it; its message likewise. One that is
# new, or as it was, is picked. Those that patches/TEXTS says are on one base only stay there.
# Where the two meet it stops with the conflict in TO's tree: solve it, 'git add' the
# files there, and run it again. It goes on from there.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

from=${FROM:-} to=${TO:-}
[[ -n $from && -n $to && $from != "$to" ]] || die "say from which base to which: make port FROM=7.3 TO=6.12"
for name in "$from" "$to"; do
	[ -f "$top/patches/$name/SERIES" ] || die "there is no series for the base $name: patches/$name/SERIES is missing"
done
tree=$build/$to/tree
lock "port-$to"
tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
git() { command git -C "$tree" "$@"; }
export GIT_AUTHOR_NAME=$author_name GIT_AUTHOR_EMAIL=$author_mail

# A stop is remembered as refs/lab/port, what is done, and lab-port: the digest of FROM's
# patches, and the name of the patch that stopped it.
now=$(cat "$top/patches/$from"/[0-9]*.patch | sha256sum | cut -c1-16)
stop=$tree/.git/lab-port
stopped_at=
if [ -f "$stop" ]; then
	read -r digest stopped_at <"$stop"
	[ "$digest" = "$now" ] || die "patches/$from has changed since the port stopped; remove $stop to begin anew"
	[ -z "$(git ls-files --unmerged)" ] || die "$tree has conflicts that are not solved: edit the files and 'git add' them"
	git diff --cached --check refs/lab/ours | grep -q 'conflict marker' && die "$tree still has marks of a conflict"
else
	BASE=$from "$top/lab/tree.sh" >/dev/null
	BASE=$to "$top/lab/tree.sh" >/dev/null
	git update-ref refs/lab/port base
fi
git fetch -q --force "$build/kernels.git" "refs/tags/base-$from:refs/lab/from"

slug() { local name=${1##*/}; name=${name#[0-9]*-}; echo "${name%.patch}"; }
order() { awk '/^[^#]/ && $1 != "part" { print $1 }' "$1/SERIES"; }
only() { grep -q "^only $1 " "$top/patches/TEXTS"; }

# lay COMMIT DIR NAME: the commits of that series on COMMIT, by patch, in the array NAME
# shellcheck disable=SC2004,SC2034
lay() {
	local -n made=$3
	local file tip name
	tip=$(git rev-parse "$1^{commit}")
	export GIT_INDEX_FILE=$tmp/index
	git read-tree "$tip"
	made['first']=$tip
	for file in $(order "$2"); do
		git apply --cached "$2/$file" || die "${file} of $2 does not apply"
		tip=$(git commit-tree -p "$tip" -m "$file" "$(git write-tree)")
		name=$(slug "$file")
		made[$name]=$tip
	done
	unset GIT_INDEX_FILE
}
mkdir "$tmp/head"
command git -C "$top" archive HEAD "patches/$from" "patches/$to" | tar -x -C "$tmp/head" ||
	die "HEAD has no series of both bases to compare with"
declare -A from_old from_new to_old
lay refs/lab/from "$tmp/head/patches/$from" from_old
lay refs/lab/from "$top/patches/$from" from_new
lay base "$tmp/head/patches/$to" to_old

last=$(slug "$(order "$top/patches/$from" | tail -n 1)")

# message PATCH: subject and body
message() { command git mailinfo "$tmp/body" /dev/null <"$1" >"$tmp/info"; { sed -n 's/^Subject: //p' "$tmp/info"; echo; sed '/^---$/,$d' "$tmp/body"; }; }
# same PATCH PATCH: they change the same lines
same() { diff -q <(grep '^[-+]' "$1" | grep -v '^\(---\|+++\) ') <(grep '^[-+]' "$2" | grep -v '^\(---\|+++\) ') >/dev/null; }
# find_patch DIR SLUG
find_patch() { find "$1" -name "[0-9]*-$2.patch"; }

# merge BASE OURS THEIRS: sets $merged, a commit, or fails
merge() {
	local b o t
	b=$(git commit-tree -m base "$1^{tree}")
	o=$(git commit-tree -p "$b" -m ours "$2^{tree}")
	t=$(git commit-tree -p "$b" -m theirs "$3^{tree}")
	sides=("$o" "$t")
	merged=$(git -c merge.renames=false merge-tree --write-tree --no-messages "$o" "$t") || { merged=; return 1; }
	merged=$(git commit-tree -m merged "$merged")
}
# conflict: the last merge, which failed, laid out in the tree
conflict() {
	git checkout -q --detach "${sides[0]}"
	git update-ref refs/lab/ours "${sides[0]}"
	git -c merge.renames=false merge -q --no-commit "${sides[1]}" 2>&1 | sed 's/^/  /' >&2 || :
	rm -f "$tree/.git/MERGE_HEAD"
}
# files COMMIT: those there that the series touches on FROM
mapfile -t touched < <(git diff-tree -r --name-only refs/lab/from "${from_new[$last]}")
files() { git ls-tree -r --name-only "$1" -- "${touched[@]}" | sort; }
# without COMMIT LIKE SIDE: COMMIT but for files of SIDE that LIKE does not have; that
# FROM changed what TO has not is no conflict
without() {
	local gone
	mapfile -t gone < <(comm -23 <(files "$3") <(files "$2"))
	[ ${#gone[@]} -gt 0 ] || { echo "$1"; return; }
	export GIT_INDEX_FILE=$tmp/index
	git read-tree "$1"
	printf '%s\n' "${gone[@]}" | git update-index --force-remove --stdin
	git commit-tree -m without "$(git write-tree)"
	unset GIT_INDEX_FILE
}

# The patches of TO as they are to be: FROM's order; TO's own stay behind the one that they follow.
plan=()
own() {
	local file name seen=
	[ "$1" != first ] || seen=1
	for file in $(order "$tmp/head/patches/$to"); do
		name=$(slug "$file")
		if [ "$name" = "$1" ]; then seen=1
		elif [ -n "$seen" ] && only "$name" && [ -z "$(find_patch "$top/patches/$from" "$name")" ]; then plan+=("$name")
		elif [ -n "$seen" ]; then break
		fi
	done
}
own first
for file in $(order "$top/patches/$from"); do
	name=$(slug "$file")
	if only "$name" && [ -z "${to_old[$name]:-}" ]; then continue; fi
	plan+=("$name")
	own "$name"
done

done_already=$(git rev-list --count base..refs/lab/port)
for i in "${!plan[@]}"; do
	name=${plan[i]}
	ours=$(find_patch "$tmp/head/patches/$to" "$name")
	theirs=$(find_patch "$top/patches/$from" "$name")
	was=$(find_patch "$tmp/head/patches/$from" "$name")
	if [ "$i" -ge "$done_already" ]; then
		tip=$(git rev-parse refs/lab/port)
		if [ "$stopped_at" = "$name" ]; then
			merged=$(git commit-tree -m solved "$(git write-tree)")
		elif [ -z "$ours" ]; then
			b=${from_new[$name]}^
			merge "$(without "$b" "$tip" "$b")" "$tip" "$(without "${from_new[$name]}" "$tip" "$b")" || :
		elif [ -z "$theirs" ] || [ -z "$was" ] || same "$was" "$theirs"; then
			merge "${to_old[$name]}^" "$tip" "${to_old[$name]}" || :
		else
			# It has changed: the old one on what is new before it, on either side; then the change.
			o=${to_old[$name]} b=${from_old[$name]}
			if merge "$o^" "$tip" "$o" && o=$merged &&
				merge "$b^" "${from_new[$name]}^" "$b" && b=$merged; then :; else
				o=${to_old[$name]} b=${from_old[$name]}
			fi
			merge "$(without "$b" "$o" "$b")" "$o" "$(without "${from_new[$name]}" "$o" "$b")" || :
		fi
		if [ -z "$merged" ]; then
			conflict
			echo "$now $name" >"$stop"
			die "stopped at patch $((i + 1)) of ${#plan[@]}, $name: solve the conflict in $tree, 'git add' the files, and run this again"
		fi
		tree_id=$(git rev-parse "$merged^{tree}")
		# The message: what only one side changed is taken from there.
		if [ -n "$ours" ]; then message "$ours"; else message "$theirs"; fi >"$tmp/m.ours"
		if [ -n "$ours" ] && [ -n "$was" ] && [ -n "$theirs" ]; then
			message "$was" >"$tmp/m.was"
			message "$theirs" >"$tmp/m.theirs"
			command git merge-file -q "$tmp/m.ours" "$tmp/m.was" "$tmp/m.theirs" ||
				say "note: the message of $name was changed on both; look at it in the tree"
		fi
		# A patch that stays as it was keeps its date.
		dated=${theirs:-$ours}
		[ -z "$ours" ] || [ "$tree_id" != "$(git rev-parse "${to_old[$name]}^{tree}")" ] || dated=$ours
		date=$(sed -n 's/^Date: //p' "$dated" | head -n1)
		if [ "$(git rev-parse "$tip^{tree}")" = "$tree_id" ]; then
			die "the patch $name changes nothing on $to; take it out of patches/$from, or say in patches/TEXTS that it is there only"
		fi
		tip=$(GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date \
			git commit-tree -p "$tip" -F "$tmp/m.ours" "$tree_id")
		git update-ref refs/lab/port "$tip"
		rm -f "$stop"
		stopped_at=
	fi
done
git reset -q --hard
git checkout -q -B series refs/lab/port
git update-ref -d refs/lab/port
say "ported ${#plan[@]} patches; 'make export BASE=$to' writes them"
echo "$tree"
