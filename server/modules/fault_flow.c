/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

/*
 * Whether, when and how often a reply leaves. What is kept between two replies of a connection is in one
 * table of a fixed size for all workers: a bad server need not be a fast one.
 */
enum { HELD_MAX = 64, USERS_MAX = 16 };

struct held {
	const struct rtsp_session *conn; /* NULL: free */
	struct buf reply;
};
struct fault_flow {
	pthread_mutex_t lock;
	_Atomic uint64_t frames, logins;
	_Atomic bool doomed; /* the next tunnel is to end */
	size_t n_users;
	char users[USERS_MAX][TXN_USER];
	struct held held[HELD_MAX];
};

struct fault_flow *fault_flow_new(void)
{
	struct fault_flow *w = xcalloc(1, sizeof *w);
	(void)pthread_mutex_init(&w->lock, NULL); /* never fails with these attributes */
	return w;
}

void fault_flow_free(struct fault_flow *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < HELD_MAX; i++)
		buf_clear(&w->held[i].reply);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

uint64_t fault_flow_frame(struct fault_flow *w)
{
	return atomic_fetch_add(&w->frames, 1) + 1;
}

uint64_t fault_flow_login(struct fault_flow *w)
{
	return atomic_fetch_add(&w->logins, 1) + 1;
}

bool fault_flow_knows(struct fault_flow *w, struct bytes user, bool remember)
{
	bool known = false;

	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_users && !known; i++)
		known = bytes_is_eq(user, bytes_str(w->users[i]));
	if (!known && remember && w->n_users < USERS_MAX &&
		bytes_to_str(user, w->users[w->n_users], TXN_USER))
		w->n_users++;
	(void)pthread_mutex_unlock(&w->lock);
	return known;
}

/* The row of this connection, or a free one when it has none (NULL: all are taken). */
static struct held *held_of(struct fault_flow *w, const struct rtsp_session *c)
{
	struct held *spare = NULL;

	for (size_t i = 0; i < HELD_MAX; i++) {
		if (w->held[i].conn == c)
			return &w->held[i];
		if (!w->held[i].conn)
			spare = &w->held[i];
	}
	return spare;
}

/* Does another whole request wait behind this one? */
static bool is_followed(const struct rtsp_session *c)
{
	struct bytes in = buf_bytes(&c->conn.io.in);
	return in.n && in.p[0] != '$' && bytes_find(in, B("\r\n\r\n")) < in.n;
}

/* Of two pipelined requests the first is answered after the second. */
static void swap(struct fault_flow *w, const struct rtsp_txn *t, struct buf *reply)
{
	(void)pthread_mutex_lock(&w->lock);
	struct held *k = held_of(w, t->conn);
	if (k && k->conn) {
		int err = buf_put(reply, buf_bytes(&k->reply));
		(void)err; /* too long for one buffer: lost, which is a fault as well */
		buf_clear(&k->reply);
		k->conn = NULL;
	} else if (k && is_followed(t->conn)) {
		buf_init(&k->reply, TXN_REPLY_MAX);
		if (buf_put(&k->reply, buf_bytes(reply)) == 0) {
			k->conn = t->conn;
			buf_drop(reply, reply->n);
		}
	}
	(void)pthread_mutex_unlock(&w->lock);
}

void fault_flow_closing(const struct faults *f, const struct rtsp_session *c)
{
	if (c->conn.io.is_tunnel && c->ended == END_RESET)
		atomic_store(&f->flow->doomed, true);
	(void)pthread_mutex_lock(&f->flow->lock);
	struct held *k = held_of(f->flow, c);
	if (k && k->conn) {
		buf_clear(&k->reply);
		k->conn = NULL;
	}
	(void)pthread_mutex_unlock(&f->flow->lock);
}

/* Half of the reply, and then a reset. */
static void reset(struct rtsp_txn *t, struct buf *reply)
{
	struct conn *c = &t->conn->conn;
	struct linger hard = { .l_onoff = 1 };

	if (!conn_is_open(c) || conn_put(c, bytes_sub(buf_bytes(reply), 0, reply->n / 2)) != 0 ||
		conn_write(c, t->home->loop.now) != 0)
		return; /* it has gone already */
	(void)setsockopt(c->io.pipe.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	conn_close(c);
	task_signal(&t->conn->task, EV_READ);
	buf_drop(reply, reply->n);
}

/* The whole reply, and then the end of TCP alone. */
static void tear(struct rtsp_txn *t, struct buf *reply)
{
	struct conn *c = &t->conn->conn;

	if (!t->close || !conn_is_open(c) || !conn_is_secure(c) ||
		conn_put(c, buf_bytes(reply)) != 0 || conn_write(c, t->home->loop.now) != 0)
		return;
	(void)shutdown(
		c->io.pipe.fd, SHUT_WR); /* what is said after it, close_notify too, gets nowhere */
	buf_drop(reply, reply->n);
}

/* An empty receiver report on the first RTCP channel, behind the status line. */
static void put_frame(const struct rtsp_txn *t, struct buf *reply)
{
	static const uint8_t frame[] = { '$', 1, 0, 8, 0x80, 201, 0, 1, 'b', 'a', 'd', '!' };

	if (t->used_session[0])
		fault_splice(reply, bytes_find(buf_bytes(reply), B("\r\n")) + 2, 0,
			bytes_of(frame, sizeof frame));
}

static void keep_open(struct rtsp_txn *t, struct buf *reply)
{
	size_t at, n;

	if (!rtsp_list_has(&t->req, RTSP_H_CONNECTION, B("close")))
		return;
	t->close = false;
	if (fault_find_line(reply, B("Connection"), &at, &n))
		fault_splice(reply, at, n, (struct bytes){ 0 });
}

static void twice(struct buf *reply)
{
	struct bytes first = buf_bytes(reply);
	if (first.n)
		fault_splice(reply, 0, 0, first);
}

tick_t fault_flow_delay(const struct faults *f, const struct rtsp_txn *t)
{
	tick_t ms = f->on[FAULT_REPLY_DELAY];

	if (f->on[FAULT_SLOW] && f->on[FAULT_SLOW] == (int64_t)t->req.method)
		ms += f->more[FAULT_SLOW];
	return ms * TICK_MS;
}

void fault_flow_reply(const struct faults *f, struct rtsp_txn *t, struct buf *reply)
{
	const int64_t *on = f->on;
	int64_t method = t->req.method;

	if (!method)
		method = -1; /* one without a name is none of those that can be given */
	if (on[FAULT_FRAME_IN_REPLY] == method && t->conn->n_requests % 10 == 0)
		put_frame(t, reply);
	if (on[FAULT_TWICE] == method)
		twice(reply);
	if (on[FAULT_KEEP_OPEN])
		keep_open(t, reply);
	if (on[FAULT_SWAP])
		swap(f->flow, t, reply);
	if (on[FAULT_CLOSE_AFTER] && method == RTSP_OPTIONS && t->conn->n_media == 0 &&
		t->conn->n_requests >= (uint64_t)on[FAULT_CLOSE_AFTER])
		t->close = true;
	if (on[FAULT_TUNNEL_FATE] && t->conn->conn.io.is_tunnel &&
		atomic_exchange(&f->flow->doomed, false)) {
		buf_drop(reply, reply->n);
		t->close = true;
	}
	if (on[FAULT_TLS_TORN])
		tear(t, reply);
	if (on[FAULT_RESET] == method)
		reset(t, reply);
	if (on[FAULT_MUTE] == method || on[FAULT_HANG_UP] == method)
		buf_drop(reply, reply->n);
	if (on[FAULT_HANG_UP] == method)
		t->close = true;
}
