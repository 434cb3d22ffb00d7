/* SPDX-License-Identifier: MIT */
#include "server/base/log.h"
#include "server/core/rtp_session.h"
#include "server/core/server.h"

/* What a media session does between PLAY and PAUSE. */

/* The wheel fires up to half a tick early: what is due until then goes now. */
#define HALF_TICK (WHEEL_TICK / 2)
/* How far ahead the next packet of what was playing may be for a new range to begin there. */
#define CONTINUE_WITHIN TICK_S

void rtp_session_note_played(struct rtp_session *s, tick_t now)
{
	if (s->state == RTP_PLAYING && now > s->play_from)
		s->played += now - s->play_from;
	s->play_from = now;
}

/* ---- position ---- */

tick_t rtp_session_npt(const struct rtp_session *s, tick_t now)
{
	tick_t npt = s->line.npt;

	if (s->state == RTP_PLAYING && now > s->line.deliver)
		npt = timeline_npt(&s->line, now);
	if (npt > s->stop_npt)
		npt = s->stop_npt;
	return npt < s->source->duration ? npt : s->source->duration;
}

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
 * that the client's clock sees no jump, and above all that was sent (2326 B).
 */
static tick_t present_at(const struct rtp_session *s, tick_t begin, bool jumps)
{
	tick_t present = s->state == RTP_PLAYING
				 ? timeline_present(&s->line, timeline_npt(&s->line, begin))
				 : begin;

	if (s->t0 < 0)
		return begin;
	if (present < s->line.present)
		present = s->line.present;
	for (uint32_t i = 0; jumps && i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		tick_t from = rtp_stream_free_from(st, present);
		if (st->is_setup && from != TICK_NEVER && from > present)
			present = from;
	}
	return present;
}

static void align_streams(struct rtp_session *s, tick_t now)
{
	if (s->t0 < 0)
		s->t0 = s->line.present;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		if (!s->streams[i].is_setup)
			continue;
		rtp_stream_place(&s->streams[i]);
		rtp_stream_start_rtcp(&s->streams[i], now);
	}
}

int rtp_session_play(struct rtp_session *s, const struct play *p, tick_t now)
{
	tick_t length = s->source->duration;
	tick_t resume = s->at_end ? 0 : rtp_session_npt(s, now);
	tick_t start = p->has_start ? p->start : resume, actual = start;
	tick_t end = p->has_end ? p->end : TICK_NEVER;
	bool jumps = p->has_start || s->must_seek || s->at_end || s->t0 < 0;

	if (end <= start || (length != TICK_NEVER && start >= length))
		return ERR_RANGE;
	if (jumps) {
		struct source_start at = { .npt = start, .scale = 1 };
		int err = source_seek(s->source, s->mask, &at, &actual);
		if (err)
			return err;
	}
	tick_t begin = begin_at(s, p, now);
	tick_t present = present_at(s, begin, jumps);
	rtp_session_note_played(s, now);
	s->state = RTP_PLAYING;
	s->line = (struct timeline){ .npt = actual,
		.present = present,
		.deliver = begin,
		.scale = 1,
		.speed = TIMELINE_SPEED_ONE };
	s->stop_npt = end < length ? end : TICK_NEVER;
	s->next_due = 0;
	s->must_seek = s->at_end = false;
	align_streams(s, now);
	log_write(LOG_I, "rtp", "play sid=%s path=%s npt=%.3f- streams=%d w=%u", s->id, s->path,
		tick_seconds(actual), __builtin_popcount(s->mask), s->w->index);
	task_signal(&s->task, EV_START);
	return 0;
}

/* ---- the end of a play ---- */

/* Not playing any more; would go on at npt, and no earlier on the other axes. */
static void stand_at(struct rtp_session *s, tick_t npt, tick_t now)
{
	tick_t present = timeline_present(&s->line, npt);

	rtp_session_note_played(s, now);
	s->state = RTP_READY;
	s->line.npt = npt;
	s->line.present = present;
	s->line.deliver = now;
	s->line.ahead = 0;
	s->stop_npt = TICK_NEVER;
}

