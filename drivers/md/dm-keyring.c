// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key references in device-mapper table lines
 *
 * This file owns the grammar of a reference, dm_keyring_parse(), and the way
 * from a reference to the bytes, dm_keyring_find() and dm_keyring_lend(), or both
 * as dm_keyring_use(), which say in the log what was wrong with which reference.
 * It knows no key type, no cipher and no target, and keeps nothing.
 *
 * See Documentation/admin-guide/device-mapper/dm-keyring.rst.
 */

#include <linux/ctype.h>
#include <linux/device-mapper.h>
#include <linux/export.h>
#include <linux/key.h>
#include <linux/key-secret.h>
#include <linux/string.h>
#include "dm-keyring.h"

#define DM_MSG_PREFIX "keyring"

/**
 * dm_keyring_parse - Parse a key reference
 * @str: The reference, NUL-terminated.
 * @ref: The result; its description points into @str.
 * @error: Set to a sentence for ti->error if @str is not a reference.
 *
 * Pure: allocates nothing and looks at no keyring.  On failure @ref is undefined.
 *
 *	reference   = ":" size ":" type ":" description
 *	size        = digit { digit }		; 1 to DM_KEYRING_SIZE_MAX
 *	type        = 1 to DM_KEYRING_TYPE_MAX characters, no ":", no whitespace
 *	description = 1 or more characters, no whitespace
 *
 * Whitespace is refused because a table line is split at it, and device-mapper
 * does not quote it again when it prints one.
 *
 * Context: Any.
 * Return: 0, or -EINVAL with @error set.
 */
