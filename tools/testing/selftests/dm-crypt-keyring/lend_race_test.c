// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keyring changes while its keys are lent: whoever is lent a key gets the whole of one key that
 * was there, or a refusal. And many devices live on one key, and make way without a trace.
 *
 * DMCK_RACE_SECONDS says for how long each race goes on, DMCK_ROUNDS how many devices come and go.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:lend"
#define MASTER "dmck:master"
#define RACE_SECONDS 4
#define DEVICES 200
#define ROUNDS 300
/* Of what a device is made of, dm-crypt's part alone is more than that. */
#define SPARE_BYTES 512
/* In seconds, for a test that takes longer than the harness allows. */
#define TIMEOUT 200

static int number(const char *name, int otherwise)
{
	const char *given = getenv(name);

	return given ? atoi(given) : otherwise;
}

/* Two keys by one name, and what the device reads under each of them. */
FIXTURE(lend_race)
{
	struct volume volume;
	const char *name;
	const char *type;
	char ref[REF_SIZE];
	unsigned char secret[2][KEY_SIZE];
	unsigned char data[2][DATA_SIZE];
	time_t end;
	atomic_uint changes;
};

FIXTURE_VARIANT(lend_race)
{
	const char *type;
	const char *options;
};

FIXTURE_VARIANT_ADD(lend_race, user) {
	.type = "user",
	.options = "",
};

FIXTURE_VARIANT_ADD(lend_race, logon) {
	.type = "logon",
	.options = "",
};

FIXTURE_VARIANT_ADD(lend_race, encrypted) {
	.type = "encrypted",
	.options = "",
};

FIXTURE_VARIANT_ADD(lend_race, dropped) {
	.type = "logon",
	.options = "1 drop_key",
};

static time_t now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

FIXTURE_SETUP(lend_race)
{
	char hex[HEX_SIZE], name[NAME_SIZE];
	const char *unsupported;
	int i, serial;

	ASSERT_EQ(0, keys_open());
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, fill_random(self->secret[i], KEY_SIZE));
	self->type = variant->type;
	serial = key_make(self->type, DESC, self->secret[0], KEY_SIZE);
	unsupported = key_unsupported(self->type, serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, serial);
	snprintf(self->ref, sizeof(self->ref), ":%u:%s:" DESC, KEY_SIZE, self->type);
	ASSERT_EQ(0, volume_open(&self->volume, XTS, self->ref, variant->options));
	self->name = self->volume.name;

	dm_name(name);
	for (i = 0; i < 2; i++) {
		to_hex(hex, self->secret[i], KEY_SIZE);
		ASSERT_EQ(0, dm_map_crypt(name, &self->volume.backing, XTS, hex, ""));
		EXPECT_EQ(0, dm_read(name, self->data[i]));
		ASSERT_EQ(0, dm_remove(name));
	}
	ASSERT_EQ(0, memcmp(self->data[0], self->volume.data, DATA_SIZE));
	self->end = now() + number("DMCK_RACE_SECONDS", RACE_SECONDS);
}

FIXTURE_TEARDOWN(lend_race)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* What can be done to a key that somebody else may be using. An error only means: it is gone. */
static void change(FIXTURE_DATA(lend_race) * self, unsigned int which)
{
	const unsigned char *secret = self->secret[which & 1];
	int serial = key_search(self->type, DESC);

	switch (which >> 1) {
	case 0:
		if (strcmp(self->type, "encrypted"))
			key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)secret, KEY_SIZE, 0);
		else
			key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)"update user:" MASTER,
				strlen("update user:" MASTER), 0);
		break;
	case 1:
		key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0);
		break;
	case 2:
		key_ctl(KEYCTL_REVOKE, serial, 0, 0, 0);
		break;
	case 3:
		key_ctl(KEYCTL_INVALIDATE, serial, 0, 0, 0);
		break;
	case 4:
		key_ctl(KEYCTL_SET_TIMEOUT, serial, 1, 0, 0);
		break;
	case 5:
		key_ctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
		break;
	}
	/* A new one, or if there is one still, and if it can be, an update. */
	if (key_make(self->type, DESC, secret, KEY_SIZE) < 0) {
		serial = key_search(self->type, DESC);
		key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0);
		key_make(self->type, DESC, secret, KEY_SIZE);
	}
}

static void *changer(void *arg)
{
	FIXTURE_DATA(lend_race) * self = arg;
	unsigned int which = 0;

	while (now() < self->end) {
		change(self, which++ % 12);
		self->changes++;
	}
	return NULL;
}

/* All that may become of a look-up while the key changes. */
static bool is_refusal(int err)
{
	return err == -ENOKEY || err == -EKEYREVOKED || err == -EKEYEXPIRED;
}

struct loader {
	FIXTURE_DATA(lend_race) * self;
	const char *options;
	unsigned int loaded;
	int err;
};

