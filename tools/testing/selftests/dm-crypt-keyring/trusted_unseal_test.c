// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long the parameters of an answer are is known before it is known who answered. Under a
 * policy TPM2_Unseal() has two sessions, and a size below zero would have the kernel look for
 * them in the header, and hash from there on nearly all of its memory.
 *
 * Answers are only hashed with CONFIG_TCG_TPM2_HMAC. It takes a TPM that lies when it is told to,
 * see tpm_lie(), and unlike trusted_liar_test one lie to a session that is about to end: a TPM
 * that lies while one is started is not used any more.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:unseal"
#define NEW "new 32 keyhandle=" TPM_PARENT " pcrs=sha256:11"
#define COMMAND_SIZE (4 * TPM_BLOB_SIZE)
/* As that TPM numbers it. */
#define SIZE_BELOW_ZERO 8
/* No sequence of honest answers goes on for so long; the last ones are to unseal and to flush. */
#define ANSWERS 40
#define LAST_ANSWERS 3

static int trusted_add(const char *payload)
{
	/* Into an empty keyring: a key of that name would be updated. */
	return keys_open() ?: key_add("trusted", DESC, payload, strlen(payload));
}

TEST(size_below_zero)
{
	int ret, size, nth, told = 0, refused = 0;
	char load[COMMAND_SIZE] = "load ";
	const char *unsupported;

	ret = trusted_add(NEW);
	unsupported = key_unsupported("trusted", ret);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	if (tpm_lie(0, 0) < 0)
		SKIP(return, "needs a TPM that lies when it is told to");
	size = key_ctl(KEYCTL_READ, ret, (uintptr_t)load + 5, 3 * TPM_BLOB_SIZE, 0);
	ASSERT_LT(0, size);
	ASSERT_GE(3 * TPM_BLOB_SIZE, size);
	strcat(load, " keyhandle=" TPM_PARENT);

	for (nth = ANSWERS; nth && told < LAST_ANSWERS; nth--) {
		ASSERT_LE(0, tpm_lie(nth, SIZE_BELOW_ZERO));
		ret = trusted_add(load);
		if (tpm_lie(0, 0)) {
			told++;
			refused += ret < 0;
		} else {
			EXPECT_LT(0, ret);
		}
	}
	EXPECT_EQ(LAST_ANSWERS, told);
	EXPECT_LT(0, refused);
	EXPECT_LT(0, trusted_add(load));
}

TEST_HARNESS_MAIN
