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
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:sealed"
#define REF ":64:logon:" DESC
#define MASTER DESC ":kmk"
#define WRAPPED DESC ":wrapped"

/* Whom the kernel asks for a key, if nobody else is to be asked, and how it is told to go on. */
#define HELPER "/sbin/request-key"
#define HELPER_GO "/tmp/dmck-go"
#define HELPER_SAID "/tmp/dmck-said"

/* Known to every test, each of which is a process of its own. */
static struct {
	unsigned char secret[KEY_SIZE];
	unsigned char other[KEY_SIZE];
	bool unsealed;
} given;

/* With the authority to make the key, it tries to when the keyring is sealed. */
static void help(int key)
{
	int i, fd, ret;

	key_ctl(KEYCTL_ASSUME_AUTHORITY, key, 0, 0, 0);
	for (i = 0; i < 300 && access(HELPER_GO, F_OK); i++)
		usleep(100 * 1000);
	ret = key_ctl(KEYCTL_INSTANTIATE, key, (uintptr_t)given.other, KEY_SIZE, 0);
	fd = open(HELPER_SAID, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	_exit(write(fd, &ret, sizeof(ret)) != sizeof(ret));
}

static void __attribute__((constructor)) give(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[0], HELPER))
		help(atoi(argv[2]));
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

/* Where there is a TPM: a master, and what is wrapped under it. */
static void put_sealed_by_tpm(struct __test_metadata *_metadata, int ring)
{
	static const char payload[] = "new default trusted:" MASTER " 64";
	int master = key_make("trusted", MASTER, NULL, 32), key;

	if (key_unsupported("trusted", master))
		return;
	ASSERT_LT(0, master);
	key = key_add("encrypted", WRAPPED, payload, sizeof(payload) - 1);
	ASSERT_LT(0, key);
	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, key, KEY_POS_ALL | KEY_USR_ALL, 0, 0));
	ASSERT_EQ(0, key_ctl(KEYCTL_SETPERM, master, KEY_POS_ALL | KEY_USR_ALL, 0, 0));
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, master, ring, 0, 0));
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, key, ring, 0, 0));
}

/* Their serial numbers are what is read of a keyring. */
static int keys_in(int ring)
{
	return key_ctl(KEYCTL_READ, ring, 0, 0, 0) / (int)sizeof(__s32);
}

/* One that nobody makes: its place in the keyring is taken for a minute. */
static void put_negative(struct __test_metadata *_metadata, int ring)
{
	int before = keys_in(ring);

	EXPECT_EQ(-1, syscall(SYS_request_key, "logon", DESC ":negative", "callout", ring));
	EXPECT_EQ(before + 1, keys_in(ring));
}

/* One that is being made while the keyring is sealed, by this very program. */
static pid_t put_unfinished(int ring)
{
	int before = keys_in(ring), i;
	char program[LINE_SIZE] = {};
	pid_t pid;

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0 ||
	    symlink(program, HELPER))
		return 0;
	pid = fork();
	if (!pid)
		_exit(syscall(SYS_request_key, "logon", DESC ":unfinished", "callout", ring) > 0);
	for (i = 0; i < 100 && keys_in(ring) == before; i++)
		usleep(100 * 1000);
	return pid;
}

/* Another process goes on changing a key while it is sealed. */
struct changer {
	int tries; /* counted before each */
	int last; /* the last one that was let */
	bool stop;
};

static struct changer *changer_start(int key, pid_t *pid)
{
	struct changer *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	*pid = fork();
	if (*pid)
		return c;
	while (!__atomic_load_n(&c->stop, __ATOMIC_SEQ_CST)) {
		int n = __atomic_add_fetch(&c->tries, 1, __ATOMIC_SEQ_CST);

		if (!key_ctl(KEYCTL_UPDATE, key, (uintptr_t)given.other, KEY_SIZE, 0))
			c->last = n;
	}
	_exit(0);
}

