// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every algorithm of the kernel that takes a key is asked for with keys of the keyring that user
 * space cannot read: what /proc/crypto has, under its driver's name, too, and each template over
 * each cipher and hash. Whether it gets such a key is what the tables here say, which are the rule
 * of Documentation/security/keys/key-secret.rst in other words than the kernel's. A user key, which
 * is not held to the rule, shows what the algorithm would take: it gets the other one then, and
 * only then.
 *
 * What the tables do not have nobody has judged, and the test fails by its name. What the kernel
 * does not have is not asked for, so the more it has, the more is proven.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

#define RESTRICT "/proc/sys/crypto/af_alg_restrict"
#define MAX_SIZE 1088

/* What is to be made of a key: no part of it may be less. */
#define LEAST 16

struct part {
	const char *name;
	bool keeps;
};

/* Of each list the first one is common, and goes with all of another list. */
static const struct part ciphers[] = {
	{ "aes", true }, { "anubis", true }, { "aria", true }, { "blowfish", true },
	{ "camellia", true }, { "cast5", true }, { "cast6", true }, { "des3_ede", true },
	{ "khazad", true }, { "paes", true }, { "seed", true }, { "serpent", true },
	{ "sm4", true }, { "tea", true }, { "twofish", true }, { "xtea", true },
	{ "arc4", false }, { "cipher_null", false }, { "des", false }, { "fcrypt", false },
	{ "xeta", false },
	{}
};

static const struct part streams[] = {
	{ "chacha20", true }, { "xchacha12", true }, { "xchacha20", true },
	{}
};

/* Without a key they are hashes, or checksums. */
static const struct part hashes[] = {
	{ "sha256", true }, { "md5", true }, { "rmd160", true }, { "sha1", true },
	{ "sha224", true }, { "sha384", true }, { "sha512", true }, { "sha3-224", true },
	{ "sha3-256", true }, { "sha3-384", true }, { "sha3-512", true }, { "sm3", true },
	{ "streebog256", true }, { "streebog512", true }, { "wp256", true },
	{ "wp384", true }, { "wp512", true },
	{ "md4", false }, { "digest_null", false }, { "crc32", false }, { "crc32be", false },
	{ "crc32c", false }, { "crc64-rocksoft", false }, { "crct10dif", false },
	{ "ghash", false }, { "michael_mic", false }, { "nhpoly1305", false },
	{ "poly1305", false }, { "polyval", false }, { "xxhash64", false },
	{}
};

static const struct part keyed_hashes[] = {
	{ "blake2b-256", true }, { "blake2b-160", true }, { "blake2b-384", true },
	{ "blake2b-512", true }, { "blake2s-128", true }, { "blake2s-160", true },
	{ "blake2s-224", true }, { "blake2s-256", true },
	{}
};

static const struct part rngs[] = {
	{ "stdrng", false }, { "ansi_cprng", false }, { "jitterentropy_rng", false },
	{}
};

static const struct part alone[] = {
	{ "", true },
	{}
};

/* An algorithm, as AF_ALG calls its type, and what it is made over: a %s each. */
struct made {
	const char *type;
	const char *name;
	const struct part *first, *second;
	bool keeps;
	unsigned int keys; /* ciphers among which the key is divided, if more than one */
	unsigned int salt; /* bytes at its end that key none */
};

