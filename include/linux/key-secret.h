/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lending the secret of a key
 *
 * What a user in the kernel needs to key a cipher or a MAC with the secret
 * that a key holds, without knowing the key's type and without a copy of the
 * bytes.  The contract is in Documentation/security/keys/key-secret.rst, the
 * code in security/keys/key_secret.c, which algorithms a secret may key in
 * security/keys/key_primitive.c, and what a key type provides is
 * key_type::secret in <linux/key-type.h>.
 */

#ifndef _LINUX_KEY_SECRET_H
#define _LINUX_KEY_SECRET_H

#include <linux/err.h>
#include <linux/types.h>

struct key;

/**
 * struct key_secret_use - What a secret is borrowed for
 * @consumer: Name of the borrower, such as "dm-crypt".
 * @spec: What it is going to do with the secret, in the words of its interface,
 *	  such as "aes-xts-plain64".
 */
struct key_secret_use {
	const char *consumer;
	const char *spec;
};

/**
 * typedef key_secret_fn - Use a lent secret
 * @secret: The bytes, in the payload of the key; not aligned, not terminated.
 * @len: Their number.
 * @data: What the borrower gave to key_secret_lend().
 *
 * The bytes are the key's: the function must not change them, and must not
 * keep them or their address beyond its return.
 *
 * Context: Process context, with key->sem held for reading and in a
 *	    memalloc_noio scope.  May sleep.  Must not look up or lock a key.
 * Return: What key_secret_lend() is to return.
 */
typedef int (*key_secret_fn)(const u8 *secret, size_t len, void *data);

#ifdef CONFIG_KEYS

struct key *key_secret_find(const char *type_name, const char *description);
struct key *key_secret_find_in(struct key *keyring, const char *type_name,
			       const char *description);
int key_secret_lend(struct key *key, const struct key_secret_use *use,
		    key_secret_fn fn, void *data);
bool key_secret_readable(const struct key *key);
bool key_secret_admits(const char *alg, size_t keylen, size_t maclen, bool whole);
bool key_secret_withdraw(struct key *key);
void key_secret_confine(void);
bool key_secret_confined(void);
void key_secret_defer(void);
bool key_secret_deferring(void);
int key_secret_settle(const char *type_name);

#else /* CONFIG_KEYS */

static inline struct key *key_secret_find(const char *type_name,
					  const char *description)
{
	return ERR_PTR(-ENOPROTOOPT);
}

static inline struct key *key_secret_find_in(struct key *keyring,
					     const char *type_name,
					     const char *description)
{
	return ERR_PTR(-ENOPROTOOPT);
}

static inline int key_secret_lend(struct key *key,
				  const struct key_secret_use *use,
				  key_secret_fn fn, void *data)
{
	return -ENOPROTOOPT;
}

static inline bool key_secret_readable(const struct key *key)
{
	return false;
}

static inline bool key_secret_admits(const char *alg, size_t keylen,
				     size_t maclen, bool whole)
{
	return false;
}

static inline bool key_secret_withdraw(struct key *key)
{
	return true;
}

static inline void key_secret_confine(void)
{
}

static inline bool key_secret_confined(void)
{
	return false;
}

static inline void key_secret_defer(void)
{
}

static inline bool key_secret_deferring(void)
{
	return false;
}

static inline int key_secret_settle(const char *type_name)
{
	return -ENOPROTOOPT;
}

#endif /* CONFIG_KEYS */
#endif /* _LINUX_KEY_SECRET_H */
