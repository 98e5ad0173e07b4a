// SPDX-License-Identifier: GPL-2.0-only
/*
 * A key that is bound to a use, and root that wants it for another: in another cipher, another
 * target, a socket, another reader of encrypted keys; wrapped anew; or its blob without the use.
 * The use that the key is bound to works throughout: that shows that a refusal is about the use.
 *
 * Where the kernel has no use= the key is made without.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define MASTER "dmck:kmk"
#define DESC "dmck:bound"
#define COPY "dmck:copy"
#define USE "use=dm-crypt:" XTS
#define REF ":64:encrypted:" DESC
#define ESSIV "aes-cbc-essiv:sha256"
#define CAPI "capi:xts(aes)-plain64"
#define BLOB_SIZE 1024
/* eCryptfs names its key by 16 hexadecimal digits. */
#define SIG "00112233445566ab"

FIXTURE(bound)
{
	struct volume volume;
	int serial;
	char blob[BLOB_SIZE];
};

/* What @format and @args make of a new or loaded key, or @format of an update. */
static int add(const char *desc, const char *command, const char *format, const char *args)
{
	char payload[2 * BLOB_SIZE];
	int size = snprintf(payload, sizeof(payload), "%s %s %s", command, format, args);

	return key_add("encrypted", desc, payload, size);
}

static int add_new(const char *desc, const char *format)
{
	return add(desc, "new", format, "trusted:" MASTER " 64");
}

static int update(int serial, const char *payload)
{
	return key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)payload, strlen(payload), 0);
}

static int read_blob(int serial, char blob[BLOB_SIZE])
{
	int ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)blob, BLOB_SIZE - 1, 0);

	blob[ret < 0 || ret >= BLOB_SIZE ? 0 : ret] = '\0';
	return ret;
}

FIXTURE_SETUP(bound)
{
	const char *unsupported;
	int ret;

	ASSERT_EQ(0, keys_open());
	ret = key_make("trusted", MASTER, NULL, 32);
	unsupported = key_unsupported("trusted", ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);
	self->serial = add_new(DESC, USE);
	if (self->serial == -EINVAL)
		self->serial = add_new(DESC, "default");
	if (self->serial == -ENODEV)
		SKIP(return, "needs CONFIG_ENCRYPTED_KEYS");
	ASSERT_LT(0, self->serial);
	ASSERT_LT(0, read_blob(self->serial, self->blob));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, REF, ""));
}

FIXTURE_TEARDOWN(bound)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* Neither is such a device made, nor does one with another key take this one. */
static void expect_not_lent(struct __test_metadata *_metadata, FIXTURE_DATA(bound) * self,
			    const char *cipher, const char *ref)
{
	struct volume other;
	char name[NAME_SIZE];

	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	EXPECT_EQ(-EKEYREJECTED, dm_load_crypt(name, 1, &self->volume.backing, cipher, ref, ""))
		TH_LOG("%s %s", cipher, ref);
	EXPECT_EQ(0, dm_remove(name));

	ASSERT_LT(0, key_make("logon", "dmck:other", NULL, KEY_SIZE));
	ASSERT_LT(0, key_make("logon", "dmck:half", NULL, KEY_SIZE / 2));
	ASSERT_EQ(0, volume_open(&other, cipher, strstr(ref, ":32:") == ref ?
				 ":32:logon:dmck:half" : ":64:logon:dmck:other", ""));
	EXPECT_EQ(0, dm_suspend(other.name));
	EXPECT_EQ(-EKEYREJECTED, dm_key_set(other.name, ref));
	EXPECT_EQ(0, dm_resume(other.name));
	EXPECT_EQ(1, volume_reads(&other));
	EXPECT_EQ(0, volume_close(&other));
}

static void expect_lent(struct __test_metadata *_metadata, const char *cipher, const char *ref)
{
	struct volume volume;

	ASSERT_EQ(0, volume_open(&volume, cipher, ref, ""))
		TH_LOG("%s %s", cipher, ref);
	EXPECT_EQ(0, dm_suspend(volume.name));
	EXPECT_EQ(0, dm_key_set(volume.name, ref));
	EXPECT_EQ(0, dm_resume(volume.name));
	EXPECT_EQ(1, volume_reads(&volume));
	EXPECT_EQ(0, volume_close(&volume));
}

