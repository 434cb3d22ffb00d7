/* SPDX-License-Identifier: MIT */
#include "server/takeover_wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/base/err.h"

enum { CONTROL_BACKLOG = 4 };

static int path_address(struct sockaddr_un *at, const char *path)
{
	size_t n = strlen(path);

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n == 0 || n >= sizeof at->sun_path)
		return -ENAMETOOLONG;
	memcpy(at->sun_path, path, n);
	return 0;
}

static int open_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	return fd < 0 ? -errno : fd;
}

static int give_up(int fd)
{
	int err = -errno;
	(void)close(fd); /* nothing was sent */
	return err;
}

int take_connect(const char *path, int seconds)
{
	struct sockaddr_un at;
	struct timeval patience = { .tv_sec = seconds };
	int err = path_address(&at, path), fd = err ? err : open_socket(0);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
		connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
		return give_up(fd);
	return fd;
}

/* Only a socket that nobody listens at is taken away. */
static bool is_dead(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = take_connect(path, 1);
	if (fd >= 0)
		(void)close(fd); /* somebody is there */
	return fd == -ECONNREFUSED;
}

int take_listen(const char *path)
{
	struct sockaddr_un at;
	int err = path_address(&at, path), fd = err ? err : open_socket(SOCK_NONBLOCK);

	if (fd < 0)
		return fd;
	if (is_dead(path))
		(void)unlink(path); /* bind tells if it is still there */
	mode_t before = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(before);
	if (bound != 0 || listen(fd, CONTROL_BACKLOG) != 0)
		return give_up(fd);
	return fd;
}

void take_claim(int control)
{
	if (control >= 0)
		(void)listen(
			control, CONTROL_BACKLOG); /* it listens already: only the pid is new */
}

int take_peer_pid(int fd)
{
	struct ucred who = { .pid = 0 };
	socklen_t n = sizeof who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || who.pid <= 0)
		return 0;
	return kill(who.pid, 0) != 0 && errno == ESRCH ? 0 : (int)who.pid;
}

bool take_is_at(int control, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNSPEC };
	socklen_t n = sizeof at;

	return getsockname(control, (struct sockaddr *)&at, &n) == 0 && n > sizeof(sa_family_t) &&
	       strncmp(at.sun_path, path, sizeof at.sun_path) == 0;
}

int take_accept(int control, int *pid)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof who;
	int fd = accept4(control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return give_up(fd);
	if (who.uid != 0 && who.uid != geteuid()) {
		(void)close(fd); /* not even an answer */
		return -EACCES;
	}
	*pid = (int)who.pid;
	return fd;
}

int take_send(int to, const struct take_msg *m, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct take_msg copy = *m;
	struct iovec iov = { &copy, sizeof copy };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	copy.magic = TAKE_MAGIC;
	copy.version = TAKE_VERSION;
	if (fd >= 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	do
		n = sendmsg(to, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* A reset is told once, before what had come until then. */
static ssize_t receive(int from, struct msghdr *h, bool wait)
{
	int flags = MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT);
	ssize_t n;

	do
		n = recvmsg(from, h, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == ECONNRESET ? recvmsg(from, h, flags) : n;
}

int take_recv(int from, struct take_msg *m, int *fd, bool wait)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { m, sizeof *m };
	/* _LEN, not _SPACE, which has room for two: what is more than one is closed by the kernel */
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_LEN(sizeof *fd) };

	*fd = -1;
	ssize_t n = receive(from, &h, wait);
	if (n < 0)
		return errno == ECONNRESET ? ERR_CLOSED : -errno;
	const struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof *fd))
		memcpy(fd, CMSG_DATA(c), sizeof *fd);
	if (n == (ssize_t)sizeof *m && m->magic == TAKE_MAGIC && m->version == TAKE_VERSION &&
		m->kind < TAKE_COUNT)
		return 0;
	if (*fd >= 0)
		(void)close(*fd); /* of something unknown */
	*fd = -1;
	return n ? ERR_SYNTAX : ERR_CLOSED;
}
