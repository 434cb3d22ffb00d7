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

int root_dir_open(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int regular_or_error(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : ERR_UNSUPPORTED;
}

int root_open(int root_fd, struct bytes path)
{
	/* NONBLOCK: opening a FIFO or a modem line must not wait for its other side */
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	char name[PATH_MAX];
	int fd, err;

	while (path.n && path.p[0] == '/')
		path = bytes_sub(path, 1, path.n);
	if (!path.n || !bytes_to_str(path, name, sizeof name))
		return ERR_SYNTAX;
	/* EAGAIN: a rename ran while the kernel looked; it asks to be asked again */
	do {
		fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof how);
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		return -errno;
	err = regular_or_error(fd);
	if (err) {
		(void)close(fd); /* read side: nothing to lose */
		return err;
	}
	return fd;
}
