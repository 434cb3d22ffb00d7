/* SPDX-License-Identifier: MIT */
#include "server/media/format/stream.h"

#include "server/media/format/track.h"

bool stream_sync_before(const struct stream *s, tick_t npt, uint32_t *i)
{
	uint32_t lo = 0, hi = s->n_syncs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->ops->sync_npt(s, mid) <= npt)
			lo = mid + 1;
		else
			hi = mid;
	}
	*i = lo ? lo - 1 : 0;
	return lo > 0;
}

int64_t stream_ticks_of(const struct stream *s, tick_t npt)
{
	return scale_near(npt, s->clock_hz, (uint64_t)TICK_S);
}
