// SPDX-License-Identifier: GPL-2.0
/*
 * bench-tpm - what it costs to load trusted keys
 *
 * Run as root, with lines "case payload" on its input: loads each payload as a trusted key, lets it
 * go, and prints "case commands nanoseconds": how many commands the TPM got meanwhile, and how long
 * it took. A payload that is refused gives "case - why". The commands are counted by tpm-liar.c,
 * between the machine and its TPM; there is no other one that could tell.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/keyctl.h>

#define NO_SESSIONS	0x8001
#define CC_COUNT	0x20006c70

struct header {
	uint16_t tag;
	uint32_t size;
	uint32_t code;
} __attribute__((packed));

struct answer {
	struct header header;
	uint32_t number;
} __attribute__((packed));

/* Not the resource manager's: that one refuses a command that it does not know. */
static int tpm;

/* How many commands there were since the last call. */
static unsigned int commands(void)
{
	struct header command = {
		htobe16(NO_SESSIONS), htobe32(sizeof(command)), htobe32(CC_COUNT),
	};
	struct answer answer;

	if (write(tpm, &command, sizeof(command)) != sizeof(command))
		err(1, "writing to the TPM");
	if (read(tpm, &answer, sizeof(answer)) != sizeof(answer) || answer.header.code)
		errx(1, "the TPM does not count its commands");
	return be32toh(answer.number);
}

static void measure(const char *name, const char *payload)
{
	struct timespec begin, end;
	unsigned int count;
	long key;

	commands();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	key = syscall(SYS_add_key, "trusted", "bench:tpm", payload, strlen(payload),
		      KEY_SPEC_SESSION_KEYRING);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (key < 0) {
		printf("%s - %s\n", name, strerror(errno));
		return;
	}
	count = commands();
	printf("%s %u %lld\n", name, count,
	       (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec);
	/* Another one of that name would update it. */
	if (syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_SESSION_KEYRING) < 0)
		err(1, "unlinking a key");
}

int main(void)
{
	char *line = NULL, *payload;
	size_t room = 0;
	ssize_t len;

	tpm = open("/dev/tpm0", O_RDWR);
	if (tpm < 0)
		err(1, "/dev/tpm0");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		err(1, "a session keyring");
	while ((len = getline(&line, &room, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		payload = strchr(line, ' ');
		if (!payload)
			errx(2, "a line is a case and a payload");
		*payload++ = '\0';
		measure(line, payload);
	}
	return 0;
}
