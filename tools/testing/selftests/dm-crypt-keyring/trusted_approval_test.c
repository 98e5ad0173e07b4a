// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trusted keys that are sealed to the public key of who approves of policies: they load in a state
 * that was signed, before or after they were made, and in no other; nothing but that signature
 * opens them.
 *
 * The signer is a key in the same TPM, which is made anew at each start.
 *
 * DMCK_LOADS says how often each kind of load is tried that is to leave nothing behind, DMCK_BLOBS
 * how many damaged blobs and approvals, and DMCK_SEED where they are damaged. What is damaged is
 * new each time, so one that fails is printed.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "approval.h"
#include "dmck.h"
#include "kmsg.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:approval"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define BLOB_SIZE 1152
#define COMMAND_SIZE 8192

#define ZEROS "0000000000000000"

/* What is approved, and another. */
#define PCR 11
#define OTHER_PCR 12

/* What the kernel says of each. */
#define NOT_THE_STATE "the PCRs are not in the state that the key is sealed to: sha256:11\n"
#define NOT_THE_POLICY "the blob's policy is not the one that the key was sealed with\n"
#define NO_SIGNATURE "policysig= has no signature by the key of policypub=: 0x"
#define NO_APPROVAL "policysig= is not a policy that somebody signed\n"
#define OF_ANOTHER "policysig= is for keys of another policypub=\n"
#define NOT_BOUND(pcr) "pcrlock=" #pcr ": the key is not bound to that PCR\n"
#define FOR_POLICYPUB "policysig= is for a key that was made with policypub=\n"
#define FOR_SEALING "pcrs= and policypub= are for a key that is sealed"
#define ONE_POLICY "pcrs= and policypub= make the policy, which no other option can give\n"
#define NOT_HEX "policypub= takes an even number of hex digits\n"
#define NO_SIGNER "policypub= takes the public area of an RSA or ECC key that signs"

static int number(const char *name, int otherwise)
{
	const char *given = getenv(name);

	return given ? atoi(given) : otherwise;
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

static int load_hex(const char *hex, const struct bytes *approval, const char *options)
{
	char payload[COMMAND_SIZE];
	int len;

	len = snprintf(payload, sizeof(payload), "load %s keyhandle=" TPM_PARENT " %s",
		       hex, options);
	if (approval) {
		len += snprintf(payload + len, sizeof(payload) - len, " policysig=");
		to_hex(payload + len, approval->data, approval->len);
	}
	return trusted_add(payload);
}

static int load_blob(const struct blob *blob, const struct bytes *approval, const char *options)
{
	return load_hex(blob->hex, approval, options);
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
	EXPECT_REFUSED(-EINVAL, "the key was made with policypub=, and needs policysig= to load\n",
		       LOAD(NULL));
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
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE, LOAD(&next.der));
	EXPECT_LT(0, LOAD(&self->now.der));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE, LOAD(&self->now.der));
	EXPECT_LT(0, LOAD(&next.der));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE, LOAD(&next.der));
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
	EXPECT_REFUSED(-EINVAL, OF_ANOTHER, LOAD(&other.der));
	other.as = &self->signer;
	ASSERT_EQ(0, approve(&other));
	EXPECT_REFUSED(-EKEYREJECTED, NO_SIGNATURE, LOAD(&other.der));
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
	EXPECT_REFUSED(-EINVAL, NOT_THE_POLICY, LOAD(&mine.der));
	tpm_signer_close(&signer);
}

TEST_F(approval, of_another_policy)
{
	struct approval a = self->now;

	a.unsigned_code = CC_POLICY_AUTH_VALUE;
	ASSERT_EQ(0, approve(&a));
	EXPECT_REFUSED(-EKEYREJECTED, NO_SIGNATURE, LOAD(&a.der));
	/* Whoever signs nothing at all means any state. */
	a = self->now;
	a.nothing = true;
	ASSERT_EQ(0, approve(&a));
	EXPECT_LT(0, LOAD(&a.der));
	EXPECT_REFUSED(-EINVAL, NOT_BOUND(11), load_blob(&self->blob, &a.der, "pcrlock=11"));
}

