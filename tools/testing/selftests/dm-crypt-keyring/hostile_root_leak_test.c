// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root lets the kernel use a key that is not to be read, well and badly, and then looks for it
 * wherever the kernel writes for user space: in what an ioctl sends back, in all the memory of the
 * process that asked and in its core dump, in the kernel's log with everything said that can be
 * said, in trace events, in the files of procfs, sysfs and debugfs.
 *
 * That process is started before there is a key, so whatever it has of one it has from the kernel.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:leak"
#define MASTER "dmck:kmk"
#define PART 8
#define PARTS (KEY_SIZE / PART)
#define ASK_SIZE 512 /* room for what is asked */

/* What is looked for: each part of the key, as it is and in digits of both kinds. */
static struct {
	unsigned char bytes[KEY_SIZE];
	char hex[PARTS][2 * PART + 1];
	char upper[PARTS][2 * PART + 1];
} needle;

static bool needle_in(const void *data, size_t size)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (memmem(data, size, needle.bytes + i * PART, PART) ||
		    memmem(data, size, needle.hex[i], 2 * PART) ||
		    memmem(data, size, needle.upper[i], 2 * PART))
			return true;
	return false;
}

static int needle_make(void)
{
	size_t i, j;
	int ret = fill_random(needle.bytes, KEY_SIZE);

	for (i = 0; i < PARTS; i++) {
		to_hex(needle.hex[i], needle.bytes + i * PART, PART);
		for (j = 0; j <= 2 * PART; j++)
			needle.upper[i][j] = needle.hex[i][j] >= 'a' ? needle.hex[i][j] - 32 :
					     needle.hex[i][j];
	}
	return ret;
}

/* How many times it stands in what can be read from there, in pieces that overlap. */
static int needle_in_fd(int fd, off_t from, size_t size)
{
	static char piece[1 << 16];
	size_t kept = 0;
	int found = 0;
	ssize_t done;

	while (size) {
		size_t room = sizeof(piece) - kept;

		done = pread(fd, piece + kept, size < room ? size : room, from);
		if (done <= 0)
			break;
		from += done;
		size -= done;
		found += needle_in(piece, kept + done);
		kept = kept + done < 2 * PART ? kept + done : 2 * PART - 1;
		memmove(piece, piece + (sizeof(piece) - room) + done - kept, kept);
	}
	return found;
}

/* The ioctl of a process that keeps each answer. */
static int ask(unsigned long command, const char *name, unsigned int flags, size_t size,
	       const void *data, size_t data_size)
{
	static int control = -1;
	struct dm_ioctl *io;
	int ret;

	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	io = malloc(size);
	if (control < 0 || !io)
		return -ENOMEM;
	memset(io, 0xa5, size);
	memset(io, 0, sizeof(*io));
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = size;
	io->data_start = sizeof(*io);
	io->flags = flags;
	io->target_count = command == DM_TABLE_LOAD;
	snprintf(io->name, sizeof(io->name), "%s", name);
	if (data)
		memcpy(io + 1, data, data_size);
	ret = ioctl(control, command, io) ? -errno : 0;
	return ret;
}

static int ask_load(const char *name, const char *target, unsigned int sectors, const char *line)
{
	char data[sizeof(struct dm_target_spec) + ASK_SIZE] = {};
	struct dm_target_spec *spec = (void *)data;

	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", target);
	snprintf((char *)(spec + 1), ASK_SIZE, "%s", line);
	return ask(DM_TABLE_LOAD, name, 0, sizeof(struct dm_ioctl) + sizeof(data), data,
		   sizeof(data));
}

static int ask_message(const char *name, const char *message)
{
	char data[sizeof(struct dm_target_msg) + ASK_SIZE] = {};

	snprintf(data + sizeof(struct dm_target_msg), ASK_SIZE, "%s", message);
	return ask(DM_TARGET_MSG, name, 0, sizeof(struct dm_ioctl) + sizeof(data) + 4096, data,
		   sizeof(data));
}

