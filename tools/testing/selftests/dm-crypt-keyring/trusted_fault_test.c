// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation fails once while a trusted key is made, loaded, capped and sealed anew. Either it
 * is done without that one, or the answer is an error. And whichever it is, the TPM has no session
 * and no object then that it did not have before: it has room for a few of them, as a rule three,
 * and what is left there stays until the next boot.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "approval.h"
#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:trusted-fault"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define UPDATE "update keyhandle=" TPM_PARENT
#define PCR 11
/* Of a debug kernel each allocation costs some more, and there are some hundred in all. */
#define TIMEOUT 900

static const unsigned int kinds[] = { TPM_LOADED_SESSIONS, TPM_SAVED_SESSIONS, TPM_TRANSIENT };
static const char *const names[] = { "loaded sessions", "saved sessions", "objects" };

FIXTURE(trusted_fault)
{
	struct faults faults;
	char make[COMMAND_SIZE];
	char load[COMMAND_SIZE];
	int before[ARRAY_SIZE(kinds)];
};

FIXTURE_VARIANT(trusted_fault)
{
	const char *options;
	const char *auth;
	int signer; /* of what kind, or 0: there is no approval */
};

FIXTURE_VARIANT_ADD(trusted_fault, plain) {
	.options = "",
	.auth = "",
};

FIXTURE_VARIANT_ADD(trusted_fault, auth) {
	.options = "",
	.auth = "blobauth=opensesame",
};

FIXTURE_VARIANT_ADD(trusted_fault, pcrs) {
	.options = "pcrs=sha256:11",
	.auth = "",
};

FIXTURE_VARIANT_ADD(trusted_fault, pcrs_auth) {
	.options = "pcrs=sha256:11",
	.auth = "blobauth=opensesame",
};

FIXTURE_VARIANT_ADD(trusted_fault, ecc) {
	.options = "",
	.auth = "",
	.signer = TPM_ECC,
};

FIXTURE_VARIANT_ADD(trusted_fault, rsa) {
	.options = "pcrs=sha256:8",
	.auth = "blobauth=opensesame",
	.signer = TPM_RSA,
};

/* Into an empty keyring: a key of that name would be updated. */
static int trusted_add(const char *payload)
{
	return keys_open() ?: key_add("trusted", DESC, payload, strlen(payload));
}

/* Makes a key in the state that the PCRs are in, and what loads it. */
static int make(FIXTURE_DATA(trusted_fault) * self, const FIXTURE_VARIANT(trusted_fault) * variant)
{
	return approved_make(DESC, variant->options, variant->auth, variant->signer, PCR,
			     self->make, self->load);
}

FIXTURE_SETUP(trusted_fault)
{
	const char *lacking, *unsupported;
	unsigned int i;
	int serial;

	serial = trusted_add(NEW);
	unsupported = key_unsupported("trusted", serial);
	if (unsupported)
		SKIP(return, "%s", unsupported);
	ASSERT_LT(0, serial);
	ASSERT_EQ(0, make(self, variant));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		self->before[i] = tpm_handles(kinds[i]);
		ASSERT_LE(0, self->before[i]);
	}
	lacking = faults_open(&self->faults);
	if (lacking)
		SKIP(return, "%s", lacking);
}

FIXTURE_TEARDOWN(trusted_fault)
{
	faults_close(&self->faults);
}

/* What was left behind goes, or what comes next would fail for want of a place. */
static void expect_clean(struct __test_metadata *_metadata, FIXTURE_DATA(trusted_fault) * self,
			 unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		int now = tpm_handles(kinds[i]);

		EXPECT_EQ(self->before[i], now) {
			TH_LOG("%s, after allocation %u failed", names[i], nth);
		}
		if (now > self->before[i])
			ASSERT_LE(0, tpm_flush(kinds[i]));
	}
}

/*
 * Is it done, or refused for want of memory? Counts the latter. A session is salted by way of a
 * public key, and where there is no memory to check that, crypto/ecc.c says -EAGAIN.
 */
static void expect_nomem(struct __test_metadata *_metadata, int ret, unsigned int nth,
			 unsigned int *refused)
{
	EXPECT_TRUE(ret >= 0 || ret == -ENOMEM || ret == -EAGAIN)
		TH_LOG("%d, after allocation %u failed", ret, nth);
	*refused += ret < 0;
}

/* Adds @payload until no allocation is left that could fail. */
static void add(struct __test_metadata *_metadata, FIXTURE_DATA(trusted_fault) * self,
		const char *payload)
{
	unsigned int nth, refused = 0;
	int ret;

	for (nth = 1;; nth++) {
		ASSERT_EQ(0, keys_open());
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = key_add("trusted", DESC, payload, strlen(payload));
		if (fault_disarm(&self->faults) != 1)
			break;
		expect_nomem(_metadata, ret, nth, &refused);
		expect_clean(_metadata, self, nth);
	}
	TH_LOG("%u allocations, %u refusals", nth - 1, refused);
	EXPECT_LT(0, ret);
	/* The commands to the TPM need memory, too. */
	EXPECT_LT(4u, refused);
	expect_clean(_metadata, self, 0);
}

TEST_F_TIMEOUT(trusted_fault, new, TIMEOUT)
{
	add(_metadata, self, self->make);
}

TEST_F_TIMEOUT(trusted_fault, load, TIMEOUT)
{
	add(_metadata, self, self->load);
}

/* With a cap, each load takes a key of its own, and one that was refused may have capped. */
TEST_F_TIMEOUT(trusted_fault, cap, TIMEOUT)
{
	/* Who is bound to nothing may cap, too, and loads all the same. */
	const bool bound = variant->signer || *variant->options;
	char payload[COMMAND_SIZE + REF_SIZE];
	unsigned int nth, refused = 0;
	int ret;

	for (nth = 1;; nth++) {
		ASSERT_EQ(0, make(self, variant));
		snprintf(payload, sizeof(payload), "%s pcrlock=%d", self->load, PCR);
		ASSERT_EQ(0, keys_open());
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = key_add("trusted", DESC, payload, strlen(payload));
		if (fault_disarm(&self->faults) != 1)
			break;
		expect_nomem(_metadata, ret, nth, &refused);
		expect_clean(_metadata, self, nth);
		/* Whoever has a key has a cap with it. */
		if (ret > 0 && bound)
			EXPECT_EQ(-EPERM, trusted_add(self->load));
	}
	EXPECT_LT(0, ret);
	EXPECT_LT(4u, refused);
	if (bound)
		EXPECT_EQ(-EPERM, trusted_add(self->load));
	expect_clean(_metadata, self, 0);
}

/* What is bound is never sealed anew, so each time there is one that is not bound yet. */
TEST_F_TIMEOUT(trusted_fault, update, TIMEOUT)
{
	unsigned int nth, refused = 0;
	char payload[COMMAND_SIZE];
	int ret, serial;

	snprintf(payload, sizeof(payload), UPDATE "%s", self->make + strlen(NEW));
	for (nth = 1;; nth++) {
		serial = trusted_add(NEW);
		ASSERT_LT(0, serial);
		ASSERT_EQ(0, fault_arm(&self->faults, nth));
		ret = key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)payload, strlen(payload), 0);
		if (fault_disarm(&self->faults) != 1)
			break;
		expect_nomem(_metadata, ret, nth, &refused);
		expect_clean(_metadata, self, nth);
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(4u, refused);
	expect_clean(_metadata, self, 0);
}

TEST_HARNESS_MAIN
