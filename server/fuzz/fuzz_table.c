/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/table_build.h"

/* Any octets as a sample table: what one look-up says another one must not deny. The same for tables
 * made sample by sample, which must hold what was put in. */
enum { LOOKS = 64, RECORD = 12, SAMPLES_MAX = 512, STEPS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok)
		die("broken promise: %s", what);
}

static void check_times(const struct table *t)
{
	uint32_t step = t->n_samples / LOOKS + 1;
	uint64_t before = 0;

	for (uint32_t n = 0; n < t->n_samples && n + step > n; n += step) {
		uint64_t time = table_time(t, n);
		uint32_t at = table_sample_at(t, time);

		check(time >= before && time <= t->duration, "times ascend");
		/* of several samples at one time it is the first */
		check(at <= n && table_time(t, at) == time, "the sample at its own time");
		check(!at || table_time(t, at - 1) < time, "the first sample at a time");
		(void)table_composition(t, n);
		before = time;
	}
	check(table_time(t, t->n_samples) <= t->duration, "the end");
}

static void check_syncs(const struct table *t)
{
	uint32_t n = table_syncs(t), step = n / LOOKS + 1;

	for (uint32_t i = 0; i < n && i + step > i; i += step)
		check(table_is_sync(t, table_sync(t, i)), "sync samples are sync samples");
}

/* Going forward and looking up anew come to the same place. */
static void check_places(const struct table *t)
{
	struct finder f, g;
	uint32_t n = 0;

	finder_init(&f, t, STEPS);
	for (int i = 0; i < LOOKS && n < t->n_samples; i++) {
		uint64_t at, at2, bytes;
		uint32_t size, count;

		finder_init(&g, t, STEPS);
		if (finder_run(&f, n, 7, &at, &bytes, &count) || finder_place(&g, n, &at2, &size))
			return;
		check(at == at2, "a place does not hang on the way to it");
		check(count >= 1 && count <= 7 && count <= t->n_samples - n, "a run's length");
		check(size == table_size(t, n) && bytes >= size, "a run's octets");
		(void)!finder_block(&g, n, 8, 16, &at2);
		n += count;
	}
}

static void check_table(const struct table *t)
{
	check_times(t);
	check_syncs(t);
	check_places(t);
}

static struct table_sample sample_of(const uint8_t *p, uint64_t dts)
{
	return (struct table_sample){ .at = be24(p),
		.size = be16(p + 3) % 8,
		.dts = dts,
		.composition = (int8_t)p[5],
		.is_sync = p[6] & 1 };
}

static void check_made(const struct table *t, const uint8_t *data, uint32_t n)
{
	uint64_t dts = 1000;

	check(t->n_samples == n, "all samples are there");
	for (uint32_t i = 0; i < n; i++) {
		struct table_sample s = sample_of(data + (size_t)i * RECORD, dts);
		struct finder f;
		uint64_t at;
		uint32_t size;

		finder_init(&f, t, STEPS);
		check(finder_place(&f, i, &at, &size) == 0 && at == s.at && size == s.size,
			"where a sample lies");
		check(table_time(t, i) == dts && table_composition(t, i) == s.composition,
			"when a sample is due");
		check(table_is_sync(t, i) == s.is_sync, "what a sample is");
		dts += be16(data + (size_t)i * RECORD + 7);
	}
	check(t->duration == dts, "when the last sample ends");
}

static void make_table(const uint8_t *data, size_t size)
{
	uint32_t n = size / RECORD < SAMPLES_MAX ? (uint32_t)(size / RECORD) : SAMPLES_MAX;
	struct table_build *b = table_build_new();
	uint64_t dts = 1000;
	struct table t;
	uint8_t *memory;
	size_t bytes;

	for (uint32_t i = 0; i < n; i++) {
		struct table_sample s = sample_of(data + (size_t)i * RECORD, dts);

		check(table_build_add(b, &s) == 0, "room for a sample");
		dts += be16(data + (size_t)i * RECORD + 7);
	}
	check(table_build_take(b, n ? dts : 0, &t, &memory, &bytes) == 0, "a table of samples");
	if (n)
		check_made(&t, data, n);
	check_table(&t);
	table_clear(&t);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table t;

	if (table_read(&t, (struct bytes){ data, size }) == 0)
		check_table(&t);
	table_clear(&t);
	make_table(data, size);
	return 0;
}
