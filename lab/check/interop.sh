#!/usr/bin/env bash
# interop.sh - blobs of trusted keys go from the kernel to tpm2-tools and back, as lab/guest/interop
# says, and the kernel speaks to the TPM in either way: TIS and CRB.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
prepared
for interface in tis crb; do
	boot "interop-$interface" 300 lab.mode=interop
	report
	try "the TPM is one that is spoken to by $interface" grep "^# driver tpm_$interface" "$result"
done
plan
