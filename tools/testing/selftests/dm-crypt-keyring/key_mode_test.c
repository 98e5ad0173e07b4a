// SPDX-License-Identifier: GPL-2.0-only
/*
 * A key by reference and the same key in hex give the same ciphertext with every way that dm-crypt
 * has to make keys for ciphers, MACs and IV generators from it, whichever of the two comes first.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define MAX_SIZE 1040
/* Of trusted keys. */
#define TRUSTED_MIN 32
#define TRUSTED_MAX 128
#define BACKING_SIZE (BACKING_SECTORS * SECTOR_SIZE)

/*
 * Keys of all types that can be told what to hold. What is encrypted under a trusted key nobody
 * can read, what is under a user key everybody who can read that one.
 */
static const struct {
	const char *type;
	bool sealed;
} holders[] = {
	{ .type = "logon" },
	{ .type = "user" },
	{ .type = "encrypted" },
	{ .type = "encrypted", .sealed = true },
};

/* Makes one, in place of the one before. Returns why it cannot, or NULL; its serial is *@ret. */
static const char *hold(size_t i, const unsigned char *secret, size_t size, int *ret)
{
	char payload[LINE_SIZE];
	int len;

	if (!holders[i].sealed) {
		*ret = key_make(holders[i].type, "dmck:mode", secret, size);
		return key_unsupported(holders[i].type, *ret);
	}
	*ret = key_make("trusted", "dmck:sealed", NULL, 32);
	if (*ret < 0)
		return key_unsupported("trusted", *ret);
	len = snprintf(payload, sizeof(payload), "new default trusted:dmck:sealed %zu ", size);
	to_hex(payload + len, secret, size);
	/* It would be updated, which gives it no other secret. */
	*ret = key_search("encrypted", "dmck:mode");
	if (*ret > 0)
		*ret = key_ctl(KEYCTL_UNLINK, *ret, KEY_SPEC_SESSION_KEYRING, 0, 0);
	*ret = key_add("encrypted", "dmck:mode", payload, len + 2 * size);
	return key_unsupported("encrypted", *ret);
}

/*
 * Makes a trusted key, which cannot be told what to hold, and has the TPM tell: *@ret bytes.
 * Returns why it cannot, or NULL.
 */
static const char *hold_trusted(unsigned char *secret, size_t size, int *ret)
{
	*ret = key_make("trusted", "dmck:mode", NULL, size);
	if (*ret < 0)
		return key_unsupported("trusted", *ret);
	*ret = tpm_unseal_key(*ret, "", secret, size);
	return NULL;
}

/*
 * Whether there are such trusted keys: none is shorter, none is longer, and without the series
 * there may be no room for the blob of the longest.
 */
static bool trusted_fits(size_t size, int ret)
{
	return size >= TRUSTED_MIN && size <= TRUSTED_MAX &&
	       (ret != -E2BIG || *dm_keyring_param("policy"));
}

FIXTURE(key_mode)
{
	struct volume volume;
	const char *name;
	char ref[REF_SIZE];
	char hex[2 * MAX_SIZE + 1];
	unsigned char secret[MAX_SIZE];
};

FIXTURE_VARIANT(key_mode)
{
	const char *cipher;
	unsigned int size;
	const char *options;
	/* Takes a key that cannot be read only if it is a logon key. */
	bool logon_only;
};

FIXTURE_VARIANT_ADD(key_mode, xts) {
	.cipher = "aes-xts-plain64",
	.size = 64,
};

FIXTURE_VARIANT_ADD(key_mode, xts_of_two_keys) {
	.cipher = "aes:2-xts-plain64",
	.size = 128,
};

FIXTURE_VARIANT_ADD(key_mode, essiv) {
	.cipher = "aes-cbc-essiv:sha256",
	.size = 32,
};

FIXTURE_VARIANT_ADD(key_mode, capi_essiv) {
	.cipher = "capi:essiv(cbc(aes),sha256)-plain64",
	.size = 32,
};

FIXTURE_VARIANT_ADD(key_mode, benbi) {
	.cipher = "aes-lrw-benbi",
	.size = 48,
};

FIXTURE_VARIANT_ADD(key_mode, eboiv) {
	.cipher = "aes-cbc-eboiv",
	.size = 32,
};

/* The elephant has the second half of the key. */
FIXTURE_VARIANT_ADD(key_mode, elephant) {
	.cipher = "aes-cbc-elephant",
	.size = 64,
};