int dm_keyring_parse(const char *str, struct dm_keyring_ref *ref,
		     char **error)
{
	unsigned int size = 0;
	const char *p = str;
	size_t len;

	if (*p++ != ':') {
		*error = "Key reference does not start with a colon";
		return -EINVAL;
	}

	/* kstrtouint() would take a sign, sscanf() wraps around. */
	for (; isdigit(*p) && size <= DM_KEYRING_SIZE_MAX; p++)
		size = size * 10 + (*p - '0');
	if (*p++ != ':' || !size || size > DM_KEYRING_SIZE_MAX) {
		*error = "Key size in key reference is not a number from 1 to 32767";
		return -EINVAL;
	}

	len = strcspn(p, ":");
	if (!len || len > DM_KEYRING_TYPE_MAX || !p[len]) {
		*error = "Key type in key reference does not have 1 to 15 characters and a colon";
		return -EINVAL;
	}
	memcpy(ref->type, p, len);
	ref->type[len] = '\0';
	ref->size = size;
	ref->description = p + len + 1;

	if (!*ref->description) {
		*error = "Key description in key reference is empty";
		return -EINVAL;
	}

	for (; *p; p++) {
		if (isspace(*p)) {
			*error = "Whitespace in key reference";
			return -EINVAL;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(dm_keyring_parse);

static void dm_keyring_refuse(const struct dm_keyring_ref *ref, int err)
{
	const char *cause;

	switch (err) {
	case -ENOPROTOOPT:
		cause = "no such key type, or it lends no key";
		break;
	case -ENOKEY:
		cause = "no such key in the caller's keyrings";
		break;
	case -EKEYREVOKED:
		cause = "the key is revoked";
		break;
	case -EKEYEXPIRED:
		cause = "the key has expired";
		break;
	case -EACCES:
		cause = "no permission to search for the key";
		break;
	default:
		cause = "the key cannot be used";
	}
	DMERR(":%u:%s:%s: %s (%d)",
	      ref->size, ref->type, ref->description, cause, err);
}

/**
 * dm_keyring_find - Look up the key that a reference names
 * @ref: The reference.
 *
 * Waits while the key is under construction, which can take as long as user
 * space likes: take no lock of the target before it.
 *
 * Context: Process context, of the task whose keyrings are searched.  May sleep.
 * Return: The key, to be passed to dm_keyring_lend() and dropped with key_put()
 *	   by the caller.  On failure the reference and the cause are in the log.
 *	   -EINVAL: no such key type, or it lends no key.
 *	   Otherwise the error of key_secret_find().
 */
struct key *dm_keyring_find(const struct dm_keyring_ref *ref)
{
	struct key *key = key_secret_find(ref->type, ref->description);
	int err = PTR_ERR_OR_ZERO(key);

	if (err) {
		dm_keyring_refuse(ref, err);
		/* What a table line with an unknown type has always got. */
		return err == -ENOPROTOOPT ? ERR_PTR(-EINVAL) : ERR_PTR(err);
	}
	return key;
}
EXPORT_SYMBOL_GPL(dm_keyring_find);

struct dm_keyring_loan {
	const struct dm_keyring_ref *ref;
	const struct key *key;
	dm_keyring_fn fn;
	void *data;
	bool found;		/* the secret; what failed since has been told */
};

static int dm_keyring_check_size(const u8 *secret, size_t len, void *data)
{
	struct dm_keyring_loan *loan = data;
	const struct dm_keyring_ref *ref = loan->ref;

	loan->found = true;
	if (len != ref->size) {
		DMERR(":%u:%s:%s: the key has %zu bytes, not %u",
		      ref->size, ref->type, ref->description, len, ref->size);
		return -EINVAL;
	}
	return loan->fn(secret, key_secret_readable(loan->key), loan->data);
}

/**
 * dm_keyring_lend - Show a key's bytes to a function
 * @key: The key, as dm_keyring_find() returned it.
 * @ref: The reference by which it was found.
 * @fn: What uses the bytes.
 * @data: Passed on to @fn.
 *
 * Context: Process context.  May sleep.  @fn runs with key->sem held for reading
 *	    and in a memalloc_noio scope, see key_secret_lend().
 * Return: The result of @fn if it was called.  If it was not, the reference and
 *	   the cause are in the log, and whatever the target had is untouched:
 *	   -EINVAL: the key's size is not that of the reference.
 *	   Otherwise the error of key_secret_lend().
 */
int dm_keyring_lend(struct key *key, const struct dm_keyring_ref *ref,
		    dm_keyring_fn fn, void *data)
{
	struct dm_keyring_loan loan = { .ref = ref, .key = key, .fn = fn, .data = data };
	int ret;

	ret = key_secret_lend(key, dm_keyring_check_size, &loan);
	if (ret < 0 && !loan.found)
		dm_keyring_refuse(ref, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(dm_keyring_lend);

/**
 * dm_keyring_use - Show the bytes of the key that a reference names to a function
 * @str: The reference, NUL-terminated.
 * @fn: What uses the bytes.
 * @data: Passed on to @fn.
 * @error: Set to a sentence for ti->error if @str is not a reference.
 *
 * For who needs the key once, as constructors do, and holds no lock.
 *
 * Context: Process context, of the task whose keyrings are searched.  May sleep.
 *	    See dm_keyring_lend() for that of @fn.
 * Return: The result of @fn if it was called.  Otherwise the error of
 *	   dm_keyring_parse(), dm_keyring_find() or dm_keyring_lend().
 */
int dm_keyring_use(const char *str, dm_keyring_fn fn, void *data, char **error)
{
	struct dm_keyring_ref ref;
	struct key *key;
	int ret;

	ret = dm_keyring_parse(str, &ref, error);
	if (ret)
		return ret;

	key = dm_keyring_find(&ref);
	if (IS_ERR(key))
		return PTR_ERR(key);

	ret = dm_keyring_lend(key, &ref, fn, data);
	key_put(key);
	return ret;
}
EXPORT_SYMBOL_GPL(dm_keyring_use);

/**
 * dm_keyring_ima - Print a reference into a line that IMA measures
 * @str: The reference, NUL-terminated.
 * @buf: Where to.
 * @size: Room in @buf, in bytes.
 *
 * What separates the attributes of such a line is quoted by a backslash, as it is
 * in the names of devices there.
 *
 * Context: Any.
 * Return: Number of characters printed, without the NUL, as of scnprintf().
 */
size_t dm_keyring_ima(const char *str, char *buf, size_t size)
{
	size_t n = 0;

	for (; *str; str++)
		n += scnprintf(buf + n, size - n,
			       strchr(",;=\\", *str) ? "\\%c" : "%c", *str);
	return n;
}
EXPORT_SYMBOL_GPL(dm_keyring_ima);
