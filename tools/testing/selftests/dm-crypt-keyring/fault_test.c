// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation on a key's way fails once: when the key is added, read and updated, when a table
 * is loaded with it, when it is set, reloaded, dropped and wiped. Either it is done without that
 * one, or the answer is -ENOMEM and nothing is half-done. Never has the log a byte of the key.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/cryptouser.h>
#include <linux/netlink.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:fault"
#define OTHER "dmck:other"
#define MASTER "dmck:master"
#define MASTER_SIZE 32
#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAIL_PAGE_ALLOC "/sys/kernel/debug/fail_page_alloc/"
/* That those of pages do not fail. */
#define NO_PAGES FAIL_PAGE_ALLOC "ignore-gfp-wait"
/* What dm-crypt keeps for its writes: so many pages, each one an allocation. */
#define POOL_PAGES 256
/* The longest record of /dev/kmsg. */
#define RECORD_SIZE 8192

static int log_open(void)
{
	/* From here on. */
	int log = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		return -errno;
	return log;
}

/* Returns the size of the next record, 0 if there is none. -EPIPE: some were overwritten. */
static int log_read(int log, char record[RECORD_SIZE])
{
	ssize_t size = read(log, record, RECORD_SIZE - 1);

	record[size < 0 ? 0 : size] = '\0';
	if (size < 0)
		return errno == EAGAIN ? 0 : -errno;
	return size;
}

/* In hex, with blanks between the bytes or without, or as they are, which the log escapes. */
static bool log_shows(const char *record, const unsigned char *key, size_t size)
{
	char spaced[8 * 3 + 1], bytes[8 * 4 + 1];
	size_t i, j;

	for (i = 0; i + 8 <= size; i++) {
		char *s = spaced, *b = bytes;

		for (j = i; j < i + 8; j++) {
			bool printed = key[j] >= ' ' && key[j] < 127 && key[j] != '\\';

			s += sprintf(s, j > i ? " %02x" : "%02x", key[j]);
			b += sprintf(b, printed ? "%c" : "\\x%02x", key[j]);
		}
		if (strstr(record, spaced) || strstr(record, bytes))
			return true;
	}
	return shows_key(record, key, size);
}

/* Or it would be no wonder that the log never shows a key. */
TEST(log_that_shows_a_key)
{
	char record[RECORD_SIZE], text[3][NAME_SIZE] = {};
	unsigned char key[16];
	int log, ret, seen, size;
	unsigned int i;

	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	/* Letters, which no console takes for orders, but any eight have one that is escaped. */
	for (i = 0; i < sizeof(key); i++) {
		key[i] = i == 7 ? '\\' : i == 8 ? 0xff : 'a' + key[i] % 26;
		sprintf(text[1] + 3 * i, "%02x ", key[i]);
	}
	to_hex(text[0], key, sizeof(key));
	memcpy(text[2], key, sizeof(key));
	log = log_open();
	ASSERT_LE(0, log);
	for (i = 0; i < ARRAY_SIZE(text); i++) {
		/* Each write is a record, and to be read it has to end. */
		size = snprintf(record, sizeof(record), "dmck: %s\n", text[i]);
		ASSERT_EQ(size, write(log, record, size));
		seen = 0;
		while ((ret = log_read(log, record)) > 0)
			seen += log_shows(record, key, sizeof(key));
		EXPECT_EQ(0, ret);
		EXPECT_EQ(1, seen) TH_LOG("spelling %u", i);
	}
	close(log);
}

FIXTURE(fault)
{
	struct faults faults;
	struct backing backing;
	char name[NAME_SIZE];
	char ref[REF_SIZE];
	char other[REF_SIZE];
	char options[LINE_SIZE];
	unsigned char data[DATA_SIZE];
	unsigned char secret[2][KEY_SIZE];
	int log;
};

FIXTURE_VARIANT(fault)
{
	const char *type;
	const char *cipher;
	unsigned int size;
};

FIXTURE_VARIANT_ADD(fault, user) {
	.type = "user",
	.cipher = XTS,
	.size = KEY_SIZE,
};

FIXTURE_VARIANT_ADD(fault, logon) {
	.type = "logon",
	.cipher = XTS,
	.size = KEY_SIZE,
};

FIXTURE_VARIANT_ADD(fault, encrypted) {
	.type = "encrypted",
	.cipher = XTS,
	.size = KEY_SIZE,
};

FIXTURE_VARIANT_ADD(fault, trusted) {
	.type = "trusted",
	.cipher = XTS,
	.size = KEY_SIZE,
};

/* What allocates when it gets a key, and has parts of it of its own. */
FIXTURE_VARIANT_ADD(fault, lrw) {
	.type = "encrypted",
	.cipher = LRW,
	.size = LRW_KEY_SIZE,
};

FIXTURE_VARIANT_ADD(fault, essiv) {
	.type = "encrypted",
	.cipher = "aes-cbc-essiv:sha256",
	.size = 32,
};

