// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trusted keys that are sealed to PCRs: they load in the state that they were made in, and in no
 * other, with the kernel and without it; a cap ends that; no option, no edited blob and no update
 * gets around it.
 *
 * PCRs do not go back before the next boot, so each test makes its key in the state that it finds.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmck.h"
#include "kmsg.h"
#include "tpm.h"
#include "harness.h"

#define DESC "dmck:pcrs"
#define NEW "new 32 keyhandle=" TPM_PARENT
#define UPDATE "update keyhandle=" TPM_PARENT
#define COMMAND_SIZE (2 * TPM_BLOB_SIZE + REF_SIZE)
/* What a cap extends a PCR with, filled up with zeros. */
#define CAP "Linux PCR cap"

#define ZEROS "0000000000000000"

/* The PCR that is changed, and one that no key here is bound to. */
#define PCR 11
#define OTHER_PCR 12

/* What the kernel says. */
#define NOT_THE_STATE "the PCRs are not in the state that the key is sealed to: "
#define NOT_THE_POLICY "the blob's policy is not the one that the key was sealed with\n"
#define ONE_POLICY "pcrs= and policypub= make the policy, which no other option can give\n"
#define NOT_MIGRATABLE "pcrs= and policypub= make a key that is not migratable\n"
#define NOTHING_MEASURED "pcrs=: nothing was ever measured into these PCRs of the bank "
#define NOT_YOURS "the key is bound to PCR 13, which only CAP_SYS_ADMIN may cap\n"

struct blob {
	unsigned char der[TPM_BLOB_SIZE];
	int size;
	struct tpm_key key;
};

static int trusted_add(const char *payload)
{
	return key_add("trusted", DESC, payload, strlen(payload));
}

static int seal_anew(int serial, const char *options)
{
	char payload[COMMAND_SIZE];

	snprintf(payload, sizeof(payload), UPDATE " %s", options);
	return key_ctl(KEYCTL_UPDATE, serial, (uintptr_t)payload, strlen(payload), 0);
}

static int read_blob(int serial, struct blob *blob)
{
	char hex[2 * TPM_BLOB_SIZE + 1];
	int ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)hex, sizeof(hex) - 1, 0);

	if (ret < 0)
		return ret;
	if (ret >= (int)sizeof(hex))
		return -E2BIG;
	hex[ret] = '\0';
	blob->size = from_hex(blob->der, hex, ret);
	return tpm_key_parse(&blob->key, blob->der, blob->size);
}

/* Makes a key, and keeps the blob alone. */
static int make(const char *options, struct blob *blob)
{
	char payload[COMMAND_SIZE];
	int ret = keys_open();

	if (ret < 0)
		return ret;
	snprintf(payload, sizeof(payload), NEW " %s", options);
	ret = trusted_add(payload);
	if (ret < 0)
		return ret;
	ret = read_blob(ret, blob);
	return ret < 0 ? ret : keys_open();
}

/* Into an empty keyring: a key of that name would be updated. */
static int load_der(const unsigned char *der, int size, const char *options)
{
	char command[COMMAND_SIZE] = "load ";
	int ret = keys_open();

	if (ret < 0)
		return ret;
	to_hex(command + 5, der, size);
	snprintf(command + 5 + 2 * size, sizeof(command) - 5 - 2 * size,
		 " keyhandle=" TPM_PARENT " %s", options);
	return trusted_add(command);
}

static int load(const struct blob *blob, const char *options)
{
	return load_der(blob->der, blob->size, options);
}

/*
 * The blob with @len bytes of @policy for its field policy, or in the place where that would be.
 * Returns its size.
 */
static int with_policy(const struct blob *blob, const unsigned char *policy, int len,
		       unsigned char der[2 * TPM_BLOB_SIZE])
{
	/* Of the sequence, tag and length come first. */
	const int head = blob->der[1] < 0x80 ? 2 : 2 + (blob->der[1] & 0x7f);
	const unsigned char *content = blob->der + head;
	/* Behind the type, an object identifier of 8 bytes, and the boolean emptyAuth of 5. */
	const unsigned char *field = blob->key.policy ?: content + 8 + 5;
	const unsigned char *rest = field + blob->key.policy_len;
	int before = field - content, after = blob->der + blob->size - rest;
	int size = before + len + after;

	memcpy(der, "\x30\x82", 2);
	der[2] = size >> 8;
	der[3] = size;
	memcpy(der + 4, content, before);
	if (len)
		memcpy(der + 4 + before, policy, len);
	memcpy(der + 4 + before + len, rest, after);
	return 4 + size;
}

static const char *unsupported(void)
{
	int key = keys_open() ?: trusted_add(NEW);

	return key_unsupported("trusted", key);
}