/* All that tells something of a device, with room for it and with too little. */
static void ask_all(const char *name)
{
	static const unsigned int flags[] = {
		0, DM_STATUS_TABLE_FLAG, DM_IMA_MEASUREMENT_FLAG, DM_QUERY_INACTIVE_TABLE_FLAG,
		DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG,
		DM_IMA_MEASUREMENT_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG,
		DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG,
	};
	static const unsigned long commands[] = {
		DM_VERSION, DM_LIST_DEVICES, DM_DEV_STATUS, DM_TABLE_DEPS, DM_LIST_VERSIONS,
	};
	size_t i, size;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		for (size = 0; size < 320; size += 8)
			ask(DM_TABLE_STATUS, name, flags[i], sizeof(struct dm_ioctl) + size, NULL,
			    0);
		ask(DM_TABLE_STATUS, name, flags[i], 16384, NULL, 0);
	}
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		ask(commands[i], name, 0, sizeof(struct dm_ioctl) + 16, NULL, 0);
		ask(commands[i], name, 0, 16384, NULL, 0);
	}
}

struct job {
	char type[NAME_SIZE];
	char dev[NAME_SIZE];
	char name[NAME_SIZE];
	char other[NAME_SIZE];
};

/* dm-crypt with the key, and each way in which that can fail. Returns what should have worked. */
static int use_crypt(const struct job *job)
{
	static const char * const bad[] = {
		"capi:lrw(aes)-plain64 :64:%s:" DESC, /* fails in the cipher */
		"serpent:8-ecb-null :64:%s:" DESC,
		"capi:ecb(cipher_null)-null :64:%s:" DESC,
		XTS " :32:%s:" DESC,
		XTS " :65:%s:" DESC,
		XTS " :64:%s:" DESC ":none",
		XTS " :64:%s" DESC,
		"aes-cbc-nosuchiv :64:%s:" DESC,
	};
	static const char * const messages[] = {
		"key set :32:%s:" DESC, "key set :65:%s:" DESC, "key set :64:%s:" DESC ":none",
		"key set :64:%s", "key set :64:none%s:" DESC, "key :64:%s:" DESC,
		"set key :64:%s:" DESC, "key set :64:%s:" DESC " more", "@stats_create - %s",
		"key set :64:%s:" DESC, "key reload", "key wipe", "key set :64:%s:" DESC,
		"key get", "key show", "@stats_list", "@stats_print 0",
	};
	char line[ASK_SIZE], format[REF_SIZE];
	size_t i;
	int ret;

	ret = ask(DM_DEV_CREATE, job->name, 0, sizeof(struct dm_ioctl), NULL, 0);
	if (ret)
		return ret;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(format, sizeof(format), "%s 0 %s 0", bad[i], job->dev);
		snprintf(line, sizeof(line), format, job->type);
		if (!ask_load(job->name, "crypt", DEVICE_SECTORS, line))
			ask_all(job->name);
		ask(DM_TABLE_CLEAR, job->name, 0, sizeof(struct dm_ioctl), NULL, 0);
	}
	snprintf(line, sizeof(line), XTS " :64:%s:" DESC " 0 %s 0", job->type, job->dev);
	ret = ask_load(job->name, "crypt", DEVICE_SECTORS, line);
	ask_all(job->name);
	ret = ret ?: dm_resume(job->name);
	ask_all(job->name);
	ret = ret ?: dm_suspend(job->name);
	for (i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		snprintf(line, sizeof(line), messages[i], job->type);
		ask_message(job->name, line);
		ask_all(job->name);
	}
	ret = ret ?: ask_message(job->name, "key reload") ?: dm_resume(job->name);
	return ret;
}

