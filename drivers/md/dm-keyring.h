/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Key references in device-mapper table lines
 *
 * A target that takes a key takes it as hexadecimal digits or as a reference to
 * a key in the kernel's keyrings, ":<size>:<type>:<description>".  This header is
 * what a target needs to handle the reference; the grammar, the errors and the
 * life of a key are in
 * Documentation/admin-guide/device-mapper/dm-keyring.rst.
 */

#ifndef DM_KEYRING_H
#define DM_KEYRING_H

#include <linux/types.h>

struct key;
struct key_secret_use;

/* The largest payload of a user or logon key; no type that lends has more. */
#define DM_KEYRING_SIZE_MAX	32767

/* cryptsetup has no room for a longer type name. */
#define DM_KEYRING_TYPE_MAX	15

/**
 * struct dm_keyring_ref - A parsed key reference
 * @size: Size of the key, in bytes.
 * @type: Name of the key type.
 * @description: Description of the key, in the string that was parsed.
 */
struct dm_keyring_ref {
	unsigned int size;
	char type[DM_KEYRING_TYPE_MAX + 1];
	const char *description;
};

/**
 * typedef dm_keyring_fn - Use a lent key
 * @key: The key, of the size that the reference says.
 * @readable: User space can read the key, see key_secret_readable().  Otherwise the
 *	      target asks key_secret_admits() for each algorithm that it keys.
 * @data: What the target gave to dm_keyring_lend().
 *
 * The rules of key_secret_fn hold: neither the bytes nor their address may be
 * kept, and no key be looked up.  A lock that is taken here must nowhere be held
 * over anything that waits, for a key above all.
 *
 * Return: What dm_keyring_lend() is to return.
 */
typedef int (*dm_keyring_fn)(const u8 *key, bool readable, void *data);

/**
 * dm_keyring_is_ref - Is the key argument of a table line a reference?
 * @str: The argument.
 *
 * Return: true for a reference, well-formed or not, false for hex digits and "-".
 */
static inline bool dm_keyring_is_ref(const char *str)
{
	return str[0] == ':';
}

/**
 * dm_keyring_shown - The key argument of a table line, as it may be shown
 * @str: The argument, a reference that is well-formed, hex digits, or "-".
 *
 * Return: @str if it is a reference, else "-".
 */
static inline const char *dm_keyring_shown(const char *str)
{
	return dm_keyring_is_ref(str) ? str : "-";
}

int dm_keyring_parse(const char *str, struct dm_keyring_ref *ref,
		     char **error);
int dm_keyring_admit_hex(char **error);
int dm_keyring_admit_drop(const struct key *key, const char *name);
struct key *dm_keyring_find(const struct dm_keyring_ref *ref);
int dm_keyring_lend(struct key *key, const struct dm_keyring_ref *ref,
		    const struct key_secret_use *use, dm_keyring_fn fn, void *data);
int dm_keyring_use(const char *str, const struct key_secret_use *use,
		   dm_keyring_fn fn, void *data, char **error);
size_t dm_keyring_ima(const char *str, char *buf, size_t size);

#endif /* DM_KEYRING_H */
