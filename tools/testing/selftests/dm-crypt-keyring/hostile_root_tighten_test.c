// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy is tightened while the system runs, and root tries to go on with what it had before:
 * the references that devices have stored, the tables and the messages that were good then, the
 * keys of a dump-capture kernel.
 *
 * Needs dm_keyring.policy=any on the kernel's command line, and leaves it sealed: the tests run in
 * their order, and nothing can run after them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __x86_64__
#include <asm/bootparam.h>
#endif

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:tighten"
#define MASTER "dmck:kmk"
#define RINGED DESC ":ring"

#define CRASH_KEYS "/sys/kernel/config/crash_dm_crypt_keys"
#ifndef KEXEC_FILE_UNLOAD
#define KEXEC_FILE_UNLOAD 1
#define KEXEC_FILE_ON_CRASH 2
#define KEXEC_FILE_NO_INITRAMFS 4
#endif

FIXTURE(tighten)
{
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE];
};

FIXTURE_SETUP(tighten)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, KEY_SIZE));
	to_hex(self->hex, self->secret, KEY_SIZE);
}

FIXTURE_TEARDOWN(tighten)
{
}

static bool policy_is(const char *policy)
{
	const char *is = dm_keyring_param("policy");

	/* A kernel that does not have it refuses nothing. */
	return !*is || !strcmp(is, policy);
}

/* A message that is refused leaves the device as it is. */
static void expect_kept(struct __test_metadata *_metadata, const struct volume *volume, int err,
			const char *message)
{
	char before[LINE_SIZE], after[LINE_SIZE];

	EXPECT_EQ(0, dm_table(volume->name, before));
	ASSERT_EQ(0, dm_suspend(volume->name));
	EXPECT_EQ(err, dm_message(volume->name, message))
		TH_LOG("%s on %s", message, before);
	ASSERT_EQ(0, dm_resume(volume->name));
	EXPECT_EQ(1, volume_reads(volume));
	EXPECT_EQ(0, dm_table(volume->name, after));
	EXPECT_STREQ(before, after);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#ifdef __x86_64__

/* What the loader of kernels takes for one; it is never run. */
static int kernel_image(void)
{
	unsigned char image[16 * 512] = {};
	struct setup_header *header = (void *)(image + offsetof(struct boot_params, hdr));
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	header->setup_sects = 4;
	header->boot_flag = 0xaa55;
	header->jump = 0x66eb; /* past the header */
	memcpy(&header->header, "HdrS", 4);
	header->version = 0x020f;
	header->loadflags = LOADED_HIGH;
	header->kernel_alignment = 0x200000;
	header->xloadflags = 0x7f;
	header->cmdline_size = 2047;
	header->pref_address = 0x1000000;
	header->init_size = 0x100000;
	return fd < 0 || write(fd, image, sizeof(image)) == sizeof(image) ? fd : -EIO;
}

/* Loads it for a crash, or unloads it. */
static int crash_load(bool load)
{
	int fd = kernel_image();
	int ret = syscall(SYS_kexec_file_load, load ? fd : -1, -1, 1, "",
			  KEXEC_FILE_ON_CRASH | KEXEC_FILE_NO_INITRAMFS |
			  (load ? 0 : KEXEC_FILE_UNLOAD)) ? -errno : 0;

	close(fd);
	return ret;
}

#else

static int crash_load(bool load)
{
	return -EADDRNOTAVAIL;
}

#endif

/* The dump-capture kernel is given a key by its description, and would give it to root. */
static int crash_load_key(const char *desc)
{
	int ret;

	rmdir(CRASH_KEYS "/dmck");
	if (mkdir(CRASH_KEYS "/dmck", 0700))
		return -errno;
	ret = write_file(CRASH_KEYS "/dmck/description", desc) ?: crash_load(true);
	rmdir(CRASH_KEYS "/dmck");
	return ret;
}

/* The keys that were saved are kept for a second kernel, and more are named than were saved. */
static int crash_load_more(const char *desc)
{
	char path[LINE_SIZE];
	int i, ret;

	if (mkdir(CRASH_KEYS "/dmck", 0700))
		return -errno;
	ret = write_file(CRASH_KEYS "/dmck/description", desc) ?: crash_load(true);
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), CRASH_KEYS "/dmck-%d", i);
		mkdir(path, 0700);
	}
	ret = ret ?: write_file(CRASH_KEYS "/reuse", "1") ?: crash_load(true) ?:
	      write_file(CRASH_KEYS "/reuse", "0");
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), CRASH_KEYS "/dmck-%d", i);
		rmdir(path);
	}
	rmdir(CRASH_KEYS "/dmck");
	return ret;
}

