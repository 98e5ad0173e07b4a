#!/usr/bin/env bash
# dm-init.sh - a reference in dm-mod.create= on the kernel's command line is understood: if there is
# no such key it is refused by its name, the kernel boots on, and the same line with a key in hex
# makes the volume. With dm_keyring.load= there are keys: from a bootconfig, bound to one PCR and
# capped, under a policy of sealed; from the command line, with a TPM that is probed beside, after
# lines that are refused; and none, if the cap fails. A TPM that comes later still has trusted keys.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
# make_bootconfig: the kernel's own program, which appends a file of parameters to an initrd
make_bootconfig() {
	mkdir -p "$work/check/bootconfig"
	run_logged "$work/log/bootconfig.log" kmake -C "$work/patched/tools/bootconfig" OUTPUT="$work/check/bootconfig/"
}
make_bootconfig
make_liar
prepared
hex=$(head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
# create NAME KEY [ARGS]: boots with such a volume on a RAM disk
create() { boot "dm-init-$1" 60 "lab.mode=probe ${3:-} dm-mod.create=\"$1,,,rw,0 2048 crypt aes-xts-plain64 $2 0 /dev/ram0 0\""; }

said() { if grep -aqE "$1" "$console"; then ok "$2"; else not_ok "$2" "$(grep -aE 'device-mapper|trusted|tpm' "$console" || :)"; fi; }
not_said() { if grep -aqE "$1" "$console"; then not_ok "$2" "$(grep -aE "$1" "$console")"; else ok "$2"; fi; }
create reference :64:logon:no:such-key
said 'device-mapper: keyring: :64:logon:no:such-key: no such key' 'the key that is not there is named'
said 'device-mapper: table: .* crypt: .*-126' 'the table is refused with ENOKEY'
quiet
create hex "$hex"
said 'device-mapper: ioctl: dm-0 \(hex\) is ready' 'the same line with a key in hex makes the volume'
quiet
for policy in keyring sealed; do
	create "hex-$policy" "$hex" "dm_keyring.policy=$policy"
	said "crypt: dm_keyring.policy=$policy refuses a key in hexadecimal digits" "under $policy it is refused"
	not_said 'is ready' 'and makes no volume'
	quiet
done
# Parameters that are only read are named there too: dm-verity's of that name is set so.
boot dm-init-parameters 60 "lab.mode=probe dm_keyring.keyring_unsealed=1 dm_keyring.keyring=1 dm_keyring.policy"
said "Booting kernel: .1' invalid for parameter .dm_keyring.keyring_unsealed'" 'a parameter that is only read refuses a value'
said 'there is no policy without a word, so it is sealed' 'a policy that is not named is the strictest'
quiet

# Keys that the kernel loads.
share=$work/check/dm-init-share disk=$work/check/dm-init-disk state=$work/check/dm-init-tpm
rm -rf "$share" "$state"
mkdir -p "$share"
truncate -s 4M "$disk"
options=(--tpm "$state")
boot dm-init-preload 120 lab.mode=preload
quiet
blob() { cat "$share/$1.blob"; }
# volume NUMBER: its table, in the words of dm-mod.create=
volume() { echo "vol$1,,,ro,0 2048 crypt aes-xts-plain64 :64:encrypted:vol$1 0 /dev/vda $((2048 * $1))"; }
# tells REGEX WHAT: one line of the result is that
tells() { if grep -qxE "$1" "$result"; then ok "$2"; else not_ok "$2" "$(cat "$result")"; fi; }
# tells_not REGEX WHAT
tells_not() { if grep -qxE "$1" "$result"; then not_ok "$2" "$(cat "$result")"; else ok "$2"; fi; }
srk=keyhandle=0x81000001

bootconfig=$work/check/dm-init.bootconfig
cat >"$bootconfig" <<END
kernel.dm_keyring.load = "trusted kmk1 load $(blob kmk1) $srk pcrlock=11; encrypted vol1 load $(blob vol1)",
	"trusted kmk2 load $(blob kmk2) $srk pcrlock=11", "encrypted vol2 load $(blob vol2)"
kernel.dm-mod.create = "$(volume 1);$(volume 2) 1 drop_key"
END
boot dm-init-sealed 120 'lab.mode=preloaded bootconfig dm_keyring.policy=sealed'
bootconfig=
tells 'dm-0 volume 1' 'a volume opens by a key that the kernel loaded'
tells 'dm-1 volume 2' 'and one whose master is bound to the same PCR'
tells 'keyring_unsealed N' 'under sealed the keyring is sealed'
tells 'policy sealed' 'and it is sealed'
for key in 'trusted;[0-9a-f]*;kmk1' 'trusted;[0-9a-f]*;kmk2' 'encrypted;[0-9a-f]*;vol1'; do
	tells "has $key" "the keyring has ${key%%;*} ${key##*;}"
done
tells_not 'has encrypted;[0-9a-f]*;vol2' 'but the key that a table of the kernel has dropped'
tells_not 'pcr 0*' 'the PCR is capped'
tells 'again .*Operation not permitted' 'and the blob does not load once more'
tells 'found .*(Permission denied|Required key not available)' 'root does not find the key'
tells 'linked .*(Permission denied|Operation not permitted)' 'nor link the keyring'
tells 'master .*(Permission denied|Required key not available)' 'nor use the master'
tells 'cleared .*Operation not permitted' 'nor clear the keyring'
quiet

# load KEY...: dm_keyring.load= with these
load() { printf 'dm_keyring.load="%s" ' "$@"; }
boot dm-init-load 120 "lab.mode=preloaded driver_async_probe=tpm_tis $(load 'user plain load 00' 'trusted made new 32' \
	'encrypted orphan load default trusted:nobody 32 00' 'trusted kmk1 load' encrypted \
	"trusted kmk1 load $(blob kmk1) $srk")$(load "encrypted vol1 load $(blob vol1);")dm-mod.create=\"$(volume 1)\""
said 'load=: keys of the types trusted and encrypted can be loaded, no others' 'another type is refused'
said 'load=trusted: the description of the key and load are to follow' 'a key is not made there'
said 'load=encrypted orphan: the key does not load' 'a key without its master is told'
said 'load=encrypted: the description of the key and load are to follow' 'a line that ends too early'
not_said "device-mapper.*(load 00|new 32|$(blob vol1 | tail -c 20))" 'nothing but names is told'
tells 'dm-0 volume 1' 'what follows is loaded'
tells 'keyring_unsealed Y' 'under any the keyring stays open'
tells 'pcr 0*' 'without pcrlock= there is no cap'
quiet

rules=$work/check/dm-init.rules
options+=(--rules "$rules")
echo 182 b >"$rules"
boot dm-init-no-cap 120 "lab.mode=preloaded dm_keyring.policy=sealed $(load "trusted kmk1 load $(blob kmk1) $srk pcrlock=11" \
	"encrypted vol1 load $(blob vol1)")dm-mod.create=\"$(volume 1)\""
said 'load=: no key is kept, as one could be loaded once more' 'a cap that fails takes the keys'
tells_not 'has .*' 'there is none'
tells_not 'dm-0 volume 1' 'and no volume'
tells 'keyring_unsealed N' 'the keyring is sealed even so'
quiet

# The parent is not there when the kernel loads the key. Who makes it anew has the PCRs of this boot.
echo '157 81000001' >"$rules"
boot dm-init-no-parent 120 "lab.mode=preloaded $(load "trusted kmk1 load $(blob kmk1) $srk pcrlock=11")"
said 'load=trusted kmk1: the key does not load' 'a key that the TPM does not load is told'
tells_not 'has .*' 'there is none'
tells_not 'pcr 0*' 'the PCR is capped even so'
quiet
boot dm-init-no-parent-unasked 120 "lab.mode=preloaded trusted.pcrlock=11 $(load "trusted kmk1 load $(blob kmk1) $srk")"
tells_not 'pcr 0*' 'also where the command line alone asks for it'
quiet
rm "$rules"
boot dm-init-refused 120 "lab.mode=preloaded trusted.pcrlock=11 $(load "trusted kmk1 load $(blob kmk1) $srk pcrs=sha256:11")"
said 'load=trusted kmk1: the key does not load' 'a key with an option that is not for load is told'
tells_not 'pcr 0*' 'and the PCR is capped'
quiet
boot dm-init-no-number 120 'lab.mode=preloaded trusted.pcrlock=7,11'
said "Booting kernel: .7,11' invalid for parameter .trusted.pcrlock'" 'two PCRs are no number'
tells 'again .*No such device' 'and leave no trusted keys'
quiet

echo all >"$rules"
at_step() { rm "$rules"; }
export rules
export -f at_step
options=(--rules "$rules" --at-step at_step)
boot dm-init-late 120 lab.mode=late
tells 'early .*No such device' 'without a TPM there are no trusted keys'
tells 'twice .*Operation not permitted' 'with one that comes late there are'
quiet
plan
