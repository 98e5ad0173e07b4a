// SPDX-License-Identifier: GPL-2.0-only
/*
 * A key that somebody changes while its device is resumed cannot be dropped at once. It goes a
 * moment later, and no later than the device: else it would stay for anybody's next table.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "harness.h"

#define THREADS 3
#define ROUNDS 100

static atomic_int serial, done;
static unsigned char secret[KEY_SIZE];

static void *change(void *unused)
{
	(void)unused;
	while (!done)
		key_ctl(KEYCTL_UPDATE, serial, (unsigned long)secret, KEY_SIZE, 0);
	return NULL;
}

FIXTURE(drop_race)
{
	struct backing backing;
	char name[NAME_SIZE];
};

FIXTURE_SETUP(drop_race)
{
	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(secret, sizeof(secret)));
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
}

FIXTURE_TEARDOWN(drop_race)
{
	backing_close(&self->backing);
	memset(secret, 0, sizeof(secret));
}

TEST_F(drop_race, removed_at_once)
{
	char desc[NAME_SIZE], ref[REF_SIZE];
	pthread_t thread[THREADS];
	int i, key, kept = 0;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, change, NULL));
	for (i = 0; i < ROUNDS; i++) {
		snprintf(desc, sizeof(desc), "dmck:race%d", i);
		snprintf(ref, sizeof(ref), ":64:logon:%s", desc);
		key = key_add("logon", desc, secret, KEY_SIZE);
		serial = key;
		ASSERT_LT(0, key);
		ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, ref, "1 drop_key"));
		ASSERT_EQ(0, dm_remove(self->name));
		if (!key_ctl(KEYCTL_INVALIDATE, key, 0, 0, 0))
			kept++;
	}
	done = 1;
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	EXPECT_EQ(0, kept)
		TH_LOG("of %d", ROUNDS);
}

TEST_HARNESS_MAIN