/* The first one that fits is meant. */
static const struct made made[] = {
	{ "skcipher", "ecb(%s)", ciphers, NULL, true },
	{ "skcipher", "cbc(%s)", ciphers, NULL, true },
	{ "skcipher", "ctr(%s)", ciphers, NULL, true },
	{ "skcipher", "cfb(%s)", ciphers, NULL, true },
	{ "skcipher", "ofb(%s)", ciphers, NULL, true },
	{ "skcipher", "pcbc(%s)", ciphers, NULL, true },
	{ "skcipher", "xctr(%s)", ciphers, NULL, true },
	{ "skcipher", "cts(cbc(%s))", ciphers, NULL, true },
	{ "skcipher", "hctr2(%s)", ciphers, NULL, true },
	{ "skcipher", "xts(%s)", ciphers, NULL, true, .keys = 2 },
	{ "skcipher", "lrw(%s)", ciphers, NULL, true, .salt = 16 },
	{ "skcipher", "rfc3686(ctr(%s))", ciphers, NULL, true, .salt = 4 },
	{ "skcipher", "essiv(cbc(%s),%s)", ciphers, hashes, true },
	{ "skcipher", "essiv(cbc(%s),%s)", ciphers, keyed_hashes, true },
	{ "skcipher", "essiv(ctr(%s),sha256)", ciphers, NULL, true },
	{ "skcipher", "essiv(xctr(%s),sha256)", ciphers, NULL, true },
	{ "skcipher", "essiv(pcbc(%s),sha256)", ciphers, NULL, true },
	{ "skcipher", "essiv(cts(cbc(%s)),sha256)", ciphers, NULL, true },
	{ "skcipher", "essiv(xts(%s),sha256)", ciphers, NULL, true, .keys = 2 },
	{ "skcipher", "essiv(lrw(%s),sha256)", ciphers, NULL, true, .salt = 16 },
	{ "skcipher", "adiantum(%s,%s)", streams, ciphers, true },
	{ "skcipher", "%s", streams, NULL, true },
	{ "skcipher", "%s", ciphers },
	{ "skcipher", "kw(%s)", ciphers },
	{ "skcipher", "cts(pcbc(%s))", ciphers },
	{ "skcipher", "rfc3686(xctr(%s))", ciphers },
	{ "skcipher", "rfc3686(%s)", streams },

	{ "aead", "gcm(%s)", ciphers, NULL, true },
	{ "aead", "ccm(%s)", ciphers, NULL, true },
	{ "aead", "rfc4106(gcm(%s))", ciphers, NULL, true, .salt = 4 },
	{ "aead", "rfc4543(gcm(%s))", ciphers, NULL, true, .salt = 4 },
	{ "aead", "rfc4309(ccm(%s))", ciphers, NULL, true, .salt = 3 },
	{ "aead", "rfc7539(%s,poly1305)", streams, NULL, true },
	{ "aead", "rfc7539esp(%s,poly1305)", streams, NULL, true, .salt = 4 },
	{ "aead", "aegis128%s", alone, NULL, true },
	/* Nothing says where their key is to be cut. */
	{ "aead", "authenc(hmac(%s),cbc(%s))", hashes, ciphers },
	{ "aead", "authenc(hmac(%s),ctr(%s))", hashes, ciphers },
	{ "aead", "authenc(hmac(%s),ecb(%s))", hashes, ciphers },
	{ "aead", "authenc(hmac(%s),xts(%s))", hashes, ciphers },
	{ "aead", "authenc(hmac(%s),rfc3686(ctr(%s)))", hashes, ciphers },
	{ "aead", "authenc(cmac(%s),cbc(%s))", ciphers, ciphers },
	{ "aead", "authenc(%s,cbc(%s))", hashes, ciphers },
	{ "aead", "authenc(%s,rfc3686(ctr(%s)))", hashes, ciphers },
	{ "aead", "authenc(%s,cbc(%s))", keyed_hashes, ciphers },
	{ "aead", "authencesn(hmac(%s),cbc(%s))", hashes, ciphers },
	{ "aead", "authencesn(%s,cbc(%s))", hashes, ciphers },
	{ "aead", "krb5enc(hmac(%s),cbc(%s))", hashes, ciphers },
	{ "aead", "krb5enc(hmac(%s),cts(cbc(%s)))", hashes, ciphers },
	{ "aead", "krb5enc(cmac(%s),cts(cbc(%s)))", ciphers, ciphers },
	{ "aead", "essiv(authenc(hmac(sha256),cbc(%s)),%s)", ciphers, hashes },
	{ "aead", "seqiv(gcm(%s))", ciphers },
	{ "aead", "seqiv(ccm(%s))", ciphers },
	{ "aead", "seqiv(rfc4106(gcm(%s)))", ciphers },
	{ "aead", "seqiv(rfc4543(gcm(%s)))", ciphers },
	{ "aead", "seqiv(rfc4309(ccm(%s)))", ciphers },
	{ "aead", "seqiv(rfc7539esp(%s,poly1305))", streams },
	{ "aead", "seqiv(authenc(hmac(%s),cbc(%s)))", hashes, ciphers },
	{ "aead", "seqiv(authenc(hmac(%s),rfc3686(ctr(%s))))", hashes, ciphers },
	{ "aead", "echainiv(gcm(%s))", ciphers },
	{ "aead", "echainiv(authenc(hmac(%s),cbc(%s)))", hashes, ciphers },
	{ "aead", "rfc4543(ccm(%s))", ciphers },
	{ "aead", "rfc7539(%s,%s)", streams, hashes },
	{ "aead", "rfc7539esp(%s,%s)", streams, hashes },

	{ "hash", "hmac(%s)", hashes, NULL, true },
	{ "hash", "phmac(%s)", hashes, NULL, true },
	{ "hash", "cmac(%s)", ciphers, NULL, true },
	{ "hash", "xcbc(%s)", ciphers, NULL, true },
	{ "hash", "%s", keyed_hashes, NULL, true },
	{ "hash", "%s", hashes },
	{ "hash", "hmac(%s)", keyed_hashes },
	{ "hash", "cbcmac(%s)", ciphers },
	{ "hash", "vmac64(%s)", ciphers },

	/* A key would be the seed. */
	{ "rng", "%s", rngs },
	{ "rng", "fips(%s)", rngs },
	{}
};

