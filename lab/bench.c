// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what it costs to load a table of one crypt target, for each way to give it its key
 *
 * usage: bench KEYHANDLE
 *
 * Run as root, where the TPM has a storage key at KEYHANDLE. Prints lines "case nanoseconds": the
 * median of LOADS times what DM_TABLE_LOAD takes, and nothing else. In the guest of lab/bench.sh
 * the clock counts instructions, one a nanosecond. A table that the kernel does not take gives
 * "case -", and why.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>
#include <linux/keyctl.h>

#define LOADS		60
#define KEY_SIZE	64
#define SECTORS		2048

/* An ioctl with its parameters behind it. */
struct call {
	struct dm_ioctl io;
	struct dm_target_spec spec;
	char line[512];
};

static int control;

static void prepare(struct call *call, unsigned int flags)
{
	memset(call, 0, sizeof(*call));
	call->io.version[0] = DM_VERSION_MAJOR;
	call->io.data_size = sizeof(*call);
	call->io.data_start = sizeof(call->io);
	call->io.flags = flags;
	strcpy(call->io.name, "bench");
}

static void must(const char *what, unsigned long command)
{
	struct call call;

	prepare(&call, 0);
	if (ioctl(control, command, &call))
		err(1, "%s", what);
}

/* Returns the nanoseconds, or a negative errno. */
static long load(const char *key, const char *options)
{
	struct timespec begin, end;
	struct call call;
	int ret;

	/* The kernel is to wipe what it was handed: cryptsetup wants it to. */
	prepare(&call, DM_SECURE_DATA_FLAG);
	call.io.target_count = 1;
	call.spec.length = SECTORS;
	strcpy(call.spec.target_type, "crypt");
	snprintf(call.line, sizeof(call.line), "aes-xts-plain64 %s 0 /dev/ram0 0 %s", key, options);

	clock_gettime(CLOCK_MONOTONIC, &begin);
	ret = ioctl(control, DM_TABLE_LOAD, &call);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (ret)
		return -errno;
	return (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, const char *key, const char *options)
{
	long times[LOADS];
	int i;

	for (i = 0; i < LOADS; i++) {
		times[i] = load(key, options);
		if (times[i] < 0) {
			printf("%s - %s\n", name, strerror(-times[i]));
			return;
		}
		must("DM_TABLE_CLEAR", DM_TABLE_CLEAR);
	}
	qsort(times, LOADS, sizeof(times[0]), compare);
	printf("%s %ld\n", name, (times[LOADS / 2 - 1] + times[LOADS / 2]) / 2);
}

static void add_key(const char *type, const char *desc, const void *payload, size_t size)
{
	if (syscall(SYS_add_key, type, desc, payload, size, KEY_SPEC_SESSION_KEYRING) < 0)
		err(1, "adding the %s key %s", type, desc);
}

int main(int argc, char **argv)
{
	static const char *const types[] = { "user", "logon", "encrypted", "trusted" };
	unsigned char secret[KEY_SIZE];
	char text[2 * KEY_SIZE + 1];
	size_t i;

	if (argc != 2)
		errx(2, "usage: bench KEYHANDLE");
	control = open("/dev/mapper/control", O_RDWR);
	if (control < 0)
		err(1, "/dev/mapper/control");
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		err(1, "getrandom");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		err(1, "a session keyring");
	add_key("user", "bench:key", secret, sizeof(secret));
	add_key("logon", "bench:key", secret, sizeof(secret));
	snprintf(text, sizeof(text), "new %d keyhandle=%s", KEY_SIZE, argv[1]);
	add_key("trusted", "bench:key", text, strlen(text));
	snprintf(text, sizeof(text), "new default trusted:bench:key %d", KEY_SIZE);
	add_key("encrypted", "bench:key", text, strlen(text));

	must("DM_DEV_CREATE", DM_DEV_CREATE);
	for (i = 0; i < KEY_SIZE; i++)
		sprintf(text + 2 * i, "%02x", secret[i]);
	measure("hex", text, "");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(text, sizeof(text), ":%d:%s:bench:key", KEY_SIZE, types[i]);
		measure(types[i], text, "");
	}
	snprintf(text, sizeof(text), ":%d:encrypted:bench:key", KEY_SIZE);
	measure("drop_key", text, "1 drop_key");
	must("DM_DEV_REMOVE", DM_DEV_REMOVE);
	return 0;
}
