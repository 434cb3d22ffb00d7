/* SPDX-License-Identifier: MIT */
#include "server/media/format/ts_index.h"

#include <stdlib.h>

#include "server/base/os.h"

enum {
	READINGS_AIM = 4096,     /* readings that are kept of a file without jumps */
	SPACING_MIN = 16 << 10,  /* octets between two of them */
	SAMPLES = 1024,          /* of a long file */
	SAMPLE_BYTES = 64 << 10, /* of each sample at least */
	SAMPLE_BYTES_MAX = 4 << 20,
	PAT_AHEAD_MAX = 256 << 10, /* how far before an entry its PAT may stand */
	TAIL_BYTES = 1 << 20,
	SEARCHES_MAX = 2048, /* for jumps between samples */
	NEAR_BYTES = 128 << 10
};

/* A packet, between the clock references around it. */
struct place {
	uint64_t at;
	struct ts_reading before, after;
	bool has_before, has_after;
};

struct build {
	struct ts_index *x;
	struct ts_walk walk;
	uint64_t spacing;
	struct ts_reading last; /* the last reference seen */
	bool has_last;
	struct place now, pat; /* the current packet; the one that has the last PAT */
	bool has_pat;
	struct place *entries;
	uint32_t n_entries, cap_entries;
	bool has_reading; /* of this sample */
};

/* ---- what the packets tell ---- */

static void keep_reading(struct build *b, const struct ts_reading *r)
{
	struct ts_clock *c = &b->x->clock;
	const struct ts_reading *kept = c->n ? &c->readings[c->n - 1] : NULL;

	if (!kept) {
		(void)ts_clock_insert(c, 0, r); /* the first one fits */
		return;
	}
	if (b->has_last && r->jump) { /* both sides of it */
		if (b->last.at > kept->at && !ts_clock_insert(c, c->n, &b->last))
			return;
	} else if (r->at - kept->at < b->spacing) {
		return;
	}
	(void)ts_clock_insert(c, c->n, r); /* full: the rest goes by the average */
}

static void put_after(struct place *p, const struct ts_reading *r)
{
	if (!p->has_after) {
		p->after = *r;
		p->has_after = true;
	}
}

static void on_reading(struct build *b, uint64_t at, const struct ts_packet *p)
{
	struct ts_reading r = { .at = at, .pcr = p->pcr, .jump = p->jumps };

	r.jump = b->has_last && ts_clock_is_jump(&b->last, &r);
	if (!b->x->is_sampled || !b->has_reading)
		keep_reading(b, &r);
	else if (r.jump)
		keep_reading(b, &r);
	b->has_reading = true;
	b->last = r;
	b->has_last = true;
	put_after(&b->now, &r);
	put_after(&b->pat, &r);
	for (uint32_t i = b->n_entries; i-- > 0 && !b->entries[i].has_after;)
		put_after(&b->entries[i], &r);
}

static void on_entry(struct build *b, uint64_t at)
{
	struct place *p = b->has_pat && at - b->pat.at <= PAT_AHEAD_MAX ? &b->pat : &b->now;

	if (!p->has_before && p->at - b->x->layout.base > SPACING_MIN)
		return; /* the middle of nowhere */
	if (b->n_entries == TS_ENTRIES_MAX ||
		(b->n_entries && b->entries[b->n_entries - 1].at >= p->at))
		return;
	if (b->n_entries == b->cap_entries) {
		b->cap_entries = b->cap_entries ? b->cap_entries * 2 : 64;
		b->entries = xrealloc(b->entries, b->cap_entries * sizeof *b->entries);
	}
	b->entries[b->n_entries++] = *p;
}

static void on_packet(struct build *b, uint64_t at, const struct ts_packet *p)
{
	const struct ts_psi *psi = &b->x->psi;

	b->now = (struct place){ .at = at, .before = b->last, .has_before = b->has_last };
	if (p->pid == TS_PID_PAT && p->starts) {
		b->pat = b->now;
		b->has_pat = true;
	}
	if (p->has_pcr && p->pid == psi->pcr_pid)
		on_reading(b, at, p);
	if (ts_psi_is_entry(psi, p))
		on_entry(b, at);
}

