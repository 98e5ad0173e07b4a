#!/usr/bin/env bash
# peers.sh - who else makes tables with keys in them sees no difference: cryptsetup's own tests, and
# what cryptsetup, LVM2 and systemd do in the life of a volume (lab/guest/peers-lines), with the
# programs of this machine's release and with the newest that Debian has. On the patched kernel all
# pass; where one of the newest does not, it does not on the stock kernel either. With PEERS=all each
# runs on both, says the same, and luks2-integrity-test runs, too, which takes half an hour.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

has_time 1200 || exit "$no_time"
test_kernel patched
patched_kernel=$kernel
test_kernel stock
stock_kernel=$kernel
release=$(this_release)
newest=sid
suites=("$release" "$newest")
"$top/lab/peers-root.sh" "$release" >/dev/null
# What is newest there need not fit together every day.
run "$top/lab/peers-root.sh" $newest >/dev/null || { say "the programs of $newest are left out: they cannot be had"; suites=("$release"); }
prepared

# of WHAT RESULT PEER: "status" or "text"
of() {
	tr -d '\r' <"$2" | awk -v what="$1" -v peer="$3" '
		$1 == "peer" { here = $2 == peer; next }
		here && $1 == "ended" && what == "status" { print $2 }
		here && /^\|/ && what == "text"'
}
disk=$work/peers.disk
timeout=900
[ -z "${PEERS:-}" ] || timeout=3600
on_exit "rm -f '$disk'"
# on KIND SUITE: sets $result
on() {
	cp --sparse=always "$build/peers/$2.img" "$disk"
	[ "$1" = stock ] && kernel=$stock_kernel || kernel=$patched_kernel
	boot "peers-$2-$1" $timeout "lab.mode=peers ${PEERS:+lab.peers=$PEERS}" "" 1024
}
for suite in "${suites[@]}"; do
	sed 's/^/# /' "$build/peers/$suite.versions"
	on patched "$suite"
	quiet
	patched=$result
	mapfile -t peers < <(sed -n 's/^peer \([a-z0-9-]*\).*/\1/p' "$patched")
	if [ ${#peers[@]} -ge 4 ]; then ok "$suite: there is something to run"; else not_ok "$suite: there is something to run" "${peers[*]:-nothing ran}"; fi
	stock=
	for peer in "${peers[@]}"; do
		is=$(of status "$patched" "$peer")
		if [ "${PEERS:-}" = all ] || { [ "$suite" = $newest ] && [ "$is" != 0 ]; }; then
			[ "$stock" ] || { on stock "$suite"; stock=$result; }
		fi
		what="$suite: $peer"
		if [ "$is" = 0 ]; then
			ok "$what passes"
		elif [ "$stock" ] && [ "$suite" = $newest ] && [ "$is" = "$(of status "$stock" "$peer")" ]; then
			ok "$what ends as on stock, with $is"
		else
			not_ok "$what passes" "status $is: $(of text "$patched" "$peer" | tail -n 30)"
		fi
		[ "${PEERS:-}" = all ] || continue
		differs=$(diff -u <(of text "$stock" "$peer") <(of text "$patched" "$peer") || :)
		if [ -z "$differs" ]; then ok "$what says what it says on stock"; else not_ok "$what says what it says on stock" "$differs"; fi
	done
done
plan

