// SPDX-License-Identifier: GPL-2.0-only
/*
 * The weak ciphers of hostile_root_cipher_test by other names: by the driver's, wrapped in
 * templates that change nothing, nested by hand, in the other of dm-crypt's two notations, and with
 * parts of the key that are cut small at another place. Whatever root calls it, dm-crypt keys it
 * with no key that user space cannot read.
 *
 * What the kernel does not have is not mapped for a key that can be read either, and then there is
 * nothing to see; how much was there is told.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:spelling"
#define MASTER "dmck:kmk"
#define MAX_SIZE 128

struct spelling {
	const char *cipher;
	unsigned int size;
	unsigned int tag_size; /* of an AEAD */
	unsigned int mac_size; /* if the cut is not where it would be */
};

static const struct spelling weak[] = {
	/* No cipher at all. */
	{ "cipher_null-ecb", 16 },
	{ "cipher_null-ecb-null", 64 },
	{ "cipher_null:2-ecb-null", 64 },
	{ "capi:ecb(cipher_null)-null", 32 },
	{ "capi:ecb-cipher_null-null", 32 },
	{ "capi:cipher_null-null", 32 },
	{ "capi:cipher_null-generic-null", 32 },
	{ "capi:cryptd(ecb(cipher_null))-null", 32 },
	{ "capi:cryptd(ecb-cipher_null)-null", 32 },
	{ "cipher_null:128-ecb-null", 64 },
	{ "cipher_null:64-ecb", 32 },
	{ "capi:cbc(cipher_null)-plain64", 32 },
	{ "capi:ctr(cipher_null)-plain64", 32 },
	{ "capi:essiv(cbc(cipher_null),sha256)-plain64", 32 },

	/* Less than 16 bytes for each. */
	{ "serpent", 15 },
	{ "serpent-plain", 15 },
	{ "serpent-ecb", 15 },
	{ "serpent:64-ecb", 64 },
	{ "serpent:2-ecb", 33 },
	{ "serpent:4-cbc-essiv:sha256", 67 },
	{ "serpent:8-xts-plain64", 128 },
	{ "serpent:4-xts-plain64", 120 },
	{ "serpent-xts-plain64", 30 },
	{ "serpent-lrw-benbi", 31 },
	{ "serpent-lrw-benbi", 17 },
	{ "serpent-ctr-plain64", 15 },
	{ "serpent:2-cbc-elephant", 48 },
	{ "serpent:4-cbc-elephant", 64 },
	{ "serpent-cbc-elephant", 30 },
	{ "serpent-cbc-eboiv", 15 },
	{ "serpent:4-cbc-lmk", 60 },
	{ "serpent:2-cbc-lmk", 45 },
	{ "serpent:4-cbc-essiv:sha256", 60 },
	{ "serpent-cbc-essiv:sha256", 15 },
	{ "capi:cryptd(ecb(serpent))-null", 15 },
	{ "capi:cryptd(ecb(serpent-generic))-null", 15 },
	{ "capi:cryptd(cryptd(ecb(serpent)))-null", 15 },
	{ "capi:cryptd(cbc(serpent))-plain64", 8 },
	{ "capi:xts(ecb(serpent))-plain64", 30 },
	{ "capi:xts(ecb(serpent-generic))-plain64", 16 },
	{ "capi:xts(serpent)-plain64", 2 },
	{ "capi:cryptd(xts(serpent))-plain64", 30 },
	{ "capi:lrw(ecb(serpent))-benbi", 24 },
	{ "capi:lrw(serpent)-plain64", 16 },
	{ "capi:cts(cbc(serpent))-plain64", 15 },
	{ "capi:cts(cbc(serpent-generic))-plain64", 8 },
	{ "capi:rfc3686(ctr(serpent))-plain64", 19 },
	{ "capi:rfc3686(ctr(serpent))-plain64", 5 },
	{ "capi:essiv(cbc(serpent),sha256)-plain64", 15 },
	{ "capi:essiv(essiv(cbc(serpent),sha256),sha256)-plain64", 15 },
	{ "capi:cbc(serpent)-lmk", 64 },
	{ "capi:cbc(serpent)-elephant", 30 },

	/* With keys that are that small by themselves, or ciphers that are not what they say. */
	{ "des-cbc-plain64", 8 },
	{ "des:8-ecb-null", 64 },
	{ "capi:ecb(des-generic)-null", 8 },
	{ "blowfish-cbc-plain64", 15 },
	{ "blowfish:16-ecb-null", 64 },
	{ "cast5-cbc-plain64", 8 },
	{ "cast5:8-ctr-plain64", 64 },
	{ "arc4-ecb", 16 },
	{ "arc4:64-ecb-null", 64 },
	{ "capi:ecb(arc4)-null", 64 },
	{ "capi:ecb(arc4)-generic-null", 64 },
	{ "capi:cryptd(ecb(arc4))-null", 64 },

	/* What makes the IV is searched, or solved. */
	{ "serpent-cbc-essiv:crc32", 32 },
	{ "serpent-cbc-essiv:xxhash64", 32 },
	{ "serpent-cbc-essiv:crc32c-generic", 32 },
	{ "capi:cbc(serpent)-essiv:crc32c", 32 },
	{ "capi:essiv(cbc(serpent),crc32c)-plain64", 32 },
	{ "capi:essiv(cbc(serpent),crc32c)-essiv:sha256", 32 },
	{ "capi:cryptd(essiv(cbc(serpent),crc32c))-plain64", 32 },

	/* No such names. */
	{ "AES-xts-plain64", 64 },
	{ "aes-XTS-plain64", 64 },
	{ "aes-xts-plain64-", 64 },
	{ "aes-xts-plain64-x", 64 },
	{ "aes-xts(-plain64", 64 },
	{ "capi:XTS(aes)-plain64", 64 },
	{ "capi:xts(aes))-plain64", 64 },
	{ "capi:xts(aes)x-plain64", 64 },
	{ "capi:xts(aes,aes)-plain64", 64 },
	{ "capi:__xts(aes)-plain64", 64 },
	{ "capi:__xts-aes-aesni-plain64", 64 },
	{ "capi:cryptd(__xts-aes-aesni)-plain64", 64 },
	{ "capi:kw(aes)-null", 32 },
	{ "capi:-plain64", 64 },
	{ "capi:", 64 },
	{ "-", 64 },

	/* AEADs. */
	{ "capi:authenc(hmac(sha256),cbc(serpent))-plain64", 47, 32 },
	{ "capi:authenc(hmac(sha256-generic),cbc(serpent-generic))-plain64", 47, 32 },
	{ "capi:authenc(hmac(sha256),cbc(serpent))-plain64", 47, 32, 15 },
	{ "capi:authenc(hmac(sha256),cbc(serpent))-plain64", 64, 32, 49 },
	{ "capi:authenc(hmac(sha256),xts(serpent))-plain64", 63, 32, 32 },
	{ "capi:authenc(hmac(sha256),rfc3686(ctr(serpent)))-plain64", 51, 32 },
	{ "capi:authenc(hmac(sha256),rfc3686(ctr(serpent)))-plain64", 64, 32, 44 },
	{ "capi:authenc(hmac(sha256),rfc3686(ctr-serpent-generic))-plain64", 64, 32, 28 },
	{ "capi:authenc(hmac(sha256),lrw(serpent))-plain64", 64, 32, 16 },
	{ "capi:authenc(hmac(sha256),lrw(ecb(serpent)))-plain64", 64, 32, 17 },
	{ "capi:essiv(authenc(hmac(sha256),lrw(serpent)),sha256)-plain64", 64, 32, 16 },
	{ "serpent:2-lrw-benbi", 64 },
	{ "capi:authenc(hmac(sha256),ecb(cipher_null))-null", 48, 32 },
	{ "capi:authenc(hmac(sha256),ecb(cipher_null))-null", 64, 32, 16 },
	{ "capi:authenc(hmac(sha256),ecb(arc4))-null", 64, 32 },
	{ "capi:authenc(hmac(sha256),ecb(arc4)-generic)-null", 64, 32 },
	{ "capi:authenc(hmac(sha256),cbc(des))-plain64", 40, 32 },
	{ "capi:authenc(hmac(sha256),cbc(serpent))-essiv:crc32c", 64, 32 },
	{ "capi:authenc(hmac(sha256),essiv(cbc(serpent),crc32c))-plain64", 64, 32 },
	{ "capi:essiv(authenc(hmac(sha256),cbc(serpent)),sha256)-plain64", 64, 32 },
	{ "capi:essiv(authenc(hmac(sha256),cbc(serpent)),crc32c)-plain64", 64, 32 },
	{ "capi:authencesn(hmac(sha256),cbc(serpent))-plain64", 64, 32 },
	{ "capi:cryptd(authenc(hmac(sha256),cbc(serpent)))-plain64", 64, 32 },
	{ "capi:pcrypt(authenc(hmac(sha256),cbc(serpent)))-plain64", 64, 32 },
	{ "capi:authenc(crc32,cbc(serpent))-plain64", 36, 4 },
	{ "capi:authenc(crc32c-generic,cbc(serpent))-plain64", 36, 4 },
	{ "capi:authenc(crc32c,cbc(serpent))-plain64", 64, 4, 16 },
	{ "capi:authenc(xxhash64,cbc(serpent))-plain64", 40, 8 },
	{ "capi:authenc(hmac(xxhash64),cbc(serpent))-plain64", 64, 8, 32 },
	{ "capi:authenc(hmac(xxhash64-generic),cbc(serpent))-plain64", 64, 8, 32 },
	{ "capi:authenc(hmac(crc32c),cbc(serpent))-plain64", 64, 4, 32 },
	{ "capi:authenc(hmac(md4),cbc(serpent))-plain64", 48, 16 },
	{ "capi:authenc(ghash,cbc(serpent))-plain64", 48, 16 },
	{ "capi:authenc(polyval,cbc(serpent))-plain64", 48, 16 },
	{ "capi:authenc(cbcmac(aes),cbc(serpent))-plain64", 48, 16 },
	{ "capi:authenc(cmac(des),cbc(serpent))-plain64", 40, 8 },
	{ "capi:authenc(cryptd(ghash),cbc(serpent))-plain64", 48, 16 },
	{ "capi:authenc(digest_null,cbc(serpent))-plain64", 32, 16 },
	{ "capi:gcm(serpent)-random", 15, 28 },
	{ "capi:ccm(serpent)-random", 15, 32 },
	{ "capi:rfc4106(gcm(serpent))-random", 19, 24 },
	{ "capi:rfc4309(ccm(serpent))-random", 18, 24 },
	{ "capi:rfc4543(gcm(serpent))-random", 19, 24 },
	{ "capi:pcrypt(gcm(serpent))-random", 15, 28 },
	{ "capi:cryptd(gcm(serpent))-random", 15, 28 },
	{ "capi:seqiv(gcm(aes))-random", 16, 28 },
};

