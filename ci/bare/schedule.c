/* SPDX-License-Identifier: MIT */
#include "ci/bare/schedule.h"

#include <stdlib.h>

#include "loadgen/plan.h"
#include "server/base/os.h"

/* The clip's packets by tick. What is more than `burst` goes on in the next one. */
static void make_groups(struct schedule *s, const struct clip *c, uint32_t burst)
{
	struct schedule_group *g = NULL;

	s->period = (uint32_t)(c->period / TICK_MS);
	s->groups = xcalloc(c->n, sizeof *s->groups);
	for (uint32_t i = 0; i < c->n; i++) {
		tick_t due = c->packets[i].due > 0 ? c->packets[i].due : 0;
		uint32_t tick = (uint32_t)((due + TICK_MS / 2) / TICK_MS);
		if (g && tick < g->tick)
			tick = g->tick;
		if (g && tick == g->tick && g->n == burst)
			tick++;
		if (!g || tick != g->tick) {
			g = &s->groups[s->n_groups++];
			*g = (struct schedule_group){ .tick = tick, .first = i };
		}
		g->n++;
	}
	/* a last burst may reach over the end */
	if (g && g->tick >= s->period)
		s->period = g->tick + 1;
}

/* The first group at clip's tick `at` or after it; n_groups: none. */
static uint32_t find_group(const struct schedule *s, uint32_t at)
{
	uint32_t low = 0, high = s->n_groups;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (s->groups[mid].tick < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct walk {
	uint32_t start, group, cycle;
};

/* The tick of the run at which the session's next group is due, and on to the one after. */
static uint64_t step(const struct schedule *s, struct walk *w, struct schedule_entry *e)
{
	if (w->group == s->n_groups) {
		w->group = 0;
		w->cycle++;
	}
	e->group = w->group;
	e->cycle = w->cycle;
	return (uint64_t)w->cycle * s->period + s->groups[w->group++].tick - w->start;
}

static struct walk begin(const struct schedule *s, const struct schedule_config *c, uint32_t i)
{
	const struct plan p = { .seed = c->seed };
	struct plan_random r = plan_random(&p, i);
	uint32_t start = (uint32_t)(plan_draw(&r) % s->period);

	return (struct walk){ .start = start, .group = find_group(s, start) };
}

/* Counts what each tick holds into first[tick + 1]; with entries: puts them there. */
static void fill(struct schedule *s, const struct schedule_config *c)
{
	for (uint32_t i = 0; i < c->sessions; i++) {
		struct walk w = begin(s, c, i);
		struct schedule_entry e = { .session = i };
		for (uint64_t tick; (tick = step(s, &w, &e)) < s->n_ticks;) {
			if (s->entries)
				s->entries[s->first[tick]] = e;
			else
				s->n_packets += s->groups[e.group].n;
			s->first[s->entries ? tick : tick + 1]++;
		}
	}
}

void schedule_init(struct schedule *s, const struct clip *c, const struct schedule_config *config)
{
	*s = (struct schedule){ .n_ticks = config->ticks };
	make_groups(s, c, config->burst);
	s->first = xcalloc((size_t)s->n_ticks + 1, sizeof *s->first);
	fill(s, config);
	for (uint32_t t = 0; t < s->n_ticks; t++)
		s->first[t + 1] += s->first[t];
	s->n_entries = s->first[s->n_ticks];
	s->entries = xcalloc(s->n_entries + 1, sizeof *s->entries);
	fill(s, config);
	/* each tick's first has moved on to the next one's */
	for (uint32_t t = s->n_ticks; t > 0; t--)
		s->first[t] = s->first[t - 1];
	s->first[0] = 0;
}

void schedule_clear(struct schedule *s)
{
	free(s->groups);
	free(s->entries);
	free(s->first);
	*s = (struct schedule){ 0 };
}
