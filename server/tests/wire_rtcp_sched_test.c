/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "server/tests/unit.h"
#include "server/wire/rtcp_sched.h"

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed ^ *seed >> 16;
}

static const struct rtcp_sched_config unicast = {
	.session_bps = 500000, .is_sender = true, .members = 2, .senders = 1, .first_bytes = 100
};

static double s_of(tick_t t)
{
	return tick_seconds(t);
}

static void t_minimum(void)
{
	struct rtcp_sched s;

	/* 100 bytes, 1 of 2 senders: 0.032 s by bandwidth, so 5 s hold; half of it at first
	 * (6.2) */
	rtcp_sched_init(&s, &unicast, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 2.5, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(s_of(s.next), 2.5 * 0.5 / 1.21828, 1e-6);
	rtcp_sched_init(&s, &unicast, 0, UINT32_MAX);
	CU_ASSERT_DOUBLE_EQUAL(s_of(s.next), 2.5 * 1.5 / 1.21828, 1e-6);
	rtcp_sched_on_sent(&s, 100, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 5, 1e-6);
}

static void t_reduced_minimum(void)
{
	struct rtcp_sched_config c = unicast;
	struct rtcp_sched s;

	c.reduced_minimum = true;
	rtcp_sched_init(&s, &c, 0, 0);
	rtcp_sched_on_sent(&s, 100, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 0.72, 1e-6);
	c.session_bps = 10000; /* 360/10 would be more than 5 s */
	rtcp_sched_init(&s, &c, 0, 0);
	rtcp_sched_on_sent(&s, 100, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 5, 1e-6);
	c.first_at_once = true;
	rtcp_sched_init(&s, &c, 7, 0);
	CU_ASSERT_EQUAL(s.next, 7);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, 7, 0), RTCP_SCHED_REPORT);
	c.session_bps = 0; /* unknown */
	rtcp_sched_init(&s, &c, 7, 0);
	CU_ASSERT_EQUAL(s_of(rtcp_sched_interval(&s)), 2.5);
}

static void t_bandwidth(void)
{
	struct rtcp_sched_config c = {
		.session_bps = 64000, .members = 1000, .senders = 10, .first_bytes = 120
	};
	struct rtcp_sched s;

	/* receivers: 990 of them share 3/4 of 400 byte/s */
	rtcp_sched_init(&s, &c, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 120.0 * 990 / 300, 1e-6);
	/* senders: 10 share a quarter */
	c.is_sender = true;
	rtcp_sched_init(&s, &c, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 120.0 * 10 / 100, 1e-6);
	/* more than a quarter of senders: all share all */
	c.senders = 251;
	rtcp_sched_init(&s, &c, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 120.0 * 1000 / 400, 1e-6);
	rtcp_sched_set_sender(&s, false);
	rtcp_sched_on_members(&s, 1000, 10, 0);
	CU_ASSERT_DOUBLE_EQUAL(s_of(rtcp_sched_interval(&s)), 120.0 * 990 / 300, 1e-6);
}

static void t_average_size(void)
{
	struct rtcp_sched s;

	rtcp_sched_init(&s, &unicast, 0, 0);
	rtcp_sched_on_received(&s, 260);
	CU_ASSERT_DOUBLE_EQUAL(s.avg_bytes, 110, 1e-9);
	rtcp_sched_on_sent(&s, 110, 0, 0);
	CU_ASSERT_DOUBLE_EQUAL(s.avg_bytes, 110, 1e-9);
}

/* An hour of reports: spacing as 6.3.1 wants it. */
static void t_an_hour(void)
{
	struct rtcp_sched s;
	uint32_t seed = 1, n = 0;
	tick_t now = 0, last = 0;
	double sum = 0, squares = 0, least = 1e9, most = 0;

	rtcp_sched_init(&s, &unicast, 0, rnd(&seed));
	while (now < 3600 * TICK_S) {
		now = s.next;
		if (rtcp_sched_expire(&s, now, rnd(&seed)) != RTCP_SCHED_REPORT)
			continue;
		double gap = s_of(now - last);
		if (n++) {
			sum += gap;
			squares += gap * gap;
			least = gap < least ? gap : least;
			most = gap > most ? gap : most;
		}
		last = now;
		rtcp_sched_on_sent(&s, 100, now, rnd(&seed));
	}
	double mean = sum / (n - 1), dev = sqrt(squares / (n - 1) - mean * mean);
	/* reconsideration makes the mean about 5 s again, and never below half, above 1.5 times */
	CU_ASSERT(mean > 4.5 && mean < 5.5);
	CU_ASSERT(least > 2.5 / 1.21828 - 0.01 && most < 7.5 / 1.21828 + 0.01);
	CU_ASSERT(dev / mean > 0.05);
}

