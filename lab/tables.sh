#!/usr/bin/env bash
# tables.sh [--compare] [NAME...] - the tables of README.md that a step of the check gives, between
# <!-- NAME --> and <!-- /NAME -->: writes them anew from what the steps left in build/, or compares
# what is deterministic in those of BASE's last run and ends with 1, and a diff, if it no longer
# holds. README_FILE is another README.md.
#
#   memory    lab/memory-table.sh
#   modes     lab/modes-table.sh
#   hostile   the counts of lab/check/hostile.sh, with the words of lab/check/rows; a program that
#             is not in the series of the default base is counted on the newest one that has it
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

readme=${README_FILE:-$top/README.md}
compare=
[ "${1:-}" != --compare ] || { compare=yes; shift; }
names=("$@")
[ $# -gt 0 ] || names=(memory modes hostile)

# between NAME: what README.md has there
between() { awk -v end="<!-- /$1 -->" -v begin="<!-- $1 -->" '$0 == end { on = 0 } on; $0 == begin { on = 1 }' "$readme"; }
# left BASE FILE: what that base's step left, if there is a step that did and we are to look at it
left() { [ -z "$compare" ] || [ "$1" = "$base" ] || return 0; cat "$build/$1/log/$2" 2>/dev/null || :; }
# base_of PROGRAM: whose count is shown
base_of() {
	local name newest=''
	for name in $default_base $(all_bases); do
		! grep -q "/$1\.c\$" <<<"${files[$name]}" || newest=$name
		[ "$newest" != "$default_base" ] || break
	done
	echo "$newest"
}

hostile() {
	local program what on lost all kept of cells
	local -A files
	for name in $(all_bases); do files[$name]=$(created "$name"); done
	echo '| program | stock | patched | what root gets from stock |'
	echo '|---|---|---|---|'
	while read -r program what; do
		on=$(base_of "$program")
		[ "$on" ] || die "lab/check/rows has $program, which no series brings"
		read -r lost all kept of < <(left "$on" hostile.counts | sed -n "s/^$program //p") || :
		# How many of a race's tests fail is a matter of luck.
		case "$program $lost" in *_race_test\ [1-9]*) lost=some ;; esac
		if [ "$lost" ]; then
			cells="$lost of $all | $kept"
			[ "$kept" = 0 ] || cells+=" of $of"
		else
			cells=$(between hostile | sed -nE "s/^\| \`$program\`[^|]*\| ([^|]*\|[^|]*) \|.*/\1/p")
		fi
		[ "$on" = "$default_base" ] && on='' || on=" ($on)"
		echo "| \`$program\`$on | ${cells:-- | -} | $what |"
	done < <(grep -v '^#' "$top/lab/check/rows")
}
# table NAME: as it is now
table() {
	case $1 in
	memory | modes) left "$default_base" "$1.table" ;;
	hostile) hostile ;;
	*) die "there is no table '$1'" ;;
	esac
}
# counted NAME: without the words
counted() { if [ "$1" = hostile ]; then sed 's/[^|]*|$//'; else cat; fi; }

status=0
for name in "${names[@]}"; do
	[ "$(grep -cxE "<!-- /?$name -->" "$readme")" = 2 ] || die "$readme has no place for the table '$name'"
	new=$(table "$name")
	if [ -z "$new" ]; then
		say "there are no results for the table '$name'; lab/check.sh $name leaves them"
		status=1
	elif [ -n "$compare" ]; then
		diff -u --label README.md --label now <(between "$name" | counted "$name") <(echo "$new" | counted "$name") || status=1
	else
		awk -v name="$name" -v table="$new" '
			$0 == "<!-- /" name " -->" { on = 0 }
			!on { print }
			$0 == "<!-- " name " -->" { print table; on = 1 }' "$readme" >"$readme.new"
		mv "$readme.new" "$readme"
	fi
done
exit $status
