// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trusted keys that are sealed to the public key of who approves of policies: they load in a state
 * that was signed, before or after they were made, and in no other; nothing but that signature
 * opens them.
 *
 * The signer is a key in the same TPM, which is made anew at each start.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:approval"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define BLOB_SIZE 1152
#define COMMAND_SIZE 8192

#define ZEROS "0000000000000000"

#define CC_POLICY_AUTHORIZE 0x16a
#define CC_POLICY_AUTH_VALUE 0x16b
#define CC_POLICY_PCR 0x17f

/* What is approved, and another. */
#define PCR 11
#define OTHER_PCR 12

/* What grows. */
struct bytes {
	unsigned char data[2048];
	int len;
};

static void add(struct bytes *b, const void *data, int len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void add_number(struct bytes *b, int bytes, unsigned int value)
{
	while (bytes--)
		b->data[b->len++] = value >> (8 * bytes);
}

/* An element of DER. */
static void add_element(struct bytes *b, int tag, const struct bytes *content)
{
	add_number(b, 1, tag);
	if (content->len >= 128)
		add_number(b, 1, 0x82);
	add_number(b, content->len >= 128 ? 2 : 1, content->len);
	add(b, content->data, content->len);
}

/* A command of a policy: code [0], parameters [1]. */
static void add_command(struct bytes *policy, unsigned int code, const struct bytes *params)
{
	struct bytes number = {}, field = {}, fields = {};

	add_number(&number, 2, code);
	add_element(&field, 0x02, &number);
	add_element(&fields, 0xa0, &field);
	field.len = 0;
	add_element(&field, 0x04, params);
	add_element(&fields, 0xa1, &field);
	add_element(policy, 0x30, &fields);
}

static int sha256(const struct bytes *data, unsigned char digest[32])
{
	int op = alg_open("hash", "sha256", NULL, 0, 0), ret = 0;

	if (op < 0)
		return op;
	if (write(op, data->data, data->len) != data->len || read(op, digest, 32) != 32)
		ret = -EIO;
	close(op);
	return ret;
}

/* What a PCR will be once it was extended by tpm_extend() so many times. */
static int pcr_after(unsigned int pcr, int times, unsigned char value[32])
{
	unsigned char now[64];
	struct bytes b;
	int ret;

	ret = tpm_read(TPM_SHA256, pcr, now);
	if (ret != 32)
		return ret < 0 ? ret : -EIO;
	memcpy(value, now, 32);
	while (times--) {
		memset(&b, 0, sizeof(b));
		add(&b, value, 32);
		b.data[32] = 1;
		b.len = 64;
		ret = sha256(&b, value);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What is told of an approval, and how it is spoiled. */
struct approval {
	const struct tpm_signer *by; /* whose signature it is */
	const struct tpm_signer *as; /* whose it says it is */
	unsigned int pcr;
	int times; /* the PCR will have been extended */
	bool unsigned_auth; /* has one more command than was signed */
	bool nothing; /* approves of the policy that has no command */
	bool too_long; /* the signature is longer than any can be */
	struct bytes der;
};

/* Makes a TPMAuthPolicy. */
static int approve(struct approval *a)
{
	struct bytes selection = {}, pcr = {}, data = {}, params = {}, none = {};
	struct bytes policy = {}, policies = {}, field = {};
	unsigned char digest[32] = {}, signature[520] = {};
	int ret;

	add_number(&selection, 4, 1);
	add_number(&selection, 2, TPM_SHA256);
	add_number(&selection, 1, 3);
	add_number(&selection, 1, (1u << a->pcr) & 0xff);
	add_number(&selection, 1, (1u << a->pcr) >> 8 & 0xff);
	add_number(&selection, 1, (1u << a->pcr) >> 16);

	ret = pcr_after(a->pcr, a->times, digest);
	if (ret < 0)
		return ret;
	add(&data, digest, 32);
	ret = sha256(&data, digest);
	if (ret < 0)
		return ret;
	add_number(&pcr, 2, 32);
	add(&pcr, digest, 32);
	add(&pcr, selection.data, selection.len);

	/* the digest of the policy, from zeros on */
	memset(&data, 0, sizeof(data));
	data.len = 32;
	if (!a->nothing) {
		add_number(&data, 4, CC_POLICY_PCR);
		add(&data, selection.data, selection.len);
		add(&data, digest, 32);
		ret = sha256(&data, digest);
		if (ret < 0)
			return ret;
		data.len = 0;
		add(&data, digest, 32);
	}
	ret = sha256(&data, digest);
	if (ret < 0)
		return ret;
	ret = tpm_sign(a->by, digest, signature);
	if (ret < 0)
		return ret;

	add(&params, a->as->pub, a->as->pub_len);
	add_number(&params, 2, 0);
	add(&params, signature, ret);
	if (a->too_long)
		add(&params, signature, sizeof(signature));
	add_command(&policy, CC_POLICY_AUTHORIZE, &params);
	if (!a->nothing)
		add_command(&policy, CC_POLICY_PCR, &pcr);
	if (a->unsigned_auth)
		add_command(&policy, CC_POLICY_AUTH_VALUE, &none);
	add_element(&policies, 0x30, &policy);
	add_element(&field, 0xa1, &policies);
	a->der.len = 0;
	add_element(&a->der, 0x30, &field);
	return 0;
}

static int trusted_add(const char *payload)
{
	int ret = keys_open();

	return ret < 0 ? ret : key_add("trusted", DESC, payload, strlen(payload));
}

/* Makes a key for who has the public key of @len bytes. */
static int make(const unsigned char *pub, int len, const char *options)
{
	char payload[COMMAND_SIZE], hex[2 * sizeof(((struct tpm_signer *)0)->pub) + 1];

	to_hex(hex, pub, len);
	snprintf(payload, sizeof(payload), NEW " policypub=%s %s", hex, options);
	return trusted_add(payload);
}

struct blob {
	char hex[2 * BLOB_SIZE + 1];
	unsigned char der[BLOB_SIZE];
	int size;
};

static int read_blob(int serial, struct blob *blob)
{
	int ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)blob->hex, sizeof(blob->hex) - 1, 0);

	if (ret < 0)
		return ret;
	if (ret >= (int)sizeof(blob->hex))
		return -E2BIG;
	blob->hex[ret] = '\0';
	blob->size = from_hex(blob->der, blob->hex, ret);
	return 0;
}

static int load_blob(const struct blob *blob, const struct bytes *approval, const char *options)
{
	char payload[COMMAND_SIZE];
	int len;

	len = snprintf(payload, sizeof(payload), "load %s keyhandle=" TPM_PARENT " %s",
		       blob->hex, options);
	if (approval) {
		len += snprintf(payload + len, sizeof(payload) - len, " policysig=");
		to_hex(payload + len, approval->data, approval->len);
	}
	return trusted_add(payload);
}

static const char *unsupported(void)
{
	return key_unsupported("trusted", trusted_add(NEW));
}

FIXTURE(approval)
{
	struct tpm_signer signer;
	struct approval now; /* of the state that the test starts in */
	struct blob blob;
};

FIXTURE_VARIANT(approval)
{
	int kind;
	const char *options;
	const char *auth;
};

FIXTURE_VARIANT_ADD(approval, ecc) {
	.kind = TPM_ECC,
	.options = "",
	.auth = "",
};

FIXTURE_VARIANT_ADD(approval, rsa) {
	.kind = TPM_RSA,
	.options = "",
	.auth = "",
};

FIXTURE_VARIANT_ADD(approval, auth) {
	.kind = TPM_ECC,
	.options = "",
	.auth = "blobauth=opensesame",
};

FIXTURE_VARIANT_ADD(approval, and_pcrs) {
	.kind = TPM_ECC,
	.options = "pcrs=sha256:8",
	.auth = "",
};

FIXTURE_SETUP(approval)
{
	char options[REF_SIZE];
	int key;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, tpm_signer_open(&self->signer, variant->kind, 1));
	snprintf(options, sizeof(options), "%s %s", variant->options, variant->auth);
	key = make(self->signer.pub, self->signer.pub_len, options);
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &self->blob));
	self->now = (struct approval){
		.by = &self->signer,
		.as = &self->signer,
		.pcr = PCR,
	};
	ASSERT_EQ(0, approve(&self->now));
}

