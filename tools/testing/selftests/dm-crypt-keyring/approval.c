// SPDX-License-Identifier: GPL-2.0-only
/* Approvals of policies: TPMAuthPolicy of "TPM 2.0 Key Files", with a signature by the TPM. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "approval.h"
#include "dmck.h"
#include "tpm.h"

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

int approve(struct approval *a)
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
	if (a->twice)
		add_command(&policy, CC_POLICY_AUTHORIZE, &params);
	if (!a->nothing)
		add_command(&policy, CC_POLICY_PCR, &pcr);
	if (a->unsigned_code)
		add_command(&policy, a->unsigned_code, &none);
	add_element(&policies, 0x30, &policy);
	add_element(&field, 0xa1, &policies);
	a->der.len = 0;
	add_element(&a->der, 0x30, &field);
	return 0;
}

int approved_make(const char *desc, const char *options, const char *auth, int kind,
		  unsigned int pcr, char make[COMMAND_SIZE], char load[COMMAND_SIZE])
{
	struct tpm_signer signer = { .fd = -1 };
	struct approval a = { .by = &signer, .as = &signer, .pcr = pcr };
	int len, ret;

	len = snprintf(make, COMMAND_SIZE, "new 32 keyhandle=" TPM_PARENT " %s %s", options, auth);
	if (kind) {
		ret = tpm_signer_open(&signer, kind, 1) ?: approve(&a);
		/* It need not be there any more. */
		tpm_signer_close(&signer);
		if (ret)
			return ret;
		len += sprintf(make + len, " policypub=");
		to_hex(make + len, signer.pub, signer.pub_len);
	}
	/* Into an empty keyring: a key of that name would be updated. */
	ret = keys_open() ?: key_add("trusted", desc, make, strlen(make));
	if (ret < 0)
		return ret;
	len = sprintf(load, "load ");
	ret = key_ctl(KEYCTL_READ, ret, (uintptr_t)load + len, COMMAND_SIZE / 2, 0);
	if (ret < 0)
		return ret;
	if (ret > COMMAND_SIZE / 2)
		return -E2BIG;
	len += ret;
	len += sprintf(load + len, " keyhandle=" TPM_PARENT " %s", auth);
	if (kind) {
		len += sprintf(load + len, " policysig=");
		to_hex(load + len, a.der.data, a.der.len);
	}
	return 0;
}
