/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of device-mapper's keyring keys share: device-mapper by ioctl, a backing device
 * whose ciphertext can be looked at, keys by system call, and failing allocations.
 *
 * No program and no library but libc is needed, so that the tests run in an initramfs. Every
 * function that returns an int returns a negative errno if it fails. Without root and device-mapper
 * all tests are skipped before the first one starts.
 */

#ifndef _DMCK_H
#define _DMCK_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/keyctl.h>

/* The key size of all devices here but those with a cipher of LRW. */
#define KEY_SIZE 64
#define LRW_KEY_SIZE 48

#define XTS "aes-xts-plain64"
/* Its setkey allocates, so it is the cipher to make fail. */
#define LRW "capi:lrw(aes)-plain64"

/* What is written and read to see under which key a device is, from its first sector on. */
#define DATA_SIZE 4096
#define SECTOR_SIZE 512

/* The size of a backing device, with room for a journal and tags, and of a target, in sectors. */
#define BACKING_SECTORS 8192
#define DEVICE_SECTORS 256

/* How many bytes dm-integrity keeps for each sector, if it is not told otherwise. */
#define TAG_SIZE 32

/* Room for a device's name, a key in hex, a reference, and a table line. */
#define NAME_SIZE 64
#define HEX_SIZE (2 * KEY_SIZE + 1)
#define REF_SIZE 256
#define LINE_SIZE 4096

/* Where the master of the encrypted keys lies in the TPM of who has one: the usual SRK. */
#define TPM_PARENT_HANDLE 0x81000001
#define TPM_PARENT "0x81000001"

/* Key permissions, which no header of the UAPI has. */
#define KEY_POS_SETATTR 0x20000000
#define KEY_POS_SEARCH 0x08000000
#define KEY_POS_ALL 0x3f000000
#define KEY_USR_ALL 0x003f0000
#define KEY_USR_SEARCH 0x00080000

/* A loop device over a file in memory. It lives until it is closed and no target uses it. */
struct backing {
	int file;
	int loop;
	char dev[NAME_SIZE]; /* as a table line names it */
	unsigned int tag_size; /* for dm-integrity */
};

int backing_open(struct backing *backing);
void backing_close(struct backing *backing);
/* Opens a second one that holds what the first one holds now. */
int backing_copy(const struct backing *from, struct backing *to);
/* Reads what was stored below the target, from the first sector on. */
int backing_read(const struct backing *backing, unsigned char data[DATA_SIZE]);
/* Where @data is stored in whole blocks, in bytes, or -ENOENT. */
int backing_find(const struct backing *backing, const unsigned char data[DATA_SIZE]);
/* Inverts a bit. */
int backing_flip(const struct backing *backing, int offset);

/* Whether the kernel has such a target. */
bool dm_has(const char *target);

/* A name that no other process and no other call has. */
void dm_name(char name[NAME_SIZE]);

int dm_create(const char *name);
int dm_remove(const char *name);
int dm_suspend(const char *name);
int dm_resume(const char *name);
/* Drops the inactive table. */
int dm_clear(const char *name);
int dm_message(const char *name, const char *message);
/* The line of the first target: of the table, of the status. */
int dm_table(const char *name, char line[LINE_SIZE]);
int dm_status(const char *name, char line[LINE_SIZE]);
/* What IMA would measure of it. */
int dm_ima(const char *name, char line[LINE_SIZE]);
/* Major and minor number, as a table line names the device. */
int dm_dev(const char *name, char dev[NAME_SIZE]);
/* Loads one target. */
int dm_load(const char *name, const char *target, unsigned int sectors, const char *line);
/* Makes a live device with one target, or none. */
int dm_map(const char *name, const char *target, unsigned int sectors, const char *line);
/* Loads @targets crypt targets of the same line, one after the other. */
int dm_load_crypt(const char *name, unsigned int targets, const struct backing *backing,
		  const char *cipher, const char *key, const char *options);
int dm_map_crypt(const char *name, const struct backing *backing, const char *cipher,
		 const char *key, const char *options);
/* The message "key set @key". */
int dm_key_set(const char *name, const char *key);

