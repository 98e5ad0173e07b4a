#!/usr/bin/env bash
# bench.sh (test) - plants added costs and missing numbers in results of the bench, and asserts
# that lab/bench-table.sh names each, and nothing where there is none. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
n=0 bad=0
# expect WHAT STATUS [WORDS]: of the table of $tmp/stock and $tmp/patched
expect() {
	local status=0 verdict=ok
	"$top/lab/bench-table.sh" "$tmp/stock" "$tmp/patched" >"$tmp/out" 2>&1 || status=$?
	n=$((n + 1))
	if [ "$status" != "$2" ] || { [ -n "${3:-}" ] && ! grep -q "$3" "$tmp/out"; }; then verdict='not ok' bad=1; fi
	echo "$verdict $n - bench: $1"
	[ "$verdict" = ok ] || sed 's/^/# /' "$tmp/out"
}
# results: such as they should be
results() {
	printf '%s 500000\n' hex user logon encrypted trusted >"$tmp/stock"
	echo 'drop_key - Invalid argument' >>"$tmp/stock"
	printf '%s 500000\n' hex user logon encrypted trusted drop_key >"$tmp/patched"
}

results
expect 'equal costs are well' 0 'trusted .* 500000 .* 500000 .*1.000'
for row in hex user logon encrypted trusted drop_key; do
	results
	sed -i "s/^$row .*/$row 505000/" "$tmp/patched"
	expect "one hundredth more for $row is too much" 1 "$row costs more"
	sed -i "s/^$row .*/$row - Required key not available/" "$tmp/patched"
	expect "that the patched kernel refuses $row is told" 1 "$row has no number"
done
results
sed -i 's/^logon .*/logon 400000/' "$tmp/patched"
expect 'what costs less is well' 0
sed -i '/^trusted/d' "$tmp/stock"
expect 'a row that the stock kernel lacks is told' 1 'trusted has no number'
: >"$tmp/stock"
expect 'a guest that reported nothing is told' 1 'hex has no number'
echo "1..$n"
exit $bad
