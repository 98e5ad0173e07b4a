// SPDX-License-Identifier: GPL-2.0-only
/*
 * With dm_keyring.policy=keyring on the kernel's command line, root passes keys that it knows, and
 * moves keys that it does not know to where it can read them. What it may still do, it does too:
 * that shows that a refusal is about the key.
 *
 * The policy cannot be taken back, so nothing here sets it: under another, the tests are skipped.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob.h"
#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:policy"
#define LOGON ":64:logon:" DESC
#define USER ":64:user:" DESC
#define ENCRYPTED ":64:encrypted:" DESC

FIXTURE(policy)
{
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE];
	struct volume volume;
	const char *name;
};

FIXTURE_SETUP(policy)
{
	const char *policy = dm_keyring_param("policy");

	/* A kernel that does not have it refuses nothing. */
	if (*policy && strcmp(policy, "keyring"))
		SKIP(return, "needs dm_keyring.policy=keyring on the kernel's command line");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, KEY_SIZE));
	to_hex(self->hex, self->secret, KEY_SIZE);
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add("user", DESC, self->secret, KEY_SIZE));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, LOGON, ""));
	self->name = self->volume.name;
}

FIXTURE_TEARDOWN(policy)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* No table is loaded. */
static void expect_refused(struct __test_metadata *_metadata, FIXTURE_DATA(policy) * self,
			   int err, const char *cipher, const char *key)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(err, dm_load_crypt(name, 1, &self->volume.backing, cipher, key, ""))
		TH_LOG("%s %s", cipher, key);
	EXPECT_EQ(0, dm_remove(name));
}

/* Nor does a live one take the key, which goes on with its own. */
static void expect_not_set(struct __test_metadata *_metadata, FIXTURE_DATA(policy) * self,
			   const char *key)
{
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-EPERM, dm_key_set(self->name, key));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(policy, hex)
{
	expect_refused(_metadata, self, -EPERM, XTS, self->hex);
	expect_not_set(_metadata, self, self->hex);
}

/* With no key there is nothing to keep. */
TEST_F(policy, no_key)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, "cipher_null-ecb", "-", ""));
	EXPECT_EQ(0, dm_remove(name));
}

/* But no bytes are a key for some ciphers, and one that everybody knows. */
TEST_F(policy, empty_key)
{
	static const char * const ciphers[] = {
		"serpent-ecb", "serpent-cbc-plain64", "capi:ctr(serpent)-plain64",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		expect_refused(_metadata, self, -EPERM, ciphers[i], "-");
}

TEST_F(policy, user)
{
	expect_refused(_metadata, self, -EPERM, XTS, USER);
	expect_not_set(_metadata, self, USER);
}

/* Root knows the master. */
TEST_F(policy, encrypted_under_user)
{
	static const char payload[] = "new default user:" DESC " 64";
	const char *unsupported;
	int ret;

	ret = key_add("encrypted", DESC, payload, sizeof(payload) - 1);
	unsupported = key_unsupported("encrypted", ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);
	expect_refused(_metadata, self, -EPERM, XTS, ENCRYPTED);
	expect_not_set(_metadata, self, ENCRYPTED);
}

/* It would be sealed under an authorization that root knows, and unsealed without the kernel. */
TEST_F(policy, trusted_sealed_anew)
{
	static const char update[] = "update keyhandle=" TPM_PARENT " blobauth=root";
	int key = key_make("trusted", DESC, NULL, 64);

	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	ASSERT_LT(0, key);
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)update, sizeof(update) - 1, 0));

	/* It is lent as before. */
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, ":64:trusted:" DESC));
	EXPECT_EQ(0, dm_key_set(self->name, LOGON));
	ASSERT_EQ(0, dm_resume(self->name));
}

/* It would be wrapped under a master that root knows, and read. */
TEST_F(policy, encrypted_wrapped_anew)
{
	static const char payload[] = "new default trusted:dmck:sealed 64";
	static const char update[] = "update trusted:dmck:mine";
	const char *unsupported;
	char before[BLOB_SIZE] = "", after[BLOB_SIZE] = "";
	unsigned char mine[32];
	struct volume volume;
	int ret, key;

	ret = key_make("trusted", "dmck:sealed", NULL, 32);
	unsupported = key_unsupported("trusted", ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);
	ret = key_make("trusted", "dmck:mine", NULL, 32);
	ASSERT_LT(0, ret);
	ASSERT_EQ(32, tpm_unseal_key(ret, "", mine, sizeof(mine)));
	key = key_add("encrypted", DESC, payload, sizeof(payload) - 1);
	ASSERT_LT(0, key);
	ret = key_ctl(KEYCTL_READ, key, (uintptr_t)before, sizeof(before) - 1, 0);
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, volume_open(&volume, XTS, ENCRYPTED, ""));

	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)update, sizeof(update) - 1, 0));
	EXPECT_EQ(-EPERM, key_add("encrypted", DESC, update, sizeof(update) - 1));
	EXPECT_EQ(ret, key_ctl(KEYCTL_READ, key, (uintptr_t)after, sizeof(after) - 1, 0));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(-EBADMSG, blob_reads(after, mine, sizeof(mine), &volume))
		TH_LOG("the volume's key came out under a master of root's, and opens it");
	EXPECT_EQ(0, volume_close(&volume));

	/* It is lent as before. */
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, ENCRYPTED));
	EXPECT_EQ(0, dm_key_set(self->name, LOGON));
	ASSERT_EQ(0, dm_resume(self->name));
}

