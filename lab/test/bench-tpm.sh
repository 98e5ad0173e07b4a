#!/usr/bin/env bash
# bench-tpm.sh (test) - plants too many commands, too few and missing numbers in results of the bench of
# trusted keys, and asserts that lab/bench-tpm-table.sh names each, and nothing where there is none.
# Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
n=0 bad=0
# expect WHAT STATUS [WORDS]: of the table of $tmp/patched and $tmp/hmac
expect() {
	local status=0 verdict=ok
	"$top/lab/bench-tpm-table.sh" "$tmp/patched" "$tmp/hmac" >"$tmp/out" 2>&1 || status=$?
	n=$((n + 1))
	if [ "$status" != "$2" ] || { [ -n "${3:-}" ] && ! grep -qE "$3" "$tmp/out"; }; then verdict='not ok' bad=1; fi
	echo "$verdict $n - bench-tpm: $1"
	[ "$verdict" = ok ] || sed 's/^/# /' "$tmp/out"
}
# rounds PLAIN PCRS CAPPED SIGNED SIGNED-CAPPED: three, with so many commands, a millisecond each; one
# was disturbed, and one took a millisecond less
rounds() {
	local ms
	for ms in 0 500 -1; do
		printf '%s %s %s\n' plain "$1" $((($1 + ms) * 1000000)) pcrs "$2" $((($2 + ms) * 1000000)) \
			capped "$3" $((($3 + ms) * 1000000)) signed "$4" $((($4 + ms) * 1000000)) \
			signed-capped "$5" $((($5 + ms) * 1000000))
	done
}
# results: such as they may be at most
results() {
	rounds 4 7 8 11 12 >"$tmp/patched"
	rounds 20 29 34 40 45 >"$tmp/hmac"
}

results
expect 'as many commands as there may be are well' 0 'patched +capped +8 +4 +8\.0 +2\.00'
expect 'the median is taken' 0 'patched +plain +4 +- +4\.0 +1\.00'
expect 'with HMAC there may be more' 0 'hmac +signed-capped +45 +25 +45\.0 +2\.25'
for row in 'capped 8 9 5' 'pcrs 7 9 5' 'signed 11 13 9' 'signed-capped 12 13 9'; do
	read -r name has gets more <<<"$row"
	results
	sed -i "s/^$name $has /$name $gets /" "$tmp/patched"
	expect "$more commands more for $name are too many" 1 "$name on patched takes $more commands more"
done
for kernel in patched hmac; do
	for name in plain pcrs capped signed signed-capped; do
		results
		sed -i "/^$name /d" "$tmp/$kernel"
		expect "that $name is not there is told" 1 "^bench.*: $name on $kernel has no number"
		results
		sed -i "0,/^$name .*/s//$name - Operation not permitted/" "$tmp/$kernel"
		expect "that $name was refused once is told" 1 "^bench.*: $name on $kernel has no number"
		results
		sed -i "0,/^$name [0-9]*/s//$name 3/" "$tmp/$kernel"
		expect "that $name took other commands once is told" 1 "^bench.*: $name on $kernel takes now so many"
	done
	results
	sed -i -E "s/^capped [0-9]+/capped $(awk '$1 == "pcrs" { print $2; exit }' "$tmp/$kernel")/" "$tmp/$kernel"
	expect 'a cap that took no command is none' 1 "^bench.*: capped on $kernel takes no command for the cap"
	results
	sed -i -E "s/^signed-capped [0-9]+/signed-capped $(awk '$1 == "signed" { print $2; exit }' "$tmp/$kernel")/" "$tmp/$kernel"
	expect 'nor one of a signed policy' 1 "^bench.*: signed-capped on $kernel takes no command for the cap"
	results
	sed -i -E 's/^([a-z-]+) [0-9]+/\1 0/' "$tmp/$kernel"
	expect 'a TPM that got no command is told' 1 "^bench.*: plain on $kernel takes no command"
	results
	: >"$tmp/$kernel"
	expect 'a guest that reported nothing is told' 1 "^bench.*: plain on $kernel has no number"
done
echo "1..$n"
exit $bad
