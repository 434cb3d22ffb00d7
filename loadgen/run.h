/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_RUN_H
#define LOADGEN_RUN_H

#include <signal.h>

#include "loadgen/client.h"
#include "loadgen/usage.h"
#include "reports/result.h"

/*
 * One run: starts the sessions on schedule, drains all media every millisecond, keeps the series,
 * checks itself. Real time; one loop that sleeps (connections, timers) and one that never does (media),
 * turned by the first one's tick.
 */
struct run {
	const struct options *options;
	struct result *result; /* gets series and errors while the run goes on; not owned */
	const volatile sig_atomic_t *interrupted; /* the user's wish; NULL = cannot */
	bool is_tty;

	struct loop loop, tick_loop;
	struct task arrivals, tick;
	struct stamp_clock stamps;
	struct tally tally;
	struct client_env env;
	struct pattern pattern;
	struct pattern_body body;
	bool is_pattern;
	struct usage usage;

	struct client **clients; /* all memory of sessions; owned */
	size_t n_clients, cap_clients;
	struct link living, free;
	uint64_t n_living, most_living, n_started;

	tick_t began_at, ended_at, tick_at, second_at;
	tick_t cpu_seen; /* our CPU time at the last tick */
	uint64_t ticks;
	bool was_interrupted, is_unreachable;
	bool has_second;       /* a row of the series was written */
	struct snapshot *last; /* counters at the last row */
};

/* What the run needs to know beyond the options. */
struct run_target {
	struct addr addr;
	const char *url; /* without credentials; lives as long as the run */
	struct bytes path;
};

/* 0; ERR_NOT_FOUND: no process server_pid; ERR_UNSUPPORTED: wide sockets for this target; or -errno:
 * with one line for people in why. Nothing is sent yet. */
enum { RUN_WHY = 200 };
MUST_USE int run_open(struct run *r, const struct options *o, const struct run_target *t,
	struct result *result, char why[RUN_WHY]);
/* Runs to the end. */
void run_go(struct run *r);
void run_close(struct run *r);

/* "udp-pairs", "udp-wide", "tcp": results of different modes cannot be compared. */
const char *run_receive_mode(const struct run *r);
/* "checked", "not checked" (there is nothing to check them against), "not read" (heads only). */
const char *run_payloads(const struct run *r);
/* Did the server go away? Asked after run_go, when sessions died. */
bool run_is_target_gone(const struct run *r);

#endif
