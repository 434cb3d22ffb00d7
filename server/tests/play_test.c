/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/title.h"
#include "server/tests/reel.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/range.h"
#include "server/wire/rtpinfo.h"

/* Playing a film with frames out of order, in virtual time: what PLAY and PAUSE promise is what comes. */

#define FRAME (TICK_S / REEL_FPS)
#define STEP  (10 * TICK_MS) /* how often the client reads */

/* ---- the film as a module ---- */

struct reels {
	struct buf file[2];
	struct title *title[2];
};
static const struct {
	const char *path;
	uint32_t group;
} reel_rows[2] = { { "/reel.mp4", REEL_GROUP }, { "/short.mp4", 5 } };

static int reels_init(struct module *self, const struct prefs *p, char *why)
{
	struct reels *r = xcalloc(1, sizeof *r);
	(void)p;
	(void)why;

	self->state = r;
	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		buf_init(&r->file[i], 4 << 20);
		reel_write(&r->file[i], reel_rows[i].group);
		CU_ASSERT_EQUAL_FATAL(
			title_open_memory(buf_bytes(&r->file[i]), B("reel.mp4"), &r->title[i]), 0);
	}
	return 0;
}

static int reels_open(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	struct reels *r = self->state;

	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		if (strcmp(path, reel_rows[i].path) != 0)
			continue;
		*out = title_source(r->title[i], &t->worker->io.io);
		return 0;
	}
	return ERR_NOT_FOUND;
}

static void reels_shutdown(struct module *self)
{
	struct reels *r = self->state;

	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		title_unref(r->title[i]);
		buf_clear(&r->file[i]);
	}
	free(r);
}

static const struct module reels_module = {
	.api_version = MODULE_API,
	.name = "reels",
	.init = reels_init,
	.open_source = reels_open,
	.shutdown = reels_shutdown,
};

/* ---- a session ---- */

struct show {
	struct sim sim;
	struct sim_client c;
	struct reel_viewer v;
	const char *path;
	char range[128];
	double scale, speed; /* of the last reply; 0: it had none */
};

static struct show *show_open(size_t reel)
{
	struct show *x = xcalloc(1, sizeof *x);
	char track[64];

	sim_open_with(&x->sim, 1, &reels_module);
	x->sim.prefs.overbuffer_tcp = 0;
	sim_connect(&x->c, &x->sim, 0);
	x->path = reel_rows[reel].path;
	x->v.clock = &x->sim.clock;
	x->v.group = reel_rows[reel].group;
	x->c.on_frame = reel_view;
	x->c.arg = &x->v;
	for (int i = 1; i <= 2; i++) {
		(void)snprintf(track, sizeof track, "%s/trackID=%d", x->path, i);
		CU_ASSERT_EQUAL_FATAL(sim_setup(&x->c, track,
					      i == 1 ? "RTP/AVP/TCP;unicast;interleaved=0-1"
						     : "RTP/AVP/TCP;unicast;interleaved=2-3"),
			200);
	}
	return x;
}

static void show_close(struct show *x)
{
	/* nothing was ever lost, out of place, or numbered wrongly */
	CU_ASSERT_EQUAL(x->v.gaps, 0);
	CU_ASSERT_EQUAL(x->v.wrong, 0);
	CU_ASSERT_EQUAL(x->v.early, 0);
	CU_ASSERT_EQUAL(x->v.wrong_seq, 0);
	sim_hang_up(&x->c);
	sim_close(&x->sim);
	free(x);
}

static double rate_of(struct show *x, enum rtsp_header_id id)
{
	char text[32];
	return atof(sim_header(&x->c, id, text, sizeof text));
}

/* PLAY with these headers (lines, or ""): the status. What the reply says goes to the viewer. */
static int play(struct show *x, const char *headers)
{
	struct range r = { 0 };
	struct fault f;

	sim_frames(&x->c);
	int status = sim_ask(&x->c, "PLAY", x->path, headers);
	if (status != 200)
		return status;
	CU_ASSERT_EQUAL_FATAL(range_read(rtsp_value(&x->c.reply, RTSP_H_RANGE), &r, &f), 0);
	sim_header(&x->c, RTSP_H_RANGE, x->range, sizeof x->range);
	x->scale = rate_of(x, RTSP_H_SCALE);
	x->speed = rate_of(x, RTSP_H_SPEED);
	if (r.unit == RANGE_CLOCK)
		r.start -= REEL_CREATED * TICK_S;
	bool jumps = strstr(headers, "Range: ") && !strstr(headers, "Range: npt=-");
	CU_ASSERT_EQUAL(reel_play(&x->v, rtsp_value(&x->c.reply, RTSP_H_RTP_INFO), r.start,
				x->scale != 0 ? x->scale : 1, jumps),
		0);
	return 200;
}

