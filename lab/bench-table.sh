#!/usr/bin/env bash
# bench-table.sh STOCK PATCHED - the two results of lab/bench.c side by side. Ends with 1 if one
# lacks a number, if hex digits cost the patched kernel more than the stock one, or if a
# reference costs it more than hex digits cost the stock one. MARGIN (5) thousandths are no more.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 2 ] || die "usage: bench-table.sh STOCK PATCHED"
for result; do [ -f "$result" ] || die "there is no result $result"; done
awk -v margin="${MARGIN:-5}" '
	function cell(n) { return n ~ /^[0-9]+$/ ? n : "-" }
	function bad(why) { faults = faults "bench-table.sh: " why "\n" }
	{ n[FILENAME == ARGV[1] ? "stock" : "patched", $1] = $2 }
	END {
		hex = n["stock", "hex"]
		rows = split("hex user logon encrypted trusted drop_key", row, " ")
		printf "%-10s %10s %10s  %s\n", "key", "stock", "patched", "patched to hex on stock"
		for (i = 1; i <= rows; i++) {
			stock = cell(n["stock", row[i]])
			patched = cell(n["patched", row[i]])
			ratio = patched != "-" && hex > 0 ? sprintf("%.3f", patched / hex) : "-"
			printf "%-10s %10s %10s  %s\n", row[i], stock, patched, ratio
			if (patched == "-" || stock == "-" && row[i] != "drop_key") bad(row[i] " has no number")
			else if (patched * 1000 > hex * (1000 + margin)) bad(row[i] " costs more than hex digits on the stock kernel")
		}
		printf "%s", faults >"/dev/stderr"
		exit faults != ""
	}' "$1" "$2"
