// SPDX-License-Identifier: GPL-2.0-only
/*
 * IV generators that get a part of the key of their own: lmk, whose seed has 16 bytes, and tcw,
 * whose seed is as long as the IV. A key that is too short for the one, and an IV that is too long
 * for the other, would make them read what lies behind in the kernel's memory, and put it into IVs
 * that whoever has the key can compute.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define MAX_SIZE 1040

FIXTURE(iv_key)
{
	struct backing backing;
	char name[NAME_SIZE];
	unsigned char secret[MAX_SIZE];
	char hex[2 * MAX_SIZE + 1];
	char ref[REF_SIZE];
};

FIXTURE_VARIANT(iv_key)
{
	const char *cipher;
	unsigned int size;
	bool taken;
};

FIXTURE_VARIANT_ADD(iv_key, lmk_seed) {
	.cipher = "aes:2-cbc-lmk",
	.size = 3 * 16 + 1,
	.taken = true,
};

FIXTURE_VARIANT_ADD(iv_key, lmk_no_seed) {
	.cipher = "serpent:2-cbc-lmk",
	.size = 2 * 15,
	.taken = true,
};

/* The sizes are rounded down, so the seed begins a byte before the rest and ends with it. */
FIXTURE_VARIANT_ADD(iv_key, lmk_seed_of_16) {
	.cipher = "aes:2-cbc-lmk",
	.size = 3 * 16 - 1,
	.taken = true,
};

FIXTURE_VARIANT_ADD(iv_key, lmk_seed_of_15) {
	.cipher = "serpent:2-cbc-lmk",
	.size = 3 * 15,
};

FIXTURE_VARIANT_ADD(iv_key, lmk_seed_of_1) {
	.cipher = "serpent:2-cbc-lmk",
	.size = 3,
};

FIXTURE_VARIANT_ADD(iv_key, lmk_capi) {
	.cipher = "capi:cbc(serpent)-lmk",
	.size = 65 * 15,
};

FIXTURE_VARIANT_ADD(iv_key, tcw_iv_of_8) {
	.cipher = "capi:rfc3686(ctr(aes))-tcw",
	.size = 20 + 8 + 16,
	.taken = true,
};

FIXTURE_VARIANT_ADD(iv_key, tcw_iv_of_16) {
	.cipher = "aes-cbc-tcw",
	.size = 32 + 16 + 16,
	.taken = true,
};

FIXTURE_VARIANT_ADD(iv_key, tcw_iv_of_32) {
	.cipher = "capi:xchacha20-tcw",
	.size = 32 + 32 + 16,
};

FIXTURE_SETUP(iv_key)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, variant->size));
	to_hex(self->hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("user", "dmck:iv", self->secret, variant->size));
	snprintf(self->ref, sizeof(self->ref), ":%u:user:dmck:iv", variant->size);
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
}

FIXTURE_TEARDOWN(iv_key)
{
	backing_close(&self->backing);
}

TEST_F(iv_key, map)
{
	const char * const keys[] = { self->hex, self->ref };
	int err = variant->taken ? 0 : -EINVAL, ret;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		ret = dm_map_crypt(self->name, &self->backing, variant->cipher, keys[i], "");
		EXPECT_EQ(err, ret);
		if (!ret)
			EXPECT_EQ(0, dm_remove(self->name));
	}
}

/* What is written by one device is read by the next one with that key. */
TEST_F(iv_key, same_iv)
{
	unsigned char data[DATA_SIZE];

	ASSERT_EQ(0, fill_random(data, sizeof(data)));
	if (dm_map_crypt(self->name, &self->backing, variant->cipher, self->hex, ""))
		return;
	EXPECT_EQ(0, dm_write(self->name, data));
	EXPECT_EQ(0, dm_remove(self->name));
	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, variant->cipher, self->ref, ""));
	EXPECT_EQ(1, dm_reads(self->name, data));
	EXPECT_EQ(0, dm_remove(self->name));
}

TEST_HARNESS_MAIN
