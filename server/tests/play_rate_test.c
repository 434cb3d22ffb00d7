/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/show.h"
#include "server/tests/unit.h"

/* Scale, Speed, a fast start, and all of it together. */

/* ---- Scale ---- */

static void t_scale_offered(void)
{
	static const struct {
		const char *ask;
		double scale;
	} rows[] = { { "1", 1 }, { "2.0", 2 }, { "3", 2 }, { "3.7", 4 }, { "8", 8 }, { "100", 8 },
		{ "0.5", 1 }, { "1.4", 1 }, { "-1", -1 }, { "-8", -1 }, { "-0.5", -1 } };
	struct show *x = show_open(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *headers = xasprintf(
			"Range: npt=%d-\r\nScale: %s\r\n", rows[i].scale < 0 ? 15 : 3, rows[i].ask);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
		free(headers);
		CU_ASSERT_EQUAL(x->scale, rows[i].scale);
		show_run(x, TICK_S);
		CU_ASSERT_TRUE(x->v.track[0].n > 0);
	}
	/* live media have one */
	CU_ASSERT_EQUAL(sim_ask(&x->c, "TEARDOWN", x->path, ""), 200);
	x->c.session[0] = '\0';
	CU_ASSERT_EQUAL(
		sim_setup(&x->c, "/pattern/60s/trackID=1", "RTP/AVP/TCP;unicast;interleaved=4-5"),
		200);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PLAY", "/pattern/60s", "Scale: 4\r\nSpeed: 2\r\n"), 200);
	CU_ASSERT_EQUAL(show_rate(x, RTSP_H_SCALE), 1);
	CU_ASSERT_EQUAL(show_rate(x, RTSP_H_SPEED), 1);
	x->c.on_frame = NULL;
	show_close(x);
}

/* Only sync samples, each where the viewer's clock has it; no sound. */
static void t_scale_forward(void)
{
	static const int scales[] = { 2, 4, 8 };
	struct show *x = show_open(0);

	for (size_t i = 0; i < COUNT(scales); i++) {
		char *headers = xasprintf("Range: npt=2.5-\r\nScale: %d\r\n", scales[i]);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
		free(headers);
		CU_ASSERT_STRING_EQUAL(x->range, "npt=2.000-20.000");
		tick_t began = x->sim.clock;
		show_run(x, TICK_S);
		CU_ASSERT_TRUE(is_near(show_position(x), 2 + scales[i], 0.1));
		show_run(x, 20 * TICK_S);
		const struct reel_track *t = &x->v.track[0];
		CU_ASSERT_EQUAL(t->frames, 18);
		CU_ASSERT_EQUAL(t->sync, 18);
		CU_ASSERT_EQUAL(t->high, 19 * TICK_S);
		CU_ASSERT_EQUAL(x->v.track[1].n, 0);
		CU_ASSERT_TRUE(is_near(tick_seconds(t->at - began), 17.0 / scales[i], 0.01));
		CU_ASSERT_EQUAL(x->v.byes, 2 * (i + 1));
	}
	show_close(x);
}

static void t_scale_thinned(void)
{
	struct show *x = show_open(1);

	CU_ASSERT_EQUAL(show_play(x, "Range: npt=0-16\r\nScale: 8\r\n"), 200);
	show_run(x, 3 * TICK_S);
	/* a sync sample in 0.2 s would be 40 a second: every second one */
	CU_ASSERT_EQUAL(x->v.track[0].frames, 40);
	CU_ASSERT_EQUAL(x->v.track[0].sync, 40);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=16-8\r\nScale: -1\r\n"), 200);
	show_run(x, 10 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].frames, 40);
	CU_ASSERT_EQUAL(x->v.track[0].low, 8200 * TICK_MS);
	show_close(x);
}

