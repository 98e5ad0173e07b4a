// SPDX-License-Identifier: GPL-2.0-only
/*
 * A malformed reference to a key is refused by the constructor and by the message "key set", and
 * the key that a device has stays: the same table as KUnit's, through the whole of device-mapper.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"
#include "../../../../drivers/md/dm-keyring_table.h"

#define KEY_REF ":64:logon:dmck:table"

/* What device-mapper would split or eat goes behind a backslash. */
static void escape(char escaped[REF_SIZE], const char *reference)
{
	for (; *reference; reference++) {
		if (strchr(" \t\n\v\f\r\xa0\\", *reference))
			*escaped++ = '\\';
		*escaped++ = *reference;
	}
	*escaped = '\0';
}

FIXTURE(table)
{
	struct volume volume;
};

FIXTURE_SETUP(table)
{
	unsigned char key[KEY_SIZE];

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", "dmck:table", key, sizeof(key)));
	/* What a lenient parser would find behind most of the malformed references. */
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", "dmck:x", key, sizeof(key)));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, KEY_REF, ""));
}

FIXTURE_TEARDOWN(table)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

TEST_F(table, malformed_in_constructor)
{
	char name[NAME_SIZE], escaped[REF_SIZE];
	size_t i;

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	for (i = 0; i < ARRAY_SIZE(dm_keyring_malformed); i++) {
		escape(escaped, dm_keyring_malformed[i].reference);
		EXPECT_EQ(-EINVAL, dm_load_crypt(name, 1, &self->volume.backing, XTS, escaped, ""))
			TH_LOG("%s", dm_keyring_malformed[i].why);
	}
	/* Nothing else is wrong with that line. */
	EXPECT_EQ(0, dm_load_crypt(name, 1, &self->volume.backing, XTS, KEY_REF, ""));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(table, malformed_in_message)
{
	char before[LINE_SIZE], line[LINE_SIZE], escaped[REF_SIZE];
	size_t i;

	ASSERT_EQ(0, dm_table(self->volume.name, before));
	for (i = 0; i < ARRAY_SIZE(dm_keyring_malformed); i++) {
		const char *why = dm_keyring_malformed[i].why;

		escape(escaped, dm_keyring_malformed[i].reference);
		ASSERT_EQ(0, dm_suspend(self->volume.name));
		EXPECT_EQ(-EINVAL, dm_key_set(self->volume.name, escaped)) TH_LOG("%s", why);
		EXPECT_EQ(0, dm_table(self->volume.name, line));
		EXPECT_STREQ(before, line) dm_key_set(self->volume.name, KEY_REF);
		ASSERT_EQ(0, dm_resume(self->volume.name)) TH_LOG("%s", why);
		EXPECT_EQ(1, volume_reads(&self->volume)) TH_LOG("%s", why);
	}
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, KEY_REF));
}

/* The nearest good neighbours: they are understood, and there is no such key. */
TEST_F(table, wellformed_but_absent)
{
	char name[NAME_SIZE], escaped[REF_SIZE];
	size_t i;

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	for (i = 0; i < ARRAY_SIZE(dm_keyring_wellformed); i++) {
		/* Other types may be unknown, which is another error. */
		if (strcmp(dm_keyring_wellformed[i].type, "user") &&
		    strcmp(dm_keyring_wellformed[i].type, "logon"))
			continue;
		escape(escaped, dm_keyring_wellformed[i].reference);
		EXPECT_EQ(-ENOKEY, dm_load_crypt(name, 1, &self->volume.backing, XTS, escaped, ""))
			TH_LOG("%s", dm_keyring_wellformed[i].reference);
	}
	EXPECT_EQ(0, dm_remove(name));
}

TEST_HARNESS_MAIN
