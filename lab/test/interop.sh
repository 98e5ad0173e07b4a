#!/usr/bin/env bash
# interop.sh (test) - what the guest tells of blobs that go to tpm2-tools and back, told wrongly:
# asserts that lab/check/interop.sh finds each fault and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

base=$default_base
laboratory interop
good='# program interop
# driver tpm_tis
ok 1 ecc-sha256: tpm2-tools unseal it
ok 2 ecc-sha256: but not without its policy
1..2
# exit 0
lab-end 0'
# with WHAT INSTEAD: the step, where that is told otherwise
with() {
	printf '%s\n' "${good/"$1"/"$2"}" >"$ACT/interop-tis.result"
	check interop
}

with '' ''
expect 'a blob that is read' ok 'interop: ecc-sha256: tpm2-tools unseal it'
expect 'the TPM by its interface' ok 'the TPM is one that is spoken to by tis'
only 0
with 'ok 2' 'not ok 2'
expect 'a blob that opens without its policy' 'not ok' 'interop: ecc-sha256: but not without its policy'
only 1
with 'exit 0' 'exit 1'
expect 'a task that failed' 'not ok' 'interop ends in order' 'exit status 1'
only 1
with 'tpm_tis' 'tpm_crb'
expect 'a TPM that is spoken to in another way' 'not ok' 'the TPM is one that is spoken to by tis'
only 1
with 'lab-end 0' 'failed: tpm2_createprimary'
expect 'a task that did not come to its end' 'not ok' 'the guest came to the end of its list'
only 1
with "$good" ''
expect 'one that did not begin' 'not ok' 'a program ran'
only 3
touch "$ACT/fails"
with '' ''
expect 'a guest that did not end in order' 'not ok' 'interop-tis: the guest boots, does its work and switches off'
only 1
finish