/* The kernel asks the TPM for nothing that it does not know itself. */
TEST_F(approval, of_what_is_not_known)
{
	struct approval a = self->now;

	a.unsigned_code = CC_POLICY_COMMAND_CODE;
	ASSERT_EQ(0, approve(&a));
	EXPECT_REFUSED(-EINVAL, "a policy with the command 0x16c, which is not known\n",
		       LOAD(&a.der));
	a.unsigned_code = 0;
	a.twice = true;
	ASSERT_EQ(0, approve(&a));
	EXPECT_REFUSED(-EINVAL, "policysig=: one signature cannot approve another\n",
		       LOAD(&a.der));
	EXPECT_LT(0, LOAD(&self->now.der));
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
		EXPECT_REFUSED(-EINVAL, NO_APPROVAL, LOAD(&cut));
	}
	EXPECT_LT(0, LOAD(&self->now.der));
}

/* It is refused by its size: a longer one would not fit a command to the TPM. */
TEST_F(approval, longer_than_a_signature)
{
	self->now.too_long = true;
	ASSERT_EQ(0, approve(&self->now));
	EXPECT_REFUSED(-EINVAL, NO_APPROVAL, LOAD(&self->now.der));
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
	EXPECT_REFUSED(-EINVAL, NOT_BOUND(12),
		       load_blob(&self->blob, &self->now.der, options));
	snprintf(options, sizeof(options), "%s pcrlock=%d", variant->auth, PCR);
	EXPECT_LT(0, load_blob(&self->blob, &self->now.der, options));
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE, LOAD(&self->now.der));
	/* Only who signs can go on from here. */
	ASSERT_EQ(0, approve(&self->now));
	EXPECT_LT(0, LOAD(&self->now.der));
}

#define APPROVAL_VARIANTS 4

/* DMCK_LOADS says how many of each there are in all variants. */
static int loads(void)
{
	return (number("DMCK_LOADS", 16) + APPROVAL_VARIANTS - 1) / APPROVAL_VARIANTS;
}

/*
 * Neither what was loaded nor what was refused; and no refusal is counted as a wrong password. One
 * of each takes less than a second with an emulated processor, too.
 */