FIXTURE_TEARDOWN(approval)
{
	tpm_signer_close(&self->signer);
}

#define LOAD(approval) load_blob(&self->blob, (approval), variant->auth)

TEST_F(approval, is_needed)
{
	EXPECT_EQ(-EINVAL, LOAD(NULL));
	EXPECT_LT(0, LOAD(&self->now.der));
	EXPECT_LT(0, LOAD(&self->now.der));
}

TEST_F(approval, what_is_read_loads)
{
	struct blob read;
	int key = LOAD(&self->now.der);

	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &read));
	EXPECT_STREQ(self->blob.hex, read.hex);
}

/* The next release is approved of before it is there: then it opens, and the old one does not. */
TEST_F(approval, of_the_next_release)
{
	struct approval next = self->now;

	next.times = 1;
	ASSERT_EQ(0, approve(&next));
	EXPECT_EQ(-EPERM, LOAD(&next.der));
	EXPECT_LT(0, LOAD(&self->now.der));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	EXPECT_EQ(-EPERM, LOAD(&self->now.der));
	EXPECT_LT(0, LOAD(&next.der));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	EXPECT_EQ(-EPERM, LOAD(&next.der));
}

TEST_F(approval, by_another)
{
	struct approval other = self->now;
	struct tpm_signer signer;

	ASSERT_EQ(0, tpm_signer_open(&signer, variant->kind, 2));
	ASSERT_EQ(self->signer.pub_len, signer.pub_len);
	ASSERT_NE(0, memcmp(self->signer.pub, signer.pub, signer.pub_len));
	/* Who says so is refused without the TPM, and who does not by it. */
	other.by = &signer;
	other.as = &signer;
	ASSERT_EQ(0, approve(&other));
	EXPECT_EQ(-EINVAL, LOAD(&other.der));
	other.as = &self->signer;
	ASSERT_EQ(0, approve(&other));
	EXPECT_EQ(-EKEYREJECTED, LOAD(&other.der));
	tpm_signer_close(&signer);
	EXPECT_LT(0, LOAD(&self->now.der));
}

