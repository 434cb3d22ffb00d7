/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "server/base/err.h"
#include "server/net/conn_own.h"

int conn_join(struct conn *c, struct conn_parts *post)
{
	if (!conn_is_open(c) || c->io.broken || pipe_is_open(&c->io.post))
		return ERR_STATE;
	c->io.post = post->pipe;
	int err = pipe_attach(&c->io.post, c->loop, c->task, c->want_read, false);
	if (err) {
		c->io.post.fd = -1; /* it stays the caller's */
		return err;
	}
	c->io.is_tunnel = true;
	c->io.coded = post->in;
	conn_set_limits(c, &c->limits);
	c->io.base64 = (struct base64){ 0 };
	c->io.post_end = 0;
	buf_clear(&post->out);
	conn_parts_forget(post);
	task_signal(c->task, EV_READ);
	return 0;
}

void conn_part(struct conn *c)
{
	pipe_close(&c->io.post);
	buf_clear(&c->io.coded);
	c->io.base64 = (struct base64){ 0 };
	c->io.post_end = 0;
}

/* The POST has gone; conn_read tells it when what came before is told. */
static void end_post(struct conn *c, int why)
{
	conn_part(c);
	c->io.post_end = why;
}

int conn_read_get(struct conn *c)
{
	uint8_t junk[CONN_READ_STEP];
	size_t got = 0;

	while (!c->io.eof && got < CONN_READ_TURN) {
		ssize_t n = c->io.pipe.ops->read(&c->io.pipe, junk, sizeof junk);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return conn_fail(c, (int)n);
		if (n == 0)
			c->io.eof = true;
		got += (size_t)n;
		c->io.bytes_junk += (size_t)n;
		if ((size_t)n < sizeof junk)
			break;
	}
	return 0;
}

/* Decodes n octets that stand in `room` of c->io.in: octets there are now. */
static size_t decode(struct conn *c, const uint8_t *from, size_t n, uint8_t *room)
{
	size_t plain = 0;
	int err = base64_decode(&c->io.base64, bytes_of(from, n), room, &plain);

	buf_grew(&c->io.in, plain);
	c->io.bytes_in += plain;
	if (err)
		end_post(c, err);
	return plain;
}

/* Raw octets from the POST's own buffer, then from its pipe: how many, 0 = none now. */
static size_t take_raw(struct conn *c, uint8_t *room, size_t space)
{
	size_t n = c->io.coded.n < space ? c->io.coded.n : space;

	if (n) {
		memcpy(room, buf_bytes(&c->io.coded).p, n);
		buf_drop(&c->io.coded, n);
		if (!c->io.coded.n)
			buf_clear(&c->io.coded);
		return n;
	}
	ssize_t got = c->io.post.ops->read(&c->io.post, room, space);
	if (got == -EAGAIN)
		return 0;
	if (got <= 0)
		end_post(c, got < 0 ? (int)got : ERR_CLOSED);
	return got > 0 ? (size_t)got : 0;
}

int conn_read_post(struct conn *c)
{
	size_t got = 0, taken = 0;

	while (pipe_is_open(&c->io.post) && taken < CONN_READ_TURN) {
		size_t space;
		uint8_t *room = conn_in_room(c, &space);
		if (!room) {
			/* its error would wake us again and again */
			int err = sock_end(c->io.post.fd);
			if (err)
				end_post(c, err);
			return got ? (int)got : ERR_LIMIT;
		}
		size_t raw = take_raw(c, room, space);
		if (!raw)
			break;
		taken += raw;
		got += decode(c, room, raw, room);
	}
	if (c->io.post_end && got) {
		task_signal(c->task, EV_READ); /* what came before its end is told first */
	} else if (c->io.post_end) {
		int why = c->io.post_end;
		c->io.post_end = 0;
		return why;
	}
	return (int)got;
}
