#!/usr/bin/env bash
# clang.sh - clang, too, builds the whole series, with W=1, and gives no warning that it does not
# give of the base: what patches.sh does with gcc, in the configuration that has all.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# For the base, on a slow machine.
has_time 360 || exit "$no_time"
need_tools clang-19 ld.lld-19 llvm-ar-19
LLVM=-19 exec "$top/lab/check/patches.sh"
