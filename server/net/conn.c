/* SPDX-License-Identifier: MIT */
#include "server/net/conn.h"

#include <errno.h>
#include <netinet/tcp.h>

#include "server/base/err.h"
#include "server/net/conn_own.h"

enum {
	NOTSENT_LOWAT = 128 * 1024, /* what the kernel may hold unsent: more would hide lateness */
};

/* ---- parts ---- */

void conn_parts_init(struct conn_parts *parts, int fd)
{
	*parts = (struct conn_parts){ .post.fd = -1 };
	pipe_init_plain(&parts->pipe, fd);
	parts->peer = sock_peer(fd);
	parts->local = sock_local(fd);
	parts->connecting = parts->peer.n == 0;
}

void conn_parts_close(struct conn_parts *parts)
{
	pipe_close(&parts->pipe);
	pipe_close(&parts->post);
	buf_clear(&parts->in);
	buf_clear(&parts->coded);
	buf_clear(&parts->out);
}

/* What was moved elsewhere is no longer theirs. */
static void forget(struct conn_parts *parts)
{
	*parts = (struct conn_parts){ .pipe.fd = -1, .post.fd = -1 };
}

void conn_detach(struct conn *c, struct conn_parts *parts)
{
	conn_keep_frames(c);
	flush_cancel(&c->flush);
	pipe_detach(&c->pipe);
	pipe_detach(&c->post);
	*parts = (struct conn_parts){ .pipe = c->pipe,
		.post = c->post,
		.is_tunnel = c->is_tunnel,
		.connecting = c->connecting,
		.eof = c->eof,
		.broken = c->broken,
		.shut = c->shut,
		.base64 = c->base64,
		.in = c->in,
		.coded = c->coded,
		.out = c->out,
		.unit_sent = c->unit_sent,
		.waiting = c->waiting,
		.bytes_in = c->bytes_in,
		.bytes_out = c->bytes_out,
		.frames_dropped = c->frames_dropped,
		.peer = c->peer,
		.local = c->local,
		.tag = c->tag };
	*c = (struct conn){ .pipe.fd = -1, .post.fd = -1, .loop = c->loop };
	flush_init(&c->flush, conn_on_flush);
}

/* wishes both: without them replies and media are only later */
static void tune(int fd)
{
	int lowat = NOTSENT_LOWAT, on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
}

