// SPDX-License-Identifier: GPL-2.0-only
/* A TPM 2.0 by hand: Part 3 of its specification says what stands in each command. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmck.h"
#include "tpm.h"

#define NO_SESSIONS 0x8001
#define SESSIONS 0x8002
#define CC_CREATE_PRIMARY 0x131
#define CC_LOAD 0x157
#define CC_LOCK_RESET 0x139
#define CC_PCR_RESET 0x13d
#define CC_STARTUP 0x144
#define CC_SIGN 0x15d
#define CC_UNSEAL 0x15e
#define CC_POLICY_PASSWORD 0x18c
#define CC_POLICY_PCR 0x17f
#define CC_POLICY_GET_DIGEST 0x189
#define CC_START_SESSION 0x176
#define CC_GET_CAPABILITY 0x17a
#define CC_PCR_READ 0x17e
#define CC_PCR_EXTEND 0x182
#define CC_FLUSH_CONTEXT 0x165
#define CC_LIE 0x20006c69
#define CC_SHOWN 0x20006c73
#define RH_NULL 0x40000007
#define RS_PW 0x40000009
#define RH_LOCKOUT 0x4000000a
#define ALG_NULL 0x10
#define ALG_RSASSA 0x14
#define ALG_ECDSA 0x18
#define CURVE_P256 3
#define ST_HASHCHECK 0x8024
#define HEADER 10

struct command {
	int size;
	unsigned char data[4096];
};

static unsigned int refusal;

unsigned int tpm_refusal(void)
{
	/* Of format 1 the parameter's, handle's or session's number is left out. */
	return refusal & 0x80 ? refusal & 0xbf : refusal;
}

static void put(struct command *c, int bytes, unsigned int value)
{
	while (bytes--)
		c->data[c->size++] = value >> (8 * bytes);
}

static void put_bytes(struct command *c, const void *data, int len)
{
	memcpy(c->data + c->size, data, len);
	c->size += len;
}

