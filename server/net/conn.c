/* SPDX-License-Identifier: MIT */
#include "server/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "server/base/err.h"

/*
 * What waits in `out` is a row of units: this header, then n bytes. The header is copied in and out:
 * units stand at any address.
 */
struct unit {
	tick_t due; /* TICK_NEVER: a message, never dropped */
	uint32_t n;
	uint16_t tag;
};

enum {
	IOV_MAX_TURN = 64,
	NOTSENT_LOWAT = 128 * 1024, /* what the kernel may hold unsent: more would hide lateness */
};

static void on_flush(struct flush *f, tick_t now)
{
	struct conn *c = container_of(f, struct conn, flush);
	(void)conn_write(c, now); /* an error is in c->broken; the owner hears of it by EV_READ */
}

/* units' headers are on top of what the limit counts; frames stop at high_water */
static size_t out_bytes(const struct conn_limits *l)
{
	return 2 * l->out_max + CONN_FRAMES * 65536;
}

void conn_set_limits(struct conn *c, const struct conn_limits *limits)
{
	size_t out = out_bytes(limits);

	c->limits = *limits;
	c->in.max = limits->in_max > c->in.n ? limits->in_max : c->in.n;
	c->out.max = out > c->out.n ? out : c->out.n;
}

int conn_open(struct conn *c, struct loop *l, int fd, struct task *owner,
	const struct conn_limits *limits)
{
	int lowat = NOTSENT_LOWAT, on = 1;

	*c = (struct conn){ .fd = fd, .loop = l, .limits = *limits };
	flush_init(&c->flush, on_flush);
	buf_init(&c->in, limits->in_max);
	buf_init(&c->out, out_bytes(limits));
	c->peer = sock_peer(fd);
	c->local = sock_local(fd);
	c->connecting = c->peer.n == 0;
	/* wishes both: without them replies and media are only later */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
	uint32_t interest = EV_READ | (c->connecting ? (uint32_t)EV_WRITE : 0);
	int err = watch_open(&c->watch, l, fd, owner, interest);
	if (err) {
		(void)close(fd); /* nothing was read or written */
		c->fd = -1;
	}
	return err;
}

/* ---- in ---- */

static int fail(struct conn *c, int err)
{
	c->broken = true;
	return err;
}

