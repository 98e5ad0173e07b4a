// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root reads the memory of the kernel: through /proc/kcore, /dev/mem and the image that hibernation
 * makes. While a volume is open the key schedules of its ciphers are there, and a schedule of AES
 * begins with the key; it is found by what it is, since each of its words follows from the others.
 *
 * No lending of keys can keep root from that, and the documentation says so; lockdown can. So the
 * key is found, and opens the volume, where the kernel is not locked down, and nothing can be read
 * where it is. What lockdown=confidentiality keeps from, besides, is tried as well.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/elf.h>
#include <linux/suspend_ioctls.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:memory"

/* AES-256, as all halves of the keys here are for. */
#define HALF (KEY_SIZE / 2)
#define KEY_WORDS (HALF / 4)
#define WORDS 60
#define PIECE 0x100000
#define HALVES 8

static uint8_t sbox[256];

static void sbox_make(void)
{
	uint8_t p = 1, q = 1, x;

	/* q is the inverse of p, of which all but 0 are powers of 3 */
	do {
		p ^= p << 1 ^ (p & 0x80 ? 0x1b : 0);
		q ^= q << 1;
		q ^= q << 2;
		q ^= q << 4;
		q ^= q & 0x80 ? 0x09 : 0;
		x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^
		    (q << 4 | q >> 4);
		sbox[p] = x ^ 0x63;
	} while (p != 1);
	sbox[0] = 0x63;
}

static uint32_t sub(uint32_t w)
{
	return sbox[w & 255] | sbox[w >> 8 & 255] << 8 | sbox[w >> 16 & 255] << 16 |
	       (uint32_t)sbox[w >> 24] << 24;
}

/* Whether each word of a schedule follows from those before it. */
static bool is_schedule(const uint32_t w[WORDS])
{
	uint32_t next, rcon = 1;
	int i;

	/* what sorts out nearly everything */
	if (w[9] != (w[8] ^ w[1]) || w[10] != (w[9] ^ w[2]))
		return false;
	for (i = KEY_WORDS; i < WORDS; i++) {
		next = w[i - 1];
		if (i % KEY_WORDS == 0) {
			next = sub(next >> 8 | next << 24) ^ rcon;
			rcon <<= 1;
		} else if (i % KEY_WORDS == 4) {
			next = sub(next);
		}
		if (w[i] != (next ^ w[i - KEY_WORDS]))
			return false;
	}
	return true;
}

FIXTURE(memory)
{
	struct volume volume;
	unsigned char half[HALVES][HALF];
	int halves;
	bool integrity, confidentiality; /* lockdown keeps these */
};

FIXTURE_SETUP(memory)
{
	unsigned char secret[KEY_SIZE];
	char lockdown[64] = "";
	int fd;

	sbox_make();
	if (access("/sys/kernel/security/lockdown", F_OK))
		mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	fd = open("/sys/kernel/security/lockdown", O_RDONLY);
	if (fd >= 0) {
		ASSERT_LT(0, read(fd, lockdown, sizeof(lockdown) - 1));
		close(fd);
	}
	self->confidentiality = strstr(lockdown, "[confidentiality]");
	self->integrity = self->confidentiality || strstr(lockdown, "[integrity]");

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, KEY_SIZE));
	ASSERT_LT(0, key_add("logon", DESC, secret, KEY_SIZE));
	explicit_bzero(secret, KEY_SIZE);
	ASSERT_EQ(0, volume_open(&self->volume, XTS, ":64:logon:" DESC, "1 allow_discards"));
}

FIXTURE_TEARDOWN(memory)
{
	volume_close(&self->volume);
}

/* Adds to the halves each key of which there is a schedule in this piece. */
static void look(FIXTURE_DATA(memory) * self, const unsigned char *piece, size_t size)
{
	const uint32_t *w;
	size_t at;
	int i;

	for (at = 0; at + WORDS * 4 <= size; at += 4) {
		w = (const uint32_t *)(piece + at);
		if (!is_schedule(w))
			continue;
		for (i = 0; i < self->halves; i++)
			if (!memcmp(self->half[i], w, HALF))
				break;
		if (i == self->halves && i < HALVES)
			memcpy(self->half[self->halves++], w, HALF);
	}
}

/* Looks at what can be read there, in pieces that overlap. */
static size_t look_at(FIXTURE_DATA(memory) * self, int fd, off_t from, size_t size)
{
	static uint32_t words[PIECE / 4 + WORDS];
	unsigned char *piece = (unsigned char *)words;
	size_t kept = 0, all = 0, have;
	ssize_t done;

	while (size) {
		done = pread(fd, piece + kept, size < PIECE ? size : PIECE, from);
		if (done <= 0)
			break;
		from += done;
		size -= done;
		all += done;
		have = kept + done;
		look(self, piece, have);
		kept = have < WORDS * 4 ? have : WORDS * 4 - 4;
		memmove(piece, piece + have - kept, kept);
	}
	return all;
}

