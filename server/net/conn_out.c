/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "server/base/err.h"
#include "server/net/conn_own.h"

/*
 * What waits in `out` is a row of units: this header, then n bytes. The header is copied in and out:
 * units stand at any address.
 */
struct unit {
	tick_t due; /* TICK_NEVER: a message, never dropped */
	uint32_t n;
	uint16_t tag;
};

enum { IOV_MAX_TURN = 64 };

void conn_on_flush(struct flush *f, tick_t now)
{
	struct conn *c = container_of(f, struct conn, flush);
	(void)conn_write(
		c, now); /* an error is in c->io.broken; the owner hears of it by EV_READ */
}

/* ---- the queue ---- */

static int queue_unit(struct conn *c, const struct unit *u, struct bytes head, struct bytes rest)
{
	size_t need = sizeof *u + u->n;
	uint8_t *p = buf_room(&c->io.out, need);

	if (!p)
		return ERR_LIMIT;
	memcpy(p, u, sizeof *u);
	if (head.n)
		memcpy(p + sizeof *u, head.p, head.n);
	if (rest.n)
		memcpy(p + sizeof *u + head.n, rest.p, rest.n);
	buf_grew(&c->io.out, need);
	c->io.waiting += u->n;
	return 0;
}

static void count_drop(struct conn *c, uint16_t tag, size_t n)
{
	c->io.frames_dropped++;
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
		if (!begun && c->io.waiting > c->limits.high_water) {
			count_drop(c, f->tag, u.n);
			continue;
		}
		if (queue_unit(c, &u, bytes_of(f->head, f->head_n), f->payload) != 0) {
			/* out has room for CONN_FRAMES of the longest above every limit */
			assert(!begun);
			count_drop(c, f->tag, u.n);
		} else if (begun) {
			c->io.unit_sent = sent;
			c->io.waiting -= sent;
		}
	}
	c->n_frames = 0;
}

void conn_keep_frames(struct conn *c)
{
	keep_frames(c, 0, 0);
}

int conn_put(struct conn *c, struct bytes message)
{
	struct unit u = { .due = TICK_NEVER, .n = (uint32_t)message.n };

	if (!conn_is_open(c) || c->io.broken || c->io.shut)
		return ERR_CLOSED;
	if (message.n == 0)
		return 0; /* a unit of nothing would never be seen to leave */
	if (c->io.waiting + message.n > c->limits.out_max)
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
	if (!conn_is_open(c) || c->io.broken || c->io.shut)
		return ERR_CLOSED;
	if (c->io.waiting > c->limits.high_water) {
		count_drop(c, tag, head_n + payload.n);
		return ERR_LIMIT;
	}
	if (c->n_frames == CONN_FRAMES)
		(void)conn_write(c, c->loop->now); /* an error stays in c->io.broken */
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
	size_t n = c->io.waiting + (conn_is_open(c) ? c->io.pipe.ops->held(&c->io.pipe) : 0);
	for (uint8_t i = 0; i < c->n_frames; i++)
		n += c->frames[i].head_n + c->frames[i].payload.n;
	return n;
}

/* ---- the pipe ---- */

/* Bytes taken (0 = the pipe is full), or -errno. */
static ssize_t write_iov(struct conn *c, struct iovec *iov, int n)
{
	if (c->before_write)
		c->before_write(c->arg, c, iov, &n);
	ssize_t sent = c->io.pipe.ops->writev(&c->io.pipe, iov, n);
	if (sent < 0)
		return conn_fail(c, (int)sent);
	c->io.bytes_out += (uint64_t)sent;
	return sent;
}

static void read_unit(const uint8_t *p, struct unit *u)
{
	memcpy(u, p, sizeof *u);
}

/* Late frames at the head of a queue that is half full or more go unsent. */
static void drop_late(struct conn *c, tick_t now)
{
	while (c->io.out.n && !c->io.unit_sent && c->io.waiting > c->limits.high_water / 2) {
		struct unit u;
		read_unit(buf_bytes(&c->io.out).p, &u);
		if (u.due == TICK_NEVER || now - u.due <= c->limits.tolerance)
			return;
		buf_drop(&c->io.out, sizeof u + u.n);
		c->io.waiting -= u.n;
		count_drop(c, u.tag, u.n);
	}
}

/* Takes `sent` bytes off the queue's front. */
static void units_sent(struct conn *c, size_t sent)
{
	c->io.waiting -= sent;
	while (sent || c->io.unit_sent) {
		struct unit u;
		read_unit(buf_bytes(&c->io.out).p, &u);
		size_t left = u.n - c->io.unit_sent;
		if (sent < left) {
			c->io.unit_sent += sent;
			return;
		}
		sent -= left;
		c->io.unit_sent = 0;
		buf_drop(&c->io.out, sizeof u + u.n);
	}
}

/* One writev of queued units. Bytes written or -errno; *offered = how many it tried. */
static ssize_t write_units(struct conn *c, size_t *offered)
{
	struct iovec iov[IOV_MAX_TURN];
	struct bytes b = buf_bytes(&c->io.out);
	size_t skip = c->io.unit_sent;
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
	while (c->io.out.n) {
		size_t offered;
		drop_late(c, now);
		if (!c->io.out.n)
			break;
		ssize_t sent = write_units(c, &offered);
		if (sent < 0)
			return (int)sent;
		if ((size_t)sent < offered)
			break;
	}
	if (c->n_frames && c->io.out.n)
		keep_frames(c, 0, 0);
	return c->n_frames ? write_frames(c) : 0;
}

/* 0: it stands; -EAGAIN: it is still under way; -errno: it failed. */
static int connected(struct conn *c)
{
	int err = sock_error(c->io.pipe.fd);

	c->io.peer = sock_peer(c->io.pipe.fd);
	if (err)
		return conn_fail(c, err);
	if (!c->io.peer.n)
		return -EAGAIN;
	c->io.local = sock_local(c->io.pipe.fd);
	c->io.connecting = false;
	return 0;
}

/* Sends what the pipes hold themselves, then what waits here. */
static int push(struct conn *c, tick_t now)
{
	if (c->io.broken)
		return ERR_CLOSED;
	int err = c->io.pipe.ops->flush(&c->io.pipe);
	if (err)
		return conn_fail(c, err);
	if (pipe_is_open(&c->io.post))
		(void)c->io.post.ops->flush(&c->io.post); /* its error is seen by conn_read */
	return drain(c, now);
}

int conn_write(struct conn *c, tick_t now)
{
	flush_cancel(&c->flush);
	if (!conn_is_open(c))
		return ERR_CLOSED;
	int err = c->io.connecting ? connected(c) : 0;
	if (err == -EAGAIN) {
		keep_frames(c, 0, 0);
		return 0;
	}
	if (!err)
		err = push(c, now);
	if (!err && c->io.shut && !c->io.out.n) {
		err = c->io.pipe.ops->finish(&c->io.pipe);
		err = err == -EAGAIN ? 0 : err;
		if (err)
			c->io.broken = true;
	}
	if (err) {
		c->n_frames = 0;
		/* the owner learns of it at its next read */
		task_signal(c->task, EV_READ);
	}
	conn_arm(c);
	return err;
}

void conn_finish(struct conn *c)
{
	if (!conn_is_open(c) || c->io.shut)
		return;
	keep_frames(c, 0, 0);
	c->io.shut = true;
	if (!c->io.broken)
		flush_soon(c->loop, &c->flush);
}