static void t_scale_back(void)
{
	static const struct {
		const char *ask, *range;
		uint32_t frames;
		double low, high;
	} rows[] = {
		{ "Range: npt=10.3-6\r\n", "npt=10.000-6.000", 4, 7, 10 },
		{ "Range: npt=3-\r\n", "npt=3.000-0.000", 4, 0, 3 },
		{ "Range: npt=20-18.5\r\n", "npt=19.000-18.500", 1, 19, 19 },
		{ "Range: npt=2-0\r\n", "npt=2.000-0.000", 3, 0, 2 },
		{ "", "npt=19.000-0.000", 20, 0, 19 }, /* it stands at 0: from the end */
	};
	struct show *x = show_open(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *headers = xasprintf("%sScale: -1\r\n", rows[i].ask);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
		free(headers);

		CU_ASSERT_STRING_EQUAL(x->range, rows[i].range);
		show_run(x, 500 * TICK_MS);
		CU_ASSERT_TRUE(is_near(show_position(x), rows[i].high - 0.5, 0.01));
		show_run(x, 25 * TICK_S);
		CU_ASSERT_EQUAL(x->v.track[0].frames, rows[i].frames);
		CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[0].low), rows[i].low, 1e-9));
		CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[0].high), rows[i].high, 1e-9));
		CU_ASSERT_EQUAL(x->sim.workers[0].sessions->state, RTP_READY);
	}
	/* the beginning is no end */
	CU_ASSERT_EQUAL(x->v.byes, 0);
	show_close(x);
}

/* Fast forward, and on from there as usual. */
static void t_scale_and_on(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 2 * TICK_S);
	CU_ASSERT_EQUAL(show_play(x, "Scale: 4\r\n"), 200);
	CU_ASSERT_EQUAL(x->scale, 4);
	show_run(x, 2500 * TICK_MS);
	/* are you there? says the scale in use */
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_EQUAL(x->scale, 4);
	double at = show_position(x);
	CU_ASSERT_TRUE(at > 11.5 && at < 12.1);
	show_run(x, 500 * TICK_MS);
	at = show_position(x);
	CU_ASSERT_EQUAL(show_play(x, "Scale: 1\r\n"), 200);
	CU_ASSERT_EQUAL(x->scale, 1);
	double start = tick_seconds(x->v.start);
	CU_ASSERT_TRUE(start <= at && start > at - 1);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 24 && x->v.track[1].frames >= 48);
	/* backward, PAUSE, and on */
	CU_ASSERT_EQUAL(show_play(x, "Scale: -1\r\n"), 200);
	show_run(x, 2 * TICK_S);
	at = show_pause(x, "");
	CU_ASSERT_TRUE(is_near(at, start + 1 - 2, 1.1));
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_TRUE(tick_seconds(x->v.start) <= at && tick_seconds(x->v.start) > at - 1);
	CU_ASSERT_TRUE(x->scale == 0 || x->scale == 1);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[1].frames >= 48);
	show_close(x);
}

/* ---- Speed ---- */

static void t_speed(void)
{
	static const struct {
		const char *ask;
		double speed;
	} rows[] = { { "2", 2 }, { "0.5", 0.5 }, { "0.1", 0.5 }, { "4.0", 4 }, { "50", 4 },
		{ "1.25", 1.25 } };
	struct show *x = show_open(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *headers = xasprintf("Range: npt=4-10\r\nSpeed: %s\r\n", rows[i].ask);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
		free(headers);
		CU_ASSERT_EQUAL(x->speed, rows[i].speed);
		tick_t began = x->v.track[0].at = x->sim.clock;
		show_run(x, TICK_S);
		CU_ASSERT_TRUE(is_near(show_position(x), 4 + rows[i].speed, 0.1));
		show_run(x, 14 * TICK_S);
		/* all of it, only sooner or later; the timestamps are those of 1 */
		CU_ASSERT_EQUAL(x->v.track[0].frames, 150);
		CU_ASSERT_EQUAL(x->v.track[1].frames, 300);
		double took = tick_seconds(x->v.track[1].at - began);
		CU_ASSERT_TRUE(is_near(took, 5.98 / rows[i].speed, 0.1));
	}
	/* while playing, at the place where it is */
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=4-\r\n"), 200);
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(show_play(x, "Speed: 2\r\n"), 200);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(show_position(x), 7, 0.1));
	(void)show_pause(x, "");
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(show_position(x), 8, 0.1));
	show_close(x);
}