static bool crash_keys(void)
{
	mount("config", "/sys/kernel/config", "configfs", 0, NULL);
	return !access(CRASH_KEYS "/reuse", W_OK);
}

/* Under any policy it gets logon keys alone. */
TEST_F(tighten, a_crash_under_any)
{
	static const char bound[] = "new use=dm-crypt:" XTS " trusted:" MASTER " 64";
	int ret;

	if (!policy_is("any"))
		SKIP(return, "needs dm_keyring.policy=any on the kernel's command line");
	if (!crash_keys())
		return; /* it is not in every kernel */
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add("user", DESC ":user", self->secret, KEY_SIZE));
	ret = crash_load(true);
	if (ret == -EADDRNOTAVAIL)
		SKIP(return, "needs crashkernel= on the kernel's command line");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, crash_load_key(DESC));
	EXPECT_EQ(0, crash_load_more(DESC));
	EXPECT_EQ(-ENOKEY, crash_load_key(DESC ":user"));
	EXPECT_EQ(-ENOKEY, crash_load_key(DESC ":none"));
	ret = key_make("trusted", MASTER, NULL, 32);
	if (!key_unsupported("trusted", ret)) {
		ASSERT_LT(0, ret);
		ASSERT_LT(0, key_add("encrypted", DESC ":bound", bound, sizeof(bound) - 1));
		EXPECT_EQ(-ENOKEY, crash_load_key(DESC ":bound"));
		EXPECT_EQ(-ENOKEY, crash_load_key(MASTER));
	}
	EXPECT_EQ(0, crash_load(false));
}

TEST_F(tighten, b_keyring)
{
	struct volume hex, user, logon, wrapped, tcw;
	char name[NAME_SIZE], message[LINE_SIZE], options[LINE_SIZE];
	struct backing backing;
	int ret;

	if (!policy_is("any"))
		SKIP(return, "needs dm_keyring.policy=any on the kernel's command line");
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add("user", DESC, self->secret, KEY_SIZE));
	ret = key_make("encrypted", DESC, self->secret, KEY_SIZE);
	if (key_unsupported("encrypted", ret))
		SKIP(return, "%s", key_unsupported("encrypted", ret));
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, volume_open(&hex, XTS, self->hex, ""));
	ASSERT_EQ(0, volume_open(&user, XTS, ":64:user:" DESC, ""));
	ASSERT_EQ(0, volume_open(&logon, XTS, ":64:logon:" DESC, ""));
	ASSERT_EQ(0, volume_open(&wrapped, XTS, ":64:encrypted:" DESC, ""));
	ASSERT_EQ(0, volume_open(&tcw, "aes-cbc-tcw", ":64:logon:" DESC, ""));
	if (crash_keys() && !crash_load(true))
		EXPECT_EQ(0, crash_load_key(DESC));

	EXPECT_EQ(0, dm_keyring_set("policy", "keyring"));
	EXPECT_STREQ("keyring", dm_keyring_param("policy"));
	EXPECT_EQ(-EPERM, dm_keyring_set("policy", "any"));

	snprintf(message, sizeof(message), "key set %s", self->hex);
	expect_kept(_metadata, &hex, -EPERM, message);
	expect_kept(_metadata, &hex, -EINVAL, "key reload");
	expect_kept(_metadata, &user, -EPERM, "key reload");
	expect_kept(_metadata, &user, -EPERM, "key set :64:user:" DESC);
	expect_kept(_metadata, &user, -EPERM, message);
	expect_kept(_metadata, &wrapped, -EPERM, "key reload");
	expect_kept(_metadata, &tcw, -EINVAL, "key reload");
	expect_kept(_metadata, &tcw, -EINVAL, "key set :64:logon:" DESC);
	expect_kept(_metadata, &logon, 0, "key reload");

	/* Their own lines again, for the same devices. */
	EXPECT_EQ(-EPERM, dm_load_crypt(hex.name, 1, &hex.backing, XTS, self->hex, ""));
	EXPECT_EQ(-EPERM, dm_load_crypt(user.name, 1, &user.backing, XTS, ":64:user:" DESC, ""));
	EXPECT_EQ(-EPERM, dm_load_crypt(wrapped.name, 1, &wrapped.backing, XTS,
					":64:encrypted:" DESC, ""));
	EXPECT_EQ(-EINVAL, dm_load_crypt(tcw.name, 1, &tcw.backing, "aes-cbc-tcw",
					 ":64:logon:" DESC, ""));
	EXPECT_EQ(0, dm_load_crypt(logon.name, 1, &logon.backing, XTS, ":64:logon:" DESC, ""));
	EXPECT_EQ(0, dm_resume(logon.name));

	/* A key that was wiped does not come back. */
	ASSERT_EQ(0, dm_suspend(hex.name));
	EXPECT_EQ(0, dm_message(hex.name, "key wipe"));
	EXPECT_EQ(-EPERM, dm_key_set(hex.name, self->hex));
	EXPECT_EQ(-EAGAIN, dm_resume(hex.name));
	ASSERT_EQ(0, dm_suspend(user.name));
	EXPECT_EQ(0, dm_message(user.name, "key wipe"));
	EXPECT_EQ(-EPERM, dm_message(user.name, "key reload"));
	EXPECT_EQ(-EAGAIN, dm_resume(user.name));

	if (dm_has("integrity")) {
		dm_name(name);
		ASSERT_EQ(0, backing_open(&backing));
		snprintf(options, sizeof(options), "internal_hash:hmac(sha256):%s", self->hex);
		EXPECT_EQ(-EPERM, integrity_map(name, &backing, 'J', options));
		backing_close(&backing);
	}
	EXPECT_EQ(-EPERM, key_make("encrypted", DESC ":given", self->secret, KEY_SIZE));

	EXPECT_EQ(0, volume_close(&hex));
	EXPECT_EQ(0, volume_close(&user));
	EXPECT_EQ(0, volume_close(&logon));
	EXPECT_EQ(0, volume_close(&wrapped));
	EXPECT_EQ(0, volume_close(&tcw));
}

