// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's log, from /dev/kmsg. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"

/* More than any record has, see Documentation/ABI/testing/dev-kmsg. */
#define RECORD_SIZE 8192
/* Below 8 there is a level alone, and the record is the kernel's. */
#define LEVELS 8

static int kmsg = -1;
static char said[16 * RECORD_SIZE];
static size_t said_len;

int kmsg_mark(void)
{
	if (kmsg < 0)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		return -errno;
	said_len = 0;
	said[0] = '\0';
	return 0;
}

int kmsg_says(const char *sentence)
{
	char record[RECORD_SIZE];
	ssize_t size;

	for (;;) {
		size = read(kmsg, record, sizeof(record));
		if (size < 0 && errno == EAGAIN)
			break;
		/* Also where records were lost: then nobody knows. */
		if (size < 0)
			return -errno;
		if (atoi(record) >= LEVELS)
			continue;
		if (said_len + size >= sizeof(said))
			return -ENOBUFS;
		memcpy(said + said_len, record, size);
		said_len += size;
		said[said_len] = '\0';
	}
	return !!strstr(said, sentence);
}
