/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References to keys in the kernel keyring, as a device-mapper table line names them, that have to
 * be refused, and some that have to be taken apart:
 *
 *	":" <size> ":" <type> ":" <description>
 *
 * The KUnit test of the parser and the selftest of dm-crypt share this file, so it is plain C that
 * the kernel and user space can both include. It defines data: include it once.
 *
 * White space is what the kernel's isspace() says, which the byte 0xa0 is as well. A table line
 * and a message can hold it only behind a backslash, which does not belong to the reference.
 */

#ifndef _DM_KEYRING_TABLE_H
#define _DM_KEYRING_TABLE_H

static const struct dm_keyring_malformed {
	const char *reference;
	const char *why;
} dm_keyring_malformed[] = {
	/* Parts that are missing or empty. */
	{ ":", "nothing behind the colon" },
	{ "::", "nothing but colons" },
	{ ":::", "all three parts empty" },
	{ "::::", "a colon for a description and no more" },
	{ ":64", "a size alone" },
	{ ":64:", "an empty type and no description" },
	{ ":64::", "an empty type and an empty description" },
	{ ":64:::", "an empty type" },
	{ ":64::dmck:x", "an empty type before a description" },
	{ ":64:logon", "no description" },
	{ ":64:logon:", "an empty description" },
	{ "::logon:dmck:x", "an empty size" },
	{ ":logon:dmck:x", "no size" },
	{ ":logon:64:dmck:x", "size and type in the wrong order" },

	/* Sizes that are not decimal digits alone. */
	{ ":+64:logon:dmck:x", "a plus sign" },
	{ ":-64:logon:dmck:x", "a minus sign" },
	{ ":--64:logon:dmck:x", "two minus signs" },
	{ ": 64:logon:dmck:x", "a space before the size" },
	{ ":64 :logon:dmck:x", "a space behind the size" },
	{ ":6 4:logon:dmck:x", "a space in the size" },
	{ ":\t64:logon:dmck:x", "a tab before the size" },
	{ ":64\n:logon:dmck:x", "a line feed behind the size" },
	{ ":\24064:logon:dmck:x", "a no-break space before the size" },
	{ ":0x40:logon:dmck:x", "a size in hex" },
	{ ":40h:logon:dmck:x", "a size with a letter behind it" },
	{ ":64k:logon:dmck:x", "a size with a unit" },
	{ ":a:logon:dmck:x", "a letter for a size" },
	{ ":64.0:logon:dmck:x", "a size with a point" },
	{ ":6,4:logon:dmck:x", "a size with a comma" },
	{ ":6e1:logon:dmck:x", "a size with an exponent" },
	{ ":64-:logon:dmck:x", "a sign behind the size" },
	{ ":\"64\":logon:dmck:x", "a size in quotes" },
	{ ":\\64:logon:dmck:x", "a backslash before the size" },
	{ ":\xd9\xa6\xd9\xa4:logon:dmck:x", "digits, but not of ASCII" },

	/* Sizes out of range, or in it for whoever counts in too few bits. */
	{ ":0:logon:dmck:x", "zero" },
	{ ":000:logon:dmck:x", "zero at length" },
	{ ":32768:logon:dmck:x", "one more than a key can have" },
	{ ":65536:logon:dmck:x", "zero in 16 bits" },
	{ ":65600:logon:dmck:x", "64 in 16 bits" },
	{ ":2147483648:logon:dmck:x", "negative in 32 bits" },
	{ ":4294967232:logon:dmck:x", "minus 64 in 32 bits" },
	{ ":4294967360:logon:dmck:x", "64 in 32 bits" },
	{ ":18446744073709551680:logon:dmck:x", "64 in 64 bits" },
	{ ":340282366920938463463374607431768211520:logon:dmck:x", "64 in 128 bits" },

	/* Types that no type of key can have. */
	{ ":64: logon:dmck:x", "a space before the type" },
	{ ":64:logon :dmck:x", "a space behind the type" },
	{ ":64:lo gon:dmck:x", "a space in the type" },
	{ ":64:\tlogon:dmck:x", "a tab before the type" },
	{ ":64:logon\r:dmck:x", "a carriage return behind the type" },
	{ ":64:logon\xa0:dmck:x", "a no-break space behind the type" },
	{ ":64: :dmck:x", "a space for a type" },
	{ ":64:sixteen_letters_:dmck:x", "a type of 16 characters" },
	{ ":64:logonlogonlogonlogonlogonlogonlogon:dmck:x", "a type of 35 characters" },

	/* White space in the description. */
	{ ":64:logon: ", "a space for a description" },
	{ ":64:logon: dmck:x", "a space before the description" },
	{ ":64:logon:dmck:x ", "a space behind the description" },
	{ ":64:logon:dmck: x", "a space in the description" },
	{ ":64:logon:dmck:x\n", "a line feed at the end" },
	{ ":64:logon:dmck:\tx", "a tab in the description" },
	{ ":64:logon:dmck:\vx", "a vertical tab in the description" },
	{ ":64:logon:dmck:\fx", "a form feed in the description" },
	{ ":64:logon:dmck:x\r", "a carriage return at the end" },
	{ ":64:logon:dmck:\xc3\xa0", "an a with a grave in UTF-8, whose second byte is 0xa0" },
};

static const struct dm_keyring_wellformed {
	const char *reference;
	unsigned int size;
	const char *type;
	const char *description;
} dm_keyring_wellformed[] = {
	{ ":64:logon:dmck:absent", 64, "logon", "dmck:absent" },
	{ ":1:user:a", 1, "user", "a" },
	{ ":32767:user:dmck_absent", 32767, "user", "dmck_absent" },
	{ ":0064:user:dmck_absent", 64, "user", "dmck_absent" },
	{ ":00000000000000000000000032:user:dmck_absent", 32, "user", "dmck_absent" },
	{ ":09:user:dmck_absent", 9, "user", "dmck_absent" },
	{ ":64:user::", 64, "user", ":" },
	{ ":64:user::dmck::absent:", 64, "user", ":dmck::absent:" },
	{ ":64:user:64:user:dmck_absent", 64, "user", "64:user:dmck_absent" },
	{ ":64:user:dmck\\absent", 64, "user", "dmck\\absent" },
	{ ":64:user:\"dmck\",%s,absent", 64, "user", "\"dmck\",%s,absent" },
	{ ":64:user:schl\xc3\xbcssel", 64, "user", "schl\xc3\xbcssel" },
	{ ":64:user:\x1f\x7f", 64, "user", "\x1f\x7f" },
	{ ":128:encrypted:dmck_absent", 128, "encrypted", "dmck_absent" },
	{ ":128:trusted:dmck_absent", 128, "trusted", "dmck_absent" },
	{ ":64:x:y", 64, "x", "y" },
	{ ":64:fifteen_letters:dmck_absent", 64, "fifteen_letters", "dmck_absent" },
	{ ":64:.Type/-+:dmck_absent", 64, ".Type/-+", "dmck_absent" },
};

#endif /* _DM_KEYRING_TABLE_H */