/* The use is the cipher field of the table line, letter by letter. */
TEST_F(bound, other_cipher)
{
	expect_lent(_metadata, XTS, REF);
	expect_not_lent(_metadata, self, CAPI, REF);
	expect_not_lent(_metadata, self, "serpent-xts-plain64", REF);
	expect_not_lent(_metadata, self, "aes-xts-plain", REF);

	ASSERT_LT(0, add_new(COPY, "use=dm-crypt:" CAPI));
	expect_lent(_metadata, CAPI, ":64:encrypted:" COPY);
	expect_not_lent(_metadata, self, XTS, ":64:encrypted:" COPY);
	ASSERT_LT(0, add(DESC ":32", "new", "use=dm-crypt:" ESSIV, "trusted:" MASTER " 32"));
	expect_lent(_metadata, ESSIV, ":32:encrypted:" DESC ":32");
	expect_not_lent(_metadata, self, "aes-cbc-plain64", ":32:encrypted:" DESC ":32");
}

/* No neighbour of a name is taken for it. */
TEST_F(bound, other_name)
{
	static const char * const uses[] = {
		"use=dm-cryp", "use=dm-crypt2", "use=dm", "use=DM-CRYPT", "use=d",
		"use=dm-cryp:" XTS, "use=dm-crypt2:" XTS, "use=dm-crypt:aes-xts-plain6",
		"use=dm-crypt:" XTS "4", "use=dm-crypt:" XTS ":", "use=dm-crypt::" XTS,
		"use=dm-crypt:dm-crypt:" XTS, "use=" XTS, "use=dm-crypt:AES-xts-plain64",
		"use=dm-inlinecrypt:" XTS, "use=dm-integrity:" XTS, "use=use=dm-crypt:" XTS,
	};
	size_t i;

	for (i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		ASSERT_LT(0, add_new(COPY, uses[i]))
			TH_LOG("%s", uses[i]);
		expect_not_lent(_metadata, self, XTS, ":64:encrypted:" COPY);
		/* Or it would be updated, which a bound key is not. */
		ASSERT_EQ(0, key_ctl(KEYCTL_INVALIDATE, key_search("encrypted", COPY), 0, 0, 0));
	}
}

TEST_F(bound, consumer_alone)
{
	ASSERT_LT(0, add_new(COPY, "use=dm-crypt"));
	expect_lent(_metadata, XTS, ":64:encrypted:" COPY);
	expect_lent(_metadata, CAPI, ":64:encrypted:" COPY);
	EXPECT_EQ(-EKEYREJECTED, alg_open("skcipher", "xts(aes)", NULL, 0,
					  key_search("encrypted", COPY)));
}

/* A socket is for whatever root likes. */
TEST_F(bound, socket)
{
	int op, other;

	other = add_new(COPY, "default");
	ASSERT_LT(0, other);
	op = alg_open("skcipher", "xts(aes)", NULL, 0, other);
	if (op == -EAFNOSUPPORT || op == -ENOENT)
		SKIP(return, "needs CONFIG_CRYPTO_USER_API_SKCIPHER");
	EXPECT_LE(0, op);
	close(op);
	EXPECT_EQ(-EKEYREJECTED, alg_open("skcipher", "xts(aes)", NULL, 0, self->serial));
	EXPECT_EQ(-EKEYREJECTED, alg_open("hash", "hmac(sha256)", NULL, 0, self->serial));
}

