// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table lines, messages and key payloads, made from the grammar and then damaged. Whatever the
 * kernel makes of one, no byte of a key that user space cannot read is in a table or a status, and
 * none of any key in the log; and a device that was there still opens afterwards. What else can go
 * wrong shows on a kernel with its debugging on, in the log.
 *
 * DMCK_FUZZ_SECONDS says for how long, DMCK_FUZZ_SEED what to do again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define SECONDS 5
#define DESC "dmck:fuzz"
#define MASTER "dmck:fuzz-master"

static const char * const sizes[] = {
	"64", "64", "64", "64", "32", "16", "128", "96", "48", "0", "1", "33", "-1", "+64", "064",
	"0x40", "32767", "32768", "4294967360", "18446744073709551680", "", " 64", "6 4", "64x",
	NULL
};

static const char * const types[] = {
	"logon", "logon", "user", "encrypted", "encrypted", "trusted", "keyring", "asymmetric",
	"big_key", ".request_key_auth", "", "LOGON", "fifteen-letters", "sixteen-letters!", "%s%n",
	NULL
};

static const char * const descs[] = {
	DESC, DESC, DESC, DESC ":bound", DESC ":none", MASTER, "", ":", "::", "%n%s", "a b", "\\",
	"\xff\xfe", ",;=", "dmck:",
	NULL
};

static const char * const ciphers[] = {
	XTS, XTS, XTS, "capi:xts(aes)-plain64", "aes-cbc-essiv:sha256", "aes-cbc-essiv:crc32c",
	"aes:2-cbc-lmk", "aes:4-cbc-lmk", "aes-cbc-tcw", "aes-cbc-eboiv", "aes-cbc-elephant",
	"aes-lrw-benbi", "aes-cbc-null", "aes-ecb", "aes:64-xts-plain64", "aes:63-xts-plain64",
	"serpent-xts-plain64", "serpent:64-ecb-null", "cipher_null-ecb", "aes", "aes-xts-random",
	"capi:gcm(aes)-random", "capi:authenc(hmac(sha256),xts(aes))-plain64",
	"capi:authenc(hmac(sha256),cbc(aes))-essiv:sha256", "capi:authenc(hmac(md5),ecb(aes))-null",
	"capi:essiv(cbc(aes),sha256)-plain64", "capi:", "capi:-", "-", "aes-", "aes--",
	"aes:0-xts-plain64",
	"capi:rfc4106(gcm(aes))-random", "capi:ctr(aes)-plain64", "capi:cryptd(xts(aes))-plain64",
	NULL
};

static const char * const options[] = {
	"", "", "", "1 drop_key", "1 allow_discards", "1 sector_size:4096", "2 drop_key drop_key",
	"2 sector_size:4096 iv_large_sectors", "1 integrity:28:aead", "1 integrity:48:aead",
	"2 integrity:48:aead integrity_key_size:32", "2 integrity:28:aead integrity_key_size:0",
	"2 integrity:28:aead integrity_key_size:64", "3 drop_key no_read_workqueue same_cpu_crypt",
	"1 integrity_key_size:4294967295", "1", "9 drop_key", "-1 drop_key", "1 sector_size:513",
	"1 integrity:0:none", "1 drop_key:1",
	NULL
};

static const char * const slots[] = {
	"internal_hash:hmac(sha256):%s", "internal_hash:crc32c journal_mac:hmac(sha256):%s",
	"internal_hash:crc32c journal_crypt:ctr(aes):%s", "internal_hash:%s",
	"internal_hash:cmac(aes):%s", "journal_mac:hmac(sha256):%s recalculate",
	"internal_hash:hmac(crc32):%s",
	NULL
};

static const char * const formats[] = {
	"", "", "default", "ecryptfs", "enc32", "use=dm-crypt", "use=dm-crypt:" XTS, "use=",
	"use=:", "use=dm-crypt use=dm-crypt",
	NULL
};

static const char * const masters[] = {
	"user:" MASTER, "user:" MASTER, "trusted:" MASTER, "trusted:" MASTER, "user:", "trusted:",
	"logon:" MASTER, "", "user:" DESC, "encrypted:" DESC,
	NULL
};

/* One of the words before NULL. */
static const char *pick(const char * const *words)
{
	unsigned int n = 0;

	while (words[n])
		n++;
	return words[below(n)];
}

