#!/usr/bin/env bash
# demo.sh (test) - a main job that does not go well: copies of the key too many, or too few, a file
# that stands on the disk in the clear, a refusal for another reason, a step that was left out:
# asserts that lab/demo.sh finds each fault and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory demo
cp "$top"/lab/{demo.sh,scan.c} "$tmp/lab"
# What the guest's memory has at a step stands in the file at.<step>, or at.<step> of one boot alone, as
# names of these files; "key" is the first three in a row.
for i in half1 half2 mac master; do head -c 32 /dev/urandom >"$ACT/$i"; done
cat "$ACT"/{half1,half2,mac} >"$ACT/key"
head -c 64 /dev/zero >"$ACT/nothing"
hex() { cat "$@" | xxd -p -c 96; }
{ echo "key=$(hex "$ACT"/{half1,half2})"; echo "master=$(hex "$ACT/master")"; } >"$ACT/needles"
{ echo "key=$(hex "$ACT/key")"; echo "master=$(hex "$ACT/master")"; } >"$ACT/needles-integrity"
act needle.sh <<'EOF2'
case $1 in */demo-integrity/*) cat "$ACT/needles-integrity" ;; *) cat "$ACT/needles" ;; esac
EOF2
act boot.sh <<'EOF2'
while [ $# -gt 0 ]; do
	case $1 in
	--result) cat "$ACT/${2##*/}" >"$2" 2>/dev/null ;;
	--ram) ram=$2 ;;
	--at-step) at_step=$2 ;;
	--disk) disk=$2 ;;
	--share) share=$2 ;;
	esac
	shift
done
# A TPMKey of two halves without the rest.
echo 30080402010204020304 >"$share/kmk.blob"
[ ! -e "$ACT/clear" ] || cat "$share/letter" >"$disk"
for i in $(cat "$ACT/steps$number" 2>/dev/null); do
	at=$ACT/at.$i
	[ ! -e "$at.$number" ] || at+=.$number
	for word in $(cat "$at"); do cat "$ACT/$word"; head -c 64 /dev/zero; done >"$ram"
	"$at_step" "$i"
done
[ ! -e "$ACT/fails$number" ]
EOF2
# well: as it should be
well() {
	rm -f "$ACT"/{clear,fails?,at.*.?}
	echo added dropped closed >"$ACT/steps1"
	echo added loaded dropped closed | tee "$ACT/steps2" >"$ACT/steps5"
	echo key master >"$ACT/at.added"
	echo key half1 half2 master >"$ACT/at.loaded"
	echo half1 half2 >"$ACT/at.dropped"
	echo nothing >"$ACT/at.closed"
	echo 'table 0 1 crypt' | tee "$ACT"/boot{1,2}.result >"$ACT/boot5.result"
	echo 'tpm tpm0: A TPM error' >"$ACT/boot3.result"
	echo 'tpm trusted_key: not in the state that the key is sealed to: sha256:11' >"$ACT/boot4.result"
}
# fault WHAT WORDS: both are refused, with these
fault() {
	check demo
	expect "$1" 'not ok' 'make demo' "$2"
	expect "$1, with dm-integrity" 'not ok' 'make demo INTEGRITY=1' "$2"
	only 2
	well
}

well
check demo
expect 'all is well' ok 'make demo'
expect 'all is well, with dm-integrity' ok 'make demo INTEGRITY=1'
only 0
echo key >"$ACT/at.dropped.2"
fault 'a key that is not dropped' 'boot 2, resumed, key dropped .*expected 0 1 1 0 0'
echo half2 >"$ACT/at.closed.1"
fault 'half a key that stays' 'boot 1, volume closed .*expected 0 0 0 0 0'
echo master half1 half2 >"$ACT/at.dropped.1"
fault 'the master stays, with which the blob is the key' 'key dropped .* 1 .*expected 0 1 1 0 0'
echo nothing >"$ACT/at.added.1"
fault 'nothing was looked at' 'boot 1, keys added .*expected 1 1 1 0 1'
echo added loaded dropped >"$ACT/steps5"
fault 'a step that is not there' 'not every step was looked at'
touch "$ACT/clear"
fault 'a file in the clear' 'stands on the disk in the clear'
echo 'tpm tpm0: A TPM error' >"$ACT/boot4.result"
fault 'a refusal for another reason' 'boot 4 was refused for another reason: tpm0'
for i in 1 2 3 4 5; do
	echo "failed: of number $i" >>"$ACT/boot$i.result"
	touch "$ACT/fails$i"
	fault "boot $i" "boot $i failed: of number $i"
done
finish
