/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/media/format/table_build.h"
#include "server/tests/unit.h"

/* Sample tables made sample by sample, and found again. */

struct made {
	struct table table;
	uint8_t *memory;
	size_t bytes;
};

static void make(struct made *m, const struct table_sample *s, size_t n, uint64_t end)
{
	struct table_build *b = table_build_new();

	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(table_build_add(b, &s[i]), 0);
	CU_ASSERT_EQUAL(table_build_count(b), n);
	CU_ASSERT_EQUAL_FATAL(table_build_take(b, end, &m->table, &m->memory, &m->bytes), 0);
}

static void made_clear(struct made *m)
{
	table_clear(&m->table);
	free(m->memory);
}

static void check_sample(const struct made *m, uint32_t n, const struct table_sample *want)
{
	struct finder f;
	uint64_t at = 0;
	uint32_t size = 0;

	finder_init(&f, &m->table, 1000);
	CU_ASSERT_EQUAL(finder_place(&f, n, &at, &size), 0);
	CU_ASSERT_EQUAL(at, want->at);
	CU_ASSERT_EQUAL(size, want->size);
	CU_ASSERT_EQUAL(table_time(&m->table, n), want->dts);
	CU_ASSERT_EQUAL(table_composition(&m->table, n), want->composition);
	CU_ASSERT_EQUAL(table_is_sync(&m->table, n), want->is_sync);
}

static const struct table_sample odd[] = {
	{ 100, 10, 5000, 40, true },
	{ 110, 10, 5020, -20, false },
	{ 120, 7, 5040, 0, false },
	{ 500, 0, 5040, 0, false },
	{ 500, 3, 5100, 0, true },
	{ (uint64_t)1 << 40, 9, 5120, 0, false },
};

static void t_all(void)
{
	struct made m;

	make(&m, odd, COUNT(odd), 5150);
	CU_ASSERT_EQUAL(m.table.n_samples, COUNT(odd));
	CU_ASSERT_EQUAL(m.table.start, 5000);
	CU_ASSERT_EQUAL(m.table.duration, 5150);
	for (uint32_t i = 0; i < COUNT(odd); i++)
		check_sample(&m, i, &odd[i]);
	CU_ASSERT_EQUAL(table_time(&m.table, COUNT(odd)), 5150);
	CU_ASSERT_EQUAL(table_syncs(&m.table), 2);
	CU_ASSERT_EQUAL(table_sync(&m.table, 1), 4);
	made_clear(&m);
}

/* By time: before the start, at a sample, between two, behind the end. */
static void t_by_time(void)
{
	static const struct {
		uint64_t time;
		uint32_t sample;
	} cases[] = { { 0, 0 }, { 4999, 0 }, { 5000, 0 }, { 5001, 1 }, { 5040, 2 }, { 5041, 4 },
		{ 5120, 5 }, { 5121, COUNT(odd) }, { UINT64_MAX, COUNT(odd) } };
	struct made m;

	make(&m, odd, COUNT(odd), 5150);
	for (size_t i = 0; i < COUNT(cases); i++)
		CU_ASSERT_EQUAL(table_sample_at(&m.table, cases[i].time), cases[i].sample);
	made_clear(&m);
}

/* Times that run back are taken as equal; a gap of more than 32 bits is made up for by and by. */
static void t_times(void)
{
	static const struct table_sample s[] = {
		{ 0, 1, 100, 0, true },
		{ 1, 1, 50, 0, true },
		{ 2, 1, 200, 0, true },
		{ 3, 1, 300 + ((uint64_t)1 << 33), 0, true },
		{ 4, 1, 400 + ((uint64_t)1 << 33), 0, true },
		{ 5, 1, 500 + ((uint64_t)1 << 33), 0, true },
	};
	struct made m;

	make(&m, s, COUNT(s), 600 + ((uint64_t)1 << 33));
	CU_ASSERT_EQUAL(table_time(&m.table, 1), 100);
	CU_ASSERT_EQUAL(table_time(&m.table, 2), 200);
	CU_ASSERT_EQUAL(table_time(&m.table, 3), 200 + (uint64_t)UINT32_MAX);
	CU_ASSERT_EQUAL(table_time(&m.table, 5), s[5].dts);
	CU_ASSERT_EQUAL(m.table.duration, 600 + ((uint64_t)1 << 33));
	CU_ASSERT_EQUAL(m.table.uniform_size, 1);
	CU_ASSERT_FALSE(m.table.has_sync);
	made_clear(&m);
}

