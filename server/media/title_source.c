/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/points.h"
#include "server/media/title_parts.h"

/* A session's cursor over a title: one lane per track, which holds the block it reads and, as soon as
 * that is begun, the one it will read next. */

enum {
	POINTS_PER_S = 25, /* most sync samples per second of viewing */
	MISSES_MAX = 800,  /* blocks and sync points in turn without a frame: no use to go on */
	SEARCH_MAX = 4 /* blocks, from the sync point's unit on, that are looked through for it */
};
/* How long after a sync point its frame may leave; without it, what comes then is better than silence. */
#define SKIP_MAX (5 * TICK_S)

enum skip {
	SKIP_NONE,
	SKIP_TO_SYNC, /* up to the first packet of a sync sample that is not before skip_rtp */
	SKIP_TO_DUE /* up to the last packet that is not due after skip_due: it still sounds then */
};

struct lane {
	/* What each packet touches, together. */
	struct block *now; /* a reference */
	uint32_t row;      /* next one of now */
	int scale;         /* 0: silent */
	enum skip skip;
	uint32_t exact_rtp;
	tick_t exact; /* what is shown before this NPT is leading; < 0: none is */
	struct title_source *owner;
	struct block *then; /* a reference */
	uint32_t want;      /* where the block begins that comes next */
	int err;            /* stays until a seek */
	uint32_t skip_rtp;
	tick_t skip_due;
	/* At other scales than 1: the frame of one sync point after another. */
	uint32_t point;     /* which */
	tick_t point_npt;   /* when it is shown; all its packets are due then */
	uint32_t misses;    /* blocks and sync points since the last frame */
	uint32_t searched;  /* blocks from its unit on, for this one */
	bool in_point;      /* its rows are being read, */
	uint32_t point_rtp; /* which have this RTP time */
	bool busy;          /* job is under way */
	struct block_job job;
};

struct title_source {
	struct source source;
	struct title *title;
	struct media_io *io;
	tick_t now;             /* of the last next() */
	struct block **retired; /* their packets may still be on their way out this turn */
	uint32_t n_retired, cap_retired;
	bool waiting; /* next() answered ERR_AGAIN */
	bool inside;  /* next() or seek() is running: it sees by itself what arrives */
	bool dead;
	bool arrived; /* it has had a block: what it needs is no longer expected but counted */
	struct lane lanes[]; /* one per track; the tracks follow them */
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
		title_drop_block(ts->title, ts->retired[--ts->n_retired]);
}

static void source_end(struct title_source *ts)
{
	for (uint32_t i = 0; i < ts->source.n_tracks; i++) {
		if (ts->lanes[i].busy)
			return; /* its done() comes back here */
	}
	if (!ts->arrived)
		title_arrived(ts->title);
	title_release(ts->title, ts->io);
	free(ts->retired);
	free(ts);
}

/* ---- blocks of a lane ---- */