static void t_reconsideration(void)
{
	struct rtcp_sched_config c = { .session_bps = 64000, .members = 1, .first_bytes = 120 };
	struct rtcp_sched s;

	rtcp_sched_init(&s, &c, 0, 0);
	tick_t first = s.next;
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, first - 1, 0), RTCP_SCHED_WAIT);
	CU_ASSERT_EQUAL(s.next, first);
	/* everybody joins before our first report: it must wait for the new, longer interval */
	rtcp_sched_on_members(&s, 10000, 0, first / 2);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, first, 0), RTCP_SCHED_WAIT);
	CU_ASSERT_DOUBLE_EQUAL(s_of(s.next), 120.0 * 10000 / 300 * 0.5 / 1.21828, 1e-3);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, s.next, 0), RTCP_SCHED_REPORT);
}

static void t_reverse_reconsideration(void)
{
	struct rtcp_sched_config c = { .session_bps = 64000, .members = 1000, .first_bytes = 120 };
	struct rtcp_sched s;

	rtcp_sched_init(&s, &c, 0, 0);
	rtcp_sched_on_sent(&s, 120, 0, 0);
	s.next = 200 * TICK_S;
	/* at t=100 half of them leave: half of the remaining wait is left, and tp moves along */
	rtcp_sched_on_members(&s, 500, 0, 100 * TICK_S);
	CU_ASSERT_EQUAL(s.next, 150 * TICK_S);
	CU_ASSERT_EQUAL(s.tp, 50 * TICK_S);
	CU_ASSERT_EQUAL(s.pmembers, 500);
	/* joins move nothing */
	rtcp_sched_on_members(&s, 600, 0, 100 * TICK_S);
	CU_ASSERT_EQUAL(s.next, 150 * TICK_S);
}

static void t_bye_small(void)
{
	struct rtcp_sched s;

	rtcp_sched_init(&s, &unicast, 0, 0);
	CU_ASSERT(rtcp_sched_leave(&s, 80, TICK_S, 0));
	CU_ASSERT_EQUAL(s.next, TICK_NEVER);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, TICK_NEVER, 0), RTCP_SCHED_WAIT);
}

static void t_bye_backoff(void)
{
	struct rtcp_sched_config c = { .session_bps = 64000, .members = 1000, .first_bytes = 120 };
	struct rtcp_sched s;
	tick_t first;

	rtcp_sched_init(&s, &c, 0, 0);
	CU_ASSERT_FALSE(rtcp_sched_leave(&s, 80, 10 * TICK_S, 0));
	first = s.next;
	CU_ASSERT_DOUBLE_EQUAL(s_of(first), 10 + 2.5 * 0.5 / 1.21828, 1e-6);
	/* reports no longer count, BYEs do */
	rtcp_sched_on_received(&s, 1000);
	rtcp_sched_on_members(&s, 5, 0, 10 * TICK_S);
	CU_ASSERT_EQUAL(s.members, 1);
	CU_ASSERT_DOUBLE_EQUAL(s.avg_bytes, 80, 1e-9);
	for (int i = 0; i < 999; i++)
		rtcp_sched_on_bye(&s, 80, 10 * TICK_S);
	CU_ASSERT_EQUAL(s.members, 1000);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, first, 0), RTCP_SCHED_WAIT);
	CU_ASSERT(s.next > first);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, s.next, 0), RTCP_SCHED_BYE);
	CU_ASSERT_EQUAL(rtcp_sched_expire(&s, TICK_NEVER, 0), RTCP_SCHED_WAIT);
}

UNIT_SUITE(wire_rtcp_sched, { "5 s at least, half of it at first (3550 6.2)", t_minimum },
	{ "the reduced minimum is 360 / kbit/s (3550 6.2)", t_reduced_minimum },
	{ "5 % of the session, a quarter for senders (3550 6.2, 6.3.1)", t_bandwidth },
	{ "the average size moves by a sixteenth (3550 6.3.3)", t_average_size },
	{ "an hour of reports has mean 5 s, spread 0.5 to 1.5 (3550 6.3.1)", t_an_hour },
	{ "a report is put off when many joined (3550 6.3.6)", t_reconsideration },
	{ "a report comes sooner when many left (3550 6.3.4)", t_reverse_reconsideration },
	{ "below 50 members BYE goes at once (3550 6.3.7)", t_bye_small },
	{ "from 50 members on BYE is backed off (3550 6.3.7)", t_bye_backoff });
