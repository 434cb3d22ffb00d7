/* SPDX-License-Identifier: MIT */
#include "server/core/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/server.h"

enum { READ_STEP = 16384 };

struct relay {
	struct task task;
	struct link all; /* in worker->relays */
	struct worker *w;
	struct rtsp_txn *t;
	struct watch watch;
	int fd;
	size_t sent; /* of t->raw */
	struct buf in;
	tick_t deadline;
};

/* ---- the two ways ---- */

/* False: the other side is gone. */
static bool write_request(struct relay *r)
{
	const struct bytes raw = r->t->raw;

	while (r->sent < raw.n) {
		ssize_t n = send(r->fd, raw.p + r->sent, raw.n - r->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		r->sent += (size_t)n;
	}
	watch_set(&r->watch, EV_READ);
	return true;
}

/* True: nothing more will come. */
static bool read_reply(struct relay *r)
{
	for (;;) {
		uint8_t *room = buf_room(&r->in, READ_STEP);
		if (!room)
			return true; /* above every reply of ours */
		ssize_t n = read(r->fd, room, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 || errno != EAGAIN;
		buf_grew(&r->in, (size_t)n);
	}
}

/* ---- the end ---- */

/* Is it one whole reply, and no more? Then it is t's. */
static bool take_reply(struct relay *r)
{
	static const struct rtsp_limits limits = {
		.line = 65536, .headers = 128, .header_bytes = TXN_REPLY_MAX, .body = TXN_REPLY_MAX
	};
	struct rtsp_txn *t = r->t;
	struct bytes in = buf_bytes(&r->in);
	struct rtsp_msg m;
	struct fault f;

	int n = rtsp_read(in, &limits, &t->arena, &m, &f);
	if (n < 0 || (size_t)n != in.n || !m.is_response)
		return false;
	buf_cut(&t->reply, 0);
	if (buf_put(&t->reply, in) != 0)
		return false;
	t->status = m.status;
	t->phase = PHASE_SENDING_RESPONSE;
	return true;
}

static tick_t finish(struct relay *r, bool in_time, tick_t now)
{
	struct rtsp_txn *t = r->t;

	if (!take_reply(r)) {
		r->w->stats.relays_failed++;
		rtsp_txn_answer(t,
			in_time && r->in.n == 0 ? RTSP_SESSION_NOT_FOUND : RTSP_UNAVAILABLE, now);
		t->phase = PHASE_POST_PROCESSING;
	}
	watch_close(&r->watch);
	(void)close(r->fd); /* all was read */
	return TASK_DONE;
}

static tick_t relay_run(struct task *task, uint32_t events, tick_t now)
{
	struct relay *r = container_of(task, struct relay, task);
	(void)events;

	bool alive = write_request(r);
	if (read_reply(r) || !alive)
		return finish(r, true, now);
	return now >= r->deadline ? finish(r, false, now) : r->deadline - now;
}

/* The loop is done with the task: only now may the txn go home, where it will be freed. */
static void relay_free(struct task *task)
{
	struct relay *r = container_of(task, struct relay, task);

	r->w->n_relays--;
	link_remove(&r->all);
	buf_clear(&r->in);
	rtsp_txn_home(r->t);
	free(r);
}

void relay_abandon_all(struct worker *w)
{
	for (struct link *x; (x = list_pop(&w->relays));) {
		struct relay *r = container_of(x, struct relay, all);
		watch_close(&r->watch);
		(void)close(r->fd); /* nobody reads what would come */
		task_forget(&r->task);
		buf_clear(&r->in);
		free(r);
		w->n_relays--;
	}
}

static const struct task_ops relay_ops = { .name = "relay", .run = relay_run, .free = relay_free };

/* ---- the beginning ---- */

/* A pair, one end with the other process: our end, or -errno. */
static int open_pair(const struct rtsp_txn *t, uint8_t generation, uint8_t worker)
{
	const struct relay_route *route = &t->worker->server->relay;
	const struct relay_to to = { .generation = generation,
		.worker = worker,
		.is_secure = t->secure,
		.peer = t->peer,
		.local = t->local };
	int fd[2];

	if (!route->send)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
		return -errno;
	int err = route->send(route->arg, &to, fd[1]);
	if (!err)
		return fd[0];
	(void)close(fd[0]); /* nothing was written */
	(void)close(fd[1]);
	return err;
}

int relay_start(struct rtsp_txn *t, uint8_t generation, uint8_t worker, tick_t now)
{
	struct worker *w = t->worker;

	if (w->n_relays >= (uint64_t)w->prefs->maximum_relays) {
		w->stats.relays_failed++;
		return RTSP_UNAVAILABLE;
	}
	int fd = open_pair(t, generation, worker);
	if (fd < 0) {
		w->stats.relays_failed += fd != -ENOENT;
		return fd == -ENOENT ? RTSP_SESSION_NOT_FOUND : RTSP_UNAVAILABLE;
	}
	struct relay *r = xcalloc(1, sizeof *r);
	*r = (struct relay){ .w = w, .t = t, .fd = fd };
	link_init(&r->all);
	r->deadline = now + w->prefs->relay_timeout * TICK_S;
	buf_init(&r->in, TXN_REPLY_MAX + READ_STEP); /* the longest, and room to see its end */
	task_init(&r->task, &relay_ops, &w->loop);
	int err = watch_open(&r->watch, &w->loop, fd, &r->task, EV_READ | EV_WRITE);
	if (err) {
		w->stats.relays_failed++;
		(void)close(fd); /* the other side sees the end of it */
		free(r);
		return RTSP_UNAVAILABLE;
	}
	list_push_back(&w->relays, &r->all);
	w->n_relays++;
	w->stats.requests_relayed++;
	task_signal(&r->task, EV_START);
	return 0;
}
