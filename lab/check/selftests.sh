#!/usr/bin/env bash
# selftests.sh - the series' selftests, built from the patched source and run in the
# guest, each of their tests an assertion here. What the guest does not report, because
# it hangs or panics, fails by absence. LONG=yes does 10,000 times what is done some hundred times else.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

# With sessions to the TPM, which the debug kernel of the default base has.
hmac=
[ "$base" = "$default_base" ] || { test_kernel patched hmac; hmac=$kernel; }
test_kernel patched
test_programs
prepared
mapfile -t all < <(find "$programs" -name '*_test' -type f -printf '%f\n' | sort)

# by tis|crb POLICY: sets $interface, for a TPM that lies or loses its PCRs. All others have TIS.
by() { case $2 in liar | suspend-bound) interface=$1 ;; *) interface= ;; esac; }

for policy in $policies; do
	mapfile -t some < <(of_policy "$policy" "${all[@]}")
	[ ${#some[@]} -gt 0 ] || continue
	chosen "$work/check/run" "${some[@]}"
	liar=
	[ "$policy" != liar ] || make_liar
	if [ "$hmac" ]; then by tis "$policy"; else by crb "$policy"; fi
	boot "selftests-$policy" $((1200 + longer)) "lab.mode=selftests $long $(args_of "$policy")" "$work/check/run"
	report
done
liar='' interface=''
# Where the kernel is configured so, lockdown does what that policy does.
chosen "$work/check/run" hostile_root_keyring_test
boot selftests-lockdown 120 "lab.mode=selftests lockdown=integrity" "$work/check/run"
report
# One lie while a session is salted, and that kernel lets the TPM be.
mapfile -t all < <(printf '%s\n' "${all[@]}" | grep '^trusted_' | grep -vx trusted_liar_test)
for policy in ${hmac:+$policies}; do
	mapfile -t some < <(of_policy "$policy" "${all[@]}")
	[ ${#some[@]} -gt 0 ] || continue
	chosen "$work/check/run" "${some[@]}"
	liar=
	[ "$policy" != liar ] || make_liar
	by crb "$policy"
	kernel=$hmac boot "selftests-hmac-$policy" $((1200 + longer)) "lab.mode=selftests $long $(args_of "$policy")" "$work/check/run"
	report
done
plan