static unsigned int get(const unsigned char *p, int bytes)
{
	unsigned int value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

static void begin(struct command *c, int tag, unsigned int code)
{
	c->size = 0;
	put(c, 2, tag);
	put(c, 4, 0);
	put(c, 4, code);
}

/* An authorization by a password, or by a policy session. */
static void put_auth(struct command *c, unsigned int handle, const char *password)
{
	int len = strlen(password);

	put(c, 4, 9 + len);
	put(c, 4, handle);
	put(c, 2, 0);
	put(c, 1, 0);
	put(c, 2, len);
	put_bytes(c, password, len);
}

/* Sends it; the answer takes its place. Returns the answer's size. */
static int send_command(int fd, struct command *c)
{
	int size = c->size;

	c->size = 2;
	put(c, 4, size);
	if (write(fd, c->data, size) != size)
		return -errno;
	c->size = read(fd, c->data, sizeof(c->data));
	if (c->size < 0)
		return -errno;
	if (c->size < HEADER)
		return -EIO;
	refusal = get(c->data + 6, 4);
	return refusal ? -EPERM : c->size;
}

/* A driver that was bound again has the next number. */
static int open_tpm(const char *dev)
{
	char path[NAME_SIZE];
	int fd, i;

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/dev/%s%d", dev, i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* One command for itself. */
static int send_once(const char *dev, struct command *c)
{
	int fd = open_tpm(dev), ret;

	if (fd < 0)
		return fd;
	ret = send_command(fd, c);
	close(fd);
	return ret;
}

static int digest_size(int bank)
{
	return bank == TPM_SHA1 ? 20 : bank == TPM_SHA256 ? 32 : 48;
}

int tpm_extend(int bank, unsigned int pcr)
{
	static const unsigned char something[64] = { 1 };
	struct command c;
	int ret;

	begin(&c, SESSIONS, CC_PCR_EXTEND);
	put(&c, 4, pcr);
	put_auth(&c, RS_PW, "");
	put(&c, 4, 1);
	put(&c, 2, bank);
	put_bytes(&c, something, digest_size(bank));
	ret = send_once("tpmrm", &c);
	return ret < 0 ? ret : 0;
}

/* TPML_PCR_SELECTION of one bank. */
static void put_selection(struct command *c, int bank, unsigned int mask)
{
	put(c, 4, 1);
	put(c, 2, bank);
	put(c, 1, 3);
	put(c, 1, mask);
	put(c, 1, mask >> 8);
	put(c, 1, mask >> 16);
}

int tpm_reset(unsigned int pcr)
{
	struct command c;
	int ret;

	begin(&c, SESSIONS, CC_PCR_RESET);
	put(&c, 4, pcr);
	put_auth(&c, RS_PW, "");
	ret = send_once("tpmrm", &c);
	return ret < 0 ? ret : 0;
}

int tpm_read(int bank, unsigned int pcr, unsigned char value[64])
{
	struct command c;
	int ret;

	begin(&c, NO_SESSIONS, CC_PCR_READ);
	put_selection(&c, bank, 1u << pcr);
	ret = send_once("tpmrm", &c);
	if (ret < 0)
		return ret;
	/* counter, selection, count of the digests, size */
	ret = get(c.data + HEADER + 4 + 10 + 4, 2);
	if (ret > 64 || HEADER + 4 + 10 + 4 + 2 + ret > c.size)
		return -EIO;
	memcpy(value, c.data + HEADER + 4 + 10 + 4 + 2, ret);
	return ret;
}

static int capability(struct command *c, unsigned int which, unsigned int first, int count)
{
	begin(c, NO_SESSIONS, CC_GET_CAPABILITY);
	put(c, 4, which);
	put(c, 4, first);
	put(c, 4, count);
	return send_once("tpm", c);
}

int tpm_capped(const unsigned char value[32], unsigned char capped[32])
{
	/* It is extended by these words, filled up with zeros. */
	unsigned char data[2][32] = { {}, "Linux PCR cap" };
	int op = alg_open("hash", "sha256", NULL, 0, 0), ret = 0;

	if (op < 0)
		return op;
	memcpy(data[0], value, 32);
	if (write(op, data, sizeof(data)) != sizeof(data) || read(op, capped, 32) != 32)
		ret = -EIO;
	close(op);
	return ret;
}

int tpm_handles(unsigned int kind)
{
	struct command c;
	int ret = capability(&c, 1, kind << 24, 64);

	return ret < 0 ? ret : (int)get(c.data + HEADER + 5, 4);
}

int tpm_flush(unsigned int kind)
{
	struct command c;
	unsigned int handle;
	int ret, n = 0;

	for (;;) {
		ret = capability(&c, 1, kind << 24, 1);
		if (ret < 0)
			return ret;
		if (!get(c.data + HEADER + 5, 4))
			return n;
		handle = get(c.data + HEADER + 5 + 4, 4);
		begin(&c, NO_SESSIONS, CC_FLUSH_CONTEXT);
		put(&c, 4, handle);
		ret = send_once("tpm", &c);
		if (ret < 0)
			return ret;
		n++;
	}
}

int tpm_lie(unsigned int nth, unsigned int how)
{
	struct command c;
	int ret;

	begin(&c, NO_SESSIONS, CC_LIE);
	put(&c, 4, nth);
	put(&c, 4, how);
	ret = send_once("tpm", &c);
	return ret < 0 ? ret : (int)get(c.data + HEADER, 4);
}

int tpm_shown(void)
{
	struct command c;
	int ret;

	begin(&c, NO_SESSIONS, CC_SHOWN);
	ret = send_once("tpm", &c);
	return ret < 0 ? ret : (int)get(c.data + HEADER, 4);
}

int tpm_startup(void)
{
	struct command c;
	int ret;

	begin(&c, NO_SESSIONS, CC_STARTUP);
	put(&c, 2, 0);
	ret = send_once("tpm", &c);
	return ret < 0 ? ret : 0;
}

int tpm_lockout_counter(void)
{
	struct command c;
	int ret = capability(&c, 6, 0x20e, 1);

	return ret < 0 ? ret : (int)get(c.data + HEADER + 5 + 4 + 4, 4);
}

int tpm_lockout_reset(void)
{
	struct command c;
	int ret;

	begin(&c, SESSIONS, CC_LOCK_RESET);
	put(&c, 4, RH_LOCKOUT);
	put_auth(&c, RS_PW, "");
	ret = send_once("tpmrm", &c);
	return ret < 0 ? ret : 0;
}

/* What is at @p, or NULL if it does not end before @end: content and length. */
static const unsigned char *element(const unsigned char *p, const unsigned char *end, int *len)
{
	int head;

	if (end - p < 4)
		return NULL;
	head = p[1] < 0x80 ? 2 : p[1] == 0x81 ? 3 : p[1] == 0x82 ? 4 : -1;
	if (head < 0)
		return NULL;
	*len = head == 2 ? p[1] : (int)get(p + 2, head - 2);
	return *len <= end - p - head ? p + head : NULL;
}

int tpm_key_parse(struct tpm_key *key, const unsigned char *der, int size)
{
	const unsigned char *end = der + size, *p, *content;
	int len;

	memset(key, 0, sizeof(*key));
	p = element(der, end, &len);
	while (p && p < end) {
		content = element(p, end, &len);
		if (!content)
			return -EINVAL;
		if (*p == 0xa1) {
			key->policy = p;
			key->policy_len = content + len - p;
		} else if (*p == 0x04) {
			/* the public half comes first */
			key->pub = key->priv;
			key->pub_len = key->priv_len;
			key->priv = content;
			key->priv_len = len;
		}
		p = content + len;
	}
	return key->pub ? 0 : -EINVAL;
}

static int start_policy(int fd, struct command *c)
{
	static const unsigned char nonce[16];
	int ret;

	begin(c, NO_SESSIONS, CC_START_SESSION);
	put(c, 4, RH_NULL);
	put(c, 4, RH_NULL);
	put(c, 2, sizeof(nonce));
	put_bytes(c, nonce, sizeof(nonce));
	put(c, 2, 0);
	put(c, 1, 1);
	put(c, 2, 0x10);
	put(c, 2, TPM_SHA256);
	ret = send_command(fd, c);
	return ret < 0 ? ret : (int)get(c->data + HEADER, 4);
}

static int policy_pcr(int fd, struct command *c, unsigned int session, int bank, unsigned int mask)
{
	begin(c, NO_SESSIONS, CC_POLICY_PCR);
	put(c, 4, session);
	put(c, 2, 0);
	put_selection(c, bank, mask);
	return send_command(fd, c);
}

int tpm_policy(int bank, unsigned int mask, unsigned char digest[32])
{
	int fd = open_tpm("tpm"), session, ret;
	struct command c;

	if (fd < 0)
		return fd;
	ret = start_policy(fd, &c);
	session = ret;
	if (ret >= 0)
		ret = policy_pcr(fd, &c, session, bank, mask);
	if (ret >= 0) {
		begin(&c, NO_SESSIONS, CC_POLICY_GET_DIGEST);
		put(&c, 4, session);
		ret = send_command(fd, &c);
	}
	close(fd);
	if (ret < 0)
		return ret;
	memcpy(digest, c.data + HEADER + 2, 32);
	return session;
}

static int unseal(int fd, unsigned int object, int bank, unsigned int mask, const char *auth,
		  unsigned char *secret, int size)
{
	unsigned int session = RS_PW;
	struct command c;
	int ret;

	if (mask) {
		ret = start_policy(fd, &c);
		if (ret < 0)
			return ret;
		session = ret;
		ret = policy_pcr(fd, &c, session, bank, mask);
		if (ret < 0)
			return ret;
		if (*auth) {
			/* The same in the digest as TPM2_PolicyAuthValue(). */
			begin(&c, NO_SESSIONS, CC_POLICY_PASSWORD);
			put(&c, 4, session);
			ret = send_command(fd, &c);
			if (ret < 0)
				return ret;
		}
	}
	begin(&c, SESSIONS, CC_UNSEAL);
	put(&c, 4, object);
	put_auth(&c, session, auth);
	ret = send_command(fd, &c);
	if (ret < 0)
		return ret;
	ret = get(c.data + HEADER + 4, 2);
	if (ret > size || HEADER + 4 + 2 + ret > c.size)
		return -EIO;
	memcpy(secret, c.data + HEADER + 4 + 2, ret);
	return ret;
}

int tpm_unseal(const struct tpm_key *key, int bank, unsigned int mask, const char *auth,
	       unsigned char *secret, int size)
{
	int fd = open_tpm("tpmrm"), ret;
	struct command c;

	if (fd < 0)
		return fd;
	begin(&c, SESSIONS, CC_LOAD);
	put(&c, 4, TPM_PARENT_HANDLE);
	put_auth(&c, RS_PW, "");
	put_bytes(&c, key->priv, key->priv_len);
	put_bytes(&c, key->pub, key->pub_len);
	ret = send_command(fd, &c);
	if (ret >= 0)
		ret = unseal(fd, get(c.data + HEADER, 4), bank, mask, auth, secret, size);
	/* What was made in here goes with it. */
	close(fd);
	return ret;
}

int tpm_unseal_key(int serial, const char *auth, unsigned char *secret, int size)
{
	char hex[2 * TPM_BLOB_SIZE + 1];
	unsigned char der[TPM_BLOB_SIZE];
	struct tpm_key key;
	int ret;

	ret = key_ctl(KEYCTL_READ, serial, (uintptr_t)hex, sizeof(hex) - 1, 0);
	if (ret < 0)
		return ret;
	if (ret >= (int)sizeof(hex))
		return -E2BIG;
	hex[ret] = '\0';
	return tpm_key_parse(&key, der, from_hex(der, hex, ret)) ?:
	       tpm_unseal(&key, 0, 0, auth, secret, size);
}

int tpm_signer_open(struct tpm_signer *signer, int kind, int seed)
{
	const bool rsa = kind == TPM_RSA;
	struct command c;
	int public, ret;

	signer->fd = open_tpm("tpmrm");
	if (signer->fd < 0)
		return signer->fd;

	begin(&c, SESSIONS, CC_CREATE_PRIMARY);
	put(&c, 4, RH_NULL);
	put_auth(&c, RS_PW, "");
	/* neither authorization value nor data */
	put(&c, 2, 4);
	put(&c, 4, 0);
	public = c.size;
	put(&c, 2, 0);
	put(&c, 2, kind);
	put(&c, 2, TPM_SHA256);
	/* signs, by its authorization value, and is made in and bound to the TPM */
	put(&c, 4, 1 << 18 | 1 << 6 | 1 << 5 | 1 << 4 | 1 << 1);
	put(&c, 2, 0);
	put(&c, 2, ALG_NULL);
	put(&c, 2, rsa ? ALG_RSASSA : ALG_ECDSA);
	put(&c, 2, TPM_SHA256);
	/* size and usual exponent, or curve and no derivation of keys */
	put(&c, 2, rsa ? 2048 : CURVE_P256);
	put(&c, rsa ? 4 : 2, rsa ? 0 : ALG_NULL);
	/* unique */
	put(&c, 2, 4);
	put(&c, 4, seed);
	if (!rsa)
		put(&c, 2, 0);
	c.data[public] = (c.size - public - 2) >> 8;
	c.data[public + 1] = c.size - public - 2;
	/* outside information, PCRs at the creation */
	put(&c, 2, 0);
	put(&c, 4, 0);
	ret = send_command(signer->fd, &c);
	if (ret < 0)
		goto fail;
	/* handle, size of the parameters */
	signer->handle = get(c.data + HEADER, 4);
	signer->pub_len = 2 + get(c.data + HEADER + 8, 2);
	ret = -EIO;
	if (signer->pub_len > (int)sizeof(signer->pub) || HEADER + 8 + signer->pub_len > c.size)
		goto fail;
	memcpy(signer->pub, c.data + HEADER + 8, signer->pub_len);
	return 0;
fail:
	close(signer->fd);
	signer->fd = -1;
	return ret;
}

void tpm_signer_close(struct tpm_signer *signer)
{
	if (signer->fd >= 0)
		close(signer->fd);
	signer->fd = -1;
}

int tpm_sign(const struct tpm_signer *signer, const unsigned char digest[32],
	     unsigned char signature[520])
{
	struct command c;
	int ret;

	begin(&c, SESSIONS, CC_SIGN);
	put(&c, 4, signer->handle);
	put_auth(&c, RS_PW, "");
	put(&c, 2, 32);
	put_bytes(&c, digest, 32);
	put(&c, 2, ALG_NULL);
	/* no ticket: the key signs anything */
	put(&c, 2, ST_HASHCHECK);
	put(&c, 4, RH_NULL);
	put(&c, 2, 0);
	ret = send_command(signer->fd, &c);
	if (ret < 0)
		return ret;
	ret = get(c.data + HEADER, 4);
	if (ret > 520 || HEADER + 4 + ret > c.size)
		return -EIO;
	memcpy(signature, c.data + HEADER + 4, ret);
	return ret;
}
