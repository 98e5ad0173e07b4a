// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies of TPM2 trusted keys.
 *
 * A sealed object can hold the digest of a policy.  The TPM unseals it in a session
 * alone in which commands were run that lead to the same digest, each of which ends well
 * in the right circumstances only: TPM2_PolicyPCR() if PCRs have the values that they
 * had, TPM2_PolicyAuthValue() if the authorization value is known as well.  A digest
 * tells nobody which commands these were, so the blob carries them along, in the form
 * of "TPM 2.0 Key Files" (draft-bottomley-tpm2-keys), which other programs read too.
 *
 * The digest of a policy starts with zeros, and is extended by each command:
 *
 *	TPM2_PolicyPCR:		SHA-256(digest || code || selection || SHA-256(PCRs))
 *	TPM2_PolicyAuthValue:	SHA-256(digest || code)
 *	TPM2_PolicyAuthorize:	see trusted_tpm2_approval.c
 *
 * Part 3 of the TPM 2.0 specification has this with each command.  It is computed here,
 * not asked for in a trial session: what a key gets bound to is then what the kernel
 * said, whoever listens to the TPM, and a blob whose commands do not lead to the digest
 * in its public area is told from one that meets the wrong circumstances.
 *
 * This file owns what is known of policies: the options that make one, its digest, its
 * form in the blob, and how it is run; trusted_tpm2_approval.c has what is particular to
 * policies that are signed.  The commands themselves go to the TPM through
 * drivers/char/tpm/tpm2-sessions.c.
 */

#include <linux/asn1_encoder.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tpm.h>
#include <linux/unaligned.h>

#include <keys/trusted_tpm.h>

#include "trusted_tpm2_policy.h"

/* Returns the enum hash_algo of a bank of that name which is active in the TPM. */
static int tpm2_find_bank(struct tpm_chip *chip, const char *name)
{
	int hash = match_string(hash_algo_name, HASH_ALGO__LAST, name);
	int alg = hash < 0 ? hash : tpm2_find_hash_alg(hash);
	int i;

	if (alg < 0) {
		pr_err("pcrs=: there is no PCR bank %*pE\n", (int)strnlen(name, 16), name);
		return -EINVAL;
	}

	for (i = 0; i < chip->nr_allocated_banks; i++) {
		if (chip->allocated_banks[i].alg_id == alg)
			return hash;
	}

	pr_err("pcrs=: the PCR bank %s is not active in this TPM\n", name);
	return -EINVAL;
}

/**
 * tpm2_parse_pcrs() - parse the argument of pcrs=
 * @chip: the chip, for its active banks
 * @arg: "<bank>:<n>[,<n>...]"; cut into pieces
 * @resettable: the PCRs that user space can reset, a bit each
 * @pcrs: what was named before, to which this bank is added
 *
 * Return: 0, or -EINVAL with a sentence in the log.
 */
int tpm2_parse_pcrs(struct tpm_chip *chip, char *arg, u32 resettable,
		    struct trusted_key_pcrs *pcrs)
{
	char *bank = strsep(&arg, ":");
	unsigned int pcr;
	u32 mask = 0;
	int hash, i;
	char *n;

	if (!arg) {
		pr_err("pcrs= takes <bank>:<n>[,<n>...]\n");
		return -EINVAL;
	}

	hash = tpm2_find_bank(chip, bank);
	if (hash < 0)
		return hash;

	for (i = 0; i < pcrs->nr; i++) {
		if (pcrs->bank[i].hash == hash) {
			pr_err("pcrs= names the bank %s twice\n", bank);
			return -EINVAL;
		}
	}
	if (pcrs->nr == TRUSTED_KEY_BANKS) {
		pr_err("pcrs= names more than %d banks\n", TRUSTED_KEY_BANKS);
		return -EINVAL;
	}

