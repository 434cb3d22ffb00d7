/* SPDX-License-Identifier: MIT */
#include "server/media/format/table_build.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/box.h"

/* Times stay far from overflow in every sum that is made of them. */
#define TIME_MAX ((uint64_t)1 << 55)

/* Looking a sample up means adding up sizes from the start of its chunk. */
enum { CHUNK_SAMPLES_MAX = 512 };

/* The entries of one box: 32-bit words in network order. */
struct words {
	uint8_t *p;
	size_t n, cap; /* octets */
};

/* A run of equal values, not yet written. */
struct run {
	uint32_t count, value;
};

struct table_build {
	struct words times, compositions, syncs, sizes, chunk_runs, chunks;
	struct run time, composition;
	uint32_t n_samples, n_syncs, n_chunks;
	uint64_t start, dts;             /* of sample 0, and of the last one, as the table has it */
	uint64_t end_at;                 /* where the last sample ends in the file */
	uint32_t in_chunk, before_chunk; /* samples of this chunk, and of the one before */
	uint32_t first_size;
	bool has_sizes, has_composition;
	int err;
};

static void words_put(struct words *w, uint32_t v)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 256;
		w->p = xrealloc(w->p, w->cap);
	}
	put_be32(w->p + w->n, v);
	w->n += 4;
}

static void words_put64(struct words *w, uint64_t v)
{
	words_put(w, (uint32_t)(v >> 32));
	words_put(w, (uint32_t)v);
}

struct table_build *table_build_new(void)
{
	return xcalloc(1, sizeof(struct table_build));
}

void table_build_free(struct table_build *b)
{
	if (!b)
		return;
	free(b->times.p);
	free(b->compositions.p);
	free(b->syncs.p);
	free(b->sizes.p);
	free(b->chunk_runs.p);
	free(b->chunks.p);
	free(b);
}

uint32_t table_build_count(const struct table_build *b)
{
	return b->n_samples;
}

static void end_run(struct run *r, struct words *w)
{
	if (r->count) {
		words_put(w, r->count);
		words_put(w, r->value);
	}
	r->count = 0;
}

static void put_run(struct run *r, struct words *w, uint32_t value)
{
	if (r->count && r->value != value)
		end_run(r, w);
	r->value = value;
	r->count++;
}

/* The last sample's duration is known once the next one has come. */
static void put_time(struct table_build *b, uint64_t dts)
{
	uint64_t delta = dts > b->dts ? dts - b->dts : 0;

	if (delta > UINT32_MAX) /* the rest goes to the next sample's account */
		delta = UINT32_MAX;
	put_run(&b->time, &b->times, (uint32_t)delta);
	b->dts += delta;
}

static void put_size(struct table_build *b, uint32_t size)
{
	if (!b->n_samples)
		b->first_size = size;
	/* zero marks a table of sizes in the box, so it can't be the size of all */
	if (!b->has_sizes && (size != b->first_size || !size)) {
		b->has_sizes = true;
		for (uint32_t i = 0; i < b->n_samples; i++)
			words_put(&b->sizes, b->first_size);
	}
	if (b->has_sizes)
		words_put(&b->sizes, size);
}

/* How many samples the last chunk has is said where it differs from the one before. */
static void end_chunk(struct table_build *b)
{
	if (b->n_chunks && b->in_chunk != b->before_chunk) {
		words_put(&b->chunk_runs, b->n_chunks);
		words_put(&b->chunk_runs, b->in_chunk);
		words_put(&b->chunk_runs, 1);
		b->before_chunk = b->in_chunk;
	}
}

static void put_place(struct table_build *b, const struct table_sample *s)
{
	if (!b->n_chunks || s->at != b->end_at || b->in_chunk == CHUNK_SAMPLES_MAX) {
		end_chunk(b);
		words_put64(&b->chunks, s->at);
		b->n_chunks++;
		b->in_chunk = 0;
	}
	b->in_chunk++;
	b->end_at = s->at + s->size;
}

static void put_sync(struct table_build *b, bool is_sync)
{
	if (is_sync) {
		words_put(&b->syncs, b->n_samples + 1);
		b->n_syncs++;
	}
}

static void put_composition(struct table_build *b, int32_t composition)
{
	if (composition)
		b->has_composition = true;
	put_run(&b->composition, &b->compositions, (uint32_t)composition);
}

int table_build_add(struct table_build *b, const struct table_sample *s)
{
	if (b->n_samples == TABLE_BUILD_SAMPLES_MAX || s->dts > TIME_MAX || s->at > TIME_MAX)
		b->err = ERR_LIMIT;
	if (b->err)
		return b->err;
	if (b->n_samples)
		put_time(b, s->dts);
	else
		b->start = b->dts = s->dts;
	put_size(b, s->size);
	put_place(b, s);
	put_sync(b, s->is_sync);
	put_composition(b, s->composition);
	b->n_samples++;
	return 0;
}

