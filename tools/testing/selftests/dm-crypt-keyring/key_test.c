// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each type of key that dm-crypt takes from the keyring: what it encrypts is what the crypto API
 * encrypts under the same key, and a key that is not fit is refused with its own error number, by
 * the constructor and by "key set", which leaves the key that the device has.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/if_alg.h>

#include "dmck.h"
#include "harness.h"

/* Encrypts one sector as aes-xts-plain64 does, through a socket that has the key. */
static int alg_sector(int op, uint64_t sector, const unsigned char *plain, unsigned char *cipher)
{
	char control[CMSG_SPACE(sizeof(uint32_t)) +
		     CMSG_SPACE(sizeof(struct af_alg_iv) + 16)] = {};
	struct iovec iov = { .iov_base = (void *)plain, .iov_len = SECTOR_SIZE };
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct af_alg_iv *iv;

	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = ALG_SET_OP;
	cmsg->cmsg_len = CMSG_LEN(sizeof(uint32_t));
	*(uint32_t *)CMSG_DATA(cmsg) = ALG_OP_ENCRYPT;

	cmsg = CMSG_NXTHDR(&msg, cmsg);
	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = ALG_SET_IV;
	cmsg->cmsg_len = CMSG_LEN(sizeof(*iv) + 16);
	iv = (struct af_alg_iv *)CMSG_DATA(cmsg);
	iv->ivlen = 16;
	sector = htole64(sector);
	memcpy(iv->iv, &sector, sizeof(sector));

	if (sendmsg(op, &msg, 0) != SECTOR_SIZE || read(op, cipher, SECTOR_SIZE) != SECTOR_SIZE)
		return -errno;
	return 0;
}

/* Encrypts all the data, through a socket as alg_open() returns it, and closes that. */
static int alg_encrypt(int op, const unsigned char plain[DATA_SIZE],
		       unsigned char cipher[DATA_SIZE])
{
	int i, ret = 0;

	if (op < 0)
		return op;
	for (i = 0; !ret && i < DATA_SIZE / SECTOR_SIZE; i++)
		ret = alg_sector(op, i, plain + i * SECTOR_SIZE, cipher + i * SECTOR_SIZE);
	close(op);
	return ret;
}

FIXTURE(key)
{
	struct volume volume;
	char ref[REF_SIZE];
	int serial;
	unsigned char secret[KEY_SIZE];
};

FIXTURE_VARIANT(key)
{
	const char *type;
	/* Another type, under which there is no such key. */
	const char *other;
	/* Whether the key holds what we say. */
	bool known;
};

FIXTURE_VARIANT_ADD(key, user) {
	.type = "user",
	.other = "logon",
	.known = true,
};

FIXTURE_VARIANT_ADD(key, logon) {
	.type = "logon",
	.other = "user",
	.known = true,
};

FIXTURE_VARIANT_ADD(key, encrypted) {
	.type = "encrypted",
	.other = "user",
};

FIXTURE_VARIANT_ADD(key, encrypted_known) {
	.type = "encrypted",
	.other = "logon",
	.known = true,
};

FIXTURE_VARIANT_ADD(key, trusted) {
	.type = "trusted",
	.other = "encrypted",
};

FIXTURE_SETUP(key)
{
	const char *unsupported;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	self->serial = key_make(variant->type, "dmck:key", variant->known ? self->secret : NULL,
				KEY_SIZE);
	unsupported = key_unsupported(variant->type, self->serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, self->serial);
	snprintf(self->ref, sizeof(self->ref), ":64:%s:dmck:key", variant->type);
	ASSERT_EQ(0, volume_open(&self->volume, XTS, self->ref, ""));
}