	while ((n = strsep(&arg, ","))) {
		/* kstrtouint() would take a sign */
		if (!isdigit(*n) || kstrtouint(n, 10, &pcr) || pcr >= TPM2_PLATFORM_PCR) {
			pr_err("pcrs=: there is no PCR '%*pE'\n", (int)strnlen(n, 16), n);
			return -EINVAL;
		}
		if (resettable & BIT(pcr)) {
			pr_err("pcrs=: PCR %u binds nothing, user space can reset it\n", pcr);
			return -EINVAL;
		}
		if (mask & BIT(pcr)) {
			pr_err("pcrs= names PCR %u of the bank %s twice\n", pcr, bank);
			return -EINVAL;
		}
		mask |= BIT(pcr);
	}

	pcrs->bank[pcrs->nr].hash = hash;
	pcrs->bank[pcrs->nr].mask = mask;
	pcrs->nr++;
	return 0;
}

/**
 * tpm2_policy_pcr_params() - marshal the parameters of TPM2_PolicyPCR()
 * @pcrs: the selection
 * @digest: SHA-256 of the values of these PCRs, in the order of the selection
 * @params: set to the parameters
 *
 * Return: the length of the parameters in bytes.
 */
int tpm2_policy_pcr_params(const struct trusted_key_pcrs *pcrs, const u8 *digest,
			   u8 params[TPM2_POLICY_PCR_SIZE])
{
	u8 *p = params;
	int i, j;

	/* TPM2B_DIGEST pcrDigest */
	put_unaligned_be16(SHA256_DIGEST_SIZE, p);
	memcpy(p + 2, digest, SHA256_DIGEST_SIZE);
	p += 2 + SHA256_DIGEST_SIZE;

	/* TPML_PCR_SELECTION pcrs */
	put_unaligned_be32(pcrs->nr, p);
	p += 4;
	for (i = 0; i < pcrs->nr; i++) {
		put_unaligned_be16(tpm2_find_hash_alg(pcrs->bank[i].hash), p);
		p += 2;
		*p++ = TPM2_PCR_SELECT_MIN;
		for (j = 0; j < TPM2_PCR_SELECT_MIN; j++)
			*p++ = pcrs->bank[i].mask >> (8 * j);
	}
	return p - params;
}

/* Hashes the values that the PCRs have now. */
static int tpm2_digest_pcrs(struct tpm_chip *chip, const struct trusted_key_pcrs *pcrs,
			    u8 digest[SHA256_DIGEST_SIZE])
{
	u8 *values __free(kfree) = NULL;
	struct tpm_digest value;
	size_t len = 0;
	bool extended;
	u32 pcr;
	int i, rc;

	values = kmalloc_array(pcrs->nr * TPM2_PLATFORM_PCR, sizeof(value.digest), GFP_KERNEL);
	if (!values)
		return -ENOMEM;

	for (i = 0; i < pcrs->nr; i++) {
		const unsigned long mask = pcrs->bank[i].mask;
		const size_t size = hash_digest_size[pcrs->bank[i].hash];

		extended = false;
		value.alg_id = tpm2_find_hash_alg(pcrs->bank[i].hash);
		for_each_set_bit(pcr, &mask, TPM2_PLATFORM_PCR) {
			rc = tpm_pcr_read(chip, pcr, &value);
			if (rc)
				return rc < 0 ? rc : -EIO;

			memcpy(values + len, value.digest, size);
			len += size;
			/* PCRs start as zeros, those of a dynamic launch as ones */
			extended |= memchr_inv(value.digest, 0x00, size) &&
				    memchr_inv(value.digest, 0xff, size);
		}
		if (!extended)
			pr_warn("pcrs=: nothing was ever measured into these PCRs of the bank %s\n",
				hash_algo_name[pcrs->bank[i].hash]);
	}
	sha256(values, len, digest);
	return 0;
}

/**
 * tpm2_policy_new() - make the policy that the options ask for
 * @chip: the chip; its ops are not held
 * @options: options of a key that is to be sealed
 * @params: memory for the parameters, for as long as @policy is used
 * @policy: set to the policy, which is none without pcrs= and policypub=
 *
 * Return: 0, -ENOMEM, -EIO if the TPM does not let a PCR be read, -EINVAL if it does not
 *	   take the public key, or an errno of the transmission.
 */
