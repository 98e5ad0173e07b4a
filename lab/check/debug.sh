#!/usr/bin/env bash
# debug.sh - the fuzzer for FUZZ seconds (60), and the selftests that go where locks, work and
# error paths are, on a kernel that complains of each wrong access, leak and lock order: no
# splat, no leak. DEBUG=all runs all of them there, under each policy; LONG=yes as in selftests.sh.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

# On a slow machine so long.
has_time 1200 || exit "$no_time"

test_kernel patched debug
test_programs
prepared
make_liar
fuzz=${FUZZ:-60}
# on POLICY SECONDS PROGRAM...: they run, for so long at most. Races are longer, as all is slower, and the
# rounds of what comes and goes fewer.
on() {
	chosen "$work/check/run" "${@:3}"
	boot "debug-$1" $(($2 + longer)) "lab.mode=selftests lab.fuzz=$fuzz DMCK_RACE_SECONDS=5 DMCK_ROUNDS=100 $long $(args_of "$1")" "$work/check/run" 1024
	report
}
# What it would complain of is seen. KASAN's own tests of memset() and memmove() leave themselves out
# where the compiler does not let it look at these.
boot debug-planted 200 'lab.mode=planted kunit.enable=1 kunit.autorun=1 kunit.filter_glob=kasan.kmalloc_*mem*' '' 1024
for splat in 'BUG: KASAN: slab-out-of-bounds' 'UBSAN: array-index-out-of-bounds' 'Good, all [0-9]* testcases passed!'; do
	if grep -aq "$splat" "$console"; then ok "planted: $splat"; else not_ok "planted: $splat" "see $console"; fi
done
for function in memset memmove; do
	if grep -aq "^ *ok [0-9]* kmalloc_[a-z_]*${function}[a-z0-9_]*[[:cntrl:]]*\$" "$console"; then ok "planted: $function()"; else not_ok "planted: $function()" "see $console"; fi
done
if grep -q '^leak .*lkdtm_EXEC_KMALLOC' "$result"; then ok 'planted: a leak'; else not_ok 'planted: a leak' "see $result"; fi
if [ "${DEBUG:-}" != all ]; then
	on any $((fuzz + 1500)) aead_test audit_test drop_key_test fuzz_test hostile_root_bound_test key_race_test \
		trusted_approval_test trusted_fault_test trusted_pcr_test trusted_unseal_test
	plan
	exit
fi
mapfile -t all < <(find "$programs" -name '*_test' -type f -printf '%f\n' | sort)
for policy in $policies; do
	# One lie while a session is salted, and this kernel lets the TPM be.
	mapfile -t some < <(of_policy "$policy" "${all[@]}" | grep -vx trusted_liar_test)
	[ ${#some[@]} -eq 0 ] || on "$policy" $((fuzz + 4000)) "${some[@]}"
done
plan
