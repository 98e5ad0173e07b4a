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
#include <unistd.h>

#include "approval.h"
#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:liar"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define PCR 11
#define TIMEOUT 600

/* Where in what that TPM numbers these begin, and one that is none of the first. */
#define READ_LIES 16
#define SUCCESS 9

/* As that TPM numbers them. */
static const char *const lies[] = {
	"failure", "success and no more", "half of it", "all but one byte", "a size too large",
	"all ones", "noise", "too much", "a size below zero",
};

/* And what is false of the value of a PCR. */
static const char *const read_lies[] = {
	"success and no more", "no value", "that of another PCR", "that of another bank",
	"a short value", "a value that goes on", "a value that ends early",
};

FIXTURE(liar)
{
	char make[COMMAND_SIZE];
	char load[COMMAND_SIZE];
	int sessions;
	int objects;
};

FIXTURE_VARIANT(liar)
{
	const char *options;
	const char *auth;
	int signer; /* of what kind, or 0: there is no approval */
	unsigned int answers; /* to a load, at least */
};

/* Load, unseal and flush. */
FIXTURE_VARIANT_ADD(liar, plain) {
	.options = "",
	.auth = "",
	.answers = 3,
};

FIXTURE_VARIANT_ADD(liar, auth) {
	.options = "",
	.auth = "blobauth=opensesame",
	.answers = 3,
};

/* A session more, and each command of the policy. */
FIXTURE_VARIANT_ADD(liar, pcrs) {
	.options = "pcrs=sha256:11",
	.auth = "",
	.answers = 3 + 1 + 1,
};

FIXTURE_VARIANT_ADD(liar, pcrs_auth) {
	.options = "pcrs=sha256:11",
	.auth = "blobauth=opensesame",
	.answers = 3 + 1 + 2,
};

/* And the public key comes, checks the signature, and goes. */
FIXTURE_VARIANT_ADD(liar, ecc) {
	.options = "",
	.auth = "",
	.signer = TPM_ECC,
	.answers = 3 + 1 + 2 + 3,
};

FIXTURE_VARIANT_ADD(liar, rsa) {
	.options = "pcrs=sha256:8",
	.auth = "blobauth=opensesame",
	.signer = TPM_RSA,
	.answers = 3 + 1 + 4 + 3,
};

static int trusted_add(const char *payload)
{
	/* Into an empty keyring: a key of that name would be updated. */
	return keys_open() ?: key_add("trusted", DESC, payload, strlen(payload));
}

/* Makes a key in the state that the PCRs are in, and what loads it. */
static int make(FIXTURE_DATA(liar) * self, const FIXTURE_VARIANT(liar) * variant)
{
	return approved_make(DESC, variant->options, variant->auth, variant->signer, PCR,
			     self->make, self->load);
}

