// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lending the secret of a key
 *
 * This file owns the one way by which the secret of a user, logon, encrypted
 * or trusted key gets to a cipher: key_secret_find() looks a key up by the name
 * of its type, key_secret_lend() checks that it is still good and shows its
 * bytes to a callback while nobody can change them, and key_secret_withdraw()
 * takes it from everybody.  Whether secrets may still be moved to where user space
 * can read them is told by key_secret_confined(); key_secret_defer() and
 * key_secret_settle() stand around the loading of several keys.  How a type
 * stores its secret is known to the type alone, in key_type::secret.
 *
 * See Documentation/security/keys/key-secret.rst.
 */

#include <linux/export.h>
#include <linux/key-secret.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/string.h>
#include "internal.h"

static bool key_secrets_confined;
static bool key_secrets_deferring;

static struct key *key_secret_await(struct key *key)
{
	int ret = wait_for_key_construction(key, false);

	if (ret < 0) {
		key_put(key);
		return ERR_PTR(ret);
	}
	return key;
}

/**
 * key_secret_find - Look up a key whose type can lend its secret
 * @type_name: Name of the key type.
 * @description: Description of the key.
 *
 * Search the caller's keyrings, and those nested in them, as request_key()
 * does, and wait until the key is constructed.  There is no upcall.
 *
 * The type is found by name, so the caller links against none.  It is held
 * only while nothing can wait: whoever unregisters a type would have to wait
 * for a construction that may never end.  key_secret_lend() therefore looks at
 * the key again.
 *
 * Context: Process context.  Sleeps while the key is under construction, not
 *	    interruptibly: a device-mapper ioctl could not be restarted, its
 *	    arguments are wiped.
 * Return: The key, whose reference the caller owns and drops with key_put().
 *	   -ENOPROTOOPT: no such type is registered, or it lends no secret.
 *	   -ENOKEY: there is no such key, it is negative, or it has expired.
 *	   -EKEYREVOKED: it was revoked or invalidated, and is not collected yet.
 *	   -EKEYEXPIRED: it expired while it was looked up.
 *	   -EACCES: the caller has no right to search for it.
 *	   Another errno if the key was rejected with that, or from an LSM.
 */
struct key *key_secret_find(const char *type_name, const char *description)
{
	struct key_type *type;
	struct key *key;

	type = key_type_lookup(type_name);
	if (IS_ERR(type))
		return ERR_PTR(-ENOPROTOOPT);

	if (type->secret)
		key = request_key_and_link(type, description, NULL, NULL, 0,
					   NULL, NULL, KEY_ALLOC_IN_QUOTA);
	else
		key = ERR_PTR(-ENOPROTOOPT);
	key_type_put(type);
	return IS_ERR(key) ? key : key_secret_await(key);
}
EXPORT_SYMBOL_GPL(key_secret_find);

/**
 * key_secret_find_in - Look up a key in one keyring of the kernel's
 * @keyring: The keyring, on which the caller holds a reference.
 * @type_name: Name of the key type.
 * @description: Description of the key.
 *
 * As key_secret_find(), but in that keyring alone, neither in keyrings that are
 * linked there nor in those of the caller, who need not have it anywhere.
 *
 * Context: Process context.  Sleeps while the key is under construction.
 * Return: The key, whose reference the caller owns and drops with key_put().
 *	   The errors are those of key_secret_find().
 */
struct key *key_secret_find_in(struct key *keyring, const char *type_name,
			       const char *description)
{
	struct key_type *type;
	key_ref_t ref;

	type = key_type_lookup(type_name);
	if (IS_ERR(type))
		return ERR_PTR(-ENOPROTOOPT);

	if (type->secret)
		ref = keyring_search(make_key_ref(keyring, true), type,
				     description, false);
	else
		ref = ERR_PTR(-ENOPROTOOPT);
	key_type_put(type);
	if (IS_ERR(ref))
		return PTR_ERR(ref) == -EAGAIN ? ERR_PTR(-ENOKEY) : ERR_CAST(ref);
	return key_secret_await(key_ref_to_ptr(ref));
}
EXPORT_SYMBOL_GPL(key_secret_find_in);

/* A key that is bound to a consumer alone goes to whatever that one does. */
static bool key_secret_is_for(const struct key *key, const struct key_secret_use *use)
{
	const char *bound = key->type->use ? key->type->use(key) : NULL;
	size_t len;

	if (!bound)
		return true;
	if (!use)
		return false;

	len = str_has_prefix(bound, use->consumer);
	return len && (!bound[len] ||
		       (bound[len] == ':' && !strcmp(bound + len + 1, use->spec)));
}

/**
 * key_secret_lend - Show the secret of a key to a function
 * @key: The key, on which the caller holds a reference.
 * @use: What for; or NULL, and no key that is bound to a use is lent.
 * @fn: What uses the secret.
 * @data: Passed on to @fn.
 *
 * Whatever can have happened to the key since it was looked up is checked with
 * key->sem held, which update, revocation and the unregistering of a type take
 * for writing.  @fn runs with it held: the secret is read where it stands, and
 * the caller has nothing to wipe but what @fn made of it.
 *
 * @fn may be called to key a device that is suspended, on which reclaim could
 * wait for ever; so whatever it allocates is allocated without I/O.
 *
 * Context: Process context.  May sleep.  Takes and releases key->sem for
 *	    reading.
 * Return: The result of @fn, if it was called.  Otherwise:
 *	   -ENOPROTOOPT: the key is of a type that lends no secret.
 *	   -ENOKEY: it was invalidated, or is not instantiated.
 *	   -EKEYREVOKED: it was revoked, or its type was unregistered.
 *	   -EKEYEXPIRED: it has expired.
 *	   -EKEYREJECTED: it is bound to another use.
 *	   Another errno if the key was rejected with that.
 */