/* Their neighbours, so that it is not for the spelling that they are refused. */
static const struct spelling strong[] = {
	{ "aes", 16 },
	{ "serpent-xts-plain64", 32 },
	{ "serpent:2-cbc-elephant", 64 },
	{ "serpent-lrw-benbi", 32 },
	{ "serpent:2-cbc-lmk", 51 },
	{ "capi:ecb(serpent-generic)-null", 16 },
	{ "capi:essiv(cbc(serpent),sha256)-plain64", 16 },
	{ "capi:rfc3686(ctr(aes))-plain64", 20 },
	{ "capi:authenc(hmac(sha256),cbc(serpent))-plain64", 48, 32 },
	{ "capi:authenc(hmac(sha256),cbc(aes))-essiv:sha256", 64, 32 },
	{ "capi:authenc(hmac(sha256-generic),cbc(serpent-generic))-plain64", 48, 32 },
	{ "capi:authenc(hmac(sha256),ecb(cipher_null))-null", 32, 32 },
	{ "capi:gcm(aes)-random", 16, 28 },
};

FIXTURE(spelling)
{
	unsigned char key[MAX_SIZE];
	char name[NAME_SIZE];
	char below[NAME_SIZE];
	struct backing backing;
	char dev[NAME_SIZE];
	int sectors;
};