/* A key that the kernel chose gives the same ciphertext as what the TPM unseals, in hex. */
TEST(same_ciphertext_in_hex)
{
	static const struct {
		const char *cipher;
		unsigned int size;
	} modes[] = {
		{ "aes-xts-plain64", 64 },
		{ "aes:2-xts-plain64", 128 },
		{ "aes-cbc-essiv:sha256", 32 },
		{ "capi:essiv(cbc(aes),sha256)-plain64", 32 },
		{ "aes-lrw-benbi", 48 },
		{ "aes-cbc-eboiv", 32 },
		{ "aes-cbc-elephant", 64 },
	};
	unsigned char secret[128], by_hex[DATA_SIZE], by_ref[DATA_SIZE] = {};
	char name[NAME_SIZE], ref[REF_SIZE], hex[2 * sizeof(secret) + 1];
	const char *why = unsupported();
	struct volume volume;
	struct blob blob;
	size_t i;

	if (why)
		SKIP(return, "%s", why);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		TH_LOG("%s", modes[i].cipher);
		ASSERT_EQ(0, keys_open());
		ASSERT_EQ(0, read_blob(key_make("trusted", DESC, NULL, modes[i].size), &blob));
		ASSERT_EQ(modes[i].size, tpm_unseal(&blob.key, 0, 0, "", secret, sizeof(secret)));
		to_hex(hex, secret, modes[i].size);
		ASSERT_EQ(0, volume_open(&volume, modes[i].cipher, hex, ""));
		ASSERT_EQ(0, backing_read(&volume.backing, by_hex));
		EXPECT_NE(0, memcmp(by_hex, volume.data, sizeof(by_hex)));

		snprintf(ref, sizeof(ref), ":%u:trusted:" DESC, modes[i].size);
		dm_name(name);
		ASSERT_EQ(0, dm_map_crypt(name, &volume.backing, modes[i].cipher, ref, ""));
		EXPECT_EQ(1, dm_reads(name, volume.data));
		EXPECT_EQ(0, dm_write(name, by_ref));
		EXPECT_EQ(0, dm_write(name, volume.data));
		EXPECT_EQ(0, backing_read(&volume.backing, by_ref));
		EXPECT_EQ(0, memcmp(by_hex, by_ref, sizeof(by_hex)));
		EXPECT_EQ(0, dm_remove(name));
		EXPECT_EQ(0, volume_close(&volume));
	}
}

FIXTURE(pcrs)
{
	struct blob blob;
	const char *auth; /* the option that gives it */
	char shut[REF_SIZE]; /* what the kernel says if it is in another state */
};

FIXTURE_VARIANT(pcrs)
{
	const char *options;
	const char *names; /* those PCRs, as the kernel writes them */
	const char *auth;
	/* For who unseals without the kernel; there is one bank only. */
	int bank;
	unsigned int mask;
};

FIXTURE_VARIANT_ADD(pcrs, one) {
	.options = "pcrs=sha256:11",
	.names = "sha256:11",
	.bank = TPM_SHA256,
	.mask = 1 << 11,
};

FIXTURE_VARIANT_ADD(pcrs, several) {
	.options = "pcrs=sha256:7,11,0",
	.names = "sha256:0,7,11",
	.bank = TPM_SHA256,
	.mask = 1 << 0 | 1 << 7 | 1 << 11,
};

FIXTURE_VARIANT_ADD(pcrs, sha1) {
	.options = "pcrs=sha1:11",
	.names = "sha1:11",
	.bank = TPM_SHA1,
	.mask = 1 << 11,
};

FIXTURE_VARIANT_ADD(pcrs, sha384) {
	.options = "pcrs=sha384:11,22",
	.names = "sha384:11,22",
	.bank = TPM_SHA384,
	.mask = 1 << 11 | 1 << 22,
};

FIXTURE_VARIANT_ADD(pcrs, banks) {
	.options = "pcrs=sha384:11,8 pcrs=sha256:11",
	.names = "sha384:8,11 sha256:11",
	.bank = TPM_SHA256,
};

FIXTURE_VARIANT_ADD(pcrs, auth) {
	.options = "pcrs=sha256:11",
	.names = "sha256:11",
	.auth = "opensesame",
	.bank = TPM_SHA256,
	.mask = 1 << 11,
};

FIXTURE_SETUP(pcrs)
{
	char options[REF_SIZE];

	if (unsupported())
		SKIP(return, "%s", unsupported());
	self->auth = variant->auth ? "blobauth=opensesame" : "";
	snprintf(options, sizeof(options), "%s %s", variant->options, self->auth);
	ASSERT_EQ(0, make(options, &self->blob));
	ASSERT_NE(NULL, self->blob.key.policy);
	snprintf(self->shut, sizeof(self->shut), NOT_THE_STATE "%s\n", variant->names);
}