/* 64 keys, and with the third version of it one more, which is the seed of the IVs. */
FIXTURE_VARIANT_ADD(key_mode, lmk) {
	.cipher = "aes:64-cbc-lmk",
	.size = 64 * 16,
};

FIXTURE_VARIANT_ADD(key_mode, lmk_with_seed) {
	.cipher = "aes:64-cbc-lmk",
	.size = 65 * 16,
};

/* The key ends with 16 bytes of IV seed and 16 of whitening. */
FIXTURE_VARIANT_ADD(key_mode, tcw) {
	.cipher = "aes-cbc-tcw",
	.size = 64,
	.logon_only = true,
};

FIXTURE_VARIANT_ADD(key_mode, null) {
	.cipher = "aes-cbc-null",
	.size = 32,
};

FIXTURE_VARIANT_ADD(key_mode, plain) {
	.cipher = "aes-cbc-plain",
	.size = 32,
};

FIXTURE_VARIANT_ADD(key_mode, plain64be) {
	.cipher = "aes-xts-plain64be",
	.size = 64,
};

FIXTURE_VARIANT_ADD(key_mode, capi_xts) {
	.cipher = "capi:xts(aes)-plain64",
	.size = 64,
};

FIXTURE_VARIANT_ADD(key_mode, large_sectors) {
	.cipher = "aes-xts-plain64",
	.size = 64,
	.options = "2 sector_size:4096 iv_large_sectors",
};

FIXTURE_VARIANT_ADD(key_mode, small_ivs) {
	.cipher = "aes-cbc-essiv:sha256",
	.size = 32,
	.options = "1 sector_size:4096",
};

FIXTURE_VARIANT_ADD(key_mode, without_queues) {
	.cipher = "aes-xts-plain64",
	.size = 64,
	.options = "3 allow_discards no_read_workqueue no_write_workqueue",
};

FIXTURE_VARIANT_ADD(key_mode, on_one_cpu) {
	.cipher = "aes-xts-plain64",
	.size = 64,
	.options = "3 same_cpu_crypt submit_from_crypt_cpus high_priority",
};

FIXTURE_VARIANT_ADD(key_mode, ctr) {
	.cipher = "capi:ctr(aes)-plain64",
	.size = 32,
};

/* A key and, behind it, what goes into the counter. */
FIXTURE_VARIANT_ADD(key_mode, rfc3686) {
	.cipher = "capi:rfc3686(ctr(aes))-plain64",
	.size = 36,
};

FIXTURE_VARIANT_ADD(key_mode, cts) {
	.cipher = "capi:cts(cbc(aes))-plain64",
	.size = 32,
};

FIXTURE_VARIANT_ADD(key_mode, serpent) {
	.cipher = "serpent-xts-plain64",
	.size = 64,
};

FIXTURE_SETUP(key_mode)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, variant->size));
	to_hex(self->hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("logon", "dmck:mode", self->secret, variant->size));
	snprintf(self->ref, sizeof(self->ref), ":%u:logon:dmck:mode", variant->size);
	ASSERT_EQ(0, volume_open(&self->volume, variant->cipher, self->hex,
				 variant->options ?: ""));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(key_mode)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

TEST_F(key_mode, same_ciphertext)
{
	unsigned char by_hex[DATA_SIZE], by_ref[DATA_SIZE];
	char name[NAME_SIZE], line[LINE_SIZE];

	ASSERT_EQ(0, backing_read(&self->volume.backing, by_hex));
	EXPECT_NE(0, memcmp(by_hex, self->volume.data, sizeof(by_hex)));

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, variant->cipher, self->ref,
				  variant->options ?: ""));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	memset(by_ref, 0, sizeof(by_ref));
	EXPECT_EQ(0, dm_write(name, by_ref));
	EXPECT_EQ(0, dm_write(name, self->volume.data));
	EXPECT_EQ(0, backing_read(&self->volume.backing, by_ref));
	EXPECT_EQ(0, memcmp(by_hex, by_ref, sizeof(by_hex)));

	EXPECT_EQ(0, dm_table(name, line));
	EXPECT_NE(NULL, strstr(line, self->ref));
	EXPECT_FALSE(shows_key(line, self->secret, variant->size));
	EXPECT_EQ(0, dm_remove(name));
}

