#!/usr/bin/env bash
# memory-table.sh STOCK PATCHED - the two counts of lab/memory.sh as a table, side by side, as
# README.md has it: a line for both kernels where they are the same. A cell tells of the whole key,
# its parts and its hex digits; in bold is what is more than required.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=memory-lib.sh
. "$(dirname "$0")/memory-lib.sh"

[ $# -eq 2 ] || die "usage: memory-table.sh STOCK PATCHED"
for counts; do [ -f "$counts" ] || die "there are no counts $counts"; done

# cell COUNTS STEP KEY
cell() {
	local found wanted i
	local -a many most
	found=$(sed -n "s/^$2 $3 //p" "$1")
	wanted=$(memory_expected "$2" "$3")
	read -ra many <<<"$found"
	read -ra most <<<"$wanted"
	for i in "${!many[@]}"; do
		if [ "${most[i]:--}" != - ] && [ "${many[i]}" -gt "${most[i]}" ]; then many[i]="**${many[i]}**"; fi
	done
	echo "${many[*]:--}"
}
head='| step | kernel |' rule='|---|---|'
for key in $memory_keys; do
	head+=" $key |"
	rule+='---|'
done
printf '%s\n' "$head" "$rule"
# line COUNTS STEP
line() {
	for key in $memory_keys; do printf ' %s |' "$(cell "$1" "$2" "$key")"; done
}
for step in $memory_steps; do
	title=$(memory_title "$step")
	stock=$(line "$1" "$step")
	patched=$(line "$2" "$step")
	if [ "$stock" = "$patched" ]; then
		echo "| $title | both |$stock"
	else
		echo "| $title | stock |$stock"
		echo "| $title | patched |$patched"
	fi
done