/* The other targets, where they are there. The device stays. */
static int use_others(const struct job *job)
{
	char line[ASK_SIZE];
	const char *name = job->other;
	int ret = 0;

	if (dm_has("inlinecrypt")) {
		ret = ask(DM_DEV_CREATE, name, 0, sizeof(struct dm_ioctl), NULL, 0);
		snprintf(line, sizeof(line), XTS " :64:%s:" DESC " 0 %s 0", job->type, job->dev);
		ret = ret ?: ask_load(name, "inlinecrypt", DEVICE_SECTORS, line);
		ask_all(name);
		ret = ret ?: dm_resume(name);
		ask_all(name);
		ret = ret ?: dm_remove(name);
	}
	if (!ret && dm_has("integrity")) {
		ret = ask(DM_DEV_CREATE, name, 0, sizeof(struct dm_ioctl), NULL, 0);
		snprintf(line, sizeof(line), "%s 2048 32 J 2 internal_hash:hmac(sha256)::64:%s:"
			 DESC " journal_crypt:ctr(aes)::64:%s:" DESC, job->dev, job->type,
			 job->type);
		ask_load(name, "integrity", 8, line); /* fails in the cipher */
		ask_all(name);
		snprintf(line, sizeof(line), "%s 2048 32 J 2 internal_hash:hmac(sha256)::64:%s:"
			 DESC " journal_mac:hmac(sha256)::64:%s:" DESC, job->dev, job->type,
			 job->type);
		ret = ret ?: ask_load(name, "integrity", 8, line);
		ask_all(name);
		ret = ret ?: dm_resume(name);
		ask_all(name);
		ret = ret ?: dm_remove(name);
	}
	return ret;
}

FIXTURE(leak)
{
	pid_t pid;
	int to;
	int from;
	struct backing backing;
	struct job job;
};

FIXTURE_VARIANT(leak)
{
	const char *type;
	const char *master; /* of an encrypted key */
};

FIXTURE_VARIANT_ADD(leak, logon) {
	.type = "logon",
};

FIXTURE_VARIANT_ADD(leak, encrypted) {
	.type = "encrypted",
	.master = "user:" MASTER,
};

FIXTURE_VARIANT_ADD(leak, encrypted_by_trusted) {
	.type = "encrypted",
	.master = "trusted:" MASTER,
};

/* The process that asks: it does each job that it is told, and answers. */
static void serve(int from, int to)
{
	struct job job;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(from, &job, sizeof(job)) == sizeof(job)) {
		ret = use_crypt(&job) ?: use_others(&job);
		if (write(to, &ret, sizeof(ret)) != sizeof(ret))
			break;
	}
	_exit(0);
}

static int serve_start(FIXTURE_DATA(leak) * self)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		return -errno;
	self->pid = fork();
	if (!self->pid) {
		close(to[1]);
		close(from[0]);
		serve(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	self->to = to[1];
	self->from = from[0];
	return self->pid < 0 ? -errno : 0;
}

FIXTURE_SETUP(leak)
{
	char payload[LINE_SIZE], hex[HEX_SIZE];
	const char *unsupported;
	int ret;

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, serve_start(self));
	ASSERT_EQ(0, needle_make());
	if (variant->master) {
		ret = strstr(variant->master, "trusted:") ?
		      key_make("trusted", MASTER, NULL, 32) :
		      key_make("user", MASTER, NULL, 32);
		unsupported = key_unsupported("trusted", ret);
		if (!unsupported) {
			ASSERT_LT(0, ret);
			to_hex(hex, needle.bytes, KEY_SIZE);
			snprintf(payload, sizeof(payload), "new default %s 64 %s", variant->master,
				 hex);
			ret = key_add("encrypted", DESC, payload, strlen(payload));
			unsupported = key_unsupported("encrypted", ret);
		}
		if (unsupported) {
			kill(self->pid, SIGKILL);
			SKIP(return, "%s", unsupported);
		}
	} else {
		ret = key_add(variant->type, DESC, needle.bytes, KEY_SIZE);
	}
	ASSERT_LT(0, ret);
	ASSERT_EQ(0, backing_open(&self->backing));
	snprintf(self->job.type, NAME_SIZE, "%s", variant->type);
	snprintf(self->job.dev, NAME_SIZE, "%s", self->backing.dev);
	dm_name(self->job.name);
	dm_name(self->job.other);
}

FIXTURE_TEARDOWN(leak)
{
	if (self->pid)
		kill(self->pid, SIGKILL);
	dm_remove(self->job.other);
	dm_remove(self->job.name);
	backing_close(&self->backing);
}

