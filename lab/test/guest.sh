#!/usr/bin/env bash
# guest.sh (test) - what a guest tells, told wrongly: its report has to end in order and with no
# complaint of the kernel's, or it is a failure. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"

n=0 bad=0
good_result='# program some_test
1..2
ok 1 some.first
ok 2 some.second # SKIP no such thing here
# took 1
# exit 0
lab-end 0'
good_console='Linux version 6
lab: all is well'
# verdict WHAT EXPECTED RESULT CONSOLE: how many are ok, not ok and skipped
verdict() {
	local got
	printf '%s\r\n' "$3" | sed 's/$/\r/' >"$tmp/result"
	printf '%s\n' "$4" >"$tmp/console"
	got=$(
		# shellcheck source=../check/guest.sh
		. "$top/lab/check/guest.sh"
		result=$tmp/result console=$tmp/console
		report | awk '/^ok .*# SKIP/ { s++; next } /^ok/ { p++ } /^not ok/ { f++ } END { print p + 0, f + 0, s + 0 }'
	)
	n=$((n + 1))
	if [ "$got" = "$2" ]; then
		echo "ok $n - guest: $1"
	else
		echo "not ok $n - guest: $1"
		echo "# $got, not $2"
		bad=1
	fi
}
replaced() { printf '%s' "${good_result/"$1"/"$2"}"; }

verdict 'a report in order' '4 0 1' "$good_result" "$good_console"
verdict 'a test that failed' '3 1 1' "$(replaced 'ok 1 some.first' 'not ok 1 some.first')" "$good_console"
verdict 'a program that was killed' '3 1 1' "$(replaced '# exit 0' '# exit 139')" "$good_console"
verdict 'a leak' '4 1 1' "$(replaced 'lab-end' '# leak unreferenced object 0xffff888004a1c000 (size 64):
lab-end')" "$good_console"
verdict 'a guest that did not come to the end' '3 1 1' "$(replaced 'lab-end 0' '')" "$good_console"
verdict 'a guest that ran nothing' '1 2 0' '' "$good_console"
for splat in 'BUG: KASAN: slab-out-of-bounds in crypt_ctr+0x1/0x2' 'WARNING: possible circular locking dependency detected' \
	'UBSAN: array-index-out-of-bounds in drivers/md/dm-crypt.c:1' 'ODEBUG: free active (active state 0) object' \
	'INFO: task dmsetup:1 blocked for more than 120 seconds.' 'Oops: 0000 [#1] SMP' 'WARNING: suspicious RCU usage'; do
	verdict "${splat%% in *}" '3 1 1' "$good_result" "$good_console
[    1.0] $splat"
done
vmalloc='vmalloc error: size 65536, vm_struct allocation failed
CPU: 0
Call Trace:'
verdict 'a vmalloc() that is made to fail' '4 0 1' "$good_result" "$good_console
$vmalloc"
verdict 'another trace behind it' '3 1 1' "$good_result" "$good_console
$vmalloc
 <TASK>
Call Trace:"
echo "1..$n"
exit $bad
