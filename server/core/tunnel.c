/* SPDX-License-Identifier: MIT */
#include "server/core/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/rtsp_end.h"
#include "server/core/server.h"
#include "server/core/tunnel_own.h"

#define SERVER_NAME "Beagle/" BEAGLE_VERSION

enum { WAITING_BYTES = 4096 }; /* of a POST that waits: more is not read */

/* ---- answers ---- */

void tunnel_end_half(struct rtsp_session *c, int status, enum conn_end why, tick_t now)
{
	struct buf b;

	buf_init(&b, 1024);
	if (http_refusal_write(&b, status, c->w->prefs->retry_after, B(SERVER_NAME),
		    bytes_str(worker_date(c->w, now))) != 0)
		c->w->stats.responses_unsent++;
	rtsp_session_end(c, status, buf_bytes(&b), why, now);
	buf_clear(&b);
}

void tunnel_refuse(struct rtsp_session *c, int status, tick_t now)
{
	c->w->stats.http_refused++;
	tunnel_end_half(c, status, END_HTTP, now);
}

static void answer_get(struct rtsp_session *c, tick_t now)
{
	struct buf b;

	buf_init(&b, 1024);
	if (http_tunnel_write(&b, B(SERVER_NAME), bytes_str(worker_date(c->w, now))) != 0 ||
		conn_put(&c->conn, buf_bytes(&b)) != 0)
		c->w->stats.responses_unsent++;
	buf_clear(&b);
}

/* Nobody does (mod_fault.c): a POST is not answered. */
static void answer_post(struct rtsp_session *c, tick_t now)
{
	answer_get(c, now);
	if (conn_write(&c->conn, now) != 0)
		c->w->stats.responses_unsent++;
}

/* At once: the connection may be handed over in this very turn. */
static void answer_continue(struct rtsp_session *c, tick_t now)
{
	if (conn_put(&c->conn, B("HTTP/1.1 100 Continue\r\n\r\n")) != 0 ||
		conn_write(&c->conn, now) != 0)
		c->w->stats.responses_unsent++;
}

/* ---- the table ---- */

struct tunnel *tunnel_find(struct worker *w, const char *cookie, size_t n)
{
	struct tunnel *t = NULL;

	HASH_FIND(hh, w->tunnels, cookie, n, t);
	return t;
}

static struct tunnel *add(struct worker *w, const struct http_half *h)
{
	struct tunnel *t = xcalloc(1, sizeof *t);

	t->cookie_n = h->cookie_n;
	memcpy(t->cookie, h->cookie, h->cookie_n);
	HASH_ADD(hh, w->tunnels, cookie, t->cookie_n, t);
	return t;
}

/* The cookie is a secret. */
static void trace(const struct rtsp_session *c)
{
	log_write(LOG_D, "rtsp", "phase=%s half=%s w=%u", rtsp_phase_name(c->phase),
		c->half.is_post ? "post" : "get", c->w->index);
}

static void begin_waiting(struct rtsp_session *c, tick_t now)
{
	c->phase = PHASE_WAITING_TO_BIND_HTTP_TUNNEL;
	trace(c);
	c->half.waits = true;
	c->half.since = now;
	list_push_back(&c->w->halves, &c->half.queue);
	atomic_fetch_add(&c->w->server->tunnel_halves, 1);
}

static void end_waiting(struct rtsp_session *c)
{
	if (c->half.waits)
		atomic_fetch_sub(&c->w->server->tunnel_halves, 1);
	c->half.waits = false;
	link_remove(&c->half.queue);
}

bool tunnel_is_waiting(const struct rtsp_session *c)
{
	return c->half.waits;
}

bool tunnel_is_full(const struct rtsp_session *c)
{
	return c->half.waits && c->conn.io.in.n >= WAITING_BYTES;
}

void tunnel_leave(struct rtsp_session *c)
{
	struct tunnel *t = c->half.tunnel;

	tunnel_far_leave(c);
	end_waiting(c);
	if (!t)
		return;
	c->half.tunnel = NULL;
	if (t->get == c)
		t->get = NULL;
	if (t->post == c)
		t->post = NULL;
	if (t->get || t->post)
		return;
	HASH_DEL(c->w->tunnels, t);
	free(t);
}

/* ---- joining ---- */

