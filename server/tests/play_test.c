/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/show.h"
#include "server/tests/unit.h"
#include "server/wire/rtpinfo.h"

/* Which frames a PLAY brings, what PAUSE keeps, where ranges end, and what waits for them. */

/* ---- seeking ---- */

/* The reply's Range, and the NPT of the first frame that is shown, for what is asked. */
static void t_seek(void)
{
	static const struct {
		const char *ask, *range;
		double first;
	} rows[] = {
		{ "npt=0-", "npt=0.000-20.000", 0 },
		{ "npt=7.4-", "npt=7.000-20.000", 7 },
		{ "npt=12.96-", "npt=12.000-20.000", 12 },
		{ "npt=13-", "npt=13.000-20.000", 13 },
		{ "npt=0:00:03.5-5", "npt=3.000-5.000", 3 },
		{ "smpte-25=0:00:05:13-", "smpte-25=00:00:05:00-00:00:20:00", 5 },
		{ "smpte=0:00:08-0:00:10", "smpte=00:00:07:29.76-00:00:10:00", 8 },
		{ "smpte-30-drop=0:00:05:29.99-", "smpte-30-drop=00:00:05:29.82-00:00:19:29.40",
			6 },
		{ "clock=19700102T000009.2Z-", "clock=19700102T000009Z-19700102T000020Z", 9 },
	};
	struct show *x = show_open(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *headers = xasprintf("Range: %s\r\n", rows[i].ask);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
		free(headers);
		if (strcmp(x->range, rows[i].range) != 0)
			printf("%s: %s, not %s\n", rows[i].ask, x->range, rows[i].range);

		CU_ASSERT_STRING_EQUAL(x->range, rows[i].range);
		show_run(x, TICK_S / 2);
		CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[0].low), rows[i].first, 1e-6));
		CU_ASSERT_TRUE(x->v.track[0].frames > 10);
		/* sound begins there, too, to a packet */
		CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[1].low), rows[i].first, 0.021));
	}
	show_close(x);
}

static void t_seek_refused(void)
{
	static const struct {
		const char *ask;
		int status;
	} rows[] = {
		{ "Range: npt=20-\r\n", 457 },
		{ "Range: npt=5-3\r\n", 457 },
		{ "Range: npt=4-4\r\n", 457 },
		{ "Range: npt=now-\r\n", 457 },
		{ "Range: smpte-25=0:00:20-\r\n", 457 },
		{ "Range: clock=19700101T235959Z-\r\n", 457 },
		{ "Range: clock=19700102T000020Z-\r\n", 457 },
		{ "Scale: -1\r\nRange: npt=3-5\r\n", 457 },
		{ "Scale: -1\r\nRange: npt=21-\r\n", 457 },
		{ "Range: frames=3-\r\n", 501 },
		{ "Scale: 0\r\n", 400 },
		{ "Speed: 0\r\n", 400 },
		{ "Speed: -1\r\n", 400 },
	};
	struct show *x = show_open(0);
	static const char pattern[] = "/pattern/60s";

	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, TICK_S);
	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(show_play(x, rows[i].ask), rows[i].status);
	/* nothing of this has changed anything */
	uint32_t n = x->v.track[0].frames;
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= n + 25);
	CU_ASSERT_EQUAL(x->v.track[0].low, 0);
	/* a medium of which nobody knows when it was */
	CU_ASSERT_EQUAL(sim_ask(&x->c, "TEARDOWN", x->path, ""), 200);
	x->c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_setup(&x->c, "/pattern/60s/trackID=1", "RTP/AVP/TCP;unicast"), 200);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PLAY", pattern, "Range: clock=19700102T000002Z-\r\n"), 501);
	show_close(x);
}

