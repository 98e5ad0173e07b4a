// SPDX-License-Identifier: GPL-2.0-only
/*
 * Key references in device-mapper table lines
 *
 * This file owns the grammar of a reference, dm_keyring_parse(), the way
 * from a reference to the bytes, dm_keyring_find() and dm_keyring_lend(), or both
 * as dm_keyring_use(), which say in the log what was wrong with which reference,
 * and what is decided about keys for the whole system: the parameter policy, the
 * keyring .dm-keyring, and the keys that load= puts there at boot.  It knows no
 * cipher and no target, and of key types the names of those that load=.
 *
 * See Documentation/admin-guide/device-mapper/dm-keyring.rst.
 */

#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/device/driver.h>
#include <linux/device-mapper.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/key.h>
#include <linux/key-secret.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "dm-keyring.h"

#define DM_MSG_PREFIX "keyring"

/* Which keys a target may use, each refusing what the one before it refuses. */
enum dm_keyring_policy {
	DM_KEYRING_ANY,
	DM_KEYRING_KEYRING,	/* none that user space can read */
	DM_KEYRING_SEALED,	/* none but from .dm-keyring, once that is sealed */
};

static const char * const dm_keyring_policies[] = { "any", "keyring", "sealed" };

static enum dm_keyring_policy dm_keyring_policy =
	IS_ENABLED(CONFIG_DM_KEYRING_POLICY_SEALED) ? DM_KEYRING_SEALED :
	IS_ENABLED(CONFIG_DM_KEYRING_POLICY_KEYRING) ? DM_KEYRING_KEYRING :
	DM_KEYRING_ANY;

/* From the first initcalls on, the policy is only tightened. */
static bool dm_keyring_one_way __read_mostly;

/* .dm-keyring; NULL if it could not be made. */
static struct key *dm_keyring;

/* What the parameter says, and key_secret_confined(), which lockdown may cause. */
static enum dm_keyring_policy dm_keyring_policy_now(void)
{
	enum dm_keyring_policy policy = READ_ONCE(dm_keyring_policy);

	if (policy == DM_KEYRING_ANY && key_secret_confined())
		policy = DM_KEYRING_KEYRING;
	return policy;
}

/* Called under the lock of the kernel's parameters. */
static int dm_keyring_policy_set(const char *val, const struct kernel_param *kp)
{
	int policy = val ? sysfs_match_string(dm_keyring_policies, val) : -EINVAL;

	if (dm_keyring_one_way) {
		if (policy < 0)
			return -EINVAL;
		if (policy < (int)dm_keyring_policy_now())
			return -EPERM;
		if (policy > DM_KEYRING_ANY)
			key_secret_confine();
	} else if (policy < 0) {
		/* A slip on the command line must not open what was to be closed. */
		DMERR("there is no policy %s, so it is sealed", val ?: "without a word");
		policy = DM_KEYRING_SEALED;
	}
	WRITE_ONCE(dm_keyring_policy, policy);
	return 0;
}

static int dm_keyring_policy_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", dm_keyring_policies[dm_keyring_policy_now()]);
}

static const struct kernel_param_ops dm_keyring_policy_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = dm_keyring_policy_set,
	.get = dm_keyring_policy_get,
};
module_param_cb(policy, &dm_keyring_policy_ops, NULL, 0644);
MODULE_PARM_DESC(policy, "Which keys targets may use: any, keyring or sealed; at run time it can only be tightened");

#ifdef CONFIG_KEYS

static bool dm_keyring_key_sealed(const struct key *key)
{
	return test_bit(KEY_FLAG_SEALED, &key->flags);
}

static bool dm_keyring_is_sealed(void)
{
	return dm_keyring && dm_keyring_key_sealed(dm_keyring);
}

/* The command line calls this in spite of 0444, and dm-verity has such a parameter to set. */
static int dm_keyring_set_nothing(const char *val, const struct kernel_param *kp)
{
	return -EPERM;
}

static int dm_keyring_serial_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", dm_keyring ? dm_keyring->serial : 0);
}

static const struct kernel_param_ops dm_keyring_serial_ops = {
	.set = dm_keyring_set_nothing,
	.get = dm_keyring_serial_get,
};
module_param_cb(keyring, &dm_keyring_serial_ops, NULL, 0444);
MODULE_PARM_DESC(keyring, "Serial number of .dm-keyring");

static int dm_keyring_unsealed_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%c\n", dm_keyring_is_sealed() ? 'N' : 'Y');
}

