// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-inlinecrypt shows the reference to a key of the keyring in its table line and never the key,
 * what it shows loads again, it encrypts as dm-crypt does, and it refuses a key that is not fit
 * with its own error number. Without inline encryption hardware blk-crypto-fallback does the work.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"
#include "kmsg.h"
#include "../../../../drivers/md/dm-keyring_table.h"

static void inline_line(char line[LINE_SIZE], const struct backing *backing, const char *key,
			const char *options)
{
	snprintf(line, LINE_SIZE, XTS " %s 0 %s 0%s", key, backing->dev, options);
}

static int inline_load(const char *name, const struct backing *backing, const char *key,
		       const char *options)
{
	char line[LINE_SIZE];

	inline_line(line, backing, key, options);
	return dm_load(name, "inlinecrypt", DEVICE_SECTORS, line);
}

static int inline_map(const char *name, const struct backing *backing, const char *key,
		      const char *options)
{
	char line[LINE_SIZE];

	inline_line(line, backing, key, options);
	return dm_map(name, "inlinecrypt", DEVICE_SECTORS, line);
}

static int inline_open(struct volume *volume, const char *key, const char *options)
{
	int ret;

	ret = fill_random(volume->data, sizeof(volume->data)) ?: backing_open(&volume->backing);
	if (ret)
		return ret;
	dm_name(volume->name);
	ret = inline_map(volume->name, &volume->backing, key, options);
	if (!ret) {
		ret = dm_write(volume->name, volume->data);
		if (ret)
			dm_remove(volume->name);
	}
	if (ret)
		backing_close(&volume->backing);
	return ret;
}

FIXTURE(inlinecrypt)
{
	struct volume volume;
	const char *name;
	int serial;
	unsigned char secret[KEY_SIZE];
	char ref[REF_SIZE];
	char hex[HEX_SIZE];
};

FIXTURE_VARIANT(inlinecrypt)
{
	const char *type;
	/* Another type, under which there is no such key. */
	const char *other;
	bool known;
};

FIXTURE_VARIANT_ADD(inlinecrypt, logon) {
	.type = "logon",
	.other = "encrypted",
	.known = true,
};

FIXTURE_VARIANT_ADD(inlinecrypt, encrypted) {
	.type = "encrypted",
	.other = "logon",
};

FIXTURE_VARIANT_ADD(inlinecrypt, encrypted_known) {
	.type = "encrypted",
	.other = "logon",
	.known = true,
};

FIXTURE_VARIANT_ADD(inlinecrypt, trusted) {
	.type = "trusted",
	.other = "encrypted",
};

