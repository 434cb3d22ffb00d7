/* SPDX-License-Identifier: MIT */
#include "server/media/format/table.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"

/* Sums of runs stay below this: far beyond any film, far from overflow. */
#define TIME_MAX ((uint64_t)1 << 56)

static uint32_t run_first(const struct runs *r, uint32_t i)
{
	return be32(r->p + (size_t)i * r->width);
}

static uint32_t run_second(const struct runs *r, uint32_t i)
{
	return be32(r->p + (size_t)i * r->width + 4);
}

static void add_mark(struct runs *r, uint32_t i, uint64_t sample, uint64_t time)
{
	if (i % TABLE_MARK == 0)
		r->marks[i / TABLE_MARK] =
			(struct run_mark){ sample > UINT32_MAX ? UINT32_MAX : (uint32_t)sample,
				time };
}

/* Version and flags, a count, then the entries: fills r without its marks. */
static int read_runs(struct runs *r, struct bytes box, uint32_t width)
{
	struct cur c = { box };
	uint32_t n;

	if (!cur_skip(&c, 4) || !cur_be32(&c, &n) || n > c.b.n / width)
		return ERR_CORRUPT;
	r->p = c.b.p;
	r->n = n;
	r->width = width;
	r->marks = xcalloc(n / TABLE_MARK + 1, sizeof *r->marks);
	return 0;
}

/* Marks of stts (with_time) or ctts; *time is the sum over the table. */
static int mark_counts(struct runs *r, bool with_time, uint64_t *time)
{
	uint64_t sample = 0, sum = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t count = run_first(r, i);

		add_mark(r, i, sample, sum);
		sample += count;
		if (with_time)
			sum += (uint64_t)count * run_second(r, i);
		if (sum > TIME_MAX || sample > TIME_MAX)
			return ERR_CORRUPT;
	}
	*time = sum;
	return 0;
}

/* Chunks first … of run i, one past its last. */
static uint32_t chunk_run_end(const struct table *t, uint32_t i)
{
	return i + 1 < t->chunk.n ? run_first(&t->chunk, i + 1) : t->n_chunks + 1;
}

/* Runs of chunks end where their sample description changes, too. */
static void note_description(struct table *t, uint32_t run, uint64_t sample)
{
	uint32_t description = be32(t->chunk.p + (size_t)run * t->chunk.width + 8);

	if (!run)
		t->description = description;
	else if (description != t->description && sample < t->n_described)
		t->n_described = (uint32_t)sample;
}

static int mark_chunks(struct table *t)
{
	struct runs *r = &t->chunk;
	uint64_t sample = 0;

	t->description = 1;
	t->n_described = t->n_samples;
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t first = run_first(r, i), end = chunk_run_end(t, i);

		add_mark(r, i, sample, 0);
		if (first < 1 || (i == 0 && first != 1) || run_second(r, i) < 1)
			return ERR_CORRUPT;
		/* some writers leave a last run for chunks that they did not write after all */
		if (end <= first) {
			if (i + 1 < r->n)
				return ERR_CORRUPT;
			break;
		}
		note_description(t, i, sample);
		sample += (uint64_t)(end - first) * run_second(r, i);
		if (sample > TIME_MAX)
			return ERR_CORRUPT;
	}
	return 0;
}

static int read_times(struct table *t, struct bytes stbl)
{
	struct bytes stts = box_find(stbl, FOURCC('s', 't', 't', 's'));
	struct bytes ctts = box_find(stbl, FOURCC('c', 't', 't', 's'));
	uint64_t unused;
	int err;

	if (!stts.p)
		return ERR_MISSING;
	err = read_runs(&t->time, stts, 8);
	if (!err)
		err = mark_counts(&t->time, true, &t->duration);
	if (!err && ctts.p)
		err = read_runs(&t->composition, ctts, 8);
	if (!err && ctts.p)
		err = mark_counts(&t->composition, false, &unused);
	return err;
}

static int read_sync(struct table *t, struct bytes stbl)
{
	struct cur c = { box_find(stbl, FOURCC('s', 't', 's', 's')) };

	if (!c.b.p)
		return 0;
	if (!cur_skip(&c, 4) || !cur_be32(&c, &t->n_sync) || t->n_sync > c.b.n / 4)
		return ERR_CORRUPT;
	t->sync = c.b;
	t->has_sync = true;
	for (uint32_t i = 0, before = 0; i < t->n_sync; i++) {
		uint32_t n = be32(t->sync.p + (size_t)i * 4);

		if (n <= before) /* counted from 1, ascending: lookups halve the table */
			return ERR_CORRUPT;
		before = n;
	}
	return 0;
}

