/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_session.h"

#include <assert.h>
#include <stdlib.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_end.h"
#include "server/core/rtsp_input.h"
#include "server/core/server.h"
#include "server/core/tunnel_far.h"

enum {
	STEPS_TURN = 32,             /* requests and frames of one connection per turn */
	OUT_SLACK = 4 * 1024 * 1024, /* room for replies above the frames' mark */
	FRAME_ROOM = FRAME_HEADER + FRAME_PAYLOAD_MAX,
};

/* ---- replies ---- */

static void send_reply(struct rtsp_session *c, tick_t now)
{
	struct rtsp_txn *t = c->txn;
	struct server *srv = c->w->server;

	c->phase = PHASE_SENDING_RESPONSE;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->reply)
			m->reply(m, t, &t->reply);
	}
	stats_count_reply(&c->w->stats, t->status);
	/* the path alone: a URL may hold a password */
	log_write(LOG_D, "rtsp", "%.*s %s -> %d w=%u", BYTES_FMT(t->req.method_name),
		t->path[0] ? t->path : "-", t->status, c->w->index);
	if (conn_put(&c->conn, buf_bytes(&t->reply)) != 0)
		c->w->stats.responses_unsent++;
	c->phase = PHASE_CLEANING_UP;
	rtsp_session_replied(c, t->close, now);
	rtsp_txn_free(t);
	c->txn = NULL;
	c->phase = PHASE_READING_REQUEST;
}

void rtsp_session_txn_back(struct rtsp_session *c)
{
	c->txn_away = false;
	task_signal(&c->task, EV_UPDATE);
}

/* Goes on with the request at hand; false: it has to wait. */
static bool run_txn(struct rtsp_session *c, tick_t now)
{
	if (c->txn_away)
		return false;
	c->phase = c->txn->phase;
	switch (rtsp_txn_run(c->txn, now)) {
	case TXN_REPLIED: send_reply(c, now); return true;
	case TXN_WAIT: return false;
	case TXN_AWAY: c->txn_away = true; return false;
	}
	return false;
}

bool rtsp_session_is_choked(const struct rtsp_session *c)
{
	/* frames may wait, too, and are not what is meant */
	size_t frames = c->n_media ? c->conn.limits.high_water : 0;
	return conn_waiting(&c->conn) > frames + (size_t)c->w->prefs->reply_queue_bytes;
}

/* True: there is more to do, next turn. */
static bool advance(struct rtsp_session *c, tick_t now)
{
	for (int i = 0; i < STEPS_TURN; i++) {
		if (c->txn) {
			if (!run_txn(c, now))
				return false;
		} else if (c->state != CONN_SERVING || tunnel_is_waiting(c) || c->half.is_far ||
			   rtsp_session_is_choked(c) || !rtsp_session_read_next(c, now)) {
			return false;
		}
	}
	return true;
}

/* ---- life ---- */

static void tell_closing(struct rtsp_session *c)
{
	struct server *srv = c->w->server;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->connection_closing)
			m->connection_closing(m, c);
	}
}

/* The end of a turn in a tunnel. True: there is more to do. */
static bool run_tunnel(struct rtsp_session *c, bool more, tick_t now)
{
	if (c->half.is_far)
		tunnel_far_run(c, now);
	if (!c->half.tunnel)
		return more;
	bool is_idle = !more && !c->txn && !rtsp_session_is_choked(c);
	if (is_idle && c->half.bad && c->state < CONN_CLOSING) {
		rtsp_session_end_saying(
			c, RTSP_BAD_REQUEST, B("400 Bad Request"), END_FRAMING, now);
		return false;
	}
	return tunnel_run(c, is_idle, now) || more;
}

static tick_t session_run(struct task *t, uint32_t events, tick_t now)
{
	struct rtsp_session *c = container_of(t, struct rtsp_session, task);

	if (events & EV_KILL)
		rtsp_session_leave(c);
	if (events & EV_WRITE && conn_is_open(&c->conn))
		(void)conn_write(&c->conn, now); /* an error stays in conn.io.broken */
	rtsp_session_tell_room(c);
	/* full: the rest waits in the socket; broken: rtsp_session_next sees it */
	int err = events & EV_READ ? conn_read(&c->conn) : 0;
	if (err < 0) {
		c->n_unread++;
		tunnel_on_read(c, err);
	}
	bool more = run_tunnel(c, advance(c, now), now);
	if (conn_is_open(&c->conn)) {
		/* at its end of input, full or choked a level-triggered descriptor would spin */
		bool full = c->conn.io.in.n == c->conn.io.in.max;
		conn_want_read(&c->conn, !c->conn.io.eof && !full && !rtsp_session_is_choked(c) &&
						 !tunnel_is_full(c));
	}
	if (events & EV_USER)
		rtsp_session_check(c, now);
	tick_t next = rtsp_session_next(c, more, now);
	if (next == TASK_DONE && !c->half.moved)
		tell_closing(c);
	return next;
}

