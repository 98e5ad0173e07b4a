// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of device-mapper's keyring keys share. The header says what each function does.
 */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <linux/if_alg.h>
#include <linux/loop.h>

#include "dmck.h"
#include "../kselftest.h"

#define CONTROL "/dev/mapper/control"
#define BACKING_SIZE (BACKING_SECTORS * SECTOR_SIZE)
/* Where the superblock of dm-integrity has the number of sectors that the device provides. */
#define SB_PROVIDED 16

#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAIL_PAGE_ALLOC "/sys/kernel/debug/fail_page_alloc/"

/* An ioctl with its parameters behind it, large enough for every table and answer here. */
struct dm_call {
	struct dm_ioctl io;
	char data[2 * LINE_SIZE];
};

static void __attribute__((constructor)) need_device_mapper(void)
{
	if (access(CONTROL, R_OK | W_OK))
		ksft_exit_skip("needs root and " CONTROL "\n");
}

static int dm_do(unsigned long command, const char *name, struct dm_call *call)
{
	static int control = -1;

	if (control < 0)
		control = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -errno;

	call->io.version[0] = DM_VERSION_MAJOR;
	call->io.data_size = sizeof(*call);
	call->io.data_start = offsetof(struct dm_call, data);
	snprintf(call->io.name, sizeof(call->io.name), "%s", name);
	return ioctl(control, command, call) ? -errno : 0;
}

bool dm_has(const char *target)
{
	struct dm_call call = {};

	return !dm_do(DM_GET_TARGET_VERSION, target, &call);
}

void dm_name(char name[NAME_SIZE])
{
	static unsigned int count;

	snprintf(name, NAME_SIZE, "dmck-%d-%u", getpid(), count++);
}

int dm_create(const char *name)
{
	struct dm_call call = {};

	return dm_do(DM_DEV_CREATE, name, &call);
}

int dm_remove(const char *name)
{
	int i, ret;

	/* Who listens for new devices may hold it open for a moment. */
	for (i = 0; i < 50; i++) {
		struct dm_call call = {};

		ret = dm_do(DM_DEV_REMOVE, name, &call);
		if (ret != -EBUSY)
			break;
		usleep(100 * 1000);
	}
	return ret;
}

int dm_suspend(const char *name)
{
	struct dm_call call = { .io.flags = DM_SUSPEND_FLAG };

	return dm_do(DM_DEV_SUSPEND, name, &call);
}

int dm_resume(const char *name)
{
	struct dm_call call = {};

	return dm_do(DM_DEV_SUSPEND, name, &call);
}

int dm_clear(const char *name)
{
	struct dm_call call = {};

	return dm_do(DM_TABLE_CLEAR, name, &call);
}

int dm_message(const char *name, const char *message)
{
	struct dm_call call = { .io.flags = DM_SECURE_DATA_FLAG };
	struct dm_target_msg *msg = (void *)call.data;

	snprintf(msg->message, sizeof(call.data) - sizeof(*msg), "%s", message);
	return dm_do(DM_TARGET_MSG, name, &call);
}

static int dm_line(const char *name, unsigned int flags, char line[LINE_SIZE])
{
	struct dm_call call = { .io.flags = flags };
	struct dm_target_spec *spec = (void *)call.data;
	size_t size;
	int ret;

	ret = dm_do(DM_TABLE_STATUS, name, &call);
	if (ret)
		return ret;
	if (call.io.target_count < 1 || (call.io.flags & DM_BUFFER_FULL_FLAG))
		return -EIO;
	size = strlen((char *)(spec + 1)) + 1;
	if (size > LINE_SIZE)
		return -EIO;
	memcpy(line, spec + 1, size);
	return 0;
}

int dm_table(const char *name, char line[LINE_SIZE])
{
	return dm_line(name, DM_STATUS_TABLE_FLAG, line);
}

int dm_status(const char *name, char line[LINE_SIZE])
{
	return dm_line(name, 0, line);
}

int dm_ima(const char *name, char line[LINE_SIZE])
{
	return dm_line(name, DM_IMA_MEASUREMENT_FLAG, line);
}

