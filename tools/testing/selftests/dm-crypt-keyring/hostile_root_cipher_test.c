// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root chooses the algorithm that a key is used with, and asks for one that gives the key back.
 * Where it is let, the bytes are really got and compared. A key that root could read anyway is not
 * held to the rule; that shows that the refusal is about the key, and that the algorithm is there.
 */

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:hostile"
#define MAX_SIZE 128
/* Enough to tell one key from all others. */
#define STREAM_SIZE 16

/* What ARC4 makes of zeros. */
static void arc4(const unsigned char *key, int size, unsigned char stream[STREAM_SIZE])
{
	unsigned char s[256], j = 0, swap;
	int i, n;

	for (i = 0; i < 256; i++)
		s[i] = i;
	for (i = 0; i < 256; i++) {
		swap = s[i];
		j += swap + key[i % size];
		s[i] = s[j];
		s[j] = swap;
	}
	for (n = 0, j = 0; n < STREAM_SIZE; n++) {
		i = n + 1;
		swap = s[i];
		j += swap;
		s[i] = s[j];
		s[j] = swap;
		swap += s[i];
		stream[n] = s[swap];
	}
}

/* Finds the last byte of a key that made @stream, the others of which are known. */
static bool last_byte(unsigned char *key, int size, const unsigned char *stream)
{
	unsigned char made[STREAM_SIZE];
	int guess;

	for (guess = 0; guess < 256; guess++) {
		key[size - 1] = guess;
		arc4(key, size, made);
		if (!memcmp(made, stream, sizeof(made)))
			return true;
	}
	return false;
}

/* How many bytes of the key a device gives away, each sector of which has one as its key. */
static int get_bytes(const char *name, const struct backing *backing, const unsigned char *key,
		     int n)
{
	static const unsigned char zeros[DATA_SIZE];
	unsigned char data[DATA_SIZE], byte;
	int got = 0, i;

	if (dm_write(name, zeros) || backing_read(backing, data))
		return -EIO;
	for (i = 0; i < n; i++)
		got += last_byte(&byte, 1, data + i * SECTOR_SIZE) && byte == key[i];
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
		snprintf(line, sizeof(line), "arc4:64-ecb-null :64:logon:" DESC " %d %s 0", i,
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
	EXPECT_EQ(0, got)
		TH_LOG("%d of 64 bytes of the logon key", got);
}

/* The cut slides, and each step adds a byte that is not known yet to the cipher's part. */
TEST(cut_that_slides)
{
	static const unsigned char zeros[DATA_SIZE];
	unsigned char key[KEY_SIZE], known[KEY_SIZE], data[DATA_SIZE];
	int i, ret, got = 0, refused = 0;
	struct volume volume;
	char below[NAME_SIZE], dev[NAME_SIZE];
	char line[LINE_SIZE];

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
	ASSERT_EQ(0, dm_create(volume.name));

	for (i = 1; i <= KEY_SIZE; i++) {
		if (i < KEY_SIZE)
			snprintf(line, sizeof(line),
				 "capi:authenc(hmac(sha256),ecb(arc4))-null :64:logon:" DESC
				 " 0 %s 0 2 integrity:%d:aead integrity_key_size:%d", dev,
				 TAG_SIZE, KEY_SIZE - i);
		else
			snprintf(line, sizeof(line), "arc4-ecb-null :64:logon:" DESC " 0 %s 0",
				 dev);
		ret = dm_load(volume.name, "crypt", integrity_sectors(&volume.backing), line);
		refused += ret == -EINVAL;
		if (ret)
			continue;
		ASSERT_EQ(0, dm_resume(volume.name));
		ASSERT_EQ(0, dm_write(volume.name, zeros));
		ASSERT_EQ(0, dm_read(below, data));
		if (last_byte(known, i, data))
			got += known[i - 1] == key[i - 1];
	}
	EXPECT_EQ(KEY_SIZE, refused);
	EXPECT_EQ(0, got)
		TH_LOG("%d of 64 bytes of the logon key", got);
	EXPECT_EQ(0, dm_remove(volume.name));
	EXPECT_EQ(0, dm_remove(below));
	backing_close(&volume.backing);
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
	EXPECT_NE(0, memcmp(data, key + 16, 4))
		TH_LOG("4 bytes of the logon key");
	EXPECT_EQ(0, dm_remove(volume.name));
	EXPECT_EQ(0, dm_remove(below));
	backing_close(&volume.backing);
}

/*
 * Of the block that stands for 1 the hash is the key: 1 is the bit that comes first. Polyval
 * divides by x^128 besides, so there it is x^128 that gives the key.
 */
TEST(hash_of_one_by_serial)
{
	static const struct {
		const char *name;
		unsigned char one[16];
	} hashes[] = {
		{ "ghash", { 0x80 } },
		{ "polyval", { 0x01, [15] = 0xc2 } },
	};
	unsigned char key[16], digest[16];
	int serial, op;
	size_t i;

	ASSERT_EQ(0, keys_open());
	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		ASSERT_EQ(0, fill_random(key, sizeof(key)));
		op = alg_open("hash", hashes[i].name, key, sizeof(key), 0);
		if (op < 0)
			continue; /* a kernel without it, or one that gives it to nobody */
		ASSERT_EQ(16, write(op, hashes[i].one, 16));
		ASSERT_EQ(16, read(op, digest, sizeof(digest)));
		close(op);
		ASSERT_EQ(0, memcmp(digest, key, sizeof(key)));

		ASSERT_EQ(0, fill_random(key, sizeof(key)));
		serial = key_add("logon", DESC, key, sizeof(key));
		ASSERT_LT(0, serial);
		op = alg_open("hash", hashes[i].name, NULL, 0, serial);
		EXPECT_EQ(-EINVAL, op);
		if (op < 0)
			continue;
		if (write(op, hashes[i].one, 16) == 16 && read(op, digest, sizeof(digest)) == 16)
			EXPECT_NE(0, memcmp(digest, key, sizeof(key)))
				TH_LOG("all bytes of the logon key, by %s", hashes[i].name);
		close(op);
	}
}

