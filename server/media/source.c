/* SPDX-License-Identifier: MIT */
#include "server/media/source.h"

uint32_t source_rtp_at(const struct source *s, uint32_t track, tick_t npt)
{
	uint32_t hz = s->tracks[track].clock_hz;
	/* floor division, so that times before NPT 0 round the same way */
	int64_t seconds = npt / TICK_S - (npt % TICK_S < 0);
	uint64_t rest = (uint64_t)(npt - seconds * TICK_S);

	return (uint32_t)((uint64_t)seconds * hz + (rest * hz + TICK_S / 2) / TICK_S);
}
