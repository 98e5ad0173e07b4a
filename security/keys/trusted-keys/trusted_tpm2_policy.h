/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy of a TPM2 trusted key: what has to be run in the TPM before the key can be
 * unsealed.  See trusted_tpm2_policy.c, and trusted_tpm2_approval.c for policies that are
 * signed later on.
 */
#ifndef _TRUSTED_TPM2_POLICY_H
#define _TRUSTED_TPM2_POLICY_H

#include <crypto/sha2.h>
#include <keys/trusted-type.h>
#include <linux/tpm.h>
#include <linux/types.h>

#define TPM2_POLICY_COMMANDS	4

/*
 * One command of a policy, as it stands in a blob: "TPM 2.0 Key Files", TPMPolicy.
 * The parameters are those of the TPM command, without the handle of the session, and
 * belong to whom the policy was taken from.
 */
struct tpm2_policy_command {
	u32 code;
	size_t len;
	const u8 *params;
};

/* A policy of no commands is none. */
struct tpm2_policy {
	unsigned int count;	/* more than there is room for, if there were more */
	struct tpm2_policy_command command[TPM2_POLICY_COMMANDS];
};

/* Room for a TPMT_TK_VERIFIED: tag, hierarchy, sized digest */
#define TPM2_TICKET_MAX		(2 + 4 + 2 + SHA512_DIGEST_SIZE)

/* The largest TPMT_PUBLIC that is taken: an RSA key of 4096 bits, with a policy. */
#define TPM2_APPROVAL_PUBLIC_MAX	640

/* sized public area, reference and signature, both of which are none */
#define TPM2_AUTHORIZE_SIZE	(2 + TPM2_APPROVAL_PUBLIC_MAX + 2 + 2)

/* digest, count of the selections, and of each the hash, the size and the bits */
#define TPM2_POLICY_PCR_SIZE	(2 + SHA256_DIGEST_SIZE + 4 + \
				 TRUSTED_KEY_BANKS * (2 + 1 + TPM2_PCR_SELECT_MIN))

/* What a policy can take that is made here. */
#define TPM2_POLICY_PARAMS_SIZE	(TPM2_AUTHORIZE_SIZE + TPM2_POLICY_PCR_SIZE)

/* trusted_tpm2_policy.c */
int tpm2_parse_pcrs(struct tpm_chip *chip, char *arg, u32 resettable,
		    struct trusted_key_pcrs *pcrs);
int tpm2_policy_pcr_params(const struct trusted_key_pcrs *pcrs, const u8 *digest,
			   u8 params[TPM2_POLICY_PCR_SIZE]);
int tpm2_policy_new(struct tpm_chip *chip, const struct trusted_key_options *options,
		    u8 params[TPM2_POLICY_PARAMS_SIZE], struct tpm2_policy *policy);
int tpm2_policy_digest(const struct tpm2_policy *policy, u8 digest[SHA256_DIGEST_SIZE]);
u32 tpm2_policy_pcrs(const struct tpm2_policy *policy);
bool tpm2_policy_asks_auth(const struct tpm2_policy *policy);

u8 *tpm2_policy_encode(const struct tpm2_policy *policy, u8 *data, const u8 *end);
void tpm2_policy_add_code(struct tpm2_policy *policy, const u8 *value, size_t len);
void tpm2_policy_add_params(struct tpm2_policy *policy, const u8 *value, size_t len);

int tpm2_policy_check(const struct tpm2_policy *policy, const u8 *pub, size_t pub_len,
		      struct trusted_key_options *options, struct tpm2_policy *approval);
struct tpm2_auth *tpm2_policy_run(struct tpm_chip *chip, const struct tpm2_policy *policy,
				  const struct tpm2_policy *approval);

/* trusted_tpm2_approval.c */
int tpm2_parse_policypub(char *arg, struct trusted_key_options *options);
int tpm2_parse_policysig(char *arg, struct trusted_key_options *options);
int tpm2_authorize_new(struct tpm_chip *chip, const struct trusted_key_options *options,
		       u8 params[TPM2_AUTHORIZE_SIZE]);
int tpm2_authorize_digest(const struct tpm2_policy_command *command,
			  u8 digest[SHA256_DIGEST_SIZE]);
int tpm2_approval_check(const struct tpm2_policy *policy, const u8 *der, size_t len,
			struct tpm2_policy *approval);
int tpm2_approval_run(struct tpm_chip *chip, struct tpm2_auth *session,
		      const struct tpm2_policy *approval);

/* trusted_tpm2.c */
int tpm2_load_public(struct tpm_chip *chip, const u8 *pub, size_t len, u32 *handle);
int tpm2_verify_signature(struct tpm_chip *chip, u32 handle,
			  const u8 digest[SHA256_DIGEST_SIZE], const u8 *sig, size_t sig_len,
			  u8 ticket[TPM2_TICKET_MAX], size_t *ticket_len);

#endif /* _TRUSTED_TPM2_POLICY_H */