/* Time passes, and the client reads. */
static void run(struct show *x, tick_t span)
{
	do {
		tick_t step = span < STEP ? span : STEP;
		sim_run(&x->sim, step);
		sim_frames(&x->c);
		span -= step;
	} while (span > 0);
}

static double pause(struct show *x, const char *headers)
{
	double npt = -1;

	sim_frames(&x->c);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, headers), 200);
	sim_header(&x->c, RTSP_H_RANGE, x->range, sizeof x->range);
	CU_ASSERT_EQUAL(sscanf(x->range, "npt=%lf-", &npt), 1);
	return npt;
}

static double position(struct show *x)
{
	double npt = -1;
	char *text = xasprintf("GET_PARAMETER rtsp://h%s RTSP/1.0\r\nCSeq: %u\r\nSession: "
			       "%s\r\nContent-Length: 10\r\n\r\nposition\r\n",
		x->path, ++x->c.cseq, x->c.session);

	sim_send(&x->c, text);
	free(text);
	CU_ASSERT_EQUAL(sim_reply(&x->c), 200);
	char body[64];
	CU_ASSERT_TRUE(bytes_to_str(x->c.reply.body, body, sizeof body));
	CU_ASSERT_EQUAL(sscanf(body, "position: %lf", &npt), 1);
	return npt;
}

/* Frames of this range that were not shown once, and frames outside that were. */
static uint32_t odd_frames(const struct show *x, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < REEL_FRAMES; i++)
		n += x->v.shown[i] != (i >= from && i < to);
	return n;
}

static bool is_near(double a, double b, double by)
{
	return a - b < by && b - a < by;
}

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
		CU_ASSERT_EQUAL(play(x, headers), 200);
		free(headers);
		if (strcmp(x->range, rows[i].range) != 0)
			printf("%s: %s, not %s\n", rows[i].ask, x->range, rows[i].range);

		CU_ASSERT_STRING_EQUAL(x->range, rows[i].range);
		run(x, TICK_S / 2);
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

	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, TICK_S);
	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(play(x, rows[i].ask), rows[i].status);
	/* nothing of this has changed anything */
	uint32_t n = x->v.track[0].frames;
	run(x, TICK_S);
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
	CU_ASSERT_EQUAL(play(x, "Range: npt=3.6-\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=3.600-20.000");
	run(x, 30 * TICK_MS);
	/* what only the decoder needs is there at once */
	CU_ASSERT_EQUAL(x->v.track[0].low, 3 * TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 15);
	CU_ASSERT_TRUE(x->v.track[1].low >= 3580 * TICK_MS);
	run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(tick_seconds(x->v.track[0].npt), 4.6, 0.15));
	/* after something was played, timestamps of the leading frames are still new ones */
	CU_ASSERT_EQUAL(play(x, "Range: npt=9.96-\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=9.960-20.000");
	run(x, TICK_S);
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
		CU_ASSERT_EQUAL(play(x, ""), 200);
		run(x, spans[i % (int)COUNT(spans)]);
		double at = pause(x, "");
		uint32_t frames = x->v.track[0].frames + x->v.track[1].frames;
		CU_ASSERT_TRUE(is_near(position(x), at, 0.0006));
		run(x, spans[(i + 3) % (int)COUNT(spans)] * 3);
		CU_ASSERT_EQUAL(frames, x->v.track[0].frames + x->v.track[1].frames);
		n += x->v.track[0].frames;
		sound += x->v.track[1].frames;
	}
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 25 * TICK_S);
	CU_ASSERT_EQUAL(n + x->v.track[0].frames, REEL_FRAMES);
	CU_ASSERT_EQUAL(sound + x->v.track[1].frames, REEL_S * 50);
	CU_ASSERT_EQUAL(odd_frames(x, 0, REEL_FRAMES), 0);
	CU_ASSERT_EQUAL(x->v.byes, 2);
	show_close(x);
}

