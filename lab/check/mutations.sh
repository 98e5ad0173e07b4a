#!/usr/bin/env bash
# mutations.sh - faults that the laboratory's checkers must catch, each planted in the series as
# lab/check/mutations/<name>.patch has it: one that leaves a key, one that copies it and one that
# prints it, for one type of key each; one that returns another error; and one that breaks a prefix
# of the series. Each names there who must catch it, in lines of its head: "Memory: REGEX", a line of
# the memory table that is bad then, and "Also: REGEX", others that may be; "Test: PROGRAM TEST...", the
# tests of that selftest that fail then. What is found and nobody names is a failure, too. The kernel is
# built of a copy of source and objects, which takes seconds.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 600 || exit "$no_time"
test_kernel patched
test_programs
prepared
mutations=("$top"/lab/check/mutations/*.patch)
# named WORD FILE...: what they name so
named() { awk -v word="^$1:\$" 'FNR == 1 { head = 1 } /^---/ { head = 0 } head && $1 ~ word { sub(/^[^ ]* /, ""); print }' "${@:2}"; }
dir=$work/mutations
src=$dir/patched
obj=$dir/objects
object_dir=${kernel%/arch/x86/boot/bzImage}
lock mutations
rm -rf "$dir"
need_space 2500 "$dir"
on_exit "rm -rf '$src' '$obj' '$dir/series'"

# The files of the source are the same ones; patch makes those it changes anew. What the objects
# were made of stands in make's own files.
mutate() {
	local patch
	cp -al "$work/patched" "$src" &&
		cp -a "$object_dir" "$obj" &&
		grep -rlIZ --include='*.cmd' --include=Makefile -e "$work/patched" -e "$object_dir" "$obj" |
		xargs -0 sed -i "s|$object_dir|$obj|g; s|$work/patched|$src|g" &&
		ln -sfn "$src" "$obj/source" || return
	for patch in "${mutations[@]}"; do
		patch -d "$src" -p1 --no-backup-if-mismatch <"$patch" || return
	done
	kmake -C "$src" O="$obj" bzImage
}
say 'building the kernel with faults'
run_logged "$work/log/mutations-build.log" mutate
kernel=$obj/arch/x86/boot/bzImage

# Its memory: what is planted for one type of key is found there, and nothing at others.
try 'the guest with faults goes through all steps' "$top/lab/memory.sh" stock "$kernel" "$dir/memory"
verdict=$dir/verdict
"$top/lab/memory-verdict.sh" "$dir/memory/counts" >"$verdict" || :
for patch in "${mutations[@]}"; do
	what=$(head -n 1 "$patch")
	[ "$(named Memory "$patch"; named Test "$patch")" ] || not_ok "somebody is to find: $what"
	while read -r line; do
		if grep -qE "^bad $line" "$verdict"; then ok "the memory table finds: $what"; else not_ok "the memory table finds: $what" "see $verdict"; fi
	done < <(named Memory "$patch")
done
others=$(grep '^bad' "$verdict" | grep -vEf <(named '(Memory|Also)' "${mutations[@]}" | sed 's/^/^bad /') || :)
if [ -z "$others" ]; then ok 'and no fault where there is none'; else not_ok 'and no fault where there is none' "$others"; fi

mapfile -t finders < <(named Test "${mutations[@]}" | sed 's/ .*//' | sort -u)
chosen "$work/check/run" "${finders[@]}"
boot mutations 200 "lab.mode=selftests $(args_of any)" "$work/check/run"
# failed: "program test" of those that did
failed() { tr -d '\r' <"$result" | awk '/^# program / { program = $3 } /^not ok / { print program, $4 }'; }
unnamed=$(failed)
for patch in "${mutations[@]}"; do
	what=$(head -n 1 "$patch")
	while read -r program tests; do
		for i in $tests; do
			if failed | grep -xF "$program $i" >/dev/null; then ok "$program, $i finds: $what"; else not_ok "$program, $i finds: $what" "see $result"; fi
			unnamed=$(grep -vxF "$program $i" <<<"$unnamed" || :)
		done
	done < <(named Test "$patch")
done
if [ -z "$unnamed" ]; then ok 'no other test fails'; else not_ok 'no other test fails' "$unnamed"; fi

# A prefix: without a patch that later ones need it does not apply; as it is it does.
mkdir -p "$dir/series/patches" "$dir/series/build/$base/patched"
cp -r "$top/lab" "$dir/series/lab"
cp -r "$series" "$dir/series/patches/$base"
cp "$work/stock.version" "$dir/series/build/$base/stock.version"
cp "$work/stock.version" "$dir/series/build/$base/patched.version"
ln -s "$work/stock" "$dir/series/build/$base/stock"
applies() { BUILD=$dir/series/build "$dir/series/lab/patched.sh"; }
try 'the series applies as it is' applies
order=$dir/series/patches/$base/SERIES
sed '/-dm-crypt-borrow-keyring-keys/d' "$series/SERIES" >"$order"
fails() { ! cmp -s "$series/SERIES" "$order" && ! applies; }
try 'apply finds a prefix that is broken' fails
plan
