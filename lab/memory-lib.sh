# shellcheck shell=bash disable=SC2034,SC2154
# memory-lib.sh - what the memory table is made of: its steps and keys, their names, and the
# counts that are required. Sourced after lib.sh.
#
#   memory_steps, memory_keys      in the order of the table
#   memory_title STEP              that step in words
#   memory_expected STEP KEY       the counts "whole part... hex" that a step must give for a key,
#                                  a word each, - where any will do; nothing if it has none. Its
#                                  parts are its halves, or those of memory_parts
#   memory_parts KEY               the parts of one that has others, as OFFSET:LENGTH
#   memory_fits COUNTS EXPECTED    they are as they must be

memory_steps='added loaded resumed dropped wiped reloaded removed constructor key-set killed short revoked revoked-removed swapped-out swapped-in disk swapped-removed'
memory_keys='hex user logon encrypted trusted cbc gcm lmk tcw authenc'

memory_title() {
	case $1 in
	added) echo 'key added' ;;
	loaded) echo 'table loaded' ;;
	resumed) echo 'resumed' ;;
	dropped) echo 'key dropped' ;;
	wiped) echo 'suspended, wiped' ;;
	reloaded) echo 'key set again' ;;
	removed) echo 'removed' ;;
	constructor) echo 'tables refused' ;;
	key-set) echo 'key set refused' ;;
	killed) echo 'killed in loads' ;;
	short) echo 'short of memory' ;;
	revoked) echo 'key revoked' ;;
	revoked-removed) echo 'removed' ;;
	swapped-out) echo 'swapped out' ;;
	swapped-in) echo 'swapped in' ;;
	disk) echo 'on the swap disk' ;;
	swapped-removed) echo 'removed' ;;
	esac
}

# lmk: the first and the last of the ciphers' keys, the seed. tcw: the cipher's key, the seed, what
# it whitens with. authenc: both keys of xts, that of the MAC.
memory_parts() {
	case $1 in
	lmk) echo 0:16 1008:16 1024:16 ;;
	tcw) echo 0:32 32:16 48:16 ;;
	authenc) echo 0:32 32:32 64:32 ;;
	esac
}

# The key stands once in the keyring, while it is there and not revoked (the types that user
# space gives a payload to free it then). Each half is at the head of one live schedule, so
# there is one of each a transform. The schedules of cbc and gcm begin with the whole key, and the
# one that decrypts ends with the first round key, which is the first half of one of 32 bytes, and
# the whole of one of 16, as lmk has 64, each for a transform of its own. gcm decrypts nothing, and
# has no such schedule but on 6.12. What lmk and tcw need of the key besides, their generators
# keep. hmac keeps none of its key, but states of the hash.
# A key in hex the target keeps itself, to show it in its table. Digits are nowhere, and those
# of hex are only told, not required: who passes them has them.
memory_expected() {
	local kept=1 live=0 digits=0 again=0
	case $1 in
	added | constructor) ;;
	loaded | resumed | reloaded | key-set | swapped-out | swapped-in) live=1 ;;
	killed | short) [ "$2" != hex ] || return 0 ;;
	dropped) kept=0 live=1 ;;
	revoked)
		live=1
		case $2 in user | logon | tcw) kept=0 ;; esac
		;;
	wiped | removed | revoked-removed | disk | swapped-removed) kept=0 ;;
	*) return 0 ;;
	esac
	[ "$2" != hex ] || kept=$live digits=-
	case $2 in
	cbc | gcm)
		if [ "$2" = cbc ] || [ "$base" = 6.12 ]; then again=$live; fi
		echo $((kept + live)) $((kept + live + again)) $((kept + live)) $digits
		;;
	lmk) echo $kept $((kept + 2 * live)) $((kept + 2 * live)) $((kept + live)) $digits ;;
	tcw) echo $kept $((kept + live)) $((kept + live)) $((kept + live)) $digits ;;
	authenc) echo $kept $((kept + live)) $((kept + live)) $kept $digits ;;
	*) echo $kept $((kept + live)) $((kept + live)) $digits ;;
	esac
}

memory_fits() {
	local i
	local -a have need
	read -ra have <<<"$1"
	read -ra need <<<"$2"
	[ ${#have[@]} -eq ${#need[@]} ] || return 1
	for i in "${!need[@]}"; do
		[ "${need[i]}" = - ] || [ "${have[i]}" = "${need[i]}" ] || return 1
	done
}
