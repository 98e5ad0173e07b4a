#!/usr/bin/env bash
# check.sh [STEP...] - all tests, or those steps, for each base that BASE names: runs each
# script of lab/check, counts the assertions it prints as TAP, and closes with "N passed,
# N failed, N skipped", the one line on stdout. A step that ends badly, or asserts nothing,
# is a failure itself. With CI=true a skip fails, too.
# A base that Debian has no more is said to be so and left out, if it is not the only one.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Those marked with '*' run once, not for each base: they are about the laboratory, or take long.
steps=(
	'lint        * the scripts, and patches against view'
	'own         * the tests of the laboratory'\''s own tools'
	'apply         patch -p1, git am, the round trip'
	'checkpatch    checkpatch --strict on each patch'
	'kernel-doc    kernel-doc on each touched file'
	'patches       each patch builds, in y, m and n'
	'demo          the main job, four boots'
	'dm-init       a reference on the kernel'\''s command line'
	'kunit         KUnit in the guest'
	'selftests     the selftests in the guest'
	'hostile     * what root gets, stock and patched'
	'memory      * copies of a key in memory, stock and patched'
	'mutations   * faults that the checkers must catch'
	'debug       * the fuzzer and the selftests on a debug kernel'
)
if [ $# -gt 0 ]; then
	chosen=()
	for name; do
		for i in "${steps[@]}"; do [ "${i%% *}" != "$name" ] || chosen+=("$i"); done
	done
	[ ${#chosen[@]} -eq $# ] || die "the steps are: ${steps[*]%% *}"
	steps=("${chosen[@]}")
fi

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
todo=()
for base in "${bases[@]}"; do
	for i in "${steps[@]}"; do
		[ "$base" != "${bases[0]}" ] && [ "${i:12:1}" = '*' ] || todo+=("$base $i")
	done
done

# What the first step boots is built here, so that its progress is seen, and what the others boot
# meanwhile, so that it is there when they come. What fails here fails again in its step.
read -r base name _ <<<"${todo[0]}"
! boots "$name" || BASE=$base AHEAD=yes run "$top/lab/check/$name.sh" || :
ahead=()
for i in "${todo[@]:1}"; do
	read -r base name _ <<<"$i"
	! boots "$name" || ahead+=("$base" "$name")
done
[ ${#ahead[@]} = 0 ] || spawn "$top/lab/ahead.sh" "${ahead[@]}"

export CHECK_RUN="$$ $EPOCHREALTIME"
passed=0 failed=0 skipped=0
step_logged() { "$top/lab/check/$1.sh" 2>&1 | tee "$2" >&2; }
for i in "${!todo[@]}"; do
	read -r base name what <<<"${todo[i]}"
	export BASE=$base
	log=$build/$base/log/check-$name.log
	mkdir -p "${log%/*}"
	step $((i + 1)) ${#todo[@]} "$base: ${what#\* }"
	SECONDS=0
	status=0
	run step_logged "$name" "$log" || status=$?
	count() { grep -cE "$1" "$log" || :; }
	s=$(count '^ok .*# SKIP')
	p=$(($(count '^ok ') - s))
	f=$(count '^not ok ')
	if [ "$f" = 0 ] && { [ "$status" != 0 ] || [ $((p + s)) = 0 ]; }; then
		say "the step '$name' ended with status $status and no verdict; its output is in $log"
		f=1
	fi
	say "$name: $p passed, $f failed, $s skipped in $SECONDS s ($log)"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