int tpm2_policy_new(struct tpm_chip *chip, const struct trusted_key_options *options,
		    u8 params[TPM2_POLICY_PARAMS_SIZE], struct tpm2_policy *policy)
{
	struct tpm2_policy_command *command = policy->command;
	u8 digest[SHA256_DIGEST_SIZE];
	int rc;

	policy->count = 0;
	if (!options->pcrs.nr && !options->policypub)
		return 0;

	/* Whatever came before is replaced by the approval, so this comes first. */
	if (options->policypub) {
		rc = tpm2_authorize_new(chip, options, params);
		if (rc < 0)
			return rc;

		command->code = TPM2_CC_POLICY_AUTHORIZE;
		command->len = rc;
		command->params = params;
		command++;
		params += rc;
	}

	if (options->pcrs.nr) {
		rc = tpm2_digest_pcrs(chip, &options->pcrs, digest);
		if (rc)
			return rc;

		command->code = TPM2_CC_POLICY_PCR;
		command->len = tpm2_policy_pcr_params(&options->pcrs, digest, params);
		command->params = params;
		command++;
	}

	if (options->blobauth_len) {
		command->code = TPM2_CC_POLICY_AUTH_VALUE;
		command->len = 0;
		command->params = NULL;
		command++;
	}

	policy->count = command - policy->command;
	return 0;
}

/* A selection of all the banks that a TPM can have, four bytes of bits each. */
#define TPM2_SELECTION_MAX	(4 + 16 * (2 + 1 + 4))

/*
 * Splits the parameters of TPM2_PolicyPCR() into digest and selection.  Returns the
 * length of the selection, which is sound then, or 0.
 */
static size_t tpm2_policy_pcr_split(const struct tpm2_policy_command *command,
				    const u8 **digest, const u8 **selection)
{
	const u8 *p = command->params, *end = p + command->len;
	u32 nr;

	if (command->len < 2 + SHA256_DIGEST_SIZE + 4 ||
	    command->len > 2 + SHA256_DIGEST_SIZE + TPM2_SELECTION_MAX ||
	    get_unaligned_be16(p) != SHA256_DIGEST_SIZE)
		return 0;

	*digest = p + 2;
	*selection = p + 2 + SHA256_DIGEST_SIZE;

	p = *selection + 4;
	for (nr = get_unaligned_be32(*selection); nr; nr--) {
		/* hash, size, bits */
		if (end - p < 2 + 1 || end - p < 2 + 1 + p[2] || p[2] > sizeof(u32))
			return 0;
		p += 2 + 1 + p[2];
	}
	return p == end ? end - *selection : 0;
}

/*
 * Walks over the banks of a sound selection: returns the next one's bits, and its hash
 * of the TPM's numbering, or false at the end.
 */
static bool tpm2_next_bank(const u8 **p, const u8 *end, u16 *alg, u32 *mask)
{
	int i;

	if (*p == end)
		return false;

	*alg = get_unaligned_be16(*p);
	*mask = 0;
	for (i = 0; i < (*p)[2]; i++)
		*mask |= (u32)(*p)[3 + i] << (8 * i);
	*p += 3 + i;
	return true;
}

/**
 * tpm2_policy_digest() - compute the digest of a policy
 * @policy: the policy
 * @digest: set to the digest
 *
 * Return: 0, or -EINVAL with a sentence in the log: there are too many commands, one is
 *	   not known, or its parameters are malformed.
 */
