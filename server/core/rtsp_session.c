/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_session.h"

#include <stdlib.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/rtsp_channels.h"
#include "server/core/server.h"

enum {
	STEPS_TURN = 32,             /* requests and frames of one connection per turn */
	OUT_SLACK = 4 * 1024 * 1024, /* room for replies above the frames' mark */
	FRAME_ROOM = FRAME_HEADER + FRAME_PAYLOAD_MAX,
};
#define LINGER       TICK_S
#define LEAVING_IDLE (5 * TICK_S) /* who has not asked for so long is not about to ask */

/* ---- requests ---- */

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

/* True: a whole message was taken off; false: none has come yet. */
static bool read_request(struct rtsp_session *c, struct bytes in, tick_t now)
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
	if (r > 0 && t->req.is_response) {
		/* we ask nothing, and to answer an answer could go on for ever */
		arena_reset(&t->arena);
		buf_drop(&c->conn.io.in, (size_t)r);
		c->begun = 0;
		c->w->stats.responses_stray++;
		return true;
	}
	if (t->req.is_http) {
		on_http(c, &t->req, r, now);
		arena_reset(&t->arena);
		return true;
	}
	if (c->phase == PHASE_HTTP_FILTERING)
		c->phase = PHASE_HAVE_NON_TUNNEL_MESSAGE;
	size_t n = r > 0 ? (size_t)r : t->req.skip ? t->req.skip : in.n;
	if (r < 0 && t->req.skip == 0)
		t->close = c->unframed = true; /* no telling where the next message begins */
	own_message(t, bytes_sub(in, 0, n), &l);
	buf_drop(&c->conn.io.in, n);
	t->received = now;
	t->secure = conn_is_secure(&c->conn);
	c->txn = t;
	c->spare = NULL;
	c->begun = 0;
	c->last_request = now;
	c->n_requests++;
	c->w->stats.requests++;
	return true;
}

/* Takes the next thing off the input; false: there is nothing whole. */
static bool read_next(struct rtsp_session *c, tick_t now)
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
	return read_request(c, in, now);
}

/* ---- replies ---- */

static void begin_closing(struct rtsp_session *c, enum conn_end why, tick_t now)
{
	if (c->closing)
		return;
	tunnel_leave(c);
	c->closing = true;
	c->ended = why;
	c->close_by = now + LINGER;
	rtsp_session_end_tied(c, why == END_BLOCKED ? CLOSE_BLOCKED : CLOSE_DISCONNECT, now);
	conn_finish(&c->conn);
}

static void count_reply(struct stats *s, int status)
{
	uint64_t *const of[] = { &s->responses_2xx, &s->responses_3xx, &s->responses_4xx,
		&s->responses_5xx };
	if (status >= 200 && status < 600)
		++*of[status / 100 - 2];
}

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
	count_reply(&c->w->stats, t->status);
	/* the path alone: a URL may hold a password */
	log_write(LOG_D, "rtsp", "%.*s %s -> %d w=%u", BYTES_FMT(t->req.method_name),
		t->path[0] ? t->path : "-", t->status, c->w->index);
	if (conn_put(&c->conn, buf_bytes(&t->reply)) != 0)
		c->w->stats.responses_unsent++;
	c->phase = PHASE_CLEANING_UP;
	if (t->close)
		begin_closing(c, c->unframed ? END_FRAMING : END_ASKED, now);
	else if (c->is_relayed)
		begin_closing(c, END_RELAYED, now);
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

