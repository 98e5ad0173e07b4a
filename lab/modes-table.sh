#!/usr/bin/env bash
# modes-table.sh SOURCE STOCK PATCHED - of each variant of key_mode_test, whose source that is, by which
# types of key it is tried, and on which of the two kernels, whose results those are, all of its tests
# pass: a table, as README.md has it. One that leaves itself out does not.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 3 ] || die "usage: modes-table.sh SOURCE STOCK PATCHED"
for file; do [ -f "$file" ] || die "there is no file $file"; done
tr -d '\r' <"$2" | sed 's/^/stock /' | cat - <(tr -d '\r' <"$3" | sed 's/^/patched /') | awk '
	# bytes SUM: of products and sums of numbers
	function bytes(sum, i, j, n, m, parts, factors, all, product) {
		n = split(sum, parts, " [+] ")
		for (i = 1; i <= n; i++) {
			m = split(parts[i], factors, " [*] ")
			product = 1
			for (j = 1; j <= m; j++) product *= factors[j]
			all += product
		}
		return all
	}
	function types(v) {
		if (logon_only[v]) return "`logon`, `user`, `encrypted` under `user:`"
		return "`logon`, `user`" (size[v] < 20 ? "" : ", `encrypted`") (size[v] < 32 || size[v] > 128 ? "" : ", `trusted`")
	}
	function on(v, stock, patched) {
		stock = good["stock", v] && !bad["stock", v]
		patched = good["patched", v] && !bad["patched", v]
		return stock && patched ? "both" : stock ? "stock" : patched ? "patched" : "neither"
	}
	FILENAME != "-" {
		if (sub(/^FIXTURE_VARIANT_ADD\(/, "")) {
			sub(/, /, "."); sub(/\).*/, "")
			v = $0
			order[++n] = v
		} else if (sub(/^\t\.cipher = "/, "")) { sub(/",$/, ""); cipher[v] = $0
		} else if (sub(/^\t\.options = "[0-9]+ /, "")) { sub(/",$/, ""); options[v] = $0
		} else if (sub(/^\t\.size = /, "")) { sub(/,$/, ""); size[v] = bytes($0)
		} else if (sub(/^\t\.mac_size = /, "")) { sub(/,$/, ""); options[v] = "integrity_key_size:" $0
		} else if (/^\t\.logon_only = true/) logon_only[v] = 1
		next
	}
	$2 == "#" && $3 == "program" { here = $4 == "key_mode_test" }
	here && ($2 == "ok" || $2 == "not") {
		v = $2 == "ok" ? $4 : $5
		sub(/\.[^.]*$/, "", v)
		if ($2 == "ok" && !/# SKIP/) good[$1, v]++
		else bad[$1, v]++
	}
	END {
		print "| cipher and IV | bytes | by reference to a key of the types | on |"
		print "|---|---|---|---|"
		for (i = 1; i <= n; i++) {
			v = order[i]
			printf "| `%s`%s | %d | %s | %s |\n", cipher[v], options[v] ? " `" options[v] "`" : "", size[v], types(v), on(v)
		}
	}' "$1" -