FIXTURE_TEARDOWN(key)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* Neither a new device nor one with a good key takes that one. */
static void expect_refused(struct __test_metadata *_metadata, FIXTURE_DATA(key) * self, int err,
			   const char *ref)
{
	char name[NAME_SIZE], before[LINE_SIZE], line[LINE_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(err, dm_load_crypt(name, 1, &self->volume.backing, XTS, ref, ""));
	EXPECT_EQ(0, dm_remove(name));

	ASSERT_EQ(0, dm_table(self->volume.name, before));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(err, dm_key_set(self->volume.name, ref));
	EXPECT_EQ(0, dm_table(self->volume.name, line));
	EXPECT_STREQ(before, line);
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

/* Makes a second key of this type, as good as the first one, and its reference. */
static int second_key(const FIXTURE_VARIANT(key) * variant, char ref[REF_SIZE])
{
	snprintf(ref, REF_SIZE, ":64:%s:dmck:second", variant->type);
	return key_make(variant->type, "dmck:second", NULL, KEY_SIZE);
}

TEST_F(key, ciphertext)
{
	unsigned char stored[DATA_SIZE], expected[DATA_SIZE];
	char name[NAME_SIZE], hex[HEX_SIZE];

	ASSERT_EQ(0, backing_read(&self->volume.backing, stored));
	ASSERT_EQ(0, alg_encrypt(alg_open("skcipher", "xts(aes)", NULL, 0, self->serial),
				 self->volume.data, expected));
	EXPECT_EQ(0, memcmp(stored, expected, sizeof(stored)));
	if (!variant->known)
		return;

	ASSERT_EQ(0, alg_encrypt(alg_open("skcipher", "xts(aes)", self->secret, KEY_SIZE, 0),
				 self->volume.data, expected));
	EXPECT_EQ(0, memcmp(stored, expected, sizeof(stored)));

	/* A hex key gives the same, on reading and on writing. */
	to_hex(hex, self->secret, sizeof(self->secret));
	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, XTS, hex, ""));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	memset(expected, 0, sizeof(expected));
	EXPECT_EQ(0, dm_write(name, expected));
	EXPECT_EQ(0, dm_write(name, self->volume.data));
	EXPECT_EQ(0, backing_read(&self->volume.backing, expected));
	EXPECT_EQ(0, memcmp(stored, expected, sizeof(stored)));
	EXPECT_EQ(0, dm_remove(name));
}

TEST_F(key, table_line_has_the_reference)
{
	char line[LINE_SIZE], expected[LINE_SIZE];

	snprintf(expected, sizeof(expected), XTS " %s 0 %s 0", self->ref, self->volume.backing.dev);
	ASSERT_EQ(0, dm_table(self->volume.name, line));
	EXPECT_STREQ(expected, line);
}

TEST_F(key, second_device)
{
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, XTS, self->ref, ""));
	EXPECT_EQ(1, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_remove(name));
}

/* Keyrings in keyrings are searched as well. */
TEST_F(key, found_in_nested_keyring)
{
	char ref[REF_SIZE];
	int serial, ring;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ring = key_add("keyring", "dmck:ring", NULL, 0);
	ASSERT_LT(0, ring);
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, serial, ring, 0, 0));
	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, ref));

	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, ring, KEY_SPEC_SESSION_KEYRING, 0, 0));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->volume.name, ref));
}

TEST_F(key, wipe_and_set)
{
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_message(self->volume.name, "key wipe"));
	EXPECT_EQ(-EAGAIN, dm_resume(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, self->ref));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key, set_another_and_back)
{
	char ref[REF_SIZE], line[LINE_SIZE];

	ASSERT_LT(0, second_key(variant, ref));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, ref));
	EXPECT_EQ(0, dm_table(self->volume.name, line));
	EXPECT_NE(NULL, strstr(line, ref));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(0, volume_reads(&self->volume));

	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, self->ref));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key, no_message_while_live)
{
	char ref[REF_SIZE];

	ASSERT_LT(0, second_key(variant, ref));
	EXPECT_EQ(-EINVAL, dm_key_set(self->volume.name, ref));
	EXPECT_EQ(-EINVAL, dm_message(self->volume.name, "key wipe"));
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, ref));
	EXPECT_EQ(0, dm_message(self->volume.name, "key wipe"));
}

TEST_F(key, outlived_by_the_device)
{
	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, self->serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
	EXPECT_EQ(1, volume_reads(&self->volume));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->volume.name, self->ref));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key, refused_if_longer)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:longer", variant->type);
	ASSERT_LT(0, key_make(variant->type, "dmck:longer", NULL, KEY_SIZE + 1));
	expect_refused(_metadata, self, -EINVAL, ref);
}

