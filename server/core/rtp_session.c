/* SPDX-License-Identifier: MIT */
#include "server/core/rtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

/* The wheel fires up to half a tick early: what is due until then goes now. */
#define HALF_TICK (WHEEL_TICK / 2)
/* How far ahead the next packet of what was playing may be for a new range to begin there. */
#define CONTINUE_WITHIN TICK_S

static const struct task_ops session_ops;

static void on_wake(void *arg)
{
	struct rtp_session *s = arg;
	task_signal(&s->task, EV_UPDATE);
}

/* 64 random bits, then the worker. */
static void make_id(struct rtp_session *s)
{
	uint64_t r;
	os_random(&r, sizeof r);
	(void)snprintf(
		s->id, sizeof s->id, "%016llx%02x", (unsigned long long)r, s->w->index & 0xffu);
}

struct rtp_session *rtp_session_new(
	struct worker *w, struct source *source, const char *path, tick_t now)
{
	struct rtp_session *s =
		xcalloc(1, sizeof *s + source->n_tracks * sizeof(struct rtp_stream));

	task_init(&s->task, &session_ops, &w->loop);
	s->w = w;
	s->source = source;
	s->path = xstrdup(path);
	s->n_streams = source->n_tracks;
	s->stop_npt = TICK_NEVER;
	s->timeout = w->prefs->rtp_timeout * TICK_S;
	s->alive = s->began = now;
	s->began_wall = worker_wall(w, now);
	s->t0 = -1;
	link_init(&s->on_conn);
	source->wake = on_wake;
	source->wake_arg = s;
	for (uint8_t i = 0; i < s->n_streams; i++)
		rtp_stream_init(&s->streams[i], s, i);
	do
		make_id(s);
	while (worker_session(w, bytes_of(s->id, SESSION_ID)));
	HASH_ADD(hh, w->sessions, id, SESSION_ID, s);
	w->n_sessions++;
	w->stats.sessions++;
	atomic_fetch_add(&w->server->sessions, 1);
	task_signal(&s->task, EV_START);
	return s;
}

static void note_played(struct rtp_session *s, tick_t now)
{
	if (s->state == RTP_PLAYING && now > s->play_from)
		s->played += now - s->play_from;
	s->play_from = now;
}

void rtp_session_end(struct rtp_session *s, enum close_reason why, tick_t now)
{
	struct worker *w = s->w;
	struct server *srv = w->server;

	if (s->state == RTP_ENDED)
		return;
	note_played(s, now);
	s->ended = why;
	for (uint32_t i = 0; i < s->n_streams; i++)
		rtp_stream_bye(&s->streams[i], now);
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->session_closing)
			m->session_closing(m, s, why);
	}
	s->state = RTP_ENDED;
	for (uint32_t i = 0; i < s->n_streams; i++)
		rtp_stream_clear(&s->streams[i]);
	if (s->made_by) {
		link_remove(&s->on_conn);
		s->made_by->n_media--;
		s->made_by = NULL;
	}
	HASH_DELETE(hh, w->sessions, s);
	w->n_sessions--;
	w->stats.sessions_ended++;
	w->stats.ended[why]++;
	atomic_fetch_sub(&srv->sessions, 1);
	atomic_fetch_sub(&srv->bandwidth_bps, s->bps);
	log_write(LOG_I, "rtp", "end sid=%s why=%s played=%.3f w=%u", s->id, close_reason_name(why),
		tick_seconds(s->played), w->index);
	task_signal(&s->task, EV_KILL);
}

/* ---- position ---- */

tick_t rtp_session_npt(const struct rtp_session *s, tick_t now)
{
	tick_t npt = s->seg_npt;

	if (s->state == RTP_PLAYING && now > s->seg_start)
		npt += now - s->seg_start;
	if (npt > s->stop_npt)
		npt = s->stop_npt;
	return npt < s->source->duration ? npt : s->source->duration;
}

static tick_t loop_time(const struct rtp_session *s, tick_t npt)
{
	return s->seg_start + (npt - s->seg_npt);
}

/* Where the time axis of a new range begins: when the packet would have come that it replaces, so
 * that the client's clock sees no jump (2326 B). */
static tick_t begin_at(const struct rtp_session *s, const struct play *p, tick_t now)
{
	if (p->at > now)
		return p->at;
	if (s->state == RTP_PLAYING && s->next_due > now && s->next_due - now < CONTINUE_WITHIN)
		return s->next_due;
	return now;
}

static void align_streams(struct rtp_session *s, tick_t now)
{
	if (s->t0 < 0)
		s->t0 = s->seg_start;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		struct rtp_stream *st = &s->streams[i];
		if (!st->is_setup)
			continue;
		st->ts_off = rtp_stream_time(st, s->seg_start) - st->ts_base -
			     source_rtp_at(s->source, st->track, s->seg_npt);
		rtp_stream_start_rtcp(st, now);
	}
}

