#!/usr/bin/env bash
# modes.sh (test) - a test of a mode that fails, that leaves itself out and that is not there, on either
# kernel: asserts that lab/modes-table.sh does not say of it that it works there, and says so of the
# others. Prints TAP.
# shellcheck source=../lib.sh disable=SC2016
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
n=0 bad=0
cat >"$tmp/source" <<'EOF2'
FIXTURE_VARIANT_ADD(key_mode, xts) {
	.cipher = "aes-xts-plain64",
	.size = 64,
	.options = "2 sector_size:4096 iv_large_sectors",
};

FIXTURE_VARIANT_ADD(key_mode, lmk) {
	.cipher = "aes:64-cbc-lmk",
	.size = 65 * 16,
};

FIXTURE_VARIANT_ADD(aead_mode, tcw) {
	.cipher = "capi:authenc(hmac(sha256),cbc(aes))-tcw",
	.size = 16 + 32 + 32,
	.mac_size = 32,
	.logon_only = true,
};
EOF2
good='# program other_test
not ok 1 key_mode.xts.same
# program key_mode_test
ok 1 key_mode.xts.same
ok 2 key_mode.xts.set
ok 3 key_mode.lmk.same
ok 4 aead_mode.tcw.same
# exit 0'
# expect WHAT LINE: in the table
expect() {
	"$top/lab/modes-table.sh" "$tmp/source" "$tmp/stock" "$tmp/patched" >"$tmp/out" 2>&1 || :
	n=$((n + 1))
	if grep -qxF -- "$2" "$tmp/out"; then
		echo "ok $n - modes: $1"
	else
		echo "not ok $n - modes: $1"
		bad=1
		sed 's/^/# /' "$tmp/out"
	fi
}
# with STOCK PATCHED: these results
with() { echo "$1" >"$tmp/stock"; echo "$2" >"$tmp/patched"; }
xts='| `aes-xts-plain64` `sector_size:4096 iv_large_sectors` | 64 | `logon`, `user`, `encrypted`, `trusted` |'
lmk='| `aes:64-cbc-lmk` | 1040 | `logon`, `user`, `encrypted` |'

with "$good" "$good"
expect 'what works on both, with its options' "$xts both |"
expect 'a key that is too long for a trusted one' "$lmk both |"
expect 'one of parts, for logon keys' '| `capi:authenc(hmac(sha256),cbc(aes))-tcw` `integrity_key_size:32` | 80 | `logon`, `user`, `encrypted` under `user:` | both |'
with "${good/ok 2/not ok 2}" "$good"
expect 'one of two tests fails on the stock kernel' "$xts patched |"
expect 'the others do not' "$lmk both |"
with "$good" "${good/ok 3/not ok 3}"
expect 'one fails on the patched kernel' "$lmk stock |"
with "$good" "${good/key_mode.lmk.same/key_mode.lmk.same # SKIP no such thing}"
expect 'one leaves itself out' "$lmk stock |"
with "${good/ok 3 key_mode.lmk.same/}" "${good/ok 3 key_mode.lmk.same/}"
expect 'one is not there' "$lmk neither |"
echo "1..$n"
exit $bad
