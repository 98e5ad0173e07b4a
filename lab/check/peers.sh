#!/usr/bin/env bash
# peers.sh - who else makes tables with keys in them sees no difference: cryptsetup's own tests, and
# what cryptsetup, LVM2 and systemd do in the life of a volume (lab/guest/peers-lines), on the stock
# and on the patched kernel, with the programs of this machine's release and with the newest that
# Debian has. On the patched kernel all of the former pass; of the latter what passes on stock.
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
for suite in "$release" $newest; do "$top/lab/peers-root.sh" "$suite" >/dev/null; done
prepared

# of WHAT RESULT PEER: "status" or "text"
of() {
	tr -d '\r' <"$2" | awk -v what="$1" -v peer="$3" '
		$1 == "peer" { here = $2 == peer; next }
		here && $1 == "ended" && what == "status" { print $2 }
		here && /^\|/ && what == "text"'
}
disk=$work/peers.disk
on_exit "rm -f '$disk'"
for suite in "$release" $newest; do
	sed 's/^/# /' "$build/peers/$suite.versions"
	for kind in stock patched; do
		cp --sparse=always "$build/peers/$suite.img" "$disk"
		[ $kind = stock ] && kernel=$stock_kernel || kernel=$patched_kernel
		boot "peers-$suite-$kind" 1500 "lab.mode=peers ${PEERS:+lab.peers=$PEERS}" "" 1024
		[ $kind = stock ] || quiet
	done
	stock=$work/log/peers-$suite-stock.result
	patched=$work/log/peers-$suite-patched.result
	mapfile -t peers < <(sed -n 's/^peer //p' "$patched")
	for peer in "${peers[@]}"; do
		was=$(of status "$stock" "$peer")
		is=$(of status "$patched" "$peer")
		what="$suite: $peer"
		if [ "$is" = 0 ] || { [ "$suite" = $newest ] && [ "$is" = "$was" ]; }; then
			ok "$what passes as on stock"
		else
			not_ok "$what passes as on stock" "status $is, on stock $was: $(of text "$patched" "$peer" | tail -n 30)"
		fi
		differs=$(diff -u <(of text "$stock" "$peer") <(of text "$patched" "$peer") || :)
		if [ -z "$differs" ]; then ok "$what says what it says on stock"; else not_ok "$what says what it says on stock" "$differs"; fi
	done
	[ ${#peers[@]} -ge 4 ] || not_ok "$suite: the tests of cryptsetup ran" "${peers[*]:-none}"
done
plan
