/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_PLAN_H
#define LOADGEN_PLAN_H

#include <stdint.h>

#include "server/base/tick.h"

/*
 * The schedule of a run, fixed before it starts (open model): session i is due at i / rate seconds,
 * whatever the server does meanwhile, and plays for `play`. What a session draws depends on (seed, i)
 * only, so the same plan gives the same sessions in any number of processes.
 */
enum { PLAN_RATE_MIN = 50, PLAN_RATE_MAX = 1000000 };
#define PLAN_SESSIONS_MAX 1000000

struct plan {
	uint64_t sessions;
	double rate; /* arrivals per second */
	tick_t play; /* from the PLAY reply to TEARDOWN */
	uint64_t seed;
};

/* All arrive within two seconds, but never fewer than PLAN_RATE_MIN a second. */
double plan_default_rate(uint64_t sessions);
/* Intended start of session i, from the start of the run. */
tick_t plan_start(const struct plan *p, uint64_t i);
/* Most sessions that are there at once if the server takes no time: for the budget of sockets. */
uint64_t plan_peak(const struct plan *p);
/* When the last session should be over. */
tick_t plan_length(const struct plan *p);

/* Random numbers of one session (splitmix64). */
struct plan_random {
	uint64_t state;
};
struct plan_random plan_random(const struct plan *p, uint64_t i);
uint64_t plan_draw(struct plan_random *r);

#endif