#define PRIME_1 11400714785074694791ULL
#define PRIME_2 14029467366897019727ULL

/* Modulo 2^64. */
static uint64_t inverse(uint64_t odd)
{
	uint64_t x = odd;
	int i;

	for (i = 0; i < 5; i++)
		x *= 2 - odd * x;
	return x;
}

/* Says what the MAC of a message is that begins with this. */
typedef int (*mac_fn)(void *data, const uint64_t message[8], uint64_t *digest);

static int mac_by_serial(void *data, const uint64_t message[8], uint64_t *digest)
{
	const int *op = data;
	uint64_t words[8];
	int i;

	for (i = 0; i < 8; i++)
		words[i] = htole64(message[i]);
	return write(*op, words, 64) == 64 && read(*op, digest, 8) == 8 ? 0 : -EIO;
}

/*
 * Finds one of the four numbers that xxhash64 has made of the key, one of each eight bytes, before
 * the message comes: state = rotate(state + input * PRIME_2, 31) * PRIME_1. The most significant
 * bit of that sum comes to bit 30. If it is inverted, and the next input makes up for that as if it
 * had been set, the MAC is the same, or another one if it had not been set. What is added is for
 * who asks to say: each question halves where the state can be.
 */
static int get_state(mac_fn mac, void *data, int lane, uint64_t *state)
{
	const uint64_t back = (PRIME_1 << 30) * inverse(PRIME_2);
	uint64_t digests[2], low = 0;
	int bit;

	for (bit = 63; bit >= 0; bit--) {
		uint64_t message[8] = {}, add = (1ULL << 63) - low - (1ULL << bit);

		message[lane] = add * inverse(PRIME_2);
		if (mac(data, message, &digests[0]))
			return -EIO;
		message[lane] = (add ^ 1ULL << 63) * inverse(PRIME_2);
		message[4 + lane] = back;
		if (mac(data, message, &digests[1]))
			return -EIO;
		if (digests[0] == digests[1])
			low += 1ULL << bit;
	}
	*state = low;
	return 0;
}

