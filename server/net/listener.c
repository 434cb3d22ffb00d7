/* SPDX-License-Identifier: MIT */
#include "server/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Errors of accept4 that only concern the connection that was about to be accepted. */
static bool is_passing(int err)
{
	return err == ECONNABORTED || err == EINTR || err == EPROTO || err == EPERM ||
	       err == ENETDOWN || err == EHOSTUNREACH || err == ENETUNREACH;
}

static void close_reserve(struct listener *l)
{
	if (l->reserve >= 0)
		(void)close(l->reserve); /* nothing was in it */
	l->reserve = -1;
}

static void open_reserve(struct listener *l)
{
	if (l->reserve < 0)
		l->reserve = socket(l->local.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Says it, and closes; what the client has said is read, so that the close is no reset. */
static void turn_away(struct listener *l, int fd)
{
	char rest[4096];

	if (l->busy.n)
		(void)send(fd, l->busy.p, l->busy.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR); /* who has gone already needs no answer */
	for (int i = 0; i < 16 && recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
		;
	(void)close(fd); /* all was said */
	l->n_busy++;
}

/* There is no descriptor for who waits, if anybody does: the one in reserve is. 0 or -errno. */
static int accept_one_more(struct listener *l)
{
	if (l->reserve < 0)
		return -EMFILE;
	close_reserve(l);
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int err = fd < 0 ? -errno : 0;
	if (fd >= 0)
		turn_away(l, fd);
	open_reserve(l);
	/* when another thread was faster, the next try is after a pause */
	return !err && l->reserve < 0 ? -EMFILE : err;
}

/* Takes one that waits: 0 or -errno. */
static int accept_one(struct listener *l, tick_t now)
{
	struct addr peer = { .n = sizeof peer.v6 };
	int fd = accept4(l->fd, &peer.sa, &peer.n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? accept_one_more(l) : -errno;
	l->n_accepted++;
	peer = addr_unmapped(&peer);
	l->accepted(l, fd, &peer, now);
	return 0;
}

static tick_t pause_for(struct listener *l, tick_t span)
{
	/* level-triggered: not to ask is what keeps the loop from spinning */
	watch_set(&l->watch, 0);
	return span;
}

static tick_t listener_run(struct task *t, uint32_t events, tick_t now)
{
	struct listener *l = container_of(t, struct listener, task);

	if (events & EV_KILL || l->fd < 0) {
		listener_close(l);
		return TASK_DONE;
	}
	watch_set(&l->watch, EV_READ);
	open_reserve(l);
	for (int i = 0; i < LISTENER_BURST; i++) {
		tick_t wait = l->wait ? l->wait(l, now) : 0;
		if (wait > 0) {
			l->n_waits++;
			return pause_for(l, wait);
		}
		int err = accept_one(l, now);
		if (err == -EAGAIN)
			return TASK_IDLE;
		if (err && !is_passing(-err)) {
			l->n_paused++;
			return pause_for(l, LISTENER_PAUSE);
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
	int fd = sock_listen(at, v6_only, SOMAXCONN);
	return fd < 0 ? fd : listener_adopt(l, loop, fd, accepted);
}

int listener_adopt(struct listener *l, struct loop *loop, int fd,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now))
{
	*l = (struct listener){ .accepted = accepted, .fd = fd, .reserve = -1 };
	task_init(&l->task, &listener_ops, loop);
	l->local = sock_local(l->fd);
	open_reserve(l);
	int flags = fcntl(fd, F_GETFL); /* a stranger's may block */
	int err = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ? -errno : 0;
	err = err ? err : watch_open(&l->watch, loop, l->fd, &l->task, EV_READ);
	if (err) {
		(void)close(l->fd); /* nobody has connected yet */
		l->fd = -1;
		close_reserve(l);
	}
	return err;
}

void listener_close(struct listener *l)
{
	if (l->fd < 0)
		return;
	watch_close(&l->watch);
	(void)close(l->fd); /* who waits in the backlog is refused: we are going */
	close_reserve(l);
	l->fd = -1;
	task_signal(&l->task, EV_KILL);
}

/* ---- sockets that listen already ---- */

bool listener_store_put(struct listener_store *s, const struct addr *at, int fd)
{
	if (s->n == COUNT(s->v))
		return false;
	s->v[s->n].at = *at;
	s->v[s->n++].fd = fd;
	return true;
}

int listener_store_take(struct listener_store *s, const struct addr *at)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!addr_is_same_host(&s->v[i].at, at) ||
			(addr_port(at) && addr_port(at) != addr_port(&s->v[i].at)))
			continue;
		int fd = s->v[i].fd;
		for (s->n--; i < s->n; i++)
			s->v[i] = s->v[i + 1];
		return fd;
	}
	return -1;
}

void listener_store_clear(struct listener_store *s)
{
	while (s->n)
		(void)close(s->v[--s->n].fd); /* who gave it has his own */
}
