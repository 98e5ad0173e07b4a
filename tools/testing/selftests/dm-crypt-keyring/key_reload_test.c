// SPDX-License-Identifier: GPL-2.0-only
/*
 * The message "key reload" is "key set" with the reference that the device has already.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define KEY_REF ":64:logon:dmck:reload"

FIXTURE(key_reload)
{
	struct volume volume;
	const char *name;
	unsigned char secret[KEY_SIZE];
};

FIXTURE_VARIANT(key_reload)
{
	const char *options;
	/* The state in which the device is after a resume. */
	const char *status;
};

FIXTURE_VARIANT_ADD(key_reload, kept) {
	.options = "",
	.status = "key set " KEY_REF,
};

FIXTURE_VARIANT_ADD(key_reload, dropped) {
	.options = "1 drop_key",
	.status = "key dropped " KEY_REF,
};

/* Adds the key, or updates it if it is still there. */
static int add_key(FIXTURE_DATA(key_reload) * self)
{
	return key_add("logon", "dmck:reload", self->secret, sizeof(self->secret));
}

FIXTURE_SETUP(key_reload)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	ASSERT_LT(0, add_key(self));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, KEY_REF, variant->options));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(key_reload)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* Resumes the device and tells whether all is as it was before: 1 or 0. */
static int as_before(FIXTURE_DATA(key_reload) * self, const FIXTURE_VARIANT(key_reload) * variant)
{
	char line[LINE_SIZE];

	return dm_resume(self->name) ?: dm_status(self->name, line) ?:
	       strcmp(line, variant->status) ? 0 : volume_reads(&self->volume);
}

TEST_F(key_reload, after_wipe)
{
	char line[LINE_SIZE] = "";

	ASSERT_LT(0, add_key(self));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key reload"));
	EXPECT_EQ(0, dm_status(self->name, line));
	EXPECT_STREQ("key set " KEY_REF, line);
	EXPECT_EQ(1, as_before(self, variant));
	EXPECT_EQ(*variant->options != '\0', key_search("logon", "dmck:reload") < 0);
}

/* It is the key of now that comes, not that of before. */
TEST_F(key_reload, after_update)
{
	self->secret[0] ^= 1;
	ASSERT_LT(0, add_key(self));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key reload"));
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, volume_reads(&self->volume));

	self->secret[0] ^= 1;
	ASSERT_LT(0, add_key(self));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key reload"));
	EXPECT_EQ(1, as_before(self, variant));
}

TEST_F(key_reload, without_the_key)
{
	int serial = add_key(self);

	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-ENOKEY, dm_message(self->name, "key reload"));
	EXPECT_EQ(1, as_before(self, variant));
}

TEST_F(key_reload, while_live)
{
	ASSERT_LT(0, add_key(self));
	EXPECT_EQ(-EINVAL, dm_message(self->name, "key reload"));
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key reload"));
}

TEST_F(key_reload, takes_no_argument)
{
	ASSERT_LT(0, add_key(self));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-EINVAL, dm_message(self->name, "key reload " KEY_REF));
	EXPECT_EQ(1, as_before(self, variant));
}

TEST(no_reload_of_a_hex_key)
{
	unsigned char key[KEY_SIZE];
	struct volume volume;
	char hex[HEX_SIZE];

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(hex, key, sizeof(key));
	ASSERT_EQ(0, volume_open(&volume, XTS, hex, ""));
	EXPECT_EQ(0, dm_suspend(volume.name));
	EXPECT_EQ(-EINVAL, dm_message(volume.name, "key reload"));
	EXPECT_EQ(0, dm_resume(volume.name));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_HARNESS_MAIN
