// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies of TPM2 trusted keys that are signed later on.
 *
 * A key that is sealed to PCRs is lost with the next update of what they measure.  Sealed
 * to a public key instead, with TPM2_PolicyAuthorize(), it opens under each policy that
 * the owner of that key has approved, by a signature.  So the PCRs of the next release
 * are signed before it is rolled out, and the approval is kept beside the blob:
 *
 *	name:		SHA-256 in the TPM's numbering || SHA-256(TPMT_PUBLIC)
 *	digest:		SHA-256(SHA-256(zeros || code || name) || reference)
 *	signed is:	SHA-256(digest of the approved policy || reference)
 *
 * Part 3 of the TPM 2.0 specification has this with the command.  A blob names the public
 * key in its first command, which has no signature there; an approval is a TPMAuthPolicy
 * of "TPM 2.0 Key Files" (draft-bottomley-tpm2-keys), whose first command is the same with
 * the signature, and whose others are the policy that was approved.  The parameters of
 * the command do not stand in either as the TPM takes them, but as
 *
 *	TPM2B_PUBLIC || TPM2B_DIGEST (the reference) || TPMT_SIGNATURE
 *
 * This file owns all that is known of approvals: the options that bring public key and
 * approval, the digest, and how an approval is shown to the TPM, with the commands of
 * trusted_tpm2.c and of drivers/char/tpm/tpm2-sessions.c.
 */

#include <linux/types.h>
#include <linux/asn1_decoder.h>
#include <linux/hex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tpm.h>
#include <linux/unaligned.h>

#include <keys/trusted_tpm.h>

#include "tpm2approval.asn1.h"
#include "trusted_tpm2_policy.h"

/* A TPMT_SIGNATURE: the algorithm, its hash, and what RSA signs with 4096 bits. */
#define TPM2_SIGNATURE_MAX (2 + 2 + 2 + 512)

/* type, nameAlg, objectAttributes, size of authPolicy */
#define TPMT_PUBLIC_MIN		(2 + 2 + 4 + 2)

/* The parameters of TPM2_PolicyAuthorize() as they stand in a policy, in pieces. */
struct tpm2_authorize {
	const u8 *pub;		/* TPMT_PUBLIC */
	size_t pub_len;
	const u8 *ref;
	size_t ref_len;
	const u8 *sig;		/* TPMT_SIGNATURE */
	size_t sig_len;
};

/* Is this the TPMT_PUBLIC of a key that signs and has a name which is known here? */
static bool tpm2_signer(const u8 *pub, size_t len)
{
	u16 type;

	if (len < TPMT_PUBLIC_MIN || len > TPM2_APPROVAL_PUBLIC_MAX)
		return false;

	type = get_unaligned_be16(pub);
	return (type == TPM_ALG_RSA || type == TPM_ALG_ECC) &&
	       get_unaligned_be16(pub + 2) == TPM_ALG_SHA256 &&
	       get_unaligned_be32(pub + 4) & TPM2_OA_SIGN;
}

/* Takes a sized piece off the front of what is left; its length, or -EINVAL. */
static int tpm2_piece(const u8 **p, const u8 *end, const u8 **piece)
{
	size_t len;

	if (end - *p < 2)
		return -EINVAL;
	len = get_unaligned_be16(*p);
	if (end - *p - 2 < len)
		return -EINVAL;

	*piece = *p + 2;
	*p += 2 + len;
	return len;
}

static int tpm2_authorize_split(const struct tpm2_policy_command *command,
				struct tpm2_authorize *a)
{
	const u8 *p = command->params, *end = p + command->len;
	int len;

	len = tpm2_piece(&p, end, &a->pub);
	if (len < 0 || !tpm2_signer(a->pub, len))
		return -EINVAL;
	a->pub_len = len;

	len = tpm2_piece(&p, end, &a->ref);
	if (len < 0 || len > SHA512_DIGEST_SIZE)
		return -EINVAL;
	a->ref_len = len;

	/* What there is of the signature is for the TPM to understand, if it fits one command. */
	a->sig = p;
	a->sig_len = end - p;
	return a->sig_len >= 2 && a->sig_len <= TPM2_SIGNATURE_MAX ? 0 : -EINVAL;
}

