/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_WHEEL_H
#define SERVER_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/list.h"
#include "server/base/tick.h"

/*
 * Timing wheel with 1 ms ticks for media pacing: re-arming is a list move, whatever the number of
 * timers. A deadline is rounded to the NEAREST tick, so it fires up to half a tick early or late.
 * Deadlines more than a turn (4096 ms) away share slots and simply stay for another turn.
 * Intrusive: owns nothing but its slots.
 */
enum { WHEEL_SLOTS = 4096 };
#define WHEEL_TICK TICK_MS

struct wheel_node {
	struct link link; /* linked = armed */
	int64_t tick;     /* due tick, absolute */
};
struct wheel {
	int64_t done; /* every tick up to and with this one has been expired */
	uint32_t armed;
	struct link slot[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / 64]; /* bit: the slot is not empty */
};

void wheel_init(struct wheel *w, tick_t now);
void wheel_node_init(struct wheel_node *n);
/* Arms, or re-arms. A deadline in the past fires at the next expire. */
void wheel_set(struct wheel *w, struct wheel_node *n, tick_t at);
void wheel_remove(struct wheel *w, struct wheel_node *n);
static inline bool wheel_has(const struct wheel_node *n)
{
	return !link_is_alone(&n->link);
}
/* Moves every node due at `now` to *out (linked by .link, in order of ticks). */
void wheel_expire(struct wheel *w, tick_t now, struct link *out);
/* When expire should be called next; TICK_NEVER when nothing is armed. May be early, never late. */
tick_t wheel_next(const struct wheel *w);

#endif
