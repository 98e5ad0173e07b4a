// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keyring changes while its keys are lent: whoever is lent a key gets the whole of one key that
 * was there, or a refusal. And many devices live on one key, and make way without a trace.
 *
 * DMCK_RACE_SECONDS says for how long each race goes on, 3 at least, so that keys expire in it, and
 * DMCK_ROUNDS how many devices come and go.
 */

#include <dirent.h>
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
/* For how long a key that has expired is left there. */
#define EXPIRED_USECS 300000
/* Room for all caches of a kernel. */
#define SLABS 1000
/* What waits for a grace period is freed in lots, every five seconds. */
#define SETTLE_SECONDS 8
/*
 * In so many rounds a cache may grow by one object, and by so many in however many rounds: what one
 * round in a hundred leaves is seen in ten thousand. If each leaves one, it grows by that many.
 */
#define SPARE_ROUNDS 4
#define SPARE_OBJECTS 99
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
	atomic_uint expiry; /* odd while the key is known to have expired */
	pthread_barrier_t turn;
	bool over;
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
	ASSERT_EQ(0, pthread_barrier_init(&self->turn, NULL, 3));
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

/* Leaves a key until its second has passed, and a while longer, and then puts another one there. */
static void *expirer(void *arg)
{
	FIXTURE_DATA(lend_race) * self = arg;
	int found, serial;

	/* The first one has all the time in the world. */
	serial = key_search(self->type, DESC);
	key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0);
	while (now() < self->end) {
		found = key_search(self->type, DESC);
		if (found > 0) {
			usleep(100);
			continue;
		}
		/* Else there is none yet, or a device has dropped it. */
		if (found == -EKEYEXPIRED) {
			self->expiry++;
			usleep(EXPIRED_USECS);
			self->expiry++;
			key_ctl(KEYCTL_UNLINK, serial, KEY_SPEC_SESSION_KEYRING, 0, 0);
		}
		serial = key_make(self->type, DESC, self->secret[self->changes++ % 2], KEY_SIZE);
		key_ctl(KEYCTL_SET_TIMEOUT, serial, 1, 0, 0);
	}
	return NULL;
}

/* All that may become of a look-up while the key changes. */
static const int answers[] = { 0, -ENOKEY, -EKEYEXPIRED, -EKEYREVOKED };

struct tally {
	const char *what;
	int seen[ARRAY_SIZE(answers)];
	int expired; /* refusals of a key that was known to have expired */
	int lent; /* and that it was lent */
	int other;
};

static bool is_refusal(int err)
{
	return err == -ENOKEY || err == -EKEYREVOKED || err == -EKEYEXPIRED;
}

/* @expiry is what it was before somebody asked. */
static void count(FIXTURE_DATA(lend_race) * self, struct tally *tally, unsigned int expiry, int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i] == err)
			break;
	if (i == ARRAY_SIZE(answers)) {
		tally->other = err;
		return;
	}
	tally->seen[i]++;
	if (expiry % 2 && self->expiry == expiry) {
		tally->expired += !!err;
		tally->lent += !err;
	}
}

/* All of them are what they may be, and the first is among them. Returns how many refusals are. */
static int report(struct __test_metadata *_metadata, const struct tally *tally)
{
	TH_LOG("%s: %d times lent, %d ENOKEY, %d EKEYEXPIRED, %d EKEYREVOKED, %d after it expired",
	       tally->what, tally->seen[0], tally->seen[1], tally->seen[2], tally->seen[3],
	       tally->expired);
	EXPECT_EQ(0, tally->other) TH_LOG("%s", tally->what);
	EXPECT_EQ(0, tally->lent) TH_LOG("%s", tally->what);
	EXPECT_LT(0, tally->seen[0]) TH_LOG("%s", tally->what);
	return tally->seen[1] + tally->seen[2] + tally->seen[3];
}

struct loader {
	FIXTURE_DATA(lend_race) * self;
	const char *options;
	struct tally tally;
	int err;
};

/* Tables that are loaded and go again, live or not. */
static void *loader(void *arg)
{
	struct loader *loader = arg;
	char name[NAME_SIZE];
	unsigned int expiry;
	int ret = 0;

	while (!ret && now() < loader->self->end) {
		dm_name(name);
		ret = dm_create(name);
		if (ret)
			break;
		expiry = loader->self->expiry;
		ret = dm_load_crypt(name, 1, &loader->self->volume.backing, XTS,
				    loader->self->ref, loader->options);
		count(loader->self, &loader->tally, expiry, ret);
		if (!ret && loader->tally.seen[0] % 2)
			ret = dm_resume(name);
		if (is_refusal(ret))
			ret = 0;
		dm_remove(name);
	}
	loader->err = ret;
	return NULL;
}

struct sender {
	FIXTURE_DATA(lend_race) * self;
	const char *message;
	struct tally tally;
	int err;
};

/* Sends the same message once in each round, while another one sends another. */
static void *sender(void *arg)
{
	struct sender *sender = arg;
	unsigned int expiry;

	for (;;) {
		pthread_barrier_wait(&sender->self->turn);
		if (sender->self->over)
			return NULL;
		expiry = sender->self->expiry;
		sender->err = dm_message(sender->self->name, sender->message);
		count(sender->self, &sender->tally, expiry, sender->err);
		pthread_barrier_wait(&sender->self->turn);
	}
}

/*
 * Tables are loaded, and the device is sent two messages at once, while @change goes on: each time
 * the device has the whole of one key or the other, as its data shows, or what it had before.
 */