FIXTURE_TEARDOWN(pcrs)
{
}

static int unseal(const struct blob *blob, int bank, unsigned int mask, const char *auth)
{
	unsigned char secret[128];

	return tpm_unseal(&blob->key, bank, mask, auth ?: "", secret, sizeof(secret));
}

/* What the kernel does with it, and what the TPM does without the kernel. */
#define EXPECT_OPENS() do {							\
	EXPECT_LT(0, load(&self->blob, self->auth));				\
	if (variant->mask)							\
		EXPECT_EQ(32, unseal(&self->blob, variant->bank, variant->mask,	\
				     variant->auth));				\
} while (0)

#define EXPECT_SHUT() do {							\
	EXPECT_REFUSED(-EPERM, self->shut, load(&self->blob, self->auth));	\
	if (variant->mask)							\
		EXPECT_EQ(-EPERM, unseal(&self->blob, variant->bank, variant->mask, \
					 variant->auth));			\
} while (0)

TEST_F(pcrs, right_state)
{
	EXPECT_OPENS();
	EXPECT_OPENS();
	/* Without a policy the TPM does not. */
	EXPECT_EQ(-EPERM, unseal(&self->blob, variant->bank, 0, variant->auth));
}

/* Nothing but its policy opens it, and it leaves neither its TPM nor its parent. */
TEST_F(pcrs, attributes)
{
	/* fixedTPM and fixedParent, behind size, type and hash of the public area */
	static const unsigned char fixed[] = { 0, 0, 0, 1 << 4 | 1 << 1 };

	EXPECT_EQ(0, memcmp(fixed, self->blob.key.pub + 6, sizeof(fixed)));
}

TEST_F(pcrs, what_is_read_loads)
{
	struct blob read;
	int key = load(&self->blob, self->auth);

	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &read));
	ASSERT_EQ(self->blob.size, read.size);
	EXPECT_EQ(0, memcmp(self->blob.der, read.der, read.size));
}

