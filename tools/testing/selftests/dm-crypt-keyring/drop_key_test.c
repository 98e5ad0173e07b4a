// SPDX-License-Identifier: GPL-2.0-only
/*
 * With "drop_key" a device takes its key out of the keyring for good when it is first resumed, and
 * works on without it. A table that is not resumed takes nothing.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

FIXTURE(drop_key)
{
	struct backing backing;
	char name[NAME_SIZE];
	char ref[REF_SIZE];
	unsigned char data[DATA_SIZE];
	/* What adds the same key again. */
	char again[LINE_SIZE];
	int again_size;
};

FIXTURE_VARIANT(drop_key)
{
	const char *type;
	/* What comes around the blob in a payload that loads it. NULL: there are no blobs. */
	const char *load;
};

FIXTURE_VARIANT_ADD(drop_key, user) {
	.type = "user",
};

FIXTURE_VARIANT_ADD(drop_key, logon) {
	.type = "logon",
};

FIXTURE_VARIANT_ADD(drop_key, encrypted) {
	.type = "encrypted",
	.load = "load %s",
};

FIXTURE_VARIANT_ADD(drop_key, trusted) {
	.type = "trusted",
	.load = "load %s keyhandle=" TPM_PARENT,
};

/* Makes a device with the option and without a live table, the second time with the same key. */
FIXTURE_SETUP(drop_key)
{
	unsigned char secret[KEY_SIZE];
	char blob[LINE_SIZE] = "";
	const char *unsupported;
	int serial;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->data, sizeof(self->data)));
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	serial = key_make(variant->type, "dmck:drop", variant->load ? NULL : secret, KEY_SIZE);
	unsupported = key_unsupported(variant->type, serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, serial);

	if (variant->load) {
		ASSERT_LT(0, key_ctl(KEYCTL_READ, serial, (uintptr_t)blob, sizeof(blob) - 1, 0));
		self->again_size = snprintf(self->again, sizeof(self->again), variant->load, blob);
		ASSERT_GT(sizeof(self->again), self->again_size);
	} else {
		memcpy(self->again, secret, sizeof(secret));
		self->again_size = sizeof(secret);
	}

	snprintf(self->ref, sizeof(self->ref), ":64:%s:dmck:drop", variant->type);
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
	ASSERT_EQ(0, dm_create(self->name));
}

FIXTURE_TEARDOWN(drop_key)
{
	EXPECT_EQ(0, dm_remove(self->name));
	backing_close(&self->backing);
}

/* Makes the device live, with data. */
static void start(struct __test_metadata *_metadata, FIXTURE_DATA(drop_key) * self)
{
	ASSERT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_write(self->name, self->data));
}

static void add_again(struct __test_metadata *_metadata, FIXTURE_DATA(drop_key) * self,
		      const FIXTURE_VARIANT(drop_key) * variant)
{
	ASSERT_LT(0, key_add(variant->type, "dmck:drop", self->again, self->again_size));
}

/* Until an invalidated key is collected, the look-up says that it is revoked. */
static bool is_gone(int err)
{
	return err == -ENOKEY || err == -EKEYREVOKED;
}

static void expect_state(struct __test_metadata *_metadata, FIXTURE_DATA(drop_key) * self,
			 const char *name, const char *state)
{
	char line[LINE_SIZE] = "", expected[LINE_SIZE];

	snprintf(expected, sizeof(expected), "key %s %s", state, self->ref);
	EXPECT_EQ(0, dm_status(name, line));
	EXPECT_STREQ(expected, line);
}

static void expect_dropped(struct __test_metadata *_metadata, FIXTURE_DATA(drop_key) * self,
			   const FIXTURE_VARIANT(drop_key) * variant)
{
	char name[NAME_SIZE];

	EXPECT_TRUE(is_gone(key_search(variant->type, "dmck:drop")));
	dm_name(name);
	EXPECT_TRUE(is_gone(dm_map_crypt(name, &self->backing, XTS, self->ref, "")));
	expect_state(_metadata, self, self->name, "dropped");
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

TEST_F(drop_key, dropped_at_first_resume)
{
	int serial;

	ASSERT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	serial = key_search(variant->type, "dmck:drop");
	EXPECT_LT(0, serial);
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_TRUE(is_gone(key_search(variant->type, "dmck:drop")));
	/* Who kept its number has no more of it. */
	EXPECT_EQ(-ENOKEY, key_ctl(KEYCTL_LINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0));

	EXPECT_EQ(0, dm_write(self->name, self->data));
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, kept_without_the_option)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->backing, XTS, self->ref, ""));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	expect_state(_metadata, self, name, "set");
	EXPECT_EQ(0, dm_remove(name));
}

