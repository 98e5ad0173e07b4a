// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for policies of TPM2 trusted keys
 *
 * The digests are those that tpm2_policypcr, tpm2_policyauthvalue and
 * tpm2_policyauthorize of tpm2-tools made in trial sessions of a TPM whose PCRs were all zeros.
 */

#include <kunit/test.h>
#include <linux/asn1_encoder.h>
#include <linux/hex.h>
#include <linux/string.h>
#include <linux/tpm.h>
#include <linux/unaligned.h>

#include "trusted_tpm2_policy.h"

struct policy_case {
	const char *name;
	struct trusted_key_pcrs pcrs;
	bool auth_value;
	u32 named;
	const char *digest;
};

static const struct policy_case policy_cases[] = {
	{
		.name = "sha256:7,11",
		.pcrs = { .nr = 1, .bank = { { HASH_ALGO_SHA256, BIT(7) | BIT(11) } } },
		.named = BIT(7) | BIT(11),
		.digest = "384378caeddc9690b2ac9589827a756a5c46c8b33178b2fe468c80531b97a53e",
	}, {
		.name = "sha256:7,11 and an authorization value",
		.pcrs = { .nr = 1, .bank = { { HASH_ALGO_SHA256, BIT(7) | BIT(11) } } },
		.auth_value = true,
		.named = BIT(7) | BIT(11),
		.digest = "9fa6a45bed87ac1a2a81f2bdbc751b3b3506b117ee0ad552d961f469b4b7971c",
	}, {
		.name = "sha384:8,11 sha256:11",
		.pcrs = { .nr = 2, .bank = { { HASH_ALGO_SHA384, BIT(8) | BIT(11) },
					     { HASH_ALGO_SHA256, BIT(11) } } },
		.named = BIT(8) | BIT(11),
		.digest = "ce602cf986553c071ee9be3fc16838f278dd1c6ae887b7f90ce95f3ee4abef48",
	},
};

static void policy_desc(const struct policy_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(policy, policy_cases, policy_desc);

/* The policy of @pcrs that are all zeros. */
static void make_policy(const struct trusted_key_pcrs *pcrs, bool auth_value, u8 *params,
			struct tpm2_policy *policy)
{
	static const u8 zeros[TRUSTED_KEY_BANKS * SHA512_DIGEST_SIZE];
	u8 digest[SHA256_DIGEST_SIZE];
	size_t len = 0;
	int i;

	for (i = 0; i < pcrs->nr; i++)
		len += hweight32(pcrs->bank[i].mask) * hash_digest_size[pcrs->bank[i].hash];
	sha256(zeros, len, digest);

	*policy = (struct tpm2_policy){ .count = auth_value ? 2 : 1 };
	policy->command[0].code = TPM2_CC_POLICY_PCR;
	policy->command[0].params = params;
	policy->command[0].len = tpm2_policy_pcr_params(pcrs, digest, params);
	policy->command[1].code = TPM2_CC_POLICY_AUTH_VALUE;
}

static void policy_digest_test(struct kunit *test)
{
	const struct policy_case *c = test->param_value;
	u8 digest[SHA256_DIGEST_SIZE], want[SHA256_DIGEST_SIZE];
	u8 params[TPM2_POLICY_PCR_SIZE];
	struct tpm2_policy policy;

	make_policy(&c->pcrs, c->auth_value, params, &policy);
	KUNIT_ASSERT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
	KUNIT_ASSERT_EQ(test, 0, hex2bin(want, c->digest, sizeof(want)));
	KUNIT_EXPECT_MEMEQ(test, want, digest, sizeof(want));
	KUNIT_EXPECT_EQ(test, c->named, tpm2_policy_pcrs(&policy));
	KUNIT_EXPECT_EQ(test, c->auth_value, tpm2_policy_asks_auth(&policy));
}

/* One byte too few, one too many, and a size or count that says so. */
static void policy_malformed_test(struct kunit *test)
{
	const struct trusted_key_pcrs pcrs = policy_cases[2].pcrs;
	/* of the digest, the count, the first selection's bits and the second's */
	static const u8 sizes[] = { 1, 2 + 32 + 3, 2 + 32 + 4 + 2, 2 + 32 + 4 + 6 + 2 };
	u8 digest[SHA256_DIGEST_SIZE], params[TPM2_POLICY_PCR_SIZE + 1] = {};
	struct tpm2_policy policy;
	size_t len;
	int i;

	make_policy(&pcrs, false, params, &policy);
	len = policy.command[0].len;
	KUNIT_ASSERT_EQ(test, 0, tpm2_policy_digest(&policy, digest));

	for (i = 0; i < len; i++) {
		policy.command[0].len = i;
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
	}
	policy.command[0].len = len + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
	policy.command[0].len = len;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		params[sizes[i]]++;
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
		params[sizes[i]] -= 2;
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
		params[sizes[i]]++;
	}
	KUNIT_EXPECT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
}

