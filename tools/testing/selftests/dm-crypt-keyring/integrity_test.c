// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three keys of dm-integrity by reference: a device is the same as with these keys in hex, in
 * each mode and when its journal is replayed, it counts as keyed, its table line has references,
 * and a key that is not fit is refused with its own error number before anything is written. Below
 * dm-crypt it makes authenticated encryption with all keys from the keyring.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"
#include "../../../../drivers/md/dm-keyring_table.h"

#define ALG_KEY_SIZE 32
#define STACK_KEY_SIZE 96
#define STACK_CIPHER "capi:authenc(hmac(sha256),xts(aes))-plain64"

/* Room for what follows the mode in a table line. */
#define OPTIONS_SIZE 1024

/* Where the superblock has its flags. */
#define SB_FLAGS 24
#define SB_FLAG_RECALCULATING 0x2

/* The journal holds all that is written, and no timer takes it from there. */
#define STAYS_IN_JOURNAL "journal_sectors:512 journal_watermark:100 commit_time:1000000 "

enum slot { INTERNAL_HASH, JOURNAL_CRYPT, JOURNAL_MAC, SLOTS };

/* Keys for all of them, as bytes if we know these, and as a table line names them. */
struct keys {
	const char *ref[SLOTS];
	const char *hex[SLOTS];
	char descs[SLOTS][NAME_SIZE];
	int serials[SLOTS];
	unsigned char secrets[SLOTS][ALG_KEY_SIZE];
	char refs[SLOTS][REF_SIZE];
	char hexes[SLOTS][2 * ALG_KEY_SIZE + 1];
};

static int keys_make(struct keys *keys, const char *type, const char *prefix, bool known)
{
	static const char * const names[SLOTS] = { "hash", "crypt", "mac" };
	int i, ret;

	for (i = 0; i < SLOTS; i++) {
		ret = fill_random(keys->secrets[i], ALG_KEY_SIZE);
		if (ret)
			return ret;
		snprintf(keys->descs[i], NAME_SIZE, "%s:%s", prefix, names[i]);
		ret = key_make(type, keys->descs[i], known ? keys->secrets[i] : NULL,
			       ALG_KEY_SIZE);
		if (ret < 0)
			return ret;
		keys->serials[i] = ret;
		snprintf(keys->refs[i], REF_SIZE, ":%d:%s:%s", ALG_KEY_SIZE, type,
			 keys->descs[i]);
		to_hex(keys->hexes[i], keys->secrets[i], ALG_KEY_SIZE);
		keys->ref[i] = keys->refs[i];
		keys->hex[i] = keys->hexes[i];
	}
	return 0;
}

/* The options of a device with a key for each algorithm, in the order in which a table has them. */
static void spell(char options[OPTIONS_SIZE], const char *first, const char *crypt,
		  const char * const keys[SLOTS])
{
	snprintf(options, OPTIONS_SIZE,
		 "%sinternal_hash:hmac(sha256):%s journal_crypt:%s:%s journal_mac:hmac(sha256):%s",
		 first, keys[INTERNAL_HASH], crypt, keys[JOURNAL_CRYPT], keys[JOURNAL_MAC]);
}

/* The same with another key for one of them. */
static void spell_with(char options[OPTIONS_SIZE], const char *first, const char *crypt,
		       const char * const keys[SLOTS], enum slot slot, const char *key)
{
	const char *mixed[SLOTS];

	memcpy(mixed, keys, sizeof(mixed));
	mixed[slot] = key;
	spell(options, first, crypt, mixed);
}

/* Makes a live device on a backing device of its own, with random data on it. */
static int integrity_open(struct volume *volume, char mode, const char *options)
{
	int ret;

	ret = fill_random(volume->data, sizeof(volume->data)) ?: backing_open(&volume->backing);
	if (ret)
		return ret;
	dm_name(volume->name);
	ret = integrity_map(volume->name, &volume->backing, mode, options);
	if (!ret) {
		ret = dm_write(volume->name, volume->data);
		if (ret)
			dm_remove(volume->name);
	}
	if (ret)
		backing_close(&volume->backing);
	return ret;
}

/* Closes a device and opens it again. If that fails it stays closed. */
static int integrity_reopen(const struct volume *volume, char mode, const char *options)
{
	return dm_remove(volume->name) ?:
	       integrity_map(volume->name, &volume->backing, mode, options);
}

FIXTURE(integrity)
{
	struct volume volume;
	const char *name;
	struct keys keys;
	char by_ref[OPTIONS_SIZE];
	char in_hex[OPTIONS_SIZE];
};

FIXTURE_VARIANT(integrity)
{
	const char *type;
	/* Another type, under which there are no such keys. */
	const char *other;
	/* Whether the keys hold what we say. */
	bool known;
	char mode;
	const char *crypt;
	const char *options;
	/* The superblock has a MAC of its own. */
	bool mac_of_superblock;
};

FIXTURE_VARIANT_ADD(integrity, user) {
	.type = "user",
	.other = "logon",
	.known = true,
	.mode = 'J',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, logon) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'J',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, encrypted) {
	.type = "encrypted",
	.other = "user",
	.mode = 'J',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, encrypted_known) {
	.type = "encrypted",
	.other = "logon",
	.known = true,
	.mode = 'J',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, trusted) {
	.type = "trusted",
	.other = "encrypted",
	.mode = 'J',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, journal_cbc) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'J',
	.crypt = "cbc(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, journal_fixed) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'J',
	.crypt = "cbc(aes)",
	.options = "fix_padding fix_hmac ",
	.mac_of_superblock = true,
};

