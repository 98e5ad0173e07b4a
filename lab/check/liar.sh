#!/usr/bin/env bash
# liar.sh - a TPM that lies about its PCRs when the kernel finds it: which banks there are, and what
# user space can do to them. What makes no sense is refused: the TPM, the bank or the cap. A key that
# can be sealed even so is bound as it says, and the kernel does not complain. And a TPM that does not
# let a PCR be capped again.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
make_liar
prepared
rules=$work/check/liar.rules
# The guest says which lie it wants to hear.
at_step() { echo "lie $1 17a $capability" >"$rules"; }
export rules
export -f at_step
options=(--rules "$rules" --at-step at_step)
works=works invalid='add_key: Invalid argument' not_permitted='add_key: Operation not permitted'
# line NAME: what the guest says of it
line() { tr -d '\r' <"$result" | sed -n "s/^$1 //p"; }
# is NAME TEXT WHAT
is() { if [ "$(line "$1")" = "$2" ]; then ok "$3"; else not_ok "$3" "$(cat "$result")"; fi; }
# told NAME LIE... EXPECTED: of these lies of tpm-liar.c all but the last one are refused, and with
# that one this comes of a key for sha256
told() {
	local name=$1 lies=("${@:2:$#-2}") lie bank
	echo all >"$rules"
	boot "liar-$capability-${lies[-1]}" 90 "lab.mode=lied lab.lies=$(IFS=,; echo "${lies[*]}")"
	for lie in "${lies[@]::${#lies[@]}-1}"; do
		if grep -q "^refused $lie"$'\r*$' "$result"; then ok "the lie $lie is refused"; else not_ok "the lie $lie is refused" "$(cat "$result")"; fi
	done
	is taken "${lies[-1]}" "$name: the TPM is taken"
	is sha256:11 "${*: -1}" "$name: what comes of a key that is sealed to a PCR"
	is sha256:16 "$invalid" "$name: PCR 16 binds nothing"
	is sha256:23 "$invalid" "$name: nor does 23"
	for bank in sha1 sha256 sha384; do
		[ "$(line "$bank:11")" = "$works" ] || continue
		is "again $bank" "$works" "$name: what is sealed to $bank loads"
		is "extended $bank" "$not_permitted" "$name: in that state of $bank alone"
	done
	[ "$(line cap)" != "$works" ] || is 'after the cap' "$not_permitted" "$name: a cap is one"
	quiet
}

# Its banks.
export capability=5
told 'more than a list' 0 1 2 3 4 5 33 34 37 40 7 "$works"
told 'no bank' 32 "$invalid"
told 'more to come' 35 "$works"
told 'an unknown bank' 36 "$works"
told 'a bank without bits' 38 "$works"
told 'bits of 32 PCRs' 39 "$works"
# What can be done to them. Who does not know takes what the platform has.
capability=7
for i in 'an error,0' 'nothing,1' 'all but one byte,3' 'no property,32' 'one more,33' 'no end,34' 'more to come,35' \
	'an unknown property,36' 'bits of 32 PCRs,39' 'bits that go on,40'; do
	told "${i%,*}" "${i#*,}" "$works"
	is cap "$works" "${i%,*}: there is a cap"
done
told 'no bits' 38 "$works"
is cap "$invalid" 'no bits: what nobody can extend is no cap'
# Those that user space can reset are no state.
told 'all bits' 41 "$invalid"

# A cap that cannot be set again: PCR 11 is not extended.
let_cap() { case $1 in refused*) echo '182 b' >"$rules" ;; taken*) rm "$rules" ;; esac; }
export -f let_cap
rm -f "$rules"
options=(--rules "$rules" --at-step let_cap)
boot liar-recap 90 lab.mode=recap
is first there 'there is a TPM'
is unbound gone 'its driver is unbound'
is refused gone 'while the PCR cannot be capped again there is none'
is taken there 'then there is one'
is caps two 'with a PCR that is capped again'
quiet
plan
