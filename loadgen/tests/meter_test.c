/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "loadgen/meter.h"
#include "server/tests/unit.h"

/* Synthetic packets in virtual time: a stream of the pattern at 50 packets a second. */
enum { HZ = 90000, STEP = HZ / 50, SSRC = 0x1234 };
static const tick_t period = 20 * TICK_MS, origin = 1000 * TICK_S;

struct bench {
	struct tally t;
	struct meter m;
	struct meter_rules rules;
	struct pattern pattern;
	struct pattern_body body;
	uint16_t seq0; /* of position 0 */
	uint32_t ssrc;
	uint8_t packet[PATTERN_PACKET_MAX];
};

static void bench_init(struct bench *b, bool is_pattern)
{
	memset(b, 0, sizeof *b);
	tally_init(&b->t);
	b->pattern = PATTERN_DEFAULT;
	pattern_body_init(&b->body);
	b->rules = (struct meter_rules){ .stall_after = 200 * TICK_MS, .same_clock = is_pattern };
	b->rules.pattern = is_pattern ? &b->pattern : NULL;
	b->rules.body = &b->body;
	b->seq0 = 65500; /* wraps after 36 packets */
	b->ssrc = SSRC;
	meter_init(&b->m, &b->rules, HZ);
}

static void bench_clear(struct bench *b)
{
	tally_clear(&b->t);
}

/* Packet k as the server makes it: bytes in b->packet. */
static size_t make(struct bench *b, uint64_t k)
{
	size_t n = pattern_packet_bytes(&b->pattern, k);
	struct pattern_prefix x = { b->ssrc, k, origin + (tick_t)k * period };

	rtp_header_write(b->packet, false, PATTERN_PAYLOAD_TYPE, (uint16_t)(b->seq0 + k),
		pattern_timestamp(&b->pattern, k), b->ssrc);
	pattern_prefix_write(b->packet + RTP_HEADER, &x);
	memcpy(b->packet + RTP_HEADER + PATTERN_PREFIX, b->body.at,
		n - RTP_HEADER - PATTERN_PREFIX);
	return n;
}

static void feed_bytes(struct bench *b, size_t n, tick_t at, bool is_sharp)
{
	struct rtp_view v;
	CU_ASSERT_EQUAL_FATAL(rtp_read(bytes_of(b->packet, n), &v), 0);
	meter_packet(&b->m, &v, n, at, is_sharp, &b->t);
}

/* Packet k arrives `late` after it was due. */
static void feed(struct bench *b, uint64_t k, tick_t late)
{
	feed_bytes(b, make(b, k), origin + (tick_t)k * period + late, true);
}

static void t_clean(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 100; k++)
		feed(&b, k, TICK_MS);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin + 100 * period, 100, &b.t), 100);
	const struct snapshot *s = &b.t.sum;
	CU_ASSERT_EQUAL(s->packets_received, 100);
	CU_ASSERT_EQUAL(s->bytes_received, 125000);
	CU_ASSERT_EQUAL(s->packets_checked, 100);
	CU_ASSERT_EQUAL(s->packets_lost + s->packets_tail_lost + s->packets_corrupt, 0);
	CU_ASSERT_EQUAL(s->packets_duplicate + s->packets_reordered, 0);
	CU_ASSERT_EQUAL(s->position_gaps + s->position_errors + s->seq_restarts, 0);
	CU_ASSERT_EQUAL(s->stalls + s->stalls_open, 0);
	CU_ASSERT_EQUAL(s->lateness.n, 100);
	CU_ASSERT_EQUAL(s->lateness.most, 0);
	CU_ASSERT_EQUAL(s->transit.least, TICK_MS);
	CU_ASSERT_EQUAL(s->transit.most, TICK_MS);
	CU_ASSERT_EQUAL(s->jitter.most, 0);
	bench_clear(&b);
}

static void t_loss(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 500; k++)
		if (k % 100 != 99)
			feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 4);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin + 500 * period, 500, &b.t), 495);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 4);
	CU_ASSERT_EQUAL(b.t.sum.packets_tail_lost, 1);
	CU_ASSERT_EQUAL(b.t.sum.stalls, 0);
	bench_clear(&b);
}

static void t_head_pattern(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 3; k < 10; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 3);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost_head, 3);
	bench_clear(&b);
}

static void t_head_rtpinfo(void)
{
	struct bench b;

	bench_init(&b, false);
	meter_expect_first(&b.m, b.seq0);
	for (uint64_t k = 2; k < 10; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 2);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost_head, 2);
	bench_clear(&b);
	bench_init(&b, false); /* an announcement that is far off is not believed */
	meter_expect_first(&b.m, (uint16_t)(b.seq0 - 5000));
	feed(&b, 0, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	bench_clear(&b);
}

