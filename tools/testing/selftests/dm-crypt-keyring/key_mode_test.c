// SPDX-License-Identifier: GPL-2.0-only
/*
 * A key by reference and the same key in hex give the same ciphertext with every way that dm-crypt
 * has to make keys for ciphers and IV generators from it, whichever of the two comes first.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define MAX_SIZE 1040

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
	.options = "2 same_cpu_crypt submit_from_crypt_cpus",
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

/* Whatever type of key holds it. */
TEST_F(key_mode, same_by_each_type)
{
	static const char * const types[] = { "user", "encrypted" };
	unsigned char by_hex[DATA_SIZE], by_ref[DATA_SIZE];
	char name[NAME_SIZE], ref[REF_SIZE];
	const char *why;
	size_t i;
	int ret;

	ASSERT_EQ(0, backing_read(&self->volume.backing, by_hex));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (variant->logon_only && !strcmp(types[i], "encrypted"))
			continue;
		ret = key_make(types[i], "dmck:mode", self->secret, variant->size);
		why = key_unsupported(types[i], ret);
		if (why)
			SKIP(return, "%s", why);
		ASSERT_LT(0, ret);
		snprintf(ref, sizeof(ref), ":%u:%s:dmck:mode", variant->size, types[i]);
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

TEST_HARNESS_MAIN