static void race(struct __test_metadata *_metadata, FIXTURE_DATA(lend_race) * self,
		 const FIXTURE_VARIANT(lend_race) * variant, void *(*change)(void *))
{
	struct loader load = {
		.self = self, .options = variant->options, .tally.what = "tables",
	};
	struct sender set = { .self = self, .tally.what = "key set" };
	struct sender reload = { .self = self, .message = "key reload",
				 .tally.what = "key reload" };
	char message[LINE_SIZE];
	unsigned char data[DATA_SIZE];
	pthread_t threads[4];
	int seen[2] = {}, refused;
	bool wiped = false;
	unsigned int i;

	snprintf(message, sizeof(message), "key set %s", self->ref);
	set.message = message;
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, change, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, loader, &load));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, sender, &set));
	ASSERT_EQ(0, pthread_create(&threads[3], NULL, sender, &reload));
	for (i = 0; now() < self->end; i++) {
		ASSERT_EQ(0, dm_suspend(self->name));
		if (i % 3 == 0) {
			EXPECT_EQ(0, dm_message(self->name, "key wipe"));
			wiped = true;
		}
		pthread_barrier_wait(&self->turn);
		pthread_barrier_wait(&self->turn);
		wiped &= set.err && reload.err;
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
	self->over = true;
	pthread_barrier_wait(&self->turn);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, load.err);
	TH_LOG("%u changes, read with the keys %d and %d times", self->changes, seen[0], seen[1]);
	refused = report(_metadata, &load.tally);
	refused += report(_metadata, &set.tally);
	refused += report(_metadata, &reload.tally);
	/* The two did meet. */
	EXPECT_LT(0, refused);
	EXPECT_LT(0, seen[0]);
	EXPECT_LT(0, seen[1]);
	if (change == expirer) {
		EXPECT_LT(0, load.tally.expired);
		EXPECT_LT(0, set.tally.expired);
		EXPECT_LT(0, reload.tally.expired);
	}

	/* And then all is as good as ever. */
	key_ctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	ASSERT_LT(0, key_make(self->type, DESC, self->secret[0], KEY_SIZE));
	ASSERT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->ref));
	ASSERT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(1, volume_reads(&self->volume));
}

TEST_F(lend_race, whole_or_refused)
{
	race(_metadata, self, variant, changer);
}

/* There are keys each second, and for a while there are none that have not expired. */
TEST_F(lend_race, expiry)
{
	race(_metadata, self, variant, expirer);
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

struct slabs {
	int count;
	struct {
		char name[NAME_SIZE];
		long objects;
	} slab[SLABS];
};

/*
 * How many objects of each cache are in use, or a negative errno. First a cache has to give up
 * those that it keeps for each processor, and those that KASAN keeps: they count as used. To tell
 * it so leaves an object itself, which is gone before the next reading.
 */
static int slabs_read(struct slabs *slabs)
{
	char line[LINE_SIZE];
	struct dirent *entry;
	FILE *file;
	DIR *dir;

	sleep(SETTLE_SECONDS);
	dir = opendir("/sys/kernel/slab");
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(line, sizeof(line), "/sys/kernel/slab/%s/shrink", entry->d_name);
		file_put(line, "1");
	}
	closedir(dir);

	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return -errno;
	slabs->count = 0;
	while (slabs->count < SLABS && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", slabs->slab[slabs->count].name,
			   &slabs->slab[slabs->count].objects) == 2)
			slabs->count++;
	fclose(file);
	return slabs->count;
}

/*
 * By how many objects @slab has grown. What a kernel that checks itself keeps of the objects in all
 * the others, and in lots, tells nothing that those do not.
 */
static long slab_grown(const struct slabs *before, const struct slabs *after, int slab)
{
	int i;

	if (!strcmp(after->slab[slab].name, "kmemleak_object") ||
	    !strcmp(after->slab[slab].name, "debug_objects_cache"))
		return 0;
	for (i = 0; i < before->count; i++)
		if (!strcmp(before->slab[i].name, after->slab[slab].name))
			return after->slab[slab].objects - before->slab[i].objects;
	return after->slab[slab].objects;
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
	int i, tries, most, rounds = number("DMCK_ROUNDS", ROUNDS);
	int spare = rounds / SPARE_ROUNDS < SPARE_OBJECTS ? rounds / SPARE_ROUNDS :
							    SPARE_OBJECTS;
	static struct slabs before, after;
	char name[NAME_SIZE];

	if (access("/proc/slabinfo", R_OK))
		SKIP(return, "needs CONFIG_SLUB_DEBUG");
	/* What is made once. */
	for (i = 0; i < ROUNDS / 3; i++)
		ASSERT_EQ(0, come_and_go(self, name));
	/* Others need slabs, too, but what a round leaves behind it leaves each time. */
	ASSERT_LT(0, slabs_read(&before));
	for (tries = 0; tries < 3; tries++) {
		for (i = 0; i < rounds; i++)
			ASSERT_EQ(0, come_and_go(self, name));
		ASSERT_LT(0, slabs_read(&after));
		ASSERT_GT(SLABS, after.count);
		for (most = 0, i = 1; i < after.count; i++)
			if (slab_grown(&before, &after, i) > slab_grown(&before, &after, most))
				most = i;
		TH_LOG("after %d rounds the most, %ld more, has %s of %d caches", rounds,
		       slab_grown(&before, &after, most), after.slab[most].name, after.count);
		if (slab_grown(&before, &after, most) <= spare)
			break;
		before = after;
	}
	EXPECT_GT(3, tries);
}

TEST_HARNESS_MAIN
