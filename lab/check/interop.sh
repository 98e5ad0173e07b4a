#!/usr/bin/env bash
# interop.sh - blobs of trusted keys go from the kernel to tpm2-tools and back, as lab/guest/interop
# says, over TIS on the default base and over CRB on the other.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
prepared
if [ "$base" = "$default_base" ]; then interface=tis; else interface=crb; fi
boot "interop-$interface" 300 lab.mode=interop
report
try "the TPM is one that is spoken to by $interface" grep "^# driver tpm_$interface" "$result"
plan
