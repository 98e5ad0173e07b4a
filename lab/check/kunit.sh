#!/usr/bin/env bash
# kunit.sh - the KUnit suites of the series, which run as the kernel of the selftests
# boots, each test an assertion here.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
prepared
boot kunit 120 "lab.mode=probe kunit.enable=1 kunit.autorun=1"
# Nested results, "    ok 1 name", follow "    # Subtest: suite"; kernel messages that
# stand between them are no business of this step.
suites=0
while read -r result _ name; do
	case $result in
	suite) suite=$name; suites=$((suites + 1)) ;;
	ok) if [[ $name = *'# SKIP'* ]]; then skip "$suite: ${name%% \#*}" "${name##*SKIP }"; else ok "$suite: $name"; fi ;;
	not) not_ok "$suite: $name" "see $console" ;;
	esac
done < <(tr -d '\r' <"$console" | sed -nE 's/^(\[[^]]*\] )?//;s/^ +# Subtest: /suite - /p;s/^ {4,}ok ([0-9]+) (- )?/ok \1 /p;s/^ {4,}not ok ([0-9]+) (- )?/not \1 /p')
[ "$suites" -gt 0 ] || not_ok 'a KUnit suite ran' "none reported in $console"
quiet
plan
