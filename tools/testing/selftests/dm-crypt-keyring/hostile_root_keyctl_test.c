// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operation of keyctl(2) that tells something of a key, and each file that lists keys: root
 * asks them about a key that is not to be read, and looks for it in what they say.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:tell"

/* The header that has them does not go together with <fcntl.h>. */
#define NOTIFICATION_PIPE O_EXCL
#define WATCH_QUEUE_SET_SIZE _IO('W', 0x60)

FIXTURE(tell)
{
	unsigned char secret[KEY_SIZE];
	int serial;
	char reply[LINE_SIZE];
};

FIXTURE_VARIANT(tell)
{
	const char *type;
	bool blob; /* is read instead of the secret */
};

FIXTURE_VARIANT_ADD(tell, logon) {
	.type = "logon",
};

FIXTURE_VARIANT_ADD(tell, encrypted) {
	.type = "encrypted",
	.blob = true,
};

FIXTURE_SETUP(tell)
{
	const char *unsupported;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, KEY_SIZE));
	self->serial = key_make(variant->type, DESC, self->secret, KEY_SIZE);
	unsupported = key_unsupported(variant->type, self->serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, self->serial);
	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, self->serial, KEY_POS_ALL | KEY_USR_ALL, 0, 0));
}

FIXTURE_TEARDOWN(tell)
{
}

/* Neither the bytes nor their digits. */
static bool tells(FIXTURE_DATA(tell) * self)
{
	bool bytes = memmem(self->reply, sizeof(self->reply) - 1, self->secret, 8);

	self->reply[sizeof(self->reply) - 1] = '\0';
	return bytes || shows_key(self->reply, self->secret, KEY_SIZE);
}

TEST_F(tell, read)
{
	int ret = key_ctl(KEYCTL_READ, self->serial, (uintptr_t)self->reply,
			  sizeof(self->reply), 0);

	EXPECT_TRUE(variant->blob ? ret > 0 : ret == -EOPNOTSUPP)
		TH_LOG("%d", ret);
	EXPECT_FALSE(tells(self));
}

TEST_F(tell, describe)
{
	EXPECT_LT(0, key_ctl(KEYCTL_DESCRIBE, self->serial, (uintptr_t)self->reply,
			     sizeof(self->reply), 0));
	EXPECT_NE(NULL, strstr(self->reply, DESC));
	EXPECT_FALSE(tells(self));
}

TEST_F(tell, security)
{
	EXPECT_LE(0, key_ctl(KEYCTL_GET_SECURITY, self->serial, (uintptr_t)self->reply,
			     sizeof(self->reply), 0));
	EXPECT_FALSE(tells(self));
}

/* What the kernel can do is the same for every key. */
TEST_F(tell, capabilities)
{
	EXPECT_LT(0, key_ctl(KEYCTL_CAPABILITIES, (uintptr_t)self->reply, sizeof(self->reply), 0,
			     0));
	EXPECT_FALSE(tells(self));
}

/* As any of the numbers, it would be put into a formula of one's own. */
TEST_F(tell, diffie_hellman)
{
	unsigned char number[KEY_SIZE] = { 2 };
	int mine = key_add("user", DESC, number, sizeof(number)), i;

	ASSERT_LT(0, mine);
	for (i = 0; i < 3; i++) {
		struct keyctl_dh_params params = {
			.private = i == 0 ? self->serial : mine,
			.prime = i == 1 ? self->serial : mine,
			.base = i == 2 ? self->serial : mine,
		};

		EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_DH_COMPUTE, (uintptr_t)&params,
					       (uintptr_t)self->reply, sizeof(self->reply), 0));
		EXPECT_FALSE(tells(self));
	}
}

/* What is derived would be known. */
TEST_F(tell, derived)
{
	unsigned char number[KEY_SIZE] = { 2 };
	char hash[] = "sha256", info[] = "info";
	struct keyctl_kdf_params kdf = {
		.hashname = hash, .otherinfo = info, .otherinfolen = sizeof(info),
	};
	int mine = key_add("user", DESC, number, sizeof(number)), i;

	ASSERT_LT(0, mine);
	for (i = 0; i < 3; i++) {
		struct keyctl_dh_params params = {
			.private = i == 0 ? self->serial : mine,
			.prime = i == 1 ? self->serial : mine,
			.base = i == 2 ? self->serial : mine,
		};

		EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_DH_COMPUTE, (uintptr_t)&params,
					       (uintptr_t)self->reply, 32, (uintptr_t)&kdf));
		EXPECT_FALSE(tells(self));
	}
}

/* The queue of a pipe, into which each change of a key is told. */
TEST_F(tell, watch)
{
	static const char other[] = "update user:dmck:master";
	int ends[2];

	if (pipe2(ends, NOTIFICATION_PIPE | O_NONBLOCK) ||
	    ioctl(ends[1], WATCH_QUEUE_SET_SIZE, 64))
		SKIP(return, "needs CONFIG_WATCH_QUEUE");
	if (key_ctl(KEYCTL_WATCH_KEY, self->serial, ends[1], 1, 0) == -EOPNOTSUPP)
		SKIP(return, "needs CONFIG_KEY_NOTIFICATIONS");
	if (variant->blob) {
		EXPECT_EQ(0, key_ctl(KEYCTL_UPDATE, self->serial, (uintptr_t)other,
				     sizeof(other) - 1, 0));
	} else {
		EXPECT_EQ(0, key_ctl(KEYCTL_UPDATE, self->serial, (uintptr_t)self->secret,
				     KEY_SIZE, 0));
	}
	EXPECT_EQ(0, key_ctl(KEYCTL_SETPERM, self->serial, KEY_POS_ALL | KEY_USR_ALL, 0, 0));
	EXPECT_EQ(0, key_ctl(KEYCTL_REVOKE, self->serial, 0, 0, 0));
	EXPECT_LT(0, read(ends[0], self->reply, sizeof(self->reply)));
	EXPECT_FALSE(tells(self));
	close(ends[0]);
	close(ends[1]);
}

TEST_F(tell, public_key)
{
	struct keyctl_pkey_params params = {
		.key_id = self->serial,
		.in_len = 16,
		.out_len = sizeof(self->reply),
	};
	static const char info[] = "enc=raw";

	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_PKEY_QUERY, self->serial, 0, (uintptr_t)info,
				       (uintptr_t)self->reply));
	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_PKEY_ENCRYPT, (uintptr_t)&params, (uintptr_t)info,
				       (uintptr_t)self->secret, (uintptr_t)self->reply));
	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_PKEY_SIGN, (uintptr_t)&params, (uintptr_t)info,
				       (uintptr_t)self->secret, (uintptr_t)self->reply));
	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_PKEY_DECRYPT, (uintptr_t)&params, (uintptr_t)info,
				       (uintptr_t)self->secret, (uintptr_t)self->reply));
	params.in2_len = 16;
	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_PKEY_VERIFY, (uintptr_t)&params, (uintptr_t)info,
				       (uintptr_t)self->secret, (uintptr_t)self->secret));
	EXPECT_FALSE(tells(self));
}

TEST_F(tell, files)
{
	static const char * const files[] = { "/proc/keys", "/proc/key-users" };
	size_t i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		fd = open(files[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		while (read(fd, self->reply, sizeof(self->reply) - 1) > 0) {
			EXPECT_FALSE(tells(self))
				TH_LOG("%s", files[i]);
			memset(self->reply, 0, sizeof(self->reply));
		}
		close(fd);
	}
}

TEST_HARNESS_MAIN
