// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table line whose key a cipher, or the target, does not take: the log names the reference.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"
#include "kmsg.h"

#define ODD_SIZE 40
#define TCW_SIZE 32

FIXTURE(refusal)
{
	struct backing backing;
	char name[NAME_SIZE];
	unsigned char secret[KEY_SIZE];
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	ASSERT_LT(0, key_add("logon", "dmck:odd", self->secret, ODD_SIZE));
	ASSERT_LT(0, key_add("user", "dmck:odd", self->secret, ODD_SIZE));
	ASSERT_LT(0, key_add("logon", "dmck:short", self->secret, TCW_SIZE));
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
	ASSERT_EQ(0, dm_create(self->name));
}

FIXTURE_TEARDOWN(refusal)
{
	EXPECT_EQ(0, dm_remove(self->name));
	backing_close(&self->backing);
}

TEST_F(refusal, by_cipher)
{
	EXPECT_REFUSED(-EINVAL, ":40:logon:dmck:odd",
		       dm_load_crypt(self->name, 1, &self->backing, XTS, ":40:logon:dmck:odd", ""));
	EXPECT_REFUSED(-EINVAL, ":40:user:dmck:odd",
		       dm_load_crypt(self->name, 1, &self->backing, XTS, ":40:user:dmck:odd", ""));
}

TEST_F(refusal, by_iv_generator)
{
	EXPECT_REFUSED(-EINVAL, ":32:logon:dmck:short",
		       dm_load_crypt(self->name, 1, &self->backing, "aes-cbc-tcw",
				     ":32:logon:dmck:short", ""));
}

TEST_F(refusal, by_integrity)
{
	char line[LINE_SIZE];

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	snprintf(line, sizeof(line), "%s 0 32 J 1 journal_crypt:cbc(aes)::40:user:dmck:odd",
		 self->backing.dev);
	EXPECT_REFUSED(-EINVAL, ":40:user:dmck:odd", dm_load(self->name, "integrity", 1, line));
}

TEST_HARNESS_MAIN
