// SPDX-License-Identifier: GPL-2.0-only
/*
 * How dm-crypt cuts the key of an AEAD: a table whose key and options do not go with the cipher is
 * refused, and its nearest neighbour that does go with it makes a device.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define AUTHENC_XTS "capi:authenc(hmac(sha256),xts(aes))-plain64"
#define AUTHENC_CBC "capi:authenc(hmac(sha256),cbc(aes))-plain64"
/* Takes whatever is left of a key, so that it is not the cipher that refuses. */
#define AUTHENC_NULL "capi:authenc(hmac(sha256),ecb(cipher_null))-plain64"
#define AUTHENC_TCW "capi:authenc(hmac(sha256),cbc(aes))-tcw"

#define MAX_KEY_SIZE 96
#define NO_KEY 0

/* dm-crypt makes the tags, dm-integrity below keeps them. */
FIXTURE(aead)
{
	struct volume volume;
	char below[NAME_SIZE];
	char dev[NAME_SIZE];
	char hex[2 * MAX_KEY_SIZE + 1];
};

FIXTURE_VARIANT(aead)
{
	const char *cipher;
	unsigned int key_size;
	unsigned int tag_size;
	const char *options;
	int err;
};

/* An authenc key has its part for the MAC at the end, of the digest's size or as it is told. */
FIXTURE_VARIANT_ADD(aead, authenc) {
	.cipher = AUTHENC_XTS,
	.key_size = 96,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
};

FIXTURE_VARIANT_ADD(aead, authenc_told) {
	.cipher = AUTHENC_XTS,
	.key_size = 96,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
};

FIXTURE_VARIANT_ADD(aead, authenc_told_first) {
	.cipher = AUTHENC_XTS,
	.key_size = 96,
	.tag_size = 32,
	.options = "2 integrity_key_size:32 integrity:32:aead",
};

FIXTURE_VARIANT_ADD(aead, authenc_smaller) {
	.cipher = AUTHENC_XTS,
	.key_size = 80,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:16",
};

FIXTURE_VARIANT_ADD(aead, authenc_essiv) {
	.cipher = "capi:authenc(hmac(sha256),cbc(aes))-essiv:sha256",
	.key_size = 64,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
};

FIXTURE_VARIANT_ADD(aead, authenc_random) {
	.cipher = "capi:authenc(hmac(sha256),ctr(aes))-random",
	.key_size = 64,
	.tag_size = 48,
	.options = "2 integrity:48:aead integrity_key_size:32",
};

FIXTURE_VARIANT_ADD(aead, authenc_nothing_left) {
	.cipher = AUTHENC_CBC,
	.key_size = 32,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_all_and_more) {
	.cipher = AUTHENC_NULL,
	.key_size = 32,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:33",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_far_more) {
	.cipher = AUTHENC_NULL,
	.key_size = 32,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:4294967295",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_zero) {
	.cipher = AUTHENC_NULL,
	.key_size = 32,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:0",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_too_short) {
	.cipher = AUTHENC_NULL,
	.key_size = 31,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_no_key) {
	.cipher = AUTHENC_NULL,
	.key_size = NO_KEY,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authenc_old_spelling) {
	.cipher = "aes-cbc-plain64",
	.key_size = 64,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
	.err = -EINVAL,
};

/* No other key has such a part, and no buffer to put one together. */
FIXTURE_VARIANT_ADD(aead, gcm) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = 32,
	.tag_size = 28,
	.options = "1 integrity:28:aead",
};

FIXTURE_VARIANT_ADD(aead, gcm_told) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = 32,
	.tag_size = 28,
	.options = "2 integrity:28:aead integrity_key_size:16",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, gcm_told_first) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = 32,
	.tag_size = 28,
	.options = "2 integrity_key_size:16 integrity:28:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, gcm_told_all) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = 32,
	.tag_size = 28,
	.options = "2 integrity:28:aead integrity_key_size:32",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, gcm_told_one) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = 32,
	.tag_size = 28,
	.options = "2 integrity:28:aead integrity_key_size:1",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, gcm_no_key) {
	.cipher = "capi:gcm(aes)-random",
	.key_size = NO_KEY,
	.tag_size = 28,
	.options = "2 integrity:28:aead integrity_key_size:16",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, gcm_plain64) {
	.cipher = "capi:gcm(aes)-plain64",
	.key_size = 32,
	.tag_size = 16,
	.options = "2 integrity:16:aead integrity_key_size:16",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, authencesn_told) {
	.cipher = "capi:authencesn(hmac(sha256),cbc(aes))-plain64",
	.key_size = 64,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, essiv_spelled_out) {
	.cipher = "capi:essiv(authenc(hmac(sha256),cbc(aes)),sha256)-plain64",
	.key_size = 64,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:32",
	.err = -EINVAL,
};

