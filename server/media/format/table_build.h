/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TABLE_BUILD_H
#define SERVER_MEDIA_FORMAT_TABLE_BUILD_H

#include "server/media/format/table.h"

/*
 * Makes a sample table of samples named one by one, in decode order, for files that have none: fragments,
 * Matroska, elementary streams. It takes the form of the ISO boxes (runs of times, sizes, chunks of what
 * lies together), so that struct table looks it up like any other: 4 octets per sample, 4 to 28 more where
 * each has a place, a duration and a composition offset of its own.
 */
struct table_build;

struct table_sample {
	uint64_t at; /* offset in the file */
	uint32_t size;
	/* media timescale; not before that of the sample before (else it is taken as equal) */
	uint64_t dts;
	int32_t composition; /* presentation = dts + composition */
	bool is_sync;
};

/* Cap on samples of one table: 8 hours of 48 kHz AAC and 60 pictures a second fit. */
enum { TABLE_BUILD_SAMPLES_MAX = 1 << 22 };

struct table_build *table_build_new(void);
void table_build_free(struct table_build *b); /* NULL is fine */
/* ERR_LIMIT: too many. Errors stick. */
MUST_USE int table_build_add(struct table_build *b, const struct table_sample *s);
uint32_t table_build_count(const struct table_build *b);
/*
 * The table; end: the dts at which the last sample ends. What it looks into is *memory, a heap block that
 * the caller frees after table_clear; *bytes is its size. The builder is freed.
 */
MUST_USE int table_build_take(
	struct table_build *b, uint64_t end, struct table *t, uint8_t **memory, size_t *bytes);
/* A table of n samples of one size that lie together from `at` on, each lasting one unit of the timescale:
 * PCM. Nothing per sample. */
MUST_USE int table_uniform(
	struct table *t, uint64_t at, uint32_t size, uint32_t n, uint8_t **memory, size_t *bytes);

#endif