TEST_F_TIMEOUT(approval, leaves_nothing_behind, 30 + loads())
{
	int sessions, saved, objects, counter, i;
	struct approval old = self->now, wrong = self->now, other = self->now;
	struct tpm_signer signer;

	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	ASSERT_EQ(0, approve(&self->now));
	wrong.unsigned_code = CC_POLICY_AUTH_VALUE;
	ASSERT_EQ(0, approve(&wrong));
	ASSERT_EQ(0, tpm_signer_open(&signer, variant->kind, 2));
	other.by = &signer;
	ASSERT_EQ(0, approve(&other));
	tpm_signer_close(&signer);

	sessions = tpm_handles(TPM_LOADED_SESSIONS);
	saved = tpm_handles(TPM_SAVED_SESSIONS);
	objects = tpm_handles(TPM_TRANSIENT);
	counter = tpm_lockout_counter();
	ASSERT_LE(0, sessions);
	ASSERT_LE(0, saved);
	ASSERT_LE(0, objects);
	ASSERT_LE(0, counter);
	for (i = 0; i < loads(); i++) {
		ASSERT_LT(0, LOAD(&self->now.der));
		ASSERT_EQ(-EPERM, LOAD(&old.der));
		ASSERT_EQ(-EKEYREJECTED, LOAD(&wrong.der));
		ASSERT_EQ(-EKEYREJECTED, LOAD(&other.der));
		ASSERT_EQ(counter, tpm_lockout_counter());
	}
	EXPECT_EQ(sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(saved, tpm_handles(TPM_SAVED_SESSIONS));
	EXPECT_EQ(objects, tpm_handles(TPM_TRANSIENT));
}

/* What pcrs= names has to be as it was, whatever else is approved. */
TEST_F(approval, does_not_replace_pcrs)
{
	int ret;

	ASSERT_EQ(0, tpm_extend(TPM_SHA256, 8));
	ASSERT_EQ(0, kmsg_mark());
	ret = LOAD(&self->now.der);
	EXPECT_EQ(*variant->options ? -EPERM : 0, ret < 0 ? ret : 0);
	EXPECT_EQ(!!*variant->options, kmsg_says("the key is sealed to: sha256:8\n"));
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
	EXPECT_REFUSED(-EPERM, "the key is sealed to: sha256:13\n",
		       load_blob(&blob, &a.der, ""));
	tpm_signer_close(&signer);
}

/* EINVAL, each beside what is not refused, and why. */
TEST(refused_options)
{
	static const struct {
		const char *option;
		const char *why;
	} beside[] = {
		{ "migratable=1", "pcrs= and policypub= make a key that is not migratable\n" },
		{ "hash=sha1", "pcrs= and policypub= need hash=sha256\n" },
		{ "policyhandle=3000000", ONE_POLICY },
		{ "policydigest=" ZEROS ZEROS ZEROS ZEROS, ONE_POLICY },
		{ "policypub=00", "policypub= is there twice\n" },
		{ "policysig=3000", "policysig= is for a key that is loaded\n" },
		{ "pcrlock=11", "pcrlock=11: pcrs= does not name that PCR\n" },
		{ "pcrs=sha256:16", "pcrs=: PCR 16 binds nothing, user space can reset it\n" },
	}, instead[] = {
		{ "policypub=", NOT_HEX },
		{ "policypub=0", NOT_HEX },
		{ "policypub=0023", NO_SIGNER },
		{ "policypub=0023000b0004000", NOT_HEX },
		{ "policypub=0023000b000400000000", NO_SIGNER },
		{ "policypub=xyz0", NOT_HEX },
		{ "policypub=" ZEROS ZEROS ZEROS ZEROS, NO_SIGNER },
	};
	/*
	 * type, hash, may it sign?, size, symmetric algorithm, hash of the signature (SHA-384,
	 * which would open nothing), and a point that is not on the curve, which only the TPM sees
	 */
	static const struct {
		int at;
		unsigned char bits;
		const char *why;
	} edits[] = {
		{ 2, 4, NO_SIGNER },
		{ 5, 4, NO_SIGNER },
		{ 7, 4, NO_SIGNER },
		{ 1, 4, NO_SIGNER },
		{ 13, 1, NO_SIGNER },
		{ 17, 7, NO_SIGNER },
		{ 32, 4, "the TPM does not load the public key of policypub=: 0x" },
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
	for (i = 0; i < ARRAY_SIZE(beside); i++)
		EXPECT_REFUSED(-EINVAL, beside[i].why,
			       make(signer.pub, signer.pub_len, beside[i].option));
	for (i = 0; i < ARRAY_SIZE(instead); i++) {
		snprintf(payload, sizeof(payload), NEW " %s", instead[i].option);
		EXPECT_REFUSED(-EINVAL, instead[i].why, trusted_add(payload));
	}
	EXPECT_REFUSED(-EINVAL, NO_SIGNER, make(signer.pub, signer.pub_len - 1, ""));
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		memcpy(pub, signer.pub, signer.pub_len);
		pub[edits[i].at] ^= edits[i].bits;
		EXPECT_REFUSED(-EINVAL, edits[i].why, make(pub, signer.pub_len, ""));
	}

	/* to load */
	key = trusted_add(NEW);
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	ASSERT_EQ(0, approve(&a));
	EXPECT_LT(0, load_blob(&blob, NULL, ""));
	EXPECT_REFUSED(-EINVAL, FOR_POLICYPUB, load_blob(&blob, &a.der, ""));
	key = trusted_add(NEW " pcrs=sha256:11");
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &bound));
	EXPECT_LT(0, load_blob(&bound, NULL, ""));
	EXPECT_REFUSED(-EINVAL, FOR_POLICYPUB, load_blob(&bound, &a.der, ""));
	key = make(signer.pub, signer.pub_len, "");
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	EXPECT_LT(0, load_blob(&blob, &a.der, ""));
	EXPECT_REFUSED(-EINVAL, "policysig= is there twice\n",
		       load_blob(&blob, &a.der, "policysig=00"));
	EXPECT_REFUSED(-EINVAL, "policyhandle= is for a blob that does not carry its policy\n",
		       load_blob(&blob, &a.der, "policyhandle=3000000"));
	EXPECT_REFUSED(-EINVAL, FOR_SEALING, load_blob(&blob, &a.der, "pcrs=sha256:11"));
	to_hex(payload, signer.pub, signer.pub_len);
	memmove(payload + strlen("policypub="), payload, 2 * signer.pub_len + 1);
	memcpy(payload, "policypub=", strlen("policypub="));
	EXPECT_REFUSED(-EINVAL, FOR_SEALING, load_blob(&blob, &a.der, payload));
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

/*
 * Blobs and approvals that were damaged: each is refused with an errno, or loads as what it is, and
 * leaves nothing behind in the TPM. What loads is as bound as what it was made of.
 */
FIXTURE(mutant)
{
	struct tpm_signer signer;
	struct bytes approval;
	struct bytes blob;
	unsigned long long seed;
};

FIXTURE_VARIANT(mutant)
{
	const char *options;
	const char *auth;
	int signer; /* its kind, or 0: then there is no approval */
	bool approval; /* that is damaged, and not the blob */
};