/* Flips, cuts, doubles, drops or inserts, in most cases nothing. */
static void damage(char *text, size_t room)
{
	while (*text && !below(3)) {
		size_t len = strlen(text), at = below(len), n = 1 + below(8);

		switch (below(5)) {
		case 0:
			text[at] ^= 1 << below(7);
			break;
		case 1:
			text[at] = '\0';
			break;
		case 2:
			if (len + n < room && at + n <= len)
				memmove(text + at + n, text + at, len - at + 1);
			break;
		case 3:
			if (at + n <= len)
				memmove(text + at, text + at + n, len - at - n + 1);
			break;
		case 4:
			text[at] = "\t\v :,;=%\\\x7f\x80"[below(11)];
			break;
		}
	}
}

/* A key argument: a reference, rarely digits, damaged or not. */
static void make_key(char *out, size_t room, const char *hex)
{
	if (!below(8))
		snprintf(out, room, "%.*s", (int)below(2 * KEY_SIZE + 1), hex);
	else if (!below(20))
		snprintf(out, room, "%s", below(2) ? "-" : "");
	else
		snprintf(out, room, ":%s:%s:%s", pick(sizes), pick(types), pick(descs));
	/* Damaged digits are still digits of a key, and may be shown as what else they are. */
	if (out[0] == ':')
		damage(out, room);
}

FIXTURE(fuzz)
{
	unsigned char secret[KEY_SIZE];		/* of logon and encrypted keys */
	unsigned char readable[KEY_SIZE];	/* of user keys and in hex */
	char hex[HEX_SIZE];
	char blob[LINE_SIZE];
	struct volume volume;
	struct backing backing;
	int log;
	bool trusted;
	unsigned long long seed;
};

static int put_keys(FIXTURE_DATA(fuzz) * self)
{
	int ret = key_add("logon", DESC, self->secret, KEY_SIZE);

	if (ret >= 0)
		ret = key_add("user", DESC, self->readable, KEY_SIZE);
	if (ret >= 0)
		ret = key_add("user", MASTER, self->readable, 32);
	return ret;
}

FIXTURE_SETUP(fuzz)
{
	const char *given = getenv("DMCK_FUZZ_SEED");
	int ret;

	self->seed = 0;
	if (given)
		self->seed = strtoull(given, NULL, 0);
	while (!self->seed)
		ASSERT_EQ(0, fill_random(&self->seed, sizeof(self->seed)));
	seed = self->seed;
	TH_LOG("DMCK_FUZZ_SEED=%#llx", seed);

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, KEY_SIZE));
	ASSERT_EQ(0, fill_random(self->readable, KEY_SIZE));
	to_hex(self->hex, self->readable, KEY_SIZE);
	ASSERT_LT(0, put_keys(self));
	self->trusted = key_make("trusted", MASTER, NULL, 32) > 0;
	ret = key_make("encrypted", DESC, NULL, KEY_SIZE);
	if (ret > 0) {
		ret = key_ctl(KEYCTL_READ, ret, (uintptr_t)self->blob, sizeof(self->blob) - 1, 0);
		ASSERT_LT(0, ret);
		self->blob[ret] = '\0';
	}
	ASSERT_EQ(0, backing_open(&self->backing));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, ":64:logon:" DESC, ""));
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (self->log >= 0)
		lseek(self->log, 0, SEEK_END);
}

FIXTURE_TEARDOWN(fuzz)
{
	close(self->log);
	backing_close(&self->backing);
	EXPECT_EQ(0, volume_close(&self->volume));
}

static void expect_no_key(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) * self,
			  const char *name)
{
	char line[LINE_SIZE];
	ssize_t size;

	if (!dm_table(name, line))
		EXPECT_FALSE(shows_key(line, self->secret, KEY_SIZE))
			TH_LOG("table %s", line);
	if (!dm_status(name, line))
		EXPECT_FALSE(shows_key(line, self->secret, KEY_SIZE))
			TH_LOG("status %s", line);
	if (!dm_ima(name, line)) {
		EXPECT_FALSE(shows_key(line, self->secret, KEY_SIZE))
			TH_LOG("measured %s", line);
		EXPECT_FALSE(shows_key(line, self->readable, KEY_SIZE))
			TH_LOG("measured %s", line);
	}
	while (self->log >= 0) {
		size = read(self->log, line, sizeof(line) - 1);
		if (size < 0 && errno == EPIPE)
			continue;
		if (size <= 0)
			break;
		line[size] = '\0';
		EXPECT_FALSE(shows_key(line, self->secret, KEY_SIZE))
			TH_LOG("log %s", line);
		EXPECT_FALSE(shows_key(line, self->readable, KEY_SIZE))
			TH_LOG("log %s", line);
	}
}