/* Past every cache. */
int dm_write(const char *name, const unsigned char data[DATA_SIZE]);
int dm_read(const char *name, unsigned char data[DATA_SIZE]);
/* What was written reaches what is below, or a journal there. */
int dm_flush(const char *name);
/* Discards what was written. */
int dm_discard(const char *name);
/* Returns 1 if the device reads @data, 0 if it reads something else. */
int dm_reads(const char *name, const unsigned char data[DATA_SIZE]);

/* Loads an integrity target for all that the device provides, and formats it first if need be. */
int integrity_load(const char *name, const struct backing *backing, char mode,
		   const char *options);
/* Makes it a live device, or none. */
int integrity_map(const char *name, const struct backing *backing, char mode,
		  const char *options);
/* How many sectors it provides, once it is formatted. */
int integrity_sectors(const struct backing *backing);

/* A live device with a backing device of its own and random data on it. */
struct volume {
	struct backing backing;
	char name[NAME_SIZE];
	unsigned char data[DATA_SIZE];
};

int volume_open(struct volume *volume, const char *cipher, const char *key, const char *options);
int volume_close(struct volume *volume);
int volume_reads(const struct volume *volume);

/*
 * Starts with no key at all: in a session keyring of its own, which goes with the last process in
 * it. It is the only keyring to search, so that an error in it is not lost to another's -ENOKEY.
 */
int keys_open(void);
/* Adds a key to it. A serial number is returned. */
int key_add(const char *type, const char *desc, const void *payload, size_t size);
/*
 * Adds a key of any type that lends its secret. @secret is what it is to hold, or NULL, and then
 * nobody knows. Trusted keys cannot be told what to hold.
 */
int key_make(const char *type, const char *desc, const unsigned char *secret, size_t size);
/* Adds a key to any keyring. */
int key_add_to(int keyring, const char *type, const char *desc, const void *payload, size_t size);
/* Finds a key in it. */
int key_search(const char *type, const char *desc);
int key_ctl(int operation, unsigned long arg2, unsigned long arg3, unsigned long arg4,
	    unsigned long arg5);
/* Why a test cannot run if key_make() of this type returned @err, or NULL: that is a failure. */
const char *key_unsupported(const char *type, int err);

/*
 * Opens an operation of an algorithm whose key is @key or, if @size is 0, that of @serial, or none
 * if that is 0, too.
 */
int alg_open(const char *type, const char *name, const void *key, size_t size, int serial);
/* A parameter of dm_keyring, such as its policy; "" if the kernel does not have it. */
const char *dm_keyring_param(const char *name);
int dm_keyring_set(const char *name, const char *value);

/* Why the machine cannot sleep, and be woken by its clock, or NULL. */
const char *machine_sleepless(void);
/* Suspends it to RAM, for two seconds. */
int machine_sleep(void);
/* Writes to a file that is there, such as one in sysfs. */
int file_put(const char *path, const char *value);

int fill_random(void *data, size_t size);
/* A number below @n, of a sequence that begins with @seed, which is not 0. */
extern unsigned long long seed;
unsigned int below(unsigned int n);
void to_hex(char *hex, const unsigned char *data, size_t size);
/* Returns how many bytes it was, @digits / 2 of them. */
int from_hex(unsigned char *data, const char *hex, int digits);
/* Whether any eight bytes of the key stand in @line in hex. */
bool shows_key(const char *line, const unsigned char *key, size_t size);

#define FAULT_SETTINGS 6

/* Failing allocations, of the thread that opened them alone, and the settings as they were. */
struct faults {
	int nth;
	bool pages; /* of the page allocator, too, not of slabs alone */
	int changed; /* how many of them */
	char saved[FAULT_SETTINGS][8];
};

/* Lets allocations fail that may sleep, and that without a word. Returns what the kernel lacks. */
const char *faults_open(struct faults *faults);
void faults_close(const struct faults *faults);
/* Makes the @nth allocation from now on fail, counted from 1. */
int fault_arm(const struct faults *faults, unsigned int nth);
/* Returns 1 if it has failed, 0 if there were fewer. */
int fault_disarm(const struct faults *faults);

#endif /* _DMCK_H */