/* The public key in the blob is the one that the key was sealed to. */
TEST_F(approval, by_who_edits_the_blob)
{
	struct approval mine = self->now;
	struct tpm_signer signer;
	unsigned char *found;

	ASSERT_EQ(0, tpm_signer_open(&signer, variant->kind, 2));
	mine.by = &signer;
	mine.as = &signer;
	ASSERT_EQ(0, approve(&mine));
	found = memmem(self->blob.der, self->blob.size, self->signer.pub, self->signer.pub_len);
	ASSERT_NE(NULL, found);
	memcpy(found, signer.pub, signer.pub_len);
	to_hex(self->blob.hex, self->blob.der, self->blob.size);
	EXPECT_EQ(-EINVAL, LOAD(&mine.der));
	tpm_signer_close(&signer);
}

TEST_F(approval, of_another_policy)
{
	struct approval a = self->now;

	a.unsigned_auth = true;
	ASSERT_EQ(0, approve(&a));
	EXPECT_EQ(-EKEYREJECTED, LOAD(&a.der));
	/* Whoever signs nothing at all means any state. */
	a = self->now;
	a.nothing = true;
	ASSERT_EQ(0, approve(&a));
	EXPECT_LT(0, LOAD(&a.der));
	EXPECT_EQ(-EINVAL, load_blob(&self->blob, &a.der, "pcrlock=11"));
}

/* A bit in each byte; bit 5 of a tag makes no difference to the kernel's decoder. */
TEST_F_TIMEOUT(approval, edited, 120)
{
	int i;

	for (i = 0; i < 8 * self->now.der.len; i += variant->kind == TPM_RSA ? 61 : 31) {
		if (i % 8 == 5)
			continue;
		self->now.der.data[i / 8] ^= 1 << i % 8;
		EXPECT_GT(0, LOAD(&self->now.der)) {
			TH_LOG("byte %d, bit %d", i / 8, i % 8);
		}
		self->now.der.data[i / 8] ^= 1 << i % 8;
	}
	for (i = 1; i < self->now.der.len; i += 19) {
		struct bytes cut = self->now.der;

		cut.len = i;
		EXPECT_EQ(-EINVAL, LOAD(&cut));
	}
	EXPECT_LT(0, LOAD(&self->now.der));
}