static void take_parts(struct conn *c, const struct conn_parts *parts)
{
	c->pipe = parts->pipe;
	c->post = parts->post;
	c->is_tunnel = parts->is_tunnel;
	c->connecting = parts->connecting;
	c->eof = parts->eof;
	c->broken = parts->broken;
	c->shut = parts->shut;
	c->base64 = parts->base64;
	c->in = parts->in;
	c->coded = parts->coded;
	c->out = parts->out;
	c->unit_sent = parts->unit_sent;
	c->waiting = parts->waiting;
	c->bytes_in = parts->bytes_in;
	c->bytes_out = parts->bytes_out;
	c->frames_dropped = parts->frames_dropped;
	c->peer = parts->peer;
	c->local = parts->local;
	c->tag = parts->tag;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void conn_set_limits(struct conn *c, const struct conn_limits *limits)
{
	/* units' headers are on top of what the limit counts; frames stop at high_water */
	size_t out = 2 * limits->out_max + CONN_FRAMES * CONN_UNIT_MAX;

	c->limits = *limits;
	c->in.max = larger(limits->in_max, c->in.n);
	c->coded.max = larger(limits->in_max, c->coded.n);
	c->out.max = larger(out, c->out.n);
}

int conn_attach(struct conn *c, struct loop *l, struct conn_parts *parts, struct task *owner,
	const struct conn_limits *limits)
{
	*c = (struct conn){ .loop = l, .task = owner, .want_read = true };
	take_parts(c, parts);
	forget(parts);
	flush_init(&c->flush, conn_on_flush);
	conn_set_limits(c, limits);
	tune(c->pipe.fd);
	int err = pipe_attach(&c->pipe, l, owner, !c->eof, c->out.n > 0);
	if (!err && pipe_is_open(&c->post))
		err = pipe_attach(&c->post, l, owner, true, false);
	if (err) {
		conn_close(c);
		return err;
	}
	conn_arm(c);
	if (c->in.n || c->coded.n || c->eof || c->broken)
		task_signal(owner, EV_READ);
	if (c->out.n || c->shut || !c->pipe.ready)
		flush_soon(l, &c->flush);
	return 0;
}

int conn_open(struct conn *c, struct loop *l, int fd, struct task *owner,
	const struct conn_limits *limits)
{
	struct conn_parts parts;

	conn_parts_init(&parts, fd);
	return conn_attach(c, l, &parts, owner, limits);
}

/* ---- in ---- */

void conn_arm(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	if (c->connecting) {
		watch_set(&c->pipe.watch, EV_READ | EV_WRITE);
		return;
	}
	pipe_want(&c->pipe, c->is_tunnel ? !c->eof : c->want_read, c->out.n > 0);
	if (pipe_is_open(&c->post))
		pipe_want(&c->post, c->want_read, false);
}

/* Octets inside a library wake nobody by themselves. */
static void ask_for_more(struct conn *c)
{
	const struct pipe *p = c->is_tunnel ? &c->post : &c->pipe;

	if (!pipe_is_open(p) || c->broken || c->in.n == c->in.max)
		return;
	if (c->coded.n || (!c->eof && p->ops->has_more(p)))
		task_signal(c->task, EV_READ);
}

/* One pipe for both ways. */
static int read_pipe(struct conn *c)
{
	size_t got = 0;

	while (!c->eof && got < CONN_READ_TURN) {
		size_t space = c->in.max - c->in.n;
		if (space > CONN_READ_STEP)
			space = CONN_READ_STEP;
		uint8_t *room = space ? buf_room(&c->in, space) : NULL;
		if (!room)
			return got ? (int)got : ERR_LIMIT;
		ssize_t n = c->pipe.ops->read(&c->pipe, room, space);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return conn_fail(c, (int)n);
		if (n == 0)
			c->eof = true;
		buf_grew(&c->in, (size_t)n);
		got += (size_t)n;
		c->bytes_in += (size_t)n;
		if ((size_t)n < space)
			break; /* level-triggered: what came since wakes us again */
	}
	return (int)got;
}

int conn_read(struct conn *c)
{
	bool was_ready = c->pipe.ready;
	int got;

	if (!conn_is_open(c) || c->broken)
		return 0;
	/* nothing can be read: what woke us is an error, which would wake us again and again */
	if (c->eof || c->in.n == c->in.max) {
		int err = sock_end(c->pipe.fd);
		if (err)
			return conn_fail(c, err);
	}
	if (c->is_tunnel) {
		got = conn_read_get(c);
		if (got >= 0)
			got = conn_read_post(c);
	} else {
		got = read_pipe(c);
	}
	/* the handshake may be over, or have left something to send */
	if (!was_ready || c->pipe.ops->held(&c->pipe))
		flush_soon(c->loop, &c->flush);
	ask_for_more(c);
	conn_arm(c);
	return got;
}

void conn_want_read(struct conn *c, bool want)
{
	c->want_read = want;
	conn_arm(c);
	if (want)
		ask_for_more(c);
}

void conn_close(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	flush_cancel(&c->flush);
	pipe_close(&c->pipe);
	pipe_close(&c->post);
	c->n_frames = 0;
	c->waiting = 0;
	c->unit_sent = 0;
	buf_clear(&c->in);
	buf_clear(&c->coded);
	buf_clear(&c->out);
}

void conn_reset(struct conn *c)
{
	struct linger none = { .l_onoff = 1 };

	if (conn_is_open(c)) /* a wish: without it the kernel goes on trying for a while */
		(void)setsockopt(c->pipe.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	conn_close(c);
}
