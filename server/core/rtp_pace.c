/* SPDX-License-Identifier: MIT */
#include "server/core/rtp_pace.h"

#include "server/core/rtp_session.h"
#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_session.h"
#include "server/core/worker.h"

/* The connection signals when it has room again; this is for what it cannot see. */
#define LOOK_AGAIN (100 * TICK_MS)

static bool may_run_ahead(const struct rtp_session *s)
{
	const struct prefs *p = s->w->prefs;

	/* a Speed is what the client wants, no more; at a Scale it soon wants something else */
	if (s->source->is_live || s->line.scale != 1 || s->line.speed != TIMELINE_SPEED_ONE)
		return false;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		if (st->is_setup && !(st->is_tcp ? p->overbuffer_tcp : p->overbuffer_udp))
			return false;
	}
	return true;
}

void rtp_pace_begin(struct rtp_session *s, enum rtp_pace_how how)
{
	struct rtp_pace *p = &s->pace;
	tick_t begin = s->line.deliver;

	for (uint32_t i = 0; how != RTP_PACE_RESUME && i < s->n_streams; i++)
		thin_restart(&s->streams[i].thin);
	if (how != RTP_PACE_RESUME)
		p->held = 0;
	if (!may_run_ahead(s)) {
		ahead_stop(&p->ahead);
	} else if (how != RTP_PACE_ON || !p->ahead.max) {
		ahead_start(&p->ahead, s->w->prefs, begin, p->held);
		s->line.deliver += p->held;
	}
	p->is_pressed = p->is_pressed && how == RTP_PACE_ON;
	p->begin = p->reached = s->line.deliver;
	s->line.ahead = ahead_lead(&p->ahead, begin);
}

void rtp_pace_end(struct rtp_session *s, tick_t npt, tick_t now)
{
	tick_t lead = timeline_deliver(&s->line, npt) - now;

	s->pace.held = s->pace.ahead.max && lead > 0 ? lead : 0;
	ahead_stop(&s->pace.ahead);
}

void rtp_pace_turn(struct rtp_session *s, tick_t now)
{
	s->line.ahead = ahead_lead(&s->pace.ahead, now + RTP_HALF_TICK);
	s->pace.is_full = false;
}

tick_t rtp_pace_leave(const struct rtp_session *s, tick_t npt, tick_t now)
{
	tick_t due = timeline_deliver(&s->line, npt), when = ahead_when(&s->pace.ahead, due);

	if (s->pace.is_full)
		return due < now + LOOK_AGAIN ? due : now + LOOK_AGAIN;
	return when;
}

bool rtp_pace_has_room(struct rtp_session *s, tick_t *until, tick_t *wake, tick_t now)
{
	struct rtsp_session *c = s->source->is_live ? NULL : s->over;

	if (!c || c->conn.io.waiting <= rtsp_session_room(c))
		return true;
	ahead_hold(&s->pace.ahead, s->pace.reached - now, now);
	s->pace.is_full = s->pace.is_pressed = true;
	if (!c->wants_room)
		s->w->stats.ahead_waits++;
	c->wants_room = true;
	*wake = now + LOOK_AGAIN;
	if (!s->w->prefs->disable_thinning)
		return false;
	/* nothing will be left out later: what is due goes into the connection's own queue */
	s->line.ahead = 0;
	tick_t due = timeline_npt(&s->line, now + RTP_HALF_TICK);
	if (timeline_is_before(&s->line, due, *until))
		*until = due;
	return true;
}

void rtp_pace_caught_up(struct rtp_session *s)
{
	s->pace.is_pressed = s->pace.is_pressed && s->pace.is_full;
}

void rtp_pace_send(struct rtp_session *s, const struct packet *p, tick_t now)
{
	tick_t due = timeline_deliver(&s->line, p->due);
	struct thin_moment m = {
		/* what lies before the start of a range is not late: it could not leave earlier */
		.due = due > s->pace.begin ? due : s->pace.begin,
		.now = now,
		.is_pressed = s->pace.is_pressed,
		.is_disabled = s->source->is_live || s->w->prefs->disable_thinning,
	};

	s->pace.reached = m.due;
	rtp_stream_offer(&s->streams[p->track], p, &m);
}