static int serve_job(FIXTURE_DATA(leak) * self)
{
	int ret;

	if (write(self->to, &self->job, sizeof(self->job)) != sizeof(self->job) ||
	    read(self->from, &ret, sizeof(ret)) != sizeof(ret))
		return -EIO;
	return ret;
}

/* What stands in the memory of a process; it counts what was looked at, too. */
static int needle_in_process(pid_t pid, size_t *looked)
{
	unsigned long start, end;
	char path[NAME_SIZE], line[LINE_SIZE], perms[8];
	int mem, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	if (mem < 0 || !maps)
		return -errno;
	*looked = 0;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) != 3 || perms[0] != 'r' ||
		    strstr(line, "[vvar"))
			continue;
		found += needle_in_fd(mem, start, end - start);
		*looked += end - start;
	}
	fclose(maps);
	close(mem);
	return found;
}

TEST_F(leak, memory_of_the_caller)
{
	size_t looked = 0;
	char path[NAME_SIZE];
	int mem;

	EXPECT_EQ(0, needle_in_process(self->pid, &looked));
	ASSERT_EQ(0, serve_job(self));
	EXPECT_EQ(0, needle_in_process(self->pid, &looked));
	/* Some 300 answers for each of some 40 calls. */
	EXPECT_LT(1 << 20, looked);

	/* If it were there it would be found: in our own. */
	EXPECT_LT(0, needle_in_process(getpid(), &looked));
	/* And in that of the other process, where it could be. */
	snprintf(path, sizeof(path), "/proc/%d/mem", self->pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	ASSERT_EQ(PART, pwrite(mem, needle.bytes, PART, (uintptr_t)&needle));
	close(mem);
	EXPECT_LT(0, needle_in_process(self->pid, &looked));
}

#define CORE_PATTERN "/proc/sys/kernel/core_pattern"

TEST_F(leak, core_dump)
{
	char pattern[LINE_SIZE], path[NAME_SIZE];
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct stat st;
	int fd, status;
	ssize_t size;

	fd = open(CORE_PATTERN, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "needs CONFIG_COREDUMP and CONFIG_SYSCTL");
	size = read(fd, pattern, sizeof(pattern));
	ASSERT_LT(0, size);
	ASSERT_EQ(0, serve_job(self));
	ASSERT_EQ(0, prlimit(self->pid, RLIMIT_CORE, &unlimited, NULL));
	ASSERT_EQ(17, pwrite(fd, "/tmp/dmck-core.%p", 17, 0));
	kill(self->pid, SIGABRT);
	EXPECT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(size, pwrite(fd, pattern, size, 0));
	close(fd);
	snprintf(path, sizeof(path), "/tmp/dmck-core.%d", self->pid);
	self->pid = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "needs CONFIG_ELF_CORE, and a core dump in /tmp");
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_LT(1 << 20, st.st_size);
	EXPECT_EQ(0, needle_in_fd(fd, 0, st.st_size));
	close(fd);
	unlink(path);
}

static int say_more(const char *flags)
{
	static const char * const files[] = { "drivers/md/*", "security/keys/*", "crypto/*" };
	char command[NAME_SIZE];
	int fd = open("/sys/kernel/debug/dynamic_debug/control", O_WRONLY | O_CLOEXEC), ret = 0;
	size_t i;

	if (fd < 0)
		fd = open("/proc/dynamic_debug/control", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int size = snprintf(command, sizeof(command), "file %s %s", files[i], flags);

		if (write(fd, command, size) != size)
			ret = -errno;
	}
	close(fd);
	return ret;
}

TEST_F(leak, kernel_log)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), refs = 0;
	char line[LINE_SIZE];
	ssize_t size;

	if (log < 0)
		SKIP(return, "needs CONFIG_PRINTK");
	lseek(log, 0, SEEK_END);
	if (say_more("+p"))
		SKIP(return, "needs CONFIG_DYNAMIC_DEBUG");
	EXPECT_EQ(0, serve_job(self));
	EXPECT_EQ(0, say_more("-p"));
	do {
		size = read(log, line, sizeof(line));
		if (size > 0) {
			EXPECT_FALSE(needle_in(line, size));
			refs += !!memmem(line, size, DESC, strlen(DESC));
		}
	} while (size > 0 || errno == EPIPE);
	/* It does speak of the key. */
	EXPECT_LT(0, refs);
	close(log);
}