/* The name by which the TPM knows an object. */
static void tpm2_signer_name(const struct tpm2_authorize *a, u8 name[TPM2_NAME_SIZE])
{
	put_unaligned_be16(TPM_ALG_SHA256, name);
	sha256(a->pub, a->pub_len, name + 2);
}

/* Hashes what the signer signs, or the policy that asks for its signature. */
static void tpm2_hash_ref(const struct tpm2_authorize *a, u8 digest[SHA256_DIGEST_SIZE])
{
	u8 data[SHA256_DIGEST_SIZE + SHA512_DIGEST_SIZE];

	memcpy(data, digest, SHA256_DIGEST_SIZE);
	memcpy(data + SHA256_DIGEST_SIZE, a->ref, a->ref_len);
	sha256(data, SHA256_DIGEST_SIZE + a->ref_len, digest);
}

/**
 * tpm2_authorize_digest() - compute the digest after TPM2_PolicyAuthorize()
 * @command: the command, as it stands in a policy
 * @digest: set to the digest, whatever it was before
 *
 * Return: 0, or -EINVAL if the parameters are malformed, or the public key is none that
 *	   signs and has a SHA-256 name.
 */
int tpm2_authorize_digest(const struct tpm2_policy_command *command,
			  u8 digest[SHA256_DIGEST_SIZE])
{
	u8 data[SHA256_DIGEST_SIZE + 4 + TPM2_NAME_SIZE] = {};
	struct tpm2_authorize a;
	int rc;

	rc = tpm2_authorize_split(command, &a);
	if (rc)
		return rc;

	put_unaligned_be32(TPM2_CC_POLICY_AUTHORIZE, data + SHA256_DIGEST_SIZE);
	tpm2_signer_name(&a, data + SHA256_DIGEST_SIZE + 4);
	sha256(data, sizeof(data), digest);
	tpm2_hash_ref(&a, digest);
	return 0;
}

int tpm2_approval_code(void *context, size_t hdrlen, unsigned char tag,
		       const void *value, size_t vlen)
{
	tpm2_policy_add_code(context, value, vlen);
	return 0;
}

int tpm2_approval_params(void *context, size_t hdrlen, unsigned char tag,
			 const void *value, size_t vlen)
{
	tpm2_policy_add_params(context, value, vlen);
	return 0;
}

/* The digest of the policy that was approved: of all the commands behind the first. */
static int tpm2_approved_digest(const struct tpm2_policy *approval,
				u8 digest[SHA256_DIGEST_SIZE])
{
	struct tpm2_policy approved = { .count = approval->count - 1 };
	int i;

	for (i = 0; i < approved.count; i++)
		approved.command[i] = approval->command[i + 1];

	if (approved.count && approved.command[0].code == TPM2_CC_POLICY_AUTHORIZE) {
		pr_err("policysig=: one signature cannot approve another\n");
		return -EINVAL;
	}
	return tpm2_policy_digest(&approved, digest);
}

/**
 * tpm2_approval_check() - check an approval against the policy that asks for it
 * @policy: a policy that has a digest, and at least one command
 * @der: argument of policysig=, or NULL; has to stay while @approval is used
 * @len: its length in bytes
 * @approval: set to the approval, or to no command if @policy does not ask for any
 *
 * The signature itself is for tpm2_approval_run(), and the TPM.
 *
 * Return: 0, or -EINVAL with a sentence in the log: the approval is missing, not asked
 *	   for, malformed, by another key, or of a policy that is not known here.
 */
int tpm2_approval_check(const struct tpm2_policy *policy, const u8 *der, size_t len,
			struct tpm2_policy *approval)
{
	u8 digest[SHA256_DIGEST_SIZE];
	struct tpm2_authorize want, a;

	memset(approval, 0, sizeof(*approval));

	if (policy->command[0].code != TPM2_CC_POLICY_AUTHORIZE) {
		if (!der)
			return 0;
		pr_err("policysig= is for a key that was made with policypub=\n");
		return -EINVAL;
	}
	if (!der) {
		pr_err("the key was made with policypub=, and needs policysig= to load\n");
		return -EINVAL;
	}