/* The TCP connection of a POST is over. */
static void post_ended(struct rtsp_session *get, enum conn_end why)
{
	if (!get->half.has_post)
		return;
	get->half.has_post = false;
	get->half.cut = true;
	worker_connection_ended(get->w, get->half.post_tag, why);
}

void tunnel_on_read(struct rtsp_session *c, int err)
{
	if (!c->half.has_post || conn_has_input(&c->conn))
		return;
	if (err == ERR_SYNTAX) {
		c->w->stats.tunnel_bad_base64++;
		c->half.bad = true;
	}
	post_ended(c, err == ERR_SYNTAX ? END_FRAMING : err == ERR_CLOSED ? END_CLIENT : END_RESET);
}

/* Another POST has come while one is there: what that one has sent counts, then it goes. */
static void replace_post(struct rtsp_session *get)
{
	int n;

	do
		n = conn_read(&get->conn);
	while (n > 0 && conn_has_input(&get->conn));
	if (n < 0)
		tunnel_on_read(get, n);
	if (get->half.has_post) {
		conn_part(&get->conn);
		post_ended(get, END_REPLACED);
		get->w->stats.tunnel_posts_replaced++;
	}
}

/* The waiting POST becomes the GET's input. */
static bool join(struct rtsp_session *get, struct rtsp_session *post, tick_t now)
{
	struct conn_parts parts;
	struct stats *stats = &get->w->stats;

	conn_detach(&post->conn, &parts);
	post->half.moved = true;
	post->phase = PHASE_SOCKET_HAS_BEEN_BOUND_INTO_HTTP_TUNNEL;
	tunnel_leave(post);
	task_signal(&post->task, EV_UPDATE);
	get->half.has_post = true;
	get->half.post_tag = parts.tag;
	if (conn_join(&get->conn, &parts) != 0) {
		conn_parts_close(&parts);
		post_ended(get, END_FAILED);
		return false;
	}
	if (tunnel_is_waiting(get)) {
		end_waiting(get);
		get->phase = PHASE_SOCKET_HAS_BEEN_BOUND_INTO_HTTP_TUNNEL;
		get->last_request = now;
		stats->tunnels++;
	} else {
		stats->tunnel_posts_reopened++;
	}
	trace(post);
	return true;
}

/* Drops what a POST that has gone has left, when all that was whole is done. */
static void drop_rest(struct rtsp_session *c)
{
	buf_drop(&c->conn.io.in, c->conn.io.in.n);
	c->scan = (struct rtsp_scan){ 0 };
	c->begun = 0;
	c->half.cut = false;
}

bool tunnel_run(struct rtsp_session *c, bool is_idle, tick_t now)
{
	struct tunnel *t = c->half.tunnel;

	if (!t || t->get != c || c->state >= CONN_CLOSING)
		return false;
	if (tunnel_is_waiting(c))
		buf_drop(&c->conn.io.in, c->conn.io.in.n); /* on a GET nothing follows its head */
	if (t->post && c->half.has_post) {
		replace_post(c);
		return true;
	}
	if (!is_idle)
		return false;
	if (c->half.cut)
		drop_rest(c);
	return t->post && join(c, t->post, now);
}

void tunnel_check(struct rtsp_session *c, tick_t now)
{
	if (!tunnel_is_waiting(c) || c->state >= CONN_CLOSING)
		return;
	if (now - c->half.since < c->w->prefs->tunnel_timeout * TICK_S) {
		if (c->half.is_post && now - c->half.told >= TICK_S)
			tunnel_far_tell(c, now);
		return;
	}
	c->w->stats.tunnel_timeouts++;
	if (c->half.is_post)
		tunnel_end_half(c, HTTP_REQUEST_TIMEOUT, END_ALONE, now);
	else
		rtsp_session_end(c, 0, (struct bytes){ 0 }, END_ALONE, now); /* 200 was said */
}

/* ---- arriving ---- */

/* Nobody else than who opened a tunnel may speak into it or hear what comes out of it. */
static bool is_same_peer(const struct rtsp_session *a, const struct rtsp_session *b)
{
	return a->conn.io.pipe.is_secure == b->conn.io.pipe.is_secure && /* or neither */
	       (!a->w->prefs->tunnel_same_address ||
		       addr_is_same_host(&a->conn.io.peer, &b->conn.io.peer));
}