TEST_F(tighten, c_crash_under_keyring)
{
	if (!crash_keys())
		return;
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	EXPECT_EQ(-EPERM, write_file(CRASH_KEYS "/reuse", "1"));
	if (crash_load(true) == -EADDRNOTAVAIL)
		SKIP(return, "needs crashkernel= on the kernel's command line");
	EXPECT_EQ(-EPERM, crash_load_key(DESC));
	EXPECT_EQ(-EPERM, write_file(CRASH_KEYS "/reuse", "1"));
	crash_load(false);
}

/* From keyring to sealed: before the keyring is sealed, and after. */
TEST_F(tighten, d_sealed)
{
	static const char * const words[] = { "any", "keyring" };
	int ring = atoi(dm_keyring_param("keyring"));
	struct volume mine, ringed;
	char name[NAME_SIZE];
	size_t i;

	if (!policy_is("keyring"))
		SKIP(return, "needs dm_keyring.policy=any on the kernel's command line");
	ASSERT_LT(0, ring);
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add_to(ring, "logon", RINGED, self->secret, KEY_SIZE));
	ASSERT_EQ(0, volume_open(&mine, XTS, ":64:logon:" DESC, ""));
	ASSERT_EQ(0, volume_open(&ringed, XTS, ":64:logon:" RINGED, ""));

	EXPECT_EQ(0, dm_keyring_set("policy", "sealed"));
	expect_kept(_metadata, &mine, -EPERM, "key reload");
	expect_kept(_metadata, &ringed, -EPERM, "key reload");
	EXPECT_EQ(-EPERM, dm_load_crypt(ringed.name, 1, &ringed.backing, XTS,
					":64:logon:" RINGED, ""));

	ASSERT_EQ(0, key_ctl(KEYCTL_RESTRICT_KEYRING, ring, 0, 0, 0));
	expect_kept(_metadata, &mine, -ENOKEY, "key reload");
	ASSERT_LT(0, key_add("logon", RINGED, self->hex, KEY_SIZE));
	expect_kept(_metadata, &ringed, 0, "key reload");
	EXPECT_EQ(-ENOKEY, dm_load_crypt(mine.name, 1, &mine.backing, XTS, ":64:logon:" DESC,
					 ""));
	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &ringed.backing, XTS, ":64:logon:" RINGED, ""));
	EXPECT_EQ(1, dm_reads(name, ringed.data));
	EXPECT_EQ(0, dm_remove(name));

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		EXPECT_EQ(-EPERM, dm_keyring_set("policy", words[i]));
	EXPECT_STREQ("sealed", dm_keyring_param("policy"));
	EXPECT_EQ(0, volume_close(&mine));
	EXPECT_EQ(0, volume_close(&ringed));
}

TEST_HARNESS_MAIN