TEST_F(pcrs, changed)
{
	int counter = tpm_lockout_counter(), sessions = tpm_handles(TPM_LOADED_SESSIONS);
	int objects = tpm_handles(TPM_TRANSIENT);

	ASSERT_LE(0, counter);
	ASSERT_EQ(0, tpm_extend(variant->bank, PCR));
	EXPECT_SHUT();
	EXPECT_EQ(counter, tpm_lockout_counter());
	EXPECT_EQ(sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(objects, tpm_handles(TPM_TRANSIENT));
}

TEST_F(pcrs, another_changed)
{
	ASSERT_EQ(0, tpm_extend(variant->bank, OTHER_PCR));
	EXPECT_OPENS();
}

TEST_F(pcrs, another_bank_changed)
{
	if (!variant->mask)
		return;
	ASSERT_EQ(0, tpm_extend(variant->bank == TPM_SHA1 ? TPM_SHA256 : TPM_SHA1, PCR));
	EXPECT_OPENS();
}

TEST_F(pcrs, capped)
{
	char options[REF_SIZE];

	snprintf(options, sizeof(options), "pcrlock=%d %s", PCR, self->auth);
	EXPECT_LT(0, load(&self->blob, options));
	EXPECT_SHUT();
	EXPECT_REFUSED(-EPERM, self->shut, load(&self->blob, options));
}

TEST_F(pcrs, cap_of_another)
{
	unsigned char before[64] = {}, after[64] = {};
	char options[REF_SIZE];

	ASSERT_LT(0, tpm_read(TPM_SHA256, OTHER_PCR, before));
	snprintf(options, sizeof(options), "pcrlock=%d %s", OTHER_PCR, self->auth);
	EXPECT_REFUSED(-EINVAL, "pcrlock=12: the key is not bound to that PCR\n",
		       load(&self->blob, options));
	ASSERT_LT(0, tpm_read(TPM_SHA256, OTHER_PCR, after));
	EXPECT_EQ(0, memcmp(before, after, sizeof(after)));
	EXPECT_OPENS();
}

TEST_F(pcrs, a_load_that_fails_caps_nothing)
{
	unsigned char before[64] = {}, after[64] = {};
	char options[REF_SIZE];

	ASSERT_EQ(0, tpm_extend(variant->bank, PCR));
	ASSERT_LT(0, tpm_read(variant->bank, PCR, before));
	snprintf(options, sizeof(options), "pcrlock=%d %s", PCR, self->auth);
	EXPECT_REFUSED(-EPERM, self->shut, load(&self->blob, options));
	ASSERT_LT(0, tpm_read(variant->bank, PCR, after));
	EXPECT_EQ(0, memcmp(before, after, sizeof(after)));
}

TEST_F(pcrs, not_sealed_anew)
{
	int key = load(&self->blob, self->auth);

	ASSERT_LT(0, key);
	EXPECT_EQ(-EPERM, seal_anew(key, ""));
	EXPECT_EQ(-EPERM, seal_anew(key, "blobauth=root"));
	EXPECT_EQ(-EPERM, seal_anew(key, "pcrs=sha256:11"));
	EXPECT_EQ(-EPERM, seal_anew(key, "migratable=1"));
}

TEST_F(pcrs, policy_left_out)
{
	unsigned char der[2 * TPM_BLOB_SIZE];
	int size = with_policy(&self->blob, NULL, 0, der);

	EXPECT_EQ(-EPERM, load_der(der, size, self->auth));
}

/*
 * A bit in each byte of it: another PCR, bank, digest or command, or no sense. Bit 5 of a tag says
 * that the element is made of others, and makes no difference to the kernel's decoder.
 */
TEST_F_TIMEOUT(pcrs, policy_edited, 120)
{
	unsigned char *byte = self->blob.der + (self->blob.key.policy - self->blob.der);
	int i;

	for (i = 0; i < 8 * self->blob.key.policy_len; i += 3) {
		if (i % 8 == 5)
			continue;
		byte[i / 8] ^= 1 << i % 8;
		EXPECT_GT(0, load(&self->blob, self->auth)) {
			TH_LOG("byte %d, bit %d", i / 8, i % 8);
		}
		byte[i / 8] ^= 1 << i % 8;
	}
	EXPECT_OPENS();
}

/* What is not looked for in the policy alone: the log has no splat, and the next key loads. */
TEST_F_TIMEOUT(pcrs, damaged, 120)
{
	unsigned char der[TPM_BLOB_SIZE];
	int i;

	for (i = 0; i < self->blob.size; i++) {
		memcpy(der, self->blob.der, sizeof(der));
		der[i] ^= 1 << i % 8;
		load_der(der, self->blob.size, self->auth);
	}
	for (i = 0; i < self->blob.size; i += 7)
		EXPECT_GT(0, load_der(self->blob.der, i, self->auth));
	EXPECT_OPENS();
}

TEST_F(pcrs, wrong_authorization)
{
	if (!variant->auth)
		return;
	/* That is not the PCRs' fault, and nobody says so. */
	ASSERT_EQ(0, kmsg_mark());
	EXPECT_EQ(-EPERM, load(&self->blob, ""));
	EXPECT_EQ(0, kmsg_says(NOT_THE_STATE));
	ASSERT_EQ(0, tpm_lockout_reset());
	EXPECT_REFUSED(-EPERM, "unsealing", load(&self->blob, "blobauth=opensesamE"));
	EXPECT_EQ(0, kmsg_says(NOT_THE_STATE));
	ASSERT_EQ(0, tpm_lockout_reset());
	EXPECT_EQ(-EPERM, unseal(&self->blob, variant->bank, variant->mask, ""));
	ASSERT_EQ(0, tpm_lockout_reset());
	EXPECT_OPENS();
}

/* TPM2_PolicyAuthValue(), as it stands in a policy. */
#define ASKS_AUTH "300aa0040202016ba1020400"

/* The policies of others: well formed, but not this key's. */
FIXTURE(policy)
{
	struct blob blob;
};

FIXTURE_VARIANT(policy)
{
	const char *field; /* in hex */
	const char *why; /* or NULL: no matter how it is refused */
};

FIXTURE_VARIANT_ADD(policy, of_no_command) {
	.field = "a1023000",
};

FIXTURE_VARIANT_ADD(policy, of_an_authorization) {
	.field = "a10e300c" ASKS_AUTH,
	.why = NOT_THE_POLICY,
};

/* TPM2_PolicyCommandCode(TPM2_Unseal) */
FIXTURE_VARIANT_ADD(policy, of_an_unknown_command) {
	.field = "a1123010300ea0040202016ca10604040000015e",
	.why = "a policy with the command 0x16c, which is not known\n",
};

FIXTURE_VARIANT_ADD(policy, of_a_command_without_code) {
	.field = "a10c300a3008a0020200a1020400",
	.why = "a policy with the command 0x0, which is not known\n",
};

FIXTURE_VARIANT_ADD(policy, of_a_code_that_wraps) {
	.field = "a111300f300da0070205010000016ba1020400",
	.why = "a policy with the command 0xffffffff, which is not known\n",
};

FIXTURE_VARIANT_ADD(policy, of_pcrs_without_parameters) {
	.field = "a10e300c300aa0040202017fa1020400",
	.why = "a policy with malformed parameters of the command 0x17f\n",
};

/* Whatever came before a TPM2_PolicyAuthorize() would be for nothing. */
FIXTURE_VARIANT_ADD(policy, of_an_approval_that_comes_late) {
	.field = "a11a3018" ASKS_AUTH "300aa0040202016aa1020400",
	.why = "a policy with malformed parameters of the command 0x16a\n",
};

FIXTURE_VARIANT_ADD(policy, of_an_authorization_with_parameters) {
	.field = "a10f300d300ba0040202016ba103040100",
	.why = "a policy with malformed parameters of the command 0x16b\n",
};

FIXTURE_VARIANT_ADD(policy, of_five_commands) {
	.field = "a13e303c" ASKS_AUTH ASKS_AUTH ASKS_AUTH ASKS_AUTH ASKS_AUTH,
	.why = "a policy of more than 4 commands\n",
};

FIXTURE_SETUP(policy)
{
	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:11", &self->blob));
	ASSERT_NE(NULL, self->blob.key.policy);
}

FIXTURE_TEARDOWN(policy)
{
}

TEST_F(policy, is_refused)
{
	unsigned char der[2 * TPM_BLOB_SIZE], field[128];
	int len = from_hex(field, variant->field, strlen(variant->field));
	int size;

	ASSERT_LT(0, len);
	size = with_policy(&self->blob, field, len, der);
	if (variant->why)
		EXPECT_REFUSED(-EINVAL, variant->why, load_der(der, size, ""));
	else
		EXPECT_GT(0, load_der(der, size, ""));
}

/* A key that is bound to nothing does not become one that only loads with a policy. */
TEST(policy_of_a_key_that_has_none)
{
	unsigned char der[2 * TPM_BLOB_SIZE];
	struct blob bound, free;
	int size;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:11", &bound));
	ASSERT_EQ(0, make("", &free));
	ASSERT_EQ(NULL, free.key.policy);
	size = with_policy(&free, bound.key.policy, bound.key.policy_len, der);
	EXPECT_REFUSED(-EINVAL, NOT_THE_POLICY, load_der(der, size, ""));
}

/* Returns its size. */
static int put_element(unsigned char *der, int tag, const void *content, int len)
{
	int n = 0;

	der[n++] = tag;
	if (len > 0xff) {
		der[n++] = 0x82;
		der[n++] = len >> 8;
	} else if (len > 0x7f) {
		der[n++] = 0x81;
	}
	der[n++] = len;
	memcpy(der + n, content, len);
	return n + len;
}

/* It is, byte for byte, what it was before there were policies: put together from its parts. */
TEST(blob_without_a_policy)
{
	static const unsigned char type[] = { 0x67, 0x81, 0x05, 0x0a, 0x01, 0x05 };
	static const unsigned char empty_auth[] = { 0x01, 0x01, 0x01 };
	static const unsigned char parent[] = { 0x00, 0x81, 0x00, 0x00, 0x01 };
	static const char *const options[] = { "", "blobauth=opensesame", "migratable=0" };
	unsigned char content[TPM_BLOB_SIZE], der[TPM_BLOB_SIZE];
	struct blob blob;
	size_t i;
	int len;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		TH_LOG("%s", options[i]);
		ASSERT_EQ(0, make(options[i], &blob));
		len = put_element(content, 0x06, type, sizeof(type));
		if (!strstr(options[i], "blobauth"))
			len += put_element(content + len, 0xa0, empty_auth, sizeof(empty_auth));
		len += put_element(content + len, 0x02, parent, sizeof(parent));
		len += put_element(content + len, 0x04, blob.key.pub, blob.key.pub_len);
		len += put_element(content + len, 0x04, blob.key.priv, blob.key.priv_len);
		len = put_element(der, 0x30, content, len);
		ASSERT_EQ(len, blob.size);
		EXPECT_EQ(0, memcmp(der, blob.der, len));
	}
}