FIXTURE_VARIANT_ADD(mutant, unbound) {
	.options = "",
	.auth = "",
};

FIXTURE_VARIANT_ADD(mutant, pcrs) {
	.options = "pcrs=sha256:11",
	.auth = "",
};

FIXTURE_VARIANT_ADD(mutant, pcrs_auth) {
	.options = "pcrs=sha256:11 pcrs=sha384:8,11",
	.auth = "blobauth=opensesame",
};

FIXTURE_VARIANT_ADD(mutant, ecc) {
	.options = "pcrs=sha256:8",
	.auth = "blobauth=opensesame",
	.signer = TPM_ECC,
};

FIXTURE_VARIANT_ADD(mutant, rsa) {
	.options = "",
	.auth = "",
	.signer = TPM_RSA,
};

FIXTURE_VARIANT_ADD(mutant, approval_ecc) {
	.options = "",
	.auth = "",
	.signer = TPM_ECC,
	.approval = true,
};

FIXTURE_VARIANT_ADD(mutant, approval_rsa) {
	.options = "pcrs=sha256:8",
	.auth = "blobauth=opensesame",
	.signer = TPM_RSA,
	.approval = true,
};

#define MUTANT_VARIANTS 7
/* How many of those that load are tried again at the end. */
#define SURVIVORS 32
/* Longer than any blob may be. */
#define MUTANT_SIZE 1400
#define MAX_LENGTHS 64

/* DMCK_BLOBS says how many there are of all variants. */
static int mutants(void)
{
	return (number("DMCK_BLOBS", 500) + MUTANT_VARIANTS - 1) / MUTANT_VARIANTS;
}

FIXTURE_SETUP(mutant)
{
	const char *given = getenv("DMCK_SEED");
	char options[REF_SIZE];
	struct blob blob;
	int key;

	self->signer.fd = -1;
	if (unsupported())
		SKIP(return, "%s", unsupported());
	self->seed = given ? strtoull(given, NULL, 0) : 0;
	while (!self->seed)
		ASSERT_EQ(0, fill_random(&self->seed, sizeof(self->seed)));
	seed = self->seed;
	TH_LOG("DMCK_SEED=%#llx", seed);

	snprintf(options, sizeof(options), "%s %s", variant->options, variant->auth);
	if (variant->signer) {
		struct approval a = { .by = &self->signer, .as = &self->signer, .pcr = PCR };

		ASSERT_EQ(0, tpm_signer_open(&self->signer, variant->signer, 1));
		key = make(self->signer.pub, self->signer.pub_len, options);
		ASSERT_EQ(0, approve(&a));
		self->approval = a.der;
	} else {
		char payload[COMMAND_SIZE];

		snprintf(payload, sizeof(payload), NEW " %s", options);
		key = trusted_add(payload);
	}
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	memcpy(self->blob.data, blob.der, blob.size);
	self->blob.len = blob.size;
}

FIXTURE_TEARDOWN(mutant)
{
	tpm_signer_close(&self->signer);
}

/*
 * Where a length stands: of an element of DER, or of what the TPM has at the beginning of a string.
 * Returns how many there are. Any of them may be wrong already.
 */
static int find_lengths(const struct bytes *b, int from, int to, int *at, int n)
{
	int head, len, i;

	while (to - from >= 2 && n + 8 <= MAX_LENGTHS) {
		const unsigned char *p = b->data + from;

		head = p[1] < 0x80 ? 2 : 2 + (p[1] & 0x7f);
		if (head > 4 || head > to - from)
			break;
		len = head == 2 ? p[1] : head == 3 ? p[2] : p[2] << 8 | p[3];
		for (i = 1; i < head; i++)
			at[n++] = from + i;
		from += head;
		if (len > to - from)
			break;
		if (*p & 0x20) {
			n = find_lengths(b, from, from + len, at, n);
		} else if (*p == 0x04 && len >= 2) {
			at[n++] = from;
			at[n++] = from + 1;
		}
		from += len;
	}
	return n;
}

