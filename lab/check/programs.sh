#!/usr/bin/env bash
# programs.sh - builds the series' selftests from the patched source, if that has not been done,
# into $work/check/selftests, and prints the directory of their programs.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tests=dm-crypt-keyring
dir=$work/check/selftests
"$top/lab/patched.sh"
lock selftests
state="$(cat "$work/stock.version") $(series_digest)"
if [ "$(cat "$dir.state" 2>/dev/null)" != "$state" ]; then
	make_tests() {
		local obj=$dir-obj
		rm -rf "$dir" "$obj" "$dir.state" &&
			mkdir -p "$obj" &&
			kmake -C "$work/patched" O="$obj" allnoconfig &&
			kmake -C "$work/patched" O="$obj" headers &&
			LDFLAGS=-static kmake -C "$work/patched/tools/testing/selftests" O="$obj" ARCH=x86_64 TARGETS="$tests" \
				INSTALL_PATH="$dir" FORCE_TARGETS=1 install
	}
	run_logged "$work/log/selftests-build.log" make_tests
	echo "$state" >"$dir.state"
fi
echo "$dir/$tests"