/* What AF_ALG has no name for: keys for them come by other ways, if at all. */
static const char * const keyless[] = {
	"acomp", "akcipher", "compression", "kpp", "scomp", "sig", NULL
};

static const char * const templates[] = {
	"adiantum", "authenc", "authencesn", "cbc", "cbcmac", "ccm", "ccm_base", "cfb", "cmac",
	"ctr", "cts", "ecb", "echainiv", "essiv", "gcm", "gcm_base", "hctr2", "hctr2_base", "hmac",
	"hmac-shash", "krb5enc", "kw", "lrw", "ofb", "pcbc", "rfc3686", "rfc4106", "rfc4309",
	"rfc4543", "rfc7539", "rfc7539esp", "seqiv", "vmac64", "xcbc", "xctr", "xts", NULL
};

/* They do the work of another algorithm elsewhere. */
static const char * const wraps[] = { "pcrypt", "cryptd", NULL };

static int alg_name(char name[REF_SIZE], const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = vsnprintf(name, REF_SIZE, format, args);
	va_end(args);
	return ret;
}

struct verdict {
	const struct made *made; /* or nobody has judged it */
	bool keeps;
};

static struct verdict judge(const char *type, const char *name)
{
	const struct part *first, *second;
	char other[REF_SIZE];
	const struct made *m;

	for (m = made; m->type; m++) {
		if (strcmp(m->type, type) || strncmp(m->name, name, strcspn(m->name, "%")))
			continue;
		for (first = m->first; first->name; first++) {
			for (second = m->second ?: alone; second->name; second++) {
				alg_name(other, m->name, first->name, second->name);
				if (!strcmp(name, other))
					return (struct verdict) { m, m->keeps && first->keeps &&
						second->keeps };
			}
		}
	}
	return (struct verdict) {};
}

/* A key of a size, once for nobody to read and once as a user key, and the same bytes in both. */
struct pair {
	size_t size;
	int secret, user;
};

/* Sizes that ciphers take, with and without a salt, and those about the least. */
static const size_t sizes[] = {
	1, 4, 5, 8, 12, 15, 16, 17, 19, 20, 24, 27, 28, 31, 32, 35, 36, 40, 48, 56, 64, 72, 128,
	MAX_SIZE
};

/* For the cipher, where the key begins with a header that says how much of it that is. */
static const size_t cut_sizes[] = { 8, 16, 20, 24, 32 };

#define MAC_SIZE 20
#define PAIRS (ARRAY_SIZE(sizes) + ARRAY_SIZE(cut_sizes))