FIXTURE_VARIANT_ADD(integrity, bitmap) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'B',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_VARIANT_ADD(integrity, bitmap_fixed) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'B',
	.crypt = "cbc(aes)",
	.options = "fix_hmac ",
	.mac_of_superblock = true,
};

FIXTURE_VARIANT_ADD(integrity, direct) {
	.type = "logon",
	.other = "user",
	.known = true,
	.mode = 'D',
	.crypt = "ctr(aes)",
	.options = "",
};

FIXTURE_SETUP(integrity)
{
	const char *unsupported;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ret = keys_make(&self->keys, variant->type, "dmck", variant->known);
	unsupported = key_unsupported(variant->type, ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_EQ(0, ret);
	spell(self->by_ref, variant->options, variant->crypt, self->keys.ref);
	spell(self->in_hex, variant->options, variant->crypt, self->keys.hex);
	ASSERT_EQ(0, integrity_open(&self->volume, variant->mode, self->by_ref));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(integrity)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

TEST_F(integrity, opens_either_way)
{
	struct volume *volume = &self->volume;

	ASSERT_EQ(0, integrity_reopen(volume, variant->mode, self->by_ref));
	EXPECT_EQ(1, volume_reads(volume));
	if (!variant->known)
		return;

	ASSERT_EQ(0, integrity_reopen(volume, variant->mode, self->in_hex));
	EXPECT_EQ(1, volume_reads(volume));
	ASSERT_EQ(0, fill_random(volume->data, sizeof(volume->data)));
	EXPECT_EQ(0, dm_write(volume->name, volume->data));
	ASSERT_EQ(0, integrity_reopen(volume, variant->mode, self->by_ref));
	EXPECT_EQ(1, volume_reads(volume));
}

TEST_F(integrity, formatted_in_hex)
{
	struct volume volume;

	if (!variant->known)
		return;
	ASSERT_EQ(0, integrity_open(&volume, variant->mode, self->in_hex));
	EXPECT_EQ(0, integrity_reopen(&volume, variant->mode, self->by_ref));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_F(integrity, tampering_is_found)
{
	int offset;

	ASSERT_EQ(0, dm_remove(self->name));
	offset = backing_find(&self->volume.backing, self->volume.data);
	ASSERT_LT(0, offset);
	ASSERT_EQ(0, backing_flip(&self->volume.backing, offset));
	ASSERT_EQ(0, integrity_map(self->name, &self->volume.backing, variant->mode, self->by_ref));
	EXPECT_EQ(-EILSEQ, volume_reads(&self->volume));

	ASSERT_EQ(0, backing_flip(&self->volume.backing, offset));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* The keys stand at the end of the line. */
TEST_F(integrity, table_line_has_the_references)
{
	char line[LINE_SIZE], expected[OPTIONS_SIZE];
	size_t length, i;

	spell(expected, "", variant->crypt, self->keys.ref);
	ASSERT_EQ(0, dm_table(self->name, line));
	length = strlen(line);
	ASSERT_LT(strlen(expected), length);
	EXPECT_STREQ(expected, line + length - strlen(expected));
	for (i = 0; i < SLOTS; i++)
		EXPECT_FALSE(shows_key(line, self->keys.secrets[i], ALG_KEY_SIZE));
}

TEST_F(integrity, table_line_loads_again)
{
	char before[LINE_SIZE], line[LINE_SIZE];
	int sectors;

	sectors = integrity_sectors(&self->volume.backing);
	ASSERT_LT(0, sectors);
	ASSERT_EQ(0, dm_table(self->name, before));
	ASSERT_EQ(0, dm_load(self->name, "integrity", sectors, before));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_STREQ(before, line);

	EXPECT_EQ(0, dm_remove(self->name));
	ASSERT_EQ(0, dm_map(self->name, "integrity", sectors, before));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* Programs read it by position. */
TEST_F(integrity, status_line_is_as_ever)
{
	char line[LINE_SIZE], expected[LINE_SIZE];

	snprintf(expected, sizeof(expected), "0 %d -", integrity_sectors(&self->volume.backing));
	ASSERT_EQ(0, dm_status(self->name, line));
	EXPECT_STREQ(expected, line);
}

TEST_F(integrity, keys_outlived_by_the_device)
{
	ASSERT_EQ(0, key_ctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING, 0, 0, 0));
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, dm_suspend(self->name));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(0, dm_write(self->name, self->volume.data));

	EXPECT_EQ(-ENOKEY, integrity_load(self->name, &self->volume.backing, variant->mode,
					  self->by_ref));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/*
 * With another key of the hash nothing verifies, and with one of the cipher the journal is not one.
 * That of a device that was closed is empty, so no MAC in it is looked at.
 */
TEST_F(integrity, opened_with_another_key)
{
	const struct volume *volume = &self->volume;
	const int errors[SLOTS] = { -EILSEQ, -EIO, 1 };
	struct keys others;
	char options[OPTIONS_SIZE];
	int slot, in_hex, ret;

	ASSERT_EQ(0, keys_make(&others, variant->type, "dmck:another", variant->known));
	for (slot = 0; slot < SLOTS; slot++) {
		for (in_hex = 0; in_hex < 1 + variant->known; in_hex++) {
			spell_with(options, variant->options, variant->crypt, self->keys.ref, slot,
				   in_hex ? others.hex[slot] : others.ref[slot]);
			ret = integrity_reopen(volume, variant->mode, options);
			if (slot == JOURNAL_MAC && variant->mac_of_superblock) {
				EXPECT_EQ(-EILSEQ, ret);
				ASSERT_EQ(0, integrity_map(volume->name, &volume->backing,
							   variant->mode, self->by_ref));
			} else {
				ASSERT_EQ(0, ret);
				EXPECT_EQ(errors[slot], volume_reads(volume))
					TH_LOG("%s", options);
				ASSERT_EQ(0, integrity_reopen(volume, variant->mode, self->by_ref));
			}
			EXPECT_EQ(1, volume_reads(volume)) TH_LOG("after %s", options);
		}
	}
}

/* Neither is a new device formatted nor does a live one take that key. */
static void expect_refused(struct __test_metadata *_metadata, FIXTURE_DATA(integrity) * self,
			   const FIXTURE_VARIANT(integrity) * variant, enum slot slot, int err,
			   const char *key)
{
	static const unsigned char blank[DATA_SIZE];
	unsigned char stored[DATA_SIZE];
	char name[NAME_SIZE], options[OPTIONS_SIZE];
	struct backing backing;

	spell_with(options, variant->options, variant->crypt, self->keys.ref, slot, key);
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	ASSERT_EQ(0, backing_open(&backing));
	EXPECT_EQ(err, integrity_load(name, &backing, variant->mode, options))
		TH_LOG("%s", options);
	EXPECT_EQ(0, backing_read(&backing, stored));
	EXPECT_EQ(0, memcmp(stored, blank, sizeof(stored))) TH_LOG("%s", options);
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);

	EXPECT_EQ(err, integrity_load(self->name, &self->volume.backing, variant->mode, options));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(integrity, refused_if_absent)
{
	char ref[REF_SIZE];
	int slot;

	snprintf(ref, sizeof(ref), ":%d:%s:dmck:absent", ALG_KEY_SIZE, variant->type);
	for (slot = 0; slot < SLOTS; slot++)
		expect_refused(_metadata, self, variant, slot, -ENOKEY, ref);
}

TEST_F(integrity, refused_if_of_another_type)
{
	char ref[REF_SIZE];
	int slot;

	for (slot = 0; slot < SLOTS; slot++) {
		snprintf(ref, sizeof(ref), ":%d:%s:%s", ALG_KEY_SIZE, variant->other,
			 self->keys.descs[slot]);
		expect_refused(_metadata, self, variant, slot, -ENOKEY, ref);
	}
}

TEST_F(integrity, refused_if_of_a_type_that_does_not_lend)
{
	int slot;

	ASSERT_LT(0, key_add("keyring", "dmck:ring", NULL, 0));
	for (slot = 0; slot < SLOTS; slot++) {
		expect_refused(_metadata, self, variant, slot, -EINVAL, ":32:keyring:dmck:ring");
		expect_refused(_metadata, self, variant, slot, -EINVAL, ":32:no_such_type:dmck:x");
	}
}

/* hmac would take keys of these sizes, but the reference says otherwise. */
TEST_F(integrity, refused_if_of_another_size)
{
	static const int sizes[] = { -1, 1, 8, 32 };
	char ref[REF_SIZE];
	size_t slot, i;

	for (slot = 0; slot < SLOTS; slot++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			snprintf(ref, sizeof(ref), ":%d:%s:%s", ALG_KEY_SIZE + sizes[i],
				 variant->type, self->keys.descs[slot]);
			expect_refused(_metadata, self, variant, slot, -EINVAL, ref);
		}
	}
}

TEST_F(integrity, refused_by_the_cipher)
{
	const int size = ALG_KEY_SIZE + 1;
	char ref[REF_SIZE];

	ASSERT_LT(0, key_make(variant->type, "dmck:odd", NULL, size));
	snprintf(ref, sizeof(ref), ":%d:%s:dmck:odd", size, variant->type);
	expect_refused(_metadata, self, variant, JOURNAL_CRYPT, -EINVAL, ref);
}

TEST_F(integrity, refused_if_revoked)
{
	struct keys others;
	int slot;

	ASSERT_EQ(0, keys_make(&others, variant->type, "dmck:another", variant->known));
	for (slot = 0; slot < SLOTS; slot++) {
		ASSERT_EQ(0, key_ctl(KEYCTL_REVOKE, others.serials[slot], 0, 0, 0));
		expect_refused(_metadata, self, variant, slot, -EKEYREVOKED, others.ref[slot]);
	}
}

TEST_F(integrity, refused_if_not_permitted)
{
	int slot;

	for (slot = 0; slot < SLOTS; slot++) {
		const int serial = self->keys.serials[slot];

		ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial,
				     (KEY_POS_ALL & ~KEY_POS_SEARCH) |
				     (KEY_USR_ALL & ~KEY_USR_SEARCH), 0, 0));
		expect_refused(_metadata, self, variant, slot, -EACCES, self->keys.ref[slot]);
		ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial, KEY_POS_SEARCH | KEY_POS_SETATTR,
				     0, 0));
	}
	/* To be searched for is the one right that they need to grant. */
	ASSERT_EQ(0, integrity_reopen(&self->volume, variant->mode, self->by_ref));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* References with white space and backslashes are left to table_test, which can write them. */