/* Loads @targets targets of the same line, one after the other. */
static int dm_load_targets(const char *name, unsigned int targets, const char *target,
			   unsigned int sectors, const char *line)
{
	struct dm_call call = { .io.flags = DM_SECURE_DATA_FLAG, .io.target_count = targets };
	/* The next one has to be aligned. */
	size_t size = sizeof(struct dm_target_spec) + ((strlen(line) + 8) & ~7UL);
	unsigned int i;

	if (strlen(line) + 1 >= LINE_SIZE || targets * size > sizeof(call.data))
		return -ENAMETOOLONG;
	for (i = 0; i < targets; i++) {
		struct dm_target_spec *spec = (void *)(call.data + i * size);

		spec->sector_start = i * sectors;
		spec->length = sectors;
		spec->next = size;
		snprintf(spec->target_type, sizeof(spec->target_type), "%s", target);
		memcpy(spec + 1, line, strlen(line) + 1);
	}
	return dm_do(DM_TABLE_LOAD, name, &call);
}

int dm_load(const char *name, const char *target, unsigned int sectors, const char *line)
{
	return dm_load_targets(name, 1, target, sectors, line);
}

int dm_map(const char *name, const char *target, unsigned int sectors, const char *line)
{
	int ret;

	ret = dm_create(name);
	if (ret)
		return ret;
	ret = dm_load(name, target, sectors, line) ?: dm_resume(name);
	if (ret)
		dm_remove(name);
	return ret;
}

static void crypt_line(char line[LINE_SIZE], const struct backing *backing, const char *cipher,
		       const char *key, const char *options)
{
	snprintf(line, LINE_SIZE, "%s %s 0 %s 0 %s", cipher, key, backing->dev, options);
}

int dm_load_crypt(const char *name, unsigned int targets, const struct backing *backing,
		  const char *cipher, const char *key, const char *options)
{
	char line[LINE_SIZE];

	crypt_line(line, backing, cipher, key, options);
	return dm_load_targets(name, targets, "crypt", DEVICE_SECTORS, line);
}

int dm_map_crypt(const char *name, const struct backing *backing, const char *cipher,
		 const char *key, const char *options)
{
	char line[LINE_SIZE];

	crypt_line(line, backing, cipher, key, options);
	return dm_map(name, "crypt", DEVICE_SECTORS, line);
}

int dm_key_set(const char *name, const char *key)
{
	char message[LINE_SIZE];

	snprintf(message, sizeof(message), "key set %s", key);
	return dm_message(name, message);
}

int dm_dev(const char *name, char dev[NAME_SIZE])
{
	struct dm_call call = {};
	int ret;

	ret = dm_do(DM_DEV_STATUS, name, &call);
	if (!ret)
		snprintf(dev, NAME_SIZE, "%u:%u", major(call.io.dev), minor(call.io.dev));
	return ret;
}