/* EINVAL, each beside the neighbour that is tried first, and why. */
static const struct {
	const char *options;
	const char *why;
} refused[] = {
	{ "pcrs=", "pcrs= takes <bank>:<n>[,<n>...]\n" },
	{ "pcrs=sha256", "pcrs= takes <bank>:<n>[,<n>...]\n" },
	{ "pcrs=sha256:", "pcrs=: there is no PCR ''\n" },
	{ "pcrs=sha256:24", "pcrs=: there is no PCR '24'\n" },
	{ "pcrs=sha256:4294967303", "pcrs=: there is no PCR '4294967303'\n" },
	{ "pcrs=sha256:-7", "pcrs=: there is no PCR '-7'\n" },
	{ "pcrs=sha256:+7", "pcrs=: there is no PCR '+7'\n" },
	{ "pcrs=sha256:0x7", "pcrs=: there is no PCR '0x7'\n" },
	{ "pcrs=sha256:7,", "pcrs=: there is no PCR ''\n" },
	{ "pcrs=sha256:7;11", "pcrs=: there is no PCR '7;11'\n" },
	{ "pcrs=sha256:7,11,7", "pcrs= names PCR 7 of the bank sha256 twice\n" },
	{ "pcrs=sha256:7 pcrs=sha256:11", "pcrs= names the bank sha256 twice\n" },
	/* User space can reset these. */
	{ "pcrs=sha256:11,16", "pcrs=: PCR 16 binds nothing, user space can reset it\n" },
	{ "pcrs=sha256:23", "pcrs=: PCR 23 binds nothing, user space can reset it\n" },
	{ "pcrs=sha2:7", "pcrs=: there is no PCR bank sha2\n" },
	{ "pcrs=md5:7", "pcrs=: there is no PCR bank md5\n" },
	{ "pcrs=sm3:7", "pcrs=: the PCR bank sm3 is not active in this TPM\n" },
	{ "pcrs=:7", "pcrs=: there is no PCR bank " },
	{ "pcrs=sha256:7 migratable=1", NOT_MIGRATABLE },
	{ "migratable=1 pcrs=sha256:7", NOT_MIGRATABLE },
	{ "hash=sha1 pcrs=sha256:7", "pcrs= and policypub= need hash=sha256\n" },
	{ "pcrs=sha256:7 policyhandle=3000000", ONE_POLICY },
	{ "pcrs=sha256:7 pcrlock=11", "pcrlock=11: pcrs= does not name that PCR\n" },
	/* It is there, and not for us to extend. */
	{ "pcrs=sha256:22 pcrlock=22", "pcrlock=22 would lock nothing\n" },
	{ "pcrs=sha256:7 policydigest=" ZEROS ZEROS ZEROS ZEROS, ONE_POLICY },
};

