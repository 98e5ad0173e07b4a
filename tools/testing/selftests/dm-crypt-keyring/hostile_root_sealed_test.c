// SPDX-License-Identifier: GPL-2.0-only
/*
 * With dm_keyring.policy=sealed on the kernel's command line, root tries to get a key of its own
 * into the place of one in .dm-keyring: by each operation that changes a key or a keyring, and by
 * keyrings that come before it elsewhere. Whatever it does, the volume reads what was written.
 *
 * The tests run in their order: first the keyring is filled, then it is sealed, for as long as the
 * system runs. Under another policy, or where that has happened before, they are skipped.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmck.h"
#include "../kselftest_harness.h"

#define DESC "dmck:sealed"
#define REF ":64:logon:" DESC

/* Known to every test, each of which is a process of its own. */
static struct {
	unsigned char secret[KEY_SIZE];
	unsigned char other[KEY_SIZE];
	bool unsealed;
} given;

static void __attribute__((constructor)) give(void)
{
	given.unsealed = strcmp(dm_keyring_param("keyring_unsealed"), "N");
	if (fill_random(given.secret, KEY_SIZE) || fill_random(given.other, KEY_SIZE))
		_exit(KSFT_FAIL);
}

FIXTURE(sealed)
{
	struct volume volume;
	int ring;
	int key;
	int inner;
};

static int find(int ring, const char *type, const char *desc)
{
	return key_ctl(KEYCTL_SEARCH, ring, (uintptr_t)type, (uintptr_t)desc, 0);
}

/* Puts a key there with every right that there is, so that it is not for want of one later. */
static int put(int ring, const char *type, const char *desc)
{
	bool is_keyring = !strcmp(type, "keyring");
	int key = key_add(type, desc, is_keyring ? NULL : given.secret, is_keyring ? 0 : KEY_SIZE);
	int ret = key < 0 ? key : key_ctl(KEYCTL_SETPERM, key, KEY_POS_ALL | KEY_USR_ALL, 0, 0);

	return ret ?: key_ctl(KEYCTL_LINK, key, ring, 0, 0) ?: key;
}

/* A kernel without .dm-keyring has keyrings that are restricted at best. */
static int keyring_of_user_space(void)
{
	int ring = find(KEY_SPEC_USER_KEYRING, "keyring", DESC);

	if (ring < 0)
		ring = put(KEY_SPEC_USER_KEYRING, "keyring", DESC);
	return key_ctl(KEYCTL_LINK, ring, KEY_SPEC_SESSION_KEYRING, 0, 0) ?: ring;
}

FIXTURE_SETUP(sealed)
{
	const char *policy = dm_keyring_param("policy");

	if (*policy && (strcmp(policy, "sealed") || !given.unsealed))
		SKIP(return, "needs dm_keyring.policy=sealed, and a keyring that is not sealed");
	ASSERT_EQ(0, keys_open());
	self->ring = *policy ? atoi(dm_keyring_param("keyring")) : keyring_of_user_space();
	ASSERT_LT(0, self->ring);
}

FIXTURE_TEARDOWN(sealed)
{
}

/* Nothing is lent before. */
TEST_F(sealed, a_not_yet)
{
	struct backing backing;
	char name[NAME_SIZE], hex[HEX_SIZE];
	int inner;

	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	to_hex(hex, given.secret, KEY_SIZE);
	EXPECT_EQ(-EPERM, dm_load_crypt(name, 1, &backing, XTS, REF, ""));
	EXPECT_EQ(-EPERM, dm_load_crypt(name, 1, &backing, XTS, hex, ""));
	ASSERT_LT(0, put(self->ring, "logon", DESC));
	ASSERT_LT(0, put(self->ring, "logon", DESC ":drop"));
	ASSERT_LT(0, put(self->ring, "user", DESC));
	inner = put(self->ring, "keyring", DESC ":inner");
	ASSERT_LT(0, inner);
	ASSERT_LT(0, put(inner, "logon", DESC ":inner"));
	EXPECT_EQ(-EPERM, dm_load_crypt(name, 1, &backing, XTS, REF, ""));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);

	ASSERT_EQ(0, key_ctl(KEYCTL_RESTRICT_KEYRING, self->ring, 0, 0, 0));
	EXPECT_STREQ("N", dm_keyring_param("keyring_unsealed"));
}

/* From here on all have a volume whose key is in .dm-keyring. */
static void open_volume(struct __test_metadata *_metadata, FIXTURE_DATA(sealed) * self)
{
	self->key = find(self->ring, "logon", DESC);
	ASSERT_LT(0, self->key);
	self->inner = find(self->ring, "keyring", DESC ":inner");
	ASSERT_LT(0, self->inner);
	ASSERT_EQ(0, volume_open(&self->volume, XTS, REF, ""));
}