FIXTURE_SETUP(spelling)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->key, sizeof(self->key)));
	dm_name(self->name);
	dm_name(self->below);
}

FIXTURE_TEARDOWN(spelling)
{
}

/* A device to encrypt, with room for tags where they are wanted. */
static int lower_open(FIXTURE_DATA(spelling) * self, unsigned int tag_size)
{
	int ret = backing_open(&self->backing);

	if (ret)
		return ret;
	memcpy(self->dev, self->backing.dev, sizeof(self->dev));
	self->sectors = DEVICE_SECTORS;
	if (!tag_size)
		return 0;
	self->backing.tag_size = tag_size;
	ret = integrity_map(self->below, &self->backing, 'D', "") ?:
	      dm_dev(self->below, self->dev);
	self->sectors = integrity_sectors(&self->backing);
	return ret;
}

static int lower_close(FIXTURE_DATA(spelling) * self, unsigned int tag_size)
{
	int ret = tag_size ? dm_remove(self->below) : 0;

	backing_close(&self->backing);
	return ret;
}

static int spelling_map(FIXTURE_DATA(spelling) * self, const struct spelling *s, const char *type)
{
	char line[LINE_SIZE], options[REF_SIZE] = "";

	if (s->mac_size)
		snprintf(options, sizeof(options), "2 integrity:%u:aead integrity_key_size:%u",
			 s->tag_size, s->mac_size);
	else if (s->tag_size)
		snprintf(options, sizeof(options), "1 integrity:%u:aead", s->tag_size);
	snprintf(line, sizeof(line), "%s :%u:%s:" DESC " 0 %s 0 %s", s->cipher, s->size, type,
		 self->dev, options);
	return dm_map(self->name, "crypt", self->sectors, line);
}

static int spelling_keys(FIXTURE_DATA(spelling) * self, const struct spelling *s)
{
	int ret = key_add("user", DESC, self->key, s->size);

	return ret < 0 ? ret : key_add("logon", DESC, self->key, s->size);
}