/* The last 32 bytes are the seeds of tcw, and the other keys are cut out of what is before them. */
FIXTURE_VARIANT_ADD(aead, tcw) {
	.cipher = AUTHENC_TCW,
	.key_size = 16 + 32 + 32,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
};

FIXTURE_VARIANT_ADD(aead, tcw_told) {
	.cipher = AUTHENC_TCW,
	.key_size = 16 + 16 + 32,
	.tag_size = 32,
	.options = "2 integrity:32:aead integrity_key_size:16",
};

FIXTURE_VARIANT_ADD(aead, tcw_too_short) {
	.cipher = AUTHENC_TCW,
	.key_size = 31 + 32,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, tcw_seeds_only) {
	.cipher = AUTHENC_TCW,
	.key_size = 32,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, tcw_not_even_seeds) {
	.cipher = AUTHENC_TCW,
	.key_size = 31,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, tcw_half_of_them) {
	.cipher = AUTHENC_TCW,
	.key_size = 16,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(aead, tcw_no_key) {
	.cipher = AUTHENC_TCW,
	.key_size = NO_KEY,
	.tag_size = 32,
	.options = "1 integrity:32:aead",
	.err = -EINVAL,
};

FIXTURE_SETUP(aead)
{
	unsigned char key[MAX_KEY_SIZE];

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_GE(sizeof(key), variant->key_size);
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	if (variant->key_size == NO_KEY)
		snprintf(self->hex, sizeof(self->hex), "-");
	else
		to_hex(self->hex, key, variant->key_size);

	ASSERT_EQ(0, fill_random(self->volume.data, sizeof(self->volume.data)));
	ASSERT_EQ(0, backing_open(&self->volume.backing));
	dm_name(self->below);
	dm_name(self->volume.name);
	self->volume.backing.tag_size = variant->tag_size;
	ASSERT_EQ(0, integrity_map(self->below, &self->volume.backing, 'D', ""));
	ASSERT_EQ(0, dm_dev(self->below, self->dev));
}

FIXTURE_TEARDOWN(aead)
{
	EXPECT_EQ(0, dm_remove(self->below));
	backing_close(&self->volume.backing);
}

TEST_F(aead, map)
{
	int sectors = integrity_sectors(&self->volume.backing);
	char line[LINE_SIZE], shown[LINE_SIZE];
	int i;

	ASSERT_LT(0, sectors);
	snprintf(line, sizeof(line), "%s %s 0 %s 0 %s", variant->cipher, self->hex, self->dev,
		 variant->options);
	ASSERT_EQ(variant->err, dm_map(self->volume.name, "crypt", sectors, line));
	if (variant->err)
		return;
	ASSERT_EQ(0, dm_write(self->volume.name, self->volume.data));

	/* As it was given, and then as it is shown. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, volume_reads(&self->volume));
		ASSERT_EQ(0, dm_table(self->volume.name, shown));
		ASSERT_EQ(0, dm_remove(self->volume.name));
		ASSERT_EQ(0, dm_map(self->volume.name, "crypt", sectors, shown));
	}
	EXPECT_EQ(0, dm_remove(self->volume.name));
}

/* A number alone says nothing about what it is for. */
TEST(no_profile)
{
	static const char * const options[] = {
		"1 integrity:28", "1 integrity:28:", "1 integrity:28aead", "1 integrity:28 :aead",
		"2 integrity_key_size:16 integrity:28",
	};
	unsigned char key[KEY_SIZE];
	struct backing backing;
	char hex[HEX_SIZE], name[NAME_SIZE];
	size_t i;

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(hex, key, sizeof(key));
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		ASSERT_EQ(0, dm_create(name));
		EXPECT_EQ(-EINVAL, dm_load_crypt(name, 1, &backing, XTS, hex, options[i]))
			TH_LOG("%s", options[i]);
		EXPECT_EQ(0, dm_remove(name));
	}
	backing_close(&backing);
}

/* Where no key is cut for a MAC the option has no effect, as ever. */
TEST(not_aead)
{
	unsigned char key[KEY_SIZE];
	struct volume volume;
	char line[LINE_SIZE], hex[HEX_SIZE];

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(hex, key, sizeof(key));
	ASSERT_EQ(0, volume_open(&volume, XTS, hex, "1 integrity_key_size:16"));
	EXPECT_EQ(0, dm_table(volume.name, line));
	EXPECT_NE(NULL, strstr(line, " 1 integrity_key_size:16"));
	EXPECT_EQ(0, dm_remove(volume.name));
	ASSERT_EQ(0, dm_map_crypt(volume.name, &volume.backing, XTS, hex, ""));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_HARNESS_MAIN