FIXTURE_VARIANT_ADD(fault, elephant) {
	.type = "encrypted",
	.cipher = "aes-cbc-elephant",
	.size = KEY_SIZE,
};

FIXTURE_VARIANT_ADD(fault, lmk) {
	.type = "logon",
	.cipher = "aes:2-cbc-lmk",
	.size = 48,
};

FIXTURE_VARIANT_ADD(fault, tcw) {
	.type = "logon",
	.cipher = "aes-cbc-tcw",
	.size = KEY_SIZE,
};

/*
 * Both keys are known to the test, but for trusted ones: what those hold nobody but the kernel
 * knows, and so nobody can look for it in the log.
 */
static int make(const FIXTURE_VARIANT(fault) * variant, const char *desc,
		const unsigned char *secret)
{
	if (!strcmp(variant->type, "trusted"))
		secret = NULL;
	return key_make(variant->type, desc, secret, variant->size);
}

FIXTURE_SETUP(fault)
{
	const char *lacking, *unsupported;
	int serial;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->data, sizeof(self->data)));
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	serial = make(variant, DESC, self->secret[0]);
	unsupported = key_unsupported(variant->type, serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, serial);
	ASSERT_LT(0, make(variant, OTHER, self->secret[1]));
	snprintf(self->ref, sizeof(self->ref), ":%u:%s:" DESC, variant->size, variant->type);
	snprintf(self->other, sizeof(self->other), ":%u:%s:" OTHER, variant->size, variant->type);

	self->log = log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
	ASSERT_EQ(0, dm_create(self->name));
	lacking = faults_open(&self->faults);
	if (lacking) {
		dm_remove(self->name);
		backing_close(&self->backing);
		SKIP(return, "%s", lacking);
	}
}

/*
 * Often enough that nothing is overwritten before it is read. In @room bytes of secrets there is
 * one every KEY_SIZE, of @size bytes.
 */
static void expect_unlogged(struct __test_metadata *_metadata, int log,
			    const unsigned char *secrets, size_t room, size_t size)
{
	char record[RECORD_SIZE];
	size_t at;
	int ret;

	while ((ret = log_read(log, record)) > 0)
		for (at = 0; at < room; at += KEY_SIZE)
			EXPECT_FALSE(log_shows(record, secrets + at, size)) TH_LOG("%s", record);
	EXPECT_EQ(0, ret);
}

static void expect_no_key(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self,
			  const FIXTURE_VARIANT(fault) * variant)
{
	expect_unlogged(_metadata, self->log, self->secret[0], sizeof(self->secret),
			variant->size);
}

FIXTURE_TEARDOWN(fault)
{
	faults_close(&self->faults);
	EXPECT_EQ(0, dm_remove(self->name));
	backing_close(&self->backing);
	expect_no_key(_metadata, self, variant);
	close(self->log);
}

static int load(FIXTURE_DATA(fault) * self, const FIXTURE_VARIANT(fault) * variant)
{
	return dm_load_crypt(self->name, 1, &self->backing, variant->cipher, self->ref,
			     self->options);
}

/* Makes it live with data, from whatever state. */
static void start(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self,
		  const FIXTURE_VARIANT(fault) * variant)
{
	ASSERT_EQ(0, load(self, variant));
	ASSERT_EQ(0, dm_resume(self->name));
	ASSERT_EQ(0, dm_write(self->name, self->data));
}

static void expect_state(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self,
			 const char *state, const char *ref)
{
	char line[LINE_SIZE] = "", expected[LINE_SIZE];

	snprintf(expected, sizeof(expected), "key %s %s", state, ref);
	EXPECT_EQ(0, dm_status(self->name, line));
	EXPECT_STREQ(expected, line);
}

static bool in_state(FIXTURE_DATA(fault) * self, const char *state)
{
	char line[LINE_SIZE] = "";

	return !dm_status(self->name, line) && !strncmp(line, "key ", 4) &&
	       !strncmp(line + 4, state, strlen(state)) && line[4 + strlen(state)] == ' ';
}

/*
 * How many users the cipher has whose setkey allocates, or -ENOENT: a key that it did not take goes
 * with the transform that has another one.
 */
static int lrw_users(void)
{
	int users, sum = -ENOENT;
	char line[LINE_SIZE];
	bool ours = false;
	FILE *file = fopen("/proc/crypto", "re");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "name ", 5))
			ours = strstr(line, ": lrw(aes)\n");
		else if (ours && sscanf(line, "refcnt : %d", &users) == 1)
			sum = (sum < 0 ? 0 : sum) + users;
	}
	fclose(file);
	return sum;
}

/*
 * No table is left, and the key is as good as before. Another device of the same cipher and layout
 * keeps what is made once for all of them: the algorithm, whose maker says -ENOENT if it has no
 * memory, and the caches of the block layer, which speak of it with a stack trace.
 */