/* Tables that are loaded and go again, live or not. */
static void *loader(void *arg)
{
	struct loader *loader = arg;
	char name[NAME_SIZE];
	int ret = 0;

	while (!ret && now() < loader->self->end) {
		dm_name(name);
		ret = dm_create(name);
		if (ret)
			break;
		ret = dm_load_crypt(name, 1, &loader->self->volume.backing, XTS,
				    loader->self->ref, loader->options);
		if (!ret && loader->loaded++ % 2)
			ret = dm_resume(name);
		if (is_refusal(ret))
			ret = 0;
		dm_remove(name);
	}
	loader->err = ret;
	return NULL;
}

TEST_F(lend_race, whole_or_refused)
{
	struct loader load = { .self = self, .options = variant->options };
	unsigned int seen[2] = {}, refused = 0, i;
	unsigned char data[DATA_SIZE];
	pthread_t threads[2];
	bool wiped = false;
	int ret;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, changer, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, loader, &load));
	for (i = 0; now() < self->end; i++) {
		ASSERT_EQ(0, dm_suspend(self->name));
		if (i % 3 == 0) {
			EXPECT_EQ(0, dm_message(self->name, "key wipe"));
			wiped = true;
		}
		ret = i % 2 ? dm_message(self->name, "key reload") :
			      dm_key_set(self->name, self->ref);
		EXPECT_TRUE(!ret || is_refusal(ret)) TH_LOG("%d", ret);
		refused += !!ret;
		wiped &= !!ret;
		if (wiped) {
			EXPECT_EQ(-EAGAIN, dm_resume(self->name));
			continue;
		}
		ASSERT_EQ(0, dm_resume(self->name));
		ASSERT_EQ(0, dm_read(self->name, data));
		if (!memcmp(data, self->data[0], DATA_SIZE))
			seen[0]++;
		else if (!memcmp(data, self->data[1], DATA_SIZE))
			seen[1]++;
		else
			EXPECT_TRUE(false) TH_LOG("neither of the two keys, in round %u", i);
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, load.err);
	TH_LOG("%u changes, %u loads, the keys set %u and %u times, %u refused",
	       self->changes, load.loaded, seen[0], seen[1], refused);
	/* The two did meet. */
	EXPECT_LT(0, seen[0]);
	EXPECT_LT(0, seen[1]);
	EXPECT_LT(0, load.loaded);

	/* And then all is as good as ever. */
	key_ctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	ASSERT_LT(0, key_make(self->type, DESC, self->secret[0], KEY_SIZE));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->ref));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

struct setter {
	FIXTURE_DATA(lend_race) * self;
	const char *key;
	unsigned int sent;
};

static void *setter(void *arg)
{
	struct setter *setter = arg;

	for (; now() < setter->self->end; setter->sent++)
		dm_key_set(setter->self->name, setter->key);
	return NULL;
}

/* One message costs the device its ciphers while another one is about to set a key in them. */
TEST_F(lend_race, setters_that_fail)
{
	char wrong[HEX_SIZE], hex[HEX_SIZE], line[LINE_SIZE];
	struct setter setters[] = {
		{ self, wrong, 0 }, { self, self->ref, 0 }, { self, hex, 0 },
	};
	pthread_t threads[ARRAY_SIZE(setters)];
	unsigned int i, rounds;

	to_hex(hex, self->secret[1], KEY_SIZE);
	memcpy(wrong, hex, sizeof(hex));
	wrong[2 * KEY_SIZE - 1] = 'x';
	/* One that drops its key has done so when it was made. */
	key_ctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	ASSERT_LT(0, key_make(self->type, DESC, self->secret[0], KEY_SIZE));
	ASSERT_EQ(0, dm_suspend(self->name));
	for (i = 0; i < ARRAY_SIZE(setters); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, setter, &setters[i]));
	for (rounds = 0; now() < self->end; rounds++) {
		dm_message(self->name, "key reload");
		dm_table(self->name, line);
		if (!(rounds % 8))
			dm_message(self->name, "key wipe");
	}
	for (i = 0; i < ARRAY_SIZE(setters); i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_LT(1, setters[i].sent);
	}
	TH_LOG("%u, %u and %u keys, %u other messages", setters[0].sent, setters[1].sent,
	       setters[2].sent, rounds);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, wrong));
	/* To one that drops its key no digits are a key, and they cost it none. */
	if (!*variant->options)
		EXPECT_EQ(-EAGAIN, dm_resume(self->name));
	ASSERT_EQ(0, dm_key_set(self->name, self->ref));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

struct messenger {
	FIXTURE_DATA(lend_race) * self;
	const char *name;
	atomic_uint sent;
};

/* Says something of each kind to the device, whatever it answers. */
static void *messenger(void *arg)
{
	struct messenger *messenger = arg;
	char line[LINE_SIZE];

	while (now() < messenger->self->end) {
		dm_key_set(messenger->name, messenger->self->ref);
		dm_message(messenger->name, "key wipe");
		dm_message(messenger->name, "key reload");
		dm_table(messenger->name, line);
		dm_status(messenger->name, line);
		messenger->sent++;
		/* Whoever removes the device waits until nobody has it. */
		usleep(1000);
	}
	return NULL;
}

