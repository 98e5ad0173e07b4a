// SPDX-License-Identifier: GPL-2.0
/*
 * crash - load the kernel that boots when this one crashes
 *
 * usage: crash KERNEL INITRD CMDLINE
 *
 * kexec(8) would do, but where its package is installed, reboots are by kexec.
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>

static int open_file(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		err(2, "%s", name);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: crash KERNEL INITRD CMDLINE");
	if (syscall(SYS_kexec_file_load, open_file(argv[1]), open_file(argv[2]),
		    strlen(argv[3]) + 1, argv[3], KEXEC_FILE_ON_CRASH))
		err(1, "kexec_file_load");
	return 0;
}