/*
 * How many of the first @lanes eight bytes of @key are got. Between the key and the message come as
 * many zeros for each lane as @zeros says.
 */
static int get_lanes(mac_fn mac, void *data, int zeros, int lanes, const uint64_t key[4])
{
	/* What the states are before anything was hashed. */
	static const uint64_t first[4] = { PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1 };
	uint64_t state;
	int lane, i, got = 0;

	for (lane = 0; lane < lanes; lane++) {
		if (get_state(mac, data, lane, &state))
			return -EIO;
		for (i = 0; i <= zeros; i++) {
			state *= inverse(PRIME_1);
			state = state >> 31 | state << 33;
		}
		state = (state - first[lane]) * inverse(PRIME_2);
		got += (state ^ 0x3636363636363636ULL) == le64toh(key[lane]);
	}
	return got;
}

/* A MAC whose key goes through a checksum that can be turned back. */
TEST(hmac_of_xxhash_by_serial)
{
	static const unsigned char any[32];
	int serial, op, got;
	uint64_t key[4];

	op = alg_open("hash", "hmac(xxhash64)", any, sizeof(any), 0);
	if (op < 0)
		return; /* a kernel without it, or one that gives it to nobody */
	close(op);

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	serial = key_add("logon", DESC, key, sizeof(key));
	ASSERT_LT(0, serial);
	op = alg_open("hash", "hmac(xxhash64)", NULL, 0, serial);
	EXPECT_EQ(-EINVAL, op);
	if (op < 0)
		return;
	got = get_lanes(mac_by_serial, &op, 0, 4, key);
	close(op);
	EXPECT_EQ(0, got)
		TH_LOG("%d of 32 bytes of the logon key", 8 * got);
}

/* A device with tags, which root reads below: dm-integrity has a superblock and a journal first. */
#define SUPERBLOCK_SECTORS 8

struct tagged {
	struct backing backing;
	char below[NAME_SIZE];
	char name[NAME_SIZE];
	off_t tag; /* where that of the first sector is */
	unsigned char stream[DATA_SIZE]; /* what counter mode adds to the data */
};

static int tagged_open(struct tagged *t, unsigned int tag_size)
{
	static const char journal[] = ",journal_sectors=";
	char line[LINE_SIZE];
	const char *p;
	int ret;

	ret = backing_open(&t->backing);
	if (ret)
		return ret;
	t->backing.tag_size = tag_size;
	dm_name(t->below);
	dm_name(t->name);
	ret = integrity_map(t->below, &t->backing, 'D', "") ?: dm_ima(t->below, line);
	if (ret)
		return ret;
	p = strstr(line, journal);
	if (!p)
		return -EIO;
	t->tag = (SUPERBLOCK_SECTORS + atoi(p + strlen(journal))) * SECTOR_SIZE;
	return 0;
}

static int tagged_close(struct tagged *t)
{
	int ret = dm_remove(t->below);

	backing_close(&t->backing);
	return ret;
}

/* Maps it with a key of twice @half bytes, the second half of which is for the MAC. */
static int tagged_map(struct tagged *t, const char *mac, const char *type, unsigned int half)
{
	static const unsigned char zeros[DATA_SIZE];
	char line[LINE_SIZE], dev[NAME_SIZE];
	int ret = dm_dev(t->below, dev);

	if (ret)
		return ret;
	snprintf(line, sizeof(line), "capi:authenc(%s,ctr(aes))-plain64 :%u:%s:" DESC
		 " 0 %s 0 2 integrity:%u:aead integrity_key_size:%u", mac, 2 * half, type, dev,
		 t->backing.tag_size, half);
	ret = dm_map(t->name, "crypt", integrity_sectors(&t->backing), line);
	if (ret)
		return ret;
	ret = dm_write(t->name, zeros) ?: dm_read(t->below, t->stream);
	if (ret)
		dm_remove(t->name);
	return ret;
}

