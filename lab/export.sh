#!/usr/bin/env bash
# export.sh - write the commits base..series of the tree (TREE or $work/tree) as
# the repository has them: the patches, the cover letter with its list and diffstat
# brought up to date, SERIES, BASE, and the view, which is the final text of each
# file that a series creates, on whichever base.
#
# Subject and text of the cover letter are taken from the one that is there: edit
# them in patches/<base>/0000-cover-letter.patch. SERIES keeps its parts: a patch
# stays in the part that named it, a new one joins that of the patch before it.
#
# With --compare nothing is written: says whether that is what the repository has.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

compare=${1:-}
[[ $compare = "" || $compare = --compare ]] || die "there is no option $compare"
need_tools git rsync
tree=${TREE:-$work/tree}
[ -d "$tree/.git" ] || die "there is no git tree in $tree; 'make tree' makes it"
git() { command git -C "$tree" "$@"; }
for ref in base series; do
	git rev-parse -q --verify "$ref" >/dev/null || die "$tree has no '$ref'; it needs the tag 'base' and the branch 'series'"
done
[ -z "$(git status --porcelain --untracked-files=no)" ] || die "$tree has changes that are not committed"
[ "$(git merge-base base series)" = "$(git rev-parse 'base^{commit}')" ] || die "in $tree, 'series' does not descend from 'base'"
[ "$(git rev-parse 'base^{commit}')" != "$(git rev-parse series)" ] || die "$tree has no commit on 'series' to export"
# The .gitignore of Debian's source hides new files from git status.
git ls-files --others -- drivers/md security/keys include/linux include/keys tools/testing/selftests/dm-crypt-keyring \
	Documentation/admin-guide/device-mapper Documentation/security/keys |
	while read -r path; do say "note: $path is not in git; git add -f takes it in"; done

lock export
out=$work/patches.tmp
view=$work/view.tmp
on_exit "rm -rf '$out' '$view'"
rm -rf "$out" "$view"
mkdir -p "$out" "$view" "$series"

# The text of the cover letter is what stands before git's list of the commits.
cover=$series/0000-cover-letter.patch
text() {
	[ -f "$cover" ] || return 0
	awk -v list="^$author_name \\\\([0-9]+\\\\):\$" '
		!body && sub(/^Subject: \[[^]]*\] /, "") { subject = $0; next }
		!body && subject && /^ / { sub(/ +$/, "", subject); subject = subject $0; next }
		!body && /^$/ { body = 1; print subject }
		body && $0 ~ list { exit }
		body { print }' "$cover" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}
GIT_COMMITTER_DATE=$(git log -1 --format=%aI series)
export GIT_COMMITTER_DATE
run_logged "$work/log/format-patch.log" command git -C "$tree" \
	-c branch.series.description="$(text)" -c format.suffix=.patch \
	format-patch -o "$out" --cover-letter --cover-from-description=subject \
	--numbered --zero-commit --no-signature --full-index -M --subject-prefix=PATCH \
	--no-base --no-thread base..series
for patch in "$out"/[0-9]*; do chmod 644 "$patch"; done

# SERIES
old=/dev/null
[ ! -f "$series/SERIES" ] || old=$series/SERIES
find "$out" -name '[0-9]*.patch' ! -name '0000-*' -printf '%f\n' | sort |
	awk -v old="$old" '
		function slug(name) { sub(/^[0-9]+-/, "", name); return name }
		BEGIN {
			while ((getline line < old) > 0) {
				if (line ~ /^#/) { print line; continue }
				split(line, word, " ")
				if (word[1] == "part") part = word[2]
				else if (line != "") of[slug(word[1])] = part
			}
		}
		{
			new = slug($1) in of ? of[slug($1)] : now == "" ? "series" : now
			if (new != now) print "part " new
			now = new
			print $1
		}' >"$out/SERIES"

# BASE
origin=$(git log -1 --format=%s base)
[[ $origin =~ ^linux-source-[^\ ]+\ [^\ ]+$ ]] || origin="$(base_field package) $(base_field version)"
[[ $origin =~ ^[^\ ]+\ [^\ ]+$ ]] || die "the subject of 'base' in $tree does not name package and version, nor does BASE"
{
	echo "# The kernel source that the series is made and tested on, and the blob id of each of its files that the series edits."
	echo "package ${origin% *}"
	echo "version ${origin#* }"
	[ -z "$(base_field suite)" ] || echo "suite $(base_field suite)"
	git diff-tree -r -M --diff-filter=a base series | awk '{ sub(/^[^\t]*\t/, ""); sub(/\t.*/, ""); print }' |
		while read -r path; do echo "blob $(git rev-parse "base:$path") $path"; done
} >"$out/BASE"

# The view: of a file that TEXTS allows two texts, it shows the newest base's.
in_view() { [ "$base" = "$(all_bases | tail -n 1)" ] || ! grep -q "^file $1 " "$top/patches/TEXTS"; }
roots=(Documentation drivers include security tools)
git diff-tree -r -M --diff-filter=A --name-only base series >"$view.list"
on_exit "rm -f '$view.list'"
while read -r path; do
	[[ " ${roots[*]} " = *" ${path%%/*} "* ]] || die "the view has no directory for $path, which the series creates"
done <"$view.list"
mapfile -t paths <"$view.list"
git -c tar.umask=022 archive series "${paths[@]}" | tar -x -C "$view"

if [ "$compare" ]; then
	# The version in BASE is the one that the series was last exported on.
	{ diff -r -x BASE "$out" "$series" && diff <(grep ^blob "$out/BASE") <(grep ^blob "$series/BASE"); } >&2 ||
		die "patches/$base is not what the export of $tree gives"
	while read -r path; do
		in_view "$path" || continue
		cmp "$view/$path" "$top/$path" >&2 || die "the view of $path is not what the export of $tree gives"
	done <"$view.list"
	exit 0
fi

# All is made; put it in place.
rsync -rpc --delete "$out/" "$series/"
while read -r path; do in_view "$path" || rm "$view/$path"; done <"$view.list"
rsync -rpc "$view/" "$top/"
# What no series creates any more.
command git -C "$top" ls-files --cached --others --exclude-standard -- "${roots[@]}" |
	{ grep -vxFf <(for name in $(all_bases); do created "$name"; done) || :; } |
	while read -r path; do rm -f "${top:?}/$path"; done
git update-ref refs/lab/exported series
say "exported $(git rev-list --count base..series) patches and $(wc -l <"$view.list") files of the view"