int tpm2_policy_digest(const struct tpm2_policy *policy, u8 digest[SHA256_DIGEST_SIZE])
{
	/* what was before, the code, and of PCRs the selection and their digest */
	u8 data[SHA256_DIGEST_SIZE + 4 + TPM2_SELECTION_MAX + SHA256_DIGEST_SIZE];
	const struct tpm2_policy_command *command;
	const u8 *pcr_digest, *selection;
	size_t len;
	u8 *p;
	int i;

	if (policy->count > TPM2_POLICY_COMMANDS) {
		pr_err("a policy of more than %d commands\n", TPM2_POLICY_COMMANDS);
		return -EINVAL;
	}

	memset(digest, 0, SHA256_DIGEST_SIZE);
	for (i = 0; i < policy->count; i++) {
		command = &policy->command[i];

		p = data;
		memcpy(p, digest, SHA256_DIGEST_SIZE);
		p += SHA256_DIGEST_SIZE;
		put_unaligned_be32(command->code, p);
		p += 4;

		switch (command->code) {
		case TPM2_CC_POLICY_AUTHORIZE:
			/* What came before it would be for nothing. */
			if (i || tpm2_authorize_digest(command, digest))
				goto malformed;
			continue;
		case TPM2_CC_POLICY_PCR:
			len = tpm2_policy_pcr_split(command, &pcr_digest, &selection);
			if (!len)
				goto malformed;
			memcpy(p, selection, len);
			memcpy(p + len, pcr_digest, SHA256_DIGEST_SIZE);
			p += len + SHA256_DIGEST_SIZE;
			break;
		case TPM2_CC_POLICY_AUTH_VALUE:
			if (command->len)
				goto malformed;
			break;
		default:
			pr_err("a policy with the command 0x%x, which is not known\n",
			       command->code);
			return -EINVAL;
		}
		sha256(data, p - data, digest);
	}
	return 0;

malformed:
	pr_err("a policy with malformed parameters of the command 0x%x\n", command->code);
	return -EINVAL;
}

/**
 * tpm2_policy_pcrs() - tell which PCRs a policy names
 * @policy: a policy that has a digest
 *
 * Return: a bit for each PCR, in whichever bank.
 */
u32 tpm2_policy_pcrs(const struct tpm2_policy *policy)
{
	const u8 *digest, *p;
	u32 mask, all = 0;
	size_t len;
	u16 alg;
	int i;

	for (i = 0; i < policy->count; i++) {
		if (policy->command[i].code != TPM2_CC_POLICY_PCR)
			continue;
		len = tpm2_policy_pcr_split(&policy->command[i], &digest, &p);
		len -= 4;
		p += 4;
		for (const u8 *end = p + len; tpm2_next_bank(&p, end, &alg, &mask); )
			all |= mask;
	}
	return all;
}

/**
 * tpm2_policy_asks_auth() - tell if a policy asks for the authorization value
 * @policy: the policy
 *
 * Return: true if it does.
 */
bool tpm2_policy_asks_auth(const struct tpm2_policy *policy)
{
	int i;

	for (i = 0; i < policy->count; i++) {
		if (policy->command[i].code == TPM2_CC_POLICY_AUTH_VALUE)
			return true;
	}
	return false;
}

/**
 * tpm2_policy_encode() - write the field policy of a TPMKey
 * @policy: a policy of at least one command
 * @data: where to write it
 * @end: end of the room there
 *
 * Return: behind what was written, or an ERR_PTR(): -EINVAL if there is no room, -ENOMEM.
 */
u8 *tpm2_policy_encode(const struct tpm2_policy *policy, u8 *data, const u8 *end)
{
	u8 *scratch __free(kfree) = NULL;
	/* one command's field, its tagged fields, all commands' sequences, and these in one */
	const size_t size = TPM2_POLICY_PARAMS_SIZE + TPM2_POLICY_COMMANDS * 32;
	u8 *field, *fields, *all, *sequence, *f, *fs, *a, *s;
	int i;

	scratch = kmalloc(4 * size, GFP_KERNEL);
	if (!scratch)
		return ERR_PTR(-ENOMEM);

	field = scratch;
	fields = scratch + size;
	all = scratch + 2 * size;
	sequence = scratch + 3 * size;

	a = all;
	for (i = 0; i < policy->count; i++) {
		const struct tpm2_policy_command *command = &policy->command[i];

		f = asn1_encode_integer(field, field + size, command->code);
		if (IS_ERR(f))
			return f;
		fs = asn1_encode_tag(fields, fields + size, 0, field, f - field);
		f = asn1_encode_octet_string(field, field + size, command->params, command->len);
		if (IS_ERR(f))
			return f;
		fs = asn1_encode_tag(fs, fields + size, 1, field, f - field);
		if (IS_ERR(fs))
			return fs;
		a = asn1_encode_sequence(a, all + size, fields, fs - fields);
	}
	if (IS_ERR(a))
		return a;
	s = asn1_encode_sequence(sequence, sequence + size, all, a - all);
	if (IS_ERR(s))
		return s;
	return asn1_encode_tag(data, end, 1, sequence, s - sequence);
}