/* Does more wait for this client than it seems to want to read? */
static bool is_choked(const struct rtsp_session *c)
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
		} else if (c->closing || c->draining || tunnel_is_waiting(c) || is_choked(c) ||
			   !read_next(c, now)) {
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

/* The connection is of no more use; the task ends as soon as its request is at home. */
static tick_t finish(struct rtsp_session *c, tick_t now)
{
	begin_closing(c,
		c->draining             ? END_SHUTDOWN
		: c->conn.io.pipe.ready ? END_RESET
					: END_TLS,
		now);
	if (c->ended == END_BLOCKED)
		conn_reset(&c->conn); /* it will not take what the kernel holds, either */
	else
		conn_close(&c->conn);
	rtsp_session_end_tied(c, CLOSE_DISCONNECT,
		now); /* a SETUP that was under way when the peer went has made one more */
	/* UDP sessions stay, and forget us */
	for (struct link *x; (x = list_pop(&c->media));)
		container_of(x, struct rtp_session, on_conn)->made_by = NULL;
	c->n_media = 0;
	if (c->txn) {
		tick_t wake = c->txn_away ? 0 : c->txn->wake_at;
		return wake > now ? wake - now : TASK_IDLE;
	}
	if (!c->half.moved)
		tell_closing(c);
	return TASK_DONE;
}

void rtsp_session_end(
	struct rtsp_session *c, int status, struct bytes answer, enum conn_end why, tick_t now)
{
	if (answer.n && conn_put(&c->conn, answer) != 0)
		c->w->stats.responses_unsent++;
	count_reply(&c->w->stats, status);
	begin_closing(c, why, now);
	task_signal(&c->task, EV_START);
}

/* The last word, without a request whose CSeq could be told. */
static void answer_early(struct rtsp_session *c, struct bytes status, enum conn_end why, tick_t now)
{
	struct buf b;

	buf_init(&b, 256);
	if (buf_printf(&b, "RTSP/1.0 %.*s\r\nConnection: close\r\n\r\n", BYTES_FMT(status)) != 0)
		c->w->stats.responses_unsent++;
	rtsp_session_end(c, status.p[0] == '5' ? 500 : 400, buf_bytes(&b), why, now);
	buf_clear(&b);
}

/* Something waits for the client, and has for long: it reads no more. */
static bool is_blocked(struct rtsp_session *c, tick_t now)
{
	if (conn_waiting(&c->conn) == 0 || c->conn.io.bytes_out != c->seen_out) {
		c->seen_out = c->conn.io.bytes_out;
		c->seen_out_at = now;
	}
	return now - c->seen_out_at >= c->w->prefs->blocked_timeout * TICK_S;
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

static void check_idle(struct rtsp_session *c, tick_t now)
{
	const struct prefs *p = c->w->prefs;

	if (c->closing)
		return;
	if (tunnel_is_waiting(c)) {
		trim(c);
		tunnel_check(c, now);
		return;
	}
	if (now - c->last_request >= TICK_S && !rtsp_session_is_carrying(c))
		trim(c);
	if (!c->conn.io.pipe.ready && now - c->last_request >= p->tls_handshake_timeout * TICK_S) {
		tls_give_up(&c->conn.io.pipe);
		begin_closing(c, END_TLS, now);
	} else if (is_blocked(c, now))
		begin_closing(c, END_BLOCKED, now);
	else if (c->txn)
		return;
	/* what plays is not ended for half a request behind it */
	else if (c->begun && now - c->begun >= p->request_timeout * TICK_S &&
		 !rtsp_session_is_carrying(c))
		answer_early(c, B("408 Request Time-out"), END_SLOW, now);
	else if (!c->n_requests && now - c->last_request >= p->first_request_timeout * TICK_S)
		begin_closing(c, END_SILENT, now);
	else if (link_is_alone(&c->media) && now - c->last_request >= p->real_rtsp_timeout * TICK_S)
		begin_closing(c, END_IDLE, now);
	else if (atomic_load(&c->w->server->leaving) && link_is_alone(&c->media) &&
		 now - c->last_request >= LEAVING_IDLE)
		begin_closing(c, END_SHUTDOWN, now);
}

/* The end of a turn in a tunnel. True: there is more to do. */
static bool run_tunnel(struct rtsp_session *c, bool more, tick_t now)
{
	if (!c->half.tunnel)
		return more;
	bool is_idle = !more && !c->txn && !is_choked(c);
	if (is_idle && c->half.bad && !c->closing) {
		answer_early(c, B("400 Bad Request"), END_FRAMING, now);
		return false;
	}
	return tunnel_run(c, is_idle, now) || more;
}

/* When the task wants to run again; ends it when all is said. */
static tick_t decide(struct rtsp_session *c, bool more, tick_t now)
{
	if (!conn_is_open(&c->conn) || c->conn.io.broken)
		return finish(c, now);
	if (!c->txn && !more && (c->conn.io.eof || c->draining))
		begin_closing(c, c->conn.io.eof ? END_CLIENT : END_SHUTDOWN, now);
	if (c->closing) {
		buf_drop(&c->conn.io.in, c->conn.io.in.n); /* nobody will read it */
		if (now >= c->close_by || (c->conn.io.eof && conn_waiting(&c->conn) == 0))
			return finish(c, now);
		return c->close_by - now;
	}
	if (more)
		return 0;
	if (c->txn) {
		tick_t wake = c->txn_away ? 0 : c->txn->wake_at;
		return wake ? (wake > now ? wake - now : 0) : TASK_IDLE;
	}
	return TASK_IDLE;
}

static tick_t session_run(struct task *t, uint32_t events, tick_t now)
{
	struct rtsp_session *c = container_of(t, struct rtsp_session, task);

	if (events & EV_KILL)
		c->draining = true;
	if (events & EV_WRITE && conn_is_open(&c->conn))
		(void)conn_write(&c->conn, now); /* an error stays in conn.broken */
	rtsp_session_tell_room(c);
	/* full: the rest waits in the socket; broken: decide() sees it */
	int err = events & EV_READ ? conn_read(&c->conn) : 0;
	if (err < 0) {
		c->n_unread++;
		tunnel_on_read(c, err);
	}
	bool more = run_tunnel(c, advance(c, now), now);
	if (conn_is_open(&c->conn)) {
		/* at its end of input, full or choked a level-triggered descriptor would spin */
		bool full = c->conn.io.in.n == c->conn.io.in.max;
		conn_want_read(
			&c->conn, !c->conn.io.eof && !full && !is_choked(c) && !tunnel_is_full(c));
	}
	if (events & EV_USER)
		check_idle(c, now);
	return decide(c, more, now);
}

static void session_free(struct task *t)
{
	struct rtsp_session *c = container_of(t, struct rtsp_session, task);

	link_remove(&c->all);
	tunnel_leave(c);
	if (c->half.has_post)
		worker_connection_ended(c->w, c->half.post_tag, c->ended);
	if (!c->half.moved)
		worker_connection_ended(c->w, c->conn.io.tag, c->ended);
	if (c->is_refused)
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
	if (!c->closing)
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
	c->is_refused = kind == KIND_REFUSED;
	c->is_relayed = kind == KIND_RELAYED;
	if (kind == KIND_REFUSED)
		answer_early(c, B("503 Service Unavailable\r\nRetry-After: 5"), END_REFUSED, now);
	return c;
}