/* It is refused by its size: a longer one would not fit a command to the TPM. */
TEST_F(approval, longer_than_a_signature)
{
	self->now.too_long = true;
	ASSERT_EQ(0, approve(&self->now));
	EXPECT_EQ(-EINVAL, LOAD(&self->now.der));
}

TEST_F(approval, not_sealed_anew)
{
	int key = LOAD(&self->now.der);
	static const char update[] = "update keyhandle=" TPM_PARENT;

	ASSERT_LT(0, key);
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)update, strlen(update), 0));
}

TEST_F(approval, and_a_cap)
{
	char options[REF_SIZE];

	snprintf(options, sizeof(options), "%s pcrlock=%d", variant->auth, OTHER_PCR);
	EXPECT_EQ(-EINVAL, load_blob(&self->blob, &self->now.der, options));
	snprintf(options, sizeof(options), "%s pcrlock=%d", variant->auth, PCR);
	EXPECT_LT(0, load_blob(&self->blob, &self->now.der, options));
	EXPECT_EQ(-EPERM, LOAD(&self->now.der));
	/* Only who signs can go on from here. */
	ASSERT_EQ(0, approve(&self->now));
	EXPECT_LT(0, LOAD(&self->now.der));
}

TEST_F(approval, leaves_nothing_behind)
{
	int sessions = tpm_handles(TPM_LOADED_SESSIONS), objects = tpm_handles(TPM_TRANSIENT);
	struct approval old = self->now, wrong = self->now;
	int i;

	wrong.unsigned_auth = true;
	ASSERT_EQ(0, approve(&wrong));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	ASSERT_EQ(0, approve(&self->now));
	for (i = 0; i < 4; i++) {
		ASSERT_LT(0, LOAD(&self->now.der));
		ASSERT_EQ(-EPERM, LOAD(&old.der));
		ASSERT_GT(0, LOAD(&wrong.der));
	}
	EXPECT_EQ(sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(objects, tpm_handles(TPM_TRANSIENT));
}

/* What pcrs= names has to be as it was, whatever else is approved. */
TEST_F(approval, does_not_replace_pcrs)
{
	int ret;

	ASSERT_EQ(0, tpm_extend(TPM_SHA256, 8));
	ret = LOAD(&self->now.der);
	EXPECT_EQ(*variant->options ? -EPERM : 0, ret < 0 ? ret : 0);
}

/* trusted.pcrlock=13: it is capped although nobody asks for it, if the approval is about it. */
TEST(cap_of_the_command_line)
{
	struct tpm_signer signer;
	struct approval a = { .by = &signer, .as = &signer, .pcr = 13 };
	char line[4096] = "";
	struct blob blob;
	FILE *file = fopen("/proc/cmdline", "r");
	int key;

	if (file) {
		fgets(line, sizeof(line), file);
		fclose(file);
	}
	if (!strstr(line, "trusted.pcrlock=13"))
		SKIP(return, "needs trusted.pcrlock=13 on the kernel command line");
	ASSERT_EQ(NULL, unsupported());
	ASSERT_EQ(0, tpm_signer_open(&signer, TPM_ECC, 1));
	key = make(signer.pub, signer.pub_len, "");
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	ASSERT_EQ(0, approve(&a));
	EXPECT_LT(0, load_blob(&blob, &a.der, ""));
	EXPECT_EQ(-EPERM, load_blob(&blob, &a.der, ""));
	tpm_signer_close(&signer);
}

/* EINVAL, each beside what is not refused. */
TEST(refused_options)
{
	static const char *const beside[] = {
		"migratable=1",
		"hash=sha1",
		"policyhandle=3000000",
		"policydigest=" ZEROS ZEROS ZEROS ZEROS,
		"policypub=00",
		"policysig=3000",
		"pcrlock=11",
		"pcrs=sha256:16",
	};
	static const char *const instead[] = {
		"policypub=",
		"policypub=0",
		"policypub=0023",
		"policypub=0023000b0004000",
		"policypub=0023000b000400000000",
		"policypub=xyz0",
		"policypub=" ZEROS ZEROS ZEROS ZEROS,
	};
	static const struct {
		int at;
		unsigned char bits;
	} edits[] = {
		{ 2, 4 }, { 5, 4 }, { 7, 4 }, { 1, 4 }, { 13, 1 }, { 17, 7 }, { 32, 4 },
	};
	struct tpm_signer signer;
	char payload[COMMAND_SIZE];
	unsigned char pub[640];
	struct approval a = { .by = &signer, .as = &signer, .pcr = PCR };
	struct blob blob, bound;
	size_t i;
	int key;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, tpm_signer_open(&signer, TPM_ECC, 1));
	/* sized or not */
	EXPECT_LT(0, make(signer.pub, signer.pub_len, "migratable=0 hash=sha256"));
	EXPECT_LT(0, make(signer.pub + 2, signer.pub_len - 2, ""));
	for (i = 0; i < ARRAY_SIZE(beside); i++) {
		EXPECT_EQ(-EINVAL, make(signer.pub, signer.pub_len, beside[i])) {
			TH_LOG("%s", beside[i]);
		}
	}
	for (i = 0; i < ARRAY_SIZE(instead); i++) {
		snprintf(payload, sizeof(payload), NEW " %s", instead[i]);
		EXPECT_EQ(-EINVAL, trusted_add(payload)) {
			TH_LOG("%s", instead[i]);
		}
	}
	EXPECT_EQ(-EINVAL, make(signer.pub, signer.pub_len - 1, ""));
	/*
	 * type, hash, may it sign?, size, symmetric algorithm, hash of the signature (SHA-384,
	 * which would open nothing), and a point that is not on the curve
	 */
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		memcpy(pub, signer.pub, signer.pub_len);
		pub[edits[i].at] ^= edits[i].bits;
		EXPECT_EQ(-EINVAL, make(pub, signer.pub_len, "")) {
			TH_LOG("byte %d", edits[i].at);
		}
	}

	/* to load */
	key = trusted_add(NEW);
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	ASSERT_EQ(0, approve(&a));
	EXPECT_LT(0, load_blob(&blob, NULL, ""));
	EXPECT_EQ(-EINVAL, load_blob(&blob, &a.der, ""));
	key = trusted_add(NEW " pcrs=sha256:11");
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &bound));
	EXPECT_LT(0, load_blob(&bound, NULL, ""));
	EXPECT_EQ(-EINVAL, load_blob(&bound, &a.der, ""));
	key = make(signer.pub, signer.pub_len, "");
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	EXPECT_LT(0, load_blob(&blob, &a.der, ""));
	EXPECT_EQ(-EINVAL, load_blob(&blob, &a.der, "policysig=00"));
	EXPECT_EQ(-EINVAL, load_blob(&blob, &a.der, "policyhandle=3000000"));
	EXPECT_EQ(-EINVAL, load_blob(&blob, &a.der, "pcrs=sha256:11"));
	to_hex(payload, signer.pub, signer.pub_len);
	memmove(payload + strlen("policypub="), payload, 2 * signer.pub_len + 1);
	memcpy(payload, "policypub=", strlen("policypub="));
	EXPECT_EQ(-EINVAL, load_blob(&blob, &a.der, payload));
	tpm_signer_close(&signer);
}

TEST(update_binds_once)
{
	char payload[COMMAND_SIZE] = "update keyhandle=" TPM_PARENT " policypub=";
	struct tpm_signer signer;
	struct approval a = { .by = &signer, .as = &signer, .pcr = PCR };
	struct blob blob;
	int key;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, tpm_signer_open(&signer, TPM_RSA, 1));
	to_hex(payload + strlen(payload), signer.pub, signer.pub_len);
	key = trusted_add(NEW);
	ASSERT_LT(0, key);
	EXPECT_EQ(0, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)payload, strlen(payload), 0));
	EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)payload, strlen(payload), 0));
	ASSERT_EQ(0, read_blob(key, &blob));
	ASSERT_EQ(0, approve(&a));
	EXPECT_EQ(-EINVAL, load_blob(&blob, NULL, ""));
	EXPECT_LT(0, load_blob(&blob, &a.der, ""));
	tpm_signer_close(&signer);
}

TEST_HARNESS_MAIN