static void construct(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self,
		      const FIXTURE_VARIANT(fault) * variant, unsigned int step)
{
	unsigned int nth, refused = 0;
	char name[NAME_SIZE];
	int ret;

	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &self->backing, variant->cipher, self->ref, ""));
	for (nth = 1;; nth += step) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = load(self, variant);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		refused += !!ret;
		EXPECT_LT(0, key_search(variant->type, DESC));
		expect_no_key(_metadata, self, variant);
		if (!ret)
			ASSERT_EQ(0, dm_clear(self->name));
	}
	EXPECT_EQ(0, dm_remove(name));
	ASSERT_EQ(0, ret);
	EXPECT_LT((self->faults.pages ? POOL_PAGES : 10) / step, refused);
	ASSERT_EQ(0, dm_resume(self->name));
	ASSERT_EQ(0, dm_write(self->name, self->data));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

/* Each takes a debug kernel a while, hence the time. */
TEST_F_TIMEOUT(fault, constructor, 300)
{
	construct(_metadata, self, variant, 1);
	EXPECT_LT(0, key_search(variant->type, DESC));
}

/*
 * A table that is refused, or that goes before it is live, leaves the key where it is. Else it is
 * as the one before, and most allocations are the pages of a pool: so not each of them fails here.
 */
TEST_F_TIMEOUT(fault, constructor_drop_key, 300)
{
	snprintf(self->options, sizeof(self->options), "1 drop_key");
	construct(_metadata, self, variant, 7);
	EXPECT_GT(0, key_search(variant->type, DESC));
}

/*
 * Before the ciphers are touched the old key stays and decrypts; after that there is none, and the
 * device is not resumed.
 */
TEST_F(fault, key_set)
{
	unsigned int nth, kept = 0, invalid = 0;
	bool lrw = !strcmp(variant->cipher, LRW);
	int ret, users;

	start(_metadata, self, variant);
	users = lrw_users();
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, dm_suspend(self->name));
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_key_set(self->name, self->other);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		if (!ret) {
			expect_state(_metadata, self, "set", self->other);
		} else if (in_state(self, "invalid")) {
			EXPECT_EQ(-EAGAIN, dm_resume(self->name));
			if (lrw)
				EXPECT_EQ(users - 1, lrw_users());
			invalid++;
		} else {
			expect_state(_metadata, self, "set", self->ref);
			ASSERT_EQ(0, dm_resume(self->name));
			EXPECT_EQ(1, dm_reads(self->name, self->data));
			ASSERT_EQ(0, dm_suspend(self->name));
			kept++;
		}
		ASSERT_EQ(0, dm_key_set(self->name, self->ref));
		ASSERT_EQ(0, dm_resume(self->name));
		EXPECT_EQ(1, dm_reads(self->name, self->data));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(0, kept);
	if (lrw) {
		EXPECT_LT(0, invalid);
		EXPECT_EQ(users, lrw_users());
	}
}

/* Who was given a key has it, who was refused one has none; it is suspended before and after. */
static void key_or_none(struct __test_metadata *_metadata, FIXTURE_DATA(fault) * self, int ret)
{
	if (ret) {
		EXPECT_EQ(-EAGAIN, dm_resume(self->name));
		return;
	}
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
	ASSERT_EQ(0, dm_suspend(self->name));
}

/* A device whose ciphers went with their key gets others, or has none still. */
TEST_F(fault, key_set_anew)
{
	unsigned int nth, refused = 0;
	char wrong[2 * KEY_SIZE + 1];
	int ret;

	memset(wrong, 'x', sizeof(wrong));
	wrong[2 * variant->size] = '\0';
	start(_metadata, self, variant);
	ASSERT_EQ(0, dm_suspend(self->name));
	for (nth = 1;; nth++) {
		ASSERT_EQ(-EINVAL, dm_key_set(self->name, wrong));
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_key_set(self->name, self->ref);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		if (ret)
			EXPECT_TRUE(in_state(self, "invalid"));
		refused += !!ret;
		key_or_none(_metadata, self, ret);
	}
	ASSERT_EQ(0, ret);
	EXPECT_LT(2, refused);
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

TEST_F(fault, key_reload)
{
	unsigned int nth, refused = 0;
	int ret;

	start(_metadata, self, variant);
	ASSERT_EQ(0, dm_suspend(self->name));
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, dm_message(self->name, "key wipe"));
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_message(self->name, "key reload");
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		if (ret)
			EXPECT_TRUE(in_state(self, "wiped") || in_state(self, "invalid"));
		refused += !!ret;
		key_or_none(_metadata, self, ret);
	}
	ASSERT_EQ(0, ret);
	EXPECT_LT(0, refused);
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

