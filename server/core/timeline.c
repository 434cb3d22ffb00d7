/* SPDX-License-Identifier: MIT */
#include "server/core/timeline.h"

/* n · mul / div without overflow where the result has room; towards 0. div > 0. */
static tick_t multiply(tick_t n, int64_t mul, int64_t div)
{
	return n / div * mul + n % div * mul / div;
}

tick_t timeline_present(const struct timeline *l, tick_t npt)
{
	return l->present + (npt - l->npt) / l->scale;
}

tick_t timeline_deliver(const struct timeline *l, tick_t npt)
{
	tick_t span = (npt - l->npt) / l->scale;

	if (l->speed != TIMELINE_SPEED_ONE)
		span = multiply(span, TIMELINE_SPEED_ONE, l->speed);
	return l->deliver + span;
}

tick_t timeline_npt(const struct timeline *l, tick_t t)
{
	tick_t span = t + l->ahead - l->deliver;

	if (l->speed != TIMELINE_SPEED_ONE)
		span = multiply(span, l->speed, TIMELINE_SPEED_ONE);
	return l->npt + span * l->scale;
}