static int read_sizes(struct table *t, struct bytes stbl)
{
	struct cur c = { box_find(stbl, FOURCC('s', 't', 's', 'z')) };
	bool compact = !c.b.p;
	uint32_t head;

	if (compact)
		c.b = box_find(stbl, FOURCC('s', 't', 'z', '2'));
	if (!c.b.p)
		return ERR_MISSING;
	if (!cur_skip(&c, 4) || !cur_be32(&c, &head) || !cur_be32(&c, &t->n_samples))
		return ERR_CORRUPT;
	t->sizes = c.b;
	t->size_bits = compact ? (uint8_t)head : 32;
	t->uniform_size = compact ? 0 : head;
	if (compact && head != 4 && head != 8 && head != 16)
		return ERR_CORRUPT;
	if (!t->uniform_size && ((uint64_t)t->n_samples * t->size_bits + 7) / 8 > t->sizes.n)
		return ERR_CORRUPT;
	return 0;
}

static int read_chunks(struct table *t, struct bytes stbl)
{
	struct cur c = { box_find(stbl, FOURCC('s', 't', 'c', 'o')) };
	struct bytes stsc = box_find(stbl, FOURCC('s', 't', 's', 'c'));
	int err;

	t->chunks_64 = !c.b.p;
	if (t->chunks_64)
		c.b = box_find(stbl, FOURCC('c', 'o', '6', '4'));
	if (!c.b.p || !stsc.p)
		return ERR_MISSING;
	if (!cur_skip(&c, 4) || !cur_be32(&c, &t->n_chunks) ||
		t->n_chunks > c.b.n / (t->chunks_64 ? 8 : 4))
		return ERR_CORRUPT;
	t->chunks = c.b;
	err = read_runs(&t->chunk, stsc, 12);
	return err ? err : mark_chunks(t);
}

int table_read(struct table *t, struct bytes stbl)
{
	int err;

	*t = (struct table){ 0 };
	err = read_times(t, stbl);
	if (!err)
		err = read_sync(t, stbl);
	if (!err)
		err = read_sizes(t, stbl);
	if (!err)
		err = read_chunks(t, stbl);
	return err;
}

void table_clear(struct table *t)
{
	free(t->time.marks);
	free(t->composition.marks);
	free(t->chunk.marks);
	*t = (struct table){ 0 };
}

