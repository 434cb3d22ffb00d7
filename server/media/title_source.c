/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/title_parts.h"

/* A session's cursor over a title: one lane per track, which holds the block it reads and, as soon as
 * that is begun, the block after it. */

enum skip {
	SKIP_NONE,
	SKIP_TO_SYNC, /* up to the first packet of a sync sample that is not before skip_rtp */
	SKIP_TO_DUE   /* up to the first packet that is not due before skip_due */
};

struct lane {
	struct block_job job;
	struct title_source *owner;
	bool busy;                /* job is under way */
	struct block *now, *then; /* a reference each */
	uint32_t row;             /* next one of now */
	uint32_t want;            /* where the first block begins, while now is NULL */
	int err;                  /* stays until a seek */
	enum skip skip;
	uint32_t skip_rtp;
	tick_t skip_due;
};

struct title_source {
	struct source source;
	struct title *title;
	struct media_io *io;
	struct lane lanes[SOURCE_TRACKS_MAX];
	tick_t now;             /* of the last next() */
	struct block **retired; /* their packets may still be on their way out this turn */
	uint32_t n_retired, cap_retired;
	bool waiting; /* next() answered ERR_AGAIN */
	bool inside;  /* next() or seek() is running: it sees by itself what arrives */
	bool dead;
};

/* Half a hundredth of a second: less than a frame, more than what rounding between clocks loses. */
static uint32_t tolerance(const struct stream *s)
{
	return s->clock_hz / 200;
}

static const struct stream *lane_stream(const struct lane *l)
{
	return l->owner->title->movie.streams[l - l->owner->lanes];
}

static void retire(struct title_source *ts, struct block *b)
{
	if (!b)
		return;
	if (ts->n_retired == ts->cap_retired) {
		ts->cap_retired = ts->cap_retired ? ts->cap_retired * 2 : 4;
		ts->retired = xrealloc(ts->retired, ts->cap_retired * sizeof(struct block *));
	}
	ts->retired[ts->n_retired++] = b;
}

static void release_retired(struct title_source *ts)
{
	while (ts->n_retired)
		block_unref(ts->retired[--ts->n_retired]);
}

static void source_end(struct title_source *ts)
{
	for (uint32_t i = 0; i < ts->source.n_tracks; i++) {
		if (ts->lanes[i].busy)
			return; /* its done() comes back here */
	}
	title_unref(ts->title);
	free(ts->retired);
	free(ts);
}

/* ---- blocks of a lane ---- */

static uint32_t lane_first(const struct lane *l)
{
	return l->now ? l->now->next : l->want;
}

static void lane_done(struct media_job *job)
{
	struct lane *l = container_of(job, struct lane, job.job);
	struct title_source *ts = l->owner;

	l->busy = false;
	if (ts->dead) {
		if (!l->job.err)
			block_unref(l->job.block);
		source_end(ts);
		return;
	}
	if (l->job.first != lane_first(l)) { /* a seek has made it meaningless */
		if (!l->job.err)
			block_unref(l->job.block);
	} else if (l->job.err) {
		l->err = l->job.err;
	} else {
		block_unref(l->then);
		l->then = l->job.block;
	}
	if (ts->waiting && !ts->inside) {
		ts->waiting = false;
		if (ts->source.wake)
			ts->source.wake(ts->source.wake_arg);
	}
}

/* Sees to it that l->then is the block that begins at `first`, now or after a request. */
static void lane_fetch(struct lane *l, uint32_t first)
{
	struct title_source *ts = l->owner;
	uint32_t stream = (uint32_t)(l - ts->lanes);

	if (first >= lane_stream(l)->n_units || (l->then && l->then->first == first))
		return;
	block_unref(l->then);
	l->then = title_find_block(ts->title, stream, first);
	if (l->then || l->busy)
		return;
	l->busy = true;
	l->job.title = ts->title;
	l->job.stream = stream;
	l->job.first = first;
	title_request_block(&l->job, ts->io);
}

