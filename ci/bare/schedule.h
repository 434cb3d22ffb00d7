/* SPDX-License-Identifier: MIT */
#ifndef CI_BARE_SCHEDULE_H
#define CI_BARE_SCHEDULE_H

#include "ci/bare/clip.h"

/*
 * What N sessions of a clip, each somewhere else in it, send in each millisecond: worked out beforehand,
 * so that the loop that sends it only walks an array. Due times are rounded to the nearest tick and no
 * session sends more than `burst` packets in one, as the server does it.
 */
struct schedule_group {
	uint32_t tick;     /* of the clip */
	uint32_t first, n; /* of its packets */
};

struct schedule_entry {
	uint32_t session, group;
	uint32_t cycle; /* how often the session has begun the clip anew */
};

struct schedule {
	struct schedule_group *groups;
	uint32_t n_groups, period; /* in ticks */
	struct schedule_entry *entries;
	uint64_t n_entries, n_packets;
	uint32_t n_ticks;
	uint64_t *first; /* n_ticks + 1: where the entries of a tick begin */
};

struct schedule_config {
	uint32_t sessions, ticks, burst;
	uint64_t seed; /* of where the sessions stand */
};
void schedule_init(struct schedule *s, const struct clip *c, const struct schedule_config *config);
void schedule_clear(struct schedule *s); /* frees */

#endif
