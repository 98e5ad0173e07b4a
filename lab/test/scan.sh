#!/bin/bash
# Tests of the memory scanner: it must find what is planted and nothing else.
# usage: lab/test/scan.sh   (prints ok and not ok lines)
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
scanner=$dir/scan
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$scanner" "$(dirname "$0")/../scan.c"
number=0 failed=0

# random BYTES: that many, in hex, made anew at each run
random() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# plant OFFSET: puts standard input there
plant() { dd of="$dir/ram" bs=64K seek="$1" oflag=seek_bytes conv=notrunc status=none; }

bytes() { xxd -r -p <<<"$1"; }

# expect WHAT COUNTS: the five counts of needle "key", in the scanner's order
expect() {
	local got verdict=ok
	got=$("$scanner" "$dir/ram" <<<"key=$key" | awk '{ printf "%s%s", sep, $2; sep = " " }')
	[ "$got" = "$2" ] || { verdict='not ok' failed=1; }
	number=$((number + 1))
	echo "$verdict $number scan: $1 (expected $2, found $got)"
}

size=$((32 * 1024 * 1024))
head -c $size /dev/urandom >"$dir/ram"
key=$(random 64)
expect 'an absent key in random bytes' '0 0 0 0 0'

bytes "$key" | plant 12345
expect 'a whole key, at an odd offset' '1 1 1 0 0'
bytes "$key" | plant $((size - 64))
expect 'a second one, the last bytes of the file' '2 2 2 0 0'
bytes "${key:0:64}" | plant 0
expect 'a first half, the first bytes of the file' '2 3 2 0 0'
bytes "${key:64}" | plant $((size / 2 - 7))
expect 'a second half, across a page' '2 3 3 0 0'
printf %s "$key" | plant 700001
printf %s "${key^^}" | plant 800001
expect 'its hex digits, in both cases' '2 3 3 1 1'
# flip HEXBYTE: the same byte with one bit changed
flip() { printf %02x $((0x$1 ^ 1)); }
bytes "${key:0:126}$(flip "${key:126}")" | plant 900000
bytes "$(flip "${key:0:2}")${key:2}" | plant 900100
expect 'a key with a wrong bit at either end' '2 4 4 1 1'

bytes "$(random 64)" | plant 12345
expect 'one of the two overwritten' '1 3 3 1 1'
truncate -s 0 "$dir/ram"
truncate -s $size "$dir/ram"
expect 'an absent key in zeros' '0 0 0 0 0'
key=$(printf %0128d 0)
truncate -s 64 "$dir/ram"
expect 'a needle of zeros in as many zeros' '1 33 33 0 0'
key=$(random 1040)
truncate -s 0 "$dir/ram"
truncate -s $size "$dir/ram"
bytes "$key" | plant 4000
printf %s "$key" | plant 800001
expect 'a long key, and its digits' '1 1 1 1 0'

# Refusals: nothing that is not a needle may pass for one that is absent.
for bad in key= key=0g00 =00 nokey "key=$(random 63)" ''; do
	number=$((number + 1))
	if "$scanner" "$dir/ram" <<<"$bad" >/dev/null 2>&1; then
		echo "not ok $number scan: refuses \"${bad:0:12}\""
		failed=1
	else
		echo "ok $number scan: refuses \"${bad:0:12}\""
	fi
done
echo "1..$number"
exit $failed