/* Nothing is lent before. */
TEST_F(sealed, a_not_yet)
{
	struct changer *changer;
	struct backing backing;
	char name[NAME_SIZE], hex[HEX_SIZE];
	int inner, raced, tries, status, said, err = 0;
	pid_t pid, helper;

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
	put_sealed_by_tpm(_metadata, self->ring);
	put_negative(_metadata, self->ring);
	helper = put_unfinished(self->ring);
	EXPECT_EQ(-EPERM, dm_load_crypt(name, 1, &backing, XTS, REF, ""));
	EXPECT_EQ(0, dm_remove(name));
	backing_close(&backing);

	raced = put(self->ring, "logon", DESC ":raced");
	ASSERT_LT(0, raced);
	changer = changer_start(raced, &pid);
	ASSERT_NE(NULL, changer);
	while (__atomic_load_n(&changer->last, __ATOMIC_SEQ_CST) < 10)
		sched_yield();
	ASSERT_EQ(0, key_ctl(KEYCTL_RESTRICT_KEYRING, self->ring, 0, 0, 0));
	tries = __atomic_load_n(&changer->tries, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&changer->tries, __ATOMIC_SEQ_CST) < tries + 100)
		sched_yield();
	__atomic_store_n(&changer->stop, true, __ATOMIC_SEQ_CST);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	/* What had begun may have been let. */
	EXPECT_LE(changer->last, tries);

	if (helper) {
		close(open(HELPER_GO, O_WRONLY | O_CREAT, 0600));
		EXPECT_EQ(helper, waitpid(helper, &status, 0));
		EXPECT_EQ(0, status);
		said = open(HELPER_SAID, O_RDONLY | O_CLOEXEC);
		EXPECT_EQ(sizeof(err), read(said, &err, sizeof(err)));
		EXPECT_EQ(-EPERM, err);
		close(said);
		unlink(HELPER_SAID);
		unlink(HELPER_GO);
		unlink(HELPER);
	}
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
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (uintptr_t)"logon",
				  (uintptr_t)DESC, self->ring));
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

/* Its TPM's keys are neither sealed nor wrapped anew. */
TEST_F(sealed, e_wrapped_anew)
{
	static const char rewrap[] = "update trusted:" DESC ":mine";
	static const char reseal[] = "update keyhandle=" TPM_PARENT " migratable=1";
	static const char fresh[] = "new default trusted:" MASTER " 64";
	int master = find(self->ring, "trusted", MASTER), key, other;
	char before[LINE_SIZE] = {}, after[LINE_SIZE] = {};
	struct volume volume;

	if (master == -ENOKEY)
		SKIP(return, "needs CONFIG_TRUSTED_KEYS_TPM and a TPM");
	key = find(self->ring, "encrypted", WRAPPED);
	ASSERT_LT(0, key);
	ASSERT_LT(0, key_make("trusted", DESC ":mine", NULL, 32));
	ASSERT_LT(0, key_make("trusted", MASTER, NULL, 32));
	ASSERT_LT(0, key_add("encrypted", WRAPPED, fresh, sizeof(fresh) - 1));
	ASSERT_LT(0, key_ctl(KEYCTL_READ, key, (uintptr_t)before, sizeof(before), 0));
	ASSERT_EQ(0, volume_open(&volume, XTS, ":64:encrypted:" WRAPPED, ""));

	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)rewrap, sizeof(rewrap) - 1, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, master, (uintptr_t)reseal, sizeof(reseal) - 1,
				  0));
	EXPECT_EQ(-EPERM, key_add_to(self->ring, "encrypted", WRAPPED, fresh, sizeof(fresh) - 1));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_REVOKE, master, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_INVALIDATE, key, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_SETPERM, master, KEY_POS_ALL, 0, 0));

	/* Nor in a keyring of root's own. */
	other = key_add("keyring", DESC ":other", NULL, 0);
	ASSERT_LT(0, other);
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, key, other, 0, 0));
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, master, other, 0, 0));
	EXPECT_EQ(-EPERM, key_add_to(other, "encrypted", WRAPPED, rewrap, sizeof(rewrap) - 1));
	EXPECT_EQ(-EPERM, key_add_to(other, "trusted", MASTER, reseal, sizeof(reseal) - 1));

	EXPECT_LT(0, key_ctl(KEYCTL_READ, key, (uintptr_t)after, sizeof(after), 0));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(0, dm_remove(volume.name));
	ASSERT_EQ(0, dm_map_crypt(volume.name, &volume.backing, XTS, ":64:encrypted:" WRAPPED,
				  ""));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

/* A key that was not to be had does not come into being there. */
TEST_F(sealed, e_negative)
{
	struct backing backing;
	char name[NAME_SIZE];
	int key;

	key = key_add("logon", DESC ":negative", given.other, KEY_SIZE);
	ASSERT_LT(0, key);
	EXPECT_EQ(-EPERM, key_add_to(self->ring, "logon", DESC ":negative", given.other,
				     KEY_SIZE));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_LINK, key, self->ring, 0, 0));
	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	EXPECT_EQ(-ENOKEY, dm_map_crypt(name, &backing, XTS, ":64:logon:" DESC ":negative", ""));
	backing_close(&backing);
}

/* Nor does anybody wait for it, for nobody can make it any more. */
TEST_F(sealed, e_unfinished)
{
	struct backing backing;
	char name[NAME_SIZE];
	int i, status = -1;
	pid_t child;

	ASSERT_EQ(0, backing_open(&backing));
	dm_name(name);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(dm_map_crypt(name, &backing, XTS, ":64:logon:" DESC ":unfinished", "") !=
		      -ENOKEY);
	/* It could not be killed. */
	for (i = 0; i < 100 && waitpid(child, &status, WNOHANG) != child; i++)
		usleep(100 * 1000);
	EXPECT_EQ(0, status);
	backing_close(&backing);
}

