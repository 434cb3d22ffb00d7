/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/server.h"
#include "server/core/tunnel_own.h"

enum { STOP_POLL_MS = 2, LAST_WAIT_MS = 500 };

/* ---- asking workers from outside ---- */

struct errand {
	struct mail mail;
	struct worker *w;
	void *arg;
	void (*fn)(struct worker *w, void *arg, tick_t now);
	sem_t done;
};

static void on_errand(struct mail *m, struct loop *l, tick_t now)
{
	struct errand *e = container_of(m, struct errand, mail);
	(void)l;
	e->fn(e->w, e->arg, now);
	sem_post(&e->done);
}

static void run_on(struct worker *w, void (*fn)(struct worker *w, void *arg, tick_t now), void *arg)
{
	struct errand e = { .mail.fn = on_errand, .w = w, .arg = arg, .fn = fn };

	if (!w->started) {
		fn(w, arg, w->loop.now);
		return;
	}
	sem_init(&e.done, 0, 0);
	loop_post(&w->loop, &e.mail);
	while (sem_wait(&e.done) != 0 && errno == EINTR)
		;
	sem_destroy(&e.done);
}

void server_ask(struct server *s, void (*fn)(struct worker *w, void *arg, tick_t now), void *arg)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		run_on(&s->workers[i], fn, arg);
}

static void do_nothing(struct worker *w, void *arg, tick_t now)
{
	(void)w;
	(void)arg;
	(void)now;
}

void server_sync(struct server *s)
{
	server_ask(s, do_nothing, NULL);
}

/* ---- requests of other processes' clients ---- */

struct relay_mail {
	struct mail mail;
	struct worker *to;
	struct conn_parts parts;
};

static void on_relay_mail(struct mail *m, struct loop *l, tick_t now)
{
	struct relay_mail *r = container_of(m, struct relay_mail, mail);
	(void)l;
	worker_adopt_relayed(r->to, &r->parts, now);
	free(r);
}

void server_take_relay(struct server *s, const struct relay_to *to, int fd)
{
	if (to->worker >= s->n_workers) {
		(void)close(fd); /* which says that there is no such session */
		return;
	}
	struct relay_mail *r = xcalloc(1, sizeof *r);
	*r = (struct relay_mail){ .mail.fn = on_relay_mail, .to = &s->workers[to->worker] };
	conn_parts_init(&r->parts, fd);
	r->parts.peer = to->peer;
	r->parts.local = to->local;
	r->parts.pipe.is_secure = to->is_secure; /* as the client has it */
	r->parts.connecting = false;
	atomic_fetch_add(&s->connections, 1);
	atomic_fetch_add(&r->to->n_connections, 1);
	loop_post(&r->to->loop, &r->mail);
}

/* ---- tunnels whose other half another process has ---- */

struct tunnel_mail {
	struct mail mail;
	struct worker *to;
	struct tunnel_word word;
	int fd;
};

static void on_tunnel_mail(struct mail *m, struct loop *l, tick_t now)
{
	struct tunnel_mail *t = container_of(m, struct tunnel_mail, mail);
	(void)l;
	tunnel_far_hear(t->to, &t->word, t->fd, now);
	free(t);
}

void server_take_tunnel(struct server *s, const struct tunnel_word *word, int fd)
{
	struct tunnel_mail *t = xcalloc(1, sizeof *t);

	*t = (struct tunnel_mail){ .mail.fn = on_tunnel_mail,
		.to = tunnel_worker(s, word->cookie, word->cookie_n),
		.word = *word,
		.fd = fd };
	if (fd >= 0) {
		atomic_fetch_add(&s->connections, 1);
		atomic_fetch_add(&t->to->n_connections, 1);
	}
	loop_post(&t->to->loop, &t->mail);
}

/* ---- the end ---- */

static void close_listeners(struct worker *w, void *arg, tick_t now)
{
	(void)arg;
	(void)now;
	if (w->index == 0)
		doors_close(w->server);
}

void server_refuse_new(struct server *s)
{
	atomic_store(&s->refusing, true);
	server_set_state(s, SERVER_REFUSING);
	atomic_store(&s->leaving, true);
}

void server_leave(struct server *s)
{
	server_ask(s, close_listeners, NULL);
	atomic_store(&s->leaving, true);
}

void server_listeners(const struct server *s, struct listener_store *out)
{
	static_assert((int)DOORS_MAX <= (int)LISTENER_STORE, "there is room for all");
	for (size_t i = 0; i < s->n_doors; i++) {
		const struct listener *l = &s->doors[i].listener;
		if (l->fd >= 0 && !listener_store_put(out, &l->local, l->fd))
			return;
	}
}

static void drain_worker(struct worker *w, void *arg, tick_t now)
{
	close_listeners(w, arg, now);
	worker_drain(w, now);
}

static void cut_connections(struct worker *w, void *arg, tick_t now)
{
	(void)arg;
	(void)now;
	LIST_EACH(x, &w->connections)
	{
		struct rtsp_session *c = container_of(x, struct rtsp_session, all);
		c->conn.io.broken = true;
		task_signal(&c->task, EV_UPDATE);
	}
}

static void stop_loop(struct worker *w, void *arg, tick_t now)
{
	(void)arg;
	(void)now;
	loop_stop(&w->loop);
}

bool server_is_empty(const struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		if (!worker_is_empty(&s->workers[i]))
			return false;
	}
	return true;
}

static void wait_empty(const struct server *s, int64_t ms)
{
	for (int64_t i = 0; i < ms / STOP_POLL_MS && !server_is_empty(s); i++)
		nanosleep(&(struct timespec){ .tv_nsec = STOP_POLL_MS * 1000000 }, NULL);
}

bool server_stop(struct server *s)
{
	server_set_state(s, SERVER_SHUTTING_DOWN);
	server_ask(s, drain_worker, NULL);
	wait_empty(s, s->prefs->drain_time);
	if (!server_is_empty(s))
		server_ask(s, cut_connections, NULL);
	wait_empty(s, LAST_WAIT_MS);
	/* the pool's last answers are in the mailboxes before the loops are told to stop */
	bool clean = iopool_stop(s->pool, LAST_WAIT_MS);
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];
		run_on(w, stop_loop, NULL);
		if (w->started)
			pthread_join(w->thread, NULL);
		w->started = false;
	}
	return clean;
}
