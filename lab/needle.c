// SPDX-License-Identifier: GPL-2.0
/*
 * needle - compute, outside the guest, the key that a guest's kernel made
 *
 * usage: needle TPM-SOCKET TRUSTED-BLOB ENCRYPTED-BLOB|- MEASUREMENT|-
 *
 * The blobs are those that `keyctl pipe` gives: the first is the master, sealed by
 * the TPM to PCR 11, the second the volume key, encrypted under the master. The TPM has
 * just been started, so the measurement, SHA-256 in hex, is extended as the guest did.
 * Then the TPM is asked to load and unseal the first in a policy session of our own; of
 * that follows the second, as in security/keys/encrypted-keys/encrypted.c. Prints lines
 * "master=hex" and "key=hex". Without a measurement the first is sealed to no PCR, and
 * without a second blob there is no second line.
 */
#include <ctype.h>
#include <err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TPM_HEADER	10
#define SRK_HANDLE	0x81000001
#define CC_LOAD		0x157
#define CC_UNSEAL	0x15e
#define CC_POLICY_PCR	0x17f
#define CC_START_SESSION 0x176
#define CC_PCR_EXTEND	0x182
#define NO_SESSIONS	0x8001
#define SESSIONS	0x8002
#define ALG_NULL	0x10
#define ALG_SHA256	0xb
#define RH_NULL		0x40000007
#define RS_PASSWORD	0x40000009
#define PCR		11
#define RC_RETRY	0x922
#define IV_LEN		17	/* 16, and the zero that the kernel puts behind them */
#define MAX_BLOB	4096

