#!/usr/bin/env bash
# ahead.sh (test) - a check of three steps that only act: what the later ones boot is built while
# the first one runs, at the lowest priority and once; a build that fails is told by the step that
# needs it; and a check that is ended leaves no process behind. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d)
on_exit "rm -rf '$tmp'"
unset BASE CI CHECK_MINUTES CHECK_UNTIL
export BUILD=$tmp/build ACT=$tmp
mkdir -p "$tmp/lab/check" "$tmp/patches/$default_base" "$BUILD"
touch "$tmp/patches/$default_base/SERIES"
cp "$top"/lab/{lib,check,ahead}.sh "$tmp/lab"
cp "$top"/lab/check/{guest,tap}.sh "$tmp/lab/check"
# act FILE: a script of that check, from standard input
act() {
	{
		echo '#!/usr/bin/env bash'
		echo ". '$tmp/lab/lib.sh'; . '$tmp/lab/check/guest.sh'"
		cat
	} >"$tmp/lab/$1"
	chmod +x "$tmp/lab/$1"
}
act fetch.sh <<<:
# Builds what the step of that name boots; the one that is to stay stays.
act build.sh <<'EOF2'
lock "$1"
[ ! -e "$BUILD/$1" ] || exit 0
[ ! -e "$ACT/fails" ] || { sleep 0.2; die "the $1 kernel does not build"; }
[ ! -e "$ACT/stays" ] || { spawn sleep 60; echo "$$ $spawned" >"$ACT/stays.now"; wait; }
nice >>"$BUILD/$1"
EOF2
act check/lint.sh <<'EOF2'
for ((i = 0; i < 100; i++)); do
	[ ! -s "$BUILD/kunit" ] || break
	[ ! -e "$ACT/fails" ] || break
	sleep 0.1
done
if [ -s "$BUILD/kunit" ]; then ok built; else not_ok built; fi
plan
EOF2
for step in demo kunit; do
	act check/$step.sh <<EOF2
"\$top/lab/build.sh" $step
prepared
ok 'it boots'
plan
EOF2
done

act check/patches.sh <<'EOF2'
has_time 60 || exit "$no_time"
nice >>"$BUILD/patches"
if [ ! -e "$ACT/fails" ]; then ok 'it compiles'; else not_ok 'it compiles'; fi
plan
EOF2

n=0 bad=0
verdict() {
	n=$((n + 1))
	if [ "$2" = yes ]; then
		echo "ok $n - ahead: $1"
	else
		echo "not ok $n - ahead: $1"
		bad=1
		cat "$tmp/err" "$BUILD/ahead.log" 2>/dev/null | sed 's/^/# /'
	fi
}
lives() { kill -0 "$1" 2>/dev/null; }
check() { "$tmp/lab/check.sh" "$@" >"$tmp/out" 2>"$tmp/err" || :; }
is() { if [ "$1" = "$2" ]; then echo yes; else echo no; fi; }

check lint demo kunit
verdict 'what later steps boot is built while the first one runs' "$(is "$(cat "$tmp/out")" '3 passed, 0 failed, 0 skipped')"
verdict 'what a step may take is told beside what it took' "$(grep -qE "^$default_base: lint: 1 passed, 0 failed, 0 skipped in [0-9]+ s of 60 " "$tmp/err" && echo yes)"
verdict 'and what all took' "$(grep -qE '^all of it took [0-9]+ s of 3000$' "$tmp/err" && echo yes)"
verdict 'at the lowest priority, once' "$(is "$(cat "$BUILD/demo" "$BUILD/kunit")" $'19\n19')"
rm "$BUILD/demo" "$BUILD/kunit"
check demo kunit
verdict 'what the first step boots is built in front' "$(is "$(cat "$BUILD/demo")" "$(nice)")"

rm "$BUILD/demo" "$BUILD/kunit"
touch "$tmp/fails"
check lint demo kunit
verdict 'a build that fails fails its step' "$(is "$(cat "$tmp/out")" '0 passed, 3 failed, 0 skipped')"
verdict 'which says why' "$(grep -q 'the kunit kernel does not build' "$BUILD/$default_base/log/check-kunit.log" && echo yes)"
verdict 'and again at the end' "$(sed -n '/^what failed:$/,$p' "$tmp/err" | grep -q 'the kunit kernel does not build' && echo yes)"
rm "$tmp/fails"

rm -f "$BUILD"/kunit
check lint kunit patches
verdict 'what boots nothing is done beside, and counted' "$(is "$(cat "$tmp/out" "$BUILD/patches")" $'3 passed, 0 failed, 0 skipped\n19')"
touch "$tmp/fails"
check lint kunit patches
verdict 'its failures, too' "$(is "$(cat "$tmp/out")" '2 passed, 1 failed, 0 skipped')"
verdict 'and they are told again at the end' "$(sed -n '/^what failed:$/,$p' "$tmp/err" | grep -q '^not ok 1 - it compiles$' && echo yes)"
rm "$tmp/fails" "$BUILD/patches"
CHECK_MINUTES=1 check lint kunit patches
verdict 'what has no time is left out' "$(is "$(cat "$tmp/out"; ls "$BUILD/patches" 2>&- || :)" '2 passed, 0 failed, 0 skipped')"
verdict 'and it is said' "$(grep -q "the time was up: $default_base: patches\$" "$tmp/err" && echo yes)"
check patches
verdict 'and alone it is done in front' "$(is "$(cat "$BUILD/patches")" "$(nice)")"

touch "$tmp/stays"
for signal in INT TERM; do
	rm -f "$tmp/stays.now"
	spawn env --default-signal=INT "$tmp/lab/check.sh" lint demo kunit >"$tmp/out" 2>"$tmp/err"
	for ((i = 0; i < 100; i++)); do [ ! -s "$tmp/stays.now" ] || break; sleep 0.1; done
	read -r builder child <"$tmp/stays.now"
	seen=no gone=no
	! lives "$builder" || ! lives "$child" || seen=yes
	kill -$signal "$spawned"
	wait "$spawned" || :
	groups=()
	lives "$builder" || lives "$child" || gone=yes
	verdict "SIG$signal ends what is built, too" "$(is "$seen $gone" 'yes yes')"
done
echo "1..$n"
exit $bad
