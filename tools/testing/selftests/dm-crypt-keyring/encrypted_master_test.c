// SPDX-License-Identifier: GPL-2.0-only
/*
 * A master key that is being made, by /sbin/request-key and so by system calls, while somebody
 * makes, loads or updates an encrypted key under it: nobody waits for what waits for himself. On
 * a kernel that fails here no key can be made any more, so this is best the last program to run.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define UPCALL "/sbin/request-key"
#define MASTER "dmck:master"
#define OTHER "dmck:other"
#define MASTER_SIZE 32
/* For how long the master is under construction, and when an answer is none any more. */
#define MAKING_SECONDS 4
#define PATIENCE_SECONDS 15
/* Of a datablob in hex: IV, a zero, 32 bytes and their HMAC. */
#define BLOB_DIGITS (2 * (16 + 1 + 32 + 32))

/* The kernel starts this very program to make the master. */
__attribute__((constructor)) static void upcall(int argc, char **argv)
{
	char secret[MASTER_SIZE];

	if (argc < 3 || strcmp(argv[0], UPCALL) || strcmp(argv[1], "create"))
		return;
	sleep(MAKING_SECONDS);
	if (fill_random(secret, sizeof(secret)))
		_exit(1);
	_exit(key_ctl(KEYCTL_ASSUME_AUTHORITY, atoi(argv[2]), 0, 0, 0) < 0 ||
	      key_ctl(KEYCTL_INSTANTIATE, atoi(argv[2]), (unsigned long)secret, sizeof(secret),
		      0) < 0);
}

static int install_upcall(void)
{
	static char program[1 << 22];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	ssize_t size, written;

	mkdir("/sbin", 0755);
	if (from < 0 || !access(UPCALL, F_OK))
		return -EEXIST;
	size = read(from, program, sizeof(program));
	close(from);
	to = open(UPCALL, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	if (to < 0)
		return -errno;
	written = write(to, program, size);
	close(to);
	return size > 0 && written == size ? 0 : -EIO;
}

/* Whether it ends; if not it is left behind, since nothing ends it. */
static bool ends(pid_t pid, int *status)
{
	int i;

	for (i = 0; i < 10 * PATIENCE_SECONDS; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(100000);
	}
	return false;
}

FIXTURE(encrypted_master)
{
	int serial;
};

FIXTURE_VARIANT(encrypted_master)
{
	const char *text;
};

FIXTURE_VARIANT_ADD(encrypted_master, new)
{
	.text = "new user:" MASTER " 32",
};

FIXTURE_VARIANT_ADD(encrypted_master, load)
{
	.text = "load user:" MASTER " 32",
};

FIXTURE_VARIANT_ADD(encrypted_master, update)
{
	.text = "update user:" MASTER,
};

FIXTURE_SETUP(encrypted_master)
{
	const char *first = "new user:" OTHER " 32";
	char secret[MASTER_SIZE];
	int err;

	ASSERT_EQ(0, keys_open());
	err = install_upcall();
	if (err == -EEXIST)
		SKIP(return, "needs an initramfs without " UPCALL);
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	ASSERT_LT(0, key_add("user", OTHER, secret, sizeof(secret)));
	self->serial = key_add("encrypted", "dmck:under", first, strlen(first));
	if (self->serial == -ENODEV)
		SKIP(return, "needs CONFIG_ENCRYPTED_KEYS");
	ASSERT_LT(0, self->serial);
}

FIXTURE_TEARDOWN(encrypted_master)
{
	unlink(UPCALL);
}

TEST_F(encrypted_master, under_construction)
{
	char text[BLOB_DIGITS + REF_SIZE];
	int status = -1, err, len;
	pid_t maker, user;

	len = snprintf(text, sizeof(text), "%s", variant->text);
	if (!strncmp(text, "load", 4)) {
		text[len++] = ' ';
		memset(text + len, '0', BLOB_DIGITS);
		text[len + BLOB_DIGITS] = '\0';
	}

	maker = fork();
	ASSERT_LE(0, maker);
	if (!maker)
		_exit(syscall(__NR_request_key, "user", MASTER, "", KEY_SPEC_SESSION_KEYRING) < 0);
	sleep(1);

	user = fork();
	ASSERT_LE(0, user);
	if (!user) {
		if (strncmp(text, "update", 6))
			err = key_add("encrypted", "dmck:e", text, strlen(text));
		else
			err = key_ctl(KEYCTL_UPDATE, self->serial, (unsigned long)text,
				      strlen(text), 0);
		_exit(err == -ENOKEY ? 0 : 1);
	}

	EXPECT_TRUE(ends(user, &status))
		TH_LOG("who uses the master waits for ever");
	EXPECT_EQ(0, status)
		TH_LOG("it was not ENOKEY");
	EXPECT_TRUE(ends(maker, &status))
		TH_LOG("who makes the master waits for ever");
	EXPECT_LT(0, key_search("user", MASTER));
}

TEST_HARNESS_MAIN
