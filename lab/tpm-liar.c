// SPDX-License-Identifier: GPL-2.0-only
/*
 * tpm-liar SOCKET TPM [RULES] - stands between QEMU and swtpm, whose control channel is at TPM, and listens
 * on SOCKET for QEMU. Lets everything pass, until a command that no TPM has, 20006c69 (hex), asks
 * for a lie: two numbers of 32 bits, the first says which of the TPM's answers from then on is to
 * be false, and the second how. The answer to that command is how many lies were told since the
 * last one. Some lies are about what one command answers; then only its answers count.
 *
 * The answer to another command, 20006c70, which is a header alone, is how many commands the TPM
 * got since the last one of these; 20006c73, alike, how many of them showed a secret to who listens.
 * RULES is a file that may be there or not when a command comes.
 * "all", or the code of a command and the number behind its header (both hex), says which the TPM
 * does not get, but get an error; "lie", a number and these two, which are answered by that lie.
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
#define CC_SHOWN 0x20006c73
#define CC_CREATE 0x153
#define CC_LOAD 0x157
#define CC_UNSEAL 0x15e
#define CC_READ_PUBLIC 0x173
#define CC_START_SESSION 0x176
#define CC_GET_CAPABILITY 0x17a
#define CC_PCR_READ 0x17e
#define CAP_PCRS 5
#define CAP_PCR_PROPERTIES 7
#define RC_FAILURE 0x101
#define RH_NULL 0x40000007
/* Attributes of a session: it encrypts the first parameter of the command, or of the answer. */
#define SA_DECRYPT 0x20
#define SA_ENCRYPT 0x40

/* Rules that are no lie. */
#define LET -1
#define REFUSE -2

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
	SAYS_SUCCESS,	/* the header alone, whatever the TPM says */

	/* In what TPM2_PCR_Read() answers. */
	READ_NO_MORE = 16,	/* the header alone, with success */
	READ_NONE,	/* no digest, as of a PCR that there is not */
	READ_OTHER,	/* of the next PCR */
	READ_OTHER_BANK,
	READ_SHORT,	/* a digest of SHA-1 */
	READ_LONG,	/* a digest that goes on behind the answer */
	READ_CUT,	/* a digest whose last byte is not there */

	/* In what TPM2_GetCapability() answers: a list of banks of PCRs, or of their properties. */
	LIST_EMPTY = 32,
	LIST_ONE_MORE,	/* than there is */
	LIST_ENDLESS,
	LIST_GOES_ON,	/* there are more for who asks again */
	LIST_UNKNOWN,	/* the first one is of a kind that is not known */
	LIST_DOUBLED,	/* the second one is the first one again */
	SELECT_NONE,	/* of the last one: no bits */
	SELECT_FOUR,	/* bits of 32 PCRs */
	SELECT_BEYOND,	/* as many as there can be, which go on behind the answer */
	SELECT_ALL,	/* all bits */

	/* In what TPM2_Load() answers. */
	LOAD_SPOILED = 48,	/* the last byte, which is one of an HMAC */

	/* In what TPM2_ReadPublic() answers. */
	NAME_UNKNOWN,	/* a name by a hash that there is not, as long as an errno is in a byte */
};

static unsigned int nth, nth_how, told, passed, shown;
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

/*
 * TPM2_PCR_Read() of one PCR answers with a counter, the selection (their number, hash, size, three
 * bytes of bits), the number of the digests, and the digest with its size.
 */
static size_t lie_read(unsigned char answer[BUFFER], size_t size, unsigned int how)
{
	unsigned char *hash = answer + HEADER + 4 + 4, *bits = hash + 2 + 1;
	unsigned char *digests = bits + 3, *digest = digests + 4;

	switch (how) {
	case READ_NO_MORE:
		return HEADER;
	case READ_NONE:
		memset(bits, 0, 3);
		put(digests, 0);
		return digest - answer;
	case READ_OTHER:
		bits[2] = bits[2] << 1 | bits[1] >> 7;
		bits[1] = bits[1] << 1 | bits[0] >> 7;
		bits[0] <<= 1;
		return size;
	case READ_OTHER_BANK:
		hash[1] ^= 1;
		return size;
	case READ_SHORT:
		digest[1] = 20;
		return digest + 2 + 20 - answer;
	case READ_LONG:
		digest[0] = 0xff;
		digest[1] = 0xff;
		return size;
	case READ_CUT:
		return size - 1;
	}
	return size;
}

/*
 * The lists have flags, what they are of, and their length in front. What is of a bank is a hash,
 * and of a property its number; then comes how many bytes of bits follow.
 */
