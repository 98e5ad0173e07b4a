// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root chooses the algorithm that a key is used with, and asks for one that gives the key back.
 * Where it is let, the bytes are really got and compared. A key that root could read anyway is not
 * held to the rule; that shows that the refusal is about the key, and that the algorithm is there.
 */

#include <errno.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:hostile"
#define MAX_SIZE 128

/* Encrypts a block of zeros with a cipher and a key of one's own. */
static int alg_encrypt_zeros(const char *name, const void *key, size_t size,
			     unsigned char out[16])
{
	char control[CMSG_SPACE(sizeof(__u32))] = {};
	unsigned char zeros[16] = {};
	struct iovec iov = { .iov_base = zeros, .iov_len = sizeof(zeros) };
	struct msghdr msg = {
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int op, ret = 0;

	op = alg_open("skcipher", name, key, size, 0);
	if (op < 0)
		return op;
	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = ALG_SET_OP;
	cmsg->cmsg_len = CMSG_LEN(sizeof(__u32));
	*(__u32 *)CMSG_DATA(cmsg) = ALG_OP_ENCRYPT;
	if (sendmsg(op, &msg, 0) != sizeof(zeros) || read(op, out, 16) != 16)
		ret = -EIO;
	close(op);
	return ret;
}

/* How many bytes of the key a device gives away, each sector of which has one as its key. */
static int get_bytes(const char *name, const struct backing *backing, const unsigned char *key,
		     int n)
{
	static const unsigned char zeros[DATA_SIZE];
	unsigned char data[DATA_SIZE], block[16];
	int got = 0, i, guess;

	if (dm_write(name, zeros) || backing_read(backing, data))
		return -EIO;
	for (i = 0; i < n; i++) {
		for (guess = 0; guess < 256; guess++) {
			unsigned char byte = guess;

			if (!alg_encrypt_zeros("ecb(serpent)", &byte, 1, block) &&
			    !memcmp(block, data + i * SECTOR_SIZE, sizeof(block)))
				break;
		}
		got += guess == key[i];
	}
	return got;
}

/* Eight sectors show eight sub-keys of one byte; an offset of eight shows the next eight. */
TEST(sub_keys_of_one_byte)
{
	unsigned char key[KEY_SIZE];
	struct volume volume;
	char line[LINE_SIZE];
	int i, ret, got = 0;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", DESC, key, sizeof(key)));
	ASSERT_EQ(0, backing_open(&volume.backing));
	dm_name(volume.name);
	for (i = 0; i < KEY_SIZE; i += 8) {
		snprintf(line, sizeof(line), "serpent:64-ecb-null :64:logon:" DESC " %d %s 0", i,
			 volume.backing.dev);
		ret = dm_map(volume.name, "crypt", DEVICE_SECTORS, line);
		EXPECT_EQ(-EINVAL, ret);
		if (ret)
			continue;
		ret = get_bytes(volume.name, &volume.backing, key + i, 8);
		got += ret > 0 ? ret : 0;
		EXPECT_EQ(0, dm_remove(volume.name));
	}
	backing_close(&volume.backing);
	TH_LOG("%d of 64 bytes of the logon key", got);
	EXPECT_EQ(0, got);
}

/* The first block that a counter makes is four bytes of the key; another line decrypts it. */
TEST(salt_of_a_cut)
{
	unsigned char key[KEY_SIZE], data[DATA_SIZE] = {};
	char below[NAME_SIZE], dev[NAME_SIZE];
	struct volume volume;
	char line[LINE_SIZE];
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", DESC, key, sizeof(key)));
	ASSERT_EQ(0, backing_open(&volume.backing));
	volume.backing.tag_size = TAG_SIZE;
	dm_name(below);
	ASSERT_EQ(0, integrity_map(below, &volume.backing, 'D', ""));
	ASSERT_EQ(0, dm_dev(below, dev));
	dm_name(volume.name);

	snprintf(line, sizeof(line),
		 "capi:authenc(hmac(sha256),rfc3686(ctr(aes)))-plain64 :64:logon:" DESC
		 " 0 %s 0 2 integrity:%d:aead integrity_key_size:44", dev, TAG_SIZE);
	ret = dm_map(volume.name, "crypt", integrity_sectors(&volume.backing), line);
	EXPECT_EQ(-EINVAL, ret);
	if (!ret) {
		EXPECT_EQ(0, dm_write(volume.name, data));
		EXPECT_EQ(0, dm_remove(volume.name));
	}

	snprintf(line, sizeof(line), "aes:4-ecb-null :64:logon:" DESC " 0 %s 0", dev);
	ASSERT_EQ(0, dm_map(volume.name, "crypt", integrity_sectors(&volume.backing), line));
	ASSERT_EQ(0, dm_read(volume.name, data));
	EXPECT_NE(0, memcmp(data, key + 16, 4));
	EXPECT_EQ(0, dm_remove(volume.name));
	EXPECT_EQ(0, dm_remove(below));
	backing_close(&volume.backing);
}

/* The hash of the block 80 00 .. 00 is the key. */
TEST(ghash_by_serial)
{
	unsigned char key[16], digest[16], one[16] = { 0x80 };
	int serial, op;

	op = alg_open("hash", "ghash", one, sizeof(one), 0);
	if (op < 0)
		return; /* a kernel without it, or one that gives it to nobody */
	close(op);

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	serial = key_add("logon", DESC, key, sizeof(key));
	ASSERT_LT(0, serial);
	op = alg_open("hash", "ghash", NULL, 0, serial);
	EXPECT_EQ(-EINVAL, op);
	if (op < 0)
		return;
	memset(digest, 0, sizeof(digest));
	if (write(op, one, sizeof(one)) == sizeof(one) && read(op, digest, sizeof(digest)) > 0)
		EXPECT_NE(0, memcmp(digest, key, sizeof(key)));
	close(op);
}

/* None that can be solved, inverted or searched gets a key by its serial number. */
TEST(weak_by_serial)
{
	static const struct {
		const char *type;
		const char *name;
		size_t size;
	} weak[] = {
		{ "hash", "crc32", 4 },
		{ "hash", "crc32c", 4 },
		{ "hash", "xxhash64", 8 },
		{ "hash", "hmac(xxhash64)", 32 },
		{ "hash", "hmac(crc32c)", 32 },
		{ "hash", "hmac(sha256)", 8 },
		{ "hash", "polyval", 16 },
		{ "hash", "michael_mic", 8 },
		{ "hash", "vmac64(aes)", 16 },
		{ "skcipher", "ecb(arc4)", 16 },
		{ "skcipher", "ecb(des)", 8 },
		{ "skcipher", "ecb(serpent)", 8 },
		{ "skcipher", "cryptd(ecb(serpent))", 8 },
		{ "skcipher", "xts(serpent)", 16 },
		{ "skcipher", "ecb(cipher_null)", 16 },
		{ "aead", "authenc(hmac(sha256),cbc(aes))", 64 },
		{ "aead", "authencesn(hmac(sha256),cbc(aes))", 64 },
	};
	unsigned char key[KEY_SIZE];
	int serial, op;
	size_t i;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	for (i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
		serial = key_add("logon", DESC, key, weak[i].size);
		ASSERT_LT(0, serial);
		op = alg_open(weak[i].type, weak[i].name, NULL, 0, serial);
		EXPECT_GT(0, op)
			TH_LOG("%s with %zu bytes", weak[i].name, weak[i].size);
		if (op >= 0)
			close(op);
	}
}

/* The recognised ones go on working by serial number. */
TEST(recognised_by_serial)
{
	unsigned char key[32];
	int serial, op;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	serial = key_add("logon", DESC, key, sizeof(key));
	ASSERT_LT(0, serial);
	op = alg_open("hash", "hmac(sha256)", NULL, 0, serial);
	EXPECT_LE(0, op);
	close(op);
	op = alg_open("skcipher", "xts(aes)", NULL, 0, serial);
	EXPECT_LE(0, op);
	close(op);
}

FIXTURE(hostile)
{
	struct backing backing;
	unsigned char key[MAX_SIZE];
	char name[NAME_SIZE];
	char below[NAME_SIZE];
	char dev[NAME_SIZE];
	int sectors;
};

FIXTURE_VARIANT(hostile)
{
	const char *cipher;
	unsigned int size;
	const char *options;
	unsigned int tag_size; /* of an AEAD */
	bool admitted;
};

/* Each sub-key has half of what it needs. */
FIXTURE_VARIANT_ADD(hostile, sub_keys) {
	.cipher = "serpent:4-ecb-null",
	.size = 32,
};

FIXTURE_VARIANT_ADD(hostile, large_sub_keys) {
	.cipher = "serpent:4-ecb-null",
	.size = 64,
	.admitted = true,
};

FIXTURE_VARIANT_ADD(hostile, driver) {
	.cipher = "capi:ecb(serpent-generic)-null",
	.size = 8,
};

FIXTURE_VARIANT_ADD(hostile, small) {
	.cipher = "capi:cbc(serpent)-plain64",
	.size = 15,
};

FIXTURE_VARIANT_ADD(hostile, large) {
	.cipher = "capi:cbc(serpent)-plain64",
	.size = 16,
	.admitted = true,
};

/* The key of the IV is a checksum of four bytes. */
FIXTURE_VARIANT_ADD(hostile, essiv_crc32c) {
	.cipher = "serpent-cbc-essiv:crc32c",
	.size = 32,
};

FIXTURE_VARIANT_ADD(hostile, essiv_sha256) {
	.cipher = "serpent-cbc-essiv:sha256",
	.size = 32,
	.admitted = true,
};

/* The cut slides, and leaves one byte more to the cipher each time, or to the MAC. */
FIXTURE_VARIANT_ADD(hostile, cut_of_cipher) {
	.cipher = "capi:authenc(hmac(sha256),ecb(serpent))-null",
	.size = 64,
	.options = "2 integrity:32:aead integrity_key_size:63",
	.tag_size = 32,
};

FIXTURE_VARIANT_ADD(hostile, cut_of_mac) {
	.cipher = "capi:authenc(hmac(sha256),ecb(serpent))-null",
	.size = 32,
	.options = "2 integrity:32:aead integrity_key_size:1",
	.tag_size = 32,
};

FIXTURE_VARIANT_ADD(hostile, cut_in_the_middle) {
	.cipher = "capi:authenc(hmac(sha256),ecb(serpent))-null",
	.size = 32,
	.options = "2 integrity:32:aead integrity_key_size:16",
	.tag_size = 32,
	.admitted = true,
};

/* A checksum is no MAC: the tags give its key. */
FIXTURE_VARIANT_ADD(hostile, checksum) {
	.cipher = "capi:authenc(crc32c,cbc(aes))-plain64",
	.size = 20,
	.options = "2 integrity:4:aead integrity_key_size:4",
	.tag_size = 4,
};

/* Bytes that the cipher encrypts, or encrypts with, where another one can be given its key. */
FIXTURE_VARIANT_ADD(hostile, salt_of_a_cut) {
	.cipher = "capi:authenc(hmac(sha256),rfc3686(ctr(aes)))-plain64",
	.size = 64,
	.options = "2 integrity:32:aead integrity_key_size:44",
	.tag_size = 32,
};

FIXTURE_VARIANT_ADD(hostile, tweak_of_a_cut) {
	.cipher = "capi:authenc(hmac(sha256),lrw(serpent))-plain64",
	.size = 64,
	.options = "2 integrity:32:aead integrity_key_size:16",
	.tag_size = 32,
};

/* Sub-keys of no bytes at all, and a byte that is left over. */
FIXTURE_VARIANT_ADD(hostile, no_bytes) {
	.cipher = "cipher_null:128-ecb-null",
	.size = 64,
};

FIXTURE_VARIANT_ADD(hostile, left_over) {
	.cipher = "serpent:2-ecb-null",
	.size = 33,
};

FIXTURE_SETUP(hostile)
{
	if (variant->tag_size && !dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->key, sizeof(self->key)));
	ASSERT_LT(0, key_add("logon", DESC, self->key, variant->size));
	ASSERT_LT(0, key_add("user", DESC, self->key, variant->size));
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
	snprintf(self->dev, sizeof(self->dev), "%s", self->backing.dev);
	self->sectors = DEVICE_SECTORS;
	if (variant->tag_size) {
		dm_name(self->below);
		self->backing.tag_size = variant->tag_size;
		ASSERT_EQ(0, integrity_map(self->below, &self->backing, 'D', ""));
		ASSERT_EQ(0, dm_dev(self->below, self->dev));
		self->sectors = integrity_sectors(&self->backing);
	}
}

