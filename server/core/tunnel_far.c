/* SPDX-License-Identifier: MIT */
#include "server/core/tunnel_far.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/core/rtsp_end.h"
#include "server/core/server.h"
#include "server/core/tunnel_own.h"

enum { ANSWER_STEP = 512 }; /* of the little that is ever answered to a POST */

/* ---- telling ---- */

static struct tunnel_word word_of(const struct rtsp_session *c, enum tunnel_news news)
{
	const struct tunnel *t = c->half.tunnel;
	struct tunnel_word w = { .news = (uint8_t)news,
		.is_secure = c->conn.io.pipe.is_secure,
		.peer = c->conn.io.peer,
		.local = c->conn.io.local,
		.cookie_n = t->cookie_n };

	memcpy(w.cookie, t->cookie, t->cookie_n);
	return w;
}

static int say(const struct rtsp_session *c, const struct tunnel_word *w, int fd)
{
	const struct relay_route *r = &c->w->server->relay;
	return r->tell ? r->tell(r->arg, w, fd) : -ENOENT;
}

void tunnel_far_tell(struct rtsp_session *c, tick_t now)
{
	struct tunnel_word w = word_of(c, c->half.is_post ? TUNNEL_SEEK : TUNNEL_WANT);

	w.to_all = true;
	c->half.told = now;
	int err = say(c, &w, -1);
	(void)err; /* said again as long as it waits */
}

/* ---- forwarding ---- */

void tunnel_far_leave(struct rtsp_session *c)
{
	struct tunnel_half *h = &c->half;

	if (!h->is_far)
		return;
	watch_close(&h->far_watch);
	(void)close(h->far); /* which ends it over there */
	h->is_far = false;
	c->w->n_posts_sent--;
}

/* False: the other side is gone. */
static bool copy_there(struct rtsp_session *c)
{
	struct buf *in = &c->conn.io.in;

	while (in->n) {
		struct bytes v = buf_bytes(in);
		ssize_t n = send(c->half.far, v.p, v.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		buf_drop(in, (size_t)n);
	}
	watch_set(&c->half.far_watch, EV_READ | (in->n ? (uint32_t)EV_WRITE : 0));
	return true;
}

/* The same; what the GET's process answers is a refusal. */
static bool copy_back(struct rtsp_session *c)
{
	uint8_t answer[ANSWER_STEP];
	ssize_t n;

	do
		n = recv(c->half.far, answer, sizeof answer, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN;
	if (n && conn_put(&c->conn, bytes_of(answer, (size_t)n)) != 0)
		c->w->stats.responses_unsent++;
	return n > 0;
}

void tunnel_far_run(struct rtsp_session *c, tick_t now)
{
	bool alive = copy_there(c);

	if (!copy_back(c) || !alive)
		rtsp_session_end(c, 0, (struct bytes){ 0 }, END_MOVED, now);
}

bool tunnel_far_holds(const struct rtsp_session *c)
{
	return c->half.is_far && c->conn.io.in.n > 0;
}

/* A pair, one end with the process of the GET: ours, or -errno. */
static int open_pair(const struct rtsp_session *c, uint8_t to)
{
	struct tunnel_word w = word_of(c, TUNNEL_POST_COMES);
	int fd[2];

	w.to = to;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
		return -errno;
	int err = say(c, &w, fd[1]);
	if (!err)
		return fd[0];
	(void)close(fd[0]); /* nothing was written */
	(void)close(fd[1]);
	return err;
}

static void send_post(struct rtsp_session *c, uint8_t to, tick_t now)
{
	struct worker *w = c->w;
	struct tunnel_half *h = &c->half;

	if (w->n_posts_sent >= (uint64_t)w->prefs->maximum_forwarded_posts) {
		w->stats.tunnel_posts_unsent++;
		tunnel_end_half(c, HTTP_UNAVAILABLE, END_REFUSED, now);
		return;
	}
	int fd = open_pair(c, to);
	if (fd < 0)
		return; /* it seeks again */
	tunnel_leave(c);
	if (watch_open(&h->far_watch, &w->loop, fd, &c->task, EV_READ | EV_WRITE) != 0) {
		(void)close(fd); /* the other side sees the end of it */
		w->stats.tunnel_posts_unsent++;
		tunnel_end_half(c, HTTP_UNAVAILABLE, END_FAILED, now);
		return;
	}
	h->far = fd;
	h->is_far = true;
	c->phase = PHASE_SOCKET_HAS_BEEN_BOUND_INTO_HTTP_TUNNEL;
	w->n_posts_sent++;
	w->stats.tunnel_posts_sent++;
	task_signal(&c->task, EV_UPDATE);
}

/* ---- hearing ---- */

/* As is_same_peer of tunnel.c, for halves of two processes. */
static bool is_same_peer(const struct rtsp_session *c, const struct tunnel_word *w)
{
	return c->conn.io.pipe.is_secure == w->is_secure &&
	       (!c->w->prefs->tunnel_same_address || addr_is_same_host(&c->conn.io.peer, &w->peer));
}

static void take_post(struct worker *w, const struct tunnel_word *word, int fd, tick_t now)
{
	struct http_half h = { .is_post = true, .cookie_n = word->cookie_n };
	struct conn_parts parts;

	memcpy(h.cookie, word->cookie, word->cookie_n);
	conn_parts_init(&parts, fd);
	parts.peer = word->peer;
	parts.local = word->local;
	parts.pipe.is_secure = word->is_secure; /* as the client has it */
	parts.connecting = false;
	w->stats.tunnel_posts_taken++;
	struct rtsp_session *c = worker_take(w, &parts, now);
	if (c)
		tunnel_enter(c, &h, now);
}

/* Its cookie is that of another's tunnel here. */
static void refuse_seeker(const struct rtsp_session *get, const struct tunnel_word *seek)
{
	struct tunnel_word no = *seek;

	no.news = TUNNEL_REFUSE;
	no.to_all = false;
	no.to = seek->from;
	int err = say(get, &no, -1);
	(void)err; /* it will seek again */
}

/* Only the POST that was meant: a better one may have taken its place. */
static void be_refused(struct rtsp_session *post, const struct tunnel_word *word, tick_t now)
{
	if (post && post->conn.io.pipe.is_secure == word->is_secure &&
		addr_is_same_host(&post->conn.io.peer, &word->peer))
		tunnel_end_half(post, HTTP_FORBIDDEN, END_REFUSED, now);
}

void tunnel_far_hear(struct worker *w, const struct tunnel_word *word, int fd, tick_t now)
{
	struct tunnel *t = tunnel_find(w, word->cookie, word->cookie_n);
	struct rtsp_session *half = NULL;

	if (word->news == TUNNEL_POST_COMES) {
		take_post(w, word, fd, now);
		return;
	}
	if (word->news == TUNNEL_REFUSE) {
		be_refused(t ? t->post : NULL, word, now);
		return;
	}
	if (t)
		half = word->news == TUNNEL_SEEK ? t->get : t->get ? NULL : t->post;
	if (!half)
		return;
	if (!is_same_peer(half, word)) {
		w->stats.tunnel_hijacks++;
		if (!half->half.is_post)
			refuse_seeker(half, word);
	} else if (half->half.is_post) {
		send_post(half, word->from, now);
	} else {
		struct tunnel_word want = word_of(half, TUNNEL_WANT);
		want.to = word->from;
		int err = say(half, &want, -1);
		(void)err; /* it will seek again */
	}
}
