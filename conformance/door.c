/* SPDX-License-Identifier: MIT */
#include "conformance/door.h"

#include <errno.h>
#include <poll.h>

#include "server/base/err.h"

/* ---- waiting, as nothing else goes on while a door is opened ---- */

static int wait_for(const struct wire *w, short events, tick_t until)
{
	struct pollfd p = { .fd = w->fd, .events = events };
	tick_t left = until - os_now();

	if (left < 0)
		return ERR_TIMEOUT;
	struct timespec t = { left / TICK_S, left % TICK_S };
	return ppoll(&p, 1, &t, NULL) > 0 ? 0 : ERR_TIMEOUT;
}

static int write_all(struct wire *w, struct bytes b, tick_t until)
{
	while (b.n) {
		ssize_t n = wire_write(w, b);
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		if (n > 0)
			b = bytes_sub(b, (size_t)n, b.n);
		else if (wait_for(w, POLLOUT, until) < 0)
			return ERR_TIMEOUT;
	}
	return 0;
}

/* The answer to the GET; what came behind it stays in w->early. */
static int read_answer(struct door_wires *w, tick_t until, unsigned *status)
{
	bool is_tunnel = false;

	for (;;) {
		int n = tunnel_answer(buf_bytes(&w->early), status, &is_tunnel);
		if (n > 0) {
			buf_drop(&w->early, (size_t)n);
			return *status == 200 && is_tunnel ? 0 : ERR_UNSUPPORTED;
		}
		if (n != ERR_MORE)
			return n;
		uint8_t *room = buf_room(&w->early, TUNNEL_HEAD_MAX);
		ssize_t got = room ? wire_read(&w->main, room, TUNNEL_HEAD_MAX) : -ENOBUFS;
		if (got > 0)
			buf_grew(&w->early, (size_t)got);
		else if (got != -EAGAIN)
			return got == 0 ? ERR_CLOSED : (int)got;
		else if (wait_for(&w->main, POLLIN, until) < 0)
			return ERR_TIMEOUT;
	}
}

/* ---- opening ---- */

static int open_wire(struct door_places *at, bool tls, struct wire *w, tick_t until)
{
	tick_t wait = until - os_now();

	if (!tls)
		return wire_open(w, &at->plain, at->plain_n, NULL, NULL, wait);
	if (!at->tls_n)
		return ERR_STATE;
	if (!at->ctx && !(at->ctx = wire_tls_new()))
		return -ENOMEM;
	return wire_open(w, &at->tls, at->tls_n, at->ctx, at->host, wait);
}

static int open_half(struct door_wires *w, struct door_places *at, bool is_post, tick_t until)
{
	struct wire *half = is_post ? &w->post : &w->main;
	struct buf head;
	int rc = open_wire(at, w->is_tls, half, until);

	buf_init(&head, TUNNEL_HEAD_MAX);
	if (rc == 0)
		rc = tunnel_head(
			&head, is_post, at->path, at->host, w->cookie[0] ? w->cookie : NULL);
	if (rc == 0)
		rc = write_all(half, buf_bytes(&head), until);
	buf_clear(&head);
	return rc;
}

static int open_tunnel(struct door_wires *w, struct door_places *at, const struct door *d,
	tick_t until, unsigned *status)
{
	int rc = open_half(w, at, d->post_first, until);

	/* the answer tells that the server knows the GET: in this order the POST follows it */
	if (rc == 0 && !d->post_first)
		rc = read_answer(w, until, status);
	if (rc == 0)
		rc = open_half(w, at, !d->post_first, until);
	if (rc == 0 && d->post_first)
		rc = read_answer(w, until, status);
	return rc;
}

int door_open(struct door_wires *w, struct door_places *at, const struct door *d, tick_t wait,
	unsigned *status)
{
	tick_t until = os_now() + wait;

	*status = 0;
	*w = (struct door_wires){ .main = WIRE_CLOSED,
		.post = WIRE_CLOSED,
		.left = WIRE_CLOSED,
		.split = d->split,
		.is_tls = d->tls,
		.is_tunnel = d->tunnel };
	buf_init(&w->early, DOOR_EARLY_MAX);
	if (d->tunnel && !d->no_cookie)
		tunnel_cookie(w->cookie);
	int rc = d->tunnel ? open_tunnel(w, at, d, until, status)
			   : open_wire(at, d->tls, &w->main, until);
	if (rc < 0)
		door_close(w, false);
	return rc;
}

int door_repost(struct door_wires *w, struct door_places *at, tick_t wait)
{
	wire_close(&w->post, false);
	return open_half(w, at, true, os_now() + wait);
}

void door_leave_post(struct door_wires *w)
{
	wire_close(&w->left, false);
	w->left = w->post;
	w->post = WIRE_CLOSED;
}

int door_encode(const struct door_wires *w, struct bytes b, struct buf *out)
{
	return w->is_tunnel ? tunnel_encode(out, b) : buf_put(out, b);
}

void door_close(struct door_wires *w, bool hard)
{
	wire_close(&w->left, hard);
	wire_close(&w->post, hard);
	wire_close(&w->main, hard);
	buf_clear(&w->early);
}
