#!/usr/bin/env bash
# check.sh [STEP...] - all tests, or those steps: runs each script of lab/check, counts
# the assertions it prints as TAP, and closes with "N passed, N failed, N skipped", the
# one line on stdout. A step that ends badly, or asserts nothing, is a failure itself.
# With CI=true a skip fails, too.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

steps=(
	'lint        the scripts, and patches against view'
	'apply       patch -p1, git am, the round trip'
	'own         the tests of the laboratory'\''s own tools'
	'checkpatch  checkpatch --strict on each patch'
	'kernel-doc  kernel-doc on each touched file'
	'patches     each patch builds, in y, m and n'
	'demo        the main job, three boots'
	'kunit       KUnit in the guest'
	'selftests   the selftests in the guest'
)
if [ $# -gt 0 ]; then
	chosen=()
	for name; do
		for i in "${steps[@]}"; do [ "${i%% *}" != "$name" ] || chosen+=("$i"); done
	done
	[ ${#chosen[@]} -eq $# ] || die "the steps are: ${steps[*]%% *}"
	steps=("${chosen[@]}")
fi

passed=0 failed=0 skipped=0
log=$build/log
mkdir -p "$log"
step_logged() { "$top/lab/check/$1.sh" 2>&1 | tee "$log/check-$1.log" >&2; }
for i in "${!steps[@]}"; do
	name=${steps[i]%% *}
	step $((i + 1)) ${#steps[@]} "$(cut -c13- <<<"${steps[i]}")"
	SECONDS=0
	status=0
	run step_logged "$name" || status=$?
	count() { grep -cE "$1" "$log/check-$name.log" || :; }
	s=$(count '^ok .*# SKIP')
	p=$(($(count '^ok ') - s))
	f=$(count '^not ok ')
	if [ "$f" = 0 ] && { [ "$status" != 0 ] || [ $((p + s)) = 0 ]; }; then
		say "the step '$name' ended with status $status and no verdict; its output is in $log/check-$name.log"
		f=1
	fi
	say "$name: $p passed, $f failed, $s skipped in $SECONDS s ($log/check-$name.log)"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
