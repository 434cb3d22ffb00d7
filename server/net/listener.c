/* SPDX-License-Identifier: MIT */
#include "server/net/listener.h"

#include <errno.h>
#include <unistd.h>

/* Errors of accept4 that only concern the connection that was about to be accepted. */
static bool is_passing(int err)
{
	return err == ECONNABORTED || err == EINTR || err == EPROTO || err == EPERM ||
	       err == ENETDOWN || err == EHOSTUNREACH || err == ENETUNREACH;
}

static void adopt(struct listener *l, int fd, const struct addr *peer, tick_t now)
{
	l->n_accepted++;
	struct addr from = addr_unmapped(peer);
	l->accepted(l, fd, &from, now);
}

static tick_t listener_run(struct task *t, uint32_t events, tick_t now)
{
	struct listener *l = container_of(t, struct listener, task);

	if (events & EV_KILL || l->fd < 0) {
		listener_close(l);
		return TASK_DONE;
	}
	watch_set(&l->watch, EV_READ);
	for (int i = 0; i < LISTENER_BURST; i++) {
		struct addr peer = { .n = sizeof peer.v6 };
		int fd = accept4(l->fd, &peer.sa, &peer.n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			adopt(l, fd, &peer, now);
		} else if (errno == EAGAIN) {
			return TASK_IDLE;
		} else if (!is_passing(errno)) {
			/* level-triggered: not to ask is what keeps the loop from spinning */
			l->n_paused++;
			watch_set(&l->watch, 0);
			return LISTENER_PAUSE;
		}
	}
	return 0;
}

/* Embedded: its owner frees the memory. */
static void listener_free(struct task *t)
{
	(void)t;
}

static const struct task_ops listener_ops = {
	.name = "listener", .run = listener_run, .free = listener_free
};

int listener_open(struct listener *l, struct loop *loop, const struct addr *at, bool v6_only,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now))
{
	*l = (struct listener){ .accepted = accepted };
	task_init(&l->task, &listener_ops, loop);
	l->fd = sock_listen(at, v6_only, SOMAXCONN);
	if (l->fd < 0)
		return l->fd;
	l->local = sock_local(l->fd);
	int err = watch_open(&l->watch, loop, l->fd, &l->task, EV_READ);
	if (err) {
		(void)close(l->fd); /* nobody has connected yet */
		l->fd = -1;
	}
	return err;
}

void listener_close(struct listener *l)
{
	if (l->fd < 0)
		return;
	watch_close(&l->watch);
	(void)close(l->fd); /* who waits in the backlog is refused: we are going */
	l->fd = -1;
	task_signal(&l->task, EV_KILL);
}