static void t_reorder(void)
{
	static const uint64_t order[] = { 0, 1, 3, 2, 4, 4, 5, 3 };
	struct bench b;

	bench_init(&b, true);
	for (size_t i = 0; i < COUNT(order); i++)
		feed(&b, order[i], 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_received, 8);
	CU_ASSERT_EQUAL(b.t.sum.packets_reordered, 1);
	CU_ASSERT_EQUAL(b.t.sum.packets_duplicate, 2);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin + 6 * period, 6, &b.t), 6);
	bench_clear(&b);
}

static void t_late_fills_loss(void)
{
	struct bench b;

	bench_init(&b, true);
	feed(&b, 0, 0);
	feed(&b, 2, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 1);
	feed(&b, 1, 30 * TICK_MS);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	bench_clear(&b);
}

static void t_lateness(void)
{
	struct bench b;

	bench_init(&b, false);
	/* the first is 5 ms late itself: the anchor is the earliest, not the first */
	for (uint64_t k = 0; k < 200; k++)
		feed(&b, k, k == 0 ? 5 * TICK_MS : k == 150 ? 12 * TICK_MS : 0);
	CU_ASSERT_EQUAL(b.t.sum.lateness.n, 200);
	CU_ASSERT_EQUAL(b.t.sum.lateness.most, 12 * TICK_MS);
	CU_ASSERT_EQUAL(hist_quantile(&b.t.sum.lateness, 0.985), 0);
	CU_ASSERT(b.t.lateness.n == b.t.sum.lateness.n);
	bench_clear(&b);
}

static void t_short_stream(void)
{
	struct bench b;

	bench_init(&b, false);
	feed(&b, 0, 3 * TICK_MS);
	feed(&b, 1, 0);
	CU_ASSERT_EQUAL(b.t.sum.lateness.n, 0); /* the anchor has not settled */
	(void)meter_end(&b.m, origin + 2 * period, -1, &b.t);
	CU_ASSERT_EQUAL(b.t.sum.lateness.n, 2);
	CU_ASSERT_EQUAL(b.t.sum.lateness.most, 3 * TICK_MS);
	bench_clear(&b);
}

static void t_frame_spread(void)
{
	struct bench b;
	size_t n;

	bench_init(&b, false);
	feed(&b, 0, 0);
	n = make(&b, 1);
	put_be32(b.packet + 4, pattern_timestamp(&b.pattern, 0)); /* same frame */
	feed_bytes(&b, n, origin + 4 * TICK_MS, true);
	CU_ASSERT_EQUAL(b.t.sum.frame_spread.n, 1);
	CU_ASSERT_EQUAL(b.t.sum.frame_spread.most, 4 * TICK_MS);
	bench_clear(&b);
}

/* RFC 3550 A.8: packets alternately 0 and 16 ms late give |D| = 16 ms, so J tends to 16 ms. */
static void t_jitter(void)
{
	struct bench b;

	bench_init(&b, false);
	for (uint64_t k = 0; k < 400; k++)
		feed(&b, k, k % 2 ? 16 * TICK_MS : 0);
	CU_ASSERT_EQUAL(b.t.sum.jitter.n, 400 / METER_JITTER_EVERY);
	CU_ASSERT(b.t.sum.jitter.most > 15900 * TICK_US && b.t.sum.jitter.most <= 16 * TICK_MS);
	bench_clear(&b);
}

static void t_stall(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 150; k++)
		feed(&b, k, 0);
	/* one second of silence, then everything that was due meanwhile at once */
	for (uint64_t k = 150; k < 200; k++)
		feed_bytes(&b, make(&b, k), origin + 149 * period + TICK_S, true);
	CU_ASSERT_EQUAL(b.t.sum.stalls, 1);
	CU_ASSERT_EQUAL(b.t.sum.stall.most, TICK_S - period);
	CU_ASSERT_EQUAL(b.t.sum.longest_stall, TICK_S - period);
	CU_ASSERT_EQUAL(b.m.longest_gap, TICK_S);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	bench_clear(&b);
}

static void t_loss_is_no_stall(void)
{
	struct bench b;

	bench_init(&b, true);
	feed(&b, 0, 0);
	feed(&b, 50, 0); /* on time, but 49 are missing */
	CU_ASSERT_EQUAL(b.t.sum.stalls, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 49);
	bench_clear(&b);
}

