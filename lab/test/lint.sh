#!/usr/bin/env bash
# lint.sh (test) - a script with a fault, and a series out of step: asserts that lab/check/lint.sh
# finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh disable=SC2016
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory lint
# As it is.
cp "$top/lab/lib.sh" "$tmp/lab"
git init -q "$tmp"
echo /build >"$tmp/.gitignore"
mkdir "$tmp/.ci"
act series-check.sh <<<"[ ! -e '$ACT/out-of-step' ]"
printf '#!/bin/sh\nrm "$1"\n' >"$tmp/lab/well"
printf '#!/bin/sh\nrm $1\n' >"$tmp/lab/quotes"
printf '# shellcheck shell=sh\nunused=1\n' >"$tmp/lab/sourced"
printf '#!/bin/sh\nif true; then\n' >"$tmp/.ci/run"
printf 'rm $1\n' >"$tmp/lab/words"

check lint
expect 'a script that is well' ok 'shellcheck lab/well'
expect 'one without quotes' 'not ok' 'shellcheck lab/quotes' 'SC2086'
expect 'one that is sourced' 'not ok' 'shellcheck lab/sourced' 'SC2034'
expect 'one that is none' 'not ok' 'shellcheck .ci/run' "Couldn't parse"
expect 'a series in step' ok "series-check $base"
only 3
touch "$ACT/out-of-step"
rm "$tmp"/lab/{quotes,sourced} "$tmp/.ci/run"
check lint
expect 'a series out of step' 'not ok' "series-check $base"
only 1
finish
