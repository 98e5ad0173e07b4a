#!/usr/bin/env bash
# tree.sh - a git tree to work in, TREE or $work/tree: the untouched base as the
# commit tagged 'base', with the same id on each run, and the series on the branch
# 'series', as git am lays it. A tree with work that 'make export' has not written
# is left alone. The ref refs/lab/exported tells what is in patches/.
# Prints the tree's path. Debian's .gitignore hides new files: git add -f.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_tools git
tree=${TREE:-$work/tree}
case $tree in /*) ;; *) tree=$PWD/$tree ;; esac
"$top/lab/fetch.sh"
package=$(base_field package)
subject="${package:-linux-source-$base} $(cat "$work/stock.version")"
lock tree

if [ -d "$tree/.git" ]; then
	[ -z "$(git -C "$tree" status --porcelain)" ] ||
		die "$tree has changes that are not committed; commit or remove them first"
	[ "$(git -C "$tree" rev-parse -q --verify series)" = "$(git -C "$tree" rev-parse -q --verify refs/lab/exported)" ] ||
		die "$tree has commits on 'series' that 'make export' has not written; export or remove them first"
elif [ -e "$tree" ]; then
	die "$tree exists and is no git tree; move it away"
fi

# All trees of all bases share one store of objects, from which nothing is removed.
store=$build/kernels.git
tag=refs/tags/base-$base
if [ "$(git -C "$store" log -1 --format=%s "$tag" 2>/dev/null)" != "$subject" ]; then
	need_space 3500
	say "importing $subject into git; half a minute"
	import() {
		export GIT_DIR=$store GIT_WORK_TREE=$work/stock GIT_INDEX_FILE=$store/import.index
		export GIT_AUTHOR_NAME=$author_name GIT_AUTHOR_EMAIL=$author_mail
		export GIT_AUTHOR_DATE='2025-01-01T00:00:00Z' GIT_COMMITTER_DATE='2025-01-01T00:00:00Z'
		rm -f "$GIT_INDEX_FILE"*
		git init -q
		git config gc.auto 0
		# Straight into one pack, not compressed: 85,000 files in 20 s.
		git -c core.bigFileThreshold=1 -c core.compression=0 add -A -f .
		git update-ref "$tag" "$(git commit-tree -m "$subject" "$(git write-tree)")"
		rm -f "$GIT_INDEX_FILE"
	}
	run_logged "$work/log/import.log" import
fi
if [ ! -d "$tree" ]; then
	need_space 1700 "$(dirname "$tree")"
	tmp=$tree.tmp
	on_exit "rm -rf '$tmp'"
	rm -rf "$tmp"
	clone() {
		git init -q "$tmp"
		echo "$store/objects" >"$tmp/.git/objects/info/alternates"
		git -C "$tmp" config gc.auto 0
		git -C "$tmp" config user.name "$author_name"
		git -C "$tmp" config user.email "$author_mail"
		git -C "$tmp" fetch -q "$store" "$tag:refs/tags/base"
		git -C "$tmp" checkout -q -b series base
		git -C "$tmp" update-ref refs/lab/exported series
	}
	run_logged "$work/log/clone.log" clone
	mv "$tmp" "$tree"
fi

git() { command git -C "$tree" "$@"; }
git fetch -q --force "$store" "$tag:refs/tags/base"
git am --abort 2>/dev/null || :
git checkout -q -B series base
if [ -f "$series/SERIES" ]; then
	mapfile -t files < <(series_files)
	log=$work/log/am.log
	run logged "$log" git am -q --committer-date-is-author-date "${files[@]}" || {
		git am --abort
		git update-ref refs/lab/exported series
		die "git am does not take the series onto $subject; its output is in $log"
	}
fi
git update-ref refs/lab/exported series
echo "$tree"