/**
 * tpm2_policy_add_code() - take the code of a further command from a blob
 * @policy: the policy so far
 * @value: an integer of ASN.1
 * @len: its length in bytes
 *
 * What makes no sense is refused by tpm2_policy_digest(): refused here, the blob would
 * be taken for one of the old form.
 */
void tpm2_policy_add_code(struct tpm2_policy *policy, const u8 *value, size_t len)
{
	u32 code = 0;

	if (policy->count >= TPM2_POLICY_COMMANDS) {
		policy->count = TPM2_POLICY_COMMANDS + 1;
		return;
	}

	for (; len; len--) {
		if (code >> 24) {
			code = U32_MAX;
			break;
		}
		code = code << 8 | *value++;
	}
	policy->command[policy->count++] = (struct tpm2_policy_command){ .code = code };
}

/**
 * tpm2_policy_add_params() - take the parameters of that command
 * @policy: the policy so far
 * @value: the parameters, which have to stay while @policy is used
 * @len: their length in bytes
 */
void tpm2_policy_add_params(struct tpm2_policy *policy, const u8 *value, size_t len)
{
	if (policy->count > TPM2_POLICY_COMMANDS)
		return;

	policy->command[policy->count - 1].params = value;
	policy->command[policy->count - 1].len = len;
}

/**
 * tpm2_policy_check() - check a blob's policy against its public area and the options
 * @policy: the policy that the blob carries, or none
 * @pub: TPMT_PUBLIC of the sealed object
 * @pub_len: its length in bytes
 * @options: options of the load; policy_pcrs is set
 * @approval: set to the approval that @policy asks for and the options bring, or to none
 *
 * Return: 0, or with a sentence in the log -EINVAL, or -EPERM if the load would cap a
 *	   PCR and the caller may not.
 */
int tpm2_policy_check(const struct tpm2_policy *policy, const u8 *pub, size_t pub_len,
		      struct trusted_key_options *options, struct tpm2_policy *approval)
{
	/* type, nameAlg, objectAttributes, size of authPolicy */
	const size_t head = 2 + 2 + 4 + 2;
	u8 digest[SHA256_DIGEST_SIZE];
	int rc;

	options->policy_pcrs = 0;
	approval->count = 0;
	if (!policy->count) {
		if (!options->policysig)
			return 0;
		pr_err("policysig= is for a key that was made with policypub=\n");
		return -EINVAL;
	}

	if (options->policyhandle) {
		pr_err("policyhandle= is for a blob that does not carry its policy\n");
		return -EINVAL;
	}

	rc = tpm2_policy_digest(policy, digest);
	if (rc)
		return rc;

	if (pub_len < head + sizeof(digest) ||
	    get_unaligned_be16(pub + 2) != TPM_ALG_SHA256 ||
	    get_unaligned_be16(pub + 8) != sizeof(digest) ||
	    memcmp(pub + head, digest, sizeof(digest))) {
		pr_err("the blob's policy is not the one that the key was sealed with\n");
		return -EINVAL;
	}

	rc = tpm2_approval_check(policy, options->policysig, options->policysig_len, approval);
	if (rc)
		return rc;