/* Whether two of the halves are the key: the volume reads the same in hex. */
static bool opens(FIXTURE_DATA(memory) * self, struct __test_metadata *_metadata)
{
	unsigned char key[KEY_SIZE];
	char hex[HEX_SIZE], name[NAME_SIZE];
	struct backing copy;
	bool ret = false;
	int i, j;

	ASSERT_EQ(0, backing_copy(&self->volume.backing, &copy)) return false;
	for (i = 0; i < self->halves && !ret; i++)
		for (j = 0; j < self->halves && !ret; j++) {
			memcpy(key, self->half[i], HALF);
			memcpy(key + HALF, self->half[j], HALF);
			to_hex(hex, key, KEY_SIZE);
			dm_name(name);
			if (dm_map_crypt(name, &copy, XTS, hex, ""))
				continue;
			ret = dm_reads(name, self->volume.data) == 1;
			dm_remove(name);
		}
	backing_close(&copy);
	return ret;
}

/* The memory that the kernel maps one to one. */
TEST_F(memory, kcore)
{
	struct elf64_hdr head;
	struct elf64_phdr part;
	size_t all = 0;
	int fd, i;

	fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (self->confidentiality) {
		ASSERT_EQ(-1, fd);
		ASSERT_EQ(EPERM, errno);
		return;
	}
	if (fd < 0 && errno == ENOENT)
		SKIP(return, "the kernel has no /proc/kcore");
	ASSERT_LE(0, fd);
	ASSERT_EQ((ssize_t)sizeof(head), pread(fd, &head, sizeof(head), 0));
	for (i = 0; i < head.e_phnum; i++) {
		ASSERT_EQ((ssize_t)sizeof(part),
			  pread(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)));
		if (part.p_type == PT_LOAD && part.p_paddr != UINT64_MAX)
			all += look_at(self, fd, part.p_offset, part.p_memsz);
	}
	close(fd);
	TH_LOG("%zu MiB, %d keys", all >> 20, self->halves);
	EXPECT_TRUE(opens(self, _metadata));
}

TEST_F(memory, dev_mem)
{
	unsigned long long from, to;
	char line[256];
	FILE *map;
	int fd;

	fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (self->integrity) {
		ASSERT_EQ(-1, fd);
		ASSERT_EQ(EPERM, errno);
		return;
	}
	if (fd < 0 && (errno == ENOENT || errno == ENXIO))
		SKIP(return, "the kernel has no /dev/mem");
	ASSERT_LE(0, fd);
	map = fopen("/proc/iomem", "re");
	ASSERT_NE(NULL, map);
	while (fgets(line, sizeof(line), map))
		/* Below a megabyte not all of a page need be memory. */
		if (strstr(line, " : System RAM") &&
		    sscanf(line, "%llx-%llx", &from, &to) == 2 && from >= 1 << 20)
			look_at(self, fd, from, to + 1 - from);
	fclose(map);
	close(fd);
	if (!self->halves)
		SKIP(return, "CONFIG_STRICT_DEVMEM keeps memory from /dev/mem");
	EXPECT_TRUE(opens(self, _metadata));
}

/* What hibernation writes to the disk, handed to who asks for it. */
TEST_F(memory, image)
{
	static uint32_t words[1024];
	unsigned char *page = (unsigned char *)words;
	int fd, made = 0;

	fd = open("/dev/snapshot", O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		SKIP(return, "the kernel has no /dev/snapshot");
	if (self->integrity) {
		ASSERT_EQ(-1, fd);
		ASSERT_EQ(EPERM, errno);
		return;
	}
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, SNAPSHOT_FREEZE));
	EXPECT_EQ(0, ioctl(fd, SNAPSHOT_CREATE_IMAGE, &made));
	if (made)
		while (read(fd, page, sizeof(words)) == sizeof(words))
			look(self, page, sizeof(words));
	EXPECT_EQ(0, ioctl(fd, SNAPSHOT_UNFREEZE));
	close(fd);
	EXPECT_EQ(1, made);
	TH_LOG("%d keys", self->halves);
	EXPECT_TRUE(opens(self, _metadata));
}

/* A kernel of root's own. None is loaded here: none is what can be unloaded. */
TEST_F(memory, kexec)
{
	long ret;

	if (access("/sys/kernel/kexec_loaded", F_OK))
		SKIP(return, "the kernel has no kexec_load()");
	ret = syscall(__NR_kexec_load, 0, 0, NULL, 0);
	if (self->integrity) {
		EXPECT_EQ(-1, ret);
		EXPECT_EQ(EPERM, errno);
	} else {
		EXPECT_EQ(0, ret);
	}
}

/* What the kernel's functions do, and with what. */
TEST_F(memory, tracefs)
{
	int fd;

	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	fd = open("/sys/kernel/tracing/trace", O_RDONLY | O_CLOEXEC);
	if (self->confidentiality) {
		/* Of what boots so there is no file. */
		EXPECT_EQ(-1, fd);
		EXPECT_TRUE(errno == EPERM || errno == ENOENT);
	} else if (fd < 0 && errno == ENOENT) {
		SKIP(return, "the kernel has no tracefs");
	} else {
		ASSERT_LE(0, fd);
		close(fd);
	}
}

TEST_HARNESS_MAIN
