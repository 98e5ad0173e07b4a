// SPDX-License-Identifier: GPL-2.0-only
/*
 * An encrypted key reads as it was made, loaded or updated: the same for everybody, whatever keys
 * the reader has under the name of its master, and never under a master that the reader brings.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "dmck.h"
#include "harness.h"

#define MASTER_SIZE 32
#define MASTER "dmck:kmk"
#define OTHER "dmck:another-kmk"
#define ABSENT "dmck:not-there"
/* The format ecryptfs wants 16 hexadecimal digits. */
#define DESC "00112233445566aa"
#define COPY "00112233445566bb"
#define MAX_SIZE 4096

#define MEET_SECONDS 2

/* A user who is not root and has no keys. */
#define NOBODY 65533

/* What adds a master key, any number of times. */
struct master {
	const char *type;
	char payload[LINE_SIZE];
	int size;
};

static int master_add(const struct master *master, const char *desc)
{
	return key_add(master->type, desc, master->payload, master->size);
}

/* Makes a master with a secret of its own, and adds it. */
static int master_make(struct master *master, const char *type, const char *desc)
{
	int ret, size;

	master->type = type;
	master->size = MASTER_SIZE;
	if (!strcmp(type, "user"))
		return fill_random(master->payload, MASTER_SIZE) ?: master_add(master, desc);

	ret = key_make(type, desc, NULL, MASTER_SIZE);
	if (ret < 0)
		return ret;
	memcpy(master->payload, "load ", 5);
	size = key_ctl(KEYCTL_READ, ret, (uintptr_t)master->payload + 5,
		       sizeof(master->payload) - 5, 0);
	if (size < 0 || size > (int)sizeof(master->payload) - 100)
		return size < 0 ? size : -EIO;
	master->size = 5 + size + sprintf(master->payload + 5 + size, " keyhandle=" TPM_PARENT);
	return ret;
}

static int blob_read(int key, char blob[BLOB_SIZE])
{
	int ret = key_ctl(KEYCTL_READ, key, (uintptr_t)blob, BLOB_SIZE - 1, 0);

	if (ret >= BLOB_SIZE)
		return -EIO;
	blob[ret < 0 ? 0 : ret] = '\0';
	return ret;
}

/* Whether the key reads as @blob. */
static int blob_is(int key, const char *blob)
{
	char read[BLOB_SIZE];
	int ret;

	ret = blob_read(key, read);
	return ret < 0 ? ret : !strcmp(read, blob);
}

static int blob_load(const char *desc, const char *blob)
{
	char payload[BLOB_SIZE];

	return key_add("encrypted", desc, payload,
		       snprintf(payload, sizeof(payload), "load %s", blob));
}

static int blob_update(int key, const char *type, const char *master)
{
	char payload[NAME_SIZE];
	int size = snprintf(payload, sizeof(payload), "update %s:%s", type, master);

	return key_ctl(KEYCTL_UPDATE, key, (uintptr_t)payload, size, 0);
}

/* How many bytes of payload are charged to the owner of a key: /proc/keys says so last. */
static int charged(int key)
{
	char line[LINE_SIZE];
	int ret = -ENOENT;
	FILE *file;

	file = fopen("/proc/keys", "r");
	if (!file)
		return -errno;
	while (ret == -ENOENT && fgets(line, sizeof(line), file)) {
		char *colon = strrchr(line, ':');

		if (colon && (int)strtoul(line, NULL, 16) == key)
			ret = atoi(colon + 1);
	}
	fclose(file);
	return ret;
}

FIXTURE(encrypted_blob)
{
	struct master master;
	int key; /* of the process, so that it outlives a session */
	char blob[BLOB_SIZE];
};

FIXTURE_VARIANT(encrypted_blob)
{
	const char *type; /* of the master */
	const char *format;
	int size;
};

FIXTURE_VARIANT_ADD(encrypted_blob, user) {
	.type = "user",
	.format = "default",
	.size = KEY_SIZE,
};

/* What is encrypted ends with padding. */
FIXTURE_VARIANT_ADD(encrypted_blob, user_padded) {
	.type = "user",
	.format = "default",
	.size = 33,
};

FIXTURE_VARIANT_ADD(encrypted_blob, user_largest) {
	.type = "user",
	.format = "default",
	.size = 4096,
};

FIXTURE_VARIANT_ADD(encrypted_blob, user_enc32) {
	.type = "user",
	.format = "enc32",
	.size = 32,
};

FIXTURE_VARIANT_ADD(encrypted_blob, user_ecryptfs) {
	.type = "user",
	.format = "ecryptfs",
	.size = 64,
};

