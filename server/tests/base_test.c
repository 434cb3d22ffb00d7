/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/buf.h"
#include "server/base/err.h"
#include "server/base/heap.h"
#include "server/base/hist.h"
#include "server/base/log.h"
#include "server/base/os.h"
#include "server/base/utf8.h"
#include "server/base/wheel.h"
#include "server/tests/unit.h"

static void t_cut_visits_all(void)
{
	struct bytes in = B("a,,\"b,c\",d"), v;
	int n = 0;

	while (bytes_cut_quoted(&in, ',', &v))
		n++;
	CU_ASSERT_EQUAL(n, 4);
	CU_ASSERT(bytes_is_eq(v, B("d")));
}

static void t_numbers_are_digits(void)
{
	uint64_t v = 7;

	CU_ASSERT(bytes_to_u64(B("18446744073709551615"), UINT64_MAX, &v));
	CU_ASSERT_EQUAL(v, UINT64_MAX);
	CU_ASSERT_FALSE(bytes_to_u64(B("18446744073709551616"), UINT64_MAX, &v));
	CU_ASSERT_FALSE(bytes_to_u64(B("-1"), UINT64_MAX, &v));
	CU_ASSERT_FALSE(bytes_to_u64(B(""), UINT64_MAX, &v));
	CU_ASSERT_FALSE(bytes_to_u64(B("1a"), UINT64_MAX, &v));
	CU_ASSERT_FALSE(bytes_to_u64(B("256"), 255, &v));
	CU_ASSERT(bytes_hex_to_u64(B("4DD55626"), UINT32_MAX, &v));
	CU_ASSERT_EQUAL(v, 0x4dd55626);
}

static void t_str_refuses_nul(void)
{
	char s[8];
	CU_ASSERT_FALSE(bytes_to_str(B("a\0b"), s, sizeof s));
	CU_ASSERT_FALSE(bytes_to_str(B("12345678"), s, sizeof s));
	CU_ASSERT(bytes_to_str(B("1234567"), s, sizeof s));
	CU_ASSERT_STRING_EQUAL(s, "1234567");
}

static void t_cur_never_passes_the_end(void)
{
	struct cur c = { B("\1\2\3") };
	uint32_t v32;
	uint16_t v16;

	CU_ASSERT_FALSE(cur_be32(&c, &v32));
	CU_ASSERT(cur_be16(&c, &v16));
	CU_ASSERT_EQUAL(v16, 0x0102);
	CU_ASSERT_FALSE(cur_be16(&c, &v16));
	CU_ASSERT_EQUAL(c.b.n, 1);
}

static void t_buf_keeps_its_cap(void)
{
	struct buf b;

	buf_init(&b, 5);
	CU_ASSERT_EQUAL(buf_put(&b, B("abc")), 0);
	CU_ASSERT_EQUAL(buf_put(&b, B("def")), ERR_LIMIT);
	buf_drop(&b, 2);
	CU_ASSERT_EQUAL(buf_put(&b, B("def")), 0);
	CU_ASSERT(bytes_is_eq(buf_bytes(&b), B("cdef")));
	CU_ASSERT_EQUAL(buf_printf(&b, "%d", 42), ERR_LIMIT);
	buf_clear(&b);
}

static void t_arena_zeroes(void)
{
	struct arena a = { 0 };

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			memset(arena_alloc(&a, 100), 1, 100);
		CU_ASSERT_EQUAL(*(char *)arena_alloc(&a, 9000), 0);
		arena_reset(&a);
	}
	arena_clear(&a);
}