/* A wipe that has reached the device never fails: a cipher that takes no other key goes. */
TEST_F(fault, key_wipe)
{
	unsigned int nth, refused = 0, freed = 0;
	bool lrw = !strcmp(variant->cipher, LRW);
	int ret, users;

	start(_metadata, self, variant);
	users = lrw_users();
	ASSERT_EQ(0, dm_suspend(self->name));
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_message(self->name, "key wipe");
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		/* The ioctl needs memory of its own to get there. */
		expect_state(_metadata, self, ret ? "set" : "wiped", self->ref);
		refused += !!ret;
		if (ret) {
			ASSERT_EQ(0, dm_resume(self->name));
			EXPECT_EQ(1, dm_reads(self->name, self->data));
			ASSERT_EQ(0, dm_suspend(self->name));
			continue;
		}
		EXPECT_EQ(-EAGAIN, dm_resume(self->name));
		freed += lrw && lrw_users() == users - 1;
		ASSERT_EQ(0, dm_key_set(self->name, self->ref));
		ASSERT_EQ(0, dm_resume(self->name));
		EXPECT_EQ(1, dm_reads(self->name, self->data));
		ASSERT_EQ(0, dm_suspend(self->name));
	}
	ASSERT_EQ(0, ret);
	EXPECT_LT(0, refused);
	if (lrw)
		EXPECT_LT(0, freed);
	expect_state(_metadata, self, "wiped", self->ref);
}

/* A device that is resumed has dropped its key, with memory or without. */
TEST_F(fault, drop_key)
{
	unsigned int nth;
	int ret, serial;

	start(_metadata, self, variant);
	snprintf(self->options, sizeof(self->options), "1 drop_key");
	for (nth = 1;; nth++) {
		/* Its payload does not matter: the data is not read. */
		if (nth > 1)
			ASSERT_LT(0, make(variant, DESC, self->secret[0]));
		ASSERT_EQ(0, load(self, variant));
		serial = key_search(variant->type, DESC);
		ASSERT_LT(0, serial);
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_resume(self->name);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		if (ret)
			ASSERT_EQ(0, dm_resume(self->name));
		expect_state(_metadata, self, "dropped", self->ref);
		EXPECT_GT(0, key_search(variant->type, DESC));
		EXPECT_EQ(-ENOKEY, key_ctl(KEYCTL_LINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0));
	}
	ASSERT_EQ(0, ret);
	EXPECT_GT(0, key_search(variant->type, DESC));
}

/*
 * What fails, if not all that this thread allocates: what is allocated below a function, by
 * whatever thread, or what is not.
 */
static const char * const injectors[] = {
	FAILSLAB, FAIL_PAGE_ALLOC,
};

/* Below @function alone (@how is "require"), or not below it ("reject"); NULL: as ever. */
static int filter(const char *how, const char *function)
{
	unsigned long address, start = 0, end = 0;
	char path[NAME_SIZE], name[NAME_SIZE], line[LINE_SIZE];
	FILE *symbols;
	size_t i;

	if (function) {
		symbols = fopen("/proc/kallsyms", "re");
		if (!symbols)
			return -errno;
		/* They stand there in the order of their addresses, those of modules behind. */
		while (!end && fgets(line, sizeof(line), symbols)) {
			if (sscanf(line, "%lx %*c %63s", &address, name) != 2)
				continue;
			if (start && address > start)
				end = address;
			else if (!strcmp(name, function))
				start = address;
		}
		fclose(symbols);
		if (!end)
			return -ENOENT;
	} else if (!strcmp(how, "require")) {
		end = ULONG_MAX;
	}
	for (i = 0; i < ARRAY_SIZE(injectors); i++) {
		if (access(injectors[i], F_OK))
			continue;
		snprintf(path, sizeof(path), "%s%s-start", injectors[i], how);
		snprintf(line, sizeof(line), "%lu", start);
		if (file_put(path, line))
			return -ENOENT;
		snprintf(path, sizeof(path), "%s%s-end", injectors[i], how);
		snprintf(line, sizeof(line), "%lu", end);
		if (file_put(path, line))
			return -ENOENT;
	}
	return 0;
}

/* The @nth such allocation from now on fails, if as many as a multiple of that were before. */
static int others_arm(unsigned int nth)
{
	char interval[NAME_SIZE];

	snprintf(interval, sizeof(interval), "%u", nth);
	return file_put(FAILSLAB "interval", interval) ?: file_put(FAILSLAB "times", "1") ?:
	       file_put(FAILSLAB "probability", "100");
}

/* Returns 1 if it has failed, 0 if there were fewer. */
static int others_disarm(void)
{
	int fd, ret = file_put(FAILSLAB "probability", "0");
	char left = '?';

	fd = ret ? -1 : open(FAILSLAB "times", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ret = read(fd, &left, 1) == 1 ? left == '0' : -EIO;
		close(fd);
	}
	return file_put(FAILSLAB "interval", "1") ?: file_put(FAILSLAB "times", "1") ?: ret;
}

/* What the crypto API makes of templates when it is asked for it, and keeps. */
FIXTURE(template)
{
	struct faults faults;
	struct volume volume; /* by the same key in hex */
	char name[NAME_SIZE];
	unsigned char secret[KEY_SIZE];
	char ref[REF_SIZE];
	int netlink;
	int log;
};

FIXTURE_VARIANT(template)
{
	const char *cipher;
	unsigned int size;
	/* The outer one comes first. */
	const char *made[2];
};