FIXTURE_SETUP(liar)
{
	const char *unsupported;
	int serial;

	serial = trusted_add(NEW);
	unsupported = key_unsupported("trusted", serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	if (tpm_lie(0, 0) < 0)
		SKIP(return, "needs a TPM that lies when it is told to");
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, make(self, variant));
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

/* Asks for @payload while the @nth answer is false. Returns how many were. */
static int ask(struct __test_metadata *_metadata, const char *payload, unsigned int nth,
	       unsigned int how, int *key)
{
	int told;

	ASSERT_LE(0, tpm_lie(nth, how));
	*key = trusted_add(payload);
	told = tpm_lie(0, 0);
	/* What a lie made the kernel forget of. */
	ASSERT_LE(0, tpm_flush(TPM_LOADED_SESSIONS));
	ASSERT_LE(0, tpm_flush(TPM_TRANSIENT));
	/* No sequence of honest answers goes on for so long. */
	ASSERT_GT(100u, nth);
	return told;
}

/*
 * Each answer to what @payload asks for, in each way. If an honest TPM does not open the key, then
 * no lie does. Returns how many lies were told.
 */
static unsigned int lie(struct __test_metadata *_metadata, const char *payload, bool opens)
{
	unsigned int how, nth, all = 0;
	int ret, told;

	for (how = 0; how < ARRAY_SIZE(lies); how++) {
		for (nth = 1;; nth++) {
			told = ask(_metadata, payload, nth, how, &ret);
			if (told != 1)
				break;
			all++;
			EXPECT_TRUE((opens && ret > 0) || is_errno(ret)) {
				TH_LOG("%d, as answer %u was %s", ret, nth, lies[how]);
			}
		}
		EXPECT_EQ(0, told);
		EXPECT_EQ(opens, ret > 0) TH_LOG("%d from an honest TPM after %s", ret, lies[how]);
	}
	return all;
}

TEST_F_TIMEOUT(liar, load, TIMEOUT)
{
	unsigned int told = lie(_metadata, self->load, true);

	TH_LOG("%u lies", told);
	EXPECT_LE(variant->answers * ARRAY_SIZE(lies), told);
	EXPECT_LT(0, trusted_add(self->load));
	EXPECT_EQ(self->sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(self->objects, tpm_handles(TPM_TRANSIENT));
}

TEST_F_TIMEOUT(liar, new, TIMEOUT)
{
	unsigned int told = lie(_metadata, self->make, true);

	TH_LOG("%u lies", told);
	EXPECT_LT(ARRAY_SIZE(lies), told);
	EXPECT_LT(0, trusted_add(self->load));
}

/* What a key is sealed to was said by the TPM, of that PCR. */
TEST_F_TIMEOUT(liar, pcr_read, TIMEOUT)
{
	unsigned int how;
	int ret;

	/* The others read none. */
	if (!*variant->options)
		return;
	for (how = 0; how < ARRAY_SIZE(read_lies); how++) {
		EXPECT_EQ(1, ask(_metadata, self->make, 1, READ_LIES + how, &ret));
		EXPECT_EQ(-EIO, ret) TH_LOG("as the answer was %s", read_lies[how]);
	}
	EXPECT_LT(0, trusted_add(self->make));
	EXPECT_LT(0, trusted_add(self->load));
}

/* What is sealed to another state, or approved in another one, stays shut. */
TEST_F_TIMEOUT(liar, shut, TIMEOUT)
{
	int counter = tpm_lockout_counter();

	/* The others are open in each state. */
	if (!variant->signer && !*variant->options)
		return;
	ASSERT_LE(0, counter);
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	ASSERT_EQ(-EPERM, trusted_add(self->load));
	EXPECT_LT(ARRAY_SIZE(lies), lie(_metadata, self->load, false));
	EXPECT_EQ(counter, tpm_lockout_counter());
	ASSERT_EQ(0, make(self, variant));
	EXPECT_LT(0, trusted_add(self->load));
}

/* A cap that the TPM did not answer as it should is none, and the key does not come. */
TEST_F_TIMEOUT(liar, cap, TIMEOUT)
{
	char payload[COMMAND_SIZE + REF_SIZE];
	unsigned int how, nth;
	int ret, opens, told;

	/* Only what is bound to a PCR can cap it. */
	if (!variant->signer && !*variant->options)
		return;
	for (how = 0; how < ARRAY_SIZE(lies); how++) {
		for (nth = 1;; nth++) {
			snprintf(payload, sizeof(payload), "%s pcrlock=%d", self->load, PCR);
			told = ask(_metadata, payload, nth, how, &ret);
			EXPECT_TRUE(ret > 0 || is_errno(ret)) {
				TH_LOG("%d, as answer %u was %s", ret, nth, lies[how]);
			}
			/* Whoever has a key has a cap with it. */
			opens = trusted_add(self->load);
			EXPECT_EQ(-EPERM, (ret > 0 || opens < 0) ? opens : -EPERM) {
				TH_LOG("%d, then %d, as answer %u was %s", ret, opens, nth,
				       lies[how]);
			}
			/* The next lie needs a key that opens. */
			if (opens < 0)
				ASSERT_EQ(0, make(self, variant));
			if (told != 1)
				break;
		}
		EXPECT_EQ(0, told);
		EXPECT_LT(0, ret) TH_LOG("%d from an honest TPM after %s", ret, lies[how]);
	}
}

/*
 * Root starts up a TPM that was reset, which clears its PCRs. This one was not, but says that it is
 * started: the cap is extended once more.
 */
TEST(started_by_user_space)
{
	unsigned char before[64], value[64], capped[32];
	int key = trusted_add(NEW " pcrs=sha256:10 pcrlock=10");

	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	if (tpm_lie(0, 0) < 0)
		SKIP(return, "needs a TPM that lies when it is told to");
	ASSERT_LT(0, key);
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 10, before));
	ASSERT_EQ(0, tpm_capped(before, capped));

	EXPECT_EQ(-EPERM, tpm_startup());
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 10, value));
	EXPECT_EQ(0, memcmp(before, value, 32));

	ASSERT_EQ(0, tpm_lie(1, SUCCESS));
	EXPECT_EQ(0, tpm_startup());
	EXPECT_EQ(1, tpm_lie(0, 0));
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 10, value));
	EXPECT_EQ(0, memcmp(capped, value, 32));
}

TEST_HARNESS_MAIN