/* With one packet a millisecond a sync sample takes several turns: PAUSE amid it. */
static void t_pause_in_burst(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.burst_packets = 1;
	for (int i = 0; i < 60; i++) {
		CU_ASSERT_EQUAL(play(x, ""), 200);
		run(x, i < 30 ? TICK_MS : 5 * TICK_MS);
		(void)pause(x, "");
	}
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 21 * TICK_S);
	CU_ASSERT_EQUAL(odd_frames(x, 0, REEL_FRAMES), 0);
	show_close(x);
}

static void t_pause_at(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(play(x, "Range: npt=2-\r\n"), 200);
	run(x, TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=1-\r\n"), 457);
	CU_ASSERT_EQUAL(pause(x, "Range: npt=4.2-\r\n"), 4.2);
	run(x, 3 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 4200 * TICK_MS - FRAME);
	CU_ASSERT_EQUAL(x->v.track[1].high, 4180 * TICK_MS);
	CU_ASSERT_TRUE(is_near(position(x), 4.2, 1e-9));
	/* the frame that was decoded before those is the next one */
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=4.200-20.000");
	run(x, TICK_S);
	CU_ASSERT_EQUAL(odd_frames(x, 50, 132), 0); /* to 5.2 s, and a P ahead */
	/* a point that has passed: from there again (10.6) */
	CU_ASSERT_EQUAL(pause(x, "Range: npt=4.2-\r\n"), 4.2);
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=4.000-20.000");
	run(x, TICK_S);
	show_close(x);
}

/* ---- the end ---- */

static void t_range_end(void)
{
	struct show *x = show_open(0);

	CU_ASSERT_EQUAL(play(x, "Range: npt=2-3.48\r\n"), 200);
	run(x, 5 * TICK_S);
	/* 12.29: what is shown at the end is not in, and all that is shown before it is */
	CU_ASSERT_EQUAL(x->v.track[0].frames, 37);
	CU_ASSERT_EQUAL(x->v.track[0].high, 3440 * TICK_MS);
	CU_ASSERT_EQUAL(x->v.track[1].frames, 74);
	CU_ASSERT_EQUAL(x->v.byes, 0);
	/* a PAUSE that comes too late is none the worse, a second one is */
	CU_ASSERT_EQUAL(pause(x, ""), 3.48);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, ""), 455);
	/* on from there, to the end: each frame once */
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=3.480-20.000");
	run(x, 16500 * TICK_MS);
	CU_ASSERT_EQUAL(odd_frames(x, 50, REEL_FRAMES), 0);
	run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.byes, 2);
	/* after it, from the beginning, and reports begin anew */
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=0.000-20.000");
	run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].low, 0);
	show_close(x);
}

/* Ends in all phases of the order of frames, one range after the other: no frame is lost or comes twice. */
static void t_ranges_in_turn(void)
{
	struct show *x = show_open(0);
	char headers[64];

	CU_ASSERT_EQUAL(play(x, "Range: npt=0-0.04\r\n"), 200);
	for (int end = 2; end < 80; end++) {
		run(x, 200 * TICK_MS);
		(void)snprintf(headers, sizeof headers, "Range: npt=-%.2f\r\n", end * 0.04);
		CU_ASSERT_EQUAL(play(x, headers), 200);
	}
	run(x, TICK_S);
	CU_ASSERT_EQUAL(odd_frames(x, 0, 79), 0);
	show_close(x);
}

static void t_loop(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.loop = 1;
	CU_ASSERT_EQUAL(play(x, "Range: npt=18-\r\n"), 200);
	run(x, 1500 * TICK_MS);
	uint32_t before = x->v.track[0].ts_high;
	run(x, 560 * TICK_MS);
	/* the same clock goes on over the seam */
	x->v.leap = REEL_S * TICK_S;
	CU_ASSERT_EQUAL(x->sim.workers[0].stats.loops, 1);
	uint32_t wrong = x->v.wrong;
	run(x, TICK_S);
	CU_ASSERT_EQUAL(x->v.wrong, wrong);
	CU_ASSERT_TRUE((int32_t)(x->v.track[0].ts - before) > 90000);
	CU_ASSERT_TRUE(is_near(position(x), 1.06, 0.05));
	run(x, 45 * TICK_S);
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

	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 1010 * TICK_MS);
	uint32_t before = x->v.track[0].ts_high;
	CU_ASSERT_EQUAL(play(x, "Range: npt=10-\r\n"), 200);
	run(x, TICK_S);
	/* 2326 B: a frame after the highest that was sent */
	CU_ASSERT_EQUAL(x->v.track[0].ts_low - before, 3600);
	CU_ASSERT_EQUAL(x->v.track[0].low, 10 * TICK_S);
	/* are you there? */
	uint32_t n = x->v.track[0].frames;
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 24 && x->v.track[0].frames <= 26);
	CU_ASSERT_TRUE(n >= 25);
	show_close(x);
}

