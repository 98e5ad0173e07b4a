#!/usr/bin/env bash
# kunit.sh (test) - what KUnit tells on a console, told wrongly: asserts that lab/check/kunit.sh finds
# each fault and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory kunit
good='Linux version 6
KTAP version 1
1..2
    KTAP version 1
    # Subtest: first-suite
    # module: first
    1..2
        KTAP version 1
        # Subtest: parsed
device-mapper: table: 253:0: crypt: a message of the kernel
        ok 1 a reference
        ok 2 hex digits
    # parsed: pass:2 fail:0 skip:0 total:2
    ok 1 parsed
    ok 2 limits # SKIP no limits here
# first-suite: pass:1 fail:0 skip:1 total:2
ok 1 first-suite
    KTAP version 1
    # Subtest: second-suite
    # module: second
    1..1
    ok 1 policy
ok 2 second-suite
lab: probe reached'
# with WHAT INSTEAD: the step, on a console on which that is told otherwise
with() {
	printf '%s\r\n' "${good/"$1"/"$2"}" | sed 's/\r*$/\r/' >"$ACT/kunit.console"
	check kunit
}

with '' ''
expect 'a test that is well' ok 'second-suite: policy'
expect 'a parameter of it' ok 'parsed: a reference'
expect 'a test that is left out' ok 'parsed: limits # SKIP no limits here'
expect 'all suites' ok 'each suite ran'
only 0
with 'ok 1 policy' 'not ok 1 policy'
expect 'a test that failed' 'not ok' 'second-suite: policy'
only 1
with 'ok 2 hex digits' 'not ok 2 hex digits'
expect 'a parameter that failed' 'not ok' 'parsed: hex digits'
only 1
with '    KTAP version 1
    # Subtest: second-suite
    # module: second
    1..1
    ok 1 policy
ok 2' '        # failed to initialize (-12)
not ok 2'
expect 'a suite that could not begin' 'not ok' 'the suite second-suite'
only 1
with 'ok 2 second-suite' ''
expect 'a suite that did not end' 'not ok' 'each suite ran' '1 of 2'
only 1
with "${good#*$'\n'}" ''
expect 'no suite at all' 'not ok' 'each suite ran' '0 of 0'
only 1
with 'device-mapper:' 'BUG: KASAN: use-after-free in crypt_ctr'
expect 'a splat' 'not ok' 'no splat on the console'
only 1
touch "$ACT/fails"
with '' ''
expect 'a guest that did not end in order' 'not ok' 'kunit: the guest boots, does its work and switches off'
only 1
finish
