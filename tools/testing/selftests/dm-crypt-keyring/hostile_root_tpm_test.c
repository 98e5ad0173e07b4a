// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trusted key that was made for one boot state, and root that wants it afterwards: with the TPM's
 * own commands, sealed anew under an authorization of its own, in the form of a key that may move.
 *
 * Where the kernel has no pcrs= the key is made with what it has: pcrlock=, and migratable=0 where
 * that is what is attacked.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:kmk"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define COMMAND_SIZE (2 * TPM_BLOB_SIZE + REF_SIZE)
/* No other test caps this one. */
#define PCR 14
#define BOUND "pcrs=sha256:14"
#define CAP "pcrlock=14"

FIXTURE(tpm)
{
	int serial;
	char hex[2 * TPM_BLOB_SIZE];
	unsigned char der[TPM_BLOB_SIZE];
	struct tpm_key key;
};

static int trusted_add(const char *payload)
{
	return key_add("trusted", DESC, payload, strlen(payload));
}

static int load_blob(const char *hex, const char *options)
{
	char payload[COMMAND_SIZE];
	/* A key of that name would be updated. */
	int ret = keys_open();

	if (ret < 0)
		return ret;
	snprintf(payload, sizeof(payload), "load %s keyhandle=" TPM_PARENT " %s", hex, options);
	return trusted_add(payload);
}

static int seal_anew(int serial, const char *options)
{
	char payload[COMMAND_SIZE];

	snprintf(payload, sizeof(payload), "update keyhandle=" TPM_PARENT " %s", options);
	return key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)payload, strlen(payload), 0);
}

FIXTURE_SETUP(tpm)
{
	int ret;

	ASSERT_EQ(0, keys_open());
	ret = trusted_add(NEW);
	if (key_unsupported("trusted", ret))
		SKIP(return, "%s", key_unsupported("trusted", ret));
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, keys_open());

	/* Its maker's part: made, saved, and loaded with a cap by the boot that it is for. */
	ret = trusted_add(NEW " " BOUND);
	if (ret == -EINVAL)
		ret = trusted_add(NEW);
	ASSERT_LT(0, ret);
	ret = key_ctl(KEYCTL_READ, ret, (uintptr_t)self->hex, sizeof(self->hex) - 1, 0);
	ASSERT_LT(0, ret);
	ASSERT_GT(sizeof(self->hex), ret);
	self->hex[ret] = '\0';
	ASSERT_EQ(0, tpm_key_parse(&self->key, self->der, from_hex(self->der, self->hex, ret)));
	ASSERT_EQ(0, keys_open());
	self->serial = load_blob(self->hex, CAP);
	ASSERT_LT(0, self->serial);
}

FIXTURE_TEARDOWN(tpm)
{
}

/* The TPM unseals it for whoever asks. */
TEST_F(tpm, unsealed_without_the_kernel)
{
	unsigned char secret[128];

	EXPECT_EQ(-EPERM, tpm_unseal(&self->key, 0, 0, "", secret, sizeof(secret)));
	EXPECT_EQ(-EPERM, tpm_unseal(&self->key, TPM_SHA256, 1 << PCR, "", secret, sizeof(secret)));
}

TEST_F(tpm, loaded_once_more)
{
	EXPECT_EQ(-EPERM, load_blob(self->hex, ""));
	EXPECT_EQ(-EPERM, load_blob(self->hex, CAP));
}

/* Sealed anew, the key is whose authorization it is. */
TEST_F(tpm, sealed_anew)
{
	unsigned char secret[128], der[TPM_BLOB_SIZE];
	char hex[2 * TPM_BLOB_SIZE];
	struct tpm_key key;
	int ret;

	EXPECT_EQ(-EPERM, seal_anew(self->serial, "blobauth=root"));
	EXPECT_EQ(-EPERM, seal_anew(self->serial, "migratable=1"));
	EXPECT_EQ(-EPERM, seal_anew(self->serial, BOUND));

	ret = key_ctl(KEYCTL_READ, self->serial, (uintptr_t)hex, sizeof(hex) - 1, 0);
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, tpm_key_parse(&key, der, from_hex(der, hex, ret)));
	EXPECT_EQ(-EPERM, tpm_unseal(&key, 0, 0, "root", secret, sizeof(secret)));
	EXPECT_EQ(-EPERM, tpm_unseal(&key, 0, 0, "", secret, sizeof(secret)));
}

/* PCRs that root can set back, for the cap and for the key. */
TEST_F(tpm, cap_that_comes_off)
{
	ASSERT_EQ(0, keys_open());
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrlock=16"));
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrlock=23"));
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrs=sha256:16 pcrlock=16"));
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrs=sha256:14,23"));
}

TEST_HARNESS_MAIN