static int dm_open(const char *name)
{
	struct dm_call call = {};
	char path[NAME_SIZE];
	int fd, ret;

	ret = dm_do(DM_DEV_STATUS, name, &call);
	if (ret)
		return ret;
	/* It would wait for ever. */
	if (call.io.flags & DM_SUSPEND_FLAG)
		return -EBUSY;
	/* The link under /dev/mapper is for udev to make. */
	snprintf(path, sizeof(path), "/dev/dm-%u", minor(call.io.dev));
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int dm_transfer(const char *name, bool write, unsigned char data[DATA_SIZE])
{
	void *aligned;
	ssize_t done;
	int fd, ret;

	fd = dm_open(name);
	if (fd < 0)
		return fd;
	aligned = aligned_alloc(DATA_SIZE, DATA_SIZE);
	if (!aligned) {
		close(fd);
		return -ENOMEM;
	}
	memcpy(aligned, data, DATA_SIZE);
	done = write ? pwrite(fd, aligned, DATA_SIZE, 0) : pread(fd, aligned, DATA_SIZE, 0);
	ret = done == DATA_SIZE ? 0 : done < 0 ? -errno : -EIO;
	memcpy(data, aligned, DATA_SIZE);
	free(aligned);
	close(fd);
	return ret;
}

int dm_write(const char *name, const unsigned char data[DATA_SIZE])
{
	unsigned char copy[DATA_SIZE];

	memcpy(copy, data, sizeof(copy));
	return dm_transfer(name, true, copy);
}

int dm_read(const char *name, unsigned char data[DATA_SIZE])
{
	return dm_transfer(name, false, data);
}

int dm_reads(const char *name, const unsigned char data[DATA_SIZE])
{
	unsigned char read[DATA_SIZE] = {};

	return dm_read(name, read) ?: !memcmp(read, data, DATA_SIZE);
}

int dm_flush(const char *name)
{
	int fd = dm_open(name), ret;

	if (fd < 0)
		return fd;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

int dm_discard(const char *name)
{
	uint64_t range[2] = { 0, DATA_SIZE };
	int fd = dm_open(name), ret;

	if (fd < 0)
		return fd;
	ret = ioctl(fd, BLKDISCARD, range) ? -errno : 0;
	close(fd);
	return ret;
}

static int backing_attach(struct backing *backing)
{
	struct loop_config config = { .fd = backing->file, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	char path[NAME_SIZE];
	int control, number, ret;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -errno;
	do {
		ret = 0;
		number = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(path, sizeof(path), "/dev/loop%d", number);
		backing->loop = number < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
		if (backing->loop < 0) {
			ret = -errno;
		} else if (ioctl(backing->loop, LOOP_CONFIGURE, &config)) {
			ret = -errno;
			close(backing->loop);
		}
		/* Somebody else took it meanwhile. */
	} while (ret == -EBUSY);
	close(control);
	return ret;
}

int backing_open(struct backing *backing)
{
	struct stat st;
	int ret;

	backing->tag_size = TAG_SIZE;
	backing->file = memfd_create("dmck", MFD_CLOEXEC);
	if (backing->file < 0)
		return -errno;
	ret = ftruncate(backing->file, BACKING_SIZE) ? -errno : 0;
	if (!ret)
		ret = backing_attach(backing);
	if (ret) {
		close(backing->file);
		return ret;
	}
	if (fstat(backing->loop, &st)) {
		ret = -errno;
		backing_close(backing);
		return ret;
	}
	snprintf(backing->dev, sizeof(backing->dev), "%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	return 0;
}

void backing_close(struct backing *backing)
{
	close(backing->loop);
	close(backing->file);
}

int backing_copy(const struct backing *from, struct backing *to)
{
	unsigned char block[DATA_SIZE];
	off_t offset;
	int ret;

	ret = backing_open(to);
	for (offset = 0; !ret && offset < BACKING_SIZE; offset += sizeof(block)) {
		if (pread(from->file, block, sizeof(block), offset) != sizeof(block) ||
		    pwrite(to->file, block, sizeof(block), offset) != sizeof(block)) {
			ret = -EIO;
			backing_close(to);
		}
	}
	return ret;
}

int backing_read(const struct backing *backing, unsigned char data[DATA_SIZE])
{
	ssize_t done = pread(backing->file, data, DATA_SIZE, 0);

	return done == DATA_SIZE ? 0 : done < 0 ? -errno : -EIO;
}

int backing_find(const struct backing *backing, const unsigned char data[DATA_SIZE])
{
	unsigned char stored[DATA_SIZE];
	int offset;

	for (offset = 0; offset + DATA_SIZE <= BACKING_SIZE; offset += SECTOR_SIZE) {
		if (pread(backing->file, stored, DATA_SIZE, offset) != DATA_SIZE)
			return -EIO;
		if (!memcmp(stored, data, DATA_SIZE))
			return offset;
	}
	return -ENOENT;
}

int backing_flip(const struct backing *backing, int offset)
{
	unsigned char byte;

	if (pread(backing->file, &byte, 1, offset) != 1)
		return -EIO;
	byte ^= 1;
	return pwrite(backing->file, &byte, 1, offset) == 1 ? 0 : -EIO;
}

int integrity_sectors(const struct backing *backing)
{
	uint64_t sectors;

	if (pread(backing->file, &sectors, sizeof(sectors), SB_PROVIDED) != sizeof(sectors))
		return -EIO;
	return le64toh(sectors);
}

int integrity_load(const char *name, const struct backing *backing, char mode,
		   const char *options)
{
	unsigned int count = !!*options;
	char line[LINE_SIZE];
	const char *c;
	int ret;

	for (c = options; *c; c++)
		count += *c == ' ';
	snprintf(line, sizeof(line), "%s 0 %u %c %u %s", backing->dev, backing->tag_size, mode,
		 count, options);
	ret = integrity_sectors(backing);
	if (!ret) {
		ret = dm_load(name, "integrity", 1, line) ?: dm_clear(name);
		if (!ret)
			ret = integrity_sectors(backing);
	}
	return ret < 0 ? ret : dm_load(name, "integrity", ret, line);
}

int integrity_map(const char *name, const struct backing *backing, char mode,
		  const char *options)
{
	int ret;

	ret = dm_create(name);
	if (ret)
		return ret;
	ret = integrity_load(name, backing, mode, options) ?: dm_resume(name);
	if (ret)
		dm_remove(name);
	return ret;
}

int volume_open(struct volume *volume, const char *cipher, const char *key, const char *options)
{
	int ret;

	ret = fill_random(volume->data, sizeof(volume->data)) ?: backing_open(&volume->backing);
	if (ret)
		return ret;
	dm_name(volume->name);
	ret = dm_map_crypt(volume->name, &volume->backing, cipher, key, options);
	if (!ret) {
		ret = dm_write(volume->name, volume->data);
		if (ret)
			dm_remove(volume->name);
	}
	if (ret)
		backing_close(&volume->backing);
	return ret;
}

int volume_close(struct volume *volume)
{
	int ret = dm_remove(volume->name);

	backing_close(&volume->backing);
	return ret;
}

int volume_reads(const struct volume *volume)
{
	return dm_reads(volume->name, volume->data);
}

int keys_open(void)
{
	int ret = key_ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);

	return ret < 0 ? ret : 0;
}

int key_add_to(int keyring, const char *type, const char *desc, const void *payload, size_t size)
{
	long ret = syscall(SYS_add_key, type, desc, payload, size, keyring);

	return ret < 0 ? -errno : ret;
}

int key_add(const char *type, const char *desc, const void *payload, size_t size)
{
	return key_add_to(KEY_SPEC_SESSION_KEYRING, type, desc, payload, size);
}

int key_ctl(int operation, unsigned long arg2, unsigned long arg3, unsigned long arg4,
	    unsigned long arg5)
{
	long ret = syscall(SYS_keyctl, operation, arg2, arg3, arg4, arg5);

	return ret < 0 ? -errno : ret;
}

int key_search(const char *type, const char *desc)
{
	return key_ctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (uintptr_t)type,
		       (uintptr_t)desc, 0);
}

int key_make(const char *type, const char *desc, const unsigned char *secret, size_t size)
{
	unsigned char random[2 * KEY_SIZE];
	char payload[LINE_SIZE];
	int ret;

	if (!strcmp(type, "trusted")) {
		ret = snprintf(payload, sizeof(payload), "new %zu keyhandle=" TPM_PARENT, size);
		return secret ? -EINVAL : key_add(type, desc, payload, ret);
	}

	if (!secret && size > sizeof(random))
		return -EINVAL;
	ret = fill_random(random, sizeof(random));
	if (ret)
		return ret;
	if (strcmp(type, "encrypted"))
		return key_add(type, desc, secret ?: random, size);

	if (key_search("user", "dmck:master") < 0) {
		ret = key_add("user", "dmck:master", random, 32);
		if (ret < 0)
			return ret;
	}
	ret = snprintf(payload, sizeof(payload), "new default user:dmck:master %zu", size);
	if (secret) {
		payload[ret++] = ' ';
		to_hex(payload + ret, secret, size);
		ret += 2 * size;
	}
	return key_add(type, desc, payload, ret);
}

const char *key_unsupported(const char *type, int err)
{
	if (!strcmp(type, "encrypted") && err == -ENODEV)
		return "needs CONFIG_ENCRYPTED_KEYS";
	if (!strcmp(type, "encrypted") && err == -EINVAL)
		return "needs CONFIG_USER_DECRYPTED_DATA";
	if (!strcmp(type, "trusted") && err == -ENODEV)
		return "needs CONFIG_TRUSTED_KEYS_TPM and a TPM";
	if (!strcmp(type, "trusted") && err == -EPERM)
		return "needs a storage key at " TPM_PARENT " in the TPM";
	return NULL;
}

int alg_open(const char *type, const char *name, const void *key, size_t size, int serial)
{
	struct sockaddr_alg addr = { .salg_family = AF_ALG };
	int tfm, op;

	snprintf((char *)addr.salg_type, sizeof(addr.salg_type), "%s", type);
	snprintf((char *)addr.salg_name, sizeof(addr.salg_name), "%s", name);
	tfm = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (tfm < 0)
		return -errno;
	if (bind(tfm, (struct sockaddr *)&addr, sizeof(addr)) ||
	    (size && setsockopt(tfm, SOL_ALG, ALG_SET_KEY, key, size)) ||
	    (!size && serial && setsockopt(tfm, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, &serial,
					   sizeof(serial))))
		op = -1;
	else
		op = accept(tfm, NULL, 0);
	if (op < 0)
		op = -errno;
	close(tfm);
	return op;
}

static int dm_keyring_open(const char *name, int flags)
{
	char path[LINE_SIZE];

	snprintf(path, sizeof(path), "/sys/module/dm_keyring/parameters/%s", name);
	return open(path, flags | O_CLOEXEC);
}

const char *dm_keyring_param(const char *name)
{
	static char value[NAME_SIZE];
	int fd = dm_keyring_open(name, O_RDONLY);
	ssize_t size = fd < 0 ? 0 : read(fd, value, sizeof(value) - 1);

	if (fd >= 0)
		close(fd);
	value[size < 0 ? 0 : size] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return value;
}

int dm_keyring_set(const char *name, const char *value)
{
	int fd = dm_keyring_open(name, O_WRONLY);
	int ret = fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

int file_put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

const char *machine_sleepless(void)
{
	char state[NAME_SIZE] = "";
	int fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, state, sizeof(state) - 1) < 0)
			state[0] = '\0';
		close(fd);
	}
	if (!strstr(state, "mem"))
		return "needs a machine that can be suspended to RAM";
	if (access("/sys/class/rtc/rtc0/wakealarm", W_OK))
		return "needs a clock that wakes the machine";
	return NULL;
}

