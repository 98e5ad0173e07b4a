// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume's key under a trusted key that was made for one boot state, and root that wants it
 * afterwards: the trusted one with the TPM's own commands, or sealed anew under an authorization of
 * its own; or the volume's key under a master that root knows. Whatever comes out is tried on the
 * volume.
 *
 * Where the kernel has no pcrs= the key is made with what it has: pcrlock=, and migratable=0 where
 * that is what is attacked; and without use= the volume's key is bound to nothing.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "blob.h"
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
#define VOLUME "dmck:vol"
#define USE "use=dm-crypt:" XTS
/* A master of root's own. */
#define MINE "dmck:mine"

FIXTURE(tpm)
{
	int serial;
	char hex[2 * TPM_BLOB_SIZE];
	unsigned char der[TPM_BLOB_SIZE];
	struct tpm_key key;
	int volume_key;
	char blob[BLOB_SIZE];
	struct volume volume;
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

static int encrypted_add(const char *desc, const char *payload)
{
	return key_add("encrypted", desc, payload, strlen(payload));
}

static int read_blob(int serial, char blob[BLOB_SIZE])
{
	int ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)blob, BLOB_SIZE - 1, 0);

	blob[ret < 0 || ret >= BLOB_SIZE ? 0 : ret] = '\0';
	return ret;
}

/* Adds a trusted key to a keyring, and has the TPM tell what it is. */
static int add_known(int keyring, const char *desc, unsigned char secret[32])
{
	int ret = key_add_to(keyring, "trusted", desc, NEW, strlen(NEW));

	if (ret < 0)
		return ret;
	ret = tpm_unseal_key(ret, "", secret, 32);
	return ret < 0 ? ret : ret == 32 ? 0 : -EIO;
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

	ret = encrypted_add(VOLUME, "new " USE " trusted:" DESC " 64");
	if (ret == -EINVAL)
		ret = encrypted_add(VOLUME, "new default trusted:" DESC " 64");
	if (key_unsupported("encrypted", ret))
		SKIP(return, "%s", key_unsupported("encrypted", ret));
	ASSERT_LT(0, ret);
	self->volume_key = ret;
	ASSERT_LT(0, read_blob(ret, self->blob));
	ASSERT_EQ(0, volume_open(&self->volume, XTS, ":64:encrypted:" VOLUME, ""));
}

FIXTURE_TEARDOWN(tpm)
{
	EXPECT_EQ(0, volume_close(&self->volume));
}

/* @ret bytes came out, or an error. Do they open the key, and does that open the volume? */
static void expect_no_master(struct __test_metadata *_metadata, FIXTURE_DATA(tpm) * self,
			     const unsigned char *secret, int ret)
{
	EXPECT_EQ(-EPERM, ret);
	if (ret < 0)
		return;
	EXPECT_NE(1, blob_reads(self->blob, secret, ret, &self->volume))
		TH_LOG("the TPM unsealed the master, by that the volume's key opens");
}

/* The blob is what it was. If not, who knows the master in it may have the volume. */
static void expect_same_blob(struct __test_metadata *_metadata, FIXTURE_DATA(tpm) * self,
			     const unsigned char secret[32])
{
	char blob[BLOB_SIZE];

	ASSERT_LT(0, read_blob(self->volume_key, blob));
	EXPECT_STREQ(self->blob, blob);
	EXPECT_EQ(-EBADMSG, blob_reads(blob, secret, 32, &self->volume))
		TH_LOG("the volume's key came out under a master of root's, and opens it");
}

/* The TPM unseals it for whoever asks. */
TEST_F(tpm, unsealed_without_the_kernel)
{
	unsigned char secret[128];

	expect_no_master(_metadata, self, secret,
			 tpm_unseal(&self->key, 0, 0, "", secret, sizeof(secret)));
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
	unsigned char secret[128];

	EXPECT_EQ(-EPERM, seal_anew(self->serial, "blobauth=root"));
	expect_no_master(_metadata, self, secret,
			 tpm_unseal_key(self->serial, "root", secret, sizeof(secret)));
	EXPECT_EQ(-EPERM, seal_anew(self->serial, "migratable=1"));
	EXPECT_EQ(-EPERM, seal_anew(self->serial, BOUND));
	expect_no_master(_metadata, self, secret,
			 tpm_unseal_key(self->serial, "", secret, sizeof(secret)));
}