static void t_exact(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.seek_exact = 1;
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=3.6-\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=3.600-20.000");
	show_run(x, 30 * TICK_MS);
	/* what only the decoder needs is there at once */
	CU_ASSERT_EQUAL(x->v.track[0].low, 3 * TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 15);
	CU_ASSERT_TRUE(x->v.track[1].low >= 3580 * TICK_MS);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[0].npt), 4.6, 0.15));
	/* after something was played, timestamps of the leading frames are still new ones */
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=9.96-\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=9.960-20.000");
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].low, 9 * TICK_S);
	show_close(x);
}

/* ---- PAUSE ---- */

/* Every frame and every piece of sound once, however often it is paused. */
static void t_pause(void)
{
	struct show *x = show_open(0);
	tick_t spans[] = { 0, TICK_MS, 7 * TICK_MS, 39 * TICK_MS, 41 * TICK_MS, 333333333,
		100 * TICK_US };
	uint32_t n = 0, sound = 0;

	for (int i = 0; i < 200; i++) {
		CU_ASSERT_EQUAL(show_play(x, ""), 200);
		show_run(x, spans[i % (int)COUNT(spans)]);
		double at = show_pause(x, "");
		uint32_t frames = x->v.track[0].frames + x->v.track[1].frames;
		CU_ASSERT_TRUE(is_near(show_position(x), at, 0.0006));
		show_run(x, spans[(i + 3) % (int)COUNT(spans)] * 3);
		CU_ASSERT_EQUAL(frames, x->v.track[0].frames + x->v.track[1].frames);
		n += x->v.track[0].frames;
		sound += x->v.track[1].frames;
	}
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 25 * TICK_S);
	CU_ASSERT_EQUAL(n + x->v.track[0].frames, REEL_FRAMES);
	CU_ASSERT_EQUAL(sound + x->v.track[1].frames, REEL_S * 50);
	CU_ASSERT_EQUAL(show_odd_frames(x, 0, REEL_FRAMES), 0);
	CU_ASSERT_EQUAL(x->v.byes, 2);
	show_close(x);
}

/* With one packet a millisecond a sync sample takes several turns: PAUSE amid it. */
static void t_pause_in_burst(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.burst_packets = 1;
	for (int i = 0; i < 60; i++) {
		CU_ASSERT_EQUAL(show_play(x, ""), 200);
		show_run(x, i < 30 ? TICK_MS : 5 * TICK_MS);
		(void)show_pause(x, "");
	}
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 21 * TICK_S);
	CU_ASSERT_EQUAL(show_odd_frames(x, 0, REEL_FRAMES), 0);
	show_close(x);
}

static void t_pause_at(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(show_play(x, "Range: npt=2-\r\n"), 200);
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=1-\r\n"), 457);
	CU_ASSERT_EQUAL(show_pause(x, "Range: npt=4.2-\r\n"), 4.2);
	show_run(x, 3 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 4200 * TICK_MS - FRAME);
	CU_ASSERT_EQUAL(x->v.track[1].high, 4180 * TICK_MS);
	CU_ASSERT_TRUE(is_near(show_position(x), 4.2, 1e-9));
	/* the frame that was decoded before those is the next one */
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=4.200-20.000");
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(show_odd_frames(x, 50, 132), 0); /* to 5.2 s, and a P ahead */
	/* a point that has passed: from there again (10.6) */
	CU_ASSERT_EQUAL(show_pause(x, "Range: npt=4.2-\r\n"), 4.2);
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=4.000-20.000");
	show_run(x, TICK_S);
	show_close(x);
}

/* ---- the end ---- */

static void t_range_end(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(show_play(x, "Range: npt=2-3.48\r\n"), 200);
	show_run(x, 5 * TICK_S);
	/* 12.29: what is shown at the end is not in, and all that is shown before it is */
	CU_ASSERT_EQUAL(x->v.track[0].frames, 37);
	CU_ASSERT_EQUAL(x->v.track[0].high, 3440 * TICK_MS);
	CU_ASSERT_EQUAL(x->v.track[1].frames, 74);
	CU_ASSERT_EQUAL(x->v.byes, 0);
	/* a PAUSE that comes too late is none the worse, a second one is */
	CU_ASSERT_EQUAL(show_pause(x, ""), 3.48);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, ""), 455);
	/* on from there, to the end: each frame once */
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=3.480-20.000");
	show_run(x, 16500 * TICK_MS);
	CU_ASSERT_EQUAL(show_odd_frames(x, 50, REEL_FRAMES), 0);
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.byes, 2);
	/* after it, from the beginning, and reports begin anew */
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=0.000-20.000");
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].low, 0);
	show_close(x);
}

