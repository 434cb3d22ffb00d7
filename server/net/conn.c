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

void conn_parts_forget(struct conn_parts *parts)
{
	*parts = (struct conn_parts){ .pipe.fd = -1, .post.fd = -1 };
}

void conn_parts_init(struct conn_parts *parts, int fd)
{
	conn_parts_forget(parts);
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

void conn_detach(struct conn *c, struct conn_parts *parts)
{
	conn_keep_frames(c);
	flush_cancel(&c->flush);
	pipe_detach(&c->io.pipe);
	pipe_detach(&c->io.post);
	*parts = c->io;
	*c = (struct conn){ .loop = c->loop };
	conn_parts_forget(&c->io);
	flush_init(&c->flush, conn_on_flush);
}

/* wishes both: without them replies and media are only later */
static void tune(int fd)
{
	int lowat = NOTSENT_LOWAT, on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
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
	c->io.in.max = larger(limits->in_max, c->io.in.n);
	c->io.coded.max = larger(limits->in_max, c->io.coded.n);
	c->io.out.max = larger(out, c->io.out.n);
}

int conn_attach(struct conn *c, struct loop *l, struct conn_parts *parts, struct task *owner,
	const struct conn_limits *limits)
{
	*c = (struct conn){ .io = *parts, .loop = l, .task = owner, .want_read = true };
	conn_parts_forget(parts);
	flush_init(&c->flush, conn_on_flush);
	conn_set_limits(c, limits);
	tune(c->io.pipe.fd);
	int err = pipe_attach(&c->io.pipe, l, owner, !c->io.eof, c->io.out.n > 0);
	if (!err && pipe_is_open(&c->io.post))
		err = pipe_attach(&c->io.post, l, owner, true, false);
	if (err) {
		conn_close(c);
		return err;
	}
	conn_arm(c);
	if (c->io.in.n || c->io.coded.n || c->io.eof || c->io.broken || c->io.post_end)
		task_signal(owner, EV_READ);
	if (c->io.out.n || c->io.shut || !c->io.pipe.ready)
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
	if (c->io.connecting) {
		watch_set(&c->io.pipe.watch, EV_READ | EV_WRITE);
		return;
	}
	pipe_want(&c->io.pipe, c->io.is_tunnel ? !c->io.eof : c->want_read, c->io.out.n > 0);
	if (pipe_is_open(&c->io.post))
		pipe_want(&c->io.post, c->want_read, false);
}

/* Octets inside a library wake nobody by themselves. */
static void ask_for_more(struct conn *c)
{
	const struct pipe *p = c->io.is_tunnel ? &c->io.post : &c->io.pipe;

	if (!pipe_is_open(p) || c->io.broken || c->io.in.n == c->io.in.max)
		return;
	if (c->io.coded.n || (!c->io.eof && p->ops->has_more(p)))
		task_signal(c->task, EV_READ);
}

uint8_t *conn_in_room(struct conn *c, size_t *space)
{
	size_t left = c->io.in.max - c->io.in.n;

	*space = left < CONN_READ_STEP ? left : CONN_READ_STEP;
	return *space ? buf_room(&c->io.in, *space) : NULL;
}

/* One pipe for both ways. */
static int read_pipe(struct conn *c)
{
	size_t got = 0;

	while (!c->io.eof && got < CONN_READ_TURN) {
		size_t space;
		uint8_t *room = conn_in_room(c, &space);
		if (!room)
			return got ? (int)got : ERR_LIMIT;
		ssize_t n = c->io.pipe.ops->read(&c->io.pipe, room, space);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return conn_fail(c, (int)n);
		if (n == 0)
			c->io.eof = true;
		buf_grew(&c->io.in, (size_t)n);
		got += (size_t)n;
		c->io.bytes_in += (size_t)n;
		if ((size_t)n < space)
			break; /* level-triggered: what came since wakes us again */
	}
	return (int)got;
}

int conn_read(struct conn *c)
{
	bool was_ready = c->io.pipe.ready;
	int got;

	if (!conn_is_open(c) || c->io.broken)
		return 0;
	/* nothing can be read: what woke us is an error, which would wake us again and again */
	if (c->io.eof || c->io.in.n == c->io.in.max) {
		int err = sock_end(c->io.pipe.fd);
		if (err)
			return conn_fail(c, err);
	}
	if (c->io.is_tunnel) {
		got = conn_read_get(c);
		if (got >= 0)
			got = conn_read_post(c);
	} else {
		got = read_pipe(c);
	}
	/* the handshake may be over, or have left something to send */
	if (!was_ready || c->io.pipe.ops->held(&c->io.pipe))
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
	pipe_close(&c->io.pipe);
	pipe_close(&c->io.post);
	c->n_frames = 0;
	c->io.waiting = 0;
	c->io.unit_sent = 0;
	buf_clear(&c->io.in);
	buf_clear(&c->io.coded);
	buf_clear(&c->io.out);
}

void conn_reset(struct conn *c)
{
	struct linger none = { .l_onoff = 1 };

	if (conn_is_open(c)) /* a wish: without it the kernel goes on trying for a while */
		(void)setsockopt(c->io.pipe.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	conn_close(c);
}