static void policy_unknown_test(struct kunit *test)
{
	struct tpm2_policy policy = { .count = 1 };
	u8 digest[SHA256_DIGEST_SIZE];

	policy.command[0].code = TPM2_CC_POLICY_AUTH_VALUE;
	KUNIT_EXPECT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
	policy.command[0].code++;
	KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
}

/* Codes and parameters as they come from a blob. */
static void policy_add_test(struct kunit *test)
{
	static const u8 code[] = { 0x01, 0x00, 0x00, 0x01, 0x6b };
	struct tpm2_policy policy = {};
	u8 digest[SHA256_DIGEST_SIZE];
	int i;

	/* what does not fit is not cut off */
	tpm2_policy_add_code(&policy, code, 5);
	tpm2_policy_add_params(&policy, code, 0);
	KUNIT_EXPECT_EQ(test, U32_MAX, policy.command[0].code);

	memset(&policy, 0, sizeof(policy));
	for (i = 0; i < TPM2_POLICY_COMMANDS; i++) {
		tpm2_policy_add_code(&policy, code + 1, 4);
		tpm2_policy_add_params(&policy, code, 0);
	}
	KUNIT_EXPECT_EQ(test, TPM2_CC_POLICY_AUTH_VALUE, policy.command[0].code);
	KUNIT_EXPECT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
	for (i = 0; i < 2; i++) {
		tpm2_policy_add_code(&policy, code + 1, 4);
		tpm2_policy_add_params(&policy, code, 5);
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
	}
}

static void policy_encode_test(struct kunit *test)
{
	/* policy [1], sequence, and of each command a sequence: code [0], parameters [1] */
	static const u8 want[] = {
		0xa1, 0x46, 0x30, 0x44,
		0x30, 0x36, 0xa0, 0x04, 0x02, 0x02, 0x01, 0x7f, 0xa1, 0x2e, 0x04, 0x2c,
	};
	static const u8 want_end[] = {
		0x30, 0x0a, 0xa0, 0x04, 0x02, 0x02, 0x01, 0x6b, 0xa1, 0x02, 0x04, 0x00,
	};
	u8 params[TPM2_POLICY_PCR_SIZE], data[128];
	struct tpm2_policy policy;
	u8 *end;

	make_policy(&policy_cases[1].pcrs, true, params, &policy);
	end = tpm2_policy_encode(&policy, data, data + sizeof(data));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, end);
	KUNIT_ASSERT_EQ(test, 2 + 0x46, end - data);
	KUNIT_EXPECT_MEMEQ(test, want, data, sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, params, data + sizeof(want), policy.command[0].len);
	KUNIT_EXPECT_MEMEQ(test, want_end, end - sizeof(want_end), sizeof(want_end));

	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(tpm2_policy_encode(&policy, data, end - 1)));
}

/* An ECC key's public area, as TPM2B_PUBLIC. */
static const u8 signer[] = {
	0x00, 0x56, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x06, 0x00, 0x40, 0x00, 0x00,
	0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 0x4d, 0x1e,
	0x7e, 0x75, 0x14, 0xde, 0xbd, 0xf8, 0xd3, 0x7d, 0x38, 0xa6, 0x9a, 0x87,
	0x0e, 0x61, 0x21, 0xfa, 0xbf, 0x12, 0xa2, 0x32, 0x5c, 0x0a, 0x42, 0x5b,
	0x05, 0xc9, 0xca, 0x1f, 0x09, 0x4b, 0x00, 0x20, 0xd9, 0x95, 0x2b, 0xf3,
	0x36, 0x8b, 0x49, 0x56, 0xe6, 0xc8, 0x1a, 0xe5, 0x94, 0xa1, 0x7e, 0x66,
	0x70, 0xc9, 0xc1, 0xea, 0x25, 0x3d, 0x07, 0xc8, 0xee, 0x03, 0x5c, 0x06,
	0x47, 0xeb, 0x14, 0x25,
};

struct authorize_case {
	const char *name;
	const char *ref;
	bool and_policy;	/* policy_cases[1] behind it */
	const char *digest;
};