TEST(refused_if_malformed)
{
	static const unsigned char blank[DATA_SIZE];
	unsigned char stored[DATA_SIZE];
	char name[NAME_SIZE], options[OPTIONS_SIZE];
	struct backing backing;
	struct keys keys;
	size_t slot, i;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, keys_make(&keys, "logon", "dmck", true));
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	for (slot = 0; slot < SLOTS; slot++) {
		for (i = 0; i < ARRAY_SIZE(dm_keyring_malformed); i++) {
			const char *ref = dm_keyring_malformed[i].reference;

			if (strpbrk(ref, " \t\n\v\f\r\xa0\\"))
				continue;
			spell_with(options, "", "ctr(aes)", keys.ref, slot, ref);
			EXPECT_EQ(-EINVAL, integrity_load(name, &backing, 'J', options))
				TH_LOG("%s", dm_keyring_malformed[i].why);
		}
		/* Without its colon it is hex, and not well-formed either. */
		for (i = 1; i <= 2; i++) {
			spell_with(options, "", "ctr(aes)", keys.ref, slot, keys.ref[slot] + i);
			EXPECT_EQ(-EINVAL, integrity_load(name, &backing, 'J', options))
				TH_LOG("%s", options);
		}
	}
	EXPECT_EQ(0, backing_read(&backing, stored));
	EXPECT_EQ(0, memcmp(stored, blank, sizeof(stored)));
	/* Nothing else is wrong with these lines. */
	spell(options, "", "ctr(aes)", keys.ref);
	EXPECT_EQ(0, integrity_load(name, &backing, 'J', options));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);
}

