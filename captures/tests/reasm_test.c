/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "captures/reasm.h"
#include "server/tests/unit.h"

static const char text[] = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
enum { FIRST_SEQ = 0xfffffff8 }; /* the numbers wrap within the text */

struct got {
	char b[4096];
	size_t n;
	uint64_t gaps;
	uint64_t last_frame;
};

static void on_data(void *arg, struct bytes b, int64_t at, uint64_t frame_no)
{
	struct got *g = arg;
	CU_ASSERT_FATAL(g->n + b.n <= sizeof g->b);
	CU_ASSERT(at == (int64_t)frame_no * 10);
	memcpy(g->b + g->n, b.p, b.n);
	g->n += b.n;
	g->last_frame = frame_no;
}

static void on_gap(void *arg, uint64_t n)
{
	struct got *g = arg;
	g->gaps += n;
}

static void begin(struct reasm *r, struct got *g, bool has_syn)
{
	*g = (struct got){ .n = 0 };
	reasm_init(r, (struct reasm_sink){ on_data, on_gap, g });
	if (has_syn)
		reasm_syn(r, FIRST_SEQ - 1U);
}

static void add(struct reasm *r, size_t at, size_t n, uint64_t frame_no)
{
	reasm_add(r, FIRST_SEQ + (uint32_t)at, bytes_of(text + at, n), 0, (int64_t)frame_no * 10,
		frame_no);
}

static bool is_whole(const struct got *g, size_t n)
{
	return g->n == n && memcmp(g->b, text, n) == 0 && g->gaps == 0;
}

static void t_every_split(void)
{
	enum { N = 12 };
	struct reasm r;
	struct got g;
	unsigned bad = 0;

	for (unsigned cuts = 0; cuts < 1U << (N - 1); cuts++) {
		size_t from = 0;
		begin(&r, &g, cuts % 2 == 0);
		for (size_t i = 1; i <= N; i++) {
			if (i < N && !(cuts >> (i - 1) & 1))
				continue;
			add(&r, from, i - from, i);
			from = i;
		}
		reasm_end(&r);
		bad += !is_whole(&g, N);
		reasm_clear(&r);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

/* All orders of `n` segments of 3 bytes, the last ones first too. */
static unsigned permute(size_t *order, size_t k, size_t n)
{
	unsigned bad = 0;

	if (k == n) {
		struct reasm r;
		struct got g;
		begin(&r, &g, true);
		for (size_t i = 0; i < n; i++)
			add(&r, order[i] * 3, 3, i + 1);
		bad = !is_whole(&g, n * 3); /* before the end: no gap is left */
		reasm_end(&r);
		bad += r.n_waiting != 0;
		reasm_clear(&r);
		return bad;
	}
	for (size_t i = k; i < n; i++) {
		size_t t = order[k];
		order[k] = order[i];
		order[i] = t;
		bad += permute(order, k + 1, n);
		order[i] = order[k];
		order[k] = t;
	}
	return bad;
}

static void t_every_order(void)
{
	size_t order[] = { 0, 1, 2, 3, 4, 5 };
	CU_ASSERT_EQUAL(permute(order, 0, COUNT(order)), 0);
}

static void t_every_overlap(void)
{
	enum { N = 9 };
	struct reasm r;
	struct got g;
	unsigned bad = 0;

	/* two pieces of any place and length, then the whole */
	for (size_t a = 0; a < N; a++)
		for (size_t an = 1; a + an <= N; an++)
			for (size_t b = 0; b < N; b++)
				for (size_t bn = 1; b + bn <= N; bn++) {
					begin(&r, &g, true);
					add(&r, a, an, 1);
					add(&r, b, bn, 2);
					add(&r, 0, N, 3);
					bad += !is_whole(&g, N);
					reasm_end(&r);
					reasm_clear(&r);
				}
	CU_ASSERT_EQUAL(bad, 0);
}

static void t_first_stays(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, true);
	reasm_add(&r, FIRST_SEQ + 2U, bytes_str("CC"), 0, 10, 1);
	reasm_add(&r, FIRST_SEQ, bytes_str("aaaaaa"), 0, 20, 2);
	CU_ASSERT(g.n == 6 && memcmp(g.b, "aaCCaa", 6) == 0);
	reasm_add(&r, FIRST_SEQ, bytes_str("XXXXXXe"), 0, 30, 3);
	CU_ASSERT(g.n == 7 && memcmp(g.b, "aaCCaae", 7) == 0);
	reasm_clear(&r);
}

static void t_retransmission(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, true);
	add(&r, 0, 10, 1);
	add(&r, 0, 10, 2);
	add(&r, 5, 5, 3);
	CU_ASSERT(is_whole(&g, 10));
	CU_ASSERT_EQUAL(r.retransmissions, 2);
	/* a keep-alive probe: one old byte */
	add(&r, 9, 1, 4);
	add(&r, 10, 10, 5);
	CU_ASSERT(is_whole(&g, 20));
	reasm_clear(&r);
}

