/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "server/base/log.h"
#include "server/core/rtp_session.h"
#include "server/core/server.h"

/* How a media session sends the stretch that it plays, and what comes at its end. */

/*
 * Packets that are due so long after the end of a range may still belong to a frame that is shown before it:
 * hinters spread a large frame's packets over the time until the next one. */
#define SPREAD_MAX (250 * TICK_MS)
/* How far from its stop RTP times can be compared without a look at NPT: 2^31 ticks are longer. */
#define COMPARE_MAX (3600 * TICK_S)
/* A medium shorter than this is not played in a loop. */
#define LOOP_MIN (100 * TICK_MS)

void rtp_session_note_played(struct rtp_session *s, tick_t now)
{
	if (s->state == RTP_PLAYING && now > s->play_from)
		s->played += now - s->play_from;
	s->play_from = now;
}

/* ---- the end of a range, to the sample (2326 12.29: the end is not in) ---- */

static bool has_stop(const struct rtp_session *s)
{
	return s->stop_npt != TICK_NEVER && s->stop_npt >= 0;
}

void rtp_session_set_stop(struct rtp_session *s, tick_t stop)
{
	s->stop_npt = stop;
	s->rest = s->mask;
	for (uint32_t i = 0; has_stop(s) && i < s->n_streams; i++)
		s->streams[i].rtp_stop = source_rtp_at(s->source, (uint8_t)i, stop);
}

/*
 * Is what the packet carries shown at the end of the range or after it? Its RTP time tells, not when it is
 * due: frames that others refer to come before they are shown. A packet of several audio frames
 * counts by its first.
 */
static bool is_beyond(const struct rtp_session *s, const struct packet *p)
{
	tick_t off = p->due - s->stop_npt;
	int32_t ticks = (int32_t)(p->rtp_time - s->streams[p->track].rtp_stop);
	bool back = s->line.scale < 0;

	if (off > COMPARE_MAX || off < -COMPARE_MAX)
		return (off > 0) != back;
	return back ? ticks <= 0 : ticks >= 0;
}

/* The NPT up to which packets may be taken from the source. */
static tick_t limit(const struct rtp_session *s, tick_t now)
{
	tick_t npt = timeline_npt(&s->line, now + RTP_HALF_TICK);
	int sign = s->line.scale < 0 ? -1 : 1;

	if (!has_stop(s) || timeline_is_before(&s->line, npt, s->stop_npt))
		return npt;
	/* live packets exist when they are due, and are shown then */
	return s->stop_npt + sign * (s->source->is_live ? -1 : SPREAD_MAX);
}

/* ---- what comes after ---- */

/* Does the medium begin again at its end? */
static bool is_loop(const struct rtp_session *s)
{
	tick_t end = s->source->duration;
	return s->w->prefs->loop && s->line.scale > 0 && end != TICK_NEVER && end >= LOOP_MIN;
}

/* It does so on the same clocks: for tests that outlast it. */
static bool loop(struct rtp_session *s, tick_t now)
{
	const struct source_start first = { .scale = s->line.scale, .only_ask = true };
	tick_t end = s->source->duration;
	struct stretch x = { .line = s->line, .stop = TICK_NEVER };

	if (!is_loop(s) || source_seek(s->source, s->mask, &first, &x.line.npt) != 0)
		return false;
	/* a codec's run-up is shown before 0: not before what has been sent */
	x.line.present = timeline_present(&s->line, end) + s->source->lead;
	x.line.deliver = timeline_deliver(&s->line, end);
	if (rtp_session_jump(s, &x, now) != 0)
		return false;
	s->w->stats.loops++;
	return true;
}

/* 0, or why the medium could not be played on. */
static int next_in_queue(struct rtp_session *s, tick_t now)
{
	struct stretch x = s->queue[0];

	s->n_queue--;
	for (uint32_t i = 0; i < s->n_queue; i++)
		s->queue[i] = s->queue[i + 1];
	return rtp_session_jump(s, &x, now);
}

static tick_t fail(struct rtp_session *s, int err, tick_t now)
{
	log_limited(&s->w->warned[WARN_MEDIA], now, LOG_W, "rtp", "sid=%.*s path=%s: %s",
		SESSION_SHOWN, s->id, s->path, err_text(err));
	rtp_session_end(s,
		err == ERR_CHANGED ? CLOSE_CHANGED
		: err == -ENOBUFS  ? CLOSE_LIMIT
				   : CLOSE_MEDIA,
		now);
	return TICK_NEVER;
}