static uint32_t be(const uint8_t *p, int bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

static void put_be(uint8_t *p, uint32_t value, int bytes)
{
	while (bytes--) {
		p[bytes] = value;
		value >>= 8;
	}
}

static int unhex(const char *hex, uint8_t *bytes, int room)
{
	int n = 0;

	while (isxdigit(hex[0]) && isxdigit(hex[1]) && n < room) {
		sscanf(hex, "%2hhx", &bytes[n++]);
		hex += 2;
	}
	return n;
}

static void print(const char *name, const uint8_t *bytes, int len)
{
	int i;

	printf("%s=", name);
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void read_file(const char *path, char *text)
{
	FILE *file = fopen(path, "r");
	size_t len;

	if (!file)
		err(1, "cannot read %s", path);
	len = fread(text, 1, MAX_BLOB - 1, file);
	text[len] = '\0';
	fclose(file);
}

/*
 * One command with one handle, a session that authorizes it or 0, and parameters. The
 * session has no authorization value. The answer, from behind its header on, comes back
 * in place of the parameters.
 */
static void tpm(int fd, uint32_t code, uint32_t handle, uint32_t session, uint8_t *data, int len)
{
	/* size, handle, nonce, attributes, authorization */
	uint8_t auth[4 + 4 + 2 + 1 + 2] = { 0, 0, 0, 9 };
	int auth_len = session ? sizeof(auth) : 0;
	uint8_t cmd[MAX_BLOB], buf[MAX_BLOB];
	int tries = 10, size = TPM_HEADER + 4 + auth_len + len;
	uint32_t rc;
	ssize_t got;

	put_be(auth + 4, session, 4);
	put_be(cmd, session ? SESSIONS : NO_SESSIONS, 2);
	put_be(cmd + 2, size, 4);
	put_be(cmd + 6, code, 4);
	put_be(cmd + TPM_HEADER, handle, 4);
	memcpy(cmd + TPM_HEADER + 4, auth, auth_len);
	memcpy(cmd + TPM_HEADER + 4 + auth_len, data, len);
	do {
		if (write(fd, cmd, size) != size)
			err(1, "cannot write to the TPM");
		got = read(fd, buf, sizeof(buf));
		if (got < TPM_HEADER)
			errx(1, "the TPM gave no answer");
		rc = be(buf + 6, 4);
	} while (rc == RC_RETRY && --tries);
	if (rc)
		errx(1, "the TPM refused command %#x: error %#x", code, rc);
	memcpy(data, buf + TPM_HEADER, got - TPM_HEADER);
}

/* Extends the PCR by the measurement, one bank of it. */
static void measure(int fd, const uint8_t measurement[SHA256_DIGEST_LENGTH])
{
	uint8_t data[MAX_BLOB];

	put_be(data, 1, 4);
	put_be(data + 4, ALG_SHA256, 2);
	memcpy(data + 6, measurement, SHA256_DIGEST_LENGTH);
	tpm(fd, CC_PCR_EXTEND, PCR, RS_PASSWORD, data, 6 + SHA256_DIGEST_LENGTH);
}

/* Starts a session in which the policy was run: the PCR has the value that it has. */
static uint32_t policy_session(int fd)
{
	uint8_t data[MAX_BLOB] = { 0 }, *p = data;
	uint32_t session;

	/* bound to nothing, a nonce of 16 zeros, no salt, for a policy, no cipher */
	put_be(p, RH_NULL, 4);
	put_be(p + 4, 16, 2);
	p += 4 + 2 + 16 + 2;
	*p++ = 1;
	put_be(p, ALG_NULL, 2);
	put_be(p + 2, ALG_SHA256, 2);
	tpm(fd, CC_START_SESSION, RH_NULL, 0, data, p + 4 - data);
	session = be(data, 4);

	/* no digest to compare with; one bank, three bytes of bits */
	put_be(data, 0, 2);
	put_be(data + 2, 1, 4);
	put_be(data + 6, ALG_SHA256, 2);
	data[8] = 3;
	put_be(data + 9, 0, 3);
	data[9 + PCR / 8] = 1 << PCR % 8;
	tpm(fd, CC_POLICY_PCR, session, 0, data, 12);
	return session;
}

/*
 * The blob is an ASN.1 sequence with two octet strings, public and private part; those
 * of the policy are in a field of their own. The TPM takes them the other way round.
 * Returns the length of both.
 */
static int tpm_parts(const uint8_t *blob, int len, uint8_t *out)
{
	const uint8_t *part[2], *p = blob, *end = blob + len;
	int part_len[2], found = 0;

	while (p + 4 < end && found < 2) {
		int tag = *p++, size = *p++;

		if (size & 0x80) {
			int bytes = size & 0x7f;

			size = be(p, bytes);
			p += bytes;
		}
		if (tag == 0x30)
			continue;
		if (size > end - p)
			break;
		if (tag == 0x04) {
			part[found] = p;
			part_len[found++] = size;
		}
		p += size;
	}
	if (found < 2)
		errx(1, "the trusted key's blob has no public and private part");
	memcpy(out, part[1], part_len[1]);
	memcpy(out + part_len[1], part[0], part_len[0]);
	return part_len[0] + part_len[1];
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint8_t blob[MAX_BLOB], data[MAX_BLOB] = { 0 }, master[MAX_BLOB] = "ENC_KEY";
	uint8_t derived[SHA256_DIGEST_LENGTH] = { 0 }, key[MAX_BLOB];
	uint32_t handle, session = RS_PASSWORD;
	int fd, len, key_len, master_len;
	char text[MAX_BLOB], hex[MAX_BLOB];
	EVP_CIPHER_CTX *aes;

	if (argc != 5 || (strcmp(argv[4], "-") &&
			  unhex(argv[4], derived, sizeof(derived)) != sizeof(derived)))
		errx(1, "usage: needle TPM-SOCKET TRUSTED-BLOB ENCRYPTED-BLOB|- MEASUREMENT|-");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "cannot reach the TPM at %s", argv[1]);

	if (strcmp(argv[4], "-"))
		measure(fd, derived);
	read_file(argv[2], text);
	len = tpm_parts(blob, unhex(text, blob, sizeof(blob)), data);
	tpm(fd, CC_LOAD, SRK_HANDLE, RS_PASSWORD, data, len);
	handle = be(data, 4);
	if (strcmp(argv[4], "-"))
		session = policy_session(fd);
	tpm(fd, CC_UNSEAL, handle, session, data, 0);
	/* 4 bytes: length of all parameters, 2 bytes: that of the one there is */
	master_len = be(data + 4, 2);
	if (master_len < 32 || master_len > 128)
		errx(1, "the TPM unsealed %d bytes, which is no master key", master_len);
	print("master", data + 6, master_len);
	if (!strcmp(argv[3], "-"))
		return 0;

	/* <format> <master's name> <length> <IV, encrypted key and HMAC in hex> */
	read_file(argv[3], text);
	if (sscanf(text, "%*s %*s %d %4095s", &key_len, hex) != 2 || key_len < 1 ||
	    unhex(hex, blob, sizeof(blob)) < IV_LEN + key_len + 32)
		errx(1, "%s is not the blob of an encrypted key", argv[3]);

	/* "ENC_KEY", a zero byte, the master, and a zero at the end */
	memcpy(master + 8, data + 6, master_len);
	SHA256(master, 8 + master_len + 1, derived);

	aes = EVP_CIPHER_CTX_new();
	if (!aes || !EVP_DecryptInit_ex(aes, EVP_aes_256_cbc(), NULL, derived, blob) ||
	    !EVP_CIPHER_CTX_set_padding(aes, 0) ||
	    !EVP_DecryptUpdate(aes, key, &len, blob + IV_LEN, (key_len + 15) & ~15))
		errx(1, "cannot decrypt the encrypted key's blob");
	print("key", key, key_len);
	return 0;
}