int conn_read(struct conn *c)
{
	size_t got = 0;

	/* nothing can be read: what woke us is an error, which would wake us again and again */
	if (c->fd >= 0 && !c->broken && (c->eof || c->in.n == c->in.max)) {
		int err = sock_error(c->fd);
		if (err)
			return fail(c, err);
	}
	while (c->fd >= 0 && !c->eof && !c->broken && got < CONN_READ_TURN) {
		size_t space = c->in.max - c->in.n;
		if (space > CONN_READ_STEP)
			space = CONN_READ_STEP;
		uint8_t *room = space ? buf_room(&c->in, space) : NULL;
		if (!room)
			return got ? (int)got : ERR_LIMIT;
		ssize_t n = read(c->fd, room, space);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return fail(c, -errno);
		if (n < 0)
			break;
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

static void set_interest(struct conn *c, bool read, bool write)
{
	watch_set(&c->watch, (read ? (uint32_t)EV_READ : 0) | (write ? (uint32_t)EV_WRITE : 0));
}

void conn_want_read(struct conn *c, bool want)
{
	if (c->fd >= 0)
		set_interest(c, want, c->watch.interest & EV_WRITE);
}

/* ---- out: the queue ---- */

static int queue_unit(struct conn *c, const struct unit *u, struct bytes head, struct bytes rest)
{
	size_t need = sizeof *u + u->n;
	uint8_t *p = buf_room(&c->out, need);

	if (!p)
		return ERR_LIMIT;
	memcpy(p, u, sizeof *u);
	if (head.n)
		memcpy(p + sizeof *u, head.p, head.n);
	if (rest.n)
		memcpy(p + sizeof *u + head.n, rest.p, rest.n);
	buf_grew(&c->out, need);
	c->waiting += u->n;
	return 0;
}

static void count_drop(struct conn *c, uint16_t tag, size_t n)
{
	c->frames_dropped++;
	if (c->on_drop)
		c->on_drop(c->arg, tag, n);
}

/* Copies the frames of this turn from number `from` on, of which `sent` bytes of the first have left,
 * into the queue. */
static void keep_frames(struct conn *c, uint8_t from, size_t sent)
{
	for (uint8_t i = from; i < c->n_frames; i++) {
		struct conn_frame *f = &c->frames[i];
		struct unit u = {
			.due = f->due, .n = (uint32_t)(f->head_n + f->payload.n), .tag = f->tag
		};
		bool begun = i == from && sent > 0;
		if (!begun && c->waiting > c->limits.high_water) {
			count_drop(c, f->tag, u.n);
			continue;
		}
		if (queue_unit(c, &u, bytes_of(f->head, f->head_n), f->payload) != 0) {
			/* out has room for CONN_FRAMES of the longest above every limit */
			assert(!begun);
			count_drop(c, f->tag, u.n);
		} else if (begun) {
			c->unit_sent = sent;
			c->waiting -= sent;
		}
	}
	c->n_frames = 0;
}

int conn_put(struct conn *c, struct bytes message)
{
	struct unit u = { .due = TICK_NEVER, .n = (uint32_t)message.n };

	if (c->fd < 0 || c->broken || c->shut)
		return ERR_CLOSED;
	if (message.n == 0)
		return 0; /* a unit of nothing would never be seen to leave */
	if (c->waiting + message.n > c->limits.out_max)
		return ERR_LIMIT;
	keep_frames(c, 0, 0); /* order */
	int err = queue_unit(c, &u, message, (struct bytes){ 0 });
	if (!err)
		flush_soon(c->loop, &c->flush);
	return err;
}

int conn_put_frame(struct conn *c, const uint8_t *head, size_t head_n, struct bytes payload,
	tick_t due, uint16_t tag)
{
	assert(head_n <= CONN_HEAD_MAX);
	if (c->fd < 0 || c->broken || c->shut)
		return ERR_CLOSED;
	if (c->waiting > c->limits.high_water) {
		count_drop(c, tag, head_n + payload.n);
		return ERR_LIMIT;
	}
	if (c->n_frames == CONN_FRAMES)
		(void)conn_write(c, c->loop->now); /* an error stays in c->broken */
	struct conn_frame *f = &c->frames[c->n_frames++];
	f->payload = payload;
	f->due = due;
	f->tag = tag;
	f->head_n = (uint8_t)head_n;
	memcpy(f->head, head, head_n);
	flush_soon(c->loop, &c->flush);
	return 0;
}

size_t conn_waiting(const struct conn *c)
{
	size_t n = c->waiting;
	for (uint8_t i = 0; i < c->n_frames; i++)
		n += c->frames[i].head_n + c->frames[i].payload.n;
	return n;
}

/* ---- out: the socket ---- */

/* Bytes written (0 = the socket is full), or -errno. */
static ssize_t write_iov(struct conn *c, struct iovec *iov, int n)
{
	if (c->before_write)
		c->before_write(c->arg, c, iov, &n);
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t sent;
	do
		sent = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		c->bytes_out += (uint64_t)sent;
	return sent >= 0 ? sent : errno == EAGAIN ? 0 : fail(c, -errno);
}

static void read_unit(const uint8_t *p, struct unit *u)
{
	memcpy(u, p, sizeof *u);
}

/* Late frames at the head of a queue that is half full or more go unsent. */
static void drop_late(struct conn *c, tick_t now)
{
	while (c->out.n && !c->unit_sent && c->waiting > c->limits.high_water / 2) {
		struct unit u;
		read_unit(buf_bytes(&c->out).p, &u);
		if (u.due == TICK_NEVER || now - u.due <= c->limits.tolerance)
			return;
		buf_drop(&c->out, sizeof u + u.n);
		c->waiting -= u.n;
		count_drop(c, u.tag, u.n);
	}
}

/* Takes `sent` bytes off the queue's front. */
static void units_sent(struct conn *c, size_t sent)
{
	c->waiting -= sent;
	while (sent || c->unit_sent) {
		struct unit u;
		read_unit(buf_bytes(&c->out).p, &u);
		size_t left = u.n - c->unit_sent;
		if (sent < left) {
			c->unit_sent += sent;
			return;
		}
		sent -= left;
		c->unit_sent = 0;
		buf_drop(&c->out, sizeof u + u.n);
	}
}

/* One writev of queued units. Bytes written or -errno; *offered = how many it tried. */
static ssize_t write_units(struct conn *c, size_t *offered)
{
	struct iovec iov[IOV_MAX_TURN];
	struct bytes b = buf_bytes(&c->out);
	size_t skip = c->unit_sent;
	int n = 0;

	*offered = 0;
	for (size_t at = 0; at < b.n && n < IOV_MAX_TURN; n++) {
		struct unit u;
		read_unit(b.p + at, &u);
		iov[n] = (struct iovec){ (void *)(uintptr_t)(b.p + at + sizeof u + skip),
			u.n - skip };
		*offered += u.n - skip;
		at += sizeof u + u.n;
		skip = 0;
	}
	ssize_t sent = write_iov(c, iov, n);
	if (sent > 0)
		units_sent(c, (size_t)sent);
	return sent;
}

/* One writev of this turn's frames; what doesn't go is copied. */
static int write_frames(struct conn *c)
{
	struct iovec iov[2 * CONN_FRAMES];
	int n = 0;

	for (uint8_t i = 0; i < c->n_frames; i++) {
		struct conn_frame *f = &c->frames[i];
		iov[n++] = (struct iovec){ f->head, f->head_n };
		if (f->payload.n)
			iov[n++] = (struct iovec){ (void *)(uintptr_t)f->payload.p, f->payload.n };
	}
	ssize_t sent = write_iov(c, iov, n);
	if (sent < 0)
		return (int)sent;
	size_t left = (size_t)sent;
	for (uint8_t i = 0; i < c->n_frames; i++) {
		size_t whole = c->frames[i].head_n + c->frames[i].payload.n;
		if (left < whole) {
			keep_frames(c, i, left);
			return 0;
		}
		left -= whole;
	}
	c->n_frames = 0;
	return 0;
}

static int drain(struct conn *c, tick_t now)
{
	while (c->out.n) {
		size_t offered;
		drop_late(c, now);
		if (!c->out.n)
			break;
		ssize_t sent = write_units(c, &offered);
		if (sent < 0)
			return (int)sent;
		if ((size_t)sent < offered)
			break;
	}
	if (c->n_frames && c->out.n)
		keep_frames(c, 0, 0);
	return c->n_frames ? write_frames(c) : 0;
}

int conn_write(struct conn *c, tick_t now)
{
	flush_cancel(&c->flush);
	if (c->fd < 0)
		return ERR_CLOSED;
	if (c->connecting) {
		int err = sock_error(c->fd);
		c->peer = sock_peer(c->fd);
		if (err)
			return fail(c, err);
		if (!c->peer.n) {
			keep_frames(c, 0, 0);
			return 0; /* still under way */
		}
		c->local = sock_local(c->fd);
		c->connecting = false;
	}
	int err = c->broken ? ERR_CLOSED : drain(c, now);
	if (err) {
		c->n_frames = 0;
		/* the owner learns of it at its next read */
		task_signal(c->watch.task, EV_READ);
	}
	bool more = !err && c->out.n > 0;
	set_interest(c, c->watch.interest & EV_READ, more);
	if (c->shut && !more && !err)
		(void)shutdown(c->fd, SHUT_WR); /* a peer that has gone is no news here */
	return err;
}

void conn_finish(struct conn *c)
{
	if (c->fd < 0 || c->shut)
		return;
	keep_frames(c, 0, 0);
	c->shut = true;
	if (!c->broken)
		flush_soon(c->loop, &c->flush);
}

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	flush_cancel(&c->flush);
	watch_close(&c->watch);
	(void)close(c->fd); /* what waited is given up on purpose */
	c->fd = -1;
	c->n_frames = 0;
	c->waiting = 0;
	c->unit_sent = 0;
	buf_clear(&c->in);
	buf_clear(&c->out);
}