static void t_queue(void)
{
	struct show *x = show_open(0);
	uint32_t first, second, third;

	x->sim.prefs.play_queue = 1;
	CU_ASSERT_EQUAL(play(x, "Range: npt=2-3\r\n"), 200);
	first = x->v.track[0].info_time;
	enqueue(x, "Range: npt=10.5-12\r\n", &second);
	CU_ASSERT_STRING_EQUAL(x->range, "npt=10.000-12.000");
	enqueue(x, "Range: npt=5-6\r\n", &third);
	/* without a gap, and without overlap (10.5) */
	CU_ASSERT_EQUAL(second - first, 90000);
	CU_ASSERT_EQUAL(third - second, 2 * 90000);
	run(x, 990 * TICK_MS);
	turn(x, second, 10 * TICK_S);
	run(x, 2 * TICK_S);
	CU_ASSERT_TRUE(is_near(position(x), 11.99, 0.001));
	turn(x, third, 5 * TICK_S);
	run(x, 3 * TICK_S);
	/* 25, 25 and 50 frames: of each range those of the others are odd */
	CU_ASSERT_EQUAL(odd_frames(x, 50, 75), 25 + 50);
	CU_ASSERT_EQUAL(odd_frames(x, 125, 150), 25 + 50);
	CU_ASSERT_EQUAL(odd_frames(x, 250, 300), 25 + 25);
	CU_ASSERT_EQUAL(x->sim.workers[0].sessions->state, RTP_READY);
	CU_ASSERT_EQUAL(x->v.byes, 0);
	show_close(x);
}

