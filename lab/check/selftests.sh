#!/usr/bin/env bash
# selftests.sh - the series' selftests, built from the patched source and run in the
# guest, each of their tests an assertion here. What the guest does not report, because
# it hangs or panics, fails by absence.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
test_programs
mapfile -t all < <(find "$programs" -name '*_test' -type f -printf '%f\n' | sort)

# report: a line "ok N name" is a passed test; one of a program that ended badly is not enough.
report() {
	local program=none first second rest
	while read -r first second rest; do
		case "$first $second" in
		'# program') program=$rest ;;
		'# exit') if [ "$rest" = 0 ] || [ "$rest" = 4 ]; then ok "$program ends in order"; else not_ok "$program ends in order" "exit status $rest"; fi ;;
		'ok '*) rest=${rest#- }; if [[ $rest = *'# SKIP'* ]]; then skip "$program: ${rest%% \#*}" "${rest##*SKIP}"; else ok "$program: $rest"; fi ;;
		'not ok') not_ok "$program: ${rest#* }" "see $result" ;;
		esac
	done < <(tr -d '\r' <"$result")
	[ "$program" != none ] || not_ok 'a program ran' "the guest reported none in $result"
	if grep -q '^lab-end ' "$result"; then ok 'the guest came to the end of its list'; else not_ok 'the guest came to the end of its list' "see $console"; fi
	quiet
}
for policy in any keyring sealed; do
	mapfile -t some < <(of_policy $policy "${all[@]}")
	[ ${#some[@]} -gt 0 ] || continue
	chosen "$work/check/run" "${some[@]}"
	boot "selftests-$policy" 600 "lab.mode=selftests dm_keyring.policy=$policy" "$work/check/run"
	report
done
plan
