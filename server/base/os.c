/* SPDX-License-Identifier: MIT */
#include "server/base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/base/err.h"

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("fatal: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		die("no memory for %zu bytes", n);
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (!p)
		die("no memory for %zu times %zu bytes", count, size);
	return p;
}

void *xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);
	if (!p)
		die("no memory for %zu bytes", n);
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(xmalloc(n), s, n);
}

void os_give_memory_back(void)
{
	(void)malloc_trim(0); /* whether there was any makes no difference */
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("no memory for a string");
	va_end(ap);
	return s;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t) != 0)
		die("clock %d: %s", (int)id, strerror(errno));
	return (int64_t)t.tv_sec * TICK_S + t.tv_nsec;
}

tick_t os_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t os_realtime(void)
{
	return clock_ns(CLOCK_REALTIME);
}

tick_t os_cpu_time(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void os_random(void *p, size_t n)
{
	for (uint8_t *at = p; n;) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno != EINTR)
			die("getrandom: %s", strerror(errno));
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

static void outfile_free(struct outfile *o)
{
	free(o->path);
	free(o->tmp);
	free(o);
}

struct outfile *outfile_open(const char *path)
{
	struct stat st;
	int fd;

	if (!*path) {
		errno = ENOENT;
		return NULL;
	}
	/* a rename would put a file in the place of /dev/null, and of a link instead of behind it */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return NULL;
	}
	struct outfile *o = xmalloc(sizeof *o);
	char *behind = realpath(path, NULL);
	*o = (struct outfile){ .path = behind ? behind : xstrdup(path) };
	o->tmp = xasprintf("%s.XXXXXX", o->path);
	fd = mkstemp(o->tmp);
	if (fd >= 0)
		(void)fchmod(fd, 0644); /* mkstemp's 0600 would surprise; a failure leaves it */
	if (fd < 0 || !(o->f = fdopen(fd, "w"))) {
		int err = errno;
		if (fd >= 0) {
			(void)close(fd); /* nothing written yet */
			(void)unlink(o->tmp);
		}
		outfile_free(o);
		errno = err;
		return NULL;
	}
	return o;
}

int outfile_commit(struct outfile *o)
{
	int err = 0;

	if (fflush(o->f) != 0 || ferror(o->f) || fsync(fileno(o->f)) != 0)
		err = errno ? -errno : -EIO;
	if (fclose(o->f) != 0 && !err)
		err = -errno;
	if (!err && rename(o->tmp, o->path) != 0)
		err = -errno;
	if (err)
		(void)unlink(o->tmp);
	outfile_free(o);
	return err;
}

void outfile_abort(struct outfile *o)
{
	if (!o)
		return;
	(void)fclose(o->f); /* thrown away */
	(void)unlink(o->tmp);
	outfile_free(o);
}

/* A stream on a regular file; NULL with *err. Never waits: a FIFO without a writer, or a device, is refused. */
static FILE *open_regular(const char *path, int *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	FILE *f = NULL;

	if (fd < 0 || fstat(fd, &st) != 0)
		*err = -errno;
	else if (!S_ISREG(st.st_mode))
		*err = S_ISDIR(st.st_mode) ? -EISDIR : ERR_NO_FILE;
	else if (!(f = fdopen(fd, "rb")))
		*err = -errno;
	if (fd >= 0 && !f)
		(void)close(fd); /* nothing was read */
	return f;
}

/* Reads it to its end, and closes it. */
static int read_stream(FILE *f, size_t max, char **out, size_t *n)
{
	size_t cap = 4096, len = 0;
	int err = 0;
	char *p = xmalloc(cap + 1);

	for (;;) {
		size_t got = fread(p + len, 1, cap - len, f);
		len += got;
		if (ferror(f)) {
			err = errno ? -errno : -EIO;
			break;
		}
		if (len > max) {
			err = ERR_LIMIT;
			break;
		}
		if (got == 0)
			break;
		if (len == cap)
			p = xrealloc(p, (cap *= 2) + 1);
	}
	(void)fclose(f); /* read only */
	if (err) {
		free(p);
		return err;
	}
	p[len] = 0;
	*out = p;
	*n = len;
	return 0;
}

int os_read_file(const char *path, size_t max, char **out, size_t *n)
{
	int err = 0;
	FILE *f = open_regular(path, &err);

	return f ? read_stream(f, max, out, n) : err;
}

int os_read_any(const char *path, size_t max, char **out, size_t *n)
{
	FILE *f = fopen(path, "rbe");

	return f ? read_stream(f, max, out, n) : -errno;
}

int os_mkdirs(const char *path)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *s = copy + 1; !err; s++) {
		char c = *s;
		if (c != '/' && c != 0)
			continue;
		*s = 0;
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			err = -errno;
		*s = c;
		if (c == 0)
			break;
	}
	free(copy);
	return err;
}
