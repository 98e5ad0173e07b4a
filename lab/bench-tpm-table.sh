#!/usr/bin/env bash
# bench-tpm-table.sh PATCHED HMAC - two results of lab/bench-tpm.c, of the kernel of the laboratory and of
# one with CONFIG_TCG_TPM2_HMAC: commands to the TPM, how many that are more than of a key without a
# policy, the median time, and that to the time without a policy, on the same kernel. Ends with 1
# if one lacks a number, if there were now so many and now so many commands, if a cap took none, or
# if a policy takes more on the former kernel than it may: PCRs and a cap 4, a signed one and a cap 8.
#
# On the latter kernel a load without a policy already takes six commands more: Load and Unseal go in a
# session, which is salted by a key of the null hierarchy (ContextLoad of that key, StartAuthSession,
# FlushContext of the key, and of the session in the end), and the names of parent and key are asked for
# (ReadPublic, twice). The session of a policy is salted, too, two commands more than without, while the
# key's name is known then, one less. That is the price of HMAC, so it is shown and fails nothing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -eq 2 ] || die "usage: bench-tpm-table.sh PATCHED HMAC"
for result; do [ -f "$result" ] || die "there is no result $result"; done
awk '
	function bad(why) { faults = faults "bench-tpm-table.sh: " why "\n" }
	# of what kernel and case were measured, of which there are n
	function median(of, n, list, i, j, x) {
		for (i = 1; i <= n; i++) {
			x = time[of, i]
			for (j = i; j > 1 && list[j - 1] > x; j--) list[j] = list[j - 1]
			list[j] = x
		}
		return (list[int((n + 1) / 2)] + list[int((n + 2) / 2)]) / 2
	}
	{ of = (FILENAME == ARGV[1] ? "patched" : "hmac") SUBSEP $1 }
	$2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ { refused[of] = 1; next }
	of in commands && commands[of] != $2 { differs[of] = 1 }
	{ commands[of] = $2; time[of, ++n[of]] = $3 }
	END {
		kernels = split("patched hmac", kernel, " ")
		rows = split("plain pcrs capped signed signed-capped", row, " ")
		may["pcrs"] = may["capped"] = 4
		may["signed"] = may["signed-capped"] = 8
		printf "%-8s %-14s %9s %5s %8s %9s\n", "kernel", "key", "commands", "more", "ms", "to plain"
		for (k = 1; k <= kernels; k++) {
			plain = kernel[k] SUBSEP "plain"
			base = median(plain, n[plain])
			for (i = 1; i <= rows; i++) {
				of = kernel[k] SUBSEP row[i]
				who = row[i] " on " kernel[k]
				if (!n[of] || of in refused || !n[plain]) {
					printf "%-8s %-14s %9s %5s %8s %9s\n", kernel[k], row[i], "-", "-", "-", "-"
					bad(who " has no number")
					continue
				}
				more = commands[of] - commands[plain]
				t = median(of, n[of])
				printf "%-8s %-14s %9d %5s %8.1f %9.2f\n", kernel[k], row[i], commands[of], \
					row[i] == "plain" ? "-" : more, t / 1000000, base ? t / base : 0
				if (of in differs) bad(who " takes now so many commands and now so many")
				if (!commands[of]) bad(who " takes no command")
				if (k == 1 && row[i] in may && more > may[row[i]]) bad(who " takes " more " commands more, and may " may[row[i]])
				if (row[i] ~ /capped$/ && commands[of] <= commands[kernel[k] SUBSEP row[i - 1]]) bad(who " takes no command for the cap")
			}
		}
		printf "%s", faults >"/dev/stderr"
		exit faults != ""
	}' "$1" "$2"