	if (asn1_ber_decoder(&tpm2approval_decoder, approval, der, len) < 0 ||
	    !approval->count || approval->count > TPM2_POLICY_COMMANDS ||
	    approval->command[0].code != TPM2_CC_POLICY_AUTHORIZE ||
	    tpm2_authorize_split(&approval->command[0], &a) ||
	    tpm2_authorize_split(&policy->command[0], &want)) {
		pr_err("policysig= is not a policy that somebody signed\n");
		return -EINVAL;
	}

	if (a.pub_len != want.pub_len || memcmp(a.pub, want.pub, a.pub_len) ||
	    a.ref_len != want.ref_len || memcmp(a.ref, want.ref, a.ref_len)) {
		pr_err("policysig= is for keys of another policypub=\n");
		return -EINVAL;
	}

	return tpm2_approved_digest(approval, digest);
}

/*
 * The errno for what the TPM answers.  Codes of format 1 are about a parameter, so the TPM
 * refused what it was sent; all others are about the TPM, which may take it another time.
 */
static int tpm2_answer(int rc, int refused)
{
	if (rc <= 0)
		return rc;
	return rc & BIT(7) ? refused : -EIO;
}

static int tpm2_load_signer(struct tpm_chip *chip, const u8 *pub, size_t len, u32 *handle)
{
	int rc = tpm2_load_public(chip, pub, len, handle);

	if (rc > 0)
		pr_err("the TPM does not load the public key of policypub=: 0x%x\n", rc);
	return tpm2_answer(rc, -EINVAL);
}

/**
 * tpm2_approval_run() - show an approval to the TPM
 * @chip: the chip; its ops are held
 * @session: a session in which the policy that was approved has been run
 * @approval: an approval that tpm2_approval_check() has passed
 *
 * Return: 0, or -EKEYREJECTED with a sentence in the log if the signature is wrong,
 *	   -EINVAL if the TPM does not load the public key, -EPERM if it refused something
 *	   else, -EIO if it failed, -ENOMEM, -E2BIG, or an errno of the transmission.
 */
int tpm2_approval_run(struct tpm_chip *chip, struct tpm2_auth *session,
		      const struct tpm2_policy *approval)
{
	u8 params[2 + SHA256_DIGEST_SIZE + 2 + SHA512_DIGEST_SIZE + 2 + TPM2_NAME_SIZE +
		  TPM2_TICKET_MAX];
	u8 approved[SHA256_DIGEST_SIZE], signed_digest[SHA256_DIGEST_SIZE];
	struct tpm2_authorize a;
	size_t ticket_len;
	u8 *p = params;
	u32 signer;
	int rc;

	rc = tpm2_authorize_split(&approval->command[0], &a) ?:
	     tpm2_approved_digest(approval, approved);
	if (rc)
		return rc;

	memcpy(signed_digest, approved, sizeof(approved));
	tpm2_hash_ref(&a, signed_digest);

	/* approvedPolicy, policyRef, keySign, checkTicket */
	put_unaligned_be16(sizeof(approved), p);
	memcpy(p + 2, approved, sizeof(approved));
	p += 2 + sizeof(approved);
	put_unaligned_be16(a.ref_len, p);
	memcpy(p + 2, a.ref, a.ref_len);
	p += 2 + a.ref_len;
	put_unaligned_be16(TPM2_NAME_SIZE, p);
	tpm2_signer_name(&a, p + 2);
	p += 2 + TPM2_NAME_SIZE;

	rc = tpm2_load_signer(chip, a.pub, a.pub_len, &signer);
	if (rc)
		return rc;
	rc = tpm2_verify_signature(chip, signer, signed_digest, a.sig, a.sig_len, p, &ticket_len);
	tpm2_flush_context(chip, signer);
	if (rc > 0)
		pr_err("policysig= has no signature by the key of policypub=: 0x%x\n", rc);
	if (rc)
		return tpm2_answer(rc, -EKEYREJECTED);
	p += ticket_len;

	rc = tpm2_policy_command(chip, session, TPM2_CC_POLICY_AUTHORIZE, params, p - params);
	if (rc > 0)
		pr_err("the TPM does not take the approval of a policy: 0x%x\n", rc);
	return tpm2_answer(rc, -EPERM);
}