/* A master of root's own, by its name. */
TEST_F(tpm, wrapped_anew)
{
	static const char * const updates[] = {
		"update trusted:" MINE, "update default trusted:" MINE,
		"update " USE " trusted:" MINE,
	};
	unsigned char secret[32];
	size_t i;

	ASSERT_EQ(0, add_known(KEY_SPEC_SESSION_KEYRING, MINE, secret));
	for (i = 0; i < sizeof(updates) / sizeof(*updates); i++) {
		EXPECT_EQ(-EPERM, key_ctl(KEYCTL_UPDATE, self->volume_key, (uintptr_t)updates[i],
					  strlen(updates[i]), 0))
			TH_LOG("%s", updates[i]);
		EXPECT_EQ(-EPERM, encrypted_add(VOLUME, updates[i]))
			TH_LOG("add %s", updates[i]);
	}
	expect_same_blob(_metadata, self, secret);
}

/* One that has the real one's name, and is found before it by who reads. */
TEST_F(tpm, read_with_another_master)
{
	unsigned char secret[32];

	ASSERT_EQ(0, add_known(KEY_SPEC_THREAD_KEYRING, DESC, secret));
	expect_same_blob(_metadata, self, secret);
}

/* And the other way round: a key that root knows does not come under the real one. */
TEST_F(tpm, known_key_read_with_the_master)
{
	char before[BLOB_SIZE], after[BLOB_SIZE], payload[BLOB_SIZE + 8];
	unsigned char secret[32], known[KEY_SIZE];
	char hex[HEX_SIZE];
	struct volume volume;
	int key;

	ASSERT_EQ(0, add_known(KEY_SPEC_THREAD_KEYRING, DESC, secret));
	key = encrypted_add(MINE, "new default trusted:" DESC " 64");
	ASSERT_LT(0, key);
	ASSERT_LT(0, read_blob(key, before));
	ASSERT_EQ(KEY_SIZE, blob_open(before, secret, sizeof(secret), known, sizeof(known)));
	to_hex(hex, known, sizeof(known));
	ASSERT_EQ(0, volume_open(&volume, XTS, hex, ""));

	ASSERT_EQ(0, key_ctl(KEYCTL_CLEAR, KEY_SPEC_THREAD_KEYRING, 0, 0, 0));
	ASSERT_LT(0, read_blob(key, after));
	EXPECT_STREQ(before, after);
	snprintf(payload, sizeof(payload), "load %s", after);
	EXPECT_EQ(-EINVAL, encrypted_add(VOLUME "2", payload));

	/* Would the machine open a volume with it that root has made? */
	ASSERT_EQ(0, dm_remove(volume.name));
	if (!dm_map_crypt(volume.name, &volume.backing, XTS, ":64:encrypted:" VOLUME "2", "")) {
		EXPECT_NE(1, volume_reads(&volume))
			TH_LOG("the real master vouches for a key that root knows");
		EXPECT_EQ(0, dm_remove(volume.name));
	}
	backing_close(&volume.backing);
}

/*
 * A key that is fixed to the TPM, without its frame, is taken for one of the old form, whose last
 * byte says whether it is migratable: nearly every byte says so, and all before it comes out.
 */