/* Takes in what begins in [from, to); stops early once a sample has told enough. */
static int walk(struct build *b, uint64_t from, uint64_t to, uint64_t enough)
{
	const uint32_t entries = b->n_entries;
	const uint8_t *octets;
	struct ts_packet p;
	uint64_t at;
	int err;

	ts_walk_to(&b->walk, from, to);
	while ((err = ts_walk_next(&b->walk, &at, &octets)) == 0) {
		if (ts_packet_read(octets, &p))
			on_packet(b, at, &p);
		if (at - from >= enough && b->has_reading)
			break;
		if (b->x->is_sampled && b->n_entries > entries &&
			b->entries[b->n_entries - 1].has_after)
			break;
	}
	return err == ERR_END ? 0 : err;
}

static void forget(struct build *b)
{
	b->has_last = b->has_pat = b->has_reading = false;
	b->now = b->pat = (struct place){ 0 };
}

/* ---- long files ---- */

static int sample(struct build *b)
{
	const struct ts_clock *c = &b->x->clock;
	uint64_t bytes = c->end.at - c->start.at, step, at = c->start.at, budget = b->x->scan_max;
	uint32_t n =
		bytes / SAMPLE_BYTES < SAMPLES ? (uint32_t)(bytes / SAMPLE_BYTES) + 1 : SAMPLES;

	step = bytes / n;
	for (uint32_t i = 0; i < n; i++, at += step) {
		uint64_t left = budget > b->walk.sweep.reads ? budget - b->walk.sweep.reads : 0;
		uint64_t enough = left / (n - i) * 2;
		int err;

		if (enough < SAMPLE_BYTES)
			enough = SAMPLE_BYTES;
		if (enough > SAMPLE_BYTES_MAX)
			enough = SAMPLE_BYTES_MAX;
		forget(b);
		/* where there is no clock in that much, as much again */
		err = walk(b, at, at + (enough * 2 < step ? enough * 2 : step), enough);
		if (err)
			return err;
		if (b->n_entries && !b->entries[b->n_entries - 1].has_after)
			b->n_entries--;
	}
	return 0;
}