FIXTURE_SETUP(inlinecrypt)
{
	const char *unsupported;

	if (!dm_has("inlinecrypt"))
		SKIP(return, "needs CONFIG_DM_INLINECRYPT");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	to_hex(self->hex, self->secret, sizeof(self->secret));
	self->serial = key_make(variant->type, "dmck:inline",
				variant->known ? self->secret : NULL, KEY_SIZE);
	unsupported = key_unsupported(variant->type, self->serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, self->serial);
	snprintf(self->ref, sizeof(self->ref), ":64:%s:dmck:inline", variant->type);
	ASSERT_EQ(0, inline_open(&self->volume, self->ref, ""));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(inlinecrypt)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* The flag that asks for the table is all that dmsetup needs, and it masks crypt alone. */
TEST_F(inlinecrypt, table_line_has_the_reference)
{
	char line[LINE_SIZE], expected[LINE_SIZE];

	inline_line(expected, &self->volume.backing, self->ref, "");
	ASSERT_EQ(0, dm_table(self->name, line));
	EXPECT_STREQ(expected, line);
	EXPECT_FALSE(shows_key(line, self->secret, sizeof(self->secret)));
}

/* Loads what was printed, in place of the table and for another device. */
static void expect_loads_again(struct __test_metadata *_metadata, const struct volume *volume)
{
	char name[NAME_SIZE], before[LINE_SIZE], line[LINE_SIZE] = "";

	ASSERT_EQ(0, dm_table(volume->name, before));
	EXPECT_EQ(0, dm_load(volume->name, "inlinecrypt", DEVICE_SECTORS, before));
	EXPECT_EQ(0, dm_resume(volume->name));
	EXPECT_EQ(1, volume_reads(volume));
	EXPECT_EQ(0, dm_table(volume->name, line));
	EXPECT_STREQ(before, line);

	dm_name(name);
	ASSERT_EQ(0, dm_map(name, "inlinecrypt", DEVICE_SECTORS, before));
	EXPECT_EQ(1, dm_reads(name, volume->data));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(inlinecrypt, table_line_loads_again)
{
	expect_loads_again(_metadata, &self->volume);
}

TEST_F(inlinecrypt, table_line_loads_again_with_options)
{
	static const char * const options[] = {
		" 1 allow_discards",
		" 2 sector_size:4096 iv_large_sectors",
		" 3 allow_discards sector_size:1024 iv_large_sectors",
	};
	char line[LINE_SIZE], expected[LINE_SIZE];
	struct volume volume;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		ASSERT_EQ(0, inline_open(&volume, self->ref, options[i]));
		inline_line(expected, &volume.backing, self->ref, options[i]);
		EXPECT_EQ(0, dm_table(volume.name, line));
		EXPECT_STREQ(expected, line);
		expect_loads_again(_metadata, &volume);
		EXPECT_EQ(0, volume_close(&volume));
	}

	/* As if it were not there. */
	ASSERT_EQ(0, inline_open(&volume, self->ref, " 1 keytype:raw"));
	inline_line(expected, &volume.backing, self->ref, "");
	EXPECT_EQ(0, dm_table(volume.name, line));
	EXPECT_STREQ(expected, line);
	expect_loads_again(_metadata, &volume);
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_F(inlinecrypt, status_line_is_empty)
{
	char line[LINE_SIZE];

	ASSERT_EQ(0, dm_status(self->name, line));
	EXPECT_STREQ("", line);
	ASSERT_EQ(0, dm_ima(self->name, line));
	EXPECT_STREQ("", line);
}

TEST_F(inlinecrypt, same_ciphertext_as_dm_crypt)
{
	unsigned char by_inline[DATA_SIZE], by_crypt[DATA_SIZE] = {};
	const char * const keys[] = { self->ref, self->hex };
	char name[NAME_SIZE];
	size_t i;

	ASSERT_EQ(0, backing_read(&self->volume.backing, by_inline));
	EXPECT_NE(0, memcmp(by_inline, self->volume.data, sizeof(by_inline)));
	for (i = 0; i < 1 + variant->known; i++) {
		dm_name(name);
		ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, XTS, keys[i], ""));
		EXPECT_EQ(1, dm_reads(name, self->volume.data));
		EXPECT_EQ(0, dm_write(name, by_crypt));
		EXPECT_EQ(0, dm_write(name, self->volume.data));
		EXPECT_EQ(0, backing_read(&self->volume.backing, by_crypt));
		EXPECT_EQ(0, memcmp(by_inline, by_crypt, sizeof(by_inline)));
		EXPECT_EQ(0, dm_remove(name));
		EXPECT_EQ(1, volume_reads(&self->volume));
	}
}