TEST_F(tpm, frame_left_out)
{
	char hex[2 * TPM_BLOB_SIZE + 1], halves[2 * TPM_BLOB_SIZE + 1], blob[BLOB_SIZE];
	unsigned char der[TPM_BLOB_SIZE], secret[128];
	int serial, ret, guess, opens = 0;
	struct volume volume;
	struct tpm_key key;

	ASSERT_EQ(0, keys_open());
	serial = trusted_add(NEW " migratable=0");
	ASSERT_LT(0, serial);
	ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)hex, sizeof(hex) - 1, 0);
	ASSERT_LT(0, ret);
	ASSERT_GT(sizeof(hex), ret);
	hex[ret] = '\0';
	ASSERT_EQ(0, tpm_key_parse(&key, der, from_hex(der, hex, ret)));
	ret = encrypted_add(VOLUME, "new default trusted:" DESC " 64");
	ASSERT_LT(0, ret);
	ASSERT_LT(0, read_blob(ret, blob));
	ASSERT_EQ(0, volume_open(&volume, XTS, ":64:encrypted:" VOLUME, ""));

	to_hex(halves, key.priv, key.priv_len);
	to_hex(halves + 2 * key.priv_len, key.pub, key.pub_len);
	serial = load_blob(halves, "");
	EXPECT_EQ(-EINVAL, serial);
	if (serial > 0) {
		EXPECT_EQ(-EPERM, seal_anew(serial, "blobauth=root"));
		ret = tpm_unseal_key(serial, "root", secret, sizeof(secret));
		for (guess = 0; ret == 31 && guess < 256 && opens != 1; guess++) {
			secret[31] = guess;
			opens = blob_reads(blob, secret, 32, &volume);
		}
		EXPECT_NE(1, opens)
			TH_LOG("31 bytes of the master and a guess: the volume's key opens");
	}
	EXPECT_EQ(0, volume_close(&volume));
}

/* A cap of a PCR that root can set back is none. */
static void expect_cap(struct __test_metadata *_metadata, unsigned int pcr)
{
	unsigned char before[64], after[64];
	char payload[REF_SIZE];
	int ret;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(32, tpm_read(TPM_SHA256, pcr, before));
	snprintf(payload, sizeof(payload), NEW " pcrlock=%u", pcr);
	ret = trusted_add(payload);
	EXPECT_EQ(-EINVAL, ret);
	if (ret < 0)
		return;
	EXPECT_EQ(0, tpm_reset(pcr));
	ASSERT_EQ(32, tpm_read(TPM_SHA256, pcr, after));
	EXPECT_NE(0, memcmp(before, after, 32))
		TH_LOG("PCR %u is as it was before the cap", pcr);
}

/* PCRs that root can set back, for the cap and for the key. */
TEST_F(tpm, cap_that_comes_off)
{
	expect_cap(_metadata, 16);
	expect_cap(_metadata, 23);
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrs=sha256:16 pcrlock=16"));
	EXPECT_EQ(-EINVAL, trusted_add(NEW " pcrs=sha256:14,23"));
}

/* Whoever takes it for a policy has a key that any state of the machine opens. */
TEST_F(tpm, pcrinfo_binds_nothing)
{
	static const char info[] = NEW " pcrinfo=0002000080";
	char hex[HEX_SIZE], name[NAME_SIZE];
	unsigned char secret[32];
	struct volume volume;
	unsigned int pcr;
	int key;

	ASSERT_EQ(0, keys_open());
	key = trusted_add(info);
	EXPECT_EQ(-EINVAL, key);
	if (key < 0)
		return;

	/* Its maker opens a volume with it; then root starts something else. */
	ASSERT_EQ(0, volume_open(&volume, XTS, ":32:trusted:" DESC, ""));
	for (pcr = 0; pcr < 16; pcr++)
		ASSERT_EQ(0, tpm_extend(TPM_SHA256, pcr));
	ASSERT_EQ(32, tpm_unseal_key(key, "", secret, sizeof(secret)));
	to_hex(hex, secret, sizeof(secret));
	dm_name(name);
	ASSERT_EQ(0, dm_map_crypt(name, &volume.backing, XTS, hex, ""));
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(hex, sizeof(hex));
	EXPECT_NE(1, dm_reads(name, volume.data))
		TH_LOG("the TPM unsealed the key, which opens the volume");
	EXPECT_EQ(0, dm_remove(name));
	EXPECT_EQ(0, volume_close(&volume));
}

TEST_HARNESS_MAIN
