/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/server.h"

/* The modules of a server from their beginning to their end, and what concerns all of them. */

static void on_log(void *arg, const char *line, size_t n)
{
	struct server *s = arg;

	SERVER_EACH_MODULE(m, s)
	{
		if (m->error_log)
			m->error_log(m, bytes_of(line, n - 1));
	}
}

/* An instance of its own; what it declares finds its values at `index` in the preferences. */
static struct module *instance(struct server *s, const struct module *template, size_t index)
{
	struct module *m = xmalloc(sizeof *m);

	*m = *template;
	m->server = s;
	m->index = index;
	return m;
}

static void end_module(struct module *m)
{
	if (m->shutdown)
		m->shutdown(m);
	free(m);
}

int modules_init(struct server *s, const struct module *const *templates, size_t n, char *why)
{
	s->modules = xcalloc(n ? n : 1, sizeof *s->modules);
	pthread_mutex_init(&s->state_lock, NULL);
	for (size_t i = 0; i < n; i++) {
		struct module *m = instance(s, templates[i], i);
		char reason[PREFS_WHY] = "";
		if (m->api_version != MODULE_API)
			die("module %s has API version %u", m->name, m->api_version);
		int err = m->init ? m->init(m, s->prefs, reason) : 0;
		if (err && m->is_loaded && !s->prefs->strict_modules) {
			log_write(LOG_W, "module", "%s is left out: %s", m->name,
				reason[0] ? reason : err_text(err));
			end_module(m);
			continue;
		}
		s->modules[s->n_modules++] = m;
		if (err) {
			(void)snprintf(why, PREFS_WHY, "%s", reason[0] ? reason : err_text(err));
			return err;
		}
	}
	modules_lay_out(s);
	SERVER_EACH_MODULE(m, s)
	{
		if (m->error_log)
			log_watch(on_log, s);
	}
	return 0;
}

void modules_clear(struct server *s)
{
	SERVER_EACH_MODULE(m, s)
	{
		if (m->error_log)
			log_watch(NULL, NULL);
	}
	for (size_t i = 0; i < s->n_modules; i++)
		end_module(s->modules[i]);
	free(s->modules);
	s->modules = NULL;
	s->n_modules = 0;
	(void)pthread_mutex_destroy(&s->state_lock); /* no thread is left */
}

void modules_tell_prefs(struct server *s)
{
	SERVER_EACH_MODULE(m, s)
	{
		char why[PREFS_WHY] = "";
		int err = m->prefs_changed ? m->prefs_changed(m, s->prefs, why) : 0;
		if (err)
			log_write(LOG_E, "prefs", "%s keeps what it had: %s", m->name,
				why[0] ? why : err_text(err));
	}
}

/* ---- counters ---- */

static void add_module_stats(struct worker *w, void *arg, tick_t now)
{
	uint64_t *sums = arg;
	(void)now;

	for (size_t i = 0; i < w->server->n_module_stats; i++)
		sums[i] += w->module_stats[i];
}

struct module_sums {
	const struct server *s;
	uint64_t *sums;
};

static void put_module_stats(FILE *f, void *arg)
{
	const struct module_sums *x = arg;
	const char *between = "";

	fprintf(f, "  \"modules\": {");
	SERVER_EACH_MODULE(m, x->s)
	{
		if (!m->n_stats)
			continue;
		fprintf(f, "%s\n    \"%s\": {", between, m->name);
		for (size_t i = 0; i < m->n_stats; i++)
			fprintf(f, "%s\"%s\": %llu", i ? ", " : " ", m->stats[i].name,
				(unsigned long long)x->sums[m->stats_at + i]);
		fprintf(f, " }");
		between = ",";
	}
	fprintf(f, "%s},\n", *between ? "\n  " : " ");
}

int server_write_stats(struct server *s, const char *path, tick_t now)
{
	struct stats sum;
	struct module_sums x = { s, xcalloc(s->n_module_stats + 1, sizeof *x.sums) };

	server_stats(s, &sum);
	server_ask(s, add_module_stats, x.sums);
	int err = stats_write_file(&sum, s->n_workers, s->prefs->profile,
		tick_seconds(now - s->started), path, put_module_stats, &x);
	free(x.sums);
	return err;
}

/* ---- state ---- */

/* With the lock. */
static void set_state(struct server *s, enum server_state state)
{
	enum server_state was = atomic_load(&s->state);
	/* the acceptor's opinion counts only while we serve */
	bool is_news = was != state && was != SERVER_SHUTTING_DOWN &&
		       (state != SERVER_REFUSING || was == SERVER_RUNNING);

	if (!is_news)
		return;
	atomic_store(&s->state, state);
	SERVER_EACH_MODULE(m, s)
	{
		if (m->state_changed)
			m->state_changed(m, state);
	}
}

void server_set_state(struct server *s, enum server_state state)
{
	pthread_mutex_lock(&s->state_lock);
	set_state(s, state);
	pthread_mutex_unlock(&s->state_lock);
}

void server_note_room(struct server *s, bool has_room)
{
	enum server_state state = has_room ? SERVER_RUNNING : SERVER_REFUSING;

	/* while main tells of another, a worker doesn't wait: the next connection says it again */
	if (atomic_load(&s->state) == state || pthread_mutex_trylock(&s->state_lock) != 0)
		return;
	set_state(s, state);
	pthread_mutex_unlock(&s->state_lock);
}
