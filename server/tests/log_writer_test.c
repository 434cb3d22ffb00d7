/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/modules/log_writer.h"
#include "server/tests/unit.h"

/* A disk that answers when it is told to. */
struct slow_io {
	struct media_io io;
	struct media_job *job;
	unsigned n;
};

static void put_off(struct media_io *io, struct media_job *j)
{
	struct slow_io *x = container_of(io, struct slow_io, io);

	x->job = j;
	x->n++;
}

static void t_lines(void)
{
	char path[] = "/tmp/beagle-log-XXXXXX", text[64] = "";
	struct slow_io x = { .io = { put_off } };
	struct log_writer w;
	int fd = mkstemp(path);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	log_writer_open(&w, fd);
	log_writer_put(&w, &x.io, B("one\n"));
	log_writer_put(&w, &x.io, B("two\n"));
	CU_ASSERT_EQUAL(x.n, 1); /* one job at a time */
	CU_ASSERT_TRUE(x.job->run(x.job));
	log_writer_put(&w, media_io_sync(), B("three\n"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(read(fd, text, sizeof text - 1), 14);
	CU_ASSERT_STRING_EQUAL(text, "one\ntwo\nthree\n");
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 0);
	(void)close(fd);
	log_writer_close(&w);
	(void)unlink(path);
}

static void t_slow(void)
{
	struct slow_io x = { .io = { put_off } };
	struct log_writer w;
	uint8_t line[1000];
	unsigned fit = LOG_WRITER_BYTES_MAX / sizeof line;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	log_writer_open(&w, fd);
	for (unsigned i = 0; i < fit + 7; i++)
		log_writer_put(&w, &x.io, bytes_of(line, sizeof line));
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 7);
	CU_ASSERT_EQUAL(atomic_load(&w.err), 0);
	CU_ASSERT_TRUE(x.job->run(x.job));
	log_writer_put(&w, media_io_sync(), B("goes on\n"));
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 0);
	log_writer_close(&w);
}

static void t_full(void)
{
	struct log_writer w;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		unit_skip("no /dev/full");
		return;
	}
	log_writer_open(&w, fd);
	log_writer_put(&w, media_io_sync(), B("one\n"));
	log_writer_put(&w, media_io_sync(), B("two\nthree\n"));
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 3);
	CU_ASSERT_EQUAL(atomic_load(&w.err), -ENOSPC);
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 0);
	log_writer_close(&w);
}

/* A file that is renamed, and opened again while a job is under way and while none is. */
static void t_reopen(void)
{
	struct slow_io x = { .io = { put_off } };
	struct log_writer w;
	int fds[3][2];
	char text[16] = "";

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(pipe2(fds[i], O_CLOEXEC | O_NONBLOCK), 0);
	log_writer_open(&w, -1);
	log_writer_reopen(&w, fds[0][1]);
	log_writer_put(&w, media_io_sync(), B("one\n"));
	log_writer_put(&w, &x.io, B("two\n"));
	log_writer_reopen(&w, fds[1][1]);
	log_writer_reopen(&w, fds[2][1]);
	CU_ASSERT_EQUAL(read(fds[1][0], text, sizeof text), 0); /* closed, never written to */
	CU_ASSERT_TRUE(x.job->run(x.job));
	log_writer_put(&w, media_io_sync(), B("three\n"));
	CU_ASSERT_EQUAL(read(fds[0][0], text, sizeof text), 4);
	CU_ASSERT_EQUAL(read(fds[0][0], text, sizeof text), 0);
	CU_ASSERT_EQUAL(read(fds[2][0], text, sizeof text), 10);
	CU_ASSERT_EQUAL(memcmp(text, "two\nthree\n", 10), 0);
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 0);
	log_writer_close(&w);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i][0]);
}

/* A pipe that takes a part of a line: what follows begins a line of its own. */
static void t_torn(void)
{
	static uint8_t line[200000], got[400000];
	struct log_writer w;
	int fds[2];
	size_t n = 0;

	CU_ASSERT_EQUAL_FATAL(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	log_writer_open(&w, fds[1]);
	log_writer_put(&w, media_io_sync(), bytes_of(line, sizeof line));
	CU_ASSERT_EQUAL(log_writer_take_lost(&w), 1);
	for (ssize_t r; (r = read(fds[0], got + n, sizeof got - n)) > 0;)
		n += (size_t)r;
	CU_ASSERT_TRUE(n > 0 && n < sizeof line);
	log_writer_put(&w, media_io_sync(), B("whole\n"));
	CU_ASSERT_EQUAL(read(fds[0], got, sizeof got), 7);
	CU_ASSERT_EQUAL(memcmp(got, "\nwhole\n", 7), 0);
	log_writer_close(&w);
	(void)close(fds[0]);
}

UNIT_SUITE(log_writer,
	{ "log: lines are written whole and in order, by one job at a time", t_lines },
	{ "log: a disk that does not keep up loses lines, counted", t_slow },
	{ "log: lines that a full disk refuses are counted", t_full },
	{ "log: a file opened again gets what is not written yet, the former is closed", t_reopen },
	{ "log: what follows a torn line begins anew", t_torn });