/* What the kernel does with a device depends on whether it is keyed, not on how that was said. */
FIXTURE(keyed)
{
	struct backing backing;
	char name[NAME_SIZE];
	struct keys keys;
	const char *hash;
	const char *mac;
};

FIXTURE_VARIANT(keyed)
{
	bool by_ref;
};

FIXTURE_VARIANT_ADD(keyed, by_reference) {
	.by_ref = true,
};

FIXTURE_VARIANT_ADD(keyed, in_hex) {
};

FIXTURE_SETUP(keyed)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, keys_make(&self->keys, "logon", "dmck", true));
	self->hash = (variant->by_ref ? self->keys.ref : self->keys.hex)[INTERNAL_HASH];
	self->mac = (variant->by_ref ? self->keys.ref : self->keys.hex)[JOURNAL_MAC];
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
	ASSERT_EQ(0, dm_create(self->name));
}

FIXTURE_TEARDOWN(keyed)
{
	EXPECT_EQ(0, dm_remove(self->name));
	backing_close(&self->backing);
}

/* Formats a device, and again without these options if it is refused, and loads it with them. */
static void expect_recalculate(struct __test_metadata *_metadata, FIXTURE_DATA(keyed) * self,
			       int err, const char *options)
{
	char with[LINE_SIZE];
	struct backing backing;
	uint32_t flags;

	snprintf(with, sizeof(with), "recalculate %s", options);
	ASSERT_EQ(0, backing_open(&backing));
	EXPECT_EQ(err, integrity_load(self->name, &backing, 'J', with)) TH_LOG("%s", with);
	EXPECT_EQ(0, dm_clear(self->name));
	EXPECT_EQ(0, integrity_load(self->name, &backing, 'J', options));
	EXPECT_EQ(0, dm_clear(self->name));
	EXPECT_EQ(err, integrity_load(self->name, &backing, 'J', with)) TH_LOG("%s", with);
	EXPECT_EQ(0, dm_clear(self->name));

	/* Nor if the disk asks for it; where its superblock has a MAC it cannot. */
	ASSERT_EQ(sizeof(flags), pread(backing.file, &flags, sizeof(flags), SB_FLAGS));
	flags |= htole32(SB_FLAG_RECALCULATING);
	ASSERT_EQ(sizeof(flags), pwrite(backing.file, &flags, sizeof(flags), SB_FLAGS));
	if (!strstr(options, "fix_hmac") || !strstr(options, "journal_mac"))
		EXPECT_EQ(err, integrity_load(self->name, &backing, 'J', options));
	EXPECT_EQ(0, dm_clear(self->name));
	backing_close(&backing);
}

TEST_F(keyed, recalculation_is_refused)
{
	char options[OPTIONS_SIZE];

	snprintf(options, sizeof(options), "internal_hash:hmac(sha256):%s", self->hash);
	expect_recalculate(_metadata, self, -EOPNOTSUPP, options);

	snprintf(options, sizeof(options), "fix_hmac internal_hash:hmac(sha256):%s", self->hash);
	expect_recalculate(_metadata, self, -EOPNOTSUPP, options);

	snprintf(options, sizeof(options),
		 "internal_hash:hmac(sha256):%s journal_mac:hmac(sha256):%s", self->hash,
		 self->mac);
	expect_recalculate(_metadata, self, -EOPNOTSUPP, options);

	snprintf(options, sizeof(options), "internal_hash:sha256 journal_mac:hmac(sha256):%s",
		 self->mac);
	expect_recalculate(_metadata, self, -EOPNOTSUPP, options);
}