static void t_queue_pause(void)
{
	struct show *x = show_open(0);
	uint32_t rtptime;

	x->sim.prefs.play_queue = 1;
	CU_ASSERT_EQUAL(play(x, "Range: npt=1-2\r\n"), 200);
	for (int i = 0; i < PLAY_QUEUE_MAX; i++)
		enqueue(x, "Range: npt=10-12\r\n", &rtptime);
	CU_ASSERT_EQUAL(play(x, "Range: npt=10-12\r\n"), 503);
	run(x, TICK_S / 2);
	(void)pause(x, "");
	/* what waited is gone (10.6), the pause point is not */
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 3 * TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].high < 5 * TICK_S && x->v.track[0].high > 4 * TICK_S);
	/* a pause point in the queue: the example of 10.6 */
	(void)pause(x, "");
	CU_ASSERT_EQUAL(play(x, "Range: npt=10-11\r\n"), 200);
	enqueue(x, "Range: npt=15-18\r\n", &rtptime);
	CU_ASSERT_EQUAL(play(x, "Range: npt=30-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=19-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=16-\r\n"), 200);
	run(x, 990 * TICK_MS);
	turn(x, rtptime, 15 * TICK_S);
	run(x, 3 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 16 * TICK_S - FRAME);
	/* and between two ranges: only the first is played */
	CU_ASSERT_EQUAL(play(x, "Range: npt=2-3\r\n"), 200);
	enqueue(x, "Range: npt=15-18\r\n", &rtptime);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, "Range: npt=13-\r\n"), 200);
	run(x, 4 * TICK_S);
	CU_ASSERT_EQUAL(x->v.track[0].high, 3 * TICK_S - FRAME);
	show_close(x);
}

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
		CU_ASSERT_EQUAL(play(x, headers), 200);
		free(headers);
		CU_ASSERT_EQUAL(x->scale, rows[i].scale);
		run(x, TICK_S);
		CU_ASSERT_TRUE(x->v.track[0].n > 0);
	}
	/* live media have one */
	CU_ASSERT_EQUAL(sim_ask(&x->c, "TEARDOWN", x->path, ""), 200);
	x->c.session[0] = '\0';
	CU_ASSERT_EQUAL(
		sim_setup(&x->c, "/pattern/60s/trackID=1", "RTP/AVP/TCP;unicast;interleaved=4-5"),
		200);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PLAY", "/pattern/60s", "Scale: 4\r\nSpeed: 2\r\n"), 200);
	CU_ASSERT_EQUAL(rate_of(x, RTSP_H_SCALE), 1);
	CU_ASSERT_EQUAL(rate_of(x, RTSP_H_SPEED), 1);
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
		CU_ASSERT_EQUAL(play(x, headers), 200);
		free(headers);
		CU_ASSERT_STRING_EQUAL(x->range, "npt=2.000-20.000");
		tick_t began = x->sim.clock;
		run(x, TICK_S);
		CU_ASSERT_TRUE(is_near(position(x), 2 + scales[i], 0.1));
		run(x, 20 * TICK_S);
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

	CU_ASSERT_EQUAL(play(x, "Range: npt=0-16\r\nScale: 8\r\n"), 200);
	run(x, 3 * TICK_S);
	/* a sync sample in 0.2 s would be 40 a second: every second one */
	CU_ASSERT_EQUAL(x->v.track[0].frames, 40);
	CU_ASSERT_EQUAL(x->v.track[0].sync, 40);
	CU_ASSERT_EQUAL(play(x, "Range: npt=16-8\r\nScale: -1\r\n"), 200);
	run(x, 10 * TICK_S);
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
		CU_ASSERT_EQUAL(play(x, headers), 200);
		free(headers);

		CU_ASSERT_STRING_EQUAL(x->range, rows[i].range);
		run(x, 500 * TICK_MS);
		CU_ASSERT_TRUE(is_near(position(x), rows[i].high - 0.5, 0.01));
		run(x, 25 * TICK_S);
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

	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 2 * TICK_S);
	CU_ASSERT_EQUAL(play(x, "Scale: 4\r\n"), 200);
	CU_ASSERT_EQUAL(x->scale, 4);
	run(x, 2500 * TICK_MS);
	/* are you there? says the scale in use */
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_EQUAL(x->scale, 4);
	double at = position(x);
	CU_ASSERT_TRUE(at > 11.5 && at < 12.1);
	run(x, 500 * TICK_MS);
	at = position(x);
	CU_ASSERT_EQUAL(play(x, "Scale: 1\r\n"), 200);
	CU_ASSERT_EQUAL(x->scale, 1);
	double start = tick_seconds(x->v.start);
	CU_ASSERT_TRUE(start <= at && start > at - 1);
	run(x, TICK_S);
	CU_ASSERT_TRUE(x->v.track[0].frames >= 24 && x->v.track[1].frames >= 48);
	/* backward, PAUSE, and on */
	CU_ASSERT_EQUAL(play(x, "Scale: -1\r\n"), 200);
	run(x, 2 * TICK_S);
	at = pause(x, "");
	CU_ASSERT_TRUE(is_near(at, start + 1 - 2, 1.1));
	CU_ASSERT_EQUAL(play(x, ""), 200);
	CU_ASSERT_TRUE(tick_seconds(x->v.start) <= at && tick_seconds(x->v.start) > at - 1);
	CU_ASSERT_TRUE(x->scale == 0 || x->scale == 1);
	run(x, TICK_S);
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
		CU_ASSERT_EQUAL(play(x, headers), 200);
		free(headers);
		CU_ASSERT_EQUAL(x->speed, rows[i].speed);
		tick_t began = x->v.track[0].at = x->sim.clock;
		run(x, TICK_S);
		CU_ASSERT_TRUE(is_near(position(x), 4 + rows[i].speed, 0.1));
		run(x, 14 * TICK_S);
		/* all of it, only sooner or later; the timestamps are those of 1 */
		CU_ASSERT_EQUAL(x->v.track[0].frames, 150);
		CU_ASSERT_EQUAL(x->v.track[1].frames, 300);
		double took = tick_seconds(x->v.track[1].at - began);
		CU_ASSERT_TRUE(is_near(took, 5.98 / rows[i].speed, 0.1));
	}
	/* while playing, at the place where it is */
	CU_ASSERT_EQUAL(play(x, "Range: npt=4-\r\n"), 200);
	run(x, TICK_S);
	CU_ASSERT_EQUAL(play(x, "Speed: 2\r\n"), 200);
	run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(position(x), 7, 0.1));
	(void)pause(x, "");
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, TICK_S);
	CU_ASSERT_TRUE(is_near(position(x), 8, 0.1));
	show_close(x);
}

