/* SPDX-License-Identifier: MIT */
#include "loadgen/usage.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum { SMALL_FILE = 4096 };

/* The start of a small file as a view; empty when it cannot be read. */
static struct bytes read_small(const char *path, char buf[SMALL_FILE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return B("");
	ssize_t n = read(fd, buf, SMALL_FILE);
	(void)close(fd); /* only read */
	return n > 0 ? bytes_of(buf, (size_t)n) : B("");
}

/* Field `at` (from 0) of blank-separated numbers; 0 when absent. */
static int64_t number_at(struct bytes line, unsigned at)
{
	struct bytes word;
	uint64_t v = 0;

	while (bytes_cut(&line, ' ', &word)) {
		word = bytes_trim(word);
		if (word.n == 0)
			continue;
		if (at-- == 0)
			return bytes_to_u64(word, INT64_MAX, &v) ? (int64_t)v : 0;
	}
	return 0;
}

tick_t usage_run_delay(const struct usage *u)
{
	char buf[128];
	ssize_t n = u->delay_fd < 0 ? 0 : pread(u->delay_fd, buf, sizeof buf, 0);

	return n > 0 ? number_at(bytes_of(buf, (size_t)n), 1) : 0;
}

/* CPU time of a process in clock ticks; -1 when it is gone. */
static int64_t process_ticks(int pid)
{
	char path[64], buf[SMALL_FILE];

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	struct bytes b = read_small(path, buf);
	size_t close_paren = 0; /* the name may hold blanks and parentheses */
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == ')')
			close_paren = i + 1;
	if (!close_paren)
		return -1;
	b = bytes_sub(b, close_paren, b.n);
	return number_at(b, 11) + number_at(b, 12); /* utime, stime */
}

static double process_rss(int pid)
{
	char path[64], buf[SMALL_FILE];

	(void)snprintf(path, sizeof path, "/proc/%d/statm", pid);
	struct bytes b = read_small(path, buf);
	return b.n ? (double)number_at(b, 1) * (double)sysconf(_SC_PAGESIZE) : NAN;
}

/* First line of /proc/stat: user nice system idle iowait irq softirq steal … */
static void read_steal(int64_t *steal, int64_t *all)
{
	char buf[SMALL_FILE];
	struct bytes b = read_small("/proc/stat", buf), line;

	*steal = *all = 0;
	if (!bytes_cut(&b, '\n', &line))
		return;
	for (unsigned i = 1; i <= 8; i++)
		*all += number_at(line, i);
	*steal = number_at(line, 8);
}

static double count_fds(void)
{
	struct stat st;
	/* since Linux 6.2 the folder's size is the number of open descriptors */
	return stat("/proc/self/fd", &st) == 0 && st.st_size > 0 ? (double)st.st_size : NAN;
}

int usage_open(struct usage *u, int server_pid, tick_t now)
{
	*u = (struct usage){ .server_pid = server_pid,
		.delay_fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC),
		.at = now,
		.began_at = now };
	u->cpu = u->cpu_began = os_cpu_time();
	u->run_delay = u->delay_began = usage_run_delay(u);
	read_steal(&u->steal_ticks, &u->all_ticks);
	u->steal_began = u->steal_ticks;
	u->all_began = u->all_ticks;
	u->server_ticks = server_pid ? process_ticks(server_pid) : 0;
	if (u->server_ticks >= 0)
		return 0;
	usage_close(u);
	return ERR_NOT_FOUND;
}

void usage_close(struct usage *u)
{
	if (u->delay_fd >= 0)
		(void)close(u->delay_fd); /* only read */
	u->delay_fd = -1;
}

static void take_server(struct usage *u, double span, struct usage_sample *s)
{
	int64_t ticks = u->server_pid ? process_ticks(u->server_pid) : -1;

	s->cpu_server = s->rss_server = NAN;
	if (ticks < 0)
		return;
	s->cpu_server = (double)(ticks - u->server_ticks) / (double)sysconf(_SC_CLK_TCK) / span;
	s->rss_server = process_rss(u->server_pid);
	u->server_ticks = ticks;
}

void usage_take(struct usage *u, tick_t now, struct usage_sample *s)
{
	double span = tick_seconds(now - u->at);
	tick_t cpu = os_cpu_time(), delay = usage_run_delay(u);
	int64_t steal, all;

	if (span <= 0)
		span = 1e-9;
	read_steal(&steal, &all);
	s->cpu_generator = tick_seconds(cpu - u->cpu) / span;
	s->run_delay = tick_seconds(delay - u->run_delay) / span;
	s->steal = all > u->all_ticks
			   ? (double)(steal - u->steal_ticks) / (double)(all - u->all_ticks)
			   : 0;
	s->rss_generator = process_rss((int)getpid());
	s->fds = count_fds();
	take_server(u, span, s);
	u->at = now;
	u->cpu = cpu;
	u->run_delay = delay;
	u->steal_ticks = steal;
	u->all_ticks = all;
	u->fds_most = fmax(u->fds_most, s->fds);
	u->steal_most = fmax(u->steal_most, s->steal);
	u->cpu_most = fmax(u->cpu_most, s->cpu_generator);
}

double usage_cpu_mean(const struct usage *u, tick_t now)
{
	return tick_seconds(os_cpu_time() - u->cpu_began) / tick_seconds(now - u->began_at + 1);
}

double usage_delay_mean(const struct usage *u, tick_t now)
{
	return tick_seconds(usage_run_delay(u) - u->delay_began) /
	       tick_seconds(now - u->began_at + 1);
}

double usage_steal_mean(const struct usage *u)
{
	int64_t all = u->all_ticks - u->all_began;
	return all > 0 ? (double)(u->steal_ticks - u->steal_began) / (double)all : 0;
}

uint64_t usage_fd_limit(void)
{
	struct rlimit r;
	return getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY
		       ? (uint64_t)r.rlim_cur
		       : 1 << 20;
}