/* Whatever key holds it. */
TEST_F(key_mode, same_by_each_type)
{
	unsigned char by_hex[DATA_SIZE], by_ref[DATA_SIZE];
	char name[NAME_SIZE], ref[REF_SIZE];
	const char *why;
	size_t i;
	int ret;

	ASSERT_EQ(0, backing_read(&self->volume.backing, by_hex));
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		if (variant->logon_only && holders[i].sealed)
			continue;
		why = hold(i, self->secret, variant->size, &ret);
		if (why)
			SKIP(return, "%s", why);
		ASSERT_LT(0, ret);
		snprintf(ref, sizeof(ref), ":%u:%s:dmck:mode", variant->size, holders[i].type);
		dm_name(name);
		ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, variant->cipher, ref,
					  variant->options ?: ""));
		EXPECT_EQ(1, dm_reads(name, self->volume.data));
		memset(by_ref, 0, sizeof(by_ref));
		EXPECT_EQ(0, dm_write(name, by_ref));
		EXPECT_EQ(0, dm_write(name, self->volume.data));
		EXPECT_EQ(0, backing_read(&self->volume.backing, by_ref));
		EXPECT_EQ(0, memcmp(by_hex, by_ref, sizeof(by_hex)));
		EXPECT_EQ(0, dm_remove(name));
	}
}

/* Nobody can tell a trusted key what to hold, so what it holds is told to the volume. */
TEST_F(key_mode, same_by_trusted)
{
	/* With the series. */
	const bool refused = variant->logon_only && *dm_keyring_param("policy");
	const struct backing *backing = &self->volume.backing;
	unsigned char by_hex[DATA_SIZE], by_ref[DATA_SIZE] = {};
	const char *options = variant->options ?: "";
	char name[NAME_SIZE], line[LINE_SIZE], ref[REF_SIZE];
	const char *why;
	int ret;

	why = hold_trusted(self->secret, variant->size, &ret);
	if (why)
		SKIP(return, "%s", why);
	if (!trusted_fits(variant->size, ret)) {
		EXPECT_EQ(variant->size == TRUSTED_MAX ? -E2BIG : -EINVAL, ret);
		return;
	}
	ASSERT_EQ((int)variant->size, ret);
	to_hex(self->hex, self->secret, variant->size);
	snprintf(ref, sizeof(ref), ":%u:trusted:dmck:mode", variant->size);
	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, backing, variant->cipher, self->hex, options));
	EXPECT_EQ(0, dm_write(name, self->volume.data));
	EXPECT_EQ(0, backing_read(backing, by_hex));
	ASSERT_EQ(0, dm_remove(name));

	ret = dm_map_crypt(name, backing, variant->cipher, ref, options);
	if (refused) {
		EXPECT_EQ(-EINVAL, ret);
		return;
	}
	ASSERT_EQ(0, ret);
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_write(name, by_ref));
	EXPECT_EQ(0, dm_write(name, self->volume.data));
	EXPECT_EQ(0, backing_read(backing, by_ref));
	EXPECT_EQ(0, memcmp(by_hex, by_ref, sizeof(by_hex)));
	EXPECT_EQ(0, dm_table(name, line));
	EXPECT_NE(NULL, strstr(line, ref));
	EXPECT_FALSE(shows_key(line, self->secret, variant->size));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(key_mode, set_in_turn)
{
	const char * const keys[] = { self->ref, self->ref, self->hex, self->ref };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		ASSERT_EQ(0, dm_suspend(self->name));
		EXPECT_EQ(0, dm_key_set(self->name, keys[i]));
		ASSERT_EQ(0, dm_resume(self->name));
		EXPECT_EQ(1, volume_reads(&self->volume));

		ASSERT_EQ(0, dm_suspend(self->name));
		EXPECT_EQ(0, dm_message(self->name, "key wipe"));
		EXPECT_EQ(-EAGAIN, dm_resume(self->name));
		EXPECT_EQ(0, dm_key_set(self->name, keys[i]));
		ASSERT_EQ(0, dm_resume(self->name));
		EXPECT_EQ(1, volume_reads(&self->volume));
	}
}