int machine_sleep(void)
{
	int ret = file_put("/sys/class/rtc/rtc0/wakealarm", "+2");

	return ret < 0 ? ret : file_put("/sys/power/state", "mem");
}

unsigned long long seed;

unsigned int below(unsigned int n)
{
	/* xorshift64* */
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1dULL >> 32) % n;
}

int fill_random(void *data, size_t size)
{
	ssize_t done = getrandom(data, size, 0);

	return done == (ssize_t)size ? 0 : done < 0 ? -errno : -EIO;
}

void to_hex(char *hex, const unsigned char *data, size_t size)
{
	while (size--)
		hex += sprintf(hex, "%02x", *data++);
}

int from_hex(unsigned char *data, const char *hex, int digits)
{
	int i;

	for (i = 0; i < digits / 2; i++)
		if (sscanf(hex + 2 * i, "%2hhx", data + i) != 1)
			return -EINVAL;
	return i;
}

bool shows_key(const char *line, const unsigned char *key, size_t size)
{
	char hex[2 * 8 + 1];
	size_t i;

	for (i = 0; i + 8 <= size; i++) {
		to_hex(hex, key + i, 8);
		if (strstr(line, hex))
			return true;
	}
	return false;
}

static int file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t done;
	int ret;

	if (fd < 0)
		return -errno;
	done = read(fd, text, size - 1);
	ret = done < 0 ? -errno : 0;
	text[done < 0 ? 0 : done] = '\0';
	close(fd);
	return ret;
}