/* The other targets, of which inlinecrypt is not in every kernel. */
TEST_F(bound, other_target)
{
	static const char * const slots[] = {
		"internal_hash:hmac(sha256):%s",
		"internal_hash:crc32c journal_mac:hmac(sha256):%s",
		"internal_hash:crc32c journal_crypt:ctr(aes):%s",
	};
	static const char * const uses[] = {
		"use=dm-integrity:hmac(sha256)",
		"use=dm-integrity:hmac(sha256)",
		"use=dm-integrity:ctr(aes)",
	};
	static const char other_hash[] = "internal_hash:hmac(sha1)::32:encrypted:" COPY ":0";
	char options[LINE_SIZE], name[NAME_SIZE], desc[NAME_SIZE], ref[REF_SIZE];
	struct backing backing;
	size_t i;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_LT(0, add(COPY, "new", USE, "trusted:" MASTER " 32"));
	dm_name(name);
	for (i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
		ASSERT_EQ(0, backing_open(&backing));
		snprintf(options, sizeof(options), slots[i], ":32:encrypted:" COPY);
		EXPECT_EQ(-EKEYREJECTED, integrity_map(name, &backing, 'J', options))
			TH_LOG("%s", options);
		snprintf(desc, sizeof(desc), COPY ":%zu", i);
		ASSERT_LT(0, add(desc, "new", uses[i], "trusted:" MASTER " 32"));
		snprintf(ref, sizeof(ref), ":32:encrypted:%s", desc);
		snprintf(options, sizeof(options), slots[i], ref);
		EXPECT_EQ(0, integrity_map(name, &backing, 'J', options))
			TH_LOG("%s", options);
		EXPECT_EQ(0, dm_remove(name));
		backing_close(&backing);
	}
	ASSERT_EQ(0, backing_open(&backing));
	EXPECT_EQ(-EKEYREJECTED, integrity_map(name, &backing, 'J', other_hash));
	backing_close(&backing);

	if (!dm_has("inlinecrypt"))
		return;
	snprintf(options, sizeof(options), XTS " " REF " 0 %s 0", self->volume.backing.dev);
	EXPECT_EQ(-EKEYREJECTED, dm_map(name, "inlinecrypt", DEVICE_SECTORS, options));
	ASSERT_LT(0, add_new(DESC ":inline", "use=dm-inlinecrypt:" XTS));
	snprintf(options, sizeof(options), XTS " :64:encrypted:" DESC ":inline 0 %s 0",
		 self->volume.backing.dev);
	EXPECT_EQ(0, dm_map(name, "inlinecrypt", DEVICE_SECTORS, options));
	EXPECT_EQ(0, dm_remove(name));
}

/* Who knows a master could decrypt what it wraps. */
TEST_F(bound, wrapped_anew)
{
	static const char * const payloads[] = {
		"update trusted:dmck:mine", "update default trusted:dmck:mine",
		"update trusted:" MASTER, "update " USE " trusted:dmck:mine",
		"update " USE " trusted:" MASTER, "update use=dm-crypt trusted:dmck:mine",
	};
	char after[BLOB_SIZE];
	size_t i;
	int other;

	ASSERT_LT(0, key_make("trusted", "dmck:mine", NULL, 32));
	for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		EXPECT_EQ(-EPERM, update(self->serial, payloads[i]))
			TH_LOG("%s", payloads[i]);
		EXPECT_EQ(-EPERM, key_add("encrypted", DESC, payloads[i], strlen(payloads[i])))
			TH_LOG("add %s", payloads[i]);
		EXPECT_LT(0, read_blob(self->serial, after));
		EXPECT_STREQ(self->blob, after);
	}
	expect_lent(_metadata, XTS, REF);

	/* A key that is not bound can be, and is not bound by it. */
	other = add_new(COPY, "default");
	ASSERT_LT(0, other);
	EXPECT_EQ(0, update(other, payloads[0]));
	EXPECT_LT(0, read_blob(other, after));
	EXPECT_EQ(0, strncmp(after, "default trusted:dmck:mine 64 ", 29));
	EXPECT_EQ(-EINVAL, update(other, payloads[3]));
	EXPECT_LT(0, read_blob(other, after));
	EXPECT_EQ(0, strncmp(after, "default trusted:dmck:mine 64 ", 29));
}

/* The blob is the key with its use, or it is nothing. */
TEST_F(bound, blob)
{
	static const char * const formats[] = {
		"", "default", "enc32", "use=dm-crypt", "use=dm-crypt:", "use=", "use",
		USE ":", USE "4", USE " " USE, USE " default", "default " USE, "use=dm-crypt:aes",
		"use=dm-integrity:hmac(sha256)", "use=dm-crypt:" CAPI, "USE=dm-crypt:" XTS,
		"use=dm-crypt:" XTS "\v", "use=dm-cryptaes-xts-plain64",
	};
	static const char shown[] = USE " trusted:" MASTER " 64 ";
	char reply[BLOB_SIZE], moved[BLOB_SIZE];
	const char *rest = self->blob + sizeof(USE);
	size_t i;
	int ret;

	ASSERT_EQ(0, strncmp(self->blob, shown, strlen(shown)));
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		EXPECT_EQ(-EINVAL, add(COPY, "load", formats[i], rest))
			TH_LOG("%s", formats[i]);

	/* The use after the master's name, and at the end. */
	snprintf(moved, sizeof(moved), "trusted:" MASTER " " USE " %s",
		 self->blob + strlen(USE " trusted:" MASTER " "));
	EXPECT_EQ(-EINVAL, add(COPY, "load", moved, ""));
	snprintf(moved, sizeof(moved), "%s " USE, rest);
	EXPECT_EQ(-EINVAL, add(COPY, "load", moved, ""));

	/* A key that is not bound does not become so. */
	ret = add_new(DESC ":free", "default");
	ASSERT_LT(0, ret);
	ASSERT_LT(0, read_blob(ret, reply));
	EXPECT_EQ(-EINVAL, add(COPY, "load", USE, reply + sizeof("default")));
	EXPECT_EQ(-EINVAL, add(COPY, "load", USE, reply));

	ASSERT_EQ(0, key_ctl(KEYCTL_INVALIDATE, self->serial, 0, 0, 0));
	ret = add(DESC, "load", self->blob, "");
	ASSERT_LT(0, ret);
	ASSERT_LT(0, read_blob(ret, reply));
	EXPECT_STREQ(self->blob, reply);
	EXPECT_EQ(0, dm_suspend(self->volume.name));
	EXPECT_EQ(0, dm_key_set(self->volume.name, REF));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
	expect_not_lent(_metadata, self, CAPI, REF);
}

