/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/admission.h"
#include "server/core/server.h"

/* Which stretch of NPT a media session plays: PLAY, its queue, PAUSE. */

/* How far ahead the next packet of what was playing may be for a new range to begin there. */
#define CONTINUE_WITHIN TICK_S

enum { SPEED_MIN = TIMELINE_SPEED_ONE / 2 };

/* ---- what is offered ---- */

/* The nearest to what is asked for, the slower of two (2326 12.34). */
static int32_t offered_scale(const struct rtp_session *s, int64_t asked)
{
	static const int32_t scales[] = { 1, SOURCE_SCALE_BACK, 2, 4, SOURCE_SCALE_MAX };
	int32_t best = 1;
	bool can = false;

	for (uint32_t i = 0; i < s->n_streams; i++)
		can = can || (s->mask >> i & 1 && s->source->tracks[i].is_video);
	if (!can || !s->source->can_scale)
		return 1;
	for (size_t i = 0; i < COUNT(scales); i++) {
		int64_t one = TIMELINE_SPEED_ONE;
		if (llabs(scales[i] * one - asked) < llabs(best * one - asked))
			best = scales[i];
	}
	return best;
}

/* As asked for, as far as the medium, the preferences, and the bandwidth of client and server go (12.35:
 * 1 when in doubt). */
static uint32_t offered_speed(const struct rtp_session *s, const struct play *p)
{
	const struct prefs *prefs = s->w->prefs;
	int64_t one = TIMELINE_SPEED_ONE, speed = p->speed, most = prefs->max_allowed_speed * one;

	if (s->source->is_live)
		return TIMELINE_SPEED_ONE;
	if (speed > one && s->bps) {
		uint64_t all = (uint64_t)prefs->maximum_bandwidth * 1000;
		uint64_t used = atomic_load(&s->w->server->bandwidth_bps) - s->speed_bps - s->bps;
		uint64_t room = used < all ? all - used : 0;
		if (p->max_bps && p->max_bps < room)
			room = p->max_bps;
		int64_t fits = room / s->bps > SOURCE_TRACKS_MAX * 100
				       ? most
				       : (int64_t)(room * (uint64_t)one / s->bps);
		most = fits < most ? fits : most;
		most = most > one ? most : one;
	}
	speed = speed < most ? speed : most;
	return (uint32_t)(speed > SPEED_MIN ? speed : SPEED_MIN);
}

/* Takes the bandwidth for it; the speed that there was room for. */
static uint32_t reserve_speed(struct rtp_session *s, uint32_t speed)
{
	uint64_t more = speed > TIMELINE_SPEED_ONE
				? s->bps * (speed - TIMELINE_SPEED_ONE) / TIMELINE_SPEED_ONE
				: 0;

	if (admission_set_speed(s, more))
		return speed;
	/* another worker was faster than what offered_speed() saw */
	(void)admission_set_speed(s, 0); /* less is always possible */
	return TIMELINE_SPEED_ONE;
}

/* ---- position ---- */

tick_t rtp_session_end_of(const struct rtp_session *s, const struct timeline *l, tick_t stop)
{
	tick_t length = s->source->duration;

	if (l->scale < 0)
		return stop > 0 ? stop : 0;
	return stop < length ? stop : length;
}

tick_t rtp_session_npt(const struct rtp_session *s, tick_t now)
{
	tick_t npt = s->line.npt, end = rtp_session_end_of(s, &s->line, s->stop_npt);

	if (s->state != RTP_PLAYING || now + s->line.ahead <= s->line.deliver)
		return npt;
	npt = timeline_npt(&s->line, now);
	return timeline_is_before(&s->line, npt, end) ? npt : end;
}

/* When the first packet is due that has not left; false: the source does not know now. */
static bool next_packet(struct rtp_session *s, tick_t now, tick_t *due)
{
	const struct packet *kept = kept_peek(&s->kept);
	tick_t never = s->line.scale < 0 ? TICK_NEVER : -TICK_NEVER;
	struct packet p;

	if (kept) {
		*due = kept->due;
		return true;
	}
	if (source_next(s->source, s->mask, never, now, &p) != SOURCE_LATER)
		return false;
	*due = p.due;
	return true;
}

/* The first NPT that has not left: no later than the first packet that has not. */
static tick_t pause_point(struct rtp_session *s, tick_t now)
{
	bool has_begun = now + s->line.ahead > s->line.deliver;
	tick_t npt = rtp_session_npt(s, has_begun ? now + RTP_HALF_TICK : now), due;

	if (!has_begun || !next_packet(s, now, &due) || !timeline_is_before(&s->line, due, npt))
		return npt;
	return timeline_is_before(&s->line, due, s->line.npt) ? s->line.npt : due;
}