/* Those of the page allocator come last. User space has its pages whatever happens. */
static const struct {
	const char *path;
	const char *value;
} fault_settings[FAULT_SETTINGS] = {
	{ FAILSLAB "ignore-gfp-wait", "N" },
	{ FAILSLAB "verbose", "0" },
	{ FAIL_PAGE_ALLOC "ignore-gfp-wait", "N" },
	{ FAIL_PAGE_ALLOC "verbose", "0" },
	{ FAIL_PAGE_ALLOC "min-order", "0" },
	{ FAIL_PAGE_ALLOC "ignore-gfp-highmem", "Y" },
};

#define SLAB_SETTINGS 2

const char *faults_open(struct faults *faults)
{
	int count, i;

	/* Opened once and for all: to open it allocates. */
	faults->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (faults->nth < 0)
		return "needs CONFIG_FAULT_INJECTION";
	if (access(FAILSLAB, F_OK)) {
		close(faults->nth);
		return "needs CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS, debugfs mounted";
	}
	faults->pages = !access(FAIL_PAGE_ALLOC, F_OK);
	count = faults->pages ? FAULT_SETTINGS : SLAB_SETTINGS;
	faults->changed = 0;
	for (i = 0; i < count; i++) {
		if (file_read(fault_settings[i].path, faults->saved[i], sizeof(*faults->saved)) ||
		    file_put(fault_settings[i].path, fault_settings[i].value)) {
			faults_close(faults);
			return "needs debugfs to be writable";
		}
		faults->changed++;
	}
	return NULL;
}

void faults_close(const struct faults *faults)
{
	int i;

	close(faults->nth);
	for (i = 0; i < faults->changed; i++)
		file_put(fault_settings[i].path, faults->saved[i]);
}

int fault_arm(const struct faults *faults, unsigned int nth)
{
	return dprintf(faults->nth, "%u", nth) < 0 ? -errno : 0;
}

int fault_disarm(const struct faults *faults)
{
	char left;

	if (pread(faults->nth, &left, 1, 0) != 1 || fault_arm(faults, 0))
		return -EIO;
	return left == '0';
}
