// SPDX-License-Identifier: GPL-2.0-only
/*
 * tpm-liar SOCKET TPM [RULES] - stands between QEMU and swtpm, whose control channel is at TPM, and listens
 * on SOCKET for QEMU. Lets everything pass, until a command that no TPM has, 20006c69 (hex), asks
 * for a lie: two numbers of 32 bits, the first says which of the TPM's answers from then on is to
 * be false, and the second how. The answer to that command is how many lies were told since the
 * last one. The answer to another, 20006c70, which is a header alone, is how many commands the TPM
 * got since the last one of these. RULES is a file that may be there or not when a command comes:
 * "all", or the code of a command and its handle (both hex), says which the TPM does not get, but
 * get an error.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEADER 10
#define BUFFER 4096
#define CC_LIE 0x20006c69
#define CC_COUNT 0x20006c70
#define RC_FAILURE 0x101

/* How an answer is false. In each, the length in the header is that of what is sent. */
enum {
	SAYS_FAILURE,	/* the header alone, with an error */
	SAYS_NO_MORE,	/* the header alone, with success */
	CUT_IN_HALF,
	CUT_BY_ONE,
	SIZE_TOO_LARGE,	/* the first size behind the header */
	ALL_ONES,
	NOISE,
	TOO_LONG,
	BELOW_ZERO,	/* the size of all parameters, and sessions where it leads to */
};

static unsigned int nth, how, told, passed;
static const char *rules;

static uint32_t get(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put(unsigned char *p, uint32_t value)
{
	p[0] = value >> 24;
	p[1] = value >> 16;
	p[2] = value >> 8;
	p[3] = value;
}

static void write_all(int fd, const unsigned char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0)
			err(1, "write");
		data += done;
		size -= done;
	}
}

/* Reads a command or an answer, whose header says how long it is. 0 at the end. */
static size_t read_message(int fd, unsigned char message[BUFFER])
{
	size_t have = 0, want = HEADER;

	while (have < want) {
		ssize_t done = read(fd, message + have, want - have);

		if (done < 0)
			err(1, "read");
		if (!done)
			return 0;
		have += done;
		if (have == HEADER) {
			want = get(message + 2);
			if (want < HEADER || want > BUFFER)
				errx(1, "a message of %zu bytes", want);
		}
	}
	return have;
}

static size_t lie(unsigned char answer[BUFFER], size_t size)
{
	size_t i;

	told++;
	switch (how) {
	case SAYS_FAILURE:
		size = HEADER;
		put(answer + 6, RC_FAILURE);
		break;
	case SAYS_NO_MORE:
		size = HEADER;
		break;
	case CUT_IN_HALF:
		size = HEADER + (size - HEADER) / 2;
		break;
	case CUT_BY_ONE:
		size -= size > HEADER;
		break;
	case SIZE_TOO_LARGE:
		/* With sessions there is the size of all parameters, and then the first one's. */
		for (i = HEADER; i < HEADER + 6 && i < size; i++)
			answer[i] = 0xff;
		break;
	case ALL_ONES:
		memset(answer + HEADER, 0xff, size - HEADER);
		break;
	case NOISE:
		for (i = HEADER; i < size; i++)
			answer[i] = rand();
		break;
	case TOO_LONG:
		memset(answer + size, 0x5a, BUFFER - size);
		size = BUFFER;
		break;
	case BELOW_ZERO:
		/*
		 * With a size of -5 the sessions begin in the header, whose last byte and the
		 * 0xff behind it are the size of what precedes our session: 255. It is followed
		 * by what looks like our session, a nonce and an HMAC of 32 bytes.
		 */
		memset(answer + HEADER, 0, 338 - HEADER);
		put(answer + HEADER, -5);
		answer[270] = 32;
		answer[305] = 32;
		size = 338;
		break;
	}
	put(answer + 2, size);
	return size;
}

static int refused(const unsigned char *command, size_t size)
{
	FILE *file = rules ? fopen(rules, "r") : NULL;
	unsigned int code, handle;
	int found = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%x %x", &code, &handle) == 2)
		found = size >= HEADER + 4 && get(command + 6) == code &&
			get(command + HEADER) == handle;
	else
		found = 1;
	fclose(file);
	return found;
}

/* Makes a command the answer that is a number, which is 0 from then on. */
static size_t answer_number(unsigned char message[BUFFER], unsigned int *number)
{
	put(message + 2, HEADER + 4);
	put(message + 6, 0);
	put(message + HEADER, *number);
	*number = 0;
	return HEADER + 4;
}

/* One command and its answer. Returns 0 when QEMU has gone. */
static int answer_one(int qemu, int tpm)
{
	unsigned char message[BUFFER] = { 0 };
	size_t size = read_message(qemu, message);

	if (!size)
		return 0;
	if (size == HEADER + 8 && get(message + 6) == CC_LIE) {
		nth = get(message + HEADER);
		how = get(message + HEADER + 4);
		size = answer_number(message, &told);
	} else if (size == HEADER && get(message + 6) == CC_COUNT) {
		size = answer_number(message, &passed);
	} else if (refused(message, size)) {
		size = HEADER;
		put(message, 0x80010000);
		put(message + 2, size);
		put(message + 6, RC_FAILURE);
	} else {
		passed++;
		write_all(tpm, message, size);
		size = read_message(tpm, message);
		if (!size)
			return 0;
		if (nth && !--nth)
			size = lie(message, size);
	}
	write_all(qemu, message, size);
	return 1;
}

/* Passes on what QEMU says on the control channel, with its end of the data channel, if one comes. */
static int pass_control(int from, int to, int *qemu, int *tpm)
{
	char data[BUFFER], control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t done = recvmsg(from, &msg, 0);
	struct cmsghdr *cmsg;
	int pair[2];

	if (done < 0)
		err(1, "recvmsg");
	if (!done)
		return 0;
	iov.iov_len = done;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
		memcpy(qemu, CMSG_DATA(cmsg), sizeof(*qemu));
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			err(1, "socketpair");
		*tpm = pair[0];
		memcpy(CMSG_DATA(cmsg), &pair[1], sizeof(pair[1]));
	} else {
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	if (sendmsg(to, &msg, 0) != done)
		err(1, "sendmsg");
	if (msg.msg_control)
		close(pair[1]);
	return 1;
}

static int unix_socket(const char *path, struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr->sun_family = AF_UNIX;
	if (fd < 0 || strlen(path) >= sizeof(addr->sun_path))
		errx(1, "no socket at %s", path);
	strcpy(addr->sun_path, path);
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { 0 };
	int listener, control, tpm_control, qemu = -1, tpm = -1, unused;

	if (argc != 3 && argc != 4)
		errx(1, "usage: tpm-liar SOCKET TPM [RULES]");
	rules = argv[3];
	tpm_control = unix_socket(argv[2], &addr);
	if (connect(tpm_control, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "%s", argv[2]);
	listener = unix_socket(argv[1], &addr);
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 1))
		err(1, "%s", argv[1]);
	control = accept(listener, NULL, NULL);
	if (control < 0)
		err(1, "accept");

	for (;;) {
		/* What was not given yet is -1, and not looked at. */
		struct pollfd fds[3] = {
			{ control, POLLIN, 0 }, { tpm_control, POLLIN, 0 }, { qemu, POLLIN, 0 },
		};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (fds[0].revents && !pass_control(control, tpm_control, &qemu, &tpm))
			return 0;
		if (fds[1].revents && !pass_control(tpm_control, control, &unused, &unused))
			return 0;
		if (fds[2].revents && !answer_one(qemu, tpm))
			return 0;
	}
}