/* The last reference of the file: where it ends. */
static int sample_tail(struct build *b)
{
	struct ts_clock *c = &b->x->clock;
	uint64_t from = c->end.at - c->start.at > TAIL_BYTES ? c->end.at - TAIL_BYTES : c->start.at;
	const struct ts_reading *kept = c->n ? &c->readings[c->n - 1] : NULL;
	int err;

	if (kept && kept->at > from)
		from = kept->at;
	forget(b);
	b->has_reading = true; /* keep none but the last */
	err = walk(b, from, c->end.at, UINT64_MAX);
	if (!err && b->has_last && (!c->n || b->last.at > c->readings[c->n - 1].at))
		(void)ts_clock_insert(c, c->n, &b->last); /* full: its end is a guess then */
	return err;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t ticks_per_mb(const struct ts_reading *a)
{
	return ts_clock_ticks(a[0].pcr, a[1].pcr) / ((a[1].at - a[0].at) / 1024 + 1) * 1024;
}

static uint64_t median_pace(const struct ts_clock *c)
{
	uint64_t *paces = xmalloc((size_t)(c->n) * sizeof *paces), median;
	uint32_t n = 0;

	for (uint32_t i = 0; i + 1 < c->n; i++)
		paces[n++] = ticks_per_mb(&c->readings[i]);
	qsort(paces, n, sizeof *paces, compare_u64);
	median = n ? paces[n / 2] : 0;
	free(paces);
	return median;
}

static bool is_odd(const struct ts_reading *a, uint64_t pace)
{
	uint64_t ticks = ts_clock_ticks(a[0].pcr, a[1].pcr), slack = (uint64_t)2 * TS_HZ;
	uint64_t bytes = a[1].at - a[0].at, expected = bytes / 1024 * (pace / 1024);

	return !a[1].jump && (ticks > 8 * expected + slack || 8 * ticks + slack < expected);
}

/* The first reference from `from` on that is before `to`. */
static int find_reading(struct build *b, uint64_t from, uint64_t to, struct ts_reading *r)
{
	const uint8_t *octets;
	struct ts_packet p;
	uint64_t at;
	int err;

	ts_walk_to(&b->walk, from, to);
	while ((err = ts_walk_next(&b->walk, &at, &octets)) == 0) {
		if (!ts_packet_read(octets, &p) || !p.has_pcr || p.pid != b->x->psi.pcr_pid)
			continue;
		*r = (struct ts_reading){ .at = at, .pcr = p.pcr, .jump = p.jumps };
		return 0;
	}
	return err;
}

/* Between readings i and i + 1, which are near each other: puts the two sides of the first jump. *added:
 * readings that are new. */
static int find_jump(struct build *b, uint32_t i, uint32_t *added)
{
	struct ts_clock *c = &b->x->clock;
	struct ts_reading last = c->readings[i], r;
	const struct ts_reading end = c->readings[i + 1];
	int err;

	*added = 0;
	while ((err = find_reading(b, last.at + 1, end.at + 1, &r)) == 0) {
		r.jump = ts_clock_is_jump(&last, &r);
		if (r.jump)
			break;
		last = r;
		if (r.at == end.at)
			return 0;
	}
	if (err)
		return err == ERR_END ? 0 : err;
	if (last.at > c->readings[i].at && ts_clock_insert(c, i + 1, &last))
		++*added;
	if (r.at == end.at)
		c->readings[i + 1 + *added].jump = true;
	else if (ts_clock_insert(c, i + 1 + *added, &r))
		++*added;
	return 0;
}

/* Halves what is between two readings that contradict each other until the place is found. */
static int find_jumps(struct build *b)
{
	struct ts_clock *c = &b->x->clock;
	uint64_t pace = median_pace(c), most = 2 * b->x->scan_max;
	uint32_t searches = 0;

	for (uint32_t i = 0;
		i + 1 < c->n && searches < SEARCHES_MAX && b->walk.sweep.reads < most;) {
		const struct ts_reading *a = &c->readings[i];
		uint64_t middle = a[0].at + (a[1].at - a[0].at) / 2;
		struct ts_reading r;
		uint32_t added;
		int err;

		if (!is_odd(a, pace)) {
			i++;
			continue;
		}
		searches++;
		if (a[1].at - a[0].at <= NEAR_BYTES) {
			err = find_jump(b, i, &added);
			i += added + 1;
		} else {
			err = find_reading(b, middle, a[1].at, &r);
			r.jump = false; /* of what is not its neighbour */
			if (err || !ts_clock_insert(c, i + 1, &r))
				i++;
		}
		if (err && err != ERR_END)
			return err;
	}
	return 0;
}

/* ---- all of it ---- */

static struct ts_mark mark(const struct build *b, const struct ts_reading *r)
{
	return ts_clock_npt(&b->x->clock, r->at, r->pcr);
}

static void put_entries(struct build *b)
{
	struct ts_index *x = b->x;

	if (b->n_entries)
		x->entries = xcalloc(b->n_entries, sizeof *x->entries);
	for (uint32_t i = 0; i < b->n_entries; i++) {
		const struct place *p = &b->entries[i];
		struct ts_mark before = p->has_before ? mark(b, &p->before) : x->clock.start;
		struct ts_mark after = p->has_after ? mark(b, &p->after) : x->clock.end;
		struct ts_entry *e = &x->entries[x->n_entries];

		e->at = p->at;
		e->npt = ts_clock_between(before, after, p->at);
		x->n_entries++;
	}
}

int ts_index_read(struct ts_index *x, const struct media_file *f)
{
	struct build b = { .x = x };
	struct ts_clock *c = &x->clock;
	uint64_t slices;
	int err;

	c->start.at = x->layout.base;
	c->end.at = f->size;
	slices = (f->size - x->layout.base + ts_slice_bytes(&x->layout) - 1) /
		 ts_slice_bytes(&x->layout);
	if (slices > UINT32_MAX - 1)
		return ERR_LIMIT;
	x->n_slices = (uint32_t)slices;
	x->is_sampled = f->size > x->scan_max;
	b.spacing = f->size / READINGS_AIM > SPACING_MIN ? f->size / READINGS_AIM : SPACING_MIN;
	ts_walk_init(&b.walk, f, &x->layout);
	if (x->is_sampled) {
		err = sample(&b);
		if (!err)
			err = sample_tail(&b);
		if (!err)
			err = find_jumps(&b);
	} else {
		err = walk(&b, c->start.at, c->end.at, UINT64_MAX);
		if (!err && b.has_last && c->n && b.last.at > c->readings[c->n - 1].at)
			(void)ts_clock_insert(c, c->n, &b.last); /* full: the end is a guess */
	}
	if (!err)
		err = ts_clock_lay(c);
	if (!err)
		put_entries(&b);
	free(b.entries);
	ts_walk_clear(&b.walk);
	return err;
}

void ts_index_clear(struct ts_index *x)
{
	ts_clock_clear(&x->clock);
	free(x->entries);
	x->entries = NULL;
	x->n_entries = 0;
}