/* The nearest good neighbours. */
TEST_F(keyed, recalculation_is_taken)
{
	char options[OPTIONS_SIZE];

	expect_recalculate(_metadata, self, 0, "internal_hash:sha256");

	snprintf(options, sizeof(options), "internal_hash:sha256 journal_crypt:ctr(aes):%s",
		 self->mac);
	expect_recalculate(_metadata, self, 0, options);

	snprintf(options, sizeof(options), "legacy_recalculate internal_hash:hmac(sha256):%s",
		 self->hash);
	expect_recalculate(_metadata, self, 0, options);

	snprintf(options, sizeof(options),
		 "fix_hmac internal_hash:hmac(sha256):%s journal_mac:hmac(sha256):%s", self->hash,
		 self->mac);
	expect_recalculate(_metadata, self, 0, options);
}

/* What was calculated anew under one spelling of the keys verifies under the other. */
TEST_F(keyed, recalculated)
{
	static const unsigned char blank[DATA_SIZE];
	const char * const *other = variant->by_ref ? self->keys.hex : self->keys.ref;
	char options[OPTIONS_SIZE], with[LINE_SIZE], line[LINE_SIZE], done[LINE_SIZE];
	int sectors, i;

	snprintf(options, sizeof(options),
		 "fix_hmac internal_hash:hmac(sha256):%s journal_mac:hmac(sha256):%s", self->hash,
		 self->mac);
	ASSERT_EQ(0, integrity_load(self->name, &self->backing, 'J', options));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(-EILSEQ, dm_reads(self->name, blank));

	snprintf(with, sizeof(with), "recalculate %s", options);
	ASSERT_EQ(0, integrity_load(self->name, &self->backing, 'J', with));
	ASSERT_EQ(0, dm_resume(self->name));
	sectors = integrity_sectors(&self->backing);
	snprintf(done, sizeof(done), " %d %d", sectors, sectors);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, dm_status(self->name, line));
		if (strstr(line, done))
			break;
		usleep(100 * 1000);
	}
	EXPECT_NE(NULL, strstr(line, done)) TH_LOG("%s", line);

	snprintf(options, sizeof(options),
		 "fix_hmac internal_hash:hmac(sha256):%s journal_mac:hmac(sha256):%s",
		 other[INTERNAL_HASH], other[JOURNAL_MAC]);
	ASSERT_EQ(0, integrity_load(self->name, &self->backing, 'J', options));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, blank));
}

TEST_F(keyed, discards)
{
	static const unsigned char blank[DATA_SIZE];
	static const char modes[] = { 'J', 'B', 'D' };
	const char *other = (variant->by_ref ? self->keys.hex : self->keys.ref)[INTERNAL_HASH];
	char options[OPTIONS_SIZE], line[LINE_SIZE];
	struct volume volume;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(options, sizeof(options),
			 "allow_discards_keyed internal_hash:hmac(sha256):%s", self->hash);
		ASSERT_EQ(0, integrity_open(&volume, modes[i], options));
		EXPECT_EQ(0, dm_table(volume.name, line));
		EXPECT_NE(NULL, strstr(line, " allow_discards_keyed "));
		EXPECT_EQ(0, dm_discard(volume.name));
		EXPECT_EQ(1, dm_reads(volume.name, blank));

		/* Under the same key in its other spelling, and under another key. */
		snprintf(options, sizeof(options),
			 "allow_discards_keyed internal_hash:hmac(sha256):%s", other);
		ASSERT_EQ(0, integrity_reopen(&volume, modes[i], options));
		EXPECT_EQ(1, dm_reads(volume.name, blank));
		snprintf(options, sizeof(options),
			 "allow_discards_keyed internal_hash:hmac(sha256):%s", self->mac);
		ASSERT_EQ(0, integrity_reopen(&volume, modes[i], options));
		EXPECT_EQ(-EILSEQ, dm_reads(volume.name, blank));
		EXPECT_EQ(0, volume_close(&volume));
	}
}

/* Only a key makes it keyed, and of the hash it has to be. */
TEST_F(keyed, discards_without_a_key)
{
	char options[OPTIONS_SIZE];

	EXPECT_EQ(-EINVAL, integrity_load(self->name, &self->backing, 'J',
					  "allow_discards_keyed internal_hash:sha256"));
	snprintf(options, sizeof(options),
		 "allow_discards_keyed internal_hash:sha256 journal_mac:hmac(sha256):%s",
		 self->mac);
	EXPECT_EQ(-EINVAL, integrity_load(self->name, &self->backing, 'J', options));
	EXPECT_EQ(0, integrity_load(self->name, &self->backing, 'J',
				    "allow_discards internal_hash:sha256"));
}

