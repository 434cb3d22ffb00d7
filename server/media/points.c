/* SPDX-License-Identifier: MIT */
#include "server/media/points.h"

enum { PAYLOAD_TYPE_MP2T = 33 }; /* carries tracks of its own: its rows are no frames */

uint32_t points_count(const struct stream *s)
{
	return s->n_syncs ? s->n_syncs : s->n_units;
}

tick_t points_npt(const struct stream *s, uint32_t i)
{
	return s->n_syncs ? s->ops->sync_npt(s, i) : s->ops->unit_due(s, i);
}

uint32_t points_unit(const struct stream *s, uint32_t i)
{
	return s->n_syncs ? s->ops->sync_unit(s, i) : i;
}

bool points_before(const struct stream *s, tick_t npt, uint32_t *i)
{
	if (s->n_syncs)
		return stream_sync_before(s, npt, i);
	*i = s->ops->unit_at(s, npt);
	if (*i < s->n_units && s->ops->unit_due(s, *i) <= npt)
		return true;
	*i -= *i > 0;
	return s->n_units > 0 && s->ops->unit_due(s, *i) <= npt;
}

bool points_are_enough(const struct stream *s)
{
	return s->is_video && points_count(s) > 1 && s->payload_type != PAYLOAD_TYPE_MP2T;
}
