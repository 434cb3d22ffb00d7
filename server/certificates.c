/* SPDX-License-Identifier: MIT */
#include "server/certificates.h"

#include <assert.h>
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

enum { FILE_MAX = 256 * 1024, ANSWER_S = 10 };

/* What stands before each file on the socket pair. */
struct answer {
	int32_t err; /* 0 or -errno */
	uint32_t n;
};

/* ---- the reader ---- */

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

static bool send_file(int fd, const char *path)
{
	char *text = NULL;
	size_t n = 0;
	int err = os_read_file(path, FILE_MAX, &text, &n);
	struct answer a = { .err = err, .n = err ? 0 : (uint32_t)n };
	bool ok = send_all(fd, &a, sizeof a) && send_all(fd, text, a.n);

	free(text);
	return ok;
}

/* It hears one word, and knows what to read before it hears it. */
static _Noreturn void be_reader(const struct certificates *c, int fd)
{
	char word;

	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_IGN); /* whoever ends the server ends us by it */
	(void)prctl(PR_SET_NAME, "beagle-certs");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i); /* who waits for the end of our output need not wait for us */
	if (dup2(fd, 3) == 3 && close_range(4, ~0U, 0) == 0) {
		while (read(3, &word, 1) == 1) {
			bool ok = true;
			for (size_t i = 0; i < 2 * c->n_pairs && ok; i++)
				ok = send_file(3, c->path[i]);
		}
	}
	_exit(0);
}

static int start_reader(struct certificates *c, char *why)
{
	int fd[2];
	struct timeval patience = { .tv_sec = ANSWER_S };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		goto failed;
	pid_t pid = fork();
	if (pid == 0)
		be_reader(c, fd[1]);
	(void)close(fd[1]); /* the reader's */
	if (pid < 0) {
		(void)close(fd[0]); /* nobody is there */
		goto failed;
	}
	(void)setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	c->reader = fd[0];
	return 0;
failed:
	(void)snprintf(
		why, PREFS_WHY, "tls_certificate: no process to read them: %s", err_text(-errno));
	return ERR_STATE;
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

/* The next file of the reader. */
static int receive_file(int fd, char **text, size_t *n)
{
	struct answer a;
	int err = receive(fd, &a, sizeof a);

	if (!err && a.n <= FILE_MAX) {
		*text = xmalloc(a.n + 1);
		*n = a.n;
		err = receive(fd, *text, a.n);
	}
	/* what it says after this could not be told from the next answer */
	if (err || a.n > FILE_MAX)
		(void)shutdown(fd, SHUT_RDWR);
	return err ? err : a.err;
}

struct file {
	char *text;
	size_t n;
};

/* All of the reader's answers are taken, so that the next ones are those to the next question. */
static int read_files(const struct certificates *c, struct file *f, char *why)
{
	int result = 0;

	if (c->reader >= 0 && !send_all(c->reader, "r", 1)) {
		(void)snprintf(
			why, PREFS_WHY, "tls_certificate: the process that reads them is gone");
		return ERR_CLOSED;
	}
	for (size_t i = 0; i < 2 * c->n_pairs; i++) {
		int err = c->reader >= 0 ? receive_file(c->reader, &f[i].text, &f[i].n)
					 : os_read_file(c->path[i], FILE_MAX, &f[i].text, &f[i].n);
		if (err && !result) {
			result = err;
			(void)snprintf(why, PREFS_WHY, "%s %.150s: %s",
				i % 2 ? "tls_key" : "tls_certificate", c->path[i], err_text(err));
		}
	}
	return result;
}

/* Keys are not left in memory that others get next. */
static void forget(struct file *f)
{
	if (f->text)
		explicit_bzero(f->text, f->n);
	free(f->text);
}

struct tls_context *certificates_load(const struct certificates *c, char *why)
{
	struct file f[CERTIFICATE_FILES_MAX] = { { NULL, 0 } };
	struct tls_pair pairs[TLS_CERTIFICATES_MAX];
	struct tls_context *made = NULL;

	why[0] = '\0';
	if (!c->n_pairs)
		return NULL;
	if (read_files(c, f, why) == 0) {
		for (size_t i = 0; i < c->n_pairs; i++) {
			const struct file *key = &f[2 * i + 1];
			pairs[i] = (struct tls_pair){ .name = c->path[2 * i],
				.certificate = bytes_of((uint8_t *)f[2 * i].text, f[2 * i].n),
				.key = bytes_of((uint8_t *)key->text, key->n) };
		}
		made = tls_context_new(pairs, c->n_pairs, why);
	}
	for (size_t i = 0; i < 2 * c->n_pairs; i++)
		forget(&f[i]);
	return made;
}

/* ---- life ---- */

/* Every second place from `at` on gets a line of the list. How many. */
static int take_list(struct certificates *c, size_t at, const char *list)
{
	struct bytes rest = bytes_str(list), one;
	int n = 0;

	while (bytes_cut(&rest, '\n', &one)) {
		if (at >= CERTIFICATE_FILES_MAX)
			return ERR_LIMIT;
		c->path[at] = xasprintf("%.*s", BYTES_FMT(one));
		at += 2;
		n++;
	}
	return n;
}

int certificates_open(struct certificates *c, const struct prefs *p, bool leaves_root, char *why)
{
	static_assert((int)TLS_WHY <= (int)PREFS_WHY, "one buffer for both");
	*c = (struct certificates){ .reader = -1 };
	int n = take_list(c, 0, p->tls_certificate), keys = take_list(c, 1, p->tls_key);

	if (n < 0 || keys < 0) {
		(void)snprintf(why, PREFS_WHY, "tls_certificate: at most %d", TLS_CERTIFICATES_MAX);
		return ERR_LIMIT;
	}
	if (keys > n) {
		(void)snprintf(why, PREFS_WHY, "tls_key: %d keys for %d certificates", keys, n);
		return ERR_RANGE;
	}
	c->n_pairs = (size_t)n;
	for (size_t i = 0; i < c->n_pairs; i++) {
		if (!c->path[2 * i + 1])
			c->path[2 * i + 1] = xstrdup(c->path[2 * i]);
	}
	return n && leaves_root ? start_reader(c, why) : 0;
}

void certificates_close(struct certificates *c)
{
	for (size_t i = 0; i < CERTIFICATE_FILES_MAX; i++)
		free(c->path[i]);
	if (c->reader >= 0)
		(void)close(c->reader); /* which ends it */
	*c = (struct certificates){ .reader = -1 };
}
