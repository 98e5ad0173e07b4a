#!/usr/bin/env bash
# interop.sh - blobs of trusted keys go from the kernel to tpm2-tools and back, as lab/guest/interop
# says.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
prepared
boot interop 300 lab.mode=interop
report
plan
