// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root takes the cap off: it unbinds the TPM's driver, so that nobody has the TPM save its state,
 * lets the machine sleep, and finds the PCRs cleared. The key here is sealed to a PCR into which
 * nothing was measured; what was could be extended again from the log.
 *
 * The machine sleeps for two seconds, and needs a clock to wake it. Trusted keys have lost their
 * TPM then, until the next boot.
 */

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:kmk"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define COMMAND_SIZE (2 * TPM_BLOB_SIZE + REF_SIZE)
#define REF ":32:trusted:" DESC
/* Nothing has been measured into it. */
#define PCR 9

FIXTURE(suspend)
{
	char hex[2 * TPM_BLOB_SIZE];
	unsigned char der[TPM_BLOB_SIZE];
	struct tpm_key key;
	struct volume volume;
	char device[NAME_SIZE];
	char driver[PATH_MAX];
};

static int trusted_add(const char *payload)
{
	return key_add("trusted", DESC, payload, strlen(payload));
}

static int load_blob(const char *hex, const char *options)
{
	char payload[COMMAND_SIZE];

	snprintf(payload, sizeof(payload), "load %s keyhandle=" TPM_PARENT " %s", hex, options);
	return trusted_add(payload);
}

FIXTURE_SETUP(suspend)
{
	char text[REF_SIZE], path[PATH_MAX], session[NAME_SIZE] = "";
	unsigned char digest[32];
	int ret;

	if (machine_sleepless())
		SKIP(return, "%s", machine_sleepless());

	ASSERT_EQ(0, keys_open());
	ret = trusted_add(NEW);
	if (key_unsupported("trusted", ret))
		SKIP(return, "%s", key_unsupported("trusted", ret));
	ASSERT_LT(0, ret);

	ASSERT_NE(NULL, realpath("/sys/class/tpm/tpm0/device", path));
	snprintf(self->device, sizeof(self->device), "%s", strrchr(path, '/') + 1);
	ASSERT_NE(NULL, realpath("/sys/class/tpm/tpm0/device/driver", self->driver));

	/*
	 * Its maker's part. A kernel without pcrs= is given the policy, and to load the key a
	 * session that has fulfilled it.
	 */
	snprintf(text, sizeof(text), NEW " pcrs=sha256:%u", PCR);
	ASSERT_EQ(0, keys_open());
	ret = trusted_add(text);
	if (ret == -EINVAL) {
		ret = tpm_policy(TPM_SHA256, 1 << PCR, digest);
		ASSERT_LT(0, ret);
		snprintf(session, sizeof(session), " policyhandle=%x", ret);
		ret = snprintf(text, sizeof(text), NEW " policydigest=");
		to_hex(text + ret, digest, sizeof(digest));
		ret = trusted_add(text);
	}
	ASSERT_LT(0, ret);
	ret = key_ctl(KEYCTL_READ, ret, (uintptr_t)self->hex, sizeof(self->hex) - 1, 0);
	ASSERT_LT(0, ret);
	self->hex[ret] = '\0';
	ASSERT_EQ(0, tpm_key_parse(&self->key, self->der, from_hex(self->der, self->hex, ret)));
	ASSERT_EQ(0, keys_open());
	snprintf(text, sizeof(text), "pcrlock=%u%s", PCR, session);
	ASSERT_LT(0, load_blob(self->hex, text));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, REF, ""));
}

FIXTURE_TEARDOWN(suspend)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* Returns 1 if the volume opens with that key. */
static int opens(FIXTURE_DATA(suspend) * self, const unsigned char secret[32])
{
	char hex[HEX_SIZE], name[NAME_SIZE];
	int ret;

	to_hex(hex, secret, 32);
	dm_name(name);
	ret = dm_map_crypt(name, &self->volume.backing, XTS, hex, "");
	explicit_bzero(hex, sizeof(hex));
	if (!ret) {
		ret = dm_reads(name, self->volume.data);
		dm_remove(name);
	}
	return ret;
}

TEST_F(suspend, cap_stays_on)
{
	unsigned char secret[128], value[64], zeros[64] = {};
	char path[PATH_MAX + 8];
	int ret;

	EXPECT_EQ(-EPERM, tpm_unseal(&self->key, TPM_SHA256, 1 << PCR, "", secret,
				     sizeof(secret)));
	snprintf(path, sizeof(path), "%s/unbind", self->driver);
	ASSERT_EQ(0, file_put(path, self->device));
	ASSERT_EQ(0, machine_sleep());
	snprintf(path, sizeof(path), "%s/bind", self->driver);
	ASSERT_EQ(0, file_put(path, self->device));

	ASSERT_EQ(32, tpm_read(TPM_SHA256, PCR, value));
	EXPECT_NE(0, memcmp(zeros, value, 32));
	ret = tpm_unseal(&self->key, TPM_SHA256, 1 << PCR, "", secret, sizeof(secret));
	EXPECT_EQ(-EPERM, ret);
	if (ret == 32)
		EXPECT_NE(1, opens(self, secret))
			TH_LOG("the TPM unsealed the key, which opens the volume");
	EXPECT_GT(0, load_blob(self->hex, ""));
}

TEST_HARNESS_MAIN