int key_secret_lend(struct key *key, const struct key_secret_use *use,
		    key_secret_fn fn, void *data)
{
	unsigned int noio_flags = memalloc_noio_save();
	const u8 *secret;
	size_t len;
	int ret;

	down_read(&key->sem);

	ret = key_validate(key);
	if (ret < 0)
		goto out;

	ret = -ENOPROTOOPT;
	if (!key->type->secret)
		goto out;

	ret = key_read_state(key);
	if (ret != KEY_IS_POSITIVE) {
		ret = ret ?: -ENOKEY;
		goto out;
	}

	ret = -EKEYREJECTED;
	if (!key_secret_is_for(key, use))
		goto out;

	secret = key->type->secret(key, &len);
	ret = IS_ERR(secret) ? PTR_ERR(secret) : fn(secret, len, data);
out:
	up_read(&key->sem);
	memalloc_noio_restore(noio_flags);
	return ret;
}
EXPORT_SYMBOL_GPL(key_secret_lend);

/**
 * key_secret_readable - Can user space read the secret of this key?
 * @key: The key, of which a secret is being lent.
 *
 * If it cannot, the borrower owes the secret the care of key_secret_admits().
 *
 * Context: In a key_secret_fn: key->sem is held.
 * Return: true for user keys and for encrypted keys under a user master key.
 */
bool key_secret_readable(const struct key *key)
{
	return key->type->readable && key->type->readable(key);
}
EXPORT_SYMBOL_GPL(key_secret_readable);

/**
 * key_secret_withdraw - Invalidate a key, if that can be done at once
 * @key: The key, on which the caller holds a reference.
 *
 * As key_invalidate(), after which nobody finds the key or has it lent, but
 * without waiting for key->sem: it is held over I/O and over what user space is
 * asked for, and the caller may be what these wait for.
 *
 * Context: Process context.  Does not sleep.
 * Return: true if the key is invalidated; false if its semaphore is taken, and
 *	   key_invalidate() is to be called where it can wait.
 */
bool key_secret_withdraw(struct key *key)
{
	if (!down_write_trylock(&key->sem))
		return test_bit(KEY_FLAG_INVALIDATED, &key->flags);

	if (!test_and_set_bit(KEY_FLAG_INVALIDATED, &key->flags)) {
		notify_key(key, NOTIFY_KEY_INVALIDATED, 0);
		key_schedule_gc_links();
	}
	up_write(&key->sem);
	return true;
}
EXPORT_SYMBOL_GPL(key_secret_withdraw);

/**
 * key_secret_confine - From now on, let no secret get to where it can be read
 *
 * Cannot be undone until the next boot.  What follows from it is decided where
 * secrets would leave: see the callers of key_secret_confined().
 *
 * Context: Any.
 */
void key_secret_confine(void)
{
	WRITE_ONCE(key_secrets_confined, true);
}

/**
 * key_secret_confined - Are secrets to stay where user space cannot read them?
 *
 * Key types that could give a secret out in another form then return -EPERM: an
 * encrypted key is not wrapped anew under another master and not made of bytes
 * that user space knows; a trusted key is not sealed anew; and nobody keeps a
 * copy for another kernel.
 *
 * Context: Process context.
 * Return: true after key_secret_confine(), and under lockdown where
 *	   CONFIG_KEY_SECRET_LOCKDOWN says so.
 */
bool key_secret_confined(void)
{
	return READ_ONCE(key_secrets_confined) ||
	       (IS_ENABLED(CONFIG_KEY_SECRET_LOCKDOWN) &&
		security_locked_down(LOCKDOWN_INTEGRITY_MAX));
}
EXPORT_SYMBOL_GPL(key_secret_confined);

/**
 * key_secret_defer - Begin to load several keys
 *
 * A key may have to see to it that it is loaded only once, as a trusted key does that
 * caps a PCR, and the next key would not load any more.  Until key_secret_settle() the
 * types only note what there is to do.
 *
 * Context: At boot, while there is no user space that could load keys itself.
 */
void __init key_secret_defer(void)
{
	key_secrets_deferring = true;
}

/**
 * key_secret_deferring - Are several keys being loaded?
 *
 * Context: Process context, where a key is instantiated.
 * Return: true from key_secret_defer() to key_secret_settle().
 */
bool key_secret_deferring(void)
{
	return key_secrets_deferring;
}
EXPORT_SYMBOL_GPL(key_secret_deferring);

/**
 * key_secret_settle - Do what the keys of a type have put off
 * @type_name: Name of the key type.
 *
 * Context: As key_secret_defer(), in the task that called that.  May sleep.
 * Return: 0, or the error of key_type::settle; then none of the keys of that type which
 *	   were loaded since key_secret_defer(), nor what was made from them, may be used.
 *	   -ENOPROTOOPT: no such type is registered.
 */
int __init key_secret_settle(const char *type_name)
{
	struct key_type *type;
	int ret;

	key_secrets_deferring = false;

	type = key_type_lookup(type_name);
	if (IS_ERR(type))
		return -ENOPROTOOPT;
	ret = type->settle ? type->settle() : 0;
	key_type_put(type);
	return ret;
}
