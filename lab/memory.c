// SPDX-License-Identifier: GPL-2.0
/*
 * memory - hands the guest's kernel a key and leaves no copy of its own, and what else the
 * memory table needs and a shell cannot do
 *
 * usage: memory [-w] add TYPE NAME SHARES           a key, in the user keyring
 *        memory [-w] load DEVICE PARAMETERS SHARES  a crypt table, with the key in hex for %k
 *        memory [-w] set DEVICE BYTES SHARES        the message "key set", with so many in hex
 *        memory [-w] plant SHARES                   the key, where it can be swapped out
 *        memory [-w] fill MIB                       memory, until so much is swapped out
 *        memory kill TIMES DEVICE PARAMETERS        loads of that table, each loop killed
 *        memory short DEVICE PARAMETERS REFERENCE   loads of that table, messages "key set", "key
 *                                                   wipe" and "key reload", each allocation failing
 *                                                   once
 *        memory short-key TYPE NAME KEY UPDATE DEVICE PARAMETERS
 *                                                   so that key added, updated and dropped by that
 *                                                   table; it is there before and after
 *
 * KEY and UPDATE are a user or logon key's SHARES, and what else is to be told of another one.
 * SHARES is a file with two halves; the key is one XOR the other. So it stands nowhere in the
 * guest but here, in memory that is locked, and it is wiped before this ends. It goes through
 * no function of the C library, and no register that the kernel saves elsewhere: compile with
 * -mgeneral-regs-only. With -w the process stays when its work is done, until it is killed;
 * its id is printed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>
#include <linux/keyctl.h>

#define MAX_KEY	64
#define SECTORS	2048
#define PAGE	4096
#define CHUNK	(1 << 20)

/* An ioctl with its parameters behind it, a table's or a message. */
struct call {
	struct dm_ioctl io;
	union {
		struct {
			struct dm_target_spec spec;
			char line[512];
		} table;
		struct {
			struct dm_target_msg msg;
			char text[512];
		} message;
	};
};

/* All that a key is ever in. */
static struct {
	unsigned char shares[2 * MAX_KEY];
	unsigned char key[MAX_KEY];
	struct call call;
} secret __attribute__((aligned(PAGE)));
static int key_len;

static void wipe(void)
{
	volatile unsigned char *p = (volatile unsigned char *)&secret;
	size_t i;

	for (i = 0; i < sizeof(secret); i++)
		p[i] = 0;
}

static void read_key(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;
	int i;

	if (fd < 0)
		err(1, "%s", path);
	if (mlock(&secret, sizeof(secret)))
		err(1, "mlock");
	len = read(fd, secret.shares, sizeof(secret.shares));
	if (len < 32 || len % 2)
		errx(1, "%s holds no two shares of a key", path);
	close(fd);
	key_len = len / 2;
	for (i = 0; i < key_len; i++)
		secret.key[i] = secret.shares[i] ^ secret.shares[key_len + i];
}

static char *put_hex(char *out, int bytes)
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < bytes; i++) {
		*out++ = digits[secret.key[i] >> 4];
		*out++ = digits[secret.key[i] & 15];
	}
	return out;
}

static void prepare(struct call *call, const char *device, unsigned int flags)
{
	call->io.version[0] = DM_VERSION_MAJOR;
	call->io.data_size = sizeof(*call);
	call->io.data_start = sizeof(call->io);
	call->io.flags = flags;
	strncpy(call->io.name, device, sizeof(call->io.name) - 1);
}

/* The line is copied by hand: with the key in it, it is no word of the C library's. */
static void prepare_load(struct call *call, const char *device, const char *parameters)
{
	char *out = call->table.line, *end = out + sizeof(call->table.line) - 2 * MAX_KEY - 1;

	/* The kernel is to wipe what it was handed, as dmsetup and cryptsetup ask it to. */
	prepare(call, device, DM_SECURE_DATA_FLAG);
	call->io.target_count = 1;
	call->table.spec.length = SECTORS;
	strcpy(call->table.spec.target_type, "crypt");
	while (*parameters && out < end) {
		if (parameters[0] == '%' && parameters[1] == 'k') {
			out = put_hex(out, key_len);
			parameters += 2;
		} else {
			*out++ = *parameters++;
		}
	}
}

static int dm(unsigned long command, struct call *call)
{
	static int control = -1;

	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR);
	if (control < 0)
		err(1, "/dev/mapper/control");
	return ioctl(control, command, call) ? errno : 0;
}

/* Returns an errno, when nothing is left of the key. */
static int add(const char *type, const char *name, const char *shares)
{
	int ret = 0;

	read_key(shares);
	if (syscall(SYS_add_key, type, name, secret.key, key_len, KEY_SPEC_USER_KEYRING) < 0)
		ret = errno;
	wipe();
	return ret;
}

static int load(const char *device, const char *parameters, const char *shares)
{
	int ret;

	read_key(shares);
	prepare_load(&secret.call, device, parameters);
	ret = dm(DM_TABLE_LOAD, &secret.call);
	wipe();
	return ret;
}