static const struct kernel_param_ops dm_keyring_unsealed_ops = {
	.set = dm_keyring_set_nothing,
	.get = dm_keyring_unsealed_get,
};
module_param_cb(keyring_unsealed, &dm_keyring_unsealed_ops, NULL, 0444);
MODULE_PARM_DESC(keyring_unsealed, "Whether .dm-keyring can still be filled");

/* As .dm-verity: user space fills the keyring, and restricting it seals it. */
static struct key *__init dm_keyring_alloc(void)
{
	return keyring_alloc(".dm-keyring", GLOBAL_ROOT_UID, GLOBAL_ROOT_GID,
			     current_cred(),
			     KEY_POS_SEARCH | KEY_USR_VIEW | KEY_USR_READ |
			     KEY_USR_WRITE | KEY_USR_SEARCH | KEY_USR_SETATTR,
			     KEY_ALLOC_NOT_IN_QUOTA | KEY_ALLOC_SEALABLE,
			     NULL, NULL);
}

/*
 * What load= said, each time that it was given: "<type> <description> load <blob>" and
 * options of that type, and more of these after a ";".  A blob is longer than a charp
 * may be; the strings stay where the command line is.
 */
#define DM_KEYRING_LOADS 32

static const char *dm_keyring_loads[DM_KEYRING_LOADS];

/* Their blobs are worth nothing to whoever reads the command line. */
static const char * const dm_keyring_load_types[] __initconst = { "trusted", "encrypted" };

static int dm_keyring_load_set(const char *val, const struct kernel_param *kp)
{
	int i;

	for (i = 0; i < DM_KEYRING_LOADS; i++) {
		if (!dm_keyring_loads[i]) {
			dm_keyring_loads[i] = val;
			return 0;
		}
	}
	DMERR("load= was given more than %d times", DM_KEYRING_LOADS);
	return -ENOSPC;
}

static const struct kernel_param_ops dm_keyring_load_ops = {
	.set = dm_keyring_load_set,
};
module_param_cb(load, &dm_keyring_load_ops, NULL, 0);
MODULE_PARM_DESC(load, "Keys to load into .dm-keyring at boot");

/* Nothing of a line but the names is told: it may be a key in the wrong place. */
static void __init dm_keyring_load_key(char *line)
{
	const char *type, *description;
	key_ref_t key;

	line = strim(line);
	if (!*line)
		return;

	type = strsep(&line, " ");
	if (match_string(dm_keyring_load_types, ARRAY_SIZE(dm_keyring_load_types), type) < 0) {
		DMERR("load=: keys of the types trusted and encrypted can be loaded, no others");
		return;
	}

	description = strsep(&line, " ");
	if (!line || !*description || !str_has_prefix(line, "load ")) {
		DMERR("load=%s: the description of the key and load are to follow", type);
		return;
	}

	/* Into .dm-keyring, from where nobody but the kernel gets them. */
	key = key_create(make_key_ref(dm_keyring, true), type, description,
			 line, strlen(line),
			 KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH |
			 KEY_USR_VIEW | KEY_USR_READ, KEY_ALLOC_NOT_IN_QUOTA);
	if (IS_ERR(key)) {
		DMERR("load=%s %s: %s (%pe)", type, description,
		      key == ERR_PTR(-ENODEV) ? "there is no such type, or nothing that seals" :
		      "the key does not load", key);
		return;
	}
	DMINFO("load=%s %s: the key is loaded", type, description);
	key_ref_put(key);
}

static void __init dm_keyring_load_keys(void)
{
	char *lines, *next;
	int i, ret;

	key_secret_defer();

	for (i = 0; i < DM_KEYRING_LOADS && dm_keyring_loads[i]; i++) {
		lines = kstrdup(dm_keyring_loads[i], GFP_KERNEL);
		if (!lines) {
			DMERR("load=: no memory");
			break;
		}
		for (next = lines; next;)
			dm_keyring_load_key(strsep(&next, ";"));
		/* A key's options may be an authorization value. */
		kfree_sensitive(lines);
	}

	for (i = 0; i < ARRAY_SIZE(dm_keyring_load_types); i++) {
		ret = key_secret_settle(dm_keyring_load_types[i]);
		if (!ret || ret == -ENOPROTOOPT)
			continue;
		DMERR("load=: no key is kept, as one could be loaded once more (%d)", ret);
		/* If there is no memory to clear it, it is not searched any more. */
		if (keyring_clear(dm_keyring))
			dm_keyring = NULL;
		break;
	}
}

/*
 * After the devices were probed, a TPM among them, and before dm-init makes its tables.
 * There is no user space yet that could add keys, so under a policy of sealed the
 * keyring is full, with whatever could be loaded.
 */
