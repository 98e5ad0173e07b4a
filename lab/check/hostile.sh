#!/usr/bin/env bash
# hostile.sh - what root gets, on the stock kernel and on the patched one, side by side:
# each selftest of lab/check/rows must fail on the one and pass on the other. So every one
# of them asserts something that is false without the series. What is to be the same on both, a volume by
# reference and in hex, passes on both. On a further base of the same check, what the first one does not
# have: dm-inlinecrypt, and the keys that are kept for a dump-capture kernel.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 400 || exit "$no_time"
rows=$top/lab/check/rows
test_kernel patched
patched_kernel=$kernel
test_kernel stock
test_programs
prepared
first=${CHECK_FIRST:-$base}
# here PROGRAM: it is there, and to be run on this base
here() {
	[ -f "$programs/$1" ] || return
	[ "$first" = "$base" ] || [ "$1" = hostile_root_tighten_test ] || ! created "$first" | grep -q "/$1\.c\$"
}
mapfile -t attacks < <(grep -v '^#' "$rows" | while read -r program _; do ! here "$program" || echo "$program"; done)

# tests RESULT PROGRAM: how many of its tests failed, how many there are, and how many left themselves
# out. One that killed the guest, or was killed, has failed in those that it did not report.
tests() {
	tr -d '\r' <"$1" | awk -v program="$2" '
		/^# program / { here = $3 == program }
		here && /^1\.\.[0-9]+$/ { all = substr($0, 4) }
		here && /^ok / { ok++ }
		here && /^ok .*# SKIP/ { out++ }
		END { print all - ok, all + 0, out + 0 }'
}

# passes WHAT FAILED OF LEFT-OUT RESULT
passes() {
	if [ "$2" != 0 ] || [ "$3" = 0 ]; then not_ok "$1" "$2 of $3 tests failed; see $5"
	elif [ "$4" != 0 ]; then skip "$1" "$4 of $3 tests left themselves out; see $5"
	else ok "$1"
	fi
}

# Each boots the stock kernel anew, since some damage it. It does not matter how that ends.
for program in "${attacks[@]}"; do
	chosen "$work/check/run" "$program"
	say "$program on the stock kernel"
	(boot "stock-$program" 120 lab.mode=selftests "$work/check/run") >/dev/null 2>&1 || :
done
program=key_mode_test
chosen "$work/check/run" "$program"
boot "stock-$program" 300 lab.mode=selftests "$work/check/run"
read -r lost all out < <(tests "$result" "$program")
passes "$program passes on the stock kernel" "$lost" "$all" "$out" "$result"
# What the step selftests of the same run had on this kernel is not run again.
kernel=$patched_kernel
declare -A results
for policy in $policies; do
	mapfile -t some < <(of_policy "$policy" "${attacks[@]}")
	[ "$policy" != any ] || some+=(key_mode_test)
	[ ${#some[@]} -gt 0 ] || continue
	results[$policy]=$work/log/selftests-$policy.result
	! same_run "selftests-$policy" || continue
	chosen "$work/check/run" "${some[@]}"
	boot "hostile-$policy" 300 "lab.mode=selftests $(args_of "$policy")" "$work/check/run"
	results[$policy]=$result
	quiet
done

table=$work/log/hostile.table
counts=$work/log/hostile.counts
: >"$counts"
printf '%-28s %-14s %-14s %s\n' "tests that fail on $base:" stock patched 'what root gets from stock' >"$table"
while read -r program what; do
	here "$program" || continue
	stock=$work/log/stock-$program.result
	patched=${results[$(policy_of "$program")]}
	read -r lost all _ < <(tests "$stock" "$program")
	read -r kept of out < <(tests "$patched" "$program")
	printf '%-28s %-14s %-14s %s\n' "$program" "$lost of $all" "$kept of $of" "$what" >>"$table"
	echo "$program $lost $all $kept $of" >>"$counts"
	if [ "$lost" -gt 0 ]; then ok "$program fails on the stock kernel"; else not_ok "$program fails on the stock kernel" "$lost of $all tests failed; see $stock"; fi
	passes "$program passes on the patched kernel" "$kept" "$of" "$out" "$patched"
done < <(grep -v '^#' "$rows")
sed 's/^/# /' "$table"
try 'README.md has these counts' "$top/lab/tables.sh" --compare hostile

program=key_mode_test
patched=${results[any]}
read -r kept of out < <(tests "$patched" "$program")
passes "$program passes on the patched kernel" "$kept" "$of" "$out" "$patched"
run "$top/lab/modes-table.sh" "$work/patched/tools/testing/selftests/dm-crypt-keyring/$program.c" \
	"$work/log/stock-$program.result" "$patched" >"$work/log/modes.table" || not_ok 'the table of modes is made'
[ "$base" != "$default_base" ] || try 'README.md has these modes' "$top/lab/tables.sh" --compare modes
plan