/* Not of AES, which has this mode by itself on some kernels. */
FIXTURE_VARIANT_ADD(template, xts) {
	.cipher = "serpent-xts-plain64",
	.size = KEY_SIZE,
	.made = { "xts(serpent)", "ecb(serpent)" },
};

FIXTURE_VARIANT_ADD(template, lrw) {
	.cipher = LRW,
	.size = LRW_KEY_SIZE,
	.made = { "lrw(aes)", "ecb(aes)" },
};

FIXTURE_VARIANT_ADD(template, essiv) {
	.cipher = "aes-cbc-essiv:sha256",
	.size = 32,
	.made = { "essiv(cbc(aes),sha256)", "cbc(aes)" },
};

/*
 * Takes away what was made, so that it is made anew. Returns 1, or 0 if there is nothing. -EBUSY:
 * it is in use; -EINVAL: it was not made of a template.
 */
static int unmake(int netlink, const char *name)
{
	struct {
		struct nlmsghdr head;
		struct crypto_user_alg alg;
	} ask = {
		.head.nlmsg_len = sizeof(ask),
		.head.nlmsg_type = CRYPTO_MSG_DELALG,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[sizeof(ask)];
	} answer;
	char line[LINE_SIZE], expected[LINE_SIZE];
	FILE *file = fopen("/proc/crypto", "re");
	bool found = false;

	if (!file)
		return -errno;
	snprintf(expected, sizeof(expected), "name         : %s\n", name);
	snprintf(ask.alg.cru_name, sizeof(ask.alg.cru_name), "%s", name);
	while (fgets(line, sizeof(line), file) && !found)
		if (!strcmp(line, expected))
			found = fscanf(file, "driver : %63s", ask.alg.cru_driver_name) == 1;
	fclose(file);
	if (!found)
		return 0;
	if (send(netlink, &ask, sizeof(ask), 0) < 0 ||
	    recv(netlink, &answer, sizeof(answer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(int)))
		return -errno;
	return answer.error.error ?: 1;
}

/* Returns what came of the outer one. What it is made over need not be made of a template. */
static int unmake_all(FIXTURE_DATA(template) * self, const FIXTURE_VARIANT(template) * variant)
{
	int outer = unmake(self->netlink, variant->made[0]), inner;

	if (outer < 0)
		return outer;
	inner = unmake(self->netlink, variant->made[1]);
	return inner < 0 && inner != -EINVAL ? inner : outer;
}

static void close_template(FIXTURE_DATA(template) * self)
{
	filter("require", NULL);
	filter("reject", NULL);
	faults_close(&self->faults);
	close(self->netlink);
	backing_close(&self->volume.backing);
	close(self->log);
}

FIXTURE_SETUP(template)
{
	char hex[HEX_SIZE];
	const char *lacking;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	to_hex(hex, self->secret, variant->size);
	ASSERT_LT(0, key_add("logon", DESC, self->secret, variant->size));
	snprintf(self->ref, sizeof(self->ref), ":%u:logon:" DESC, variant->size);
	lacking = faults_open(&self->faults);
	if (lacking)
		SKIP(return, "%s", lacking);
	self->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_CRYPTO);
	if (self->netlink < 0 || filter("reject", NULL)) {
		faults_close(&self->faults);
		SKIP(return, "needs CONFIG_CRYPTO_USER, CONFIG_FAULT_INJECTION_STACKTRACE_FILTER");
	}

	self->log = log_open();
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, volume_open(&self->volume, variant->cipher, hex, ""));
	ASSERT_EQ(0, dm_remove(self->volume.name));
	if (unmake_all(self, variant) != 1) {
		close_template(self);
		SKIP(return, "needs %s to be made of a template", variant->made[0]);
	}
	dm_name(self->name);
	ASSERT_EQ(0, dm_create(self->name));
}

FIXTURE_TEARDOWN(template)
{
	EXPECT_EQ(0, dm_remove(self->name));
	expect_unlogged(_metadata, self->log, self->secret, sizeof(self->secret), variant->size);
	close_template(self);
}

static int load_template(FIXTURE_DATA(template) * self, const FIXTURE_VARIANT(template) * variant)
{
	return dm_load_crypt(self->name, 1, &self->volume.backing, variant->cipher, self->ref, "");
}

/* What was written under the key in hex is there. */
static void expect_works(struct __test_metadata *_metadata, FIXTURE_DATA(template) * self,
			 const FIXTURE_VARIANT(template) * variant)
{
	ASSERT_LE(0, unmake_all(self, variant));
	ASSERT_EQ(0, load_template(self, variant));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, self->volume.data));
}

/*
 * Who asks for the algorithm allocates, too. If then nobody can be told to make it, the answer is
 * that there is none: -ENOENT. Where others listen to what is asked for, it is asked once more.
 */