static int __init dm_keyring_load(void)
{
	const struct cred *old;
	struct cred *cred;
	int ret;

	if (!dm_keyring_loads[0] || !dm_keyring)
		return 0;

	wait_for_device_probe();

	cred = prepare_creds();
	if (cred) {
		/* Where an encrypted key looks for its master key. */
		key_put(cred->session_keyring);
		cred->session_keyring = key_get(dm_keyring);
		old = override_creds(cred);
		dm_keyring_load_keys();
		revert_creds(old);
		put_cred(cred);
	} else {
		DMERR("load=: no memory");
	}

	if (dm_keyring && READ_ONCE(dm_keyring_policy) == DM_KEYRING_SEALED) {
		ret = keyring_restrict(make_key_ref(dm_keyring, true), NULL, NULL);
		if (ret)
			DMERR("cannot seal .dm-keyring (%d)", ret);
	}
	return 0;
}
late_initcall(dm_keyring_load);

#else /* CONFIG_KEYS */

static bool dm_keyring_key_sealed(const struct key *key)
{
	return false;
}

static bool dm_keyring_is_sealed(void)
{
	return false;
}

static struct key *__init dm_keyring_alloc(void)
{
	return NULL;
}

#endif /* CONFIG_KEYS */

static int __init dm_keyring_init(void)
{
	struct key *keyring = dm_keyring_alloc();

	if (IS_ERR(keyring))
		DMERR("cannot make .dm-keyring (%pe)", keyring);
	else
		dm_keyring = keyring;

	dm_keyring_one_way = true;
	if (dm_keyring_policy > DM_KEYRING_ANY)
		key_secret_confine();
	return 0;
}
subsys_initcall(dm_keyring_init);

/**
 * dm_keyring_admit_hex - May a target use a key in hexadecimal digits?
 * @error: Set to a sentence for ti->error if it may not.
 *
 * Each target asks before it decodes one: these bytes are in user space.
 *
 * Context: Process context.
 * Return: 0, or -EPERM with @error set if the policy refuses it.
 */
int dm_keyring_admit_hex(char **error)
{
	switch (dm_keyring_policy_now()) {
	case DM_KEYRING_ANY:
		return 0;
	case DM_KEYRING_KEYRING:
		*error = "dm_keyring.policy=keyring refuses a key in hexadecimal digits";
		break;
	case DM_KEYRING_SEALED:
		*error = "dm_keyring.policy=sealed refuses a key in hexadecimal digits";
		break;
	}
	return -EPERM;
}
EXPORT_SYMBOL_GPL(dm_keyring_admit_hex);

/**
 * dm_keyring_parse - Parse a key reference
 * @str: The reference, NUL-terminated.
 * @ref: The result; its description points into @str.
 * @error: Set to a sentence for ti->error if @str is not a reference.
 *
 * Pure: allocates nothing and looks at no keyring.  On failure @ref is undefined.
 *
 *	reference   = ":" size ":" type ":" description
 *	size        = digit { digit }		; 1 to DM_KEYRING_SIZE_MAX
 *	type        = 1 to DM_KEYRING_TYPE_MAX characters, no ":", no whitespace
 *	description = 1 or more characters, no whitespace
 *
 * Whitespace is refused because a table line is split at it, and device-mapper
 * does not quote it again when it prints one.
 *
 * Context: Any.
 * Return: 0, or -EINVAL with @error set.
 */