static void t_runs(void)
{
	struct finder f;
	struct made m;
	uint64_t at, bytes;
	uint32_t count;

	make(&m, odd, COUNT(odd), 5150);
	finder_init(&f, &m.table, 1000);
	CU_ASSERT_EQUAL(finder_run(&f, 1, 100, &at, &bytes, &count), 0);
	CU_ASSERT(at == 110 && bytes == 17 && count == 2);
	CU_ASSERT_EQUAL(finder_run(&f, 0, 2, &at, &bytes, &count), 0);
	CU_ASSERT(at == 100 && bytes == 20 && count == 2);
	CU_ASSERT_EQUAL(finder_run(&f, 3, 100, &at, &bytes, &count), 0);
	CU_ASSERT(at == 500 && bytes == 3 && count == 2);
	CU_ASSERT_EQUAL(finder_run(&f, COUNT(odd), 1, &at, &bytes, &count), ERR_CORRUPT);
	finder_init(&f, &m.table, 2);
	CU_ASSERT_EQUAL(finder_run(&f, 0, 100, &at, &bytes, &count), ERR_LIMIT);
	made_clear(&m);
}

static void t_empty(void)
{
	struct made m;

	make(&m, NULL, 0, 0);
	CU_ASSERT_EQUAL(m.table.n_samples, 0);
	CU_ASSERT_EQUAL(table_sample_at(&m.table, 0), 0);
	made_clear(&m);
}

static void t_uniform(void)
{
	struct finder f;
	struct made m;
	uint64_t at, bytes;
	uint32_t count;

	CU_ASSERT_EQUAL_FATAL(
		table_uniform(&m.table, (uint64_t)5 << 32, 4, UINT32_MAX, &m.memory, &m.bytes), 0);
	CU_ASSERT(m.bytes < 200);
	finder_init(&f, &m.table, 10);
	CU_ASSERT_EQUAL(finder_run(&f, 3000000000u, 960, &at, &bytes, &count), 0);
	CU_ASSERT(at == ((uint64_t)5 << 32) + 12000000000u && bytes == 3840 && count == 960);
	CU_ASSERT_EQUAL(table_time(&m.table, 3000000000u), 3000000000u);
	made_clear(&m);
	CU_ASSERT_EQUAL(table_uniform(&m.table, 0, 0, 5, &m.memory, &m.bytes), ERR_CORRUPT);
}

/* Times for two samples, sizes for five: the others are all at the end. */
static void t_forgotten(void)
{
	static const char boxes[] = "\0\0\0\x18stts\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\x0a"
				    "\0\0\0\x14stsz\0\0\0\0\0\0\0\4\0\0\0\5"
				    "\0\0\0\x1cstsc\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\5\0\0\0\1"
				    "\0\0\0\x14stco\0\0\0\0\0\0\0\1\0\0\0\x64";
	struct table t;

	CU_ASSERT_EQUAL_FATAL(table_read(&t, bytes_of(boxes, sizeof boxes - 1)), 0);
	CU_ASSERT_EQUAL(t.n_samples, 5);
	CU_ASSERT_EQUAL(table_time(&t, 4), 20);
	CU_ASSERT_EQUAL(table_sample_at(&t, 20), 2);
	CU_ASSERT_EQUAL(table_sample_at(&t, 21), 5);
	table_clear(&t);
}

/* A file of one chunk: nothing is added up from its start. */
static void t_long_chunk(void)
{
	struct table_build *b = table_build_new();
	struct table_sample s = { .is_sync = true };
	struct made m;
	struct finder f;
	uint64_t at;
	uint32_t size;

	for (; s.dts < 100000; s.dts++, s.at += s.size) {
		s.size = (uint32_t)(s.dts % 7) + 1;
		CU_ASSERT_EQUAL_FATAL(table_build_add(b, &s), 0);
	}
	CU_ASSERT_EQUAL_FATAL(table_build_take(b, s.dts, &m.table, &m.memory, &m.bytes), 0);
	finder_init(&f, &m.table, 512);
	CU_ASSERT_EQUAL(finder_place(&f, 99999, &at, &size), 0);
	CU_ASSERT_EQUAL(at, s.at - s.size);
	CU_ASSERT_EQUAL(size, 99999 % 7 + 1);
	made_clear(&m);
}

static void t_limit(void)
{
	struct table_build *b = table_build_new();
	struct table_sample s = { .size = 1, .is_sync = true };
	struct made m;

	for (; s.at < TABLE_BUILD_SAMPLES_MAX; s.at++, s.dts++)
		CU_ASSERT_EQUAL_FATAL(table_build_add(b, &s), 0);
	CU_ASSERT_EQUAL(table_build_add(b, &s), ERR_LIMIT);
	CU_ASSERT_EQUAL(table_build_take(b, s.dts, &m.table, &m.memory, &m.bytes), ERR_LIMIT);
	CU_ASSERT_PTR_NULL(m.memory);
}

UNIT_SUITE(media_table, { "table: samples named one by one are found as they were", t_all },
	{ "table: the first sample that is not before a time", t_by_time },
	{ "table: times never run back, and end up right", t_times },
	{ "table: what lies together is read together", t_runs },
	{ "table: an empty table is one", t_empty },
	{ "table: samples of one size cost nothing each", t_uniform },
	{ "table: samples that have no time are at the end", t_forgotten },
	{ "table: looking up a sample far into a chunk is cheap", t_long_chunk },
	{ "table: the cap on samples holds", t_limit });
