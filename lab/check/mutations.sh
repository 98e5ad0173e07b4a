#!/usr/bin/env bash
# mutations.sh - faults that the laboratory's checkers must catch, each planted in the series as
# lab/check/mutations/<name>.patch has it: one that leaves a key, one that copies it and one that
# prints it, for one type of key each; one that returns another error; and one that breaks a prefix
# of the series. The kernel is built of a copy of source and objects, which takes seconds.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 600 || exit "$no_time"
test_kernel patched
test_programs
prepared
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
	for patch in "$top"/lab/check/mutations/*.patch; do
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
# found WHAT PATTERN: the verdict has such a line
found() { if grep -qE "$2" "$verdict"; then ok "the memory table finds $1"; else not_ok "the memory table finds $1" "see $verdict"; fi; }
found 'a key that is not wiped' '^bad wiped user: .* there 0 1 1 0 times'
found 'a key that is copied' '^bad removed logon: .* there [1-9]'
found 'a key that is printed' '^bad removed encrypted: .* 0 0 0 [1-9][0-9]* times'
others=$(grep '^bad' "$verdict" | grep -vE '^bad ((wiped|short) user|[a-z-]+ logon|[a-z-]+ (encrypted|cbc)):' || :)
if [ -z "$others" ]; then ok 'and no fault where there is none'; else not_ok 'and no fault where there is none' "$others"; fi

chosen "$work/check/run" hostile_root_leak_test key_state_test
boot mutations 200 "lab.mode=selftests $(args_of any)" "$work/check/run"
# failed PROGRAM: it has a test that failed
failed() {
	if tr -d '\r' <"$result" | awk -v program="$1" '/^# program / { here = $3 == program } here && /^not ok / { bad = 1 } END { exit !bad }'; then
		ok "$1 finds $2"
	else
		not_ok "$1 finds $2" "see $result"
	fi
}
failed hostile_root_leak_test 'a key that is printed'
failed key_state_test 'another error'

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