TEST_F(template, asked_for)
{
	unsigned int nth, refused = 0;
	int ret;

	ret = filter("require", "crypto_alg_mod_lookup");
	if (ret)
		SKIP(return, "needs CONFIG_KALLSYMS, and crypto_alg_mod_lookup() in it");
	for (nth = 1;; nth++) {
		ASSERT_LE(0, unmake_all(self, variant));
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = load_template(self, variant);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(!ret || ret == -ENOMEM || ret == -ENOENT)
			TH_LOG("allocation %u: %d", nth, ret);
		refused += !!ret;
		EXPECT_LT(0, key_search("logon", DESC));
		expect_unlogged(_metadata, self->log, self->secret, sizeof(self->secret),
				variant->size);
		if (!ret)
			ASSERT_EQ(0, dm_clear(self->name));
	}
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, dm_clear(self->name));
	EXPECT_LT(0, refused);
	expect_works(_metadata, self, variant);
}

/* A thread of the crypto API's makes it, and those that it is made of. */
TEST_F(template, made)
{
	unsigned int nth, i, refused = 0;
	int ret, failed;

	ret = filter("require", "cryptomgr_probe");
	if (ret)
		SKIP(return, "needs CONFIG_KALLSYMS, and cryptomgr_probe() in it");
	/* Where algorithms are tested, no memory for that is a fault, with a warning. */
	ASSERT_EQ(0, filter("reject", "crypto_schedule_test"));
	for (nth = 1;; nth++) {
		/* The first one leaves the kernel's count at a multiple, wherever it fails. */
		for (i = 0; i < 2; i++) {
			ASSERT_LE(0, unmake_all(self, variant));
			ASSERT_EQ(0, others_arm(nth));
			ret = load_template(self, variant);
			failed = others_disarm();
			ASSERT_LE(0, failed);
			EXPECT_TRUE(!ret || (failed && (ret == -ENOMEM || ret == -ENOENT)))
				TH_LOG("allocation %u: %d", nth, ret);
			refused += !!ret;
			EXPECT_LT(0, key_search("logon", DESC));
			expect_unlogged(_metadata, self->log, self->secret, sizeof(self->secret),
					variant->size);
			if (!ret)
				ASSERT_EQ(0, dm_clear(self->name));
		}
		if (!failed)
			break;
	}
	EXPECT_LT(0, refused);
	expect_works(_metadata, self, variant);
}

/* dm-integrity, with a reference for each of its keys. */
FIXTURE(integrity_fault)
{
	struct faults faults;
	struct backing backing;
	struct backing other_backing;
	char name[NAME_SIZE];
	char other[NAME_SIZE];
	char options[LINE_SIZE];
	unsigned char data[DATA_SIZE];
	unsigned char secrets[3][KEY_SIZE];
	int log;
};

FIXTURE_VARIANT(integrity_fault)
{
	const char *type;
	char mode;
	const char *crypt;
	/* Also those of pages, of which there are as many in each. */
	bool pages;
};

FIXTURE_VARIANT_ADD(integrity_fault, journal) {
	.type = "logon",
	.pages = true,
	.mode = 'J',
	.crypt = "ctr(aes)",
};

/* This one encrypts the journal's sections each by itself. */
FIXTURE_VARIANT_ADD(integrity_fault, journal_cbc) {
	.type = "encrypted",
	.mode = 'J',
	.crypt = "cbc(aes)",
};

FIXTURE_VARIANT_ADD(integrity_fault, bitmap) {
	.type = "logon",
	.mode = 'B',
	.crypt = "ctr(aes)",
};

FIXTURE_VARIANT_ADD(integrity_fault, direct) {
	.type = "logon",
	.mode = 'D',
	.crypt = "ctr(aes)",
};

static const char * const integrity_keys[] = { "dmck:hash", "dmck:crypt", "dmck:mac" };

FIXTURE_SETUP(integrity_fault)
{
	char ref[ARRAY_SIZE(integrity_keys)][REF_SIZE];
	const char *lacking, *unsupported;
	size_t i;
	int ret;

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secrets, sizeof(self->secrets)));
	for (i = 0; i < ARRAY_SIZE(integrity_keys); i++) {
		ret = key_make(variant->type, integrity_keys[i], self->secrets[i], 32);
		unsupported = key_unsupported(variant->type, ret);
		if (unsupported)
			SKIP(return, "%s", unsupported);
		ASSERT_LT(0, ret);
		snprintf(ref[i], sizeof(ref[i]), ":32:%s:%s", variant->type, integrity_keys[i]);
	}
	snprintf(self->options, sizeof(self->options),
		 "internal_hash:hmac(sha256):%s journal_crypt:%s:%s journal_mac:hmac(sha256):%s",
		 ref[0], variant->crypt, ref[1], ref[2]);
	lacking = faults_open(&self->faults);
	if (lacking)
		SKIP(return, "%s", lacking);
	self->log = log_open();
	ASSERT_LE(0, self->log);

	/* Formatted, with something on it; and another one, for what is made once for all. */
	ASSERT_EQ(0, fill_random(self->data, sizeof(self->data)));
	ASSERT_EQ(0, backing_open(&self->backing));
	ASSERT_EQ(0, backing_open(&self->other_backing));
	dm_name(self->name);
	dm_name(self->other);
	ASSERT_EQ(0, integrity_map(self->other, &self->other_backing, variant->mode,
				   self->options));
	ASSERT_EQ(0, integrity_map(self->name, &self->backing, variant->mode, self->options));
	ASSERT_EQ(0, dm_write(self->name, self->data));
	ASSERT_EQ(0, dm_remove(self->name));
	ASSERT_EQ(0, dm_create(self->name));
}

