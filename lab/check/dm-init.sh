#!/usr/bin/env bash
# dm-init.sh - a reference in dm-mod.create= on the kernel's command line is understood:
# as there are no keys that early, it is refused by its name, the kernel boots on, and
# the same line with a key in hex makes the volume.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

test_kernel patched
prepared
hex=$(head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
# create NAME KEY: boots with such a volume on a RAM disk
create() { boot "dm-init-$1" 60 "lab.mode=probe dm-mod.create=\"$1,,,rw,0 2048 crypt aes-xts-plain64 $2 0 /dev/ram0 0\""; }

create reference :64:logon:no:such-key
said() { if grep -aqE "$1" "$console"; then ok "$2"; else not_ok "$2" "$(grep -a device-mapper "$console" || :)"; fi; }
said 'device-mapper: keyring: :64:logon:no:such-key: no such key' 'the key that is not there is named'
said 'device-mapper: table: .* crypt: .*-126' 'the table is refused with ENOKEY'
quiet
create hex "$hex"
said 'device-mapper: ioctl: dm-0 \(hex\) is ready' 'the same line with a key in hex makes the volume'
quiet
# Parameters that are only read are named there too: dm-verity's of that name is set so.
boot dm-init-parameters 60 "lab.mode=probe dm_keyring.keyring_unsealed=1 dm_keyring.keyring=1 dm_keyring.policy"
said "Booting kernel: .1' invalid for parameter .dm_keyring.keyring_unsealed'" 'a parameter that is only read refuses a value'
said 'there is no policy without a word, so it is sealed' 'a policy that is not named is the strictest'
quiet
plan