static const struct authorize_case authorize_cases[] = {
	{
		.name = "no reference",
		.ref = "",
		.digest = "3635bb074b36562906d4ae2142755c7dcb57629f2aad81353566a47bd1c82f7b",
	}, {
		.name = "a reference",
		.ref = "dmck",
		.digest = "82e57b9e6836de0820e4ddf59f4e4ea17f05b1fdf2dee63fd06602000d4c8953",
	}, {
		.name = "PCRs and an authorization value behind it",
		.ref = "",
		.and_policy = true,
		.digest = "ce3565801b312001b1ae6ba905a9a88c9ea2706a698621c57c82eab0f3edb330",
	},
};

static void authorize_desc(const struct authorize_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(authorize, authorize_cases, authorize_desc);

/* The parameters of TPM2_PolicyAuthorize() by @signer, without a signature. */
static size_t authorize_params(const char *ref, u8 params[sizeof(signer) + 2 + 4 + 2])
{
	const size_t len = strlen(ref);
	u8 *p = params + sizeof(signer);

	memcpy(params, signer, sizeof(signer));
	put_unaligned_be16(len, p);
	memcpy(p + 2, ref, len);
	put_unaligned_be16(TPM_ALG_NULL, p + 2 + len);
	return sizeof(signer) + 2 + len + 2;
}

static void policy_authorize_test(struct kunit *test)
{
	const struct authorize_case *c = test->param_value;
	u8 digest[SHA256_DIGEST_SIZE], want[SHA256_DIGEST_SIZE];
	u8 params[sizeof(signer) + 2 + 4 + 2], pcr_params[TPM2_POLICY_PCR_SIZE];
	struct tpm2_policy policy = {}, behind;
	int i;

	policy.command[0].code = TPM2_CC_POLICY_AUTHORIZE;
	policy.command[0].params = params;
	policy.command[0].len = authorize_params(c->ref, params);
	policy.count = 1;
	if (c->and_policy) {
		make_policy(&policy_cases[1].pcrs, true, pcr_params, &behind);
		for (i = 0; i < behind.count; i++)
			policy.command[policy.count++] = behind.command[i];
	}

	KUNIT_ASSERT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
	KUNIT_ASSERT_EQ(test, 0, hex2bin(want, c->digest, sizeof(want)));
	KUNIT_EXPECT_MEMEQ(test, want, digest, sizeof(want));

	/* It makes nothing of what was before, so nothing may be. */
	policy.command[policy.count++] = policy.command[0];
	KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
}

/* Cut off anywhere, or of a key that does not sign or has another name. */
static void policy_authorize_malformed_test(struct kunit *test)
{
	/* of the sizes, type, hash and attributes one bit each */
	static const struct {
		size_t at;
		u8 bit;
	} edits[] = {
		{ 0, 0x01 }, { 2, 0x01 }, { 3, 0x04 }, { 5, 0x01 }, { 7, 0x04 },
		{ sizeof(signer), 0x01 },
	};
	u8 digest[SHA256_DIGEST_SIZE], params[sizeof(signer) + 2 + 4 + 2];
	struct tpm2_policy policy = { .count = 1 };
	size_t len = authorize_params("dmck", params);
	int i;

	policy.command[0].code = TPM2_CC_POLICY_AUTHORIZE;
	policy.command[0].params = params;
	for (i = 0; i < len; i++) {
		policy.command[0].len = i;
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
	}
	policy.command[0].len = len;
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		params[edits[i].at] ^= edits[i].bit;
		KUNIT_EXPECT_EQ(test, -EINVAL, tpm2_policy_digest(&policy, digest));
		params[edits[i].at] ^= edits[i].bit;
	}
	KUNIT_EXPECT_EQ(test, 0, tpm2_policy_digest(&policy, digest));
}

static struct kunit_case trusted_tpm2_policy_test_cases[] = {
	KUNIT_CASE_PARAM(policy_digest_test, policy_gen_params),
	KUNIT_CASE(policy_malformed_test),
	KUNIT_CASE(policy_unknown_test),
	KUNIT_CASE(policy_add_test),
	KUNIT_CASE(policy_encode_test),
	KUNIT_CASE_PARAM(policy_authorize_test, authorize_gen_params),
	KUNIT_CASE(policy_authorize_malformed_test),
	{}
};

static struct kunit_suite trusted_tpm2_policy_test_suite = {
	.name = "trusted-tpm2-policy",
	.test_cases = trusted_tpm2_policy_test_cases,
};

kunit_test_suite(trusted_tpm2_policy_test_suite);