/* The last mark (as run index) whose sample is not beyond n. */
static uint32_t mark_before(const struct runs *r, uint32_t n)
{
	uint32_t lo = 0, hi = r->n ? (r->n - 1) / TABLE_MARK : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (r->marks[mid].sample <= n)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

uint64_t table_time(const struct table *t, uint32_t n)
{
	const struct runs *r = &t->time;
	uint32_t mark = mark_before(r, n);
	uint64_t sample = r->n ? r->marks[mark].sample : 0;
	uint64_t time = t->start + (r->n ? r->marks[mark].time : 0);

	for (uint32_t i = mark * TABLE_MARK; i < r->n; i++) {
		uint32_t count = run_first(r, i);

		if (n < sample + count)
			return time + (n - sample) * run_second(r, i);
		sample += count;
		time += (uint64_t)count * run_second(r, i);
	}
	return time;
}

/* The last mark whose time is below `time`. */
static uint32_t mark_below(const struct runs *r, uint64_t time)
{
	uint32_t lo = 0, hi = r->n ? (r->n - 1) / TABLE_MARK : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (r->marks[mid].time < time)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

uint32_t table_sample_at(const struct table *t, uint64_t time)
{
	const struct runs *r = &t->time;
	uint32_t mark;
	uint64_t sample, at;

	time = time > t->start ? time - t->start : 0;
	mark = mark_below(r, time);
	sample = r->n ? r->marks[mark].sample : 0;
	at = r->n ? r->marks[mark].time : 0;
	for (uint32_t i = mark * TABLE_MARK; i < r->n; i++) {
		uint32_t count = run_first(r, i), delta = run_second(r, i);

		if (count && time <= at + (uint64_t)(count - 1) * delta) {
			if (time > at)
				sample += (time - at + delta - 1) / delta; /* delta > 0 here */
			return sample < t->n_samples ? (uint32_t)sample : t->n_samples;
		}
		sample += count;
		at += (uint64_t)count * delta;
	}
	/* samples that the table of times forgets are all at its end */
	return time <= at && sample < t->n_samples ? (uint32_t)sample : t->n_samples;
}

int32_t table_composition(const struct table *t, uint32_t n)
{
	const struct runs *r = &t->composition;
	uint32_t mark;
	uint64_t sample;

	if (!r->n)
		return 0;
	mark = mark_before(r, n);
	sample = r->marks[mark].sample;
	for (uint32_t i = mark * TABLE_MARK; i < r->n; i++) {
		sample += run_first(r, i);
		if (n < sample)
			return (int32_t)run_second(r, i);
	}
	return 0;
}

bool table_is_sync(const struct table *t, uint32_t n)
{
	uint32_t lo = 0, hi = t->n_sync;

	if (!t->has_sync)
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2, at = be32(t->sync.p + (size_t)mid * 4) - 1;

		if (at == n)
			return true;
		if (at < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

uint32_t table_syncs(const struct table *t)
{
	return t->has_sync ? t->n_sync : t->n_samples;
}

uint32_t table_sync(const struct table *t, uint32_t i)
{
	return t->has_sync ? be32(t->sync.p + (size_t)i * 4) - 1 : i;
}

uint32_t table_size(const struct table *t, uint32_t n)
{
	if (t->uniform_size)
		return t->uniform_size;
	switch (t->size_bits) {
	case 4: return n % 2 ? t->sizes.p[n / 2] & 15 : t->sizes.p[n / 2] >> 4;
	case 8: return t->sizes.p[n];
	case 16: return be16(t->sizes.p + (size_t)n * 2);
	}
	return be32(t->sizes.p + (size_t)n * 4);
}

void finder_init(struct finder *f, const struct table *t, uint32_t budget)
{
	*f = (struct finder){ .table = t, .budget = budget };
}

static bool spend(struct finder *f, uint64_t steps)
{
	if (steps > f->budget) {
		f->budget = 0;
		return false;
	}
	f->budget -= (uint32_t)steps;
	return true;
}

/* The chunk that holds sample n: its offset, first sample, and one past its last. */
static int find_chunk(
	const struct finder *f, uint32_t n, uint32_t *first, uint32_t *end_sample, uint64_t *at)
{
	const struct table *t = f->table;
	uint32_t mark = mark_before(&t->chunk, n);
	uint64_t sample = t->chunk.n ? t->chunk.marks[mark].sample : 0;

	for (uint32_t i = mark * TABLE_MARK; i < t->chunk.n; i++) {
		uint32_t chunk = run_first(&t->chunk, i), per = run_second(&t->chunk, i);
		uint32_t end = chunk_run_end(t, i);
		uint64_t in_run = end > chunk ? (uint64_t)(end - chunk) * per : 0;

		if (n < sample + in_run) {
			uint32_t skip = (uint32_t)((n - sample) / per);

			chunk += skip - 1; /* counted from 0 now */
			if (chunk >= t->n_chunks)
				return ERR_CORRUPT;
			sample += (uint64_t)skip * per;
			*first = (uint32_t)sample;
			*end_sample = sample + per < t->n_samples ? (uint32_t)(sample + per)
								  : t->n_samples;
			*at = t->chunks_64 ? be64(t->chunks.p + (size_t)chunk * 8)
					   : be32(t->chunks.p + (size_t)chunk * 4);
			return 0;
		}
		sample += in_run;
	}
	return ERR_CORRUPT;
}

int finder_place(struct finder *f, uint32_t n, uint64_t *at, uint32_t *size)
{
	const struct table *t = f->table;
	uint32_t first, end, from;
	uint64_t offset;
	int err;

	if (n >= t->n_samples)
		return ERR_CORRUPT;
	if (f->known && f->sample <= n && n < f->chunk_end) {
		first = f->chunk_first;
		end = f->chunk_end;
		from = f->sample;
		offset = f->at;
	} else {
		err = find_chunk(f, n, &first, &end, &offset);
		if (err)
			return err;
		from = first;
	}
	if (!spend(f, t->uniform_size ? 1 : (uint64_t)(n - from) + 1))
		return ERR_LIMIT;
	if (t->uniform_size)
		offset += (uint64_t)(n - from) * t->uniform_size;
	else
		for (; from < n; from++)
			offset += table_size(t, from);
	*f = (struct finder){ t, n, first, end, offset, f->budget, true };
	*at = offset;
	*size = table_size(t, n);
	return 0;
}

int finder_run(
	struct finder *f, uint32_t n, uint32_t max, uint64_t *at, uint64_t *bytes, uint32_t *count)
{
	const struct table *t = f->table;
	uint32_t size;
	int err = finder_place(f, n, at, &size);

	if (err)
		return err;
	*count = f->chunk_end - n < max ? f->chunk_end - n : max;
	if (t->uniform_size) {
		*bytes = (uint64_t)*count * t->uniform_size;
		return 0;
	}
	if (!spend(f, *count))
		return ERR_LIMIT;
	*bytes = 0;
	for (uint32_t i = 0; i < *count; i++)
		*bytes += table_size(t, n + i);
	return 0;
}

int finder_block(struct finder *f, uint32_t n, uint32_t bytes_per_block, uint32_t samples_per_block,
	uint64_t *at)
{
	uint32_t first, end;
	int err = spend(f, 1) ? find_chunk(f, n, &first, &end, at) : ERR_LIMIT;

	if (err)
		return err;
	*at += (uint64_t)((n - first) / samples_per_block) * bytes_per_block;
	return 0;
}