/* Each target has looked the key up before any of them drops it. */
TEST_F(drop_key, two_targets_of_one_key)
{
	ASSERT_EQ(0, dm_load_crypt(self->name, 2, &self->backing, XTS, self->ref, "1 drop_key"));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_write(self->name, self->data));
	expect_dropped(_metadata, self, variant);
}

/* As does each device: who has the key already needs nobody to find it again. */
TEST_F(drop_key, two_devices_of_one_key)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(0, dm_load_crypt(name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	start(_metadata, self);
	expect_dropped(_metadata, self, variant);
	EXPECT_EQ(0, dm_resume(name));
	expect_state(_metadata, self, name, "dropped");
	EXPECT_EQ(1, dm_reads(name, self->data));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(drop_key, table_cleared)
{
	ASSERT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	EXPECT_EQ(0, dm_clear(self->name));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	start(_metadata, self);
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, device_removed_before_resume)
{
	ASSERT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	EXPECT_EQ(0, dm_remove(self->name));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	ASSERT_EQ(0, dm_create(self->name));
	start(_metadata, self);
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, table_refused)
{
	EXPECT_EQ(-EINVAL, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref,
					 "2 drop_key no_such_option"));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	start(_metadata, self);
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, table_line)
{
	char line[LINE_SIZE], expected[LINE_SIZE];

	ASSERT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref,
				   "2 drop_key allow_discards"));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_table(self->name, line));
	snprintf(expected, sizeof(expected), XTS " %s 0 %s 0 2 allow_discards drop_key", self->ref,
		 self->backing.dev);
	EXPECT_STREQ(expected, line);
}

TEST_F(drop_key, suspend_and_resume)
{
	start(_metadata, self);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_resume(self->name));
	expect_dropped(_metadata, self, variant);

	/* Who was not given a key again takes none. */
	add_again(_metadata, self, variant);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

TEST_F(drop_key, set_again)
{
	start(_metadata, self);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_TRUE(is_gone(dm_key_set(self->name, self->ref)));
	expect_state(_metadata, self, self->name, "dropped");

	add_again(_metadata, self, variant);
	EXPECT_EQ(0, dm_key_set(self->name, self->ref));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	expect_state(_metadata, self, self->name, "set");
	EXPECT_EQ(0, dm_resume(self->name));
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, wiped_and_set_again)
{
	start(_metadata, self);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_state(_metadata, self, self->name, "wiped");

	/* A resume that fails drops nothing. */
	add_again(_metadata, self, variant);
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));

	EXPECT_EQ(0, dm_key_set(self->name, self->ref));
	EXPECT_EQ(0, dm_resume(self->name));
	expect_dropped(_metadata, self, variant);
}

/* A new table needs the key as the first one did, and drops it as well. */
TEST_F(drop_key, table_replaced)
{
	start(_metadata, self);
	EXPECT_TRUE(is_gone(dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref,
					  "1 drop_key")));
	EXPECT_EQ(1, dm_reads(self->name, self->data));

	add_again(_metadata, self, variant);
	EXPECT_EQ(0, dm_load_crypt(self->name, 1, &self->backing, XTS, self->ref, "1 drop_key"));
	EXPECT_LT(0, key_search(variant->type, "dmck:drop"));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_resume(self->name));
	expect_dropped(_metadata, self, variant);
}

TEST_F(drop_key, no_hex_key_in_message)
{
	char line[LINE_SIZE] = "", hex[HEX_SIZE];
	unsigned char key[KEY_SIZE];

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(hex, key, sizeof(key));
	start(_metadata, self);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, hex));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_NE(NULL, strstr(line, self->ref));
	EXPECT_EQ(0, dm_resume(self->name));
	expect_dropped(_metadata, self, variant);
}

/* There is nothing to drop. */
TEST(no_drop_key_without_a_reference)
{
	unsigned char key[KEY_SIZE];
	struct backing backing;
	char name[NAME_SIZE], hex[HEX_SIZE];

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(hex, key, sizeof(key));
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	EXPECT_EQ(0, dm_create(name));
	EXPECT_EQ(-EINVAL, dm_load_crypt(name, 1, &backing, XTS, hex, "1 drop_key"));
	EXPECT_EQ(0, dm_load_crypt(name, 1, &backing, XTS, hex, ""));
	EXPECT_EQ(-EINVAL, dm_load_crypt(name, 1, &backing, "cipher_null-ecb-null", "-",
					 "1 drop_key"));
	EXPECT_EQ(0, dm_load_crypt(name, 1, &backing, "cipher_null-ecb-null", "-", ""));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);
}

TEST_HARNESS_MAIN