static void t_open_stall(void)
{
	struct bench b;

	bench_init(&b, true);
	feed(&b, 0, 0);
	feed(&b, 1, 0);
	(void)meter_end(&b.m, origin + period + 3 * TICK_S, 150, &b.t);
	CU_ASSERT_EQUAL(b.t.sum.stalls_open, 1);
	CU_ASSERT_EQUAL(b.t.sum.longest_stall, 3 * TICK_S - period);
	CU_ASSERT_EQUAL(b.t.sum.packets_tail_lost, 148);
	bench_clear(&b);
	bench_init(&b, true);
	feed(&b, 0, 0);
	meter_bye(&b.m); /* it had said so */
	(void)meter_end(&b.m, origin + 3 * TICK_S, -1, &b.t);
	CU_ASSERT_EQUAL(b.t.sum.stalls_open, 0);
	bench_clear(&b);
}

static void t_corrupt(void)
{
	struct bench b;
	size_t n;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 60; k++) {
		n = make(&b, k);
		if (k >= 10) /* a different byte each time: magic, SSRC, body, the last one */
			b.packet[k == 59 ? n - 1 : k == 10 ? 12 : k == 11 ? 19 : 36 + k] ^= 1;
		feed_bytes(&b, n, origin + (tick_t)k * period, true);
	}
	CU_ASSERT_EQUAL(b.t.sum.packets_corrupt, 50);
	n = make(&b, 60) - 1; /* one byte short */
	feed_bytes(&b, n, origin + 60 * period, true);
	CU_ASSERT_EQUAL(b.t.sum.packets_corrupt, 51);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	bench_clear(&b);
}

static void t_position_gap(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 10; k++)
		feed(&b, k, 0);
	b.seq0 = (uint16_t)(b.seq0 - 2); /* positions 10 and 11 never got a number */
	for (uint64_t k = 12; k < 20; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.position_gaps, 2);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	b.seq0 = (uint16_t)(b.seq0 + 3); /* and back: the same media again */
	feed(&b, 17, 3 * period);
	CU_ASSERT_EQUAL(b.t.sum.position_errors, 1);
	bench_clear(&b);
}

/* Numbers and stamps are the server's word: any 64 bits (run with SAN=1 to see it all). */
static void t_hostile_prefix(void)
{
	static const uint64_t numbers[] = { UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX };
	struct bench b;

	bench_init(&b, true);
	feed(&b, 0, 0);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		size_t n = make(&b, i + 1);
		put_be64(b.packet + RTP_HEADER + 8, numbers[i]);
		put_be64(b.packet + RTP_HEADER + 16, (uint64_t)INT64_MIN);
		feed_bytes(&b, n, origin + (tick_t)(i + 1) * period, true);
	}
	CU_ASSERT_EQUAL(b.t.sum.packets_corrupt, COUNT(numbers));
	CU_ASSERT_EQUAL(b.t.sum.position_gaps + b.t.sum.position_errors, 0);
	size_t n = make(&b, 4);
	put_be64(b.packet + RTP_HEADER + 16, (uint64_t)INT64_MIN);
	feed_bytes(&b, n, origin + 4 * period, true);
	CU_ASSERT_EQUAL(b.t.sum.packets_corrupt, COUNT(numbers));
	CU_ASSERT_EQUAL(b.t.sum.transit.below + b.t.sum.transit.above, 1);
	bench_clear(&b);
}

static void t_ssrc_change(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 20; k++)
		feed(&b, k, 0);
	b.ssrc = 99;
	b.seq0 = 7;
	for (uint64_t k = 20; k < 40; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.ssrc_changes, 1);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	CU_ASSERT_EQUAL(b.t.sum.position_gaps, 0);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin + 40 * period, 40, &b.t), 40);
	CU_ASSERT_EQUAL(b.t.sum.packets_tail_lost, 0);
	bench_clear(&b);
}

static void t_untimed(void)
{
	struct bench b;

	bench_init(&b, true);
	for (uint64_t k = 0; k < 50; k++)
		feed(&b, k, 0);
	/* we slept for a second: 50 frames in one read, one stamp */
	for (uint64_t k = 50; k < 99; k++)
		feed_bytes(&b, make(&b, k), origin + 99 * period, false);
	for (uint64_t k = 99; k < 120; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(b.t.sum.packets_untimed, 49);
	CU_ASSERT_EQUAL(b.t.sum.stalls, 0);
	CU_ASSERT_EQUAL(b.t.sum.lateness.most, 0);
	CU_ASSERT_EQUAL(b.t.sum.lateness.n, 71);
	CU_ASSERT_EQUAL(b.t.sum.packets_lost + b.t.sum.packets_corrupt, 0);
	bench_clear(&b);
}

/* Media that nobody knows the schedule of: its own density tells what is owed. */
static void t_owed(void)
{
	struct bench b;

	bench_init(&b, false);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S), 10); /* something, at least */
	for (uint64_t k = 0; k < 500; k++)
		if (k != 7)
			feed(&b, k, 0);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S), 500);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 9 * TICK_S), 500); /* early is no fault */
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S + period - 1), 500);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S + period), 501);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 20 * TICK_S), 1000);
	b.ssrc++; /* what came before counts, too */
	for (uint64_t k = 500; k < 1000; k++)
		feed(&b, k, 0);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 20 * TICK_S), 1000);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 40 * TICK_S), 2000);
	meter_bye(&b.m); /* the end of the media */
	CU_ASSERT_EQUAL(meter_owed(&b.m, 40 * TICK_S), 1000);
	bench_clear(&b);
	bench_init(&b, false);
	meter_init(&b.m, &b.rules, 0); /* nobody knows its clock */
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S), -1);
	bench_clear(&b);
}

