/* SPDX-License-Identifier: MIT */
#include "server/core/trim.h"

#include "server/base/os.h"
#include "server/core/server.h"

enum { RUSH = 256 }; /* connections that are worth it */
#define TRIM_PAUSE (5 * TICK_S)

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
	if (t->busy || t->most < RUSH || n > t->most / 2 || now < t->next)
		return;
	t->most = n;
	t->next = now + TRIM_PAUSE;
	t->busy = true;
	w->stats.memory_trims++;
	t->job = (struct media_job){ .run = run, .done = done };
	media_submit(&w->io.io, &t->job);
}
