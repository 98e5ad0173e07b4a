# shellcheck shell=bash
# tap.sh - what the steps of the check share: assertions, printed as TAP on stdout.
# Sourced after lib.sh.
#
#   ok WHAT, not_ok WHAT [DETAIL], skip WHAT WHY
#   try WHAT CMD...    ok if CMD succeeds; else its output, as TAP comments
#   plan               ends a step: prints the plan; status 1 if something failed

tap_n=0
tap_bad=0
ok() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1"; }
not_ok() {
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1))
	echo "not ok $tap_n - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}
skip() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1 # SKIP $2"; }
try() {
	local what=$1 out
	shift
	out=$(mktemp)
	if run logged "$out" "$@"; then ok "$what"; else not_ok "$what" "$(tail -n 40 "$out")"; fi
	rm -f "$out"
}
plan() { echo "1..$tap_n"; [ "$tap_bad" = 0 ]; }
