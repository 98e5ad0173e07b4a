#!/usr/bin/env bash
# exposed.sh - what is not the series' to close: a kernel that lets root read memory, in which the
# key schedules of an open volume are found and open it, and the same kernel locked down, in which
# nothing can be read. And the policy of the configuration, which holds where the command line names none.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched all-crypto
test_programs
prepared
chosen "$work/check/run" hostile_root_memory_test
boot exposed-suspend 300 "lab.mode=selftests $(args_of any)" "$work/check/run" 256
report
boot exposed-lockdown 120 "lab.mode=selftests $(args_of any) lockdown=confidentiality" "$work/check/run" 256
report
chosen "$work/check/run" hostile_root_keyring_test
boot exposed-policy 120 lab.mode=selftests "$work/check/run"
report
plan
