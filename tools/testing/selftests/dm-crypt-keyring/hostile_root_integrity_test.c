// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-integrity has three keys, and root chooses the algorithm of each: one that gives the key back,
 * by each of its names. A key that root could read anyway is taken by the same algorithm, where the
 * kernel has it: that shows that the refusal is about the key.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:tags"

struct alg {
	const char *name;
	unsigned int size;
};

static const struct alg weak_macs[] = {
	{ "crc32", 4 }, { "crc32c", 4 }, { "crc32-generic", 4 }, { "crc32c-generic", 4 },
	{ "cryptd(crc32c)", 4 }, { "xxhash64", 8 }, { "xxhash64-generic", 8 }, { "ghash", 16 },
	{ "ghash-generic", 16 }, { "polyval", 16 }, { "michael_mic", 8 }, { "vmac64(aes)", 16 },
	{ "nhpoly1305", 1088 }, { "hmac(xxhash64)", 32 }, { "hmac(crc32c)", 32 },
	{ "hmac(md4)", 32 }, { "hmac(sha256)", 15 }, { "hmac(sha256)", 1 },
	{ "hmac(sha256-generic)", 15 }, { "hmac(sha256-lib)", 15 }, { "cryptd(hmac(sha256))", 15 },
	{ "cmac(des)", 8 }, { "cmac(serpent)", 15 }, { "cmac(serpent-generic)", 8 },
	{ "xcbc(serpent)", 8 }, { "cbcmac(aes)", 16 }, { "blake2b-256", 15 },
	{ "sha256", 32 },
};

static const struct alg weak_ciphers[] = {
	{ "ecb(arc4)", 16 }, { "ecb(arc4)-generic", 64 }, { "cryptd(ecb(arc4))", 16 },
	{ "ecb(cipher_null)", 16 }, { "ecb-cipher_null", 64 }, { "cryptd(ecb-cipher_null)", 16 },
	{ "ecb(des)", 8 }, { "cbc(des)", 8 }, { "ecb(blowfish)", 15 }, { "cbc(blowfish)", 4 },
	{ "ctr(cast5)", 8 }, { "ecb(serpent)", 1 }, { "ecb(serpent-generic)", 15 },
	{ "ctr(serpent)", 15 }, { "cbc(serpent)", 8 }, { "cryptd(ecb(serpent))", 8 },
	{ "xts(serpent)", 30 }, { "xts(ecb(serpent))", 2 }, { "lrw(serpent)", 17 },
	{ "rfc3686(ctr(serpent))", 19 }, { "cts(cbc(serpent))", 15 },
	{ "essiv(cbc(serpent),crc32c)", 32 }, { "essiv(cbc(serpent),sha256)", 15 },
	{ "ctr(cipher_null)", 16 },
};

static const struct alg good_macs[] = {
	{ "hmac(sha256)", 16 }, { "hmac(md5)", 16 }, { "cmac(serpent)", 16 },
};

static const struct alg good_ciphers[] = {
	{ "ctr(aes)", 16 }, { "cbc(serpent)", 16 }, { "ecb(serpent)", 16 }, { "xts(serpent)", 32 },
};

FIXTURE(tags)
{
	unsigned char key[2048];
	char name[NAME_SIZE];
};

FIXTURE_VARIANT(tags)
{
	const char *options; /* %s is algorithm and key */
	bool cipher;
	unsigned int there; /* how many of the weak ones the selftests' configuration has */
};

FIXTURE_VARIANT_ADD(tags, internal_hash) {
	.options = "internal_hash:%s",
	.there = 3,
};

FIXTURE_VARIANT_ADD(tags, journal_mac) {
	.options = "internal_hash:crc32c journal_mac:%s",
	.there = 3,
};

FIXTURE_VARIANT_ADD(tags, journal_crypt) {
	.options = "internal_hash:crc32c journal_crypt:%s",
	.cipher = true,
	.there = 3,
};

FIXTURE_SETUP(tags)
{
	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->key, sizeof(self->key)));
	dm_name(self->name);
}

FIXTURE_TEARDOWN(tags)
{
}

/* Tags as long as the algorithm likes. */
static int tags_map(const char *name, const char *slot, const struct alg *alg, const char *type)
{
	char key[REF_SIZE], options[LINE_SIZE];
	struct backing backing;
	int ret;

	snprintf(key, sizeof(key), "%s::%u:%s:" DESC, alg->name, alg->size, type);
	snprintf(options, sizeof(options), slot, key);
	ret = backing_open(&backing);
	if (ret)
		return ret;
	backing.tag_size = 4;
	ret = integrity_map(name, &backing, 'J', options);
	if (!ret)
		ret = dm_remove(name);
	backing_close(&backing);
	return ret;
}

TEST_F(tags, weak)
{
	const struct alg *algs = variant->cipher ? weak_ciphers : weak_macs;
	size_t i, n = variant->cipher ? sizeof(weak_ciphers) / sizeof(*weak_ciphers) :
		      sizeof(weak_macs) / sizeof(*weak_macs);
	unsigned int there = 0;
	int ret;

	for (i = 0; i < n; i++) {
		ASSERT_LT(0, key_add("logon", DESC, self->key, algs[i].size));
		ASSERT_LT(0, key_add("user", DESC, self->key, algs[i].size));
		ret = tags_map(self->name, variant->options, &algs[i], "logon");
		EXPECT_GT(0, ret)
			TH_LOG("%s with %u bytes", algs[i].name, algs[i].size);
		if (tags_map(self->name, variant->options, &algs[i], "user"))
			continue;
		there++;
		EXPECT_EQ(-EINVAL, ret)
			TH_LOG("%s with %u bytes", algs[i].name, algs[i].size);
	}
	TH_LOG("%u of %zu were there", there, n);
	EXPECT_LE(variant->there, there);
}

TEST_F(tags, good)
{
	const struct alg *algs = variant->cipher ? good_ciphers : good_macs;
	size_t i, n = variant->cipher ? sizeof(good_ciphers) / sizeof(*good_ciphers) :
		      sizeof(good_macs) / sizeof(*good_macs);
	int ret;

	for (i = 0; i < n; i++) {
		ASSERT_LT(0, key_add("logon", DESC, self->key, algs[i].size));
		ret = tags_map(self->name, variant->options, &algs[i], "logon");
		if (ret != -ENOENT)
			EXPECT_EQ(0, ret)
				TH_LOG("%s with %u bytes", algs[i].name, algs[i].size);
	}
}

TEST_HARNESS_MAIN