int dm_keyring_parse(const char *str, struct dm_keyring_ref *ref,
		     char **error)
{
	unsigned int size = 0;
	const char *p = str;
	size_t len;

	if (*p++ != ':') {
		*error = "Key reference does not start with a colon";
		return -EINVAL;
	}

	/* kstrtouint() would take a sign, sscanf() wraps around. */
	for (; isdigit(*p) && size <= DM_KEYRING_SIZE_MAX; p++)
		size = size * 10 + (*p - '0');
	if (*p++ != ':' || !size || size > DM_KEYRING_SIZE_MAX) {
		*error = "Key size in key reference is not a number from 1 to 32767";
		return -EINVAL;
	}

	len = strcspn(p, ":");
	if (!len || len > DM_KEYRING_TYPE_MAX || !p[len]) {
		*error = "Key type in key reference does not have 1 to 15 characters and a colon";
		return -EINVAL;
	}
	memcpy(ref->type, p, len);
	ref->type[len] = '\0';
	ref->size = size;
	ref->description = p + len + 1;

	if (!*ref->description) {
		*error = "Key description in key reference is empty";
		return -EINVAL;
	}

	for (; *p; p++) {
		if (isspace(*p)) {
			*error = "Whitespace in key reference";
			return -EINVAL;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(dm_keyring_parse);

static void dm_keyring_refuse(const struct dm_keyring_ref *ref,
			      const struct key_secret_use *use, int err)
{
	bool sealed = READ_ONCE(dm_keyring_policy) == DM_KEYRING_SEALED;
	const char *cause = "the key cannot be used";

	switch (err) {
	case -ENOPROTOOPT:
		cause = "no such key type, or it lends no key";
		break;
	case -ENOKEY:
		cause = sealed ? "no such key in .dm-keyring, and dm_keyring.policy=sealed" :
				 "no such key in the caller's keyrings";
		break;
	case -EKEYREVOKED:
		cause = "the key is revoked";
		break;
	case -EKEYEXPIRED:
		cause = "the key has expired";
		break;
	case -EPERM:
		if (sealed)
			cause = "dm_keyring.policy=sealed, but .dm-keyring is not sealed";
		break;
	case -EACCES:
		cause = "no permission to search for the key";
		break;
	case -EKEYREJECTED:
		if (!use)
			break;
		DMERR(":%u:%s:%s: the key is bound to another use than %s:%s (%d)",
		      ref->size, ref->type, ref->description, use->consumer, use->spec, err);
		return;
	}
	DMERR(":%u:%s:%s: %s (%d)",
	      ref->size, ref->type, ref->description, cause, err);
}

/* The caller's own keyrings come first, but under a policy of sealed they do not count. */
static struct key *dm_keyring_search(const struct dm_keyring_ref *ref)
{
	struct key *key;

	if (READ_ONCE(dm_keyring_policy) < DM_KEYRING_SEALED) {
		key = key_secret_find(ref->type, ref->description);
		if (!dm_keyring || key != ERR_PTR(-ENOKEY))
			return key;
	} else if (!dm_keyring_is_sealed()) {
		return ERR_PTR(-EPERM);
	}
	return key_secret_find_in(dm_keyring, ref->type, ref->description);
}

/**
 * dm_keyring_find - Look up the key that a reference names
 * @ref: The reference.
 *
 * Searches the caller's keyrings and then .dm-keyring, or this one alone if the
 * policy is sealed.
 *
 * Waits while the key is under construction, which can take as long as user
 * space likes: take no lock of the target before it.
 *
 * Context: Process context, of the task whose keyrings are searched.  May sleep.
 * Return: The key, to be passed to dm_keyring_lend() and dropped with key_put()
 *	   by the caller.  On failure the reference and the cause are in the log.
 *	   -EINVAL: no such key type, or it lends no key.
 *	   -EPERM: the policy is sealed, and .dm-keyring is not.
 *	   Otherwise the error of key_secret_find().
 */
struct key *dm_keyring_find(const struct dm_keyring_ref *ref)
{
	struct key *key = dm_keyring_search(ref);
	int err = PTR_ERR_OR_ZERO(key);

	if (err) {
		dm_keyring_refuse(ref, NULL, err);
		/* What a table line with an unknown type has always got. */
		return err == -ENOPROTOOPT ? ERR_PTR(-EINVAL) : ERR_PTR(err);
	}
	return key;
}
EXPORT_SYMBOL_GPL(dm_keyring_find);

/**
 * dm_keyring_admit_drop - May a target drop this key?
 * @key: The key, as dm_keyring_find() returned it, or NULL.
 * @name: What the log is to call it.
 *
 * A key in a sealed keyring is there for the volumes of this system, and user space
 * cannot remove it: nor by naming it in a table of its own with drop_key.  The
 * kernel's own tables, from dm-mod.create=, may.  The target asks when it gets the
 * key, and again before it drops it: the keyring may be sealed in between.
 *
 * Context: Process context, of the task that sends the table line or the message,
 *	    or resumes the device.
 * Return: 0, or -EPERM with the name and the cause in the log.
 */
int dm_keyring_admit_drop(const struct key *key, const char *name)
{
	if (!key || !dm_keyring_key_sealed(key) || !current->mm)
		return 0;
	DMERR("%s: the key is sealed, and not dropped for user space (%d)", name, -EPERM);
	return -EPERM;
}
EXPORT_SYMBOL_GPL(dm_keyring_admit_drop);

struct dm_keyring_loan {
	const struct dm_keyring_ref *ref;
	const struct key *key;
	dm_keyring_fn fn;
	void *data;
	bool found;		/* the secret; what failed before @fn has been told */
	bool lent;		/* to @fn */
};

static int dm_keyring_check_secret(const u8 *secret, size_t len, void *data)
{
	struct dm_keyring_loan *loan = data;
	const struct dm_keyring_ref *ref = loan->ref;
	bool readable = key_secret_readable(loan->key);

	loan->found = true;
	if (readable && dm_keyring_policy_now() > DM_KEYRING_ANY) {
		DMERR(":%u:%s:%s: dm_keyring.policy=%s refuses a key that user space can read",
		      ref->size, ref->type, ref->description,
		      dm_keyring_policies[dm_keyring_policy_now()]);
		return -EPERM;
	}
	if (len != ref->size) {
		DMERR(":%u:%s:%s: the key has %zu bytes, not %u",
		      ref->size, ref->type, ref->description, len, ref->size);
		return -EINVAL;
	}
	loan->lent = true;
	return loan->fn(secret, readable, loan->data);
}

/**
 * dm_keyring_lend - Show a key's bytes to a function
 * @key: The key, as dm_keyring_find() returned it.
 * @ref: The reference by which it was found.
 * @use: What for: the target's name, and the field of its table line that says it.
 * @fn: What uses the bytes.
 * @data: Passed on to @fn.
 *
 * Context: Process context.  May sleep.  @fn runs with key->sem held for reading
 *	    and in a memalloc_noio scope, see key_secret_lend().
 * Return: The result of @fn if it was called.  On failure the reference is in the
 *	   log, with the cause if @fn was not called; then whatever the target had is
 *	   untouched:
 *	   -EINVAL: the key's size is not that of the reference.
 *	   -EPERM: the policy refuses a key that user space can read.
 *	   -EKEYREJECTED: the key is bound to another use.
 *	   Otherwise the error of key_secret_lend().
 */
int dm_keyring_lend(struct key *key, const struct dm_keyring_ref *ref,
		    const struct key_secret_use *use, dm_keyring_fn fn, void *data)
{
	struct dm_keyring_loan loan = { .ref = ref, .key = key, .fn = fn, .data = data };
	int ret;

	ret = key_secret_lend(key, use, dm_keyring_check_secret, &loan);
	if (ret < 0 && !loan.found)
		dm_keyring_refuse(ref, use, ret);
	else if (ret < 0 && loan.lent)
		DMERR(":%u:%s:%s: %s:%s does not take the key (%d)", ref->size, ref->type,
		      ref->description, use->consumer, use->spec, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(dm_keyring_lend);

/**
 * dm_keyring_use - Show the bytes of the key that a reference names to a function
 * @str: The reference, NUL-terminated.
 * @use: What for, as for dm_keyring_lend().
 * @fn: What uses the bytes.
 * @data: Passed on to @fn.
 * @error: Set to a sentence for ti->error if @str is not a reference.
 *
 * For callers that need the key once, as constructors do, and hold no lock.
 *
 * Context: Process context, of the task whose keyrings are searched.  May sleep.
 *	    See dm_keyring_lend() for that of @fn.
 * Return: The result of @fn if it was called.  Otherwise the error of
 *	   dm_keyring_parse(), dm_keyring_find() or dm_keyring_lend().
 */
int dm_keyring_use(const char *str, const struct key_secret_use *use,
		   dm_keyring_fn fn, void *data, char **error)
{
	struct dm_keyring_ref ref;
	struct key *key;
	int ret;

	ret = dm_keyring_parse(str, &ref, error);
	if (ret)
		return ret;

	key = dm_keyring_find(&ref);
	if (IS_ERR(key))
		return PTR_ERR(key);

	ret = dm_keyring_lend(key, &ref, use, fn, data);
	key_put(key);
	return ret;
}
EXPORT_SYMBOL_GPL(dm_keyring_use);

/**
 * dm_keyring_ima - Print a reference into a line that IMA measures
 * @str: The reference, NUL-terminated.
 * @buf: Where to.
 * @size: Room in @buf, in bytes.
 *
 * What separates the attributes of such a line is quoted by a backslash, as it is
 * in the names of devices there.
 *
 * Context: Any.
 * Return: Number of characters printed, without the NUL, as of scnprintf().
 */
size_t dm_keyring_ima(const char *str, char *buf, size_t size)
{
	size_t n = 0;

	for (; *str; str++)
		n += scnprintf(buf + n, size - n,
			       strchr(",;=\\", *str) ? "\\%c" : "%c", *str);
	return n;
}
EXPORT_SYMBOL_GPL(dm_keyring_ima);
