// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trusted keys of a TPM 2.0: an option that promises what it does not hold is refused, and a key
 * that must not leave its TPM is not taken for one that may.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "kmsg.h"
#include "harness.h"

#define DESC "dmck:trusted"
#define NEW "new 32 keyhandle=" TPM_PARENT
/* A blob in hex, with room for the command before it. */
#define BLOB_SIZE 2048

static int trusted_add(const char *payload)
{
	return key_add("trusted", DESC, payload, strlen(payload));
}

/* Steps into the element at @p, or over it. Lengths have one byte, or two after 0x82. */
static const unsigned char *der_next(const unsigned char *p, bool into, int *len)
{
	int head = p[1] < 0x80 ? 2 : p[1] == 0x81 ? 3 : 4;

	*len = head == 2 ? p[1] : head == 3 ? p[2] : p[2] << 8 | p[3];
	return into ? p + head : p + head + *len;
}

/* Makes the command that loads the two halves of the TPMKey @der without what is around them. */
static int old_form(char command[BLOB_SIZE], const unsigned char *der, int size)
{
	const unsigned char *half[2] = {}, *end = der + size, *p;
	int len[2] = {}, n, used;

	/* The last two elements are octet strings: the public half and the private one. */
	for (p = der_next(der, true, &n); p < end; p = der_next(p, false, &n)) {
		half[0] = half[1];
		len[0] = len[1];
		half[1] = der_next(p, true, &len[1]);
	}
	if (!half[0] || 2 * (len[0] + len[1]) + 64 > BLOB_SIZE)
		return -EINVAL;
	used = sprintf(command, "load ");
	to_hex(command + used, half[1], len[1]);
	used += 2 * len[1];
	to_hex(command + used, half[0], len[0]);
	used += 2 * len[0];
	return used + sprintf(command + used, " keyhandle=" TPM_PARENT);
}

FIXTURE(trusted)
{
	char blob[BLOB_SIZE];
	unsigned char der[BLOB_SIZE / 2];
	int size;
};

FIXTURE_VARIANT(trusted)
{
	const char *options;
	int old_form;
};

FIXTURE_VARIANT_ADD(trusted, migratable) {
	.options = "",
	.old_form = 0,
};

FIXTURE_VARIANT_ADD(trusted, not_migratable) {
	.options = " migratable=0",
	.old_form = -EINVAL,
};

FIXTURE_SETUP(trusted)
{
	char payload[REF_SIZE];
	int key;

	ASSERT_EQ(0, keys_open());
	snprintf(payload, sizeof(payload), NEW "%s", variant->options);
	key = trusted_add(payload);
	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	ASSERT_LT(0, key);
	self->size = key_ctl(KEYCTL_READ, key, (uintptr_t)self->blob, sizeof(self->blob) - 1, 0);
	ASSERT_LT(0, self->size);
	ASSERT_GT(sizeof(self->blob) - 1, self->size);
	self->size = from_hex(self->der, self->blob, self->size);
	ASSERT_LT(0, self->size);
}

FIXTURE_TEARDOWN(trusted)
{
}

TEST_F(trusted, load)
{
	char command[BLOB_SIZE + 64];

	snprintf(command, sizeof(command), "load %s keyhandle=" TPM_PARENT, self->blob);
	ASSERT_EQ(0, keys_open());
	EXPECT_LT(0, trusted_add(command));
}

TEST_F(trusted, load_in_the_old_form)
{
	char command[BLOB_SIZE], update[REF_SIZE];
	int key;

	ASSERT_LT(0, old_form(command, self->der, self->size));
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, kmsg_mark());
	key = trusted_add(command);
	EXPECT_EQ(variant->old_form, key < 0 ? key : 0);
	EXPECT_EQ(!!variant->old_form,
		  kmsg_says("a key that is not migratable does not load in the old form\n"));
	if (key < 0 || !variant->old_form)
		return;

	/* What it is worth: the key is sealed again, for whoever says so. */
	snprintf(update, sizeof(update), "update keyhandle=" TPM_PARENT " blobauth=root");
	EXPECT_GT(0, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)update, strlen(update), 0));
}

/* Of a TPMKey: the end of its type, the parent, and an octet string of an empty part. */
#define OID_END "0a0105"
#define PARENT "02050081000001"
#define EMPTY "04020000"

/* A TPMKey of two parts that are empty: there are no attributes in the public one. */
TEST(public_part_that_ends_early)
{
	static const char load[] = "load 30170606678105" OID_END PARENT EMPTY EMPTY;
	int key;

	ASSERT_EQ(0, keys_open());
	key = trusted_add(NEW);
	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	ASSERT_LT(0, key);
	ASSERT_EQ(0, keys_open());
	EXPECT_EQ(-EINVAL, trusted_add(load));
}

FIXTURE(option)
{
};

FIXTURE_VARIANT(option)
{
	const char *option;
	const char *why; /* or NULL: it is taken, or makes no sense at all */
	int err;
};

#define LOCKS_NOTHING " would lock nothing\n"

/* It is a structure of TPM 1.2. */
FIXTURE_VARIANT_ADD(option, pcrinfo) {
	.option = "pcrinfo=0002000080",
	.why = "pcrinfo= does not bind a key of a TPM 2.0\n",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrinfo_none) {
	.option = "pcrinfo=",
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrlock_0) {
	.option = "pcrlock=0",
	.why = "pcrlock=0" LOCKS_NOTHING,
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrlock_11) {
	.option = "pcrlock=11",
};

FIXTURE_VARIANT_ADD(option, pcrlock_15) {
	.option = "pcrlock=15",
};

/* User space can reset these two. */
FIXTURE_VARIANT_ADD(option, pcrlock_16) {
	.option = "pcrlock=16",
	.why = "pcrlock=16" LOCKS_NOTHING,
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrlock_23) {
	.option = "pcrlock=23",
	.why = "pcrlock=23" LOCKS_NOTHING,
	.err = -EINVAL,
};

/* These are not there. */
FIXTURE_VARIANT_ADD(option, pcrlock_24) {
	.option = "pcrlock=24",
	.why = "pcrlock=24" LOCKS_NOTHING,
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrlock_wraps_to_11) {
	.option = "pcrlock=4294967307",
	.why = "pcrlock=4294967307" LOCKS_NOTHING,
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(option, pcrlock_negative) {
	.option = "pcrlock=-11",
	.err = -EINVAL,
};

FIXTURE_SETUP(option)
{
	int key;

	ASSERT_EQ(0, keys_open());
	key = trusted_add(NEW);
	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	ASSERT_LT(0, key);
	ASSERT_EQ(0, keys_open());
}

FIXTURE_TEARDOWN(option)
{
}

TEST_F(option, new)
{
	char payload[REF_SIZE];
	int key;

	snprintf(payload, sizeof(payload), NEW " %s", variant->option);
	ASSERT_EQ(0, kmsg_mark());
	key = trusted_add(payload);
	EXPECT_EQ(variant->err, key < 0 ? key : 0);
	EXPECT_EQ(!!variant->why, kmsg_says(variant->why ?: LOCKS_NOTHING));
}

TEST_HARNESS_MAIN
