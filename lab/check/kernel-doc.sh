#!/usr/bin/env bash
# kernel-doc.sh - kernel-doc says nothing about a touched file that it did not say
# about it in the base.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

"$top/lab/patched.sh"
# words DIR PATH: what kernel-doc says, without line numbers
words() {
	[ ! -f "$1/$2" ] || (cd "$1" && scripts/kernel-doc -none -Wall "$2" 2>&1) | sed -E 's/:[0-9]+:? /: /' | sort
}
while read -r path; do
	[ -f "$work/patched/$path" ] || continue
	new=$(comm -13 <(words "$work/stock" "$path") <(words "$work/patched" "$path"))
	if [ -z "$new" ]; then ok "kernel-doc $path"; else not_ok "kernel-doc $path" "$new"; fi
done < <(grep '\.[ch]$' "$work/patched.paths" | grep -v '^tools/')
plan
