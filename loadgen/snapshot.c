/* SPDX-License-Identifier: MIT */
#include "loadgen/snapshot.h"

#include <assert.h>
#include <stddef.h>

#include "server/base/os.h"

#define COUNTER_ROW(field, words) { #field, words, offsetof(struct snapshot, field) },
const struct counter_row counter_rows[] = { COUNTER_TABLE(COUNTER_ROW) };
const size_t n_counter_rows = COUNT(counter_rows);

#define HIST_ROW(field, name, origin, most, words)                  \
	{ name, origin, words, (most) == HIST_SHARE ? "ppm" : "ns", \
		offsetof(struct snapshot, field), most },
const struct hist_row hist_rows[] = { HIST_TABLE(HIST_ROW) };
const size_t n_hist_rows = COUNT(hist_rows);

#define DEATH_ROW(id, title, words) [id] = { title, words },
const struct death_row death_rows[N_DEATHS] = { DEATH_TABLE(DEATH_ROW) };

static struct hist *hist_at(struct snapshot *s, const struct hist_row *row)
{
	return (struct hist *)(void *)((char *)s + row->at);
}

const struct hist *snapshot_hist(const struct snapshot *s, const struct hist_row *row)
{
	return (const struct hist *)(const void *)((const char *)s + row->at);
}

int64_t snapshot_counter(const struct snapshot *s, const struct counter_row *row)
{
	return *(const int64_t *)(const void *)((const char *)s + row->at);
}

void snapshot_init(struct snapshot *s)
{
	*s = (struct snapshot){ .worst_share = 1e9 };
	for (size_t i = 0; i < n_hist_rows; i++)
		hist_init(hist_at(s, &hist_rows[i]), hist_rows[i].max, HIST_DIGITS);
}

void snapshot_clear(struct snapshot *s)
{
	for (size_t i = 0; i < n_hist_rows; i++)
		hist_clear(hist_at(s, &hist_rows[i]));
	*s = (struct snapshot){ 0 };
}

void snapshot_add(struct snapshot *a, const struct snapshot *b)
{
	for (size_t i = 0; i < n_counter_rows; i++)
		*(int64_t *)(void *)((char *)a + counter_rows[i].at) +=
			snapshot_counter(b, &counter_rows[i]);
	for (size_t i = 0; i < N_DEATHS; i++)
		a->deaths[i] += b->deaths[i];
	for (size_t i = 0; i < STATUS_MAX; i++)
		a->statuses[i] += b->statuses[i];
	if (b->worst_share < a->worst_share)
		a->worst_share = b->worst_share;
	if (b->longest_stall > a->longest_stall)
		a->longest_stall = b->longest_stall;
	for (size_t i = 0; i < n_hist_rows; i++) {
		int err = hist_add(hist_at(a, &hist_rows[i]), snapshot_hist(b, &hist_rows[i]));
		assert(!err); /* both come from the same table */
		(void)err;
	}
}

void tally_init(struct tally *t)
{
	snapshot_init(&t->sum);
	hist_init(&t->lateness, HIST_MEDIA, SECOND_DIGITS);
	hist_init(&t->setup, HIST_LATENCY, SECOND_DIGITS);
	hist_init(&t->lag, HIST_MEDIA, SECOND_DIGITS);
}

void tally_clear(struct tally *t)
{
	snapshot_clear(&t->sum);
	hist_clear(&t->lateness);
	hist_clear(&t->setup);
	hist_clear(&t->lag);
}

void tally_next_second(struct tally *t)
{
	hist_reset(&t->lateness);
	hist_reset(&t->setup);
	hist_reset(&t->lag);
}
