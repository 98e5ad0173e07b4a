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
# stand between them are no business of this step. Behind them stands "ok 1 suite", or "not ok", which
# may be all that there is of a suite; how many there are to be, "1..3", is in front.
suites=0 planned=0
while read -r result _ name; do
	case $result in
	subtest) suite=$name ;;
	ok) if [[ $name = *'# SKIP'* ]]; then skip "$suite: ${name%% \#*}" "${name##*SKIP }"; else ok "$suite: $name"; fi ;;
	not) not_ok "$suite: $name" "see $console" ;;
	plan) planned=$name ;;
	suite) suites=$((suites + 1)) ;;
	bad) suites=$((suites + 1)); not_ok "the suite $name" "see $console" ;;
	esac
done < <(tr -d '\r' <"$console" | sed -nE 's/^(\[[^]]*\] )?//
	s/^1\.\.([0-9]+)$/plan - \1/p;s/^ok ([0-9]+) (- )?/suite \1 /p;s/^not ok ([0-9]+) (- )?/bad \1 /p
	s/^ +# Subtest: /subtest - /p;s/^ {4,}ok ([0-9]+) (- )?/ok \1 /p;s/^ {4,}not ok ([0-9]+) (- )?/not \1 /p')
if [ "$suites" -gt 0 ] && [ "$suites" = "$planned" ]; then ok 'each suite ran'; else not_ok 'each suite ran' "$suites of $planned; see $console"; fi
quiet
plan
