/* SPDX-License-Identifier: MIT */
#include "conformance/jobs.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/attr.h"
#include "server/base/os.h"

enum { JOBS_MAX = 64 };

struct job {
	pid_t pid; /* 0: free */
	int fd;
	size_t item, got;
	uint8_t *record;
};

NORETURN static void child(const struct jobs *j, size_t item, int fd)
{
	uint8_t *record = xcalloc(1, j->record_size);
	j->work(j->arg, item, record);
	for (size_t at = 0; at < j->record_size;) {
		ssize_t n = write(fd, record + at, j->record_size - at);
		if (n < 0 && errno != EINTR)
			_exit(1);
		at += n > 0 ? (size_t)n : 0;
	}
	_exit(0);
}

static void start(const struct jobs *j, struct job *job, size_t item)
{
	int fd[2];
	(void)fflush(stdout); /* or the child would write it again */
	if (pipe(fd) < 0)
		die("pipe: no descriptors");
	pid_t pid = fork();
	if (pid < 0)
		die("fork: no processes");
	if (pid == 0) {
		(void)close(fd[0]); /* the parent's end */
		child(j, item, fd[1]);
	}
	(void)close(fd[1]); /* the child's end */
	*job = (struct job){ pid, fd[0], item, 0, xmalloc(j->record_size) };
}

static void end(const struct jobs *j, struct job *job)
{
	int status;
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(job->fd); /* read to its end */
	j->done(j->arg, job->item, job->got == j->record_size ? job->record : NULL);
	free(job->record);
	*job = (struct job){ 0 };
}

static void read_record(const struct jobs *j, struct job *job)
{
	ssize_t n = read(job->fd, job->record + job->got, j->record_size - job->got);
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		job->got += (size_t)n;
	if (n <= 0 || job->got == j->record_size)
		end(j, job);
}

/* Waits for any child to say something. */
static void turn(const struct jobs *j, struct job *v, size_t n)
{
	struct pollfd p[JOBS_MAX];
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = v[i].pid ? v[i].fd : -1, .events = POLLIN };
	if (poll(p, n, -1) < 0)
		return; /* a signal: the children have it too and end soon */
	for (size_t i = 0; i < n; i++) {
		if (p[i].revents)
			read_record(j, &v[i]);
	}
}

void jobs_run(const struct jobs *j, const size_t *v, size_t n)
{
	struct job jobs[JOBS_MAX] = { 0 };
	size_t most = j->at_once < JOBS_MAX ? j->at_once : JOBS_MAX, next = 0, running = 0;
	do {
		running = 0;
		for (size_t i = 0; i < most; i++) {
			if (!jobs[i].pid && next < n && !j->enough(j->arg))
				start(j, &jobs[i], v[next++]);
			running += jobs[i].pid != 0;
		}
		if (running)
			turn(j, jobs, most);
	} while (running);
}