static void t_no_syn(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, false);
	add(&r, 4, 4, 1);
	add(&r, 8, 4, 2);
	CU_ASSERT(g.n == 8 && memcmp(g.b, text + 4, 8) == 0);
	CU_ASSERT_EQUAL(g.gaps, 0);
	reasm_clear(&r);
}

static void t_gap_at_end(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, true);
	add(&r, 0, 4, 1);
	add(&r, 8, 4, 2);
	CU_ASSERT_EQUAL(g.n, 4);
	reasm_end(&r);
	CU_ASSERT(g.n == 8 && memcmp(g.b + 4, text + 8, 4) == 0);
	CU_ASSERT_EQUAL(g.gaps, 4);
	reasm_clear(&r);
}

static void t_gap_acked(void)
{
	struct reasm r;
	struct got g;
	uint8_t one = 'x';

	begin(&r, &g, true);
	reasm_ack(&r, FIRST_SEQ + 4000U);
	for (uint32_t i = 0; i <= REASM_ACKED_WAITING_MAX; i++) {
		CU_ASSERT_EQUAL(g.n, 0);
		reasm_add(&r, FIRST_SEQ + 100U + i, bytes_of(&one, 1), 0, 10, 1);
	}
	CU_ASSERT_EQUAL(g.gaps, 100);
	CU_ASSERT_EQUAL(g.n, REASM_ACKED_WAITING_MAX + 1);
	reasm_clear(&r);
}

static void t_gap_bound(void)
{
	struct reasm r;
	struct got g;
	uint8_t one = 'x';

	begin(&r, &g, true);
	for (uint32_t i = 0; i <= REASM_WAITING_MAX; i++)
		reasm_add(&r, FIRST_SEQ + 10U + 2 * i, bytes_of(&one, 1), 0, 10, 1);
	CU_ASSERT_EQUAL(g.gaps, 10);
	CU_ASSERT_EQUAL(g.n, 1);
	CU_ASSERT_EQUAL(r.n_waiting, REASM_WAITING_MAX);
	reasm_clear(&r);
}

static void t_snapped(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, true);
	reasm_add(&r, FIRST_SEQ, bytes_of(text, 4), 6, 10, 1);
	CU_ASSERT_EQUAL(g.gaps, 6);
	add(&r, 10, 4, 2);
	CU_ASSERT(g.n == 8 && memcmp(g.b + 4, text + 10, 4) == 0);
	/* the same out of order */
	reasm_add(&r, FIRST_SEQ + 20U, bytes_of(text + 20, 2), 2, 30, 3);
	add(&r, 14, 6, 4);
	add(&r, 24, 4, 5);
	CU_ASSERT_EQUAL(g.gaps, 8);
	CU_ASSERT_EQUAL(g.n, 20);
	reasm_clear(&r);
}

static void t_outside(void)
{
	struct reasm r;
	struct got g;

	begin(&r, &g, true);
	add(&r, 0, 4, 1);
	reasm_add(&r, FIRST_SEQ + 0x7fffffffU, bytes_str("far"), 0, 20, 2);
	reasm_end(&r);
	CU_ASSERT(is_whole(&g, 4));
	CU_ASSERT_EQUAL(r.outside, 1);
	reasm_clear(&r);
}

UNIT_SUITE(captures_reasm, { "a stream cut at any set of points comes out whole", t_every_split },
	{ "segments in any order come out in order, without waiting for the end", t_every_order },
	{ "any two pieces and then the whole give every byte once", t_every_overlap },
	{ "overlapping bytes: the one that came first stays", t_first_stays },
	{ "retransmissions and keep-alive probes bring nothing new", t_retransmission },
	{ "without SYN the first data is the beginning", t_no_syn },
	{ "a missing segment is a gap at the end", t_gap_at_end },
	{ "a gap that the receiver acknowledged is given up soon", t_gap_acked },
	{ "what waits behind a gap is bounded", t_gap_bound },
	{ "bytes that the snap length cut are a gap", t_snapped },
	{ "a segment that is nowhere near is left aside", t_outside });