FIXTURE_VARIANT_ADD(encrypted_blob, trusted) {
	.type = "trusted",
	.format = "default",
	.size = KEY_SIZE,
};

FIXTURE_SETUP(encrypted_blob)
{
	char payload[NAME_SIZE];
	const char *unsupported;
	int ret;

	ASSERT_EQ(0, keys_open());
	ret = master_make(&self->master, variant->type, MASTER);
	unsupported = key_unsupported(variant->type, ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, ret);

	ret = snprintf(payload, sizeof(payload), "new %s %s:" MASTER " %d", variant->format,
		       variant->type, variant->size);
	self->key = key_add("encrypted", DESC, payload, ret);
	unsupported = key_unsupported("encrypted", self->key);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, self->key);
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, self->key, KEY_SPEC_PROCESS_KEYRING, 0, 0));
	ASSERT_LT(0, blob_read(self->key, self->blob));
}

FIXTURE_TEARDOWN(encrypted_blob)
{
}

/* Who has a master of the same name gets the blob under the real one, and that one opens it. */
TEST_F(encrypted_blob, read_with_another_master)
{
	unsigned char secret[MAX_SIZE], got[MAX_SIZE] = {};
	char blob[BLOB_SIZE];
	struct master own;
	int copy, ret;

	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_make(&own, variant->type, MASTER));
	EXPECT_EQ(1, blob_is(self->key, self->blob));

	/* Nobody here knows what is in a trusted one. */
	if (!strcmp(variant->type, "user")) {
		ret = blob_open(self->blob, self->master.payload, MASTER_SIZE, secret, MAX_SIZE);
		if (ret == -EAFNOSUPPORT || ret == -ENOENT)
			SKIP(return, "needs CONFIG_CRYPTO_USER_API_HASH and _SKCIPHER");
		ASSERT_EQ(variant->size, ret);
		ASSERT_LT(0, blob_read(self->key, blob));
		ret = blob_open(blob, own.payload, MASTER_SIZE, got, MAX_SIZE);
		EXPECT_EQ(-EBADMSG, ret);
		EXPECT_NE(0, memcmp(got, secret, variant->size))
			TH_LOG("all %d bytes of the key, by a master that is not its own", ret);
	}
	EXPECT_EQ(-EINVAL, blob_load(COPY, self->blob));

	/* Nor did it stay behind for who has the real one. */
	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_add(&self->master, MASTER));
	EXPECT_EQ(1, blob_is(self->key, self->blob));
	copy = blob_load(COPY, self->blob);
	ASSERT_LT(0, copy);
	EXPECT_EQ(1, blob_is(copy, self->blob));
}

/* And the other way round: a blob that only one's own master opens does not become a real one. */
TEST_F(encrypted_blob, load_then_read_with_the_real_master)
{
	struct master real;
	int copy;

	copy = blob_load(COPY, self->blob);
	ASSERT_LT(0, copy);
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, copy, KEY_SPEC_PROCESS_KEYRING, 0, 0));

	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_make(&real, variant->type, MASTER));
	EXPECT_EQ(1, blob_is(copy, self->blob));
	EXPECT_EQ(-EINVAL, blob_load("00112233445566cc", self->blob));
}

TEST_F(encrypted_blob, read_without_master)
{
	int size = strlen(self->blob);
	char small[BLOB_SIZE] = {};

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(-ENOKEY, key_search(variant->type, MASTER));
	EXPECT_EQ(1, blob_is(self->key, self->blob));
	EXPECT_EQ(-ENOKEY, blob_load(COPY, self->blob));

	/* Too little room gives the size and nothing else. */
	EXPECT_EQ(size, key_ctl(KEYCTL_READ, self->key, 0, 0, 0));
	EXPECT_EQ(size, key_ctl(KEYCTL_READ, self->key, (uintptr_t)small, size - 1, 0));
	EXPECT_EQ('\0', small[0]);
	EXPECT_EQ(size, key_ctl(KEYCTL_READ, self->key, (uintptr_t)small, size, 0));
	EXPECT_STREQ(self->blob, small);
}

TEST_F(encrypted_blob, loaded_without_master)
{
	int copy;

	copy = blob_load(COPY, self->blob);
	ASSERT_LT(0, copy);
	ASSERT_EQ(0, key_ctl(KEYCTL_LINK, copy, KEY_SPEC_PROCESS_KEYRING, 0, 0));
	ASSERT_EQ(0, keys_open());
	EXPECT_EQ(1, blob_is(copy, self->blob));
	EXPECT_EQ(charged(self->key), charged(copy));
}

