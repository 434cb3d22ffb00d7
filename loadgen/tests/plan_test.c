/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "loadgen/guard.h"
#include "loadgen/options.h"
#include "loadgen/progress.h"
#include "loadgen/sink.h"
#include "server/base/err.h"
#include "server/tests/unit.h"

static void t_schedule(void)
{
	struct plan p = { .sessions = 1000, .rate = plan_default_rate(1000), .play = 10 * TICK_S };

	CU_ASSERT_EQUAL(p.rate, 500);
	CU_ASSERT_EQUAL(plan_start(&p, 0), 0);
	CU_ASSERT_EQUAL(plan_start(&p, 1), 2 * TICK_MS);
	CU_ASSERT_EQUAL(plan_start(&p, 999), 1998 * TICK_MS);
	CU_ASSERT_EQUAL(plan_length(&p), 11998 * TICK_MS);
	CU_ASSERT_EQUAL(plan_peak(&p), 1000);
	p.play = TICK_S;
	CU_ASSERT_EQUAL(plan_peak(&p), 501);
	CU_ASSERT_EQUAL(plan_default_rate(4), PLAN_RATE_MIN);
	p.rate = 3; /* no drift: session 3,000,000 is due to the nanosecond */
	CU_ASSERT_EQUAL(plan_start(&p, 3000000), 1000000 * TICK_S);
}

static void t_random(void)
{
	struct plan p = { .seed = 7 }, q = { .seed = 8 };
	struct plan_random a = plan_random(&p, 5), b = plan_random(&p, 5), c = plan_random(&p, 6),
			   d = plan_random(&q, 5);
	uint64_t first = plan_draw(&a);

	CU_ASSERT_EQUAL(first, plan_draw(&b));
	CU_ASSERT_NOT_EQUAL(first, plan_draw(&c));
	CU_ASSERT_NOT_EQUAL(first, plan_draw(&d));
	CU_ASSERT_NOT_EQUAL(first, plan_draw(&a));
}

static int read_words(struct options *o, char why[OPTIONS_WHY], const char *line)
{
	static char copy[512];
	char *argv[32] = { (char *)(uintptr_t) "beagle-loadgen" };
	int argc = 1;

	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *s = copy; *s && argc < 31;) {
		argv[argc++] = s;
		s += strcspn(s, " ");
		if (*s)
			*s++ = 0;
	}
	return options_read(o, argc, argv, why);
}

static void t_flags(void)
{
	struct options o;
	char why[OPTIONS_WHY];

	CU_ASSERT_EQUAL(
		read_words(&o, why, "rtsp://h/x -n 20 -d 1.5s --transport=tcp --rate 4"), 0);
	CU_ASSERT_STRING_EQUAL(o.url, "rtsp://h/x");
	CU_ASSERT_EQUAL(o.plan.sessions, 20);
	CU_ASSERT_EQUAL(o.plan.play, 1500 * TICK_MS);
	CU_ASSERT_EQUAL(o.transport, MEDIA_TCP);
	CU_ASSERT_EQUAL(o.plan.rate, 4);
	CU_ASSERT_EQUAL(read_words(&o, why, "--sockets wide -q rtsp://h/x"), 0);
	CU_ASSERT_EQUAL(o.sockets, SOCKETS_WIDE);
	CU_ASSERT_TRUE(o.quiet);
	CU_ASSERT_EQUAL(o.plan.rate, PLAN_RATE_MIN);
	CU_ASSERT_TRUE(read_words(&o, why, "--help") == 0 && o.help);
	CU_ASSERT_TRUE(o.seek_to < 0 && o.pause_after < 0 && !o.is_cycle && !o.skip_payloads);
	CU_ASSERT_EQUAL(
		read_words(&o, why, "rtsp://h/x --seek 500ms-1m --pause-after 0 --titles 7"), 0);
	CU_ASSERT_EQUAL(o.seek_from, TICK_S / 2);
	CU_ASSERT_EQUAL(o.seek_to, 60 * TICK_S);
	CU_ASSERT_EQUAL(o.pause_after, 0);
	CU_ASSERT_EQUAL(o.titles, 7);
	CU_ASSERT_EQUAL(read_words(&o, why, "rtsp://h/x --cycle --payloads skip"), 0);
	CU_ASSERT_TRUE(o.is_cycle && o.skip_payloads);
}

