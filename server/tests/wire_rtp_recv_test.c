/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/rtp_recv.h"

static enum rtp_recv_kind give(struct rtp_recv *r, unsigned seq)
{
	return rtp_recv_packet(r, (uint16_t)seq, 0, 100, 0);
}

static void t_loss(void)
{
	struct rtp_recv r;

	rtp_recv_init(&r, 1, 90000, 0);
	for (unsigned i = 0; i < 200000; i++) {
		if (i % 100 != 99)
			CU_ASSERT_EQUAL(give(&r, 65000 + i), RTP_RECV_NEW);
	}
	/* 2000 were dropped, the last of them after the last one received */
	CU_ASSERT_EQUAL(rtp_recv_expected(&r), 199999);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 1999);
	CU_ASSERT_EQUAL(r.received, 198000);
	CU_ASSERT_EQUAL(r.bytes, 19800000);
}

static void t_duplicates(void)
{
	struct rtp_recv r;

	rtp_recv_init(&r, 1, 90000, 0);
	for (unsigned i = 0; i < 10; i++)
		give(&r, i);
	give(&r, 12);
	CU_ASSERT_EQUAL(give(&r, 12), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(give(&r, 0), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(give(&r, 9), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 2);
	CU_ASSERT_EQUAL(give(&r, 11), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(give(&r, 11), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 1);
	CU_ASSERT_EQUAL(r.duplicates, 4);
	CU_ASSERT_EQUAL(r.reordered, 1);
	CU_ASSERT_EQUAL(r.received, 12);
}

static void t_before_the_first(void)
{
	struct rtp_recv r;

	/* nobody told the first: an older packet becomes it */
	rtp_recv_init(&r, 1, 90000, 0);
	give(&r, 1);
	CU_ASSERT_EQUAL(give(&r, 65534), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(rtp_recv_expected(&r), 4);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 2);
	CU_ASSERT_EQUAL(give(&r, 65534), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(give(&r, 65535), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(give(&r, 0), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 0);
	/* RTP-Info told it: what is lost at the start counts, older ones do not */
	rtp_recv_init(&r, 1, 90000, 0);
	rtp_recv_expect_first(&r, 65534);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 0);
	CU_ASSERT_EQUAL(give(&r, 65533), RTP_RECV_LATE);
	CU_ASSERT_EQUAL(give(&r, 1), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 3);
	CU_ASSERT_EQUAL(give(&r, 65534), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 2);
	CU_ASSERT_EQUAL(r.late, 1);
}

static void t_long_gap(void)
{
	struct rtp_recv r;

	rtp_recv_init(&r, 1, 90000, 0);
	give(&r, 0);
	CU_ASSERT_EQUAL(give(&r, 32767), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 32766);
	CU_ASSERT_EQUAL(give(&r, 32767 - 511), RTP_RECV_REORDERED);
	CU_ASSERT_EQUAL(give(&r, 32767 - 512), RTP_RECV_LATE);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 32765);
}

static void t_window_random(void)
{
	static uint8_t came[70000];
	struct rtp_recv r;
	uint32_t seed = 7;
	uint64_t distinct = 0, dup = 0;

	/* Random steps up and down within the window, compared with a plain table. */
	memset(came, 0, sizeof came);
	rtp_recv_init(&r, 1, 90000, 0);
	rtp_recv_expect_first(&r, 1000);
	uint32_t top = 999;
	while (top < 69000) {
		seed = seed * 1664525u + 1013904223u;
		int32_t step = (int32_t)(seed >> 16) % 700 - 300;
		int64_t n = (int64_t)top + (step > 0 ? step % 8 : step);
		if (n < 1000)
			continue;
		enum rtp_recv_kind k = give(&r, (unsigned)n);
		CU_ASSERT_EQUAL(k == RTP_RECV_DUPLICATE, came[n]);
		dup += came[n];
		distinct += !came[n];
		came[n] = 1;
		top = n > top ? (uint32_t)n : top;
	}
	CU_ASSERT_EQUAL(r.received, distinct);
	CU_ASSERT_EQUAL(r.duplicates, dup);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), top - 999 - distinct);
}

static void t_probation(void)
{
	struct rtp_recv r;

	rtp_recv_init(&r, 1, 90000, RTP_RECV_PROBATION);
	CU_ASSERT_EQUAL(give(&r, 10), RTP_RECV_PROBING);
	CU_ASSERT_EQUAL(give(&r, 12), RTP_RECV_PROBING);
	CU_ASSERT_EQUAL(give(&r, 20), RTP_RECV_PROBING);
	CU_ASSERT_EQUAL(r.received, 0);
	CU_ASSERT_EQUAL(rtp_recv_expected(&r), 0);
	CU_ASSERT_EQUAL(give(&r, 21), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(give(&r, 22), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(r.received, 2);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 0);
}

static void t_restart(void)
{
	struct rtp_recv r;

	rtp_recv_init(&r, 1, 90000, RTP_RECV_PROBATION);
	give(&r, 99);
	for (unsigned i = 100; i < 110; i++)
		give(&r, i);
	/* one packet far away is noise */
	CU_ASSERT_EQUAL(give(&r, 30000), RTP_RECV_IGNORED);
	CU_ASSERT_EQUAL(give(&r, 110), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(give(&r, 30001), RTP_RECV_IGNORED);
	/* two in sequence are a restart, and both count */
	CU_ASSERT_EQUAL(give(&r, 30002), RTP_RECV_RESTARTED);
	CU_ASSERT_EQUAL(give(&r, 30003), RTP_RECV_NEW);
	CU_ASSERT_EQUAL(give(&r, 30001), RTP_RECV_DUPLICATE);
	CU_ASSERT_EQUAL(r.restarts, 1);
	CU_ASSERT_EQUAL(r.ignored, 1);
	CU_ASSERT_EQUAL(r.received, 11 + 3);
	CU_ASSERT_EQUAL(rtp_recv_lost(&r), 0);
	/* a jump across the far side of the circle keeps its counters straight */
	CU_ASSERT_EQUAL(give(&r, 30003 + 32767), RTP_RECV_IGNORED);
	CU_ASSERT_EQUAL(give(&r, 30003 + 32768), RTP_RECV_RESTARTED);
	CU_ASSERT(r.ignored == 1 && r.late == 0 && r.restarts == 2);
}

static void t_jitter(void)
{
	struct rtp_recv r;
	tick_t at = 5 * TICK_S;

	rtp_recv_init(&r, 1, 8000, 0);
	/* even pace: no jitter, whatever the offset and across the wrap */
	for (uint16_t i = 0; i < 100; i++)
		rtp_recv_packet(&r, i, UINT32_MAX - 8000 + i * 160u, 100, at += 20 * TICK_MS);
	CU_ASSERT_EQUAL(rtp_recv_jitter(&r), 0);
	/* 10 ms late, 10 ms early, …: |D| is 10 ms each time, so J tends to 10 ms */
	for (uint16_t i = 100; i < 400; i++)
		rtp_recv_packet(&r, i, UINT32_MAX - 8000 + i * 160u, 100,
			(at += 20 * TICK_MS) + (i % 2 ? 10 * TICK_MS : 0));
	CU_ASSERT(rtp_recv_jitter(&r) > 9 * TICK_MS && rtp_recv_jitter(&r) < 11 * TICK_MS);
}

static void t_report(void)
{
	struct rtp_recv r;
	struct rtcp_block b;

	rtp_recv_init(&r, 7, 90000, 0);
	CU_ASSERT_FALSE(rtp_recv_report(&r, &b, 0));
	for (unsigned i = 0; i < 100; i++) {
		if (i % 4 != 1)
			give(&r, 65530 + i);
	}
	rtp_recv_sr(&r, UINT64_C(0x0102030405060708), 10 * TICK_S);
	CU_ASSERT(rtp_recv_report(&r, &b, 12 * TICK_S));
	CU_ASSERT(b.ssrc == 7 && b.lost == 25 && b.fraction == 64);
	CU_ASSERT_EQUAL(b.highest, 0x10000 + 93);
	CU_ASSERT_EQUAL(b.lsr, 0x03040506);
	CU_ASSERT_EQUAL(b.dlsr, 2 * 65536);
	/* the next interval is whole, the total stays */
	for (unsigned i = 100; i < 200; i++)
		give(&r, 65530 + i);
	CU_ASSERT(rtp_recv_report(&r, &b, 12 * TICK_S));
	CU_ASSERT(b.lost == 25 && b.fraction == 0);
	/* nothing new */
	CU_ASSERT(rtp_recv_report(&r, &b, 12 * TICK_S));
	CU_ASSERT_EQUAL(b.fraction, 0);
}

UNIT_SUITE(wire_rtp_recv, { "loss is exact up to the last packet received (3550 A.3)", t_loss },
	{ "a duplicate makes up for no loss", t_duplicates },
	{ "the first number may be told or found", t_before_the_first },
	{ "a trusted source may lose up to 32766 in a row", t_long_gap },
	{ "the window tells duplicates like a table of all numbers", t_window_random },
	{ "two packets in sequence end the probation (3550 A.1)", t_probation },
	{ "two packets in sequence confirm a restart (3550 A.1)", t_restart },
	{ "jitter is A.8's (3550 6.4.1, A.8)", t_jitter },
	{ "a report block has the interval's fraction (3550 A.3)", t_report });