/* A key message for the volume, or one that is almost. */
static void send_message(FIXTURE_DATA(fuzz) * self)
{
	char message[LINE_SIZE], key[REF_SIZE * 2];

	switch (below(6)) {
	case 0:
		snprintf(message, sizeof(message), "key wipe");
		break;
	case 1:
		snprintf(message, sizeof(message), "key reload");
		break;
	default:
		make_key(key, sizeof(key), self->hex);
		snprintf(message, sizeof(message), "key set %s", key);
	}
	if (!below(10) && !strstr(message, "key set"))
		damage(message, sizeof(message));
	dm_message(self->volume.name, message);
}

static void load_table(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) * self)
{
	static const char * const targets[] = {
		"crypt", "crypt", "crypt", "integrity", "inlinecrypt", NULL
	};
	char line[LINE_SIZE], key[REF_SIZE * 2], name[NAME_SIZE], option[REF_SIZE * 4];
	const char *target = pick(targets);
	int ret;

	make_key(key, sizeof(key), self->hex);
	if (!strcmp(target, "integrity")) {
		snprintf(option, sizeof(option), pick(slots), key);
		snprintf(line, sizeof(line), "%s 0 %s J %d %s", self->backing.dev,
			 below(4) ? "32" : "-", 1 + !!strchr(option, ' '), option);
	} else {
		snprintf(option, sizeof(option), "%s", pick(options));
		damage(option, sizeof(option));
		snprintf(line, sizeof(line), "%s %s %u %s 0 %s", pick(ciphers), key,
			 below(4) ? 0 : below(~0U), self->backing.dev, option);
	}
	dm_name(name);
	ASSERT_EQ(0, dm_create(name));
	ret = dm_load(name, target, DEVICE_SECTORS, line);
	expect_no_key(_metadata, self, name);
	if (!ret && !dm_resume(name)) {
		expect_no_key(_metadata, self, name);
		if (!dm_suspend(name)) {
			dm_message(name, "key reload");
			expect_no_key(_metadata, self, name);
			dm_resume(name);
		}
	}
	EXPECT_EQ(0, dm_remove(name));
	/* It may have been dropped. */
	put_keys(self);
}

/* What makes, loads, or wraps a key. */
static void send_payload(FIXTURE_DATA(fuzz) * self)
{
	const char *type = below(self->trusted ? 8 : 1000) ? "encrypted" : "trusted";
	char payload[2 * LINE_SIZE];
	int key;

	if (!strcmp(type, "trusted"))
		snprintf(payload, sizeof(payload), "new %s keyhandle=" TPM_PARENT " %s",
			 pick(sizes), below(2) ? "migratable=0" : "pcrlock=16");
	else if (below(2))
		snprintf(payload, sizeof(payload), "load %s", self->blob);
	else
		snprintf(payload, sizeof(payload), "%s %s%s%s %s", below(4) ? "new" : "update",
			 pick(formats), below(2) ? " " : "", pick(masters), pick(sizes));
	damage(payload, sizeof(payload));
	key = key_add(type, below(2) ? DESC : DESC ":bound", payload, strlen(payload));
	if (key < 0)
		return;
	key_ctl(KEYCTL_READ, key, (uintptr_t)payload, sizeof(payload), 0);
	switch (below(8)) {
	case 0:
		key_ctl(KEYCTL_REVOKE, key, 0, 0, 0);
		break;
	case 1:
		key_ctl(KEYCTL_INVALIDATE, key, 0, 0, 0);
		break;
	case 2:
		key_ctl(KEYCTL_SET_TIMEOUT, key, 1, 0, 0);
		break;
	}
}

TEST_F_TIMEOUT(fuzz, fuzz, 36000)
{
	const char *given = getenv("DMCK_FUZZ_SECONDS");
	time_t end = time(NULL) + (given ? atoi(given) : SECONDS);
	unsigned long tried = 0;

	for (; time(NULL) < end && _metadata->exit_code != KSFT_FAIL; tried++) {
		switch (below(3)) {
		case 0:
			load_table(_metadata, self);
			break;
		case 1:
			dm_suspend(self->volume.name);
			send_message(self);
			expect_no_key(_metadata, self, self->volume.name);
			/* Without a key it stays as it is. */
			dm_resume(self->volume.name);
			break;
		case 2:
			send_payload(self);
			break;
		}
	}
	TH_LOG("%lu times", tried);
	EXPECT_LT(10, tried);

	/* The volume is what it was. */
	ASSERT_LT(0, put_keys(self));
	dm_suspend(self->volume.name);
	EXPECT_EQ(0, dm_key_set(self->volume.name, ":64:logon:" DESC));
	EXPECT_EQ(0, dm_resume(self->volume.name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_HARNESS_MAIN
