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
#include <unistd.h>

#include "dmck.h"
#include "../kselftest_harness.h"

#define DESC "dmck:tell"

FIXTURE(tell)
{
	unsigned char secret[KEY_SIZE];
	int serial;
	char reply[LINE_SIZE];
};

FIXTURE_SETUP(tell)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, KEY_SIZE));
	self->serial = key_add("logon", DESC, self->secret, KEY_SIZE);
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
	EXPECT_EQ(-EOPNOTSUPP, key_ctl(KEYCTL_READ, self->serial, (uintptr_t)self->reply,
				       sizeof(self->reply), 0));
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
