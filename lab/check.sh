#!/usr/bin/env bash
# check.sh [STEP...] - all tests, or those steps, for each base that BASE names: runs each
# script of lab/check, counts the assertions it prints as TAP, and closes with "N passed,
# N failed, N skipped", the one line on stdout. A step that ends badly, or asserts nothing,
# is a failure itself. With CI=true a skip fails, too. With CHECK_MINUTES, a step that could not
# end in time leaves itself out, or its rest, and says so; those that may come last. What failed is
# told again at the end.
# A base that Debian has no more is said to be so and left out, if it is not the only one.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# When each is done, so many minutes it may take on a machine of two processors, and what it is:
#   each    for each base
#   once    for one of them, and after the former if it boots: it is about the laboratory, or takes long
#   beside  while others boot, once the kernels are built, since a guest leaves a processor idle: it
#           compiles; counted at the end
# shellcheck disable=SC2054  # the commas are ours
steps=(
	'lint        once         1 the scripts, and patches against view'
	'own         once         6 the tests of the laboratory'\''s own tools'
	'apply       each         2 patch -p1, git am, the round trip'
	'checkpatch  each         1 checkpatch --strict on each patch'
	'kernel-doc  each         1 kernel-doc on each touched file'
	'patches     each,beside 10 each patch builds, in y, m and n'
	'docs        each,beside  3 the documentation builds'
	'coccinelle  each,beside  4 the semantic patches of the kernel'
	'clang       each,beside  6 clang compiles the series'
	'demo        each         3 the main job, five boots'
	'dm-init     each         1 a reference on the kernel'\''s command line'
	'liar        once         2 a TPM that lies about its PCRs when it is found'
	'kunit       each         1 KUnit in the guest'
	'selftests   each        10 the selftests in the guest'
	'interop     each         2 blobs from the kernel to tpm2-tools and back'
	'algorithms  each         3 every algorithm of the kernel, with a secret'
	'exposed     once         2 memory that root reads, locked down and not'
	'hostile     each         3 what root gets, stock and patched'
	'crash       each         1 the keys that a crash leaves to the next kernel'
	'memory      once         3 copies of a key in memory, stock and patched'
	'peers       once        12 cryptsetup, LVM2 and systemd, stock and patched'
	'mutations   once         3 faults that the checkers must catch'
	'debug       once        12 the fuzzer and the selftests on a debug kernel'
	'deb         once,beside 12 make deb installs, and its kernel boots'
)
if [ $# -gt 0 ]; then
	chosen=()
	for name; do
		for i in "${steps[@]}"; do [ "${i%% *}" != "$name" ] || chosen+=("$i"); done
	done
	[ ${#chosen[@]} -eq $# ] || die "the steps are: ${steps[*]%% *}"
	steps=("${chosen[@]}")
fi

# What one base may take in all is 50 minutes.
began=$EPOCHSECONDS
read -ra wanted <<<"$base"
bases=()
for base in "${wanted[@]}"; do
	[ -f "$top/patches/$base/SERIES" ] || die "there is no series for the base $base: patches/$base/SERIES is missing"
	status=0
	BASE=$base run "$top/lab/fetch.sh" || status=$?
	case $status in
	0) bases+=("$base") ;;
	"$moved_on") say "the base $base is left out" ;;
	*) die "the source of the base $base cannot be had" ;;
	esac
