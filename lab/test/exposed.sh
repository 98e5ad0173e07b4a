#!/usr/bin/env bash
# exposed.sh (test) - a boot of which a test fails, for each boot: asserts that lab/check/exposed.sh
# finds it and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory exposed
mkdir "$work/programs"
touch "$work/programs/"{hostile_root_memory_test,hostile_root_keyring_test}
act check/programs.sh <<<"echo '$work/programs'"
boots=(suspend lockdown policy)
well() {
	local i
	for i in "${boots[@]}"; do
		printf '%s\n' '# program some_test' 1..1 "ok 1 $i.first" '# exit 0' 'lab-end 0' >"$ACT/exposed-$i.result"
		echo 'Linux version 6' >"$ACT/exposed-$i.console"
	done
}

well
check exposed
for i in "${boots[@]}"; do expect "the boot $i" ok "some_test: $i.first"; done
only 0
for i in "${boots[@]}"; do
	well
	sed -i 's/^ok/not ok/' "$ACT/exposed-$i.result"
	check exposed
	expect "a test that fails in the boot $i" 'not ok' "some_test: $i.first"
	only 1
	well
	echo 'Oops: 0000 [#1] SMP' >"$ACT/exposed-$i.console"
	check exposed
	expect "a splat in the boot $i" 'not ok' 'no splat on the console'
	only 1
done
finish