/* On to the next block: 0, ERR_AGAIN, ERR_END, or what loading it ran into. */
static int lane_advance(struct lane *l)
{
	uint32_t first = lane_first(l);

	if (first >= lane_stream(l)->n_units)
		return ERR_END;
	if (!l->err)
		lane_fetch(l, first);
	if (l->err)
		return l->err;
	if (!l->then || l->then->first != first)
		return ERR_AGAIN;
	retire(l->owner, l->now);
	l->now = l->then;
	l->then = NULL;
	l->row = 0;
	lane_fetch(l, l->now->next);
	return 0;
}

static bool lane_skips(struct lane *l, const struct row *r)
{
	switch (l->skip) {
	case SKIP_NONE: return false;
	case SKIP_TO_SYNC:
		if (!r->sync || (int32_t)(r->rtp_time - l->skip_rtp) < 0)
			return true;
		break;
	case SKIP_TO_DUE:
		if (r->due < l->skip_due)
			return true;
		break;
	}
	l->skip = SKIP_NONE;
	return false;
}

/* The lane's next packet, not consumed. */
static int lane_peek(struct lane *l, const struct row **out)
{
	for (;;) {
		int err;

		for (; l->now && l->row < l->now->n_rows; l->row++) {
			*out = &l->now->rows[l->row];
			if (!lane_skips(l, *out))
				return 0;
		}
		err = lane_advance(l);
		if (err)
			return err;
	}
}

static void lane_place(struct lane *l, uint32_t unit, enum skip skip, tick_t npt)
{
	const struct stream *s = lane_stream(l);

	retire(l->owner, l->now);
	l->now = NULL;
	l->row = 0;
	l->err = 0;
	l->want = unit < s->n_units ? s->ops->block_first(s, unit) : unit;
	l->skip = skip;
	l->skip_due = npt;
	l->skip_rtp = (uint32_t)stream_ticks_of(s, npt) - tolerance(s);
}

/* ---- seeking ---- */

/* Where playing really begins when npt is asked for: no video track shall begin amid a group. */
static tick_t find_start(const struct title_source *ts, uint32_t tracks, tick_t npt)
{
	const struct movie *m = &ts->title->movie;
	tick_t start = npt;
	uint32_t n;

	for (uint32_t i = 0; i < m->n_streams; i++) {
		const struct stream *s = m->streams[i];

		if (tracks >> i & 1 && s->is_video && stream_sync_before(s, npt, &n) &&
			s->ops->sync_npt(s, n) < start)
			start = s->ops->sync_npt(s, n);
	}
	return start;
}

static void lane_seek(struct lane *l, tick_t start)
{
	const struct stream *s = lane_stream(l);
	uint32_t n;

	if (start <= 0 && (!s->n_units || s->ops->unit_due(s, 0) >= -TICK_S)) {
		/* all there is, a codec's run-up included */
		lane_place(l, 0, SKIP_NONE, start);
	} else if (s->is_video && s->n_syncs) {
		if (stream_sync_before(s, start, &n))
			lane_place(
				l, s->ops->sync_unit(s, n), SKIP_TO_SYNC, s->ops->sync_npt(s, n));
		else
			lane_place(l, 0, SKIP_TO_SYNC, start);
	} else {
		/* packets of the sample before may be due after the start */
		n = s->ops->unit_at(s, start);
		lane_place(l, n ? n - 1 : 0, SKIP_TO_DUE, start);
	}
}

static int seek(struct source *s, uint32_t tracks, const struct source_start *at, tick_t *actual)
{
	struct title_source *ts = container_of(s, struct title_source, source);
	tick_t start;

	if (at->scale != 1 || at->exact)
		return ERR_UNSUPPORTED;
	if (at->npt < 0 || at->npt > s->duration)
		return ERR_RANGE;
	start = find_start(ts, tracks, at->npt);
	ts->inside = true;
	for (uint32_t i = 0; i < s->n_tracks; i++) {
		if (!(tracks >> i & 1))
			continue;
		lane_seek(&ts->lanes[i], start);
		lane_fetch(&ts->lanes[i], ts->lanes[i].want);
	}
	ts->inside = false;
	*actual = start > 0 ? start : 0;
	return 0;
}

