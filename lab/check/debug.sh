#!/usr/bin/env bash
# debug.sh - the fuzzer for FUZZ seconds (60), and the selftests that go where locks, work and
# error paths are, on a kernel that complains of each wrong access, leak and lock order: no
# splat, no leak. DEBUG=all runs all of them there.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

# On a slow machine so long.
has_time 1500 || exit "$no_time"

test_kernel patched debug
test_programs
prepared
mapfile -t all < <(find "$programs" -name '*_test' -type f -printf '%f\n' | sort)
mapfile -t some < <(of_policy any "${all[@]}"; of_policy liar "${all[@]}")
[ "${DEBUG:-}" = all ] || some=(aead_test audit_test drop_key_test fuzz_test hostile_root_bound_test key_race_test trusted_approval_test trusted_pcr_test trusted_unseal_test)
chosen "$work/check/run" "${some[@]}"
fuzz=${FUZZ:-60}
make_liar
boot debug $((fuzz + 1500)) "lab.mode=selftests lab.fuzz=$fuzz $(args_of any)" "$work/check/run" 1024
report
plan
