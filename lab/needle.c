// SPDX-License-Identifier: GPL-2.0
/*
 * needle - compute, outside the guest, the key that a guest's kernel made
 *
 * usage: needle TPM-SOCKET TRUSTED-BLOB ENCRYPTED-BLOB
 *
 * The blobs are those that `keyctl pipe` gives: the first is the master, sealed by
 * the TPM, the second the volume key, encrypted under the master. The TPM is asked
 * to load and unseal the first; of that follows the second, as in
 * security/keys/encrypted-keys/encrypted.c. Prints lines "master=hex" and "key=hex".
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
 * One command with one handle, the empty password for it, and parameters. The
 * answer, from behind its header on, comes back in place of the parameters.
 */
static void tpm(int fd, uint32_t code, uint32_t handle, uint8_t *data, int len)
{
	static const uint8_t no_password[] = { 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0 };
	uint8_t cmd[MAX_BLOB], buf[MAX_BLOB];
	int tries = 10, size = TPM_HEADER + 4 + sizeof(no_password) + len;
	uint32_t rc;
	ssize_t got;

	put_be(cmd, 0x8002, 2);
	put_be(cmd + 2, size, 4);
	put_be(cmd + 6, code, 4);
	put_be(cmd + TPM_HEADER, handle, 4);
	memcpy(cmd + TPM_HEADER + 4, no_password, sizeof(no_password));
	memcpy(cmd + TPM_HEADER + 4 + sizeof(no_password), data, len);
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

/*
 * The blob is an ASN.1 sequence with two octet strings, public and private part.
 * The TPM takes them the other way round. Returns the length of both.
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
	uint8_t derived[SHA256_DIGEST_LENGTH], key[MAX_BLOB];
	int fd, len, key_len, master_len;
	char text[MAX_BLOB], hex[MAX_BLOB];
	EVP_CIPHER_CTX *aes;

	if (argc != 4)
		errx(1, "usage: needle TPM-SOCKET TRUSTED-BLOB ENCRYPTED-BLOB");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "cannot reach the TPM at %s", argv[1]);

	read_file(argv[2], text);
	len = tpm_parts(blob, unhex(text, blob, sizeof(blob)), data);
	tpm(fd, CC_LOAD, SRK_HANDLE, data, len);
	tpm(fd, CC_UNSEAL, be(data, 4), data, 0);
	/* 4 bytes: length of all parameters, 2 bytes: that of the one there is */
	master_len = be(data + 4, 2);
	if (master_len < 32 || master_len > 128)
		errx(1, "the TPM unsealed %d bytes, which is no master key", master_len);
	print("master", data + 6, master_len);

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
