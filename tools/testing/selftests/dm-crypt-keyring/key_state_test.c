// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a device's key, which the status line tells with the reference: "key set", "wiped"
 * or "invalid", and what takes it from one to the other. The reference outlives the key.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define KEY_REF ":64:logon:dmck:state"
#define FIRST_REF ":48:logon:dmck:first"
#define SECOND_REF ":48:logon:dmck:second"

FIXTURE(key_state)
{
	struct volume volume;
	const char *name;
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE];
};

FIXTURE_SETUP(key_state)
{
	unsigned char key[KEY_SIZE];

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(self->hex, key, sizeof(key));
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	ASSERT_LT(0, key_add("logon", "dmck:state", self->secret, sizeof(self->secret)));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, KEY_REF, ""));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(key_state)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

static void expect_status(struct __test_metadata *_metadata, const char *name, const char *status)
{
	char line[LINE_SIZE] = "";

	EXPECT_EQ(0, dm_status(name, line));
	EXPECT_STREQ(status, line);
}

TEST_F(key_state, set_by_reference)
{
	expect_status(_metadata, self->name, "key set " KEY_REF);
	ASSERT_EQ(0, dm_suspend(self->name));
	expect_status(_metadata, self->name, "key set " KEY_REF);
}

TEST_F(key_state, set_in_hex)
{
	struct volume volume;

	ASSERT_EQ(0, volume_open(&volume, XTS, self->hex, ""));
	expect_status(_metadata, volume.name, "key set -");
	EXPECT_EQ(0, volume_close(&volume));
}

/* A cipher that takes no key has one that is always there. */
TEST_F(key_state, set_to_nothing)
{
	struct volume volume;

	ASSERT_EQ(0, volume_open(&volume, "cipher_null-ecb-null", "-", ""));
	expect_status(_metadata, volume.name, "key set -");
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_F(key_state, from_reference_to_hex_and_back)
{
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->hex));
	expect_status(_metadata, self->name, "key set -");
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, volume_reads(&self->volume));

	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, KEY_REF));
	expect_status(_metadata, self->name, "key set " KEY_REF);
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key_state, wiped)
{
	char before[LINE_SIZE], line[LINE_SIZE];

	ASSERT_EQ(0, dm_table(self->name, before));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_status(_metadata, self->name, "key wiped " KEY_REF);
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_STREQ(before, line);
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));
	expect_status(_metadata, self->name, "key wiped " KEY_REF);

	EXPECT_EQ(0, dm_key_set(self->name, KEY_REF));
	expect_status(_metadata, self->name, "key set " KEY_REF);
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key_state, wiped_in_hex)
{
	char line[LINE_SIZE];

	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->hex));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_NE(NULL, strstr(line, self->hex));

	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_status(_metadata, self->name, "key wiped -");
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_EQ(NULL, strstr(line, self->hex));
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));
}

/* Keys that are refused before a cipher has seen them. */
static const struct refused {
	const char *key;
	int err;
} refused[] = {
	{ ":64:logon:dmck:absent", -ENOKEY },
	{ ":64:logon:dmck:short", -EINVAL },
	{ ":32:logon:dmck:short", -EINVAL },
	{ ":64:logon:", -EINVAL },
	{ ":64:no_such_type:dmck:state", -EINVAL },
	{ "-", -EINVAL },
	{ "00", -EINVAL },
};

static void expect_refusal(struct __test_metadata *_metadata, const char *name, const char *key,
			   int err)
{
	char before[LINE_SIZE], status[LINE_SIZE], line[LINE_SIZE] = "";

	ASSERT_EQ(0, dm_table(name, before));
	ASSERT_EQ(0, dm_status(name, status));
	EXPECT_EQ(err, dm_key_set(name, key)) TH_LOG("%s", key);
	EXPECT_EQ(0, dm_table(name, line));
	EXPECT_STREQ(before, line) TH_LOG("%s", key);
	expect_status(_metadata, name, status);
}

static void expect_refusals(struct __test_metadata *_metadata, const char *name)
{
	unsigned char key[KEY_SIZE / 2] = {};
	size_t i;

	ASSERT_LT(0, key_add("logon", "dmck:short", key, sizeof(key)));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		expect_refusal(_metadata, name, refused[i].key, refused[i].err);
}

