/* SPDX-License-Identifier: MIT */
#include "server/modules/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/os.h"

/* Octets written; fewer than there are with errno. */
static size_t write_all(int fd, struct bytes b)
{
	size_t at = 0;

	while (at < b.n) {
		ssize_t n = write(fd, b.p + at, b.n - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		at += (size_t)n;
	}
	return at;
}

static void write_lines(struct log_writer *w, struct bytes lines)
{
	uint64_t lost = 0;

	if (w->is_torn && write_all(w->fd, B("\n")) == 1)
		w->is_torn = false;
	size_t n = w->is_torn ? 0 : write_all(w->fd, lines);
	if (n == lines.n)
		return;
	atomic_store(&w->err, -errno);
	if (n)
		w->is_torn = lines.p[n - 1] != '\n';
	for (; n < lines.n; n++)
		lost += lines.p[n] == '\n';
	atomic_fetch_add(&w->lost, lost);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* each line was written, or counted as lost */
	*fd = -1;
}

/* With the lock. */
static void take_next_fd(struct log_writer *w)
{
	if (w->next_fd < 0)
		return;
	close_fd(&w->fd);
	w->fd = w->next_fd;
	w->next_fd = -1;
	w->is_torn = false;
}

static bool run(struct media_job *j)
{
	struct log_writer *w = container_of(j, struct log_writer, job);
	struct buf lines;

	for (;;) {
		pthread_mutex_lock(&w->lock);
		take_next_fd(w);
		lines = w->next;
		buf_init(&w->next, LOG_WRITER_BYTES_MAX);
		w->is_writing = lines.n > 0;
		pthread_mutex_unlock(&w->lock);
		if (!lines.n) {
			buf_clear(&lines);
			return true;
		}
		write_lines(w, buf_bytes(&lines));
		buf_clear(&lines);
	}
}

/* Not while the job is under way: its executor counts by it. */
static void set_share(struct log_writer *w)
{
	struct stat st;
	if (fstat(w->fd, &st) == 0)
		w->job.share = (uint64_t)st.st_dev;
}

static int give_away(int fd, const char *user)
{
	const struct passwd *pw = getpwnam(user); /* no worker runs yet: root is given up before */

	return pw && fchown(fd, pw->pw_uid, pw->pw_gid) != 0 ? -errno : 0;
}

/* Opened without waiting; but its writer, who is no worker, may wait. */
static int wait_again(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0 ? -errno : 0;
}

int log_file_open(const char *path, const struct prefs *p)
{
	/* a FIFO that nobody reads is an error at once (ENXIO) */
	enum { HOW = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK };
	int err = 0, fd = open(path, HOW | O_EXCL, 0644);

	if (fd < 0 && errno == EEXIST)
		fd = open(path, HOW, 0644);
	else if (fd >= 0 && geteuid() == 0 && *p->run_user_name)
		err = give_away(fd, p->run_user_name);
	if (fd >= 0 && !err)
		err = wait_again(fd);
	if (fd >= 0 && !err)
		return fd;
	err = fd < 0 ? -errno : err;
	if (fd >= 0)
		(void)close(fd); /* empty */
	return err;
}

void log_writer_open(struct log_writer *w, int fd)
{
	*w = (struct log_writer){ .fd = fd, .next_fd = -1 };
	set_share(w);
	w->job.run = run;
	buf_init(&w->next, LOG_WRITER_BYTES_MAX);
	if (pthread_mutex_init(&w->lock, NULL))
		die("pthread_mutex_init");
}

void log_writer_reopen(struct log_writer *w, int fd)
{
	pthread_mutex_lock(&w->lock);
	close_fd(&w->next_fd);
	w->next_fd = fd;
	if (!w->is_writing) {
		take_next_fd(w);
		set_share(w);
	}
	pthread_mutex_unlock(&w->lock);
}

void log_writer_close(struct log_writer *w)
{
	close_fd(&w->fd);
	close_fd(&w->next_fd);
	buf_clear(&w->next);
	(void)pthread_mutex_destroy(&w->lock); /* nobody can hold it */
}

void log_writer_put(struct log_writer *w, struct media_io *io, struct bytes line)
{
	bool begin;

	pthread_mutex_lock(&w->lock);
	bool is_full = buf_put(&w->next, line) != 0;
	begin = !is_full && !w->is_writing;
	w->is_writing = w->is_writing || begin;
	pthread_mutex_unlock(&w->lock);
	if (is_full) {
		atomic_store(&w->err, 0);
		atomic_fetch_add(&w->lost, 1);
	}
	if (begin)
		media_submit(io, &w->job);
}

uint64_t log_writer_take_lost(struct log_writer *w)
{
	return atomic_exchange(&w->lost, 0);
}