FIXTURE_TEARDOWN(integrity_fault)
{
	filter("reject", NULL);
	faults_close(&self->faults);
	EXPECT_EQ(0, dm_remove(self->name));
	EXPECT_EQ(0, dm_remove(self->other));
	backing_close(&self->backing);
	backing_close(&self->other_backing);
	close(self->log);
}

TEST_F_TIMEOUT(integrity_fault, constructor, 600)
{
	unsigned int nth, refused = 0, absent = 0;
	size_t i;
	int ret;

	/* Each has a cache of its own, and if it gets none that is said with a stack trace. */
	filter("reject", "__kmem_cache_create_args");
	if (self->faults.pages && !variant->pages)
		ASSERT_EQ(0, file_put(NO_PAGES, "Y"));
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = integrity_load(self->name, &self->backing, variant->mode, self->options);
		if (fault_disarm(&self->faults) != 1)
			break;
		/* Who tries two kinds of a hash says so if one of them got no memory. */
		absent += ret == -ENOENT;
		EXPECT_TRUE(!ret || ret == -ENOMEM || ret == -ENOENT)
			TH_LOG("allocation %u: %d", nth, ret);
		refused += !!ret;
		for (i = 0; i < ARRAY_SIZE(integrity_keys); i++)
			EXPECT_LT(0, key_search(variant->type, integrity_keys[i]));
		expect_unlogged(_metadata, self->log, self->secrets[0], sizeof(self->secrets), 32);
		if (!ret)
			ASSERT_EQ(0, dm_clear(self->name));
	}
	ASSERT_EQ(0, ret);
	EXPECT_LT(20, refused);
	EXPECT_GE(4, absent);
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, dm_reads(self->name, self->data));
}

/* A key and what is done to it. */
FIXTURE(key_fault)
{
	struct faults faults;
	/* What it holds, what it is to hold then, and its master in the first bytes of one more. */
	unsigned char secret[3][KEY_SIZE];
	char payload[LINE_SIZE];
	int size;
	int log;
};

FIXTURE_VARIANT(key_fault)
{
	const char *type;
	const char *use; /* that it is bound to */
};

FIXTURE_VARIANT_ADD(key_fault, user) {
	.type = "user",
};

FIXTURE_VARIANT_ADD(key_fault, logon) {
	.type = "logon",
};

FIXTURE_VARIANT_ADD(key_fault, encrypted) {
	.type = "encrypted",
};

FIXTURE_VARIANT_ADD(key_fault, bound) {
	.type = "encrypted",
	.use = "use=dm-crypt:" XTS,
};

FIXTURE_VARIANT_ADD(key_fault, trusted) {
	.type = "trusted",
};

/* Whether it is no more than the bytes that it is made of. */
static bool is_bytes(const FIXTURE_VARIANT(key_fault) * variant)
{
	return !strcmp(variant->type, "user") || !strcmp(variant->type, "logon");
}

/* What makes a new one, which holds @secret where it can be told so. */
static int news(const FIXTURE_VARIANT(key_fault) * variant, const unsigned char secret[KEY_SIZE],
		char payload[LINE_SIZE])
{
	int size;

	if (is_bytes(variant)) {
		memcpy(payload, secret, KEY_SIZE);
		return KEY_SIZE;
	}
	if (!strcmp(variant->type, "trusted"))
		return snprintf(payload, LINE_SIZE, "new %u keyhandle=" TPM_PARENT, KEY_SIZE);
	size = snprintf(payload, LINE_SIZE, "new %s %s:" MASTER " %u ", variant->use ?: "default",
			variant->use ? "trusted" : "user", KEY_SIZE);
	to_hex(payload + size, secret, KEY_SIZE);
	return size + 2 * KEY_SIZE;
}

FIXTURE_SETUP(key_fault)
{
	const char *lacking, *unsupported;
	int serial;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	self->log = log_open();
	ASSERT_LE(0, self->log);
	ASSERT_LT(0, key_add("user", MASTER, self->secret[2], MASTER_SIZE));
	if (variant->use) {
		serial = key_make("trusted", MASTER, NULL, MASTER_SIZE);
		unsupported = key_unsupported("trusted", serial);
		if (unsupported)
			SKIP(return, "%s", unsupported);
		ASSERT_LT(0, serial);
	}
	self->size = news(variant, self->secret[0], self->payload);
	ASSERT_LT(0, self->size);
	serial = key_add(variant->type, DESC, self->payload, self->size);
	unsupported = key_unsupported(variant->type, serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, serial);
	lacking = faults_open(&self->faults);
	if (lacking)
		SKIP(return, "%s", lacking);
}