/* Makes room: partners meet within a second or never, so the one that waits longest is in vain. False: none
 * of this worker's waits. */
static bool evict(struct worker *w, tick_t now)
{
	struct link *x = list_first(&w->halves);

	w->stats.tunnel_overflows++;
	if (!x)
		return false;
	struct rtsp_session *c = container_of(x, struct rtsp_session, half.queue);
	if (c->half.is_post)
		tunnel_end_half(c, HTTP_UNAVAILABLE, END_REFUSED, now);
	else
		rtsp_session_end(c, 0, (struct bytes){ 0 }, END_REFUSED, now); /* 200 was said */
	return true;
}

/* 0, or the status that refuses c. */
static int admit(struct rtsp_session *c, const struct http_half *h, struct tunnel *t, tick_t now)
{
	struct stats *stats = &c->w->stats;
	uint32_t most = (uint32_t)c->w->prefs->tunnel_halves_max;

	if (t && !is_same_peer(c, t->get ? t->get : t->post)) {
		stats->tunnel_hijacks++;
		return HTTP_FORBIDDEN;
	}
	if (t && t->get && !h->is_post) {
		stats->tunnel_doubles++;
		return HTTP_CONFLICT;
	}
	if (!t && atomic_load(&c->w->server->tunnel_halves) >= most && !evict(c->w, now))
		return HTTP_UNAVAILABLE;
	return 0;
}

/* A POST that waits makes room for a newer one. */
static void turn_out(struct rtsp_session *post, tick_t now)
{
	post->w->stats.tunnel_posts_replaced++;
	tunnel_end_half(post, HTTP_CONFLICT, END_REPLACED, now);
}

void tunnel_enter(struct rtsp_session *c, const struct http_half *h, tick_t now)
{
	struct tunnel *t = tunnel_find(c->w, h->cookie, h->cookie_n);
	int status = admit(c, h, t, now);

	c->half.is_post = h->is_post;
	if (status) {
		tunnel_end_half(c, status, END_REFUSED, now);
		return;
	}
	if (!t)
		t = add(c->w, h);
	c->half.tunnel = t;
	begin_waiting(c, now);
	if (h->is_post) {
		struct rtsp_session *older = t->post;
		t->post = c;
		if (older)
			turn_out(older, now);
	} else {
		t->get = c;
		answer_get(c, now);
	}
	if (t->get)
		task_signal(&t->get->task, EV_UPDATE);
	if (!t->get || !t->post)
		tunnel_far_tell(c, now);
}

/* ---- to the worker where both meet ---- */

struct half_mail {
	struct mail mail;
	struct worker *to;
	struct http_half half;
	struct conn_parts parts;
};

static void on_half(struct mail *m, struct loop *l, tick_t now)
{
	struct half_mail *a = container_of(m, struct half_mail, mail);
	(void)l;

	struct rtsp_session *c = worker_take(a->to, &a->parts, now);
	if (c)
		tunnel_enter(c, &a->half, now);
	free(a);
}

static void move(struct rtsp_session *c, const struct http_half *h, struct worker *to)
{
	struct half_mail *a = xcalloc(1, sizeof *a);

	*a = (struct half_mail){ .mail.fn = on_half, .to = to, .half = *h };
	conn_detach(&c->conn, &a->parts);
	c->half.moved = true;
	c->w->stats.tunnel_moves++;
	atomic_fetch_add(&to->n_connections, 1);
	atomic_fetch_sub(&c->w->n_connections, 1);
	loop_post(&to->loop, &a->mail);
}

/* FNV-1a. */
struct worker *tunnel_worker(struct server *s, const char *cookie, size_t n)
{
	uint32_t x = 2166136261u;

	for (size_t i = 0; i < n; i++)
		x = (x ^ (uint8_t)cookie[i]) * 16777619u;
	return &s->workers[x % s->n_workers];
}

void tunnel_begin(struct rtsp_session *c, const struct http_half *h, tick_t now)
{
	struct worker *to = tunnel_worker(c->w->server, h->cookie, h->cookie_n);

	c->w->stats.tunnel_halves++;
	if (h->wants_continue)
		answer_continue(c, now);
	if (h->is_post && c->w->answers_posts)
		answer_post(c, now);
	if (to == c->w)
		tunnel_enter(c, h, now);
	else
		move(c, h, to);
}