/* Nothing of the first key is left, neither in a cipher nor in an IV generator. */
TEST_F(key_mode, set_to_another_key)
{
	unsigned char stored[DATA_SIZE], expected[DATA_SIZE];
	char name[NAME_SIZE];

	ASSERT_EQ(0, fill_random(self->secret, variant->size));
	to_hex(self->hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("logon", "dmck:mode", self->secret, variant->size));

	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->ref));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, volume_reads(&self->volume));
	EXPECT_EQ(0, dm_write(self->name, self->volume.data));
	EXPECT_EQ(0, backing_read(&self->volume.backing, stored));

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, variant->cipher, self->hex,
				  variant->options ?: ""));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_write(name, self->volume.data));
	EXPECT_EQ(0, backing_read(&self->volume.backing, expected));
	EXPECT_EQ(0, memcmp(stored, expected, sizeof(stored)));
	EXPECT_EQ(0, dm_remove(name));
}

/* It takes no key: neither one in hex nor one by reference. */
TEST(cipher_null)
{
	char hex[HEX_SIZE], name[NAME_SIZE];
	unsigned char stored[DATA_SIZE], secret[KEY_SIZE];
	struct volume volume;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	to_hex(hex, secret, sizeof(secret));
	ASSERT_LT(0, key_add("logon", "dmck:mode", secret, sizeof(secret)));
	ASSERT_LT(0, key_add("user", "dmck:mode", secret, sizeof(secret)));
	ASSERT_EQ(0, volume_open(&volume, "cipher_null-ecb", "-", ""));
	EXPECT_EQ(0, backing_read(&volume.backing, stored));
	EXPECT_EQ(0, memcmp(stored, volume.data, sizeof(stored)));
	dm_name(name);
	EXPECT_EQ(-EINVAL, dm_map_crypt(name, &volume.backing, "cipher_null-ecb", hex, ""));
	EXPECT_EQ(-EINVAL, dm_map_crypt(name, &volume.backing, "cipher_null-ecb",
					":64:logon:dmck:mode", ""));
	EXPECT_EQ(-EINVAL, dm_map_crypt(name, &volume.backing, "cipher_null-ecb",
					":64:user:dmck:mode", ""));
	EXPECT_EQ(0, volume_close(&volume));
}

/* A cipher that makes tags, which dm-integrity keeps below. */
FIXTURE(aead_mode)
{
	struct volume volume;
	char below[NAME_SIZE];
	char ref[REF_SIZE];
	char hex[2 * MAX_SIZE + 1];
	unsigned char secret[MAX_SIZE];
};

FIXTURE_VARIANT(aead_mode)
{
	const char *cipher;
	unsigned int size;
	unsigned int tag_size;
	/* Of the key, if it is to be told. */
	unsigned int mac_size;
	/* Each write has another IV, and it stands with the tag. */
	bool random;
	bool logon_only;
};

/* The key ends with that of the MAC. */
FIXTURE_VARIANT_ADD(aead_mode, authenc) {
	.cipher = "capi:authenc(hmac(sha256),xts(aes))-plain64",
	.size = 64 + 32,
	.tag_size = 32,
};

FIXTURE_VARIANT_ADD(aead_mode, authenc_told) {
	.cipher = "capi:authenc(hmac(sha256),xts(aes))-plain64",
	.size = 64 + 16,
	.tag_size = 32,
	.mac_size = 16,
};

FIXTURE_VARIANT_ADD(aead_mode, authenc_essiv) {
	.cipher = "capi:authenc(hmac(sha256),cbc(aes))-essiv:sha256",
	.size = 32 + 32,
	.tag_size = 32,
};

FIXTURE_VARIANT_ADD(aead_mode, authenc_cmac) {
	.cipher = "capi:authenc(cmac(aes),cbc(aes))-plain64",
	.size = 32 + 32,
	.tag_size = 16,
	.mac_size = 32,
};

FIXTURE_VARIANT_ADD(aead_mode, authenc_random) {
	.cipher = "capi:authenc(hmac(sha256),ctr(aes))-random",
	.size = 32 + 32,
	.tag_size = 32 + 16,
	.random = true,
};

/* Behind them the seed of the IVs and what whitens. */
FIXTURE_VARIANT_ADD(aead_mode, authenc_tcw) {
	.cipher = "capi:authenc(hmac(sha256),cbc(aes))-tcw",
	.size = 16 + 32 + 32,
	.tag_size = 32,
	.logon_only = true,
};

FIXTURE_VARIANT_ADD(aead_mode, gcm) {
	.cipher = "capi:gcm(aes)-plain64",
	.size = 32,
	.tag_size = 16,
};

FIXTURE_VARIANT_ADD(aead_mode, gcm_random) {
	.cipher = "capi:gcm(aes)-random",
	.size = 32,
	.tag_size = 16 + 12,
	.random = true,
};

