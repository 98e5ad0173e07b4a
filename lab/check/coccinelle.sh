#!/usr/bin/env bash
# coccinelle.sh - the kernel's semantic patches, by its own coccicheck in the mode 'report', find
# nothing in a touched file of the kernel that they do not find in the base; and coccinelle can
# read there what it can read in the base. A semantic patch that is left out is named.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

# Two minutes of a processor, of which guests have a part, too.
has_time 300 || exit "$no_time"
need_tools spatch xargs
"$top/lab/patched.sh"
lock coccinelle

all=$work/coccinelle
rm -rf "$all"
mapfile -t paths < <(grep '\.[ch]$' "$work/patched.paths" | grep -v '^tools/')
# Coccicheck wants a directory, as of a module: the touched files alone.
for tree in stock patched; do
	mkdir -p "$all/$tree"
	(cd "$work/$tree" && for path in "${paths[@]}"; do [ ! -f "$path" ] || cp --parents "$path" "$all/$tree"; done)
done

# Those that take longest are in the last directories.
cd "$work/stock/scripts/coccinelle"
mapfile -t scripts < <(grep -rlE '^virtual .*report' --include='*.cocci' . | sort -r)
mapfile -t left_out < <(grep -rLE '^virtual .*report' --include='*.cocci' . | sort)
[ ${#left_out[@]} = 0 ] || say "left out, since they report nothing: ${left_out[*]#./}"
if ! command -v ocamlopt >/dev/null; then
	mapfile -t left_out < <(grep -lE '(initialize|script):ocaml' "${scripts[@]}")
	mapfile -t scripts < <(grep -LE '(initialize|script):ocaml' "${scripts[@]}")
	[ ${#left_out[@]} = 0 ] || say "left out, since they need OCaml's compiler: ${left_out[*]#./}"
fi

# one TREE SCRIPT: what it says in that tree, and its status, to a file. Each kernel has a name of
# its own for the directory. Where it runs there is no .cocciconfig: the kernel's would ask git,
# which knows no file in build/, and end what takes long, without a word.
one() {
	local tree=$work/$1 said=$all/$1.said/$2 status=0
	mkdir -p "${said%/*}"
	srctree=$tree srcroot=$all/$1 KBUILD_EXTMOD=$all/$1 MODE=report J=1 COCCI=$tree/scripts/coccinelle/$2 \
		LINUXINCLUDE="-I$tree/arch/x86/include -I$tree/include -I$tree/arch/x86/include/uapi -I$tree/include/uapi" \
		bash "$tree/scripts/coccicheck" >"$said" 2>&1 || status=$?
	echo "status $status" >>"$said"
}
cd "$all"
export -f one
export work all
# each TREE SCRIPT...
asked=0
each() {
	asked=$((asked + $# - 1))
	printf "$1 %s\n" "${@:2}" >"$all/todo"
	[ $# = 1 ] || run xargs -a "$all/todo" -P "$jobs" -L 1 bash -c 'one "$@"' _
}
place=':[0-9]+:[0-9]+-[0-9]+:'
say "${#scripts[@]} semantic patches on ${#paths[@]} files"
each patched "${scripts[@]#./}"
# What the others say of the base is not asked.
mapfile -t telling < <(cd "$all/patched.said" && grep -rlE "$place" . | sort)
each stock "${telling[@]#./}"

# words TREE: what was found, without the numbers of lines; what is found twice, twice
words() {
	[ ! -d "$all/$1.said" ] || find "$all/$1.said" -type f -exec cat {} + | sed -nE "s/$place/:/; t strip; b
		:strip; s|$all/$1/||g; s|$work/$1/||g
		:number; s/(:.*[^0-9])[0-9]+/\1N/; t number
		p" | sort
}
# read_whole TREE PATH: there is no function in it that coccinelle passes over as it cannot read it
read_whole() { (cd "$all/$1" && spatch --parse-c "$2" 2>&1) | grep 'perfect = 1;' >/dev/null; }
new=$(comm -13 <(words stock) <(words patched))
for path in "${paths[@]}"; do
	[ -f "$all/patched/$path" ] || continue
	said=$(grep -F "$path:" <<<"$new" || :)
	if [ "$said" ]; then
		not_ok "coccinelle $path" "$said"
	elif [[ $path = *.h ]] || read_whole patched "$path"; then
		ok "coccinelle $path"
	elif [ -f "$all/stock/$path" ] && ! read_whole stock "$path"; then
		say "coccinelle cannot read all of $path, nor could it in the base"
		ok "coccinelle $path"
	else
		not_ok "coccinelle $path" 'there is something that coccinelle cannot read'
	fi
	new=$(grep -vF "$path:" <<<"$new" || :)
done
if [ -z "$new" ]; then ok 'coccinelle: nothing elsewhere'; else not_ok 'coccinelle: nothing elsewhere' "$new"; fi
ended=$(grep -rlx 'status 0' "$all"/*.said | wc -l)
what="each of the ${#scripts[@]} semantic patches ran to its end"
if [ "$ended" = "$asked" ]; then ok "$what"; else not_ok "$what" "$(grep -rLx 'status 0' "$all"/*.said | xargs -r tail -n 3)"; fi
plan