FIXTURE_TEARDOWN(hostile)
{
	if (variant->tag_size)
		EXPECT_EQ(0, dm_remove(self->below));
	backing_close(&self->backing);
}

static int hostile_line(char line[LINE_SIZE], const char *cipher, unsigned int size,
			const char *type, const char *dev, const char *options)
{
	return snprintf(line, LINE_SIZE, "%s :%u:%s:" DESC " 0 %s 0 %s", cipher, size, type, dev,
			options ?: "");
}

TEST_F(hostile, map)
{
	char line[LINE_SIZE];
	int ret;

	hostile_line(line, variant->cipher, variant->size, "logon", self->dev, variant->options);
	ret = dm_map(self->name, "crypt", self->sectors, line);
	EXPECT_EQ(variant->admitted ? 0 : -EINVAL, ret);
	if (!ret)
		EXPECT_EQ(0, dm_remove(self->name));

	hostile_line(line, variant->cipher, variant->size, "user", self->dev, variant->options);
	ASSERT_EQ(0, dm_map(self->name, "crypt", self->sectors, line));
	EXPECT_EQ(0, dm_remove(self->name));
}

/* A device that was made with a readable key is given no better one, and keeps what it has. */
TEST_F(hostile, key_set)
{
	char line[LINE_SIZE], message[REF_SIZE];

	hostile_line(line, variant->cipher, variant->size, "user", self->dev, variant->options);
	ASSERT_EQ(0, dm_map(self->name, "crypt", self->sectors, line));
	snprintf(message, sizeof(message), ":%u:logon:" DESC, variant->size);
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(variant->admitted ? 0 : -EINVAL, dm_key_set(self->name, message));
	EXPECT_EQ(0, dm_table(self->name, line));
	EXPECT_EQ(!variant->admitted, !!strstr(line, ":user:" DESC));
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_remove(self->name));
}

/* tcw mixes bytes of the key into the data. TrueCrypt volumes are opened so, by logon keys. */
TEST(tcw)
{
	static const char *const types[] = { "logon", "user", "encrypted", "trusted" };
	struct volume volume;
	char ref[REF_SIZE];
	size_t i;
	int ret;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, backing_open(&volume.backing));
	dm_name(volume.name);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ret = key_make(types[i], DESC, NULL, KEY_SIZE);
		if (key_unsupported(types[i], ret))
			continue;
		ASSERT_LT(0, ret);
		snprintf(ref, sizeof(ref), ":64:%s:" DESC, types[i]);
		ret = dm_map_crypt(volume.name, &volume.backing, "aes-cbc-tcw", ref, "");
		/* Here the master of the encrypted key is a user key, so root can read it. */
		EXPECT_EQ(strcmp(types[i], "trusted") ? 0 : -EINVAL, ret) {
			TH_LOG("%s", types[i]);
		}
		if (!ret)
			EXPECT_EQ(0, dm_remove(volume.name));
	}
	backing_close(&volume.backing);
}

TEST_HARNESS_MAIN