done
[ ${#bases[@]} -gt 0 ] || die "there is no base left to check"

# boots STEP: it does
boots() { grep -q '^prepared$' "$top/lab/check/$1.sh"; }
# when STEP WORD: it is done then
when() { local words; read -r _ words _ <<<"$1"; [[ ,$words, = *,$2,* ]]; }
todo=()
# add TEST: of each base the steps that it is true of
add() {
	for base in "${bases[@]}"; do
		for i in "${steps[@]}"; do
			[ "$base" = "${bases[0]}" ] || ! when "$i" once || continue
			! "$@" "$i" || todo+=("$base $i")
		done
	done
}
is_beside() { when "$1" beside; }
is_quick() { ! boots "${1%% *}" && ! is_beside "$1"; }
beside_each() { is_beside "$1" && ! when "$1" once; }
beside_once() { is_beside "$1" && when "$1" once; }
boots_each() { boots "${1%% *}" && ! is_beside "$1" && ! when "$1" once; }
boots_once() { boots "${1%% *}" && ! is_beside "$1" && when "$1" once; }
add is_quick
add boots_each
add boots_once
add beside_each
add beside_once

log_of() { echo "$build/$1/log/check-$2.log"; }
export CHECK_RUN="$$ $EPOCHREALTIME" CHECK_FIRST=${bases[0]}
[ -z "${CHECK_MINUTES:-}" ] || export CHECK_UNTIL=$((EPOCHSECONDS + CHECK_MINUTES * 60))
# What the first step boots is built here, so that its progress is seen, and what the others boot
# meanwhile, so that it is there when they come. What fails here fails again in its step.
read -r base name _ <<<"${todo[0]}"
! boots "$name" || BASE=$base AHEAD=yes run "$top/lab/check/$name.sh" || :
ahead=()
for i in "${todo[@]:1}"; do
	read -r base name _ <<<"$i"
	rm -f "$(log_of "$base" "$name")"*
	! boots "$name" && ! is_beside "${i#* }" || ahead+=("$base" "$name")
done
builder=
[ ${#ahead[@]} = 0 ] || { spawn "$top/lab/ahead.sh" "${ahead[@]}"; builder=$spawned; }

passed=0 failed=0 skipped=0
left_out=()
faults=()
step_logged() { "$top/lab/check/$1.sh" 2>&1 | tee "$2" >&2; }
# step_beside LOG: what ahead.sh did of it, and its status; 255 if it did not come to it
step_beside() {
	local follower=
	while [ ! -f "$1.status" ] && [ "$builder" ] && kill -0 "$builder" 2>/dev/null; do
		[ "$follower" ] || [ ! -f "$1" ] || { spawn tail -n +1 -f "$1" >&2; follower=$spawned; }
		sleep 0.2
	done
	if [ "$follower" ]; then sleep 1; kill "$follower"; else cat "$1" >&2 2>/dev/null || :; fi
	[ -f "$1.status" ] || return 255
	read -r status SECONDS <"$1.status"
	return "$status"
}
for i in "${!todo[@]}"; do
	read -r base name _ minutes what <<<"${todo[i]}"
	export BASE=$base
	log=$(log_of "$base" "$name")
	mkdir -p "${log%/*}"
	step $((i + 1)) ${#todo[@]} "$base: $what"
	SECONDS=0
	status=0
	if [ "$i" != 0 ] && is_beside "${todo[i]#* }"; then
		step_beside "$log" || status=$?
	else
		status=255
	fi
	[ "$status" != 255 ] || { status=0; run step_logged "$name" "$log" || status=$?; }
	count() { grep -cE "$1" "$log" || :; }
	s=$(count '^ok .*# SKIP')
	p=$(($(count '^ok ') - s))
	f=$(count '^not ok ')
	if [ "$status" = "$no_time" ] && [ $((p + s + f)) = 0 ]; then
		left_out+=("$base: $name")
		continue
	fi
	if [ "$f" = 0 ] && { [ "$status" != 0 ] || [ $((p + s)) = 0 ]; }; then
		say "the step '$name' ended with status $status and no verdict; its output is in $log"
		f=1
		faults+=("$base: $name, its end:" "$(tail -n 12 "$log")")
	elif [ "$f" != 0 ]; then
		faults+=("$base: $name:" "$(grep -B 5 -A 8 '^not ok ' "$log" | head -n 30)")
	fi
	say "$base: $name: $p passed, $f failed, $s skipped in $SECONDS s of $((minutes * 60)) ($log)"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
say "all of it took $((EPOCHSECONDS - began)) s of $((${#bases[@]} * 3000))"
[ $failed = 0 ] || { say 'what failed:'; printf '%s\n' "${faults[@]}" >&2; }
[ ${#left_out[@]} = 0 ] || say "left out, as the time was up: $(printf '%s, ' "${left_out[@]}" | sed 's/, $//')"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
