#!/usr/bin/env bash
# peers.sh - who else makes tables with keys in them sees no difference: cryptsetup's own tests, and
# what cryptsetup, LVM2 and systemd do in the life of a volume (lab/guest/peers-lines), with the
# programs of this machine's release and with the newest that Debian has. On the patched kernel all
# pass; where one of the newest does not, it does not on the stock kernel either. One that leaves itself
# out is a skip; with what is here none does. With PEERS=all each runs on both, says the same, and
# luks2-integrity-test runs, too, which takes half an hour.
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
# What each suite has. That volumes open by encrypted and trusted keys is not that old.
wanted=(keyring-test keyring-compat-test mode-test peers-lines)
wanted_newest=(keyring-trusted-test)
# Of a mode that the kernel refuses mode-test says "[N/A]", and goes on. Such are these alone, whose
# ciphers the kernel of the selftests does not have.
no_cipher='twofish-|xchacha(12|20),aes-adiantum-|aes-hctr2-'
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
# ask_stock: sets $stock, to what this suite's programs say there
ask_stock() { [ "$stock" ] || { on stock "$suite"; stock=$result; }; }
for suite in "${suites[@]}"; do
	sed 's/^/# /' "$build/peers/$suite.versions"
	on patched "$suite"
	quiet
	patched=$result
	mapfile -t peers < <(sed -n 's/^peer \([a-z0-9-]*\).*/\1/p' "$patched")
	all=("${wanted[@]}")
	[ "$suite" != $newest ] || all+=("${wanted_newest[@]}")
	mapfile -t missing < <(printf '%s\n' "${all[@]}" | grep -vxF "$(printf '%s\n' "${peers[@]}")" || :)
	what="$suite: all that are to run are there"
	if [ ${#missing[@]} = 0 ]; then
		ok "$what"
	elif [ "$suite" = $newest ] && [ ${#peers[@]} -gt 0 ]; then
		skip "$what" "it has no ${missing[*]}"
	else
		not_ok "$what" "missing: ${missing[*]}"
	fi
	stock=
	for peer in "${peers[@]}"; do
		is=$(of status "$patched" "$peer")
		if [ "${PEERS:-}" = all ] || { [ "$suite" = $newest ] && [ "$is" != 0 ] && [ "$is" != 77 ]; }; then
			ask_stock
		fi
		what="$suite: $peer"
		if [ "$is" = 0 ]; then
			ok "$what passes"
		elif [ "$is" = 77 ]; then
			skip "$what passes" "$(of text "$patched" "$peer" | tail -n 1 | cut -c 2-)"
		elif [ "$is" ] && [ "$stock" ] && [ "$suite" = $newest ] && [ "$is" = "$(of status "$stock" "$peer")" ]; then
			ok "$what ends as on stock, with $is"
		else
			not_ok "$what passes" "status $is: $(of text "$patched" "$peer" | tail -n 30)"
		fi
		if [ "$peer" = mode-test ]; then
			refused=$(of text "$patched" mode-test | grep -F '[N/A]' | grep -vE "^\|($no_cipher)" || :)
			if [ "$refused" ] && [ "$suite" = $newest ]; then
				ask_stock
				refused=$(grep -vxF "$(of text "$stock" mode-test)" <<<"$refused" || :)
			fi
			if [ -z "$refused" ]; then ok "$what: no mode is refused"; else not_ok "$what: no mode is refused" "$refused"; fi
		fi
		[ "${PEERS:-}" = all ] || continue
		differs=$(diff -u <(of text "$stock" "$peer") <(of text "$patched" "$peer") || :)
		if [ -z "$differs" ]; then ok "$what says what it says on stock"; else not_ok "$what says what it says on stock" "$differs"; fi
	done
done
plan
