// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TPM whose answers are false: errors where there are none, answers that end early, sizes that
 * are larger than what they are of, noise. Each answer on the way of a trusted key is false once,
 * in each way. The kernel may believe a lie that could be the truth, and else returns an error; it
 * reads nothing that is not there, and an honest TPM opens the key again.
 *
 * That takes a TPM that lies when it is told to, see tpm_lie(); with any other nothing is tested.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:liar"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define COMMAND_SIZE (4 * TPM_BLOB_SIZE + REF_SIZE)
#define TIMEOUT 400

/* As that TPM numbers them. */
static const char *const lies[] = {
	"failure", "success and no more", "half of it", "all but one byte", "a size too large",
	"all ones", "noise", "too much", "a size below zero",
};

FIXTURE(liar)
{
	char command[COMMAND_SIZE];
	int sessions;
	int objects;
};

FIXTURE_VARIANT(liar)
{
	const char *options;
};

FIXTURE_VARIANT_ADD(liar, plain) {
	.options = "",
};

FIXTURE_VARIANT_ADD(liar, auth) {
	.options = "blobauth=opensesame",
};

FIXTURE_VARIANT_ADD(liar, pcrs) {
	.options = "pcrs=sha256:11",
};

FIXTURE_VARIANT_ADD(liar, pcrs_auth) {
	.options = "pcrs=sha256:11 blobauth=opensesame",
};

static int trusted_add(const char *payload)
{
	/* Into an empty keyring: a key of that name would be updated. */
	return keys_open() ?: key_add("trusted", DESC, payload, strlen(payload));
}

/* What loads the key. */
FIXTURE_SETUP(liar)
{
	const char *unsupported, *auth = strstr(variant->options, "blobauth=") ?: "";
	int serial, size;

	serial = trusted_add(NEW);
	unsupported = key_unsupported("trusted", serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	if (tpm_lie(0, 0) < 0)
		SKIP(return, "needs a TPM that lies when it is told to");
	ASSERT_LT(0, serial);

	snprintf(self->command, sizeof(self->command), NEW " %s", variant->options);
	serial = trusted_add(self->command);
	ASSERT_LT(0, serial);
	memcpy(self->command, "load ", 5);
	size = key_ctl(KEYCTL_READ, serial, (uintptr_t)self->command + 5,
		       sizeof(self->command) - 6, 0);
	ASSERT_LT(0, size);
	snprintf(self->command + 5 + size, sizeof(self->command) - 5 - size,
		 " keyhandle=" TPM_PARENT " %s", auth);
	self->sessions = tpm_handles(TPM_LOADED_SESSIONS);
	self->objects = tpm_handles(TPM_TRANSIENT);
	ASSERT_LE(0, self->sessions);
}

FIXTURE_TEARDOWN(liar)
{
}

/* Whatever the TPM said, user space gets no number of the TPM's, nor one of the kernel's own. */
static bool is_errno(int err)
{
	return err < 0 && err > -512;
}

/* Each answer to what @payload asks for, in each way. Returns how many lies were told. */
static unsigned int lie(struct __test_metadata *_metadata, const char *payload)
{
	unsigned int how, nth, all = 0;
	int ret, told;

	for (how = 0; how < ARRAY_SIZE(lies); how++) {
		for (nth = 1;; nth++) {
			ASSERT_LE(0, tpm_lie(nth, how));
			ret = trusted_add(payload);
			told = tpm_lie(0, 0);
			/* What a lie made the kernel forget of. */
			ASSERT_LE(0, tpm_flush(TPM_LOADED_SESSIONS));
			ASSERT_LE(0, tpm_flush(TPM_TRANSIENT));
			if (told != 1)
				break;
			all++;
			EXPECT_TRUE(ret > 0 || is_errno(ret)) {
				TH_LOG("%d, as answer %u was %s", ret, nth, lies[how]);
			}
			/* No sequence of honest answers goes on for so long. */
			ASSERT_GT(100, nth);
		}
		EXPECT_EQ(0, told);
		EXPECT_LT(0, ret) TH_LOG("%d from an honest TPM after %s", ret, lies[how]);
	}
	return all;
}

TEST_F_TIMEOUT(liar, load, TIMEOUT)
{
	unsigned int told = lie(_metadata, self->command);

	TH_LOG("%u lies", told);
	/* Load, unseal and flush at least. */
	EXPECT_LE(3 * ARRAY_SIZE(lies), told);
	EXPECT_LT(0, trusted_add(self->command));
	EXPECT_EQ(self->sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(self->objects, tpm_handles(TPM_TRANSIENT));
}

TEST_F_TIMEOUT(liar, new, TIMEOUT)
{
	char payload[COMMAND_SIZE];
	unsigned int told;

	snprintf(payload, sizeof(payload), NEW " %s", variant->options);
	told = lie(_metadata, payload);
	TH_LOG("%u lies", told);
	EXPECT_LT(ARRAY_SIZE(lies), told);
	EXPECT_LT(0, trusted_add(self->command));
}

/* A cap that the TPM did not answer as it should is none, and the key does not come. */
TEST_F_TIMEOUT(liar, cap, TIMEOUT)
{
	char payload[COMMAND_SIZE + REF_SIZE];
	unsigned int nth;
	int ret, told;

	/* Only what is sealed to a PCR can cap it. */
	if (!strstr(variant->options, "pcrs="))
		return;
	snprintf(payload, sizeof(payload), "%s pcrlock=11", self->command);
	for (nth = 1;; nth++) {
		ASSERT_LE(0, tpm_lie(nth, 0));
		ret = trusted_add(payload);
		told = tpm_lie(0, 0);
		ASSERT_LE(0, tpm_flush(TPM_LOADED_SESSIONS));
		ASSERT_LE(0, tpm_flush(TPM_TRANSIENT));
		if (told != 1)
			break;
		EXPECT_TRUE(ret > 0 || is_errno(ret)) TH_LOG("%d", ret);
		/* Whoever has a key has a cap with it. */
		if (ret > 0)
			EXPECT_EQ(-EPERM, trusted_add(self->command));
		if (trusted_add(self->command) == -EPERM)
			break;
	}
	EXPECT_EQ(-EPERM, trusted_add(self->command));
}

TEST_HARNESS_MAIN