/* Ends in all phases of the order of frames, one range after the other: no frame is lost or comes twice. */
static void t_ranges_in_turn(void)
{
	struct show *x = show_open(0);
	char headers[64];

	CU_ASSERT_EQUAL(show_play(x, "Range: npt=0-0.04\r\n"), 200);
	for (int end = 2; end < 80; end++) {
		show_run(x, 200 * TICK_MS);
		(void)snprintf(headers, sizeof headers, "Range: npt=-%.2f\r\n", end * 0.04);
		CU_ASSERT_EQUAL(show_play(x, headers), 200);
	}
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(show_odd_frames(x, 0, 79), 0);
	show_close(x);
}

static void t_loop(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.loop = 1;
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=18-\r\n"), 200);
	show_run(x, 1500 * TICK_MS);
	uint32_t before = x->v.track[0].ts_high;
	show_run(x, 560 * TICK_MS);
	/* the same clock goes on over the seam */
	x->v.leap = REEL_S * TICK_S;
	CU_ASSERT_EQUAL(x->sim.workers[0].stats.loops, 1);
	uint32_t wrong = x->v.wrong;
	show_run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.wrong, wrong);
	CU_ASSERT_TRUE((int32_t)(x->v.track[0].ts - before) > 90000);
	CU_ASSERT_TRUE(is_near(show_position(x), 1.06, 0.05));
	show_run(x, 45 * TICK_S);
	CU_ASSERT_EQUAL(x->sim.workers[0].stats.loops, 3);
	CU_ASSERT_EQUAL(x->v.byes, 0);
	x->v.wrong = 0; /* the viewer knows of one seam only */
	show_close(x);
}

/* ---- PLAY while playing ---- */

/* A PLAY that waits: what comes next belongs to the one before, so the viewer goes on looking at that. */
static void enqueue(struct show *x, const char *headers, uint32_t *rtptime)
{
	struct rtpinfo e = { 0 };

	CU_ASSERT_EQUAL(sim_ask(&x->c, "PLAY", x->path, headers), 200);
	sim_header(&x->c, RTSP_H_RANGE, x->range, sizeof x->range);
	struct bytes v = rtsp_value(&x->c.reply, RTSP_H_RTP_INFO);
	CU_ASSERT_EQUAL_FATAL(rtpinfo_next(&v, &e), 1);
	CU_ASSERT_TRUE(!e.has_seq && e.has_rtptime);
	*rtptime = e.rtptime;
}

/* Now it is its turn. */
static void turn(struct show *x, uint32_t rtptime, tick_t start)
{
	x->v.start = start;
	x->v.track[0].info_time = rtptime;
	x->v.track[1].has_time = false;
}

static void t_replace(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 1010 * TICK_MS);
	uint32_t before = x->v.track[0].ts_high;
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=10-\r\n"), 200);
	show_run(x, TICK_S);
	/* 2326 B: a frame after the highest that was sent */
	CU_ASSERT_EQUAL(x->v.track[0].ts_low - before, 3600);
	CU_ASSERT_EQUAL(x->v.track[0].low, 10 * TICK_S);
	/* are you there? */
	uint32_t n = x->v.track[0].frames;
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 24 && x->v.track[0].frames <= 26);
	CU_ASSERT_TRUE(n >= 25);
	show_close(x);
}

