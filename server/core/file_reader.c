/* SPDX-License-Identifier: MIT */
#include "server/core/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/base/os.h"

enum { ANSWER_S = 10 };

/* What stands before each file on the socket pair. */
struct answer {
	int32_t err; /* 0 or negative */
	uint32_t n;
};

void file_reader_init(struct file_reader *r)
{
	*r = (struct file_reader){ .fd = -1 };
}

/* The place of a path, or r->n. */
static size_t place_of(const struct file_reader *r, const char *path)
{
	size_t i = 0;

	while (i < r->n && strcmp(r->path[i], path) != 0)
		i++;
	return i;
}

int file_reader_add(struct file_reader *r, const char *path)
{
	if (!*path || place_of(r, path) < r->n)
		return 0;
	if (r->n == FILE_READER_PATHS)
		return ERR_LIMIT;
	r->path[r->n++] = xstrdup(path);
	return 0;
}

/* ---- the process ---- */

static bool send_all(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p = (const char *)p + sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Keys are not left in memory that others get next. */
static void forget(char *text, size_t n)
{
	if (text)
		explicit_bzero(text, n);
	free(text);
}

static bool send_file(int fd, const char *path)
{
	char *text = NULL;
	size_t n = 0;
	int err = os_read_file(path, FILE_READER_BYTES, &text, &n);
	struct answer a = { .err = err, .n = err ? 0 : (uint32_t)n };
	bool ok = send_all(fd, &a, sizeof a) && send_all(fd, text, a.n);

	forget(text, n);
	return ok;
}

/* It hears the place of a path, and has the paths from before. */
static _Noreturn void be_process(const struct file_reader *r, int fd)
{
	uint8_t place;

	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_IGN); /* whoever ends the server ends us by it */
	(void)prctl(PR_SET_NAME, "beagle-files");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i); /* who waits for the end of our output need not wait for us */
	if (dup2(fd, 3) == 3 && close_range(4, ~0U, 0) == 0) {
		while (read(3, &place, 1) == 1 && place < r->n && send_file(3, r->path[place])) {}
	}
	_exit(0);
}

int file_reader_start(struct file_reader *r, char *why)
{
	int fd[2] = { -1, -1 };
	struct timeval patience = { .tv_sec = ANSWER_S };

	if (!r->n)
		return 0;
	int err = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd);
	pid_t pid = err ? -1 : fork();
	if (pid == 0)
		be_process(r, fd[1]);
	if (pid < 0) {
		(void)snprintf(
			why, PREFS_WHY, "no process to read root's files: %s", err_text(-errno));
		if (!err)
			(void)close(fd[0]); /* nobody is there */
	} else {
		(void)setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		r->fd = fd[0];
	}
	if (!err)
		(void)close(fd[1]); /* the process's */
	return pid < 0 ? ERR_STATE : 0;
}

/* ---- reading ---- */

static int receive(int fd, void *p, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : ERR_CLOSED;
		p = (char *)p + got;
		n -= (size_t)got;
	}
	return 0;
}

static int receive_file(int fd, char **text, size_t *n)
{
	struct answer a;
	int err = receive(fd, &a, sizeof a);

	if (err || a.err)
		return err ? err : a.err;
	if (a.n > FILE_READER_BYTES)
		return ERR_SYNTAX;
	*n = a.n;
	*text = xmalloc(a.n + 1);
	(*text)[a.n] = '\0';
	err = receive(fd, *text, a.n);
	if (err)
		forget(*text, a.n);
	return err;
}

static int ask(int fd, size_t place, char **text, size_t *n)
{
	uint8_t word = (uint8_t)place;

	if (!send_all(fd, &word, 1))
		return ERR_CLOSED;
	int err = receive_file(fd, text, n);
	/* half an answer: what comes after it could not be told from the next one */
	if (err == ERR_CLOSED || err == -EAGAIN || err == ERR_SYNTAX)
		(void)shutdown(fd, SHUT_RDWR);
	return err;
}

int file_reader_read(
	const struct file_reader *r, const char *path, size_t max, char **text, size_t *n)
{
	size_t place = r && r->fd >= 0 ? place_of(r, path) : 0;

	if (!r || r->fd < 0 || place == r->n)
		return os_read_file(path, max, text, n);
	int err = ask(r->fd, place, text, n);
	if (!err && *n > max) {
		forget(*text, *n);
		err = ERR_LIMIT;
	}
	return err;
}

void file_reader_close(struct file_reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->path[i]);
	if (r->fd >= 0)
		(void)close(r->fd); /* which ends it */
	file_reader_init(r);
}
