#!/usr/bin/env bash
# algorithms.sh - each algorithm that this base can have is asked for with a key that nobody reads, by
# algorithm_test, on a kernel with all of them; and the documentation has judged each of them, those
# that drivers of other machines have by their names in the source, each template, and each IV mode
# of dm-crypt.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 600 || exit "$no_time"
test_kernel patched all-crypto
test_programs
prepared

src=$work/patched rst=Documentation/security/keys/key-secret.rst
# judged: what stands in the first column of its tables that judge
judged=$(awk '
	/^=+ =+$/ { width = length($1); next }
	!NF { width = 0; judging = 0; next }
	/^what / { judging = 1; next }
	judging && width { print substr($0, 1, width) }' "$src/$rst" | tr -s ' ,()' '\n' | sort -u)
# words: those of names like __authenc(hmac(sha256),cbc(aes)), each once
words() { tr -s ' ,()' '\n' | sed 's/^__//;/^$/d' | sort -u; }
# known WHAT: each word is one of those; they are some
known() {
	local all new
	all=$(words)
	new=$(comm -23 <(echo "$all") <(echo "$judged"))
	if [ -n "$all" ] && [ -z "$new" ]; then ok "$1"; else not_ok "$1" "$rst has nothing about ${new:-none}"; fi
}

# Whatever the configuration could have is there, or a fragment says why not. Libraries register nothing.
unset_in() { sed -nE 's/^# (CONFIG_CRYPTO_[A-Z0-9_]+) is not set.*/\1/p' "$@" | grep -v '^CONFIG_CRYPTO_LIB_' | sort -u; }
new=$(comm -23 <(unset_in "${kernel%/arch/*}/.config") <(unset_in "$top"/lab/config/all-crypto*.config))
if [ -z "$new" ]; then ok 'the kernel has all algorithms'; else not_ok 'the kernel has all algorithms' "it lacks $new"; fi

chosen "$work/check/run" algorithm_test
boot algorithms 400 "lab.mode=selftests $(args_of any)" "$work/check/run"
report
known 'each algorithm of the guest is judged' < <(sed -n 's/^# listed: [^ ]* //p' "$result")
# A name that the preprocessor puts together is made of others; drbg.c means something else by it.
known 'each algorithm of the source is judged' < <(cd "$src" &&
	grep -rhoE '\.(base\.)?cra_name\s*=\s*"[^"]+",$' --include=*.[ch] --exclude=drbg.c crypto arch drivers/crypto | cut -d'"' -f2)
known 'each template is judged' < <(awk '
	/^static struct crypto_template / { on = 1 }
	on && /\.name *=/ { sub(/.*\.name *= *"/, ""); sub(/".*/, ""); print }
	/^};/ { on = 0 }' "$src"/crypto/*.c)
known 'each IV mode is judged' < <(sed -n 's/.*strcmp(ivmode, "\([^"]*\)").*/\1/p' "$src/drivers/md/dm-crypt.c")
plan