/* hmac without a key, and a key for what takes none. */
TEST_F(keyed, key_for_the_wrong_algorithm)
{
	char options[OPTIONS_SIZE];

	EXPECT_EQ(-ENOKEY, integrity_load(self->name, &self->backing, 'J',
					  "internal_hash:hmac(sha256)"));
	snprintf(options, sizeof(options), "internal_hash:sha256:%s", self->hash);
	EXPECT_GT(0, integrity_load(self->name, &self->backing, 'J', options));
	EXPECT_EQ(0, integrity_load(self->name, &self->backing, 'J', "internal_hash:sha256"));
}

/* Of two keys for one algorithm the last one counts, and the first one need not be there. */
TEST_F(keyed, last_one_counts)
{
	char options[OPTIONS_SIZE], line[LINE_SIZE];
	static const char hash[] = "internal_hash:hmac(sha256)";

	snprintf(options, sizeof(options), "%s:%s %s::32:logon:dmck:absent %s:%s",
		 hash, self->mac, hash, hash, self->hash);
	ASSERT_EQ(0, integrity_load(self->name, &self->backing, 'J', options));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_EQ(NULL, strstr(line, "absent"));
	EXPECT_EQ(NULL, strstr(line, self->mac));
	EXPECT_NE(NULL, strstr(line, self->hash));

	/* Nor is a key left over from what has none now. */
	snprintf(options, sizeof(options),
		 "allow_discards_keyed internal_hash:hmac(sha256):%s internal_hash:sha256",
		 self->hash);
	EXPECT_EQ(-EINVAL, integrity_load(self->name, &self->backing, 'J', options));
	EXPECT_EQ(0, integrity_load(self->name, &self->backing, 'J',
				    "internal_hash:hmac(sha256):00 internal_hash:sha256"));
}

/* What separates attributes in a measurement can be a part of the description. */
TEST(measured)
{
	static const char * const refs[SLOTS] = {
		":32:logon:dmck:a,b;c=d", ":32:logon:dmck:a,b;c=d", ":32:logon:dmck:mac",
	};
	char options[OPTIONS_SIZE], line[LINE_SIZE], hex[2 * ALG_KEY_SIZE + 1];
	unsigned char secret[ALG_KEY_SIZE];
	struct volume volume;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	ASSERT_LT(0, key_add("logon", "dmck:a,b;c=d", secret, sizeof(secret)));
	ASSERT_LT(0, key_add("logon", "dmck:mac", secret, sizeof(secret)));
	spell(options, "", "ctr(aes)", refs);
	ASSERT_EQ(0, integrity_open(&volume, 'J', options));
	EXPECT_EQ(0, dm_ima(volume.name, line));
	EXPECT_NE(NULL, strstr(line, ",internal_hash_key=:32:logon:dmck:a\\,b\\;c\\=d,"));
	EXPECT_NE(NULL, strstr(line, ",journal_crypt_key=:32:logon:dmck:a\\,b\\;c\\=d,"));
	EXPECT_NE(NULL, strstr(line, ",journal_mac_key=:32:logon:dmck:mac;"));
	EXPECT_FALSE(shows_key(line, secret, sizeof(secret)));
	EXPECT_EQ(0, dm_table(volume.name, line));
	EXPECT_NE(NULL, strstr(line, options));
	EXPECT_EQ(0, volume_close(&volume));

	/* Hex is not to be measured at all. */
	to_hex(hex, secret, sizeof(secret));
	snprintf(options, sizeof(options), "internal_hash:hmac(sha256):%s", hex);
	ASSERT_EQ(0, integrity_open(&volume, 'J', options));
	EXPECT_EQ(0, dm_ima(volume.name, line));
	EXPECT_EQ(NULL, strstr(line, "_key="));
	EXPECT_FALSE(shows_key(line, secret, sizeof(secret)));
	EXPECT_EQ(0, volume_close(&volume));
}

/* A device as a crash leaves it: what was written last stands in its journal and nowhere else. */
FIXTURE(replay)
{
	struct backing crashed;
	char name[NAME_SIZE];
	struct keys keys;
	struct keys others;
	unsigned char old[DATA_SIZE];
	unsigned char new[DATA_SIZE];
};

FIXTURE_VARIANT(replay)
{
	const char *crypt;
	const char *options;
	bool formatted_by_ref;
	bool mac_of_superblock;
};

FIXTURE_VARIANT_ADD(replay, ctr) {
	.crypt = "ctr(aes)",
	.options = STAYS_IN_JOURNAL,
	.formatted_by_ref = true,
};

FIXTURE_VARIANT_ADD(replay, ctr_of_hex) {
	.crypt = "ctr(aes)",
	.options = STAYS_IN_JOURNAL,
};

FIXTURE_VARIANT_ADD(replay, cbc) {
	.crypt = "cbc(aes)",
	.options = STAYS_IN_JOURNAL,
	.formatted_by_ref = true,
};

FIXTURE_VARIANT_ADD(replay, cbc_of_hex) {
	.crypt = "cbc(aes)",
	.options = STAYS_IN_JOURNAL,
};

FIXTURE_VARIANT_ADD(replay, fixed) {
	.crypt = "ctr(aes)",
	.options = STAYS_IN_JOURNAL "fix_padding fix_hmac ",
	.formatted_by_ref = true,
	.mac_of_superblock = true,
};

FIXTURE_VARIANT_ADD(replay, fixed_of_hex) {
	.crypt = "cbc(aes)",
	.options = STAYS_IN_JOURNAL "fix_padding fix_hmac ",
	.mac_of_superblock = true,
};

