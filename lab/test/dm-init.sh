#!/usr/bin/env bash
# dm-init.sh (test) - what a guest tells whose kernel loads keys and makes volumes, told wrongly:
# asserts that lab/check/dm-init.sh finds each and nothing else. Prints TAP.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib
. "$(dirname "$0")/lib"

laboratory dm-init
cp "$top/lab/tpm-liar.c" "$tmp/lab"
act initramfs.sh <<'EOF2'
touch "$1"
EOF2
cat >>"$tmp/lab/lib.sh" <<EOF2
kmake() { echo : >'$work/check/bootconfig/bootconfig'; chmod +x '$work/check/bootconfig/bootconfig'; }
EOF2
# As the laboratory's, and the guest leaves its blobs.
cat >>"$tmp/lab/boot.sh" <<EOF2
for i in kmk1 kmk2 vol1 vol2; do echo "\$i-blob-of-more-than-twenty" >'$work/check/dm-init-share'/\$i.blob 2>/dev/null || :; done
EOF2
# well: BOOT FILE LINE, as it should be
well() {
	cat <<'EOF2'
reference console device-mapper: keyring: :64:logon:no:such-key: no such key
reference console device-mapper: table: 253:0: crypt: Error (-126)
hex console device-mapper: ioctl: dm-0 (hex) is ready
hex-keyring console crypt: dm_keyring.policy=keyring refuses a key in hexadecimal digits
hex-sealed console crypt: dm_keyring.policy=sealed refuses a key in hexadecimal digits
parameters console Booting kernel: `1' invalid for parameter `dm_keyring.keyring_unsealed'
parameters console there is no policy without a word, so it is sealed
sealed result dm-0 volume 1
sealed result dm-1 volume 2
sealed result keyring_unsealed N
sealed result policy sealed
sealed result has trusted;00;kmk1
sealed result has trusted;00;kmk2
sealed result has encrypted;00;vol1
sealed result pcr 01
sealed result again add_key: Operation not permitted
sealed result found keyctl_search: Required key not available
sealed result linked keyctl_link: Permission denied
sealed result master add_key: Required key not available
sealed result cleared keyctl_clear: Operation not permitted
load console load=: keys of the types trusted and encrypted can be loaded, no others
load console load=trusted: the description of the key and load are to follow
load console load=encrypted orphan: the key does not load
load console load=encrypted: the description of the key and load are to follow
load result dm-0 volume 1
load result keyring_unsealed Y
load result pcr 00
no-cap console load=: no key is kept, as one could be loaded once more
no-cap result keyring_unsealed N
no-parent console load=trusted kmk1: the key does not load
no-parent result pcr 01
no-parent-unasked result pcr 01
refused console load=trusted kmk1: the key does not load
refused result pcr 01
no-number console Booting kernel: `7,11' invalid for parameter `trusted.pcrlock'
no-number result again add_key: No such device
late result early add_key: No such device
late result twice add_key: Operation not permitted
EOF2
}
# bad: what must not be told, one line an assertion
bad() {
	cat <<'EOF2'
hex-keyring console device-mapper: ioctl: dm-0 (hex-keyring) is ready
hex-sealed console device-mapper: ioctl: dm-0 (hex-sealed) is ready
hex-keyring console WARNING: CPU: 0
hex-sealed console WARNING: CPU: 0
sealed result has encrypted;00;vol2
sealed result pcr 00
load console device-mapper: keyring: user plain load 00
no-cap result has trusted;00;kmk1
no-cap result dm-0 volume 1
no-parent result has trusted;00;kmk1
no-parent result pcr 00
no-parent-unasked result pcr 00
refused result pcr 00
reference console WARNING: CPU: 0
hex console WARNING: CPU: 0
parameters console WARNING: CPU: 0
preload console WARNING: CPU: 0
sealed console WARNING: CPU: 0
load console WARNING: CPU: 0
no-cap console WARNING: CPU: 0
no-parent console WARNING: CPU: 0
no-parent-unasked console WARNING: CPU: 0
refused console WARNING: CPU: 0
no-number console WARNING: CPU: 0
late console WARNING: CPU: 0
EOF2
}
# told: the guest tells the lines of standard input
told() {
	local boot file line
	rm -f "$ACT"/dm-init-*
	while read -r boot file line; do printf '%s\n' "$line" >>"$ACT/dm-init-$boot.$file"; done
	check dm-init
}
# are WHAT N: so many assertions say no
are() { verdict "$1" "$([ "$(grep -c '^not ok' "$tmp/out")" = "$2" ] && echo yes)"; }
told < <(well)
verdict 'all is told as it should be' "$(tail -n 1 "$tmp/out" | grep '^1\.\.[0-9]' >/dev/null && echo yes)"
only 0
# What is not told of each boot, and what is told besides, is found, each line by one assertion. Of a PCR
# it is asked what it must not be.
for boot in $(bad | awk '!seen[$1]++ { print $1 }'); do
	told < <(well | grep -v "^$boot ")
	are "not told: $boot" "$(well | grep "^$boot " | grep -vc ' pcr 01$')"
	told < <(well; bad | grep "^$boot ")
	are "told besides: $boot" "$(bad | grep -c "^$boot ")"
done
finish