TEST(refused_options)
{
	char payload[COMMAND_SIZE];
	size_t i;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, keys_open());
	ASSERT_LT(0, trusted_add(NEW " pcrs=sha256:7 migratable=0 hash=sha256"));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		ASSERT_EQ(0, keys_open());
		snprintf(payload, sizeof(payload), NEW " %s", refused[i].options);
		EXPECT_REFUSED(-EINVAL, refused[i].why, trusted_add(payload));
	}
}

/* As much as can be asked for: it has to fit into a blob. */
TEST(largest)
{
	static const char auth[] = "blobauth=0123456789abcdef0123456789abcdef01234567";
	char payload[COMMAND_SIZE];
	struct blob blob;
	int key;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, keys_open());
	snprintf(payload, sizeof(payload), "new 128 keyhandle=%s %s %s %s", TPM_PARENT, auth,
		 "pcrs=sha1:7,11 pcrs=sha256:7,11", "pcrs=sha384:7,11 pcrs=sha512:7,11");
	key = trusted_add(payload);
	ASSERT_LT(0, key);
	ASSERT_EQ(0, read_blob(key, &blob));
	EXPECT_LT(0, load(&blob, auth));
	ASSERT_EQ(0, tpm_extend(TPM_SHA384, 7));
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE "sha1:7,11 sha256:7,11 sha384:7,11 sha512:7,11\n",
		       load(&blob, auth));
}

TEST(load_takes_no_pcrs)
{
	struct blob blob;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:7", &blob));
	EXPECT_REFUSED(-EINVAL, "pcrs= and policypub= are for a key that is sealed",
		       load(&blob, "pcrs=sha256:7"));
	EXPECT_REFUSED(-EINVAL, "policyhandle= is for a blob that does not carry its policy\n",
		       load(&blob, "policyhandle=3000000"));
	EXPECT_LT(0, load(&blob, ""));
}

/* Whether a PCR is as it was when the machine was switched on. */
static bool is_untouched(int bank, unsigned int pcr)
{
	unsigned char value[64];
	int i, size = tpm_read(bank, pcr, value);

	for (i = 1; i < size; i++)
		if (value[i] != value[0])
			return false;
	return size > 0 && (value[0] == 0x00 || value[0] == 0xff);
}

/* The last one before @pcr that nobody extended, and we can: -ENOENT if there is none. */
static int untouched(int pcr)
{
	while (--pcr >= 8)
		if (is_untouched(TPM_SHA256, pcr) && is_untouched(TPM_SHA384, pcr))
			return pcr;
	return -ENOENT;
}