/* What a helper of request_key(2) may do to the key that it is asked for. */
TEST_F(sealed, e_instantiated)
{
	struct {
		const void *base;
		size_t size;
	} iov = { given.other, KEY_SIZE };

	open_volume(_metadata, self);
	EXPECT_GT(0, key_ctl(KEYCTL_ASSUME_AUTHORITY, self->key, 0, 0, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_INSTANTIATE, self->key, (uintptr_t)given.other, KEY_SIZE,
				  self->ring));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_INSTANTIATE_IOV, self->key, (uintptr_t)&iov, 1,
				  self->ring));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_NEGATE, self->key, 1, self->ring, 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_REJECT, self->key, 1, EKEYREVOKED, self->ring));
	expect_same(_metadata, self);
}

/* Keyrings that come before others, for this process or its parent. */
TEST_F(sealed, e_other_keyrings)
{
	int ring, status;
	pid_t child;

	open_volume(_metadata, self);
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_JOIN_SESSION_KEYRING, (uintptr_t)".dm-keyring", 0, 0, 0));
	EXPECT_EQ(-EPERM, key_add("keyring", ".dm-keyring", NULL, 0));
	EXPECT_LT(0, key_ctl(KEYCTL_JOIN_SESSION_KEYRING, (uintptr_t)"dm-keyring", 0, 0, 0));
	EXPECT_LT(0, key_add("logon", DESC, given.other, KEY_SIZE));
	EXPECT_LT(0, key_add_to(KEY_SPEC_PROCESS_KEYRING, "logon", DESC, given.other, KEY_SIZE));
	EXPECT_LT(0, key_add_to(KEY_SPEC_USER_SESSION_KEYRING, "logon", DESC, given.other,
				KEY_SIZE));
	ring = key_ctl(KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0, 0);
	EXPECT_TRUE(ring > 0 || ring == -EOPNOTSUPP);
	if (ring > 0)
		EXPECT_LT(0, key_add_to(ring, "logon", DESC, given.other, KEY_SIZE));
	expect_same(_metadata, self);

	open_volume(_metadata, self);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(keys_open() || key_add("logon", DESC, given.other, KEY_SIZE) < 0 ||
		      key_ctl(KEYCTL_SESSION_TO_PARENT, 0, 0, 0, 0));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_LT(0, key_search("logon", DESC));
	expect_same(_metadata, self);
}

/* Somebody else's, whose table root loads. */
TEST_F(sealed, e_other_user)
{
	int status;
	pid_t child;

	open_volume(_metadata, self);
	EXPECT_EQ(0, dm_remove(self->volume.name));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* Its user keyring, with all that root may do. */
		bool bad = setgroups(0, NULL) || setresuid(65533, 0, 0) || keys_open() ||
			   key_add_to(KEY_SPEC_USER_KEYRING, "logon", DESC, given.other,
				      KEY_SIZE) < 0 ||
			   dm_map_crypt(self->volume.name, &self->volume.backing, XTS, REF, "");

		_exit(bad);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, volume_reads(&self->volume));
	EXPECT_EQ(0, volume_close(&self->volume));
}

static void *swap(void *data)
{
	bool *stop = data;
	int key;

	while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
		if (keys_open())
			break;
		key = key_add("logon", DESC, given.other, KEY_SIZE);
		key_add_to(KEY_SPEC_THREAD_KEYRING, "logon", DESC, given.other, KEY_SIZE);
		key_ctl(KEYCTL_UPDATE, key, (uintptr_t)given.other, KEY_SIZE, 0);
		key_ctl(KEYCTL_REVOKE, key, 0, 0, 0);
	}
	return NULL;
}

/* Its own keys come and go meanwhile, and the table is loaded, swapped, wiped and set. */
TEST_F_TIMEOUT(sealed, e_raced, 300)
{
	static const char * const messages[] = {
		"key set " REF, "key wipe", "key reload", "key reload",
	};
	bool stop = false;
	pthread_t thread;
	size_t i;

	open_volume(_metadata, self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap, &stop));
	for (i = 0; i < 200; i++) {
		keys_open();
		EXPECT_LT(0, key_add("logon", DESC, given.other, KEY_SIZE));
		ASSERT_EQ(0, dm_suspend(self->volume.name));
		EXPECT_EQ(0, dm_message(self->volume.name, messages[i % 4]));
		EXPECT_EQ(0, dm_load_crypt(self->volume.name, 1, &self->volume.backing, XTS, REF,
					   ""));
		ASSERT_EQ(0, dm_resume(self->volume.name));
		if (volume_reads(&self->volume) != 1)
			break;
	}
	EXPECT_EQ(200, i);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
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
