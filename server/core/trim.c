/* SPDX-License-Identifier: MIT */
#include "server/core/trim.h"

#include "server/base/os.h"
#include "server/core/server.h"

enum {
	RUSH = 256,         /* connections that are worth it, when they go */
	TURNOVER = 4 * RUSH /* and when they come and go */
};
#define TRIM_PAUSE (5 * TICK_S)
#define TRIM_EVERY (60 * TICK_S)

static uint64_t come(const struct server *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n_doors; i++)
		n += s->doors[i].listener.n_accepted;
	return n;
}

static bool run(struct media_job *j)
{
	(void)j;
	os_give_memory_back();
	return true;
}

static void done(struct media_job *j)
{
	container_of(j, struct trimmer, job)->busy = false;
}

void trimmer_look(struct worker *w, tick_t now)
{
	struct trimmer *t = &w->server->trimmer;
	uint32_t n = atomic_load(&w->server->connections);

	t->most = n > t->most ? n : t->most;
	if (t->busy || now < t->next)
		return;
	bool is_over = t->most >= RUSH && n <= t->most / 2;
	bool is_due = now >= t->next + TRIM_EVERY && come(w->server) >= t->come + TURNOVER;
	if (!is_over && !is_due)
		return;
	t->come = come(w->server);
	t->most = n;
	t->next = now + TRIM_PAUSE;
	t->busy = true;
	w->stats.memory_trims++;
	t->job = (struct media_job){ .run = run, .done = done };
	media_submit(&w->io.io, &t->job);
}