TEST_F(key, refused_if_shorter)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:shorter", variant->type);
	ASSERT_LT(0, key_make(variant->type, "dmck:shorter", NULL, KEY_SIZE - 1));
	expect_refused(_metadata, self, -EINVAL, ref);
}

/* The key is as the device has it, but the reference says otherwise. */
TEST_F(key, refused_if_reference_is_longer)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":65:%s:dmck:key", variant->type);
	expect_refused(_metadata, self, -EINVAL, ref);
}

TEST_F(key, refused_if_reference_is_shorter)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":32:%s:dmck:key", variant->type);
	expect_refused(_metadata, self, -EINVAL, ref);
}

/* Both agree, and a new device would be fine, but one cannot change its key size. */
TEST_F(key, size_cannot_change)
{
	char name[NAME_SIZE], ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":32:%s:dmck:half", variant->type);
	ASSERT_LT(0, key_make(variant->type, "dmck:half", NULL, KEY_SIZE / 2));
	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, XTS, ref, ""));
	EXPECT_EQ(0, dm_reads(name, self->volume.data));
	EXPECT_EQ(0, dm_remove(name));

	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(-EINVAL, dm_key_set(self->volume.name, ref));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(key, refused_if_of_another_type)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:key", variant->other);
	expect_refused(_metadata, self, -ENOKEY, ref);
}

/* The keyring itself is a key that can be found, but it holds no bytes to encrypt with. */
TEST_F(key, refused_if_of_a_type_that_does_not_lend)
{
	ASSERT_LT(0, key_add("keyring", "dmck:ring", NULL, 0));
	expect_refused(_metadata, self, -EINVAL, ":64:keyring:dmck:ring");
	expect_refused(_metadata, self, -EINVAL, ":64:no_such_type:dmck:key");
}

TEST_F(key, refused_if_absent)
{
	char ref[REF_SIZE];

	snprintf(ref, sizeof(ref), ":64:%s:dmck:absent", variant->type);
	expect_refused(_metadata, self, -ENOKEY, ref);
}

TEST_F(key, refused_if_revoked)
{
	char ref[REF_SIZE];
	int serial;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_REVOKE, serial, 0, 0, 0));
	expect_refused(_metadata, self, -EKEYREVOKED, ref);
}

/* The look-up passes over expired keys. */
TEST_F(key, refused_if_expired)
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

/* A key that was asked for, and that user space could not come up with, is there and says no. */
TEST_F(key, refused_if_negative)
{
	char ref[REF_SIZE], text[LINE_SIZE] = "";
	int serial = 0, ring, i;
	int serials[8] = {};

	/* With ENOKEY or, if there is no /sbin/request-key, with ENOENT. */
	ASSERT_EQ(-1, syscall(SYS_request_key, variant->type, "dmck:negative", "",
			      KEY_SPEC_SESSION_KEYRING));
	ring = key_ctl(KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, (uintptr_t)serials, sizeof(serials),
		       0);
	ASSERT_LT(0, ring);
	for (i = 0; i < ring / (int)sizeof(int) && !strstr(text, "dmck:negative"); i++) {
		serial = serials[i];
		key_ctl(KEYCTL_DESCRIBE, serial, (uintptr_t)text, sizeof(text), 0);
	}
	ASSERT_NE(NULL, strstr(text, "dmck:negative"));
	ASSERT_EQ(-ENOKEY, key_search(variant->type, "dmck:negative"));

	snprintf(ref, sizeof(ref), ":64:%s:dmck:negative", variant->type);
	expect_refused(_metadata, self, -ENOKEY, ref);
	EXPECT_EQ(0, key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
}

/* To be searched for is the one right that a key needs to grant. */
TEST_F(key, refused_if_not_permitted)
{
	char ref[REF_SIZE];
	int serial;

	serial = second_key(variant, ref);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial,
			     (KEY_POS_ALL & ~KEY_POS_SEARCH) | (KEY_USR_ALL & ~KEY_USR_SEARCH),
			     0, 0));
	expect_refused(_metadata, self, -EACCES, ref);

	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, serial, KEY_POS_SEARCH | KEY_POS_SETATTR, 0, 0));
	ASSERT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, ref));
}

TEST_HARNESS_MAIN