void rtp_session_pause(struct rtp_session *s, tick_t now)
{
	if (s->state != RTP_PLAYING)
		return;
	/* what is due within half a tick has left: the first NPT that has not is the pause point */
	stand_at(s, rtp_session_npt(s, now > s->line.deliver ? now + HALF_TICK : now), now);
}

int rtp_session_pause_at(struct rtp_session *s, tick_t at, tick_t now)
{
	tick_t npt = rtp_session_npt(s, now);
	tick_t last = s->stop_npt < s->source->duration ? s->stop_npt : s->source->duration;

	if (at < s->line.npt || at > last)
		return ERR_RANGE;
	if (at > npt) {
		s->stop_npt = at;
		task_signal(&s->task, EV_UPDATE);
		return 0;
	}
	rtp_session_pause(s, now);
	/* 2326 10.6: go on from the pause point though data beyond it was sent */
	s->must_seek = at != s->line.npt;
	s->line.npt = at;
	return 0;
}

/* The range, or the medium, has been played to its end: paused by itself (2326 10.5). */
static tick_t reach_end(struct rtp_session *s, bool of_medium, tick_t now)
{
	stand_at(s, rtp_session_npt(s, now), now);
	s->at_end = of_medium;
	if (of_medium) {
		for (uint32_t i = 0; i < s->n_streams; i++)
			rtp_stream_bye(&s->streams[i], now);
	}
	return TICK_NEVER;
}

/* Nothing more before NPT `until`: when to come back. */
static tick_t wait_for(struct rtp_session *s, tick_t npt, bool of_medium, tick_t now)
{
	tick_t at = timeline_deliver(&s->line, npt);
	return at > now + HALF_TICK ? at : reach_end(s, of_medium, now);
}

static tick_t on_end(struct rtp_session *s, tick_t now)
{
	tick_t length = s->source->duration;
	bool cut = s->stop_npt < length;

	if (length == TICK_NEVER)
		return reach_end(s, true, now);
	return wait_for(s, cut ? s->stop_npt : length, !cut, now);
}

/* ---- sending ---- */

static tick_t fail(struct rtp_session *s, int err, tick_t now)
{
	log_limited(&s->w->warned[WARN_MEDIA], now, LOG_W, "rtp", "sid=%s path=%s: %s", s->id,
		s->path, err_text(err));
	rtp_session_end(s, err == ERR_CHANGED ? CLOSE_CHANGED : CLOSE_MEDIA, now);
	return TICK_NEVER;
}

/* What source_next answered, when it was no packet. */
static tick_t pause_sending(struct rtp_session *s, int r, const struct packet *p, tick_t now)
{
	switch (r) {
	case SOURCE_LATER:
		if (p->due >= s->stop_npt)
			return wait_for(s, s->stop_npt, false, now);
		s->next_due = timeline_leave(&s->line, p->due);
		return s->next_due;
	case ERR_AGAIN: s->w->stats.media_waits++; return TICK_NEVER;
	case ERR_END: return on_end(s, now);
	}
	return fail(s, r, now);
}

tick_t rtp_session_send(struct rtp_session *s, tick_t now)
{
	struct packet p;

	if (now < s->hold_until)
		return s->hold_until;
	if (s->line.deliver > now + HALF_TICK)
		return s->line.deliver;
	tick_t until = timeline_npt(&s->line, now + HALF_TICK);
	if (until >= s->stop_npt)
		until = s->stop_npt - 1;
	for (int64_t n = s->w->prefs->burst_packets; n > 0; n--) {
		int r = source_next(s->source, s->mask, until, now, &p);
		if (r != 0)
			return pause_sending(s, r, &p, now);
		rtp_stream_send(&s->streams[p.track], &p, timeline_deliver(&s->line, p.due));
	}
	return now + WHEEL_TICK; /* the rest of a key frame in the next ticks */
}
