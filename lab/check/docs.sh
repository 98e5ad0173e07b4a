#!/usr/bin/env bash
# docs.sh - the kernel's own documentation build says nothing about what the series touches that
# it did not say in the base. Built are the books with touched .rst files, and one made here with
# the kernel-doc comments of each touched file, as not all of them are in a book. A book is the
# nearest directory that has an index in the base, so that a new file must be in a toctree.
# The build writes beside its sources, so it gets a copy of Documentation/.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

has_time 180 || exit "$no_time"
# Without it, the kernel's build says what is missing, and ends well.
need_tools sphinx-build
"$top/lab/patched.sh"
lock docs
need_space 500

docs=$work/docs
mapfile -t pages < <(grep '^Documentation/.*\.rst$' "$work/patched.paths")
mapfile -t sources < <(grep '\.[ch]$' "$work/patched.paths" | grep -v '^tools/')
mapfile -t books < <(
	for path in "${pages[@]#Documentation/}"; do
		dir=$(dirname "$path")
		until [ -f "$work/stock/Documentation/$dir/index.rst" ]; do dir=$(dirname "$dir"); done
		echo "$dir/"
	done | sort -u | awk 'top == "" || index($0, top) != 1 { top = $0; print }')

has_comments() { grep -qsx '/\*\*' "$1"; }
# document TREE: its documentation to $docs/TREE.out, what is said to $docs/TREE.log
document() {
	local tree=$docs/$1 path
	rm -rf "$tree" "$tree".*
	mkdir -p "$tree" "$tree.out"
	ln -s "$work/$1"/* "$tree"
	rm "$tree/Documentation"
	cp -a "$work/$1/Documentation" "$tree"
	mkdir "$tree/Documentation/lab"
	printf '%s\n' Comments ======== '' '.. toctree::' '   :glob:' '' '   *' >"$tree/Documentation/lab/index.rst"
	for path in "${sources[@]}"; do
		! has_comments "$tree/$path" || printf '%s\n' "$path" "${path//?/=}" '' ".. kernel-doc:: $path" >"$tree/Documentation/lab/${path//\//-}.rst"
	done
	logged "$tree.log" kmake -s -C "$tree" O="$tree.out" SPHINXDIRS="${books[*]%/} lab" htmldocs
}
# words TREE: its warnings, without line numbers; one that is given twice, twice
words() { sed -nE "s|$docs/$1(\.out)?/||g; s/:[0-9]+//g; /warning|error|critical|severe/Ip" "$docs/$1.log" | sort; }

say "the books: ${books[*]%/}, and the comments of ${#sources[@]} files"
spawn document stock
of_stock=$spawned
spawn document patched
wait "$spawned" || die "the patched tree's documentation does not build; see $docs/patched.log"
wait "$of_stock" || die "the base's documentation does not build; see $docs/stock.log"
groups=()

new=$(comm -13 <(words stock) <(words patched))
# about PATH PAGE: nothing new is said about it, and it was made a PAGE
about() {
	local said
	said=$(grep -F -- "$1" <<<"$new" || :)
	if [ ! -f "$docs/patched.out/Documentation/output/$2.html" ]; then not_ok "docs $1" "it was not built; see $docs/patched.log"
	elif [ "$said" ]; then not_ok "docs $1" "$said"
	else ok "docs $1"
	fi
	new=$(grep -vF -- "$1" <<<"$new" || :)
}
for path in "${pages[@]}"; do
	[ ! -f "$work/patched/$path" ] || { path=${path#Documentation/}; about "Documentation/$path" "${path%.rst}"; }
done
for path in "${sources[@]}"; do
	! has_comments "$work/patched/$path" || about "$path" "lab/${path//\//-}"
done
if [ -z "$new" ]; then ok 'docs: nothing else'; else not_ok 'docs: nothing else' "$new"; fi
plan
