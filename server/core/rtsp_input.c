/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_input.h"

#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

static struct rtsp_limits limits_of(const struct prefs *p)
{
	return (struct rtsp_limits){ .line = (size_t)p->request_line_bytes,
		.headers = (size_t)p->request_headers,
		.header_bytes = (size_t)p->request_header_bytes,
		.body = (size_t)p->request_body_bytes };
}

/* The first message of the connection is HTTP: half of a tunnel, or nothing we have. */
static void on_http(struct rtsp_session *c, const struct rtsp_msg *m, int read, tick_t now)
{
	struct http_half h;
	int status = http_half_read(m, read, &h);

	buf_drop(&c->conn.io.in, read > 0 ? (size_t)read : c->conn.io.in.n);
	c->begun = 0;
	c->last_request = now;
	if (status)
		tunnel_refuse(c, status, now);
	else
		tunnel_begin(c, &h, now);
}

/* Gives the txn a message of its own to look into: the connection's buffer moves on. */
static void own_message(struct rtsp_txn *t, struct bytes whole, const struct rtsp_limits *l)
{
	struct fault f;

	t->raw = bytes_dup(&t->arena, whole);
	int r = rtsp_read(t->raw, l, &t->arena, &t->req, &f);
	if (r < 0)
		t->refusal = r == ERR_MORE ? RTSP_BAD_REQUEST : (int)t->req.refusal;
}

/* We ask nothing, and to answer an answer could go on for ever. */
static void on_response(struct rtsp_session *c, int read)
{
	buf_drop(&c->conn.io.in, (size_t)read);
	c->begun = 0;
	c->w->stats.responses_stray++;
}

/* The spare txn becomes the request at hand; `read` is how long its message is, or why it is none. */
static void on_request(
	struct rtsp_session *c, struct bytes in, int read, const struct rtsp_limits *l, tick_t now)
{
	struct rtsp_txn *t = c->spare;
	size_t n = read > 0 ? (size_t)read : t->req.skip ? t->req.skip : in.n;

	if (c->phase == PHASE_HTTP_FILTERING)
		c->phase = PHASE_HAVE_NON_TUNNEL_MESSAGE;
	if (read < 0 && t->req.skip == 0)
		t->close = c->unframed = true; /* no telling where the next message begins */
	own_message(t, bytes_sub(in, 0, n), l);
	buf_drop(&c->conn.io.in, n);
	t->received = now;
	t->secure = conn_is_secure(&c->conn);
	c->txn = t;
	c->spare = NULL;
	c->begun = 0;
	c->last_request = now;
	c->n_requests++;
	c->w->stats.requests++;
}

/* True: a whole message was taken off; false: none has come yet. */
static bool read_message(struct rtsp_session *c, struct bytes in, tick_t now)
{
	struct rtsp_limits l = limits_of(c->w->prefs);
	struct fault f;

	l.http = c->phase == PHASE_HTTP_FILTERING;
	if (!c->spare)
		c->spare = rtsp_txn_new(c, c->w);
	struct rtsp_txn *t = c->spare;
	int r = rtsp_read_on(&c->scan, in, &l, &t->arena, &t->req, &f);
	if (r == ERR_MORE) {
		arena_reset(&t->arena);
		return false;
	}
	c->scan = (struct rtsp_scan){ 0 };
	if (r > 0 && t->req.is_response)
		on_response(c, r);
	else if (t->req.is_http)
		on_http(c, &t->req, r, now);
	else
		on_request(c, in, r, &l, now);
	if (c->spare)
		arena_reset(&c->spare->arena);
	return true;
}

bool rtsp_session_read_next(struct rtsp_session *c, tick_t now)
{
	struct bytes in = buf_bytes(&c->conn.io.in);
	struct frame f;

	if (in.n == 0) {
		c->begun = 0;
		return false;
	}
	if (!c->begun)
		c->begun = now;
	int r = frame_read(in, &f);
	if (r == ERR_MORE)
		return false;
	if (r > 0) {
		if (f.kind == FRAME_DATA)
			rtsp_session_on_frame(c, &f, now);
		buf_drop(&c->conn.io.in, (size_t)r);
		c->begun = 0;
		return true;
	}
	if (c->phase == PHASE_READING_FIRST_REQUEST)
		c->phase = PHASE_HTTP_FILTERING;
	return read_message(c, in, now);
}
