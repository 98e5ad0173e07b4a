/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TPM 2.0 as root has it: commands through its character device, and what root makes of the
 * blob of a trusted key. Every function that returns an int returns a negative errno if it fails;
 * -EPERM is that the TPM refused, and tpm_refusal() says with which code.
 */

#ifndef _TPM_H
#define _TPM_H

#include <stdbool.h>
#include <stddef.h>

/* Algorithms, as the TPM numbers them. */
#define TPM_SHA1 0x0004
#define TPM_SHA256 0x000b
#define TPM_SHA384 0x000c

/* Kinds of handles. */
#define TPM_LOADED_SESSIONS 0x02
#define TPM_SAVED_SESSIONS 0x03
#define TPM_TRANSIENT 0x80

/* Refusals, without the number of the parameter or session. */
#define TPM_RC_POLICY_FAIL 0x09d
#define TPM_RC_VALUE 0x084

/* Room for the blob of a trusted key, in bytes. */
#define TPM_BLOB_SIZE 512

/* Extends one bank of a PCR by something. */
int tpm_extend(int bank, unsigned int pcr);
/* Sets it back, in all banks; not all PCRs can be. */
int tpm_reset(unsigned int pcr);
/* Returns the size of its value. */
int tpm_read(int bank, unsigned int pcr, unsigned char value[64]);
/* What a cap makes of a value of SHA-256. */
int tpm_capped(const unsigned char value[32], unsigned char capped[32]);
/* How many handles of a kind there are. */
int tpm_handles(unsigned int kind);
/* Ends all sessions that are loaded, or lets all objects go. Returns how many. */
int tpm_flush(unsigned int kind);
/*
 * Has the answer to the @nth command from now on be false in the way @how, or none if that is 0.
 * Returns how many were since the last call; -EPERM from a TPM that does not do so. One that does
 * knows the command 0x20006c69 of these two numbers, whose answer is that third one.
 */
int tpm_lie(unsigned int nth, unsigned int how);
/*
 * How many commands there were since the last call that showed a secret to who listens on the way
 * to the TPM. One that lies can tell, by the command 0x20006c73, whose answer is that number.
 */
int tpm_shown(void);
/* Starts it up, with cleared PCRs. -EPERM from one that was not reset. */
int tpm_startup(void);
/* How many authorizations failed so that they count. */
int tpm_lockout_counter(void);
/* They count no more. After a few of them the TPM would take no authorization for a while. */
int tpm_lockout_reset(void);

/*
 * Starts a policy session that anybody can use, and runs TPM2_PolicyPCR() there. Sets @digest to
 * what the policy is then, and returns the session's handle.
 */
int tpm_policy(int bank, unsigned int mask, unsigned char digest[32]);

/* The parts of a TPMKey. */
struct tpm_key {
	const unsigned char *policy; /* the field, or NULL */
	int policy_len;
	const unsigned char *pub;
	int pub_len;
	const unsigned char *priv;
	int priv_len;
};

int tpm_key_parse(struct tpm_key *key, const unsigned char *der, int size);
/*
 * Unseals it without the kernel, under the authorization value @auth, in a policy session with
 * TPM2_PolicyPCR() for the PCRs of @mask if that is not 0. Returns how many bytes came out.
 */
int tpm_unseal(const struct tpm_key *key, int bank, unsigned int mask, const char *auth,
	       unsigned char *secret, int size);
/* Reads the blob of a trusted key that is bound to nothing, and unseals that. */
int tpm_unseal_key(int serial, const char *auth, unsigned char *secret, int size);
/* The code of the last refusal. */
unsigned int tpm_refusal(void);

/* Kinds of keys that sign. */
#define TPM_RSA 0x0001
#define TPM_ECC 0x0023

/* The owner of a key that signs: it is kept in the TPM until it is closed. */
struct tpm_signer {
	int fd;
	unsigned int handle;
	/* TPM2B_PUBLIC */
	unsigned char pub[640];
	int pub_len;
};

/* Keys of the same kind differ by @seed. */
int tpm_signer_open(struct tpm_signer *signer, int kind, int seed);
void tpm_signer_close(struct tpm_signer *signer);
/* Signs a digest of SHA-256. Returns the size of the TPMT_SIGNATURE. */
int tpm_sign(const struct tpm_signer *signer, const unsigned char digest[32],
	     unsigned char signature[520]);

#endif /* _TPM_H */