/* Opened again, it has the same key. */
static void expect_same(struct __test_metadata *_metadata, FIXTURE_DATA(sealed) * self)
{
	EXPECT_EQ(0, dm_remove(self->volume.name));
	ASSERT_EQ(0, dm_map_crypt(self->volume.name, &self->volume.backing, XTS, REF, ""));
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(0, volume_close(&self->volume));
}

TEST_F(sealed, b_key_is_not_changed)
{
	int other, perm = KEY_POS_ALL | KEY_USR_ALL;

	open_volume(_metadata, self);
	other = key_add("keyring", DESC ":other", NULL, 0);
	ASSERT_LT(0, other);

	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, self->key, (uintptr_t)given.other, KEY_SIZE, 0));
	EXPECT_EQ(-EPERM, key_add_to(self->ring, "logon", DESC, given.other, KEY_SIZE));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SETPERM, self->key, perm, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_CHOWN, self->key, 1000, 1000, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_CHOWN, self->key, -1, 1000, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SET_TIMEOUT, self->key, 1, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_REVOKE, self->key, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_INVALIDATE, self->key, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UNLINK, self->key, self->ring, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_MOVE, self->key, self->ring, other, 0));

	/* Nor if it is linked elsewhere, which takes nothing from here. */
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, self->key, other, 0, 0));
	EXPECT_EQ(-EPERM, key_add_to(other, "logon", DESC, given.other, KEY_SIZE));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, self->key, (uintptr_t)given.other, KEY_SIZE, 0));
	EXPECT_EQ(0, key_ctl(KEYCTL_UNLINK, self->key, other, 0, 0));
	expect_same(_metadata, self);
}

TEST_F(sealed, c_keyring_is_not_changed)
{
	int mine, other, perm = KEY_POS_ALL | KEY_USR_ALL;

	open_volume(_metadata, self);
	mine = key_add("logon", DESC, given.other, KEY_SIZE);
	ASSERT_LT(0, mine);
	other = key_add("keyring", DESC ":other", NULL, 0);
	ASSERT_LT(0, other);

	EXPECT_EQ(-EPERM, key_add_to(self->ring, "logon", DESC ":new", given.other, KEY_SIZE));
	EXPECT_EQ(-EPERM, key_add_to(self->ring, "keyring", DESC ":new", NULL, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_LINK, mine, self->ring, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_MOVE, mine, KEY_SPEC_SESSION_KEYRING, self->ring, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_LINK, other, self->ring, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UNLINK, self->inner, self->ring, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_CLEAR, self->ring, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_REVOKE, self->ring, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_INVALIDATE, self->ring, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SET_TIMEOUT, self->ring, 1, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SETPERM, self->ring, perm, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_CHOWN, self->ring, 1000, -1, 0));
	EXPECT_EQ(-EEXIST, key_ctl(KEYCTL_RESTRICT_KEYRING, self->ring, 0, 0, 0));
	/* What is found or made there would be linked there. */
	EXPECT_GT(0, (int)syscall(SYS_request_key, "logon", DESC, "callout", self->ring));
	EXPECT_GT(0, (int)syscall(SYS_request_key, "user", DESC ":made", "callout", self->ring));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_GET_PERSISTENT, -1, self->ring, 0, 0));
	EXPECT_EQ(-ENOKEY, find(self->ring, "user", DESC ":made"));
	EXPECT_EQ(self->key, find(self->ring, "logon", DESC));
	expect_same(_metadata, self);
}

/* What is in a keyring that is linked there is not sealed, nor is it looked at. */
TEST_F(sealed, d_elsewhere_is_not_looked)
{
	open_volume(_metadata, self);
	ASSERT_LT(0, key_add("logon", DESC, given.other, KEY_SIZE));
	ASSERT_LT(0, key_add_to(KEY_SPEC_THREAD_KEYRING, "logon", DESC, given.other, KEY_SIZE));
	EXPECT_EQ(-EPERM, key_add_to(self->inner, "logon", DESC, given.other, KEY_SIZE));
	EXPECT_EQ(0, key_ctl(KEYCTL_UPDATE, find(self->inner, "logon", DESC ":inner"),
			     (uintptr_t)given.other, KEY_SIZE, 0));
	ASSERT_LT(0, key_add("logon", DESC ":mine", given.other, KEY_SIZE));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->volume.name, ":64:logon:" DESC ":inner"));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->volume.name, ":64:logon:" DESC ":mine"));
	EXPECT_EQ(-EPERM, dm_key_set(self->volume.name, ":64:user:" DESC));
	EXPECT_EQ(0, dm_key_set(self->volume.name, REF));
	ASSERT_EQ(0, dm_resume(self->volume.name));
	expect_same(_metadata, self);
}