static uint32_t rnd(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

static void t_heap_sorts(void)
{
	enum { N = 1000 };
	static struct heap_node v[N];
	struct heap h = { 0 };
	uint32_t seed = 1;
	tick_t last = 0;

	memset(v, 0, sizeof v);
	for (int i = 0; i < N; i++)
		heap_set(&h, &v[i], (tick_t)(rnd(&seed) % 5000));
	for (int i = 0; i < N; i += 3)
		heap_set(&h, &v[i], (tick_t)(rnd(&seed) % 5000));
	for (int i = 0; i < N; i += 7)
		heap_remove(&h, &v[i]);
	CU_ASSERT_EQUAL(h.n, N - (N + 6) / 7);
	for (struct heap_node *n; (n = heap_first(&h)); heap_remove(&h, n)) {
		CU_ASSERT(n->at >= last);
		last = n->at;
	}
	heap_clear(&h);
}

static void t_wheel_rounds_to_nearest(void)
{
	struct wheel *w = xmalloc(sizeof *w);
	struct wheel_node a, b, far;
	struct link out;

	wheel_init(w, 0);
	wheel_node_init(&a);
	wheel_node_init(&b);
	wheel_node_init(&far);
	wheel_set(w, &a, 10 * TICK_MS + TICK_MS / 3);
	wheel_set(w, &b, 10 * TICK_MS + TICK_MS * 2 / 3);
	wheel_set(w, &far, 9000 * TICK_MS);
	CU_ASSERT_EQUAL(wheel_next(w), 10 * TICK_MS);
	link_init(&out);
	wheel_expire(w, 10 * TICK_MS - 1, &out);
	CU_ASSERT(link_is_alone(&out));
	wheel_expire(w, 10 * TICK_MS, &out);
	CU_ASSERT_PTR_EQUAL(list_pop(&out), &a.link);
	CU_ASSERT(link_is_alone(&out));
	wheel_expire(w, 11 * TICK_MS, &out);
	CU_ASSERT_PTR_EQUAL(list_pop(&out), &b.link);
	for (tick_t t = 12; t < 9000; t++)
		wheel_expire(w, t * TICK_MS, &out);
	CU_ASSERT(link_is_alone(&out));
	wheel_expire(w, 9000 * TICK_MS, &out);
	CU_ASSERT_PTR_EQUAL(list_pop(&out), &far.link);
	CU_ASSERT_EQUAL(wheel_next(w), TICK_NEVER);
	free(w);
}

static void t_hist_keeps_digits(void)
{
	struct hist h;
	uint32_t seed = 3;

	hist_init(&h, 3600 * TICK_S, 3);
	for (int i = 0; i < 20000; i++) {
		int64_t v = (int64_t)rnd(&seed) * rnd(&seed) % h.max;
		uint32_t b = hist_bucket_of(&h, v);
		CU_ASSERT_FATAL(hist_bucket_low(&h, b) <= v && v <= hist_bucket_high(&h, b));
		CU_ASSERT_FATAL((hist_bucket_high(&h, b) - v) * 1000 <= v);
		CU_ASSERT_FATAL(
			b == 0 || hist_bucket_high(&h, b - 1) + 1 == hist_bucket_low(&h, b));
	}
	hist_clear(&h);
}

static void t_hist_quantiles(void)
{
	struct hist a, b;

	hist_init(&a, TICK_S, 3);
	hist_init(&b, TICK_S, 3);
	for (int i = 1; i <= 500; i++) {
		hist_record(&a, i);
		hist_record(&b, i + 500);
	}
	CU_ASSERT_EQUAL(hist_add(&a, &b), 0);
	CU_ASSERT_EQUAL(a.n, 1000);
	CU_ASSERT_EQUAL(hist_quantile(&a, 0.5), 500);
	CU_ASSERT_EQUAL(hist_quantile(&a, 0.99), 990);
	CU_ASSERT_EQUAL(hist_quantile(&a, 1), 1000);
	CU_ASSERT_EQUAL(a.least, 1);
	CU_ASSERT_DOUBLE_EQUAL(hist_mean(&a), 500.5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(hist_share_upto(&a, 250), 0.25, 1e-9);
	hist_record(&a, 5 * TICK_S);
	CU_ASSERT_EQUAL(a.above, 1);
	hist_clear(&a);
	hist_clear(&b);
}

static void keep_line(void *arg, const char *line, size_t n)
{
	CU_ASSERT_EQUAL(buf_put(arg, bytes_of(line, n)), 0);
}

static void t_log_limited(void)
{
	struct log_limit limit = { 0 };
	struct buf lines;

	buf_init(&lines, 4096);
	log_sink(keep_line, &lines);
	for (int i = 0; i < 100; i++) /* 2.5 s */
		log_limited(&limit, TICK_S + i * 25 * TICK_MS, LOG_W, "x", "number %d", i);
	log_sink(NULL, NULL);
	struct bytes rest = buf_bytes(&lines), line;
	unsigned n = 0;
	while (bytes_cut(&rest, '\n', &line))
		n++;
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT_TRUE(bytes_find(buf_bytes(&lines), B("number 40 suppressed=39")) < lines.n);
	CU_ASSERT_TRUE(bytes_find(buf_bytes(&lines), B("number 80 suppressed=39")) < lines.n);
	buf_clear(&lines);
}

static void t_utf8_is_well_formed(void)
{
	static const struct {
		const char *text;
		size_t n;
	} row[] = {
		{ "a", 1 },
		{ "~", 1 },
		{ "\xc2\xa0", 2 },
		{ "\xc3\xbc.", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		/* controls, cut short, overlong, surrogates, beyond the last */
		{ "", 0 },
		{ "\n", 0 },
		{ "\x1b", 0 },
		{ "\x7f", 0 },
		{ "\xc2\x9b", 0 },
		{ "\x80", 0 },
		{ "\xff", 0 },
		{ "\xc3", 0 },
		{ "\xc3.", 0 },
		{ "\xe2\x82", 0 },
		{ "\xe2\x82.", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xc0\xaf", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		CU_ASSERT_EQUAL(utf8_length(bytes_str(row[i].text)), row[i].n);
	CU_ASSERT_EQUAL(utf8_length(bytes_of("\0", 1)), 0);
}

UNIT_SUITE(base, { "cut visits every element and respects quotes", t_cut_visits_all },
	{ "UTF-8 is well-formed and moves no cursor (RFC 3629)", t_utf8_is_well_formed },
	{ "numbers are digits only, and bounded", t_numbers_are_digits },
	{ "a string never hides a NUL", t_str_refuses_nul },
	{ "a cursor never passes the end", t_cur_never_passes_the_end },
	{ "a buffer keeps its cap", t_buf_keeps_its_cap },
	{ "an arena zeroes, also what it uses again", t_arena_zeroes },
	{ "the heap gives deadlines in order", t_heap_sorts },
	{ "the wheel rounds to the nearest tick, never early by more", t_wheel_rounds_to_nearest },
	{ "the histogram keeps its digits in every bucket", t_hist_keeps_digits },
	{ "histograms merge by addition; quantiles are ranks", t_hist_quantiles },
	{ "log: a limited warning comes once a second and tells how many did not", t_log_limited });