TEST_F(inlinecrypt, hex_is_the_same)
{
	char name[NAME_SIZE];

	if (!variant->known)
		return;
	dm_name(name);
	ASSERT_EQ(0, inline_map(name, &self->volume.backing, self->hex, ""));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(inlinecrypt, outlived_by_the_device)
{
	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, self->serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, dm_suspend(self->name));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(-ENOKEY, inline_load(self->name, &self->volume.backing, self->ref, ""));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* A new device does not take that key, nor does a live one in a new table. */
static void expect_refused(struct __test_metadata *_metadata, FIXTURE_DATA(inlinecrypt) * self,
			   int err, const char *ref)
{
	char name[NAME_SIZE], before[LINE_SIZE], line[LINE_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(err, inline_load(name, &self->volume.backing, ref, "")) TH_LOG("%s", ref);
	/* Nothing else is wrong with that line. */
	EXPECT_EQ(0, inline_load(name, &self->volume.backing, self->ref, ""));
	EXPECT_EQ(0, dm_remove(name));

	ASSERT_EQ(0, dm_table(self->name, before));
	EXPECT_EQ(err, inline_load(self->name, &self->volume.backing, ref, ""));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_STREQ(before, line);
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* Makes a second key of this type, as good as the first one, and its reference. */
static int second_key(const FIXTURE_VARIANT(inlinecrypt) * variant, char ref[REF_SIZE])
{
	snprintf(ref, REF_SIZE, ":64:%s:dmck:second", variant->type);
	return key_make(variant->type, "dmck:second", NULL, KEY_SIZE);
}

TEST_F(inlinecrypt, another_key)
{
	char name[NAME_SIZE], ref[REF_SIZE];

	ASSERT_LT(0, second_key(variant, ref));
	dm_name(name);
	ASSERT_EQ(0, inline_map(name, &self->volume.backing, ref, ""));
	EXPECT_EQ(0, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(inlinecrypt, refused_if_longer)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:longer", variant->type);
	ASSERT_LT(0, key_make(variant->type, "dmck:longer", NULL, KEY_SIZE + 1));
	expect_refused(_metadata, self, -EINVAL, ref);
	/* Now they agree, but the cipher does not. */
	snprintf(ref, sizeof(ref), ":65:%s:dmck:longer", variant->type);
	expect_refused(_metadata, self, -EINVAL, ref);
}

TEST_F(inlinecrypt, refused_if_shorter)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:shorter", variant->type);
	ASSERT_LT(0, key_make(variant->type, "dmck:shorter", NULL, KEY_SIZE - 1));
	expect_refused(_metadata, self, -EINVAL, ref);
	snprintf(ref, sizeof(ref), ":63:%s:dmck:shorter", variant->type);
	expect_refused(_metadata, self, -EINVAL, ref);
}

/* The key is as the cipher wants it, but the reference says otherwise. */
TEST_F(inlinecrypt, refused_if_reference_is_of_another_size)
{
	static const int sizes[] = { 1, 32, 63, 65, 128, 32767 };
	char ref[REF_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(ref, sizeof(ref), ":%d:%s:dmck:inline", sizes[i], variant->type);
		expect_refused(_metadata, self, -EINVAL, ref);
	}
}

TEST_F(inlinecrypt, refused_if_of_another_type)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:inline", variant->other);
	expect_refused(_metadata, self, -ENOKEY, ref);
}

/* User space could read it. */
TEST_F(inlinecrypt, refused_if_of_type_user)
{
	ASSERT_LT(0, key_make("user", "dmck:inline", self->secret, KEY_SIZE));
	expect_refused(_metadata, self, -EINVAL, ":64:user:dmck:inline");
	expect_refused(_metadata, self, -EINVAL, ":64:user:dmck:absent");
}

TEST_F(inlinecrypt, refused_if_of_a_type_that_does_not_lend)
{
	ASSERT_LT(0, key_add("keyring", "dmck:ring", NULL, 0));
	expect_refused(_metadata, self, -EINVAL, ":64:keyring:dmck:ring");
	expect_refused(_metadata, self, -EINVAL, ":64:no_such_type:dmck:inline");
}

TEST_F(inlinecrypt, refused_if_absent)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:absent", variant->type);
	expect_refused(_metadata, self, -ENOKEY, ref);
}

TEST_F(inlinecrypt, refused_if_revoked)
{
	char ref[REF_SIZE];
	int serial;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_REVOKE, serial, 0, 0, 0));
	expect_refused(_metadata, self, -EKEYREVOKED, ref);
}

/* The look-up passes over expired keys. */
TEST_F(inlinecrypt, refused_if_expired)
{
	char ref[REF_SIZE];
	int serial, i;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_SET_TIMEOUT, serial, 1, 0, 0));
	for (i = 0; key_search(variant->type, "dmck:second") == serial && i < 50; i++)
		usleep(100 * 1000);
	ASSERT_EQ(-EKEYEXPIRED, key_search(variant->type, "dmck:second"));
	expect_refused(_metadata, self, -ENOKEY, ref);
}

/* To be searched for is the one right that a key needs to grant. */
TEST_F(inlinecrypt, refused_if_not_permitted)
{
	char name[NAME_SIZE], ref[REF_SIZE];
	int serial;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial,
			     (KEY_POS_ALL & ~KEY_POS_SEARCH) | (KEY_USR_ALL & ~KEY_USR_SEARCH),
			     0, 0));
	expect_refused(_metadata, self, -EACCES, ref);

	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial, KEY_POS_SEARCH | KEY_POS_SETATTR, 0, 0));
	dm_name(name);
	ASSERT_EQ(0, inline_map(name, &self->volume.backing, ref, ""));
	EXPECT_EQ(0, dm_remove(name));
}

/* The key has to be kept, and hardware that unwraps one is not here. */
TEST_F(inlinecrypt, refused_options)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(-EINVAL, inline_load(name, &self->volume.backing, self->ref, " 1 drop_key"));
	EXPECT_EQ(-EOPNOTSUPP, inline_load(name, &self->volume.backing, self->ref,
					   " 1 keytype:hw-wrapped"));
	EXPECT_EQ(0, inline_load(name, &self->volume.backing, self->ref, " 1 allow_discards"));
	EXPECT_EQ(0, dm_remove(name));
}

