// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody gets to see a key of the keyring, or a freed one, while the key of a device is replaced:
 * not in the table line, whatever runs at once and whichever allocation fails.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dmck.h"
#include "harness.h"

/* Without the lock, a leak and a crash took less than a second each. */
#define LOOK_SECONDS 3
#define SET_SECONDS 5

#define LOGON "logon:dmck:race"
#define LOGON_REF ":64:" LOGON

static bool time_left(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < end->tv_sec ||
	       (now.tv_sec == end->tv_sec && now.tv_nsec < end->tv_nsec);
}

static void time_in(struct timespec *end, int seconds)
{
	clock_gettime(CLOCK_MONOTONIC, end);
	end->tv_sec += seconds;
}

FIXTURE(key_faults)
{
	struct volume volume;
	struct faults faults;
	unsigned char logon[LRW_KEY_SIZE];
	char hex[HEX_SIZE];
};

FIXTURE_SETUP(key_faults)
{
	unsigned char key[LRW_KEY_SIZE];
	const char *lacking;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(self->hex, key, sizeof(key));
	ASSERT_EQ(0, fill_random(self->logon, sizeof(self->logon)));
	ASSERT_LT(0, key_add("logon", "dmck:race", self->logon, sizeof(self->logon)));
	ASSERT_EQ(0, volume_open(&self->volume, LRW, self->hex, ""));
	EXPECT_EQ(0, dm_suspend(self->volume.name));

	lacking = faults_open(&self->faults);
	if (lacking) {
		volume_close(&self->volume);
		SKIP(return, "%s", lacking);
	}
}

FIXTURE_TEARDOWN(key_faults)
{
	faults_close(&self->faults);
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* A hex-keyed device tries to take a logon key, and each allocation on the way fails once. */
TEST_F(key_faults, key_set)
{
	const char *name = self->volume.name;
	unsigned int nth, failed = 0;
	char line[LINE_SIZE];
	bool leaked;
	int ret;

	for (nth = 1;; nth++) {
		/* The string that prints instead of the bytes is gone with this one. */
		ASSERT_EQ(0, dm_key_set(name, self->hex));

		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = dm_key_set(name, ":48:" LOGON);
		if (fault_disarm(&self->faults) != 1)
			break;
		/* Some allocations can be done without. */
		EXPECT_TRUE(!ret || ret == -ENOMEM) TH_LOG("%d", ret);
		failed += ret == -ENOMEM;

		ASSERT_EQ(0, dm_table(name, line));
		leaked = shows_key(line, self->logon, sizeof(self->logon));
		ASSERT_FALSE(leaked) TH_LOG("when allocation %u failed", nth);
	}
	EXPECT_EQ(0, ret);
	/* The multiplication table alone is 17 allocations. */
	EXPECT_LE(17, failed);
}

FIXTURE(key_race)
{
	struct volume volume;
	unsigned char logon[KEY_SIZE];
	char hex[HEX_SIZE];
	struct timespec end;
	bool broken; /* the kernel may hang on the device: leave it alone */
};

FIXTURE_SETUP(key_race)
{
	unsigned char key[KEY_SIZE];

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(key, sizeof(key)));
	to_hex(self->hex, key, sizeof(key));
	ASSERT_EQ(0, fill_random(self->logon, sizeof(self->logon)));
	ASSERT_LT(0, key_add("logon", "dmck:race", self->logon, sizeof(self->logon)));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, self->hex, ""));
	EXPECT_EQ(0, dm_suspend(self->volume.name));
}

FIXTURE_TEARDOWN(key_race)
{
	if (!self->broken)
		EXPECT_EQ(0, volume_close(&self->volume));
}

struct setter {
	FIXTURE_DATA(key_race) * self;
	int err;
};

static int set_in_turn(FIXTURE_DATA(key_race) * self)
{
	int ret;

	do {
		ret = dm_key_set(self->volume.name, self->hex) ?:
		      dm_key_set(self->volume.name, LOGON_REF);
	} while (!ret && time_left(&self->end));
	return ret;
}

static void *setter(void *arg)
{
	struct setter *setter = arg;

	setter->err = set_in_turn(setter->self);
	return NULL;
}

/* Who looks while a hex key and a logon key are set in turn sees the hex key or the reference. */
TEST_F(key_race, look_while_set)
{
	struct setter set = { .self = self };
	char line[LINE_SIZE], with_hex[LINE_SIZE], with_ref[LINE_SIZE];
	unsigned int looks = 0, refs = 0, torn = 0;
	bool leaked = false;
	pthread_t thread;

	ASSERT_EQ(0, dm_table(self->volume.name, with_hex));
	ASSERT_NE(NULL, strstr(with_hex, self->hex));
	ASSERT_EQ(0, dm_key_set(self->volume.name, LOGON_REF));
	ASSERT_EQ(0, dm_table(self->volume.name, with_ref));
	ASSERT_NE(NULL, strstr(with_ref, LOGON_REF));

	time_in(&self->end, LOOK_SECONDS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, setter, &set));
	while (!leaked && time_left(&self->end)) {
		if (dm_table(self->volume.name, line))
			break;
		looks++;
		refs += !strcmp(line, with_ref);
		torn += strcmp(line, with_ref) && strcmp(line, with_hex);
		leaked = shows_key(line, self->logon, sizeof(self->logon));
	}
	if (leaked)
		time_in(&self->end, 0);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, set.err);

	TH_LOG("%u looks, %u at the reference", looks, refs);
	EXPECT_FALSE(leaked);
	EXPECT_EQ(0, torn);
	/* Both were seen, so the two did meet. */
	EXPECT_LT(0, refs);
	EXPECT_LT(refs, looks);
}

/*
 * Two set keys at once. What one frees the other must not free as well, which is no less than the
 * end of the kernel, so this comes last, in processes of its own.
 */
TEST_F(key_race, set_twice_at_once)
{
	char line[LINE_SIZE];
	struct timespec end;
	pid_t pids[2];
	int i, status;

	time_in(&self->end, SET_SECONDS);
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(!!set_in_turn(self));
	}

	/* One may die holding what the other waits for, and whoever waits for that one. */
	time_in(&end, 2 * SET_SECONDS);
	for (i = 0; i < 2; i++) {
		pid_t done;

		while (!(done = waitpid(pids[i], &status, WNOHANG)) && time_left(&end))
			usleep(10 * 1000);
		self->broken |= done != pids[i] || !WIFEXITED(status);
		EXPECT_EQ(pids[i], done);
		if (done == pids[i]) {
			EXPECT_TRUE(WIFEXITED(status));
			EXPECT_EQ(0, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
		} else {
			kill(pids[i], SIGKILL);
		}
	}
	ASSERT_FALSE(self->broken);

	ASSERT_EQ(0, dm_key_set(self->volume.name, LOGON_REF));
	ASSERT_EQ(0, dm_table(self->volume.name, line));
	EXPECT_NE(NULL, strstr(line, " " LOGON_REF " "));
	EXPECT_EQ(0, dm_resume(self->volume.name));
}

TEST_HARNESS_MAIN