/* A box of the entries, after head words that stand before them; the entries are freed. */
static uint8_t *put_box(
	uint8_t *to, uint32_t type, const uint32_t *head, size_t n_head, struct words *w)
{
	put_be32(to, (uint32_t)(8 + 4 * n_head + w->n));
	put_be32(to + 4, type);
	to += 8;
	for (size_t i = 0; i < n_head; i++, to += 4)
		put_be32(to, head[i]);
	if (w->n)
		memcpy(to, w->p, w->n);
	to += w->n;
	free(w->p);
	*w = (struct words){ 0 };
	return to;
}

static uint32_t entries(const struct words *w, size_t width)
{
	return (uint32_t)(w->n / width);
}

/* All boxes of an stbl but its sample descriptions, as one block. */
static uint8_t *put_boxes(struct table_build *b, size_t *n)
{
	uint32_t head[3] = { 0 };
	uint8_t *p, *to;

	*n = 6 * 20 + b->times.n + b->compositions.n + b->syncs.n + b->sizes.n + b->chunk_runs.n +
	     b->chunks.n;
	p = to = xmalloc(*n);
	head[1] = entries(&b->times, 8);
	to = put_box(to, FOURCC('s', 't', 't', 's'), head, 2, &b->times);
	head[1] = entries(&b->chunk_runs, 12);
	to = put_box(to, FOURCC('s', 't', 's', 'c'), head, 2, &b->chunk_runs);
	head[1] = b->n_chunks;
	to = put_box(to, FOURCC('c', 'o', '6', '4'), head, 2, &b->chunks);
	if (b->has_composition) {
		head[1] = entries(&b->compositions, 8);
		to = put_box(to, FOURCC('c', 't', 't', 's'), head, 2, &b->compositions);
	}
	if (b->n_syncs < b->n_samples) {
		head[1] = b->n_syncs;
		to = put_box(to, FOURCC('s', 't', 's', 's'), head, 2, &b->syncs);
	}
	head[1] = b->has_sizes ? 0 : b->first_size;
	head[2] = b->n_samples;
	to = put_box(to, FOURCC('s', 't', 's', 'z'), head, 3, &b->sizes);
	*n = (size_t)(to - p);
	return p;
}

static int read_boxes(
	uint8_t *p, size_t n, uint64_t start, struct table *t, uint8_t **memory, size_t *bytes)
{
	int err = table_read(t, bytes_of(p, n));

	if (err) {
		table_clear(t);
		free(p);
		return err;
	}
	t->start = start;
	t->duration += start;
	*memory = p;
	*bytes = n;
	return 0;
}

int table_build_take(
	struct table_build *b, uint64_t end, struct table *t, uint8_t **memory, size_t *bytes)
{
	uint64_t start = b->start;
	int err = b->err;
	uint8_t *p;
	size_t n;

	*t = (struct table){ 0 };
	*memory = NULL;
	*bytes = 0;
	if (!err) {
		if (b->n_samples)
			put_time(b, end < TIME_MAX ? end : TIME_MAX);
		end_run(&b->time, &b->times);
		end_run(&b->composition, &b->compositions);
		end_chunk(b);
		p = put_boxes(b, &n);
		err = read_boxes(p, n, start, t, memory, bytes);
	}
	table_build_free(b);
	return err;
}

int table_uniform(
	struct table *t, uint64_t at, uint32_t size, uint32_t n, uint8_t **memory, size_t *bytes)
{
	struct words times = { 0 }, chunk_runs = { 0 }, chunks = { 0 }, sizes = { 0 };
	uint8_t *p = xmalloc(4 * 20 + 8 + 12 + 8), *to;

	words_put(&times, n);
	words_put(&times, 1);
	words_put(&chunk_runs, 1);
	words_put(&chunk_runs, n ? n : 1);
	words_put(&chunk_runs, 1);
	words_put64(&chunks, at);
	to = put_box(p, FOURCC('s', 't', 't', 's'), (uint32_t[]){ 0, 1 }, 2, &times);
	to = put_box(to, FOURCC('s', 't', 's', 'c'), (uint32_t[]){ 0, 1 }, 2, &chunk_runs);
	to = put_box(to, FOURCC('c', 'o', '6', '4'), (uint32_t[]){ 0, 1 }, 2, &chunks);
	to = put_box(to, FOURCC('s', 't', 's', 'z'), (uint32_t[]){ 0, size, n }, 3, &sizes);
	*t = (struct table){ 0 };
	*memory = NULL;
	*bytes = 0;
	return read_boxes(p, (size_t)(to - p), 0, t, memory, bytes);
}