struct algorithm {
	char name[REF_SIZE];
	char driver[REF_SIZE];
	char type[NAME_SIZE];
	bool internal;
};

FIXTURE(algorithm)
{
	struct pair pairs[PAIRS];
	char restricted[8]; /* as it was */
	int asked, keyed, keeps;
};

static int pair_make(struct pair *pair, int n, const unsigned char *secret, size_t size)
{
	char desc[NAME_SIZE];

	pair->size = size;
	snprintf(desc, sizeof(desc), "dmck:%d", n);
	pair->secret = key_add("logon", desc, secret, size);
	pair->user = key_add("user", desc, secret, size);
	return pair->secret < 0 || pair->user < 0 ? -EIO : 0;
}

FIXTURE_SETUP(algorithm)
{
	/* A header of netlink's form: its length and type, and the cipher's bytes. */
	struct {
		unsigned short len, type;
		unsigned int cipher;
		unsigned char rest[MAX_SIZE - 8];
	} cut = { 8, 1 };
	unsigned char secret[MAX_SIZE];
	size_t i, n;
	int fd;

	fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		SKIP(return, "needs CONFIG_CRYPTO_USER_API");
	close(fd);
	ASSERT_EQ(0, keys_open());
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
		ASSERT_EQ(0, pair_make(&self->pairs[i], i, secret, sizes[i]));
	}
	for (i = 0; i < ARRAY_SIZE(cut_sizes); i++) {
		ASSERT_EQ(0, fill_random(cut.rest, sizeof(cut.rest)));
		cut.cipher = htonl(cut_sizes[i]);
		n = ARRAY_SIZE(sizes) + i;
		ASSERT_EQ(0, pair_make(&self->pairs[n], n, (void *)&cut,
				       8 + MAC_SIZE + cut_sizes[i]));
	}
	fd = open(RESTRICT, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ASSERT_LT(0, read(fd, self->restricted, sizeof(self->restricted) - 1));
		close(fd);
		ASSERT_EQ(0, file_put(RESTRICT, "0"));
	}
}

FIXTURE_TEARDOWN(algorithm)
{
	if (self->restricted[0])
		EXPECT_EQ(0, file_put(RESTRICT, self->restricted));
}

