#!/usr/bin/env bash
# memory.sh - how many copies of a key are in all guest memory at each step of its life, and on
# the swap disk: on the patched kernel what is required, on the stock kernel whatever there is,
# side by side. README.md has this table, and must be right.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 400 || exit "$no_time"
test_kernel patched
patched_kernel=$kernel
test_kernel stock
stock_kernel=$kernel
prepared
try "the stock kernel's guest goes through all steps" "$top/lab/memory.sh" stock "$stock_kernel" "$work/memory-stock"
try "the patched kernel's guest goes through all steps" "$top/lab/memory.sh" patched "$patched_kernel" "$work/memory-patched"

# A key that nobody wiped has to be found, and a kill has to have come while a load was under way.
for kind in stock patched; do
	dir=$work/memory-$kind
	planted=$(cat "$dir/planted" 2>/dev/null || :)
	if [ "${planted:-0}" -gt 0 ]; then ok "$kind: a planted key is found on the swap disk"; else not_ok "$kind: a planted key is found on the swap disk" "${planted:-it was not looked for}"; fi
done
while read -r key killed; do
	if [ "${killed%% *}" -gt 0 ]; then ok "$key: loads were killed under way"; else not_ok "$key: loads were killed under way" "$killed"; fi
done <"$work/memory-patched/killed"
# What is done to a key itself needs little memory.
while read -r key refused; do
	case $key in *-key) least=4 ;; *) least=10 ;; esac
	if [ "$refused" -gt $least ]; then ok "$key: something was refused for want of memory"; else not_ok "$key: something was refused for want of memory" "$refused times"; fi
done <"$work/memory-patched/short"
while read -r verdict step key why; do
	what="${key%:}, $step: no copy but those that there must be"
	if [ "$verdict" = ok ]; then ok "$what"; else not_ok "$what" "$why"; fi
done < <("$top/lab/memory-verdict.sh" "$work/memory-patched/counts" || :)
took=$(cat "$work/memory-patched/scanned")
if [ "$took" -lt 2000 ]; then ok '512 MiB are scanned in less than 2 s'; else not_ok '512 MiB are scanned in less than 2 s' "the fastest scan took $took ms"; fi
"$top/lab/memory-table.sh" "$work/memory-stock/counts" "$work/memory-patched/counts" >"$work/log/memory.table"
sed 's/^/# /' "$work/log/memory.table"
[ "$base" != "$default_base" ] || try 'README.md has this table' "$top/lab/tables.sh" --compare memory
plan