static int set(const char *device, int bytes, const char *shares)
{
	int ret;

	read_key(shares);
	if (bytes < 1 || bytes > key_len)
		errx(2, "the key has no %d bytes", bytes);
	prepare(&secret.call, device, DM_SECURE_DATA_FLAG);
	strcpy(secret.call.message.text, "key set ");
	put_hex(secret.call.message.text + 8, bytes);
	ret = dm(DM_TARGET_MSG, &secret.call);
	wipe();
	return ret;
}

static int plant(const char *shares)
{
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (page == MAP_FAILED)
		return errno;
	read_key(shares);
	for (i = 0; i < key_len; i++)
		page[i] = secret.key[i];
	wipe();
	return 0;
}

/* No page is all zeros, since of such ones the kernel only notes that they are. */
static int fill(unsigned long mib)
{
	unsigned long n = 0, most = 0;
	struct sysinfo info;
	char *chunk;
	int i;

	do {
		chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunk == MAP_FAILED || sysinfo(&info))
			return errno;
		most = (info.totalram + info.totalswap) * info.mem_unit / PAGE;
		for (i = 0; i < CHUNK; i += PAGE)
			*(unsigned long *)(chunk + i) = ++n;
	} while ((info.totalswap - info.freeswap) * info.mem_unit < mib << 20 && n < most);
	return n < most ? 0 : ENOSPC;
}

/*
 * A child loads and clears the table, again and again, and is killed at a time that it does not
 * know, in a load that it has begun. Prints how often that load had not ended.
 */
static int kill_loads(int times, const char *device, const char *parameters)
{
	volatile int *loading = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct call call = { 0 };
	int i, within = 0, status;
	long spin;
	pid_t child;

	if (loading == MAP_FAILED)
		return errno;
	for (i = 0; i < times; i++) {
		*loading = 0;
		child = fork();
		if (child < 0)
			return errno;
		while (!child) {
			memset(&call, 0, sizeof(call));
			prepare_load(&call, device, parameters);
			*loading = 1;
			status = dm(DM_TABLE_LOAD, &call);
			*loading = 0;
			if (status) {
				*loading = -1;
				_exit(status);
			}
			memset(&call, 0, sizeof(call));
			prepare(&call, device, 0);
			dm(DM_TABLE_CLEAR, &call);
		}
		usleep(1000 + random() % 30000);
		while (!*loading)
			;
		for (spin = random() % 200000; spin && *loading; spin--)
			;
		kill(child, SIGKILL);
		if (waitpid(child, &status, 0) != child)
			return errno;
		if (!WIFSIGNALED(status))
			return WEXITSTATUS(status);
		within += *loading == 1;
		memset(&call, 0, sizeof(call));
		prepare(&call, device, 0);
		dm(DM_TABLE_CLEAR, &call);
	}
	printf("%d of %d\n", within, times);
	return within ? 0 : ETIME;
}

/* The @nth allocation from now on fails, or none. Returns whether the last such one has. */
static int short_of(int nth)
{
	static int fd = -1;
	char left = '0';

	if (fd < 0)
		fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fd < 0)
		err(1, "fail-nth");
	if (!nth && pread(fd, &left, 1, 0) != 1)
		err(1, "fail-nth");
	if (dprintf(fd, "%d", nth) < 0)
		err(1, "fail-nth");
	return !nth && left == '0';
}

/* An ioctl until nothing fails; *refused counts. Undone by the ioctl @undo, if that is one. */
static int until_done(const char *device, unsigned long command, const struct call *ask,
		      unsigned long undo, int *refused)
{
	struct call call;
	int nth, ret;

	for (nth = 1;; nth++) {
		call = *ask;
		short_of(nth);
		ret = dm(command, &call);
		if (!short_of(0) || (ret && ret != ENOMEM))
			return ret;
		*refused += !!ret;
		if (!ret && undo) {
			memset(&call, 0, sizeof(call));
			prepare(&call, device, 0);
			dm(undo, &call);
		}
	}
}

/* What may sleep fails, too. And so that the control device is open. */
static void open_short(const char *device)
{
	int fd = open("/sys/kernel/debug/failslab/ignore-gfp-wait", O_WRONLY);
	struct call call = { 0 };

	if (fd < 0 || write(fd, "N", 1) != 1)
		err(1, "failslab");
	close(fd);
	prepare(&call, device, 0);
	dm(DM_VERSION, &call);
}

static int suspend(const char *device, int flag)
{
	struct call call = { 0 };

	prepare(&call, device, flag);
	return dm(DM_DEV_SUSPEND, &call);
}

static int run_short(const char *device, const char *parameters, const char *reference)
{
	static const char * const verbs[] = {
		"key set ", "key wipe", "key set ", "key wipe", "key reload", "key wipe",
	};
	struct call call = { 0 };
	int i, ret, refused = 0;

	open_short(device);
	prepare_load(&call, device, parameters);
	ret = until_done(device, DM_TABLE_LOAD, &call, DM_TABLE_CLEAR, &refused);
	ret = ret ?: suspend(device, 0) ?: suspend(device, DM_SUSPEND_FLAG);
	for (i = 0; !ret && i < (int)(sizeof(verbs) / sizeof(*verbs)); i++) {
		memset(&call, 0, sizeof(call));
		prepare(&call, device, 0);
		strcpy(call.message.text, verbs[i]);
		if (verbs[i][strlen(verbs[i]) - 1] == ' ')
			strcat(call.message.text, reference);
		ret = until_done(device, DM_TARGET_MSG, &call, 0, &refused);
	}
	printf("%d\n", refused);
	return ret ?: refused ? ret : ETIME;
}