TEST_F(bound, malformed)
{
	static const char * const formats[] = {
		"use=", "use=:", "use=:" XTS, "use=dm-crypt:", "use=dm-crypt:a\vb", "use=\x7f",
		"use=\xc3\xa4", "use", "Use=dm-crypt",
	};
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		EXPECT_EQ(-EINVAL, add_new(COPY, formats[i]))
			TH_LOG("%s", formats[i]);

	/* Under a master that can be read it would bind nobody. */
	ASSERT_LT(0, key_make("user", MASTER, NULL, 32));
	EXPECT_EQ(-EINVAL, add(COPY, "new", USE, "user:" MASTER " 64"));
	EXPECT_LT(0, add(COPY, "new", "default", "user:" MASTER " 64"));
}

/* They read such keys without asking for what. */
TEST_F(bound, ecryptfs)
{
	static const char options[] = "ecryptfs_sig=" SIG
		",ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_unlink_sigs";
	char dir[] = "/tmp/dmck-XXXXXX", line[LINE_SIZE];
	int ret, log;
	ssize_t size;

	ASSERT_NE(NULL, mkdtemp(dir));
	ret = mount(dir, dir, "ecryptfs", 0, options) ? -errno : 0;
	if (ret == -ENODEV) {
		rmdir(dir);
		SKIP(return, "needs CONFIG_ECRYPT_FS");
	}
	EXPECT_EQ(-ENOENT, ret); /* which it makes of -ENOKEY */
	ASSERT_LT(0, add(SIG, "new", "use=ecryptfs", "trusted:" MASTER " 64"));
	EXPECT_EQ(-1, mount(dir, dir, "ecryptfs", 0, options));
	EXPECT_EQ(EKEYREJECTED, errno);
	ASSERT_EQ(0, key_ctl(KEYCTL_INVALIDATE, key_search("encrypted", SIG), 0, 0, 0));

	/* One that is not bound would be taken for a structure, and parts of it told. */
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, log);
	lseek(log, 0, SEEK_END);
	ASSERT_LT(0, add(SIG, "new", "default", "trusted:" MASTER " 64"));
	EXPECT_EQ(-1, mount(dir, dir, "ecryptfs", 0, options));
	EXPECT_EQ(EINVAL, errno);
	while ((size = read(log, line, sizeof(line) - 1)) > 0) {
		line[size] = '\0';
		EXPECT_EQ(NULL, strstr(line, "got ["))
			TH_LOG("%s", line);
	}
	close(log);
	ASSERT_EQ(0, key_ctl(KEYCTL_INVALIDATE, key_search("encrypted", SIG), 0, 0, 0));
	ASSERT_LT(0, add(SIG, "new", "ecryptfs", "trusted:" MASTER " 64"));
	EXPECT_EQ(0, mount(dir, dir, "ecryptfs", 0, options));
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
}

TEST_F(bound, evm)
{
	int fd = open("/sys/kernel/security/integrity/evm/evm", O_WRONLY);

	if (fd < 0)
		SKIP(return, "needs CONFIG_EVM and securityfs");
	EXPECT_EQ(-1, write(fd, "1", 1));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_LT(0, add("evm-key", "new", "use=evm", "trusted:" MASTER " 64"));
	EXPECT_EQ(-1, write(fd, "1", 1));
	EXPECT_EQ(EKEYREJECTED, errno);
	close(fd);
}

TEST_HARNESS_MAIN