	options->policy_pcrs = tpm2_policy_pcrs(policy) | tpm2_policy_pcrs(approval);
	/* Then the policy is one way to open it, and binds it to nothing. */
	if (get_unaligned_be32(pub + 4) & TPM2_OA_USER_WITH_AUTH) {
		pr_warn_ratelimited("the TPM opens this key without its policy, too\n");
		options->policy_pcrs = 0;
	}
	if (options->pcrlock && !(options->policy_pcrs & BIT(options->pcrlock))) {
		pr_err("pcrlock=%d: the key is not bound to that PCR\n", options->pcrlock);
		return -EINVAL;
	}
	if (options->unasked_cap > 0 && options->policy_pcrs & BIT(options->unasked_cap) &&
	    !capable(CAP_SYS_ADMIN)) {
		pr_err("the key is bound to PCR %d, which only CAP_SYS_ADMIN may cap\n",
		       options->unasked_cap);
		return -EPERM;
	}
	return 0;
}

/* Says which PCRs were found in another state. */
static void tpm2_policy_pcr_failed(const struct tpm2_policy_command *command)
{
	char pcrs[512] = "";
	const u8 *digest, *p;
	size_t n = 0, len;
	u32 mask;
	u16 alg;
	int i;

	len = tpm2_policy_pcr_split(command, &digest, &p) - 4;
	p += 4;
	for (const u8 *end = p + len; tpm2_next_bank(&p, end, &alg, &mask); ) {
		const char *name = "?";
		unsigned long bits = mask;
		bool first = true;
		u32 pcr;

		for (i = 0; i < HASH_ALGO__LAST; i++) {
			if (tpm2_find_hash_alg(i) == alg)
				name = hash_algo_name[i];
		}
		n += scnprintf(pcrs + n, sizeof(pcrs) - n, " %s", name);
		for_each_set_bit(pcr, &bits, 32) {
			n += scnprintf(pcrs + n, sizeof(pcrs) - n, "%c%u", first ? ':' : ',', pcr);
			first = false;
		}
	}
	pr_err("the PCRs are not in the state that the key is sealed to:%s\n", pcrs);
}

/* Runs what is behind the TPM2_PolicyAuthorize() of a policy, or all of it. */
static int tpm2_policy_run_commands(struct tpm_chip *chip, struct tpm2_auth *session,
				    const struct tpm2_policy *policy)
{
	const struct tpm2_policy_command *command;
	int i, rc;

	for (i = 0; i < policy->count; i++) {
		command = &policy->command[i];
		if (command->code == TPM2_CC_POLICY_AUTHORIZE)
			continue;

		rc = tpm2_policy_command(chip, session, command->code, command->params,
					 command->len);
		if (!rc)
			continue;

		if (command->code == TPM2_CC_POLICY_PCR && rc > 0 &&
		    tpm2_rc_value(rc) == TPM2_RC_VALUE)
			tpm2_policy_pcr_failed(command);
		else
			pr_err("the command 0x%x of a policy failed: %d\n", command->code, rc);
		/* A code of format 1 is about what was sent, others are about the TPM. */
		if (rc > 0)
			rc = rc & BIT(7) ? -EPERM : -EIO;
		return rc;
	}
	return 0;
}

/**
 * tpm2_policy_run() - run a policy
 * @chip: the chip; its ops are held
 * @policy: a policy that tpm2_policy_check() has passed, and is not none
 * @approval: the approval that came with it, or none
 *
 * Return: a session in which the policy has been run, to be given to
 *	   tpm2_end_policy_session(), or an ERR_PTR(): -EPERM if the TPM refused a
 *	   command, -EIO if it failed, each with a sentence in the log, -EKEYREJECTED if
 *	   an approval is not by whom the key asks for, what tpm2_start_policy_session()
 *	   says, -ENOMEM, or an errno of the transmission.  No session is left behind then.
 */
struct tpm2_auth *tpm2_policy_run(struct tpm_chip *chip, const struct tpm2_policy *policy,
				  const struct tpm2_policy *approval)
{
	struct tpm2_auth *session;
	int rc = 0;

	session = tpm2_start_policy_session(chip);
	if (IS_ERR(session))
		return session;

	if (approval->count)
		rc = tpm2_policy_run_commands(chip, session, approval) ?:
		     tpm2_approval_run(chip, session, approval);
	if (!rc)
		rc = tpm2_policy_run_commands(chip, session, policy);
	if (!rc)
		return session;

	tpm2_end_policy_session(chip, session, false);
	return ERR_PTR(rc);
}
