/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TABLE_H
#define SERVER_MEDIA_FORMAT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * A track's sample table (ISO/IEC 14496-12 8.6, 8.7), looked up in place: the boxes stay as the file
 * has them, with a mark every 64 runs, so a film of six hours costs its moov and little more.
 * Samples are counted from 0 here (from 1 in the file). Immutable after table_read; any thread.
 */
enum { TABLE_MARK = 64 };

/* (count, value) runs of stts and ctts, or (first chunk, per chunk) of stsc, with marks. */
struct run_mark {
	uint32_t sample; /* first sample of run i * TABLE_MARK */
	uint64_t time;   /* stts: its time */
};
struct runs {
	const uint8_t *p;
	uint32_t n, width; /* entries, bytes of each */
	struct run_mark *marks;
};

struct table {
	struct runs time, composition, chunk;
	struct bytes sync, sizes, chunks; /* entries only */
	uint32_t n_samples;
	uint32_t n_sync;
	uint32_t n_chunks;
	uint32_t uniform_size; /* 0: sizes has them */
	uint8_t size_bits;     /* 4, 8, 16, 32 */
	bool chunks_64;
	bool has_sync;        /* without stss every sample is a sync sample */
	uint32_t description; /* sample description of sample 0, from 1 */
	uint32_t n_described; /* how many samples from 0 on have it */
	uint64_t start;       /* decode time of sample 0; ISO tables: 0 */
	uint64_t duration;    /* decode time of the end */
};

/* Views borrow from stbl. 0, ERR_CORRUPT or ERR_MISSING (a box that must be there). Clear it in any
 * case. */
MUST_USE int table_read(struct table *t, struct bytes stbl);
void table_clear(struct table *t);

/* Decode time of sample n in the media's timescale; of those beyond the table, its end. */
uint64_t table_time(const struct table *t, uint32_t n);
/* The first sample whose time is not below `time`; n_samples when there is none. */
uint32_t table_sample_at(const struct table *t, uint64_t time);
/* Composition offset (ctts) of sample n; 0 without a table. Signed in both versions: files do that. */
int32_t table_composition(const struct table *t, uint32_t n);
bool table_is_sync(const struct table *t, uint32_t n);
/* Sync sample number i of table_syncs(), as a sample. */
uint32_t table_syncs(const struct table *t);
uint32_t table_sync(const struct table *t, uint32_t i);

/* n < n_samples */
uint32_t table_size(const struct table *t, uint32_t n);

/*
 * Where samples lie. A finder remembers its last place, so going forward is cheap; its budget bounds
 * what a hostile table can cost (ERR_LIMIT when it is spent).
 */
struct finder {
	const struct table *table;
	uint32_t sample, chunk_first; /* the remembered sample, and the first of its chunk */
	uint32_t chunk_end;           /* one past the last of it */
	uint64_t at;                  /* its offset */
	uint32_t budget;
	bool known;
};
void finder_init(struct finder *f, const struct table *t, uint32_t budget);
/* Offset in the file and size of sample n. */
MUST_USE int finder_place(struct finder *f, uint32_t n, uint64_t *at, uint32_t *size);
/*
 * As finder_place, of as many samples as lie together from n on, in one chunk: *count (1 … max) and the
 * octets of them all.
 */
MUST_USE int finder_run(
	struct finder *f, uint32_t n, uint32_t max, uint64_t *at, uint64_t *bytes, uint32_t *count);
/*
 * Compressed QuickTime audio: samples are PCM frames, and every samples_per_block of them are stored
 * in bytes_per_block bytes (both ≥ 1). Offset of the block that sample n is in.
 */
MUST_USE int finder_block(struct finder *f, uint32_t n, uint32_t bytes_per_block,
	uint32_t samples_per_block, uint64_t *at);

#endif