static void t_bad_flags(void)
{
	static const char *const lines[] = { "", "rtsp://h/x -n 0", "rtsp://h/x -n -1",
		"rtsp://h/x -n 1e3", "rtsp://h/x -n", "rtsp://h/x -d 5y", "rtsp://h/x -d 0s",
		"rtsp://h/x --transport sctp", "rtsp://h/x --rate 0", "rtsp://h/x --rate 1..2",
		"rtsp://h/x --nosuch", "rtsp://h/x --quiet=1", "rtsp://h/x rtsp://h/y",
		"rtsp://h/x --max-loss 101", "rtsp://h/x --server-pid 0",
		"rtsp://h/x -n 99999999999999999999", "rtsp://h/x --seek 5",
		"rtsp://h/x --seek 5-4", "rtsp://h/x --seek -4", "rtsp://h/x --seek 1-2-3",
		"rtsp://h/x --titles 0", "rtsp://h/x --pipeline", "rtsp://h/x --payloads some",
		"rtsp://h/x --cycle=1" };
	struct options o;
	char why[OPTIONS_WHY];

	for (size_t i = 0; i < COUNT(lines); i++) {
		why[0] = 0;
		CU_ASSERT(read_words(&o, why, lines[i]) < 0);
		CU_ASSERT(why[0] && !strchr(why, '\n'));
	}
}

static void t_durations(void)
{
	static const struct {
		const char *text;
		tick_t v; /* -1: refused */
	} rows[] = { { "30s", 30 * TICK_S }, { "2m", 120 * TICK_S }, { "1h", 3600 * TICK_S },
		{ "250ms", 250 * TICK_MS }, { "0.5", TICK_S / 2 }, { "7", 7 * TICK_S },
		{ "1.5m", 90 * TICK_S }, { "", -1 }, { "s", -1 }, { "-1s", -1 }, { "1.", -1 },
		{ ".5s", -1 }, { "1 s", -1 }, { "1.2.3", -1 }, { "9999999999999h", -1 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		tick_t v = -1;
		bool ok = options_duration(rows[i].text, 1, 7 * 24 * 3600 * TICK_S, &v);
		CU_ASSERT_EQUAL(ok, rows[i].v >= 0);
		CU_ASSERT_EQUAL(ok ? v : -1, rows[i].v);
	}
}

static void t_guard(void)
{
	static const struct {
		const char *url;
		bool any;
		int err;
	} rows[] = { { "rtsp://127.0.0.1/x", false, 0 }, { "rtsp://localhost:8554/", false, 0 },
		{ "rtsp://[::1]:8554/x", false, 0 }, { "rtsp://127.3.2.1:1/x", false, 0 },
		{ "rtsp://192.0.2.1/x", false, ERR_STATE }, { "rtsp://192.0.2.1/x", true, 0 },
		{ "rtsps://127.0.0.1/x", false, ERR_UNSUPPORTED },
		{ "rtsp://u:p@127.0.0.1/x", false, ERR_UNSUPPORTED },
		{ "127.0.0.1", false, ERR_SYNTAX }, { "*", false, ERR_UNSUPPORTED } };
	struct url u;
	struct addr to;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char why[GUARD_WHY] = "";
		int err = guard_check(rows[i].url, rows[i].any, &u, &to, why);
		CU_ASSERT_EQUAL(err, rows[i].err);
		CU_ASSERT_EQUAL(err != 0, why[0] != 0);
		CU_ASSERT_PTR_NULL(strstr(why, ":p@"));
	}
}