FIXTURE_SETUP(replay)
{
	char options[OPTIONS_SIZE];
	struct volume volume;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, keys_make(&self->keys, "logon", "dmck", true));
	ASSERT_EQ(0, keys_make(&self->others, "logon", "dmck:another", true));
	spell(options, variant->options, variant->crypt,
	      variant->formatted_by_ref ? self->keys.ref : self->keys.hex);
	ASSERT_EQ(0, integrity_open(&volume, 'J', options));
	ASSERT_EQ(0, integrity_reopen(&volume, 'J', options));
	memcpy(self->old, volume.data, sizeof(self->old));
	ASSERT_EQ(0, fill_random(self->new, sizeof(self->new)));
	ASSERT_EQ(0, dm_write(volume.name, self->new));
	ASSERT_EQ(0, dm_flush(volume.name));
	ASSERT_EQ(0, backing_copy(&volume.backing, &self->crashed));
	ASSERT_EQ(0, volume_close(&volume));

	ASSERT_LT(0, backing_find(&self->crashed, self->old));
	ASSERT_EQ(-ENOENT, backing_find(&self->crashed, self->new));
	dm_name(self->name);
}

FIXTURE_TEARDOWN(replay)
{
	backing_close(&self->crashed);
}

static void expect_replayed(struct __test_metadata *_metadata, FIXTURE_DATA(replay) * self,
			    const FIXTURE_VARIANT(replay) * variant, const char * const keys[SLOTS])
{
	char options[OPTIONS_SIZE];

	spell(options, variant->options, variant->crypt, keys);
	ASSERT_EQ(0, integrity_map(self->name, &self->crashed, 'J', options));
	EXPECT_EQ(1, dm_reads(self->name, self->new));
	EXPECT_EQ(0, dm_remove(self->name));
	EXPECT_LT(0, backing_find(&self->crashed, self->new));

	/* And for good. */
	ASSERT_EQ(0, integrity_map(self->name, &self->crashed, 'J', options));
	EXPECT_EQ(1, dm_reads(self->name, self->new));
	EXPECT_EQ(0, dm_remove(self->name));
}

TEST_F(replay, by_reference)
{
	expect_replayed(_metadata, self, variant, self->keys.ref);
}

TEST_F(replay, in_hex)
{
	expect_replayed(_metadata, self, variant, self->keys.hex);
}

/* Nothing is read that does not verify. */
TEST_F(replay, with_another_key)
{
	char options[OPTIONS_SIZE];
	struct backing copy;
	int slot, in_hex;

	for (slot = 0; slot < SLOTS; slot++) {
		for (in_hex = 0; in_hex < 2; in_hex++) {
			spell_with(options, variant->options, variant->crypt, self->keys.ref, slot,
				   (in_hex ? self->others.hex : self->others.ref)[slot]);
			ASSERT_EQ(0, backing_copy(&self->crashed, &copy));
			if (slot == JOURNAL_MAC && variant->mac_of_superblock) {
				EXPECT_EQ(-EILSEQ, integrity_map(self->name, &copy, 'J', options));
			} else {
				ASSERT_EQ(0, integrity_map(self->name, &copy, 'J', options));
				EXPECT_EQ(slot == JOURNAL_CRYPT ? -EIO : -EILSEQ,
					  dm_reads(self->name, self->new))
					TH_LOG("%s", options);
				EXPECT_EQ(0, dm_remove(self->name));
			}
			backing_close(&copy);
		}
	}
}

/* Authenticated encryption: dm-crypt makes the tags that dm-integrity keeps. */
FIXTURE(stack)
{
	struct volume volume; /* dm-crypt's, on the backing device of dm-integrity */
	char below[NAME_SIZE];
	char below_line[OPTIONS_SIZE];
	char dev[NAME_SIZE];
	struct keys keys;
	unsigned char secret[STACK_KEY_SIZE];
	char ref[REF_SIZE];
	char hex[2 * STACK_KEY_SIZE + 1];
	int sectors;
};

FIXTURE_VARIANT(stack)
{
	const char *type;
	bool known;
	char mode;
};

FIXTURE_VARIANT_ADD(stack, logon) {
	.type = "logon",
	.known = true,
	.mode = 'J',
};

FIXTURE_VARIANT_ADD(stack, logon_direct) {
	.type = "logon",
	.known = true,
	.mode = 'D',
};

FIXTURE_VARIANT_ADD(stack, user) {
	.type = "user",
	.known = true,
	.mode = 'J',
};

FIXTURE_VARIANT_ADD(stack, encrypted_known) {
	.type = "encrypted",
	.known = true,
	.mode = 'J',
};

FIXTURE_VARIANT_ADD(stack, encrypted) {
	.type = "encrypted",
	.mode = 'J',
};

FIXTURE_VARIANT_ADD(stack, trusted) {
	.type = "trusted",
	.mode = 'J',
};

