/* SPDX-License-Identifier: MIT */
#include "server/core/ahead.h"

enum { REAL_TIME = 100 }; /* percent */

static tick_t least(tick_t a, tick_t b)
{
	return a < b ? a : b;
}

static tick_t most(tick_t a, tick_t b)
{
	return a > b ? a : b;
}

void ahead_start(struct ahead *a, const struct prefs *p, tick_t now, tick_t lead)
{
	tick_t max = p->max_send_ahead_time * TICK_S;

	*a = (struct ahead){ .at = now,
		.max = max,
		.first = least(p->overbuffer_first * TICK_MS, max),
		.gain_percent = p->overbuffer_rate - REAL_TIME };
	a->lead = least(most(lead, a->first), max);
}

void ahead_stop(struct ahead *a)
{
	*a = (struct ahead){ 0 };
}

tick_t ahead_lead(const struct ahead *a, tick_t now)
{
	tick_t since = now - a->at;

	if (since < 0 || a->max == 0)
		return 0;
	/* nobody waits so long for the rest, and the product stays small */
	if (a->gain_percent > 0 && since > (a->max / a->gain_percent + 1) * REAL_TIME)
		return a->max;
	return least(a->lead + since * a->gain_percent / REAL_TIME, a->max);
}

/* due - t ≤ lead + (t - at) · gain, solved for t, and due - t ≤ max. */
tick_t ahead_when(const struct ahead *a, tick_t due)
{
	tick_t rate = REAL_TIME + a->gain_percent, over = due - a->at - a->lead;

	if (a->max == 0)
		return due;
	if (over <= 0)
		return least(a->at, due);
	/* rounded up, and in whole parts first, since it may be days */
	tick_t wait = over / rate * REAL_TIME + (over % rate * REAL_TIME + rate - 1) / rate;
	return most(a->at + wait, due - a->max);
}

void ahead_hold(struct ahead *a, tick_t reached, tick_t now)
{
	if (a->max == 0 || now < a->at)
		return;
	a->lead = least(most(reached, a->first), ahead_lead(a, now));
	a->at = now;
}
