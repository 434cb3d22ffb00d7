/* SPDX-License-Identifier: MIT */
#include "server/media/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/base/err.h"

/* NONBLOCK: opening a FIFO or a modem line must not wait for its other side */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int root_dir_open(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* fd if it is a regular file; else it is closed. */
static int regular_or_error(int fd)
{
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -ENXIO; /* what the kernel answers for a socket */
	if (err)
		(void)close(fd); /* read side: nothing to lose */
	return err ? err : fd;
}

int root_open_path(const char *path)
{
	int fd;

	do {
		fd = open(path, OPEN_FLAGS);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : regular_or_error(fd);
}

int root_open(int root_fd, struct bytes path)
{
	struct open_how how = { .flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	char name[PATH_MAX];
	int fd;

	while (path.n && path.p[0] == '/')
		path = bytes_sub(path, 1, path.n);
	if (!path.n || !bytes_to_str(path, name, sizeof name))
		return ERR_SYNTAX;
	/* EAGAIN: a rename ran while the kernel looked; it asks to be asked again */
	do {
		fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof how);
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : regular_or_error(fd);
}
