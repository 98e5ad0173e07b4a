// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which algorithms may be keyed with a secret that user space cannot read
 *
 * Whoever may use a key chooses the algorithm, and some give the key back: a cipher
 * with a key of one byte can be searched, a checksum can be solved, and ghash of
 * a chosen block is the key itself.  This file owns the rule that keeps such a
 * secret from them: every byte of it goes into a cipher or MAC that is known to
 * keep its key, and none into one that gets fewer than 16 bytes.
 *
 * What is not listed here is refused.  Why each is listed, or not, is in
 * Documentation/security/keys/key-secret.rst.
 */

#include <linux/export.h>
#include <linux/key-secret.h>
#include <linux/string.h>

#define KEY_BYTES_MIN	16

/* Lists end with NULL. The least key of a cipher is checked here, not the greatest. */
static const char * const block_ciphers[] = {
	"aes", "anubis", "aria", "blowfish", "camellia", "cast5", "cast6",
	"des3_ede", "khazad", "seed", "serpent", "sm4", "tea", "twofish", "xtea",
	"paes",		/* s390: what is set is wrapped by the machine */
	NULL
};

static const char * const stream_ciphers[] = {
	"chacha20", "xchacha12", "xchacha20", NULL
};

/* Hashes that nobody can invert: for hmac(), and for essiv's salt. */
static const char * const hashes[] = {
	"md5", "rmd160", "sha1", "sha224", "sha256", "sha384", "sha512",
	"sha3-224", "sha3-256", "sha3-384", "sha3-512", "sm3",
	"streebog256", "streebog512", "wp256", "wp384", "wp512",
	NULL
};

/* With a key they are MACs, without one hashes. */
static const char * const keyed_hashes[] = {
	"blake2b-160", "blake2b-256", "blake2b-384", "blake2b-512",
	"blake2s-128", "blake2s-160", "blake2s-224", "blake2s-256",
	NULL
};

/* A block cipher that gets the whole key. */
static const char * const block_modes[] = {
	"cbc", "ctr", "cfb", "ecb", "hctr2", "ofb", "pcbc", "xctr",
	NULL
};

static const char * const aead_modes[] = { "ccm", "gcm", NULL };

/* A part of an algorithm's name: not terminated. */
struct name {
	const char *s;
	size_t len;
};

static bool name_is(struct name n, const char *s)
{
	return strlen(s) == n.len && !memcmp(n.s, s, n.len);
}

static bool name_in(struct name n, const char * const *list)
{
	for (; *list; list++)
		if (name_is(n, *list))
			return true;
	return false;
}

/*
 * Take "template(first)" or "template(first,second)" apart; a name without
 * parentheses is a template without arguments.  False if it is neither.
 */
static bool name_split(struct name n, struct name *template,
		       struct name *first, struct name *second)
{
	const char *open = memchr(n.s, '(', n.len);
	struct name *arg = first;
	unsigned int depth = 0;
	const char *p, *end;

	*first = *second = (struct name) {};
	if (!open) {
		*template = n;
		return true;
	}
	*template = (struct name) { n.s, open - n.s };

	end = n.s + n.len - 1;
	if (*end != ')')
		return false;

	first->s = open + 1;
	for (p = open + 1; p < end; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && !depth--)
			return false;
		if (*p != ',' || depth)
			continue;
		if (arg == second)
			return false;
		arg->len = p - arg->s;
		arg = second;
		arg->s = p + 1;
	}
	arg->len = p - arg->s;
	return !depth;
}

static bool block_cipher(struct name n, size_t keylen)
{
	return name_in(n, block_ciphers) && keylen >= KEY_BYTES_MIN;
}

static bool hash(struct name n)
{
	return name_in(n, hashes) || name_in(n, keyed_hashes);
}

static bool mac(struct name n, size_t keylen)
{
	struct name template, arg, none;

	if (!name_split(n, &template, &arg, &none) || none.s)
		return false;
	/* phmac: s390, as paes */
	if (name_is(template, "hmac") || name_is(template, "phmac"))
		return name_in(arg, hashes) && keylen >= KEY_BYTES_MIN;
	if (name_is(template, "cmac") || name_is(template, "xcbc"))
		return block_cipher(arg, keylen);
	return !arg.s && name_in(template, keyed_hashes) && keylen >= KEY_BYTES_MIN;
}