TEST_F(sealed, e_policy_is_not_loosened)
{
	char hex[HEX_SIZE];

	open_volume(_metadata, self);
	EXPECT_EQ(-EPERM, dm_keyring_set("policy", "any"));
	EXPECT_EQ(-EPERM, dm_keyring_set("policy", "keyring"));
	EXPECT_EQ(-EINVAL, dm_keyring_set("policy", "none"));
	EXPECT_GT(0, dm_keyring_set("keyring", "1"));
	EXPECT_GT(0, dm_keyring_set("keyring_unsealed", "Y"));
	EXPECT_STREQ("sealed", dm_keyring_param("policy"));
	to_hex(hex, given.other, KEY_SIZE);
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(-EPERM, dm_key_set(self->volume.name, hex));
	ASSERT_EQ(0, dm_resume(self->volume.name));
	expect_same(_metadata, self);
}

/* Nor do the other targets look elsewhere. */
TEST_F(sealed, e_other_targets)
{
	static const char * const slots[] = {
		"internal_hash:hmac(sha256):%s", "internal_hash:crc32c journal_mac:hmac(sha256):%s",
	};
	char options[LINE_SIZE], line[LINE_SIZE], hex[HEX_SIZE], name[NAME_SIZE];
	struct backing backing;
	size_t i;

	ASSERT_EQ(0, backing_open(&backing));
	ASSERT_LT(0, key_add("logon", DESC ":mine", given.other, KEY_SIZE));
	to_hex(hex, given.other, KEY_SIZE);
	dm_name(name);
	for (i = 0; dm_has("integrity") && i < sizeof(slots) / sizeof(*slots); i++) {
		snprintf(options, sizeof(options), slots[i], hex);
		EXPECT_EQ(-EPERM, integrity_map(name, &backing, 'J', options));
		snprintf(options, sizeof(options), slots[i], ":64:logon:" DESC ":mine");
		EXPECT_EQ(-ENOKEY, integrity_map(name, &backing, 'J', options));
	}
	if (dm_has("integrity")) {
		snprintf(options, sizeof(options), slots[0], REF);
		EXPECT_EQ(0, integrity_map(name, &backing, 'J', options));
		EXPECT_EQ(0, dm_remove(name));
	}
	if (dm_has("inlinecrypt")) {
		snprintf(line, sizeof(line), XTS " %s 0 %s 0", hex, backing.dev);
		EXPECT_EQ(-EPERM, dm_map(name, "inlinecrypt", DEVICE_SECTORS, line));
		snprintf(line, sizeof(line), XTS " :64:logon:" DESC ":mine 0 %s 0", backing.dev);
		EXPECT_EQ(-ENOKEY, dm_map(name, "inlinecrypt", DEVICE_SECTORS, line));
		snprintf(line, sizeof(line), XTS " " REF " 0 %s 0", backing.dev);
		EXPECT_EQ(0, dm_map(name, "inlinecrypt", DEVICE_SECTORS, line));
		EXPECT_EQ(0, dm_remove(name));
	}
	backing_close(&backing);
}

/* What root may not do, it may not do by becoming somebody else. */
TEST_F(sealed, e_other_credentials)
{
	int i, status;
	pid_t child;

	open_volume(_metadata, self);
	for (i = 0; i < 2; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			bool changed = i ? unshare(CLONE_NEWUSER) && errno != EINVAL :
					   !!setresuid(65533, 65533, 65533);

			changed |= !key_ctl(KEYCTL_UPDATE, self->key, (uintptr_t)given.other,
					    KEY_SIZE, 0);
			changed |= !key_ctl(KEYCTL_REVOKE, self->key, 0, 0, 0);
			changed |= !key_ctl(KEYCTL_INVALIDATE, self->key, 0, 0, 0);
			changed |= !key_ctl(KEYCTL_UNLINK, self->key, self->ring, 0, 0);
			changed |= !key_ctl(KEYCTL_CLEAR, self->ring, 0, 0, 0);
			changed |= key_add_to(self->ring, "logon", DESC, given.other, KEY_SIZE) > 0;
			_exit(changed);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status)
			TH_LOG("%s", i ? "in a user namespace" : "as nobody");
	}
	EXPECT_EQ(self->key, find(self->ring, "logon", DESC));
	expect_same(_metadata, self);
}

/* A table of root's own, over a device of its own, would take the key from the system's. */
TEST_F(sealed, f_dropped)
{
	static const char ref[] = ":64:logon:" DESC ":drop";
	struct volume volume;
	char name[NAME_SIZE];

	ASSERT_EQ(0, volume_open(&volume, XTS, ref, ""));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(-EPERM, dm_load_crypt(name, 1, &volume.backing, XTS, ref, "1 drop_key"));
	EXPECT_EQ(0, dm_remove(name));
	ASSERT_EQ(0, dm_map_crypt(name, &volume.backing, XTS, ref, ""));
	EXPECT_EQ(1, dm_reads(name, volume.data));
	EXPECT_EQ(0, dm_remove(name));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_HARNESS_MAIN