/* There is no key without a blob. */
TEST_F(encrypted_blob, new_under_absent)
{
	char payload[NAME_SIZE];
	int size = snprintf(payload, sizeof(payload), "new %s %s:" ABSENT " %d", variant->format,
			    variant->type, variant->size);

	EXPECT_EQ(-ENOKEY, key_add("encrypted", COPY, payload, size));
	EXPECT_EQ(-ENOKEY, key_search("encrypted", COPY));
}

TEST_F(encrypted_blob, update_to_absent)
{
	int size = charged(self->key);

	ASSERT_LT(0, size);
	EXPECT_EQ(-ENOKEY, blob_update(self->key, variant->type, ABSENT));
	EXPECT_EQ(1, blob_is(self->key, self->blob));
	EXPECT_EQ(size, charged(self->key));

	/* The same name is of no use without the key. */
	ASSERT_EQ(0, keys_open());
	EXPECT_EQ(-ENOKEY, blob_update(self->key, variant->type, MASTER));
	EXPECT_EQ(1, blob_is(self->key, self->blob));

	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_add(&self->master, MASTER));
	EXPECT_LT(0, blob_load(COPY, self->blob));
}

TEST_F(encrypted_blob, update_wraps_at_once)
{
	int size = charged(self->key), copy;
	struct master other;
	char blob[BLOB_SIZE];

	ASSERT_LT(0, size);
	ASSERT_LT(0, master_make(&other, variant->type, OTHER));
	ASSERT_EQ(0, blob_update(self->key, variant->type, OTHER));
	EXPECT_EQ(size + (int)(strlen(OTHER) - strlen(MASTER)), charged(self->key));

	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, blob_read(self->key, blob));
	EXPECT_NE(NULL, strstr(blob, ":" OTHER " "));
	EXPECT_EQ(-ENOKEY, blob_load(COPY, blob));
	ASSERT_LT(0, master_add(&self->master, OTHER));
	EXPECT_EQ(-EINVAL, blob_load(COPY, blob));
	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_add(&other, OTHER));
	copy = blob_load(COPY, blob);
	ASSERT_LT(0, copy);
	EXPECT_EQ(1, blob_is(copy, blob));

	/* What a blob looks like depends on key and master alone. */
	ASSERT_LT(0, master_add(&self->master, MASTER));
	ASSERT_EQ(0, blob_update(copy, variant->type, MASTER));
	EXPECT_EQ(1, blob_is(copy, self->blob));
	EXPECT_EQ(size, charged(copy));
}

TEST_F(encrypted_blob, update_without_memory)
{
	int size = charged(self->key), ret;
	unsigned int nth, failed = 0;
	struct faults faults;
	const char *lacking;
	struct master other;

	ASSERT_LT(0, size);
	ASSERT_LT(0, master_make(&other, variant->type, OTHER));
	lacking = faults_open(&faults);
	if (lacking)
		SKIP(return, "%s", lacking);
	for (nth = 1;; nth++) {
		EXPECT_EQ(0, fault_arm(&faults, nth));
		ret = blob_update(self->key, variant->type, OTHER);
		if (fault_disarm(&faults) != 1)
			break;
		/* Some allocations can be done without. */
		if (!ret)
			ret = blob_update(self->key, variant->type, MASTER);
		else
			failed++;
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("%d", ret);
		EXPECT_EQ(1, blob_is(self->key, self->blob)) TH_LOG("allocation %u", nth);
		EXPECT_EQ(size, charged(self->key));
	}
	faults_close(&faults);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, blob_is(self->key, self->blob));
	/* The payloads, two key derivations, a cipher and a MAC. */
	EXPECT_LE(6, failed);
}

struct updater {
	const char *type;
	int key;
	int err;
	bool stop;
};

static void *update_in_turn(void *arg)
{
	struct updater *updater = arg;

	while (!updater->err && !__atomic_load_n(&updater->stop, __ATOMIC_RELAXED))
		updater->err = blob_update(updater->key, updater->type, OTHER) ?:
			       blob_update(updater->key, updater->type, MASTER);
	return NULL;
}