/* Salt at the end. */
FIXTURE_VARIANT_ADD(aead_mode, rfc4106) {
	.cipher = "capi:rfc4106(gcm(aes))-plain64",
	.size = 32 + 4,
	.tag_size = 16,
};

FIXTURE_VARIANT_ADD(aead_mode, rfc4309) {
	.cipher = "capi:rfc4309(ccm(aes))-plain64",
	.size = 32 + 3,
	.tag_size = 16,
};

FIXTURE_VARIANT_ADD(aead_mode, rfc7539) {
	.cipher = "capi:rfc7539(chacha20,poly1305)-plain64",
	.size = 32,
	.tag_size = 16,
};

FIXTURE_VARIANT_ADD(aead_mode, aegis128) {
	.cipher = "capi:aegis128-plain64",
	.size = 16,
	.tag_size = 16,
};

static int aead_close(FIXTURE_DATA(aead_mode) * self)
{
	return dm_remove(self->volume.name) ?: dm_remove(self->below);
}

static int aead_open(FIXTURE_DATA(aead_mode) * self, const FIXTURE_VARIANT(aead_mode) * variant,
		     const char *key)
{
	char dev[NAME_SIZE], line[LINE_SIZE], told[NAME_SIZE] = "";
	int ret;

	ret = integrity_map(self->below, &self->volume.backing, 'D', "");
	if (ret)
		return ret;
	if (variant->mac_size)
		snprintf(told, sizeof(told), " integrity_key_size:%u", variant->mac_size);
	ret = dm_dev(self->below, dev);
	if (!ret) {
		snprintf(line, sizeof(line), "%s %s 0 %s 0 %d integrity:%u:aead%s",
			 variant->cipher, key, dev, 1 + !!variant->mac_size, variant->tag_size,
			 told);
		ret = dm_map(self->volume.name, "crypt", integrity_sectors(&self->volume.backing),
			     line);
	}
	if (ret)
		dm_remove(self->below);
	return ret;
}

FIXTURE_SETUP(aead_mode)
{
	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, variant->size));
	to_hex(self->hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("logon", "dmck:mode", self->secret, variant->size));
	snprintf(self->ref, sizeof(self->ref), ":%u:logon:dmck:mode", variant->size);
	ASSERT_EQ(0, fill_random(self->volume.data, sizeof(self->volume.data)));
	ASSERT_EQ(0, backing_open(&self->volume.backing));
	self->volume.backing.tag_size = variant->tag_size;
	dm_name(self->below);
	dm_name(self->volume.name);
	ASSERT_EQ(0, aead_open(self, variant, self->hex));
	ASSERT_EQ(0, dm_write(self->volume.name, self->volume.data));
}

FIXTURE_TEARDOWN(aead_mode)
{
	EXPECT_EQ(0, aead_close(self));
	backing_close(&self->volume.backing);
}

/* All that is stored: the tags, too. */
static int aead_stored(FIXTURE_DATA(aead_mode) * self, unsigned char stored[BACKING_SIZE])
{
	return pread(self->volume.backing.file, stored, BACKING_SIZE, 0) == BACKING_SIZE ? 0 : -EIO;
}

TEST_F(aead_mode, same_by_each_type)
{
	static unsigned char by_hex[BACKING_SIZE], by_ref[BACKING_SIZE];
	static const unsigned char blank[DATA_SIZE];
	char line[LINE_SIZE], ref[REF_SIZE];
	const char *why;
	size_t i;
	int ret;

	ASSERT_EQ(0, aead_close(self));
	ASSERT_EQ(0, aead_stored(self, by_hex));
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		if (variant->logon_only && holders[i].sealed)
			continue;
		/* An encrypted key has 20 bytes or more. */
		if (variant->size < 20 && !strcmp(holders[i].type, "encrypted"))
			continue;
		why = hold(i, self->secret, variant->size, &ret);
		if (why)
			break;
		ASSERT_LT(0, ret);
		snprintf(ref, sizeof(ref), ":%u:%s:dmck:mode", variant->size, holders[i].type);
		ASSERT_EQ(0, aead_open(self, variant, ref)) TH_LOG("%s", ref);
		EXPECT_EQ(1, volume_reads(&self->volume));
		EXPECT_EQ(0, dm_table(self->volume.name, line));
		EXPECT_NE(NULL, strstr(line, ref));
		EXPECT_FALSE(shows_key(line, self->secret, variant->size));
		EXPECT_EQ(0, dm_write(self->volume.name, blank));
		EXPECT_EQ(0, dm_write(self->volume.name, self->volume.data));
		ASSERT_EQ(0, aead_close(self));
		ASSERT_EQ(0, aead_stored(self, by_ref));
		EXPECT_EQ(variant->random, !!memcmp(by_hex, by_ref, BACKING_SIZE))
			TH_LOG("%s", ref);
		ASSERT_EQ(0, aead_open(self, variant, self->hex));
		EXPECT_EQ(1, volume_reads(&self->volume));
		ASSERT_EQ(0, aead_close(self));
	}
	ASSERT_EQ(0, aead_open(self, variant, self->hex));
	if (i < ARRAY_SIZE(holders))
		SKIP(return, "%s", why);
}