/* Its bytes would be known. */
TEST_F(policy, encrypted_of_known_bytes)
{
	EXPECT_EQ(-EPERM, key_make("encrypted", DESC, self->secret, KEY_SIZE));
}

/* Parts of the key would stand in the data. */
TEST_F(policy, tcw)
{
	static const char * const types[] = { "logon", "user", "encrypted", "trusted" };
	static const char * const ciphers[] = { "aes-cbc-tcw", "capi:cbc(aes)-tcw" };
	static const char payload[] = "new default trusted:" DESC ":tcw 64";
	char ref[REF_SIZE];
	size_t i;
	int ret;

	ASSERT_LT(0, key_add("logon", DESC ":tcw", self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add("user", DESC ":tcw", self->secret, KEY_SIZE));
	ret = key_make("trusted", DESC ":tcw", NULL, KEY_SIZE);
	if (ret > 0)
		ASSERT_LT(0, key_add("encrypted", DESC ":tcw", payload, sizeof(payload) - 1));
	if (ret < 0)
		ASSERT_NE(NULL, key_unsupported("trusted", ret));
	for (i = 0; i < 2 * (ret > 0 ? 4 : 2); i++) {
		snprintf(ref, sizeof(ref), ":64:%s:" DESC ":tcw", types[i / 2]);
		expect_refused(_metadata, self, i / 2 == 1 ? -EPERM : -EINVAL, ciphers[i % 2],
			       ref);
	}
}

/* Of which inlinecrypt is not in every kernel. */
TEST_F(policy, other_targets)
{
	char options[LINE_SIZE], name[NAME_SIZE];
	struct backing backing;
	size_t i;
	const char * const keys[] = { self->hex, USER };
	static const char * const slots[] = {
		"internal_hash:hmac(sha256):%s",
		"internal_hash:crc32c journal_mac:hmac(sha256):%s",
		"internal_hash:crc32c journal_crypt:ctr(aes):%.64s",
	};

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	for (i = 0; i < 2 * 3; i++) {
		snprintf(options, sizeof(options), slots[i / 2], keys[i % 2]);
		EXPECT_EQ(-EPERM, integrity_map(name, &backing, 'J', options))
			TH_LOG("%s", options);
	}
	snprintf(options, sizeof(options), slots[0], LOGON);
	EXPECT_EQ(0, integrity_map(name, &backing, 'J', options));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);

	if (!dm_has("inlinecrypt"))
		return;
	snprintf(options, sizeof(options), "aes-xts-plain64 %s 0 %s 0", self->hex,
		 self->volume.backing.dev);
	EXPECT_EQ(-EPERM, dm_map(name, "inlinecrypt", DEVICE_SECTORS, options));
	snprintf(options, sizeof(options), "aes-xts-plain64 %s 0 %s 0", LOGON,
		 self->volume.backing.dev);
	EXPECT_EQ(0, dm_map(name, "inlinecrypt", DEVICE_SECTORS, options));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(policy, is_not_loosened)
{
	static const char * const words[] = { "any", "any\n", "0", "", "Keyring", "sealed2" };
	size_t i;

	EXPECT_EQ(-EPERM, dm_keyring_set("policy", words[0]));
	EXPECT_EQ(-EPERM, dm_keyring_set("policy", words[1]));
	for (i = 2; i < sizeof(words) / sizeof(*words); i++)
		EXPECT_NE(0, words[i][0] ? dm_keyring_set("policy", words[i]) : -EINVAL);
	EXPECT_EQ(0, dm_keyring_set("policy", "keyring"));
	EXPECT_STREQ("keyring", dm_keyring_param("policy"));
	expect_refused(_metadata, self, -EPERM, XTS, self->hex);
}

/* .dm-keyring is searched after the caller's keyrings. */
TEST_F(policy, keyring_of_the_kernel)
{
	int ring = atoi(dm_keyring_param("keyring")), key;

	ASSERT_LT(0, ring);
	EXPECT_STREQ("Y", dm_keyring_param("keyring_unsealed"));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->name, ":64:logon:" DESC ":there"));
	key = key_add_to(ring, "logon", DESC ":there", self->secret, KEY_SIZE);
	EXPECT_LT(0, key);
	EXPECT_EQ(0, dm_key_set(self->name, ":64:logon:" DESC ":there"));
	EXPECT_EQ(0, key_ctl(KEYCTL_UNLINK, key, ring, 0, 0));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* The last one, since it seals the keyring: a table that was loaded before drops nothing after. */
TEST_F(policy, sealed_in_between)
{
	static const char ref[] = ":64:logon:" DESC ":sealed";
	int ring = atoi(dm_keyring_param("keyring"));
	struct backing backing;
	char name[NAME_SIZE];

	ASSERT_LT(0, ring);
	ASSERT_LT(0, key_add_to(ring, "logon", DESC ":sealed", self->secret, KEY_SIZE));
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	ASSERT_EQ(0, dm_load_crypt(name, 1, &backing, XTS, ref, "1 drop_key"));
	ASSERT_EQ(0, key_ctl(KEYCTL_RESTRICT_KEYRING, ring, 0, 0, 0));
	EXPECT_EQ(-EPERM, dm_resume(name));
	EXPECT_EQ(0, dm_remove(name));
	ASSERT_EQ(0, dm_map_crypt(name, &backing, XTS, ref, ""));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);
}

TEST_HARNESS_MAIN