/* Who reads while the key is updated gets one blob or the other, whole. */
TEST_F(encrypted_blob, read_while_updated)
{
	struct updater updater = { .type = variant->type, .key = self->key };
	unsigned int reads[2] = {}, torn = 0;
	char blob[BLOB_SIZE], other[BLOB_SIZE];
	struct master master;
	pthread_t thread;
	time_t end;

	ASSERT_LT(0, master_make(&master, variant->type, OTHER));
	ASSERT_EQ(0, blob_update(self->key, variant->type, OTHER));
	ASSERT_LT(0, blob_read(self->key, other));

	ASSERT_EQ(0, pthread_create(&thread, NULL, update_in_turn, &updater));
	for (end = time(NULL) + MEET_SECONDS; time(NULL) < end && !torn;) {
		if (blob_read(self->key, blob) < 0)
			torn++;
		else if (!strcmp(blob, self->blob))
			reads[0]++;
		else if (!strcmp(blob, other))
			reads[1]++;
		else
			torn++;
	}
	__atomic_store_n(&updater.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, updater.err);
	EXPECT_EQ(0, torn);
	EXPECT_LT(0, reads[0]);
	EXPECT_LT(0, reads[1]);
}

/* The master is taken from under a key, in the ways that there are with a user key. */
TEST(master_changes)
{
	char blob[BLOB_SIZE], renewed[BLOB_SIZE], payload[] = "new user:" MASTER " 64";
	unsigned char fresh[MASTER_SIZE];
	struct master master;
	int key, serial;

	ASSERT_EQ(0, keys_open());
	serial = master_make(&master, "user", MASTER);
	ASSERT_LT(0, serial);
	key = key_add("encrypted", DESC, payload, strlen(payload));
	if (key_unsupported("encrypted", key))
		SKIP(return, "%s", key_unsupported("encrypted", key));
	ASSERT_LT(0, key);
	ASSERT_LT(0, blob_read(key, blob));

	/* Another payload needs an update to take effect. */
	ASSERT_EQ(0, fill_random(fresh, sizeof(fresh)));
	ASSERT_EQ(0, key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)fresh, sizeof(fresh), 0));
	EXPECT_EQ(1, blob_is(key, blob));
	EXPECT_EQ(-EINVAL, blob_load(COPY, blob));
	ASSERT_EQ(0, blob_update(key, "user", MASTER));
	ASSERT_LT(0, blob_read(key, renewed));
	EXPECT_STRNE(blob, renewed);
	EXPECT_LT(0, blob_load(COPY, renewed));

	/* A revoked one wraps nothing. */
	ASSERT_EQ(0, key_ctl(KEYCTL_REVOKE, serial, 0, 0, 0));
	EXPECT_EQ(-EKEYREVOKED, blob_update(key, "user", MASTER));
	EXPECT_EQ(1, blob_is(key, renewed));

	/* The type of the master is as fixed as it was. */
	EXPECT_EQ(-EINVAL, blob_update(key, "trusted", MASTER));
	EXPECT_EQ(1, blob_is(key, renewed));
}

/* Nor does an update for which there is no room in the quota change anything. */
TEST(update_over_quota)
{
	char blob[BLOB_SIZE], payload[] = "new user:" MASTER " 64", desc[NAME_SIZE];
	struct master master;
	char fill[16384] = {};
	int key, count = 0;
	size_t n;

	/* The quota of root is for root. */
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_make(&master, "user", MASTER));
	ASSERT_LT(0, master_add(&master, OTHER));
	key = key_add("encrypted", DESC, payload, strlen(payload));
	if (key_unsupported("encrypted", key))
		SKIP(return, "%s", key_unsupported("encrypted", key));
	ASSERT_LT(0, key);
	ASSERT_LT(0, blob_read(key, blob));

	for (n = sizeof(fill); n; n /= 2) {
		do
			snprintf(desc, sizeof(desc), "f%d", count++);
		while (key_add("user", desc, fill, n) > 0);
	}
	EXPECT_EQ(-EDQUOT, blob_update(key, "user", OTHER));
	EXPECT_EQ(1, blob_is(key, blob));
	EXPECT_EQ(-EDQUOT, key_add("user", desc, fill, 8));
	EXPECT_EQ(0, blob_update(key, "user", MASTER));
	EXPECT_EQ(1, blob_is(key, blob));
}

/* Neither an update nor one that fails changes what the key holds. */
TEST(secret_stays)
{
	unsigned char secret[KEY_SIZE];
	struct master other;
	struct volume volume;
	char hex[HEX_SIZE];
	int key, i;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	to_hex(hex, secret, sizeof(secret));
	key = key_make("encrypted", "dmck:volume", secret, sizeof(secret));
	if (key_unsupported("encrypted", key))
		SKIP(return, "%s", key_unsupported("encrypted", key));
	ASSERT_LT(0, key);
	ASSERT_EQ(0, volume_open(&volume, XTS, hex, ""));

	for (i = 0; i < 2; i++) {
		if (i)
			EXPECT_LT(0, master_make(&other, "user", OTHER));
		EXPECT_EQ(i ? 0 : -ENOKEY, blob_update(key, "user", OTHER));
		EXPECT_EQ(0, dm_suspend(volume.name));
		EXPECT_EQ(0, dm_message(volume.name, "key wipe"));
		EXPECT_EQ(0, dm_key_set(volume.name, ":64:encrypted:dmck:volume"));
		EXPECT_EQ(0, dm_resume(volume.name));
		EXPECT_EQ(1, volume_reads(&volume));
	}
	EXPECT_EQ(0, volume_close(&volume));
}

