/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_end.h"

#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/core/tunnel_far.h"

#define LINGER       TICK_S
#define LEAVING_IDLE (5 * TICK_S) /* who has not asked for so long is not about to ask */

/* ---- from one state to the next ---- */

void rtsp_session_leave(struct rtsp_session *c)
{
	if (c->state == CONN_SERVING)
		c->state = CONN_LEAVING;
}

/* The first reason counts. */
static void begin_closing(struct rtsp_session *c, enum conn_end why, tick_t now)
{
	if (c->state >= CONN_CLOSING)
		return;
	tunnel_leave(c);
	c->state = CONN_CLOSING;
	c->ended = why;
	c->close_by = now + LINGER;
	rtsp_session_end_tied(c, why == END_BLOCKED ? CLOSE_BLOCKED : CLOSE_DISCONNECT, now);
	conn_finish(&c->conn);
}

/* Why it ends whose connection is of no more use. */
static enum conn_end why_gone(const struct rtsp_session *c)
{
	if (c->half.moved)
		return END_NONE;
	if (c->state == CONN_LEAVING)
		return END_SHUTDOWN;
	return c->conn.io.pipe.ready ? END_RESET : END_TLS;
}

/* From any state, and again as long as a request is under way: it may be a SETUP that makes one more
 * session. */
static void close_now(struct rtsp_session *c, tick_t now)
{
	begin_closing(c, why_gone(c), now);
	c->state = CONN_CLOSED;
	if (c->ended == END_BLOCKED)
		conn_reset(&c->conn); /* it will not take what the kernel holds, either */
	else
		conn_close(&c->conn);
	rtsp_session_end_tied(c, CLOSE_DISCONNECT, now);
	/* UDP sessions stay, and forget us */
	for (struct link *x; (x = list_pop(&c->media));)
		container_of(x, struct rtp_session, on_conn)->made_by = NULL;
	c->n_media = 0;
}

/* When the request at hand wants to be asked for again. */
static tick_t txn_next(const struct rtsp_session *c, tick_t now)
{
	tick_t wake = c->txn_away ? 0 : c->txn->wake_at;

	if (!wake)
		return TASK_IDLE;
	return wake > now ? wake - now : 0;
}

static tick_t serving_next(struct rtsp_session *c, bool more, tick_t now)
{
	if (more)
		return 0;
	return c->txn ? txn_next(c, now) : TASK_IDLE;
}

/* Has all been said that it will ever hear? */
static bool is_closing_over(const struct rtsp_session *c, tick_t now)
{
	return now >= c->close_by || (c->conn.io.eof && conn_waiting(&c->conn) == 0);
}

tick_t rtsp_session_next(struct rtsp_session *c, bool more, tick_t now)
{
	bool is_gone = !conn_is_open(&c->conn) || c->conn.io.broken;

	if (!is_gone && !c->txn && !more) {
		if (c->conn.io.eof && !tunnel_far_holds(c))
			begin_closing(c, END_CLIENT, now);
		else if (c->state == CONN_LEAVING)
			begin_closing(c, END_SHUTDOWN, now);
	}
	if (c->state == CONN_CLOSING)
		buf_drop(&c->conn.io.in, c->conn.io.in.n); /* nobody will read it */
	if (is_gone || (c->state == CONN_CLOSING && is_closing_over(c, now)))
		close_now(c, now);
	switch (c->state) {
	case CONN_SERVING:
	case CONN_LEAVING: return serving_next(c, more, now);
	case CONN_CLOSING: return c->close_by - now;
	case CONN_CLOSED: return c->txn ? txn_next(c, now) : TASK_DONE;
	}
	return TASK_IDLE;
}

/* ---- the last word ---- */

void rtsp_session_end(
	struct rtsp_session *c, int status, struct bytes answer, enum conn_end why, tick_t now)
{
	if (answer.n && conn_put(&c->conn, answer) != 0)
		c->w->stats.responses_unsent++;
	stats_count_reply(&c->w->stats, status);
	begin_closing(c, why, now);
	task_signal(&c->task, EV_START);
}

void rtsp_session_end_saying(
	struct rtsp_session *c, int status, struct bytes line, enum conn_end why, tick_t now)
{
	struct buf b;

	buf_init(&b, 256);
	if (buf_printf(&b, "RTSP/1.0 %.*s\r\nConnection: close\r\n\r\n", BYTES_FMT(line)) != 0)
		c->w->stats.responses_unsent++;
	rtsp_session_end(c, status, buf_bytes(&b), why, now);
	buf_clear(&b);
}

void rtsp_session_replied(struct rtsp_session *c, bool close, tick_t now)
{
	if (close)
		begin_closing(c, c->unframed ? END_FRAMING : END_ASKED, now);
	else if (c->kind == KIND_RELAYED)
		begin_closing(c, END_RELAYED, now);
}

/* ---- clocks ---- */

/* Something waits for the client, and has for long: it reads no more. */
static bool is_blocked(struct rtsp_session *c, tick_t now)
{
	if (conn_waiting(&c->conn) == 0 || c->conn.io.bytes_out != c->seen_out) {
		c->seen_out = c->conn.io.bytes_out;
		c->seen_out_at = now;
	}
	return now - c->seen_out_at >= c->w->prefs->blocked_timeout * TICK_S;
}

/* The one that has run out; END_NONE: none. */
static enum conn_end overdue(struct rtsp_session *c, tick_t now)
{
	const struct prefs *p = c->w->prefs;
	tick_t silent = now - c->last_request;
	bool is_blocking = is_blocked(c, now);

	if (!c->conn.io.pipe.ready && silent >= p->tls_handshake_timeout * TICK_S)
		return END_TLS;
	if (is_blocking)
		return END_BLOCKED;
	if (c->txn)
		return END_NONE;
	/* what plays is not ended for half a request behind it */
	if (c->begun && now - c->begun >= p->request_timeout * TICK_S &&
		!rtsp_session_is_carrying(c))
		return END_SLOW;
	if (!c->n_requests && silent >= p->first_request_timeout * TICK_S)
		return END_SILENT;
	if (!link_is_alone(&c->media))
		return END_NONE;
	if (silent >= p->real_rtsp_timeout * TICK_S)
		return END_IDLE;
	if (atomic_load(&c->w->server->leaving) && silent >= LEAVING_IDLE)
		return END_SHUTDOWN;
	return END_NONE;
}

/* Gives back what nothing is in. */
static void trim(struct rtsp_session *c)
{
	if (c->conn.io.in.n == 0) {
		buf_clear(&c->conn.io.in);
		rtsp_txn_free(c->spare);
		c->spare = NULL;
	}
	if (c->conn.io.out.n == 0)
		buf_clear(&c->conn.io.out);
}

void rtsp_session_check(struct rtsp_session *c, tick_t now)
{
	if (c->state >= CONN_CLOSING || c->half.is_far)
		return; /* far: who has the GET sees to its end */
	if (tunnel_is_waiting(c)) {
		trim(c);
		tunnel_check(c, now);
		return;
	}
	if (now - c->last_request >= TICK_S && !rtsp_session_is_carrying(c))
		trim(c);
	enum conn_end why = overdue(c, now);
	if (why == END_NONE)
		return;
	if (why == END_TLS)
		tls_give_up(&c->conn.io.pipe);
	if (why == END_SLOW)
		rtsp_session_end_saying(
			c, RTSP_REQUEST_TIMEOUT, B("408 Request Time-out"), why, now);
	else
		begin_closing(c, why, now);
}