static void t_choice(void)
{
	struct addr v4, v6, far;

	CU_ASSERT_EQUAL(addr_read(&v4, "127.0.0.1", 1), 0);
	CU_ASSERT_EQUAL(addr_read(&v6, "::1", 1), 0);
	CU_ASSERT_EQUAL(addr_read(&far, "192.0.2.1", 1), 0);
	CU_ASSERT_EQUAL(sink_choose(2000, 1, 20000, &v4), SOCKETS_PAIRS);
	CU_ASSERT_EQUAL(sink_choose(3987, 2, 20000, &v4), SOCKETS_PAIRS);
	CU_ASSERT_EQUAL(sink_choose(3988, 2, 20000, &v4), SOCKETS_WIDE);
	CU_ASSERT_EQUAL(sink_choose(2000, 1, 1024, &v4), SOCKETS_WIDE);
	CU_ASSERT_EQUAL(sink_choose(9000, 2, 20000, &v6), SOCKETS_PAIRS);
	CU_ASSERT_EQUAL(sink_choose(9000, 2, 20000, &far), SOCKETS_PAIRS);
}

static void t_numbers(void)
{
	char d[PROGRESS_NUMBER];

	CU_ASSERT_STRING_EQUAL(progress_number(0, d), "0");
	CU_ASSERT_STRING_EQUAL(progress_number(999, d), "999");
	CU_ASSERT_STRING_EQUAL(progress_number(1234, d), "1.23k");
	CU_ASSERT_STRING_EQUAL(progress_number(50000, d), "50.0k");
	CU_ASSERT_STRING_EQUAL(progress_number(499.9e6, d), "500M");
	CU_ASSERT_STRING_EQUAL(progress_number(2.5e9, d), "2.50G");
}

static void t_line(void)
{
	struct progress_second p = { .at = 3,
		.planned = 1000,
		.started = 1000,
		.playing = 998,
		.packets_per_s = 50000,
		.bits_per_s = 5e8,
		.late_p99_ms = 1.25,
		.cpu = 0.2 };
	char line[PROGRESS_LINE];

	progress_line(&p, line, sizeof line);
	CU_ASSERT_PTR_NULL(strchr(line, '\n'));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "started 1000/1000"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "500Mbit/s"));
}

static void t_merge(void)
{
	struct snapshot a, b;

	snapshot_init(&a);
	snapshot_init(&b);
	a.packets_received = 5;
	b.packets_received = 7;
	a.worst_share = 0.9;
	b.worst_share = 0.5;
	b.sessions_below_99 = 1;
	hist_record(&b.shortfall, HIST_SHARE / 2);
	b.deaths[BAD_SDP] = 2;
	b.statuses[454] = 3;
	hist_record(&a.setup, 10);
	hist_record(&b.setup, 30);
	b.longest_stall = TICK_S;
	snapshot_add(&a, &b);
	CU_ASSERT_EQUAL(a.packets_received, 12);
	CU_ASSERT_EQUAL(a.worst_share, 0.5);
	CU_ASSERT_EQUAL(a.sessions_below_99, 1);
	CU_ASSERT_EQUAL(a.shortfall.n, 1);
	CU_ASSERT_EQUAL(a.deaths[BAD_SDP], 2);
	CU_ASSERT_EQUAL(a.statuses[454], 3);
	CU_ASSERT_EQUAL(a.setup.n, 2);
	CU_ASSERT_EQUAL(a.setup.most, 30);
	CU_ASSERT_EQUAL(a.longest_stall, TICK_S);
	snapshot_clear(&a);
	snapshot_clear(&b);
}

UNIT_SUITE(loadgen_plan, { "session i is due at i / rate, without drift", t_schedule },
	{ "what a session draws depends on seed and number only", t_random },
	{ "flags may stand anywhere, with = or a blank", t_flags },
	{ "a bad flag gets one line", t_bad_flags },
	{ "times have a unit, digits and at most one point", t_durations },
	{ "only loopback is loaded unless asked for, and no password is shown", t_guard },
	{ "port pairs while the descriptors last", t_choice },
	{ "numbers for people have three digits", t_numbers }, { "progress is one line", t_line },
	{ "snapshots merge by addition", t_merge });
