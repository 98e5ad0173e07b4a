// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caps: a PCR is extended so that nothing which is sealed to its value can be
 * unsealed again, by anybody, until the machine starts anew.
 *
 * A PCR loses its cap when the TPM starts up with cleared PCRs.  That is not only
 * at boot: a TPM whose state was not saved before the machine was suspended starts
 * so, and whoever unbinds the driver in time can see to it.  What was measured before
 * can then be extended again, from the log, up to the state in which the secret was
 * sealed.  So the kernel remembers which PCRs were capped, and caps them again
 * before user space gets to a TPM that is new or has slept, and when user space
 * itself starts one up.
 */

#include <linux/module.h>
#include <linux/slab.h>

#include "tpm.h"

/*
 * The PCRs that were capped since the system started.  Of any chip: a driver that is
 * bound again makes a new one of the same TPM.  A bit is never cleared, and with the
 * first one this module stays.
 */
static unsigned long tpm_capped;

/* What a cap extends with, in each bank: these bytes, filled up with zeros. */
static const char tpm_cap_event[] = "Linux PCR cap";

/* Returns an errno or a code of the TPM. */
static int tpm_extend_cap(struct tpm_chip *chip, u32 pcr_idx)
{
	struct tpm_digest *digests __free(kfree) = NULL;
	int i;

	/* To extend no bank would succeed, and cap nothing. */
	if (!chip->nr_allocated_banks)
		return -ENODEV;

	digests = kcalloc(chip->nr_allocated_banks, sizeof(*digests), GFP_KERNEL);
	if (!digests)
		return -ENOMEM;

	for (i = 0; i < chip->nr_allocated_banks; i++) {
		digests[i].alg_id = chip->allocated_banks[i].alg_id;
		memcpy(digests[i].digest, tpm_cap_event, strlen(tpm_cap_event));
	}

	if (!(chip->flags & TPM_CHIP_FLAG_TPM2))
		return tpm1_pcr_extend(chip, pcr_idx, digests[0].digest, "capping a PCR");

	return tpm2_pcr_extend(chip, pcr_idx, digests);
}

/**
 * tpm_pcr_cap() - cap a PCR, and keep it capped
 * @chip: the chip
 * @pcr_idx: number of the PCR, one that user space cannot reset
 *
 * Extends the PCR in all active banks.  The PCR of a TPM 2.0 is extended again
 * whenever a TPM appears, when its driver resumes by tpm_pm_resume(), and after a
 * TPM2_Startup() that comes through a character device.
 *
 * Context: Process context. May sleep.
 *
 * Return: 0 on success;
 *	   -EINVAL if there is no such PCR;
 *	   -EIO if the TPM refused;
 *	   -ENODEV if it has no active bank, or -ENOMEM;
 *	   else an errno of the transmission: the PCR may or may not have been extended.
 */
int tpm_pcr_cap(struct tpm_chip *chip, u32 pcr_idx)
{
	int rc;

	if (pcr_idx >= TPM2_PLATFORM_PCR)
		return -EINVAL;

	rc = tpm_try_get_ops(chip);
	if (rc)
		return rc;

	rc = tpm_extend_cap(chip, pcr_idx);
	/*
	 * If the TPM did not answer the cap may be there, even so.  These two errors are
	 * from before it was asked.
	 */
	if (rc <= 0 && rc != -ENOMEM && rc != -ENODEV && (chip->flags & TPM_CHIP_FLAG_TPM2)) {
		if (!tpm_capped)
			__module_get(THIS_MODULE);
		set_bit(pcr_idx, &tpm_capped);
	}

	tpm_put_ops(chip);
	return rc > 0 ? -EIO : rc;
}
EXPORT_SYMBOL_GPL(tpm_pcr_cap);

/**
 * tpm_cap_again() - cap what was capped before
 * @chip: a chip that is started, with tpm_mutex held or not yet registered
 *
 * Virtual chips are left out: nothing of this machine is sealed to them.  A chip that
 * is in the middle of an update, or does not say which banks it has, cannot be capped.
 *
 * Return: 0 on success, or if nothing was capped, else an errno; then @chip must
 *	   not be used by user space.
 */
int tpm_cap_again(struct tpm_chip *chip)
{
	unsigned long capped = READ_ONCE(tpm_capped);
	int rc, pcr;

	if (!(chip->flags & TPM_CHIP_FLAG_TPM2) || chip->flags & TPM_CHIP_FLAG_VIRTUAL)
		return 0;

	for_each_set_bit(pcr, &capped, TPM2_PLATFORM_PCR) {
		rc = tpm_extend_cap(chip, pcr);
		if (rc) {
			dev_err(&chip->dev, "PCR %d cannot be capped again: the TPM is not used\n",
				pcr);
			return rc > 0 ? -EIO : rc;
		}
	}
	return 0;
}

/**
 * tpm_resume_caps() - cap what was capped before, after a sleep
 * @chip: a chip that is still marked as suspended, with tpm_mutex held
 *
 * Takes @chip out of use if that fails: until its driver is bound again it is there
 * for nobody.
 */
void tpm_resume_caps(struct tpm_chip *chip)
{
	int rc;

	if (!READ_ONCE(tpm_capped))
		return;

	rc = tpm_chip_start(chip);
	if (!rc) {
		rc = tpm_cap_again(chip);
		tpm_chip_stop(chip);
	}
	if (rc)
		chip->flags |= TPM_CHIP_FLAG_DISABLE;
}
