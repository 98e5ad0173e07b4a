// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers to a session are not believed before they are checked, which takes
 * CONFIG_TCG_TPM2_HMAC.
 *
 * How long the parameters of an answer are is known before it is known who answered. Under a
 * policy TPM2_Unseal() has two sessions, and a size below zero would have the kernel look for
 * them in the header, and hash from there on nearly all of its memory.
 *
 * What TPM2_Load() loaded is in the TPM, whether the answer is believed or not.
 *
 * And nobody who listens learns the key: each session is salted, and one of them encrypts it.
 *
 * It takes a TPM that lies when it is told to, see tpm_lie(), and unlike trusted_liar_test one lie
 * to a session that goes on or is about to end: a TPM that lies while one is started is not used
 * any more.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:unseal"
#define NEW "new 32 keyhandle=" TPM_PARENT " pcrs=sha256:11"
#define COMMAND_SIZE (4 * TPM_BLOB_SIZE)
/* As that TPM numbers it. */
#define SIZE_BELOW_ZERO 8
#define LOAD_SPOILED 48
#define NAME_UNKNOWN 49
/* No sequence of honest answers goes on for so long; the last ones are to unseal and to flush. */
#define ANSWERS 40
#define LAST_ANSWERS 3
/* One more than a TPM has room for. */
#define LOADS 4

static int trusted_add(const char *payload)
{
	/* Into an empty keyring: a key of that name would be updated. */
	return keys_open() ?: key_add("trusted", DESC, payload, strlen(payload));
}

FIXTURE(unseal)
{
	char load[COMMAND_SIZE];
};

FIXTURE_SETUP(unseal)
{
	const char *unsupported;
	int size, serial;

	serial = trusted_add(NEW);
	unsupported = key_unsupported("trusted", serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	if (tpm_lie(0, 0) < 0)
		SKIP(return, "needs a TPM that lies when it is told to");
	memcpy(self->load, "load ", 5);
	size = key_ctl(KEYCTL_READ, serial, (uintptr_t)self->load + 5, 3 * TPM_BLOB_SIZE, 0);
	ASSERT_LT(0, size);
	ASSERT_GE(3 * TPM_BLOB_SIZE, size);
	snprintf(self->load + 5 + size, sizeof(self->load) - 5 - size, " keyhandle=" TPM_PARENT);
}

FIXTURE_TEARDOWN(unseal)
{
}

TEST_F(unseal, size_below_zero)
{
	int ret, nth, told = 0, refused = 0;

	for (nth = ANSWERS; nth && told < LAST_ANSWERS; nth--) {
		ASSERT_LE(0, tpm_lie(nth, SIZE_BELOW_ZERO));
		ret = trusted_add(self->load);
		if (tpm_lie(0, 0)) {
			told++;
			refused += ret < 0;
		} else {
			EXPECT_LT(0, ret);
		}
	}
	EXPECT_EQ(LAST_ANSWERS, told);
	EXPECT_LT(0, refused);
	EXPECT_LT(0, trusted_add(self->load));
}

TEST_F(unseal, load_spoiled)
{
	/* Without sessions of the kernel's own nothing tells. */
	const bool checked = !access("/sys/class/tpm/tpm0/null_name", F_OK);
	int i, ret, objects = tpm_handles(TPM_TRANSIENT);

	ASSERT_LE(0, objects);
	for (i = 0; i < LOADS; i++) {
		ASSERT_LE(0, tpm_lie(1, LOAD_SPOILED));
		ret = trusted_add(self->load);
		EXPECT_EQ(1, tpm_lie(0, 0));
		EXPECT_EQ(checked, ret < 0);
		EXPECT_EQ(objects, tpm_handles(TPM_TRANSIENT));
	}
	EXPECT_LT(0, trusted_add(self->load));
}

/* A session signs the name of the parent, so the kernel asks the TPM for it. */
TEST_F(unseal, name_unknown)
{
	const bool asked = !access("/sys/class/tpm/tpm0/null_name", F_OK);

	ASSERT_LE(0, tpm_lie(1, NAME_UNKNOWN));
	EXPECT_EQ(asked, trusted_add(self->load) < 0);
	EXPECT_EQ(asked, tpm_lie(0, 0));
	EXPECT_LT(0, trusted_add(self->load));
}

/* Without sessions of the kernel's own it can be seen: made, and unsealed by a policy. */
TEST_F(unseal, nobody_sees_the_key)
{
	const bool hidden = !access("/sys/class/tpm/tpm0/null_name", F_OK);

	ASSERT_LE(0, tpm_shown());
	EXPECT_LT(0, trusted_add(NEW));
	EXPECT_EQ(hidden ? 0 : 1, tpm_shown());
	EXPECT_LT(0, trusted_add(self->load));
	EXPECT_EQ(hidden ? 0 : 2, tpm_shown());
}

TEST_HARNESS_MAIN
