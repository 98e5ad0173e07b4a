// SPDX-License-Identifier: GPL-2.0-only
/* The blob of an encrypted key. AF_ALG does the sums. */

#include <errno.h>
#include <linux/if_alg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blob.h"

/* Enough for every master here, and as long as the kernel makes it. */
#define MAX_MASTER 128
#define MIN_DERIVED SHA256_SIZE
#define MAX_SECRET 4096

static int hash(const char *name, const unsigned char *key, const void *data, size_t size,
		unsigned char digest[SHA256_SIZE])
{
	int op = alg_open("hash", name, key, key ? SHA256_SIZE : 0, 0), ret = 0;

	if (op < 0)
		return op;
	if (write(op, data, size) != (ssize_t)size ||
	    read(op, digest, SHA256_SIZE) != SHA256_SIZE)
		ret = -EIO;
	close(op);
	return ret;
}

/* @purpose is one of two, and whatever it is there is room for the longer one. */
static int derive(const char *purpose, const void *master, int size,
		  unsigned char derived[SHA256_SIZE])
{
	unsigned char data[sizeof("AUTH_KEY") + MAX_MASTER] = {};
	size_t used = sizeof("AUTH_KEY") + size;
	int ret;

	if (size < 0 || size > MAX_MASTER)
		return -EINVAL;
	memcpy(data, purpose, strlen(purpose));
	memcpy(data + strlen(purpose) + 1, master, size);
	ret = hash("sha256", NULL, data, used < MIN_DERIVED ? MIN_DERIVED : used, derived);
	explicit_bzero(data, sizeof(data));
	return ret;
}

static int decrypt(const unsigned char key[SHA256_SIZE], const unsigned char iv[IV_SIZE],
		   unsigned char *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(__u32)) +
		     CMSG_SPACE(sizeof(struct af_alg_iv) + IV_SIZE)] = {};
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct af_alg_iv *alg_iv;
	int op, ret = 0;

	op = alg_open("skcipher", "cbc(aes)", key, SHA256_SIZE, 0);
	if (op < 0)
		return op;
	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = ALG_SET_OP;
	cmsg->cmsg_len = CMSG_LEN(sizeof(__u32));
	*(__u32 *)CMSG_DATA(cmsg) = ALG_OP_DECRYPT;
	cmsg = CMSG_NXTHDR(&msg, cmsg);
	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = ALG_SET_IV;
	cmsg->cmsg_len = CMSG_LEN(sizeof(*alg_iv) + IV_SIZE);
	alg_iv = (void *)CMSG_DATA(cmsg);
	alg_iv->ivlen = IV_SIZE;
	memcpy(alg_iv->iv, iv, IV_SIZE);
	if (sendmsg(op, &msg, 0) != (ssize_t)size || read(op, data, size) != (ssize_t)size)
		ret = -EIO;
	close(op);
	return ret;
}

int blob_hmac(const void *master, int master_size, const void *data, size_t size,
	      unsigned char hmac[SHA256_SIZE])
{
	unsigned char derived[SHA256_SIZE];
	int ret;

	ret = derive("AUTH_KEY", master, master_size, derived);
	if (!ret)
		ret = hash("hmac(sha256)", derived, data, size, hmac);
	explicit_bzero(derived, sizeof(derived));
	return ret;
}

int blob_open(const char *blob, const void *master, int master_size, unsigned char *secret,
	      int size)
{
	const char *hex = strrchr(blob, ' '), *word;
	unsigned char derived[SHA256_SIZE], digest[SHA256_SIZE];
	unsigned char data[BLOB_SIZE], *iv, *cipher, *hmac, *p;
	int len, ret;

	/* A few words, the last of which is the key's size, and all the rest in hex. */
	if (!hex || strlen(blob) >= sizeof(data))
		return -EINVAL;
	for (word = hex; word > blob && word[-1] != ' '; word--)
		;
	len = atoi(word);
	if (len < 1 || len > size || len > MAX_SECRET)
		return -EINVAL;
	hex++;
	iv = data + (hex - blob);
	cipher = iv + IV_SIZE + 1;
	hmac = cipher + (len + 15) / 16 * 16;
	if (strlen(hex) != 2 * (size_t)(hmac + SHA256_SIZE - iv) ||
	    from_hex(iv, hex, strlen(hex)) < 0)
		return -EINVAL;

	/* The kernel has the end of a string where the spaces are. */
	memcpy(data, blob, hex - blob);
	for (p = data; p < iv; p++)
		if (*p == ' ')
			*p = '\0';
	ret = blob_hmac(master, master_size, data, hmac - data, digest);
	if (ret)
		return ret;
	if (memcmp(digest, hmac, SHA256_SIZE))
		return -EBADMSG;

	ret = derive("ENC_KEY", master, master_size, derived);
	if (!ret)
		ret = decrypt(derived, iv, cipher, hmac - cipher);
	if (!ret)
		memcpy(secret, cipher, len);
	explicit_bzero(derived, sizeof(derived));
	explicit_bzero(data, sizeof(data));
	return ret ?: len;
}

int blob_reads(const char *blob, const void *master, int master_size,
	       const struct volume *volume)
{
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE], name[NAME_SIZE];
	int ret;

	ret = blob_open(blob, master, master_size, secret, sizeof(secret));
	if (ret < 0)
		return ret;
	to_hex(hex, secret, ret);
	dm_name(name);
	ret = dm_map_crypt(name, &volume->backing, XTS, hex, "");
	if (!ret) {
		ret = dm_reads(name, volume->data);
		dm_remove(name);
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(hex, sizeof(hex));
	return ret;
}
