// SPDX-License-Identifier: GPL-2.0
/*
 * scan - count copies of secrets in a file, such as a guest's RAM
 *
 * usage: scan [-o] FILE < needles
 *
 * The needles come as lines "name=hex" on standard input, so that they stand in
 * no command line. Of each it looks for the whole, both halves (an XTS key
 * is two keys) and its hex digits in lower and upper case, and prints lines
 * "name count", "name.half1 count", "name.half2 count", "name.hex count" and
 * "name.HEX count"; with -o also a line "name at offset" for each that it finds.
 * A copy of the whole is counted as one of each half too.
 *
 * One pass: the first two bytes of every needle are marked in a table of 65536,
 * and only where the file has such a pair is anything compared.
 */
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NEEDLES	64
#define MAX_BYTES	2048
#define MIN_BYTES	16

struct needle {
	char name[64];
	unsigned char bytes[2 * MAX_BYTES];
	size_t len;
	unsigned long count;
};

static struct needle needles[5 * MAX_NEEDLES];
static int nr;
static unsigned char pair_seen[65536];

static void add(const char *name, const char *form, const void *bytes, size_t len)
{
	struct needle *n = &needles[nr++];

	snprintf(n->name, sizeof(n->name), "%s%s", name, form);
	memcpy(n->bytes, bytes, len);
	n->len = len;
	pair_seen[n->bytes[0] | n->bytes[1] << 8] = 1;
}

/* One line "name=hex" becomes five needles. */
static void add_line(char *line)
{
	char lower[2 * MAX_BYTES], upper[2 * MAX_BYTES];
	unsigned char raw[MAX_BYTES];
	char *hex = strchr(line, '=');
	size_t i, len;

	if (!hex || hex == line || hex - line > 32)
		errx(2, "a needle is not of the form name=hex");
	*hex++ = '\0';
	len = strlen(hex);
	if (len % 4 || len < 2 * MIN_BYTES || len > 2 * MAX_BYTES ||
	    strspn(hex, "0123456789abcdefABCDEF") != len)
		errx(2, "needle %s is not %d to %d bytes in hex", line,
		     MIN_BYTES, MAX_BYTES);
	if (nr / 5 == MAX_NEEDLES)
		errx(2, "more than %d needles", MAX_NEEDLES);

	for (i = 0; i < len; i++) {
		lower[i] = tolower(hex[i]);
		upper[i] = toupper(hex[i]);
	}
	for (i = 0; i < len / 2; i++)
		sscanf(hex + 2 * i, "%2hhx", &raw[i]);

	add(line, "", raw, len / 2);
	add(line, ".half1", raw, len / 4);
	add(line, ".half2", raw + len / 4, len / 4);
	add(line, ".hex", lower, len);
	add(line, ".HEX", upper, len);
}

static void scan(const unsigned char *ram, size_t size, int offsets)
{
	size_t at;
	int i;

	for (at = 0; at + MIN_BYTES / 2 <= size; at++) {
		if (!pair_seen[ram[at] | ram[at + 1] << 8])
			continue;
		for (i = 0; i < nr; i++) {
			struct needle *n = &needles[i];

			if (n->len > size - at || memcmp(ram + at, n->bytes, n->len))
				continue;
			n->count++;
			if (offsets)
				printf("%s at %#zx\n", n->name, at);
		}
	}
}

int main(int argc, char **argv)
{
	int offsets = argc == 3 && !strcmp(argv[1], "-o");
	char *line = NULL;
	size_t room = 0;
	struct stat st;
	ssize_t len;
	void *ram;
	int fd, i;

	if (argc != 2 + offsets)
		errx(2, "usage: scan [-o] FILE < needles");
	while ((len = getline(&line, &room, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		add_line(line);
	}
	if (!nr)
		errx(2, "no needle on standard input");

	fd = open(argv[argc - 1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		err(2, "cannot read %s", argv[argc - 1]);
	ram = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (ram == MAP_FAILED)
		err(2, "cannot map %s", argv[argc - 1]);

	scan(ram, st.st_size, offsets);
	for (i = 0; i < nr; i++)
		printf("%s %lu\n", needles[i].name, needles[i].count);
	return 0;
}
