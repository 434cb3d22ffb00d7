/* SPDX-License-Identifier: MIT */
#include "server/media/stream.h"

#include "server/media/hint.h"

/* What an edit list may shift tracks against each other; more is not a codec's delay. */
#define ORIGIN_MAX TICK_S

static int64_t ticks_of(const struct stream *s, uint64_t time)
{
	return scale_near((int64_t)time, s->clock_hz, s->hint->timescale);
}

int64_t stream_ticks(const struct stream *s, uint32_t n)
{
	return ticks_of(s, table_time(&s->hint->table, n)) - s->shift;
}

tick_t stream_due(const struct stream *s, uint32_t n)
{
	return scale_near(stream_ticks(s, n), (uint64_t)TICK_S, s->clock_hz);
}

uint32_t stream_sample_at(const struct stream *s, tick_t npt)
{
	const struct table *t = &s->hint->table;
	int64_t time = scale_floor(npt, s->hint->timescale, (uint64_t)TICK_S) +
		       scale_floor(s->shift, s->hint->timescale, s->clock_hz);
	uint32_t n;

	if (npt <= 0 || time <= 0)
		return 0;
	n = table_sample_at(t, (uint64_t)time);
	/* the floors may have led two units too far down */
	for (int i = 0; i < 2 && n < t->n_samples && stream_due(s, n) < npt; i++)
		n = table_sample_at(t, table_time(t, n) + 1);
	return n;
}

tick_t track_presentation(const struct track *t, uint32_t n, uint32_t movie_timescale)
{
	int64_t time = (int64_t)table_time(&t->table, n) + table_composition(&t->table, n) -
		       t->edit.media_time;

	return scale_near(time, (uint64_t)TICK_S, t->timescale) +
	       scale_near((int64_t)t->edit.delay, (uint64_t)TICK_S, movie_timescale);
}

uint32_t stream_slot_first(const struct stream *s, uint32_t n)
{
	const struct table *t = &s->hint->table;
	uint64_t slot = (uint64_t)s->hint->timescale * STREAM_SLOT_S;

	return table_sample_at(t, table_time(t, n) / slot * slot);
}

uint32_t stream_slot_end(const struct stream *s, uint32_t n)
{
	const struct table *t = &s->hint->table;
	uint64_t slot = (uint64_t)s->hint->timescale * STREAM_SLOT_S;

	return table_sample_at(t, (table_time(t, n) / slot + 1) * slot);
}

int stream_place(struct stream *s, const struct media_file *f, uint32_t movie_timescale)
{
	const struct edit *edit = &s->hint->edit;
	struct hint_origin o;
	int err;

	s->shift = scale_near(edit->media_time, s->clock_hz, s->hint->timescale) -
		   scale_near((int64_t)edit->delay, s->clock_hz, movie_timescale);
	err = hint_find_origin(f, s, &o);
	if (!err) {
		tick_t shown = track_presentation(o.media, o.sample, movie_timescale);
		int64_t ticks = stream_ticks(s, o.hint_sample) + o.rtp_offset;
		tick_t off = scale_near(ticks, (uint64_t)TICK_S, s->clock_hz) - shown;

		if (off > -ORIGIN_MAX && off < ORIGIN_MAX)
			s->shift += ticks - scale_near(shown, s->clock_hz, (uint64_t)TICK_S);
	}
	s->duration = scale_near(
		ticks_of(s, s->hint->table.duration) - s->shift, (uint64_t)TICK_S, s->clock_hz);
	if (s->duration < 0)
		s->duration = 0;
	return err == ERR_NOT_FOUND ? 0 : err;
}