static void t_speed_bandwidth(void)
{
	struct show *x = show_open(0);
	uint64_t bps = x->sim.workers[0].sessions->bps;

	char *headers = xasprintf("Range: npt=4-\r\nSpeed: 4\r\nBandwidth: %llu\r\n",
		(unsigned long long)bps * 3 / 2);
	CU_ASSERT_EQUAL(play(x, headers), 200);
	CU_ASSERT_TRUE(is_near(x->speed, 1.5, 0.001));
	free(headers);
	CU_ASSERT_EQUAL(atomic_load(&x->sim.server.bandwidth_bps), bps * 3 / 2);
	CU_ASSERT_EQUAL(play(x, "Range: npt=4-\r\nSpeed: 4\r\nBandwidth: 1\r\n"), 200);
	CU_ASSERT_EQUAL(x->speed, 1);
	/* the server's own share */
	x->sim.prefs.maximum_bandwidth = (int64_t)(bps * 2 / 1000);
	CU_ASSERT_EQUAL(play(x, "Range: npt=4-\r\nSpeed: 4\r\n"), 200);
	CU_ASSERT_TRUE(is_near(x->speed, 2, 0.01));
	(void)pause(x, "");
	CU_ASSERT_EQUAL(atomic_load(&x->sim.server.bandwidth_bps), bps);
	x->sim.prefs.max_allowed_speed = 1;
	CU_ASSERT_EQUAL(play(x, "Speed: 2\r\n"), 200);
	CU_ASSERT_EQUAL(x->speed, 1);
	run(x, TICK_S / 2);
	show_close(x);
}

/* ---- all together ---- */

/* A fast start leads, and changes nothing of what was promised. */
static void t_fast_start(void)
{
	struct show *x = show_open(0);

	x->sim.prefs.overbuffer_tcp = 1;
	CU_ASSERT_EQUAL(play(x, ""), 200);
	run(x, 10 * TICK_MS);
	CU_ASSERT_TRUE(x->v.track[0].frames > 10);
	for (int i = 0; i < 20; i++) {
		run(x, 111 * TICK_MS);
		(void)pause(x, "");
		run(x, 333 * TICK_MS);
		CU_ASSERT_EQUAL(play(x, ""), 200);
	}
	run(x, 25 * TICK_S);
	CU_ASSERT_EQUAL(odd_frames(x, 0, REEL_FRAMES), 0);
	CU_ASSERT_EQUAL(play(x, "Range: npt=5-7\r\n"), 200);
	run(x, 3 * TICK_S);
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
		int status = play(x, headers);
		CU_ASSERT_TRUE(status == 200 || status == 457);
		played += status == 200;
		run(x, (tick_t)(n % 1500) * TICK_MS);
		sim_frames(&x->c);
		if (n % 4 == 0 && sim_ask(&x->c, "PAUSE", x->path, "") == 200)
			run(x, TICK_S / 7);
	}
	CU_ASSERT_TRUE(played > 200);
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
	{ "play: PAUSE empties the queue, or ends it where it says (2326 10.6)", t_queue_pause },
	{ "play: Scale is the nearest that is offered (2326 12.34)", t_scale_offered },
	{ "play: Scale 2, 4, 8 show the sync samples, in time (2326 12.34, B)", t_scale_forward },
	{ "play: at a Scale no more than 25 frames a second", t_scale_thinned },
	{ "play: backward from where it says, or from the end (2326 12.34)", t_scale_back },
	{ "play: from a Scale back to 1 where it is", t_scale_and_on },
	{ "play: Speed is delivery, not time (2326 12.35)", t_speed },
	{ "play: Speed as far as the bandwidth goes (2326 12.6, 12.35)", t_speed_bandwidth },
	{ "play: a fast start breaks no promise", t_fast_start },
	{ "play: 300 requests in any order keep numbers and times", t_anything });