int rtp_session_play(struct rtp_session *s, const struct play *p, tick_t now)
{
	tick_t length = s->source->duration;
	tick_t resume = s->at_end ? 0 : rtp_session_npt(s, now);
	tick_t start = p->has_start ? p->start : resume, actual = start;
	tick_t end = p->has_end ? p->end : TICK_NEVER;
	bool fresh = s->t0 < 0;

	if (end <= start || (length != TICK_NEVER && start >= length))
		return ERR_RANGE;
	tick_t begin = begin_at(s, p, now);
	if (p->has_start || s->must_seek || s->at_end || fresh) {
		struct source_start at = { .npt = start, .scale = 1 };
		int err = source_seek(s->source, s->mask, &at, &actual);
		if (err)
			return err;
	}
	note_played(s, now);
	s->state = RTP_PLAYING;
	s->seg_start = begin;
	s->seg_npt = actual;
	s->stop_npt = end < length ? end : TICK_NEVER;
	s->next_due = 0;
	s->must_seek = s->at_end = false;
	align_streams(s, now);
	log_write(LOG_I, "rtp", "play sid=%s path=%s npt=%.3f- streams=%d w=%u", s->id, s->path,
		tick_seconds(actual), __builtin_popcount(s->mask), s->w->index);
	task_signal(&s->task, EV_START);
	return 0;
}

void rtp_session_pause(struct rtp_session *s, tick_t now)
{
	if (s->state != RTP_PLAYING)
		return;
	/* what is due within half a tick has left: the first NPT that has not is the pause point */
	s->seg_npt = rtp_session_npt(s, now > s->seg_start ? now + HALF_TICK : now);
	note_played(s, now);
	s->state = RTP_READY;
	s->stop_npt = TICK_NEVER;
}

int rtp_session_pause_at(struct rtp_session *s, tick_t at, tick_t now)
{
	tick_t npt = rtp_session_npt(s, now);
	tick_t last = s->stop_npt < s->source->duration ? s->stop_npt : s->source->duration;

	if (at < s->seg_npt || at > last)
		return ERR_RANGE;
	if (at > npt) {
		s->stop_npt = at;
		task_signal(&s->task, EV_UPDATE);
		return 0;
	}
	rtp_session_pause(s, now);
	/* 2326 10.6: go on from the pause point though data beyond it was sent */
	s->must_seek = at != s->seg_npt;
	s->seg_npt = at;
	return 0;
}

/* ---- sending ---- */

/* The range, or the medium, has been played to its end: paused by itself (2326 10.5). */
static tick_t reach_end(struct rtp_session *s, bool of_medium, tick_t now)
{
	tick_t npt = rtp_session_npt(s, now);

	note_played(s, now);
	s->state = RTP_READY;
	s->seg_npt = npt;
	s->stop_npt = TICK_NEVER;
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
	tick_t at = loop_time(s, npt);
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
		s->next_due = loop_time(s, p->due);
		return s->next_due;
	case ERR_AGAIN: s->w->stats.media_waits++; return TICK_NEVER;
	case ERR_END: return on_end(s, now);
	}
	return fail(s, r, now);
}

/* Sends what is due; the loop's time of the next packet. */
static tick_t send_due(struct rtp_session *s, tick_t now)
{
	struct packet p;

	if (now < s->hold_until)
		return s->hold_until;
	if (s->seg_start > now + HALF_TICK)
		return s->seg_start;
	tick_t until = s->seg_npt + (now - s->seg_start) + HALF_TICK;
	if (until >= s->stop_npt)
		until = s->stop_npt - 1;
	for (int64_t n = s->w->prefs->burst_packets; n > 0; n--) {
		int r = source_next(s->source, s->mask, until, now, &p);
		if (r != 0)
			return pause_sending(s, r, &p, now);
		rtp_stream_send(&s->streams[p.track], &p, loop_time(s, p.due));
	}
	return now + WHEEL_TICK; /* the rest of a key frame in the next ticks */
}

/* ---- life ---- */

/* A playing interleaved session lives as long as its connection takes something. */
static bool has_moved(struct rtp_session *s)
{
	if (s->state != RTP_PLAYING)
		return false;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		struct rtsp_session *c = s->streams[i].over;
		if (c && c->conn.bytes_out != s->alive_bytes) {
			s->alive_bytes = c->conn.bytes_out;
			return true;
		}
	}
	return false;
}

static bool is_interleaved(const struct rtp_session *s)
{
	for (uint32_t i = 0; i < s->n_streams; i++) {
		if (s->streams[i].over)
			return true;
	}
	return false;
}

/* When to look again; ends the session when its time is over. */
static tick_t check_life(struct rtp_session *s, tick_t now)
{
	if (now - s->alive >= s->timeout) {
		if (has_moved(s))
			rtp_session_touch(s, now);
		else
			rtp_session_end(s,
				is_interleaved(s) && s->state == RTP_PLAYING ? CLOSE_BLOCKED
									     : CLOSE_TIMEOUT,
				now);
	}
	return s->alive + s->timeout;
}

static tick_t session_run(struct task *t, uint32_t events, tick_t now)
{
	struct rtp_session *s = container_of(t, struct rtp_session, task);
	tick_t next = TICK_NEVER;
	(void)events;

	if (s->state == RTP_PLAYING)
		next = send_due(s, now);
	for (uint32_t i = 0; i < s->n_streams && s->state != RTP_ENDED; i++) {
		tick_t at = rtp_stream_run_rtcp(&s->streams[i], now);
		next = at < next ? at : next;
	}
	if (s->state != RTP_ENDED) {
		tick_t at = check_life(s, now);
		next = at < next ? at : next;
	}
	if (s->state == RTP_ENDED)
		return TASK_DONE;
	/* not before the next tick of the wheel, or it would spin until then */
	return next - now > HALF_TICK ? next - now : HALF_TICK + 1;
}

static void session_free(struct task *t)
{
	struct rtp_session *s = container_of(t, struct rtp_session, task);

	source_free(s->source);
	free(s->path);
	free(s->user_agent);
	free(s->query);
	free(s);
}

static const struct task_ops session_ops = {
	.name = "rtp_session", .paced = true, .run = session_run, .free = session_free
};