static void expect_not_told(struct __test_metadata *_metadata, FIXTURE_DATA(key_fault) * self)
{
	expect_unlogged(_metadata, self->log, self->secret[0], sizeof(self->secret), KEY_SIZE);
}

FIXTURE_TEARDOWN(key_fault)
{
	faults_close(&self->faults);
	expect_not_told(_metadata, self);
	close(self->log);
}

/* What is read of it: its bytes, or its blob. */
static int read_key(const FIXTURE_VARIANT(key_fault) * variant, const char *desc,
		    char payload[LINE_SIZE])
{
	int serial = key_search(variant->type, desc);

	memset(payload, 0, LINE_SIZE);
	return serial < 0 ? serial : key_ctl(KEYCTL_READ, serial, (uintptr_t)payload,
					     LINE_SIZE - 1, 0);
}

/* What makes one more of it. */
static int loads(const FIXTURE_VARIANT(key_fault) * variant, char payload[LINE_SIZE])
{
	char blob[LINE_SIZE];
	int size;

	size = read_key(variant, DESC, blob);
	if (size < 0)
		return size;
	size = snprintf(payload, LINE_SIZE, "load %s%s", blob,
			!strcmp(variant->type, "trusted") ? " keyhandle=" TPM_PARENT : "");
	return size < LINE_SIZE ? size : -EMSGSIZE;
}

static void add(struct __test_metadata *_metadata, FIXTURE_DATA(key_fault) * self,
		const FIXTURE_VARIANT(key_fault) * variant)
{
	/* What crypto/ecc.c says of it where the TPM is talked to in a session. */
	const int again = strcmp(variant->type, "trusted") ? -ENOMEM : -EAGAIN;
	unsigned int nth, refused = 0;
	int ret, err;

	ASSERT_LT(0, self->size);
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = key_add(variant->type, OTHER, self->payload, self->size);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(ret > 0 || ret == -ENOMEM || ret == again)
			TH_LOG("allocation %u: %d", nth, ret);
		err = key_search(variant->type, OTHER);
		if (ret > 0) {
			EXPECT_EQ(ret, err);
			ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, ret, KEY_SPEC_SESSION_KEYRING, 0, 0));
		} else {
			EXPECT_EQ(-ENOKEY, err) TH_LOG("allocation %u", nth);
			refused++;
		}
		expect_not_told(_metadata, self);
	}
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, key_ctl(KEYCTL_UNLINK, ret, KEY_SPEC_SESSION_KEYRING, 0, 0));
	EXPECT_LT(1, refused);
}

/* Whoever is refused leaves no key: neither a new one, nor one that is loaded. */
TEST_F(key_fault, add)
{
	add(_metadata, self, variant);
	if (!is_bytes(variant)) {
		self->size = loads(variant, self->payload);
		add(_metadata, self, variant);
	}
}

/* Whoever is refused leaves what there was. */
TEST_F(key_fault, update)
{
	char before[LINE_SIZE], after[LINE_SIZE];
	unsigned int nth, refused = 0;
	int ret, size, serial = key_search(variant->type, DESC);
	/* Whom a key is bound to is settled once and for all. */
	int otherwise = variant->use ? -EPERM : 0;

	if (!strcmp(variant->type, "trusted"))
		self->size = snprintf(self->payload, sizeof(self->payload),
				      "update keyhandle=" TPM_PARENT);
	else if (!strcmp(variant->type, "encrypted"))
		self->size = snprintf(self->payload, sizeof(self->payload), "update user:" MASTER);
	else
		self->size = news(variant, self->secret[1], self->payload);
	ASSERT_LT(0, self->size);
	size = read_key(variant, DESC, before);
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)self->payload, self->size, 0);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(ret == otherwise || ret == -ENOMEM)
			TH_LOG("allocation %u: %d", nth, ret);
		refused += ret == -ENOMEM;
		EXPECT_EQ(size, read_key(variant, DESC, after));
		if (ret && size > 0)
			EXPECT_EQ(0, memcmp(before, after, size));
		memcpy(before, after, sizeof(before));
		expect_not_told(_metadata, self);
	}
	EXPECT_EQ(otherwise, ret);
	EXPECT_LT(0, refused);
}

TEST_F(key_fault, read)
{
	char before[LINE_SIZE], after[LINE_SIZE];
	unsigned int nth;
	int size, ret;

	size = read_key(variant, DESC, before);
	if (!strcmp(variant->type, "logon")) {
		EXPECT_EQ(-EOPNOTSUPP, size);
		return;
	}
	ASSERT_LT(0, size);
	for (nth = 1;; nth++) {
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = read_key(variant, DESC, after);
		if (fault_disarm(&self->faults) != 1)
			break;
		EXPECT_TRUE(ret == size || ret == -ENOMEM) TH_LOG("allocation %u: %d", nth, ret);
		if (ret == size)
			EXPECT_EQ(0, memcmp(before, after, size));
		expect_not_told(_metadata, self);
	}
	EXPECT_EQ(size, ret);
}

TEST_HARNESS_MAIN