static void lane_done(struct media_job *job)
{
	struct lane *l = container_of(job, struct lane, job.job);
	struct title_source *ts = l->owner;

	l->busy = false;
	if (ts->dead) {
		if (!l->job.err)
			title_drop_block(ts->title, l->job.block);
		source_end(ts);
		return;
	}
	if (l->job.first != l->want) { /* a seek has made it meaningless */
		if (!l->job.err)
			title_drop_block(ts->title, l->job.block);
	} else if (l->job.err == -ENOBUFS && l->now && l->row < l->now->n_rows) {
		/* the cache is full and l->now not played out: it is asked for again */
	} else if (l->job.err) {
		l->err = l->job.err;
	} else {
		title_drop_block(ts->title, l->then);
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
	title_drop_block(ts->title, l->then);
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
	uint32_t first = l->want;

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
	l->want = l->now->next;
	if (!l->owner->arrived)
		title_arrived(l->owner->title);
	l->owner->arrived = true;
	if (!title_is_tight(l->owner->title))
		lane_fetch(l, l->want);
	return 0;
}

/* Is what the row carries over when playing starts, because something else has begun by then? By RTP time:
 * hinters send early or late. The row is the lane's next one. */
static bool is_over(const struct lane *l, const struct row *r)
{
	const struct stream *s = lane_stream(l);
	uint32_t start = (uint32_t)stream_ticks_of(s, l->skip_due);

	if ((int32_t)(r->rtp_time - start) >= 0)
		return false;
	for (uint32_t i = l->row + 1; i < l->now->n_rows; i++) {
		uint32_t next = l->now->rows[i].rtp_time;
		if (next != r->rtp_time)
			return (int32_t)(next - start) <= 0;
	}
	return l->now->next < s->n_units && s->ops->unit_due(s, l->now->next) <= l->skip_due;
}

static bool lane_skips(struct lane *l, const struct row *r)
{
	switch (l->skip) {
	case SKIP_NONE: return false;
	case SKIP_TO_SYNC:
		if (r->due <= l->skip_due + SKIP_MAX &&
			(!r->sync || (int32_t)(r->rtp_time - l->skip_rtp) < 0))
			return true;
		break;
	case SKIP_TO_DUE:
		if (is_over(l, r))
			return true;
		break;
	}
	l->skip = SKIP_NONE;
	return false;
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

/* ---- at a scale: from sync point to sync point ---- */

/* The one after the lane's in its direction, so far away that no more than 25 frames a second are shown.
 * False: there is none. */
static bool point_after(const struct lane *l, uint32_t *i)
{
	const struct stream *s = lane_stream(l);
	tick_t step = TICK_S / POINTS_PER_S * abs(l->scale);

	if (l->scale < 0)
		return points_before(s, l->point_npt - step, i) && *i < l->point;
	*i = points_before(s, l->point_npt + step - 1, i) ? *i + 1 : 0;
	if (*i <= l->point)
		*i = l->point + 1;
	return *i < points_count(s);
}

static void lane_turn(struct lane *l, uint32_t point)
{
	const struct stream *s = lane_stream(l);
	uint32_t unit = points_unit(s, point);
	bool back = l->scale < 0;

	l->point = point;
	l->point_npt = points_npt(s, point);
	l->in_point = false;
	l->searched = 0;
	if (!l->now || unit >= l->now->next || (back && unit < l->now->first))
		lane_place(l, unit, SKIP_NONE, 0);
	else if (back)
		l->row = 0;
	else
		l->want = l->now->next;
}

/* Does the row belong to the frame of the sync point? */
static bool is_of_point(struct lane *l, const struct row *r)
{
	const struct stream *s = lane_stream(l);

	if (l->in_point)
		return r->rtp_time == l->point_rtp;
	if (!r->sync)
		return false;
	if (!s->n_syncs)
		return r->due >= l->point_npt - TICK_S / 200;
	uint32_t off = r->rtp_time - (uint32_t)stream_ticks_of(s, l->point_npt) + tolerance(s);
	return off <= 2 * tolerance(s);
}

/* The frame begins: what comes after it can be loaded. */
static void enter_point(struct lane *l, const struct row *r)
{
	const struct stream *s = lane_stream(l);
	uint32_t next;

	l->in_point = true;
	l->misses = 0;
	l->point_rtp = r->rtp_time;
	if (!point_after(l, &next))
		return;
	uint32_t unit = points_unit(s, next);
	if (unit >= l->now->first && unit < l->now->next)
		return;
	l->want = s->ops->block_first(s, unit);
	if (!title_is_tight(l->owner->title))
		lane_fetch(l, l->want);
}

/* Is it of no use to look for the sync point's rows any further? */
static bool is_past_point(const struct lane *l, const struct row *r)
{
	return l->in_point || r->due > l->point_npt + TICK_S;
}

/* Nothing of the sync point is left: on to the next. False: there is none. */
static bool lane_leave_point(struct lane *l)
{
	uint32_t next;

	l->misses += !l->in_point;
	if (l->misses > MISSES_MAX || !point_after(l, &next)) {
		l->scale = 0;
		return false;
	}
	lane_turn(l, next);
	return true;
}

/* On to the block where the frame, or the search for it, may go on. */
static int next_of_point(struct lane *l)
{
	if (l->now && l->in_point)
		l->want = l->now->next;
	if (!l->in_point && (l->searched >= SEARCH_MAX || l->misses > MISSES_MAX))
		return ERR_END;
	int err = lane_advance(l);
	if (!err && !l->in_point) {
		l->misses++;
		l->searched += l->now->next > points_unit(lane_stream(l), l->point);
	}
	return err;
}

static int lane_peek_point(struct lane *l, const struct row **out)
{
	while (l->scale != 0) {
		if (!l->now || l->row == l->now->n_rows) {
			int err = next_of_point(l);
			if (err == ERR_END)
				(void)lane_leave_point(l); /* or be at its end */
			else if (err)
				return err;
			continue;
		}
		*out = &l->now->rows[l->row];
		if (is_of_point(l, *out)) {
			if (!l->in_point)
				enter_point(l, *out);
			return 0;
		}
		if (!is_past_point(l, *out))
			l->row++;
		else
			(void)lane_leave_point(l); /* or be at its end */
	}
	return ERR_END;
}

/* ---- packets ---- */

/* The lane's next packet, not consumed. */
static int lane_peek(struct lane *l, const struct row **out)
{
	if (l->scale != 1)
		return lane_peek_point(l, out);
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

static tick_t lane_due(const struct lane *l, const struct row *r)
{
	return l->scale == 1 ? r->due : l->point_npt;
}

/* Needed only to decode what is shown from the start on. The time compared first is 64 bits wide. */
static bool is_leading(const struct lane *l, const struct row *r)
{
	return r->due < l->exact && (int32_t)(r->rtp_time - l->exact_rtp) < 0;
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

/* The same backward: of the first frames shown, that of the highest NPT. */
static tick_t find_start_back(const struct title_source *ts, uint32_t tracks, tick_t npt)
{
	const struct movie *m = &ts->title->movie;
	tick_t start = 0;
	uint32_t n;

	for (uint32_t i = 0; i < m->n_streams; i++) {
		const struct stream *s = m->streams[i];

		if (tracks >> i & 1 && points_are_enough(s) && points_before(s, npt, &n) &&
			points_npt(s, n) > start)
			start = points_npt(s, n);
	}
	return start;
}

/* From the first unit on, a codec's run-up included? */
static bool is_from_first(const struct stream *s, tick_t start)
{
	return start <= 0 && (!s->n_units || s->ops->unit_due(s, 0) >= -TICK_S);
}

/* When the first packets are shown that a lane sends for `start`. */
static tick_t first_shown(const struct stream *s, tick_t start)
{
	uint32_t n;

	if (is_from_first(s, start))
		return s->n_units ? points_npt(s, 0) : start;
	if (s->is_video && s->n_syncs && stream_sync_before(s, start, &n))
		return s->ops->sync_npt(s, n);
	return start;
}

static tick_t find_lead(const struct title_source *ts, uint32_t tracks, tick_t start, tick_t from)
{
	const struct movie *m = &ts->title->movie;
	tick_t lead = 0;

	for (uint32_t i = 0; i < m->n_streams; i++) {
		tick_t shown = tracks >> i & 1 ? first_shown(m->streams[i], from) : start;
		if (start - shown > lead)
			lead = start - shown;
	}
	return lead;
}

/* video: where its group begins, which is `start` unless an exact start lies in it. */
static void lane_seek(struct lane *l, tick_t start)
{
	const struct stream *s = lane_stream(l);
	uint32_t n;

	l->scale = 1;
	l->exact = -1;
	if (is_from_first(s, start)) {
		lane_place(l, 0, SKIP_NONE, start);
	} else if (s->is_video && s->n_syncs) {
		(void)stream_sync_before(s, start, &n); /* none: the first one */
		lane_place(l, s->ops->sync_unit(s, n), SKIP_TO_SYNC, s->ops->sync_npt(s, n));
	} else {
		/* the unit before may last, or have packets, beyond the start */
		n = s->ops->unit_at(s, start);
		lane_place(l, n ? n - 1 : 0, SKIP_TO_DUE, start);
	}
}

static void lane_seek_point(struct lane *l, tick_t npt, int scale)
{
	const struct stream *s = lane_stream(l);
	uint32_t point;

	l->scale = 0;
	if (!points_are_enough(s) || (!points_before(s, npt, &point) && scale < 0))
		return;
	l->scale = scale;
	l->misses = 0;
	lane_place(l, points_unit(s, point), SKIP_NONE, 0);
	lane_turn(l, point);
}

static bool is_offered(const struct source *s, int scale)
{
	return scale == 1 || (s->can_scale && (scale == SOURCE_SCALE_BACK || scale == 2 ||
						      scale == 4 || scale == SOURCE_SCALE_MAX));
}

static void lanes_seek(
	struct title_source *ts, uint32_t tracks, const struct source_start *at, tick_t start)
{
	ts->inside = true;
	for (uint32_t i = 0; i < ts->source.n_tracks; i++) {
		struct lane *l = &ts->lanes[i];

		if (!(tracks >> i & 1))
			continue;
		if (at->scale != 1)
			lane_seek_point(l, at->scale < 0 ? at->npt : start, at->scale);
		else
			lane_seek(l, start);
		if (at->exact) {
			l->exact = at->npt;
			l->exact_rtp = (uint32_t)stream_ticks_of(lane_stream(l), at->npt);
		}
		if (l->scale != 0)
			lane_fetch(l, l->want);
	}
	ts->inside = false;
}

static int seek(struct source *s, uint32_t tracks, const struct source_start *at, tick_t *actual)
{
	struct title_source *ts = container_of(s, struct title_source, source);
	tick_t start;

	if (!is_offered(s, at->scale) || (at->exact && at->scale != 1))
		return ERR_UNSUPPORTED;
	if (at->npt < 0 || at->npt > s->duration)
		return ERR_RANGE;
	start = at->exact       ? at->npt
		: at->scale < 0 ? find_start_back(ts, tracks, at->npt)
				: find_start(ts, tracks, at->npt);
	*actual = start > 0 ? start : 0;
	s->lead = at->scale < 0 ? 0 : find_lead(ts, tracks, *actual, start);
	if (!at->only_ask)
		lanes_seek(ts, tracks, at, start);
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
	const struct row *row = NULL;
	tick_t best = 0;
	bool again = false, any = false;

	for (uint32_t i = 0; i < ts->source.n_tracks; i++) {
		int err = tracks >> i & 1 ? lane_peek(&ts->lanes[i], &row) : ERR_END;

		if (err == ERR_END)
			continue;
		if (err == ERR_AGAIN)
			again = true; /* and let the others begin to load, too */
		else if (err)
			return err;
		else {
			struct lane *l = &ts->lanes[i];
			tick_t due = lane_due(l, row);
			if (!any || (l->scale < 0 ? due > best : due < best)) {
				any = true;
				best = due;
				*first = l;
			}
		}
	}
	if (again)
		return ERR_AGAIN;
	return any ? 0 : ERR_END;
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
	p->due = lane_due(l, r);
	if (l->scale < 0 ? p->due < until : p->due > until)
		return SOURCE_LATER;
	put_packet(p, l->now, r);
	p->leading = is_leading(l, r);
	l->row++;
	return 0;
}

static void free_source(struct source *s)
{
	struct title_source *ts = container_of(s, struct title_source, source);

	for (uint32_t i = 0; i < s->n_tracks; i++) {
		title_drop_block(ts->title, ts->lanes[i].now);
		title_drop_block(ts->title, ts->lanes[i].then);
		atomic_store(&ts->lanes[i].job.unwanted, true);
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
	const struct movie *m = &t->movie;
	struct title_source *ts = xcalloc(
		1, sizeof *ts + m->n_streams * (sizeof ts->lanes[0] + sizeof ts->source.tracks[0]));
	tick_t start;

	ts->title = title_ref(t);
	title_expect(t);
	ts->io = io;
	ts->now = -1;
	ts->source.ops = &title_source_ops;
	ts->source.n_tracks = m->n_streams;
	ts->source.tracks = (struct source_track *)(ts->lanes + m->n_streams);
	ts->source.duration = m->duration;
	ts->source.created_ns = m->created_ns;
	for (uint32_t i = 0; i < m->n_streams; i++) {
		ts->source.tracks[i] = track_of(m->streams[i]);
		ts->lanes[i].owner = ts;
		ts->source.can_scale = ts->source.can_scale || points_are_enough(m->streams[i]);
		ts->lanes[i].job.job.done = lane_done;
	}
	start = find_start(ts, source_all(&ts->source), 0);
	for (uint32_t i = 0; i < m->n_streams; i++)
		lane_seek(&ts->lanes[i], start);
	return &ts->source;
}