static size_t lie_list(unsigned char answer[BUFFER], size_t size, unsigned int how)
{
	unsigned char *length = answer + HEADER + 1 + 4, *first = length + 4;
	size_t head = get(answer + HEADER + 1) == CAP_PCRS ? 2 : 4;
	size_t all = head + 1 + first[head];
	unsigned char *last = first;
	uint32_t i;

	for (i = 1; i < get(length); i++)
		last += head + 1 + last[head];

	switch (how) {
	case LIST_EMPTY:
		put(length, 0);
		return first - answer;
	case LIST_ONE_MORE:
		put(length, get(length) + 1);
		return size;
	case LIST_ENDLESS:
		put(length, 0xffffffff);
		return size;
	case LIST_GOES_ON:
		answer[HEADER] = 1;
		return size;
	case LIST_UNKNOWN:
		first[head - 2] = 0x7f;
		return size;
	case LIST_DOUBLED:
		/* A single one becomes two. */
		if (last == first) {
			put(length, 2);
			size += all;
		}
		memmove(first + all, first, all);
		return size;
	case SELECT_NONE:
		last[head] = 0;
		return last + head + 1 - answer;
	case SELECT_FOUR:
		last[head] = 4;
		answer[size] = 0;
		return size + 1;
	case SELECT_BEYOND:
		last[head] = 0xff;
		return size;
	case SELECT_ALL:
		memset(last + head + 1, 0xff, last[head]);
		return size;
	}
	return size;
}

/* Whether such a lie can be told to who sent that command. */
static int suits(unsigned int how, uint32_t code, uint32_t number)
{
	if (how == NAME_UNKNOWN)
		return code == CC_READ_PUBLIC;
	if (how == LOAD_SPOILED)
		return code == CC_LOAD;
	if (how >= LIST_EMPTY)
		return code == CC_GET_CAPABILITY &&
			(number == CAP_PCRS || number == CAP_PCR_PROPERTIES);
	return how < READ_NO_MORE || code == CC_PCR_READ;
}

static size_t lie(unsigned char answer[BUFFER], size_t size, unsigned int how)
{
	unsigned char *p;
	size_t i;

	told++;
	switch (how) {
	case SAYS_FAILURE:
		size = HEADER;
		put(answer + 6, RC_FAILURE);
		break;
	case SAYS_SUCCESS:
		put(answer + 6, 0);
		size = HEADER;
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
	case LOAD_SPOILED:
		answer[size - 1] ^= 1;
		break;
	case NAME_UNKNOWN:
		p = answer + HEADER;
		p += 2 + (p[0] << 8 | p[1]);
		p[0] = 0;
		p[1] = 256 - EINVAL;
		memset(p + 2, 0x7f, p[1]);
		size = p + 2 + p[1] - answer;
		break;
	default:
		/* An error has nothing in it to be false. */
		if (!get(answer + 6))
			size = how < LIST_EMPTY ? lie_read(answer, size, how) :
						  lie_list(answer, size, how);
	}
	put(answer + 2, size);
	return size;
}

/*
 * What the rules have for a command: REFUSE, a lie, or neither, which is LET.
 */
static int ruled(uint32_t code, uint32_t number)
{
	FILE *file = rules ? fopen(rules, "r") : NULL;
	unsigned int its_code, its_number, its_lie;
	int rule = LET;

	if (!file)
		return LET;
	if (fscanf(file, "lie %u", &its_lie) == 1)
		rule = its_lie;
	else
		rule = REFUSE;
	if (fscanf(file, "%x %x", &its_code, &its_number) == 2 &&
	    (its_code != code || its_number != number))
		rule = LET;
	fclose(file);
	return rule;
}

/*
 * Whether who listens learns a secret from a command or its answer: the one that is sealed or
 * unsealed, where no session encrypts it; or what the session is to encrypt with, where it has no
 * salt.
 */
static int shows(const unsigned char *command, size_t size)
{
	const unsigned char *p = command + HEADER + 4, *end;
	uint32_t code = get(command + 6);
	int encrypts;

	switch (code) {
	case CC_START_SESSION:
		return get(command + HEADER) == RH_NULL;
	case CC_CREATE:
		encrypts = SA_DECRYPT;
		break;
	case CC_UNSEAL:
		encrypts = SA_ENCRYPT;
		break;
	default:
		return 0;
	}
	/* Behind the handle there is how long all sessions are: handle, nonce, attributes, HMAC. */
	if (command[1] != 2 || size < HEADER + 8 || get(p) > size - HEADER - 8)
		return 1;
	end = p + 4 + get(p);
	for (p += 4; end - p >= 9; p += 3 + (p[1] << 8 | p[2])) {
		p += 4 + 2 + (p[4] << 8 | p[5]);
		if (end - p < 3)
			break;
		if (*p & encrypts)
			return 0;
	}
	return 1;
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
	uint32_t code = get(message + 6), number = get(message + HEADER);
	int rule;

	if (!size)
		return 0;
	rule = ruled(code, number);
	if (size == HEADER + 8 && code == CC_LIE) {
		nth = number;
		nth_how = get(message + HEADER + 4);
		size = answer_number(message, &told);
	} else if (size == HEADER && code == CC_COUNT) {
		size = answer_number(message, &passed);
	} else if (size == HEADER && code == CC_SHOWN) {
		size = answer_number(message, &shown);
	} else if (rule == REFUSE) {
		size = HEADER;
		put(message, 0x80010000);
		put(message + 2, size);
		put(message + 6, RC_FAILURE);
	} else {
		passed++;
		shown += shows(message, size);
		write_all(tpm, message, size);
		size = read_message(tpm, message);
		if (!size)
			return 0;
		if (rule != LET)
			size = lie(message, size, rule);
		else if (nth && suits(nth_how, code, number) && !--nth)
			size = lie(message, size, nth_how);
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