static void session_free(struct task *t)
{
	struct rtsp_session *c = container_of(t, struct rtsp_session, task);

	assert(c->half.moved || c->ended != END_NONE);
	link_remove(&c->all);
	tunnel_leave(c);
	if (c->half.has_post)
		worker_connection_ended(c->w, c->half.post_tag, c->ended);
	if (!c->half.moved)
		worker_connection_ended(c->w, c->conn.io.tag, c->ended);
	if (c->kind == KIND_REFUSED)
		doorman_refused_gone(c->w->server);
	rtsp_txn_free(c->spare);
	rtsp_txn_free(c->txn);
	modules_clear_slots(c->w->server, SLOT_CONNECTION, rtsp_session_slots(c));
	free(c);
}

static const struct task_ops session_ops = {
	.name = "rtsp_session", .run = session_run, .free = session_free
};

void rtsp_session_abandon(struct rtsp_session *c)
{
	if (c->ended == END_NONE)
		c->ended = END_SHUTDOWN;
	conn_close(&c->conn);
	if (!c->half.moved)
		tell_closing(c);
	task_forget(&c->task);
	if (c->txn_away && c->txn->remote.ops)
		task_forget(&c->txn->remote);
	session_free(&c->task);
}

static void before_write(void *arg, struct conn *conn, struct iovec *iov, int *n)
{
	struct server *srv = ((struct rtsp_session *)arg)->w->server;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->conn_write)
			m->conn_write(m, conn, iov, n);
	}
}

static struct conn_limits conn_limits_of(const struct prefs *p)
{
	return (struct conn_limits){
		.in_max = (size_t)(p->request_header_bytes + p->request_body_bytes) + FRAME_ROOM,
		.high_water = (size_t)p->max_tcp_buffer_size,
		.out_max = (size_t)p->max_tcp_buffer_size + OUT_SLACK,
		.tolerance = p->tcp_late_tolerance * TICK_MS,
	};
}

void *rtsp_session_slots(struct rtsp_session *c)
{
	return (char *)c + modules_slots_at(sizeof *c);
}

void rtsp_session_prefs_changed(struct rtsp_session *c)
{
	struct conn_limits limits = conn_limits_of(c->w->prefs);

	conn_set_limits(&c->conn, &limits);
	task_signal(&c->task, EV_UPDATE); /* it may read or write again */
}

struct rtsp_session *rtsp_session_new(
	struct worker *w, struct conn_parts *parts, enum conn_kind kind, tick_t now)
{
	struct rtsp_session *c =
		xcalloc(1, modules_slots_at(sizeof *c) + w->server->slot_bytes[SLOT_CONNECTION]);
	struct conn_limits limits = conn_limits_of(w->prefs);

	task_init(&c->task, &session_ops, &w->loop);
	c->w = w;
	c->kind = kind;
	c->ended = END_NONE;
	c->last_request = c->seen_out_at = now;
	link_init(&c->media);
	link_init(&c->all);
	link_init(&c->half.queue);
	int err = conn_attach(&c->conn, &w->loop, parts, &c->task, &limits);
	if (err) {
		free(c);
		return NULL;
	}
	c->conn.arg = c;
	c->conn.on_drop = rtsp_session_on_drop;
	if (w->server->has_conn_write)
		c->conn.before_write = before_write;
	list_push_back(&w->connections, &c->all);
	return c;
}

void rtsp_session_refuse(struct rtsp_session *c, int64_t retry_after_s, tick_t now)
{
	char text[64];
	int n = snprintf(text, sizeof text, "503 Service Unavailable\r\nRetry-After: %lld",
		(long long)retry_after_s);

	rtsp_session_end_saying(c, RTSP_UNAVAILABLE,
		(struct bytes){ (const uint8_t *)text, (size_t)n }, END_REFUSED, now);
}