static int alg_bind(const char *type, const char *name)
{
	struct sockaddr_alg addr = { .salg_family = AF_ALG };
	int fd, ret = 0;

	if (strlen(name) >= sizeof(addr.salg_name))
		return -ENAMETOOLONG;
	snprintf((char *)addr.salg_type, sizeof(addr.salg_type), "%s", type);
	snprintf((char *)addr.salg_name, sizeof(addr.salg_name), "%s", name);
	fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		ret = -errno;
	if (!ret)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int alg_key(int fd, int serial)
{
	return setsockopt(fd, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, &serial, sizeof(serial)) ?
	       -errno : 0;
}

/* Whether all that is made of so many bytes has enough. */
static bool enough(const struct made *m, size_t size)
{
	return size >= m->salt + LEAST * (m->keys ?: 1);
}

/* Asks for what is called @name here, and @canonical where it was judged. */
static void ask(struct __test_metadata *_metadata, FIXTURE_DATA(algorithm) * self,
		const char *type, const char *name, const char *canonical)
{
	int fd = alg_bind(type, name), user, secret, expected, taken = 0, got = 0;
	const struct pair *pair;
	struct verdict verdict;

	if (fd < 0)
		return;
	verdict = judge(type, canonical);
	for (pair = self->pairs; pair < self->pairs + PAIRS; pair++) {
		user = alg_key(fd, pair->user);
		secret = alg_key(fd, pair->secret);
		expected = verdict.keeps && enough(verdict.made, pair->size) ? user : -EINVAL;
		EXPECT_EQ(expected, secret)
			TH_LOG("%s %s, %zu bytes", type, name, pair->size);
		taken += !user;
		got += !secret;
	}
	close(fd);
	/* One that may have such a key gets one. */
	if (verdict.keeps && taken)
		EXPECT_LT(0, got)
			TH_LOG("%s %s takes none of enough bytes", type, name);
	self->asked++;
	self->keyed += !!taken;
	self->keeps += !!got;
}

static void told(const FIXTURE_DATA(algorithm) * self)
{
	ksft_print_msg("asked %d algorithms: %d took a key, %d one that nobody reads\n",
		       self->asked, self->keyed, self->keeps);
}

/* Each template over each cipher and hash, or with one of each, where it is made over two. */
static void ask_made(struct __test_metadata *_metadata, FIXTURE_DATA(algorithm) * self)
{
	const struct part *first, *second, *seconds;
	char name[REF_SIZE];
	const struct made *m;

	for (m = made; m->type; m++) {
		seconds = m->second ?: alone;
		for (first = m->first; first->name; first++) {
			for (second = seconds; second->name; second++) {
				if (first != m->first && second != seconds)
					continue;
				alg_name(name, m->name, first->name, second->name);
				if (judge(m->type, name).made == m)
					ask(_metadata, self, m->type, name, name);
			}
		}
	}
}

TEST_F(algorithm, made)
{
	ask_made(_metadata, self);
	told(self);
	EXPECT_LT(0, self->keeps);
	EXPECT_LT(self->keeps, self->keyed);
}

/* Where AF_ALG gives out a choice of them, that says nothing about keys. */
TEST_F(algorithm, made_while_restricted)
{
	if (self->restricted[0])
		ASSERT_EQ(0, file_put(RESTRICT, "1"));
	ask_made(_metadata, self);
	told(self);
	EXPECT_LT(0, self->keeps);
	EXPECT_LT(self->keeps, self->keyed);
}

/* Returns how many there are. */
static int proc_crypto(struct algorithm **all)
{
	struct algorithm *algs = NULL, *now = NULL;
	char line[LINE_SIZE], *value;
	int n = 0;
	FILE *f;

	f = fopen("/proc/crypto", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		value = strstr(line, ": ");
		if (!value)
			continue;
		value += 2;
		if (!strncmp(line, "name ", 5)) {
			algs = realloc(algs, (n + 1) * sizeof(*algs));
			if (!algs)
				break;
			now = &algs[n++];
			memset(now, 0, sizeof(*now));
			snprintf(now->name, sizeof(now->name), "%s", value);
		} else if (now && !strncmp(line, "driver ", 7)) {
			snprintf(now->driver, sizeof(now->driver), "%s", value);
		} else if (now && !strncmp(line, "type ", 5)) {
			snprintf(now->type, sizeof(now->type), "%s", value);
		} else if (now && !strncmp(line, "internal ", 9)) {
			now->internal = !strcmp(value, "yes");
		}
	}
	fclose(f);
	*all = algs;
	return algs ? n : -ENOMEM;
}

/* As AF_ALG calls it, or NULL. */
static const char *alg_type(const struct algorithm *alg)
{
	if (!strcmp(alg->type, "cipher") || strstr(alg->type, "skcipher"))
		return "skcipher";
	if (!strcmp(alg->type, "shash") || !strcmp(alg->type, "ahash"))
		return "hash";
	if (!strcmp(alg->type, "aead") || !strcmp(alg->type, "rng"))
		return alg->type;
	return NULL;
}

static bool is_in(const char *word, const char * const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static bool is_part(const char *word)
{
	static const struct part * const lists[] = { ciphers, streams, hashes, keyed_hashes, rngs };
	const struct part *part;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (part = lists[i]; part->name; part++)
			if (!strcmp(word, part->name))
				return true;
	return false;
}

/* Whether each word of a name was judged. What is not in a table as a whole is refused. */
static bool is_known(const char *name)
{
	char words[REF_SIZE], *word, *rest = words;

	alg_name(words, "%s", name);
	while ((word = strsep(&rest, "(),"))) {
		if (*word && !is_part(word) && !is_in(word, templates) &&
		    strcmp(word, "aegis128") && strcmp(word, "fips"))
			return false;
	}
	return true;
}

/* What is there has been judged, and each driver of it is held to that. */
TEST_F(algorithm, there)
{
	static const char * const types[] = { "skcipher", "aead", "hash", "rng" };
	struct algorithm *algs;
	const char *type, *name;
	int i, n;
	size_t j;

	n = proc_crypto(&algs);
	ASSERT_LT(0, n);
	for (i = 0; i < n; i++) {
		const struct algorithm *alg = &algs[i];

		if (!strcmp(alg->type, "larval"))
			continue;
		ksft_print_msg("listed: %s %s\n", alg->type, alg->name);
		type = alg_type(alg);
		if (type) {
			name = alg->name;
			/* A part of another one, which AF_ALG does not give out. */
			if (alg->internal && !strncmp(name, "__", 2))
				name += 2;
			EXPECT_TRUE(is_known(name))
				TH_LOG("nobody has judged %s %s", alg->type, alg->name);
			ask(_metadata, self, type, alg->name, name);
			ask(_metadata, self, type, alg->driver, name);
			continue;
		}
		EXPECT_TRUE(is_in(alg->type, keyless))
			TH_LOG("nobody has judged %s of type %s", alg->name, alg->type);
		for (j = 0; j < ARRAY_SIZE(types); j++)
			EXPECT_GT(0, alg_bind(types[j], alg->driver));
	}
	free(algs);
	told(self);
	EXPECT_LT(0, self->keeps);
	EXPECT_LT(self->keeps, self->keyed);
}

/* The name by which that driver is judged. */
static bool find_name(const char *driver, char name[REF_SIZE])
{
	struct algorithm *algs = NULL;
	int i, n = proc_crypto(&algs);
	bool found = false;

	for (i = 0; i < n && !found; i++) {
		found = !strcmp(algs[i].driver, driver);
		if (found)
			alg_name(name, "%s", algs[i].name);
	}
	free(algs);
	return found;
}

/* One for many: others are like it. */
static bool is_plain(const char *name)
{
	return !strchr(name, ',') && (strstr(name, "aes") || strstr(name, "sha256") ||
				      strstr(name, "chacha20") || strstr(name, "ghash") ||
				      strstr(name, "arc4") || strstr(name, "crc32c"));
}

/*
 * Each of those templates over a driver of each algorithm that is there, whether that makes sense
 * or not: an algorithm that is not called what it is made over is found by its driver's name alone.
 */
static void ask_over(struct __test_metadata *_metadata, FIXTURE_DATA(algorithm) * self,
		     const char * const *outer)
{
	static const char * const types[] = { "skcipher", "aead", "hash" };
	char name[REF_SIZE], canonical[REF_SIZE];
	struct algorithm *algs;
	int i, j, n, fd;

	n = proc_crypto(&algs);
	ASSERT_LT(0, n);
	for (i = 0; i < n; i++) {
		const struct algorithm *alg = &algs[i];

		for (j = 0; j < i && strcmp(algs[j].name, alg->name); j++)
			;
		if (j < i || alg->internal || !alg_type(alg))
			continue;
		if (!is_plain(alg->name))
			continue;
		for (j = 0; outer[j / 3]; j++) {
			alg_name(name, "%s(%s)", outer[j / 3], alg->driver);
			fd = alg_bind(types[j % 3], name);
			if (fd < 0)
				continue;
			close(fd);
			if (!find_name(name, canonical))
				alg_name(canonical, "%s", name);
			ask(_metadata, self, types[j % 3], name, canonical);
		}
	}
	free(algs);
	told(self);
}

TEST_F(algorithm, nested)
{
	ask_over(_metadata, self, templates);
	EXPECT_LT(0, self->keeps);
	EXPECT_LT(self->keeps, self->keyed);
}

/*
 * Last: what is made over a cipher from then on takes the one in cryptd(), of higher priority.
 * Where AF_ALG gives out what works at once alone, it has none of them.
 */
TEST_F(algorithm, wrapped)
{
	ask_over(_metadata, self, wraps);
	/* AF_ALG gives out none where it has that choice: they are asynchronous. */
	if (self->restricted[0]) {
		EXPECT_EQ(0, self->asked);
		return;
	}
	EXPECT_LT(0, self->keeps);
	EXPECT_LT(self->keeps, self->keyed);
}

TEST_HARNESS_MAIN