/* A key that is bound to nothing yet is made, and the administrator told so: for each bank. */
TEST(warned_of_what_was_never_measured)
{
	int a = untouched(16), b = untouched(a);
	char options[REF_SIZE];
	struct blob blob;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	if (b < 0)
		SKIP(return, "needs two PCRs above 7 that nobody has extended since the start");
	snprintf(options, sizeof(options), "pcrs=sha256:%d,%d pcrs=sha384:%d", a, b, a);
	ASSERT_EQ(0, kmsg_mark());
	ASSERT_EQ(0, make(options, &blob));
	EXPECT_EQ(1, kmsg_says(NOTHING_MEASURED "sha256\n"));
	EXPECT_EQ(1, kmsg_says(NOTHING_MEASURED "sha384\n"));
	/* Who loads it cannot help it. */
	ASSERT_EQ(0, kmsg_mark());
	EXPECT_LT(0, load(&blob, ""));
	EXPECT_EQ(0, kmsg_says(NOTHING_MEASURED));

	/* One of the PCRs is enough, and of each bank there has to be one. */
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, a));
	ASSERT_EQ(0, kmsg_mark());
	ASSERT_EQ(0, make(options, &blob));
	EXPECT_EQ(0, kmsg_says(NOTHING_MEASURED "sha256\n"));
	EXPECT_EQ(1, kmsg_says(NOTHING_MEASURED "sha384\n"));
	ASSERT_EQ(0, tpm_extend(TPM_SHA384, a));
	ASSERT_EQ(0, kmsg_mark());
	ASSERT_EQ(0, make(options, &blob));
	EXPECT_EQ(0, kmsg_says(NOTHING_MEASURED));

	/* What is measured into others is none of its business. */
	snprintf(options, sizeof(options), "pcrs=sha256:%d", b);
	ASSERT_EQ(0, kmsg_mark());
	ASSERT_EQ(0, make(options, &blob));
	EXPECT_EQ(1, kmsg_says(NOTHING_MEASURED "sha256\n"));

	/* Those of a dynamic launch start as ones. */
	if (!is_untouched(TPM_SHA256, 22))
		return;
	ASSERT_EQ(0, kmsg_mark());
	ASSERT_EQ(0, make("pcrs=sha256:22", &blob));
	EXPECT_EQ(1, kmsg_says(NOTHING_MEASURED "sha256\n"));
}

TEST(update_binds_once)
{
	struct blob blob;
	int key;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, keys_open());
	key = trusted_add(NEW);
	ASSERT_LT(0, key);
	EXPECT_EQ(0, seal_anew(key, "pcrs=sha256:11"));
	EXPECT_EQ(-EPERM, seal_anew(key, "pcrs=sha256:11"));
	EXPECT_EQ(-EPERM, seal_anew(key, ""));
	ASSERT_EQ(0, read_blob(key, &blob));
	EXPECT_NE(NULL, blob.key.policy);
	ASSERT_EQ(0, keys_open());
	key = load(&blob, "");
	ASSERT_LT(0, key);
	EXPECT_EQ(-EPERM, seal_anew(key, ""));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, 11));
	EXPECT_EQ(-EPERM, load(&blob, ""));
}

/* The state after a cap, computed by somebody else. */
TEST(cap_is_what_is_documented)
{
	unsigned char data[2][32] = {}, digest[32], after[64];
	struct blob blob;
	int op;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:11", &blob));
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 11, after));
	memcpy(data[0], after, 32);
	memcpy(data[1], CAP, strlen(CAP));
	ASSERT_LT(0, load(&blob, "pcrlock=11"));
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 11, after));

	op = alg_open("hash", "sha256", NULL, 0, 0);
	ASSERT_LE(0, op);
	ASSERT_EQ(sizeof(data), write(op, data, sizeof(data)));
	ASSERT_EQ(sizeof(digest), read(op, digest, sizeof(digest)));
	close(op);
	EXPECT_EQ(0, memcmp(digest, after, sizeof(digest)));
}

TEST(cap_is_in_each_bank)
{
	static const int banks[] = { TPM_SHA1, TPM_SHA256, TPM_SHA384 };
	unsigned char before[3][64] = {}, after[64];
	struct blob blob;
	int i;

	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha1:11", &blob));
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, tpm_read(banks[i], 11, before[i]));
	ASSERT_LT(0, load(&blob, "pcrlock=11"));
	for (i = 0; i < 3; i++) {
		memset(after, 0, sizeof(after));
		ASSERT_LT(0, tpm_read(banks[i], 11, after));
		EXPECT_NE(0, memcmp(before[i], after, sizeof(after)));
	}
}

/* trusted.pcrlock=13: nobody asks for the cap, and it comes. */
FIXTURE(unasked)
{
	struct blob bound;
	struct blob other;
};

FIXTURE_SETUP(unasked)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (file) {
		fgets(line, sizeof(line), file);
		fclose(file);
	}
	if (!strstr(line, "trusted.pcrlock=13"))
		SKIP(return, "needs trusted.pcrlock=13 on the kernel command line");
	ASSERT_EQ(NULL, unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:8,13", &self->bound));
	ASSERT_EQ(0, make("pcrs=sha256:8", &self->other));
}

FIXTURE_TEARDOWN(unasked)
{
}

