/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_USAGE_H
#define LOADGEN_USAGE_H

#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/tick.h"

/*
 * What the run costs, read from /proc: our own CPU, memory and descriptors, the time we stood in line
 * for a CPU, what the hypervisor took, and the server's CPU and memory when its process id is known.
 */
struct usage_sample {
	/* of the time since the last sample; 1 = one core all the time; NAN = not known */
	double cpu_generator, cpu_server;
	double run_delay;                 /* share of the time that we were ready and had no CPU */
	double steal;                     /* share of all CPUs' time that the hypervisor took */
	double rss_generator, rss_server; /* bytes; NAN = not known */
	double fds;
};

struct usage {
	int server_pid; /* 0 = none */
	int delay_fd;   /* /proc/self/schedstat, kept open; -1 = absent */
	tick_t at, cpu, run_delay;
	int64_t server_ticks;
	int64_t steal_ticks, all_ticks;
	/* over the whole run */
	tick_t began_at, cpu_began, delay_began;
	double fds_most, steal_most, cpu_most;
	int64_t steal_began, all_began;
};

/* 0, or ERR_NOT_FOUND: there is no such process as server_pid (0 = don't look). */
MUST_USE int usage_open(struct usage *u, int server_pid, tick_t now);
void usage_close(struct usage *u);
/* Time we have waited for a CPU since the process began; 0 when the kernel doesn't tell. */
tick_t usage_run_delay(const struct usage *u);
void usage_take(struct usage *u, tick_t now, struct usage_sample *s);
/* Mean CPU, run delay and steal since usage_open. */
double usage_cpu_mean(const struct usage *u, tick_t now);
double usage_delay_mean(const struct usage *u, tick_t now);
double usage_steal_mean(const struct usage *u);
/* RLIMIT_NOFILE, as it stands. */
uint64_t usage_fd_limit(void);

#endif