/* Tables are swapped and devices removed under the messages: none is answered by what has gone. */
TEST_F(lend_race, messages_to_what_goes)
{
	struct messenger message = { .self = self };
	unsigned int i, devices;
	pthread_t threads[2];
	char name[NAME_SIZE];

	dm_name(name);
	message.name = name;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, messenger, &message));
	for (devices = 0; now() < self->end; devices++) {
		ASSERT_EQ(0, dm_create(name));
		/* One that drops its key leaves none to the next. */
		key_make(self->type, DESC, self->secret[0], KEY_SIZE);
		if (!dm_load_crypt(name, 1, &self->volume.backing, XTS, self->ref,
				   variant->options))
			dm_resume(name);
		dm_suspend(name);
		if (devices % 2) {
			key_make(self->type, DESC, self->secret[1], KEY_SIZE);
			dm_load_crypt(name, 1, &self->volume.backing, XTS, self->ref, "");
			dm_resume(name);
		}
		ASSERT_EQ(0, dm_remove(name));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	TH_LOG("%u devices, %u rounds of messages", devices, message.sent);
	EXPECT_LT(1, devices);
	EXPECT_LT(0, message.sent);
}

FIXTURE(many)
{
	struct volume volume;
	unsigned char secret[KEY_SIZE];
};

#define MANY_REF ":64:logon:" DESC

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	ASSERT_LT(0, key_add("logon", DESC, self->secret, sizeof(self->secret)));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, MANY_REF, ""));
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

TEST_F_TIMEOUT(many, devices_of_one_key, TIMEOUT)
{
	static char names[DEVICES][NAME_SIZE];
	char line[LINE_SIZE];
	unsigned int i;

	for (i = 0; i < DEVICES; i++) {
		dm_name(names[i]);
		ASSERT_EQ(0, dm_map_crypt(names[i], &self->volume.backing, XTS, MANY_REF,
					  i == DEVICES - 1 ? "1 drop_key" : ""));
	}
	/* The last one took the key with it; those that have it work on. */
	EXPECT_GT(0, key_search("logon", DESC));
	for (i = 0; i < DEVICES; i++) {
		EXPECT_EQ(1, dm_reads(names[i], self->volume.data)) TH_LOG("device %u", i);
		EXPECT_EQ(0, dm_status(names[i], line));
		EXPECT_STREQ(i == DEVICES - 1 ? "key dropped " MANY_REF : "key set " MANY_REF,
			     line);
	}
	for (i = 0; i < DEVICES; i++)
		ASSERT_EQ(0, dm_remove(names[i]));
}

/* What the kernel holds in slabs that nobody can have back, in bytes, or a negative errno. */
static long slab_bytes(void)
{
	char line[LINE_SIZE];
	long kib = -ENOENT;
	FILE *file = fopen("/proc/meminfo", "re");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %ld kB", &kib) == 1)
			kib *= 1024;
	fclose(file);
	return kib;
}

/* A device, a table that is refused, a key that is set, wiped and reloaded, and another key. */
static int come_and_go(FIXTURE_DATA(many) * self, char *name)
{
	int ret;

	dm_name(name);
	ret = dm_map_crypt(name, &self->volume.backing, XTS, MANY_REF, "");
	if (ret)
		return ret;
	if (dm_load_crypt(name, 1, &self->volume.backing, XTS, MANY_REF, "1 nonsense") != -EINVAL)
		ret = -EPROTO;
	ret = ret ?: dm_suspend(name) ?: dm_message(name, "key wipe") ?:
	      dm_message(name, "key reload") ?: dm_key_set(name, MANY_REF) ?: dm_resume(name);
	return dm_remove(name) ?: ret;
}

/* However many are asked for. */
TEST_F_TIMEOUT(many, rounds_leave_nothing, 3600)
{
	int i, tries, rounds = number("DMCK_ROUNDS", ROUNDS);
	char name[NAME_SIZE];
	long before, grown;

	/* What is made once, and the caches of each processor. */
	for (i = 0; i < ROUNDS / 3; i++)
		ASSERT_EQ(0, come_and_go(self, name));
	/* Others need slabs, too, but what a round leaves behind it leaves each time. */
	for (tries = 0; tries < 3; tries++) {
		sleep(1);
		before = slab_bytes();
		ASSERT_LT(0, before);
		for (i = 0; i < rounds; i++)
			ASSERT_EQ(0, come_and_go(self, name));
		sleep(1);
		grown = slab_bytes() - before;
		TH_LOG("%ld bytes more after %d rounds", grown, rounds);
		if (grown < (long)rounds * SPARE_BYTES)
			break;
	}
	EXPECT_GT(3, tries);
}

TEST_HARNESS_MAIN