static void t_speed_bandwidth(void)
{
	struct show *x = show_open(0);
	uint64_t bps = x->sim.workers[0].sessions->bps;

	char *headers = xasprintf("Range: npt=4-\r\nSpeed: 4\r\nBandwidth: %llu\r\n",
		(unsigned long long)bps * 3 / 2);
	CU_ASSERT_EQUAL(show_play(x, headers), 200);
	CU_ASSERT_TRUE(is_near(x->speed, 1.5, 0.001));
	free(headers);
	CU_ASSERT_EQUAL(atomic_load(&x->sim.server.bandwidth_bps), bps * 3 / 2);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=4-\r\nSpeed: 4\r\nBandwidth: 1\r\n"), 200);
	CU_ASSERT_EQUAL(x->speed, 1);
	/* the server's own share */
	x->sim.prefs.maximum_bandwidth = (int64_t)(bps * 2 / 1000);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=4-\r\nSpeed: 4\r\n"), 200);
	CU_ASSERT_TRUE(is_near(x->speed, 2, 0.01));
	(void)show_pause(x, "");
	CU_ASSERT_EQUAL(atomic_load(&x->sim.server.bandwidth_bps), bps);
	x->sim.prefs.max_allowed_speed = 1;
	CU_ASSERT_EQUAL(show_play(x, "Speed: 2\r\n"), 200);
	CU_ASSERT_EQUAL(x->speed, 1);
	show_run(x, TICK_S / 2);
	show_close(x);
}

/* ---- all together ---- */

/* A fast start leads, and changes nothing of what was promised. */
static void t_fast_start(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.overbuffer_tcp = 1;
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 10 * TICK_MS);
	CU_ASSERT_TRUE(x->v.track[0].frames > 10);
	for (int i = 0; i < 20; i++) {
		show_run(x, 111 * TICK_MS);
		(void)show_pause(x, "");
		show_run(x, 333 * TICK_MS);
		CU_ASSERT_EQUAL(show_play(x, ""), 200);
	}
	show_run(x, 25 * TICK_S);
	CU_ASSERT_EQUAL(show_odd_frames(x, 0, REEL_FRAMES), 0);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=5-7\r\n"), 200);
	show_run(x, 3 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].frames, 50);
	show_close(x);
}

/* Anything a client may ask, in any order: numbers without a gap, times as promised. */
static void t_anything(void)
{
	static const char *const asks[] = { "Range: npt=%d-\r\n", "", "Scale: 4\r\n",
		"Scale: -1\r\nRange: npt=%d-\r\n", "Scale: 1\r\n", "Speed: 2\r\n",
		"Range: smpte-25=0:00:%02d-\r\n", "Speed: 0.5\r\nRange: npt=%d-\r\n",
		"Scale: 8\r\nSpeed: 2\r\nRange: npt=%d-\r\n", "Range: npt=%d-19\r\n" };
	struct show *x = show_open(0);
	uint64_t dice = 7;
	unsigned played = 0;

	for (int i = 0; i < 300; i++) {
		char headers[128];
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		unsigned n = (unsigned)(dice >> 33);
		x->sim.prefs.seek_exact = n % 5 == 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(
			headers, sizeof headers, asks[n % COUNT(asks)], (int)(n / 64 % 18 + 1));
#pragma GCC diagnostic pop
		int status = show_play(x, headers);
		CU_ASSERT_TRUE(status == 200 || status == 457);
		played += status == 200;
		show_run(x, (tick_t)(n % 1500) * TICK_MS);
		sim_frames(&x->c);
		if (n % 4 == 0 && sim_ask(&x->c, "PAUSE", x->path, "") == 200)
			show_run(x, TICK_S / 7);
	}
	CU_ASSERT_TRUE(played > 200);
	show_close(x);
}

UNIT_SUITE(play_rate,
	{ "play: Scale is the nearest that is offered (2326 12.34)", t_scale_offered },
	{ "play: Scale 2, 4, 8 show the sync samples, in time (2326 12.34, B)", t_scale_forward },
	{ "play: at a Scale no more than 25 frames a second", t_scale_thinned },
	{ "play: backward from where it says, or from the end (2326 12.34)", t_scale_back },
	{ "play: from a Scale back to 1 where it is", t_scale_and_on },
	{ "play: Speed is delivery, not time (2326 12.35)", t_speed },
	{ "play: Speed as far as the bandwidth goes (2326 12.6, 12.35)", t_speed_bandwidth },
	{ "play: a fast start breaks no promise", t_fast_start },
	{ "play: 300 requests in any order keep numbers and times", t_anything });
