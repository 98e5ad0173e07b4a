#!/usr/bin/env bash
# tables.sh (test) - with results that only act, and a README.md of its own: what a step counted is
# written, and nothing else; a count that no longer holds is told, other words and another base's
# counts are not. Prints TAP.
# shellcheck disable=SC2016,SC2317
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
export BUILD=$tmp/build README_FILE=$tmp/README.md BASE=$default_base
counts=$BUILD/$default_base/log/hostile.counts
mkdir -p "${counts%/*}"
n=0 bad=0
# is WHAT CMD...: the command succeeds
is() {
	local what=$1
	shift
	n=$((n + 1))
	if "$@" >"$tmp/out" 2>&1; then echo "ok $n - tables: $what"; else
		echo "not ok $n - tables: $what"
		bad=1
		sed 's/^/# /' "$tmp/out"
	fi
}
fails() { ! "$@"; }
tables() { "$top/lab/tables.sh" "$@" >"$tmp/said" 2>&1; }
has() { grep -qF -- "$1" "$README_FILE"; }
said() { grep -qF -- "$1" "$tmp/said"; }
fresh() {
	printf '%s\n' before '<!-- memory -->' '| old |' '<!-- /memory -->' between '<!-- modes -->' '<!-- /modes -->' '<!-- hostile -->' \
		'| `inlinecrypt_test` (7.3) | 5 of 6 | 0 | what |' '| `gone_test` | 1 of 1 | 0 | what |' '<!-- /hostile -->' after >"$README_FILE"
}

fresh
is 'without results nothing is written' fails tables memory
is 'and that is said' said 'lab/check.sh memory leaves them'
is 'nor changed' has '| old |'
printf '%s\n' '| new |' '| 1 2 3 0 |' >"${counts%/*}/memory.table"
echo '| aes | both |' >"${counts%/*}/modes.table"
echo 'encrypted_blob_test 3 3 0 3' >"$counts"
echo 'key_race_test 3 3 0 3' >>"$counts"
is 'with results all is written' tables
is 'the one table' has '| 1 2 3 0 |'
is 'another' has '| aes | both |'
is 'the counts of the other, and the words' has '| `encrypted_blob_test` | 3 of 3 | 0 | an encrypted key'
is 'but of a race only that there are some' has '| `key_race_test` | some of 3 | 0 | the table shows'
is 'not what was there' fails has '| old |'
is 'what was not counted stays' has '| `inlinecrypt_test` (7.3) | 5 of 6 | 0 |'
is 'what is no row goes' fails has gone_test
for line in before between after; do is "what is beside it stays: $line" has "$line"; done
cp "$README_FILE" "$tmp/before"
is 'a second time it changes nothing' eval 'tables && cmp "$README_FILE" "$tmp/before"'
is 'what holds is well' tables --compare
sed -i '/encrypted_blob/s/an encrypted key/it/' "$README_FILE"
is 'other words are well' tables --compare hostile
echo 'key_race_test 2 3 0 3' >"$counts"
is 'another one of a race is, too' tables --compare hostile
echo 'encrypted_blob_test 2 3 0 3' >"$counts"
is 'another count is not' fails tables --compare hostile
is 'and is shown' said '+| `encrypted_blob_test` | 2 of 3 | 0 |'
echo 'encrypted_blob_test 3 3 1 3' >"$counts"
is 'nor one of the patched kernel' fails tables --compare hostile
BASE=7.3 is 'of another base it is not looked at' tables --compare hostile
echo 'inlinecrypt_test 4 6 0 6' >"$counts"
sed -i 's/1 2 3 0/1 2 4 0/' "${counts%/*}/memory.table"
is 'another figure in the other table is not well' fails tables --compare memory
sed -i '/^<!-- .memory/d' "$README_FILE"
is 'a table without its place is told' fails tables memory
is 'by its name' said "no place for the table 'memory'"
echo "1..$n"
exit $bad