static void t_queue(void)
{
	struct show *x = show_open(0);
	uint32_t first, second, third;

	x->sim.prefs.play_queue = 1;
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=2-3\r\n"), 200);
	first = x->v.track[0].info_time;
	enqueue(x, "Range: npt=10.5-12\r\n", &second);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=10.000-12.000");
	enqueue(x, "Range: npt=5-6\r\n", &third);
	/* without a gap, and without overlap (10.5) */
	CU_ASSERT_EQUAL(second - first, 90000);
	CU_ASSERT_EQUAL(third - second, 2 * 90000);
	show_run(x, 990 * TICK_MS);
	turn(x, second, 10 * TICK_S);
	show_run(x, 2 * TICK_S);
	CU_ASSERT_TRUE(is_near(show_position(x), 11.99, 0.001));
	turn(x, third, 5 * TICK_S);
	show_run(x, 3 * TICK_S);
	/* 25, 25 and 50 frames: of each range those of the others are odd */
	CU_ASSERT_EQUAL(show_odd_frames(x, 50, 75), 25 + 50);
	CU_ASSERT_EQUAL(show_odd_frames(x, 125, 150), 25 + 50);
	CU_ASSERT_EQUAL(show_odd_frames(x, 250, 300), 25 + 25);
	CU_ASSERT_EQUAL(x->sim.workers[0].sessions->state, RTP_READY);
	CU_ASSERT_EQUAL(x->v.byes, 0);
	show_close(x);
}

static void t_queue_pause(void)
{
	struct show *x = show_open(0);
	uint32_t rtptime;

	x->sim.prefs.play_queue = 1;
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=1-2\r\n"), 200);
	for (int i = 0; i < PLAY_QUEUE_MAX; i++)
		enqueue(x, "Range: npt=10-12\r\n", &rtptime);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=10-12\r\n"), 503);
	show_run(x, TICK_S / 2);
	(void)show_pause(x, "");
	/* what waited is gone (10.6), the pause point is not */
	CU_ASSERT_EQUAL(show_play(x, ""), 200);
	show_run(x, 3 * TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].high < 5 * TICK_S && x->v.track[0].high > 4 * TICK_S);
	/* a pause point in the queue: the example of 10.6 */
	(void)show_pause(x, "");
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=10-11\r\n"), 200);
	enqueue(x, "Range: npt=15-18\r\n", &rtptime);
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=30-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=19-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=16-\r\n"), 200);
	show_run(x, 990 * TICK_MS);
	turn(x, rtptime, 15 * TICK_S);
	show_run(x, 3 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 16 * TICK_S - FRAME);
	/* and between two ranges: only the first is played */
	CU_ASSERT_EQUAL(show_play(x, "Range: npt=2-3\r\n"), 200);
	enqueue(x, "Range: npt=15-18\r\n", &rtptime);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=13-\r\n"), 200);
	show_run(x, 4 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 3 * TICK_S - FRAME);
	show_close(x);
}

UNIT_SUITE(play,
	{ "play: a seek goes to the sync sample before, in the unit asked for (2326 10.5, 12.29)",
		t_seek },
	{ "play: what lies beyond is 457, an unknown unit 501, and changes nothing (2326 12.29)",
		t_seek_refused },
	{ "play: an exact seek sends at once what only the decoder needs", t_exact },
	{ "play: PAUSE loses and repeats no frame, however often (2326 10.6)", t_pause },
	{ "play: PAUSE amid a large frame", t_pause_in_burst },
	{ "play: PAUSE with a Range stops before that sample (2326 10.6)", t_pause_at },
	{ "play: a range has what is shown before its end, and no more (2326 12.29)", t_range_end },
	{ "play: ranges that follow each other show each frame once", t_ranges_in_turn },
	{ "play: a loop goes on without BYE on the same clocks", t_loop },
	{ "play: PLAY takes over a frame after the highest timestamp (2326 B)", t_replace },
	{ "play: queued ranges follow without a gap (2326 10.5)", t_queue },
	{ "play: PAUSE empties the queue, or ends it where it says (2326 10.6)", t_queue_pause });