/* template(inner(block cipher)), whose last @salt bytes go into the counter. */
static bool salted(struct name n, const char *inner, size_t keylen, size_t salt)
{
	struct name template, arg, none;

	return name_split(n, &template, &arg, &none) && !none.s &&
	       name_is(template, inner) && keylen >= salt &&
	       block_cipher(arg, keylen - salt);
}

/*
 * A salt and lrw's tweak are bytes of the key that a cipher encrypts, or encrypts with. If
 * the borrower is told where to divide the secret, another cipher gets the same key as
 * that one and decrypts them: so only if the secret is not divided.
 */
static bool skcipher(struct name n, size_t keylen, bool whole)
{
	struct name template, first, second;

	if (!name_split(n, &template, &first, &second))
		return false;

	if (name_is(template, "essiv"))
		return second.s && hash(second) && skcipher(first, keylen, whole);
	if (name_is(template, "adiantum"))
		return second.s && name_in(first, stream_ciphers) &&
		       name_in(second, block_ciphers) && keylen >= KEY_BYTES_MIN;
	if (second.s)
		return false;

	if (!first.s)
		return name_in(template, stream_ciphers) && keylen >= KEY_BYTES_MIN;
	/* No key, so no byte of it is in danger. */
	if (name_is(template, "ecb") && name_is(first, "cipher_null"))
		return !keylen;
	if (name_in(template, block_modes))
		return block_cipher(first, keylen);
	if (name_is(template, "cts"))
		return salted(first, "cbc", keylen, 0);
	if (name_is(template, "rfc3686"))
		return whole && salted(first, "ctr", keylen, 4);
	if (name_is(template, "xts"))
		return !(keylen % 2) && block_cipher(first, keylen / 2);
	/* The tweak's key, of the size of a block, comes last. */
	if (name_is(template, "lrw"))
		return whole && keylen >= KEY_BYTES_MIN && block_cipher(first, keylen - 16);
	return false;
}

static bool aead(struct name n, size_t keylen, size_t maclen, bool whole)
{
	struct name template, first, second;

	if (!name_split(n, &template, &first, &second))
		return false;

	if (name_is(template, "essiv"))
		return second.s && hash(second) && aead(first, keylen, maclen, whole);
	/* Without a cut, the bytes would be taken for the header that names it. */
	if (name_is(template, "authenc") || name_is(template, "authencesn"))
		return second.s && maclen && mac(first, maclen) &&
		       skcipher(second, keylen - maclen, false);
	if (maclen)
		return false;

	if (name_is(template, "rfc7539") || name_is(template, "rfc7539esp"))
		return name_in(first, stream_ciphers) && name_is(second, "poly1305") &&
		       (whole || !name_is(template, "rfc7539esp")) &&
		       keylen >= 2 * KEY_BYTES_MIN;
	if (second.s)
		return false;
	if (name_in(template, aead_modes))
		return block_cipher(first, keylen);
	if (name_is(template, "rfc4106") || name_is(template, "rfc4543"))
		return whole && salted(first, "gcm", keylen, 4);
	if (name_is(template, "rfc4309"))
		return whole && salted(first, "ccm", keylen, 3);
	return !first.s && name_is(template, "aegis128") && keylen >= KEY_BYTES_MIN;
}

/**
 * key_secret_admits - May this algorithm be keyed with a secret that nobody reads?
 * @alg: Canonical name of the algorithm, crypto_tfm_alg_name() of the transform:
 *	 a driver's name says nothing of what it does.
 * @keylen: Bytes of the secret that the algorithm gets.
 * @maclen: How many of them key the MAC of authenc(); otherwise 0.
 * @whole: These are all bytes of the secret.
 *
 * A borrower that splits a secret asks for each part, and uses none of it if
 * the answer is no for one.  Secrets that are key_secret_readable() are not held
 * to the rule.
 *
 * Pure: allocates nothing, takes no lock.
 *
 * Context: Any.
 * Return: true if every byte goes into a recognised cipher or MAC, with at least
 *	   16 bytes of key for each.
 */
bool key_secret_admits(const char *alg, size_t keylen, size_t maclen, bool whole)
{
	struct name n = { alg, strlen(alg) };

	/* A cipher without a key is one only beside a MAC. */
	if (!keylen || maclen > keylen)
		return false;
	return aead(n, keylen, maclen, whole) ||
	       (!maclen && (skcipher(n, keylen, whole) || mac(n, keylen)));
}
EXPORT_SYMBOL_GPL(key_secret_admits);