/*
 * Adds a key, or updates it if it has a @serial, and if @nth is not 0 that allocation fails. Returns
 * the serial of a new one, 0, or a negative errno; *@failed says whether there was such an allocation.
 */
static long put_key(const char *type, const char *name, const char *key, long serial, int nth,
		    int *failed)
{
	const void *payload = key;
	size_t size = strlen(key);
	long ret;

	if (!strcmp(type, "user") || !strcmp(type, "logon")) {
		read_key(key);
		payload = secret.key;
		size = key_len;
	}
	short_of(nth);
	if (serial)
		ret = syscall(SYS_keyctl, KEYCTL_UPDATE, serial, payload, size);
	else
		ret = syscall(SYS_add_key, type, name, payload, size, KEY_SPEC_USER_KEYRING);
	if (ret < 0)
		ret = -errno;
	*failed = short_of(0);
	wipe();
	return ret;
}

/* Until nothing fails; *@refused counts. A new key goes at once. */
static int put_until_done(const char *type, const char *name, const char *key, long serial,
			  int *refused)
{
	int nth, failed;
	long ret;

	for (nth = 1;; nth++) {
		ret = put_key(type, name, key, serial, nth, &failed);
		if (ret > 0)
			syscall(SYS_keyctl, KEYCTL_UNLINK, ret, KEY_SPEC_USER_KEYRING);
		if (!failed || (ret < 0 && ret != -ENOMEM))
			return ret < 0 ? -ret : 0;
		*refused += ret < 0;
	}
}

static int run_short_key(const char *type, const char *name, const char *key, const char *update,
			 const char *device, const char *parameters)
{
	int nth, ret, unused, failed = 1, refused = 0;
	struct call call;
	char again[256];
	long serial;

	open_short(device);
	snprintf(again, sizeof(again), "%s-again", name);
	serial = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, type, name, 0);
	if (serial < 0)
		return errno;
	ret = put_until_done(type, again, key, 0, &refused) ?:
	      put_until_done(type, name, update, serial, &refused);

	/* Each time the device is resumed it drops the key, with memory or without. */
	for (nth = 1; !ret && failed; nth++) {
		memset(&call, 0, sizeof(call));
		prepare_load(&call, device, parameters);
		ret = dm(DM_TABLE_LOAD, &call);
		if (ret)
			break;
		short_of(nth);
		ret = suspend(device, 0);
		failed = short_of(0);
		if (ret == ENOMEM && failed) {
			refused++;
			ret = suspend(device, 0);
		}
		serial = put_key(type, name, key, 0, 0, &unused);
		if (!ret && serial < 0)
			ret = -serial;
	}
	ret = ret ?: suspend(device, DM_SUSPEND_FLAG);
	if (!ret) {
		memset(&call, 0, sizeof(call));
		prepare(&call, device, 0);
		strcpy(call.message.text, "key wipe");
		ret = dm(DM_TARGET_MSG, &call);
	}
	printf("%d\n", refused);
	return ret ?: refused ? ret : ETIME;
}

static int work(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "add"))
		return add(argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "set"))
		return set(argv[2], atoi(argv[3]), argv[4]);
	if (argc == 3 && !strcmp(argv[1], "plant"))
		return plant(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "fill"))
		return fill(atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "kill"))
		return kill_loads(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 5 && !strcmp(argv[1], "short"))
		return run_short(argv[2], argv[3], argv[4]);
	if (argc == 8 && !strcmp(argv[1], "short-key"))
		return run_short_key(argv[2], argv[3], argv[4], argv[5], argv[6], argv[7]);
	errx(2, "usage: memory [-w] add|load|set|plant|fill|kill|short|short-key ...");
}

/* A child does the work, says how that ended, and stays. */
static int work_and_stay(int argc, char **argv)
{
	int ret = ECHILD, pipes[2];
	pid_t child;

	if (pipe(pipes))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		ret = work(argc, argv);
		if (write(pipes[1], &ret, sizeof(ret)) != sizeof(ret) || ret)
			_exit(1);
		close(1);
		close(2);
		for (;;)
			pause();
	}
	close(pipes[1]);
	if (read(pipes[0], &ret, sizeof(ret)) == sizeof(ret) && !ret)
		printf("%d\n", child);
	return ret;
}

int main(int argc, char **argv)
{
	int stay = argc > 1 && !strcmp(argv[1], "-w");
	int ret;

	if (stay)
		ret = work_and_stay(argc - 1, argv + 1);
	else
		ret = work(argc, argv);
	if (ret)
		errx(1, "%s: %s", argv[1 + stay], strerror(ret));
	return 0;
}
