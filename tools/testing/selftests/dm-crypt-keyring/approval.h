/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What root makes for a trusted key with policypub=: approvals of a state of PCRs, which policysig=
 * takes, signed and spoiled as a test needs them.
 */

#ifndef _APPROVAL_H
#define _APPROVAL_H

#include <stdbool.h>

#include "tpm.h"

#define CC_POLICY_AUTHORIZE 0x16a
#define CC_POLICY_AUTH_VALUE 0x16b
#define CC_POLICY_COMMAND_CODE 0x16c
#define CC_POLICY_PCR 0x17f

/* What grows. */
struct bytes {
	unsigned char data[2048];
	int len;
};

/* What is told of an approval, and how it is spoiled. */
struct approval {
	const struct tpm_signer *by; /* whose signature it is */
	const struct tpm_signer *as; /* whose it says it is */
	unsigned int pcr;
	int times; /* the PCR will have been extended */
	unsigned int unsigned_code; /* has one more command than was signed, without parameters */
	bool nothing; /* approves of the policy that has no command */
	bool twice; /* approves of an approval */
	bool too_long; /* the signature is longer than any can be */
	struct bytes der;
};

/* Makes a TPMAuthPolicy of it. */
int approve(struct approval *a);

/* Room for what is added as a key. */
#define COMMAND_SIZE 8192

/*
 * Makes a trusted key under the authorization value @auth, alone in a keyring. If @kind is one of a
 * signer it is sealed to that, who approves of the state that @pcr is in. Tells what made the key,
 * and what loads it.
 */
int approved_make(const char *desc, const char *options, const char *auth, int kind,
		  unsigned int pcr, char make[COMMAND_SIZE], char load[COMMAND_SIZE]);

#endif /* _APPROVAL_H */
