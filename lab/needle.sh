#!/usr/bin/env bash
# needle.sh TPMDIR TRUSTED-BLOB ENCRYPTED-BLOB|- MEASUREMENT|- - prints the key that a guest
# made, as computed here with its TPM, which no guest may be using (needle.c says how).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tpm.sh"

[ $# -eq 4 ] || die "usage: needle.sh TPMDIR TRUSTED-BLOB ENCRYPTED-BLOB|- MEASUREMENT|-"
dir=$(mktemp -d)
on_exit "rm -rf '$dir'"
cc -O2 -Wall -o "$dir/needle" "$top/lab/needle.c" -lcrypto || die "lab/needle.c does not compile"
start_tpm "$1" "$dir/tpm" --server "type=unixio,path=$dir/tpm" --flags not-need-init,startup-clear
run "$dir/needle" "$dir/tpm" "$2" "$3" "$4" || die "the key could not be computed from its blobs"