/* Says what the tag of the first sector is if its ciphertext is @cipher. */
static int tag_of(struct tagged *t, const unsigned char cipher[SECTOR_SIZE], void *tag)
{
	ssize_t size = t->backing.tag_size;
	unsigned char data[DATA_SIZE] = {};
	int i, ret;

	for (i = 0; i < SECTOR_SIZE; i++)
		data[i] = cipher[i] ^ t->stream[i];
	ret = dm_write(t->name, data) ?: dm_flush(t->name);
	if (ret)
		return ret;
	return pread(t->backing.file, tag, size, t->tag) == size ? 0 : -EIO;
}

/*
 * What is hashed is number and IV of the sector, 24 bytes, and then its ciphertext, so the last
 * block is the ciphertext's last eight bytes: let its first bit be another, and the tag differs by
 * the key.
 */
static int ghash_key(struct tagged *t, unsigned char key[16])
{
	unsigned char cipher[SECTOR_SIZE] = {}, tag[16];
	int i, ret = tag_of(t, cipher, key);

	cipher[SECTOR_SIZE - 8] = 0x80;
	ret = ret ?: tag_of(t, cipher, tag);
	for (i = 0; i < 16; i++)
		key[i] ^= tag[i];
	return ret;
}

TEST(ghash_of_tags)
{
	unsigned char key[32], known[16];
	struct tagged t;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("user", DESC, key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", DESC, key, sizeof(key)));
	ASSERT_EQ(0, tagged_open(&t, 16));
	/* Else it is a kernel without it. */
	ret = tagged_map(&t, "ghash", "user", 16);
	if (!ret) {
		EXPECT_EQ(0, ghash_key(&t, known));
		EXPECT_EQ(0, memcmp(known, key + 16, 16));
		EXPECT_EQ(0, dm_remove(t.name));

		ret = tagged_map(&t, "ghash", "logon", 16);
		EXPECT_EQ(-EINVAL, ret);
	}
	if (!ret) {
		memset(known, 0, sizeof(known));
		EXPECT_EQ(0, ghash_key(&t, known));
		EXPECT_NE(0, memcmp(known, key + 16, 16))
			TH_LOG("16 of 32 bytes of the logon key");
		EXPECT_EQ(0, dm_remove(t.name));
	}
	EXPECT_EQ(0, tagged_close(&t));
}

/*
 * The first 32 bytes that are hashed after the key are number, IV and eight bytes of ciphertext,
 * all of them zeros. The next 64 are the message.
 */
static int mac_of_tags(void *data, const uint64_t message[8], uint64_t *digest)
{
	unsigned char cipher[SECTOR_SIZE] = {};
	uint64_t word;
	int i;

	for (i = 0; i < 8; i++) {
		word = htole64(message[i]);
		memcpy(cipher + 8 + 8 * i, &word, 8);
	}
	return tag_of(data, cipher, digest);
}

TEST(hmac_of_xxhash_of_tags)
{
	struct tagged t;
	uint64_t key[8];
	int ret, got;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	ASSERT_LT(0, key_add("user", DESC, key, sizeof(key)));
	ASSERT_LT(0, key_add("logon", DESC, key, sizeof(key)));
	ASSERT_EQ(0, tagged_open(&t, 8));
	/* Else it is a kernel without it. */
	ret = tagged_map(&t, "hmac(xxhash64)", "user", 32);
	if (!ret) {
		EXPECT_EQ(1, get_lanes(mac_of_tags, &t, 1, 1, key + 4));
		EXPECT_EQ(0, dm_remove(t.name));

		ret = tagged_map(&t, "hmac(xxhash64)", "logon", 32);
		EXPECT_EQ(-EINVAL, ret);
	}
	if (!ret) {
		got = get_lanes(mac_of_tags, &t, 1, 4, key + 4);
		EXPECT_EQ(0, got)
			TH_LOG("%d of 64 bytes of the logon key", 8 * got);
		EXPECT_EQ(0, dm_remove(t.name));
	}
	EXPECT_EQ(0, tagged_close(&t));
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
		{ "skcipher", "cryptd(ecb(serpent-generic))", 8 },
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

/* Reads zeros that @cipher decrypts as if they were in that sector. */
static int tcw_read(struct volume *volume, const char *cipher, uint64_t sector)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof(line), "%s :64:trusted:" DESC " %llu %s 0", cipher,
		 (unsigned long long)sector, volume->backing.dev);
	return dm_load(volume->name, "crypt", DEVICE_SECTORS, line) ?:
	       dm_resume(volume->name) ?: dm_read(volume->name, volume->data);
}