/* Decodes hex digits in their place, since the options' string stays for long enough. */
static int tpm2_parse_hex(char *arg, const char *option, const u8 **data, size_t *len)
{
	if (*data) {
		pr_err("%s= is there twice\n", option);
		return -EINVAL;
	}

	*len = strlen(arg) / 2;
	if (!*len || strlen(arg) % 2 || hex2bin((u8 *)arg, arg, *len)) {
		pr_err("%s= takes an even number of hex digits\n", option);
		return -EINVAL;
	}
	*data = (u8 *)arg;
	return 0;
}

/*
 * Can this key sign what is hashed by SHA-256, which approvals are?  It can if it leaves the
 * scheme to whoever signs, or has one with that hash.
 */
static bool tpm2_signs_sha256(const u8 *pub, size_t len)
{
	const u8 *p = pub + TPMT_PUBLIC_MIN, *end = pub + len;
	size_t auth_policy = get_unaligned_be16(p - 2);

	/* authPolicy, symmetric algorithm, scheme and its hash */
	if (end - p < auth_policy + 2 + 2 + 2)
		return false;
	p += auth_policy;
	return get_unaligned_be16(p) == TPM_ALG_NULL &&
	       (get_unaligned_be16(p + 2) == TPM_ALG_NULL ||
		get_unaligned_be16(p + 4) == TPM_ALG_SHA256);
}

/**
 * tpm2_parse_policypub() - parse the argument of policypub=
 * @arg: TPMT_PUBLIC or TPM2B_PUBLIC in hex digits; overwritten
 * @options: policypub and policypub_len are set, into @arg
 *
 * Return: 0, or -EINVAL with a sentence in the log.
 */
int tpm2_parse_policypub(char *arg, struct trusted_key_options *options)
{
	int rc = tpm2_parse_hex(arg, "policypub", &options->policypub, &options->policypub_len);

	if (rc)
		return rc;

	/* As a type, a size that fits is none that is known. */
	if (options->policypub_len > 2 &&
	    get_unaligned_be16(options->policypub) == options->policypub_len - 2) {
		options->policypub += 2;
		options->policypub_len -= 2;
	}

	if (!tpm2_signer(options->policypub, options->policypub_len) ||
	    !tpm2_signs_sha256(options->policypub, options->policypub_len)) {
		pr_err("policypub= takes the public area of an RSA or ECC key that signs, with sha256\n");
		return -EINVAL;
	}
	return 0;
}

/**
 * tpm2_parse_policysig() - parse the argument of policysig=
 * @arg: a TPMAuthPolicy in hex digits; overwritten
 * @options: policysig and policysig_len are set, to @arg
 *
 * Return: 0, or -EINVAL with a sentence in the log.
 */
int tpm2_parse_policysig(char *arg, struct trusted_key_options *options)
{
	return tpm2_parse_hex(arg, "policysig", &options->policysig, &options->policysig_len);
}

/**
 * tpm2_authorize_new() - make the command that asks for an approval
 * @chip: the chip; its ops are not held
 * @options: options of a key that is to be sealed, with policypub
 * @params: set to the parameters of the command
 *
 * Has the TPM look at the public key: no other would ever open what is sealed to it.
 *
 * Return: the length of the parameters in bytes, -EINVAL with a sentence in the log if
 *	   the TPM does not take the key, -EIO if it failed, -ENOMEM, or an errno of the
 *	   transmission.
 */
int tpm2_authorize_new(struct tpm_chip *chip, const struct trusted_key_options *options,
		       u8 params[TPM2_AUTHORIZE_SIZE])
{
	const size_t len = options->policypub_len;
	u32 signer;
	int rc;

	rc = tpm_try_get_ops(chip);
	if (rc)
		return rc;
	rc = tpm2_load_signer(chip, options->policypub, len, &signer);
	if (!rc)
		tpm2_flush_context(chip, signer);
	tpm_put_ops(chip);
	if (rc)
		return rc;

	put_unaligned_be16(len, params);
	memcpy(params + 2, options->policypub, len);
	/* no reference, and no signature yet */
	put_unaligned_be16(0, params + 2 + len);
	put_unaligned_be16(TPM_ALG_NULL, params + 2 + len + 2);
	return 2 + len + 2 + 2;
}