/* There are many, and each device takes a moment. */
TEST_F_TIMEOUT(spelling, weak, 200)
{
	char line[LINE_SIZE], ref[REF_SIZE];
	unsigned int there = 0;
	size_t i;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	for (i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
		const struct spelling *s = &weak[i];

		ASSERT_LT(0, spelling_keys(self, s));
		ASSERT_EQ(0, lower_open(self, s->tag_size));
		ret = spelling_map(self, s, "logon");
		EXPECT_GT(0, ret)
			TH_LOG("%s with %u bytes", s->cipher, s->size);
		if (!ret)
			EXPECT_EQ(0, dm_remove(self->name));

		/* A device that is there with a readable key is given no better one. */
		if (!spelling_map(self, s, "user")) {
			there++;
			EXPECT_EQ(-EINVAL, ret)
				TH_LOG("%s with %u bytes", s->cipher, s->size);
			snprintf(ref, sizeof(ref), ":%u:logon:" DESC, s->size);
			ASSERT_EQ(0, dm_suspend(self->name));
			EXPECT_EQ(-EINVAL, dm_key_set(self->name, ref))
				TH_LOG("key set, %s with %u bytes", s->cipher, s->size);
			EXPECT_EQ(0, dm_table(self->name, line));
			EXPECT_NE(NULL, strstr(line, ":user:" DESC));
			EXPECT_EQ(0, dm_resume(self->name));
			EXPECT_EQ(0, dm_remove(self->name));
		}
		EXPECT_EQ(0, lower_close(self, s->tag_size));
	}
	TH_LOG("%u of %zu were there", there, sizeof(weak) / sizeof(*weak));
	EXPECT_LT(20, there);
}

TEST_F(spelling, strong)
{
	size_t i;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	for (i = 0; i < sizeof(strong) / sizeof(*strong); i++) {
		const struct spelling *s = &strong[i];

		ASSERT_LT(0, spelling_keys(self, s));
		ASSERT_EQ(0, lower_open(self, s->tag_size));
		ret = spelling_map(self, s, "user");
		if (!ret) {
			EXPECT_EQ(0, dm_remove(self->name));
			ret = spelling_map(self, s, "logon");
		}
		if (ret != -ENOENT)
			EXPECT_EQ(0, ret)
				TH_LOG("%s with %u bytes", s->cipher, s->size);
		if (!ret)
			EXPECT_EQ(0, dm_remove(self->name));
		EXPECT_EQ(0, lower_close(self, s->tag_size));
	}
}

/* The keys that tcw is not for, though they name it themselves. */
TEST_F(spelling, tcw)
{
	static const char * const ciphers[] = { "aes-cbc-tcw", "capi:cbc(aes)-tcw" };
	static const char * const formats[] = { "default", "use=dm-crypt", "use=dm-crypt:%s" };
	char format[NAME_SIZE], payload[REF_SIZE], desc[NAME_SIZE], ref[REF_SIZE], line[LINE_SIZE];
	const char *unsupported;
	size_t i, j;
	int ret;

	ret = key_make("trusted", MASTER, NULL, 32);
	unsupported = key_unsupported("trusted", ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);
	ASSERT_LT(0, key_add("user", DESC, self->key, KEY_SIZE));
	ASSERT_EQ(0, lower_open(self, 0));
	for (i = 0; i < 2 * 3; i++) {
		const char *cipher = ciphers[i / 3];

		j = snprintf(format, sizeof(format), formats[i % 3], cipher);
		ASSERT_GT(sizeof(format), j);
		snprintf(desc, sizeof(desc), DESC ":%zu", i);
		snprintf(payload, sizeof(payload), "new %s trusted:" MASTER " 64", format);
		ASSERT_LT(0, key_add("encrypted", desc, payload, strlen(payload)));
		snprintf(ref, sizeof(ref), ":64:encrypted:%s", desc);
		ret = dm_map_crypt(self->name, &self->backing, cipher, ref, "");
		EXPECT_EQ(-EINVAL, ret)
			TH_LOG("%s, %s", cipher, format);
		if (!ret)
			EXPECT_EQ(0, dm_remove(self->name));

		ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, cipher, ":64:user:" DESC,
					  ""));
		ASSERT_EQ(0, dm_suspend(self->name));
		EXPECT_EQ(-EINVAL, dm_key_set(self->name, ref))
			TH_LOG("key set, %s, %s", cipher, format);
		EXPECT_EQ(0, dm_table(self->name, line));
		EXPECT_NE(NULL, strstr(line, ":user:" DESC));
		EXPECT_EQ(0, dm_resume(self->name));
		EXPECT_EQ(0, dm_remove(self->name));
	}
	EXPECT_EQ(0, lower_close(self, 0));
}

TEST_HARNESS_MAIN