static int stack_map(FIXTURE_DATA(stack) * self, char mode, const char *key)
{
	char line[LINE_SIZE];
	int ret;

	ret = integrity_map(self->below, &self->volume.backing, mode, self->below_line) ?:
	      dm_dev(self->below, self->dev);
	if (ret)
		return ret;
	self->sectors = integrity_sectors(&self->volume.backing);
	snprintf(line, sizeof(line), STACK_CIPHER " %s 0 %s 0 1 integrity:%d:aead", key, self->dev,
		 TAG_SIZE);
	ret = dm_map(self->volume.name, "crypt", self->sectors, line);
	if (ret)
		dm_remove(self->below);
	return ret;
}

static int stack_remove(FIXTURE_DATA(stack) * self)
{
	return dm_remove(self->volume.name) ?: dm_remove(self->below);
}

FIXTURE_SETUP(stack)
{
	const char *unsupported;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	to_hex(self->hex, self->secret, sizeof(self->secret));
	ret = key_make(variant->type, "dmck:stack", variant->known ? self->secret : NULL,
		       sizeof(self->secret));
	unsupported = key_unsupported(variant->type, ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, keys_make(&self->keys, variant->type, "dmck", variant->known));
	snprintf(self->ref, sizeof(self->ref), ":%d:%s:dmck:stack", STACK_KEY_SIZE, variant->type);
	snprintf(self->below_line, sizeof(self->below_line),
		 "journal_crypt:ctr(aes):%s journal_mac:hmac(sha256):%s",
		 self->keys.ref[JOURNAL_CRYPT], self->keys.ref[JOURNAL_MAC]);

	ASSERT_EQ(0, backing_open(&self->volume.backing));
	dm_name(self->below);
	dm_name(self->volume.name);
	ASSERT_EQ(0, stack_map(self, variant->mode, self->ref));
	ASSERT_EQ(0, fill_random(self->volume.data, sizeof(self->volume.data)));
	ASSERT_EQ(0, dm_write(self->volume.name, self->volume.data));
}

FIXTURE_TEARDOWN(stack)
{
	EXPECT_EQ(0, stack_remove(self));
	backing_close(&self->volume.backing);
}

TEST_F(stack, reads_what_was_written)
{
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, stack_remove(self));
	ASSERT_EQ(-ENOENT, backing_find(&self->volume.backing, self->volume.data));
	ASSERT_EQ(0, stack_map(self, variant->mode, self->ref));
	EXPECT_EQ(1, volume_reads(&self->volume));
	if (!variant->known)
		return;

	ASSERT_EQ(0, stack_remove(self));
	snprintf(self->below_line, sizeof(self->below_line),
		 "journal_crypt:ctr(aes):%s journal_mac:hmac(sha256):%s",
		 self->keys.hex[JOURNAL_CRYPT], self->keys.hex[JOURNAL_MAC]);
	ASSERT_EQ(0, stack_map(self, variant->mode, self->hex));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(stack, tampering_is_found)
{
	unsigned char cipher[DATA_SIZE];
	int offset;

	ASSERT_EQ(0, dm_read(self->below, cipher));
	ASSERT_EQ(0, stack_remove(self));
	offset = backing_find(&self->volume.backing, cipher);
	ASSERT_LT(0, offset);
	ASSERT_EQ(0, backing_flip(&self->volume.backing, offset));
	ASSERT_EQ(0, stack_map(self, variant->mode, self->ref));
	EXPECT_EQ(-EILSEQ, volume_reads(&self->volume));

	ASSERT_EQ(0, backing_flip(&self->volume.backing, offset));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* Another key of the cipher, or of its MAC: both are in the one key. */
TEST_F(stack, another_key)
{
	char ref[REF_SIZE];

	ASSERT_LT(0, key_make(variant->type, "dmck:another", NULL, STACK_KEY_SIZE));
	snprintf(ref, sizeof(ref), ":%d:%s:dmck:another", STACK_KEY_SIZE, variant->type);
	ASSERT_EQ(0, stack_remove(self));
	ASSERT_EQ(0, stack_map(self, variant->mode, ref));
	EXPECT_EQ(-EILSEQ, volume_reads(&self->volume));

	ASSERT_EQ(0, stack_remove(self));
	ASSERT_EQ(0, stack_map(self, variant->mode, self->ref));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(stack, table_lines)
{
	char line[LINE_SIZE], expected[LINE_SIZE];
	size_t length, i;

	ASSERT_EQ(0, dm_table(self->volume.name, line));
	snprintf(expected, sizeof(expected), STACK_CIPHER " %s 0 %s 0 1 integrity:%d:aead",
		 self->ref, self->dev, TAG_SIZE);
	EXPECT_STREQ(expected, line);

	ASSERT_EQ(0, dm_table(self->below, line));
	length = strlen(line);
	ASSERT_LT(strlen(self->below_line), length);
	EXPECT_STREQ(self->below_line, line + length - strlen(self->below_line));
	for (i = 0; i < SLOTS; i++)
		EXPECT_FALSE(shows_key(line, self->keys.secrets[i], ALG_KEY_SIZE));

	/* Both load again as they were printed, from the top. */
	ASSERT_EQ(0, stack_remove(self));
	ASSERT_EQ(0, dm_map(self->below, "integrity", self->sectors, line));
	ASSERT_EQ(0, dm_dev(self->below, line));
	ASSERT_STREQ(self->dev, line);
	ASSERT_EQ(0, dm_map(self->volume.name, "crypt", self->sectors, expected));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_HARNESS_MAIN
