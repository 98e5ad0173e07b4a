/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The blob of an encrypted key, opened as whoever knows its master can: without the key, without
 * the keyring, by what security/keys/encrypted-keys/ does with the bytes. Every function returns a
 * negative errno if it fails.
 */

#ifndef _BLOB_H
#define _BLOB_H

#include <stddef.h>

#include "dmck.h"

#define SHA256_SIZE 32
#define IV_SIZE 16

/* Room for a blob of the largest key, 4096 bytes, and a command before it. */
#define BLOB_SIZE 9000

/* The HMAC that a blob ends with, of the @size bytes that are before it. */
int blob_hmac(const void *master, int master_size, const void *data, size_t size,
	      unsigned char hmac[SHA256_SIZE]);
/*
 * Decrypts it. Returns how many bytes the key has: they are in @secret, which has room for @size.
 * -EBADMSG is that this is not its master.
 */
int blob_open(const char *blob, const void *master, int master_size, unsigned char *secret,
	      int size);
/*
 * Maps what is below the volume with the key in the blob, as one that everybody can type. Returns 1
 * if that reads the volume, 0 if it reads something else.
 */
int blob_reads(const char *blob, const void *master, int master_size,
	       const struct volume *volume);

#endif /* _BLOB_H */