TEST_F(key_state, refused_while_set)
{
	ASSERT_EQ(0, dm_suspend(self->name));
	expect_refusals(_metadata, self->name);
	expect_status(_metadata, self->name, "key set " KEY_REF);
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key_state, refused_while_set_in_hex)
{
	struct volume volume;

	ASSERT_EQ(0, volume_open(&volume, XTS, self->hex, ""));
	EXPECT_EQ(0, dm_suspend(volume.name));
	expect_refusals(_metadata, volume.name);
	expect_status(_metadata, volume.name, "key set -");
	EXPECT_EQ(0, dm_resume(volume.name));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_F(key_state, refused_while_wiped)
{
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_refusals(_metadata, self->name);
	expect_status(_metadata, self->name, "key wiped " KEY_REF);
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));
}

/* It has always been so, and cryptsetup's tests count on it. */
TEST_F(key_state, bad_digit_costs_the_key)
{
	char hex[HEX_SIZE], line[LINE_SIZE];

	/* As long as a hex key, but for its last digit. */
	memset(hex, 'f', sizeof(hex));
	hex[sizeof(hex) - 2] = 'g';
	hex[sizeof(hex) - 1] = '\0';
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, hex));
	expect_status(_metadata, self->name, "key invalid " KEY_REF);
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_EQ(NULL, strstr(line, "ffffffff"));
	EXPECT_EQ(-EAGAIN, dm_resume(self->name));

	EXPECT_EQ(0, dm_key_set(self->name, KEY_REF));
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

FIXTURE(key_faults)
{
	struct volume volume;
	struct faults faults;
	unsigned char first[LRW_KEY_SIZE];
	unsigned char second[LRW_KEY_SIZE];
};

FIXTURE_SETUP(key_faults)
{
	const char *lacking;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->first, sizeof(self->first)));
	ASSERT_EQ(0, fill_random(self->second, sizeof(self->second)));
	ASSERT_LT(0, key_add("logon", "dmck:first", self->first, sizeof(self->first)));
	ASSERT_LT(0, key_add("logon", "dmck:second", self->second, sizeof(self->second)));
	ASSERT_EQ(0, volume_open(&self->volume, LRW, FIRST_REF, ""));

	lacking = faults_open(&self->faults);
	if (lacking) {
		volume_close(&self->volume);
		SKIP(return, "%s", lacking);
	}
}

FIXTURE_TEARDOWN(key_faults)
{
	faults_close(&self->faults);
	EXPECT_EQ(0, volume_close(&self->volume));
}

/*
 * Each allocation of "key set" fails once. Before the cipher was touched the old key stays, and
 * then there is none. Never does a byte of either show.
 */
TEST_F(key_faults, invalid_if_the_cipher_fails)
{
	const char *name = self->volume.name;
	unsigned int nth, kept = 0, invalid = 0;
	char line[LINE_SIZE] = "";
	int ret;

	for (nth = 1;; nth++) {
		ASSERT_EQ(0, dm_suspend(name));
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_key_set(name, SECOND_REF);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("%d", ret);
		EXPECT_EQ(0, dm_table(name, line));
		EXPECT_FALSE(shows_key(line, self->first, sizeof(self->first)));
		EXPECT_FALSE(shows_key(line, self->second, sizeof(self->second)));

		EXPECT_EQ(0, dm_status(name, line));
		if (!ret) {
			EXPECT_STREQ("key set " SECOND_REF, line);
		} else if (!strncmp(line, "key invalid ", strlen("key invalid "))) {
			EXPECT_EQ(-EAGAIN, dm_resume(name));
			invalid++;
		} else {
			EXPECT_STREQ("key set " FIRST_REF, line);
			ASSERT_EQ(0, dm_resume(name));
			EXPECT_EQ(1, volume_reads(&self->volume));
			ASSERT_EQ(0, dm_suspend(name));
			kept++;
		}

		/* From each state there is a way back. */
		EXPECT_EQ(0, dm_key_set(name, FIRST_REF));
		expect_status(_metadata, name, "key set " FIRST_REF);
		ASSERT_EQ(0, dm_resume(name));
		EXPECT_EQ(1, volume_reads(&self->volume));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(0, kept);
	EXPECT_LT(0, invalid);
}

TEST_HARNESS_MAIN