TEST_F(unasked, cap)
{
	EXPECT_LT(0, load(&self->other, ""));
	EXPECT_LT(0, load(&self->bound, ""));
	EXPECT_REFUSED(-EPERM, NOT_THE_STATE "sha256:8,13\n", load(&self->bound, ""));
	EXPECT_LT(0, load(&self->other, ""));
	EXPECT_LT(0, load(&self->other, "pcrlock=8"));
	EXPECT_EQ(-EPERM, load(&self->other, ""));
}

/* Of a key that comes with a session of user space nobody can tell what it is bound to. */
TEST_F(unasked, cap_after_a_session)
{
	unsigned char digest[32], value[64], capped[32];
	char options[REF_SIZE] = "policydigest=";
	struct blob hidden;
	int session;

	session = tpm_policy(TPM_SHA256, 1 << 13, digest);
	ASSERT_LT(0, session);
	to_hex(options + strlen(options), digest, sizeof(digest));
	ASSERT_EQ(0, make(options, &hidden));
	ASSERT_EQ(NULL, hidden.key.policy);
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 13, value));
	ASSERT_EQ(0, tpm_capped(value, capped));
	snprintf(options, sizeof(options), "policyhandle=%x", session);
	EXPECT_LT(0, load(&hidden, options));
	ASSERT_EQ(32, tpm_read(TPM_SHA256, 13, value));
	EXPECT_EQ(0, memcmp(capped, value, sizeof(capped)));
	EXPECT_EQ(-EPERM, load(&self->bound, ""));
}

/* load() of somebody who may not cap: 0, or its error. */
static int load_as_nobody(const struct blob *blob, const char *options)
{
	pid_t child = fork();
	int ret, status;

	if (!child) {
		ret = setresuid(65533, 65533, 65533) ? -EIO : load(blob, options);
		_exit(ret < 0 ? -ret : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

TEST_F(unasked, not_by_who_may_not_cap)
{
	EXPECT_EQ(0, load_as_nobody(&self->other, ""));
	EXPECT_EQ(-EPERM, load_as_nobody(&self->other, "pcrlock=8"));
	EXPECT_REFUSED(-EPERM, NOT_YOURS, load_as_nobody(&self->bound, ""));
	EXPECT_EQ(-EPERM, load_as_nobody(&self->other, "policyhandle=3000000"));
	EXPECT_LT(0, load(&self->other, ""));
	EXPECT_LT(0, load(&self->bound, ""));
}

FIXTURE(loads)
{
	struct blob good;
	struct blob auth;
	struct blob bad;
};

FIXTURE_SETUP(loads)
{
	if (unsupported())
		SKIP(return, "%s", unsupported());
	ASSERT_EQ(0, make("pcrs=sha256:11", &self->bad));
	ASSERT_EQ(0, tpm_extend(TPM_SHA256, 11));
	ASSERT_EQ(0, make("pcrs=sha256:11", &self->good));
	ASSERT_EQ(0, make("pcrs=sha256:11 blobauth=opensesame", &self->auth));
}

FIXTURE_TEARDOWN(loads)
{
}

/* DMCK_LOADS says how many of each there are. */
static int loads(void)
{
	return atoi(getenv("DMCK_LOADS") ?: "10");
}

/*
 * Good loads and bad ones leave nothing behind in the TPM. Of the bad ones it counts those alone
 * that guess a password. One of each takes less than a second with an emulated processor, too.
 */
TEST_F_TIMEOUT(loads, leave_nothing_behind, 30 + loads())
{
	int i, sessions, saved, objects;

	ASSERT_EQ(0, tpm_lockout_reset());
	sessions = tpm_handles(TPM_LOADED_SESSIONS);
	saved = tpm_handles(TPM_SAVED_SESSIONS);
	objects = tpm_handles(TPM_TRANSIENT);
	ASSERT_LE(0, sessions);
	ASSERT_LE(0, saved);
	ASSERT_LE(0, objects);
	for (i = 0; i < loads(); i++) {
		ASSERT_LT(0, load(&self->good, ""));
		ASSERT_LT(0, load(&self->auth, "blobauth=opensesame"));
		ASSERT_EQ(-EPERM, load(&self->bad, ""));
		ASSERT_EQ(0, tpm_lockout_counter());
		ASSERT_EQ(-EPERM, load(&self->auth, "blobauth=wrong"));
		ASSERT_EQ(1, tpm_lockout_counter());
		ASSERT_EQ(0, tpm_lockout_reset());
	}
	EXPECT_EQ(sessions, tpm_handles(TPM_LOADED_SESSIONS));
	EXPECT_EQ(saved, tpm_handles(TPM_SAVED_SESSIONS));
	EXPECT_EQ(objects, tpm_handles(TPM_TRANSIENT));
}

TEST_HARNESS_MAIN
