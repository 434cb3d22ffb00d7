/* SPDX-License-Identifier: MIT */
#include "server/core/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/rtsp_session.h"

enum { PEERS_IDLE = 8192 };

/* ---- setting up ---- */

/* Room for all that may hold something, and for some that only failed to log in. */
static uint32_t peers_wanted(const struct prefs *p)
{
	return (uint32_t)(p->maximum_connections + p->maximum_sessions) + PEERS_IDLE;
}

int server_init_modules(
	struct server *s, const struct module *const *templates, size_t n, char *why)
{
	uint64_t seed;

	os_random(&seed, sizeof seed);
	s->peers = peers_new(peers_wanted(s->prefs), seed);
	return modules_init(s, templates, n, why);
}

static int init_workers(struct server *s, char *why)
{
	int64_t n = s->prefs->run_num_threads, wall = os_realtime() - os_now();

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	s->n_workers = n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
	s->workers = xcalloc(s->n_workers, sizeof *s->workers);
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];
		int err = loop_init(&w->loop);
		if (!err)
			err = worker_init(w, s, i, wall, 0);
		if (err) {
			(void)snprintf(why, PREFS_WHY, "worker %u: %s", i, err_text(err));
			s->n_workers = i;
			return err;
		}
	}
	return 0;
}

int server_init(struct server *s, const struct prefs *p, const struct module *const *templates,
	size_t n, struct listener_store *given, char *why)
{
	*s = (struct server){ .prefs = p, .started = os_now() };
	int err = server_init_modules(s, templates, n, why);
	if (err)
		return err;
	s->pool = iopool_new((unsigned)p->io_threads, (unsigned)p->io_threads_most);
	err = init_workers(s, why);
	doorman_init(s, os_now());
	if (!err && given)
		err = doors_open(s, given, doorman_accept, why);
	return err;
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	struct server *srv = w->server;

	w->loop.thread = pthread_self();
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->worker_init && m->worker_init(m, w) != 0)
			die("module %s: no worker", m->name);
	}
	loop_run(&w->loop);
	return NULL;
}

void server_start(struct server *s)
{
	server_set_state(s, SERVER_RUNNING);
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];
		if (pthread_create(&w->thread, NULL, worker_thread, w) != 0)
			die("cannot start worker %u", i);
		w->started = true;
	}
}

/* ---- counters ---- */

static void add_stats(struct worker *w, void *arg, tick_t now)
{
	struct stats *sum = arg;
	(void)now;
	worker_stats(w, sum);
	if (w->index == 0)
		doorman_stats(w->server, sum);
}

void server_stats(struct server *s, struct stats *sum)
{
	*sum = (struct stats){ 0 };
	sum->tls_reloads = s->tls_reloads;
	sum->tls_reloads_failed = s->tls_reloads_failed;
	sum->takeovers = s->takeovers;
	sum->takeovers_failed = s->takeovers_failed;
	server_ask(s, add_stats, sum);
}

/* ---- certificates ---- */

static void take_tls(struct worker *w, void *arg, tick_t now)
{
	struct tls_context *old = w->tls, *c = arg;
	(void)now;

	w->tls = c ? tls_context_ref(c) : NULL;
	tls_context_unref(old); /* connections that have it keep it */
}

int server_use_tls(struct server *s, struct tls_context *c, char *why)
{
	for (size_t i = 0; i < s->n_doors && !c; i++) {
		if (s->doors[i].is_tls) {
			(void)snprintf(why, PREFS_WHY, "listen: rtsps needs a tls_certificate");
			return ERR_MISSING;
		}
	}
	server_ask(s, take_tls, c);
	return 0;
}

/* ---- the wall clock ---- */

void server_set_wall(struct server *s, int64_t offset)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		atomic_store(&s->workers[i].wall_offset, offset);
}

/* ---- other preferences ---- */

static void take_prefs(struct worker *w, void *arg, tick_t now)
{
	(void)arg;
	(void)now;
	worker_prefs_changed(w, w->server->prefs);
	if (w->index == 0)
		doorman_prefs_changed(w->server);
}

static void on_kept(void *arg, const char *prefix, const char *name)
{
	(void)arg;
	log_write(LOG_W, "prefs", "%s%s cannot change while the server runs", prefix, name);
}

void server_reload(struct server *s, struct prefs *next)
{
	enum log_level level;

	prefs_keep_fixed(next, s->prefs, on_kept, NULL);
	s->prefs = next;
	if (log_level_read(next->log, &level))
		log_set_level(level);
	peers_grow(s->peers, peers_wanted(next)); /* before anybody lets more in */
	server_ask(s, take_prefs, NULL);
	modules_tell_prefs(s);
}

/* ---- the end ---- */

void server_clear(struct server *s)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_clear(&s->workers[i]);
	free(s->workers);
	free(s->doors);
	modules_clear(s);
	iopool_free(s->pool);
	peers_free(s->peers);
	*s = (struct server){ 0 };
}
