/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TIMELINE_H
#define SERVER_CORE_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/tick.h"

/*
 * One stretch of a play, straight on three axes:
 *   NPT           the source's time (2326 3.6)
 *   presentation  the loop's time that a packet's RTP time stands for: one linear clock per session,
 *                 the one of the sender reports (3550 6.4.1). NPT runs `scale` times as fast (2326 12.34).
 *   delivery      the loop's time at which a packet leaves. Presentation runs `speed` times as fast
 *                 (2326 12.35): what comes faster than it is shown lies in the client's buffer.
 * All ns. Plain arithmetic; who owns it decides where a stretch begins and ends.
 */
enum { TIMELINE_SPEED_ONE = 1000000 };

struct timeline {
	tick_t npt;     /* where the stretch begins … */
	tick_t present; /* … on the other two */
	tick_t deliver;
	int32_t scale;  /* not 0; negative: NPT runs down */
	uint32_t speed; /* millionths, not 0 */
	/* How much earlier than due packets may leave now (a fast start); 0: never. */
	tick_t ahead;
};

/* The presentation of an NPT. */
tick_t timeline_present(const struct timeline *l, tick_t npt);
/* When it is due for delivery, without `ahead`. */
tick_t timeline_deliver(const struct timeline *l, tick_t npt);
/* When it may leave: delivery less `ahead`. */
static inline tick_t timeline_leave(const struct timeline *l, tick_t npt)
{
	return timeline_deliver(l, npt) - l->ahead;
}
/* The NPT that may leave at the loop's time t, `ahead` included; unbounded, so beyond both ends, too. */
tick_t timeline_npt(const struct timeline *l, tick_t t);
/* Whether NPT a comes before b in the direction of play. */
static inline bool timeline_is_before(const struct timeline *l, tick_t a, tick_t b)
{
	return l->scale < 0 ? a > b : a < b;
}

#endif
