/* SPDX-License-Identifier: MIT */
#include "server/core/rtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/admission.h"
#include "server/core/module.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

static const struct task_ops session_ops;

static void on_wake(void *arg)
{
	struct rtp_session *s = arg;
	task_signal(&s->task, EV_UPDATE);
}

/* 64 random bits, then where it lives. */
static void make_id(struct rtp_session *s)
{
	uint64_t r;
	os_random(&r, sizeof r);
	(void)snprintf(s->id, sizeof s->id, "%016llx%02x%02x", (unsigned long long)r,
		s->w->index & 0xffu, s->w->server->generation & 0xffu);
}

/* of a session; slots follow */
static size_t size_of(uint32_t n_streams)
{
	return modules_slots_at(sizeof(struct rtp_session) + n_streams * sizeof(struct rtp_stream));
}

void rtp_session_rewired(struct rtp_session *s)
{
	s->over = NULL;
	for (uint32_t i = 0; i < s->n_streams && !s->over; i++)
		s->over = s->streams[i].over;
}

void *rtp_session_slots(struct rtp_session *s)
{
	return (char *)s + size_of(s->n_streams);
}

struct rtp_session *rtp_session_new(
	struct worker *w, struct source *source, const char *path, tick_t now)
{
	struct rtp_session *s =
		xcalloc(1, size_of(source->n_tracks) + w->server->slot_bytes[SLOT_SESSION]);

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
	s->line = (struct timeline){ .scale = 1, .speed = TIMELINE_SPEED_ONE };
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
	task_signal(&s->task, EV_START);
	return s;
}

void rtp_session_end(struct rtp_session *s, enum close_reason why, tick_t now)
{
	struct worker *w = s->w;
	struct server *srv = w->server;

	if (s->state == RTP_ENDED)
		return;
	rtp_session_note_played(s, now);
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
	admission_end(s, now);
	log_write(LOG_I, "rtp", "end sid=%.*s why=%s played=%.3f w=%u", SESSION_SHOWN, s->id,
		close_reason_name(why), tick_seconds(s->played), w->index);
	task_signal(&s->task, EV_KILL);
}

/* ---- life ---- */

/* A playing interleaved session lives as long as its connection takes something. */
static bool has_moved(struct rtp_session *s)
{
	if (s->state != RTP_PLAYING)
		return false;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		struct rtsp_session *c = s->streams[i].over;
		if (c && c->conn.io.bytes_out != s->alive_bytes) {
			s->alive_bytes = c->conn.io.bytes_out;
			return true;
		}
	}
	return false;
}

/* When to look again; ends the session when its time is over. */
static tick_t check_life(struct rtp_session *s, tick_t now)
{
	tick_t play_by = s->began + s->w->prefs->setup_timeout * TICK_S;

	if (!s->has_played && now >= play_by) {
		rtp_session_end(s, CLOSE_UNPLAYED, now);
		return TICK_NEVER;
	}
	if (now - s->alive >= s->timeout) {
		if (has_moved(s))
			rtp_session_touch(s, now);
		else
			rtp_session_end(s,
				s->over && s->state == RTP_PLAYING ? CLOSE_BLOCKED : CLOSE_TIMEOUT,
				now);
	}
	tick_t at = s->alive + s->timeout;
	return s->has_played || at < play_by ? at : play_by;
}

/* What need not be looked at with every packet: reports and time-outs. When they want it again. */
static tick_t do_chores(struct rtp_session *s, tick_t now)
{
	tick_t next = TICK_NEVER;

	for (uint32_t i = 0; i < s->n_streams; i++) {
		tick_t at = rtp_stream_run_rtcp(&s->streams[i], now);
		next = at < next ? at : next;
	}
	tick_t at = check_life(s, now);
	return at < next ? at : next;
}

static tick_t session_run(struct task *t, uint32_t events, tick_t now)
{
	struct rtp_session *s = container_of(t, struct rtp_session, task);
	tick_t next = TICK_NEVER;
	(void)events;

	if (s->state == RTP_PLAYING)
		next = rtp_session_send(s, now);
	if (now >= s->chores_at && s->state != RTP_ENDED)
		s->chores_at = do_chores(s, now);
	if (s->state == RTP_ENDED)
		return TASK_DONE;
	next = s->chores_at < next ? s->chores_at : next;
	/* not before the next tick of the wheel, or it would spin until then */
	return next - now > RTP_HALF_TICK ? next - now : RTP_HALF_TICK + 1;
}

static void session_free(struct task *t)
{
	struct rtp_session *s = container_of(t, struct rtp_session, task);

	kept_clear(&s->kept);
	free(s->queue);
	source_free(s->source);
	free(s->path);
	free(s->user_agent);
	free(s->user);
	modules_clear_slots(s->w->server, SLOT_SESSION, rtp_session_slots(s));
	free(s->query);
	free(s);
}

static const struct task_ops session_ops = {
	.name = "rtp_session", .paced = true, .run = session_run, .free = session_free
};