/*
 * Reads under a counter that is the key's part for it, with the bits of @mask inverted. Two blocks
 * together, since both are whitened alike.
 */
static int counter_read(struct volume *volume, uint64_t mask, int block, uint64_t *sum)
{
	/* The counter is big-endian, and the sector little-endian. */
	int ret = tcw_read(volume, "blowfish-ctr-tcw", le64toh(htobe64(mask)));
	uint64_t blocks[3];

	if (ret)
		return ret;
	memcpy(blocks, volume->data, sizeof(blocks));
	*sum = blocks[block] ^ blocks[block + 1];
	return 0;
}

/*
 * Of a key for tcw the last 16 bytes whiten the data, summed up into 8. What is before them is the
 * seed: 16 bytes, or 8 with a cipher of shorter blocks. The sector number is added to it without
 * carry, and that is the IV. Zeros are below.
 */
TEST(seed_of_tcw)
{
	unsigned char secret[KEY_SIZE], known[16];
	uint64_t counter = 0, ones, increased, inverted;
	int serial, ret, i, bit, got = 0;
	struct volume volume;

	ASSERT_EQ(0, keys_open());
	serial = key_make("trusted", DESC, NULL, KEY_SIZE);
	if (key_unsupported("trusted", serial))
		SKIP(return, "%s", key_unsupported("trusted", serial));
	ASSERT_LT(0, serial);
	ASSERT_EQ(KEY_SIZE, tpm_unseal_key(serial, "", secret, sizeof(secret)));
	ASSERT_EQ(0, backing_open(&volume.backing));
	dm_name(volume.name);
	ASSERT_EQ(0, dm_create(volume.name));

	/* Equal blocks: once decrypted, they differ by IV and whitening. */
	ret = tcw_read(&volume, "aes-cbc-tcw", 0);
	EXPECT_EQ(-EINVAL, ret);
	for (i = 0; !ret && i < 16; i++)
		known[i] = volume.data[i] ^ volume.data[16 + i];

	/*
	 * A counter whose least significant bits are ones is increased by inverting them and the
	 * next bit, if that is a zero. With the most significant bit it makes no difference.
	 */
	ret = counter_read(&volume, 0, 0, &increased);
	EXPECT_EQ(-EINVAL, ret);
	for (bit = 0; !ret && bit < 63; bit++) {
		ones = (1ULL << bit) - 1;
		ret = counter_read(&volume, ~counter & ones, 1, &increased) ?:
		      counter_read(&volume, (~counter & ones) ^ (ones << 1 | 1), 0, &inverted);
		if (!ret && increased != inverted)
			counter |= 1ULL << bit;
	}
	EXPECT_EQ(0, dm_remove(volume.name));
	backing_close(&volume.backing);
	if (ret)
		return;

	/* So one half of the seed is known, by that the whitening, and by that the other half. */
	for (i = 0; i < 8; i++) {
		known[i] ^= known[8 + i] ^ counter >> (56 - 8 * i);
		known[8 + i] = counter >> (56 - 8 * i);
	}
	for (i = 0; i < 16; i++)
		got += !((known[i] ^ secret[KEY_SIZE - 32 + i]) & (i % 8 ? 0xff : 0x7f));
	EXPECT_EQ(0, got)
		TH_LOG("%d of 64 bytes of the trusted key, two of them but for a bit", got);
}

TEST_HARNESS_MAIN