/* A blob from before there were formats has no format in its HMAC. It reads with one, and loads. */
TEST(loaded_without_format)
{
	/* What the HMAC is over, as the kernel puts it together. */
	unsigned char over[sizeof("user:" MASTER) + sizeof("32") + IV_SIZE + 1 + 32];
	unsigned char digest[SHA256_SIZE];
	char blob[BLOB_SIZE], old[BLOB_SIZE], payload[] = "new user:" MASTER " 32";
	char digits[3] = {};
	struct master master;
	int key, ret, at;
	size_t i;

	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, master_make(&master, "user", MASTER));
	key = key_add("encrypted", DESC, payload, strlen(payload));
	if (key_unsupported("encrypted", key))
		SKIP(return, "%s", key_unsupported("encrypted", key));
	ASSERT_LT(0, key);
	ASSERT_LT(0, blob_read(key, blob));

	ASSERT_EQ(0, strncmp(blob, "default ", 8));
	at = sizeof("user:" MASTER) + sizeof("32");
	memcpy(over, blob + 8, at);
	over[sizeof("user:" MASTER) - 1] = '\0';
	over[at - 1] = '\0';
	for (i = 0; at + i < sizeof(over); i++) {
		memcpy(digits, blob + 8 + at + 2 * i, 2);
		over[at + i] = strtoul(digits, NULL, 16);
	}
	ret = blob_hmac(master.payload, MASTER_SIZE, over, sizeof(over), digest);
	if (ret == -EAFNOSUPPORT || ret == -ENOENT)
		SKIP(return, "needs CONFIG_CRYPTO_USER_API_HASH");
	ASSERT_EQ(0, ret);

	memcpy(old, blob + 8, strlen(blob + 8) + 1);
	to_hex(old + strlen(old) - 2 * SHA256_SIZE, digest, sizeof(digest));
	EXPECT_STRNE(blob + 8, old);
	key = blob_load(COPY, old);
	ASSERT_LT(0, key);
	EXPECT_EQ(1, blob_is(key, blob));
	EXPECT_LT(0, blob_load("again", blob));
	/* The one HMAC is not good for the other. */
	EXPECT_EQ(-EINVAL, blob_load("mixed", blob + 8));
}

/* A key in the wrong place is refused, and not told in the log. */
TEST(slip_is_not_told)
{
	static const char * const payloads[] = {
		"new %s", "new %s user:" ABSENT " 64", "new default %s user:" ABSENT " 64",
		"new default user:" ABSENT " %s", "load %s user:" ABSENT " 64",
		"%s user:" ABSENT " 64", "%s default user:" ABSENT " 64",
		"update %s", "new use=%s user:" ABSENT " 64", "new use=:%s trusted:" ABSENT " 64",
	};
	char payload[LINE_SIZE], hex[HEX_SIZE], line[LINE_SIZE];
	unsigned char secret[KEY_SIZE];
	int log, ret, told = 0;
	ssize_t size;
	size_t i;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log < 0)
		SKIP(return, "needs CONFIG_PRINTK");
	lseek(log, 0, SEEK_END);
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	to_hex(hex, secret, sizeof(secret));
	for (i = 0; i < ARRAY_SIZE(payloads); i++) {
		snprintf(payload, sizeof(payload), payloads[i], hex);
		ret = key_add("encrypted", COPY, payload, strlen(payload));
		if (ret == -ENODEV)
			SKIP(return, "needs CONFIG_ENCRYPTED_KEYS");
		EXPECT_EQ(-EINVAL, ret)
			TH_LOG("%s", payloads[i]);
	}
	while ((size = read(log, line, sizeof(line) - 1)) > 0 || (size < 0 && errno == EPIPE)) {
		line[size < 0 ? 0 : size] = '\0';
		told += !!strstr(line, "encrypted_key:");
		EXPECT_FALSE(shows_key(line, secret, sizeof(secret)))
			TH_LOG("%s", line);
	}
	/* But that something was refused is told. */
	EXPECT_LT(0, told);
	close(log);
	explicit_bzero(secret, sizeof(secret));
}

TEST_HARNESS_MAIN
