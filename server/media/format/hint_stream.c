/* SPDX-License-Identifier: MIT */
#include "server/media/format/hint_stream.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/format/hint.h"
#include "server/media/format/hint_sdp.h"

/* What an edit list may shift tracks against each other; more is not a codec's delay. */
#define ORIGIN_MAX TICK_S

static const struct hint_stream *of(const struct stream *s)
{
	return container_of(s, const struct hint_stream, stream);
}

static int64_t ticks_of(const struct hint_stream *s, uint64_t time)
{
	return scale_near((int64_t)time, s->stream.clock_hz, s->hint->timescale);
}

int64_t hint_stream_ticks(const struct hint_stream *s, uint32_t n)
{
	return ticks_of(s, table_time(&s->hint->table, n)) - s->shift;
}

tick_t hint_stream_due(const struct hint_stream *s, uint32_t n)
{
	return scale_near(hint_stream_ticks(s, n), (uint64_t)TICK_S, s->stream.clock_hz);
}

static tick_t unit_due(const struct stream *s, uint32_t n)
{
	return hint_stream_due(of(s), n);
}

static uint32_t unit_at(const struct stream *st, tick_t npt)
{
	const struct hint_stream *s = of(st);
	const struct table *t = &s->hint->table;
	int64_t time = scale_floor(npt, s->hint->timescale, (uint64_t)TICK_S) +
		       scale_floor(s->shift, s->hint->timescale, st->clock_hz);
	uint32_t n;

	if (npt <= 0 || time <= 0)
		return 0;
	n = table_sample_at(t, (uint64_t)time);
	/* the floors may have led two units too far down */
	for (int i = 0; i < 2 && n < t->n_samples && hint_stream_due(s, n) < npt; i++)
		n = table_sample_at(t, table_time(t, n) + 1);
	return n;
}

static uint32_t block_first(const struct stream *st, uint32_t n)
{
	const struct track *k = of(st)->hint;
	uint64_t slot = (uint64_t)k->timescale * STREAM_SLOT_S;

	return table_sample_at(&k->table, table_time(&k->table, n) / slot * slot);
}

uint32_t hint_stream_slot_end(const struct hint_stream *s, uint32_t n)
{
	const struct table *t = &s->hint->table;
	uint64_t slot = (uint64_t)s->hint->timescale * STREAM_SLOT_S;

	return table_sample_at(t, (table_time(t, n) / slot + 1) * slot);
}

static int fill(const struct stream *s, const struct media_file *f, uint32_t track, uint32_t first,
	struct block **out)
{
	return hint_fill(f, of(s), track, first, out);
}

/* The table whose sync samples tell where a stream may begin. */
static const struct track *sync_track(const struct hint_stream *s)
{
	for (uint32_t i = 0; i < TRACK_REFS_MAX; i++) {
		if (s->refs[i] && s->refs[i]->handler == FOURCC('v', 'i', 'd', 'e'))
			return s->refs[i];
	}
	return s->hint;
}

static tick_t sync_npt(const struct stream *st, uint32_t i)
{
	const struct hint_stream *s = of(st);
	const struct track *k = sync_track(s);
	uint32_t n = table_sync(&k->table, i);

	return k == s->hint ? hint_stream_due(s, n) : track_presentation(k, n, s->movie_timescale);
}

/* Hint samples carry the decode time of what they send, or (ffmpeg) rather its presentation time:
 * the search begins at the earlier one. */
static uint32_t sync_unit(const struct stream *st, uint32_t i)
{
	const struct hint_stream *s = of(st);
	const struct track *k = sync_track(s);
	int64_t ahead = k == s->hint ? 0 : table_composition(&k->table, table_sync(&k->table, i));

	if (ahead < 0)
		ahead = 0;
	return unit_at(st,
		sync_npt(st, i) - scale_near(ahead, (uint64_t)TICK_S, k->timescale) - TICK_S / 100);
}

static void describe(const struct stream *s, struct sdp_writer *w)
{
	hint_sdp_describe(of(s), w);
}

static void free_stream(struct stream *s)
{
	free(container_of(s, struct hint_stream, stream));
}

static const struct stream_ops hint_stream_ops = { .kind = "hint track",
	.fill = fill,
	.block_first = block_first,
	.unit_at = unit_at,
	.unit_due = unit_due,
	.sync_npt = sync_npt,
	.sync_unit = sync_unit,
	.describe = describe,
	.free = free_stream };

/* Puts shift and duration. */
static int place(struct hint_stream *s, const struct media_file *f)
{
	const struct edit *edit = &s->hint->edit;
	uint32_t hz = s->stream.clock_hz;
	struct hint_origin o;
	int err;

	s->shift = scale_near(edit->media_time, hz, s->hint->timescale) -
		   scale_near((int64_t)edit->delay, hz, s->movie_timescale);
	err = hint_find_origin(f, s, &o);
	if (!err) {
		tick_t shown = track_presentation(o.media, o.sample, s->movie_timescale);
		int64_t ticks = hint_stream_ticks(s, o.hint_sample) + o.rtp_offset;
		tick_t off = scale_near(ticks, (uint64_t)TICK_S, hz) - shown;

		if (off > -ORIGIN_MAX && off < ORIGIN_MAX)
			s->shift += ticks - scale_near(shown, hz, (uint64_t)TICK_S);
	}
	s->stream.duration =
		scale_near(ticks_of(s, s->hint->table.duration) - s->shift, (uint64_t)TICK_S, hz);
	if (s->stream.duration < 0)
		s->stream.duration = 0;
	return err == ERR_NOT_FOUND ? 0 : err;
}

int hint_stream_new(const struct movie *m, const struct track *hint,
	const struct track *const *refs, uint32_t movie_timescale, struct stream **out)
{
	struct hint_stream *s = xcalloc(1, sizeof *s);
	int err;

	s->stream = (struct stream){ .ops = &hint_stream_ops,
		.payload_max = hint->packet_max,
		.n_units = hint->table.n_samples,
		.id = hint->id };
	s->hint = hint;
	s->movie_timescale = movie_timescale;
	for (uint32_t i = 0; i < TRACK_REFS_MAX; i++)
		s->refs[i] = refs[i];
	err = hint_sdp_read(s, hint_sdp_bps_max(m));
	if (!err)
		err = place(s, &m->file);
	if (err) {
		free(s);
		return err;
	}
	if (s->stream.is_video)
		s->stream.n_syncs = table_syncs(&sync_track(s)->table);
	*out = &s->stream;
	return 0;
}