TEST_F(aead_mode, same_by_trusted)
{
	const bool refused = variant->logon_only && *dm_keyring_param("policy");
	static unsigned char by_hex[BACKING_SIZE], by_ref[BACKING_SIZE];
	static const unsigned char blank[DATA_SIZE];
	char ref[REF_SIZE];
	const char *why;
	int ret;

	why = hold_trusted(self->secret, variant->size, &ret);
	if (why)
		SKIP(return, "%s", why);
	if (!trusted_fits(variant->size, ret)) {
		EXPECT_EQ(variant->size == TRUSTED_MAX ? -E2BIG : -EINVAL, ret);
		return;
	}
	ASSERT_EQ((int)variant->size, ret);
	to_hex(self->hex, self->secret, variant->size);
	snprintf(ref, sizeof(ref), ":%u:trusted:dmck:mode", variant->size);
	ASSERT_EQ(0, aead_close(self));
	ASSERT_EQ(0, aead_open(self, variant, self->hex));
	EXPECT_EQ(0, dm_write(self->volume.name, self->volume.data));
	ASSERT_EQ(0, aead_close(self));
	ASSERT_EQ(0, aead_stored(self, by_hex));

	ret = aead_open(self, variant, ref);
	if (refused) {
		EXPECT_EQ(-EINVAL, ret);
		ASSERT_EQ(0, aead_open(self, variant, self->hex));
		return;
	}
	ASSERT_EQ(0, ret);
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(0, dm_write(self->volume.name, blank));
	EXPECT_EQ(0, dm_write(self->volume.name, self->volume.data));
	ASSERT_EQ(0, aead_close(self));
	ASSERT_EQ(0, aead_stored(self, by_ref));
	EXPECT_EQ(variant->random, !!memcmp(by_hex, by_ref, BACKING_SIZE));
	ASSERT_EQ(0, aead_open(self, variant, self->hex));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(aead_mode, set_in_turn)
{
	const char * const keys[] = { self->ref, self->ref, self->hex, self->ref };
	const char *name = self->volume.name;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		ASSERT_EQ(0, dm_suspend(name));
		EXPECT_EQ(0, dm_key_set(name, keys[i]));
		ASSERT_EQ(0, dm_resume(name));
		EXPECT_EQ(1, volume_reads(&self->volume));

		ASSERT_EQ(0, dm_suspend(name));
		EXPECT_EQ(0, dm_message(name, "key wipe"));
		EXPECT_EQ(-EAGAIN, dm_resume(name));
		EXPECT_EQ(0, dm_key_set(name, keys[i]));
		ASSERT_EQ(0, dm_resume(name));
		EXPECT_EQ(1, volume_reads(&self->volume));
	}
}

/* Nothing of the first key is left: what was written under it does not verify. */
TEST_F(aead_mode, set_to_another_key)
{
	const char *name = self->volume.name;

	ASSERT_EQ(0, fill_random(self->secret, variant->size));
	to_hex(self->hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("logon", "dmck:mode", self->secret, variant->size));

	ASSERT_EQ(0, dm_suspend(name));
	EXPECT_EQ(0, dm_key_set(name, self->ref));
	ASSERT_EQ(0, dm_resume(name));
	EXPECT_EQ(-EILSEQ, volume_reads(&self->volume));
	EXPECT_EQ(0, dm_write(name, self->volume.data));

	ASSERT_EQ(0, aead_close(self));
	ASSERT_EQ(0, aead_open(self, variant, self->hex));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_HARNESS_MAIN