static void mutate(struct bytes *b)
{
	static const unsigned char lengths[] = { 0, 1, 2, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff };
	int at = below(b->len), n = 1 + below(below(2) ? 4 : 128), where[MAX_LENGTHS], found, i;

	if (n > b->len - at)
		n = b->len - at;
	switch (below(9)) {
	case 0:
		b->data[at] ^= 1 << below(8);
		break;
	case 1:
		b->data[at] = below(256);
		break;
	case 2:
		b->len = at ?: 1;
		break;
	case 3: /* a part less */
		if (n == b->len)
			break;
		memmove(b->data + at, b->data + at + n, b->len - at - n);
		b->len -= n;
		break;
	case 4: /* a part twice, or noise */
	case 5:
		if (b->len + n > MUTANT_SIZE)
			break;
		memmove(b->data + at + n, b->data + at, b->len - at);
		b->len += n;
		if (below(2))
			break;
		for (i = 0; i < n; i++)
			b->data[at + i] = below(256);
		break;
	default:
		found = find_lengths(b, 0, b->len, where, 0);
		if (!found)
			break;
		at = where[below(found)];
		if (below(2))
			b->data[at] = lengths[below(ARRAY_SIZE(lengths))];
		else
			b->data[at] += below(2) ? 1 : -1;
	}
}

static int load_bytes(const struct bytes *blob, const struct bytes *approval, const char *options)
{
	char hex[2 * sizeof(blob->data) + 1];

	to_hex(hex, blob->data, blob->len);
	return load_hex(hex, approval->len ? approval : NULL, options);
}

TEST_F_TIMEOUT(mutant, loads_or_not, 30 + mutants() / 2)
{
	static const char update[] = "update keyhandle=" TPM_PARENT;
	static struct bytes survivors[SURVIVORS];
	const bool bound = variant->signer || *variant->options;
	struct bytes mutant, *blob, *approval;
	int sessions, saved, objects, counter;
	int i, n, key, loaded = 0;
	struct blob read;
	char hex[2 * sizeof(mutant.data) + 1];

	blob = variant->approval ? &self->blob : &mutant;
	approval = variant->approval ? &mutant : &self->approval;
	ASSERT_LT(0, load_bytes(&self->blob, &self->approval, variant->auth));
	sessions = tpm_handles(TPM_LOADED_SESSIONS);
	saved = tpm_handles(TPM_SAVED_SESSIONS);
	objects = tpm_handles(TPM_TRANSIENT);
	counter = tpm_lockout_counter();
	ASSERT_LE(0, sessions);
	ASSERT_LE(0, saved);
	ASSERT_LE(0, objects);
	ASSERT_LE(0, counter);

	for (i = 0; i < mutants(); i++) {
		mutant = variant->approval ? self->approval : self->blob;
		n = below(4) ? 1 : 2 + below(4);
		/* Bit 5 of a tag makes no difference to the kernel's decoder: one does load. */
		if (!i)
			mutant.data[0] ^= 1 << 5;
		else
			while (n--)
				mutate(&mutant);
		to_hex(hex, mutant.data, mutant.len);

		key = load_bytes(blob, approval, variant->auth);
		/* An errno that user space knows. */
		EXPECT_TRUE(key > 0 || (key < 0 && key > -512)) TH_LOG("%d: %s", key, hex);
		if (key > 0) {
			ASSERT_EQ(0, read_blob(key, &read));
			EXPECT_EQ(blob->len, read.size);
			EXPECT_EQ(0, memcmp(blob->data, read.der, blob->len)) TH_LOG("%s", hex);
			if (bound)
				EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, key, (uintptr_t)update,
							  strlen(update), 0)) TH_LOG("%s", hex);
			survivors[loaded++ % SURVIVORS] = mutant;
		}
		/* One that leaves something is told from the next one. */
		ASSERT_EQ(sessions, tpm_handles(TPM_LOADED_SESSIONS)) TH_LOG("%s", hex);
		ASSERT_EQ(saved, tpm_handles(TPM_SAVED_SESSIONS)) TH_LOG("%s", hex);
		ASSERT_EQ(objects, tpm_handles(TPM_TRANSIENT)) TH_LOG("%s", hex);
	}
	TH_LOG("%d of %d load", loaded, i);
	EXPECT_LT(0, loaded);
	EXPECT_GE(1 + i / 2, loaded);
	EXPECT_EQ(counter, tpm_lockout_counter());
	EXPECT_LT(0, load_bytes(&self->blob, &self->approval, variant->auth));

	/* In another state those do not load that are bound to this one, and the others do. */
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, PCR));
	for (i = 0; i < loaded && i < SURVIVORS; i++) {
		mutant = survivors[i];
		key = load_bytes(blob, approval, variant->auth);
		to_hex(hex, mutant.data, mutant.len);
		EXPECT_EQ(bound ? -EPERM : 0, key < 0 ? key : 0) TH_LOG("%s", hex);
	}
}

TEST_HARNESS_MAIN