/* ---- source ---- */

static int describe(struct source *s, const struct source_place *place, struct buf *sdp)
{
	return title_sdp_write(container_of(s, struct title_source, source)->title, place, sdp);
}

/* The lane whose packet is due first. */
static int first_lane(struct title_source *ts, uint32_t tracks, struct lane **first)
{
	const struct row *row = NULL, *best = NULL;
	bool again = false;

	for (uint32_t i = 0; i < ts->source.n_tracks; i++) {
		int err = tracks >> i & 1 ? lane_peek(&ts->lanes[i], &row) : ERR_END;

		if (err == ERR_END)
			continue;
		if (err == ERR_AGAIN)
			again = true; /* and let the others begin to load, too */
		else if (err)
			return err;
		else if (!best || row->due < best->due) {
			best = row;
			*first = &ts->lanes[i];
		}
	}
	if (again)
		return ERR_AGAIN;
	return best ? 0 : ERR_END;
}

static void put_packet(struct packet *p, struct block *b, const struct row *r)
{
	p->payload_type = r->payload_type;
	p->importance = r->importance;
	p->head_n = 0;
	p->marker = r->marker;
	p->padding = r->padding;
	p->extension = r->extension;
	p->sync = r->sync;
	p->leading = false;
	p->train = r->train;
	p->rtp_time = r->rtp_time;
	p->body = block_payload(b, r);
	p->block = b;
}

static int next(struct source *s, uint32_t tracks, tick_t until, tick_t now, struct packet *p)
{
	struct title_source *ts = container_of(s, struct title_source, source);
	struct lane *l = NULL;
	const struct row *r;
	int err;

	if (now != ts->now) {
		release_retired(ts);
		ts->now = now;
	}
	ts->inside = true;
	err = first_lane(ts, tracks, &l);
	ts->inside = false;
	ts->waiting = err == ERR_AGAIN;
	if (err)
		return err;
	r = &l->now->rows[l->row];
	p->track = (uint8_t)(l - ts->lanes);
	p->due = r->due;
	if (r->due > until)
		return SOURCE_LATER;
	put_packet(p, l->now, r);
	l->row++;
	return 0;
}

static void free_source(struct source *s)
{
	struct title_source *ts = container_of(s, struct title_source, source);

	for (uint32_t i = 0; i < s->n_tracks; i++) {
		block_unref(ts->lanes[i].now);
		block_unref(ts->lanes[i].then);
	}
	release_retired(ts);
	ts->dead = true;
	source_end(ts);
}

static const struct source_ops title_source_ops = {
	.name = "file", .describe = describe, .seek = seek, .next = next, .free = free_source
};

static struct source_track track_of(const struct stream *s)
{
	return (struct source_track){ .control = s->control,
		.clock_hz = s->clock_hz,
		.payload_type = s->payload_type,
		.is_video = s->is_video,
		.duration = s->duration,
		.bitrate_bps = s->bitrate_bps,
		.payload_max = s->payload_max };
}

struct source *title_source(struct title *t, struct media_io *io)
{
	struct title_source *ts = xcalloc(1, sizeof *ts);
	const struct movie *m = &t->movie;
	tick_t start;

	ts->title = title_ref(t);
	ts->io = io;
	ts->now = -1;
	ts->source.ops = &title_source_ops;
	ts->source.n_tracks = m->n_streams;
	ts->source.duration = m->duration;
	ts->source.created_ns = m->created_ns;
	for (uint32_t i = 0; i < m->n_streams; i++) {
		ts->source.tracks[i] = track_of(m->streams[i]);
		ts->lanes[i].owner = ts;
		ts->lanes[i].job.job.done = lane_done;
	}
	start = find_start(ts, source_all(&ts->source), 0);
	for (uint32_t i = 0; i < m->n_streams; i++)
		lane_seek(&ts->lanes[i], start);
	return &ts->source;
}
