/* SPDX-License-Identifier: MIT */
#include "server/takeover_kin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- who there is ---- */

void takeover_kin_add(struct takeover *t, const struct kin *k)
{
	pthread_mutex_lock(&t->lock);
	bool fits = t->n_kin < TAKEOVER_KIN;
	if (fits)
		t->kin[t->n_kin++] = *k;
	pthread_mutex_unlock(&t->lock);
	if (!fits)
		(void)close(k->fd); /* its sessions are 454 for us */
}

void takeover_kin_remove(struct takeover *t, int fd)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_kin; i++) {
		if (t->kin[i].fd != fd)
			continue;
		t->kin[i] = t->kin[--t->n_kin];
		(void)close(fd); /* its process has ended */
		break;
	}
	pthread_mutex_unlock(&t->lock);
}

bool takeover_kin_has(const struct takeover *t, uint8_t generation)
{
	for (size_t i = 0; i < t->n_kin; i++) {
		if (t->kin[i].generation == generation)
			return true;
	}
	return generation == t->generation;
}

void takeover_kin_inherit(struct takeover *t)
{
	pthread_mutex_lock(&t->lock);
	t->kin[t->n_kin] = t->candidate; /* there is room: on_stranger */
	t->kin[t->n_kin++].is_heir = true;
	t->candidate.fd = -1;
	t->is_offered = false;
	pthread_mutex_unlock(&t->lock);
}

/* ---- to them ---- */

/* Way to that generation, or to who took over from us and may know more; -1. Under the lock. */
static int way_to(const struct takeover *t, uint8_t generation)
{
	int fd = -1;

	if (t->is_offered && t->candidate.generation == generation)
		return t->candidate.fd;
	for (size_t i = 0; i < t->n_kin; i++) {
		if (t->kin[i].generation == generation)
			return t->kin[i].fd;
		if (t->kin[i].is_heir)
			fd = t->kin[i].fd;
	}
	return fd;
}

/* On an error fd stays the caller's. */
static int send_to(struct takeover *t, const struct take_msg *m, int fd)
{
	pthread_mutex_lock(&t->lock);
	int to = way_to(t, m->generation);
	int err = to < 0 ? -ENOENT : take_send(to, m, fd);
	pthread_mutex_unlock(&t->lock);
	if (!err && fd >= 0)
		(void)close(fd); /* theirs now */
	return err == -EPIPE || err == -ECONNRESET ? -ENOENT : err;
}

/* One of all: who does not hear it now will hear it when it is said again. Under the lock. */
static void send_one(const struct kin *k, struct take_msg *m)
{
	m->generation = k->generation;
	m->to_heirs = k->is_heir;
	int err = take_send(k->fd, m, -1);
	(void)err;
}

static void send_all(struct takeover *t, struct take_msg *m)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_kin; i++)
		send_one(&t->kin[i], m);
	if (t->is_offered)
		send_one(&t->candidate, m);
	pthread_mutex_unlock(&t->lock);
}

/* relay_route.send: on a worker's thread. */
static int route(void *arg, const struct relay_to *to, int fd)
{
	const struct take_msg m = { .kind = TAKE_RELAY,
		.generation = to->generation,
		.worker = to->worker,
		.is_secure = to->is_secure,
		.peer = to->peer,
		.local = to->local };
	return send_to(arg, &m, fd);
}

/* relay_route.tell: on a worker's thread. */
static int tell(void *arg, const struct tunnel_word *w, int fd)
{
	struct takeover *t = arg;
	struct take_msg m = { .kind = TAKE_TUNNEL,
		.news = (uint8_t)w->news,
		.generation = w->to,
		.from = t->generation,
		.is_secure = w->is_secure,
		.peer = w->peer,
		.local = w->local,
		.cookie_n = w->cookie_n };

	memcpy(m.cookie, w->cookie, w->cookie_n);
	if (!w->to_all)
		return send_to(t, &m, fd);
	send_all(t, &m);
	return 0;
}

struct relay_route takeover_kin_route(struct takeover *t)
{
	return (struct relay_route){ .send = route, .tell = tell, .arg = t };
}

/* ---- from them ---- */

static void take_relay(struct takeover *t, const struct take_msg *m, int fd)
{
	const struct relay_to here = { .generation = m->generation,
		.worker = m->worker,
		.is_secure = m->is_secure != 0,
		.peer = m->peer,
		.local = m->local };

	if (fd >= 0)
		server_take_relay(t->server, &here, fd);
}

/* Those that took over later are known to our heir only. */
static void tell_heir(struct takeover *t, const struct take_msg *m)
{
	struct take_msg copy = *m;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_kin; i++) {
		if (t->kin[i].is_heir)
			send_one(&t->kin[i], &copy);
	}
	pthread_mutex_unlock(&t->lock);
}

static void take_tunnel(struct takeover *t, const struct take_msg *m, int fd)
{
	struct tunnel_word w = { .news = m->news,
		.from = m->from,
		.to = m->generation,
		.is_secure = m->is_secure != 0,
		.peer = m->peer,
		.local = m->local,
		.cookie_n = m->cookie_n };

	if (m->news >= TUNNEL_NEWS || m->cookie_n == 0 || m->cookie_n > HTTP_COOKIE_MAX ||
		(m->news == TUNNEL_POST_COMES) != (fd >= 0)) {
		if (fd >= 0)
			(void)close(fd); /* nothing that we would say */
		return;
	}
	memcpy(w.cookie, m->cookie, m->cookie_n);
	if (m->to_heirs)
		tell_heir(t, m);
	server_take_tunnel(t->server, &w, fd);
}

/* Is it for us? Else it goes on to whom it is for. */
static bool is_ours(struct takeover *t, const struct take_msg *m, int fd)
{
	struct take_msg on = *m;

	if (m->generation == t->generation)
		return true;
	on.hops++;
	if ((on.hops > TAKE_HOPS || send_to(t, &on, fd) != 0) && fd >= 0)
		(void)close(fd); /* which tells them that there is no such session */
	return false;
}

void takeover_on_word(struct takeover *t, const struct take_msg *m, int fd)
{
	if (m->kind == TAKE_RELAY) {
		if (is_ours(t, m, fd))
			take_relay(t, m, fd);
	} else if (m->kind == TAKE_TUNNEL) {
		if (is_ours(t, m, fd))
			take_tunnel(t, m, fd);
	} else if (fd >= 0) {
		(void)close(fd); /* no descriptor belongs to anything else */
	}
}