/* TEARDOWN is answered late, and what was owed long ago comes meanwhile. */
static void t_after_deadline(void)
{
	struct bench b;

	bench_init(&b, false);
	for (uint64_t k = 0; k < 300; k++)
		feed(&b, k, 0);
	meter_stop(&b.m, origin + 10 * TICK_S);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S), 500);
	feed(&b, 300, 2 * TICK_S); /* at 8 s: in time */
	for (uint64_t k = 301; k < 500; k++)
		feed(&b, k, 5 * TICK_S); /* at 11 s and later */
	meter_bye(&b.m);                 /* to the TEARDOWN: not because all had been sent */
	CU_ASSERT_EQUAL(b.t.sum.packets_lost, 0);
	CU_ASSERT_EQUAL(meter_owed(&b.m, 10 * TICK_S), 500);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin + 10 * TICK_S, 500, &b.t), 301);
	CU_ASSERT_EQUAL(b.t.sum.packets_tail_lost, 0);
	bench_clear(&b);
}

/* B frames: decoded in another order than shown, two frames ahead. */
static void t_owed_reordered(void)
{
	struct bench b;

	bench_init(&b, false);
	for (uint64_t k = 0; k < 300; k++) {
		uint64_t shown = k % 3 == 0 ? k + 2 : k - 1;
		size_t n = make(&b, k);
		put_be32(b.packet + 4, (uint32_t)(shown * STEP));
		feed_bytes(&b, n, origin + (tick_t)k * period, true);
	}
	CU_ASSERT(meter_owed(&b.m, 300 * period) <= 301);
	CU_ASSERT(meter_owed(&b.m, 600 * period) >= 595);
	bench_clear(&b);
}

static void t_silent(void)
{
	struct bench b;

	bench_init(&b, true);
	CU_ASSERT_EQUAL(meter_end(&b.m, origin, 10, &b.t), 0);
	CU_ASSERT_EQUAL(b.t.sum.streams_silent, 1);
	CU_ASSERT_EQUAL(b.t.sum.packets_tail_lost, 10);
	bench_clear(&b);
}

UNIT_SUITE(loadgen_meter, { "a stream on time has no fault", t_clean },
	{ "loss counts up to the last packet, the tail apart", t_loss },
	{ "the first position tells what is lost at the head", t_head_pattern },
	{ "RTP-Info tells what is lost at the head (2326 12.33)", t_head_rtpinfo },
	{ "a packet behind a newer one is reordered, one seen before a duplicate", t_reorder },
	{ "a late packet is not lost", t_late_fills_loss },
	{ "lateness is anchored at the earliest packet", t_lateness },
	{ "a stream shorter than the anchoring is timed at its end", t_short_stream },
	{ "a frame's later packets are its spread, not late", t_frame_spread },
	{ "jitter is that of RFC 3550 A.8", t_jitter },
	{ "a stall is the silence beyond the media time it spans", t_stall },
	{ "lost packets are no stall", t_loss_is_no_stall },
	{ "a stream that is silent at the end has stalled, unless it said BYE", t_open_stall },
	{ "any wrong byte, SSRC or length is corrupt", t_corrupt },
	{ "a position without a number is a gap of its own", t_position_gap },
	{ "positions and stamps that nobody can mean are corrupt, or clamped", t_hostile_prefix },
	{ "an SSRC change starts new numbers and loses nothing", t_ssrc_change },
	{ "packets read too late are judged but not timed", t_untimed },
	{ "what is owed at the end follows the media time, not the numbers", t_owed },
	{ "what comes long after TEARDOWN was not delivered", t_after_deadline },
	{ "media time that runs back and forth owes no more", t_owed_reordered },
	{ "a stream without a packet is silent", t_silent });
