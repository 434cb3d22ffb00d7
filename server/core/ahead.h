/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_AHEAD_H
#define SERVER_CORE_AHEAD_H

#include "server/base/tick.h"
#include "server/core/prefs.h"

/*
 * Fast start: how far ahead of real time stored media may leave, so that a player fills its buffer
 * quickly and survives what comes (the Darwin server's overbuffering). A window of the medium leaves at
 * once; from then on delivery runs at overbuffer_rate until it is max_send_ahead_time ahead, and stays
 * there. How much a client really takes is its connection's word: who waits for room calls ahead_hold,
 * and the run-ahead goes on from what was reached, not from what would have been allowed.
 *
 * All times are the loop's. A packet's `due` is when it would leave in real time; "lead" is how much
 * earlier it may. Plain arithmetic: no session, no clock.
 */
struct ahead {
	tick_t at;   /* lead was allowed then */
	tick_t lead; /* ≥ 0 */
	tick_t max;  /* 0: nothing leaves ahead of its time */
	tick_t first;
	int64_t gain_percent; /* of real time, that the lead grows by */
};

/* Delivery begins at `now`; `lead`: what the client has still in its buffer (after a pause). */
void ahead_start(struct ahead *a, const struct prefs *p, tick_t now, tick_t lead);
/* No lead: live media, a rate of the client's own choice, or not wanted. */
void ahead_stop(struct ahead *a);
/* The lead at `now`; 0 before the start. Never less later, up to the maximum, but for ahead_hold. */
tick_t ahead_lead(const struct ahead *a, tick_t now);
/* When what is due at `due` may leave: ahead_lead(when) ≥ due - when, and no time before has that. */
tick_t ahead_when(const struct ahead *a, tick_t due);
/* The connection took no more at `now`, when `reached` was how far ahead delivery really was. */
void ahead_hold(struct ahead *a, tick_t reached, tick_t now);

#endif
