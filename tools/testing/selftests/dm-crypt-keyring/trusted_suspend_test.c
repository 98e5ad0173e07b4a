// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCR that was capped is capped once more when the machine wakes, with the TPM's driver bound all
 * the time. Whether the TPM has lost the first cap cannot be seen from outside, so there are two.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:kmk"
#define PCR 9
#define NEW "new 32 keyhandle=" TPM_PARENT " pcrs=sha256:9 pcrlock=9"
TEST(cap_at_resume)
{
	unsigned char value[64], capped[32];
	int key;

	if (machine_sleepless())
		SKIP(return, "%s", machine_sleepless());
	ASSERT_EQ(0, keys_open());
	key = key_add("trusted", DESC, NEW, strlen(NEW));
	if (key_unsupported("trusted", key))
		SKIP(return, "%s", key_unsupported("trusted", key));
	ASSERT_LT(0, key);

	ASSERT_EQ(32, tpm_read(TPM_SHA256, PCR, value));
	ASSERT_EQ(0, tpm_capped(value, capped));

	ASSERT_EQ(0, machine_sleep());
	ASSERT_EQ(32, tpm_read(TPM_SHA256, PCR, value));
	EXPECT_EQ(0, memcmp(capped, value, sizeof(capped)));
}

TEST_HARNESS_MAIN