/*
 * Each allocation of the constructor fails once. The device that is there keeps what is made once
 * for all of them.
 */
TEST_F_TIMEOUT(inlinecrypt, short_of_memory, 300)
{
	unsigned int nth, refused = 0;
	char name[NAME_SIZE], line[LINE_SIZE];
	struct faults faults;
	const char *lacking;
	int ret;

	lacking = faults_open(&faults);
	if (lacking)
		SKIP(return, "%s", lacking);
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&faults, nth));
		ret = inline_load(name, &self->volume.backing, self->ref, "");
		if (fault_disarm(&faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		refused += !!ret;
		EXPECT_EQ(self->serial, key_search(variant->type, "dmck:inline"));
		if (!ret)
			ASSERT_EQ(0, dm_clear(name));
	}
	faults_close(&faults);
	ASSERT_EQ(0, ret);
	EXPECT_LT(5, refused);
	ASSERT_EQ(0, dm_resume(name));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_table(name, line));
	EXPECT_FALSE(shows_key(line, self->secret, sizeof(self->secret)));
	EXPECT_EQ(0, dm_remove(name));
}

FIXTURE(inline_hex)
{
	struct volume volume;
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE];
};

FIXTURE_SETUP(inline_hex)
{
	if (!dm_has("inlinecrypt"))
		SKIP(return, "needs CONFIG_DM_INLINECRYPT");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	to_hex(self->hex, self->secret, sizeof(self->secret));
	ASSERT_EQ(0, inline_open(&self->volume, self->hex, ""));
}

FIXTURE_TEARDOWN(inline_hex)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* It is shown to who may load it, as it was loaded. */
TEST_F(inline_hex, table_line_loads_again)
{
	char line[LINE_SIZE], expected[LINE_SIZE];

	inline_line(expected, &self->volume.backing, self->hex, "");
	ASSERT_EQ(0, dm_table(self->volume.name, line));
	EXPECT_STREQ(expected, line);
	expect_loads_again(_metadata, &self->volume);
}

/* A key that does not fit, and one of a type that is never taken: the log names the reference. */
TEST_F(inline_hex, refused_by_name)
{
	char name[NAME_SIZE];

	ASSERT_LT(0, key_add("logon", "dmck:odd", self->secret, 40));
	ASSERT_LT(0, key_add("user", "dmck:odd", self->secret, 40));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_REFUSED(-EINVAL, ":40:logon:dmck:odd",
		       inline_load(name, &self->volume.backing, ":40:logon:dmck:odd", ""));
	EXPECT_REFUSED(-EINVAL, ":40:user:dmck:odd",
		       inline_load(name, &self->volume.backing, ":40:user:dmck:odd", ""));
	EXPECT_EQ(0, dm_remove(name));
}

/* References with white space and backslashes are left to table_test, which can write them. */
TEST_F(inline_hex, refused_if_malformed)
{
	static const char * const hex[] = { "-", "0", "00", "0x" };
	char name[NAME_SIZE], odd[HEX_SIZE];
	size_t i;

	ASSERT_LT(0, key_add("logon", "dmck:x", self->secret, sizeof(self->secret)));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	for (i = 0; i < ARRAY_SIZE(dm_keyring_malformed); i++) {
		const char *ref = dm_keyring_malformed[i].reference;

		if (!strpbrk(ref, " \t\n\v\f\r\xa0\\"))
			EXPECT_EQ(-EINVAL, inline_load(name, &self->volume.backing, ref, ""))
				TH_LOG("%s", dm_keyring_malformed[i].why);
	}
	for (i = 0; i < ARRAY_SIZE(hex); i++)
		EXPECT_EQ(-EINVAL, inline_load(name, &self->volume.backing, hex[i], ""));

	/* Its last digit is missing, or none. */
	memcpy(odd, self->hex, sizeof(odd));
	odd[strlen(odd) - 1] = 'g';
	EXPECT_EQ(-EINVAL, inline_load(name, &self->volume.backing, odd, ""));
	odd[strlen(odd) - 1] = '\0';
	EXPECT_EQ(-EINVAL, inline_load(name, &self->volume.backing, odd, ""));

	EXPECT_EQ(0, inline_load(name, &self->volume.backing, ":64:logon:dmck:x", ""));
	EXPECT_EQ(0, inline_load(name, &self->volume.backing, self->hex, ""));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_HARNESS_MAIN