static int trace_all(const char *dir, const char *value)
{
	/* Too many, and none of them about a key. */
	static const char quiet[] =
		" lock rcu irq irq_vectors timer sched preemptirq kmem pagemap ";
	char path[LINE_SIZE], name[NAME_SIZE];
	struct dirent *entry;
	int fd, n = 0;
	DIR *subsystems;

	snprintf(path, sizeof(path), "%s/events", dir);
	subsystems = opendir(path);
	while (subsystems && (entry = readdir(subsystems))) {
		snprintf(name, sizeof(name), " %.40s ", entry->d_name);
		if (entry->d_name[0] == '.' || strstr(quiet, name))
			continue;
		snprintf(path, sizeof(path), "%s/events/%.200s/enable", dir, entry->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n += write(fd, value, 1) == 1;
		close(fd);
	}
	if (subsystems)
		closedir(subsystems);
	return n;
}

TEST_F(leak, trace_events)
{
	char dir[] = "/tmp/dmck-XXXXXX", path[NAME_SIZE], piece[LINE_SIZE];
	bool seen = false;
	FILE *trace;

	ASSERT_NE(NULL, mkdtemp(dir));
	if (mount("trace", dir, "tracefs", 0, NULL)) {
		rmdir(dir);
		SKIP(return, "needs CONFIG_TRACING");
	}
	EXPECT_LT(0, trace_all(dir, "1"));
	EXPECT_EQ(0, serve_job(self));
	EXPECT_LT(0, trace_all(dir, "0"));
	snprintf(path, sizeof(path), "%s/trace", dir);
	trace = fopen(path, "r");
	ASSERT_NE(NULL, trace);
	while (fgets(piece, sizeof(piece), trace)) {
		EXPECT_FALSE(needle_in(piece, strlen(piece)))
			TH_LOG("%s", piece);
		seen |= piece[0] != '#';
	}
	fclose(trace);
	EXPECT_TRUE(seen);
	/* Empties it. */
	trace = fopen(path, "w");
	if (trace)
		fclose(trace);
	EXPECT_EQ(0, umount(dir));
	rmdir(dir);
}

static struct {
	unsigned int files;
	unsigned int found;
	char last[LINE_SIZE];
} walked;

static int look(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	int fd;

	/* Those that take what they tell. */
	if (flag != FTW_F || strstr(path, "_pipe"))
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 0;
	walked.files++;
	if (needle_in_fd(fd, 0, 1 << 20)) {
		walked.found++;
		snprintf(walked.last, sizeof(walked.last), "%s", path);
	}
	close(fd);
	return 0;
}

TEST_F_TIMEOUT(leak, files, 300)
{
	static const char * const trees[] = {
		"/proc/keys", "/proc/key-users", "/proc/crypto", "/proc/devices", "/proc/diskstats",
		"/proc/slabinfo", "/proc/modules", "/proc/mounts", "/proc/sys/kernel",
		"/sys/module", "/sys/kernel/debug/block", "/sys/kernel/debug/bdi",
		"/sys/kernel/debug/dynamic_debug", "/sys/kernel/security", "/sys/kernel/config",
		"/sys/devices/virtual/block", "/sys/devices/virtual/bdi",
	};
	char path[NAME_SIZE];
	size_t i;

	ASSERT_EQ(0, serve_job(self));
	for (i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		nftw(trees[i], look, 8, FTW_PHYS);
	snprintf(path, sizeof(path), "/proc/%d/task", self->pid);
	nftw(path, look, 8, FTW_PHYS);
	EXPECT_LT(100, walked.files);
	EXPECT_EQ(0, walked.found)
		TH_LOG("%s", walked.last);
}

TEST_HARNESS_MAIN