tick_t rtp_session_next(struct rtp_session *s, tick_t now)
{
	tick_t end = rtp_session_end_of(s, &s->line, s->stop_npt), npt;

	if (!next_packet(s, now, &npt))
		npt = rtp_session_npt(s, now);
	if (timeline_is_before(&s->line, npt, s->line.npt))
		npt = s->line.npt;
	return timeline_is_before(&s->line, npt, end) ? npt : end;
}

/* ---- a new stretch ---- */

/* When the first packet of a new range leaves: when the packet would have that it replaces. */
static tick_t begin_at(const struct rtp_session *s, const struct play *p, tick_t now)
{
	if (p->at > now)
		return p->at;
	if (s->state == RTP_PLAYING && s->next_due > now && s->next_due - now < CONTINUE_WITHIN)
		return s->next_due;
	return now;
}

/*
 * The presentation of a range that begins to leave at `begin`: that of the packet which it replaces, so
 * that the client's clock sees no jump, and above all that was sent (2326 B). When it jumps, all its
 * packets are: those shown up to `lead` before its start, too.
 */
static tick_t present_at(const struct rtp_session *s, tick_t begin, bool jumps, tick_t lead)
{
	tick_t present = begin;

	if (s->t0 < 0)
		return begin;
	if (s->state == RTP_PLAYING)
		present = timeline_present(&s->line, timeline_npt(&s->line, begin));
	if (present < s->line.present)
		present = s->line.present;
	for (uint32_t i = 0; jumps && i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		tick_t from = rtp_stream_free_from(st, present);
		if (st->is_setup && from != TICK_NEVER && from + lead > present)
			present = from + lead;
	}
	return present;
}

/* The range asked for, with the scale and speed that it will have; from `here` when it does not say
 * where. 0, or ERR_RANGE. */
static int read_range(
	const struct rtp_session *s, const struct play *p, tick_t here, struct stretch *x)
{
	tick_t length = s->source->duration;

	*x = (struct stretch){ .stop = TICK_NEVER };
	x->line.scale = offered_scale(s, p->scale);
	x->line.speed = offered_speed(s, p);
	x->line.npt = p->has_start ? p->start : here;
	x->is_exact = s->w->prefs->seek_exact && x->line.scale == 1;
	if (x->line.scale < 0) {
		if (!p->has_start && x->line.npt <= 0)
			x->line.npt = length;
		x->stop = p->has_end && p->end > 0 ? p->end : -1;
		return x->line.npt > length || x->line.npt <= x->stop ? ERR_RANGE : 0;
	}
	if (!p->has_start && here >= length) /* paused after the last packet */
		x->line.npt = length > 0 ? length - 1 : 0;
	if (p->has_end && p->end < length)
		x->stop = p->end;
	return x->line.npt >= length || x->line.npt >= x->stop ? ERR_RANGE : 0;
}

static int seek(struct rtp_session *s, struct stretch *x, bool only_ask)
{
	struct source_start at = { .npt = x->line.npt,
		.scale = x->line.scale,
		.exact = x->is_exact,
		.only_ask = only_ask };

	return source_seek(s->source, s->mask, &at, &x->line.npt);
}

static void align_streams(struct rtp_session *s, tick_t now)
{
	if (s->t0 < 0)
		s->t0 = s->line.present;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		struct rtp_stream *st = &s->streams[i];
		if (!st->is_setup)
			continue;
		rtp_stream_place(st);
		rtp_stream_start_rtcp(st, now);
	}
	rtp_session_set_stop(s, s->stop_npt);
}

void rtp_session_begin(struct rtp_session *s, const struct stretch *x, tick_t now)
{
	rtp_session_note_played(s, now);
	s->state = RTP_PLAYING;
	s->line = x->line;
	s->stop_npt = x->stop;
	s->next_due = 0;
	s->must_seek = s->at_end = s->by_itself = false;
	kept_turn(&s->kept, now);
	admission_played(s);
	align_streams(s, now);
	log_write(LOG_I, "rtp", "play sid=%.*s path=%s npt=%.3f- scale=%d streams=%d w=%u",
		SESSION_SHOWN, s->id, s->path, tick_seconds(x->line.npt), x->line.scale,
		__builtin_popcount(s->mask), s->w->index);
	task_signal(&s->task, EV_START);
}

int rtp_session_jump(struct rtp_session *s, struct stretch *x, tick_t now)
{
	int err = seek(s, x, false);

	if (err)
		return err;
	kept_drop(&s->kept, now);
	x->line.speed = reserve_speed(s, x->line.speed);
	rtp_session_begin(s, x, now);
	rtp_pace_begin(s, RTP_PACE_ON);
	return 0;
}

/* ---- PLAY ---- */

/* On the other axes a queued range begins where the one before it ends. */
static void follow(const struct rtp_session *s, const struct timeline *before, tick_t stop,
	tick_t at, struct stretch *x)
{
	tick_t end = rtp_session_end_of(s, before, stop);

	x->line.deliver = x->line.present = TICK_NEVER;
	if (end == TICK_NEVER || before->deliver == TICK_NEVER)
		return;
	x->line.deliver = timeline_deliver(before, end);
	x->line.present = timeline_present(before, end) + s->source->lead;
	if (at > x->line.deliver) {
		x->line.present += at - x->line.deliver;
		x->line.deliver = at;
	}
}