/*
 * The range, or the medium, has been played to its end: on with the queue, or paused by itself (2326 10.5).
 * At the end of the medium nothing will follow by itself, which is what a BYE says; a PLAY after it has
 * the same SSRC (B), and reports begin anew. Backward, the beginning is no end: no BYE.
 */
static tick_t reach_end(struct rtp_session *s, tick_t npt, bool of_medium, tick_t now)
{
	if (s->n_queue) {
		int err = next_in_queue(s, now);
		return err ? fail(s, err, now) : s->line.deliver;
	}
	if (of_medium && loop(s, now))
		return s->line.deliver;
	rtp_session_stand(s, npt, now);
	s->at_end = of_medium;
	s->by_itself = true;
	for (uint32_t i = 0; of_medium && i < s->n_streams; i++)
		rtp_stream_bye(&s->streams[i], now);
	return TICK_NEVER;
}

/* Nothing more before the end of the range: when to come back. */
static tick_t wait_for_end(struct rtp_session *s, tick_t now)
{
	tick_t end = rtp_session_end_of(s, &s->line, s->stop_npt);
	bool of_medium = !has_stop(s) && s->line.scale > 0;

	if (end == TICK_NEVER) /* it said that it has none, and came to it */
		return reach_end(s, timeline_npt(&s->line, now), true, now);
	/* what follows may leave ahead of its time, too; the end itself comes when it is shown */
	tick_t at = s->n_queue || (of_medium && is_loop(s)) ? rtp_pace_leave(s, end, now)
							    : timeline_deliver(&s->line, end);
	return at > now + RTP_HALF_TICK ? at : reach_end(s, end, of_medium, now);
}

/* ---- sending ---- */

/* What source_next answered, when it was no packet. */
static tick_t pause_sending(struct rtp_session *s, int r, const struct packet *p, tick_t now)
{
	switch (r) {
	case SOURCE_LATER:
		if (has_stop(s) && !timeline_is_before(&s->line, p->due, s->stop_npt))
			return wait_for_end(s, now);
		s->next_due = rtp_pace_leave(s, p->due, now);
		rtp_pace_caught_up(s);
		return s->next_due;
	case ERR_AGAIN:
		rtp_pace_caught_up(s);
		s->w->stats.media_waits++;
		return TICK_NEVER;
	case ERR_END: return wait_for_end(s, now);
	}
	return fail(s, r, now);
}

/* The next packet up to NPT `until`: what was held back, then the source's. */
static int take(struct rtp_session *s, tick_t until, tick_t now, struct packet *p)
{
	const struct packet *kept = kept_peek(&s->kept);

	if (!kept)
		return source_next(s->source, s->rest, until, now, p);
	*p = *kept;
	if (timeline_is_before(&s->line, until, p->due))
		return SOURCE_LATER;
	kept_take(&s->kept, now);
	return 0;
}

/* A packet of a frame beyond the range: kept for a PLAY that goes on. False: all tracks are through. */
static bool hold(struct rtp_session *s, const struct packet *p)
{
	if (!kept_put(&s->kept, p))
		s->must_seek = true;
	if (!timeline_is_before(&s->line, p->due, s->stop_npt))
		s->rest &= ~(1u << p->track);
	return s->rest != 0;
}

tick_t rtp_session_send(struct rtp_session *s, tick_t now)
{
	struct packet p;

	if (now < s->hold_until)
		return s->hold_until;
	rtp_pace_turn(s, now);
	tick_t wake = rtp_pace_leave(s, s->line.npt, now);
	if (wake > now + RTP_HALF_TICK)
		return wake;
	tick_t until = limit(s, now);
	for (int64_t n = s->w->prefs->burst_packets; n > 0; n--) {
		if (!rtp_pace_has_room(s, &until, &wake, now))
			return wake;
		int r = take(s, until, now, &p);
		if (r != 0)
			return pause_sending(s, r, &p, now);
		if (!has_stop(s) || !is_beyond(s, &p))
			rtp_pace_send(s, &p, now);
		else if (!hold(s, &p))
			return wait_for_end(s, now);
	}
	return now + WHEEL_TICK; /* the rest of a key frame in the next ticks */
}