static int enqueue(struct rtp_session *s, const struct play *p, struct stretch *x)
{
	const struct stretch *last = s->n_queue ? &s->queue[s->n_queue - 1] : NULL;
	const struct timeline *line = last ? &last->line : &s->line;
	tick_t stop = last ? last->stop : s->stop_npt;

	if (s->n_queue == PLAY_QUEUE_MAX)
		return ERR_LIMIT;
	int err = read_range(s, p, rtp_session_end_of(s, line, stop), x);
	if (!err)
		err = seek(s, x, true);
	if (err)
		return err;
	follow(s, line, stop, p->at, x);
	if (!s->queue)
		s->queue = xcalloc(PLAY_QUEUE_MAX, sizeof *s->queue);
	s->queue[s->n_queue++] = *x;
	return 0;
}

int rtp_session_play(struct rtp_session *s, const struct play *p, tick_t now, struct stretch *out,
	bool *is_queued)
{
	/* what was due and has not left yet comes first, however late we are */
	tick_t here = s->at_end                 ? 0
		      : s->state == RTP_PLAYING ? pause_point(s, now)
						: rtp_session_npt(s, now);

	/* without a range it is about the one being played: another scale or speed */
	*is_queued =
		s->state == RTP_PLAYING && s->w->prefs->play_queue && (p->has_start || p->has_end);
	if (*is_queued)
		return enqueue(s, p, out);
	int err = read_range(s, p, here, out);
	if (err)
		return err;
	bool jumps = p->has_start || s->must_seek || s->at_end || s->t0 < 0 ||
		     out->line.scale != s->line.scale ||
		     (out->line.scale < 0 && out->line.npt != here);
	if (jumps) {
		err = seek(s, out, false);
		if (err)
			return err;
		kept_drop(&s->kept, now);
	}
	if (s->state == RTP_PLAYING)
		rtp_pace_end(s, here, now);
	out->line.deliver = begin_at(s, p, now);
	/* after what the client has still to show */
	tick_t shown = s->state == RTP_PLAYING || jumps ? 0 : s->pace.held;
	out->line.present = present_at(s, out->line.deliver + shown, jumps, s->source->lead);
	s->n_queue = 0;
	out->line.speed = reserve_speed(s, out->line.speed);
	rtp_session_begin(s, out, now);
	rtp_pace_begin(s, jumps ? RTP_PACE_ANEW : RTP_PACE_RESUME);
	return 0;
}

/* ---- PAUSE ---- */

void rtp_session_stand(struct rtp_session *s, tick_t npt, tick_t now)
{
	tick_t present = timeline_present(&s->line, npt);

	rtp_pace_end(s, npt, now);
	rtp_session_note_played(s, now);
	s->state = RTP_READY;
	s->line.npt = npt;
	s->line.present = present;
	s->line.deliver = now;
	s->line.ahead = 0;
	s->stop_npt = TICK_NEVER;
	s->n_queue = 0;
	(void)reserve_speed(s, TIMELINE_SPEED_ONE); /* gives back */
}

void rtp_session_pause(struct rtp_session *s, tick_t now)
{
	if (s->state == RTP_PLAYING)
		rtp_session_stand(s, pause_point(s, now), now);
}

static bool covers(const struct rtp_session *s, const struct timeline *l, tick_t stop, tick_t at)
{
	tick_t end = rtp_session_end_of(s, l, stop);

	return !timeline_is_before(l, at, l->npt) && !timeline_is_before(l, end, at);
}

/* The pause point lies in the queue, or between its ranges: 0 or ERR_RANGE. */
static int pause_queue(struct rtp_session *s, tick_t at)
{
	for (uint32_t i = 0; i < s->n_queue; i++) {
		struct stretch *x = &s->queue[i];
		if (covers(s, &x->line, x->stop, at)) {
			x->stop = at;
			s->n_queue = i + 1;
			return 0;
		}
		if (timeline_is_before(&x->line, at, x->line.npt)) {
			s->n_queue = i;
			return 0;
		}
	}
	return ERR_RANGE;
}

int rtp_session_pause_at(struct rtp_session *s, tick_t at, tick_t now)
{
	if (!covers(s, &s->line, s->stop_npt, at))
		return pause_queue(s, at);
	s->n_queue = 0;
	if (timeline_is_before(&s->line, rtp_session_npt(s, now), at)) {
		rtp_session_set_stop(s, at);
		task_signal(&s->task, EV_UPDATE);
		return 0;
	}
	rtp_session_pause(s, now);
	/* 2326 10.6: go on from the pause point though data beyond it was sent */
	s->must_seek = s->must_seek || at != s->line.npt;
	s->line.npt = at;
	return 0;
}
