/* SPDX-License-Identifier: MIT */
#include "server/tests/cinema.h"
#include "server/tests/unit.h"
#include "server/wire/rtpinfo.h"

/* A session over TCP and UDP to a client that reads all at once: what has come when. */

/* Lets time pass; the client reads all that comes. */
static void watch(struct cinema *x, tick_t span)
{
	tick_t end = x->s.clock + span;

	while (x->s.clock < end) {
		tick_t step = end - x->s.clock < 10 * TICK_MS ? end - x->s.clock : 10 * TICK_MS;
		sim_run(&x->s, step);
		sim_frames(&x->c);
	}
}

/* Packets due within the first `a` of the medium, all delivered `e` after the start: one second at once,
 * twice real time, at most 25 s ahead. */
static tick_t reached(tick_t e)
{
	return e + (e + TICK_S < 25 * TICK_S ? e + TICK_S : 25 * TICK_S);
}

static void t_fast_start(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	tick_t begin = x.s.clock;
	/* 5 ms off every multiple of a packet's time; the first second takes 9 ms at 16 packets each */
	watch(&x, 15 * TICK_MS);
	CU_ASSERT_EQUAL(cinema_came(&x), film_packets(reached(15 * TICK_MS) - 10 * TICK_MS));
	for (int i = 0; i < 60; i++) {
		watch(&x, begin + (tick_t)(i + 1) * TICK_S + 5 * TICK_MS - x.s.clock);
		CU_ASSERT_EQUAL(cinema_came(&x), film_packets(reached(x.s.clock - begin)));
	}
	cinema_check(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	/* it ends when the medium would have: the report and the BYE at 120 s */
	watch(&x, begin + FILM_S * TICK_S - 50 * TICK_MS - x.s.clock);
	CU_ASSERT_EQUAL(cinema_came(&x), film_packets(FILM_S * TICK_S));
	CU_ASSERT_EQUAL(x.v.byes, 0);
	watch(&x, 100 * TICK_MS);
	CU_ASSERT_EQUAL(x.v.byes, 2);
	CU_ASSERT_EQUAL(x.s.workers[0].stats.packets_late, 0);
	cinema_close(&x);
}

static void t_not_ahead(void)
{
	struct cinema x;
	char why[PREFS_WHY];

	cinema_open(&x);
	CU_ASSERT_EQUAL(prefs_set_profile(&x.s.prefs, "bench", why), 0);
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	for (int i = 0; i < 10; i++) {
		watch(&x, 1005 * TICK_MS);
		CU_ASSERT_EQUAL(cinema_came(&x), film_packets((i + 1) * 1005 * TICK_MS));
	}
	CU_ASSERT_EQUAL(prefs_set_profile(&x.s.prefs, "none", why), ERR_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(x.s.prefs.profile, "bench");
	cinema_close(&x);
}

static uint32_t udp_came(struct sim_ports *p)
{
	uint8_t d[1500];
	uint32_t n = 0;

	while (sim_ports_read(p, 0, d, sizeof d) > 0)
		n++;
	return n;
}

static void t_udp(void)
{
	for (int on = 0; on < 2; on++) {
		struct cinema x;
		struct sim_ports p;
		uint32_t n = 0;
		cinema_open(&x);
		x.s.prefs.overbuffer_udp = on;
		sim_ports_open(&p);
		CU_ASSERT_EQUAL(sim_setup_udp(&x.c, &p, "/film/trackID=1"), 200);
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
		for (int i = 0; i < 2500; i++) { /* its socket holds little */
			sim_run(&x.s, 1005 * TICK_MS / 500);
			n += udp_came(&p);
		}
		tick_t e = 2500 * (1005 * TICK_MS / 500);
		CU_ASSERT_EQUAL(n, film_video_packets(on ? reached(e) : e));
		sim_ports_close(&p);
		cinema_close(&x);
	}
}

static void t_pause(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 5005 * TICK_MS); /* 11.01 s of it */
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
	uint32_t n = cinema_came(&x), ts = x.v.timestamp[1], next = x.v.next[1];
	CU_ASSERT_EQUAL(n, film_packets(reached(5005 * TICK_MS)));
	/* after what was sent, not after what comes next, at 11.02 */
	double point = cinema_range(&x);
	CU_ASSERT_TRUE(point > 11.0 && point <= 11.02);
	watch(&x, 10 * TICK_S);
	CU_ASSERT_EQUAL(cinema_came(&x), n);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	CU_ASSERT_DOUBLE_EQUAL(cinema_range(&x), point, 0.0011);
	/* the client still has 6 s: no second window, but the run-ahead goes on */
	watch(&x, 3 * TICK_S);
	CU_ASSERT_TRUE(cinema_came(&x) >= film_packets(11005 * TICK_MS + 6 * TICK_S));
	CU_ASSERT_TRUE(cinema_came(&x) <= film_packets(11020 * TICK_MS + 6 * TICK_S));
	/* RTP time is that of the presentation, which stood still for ten seconds */
	CU_ASSERT_EQUAL(
		x.v.timestamp[1] - ts, (x.v.next[1] - next) * 960 + 10 * (uint32_t)FILM_AUDIO_HZ);
	cinema_check(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	cinema_close(&x);
}

/* However often it pauses, the client's buffer stays bounded. */
static void t_pause_often(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
		watch(&x, 1500 * TICK_MS);
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
		watch(&x, 100 * TICK_MS);
	}
	CU_ASSERT_TRUE(cinema_came(&x) <= film_packets((45 + 25) * TICK_S + 100 * TICK_MS));
	CU_ASSERT_TRUE(cinema_came(&x) >= film_packets((45 + 25) * TICK_S - 600 * TICK_MS));
	cinema_check(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	cinema_close(&x);
}

static void t_seek(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 5005 * TICK_MS);
	for (int i = 0; i < 6; i++) {
		/* inside what was sent, and back again */
		uint32_t ts = x.v.timestamp[1];
		tick_t to = i % 2 ? 3 * TICK_S : 10 * TICK_S;
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film",
					i % 2 ? "Range: npt=3-\r\n" : "Range: npt=10-\r\n"),
			200);
		CU_ASSERT_DOUBLE_EQUAL(cinema_range(&x), tick_seconds(to), 0.0001);
		struct rtpinfo e = { 0 };
		struct bytes info = rtsp_value(&x.c.reply, RTSP_H_RTP_INFO);
		CU_ASSERT_EQUAL(rtpinfo_next(&info, &e), 1);
		x.v.any[0] = x.v.any[1] = false;
		uint16_t seq = x.v.seq[0];
		uint32_t before = cinema_came(&x);
		watch(&x, 1005 * TICK_MS); /* at least a second at once, and two more */
		uint32_t n = cinema_came(&x) - before;
		/* begins when the next packet would have left: within 20 ms */
		CU_ASSERT_TRUE(
			n <= film_packets(to + reached(1005 * TICK_MS)) - film_packets(to - 1));
		CU_ASSERT_TRUE(
			n >= film_packets(to + reached(985 * TICK_MS)) - film_packets(to - 1) - 1);
		CU_ASSERT_EQUAL(e.seq, (uint16_t)(seq + 1));
		CU_ASSERT_EQUAL(e.rtptime, x.v.first_timestamp[0]);
		/* RTP time never steps back over what was sent */
		CU_ASSERT_TRUE((int32_t)(x.v.first_timestamp[1] - ts) > 0);
		CU_ASSERT_TRUE((int32_t)(x.v.first_timestamp[1] - ts) < FILM_AUDIO_HZ / 10);
	}
	CU_ASSERT_EQUAL(x.v.torn, 0);
	cinema_close(&x);
}

/* A Speed is what the client wants: no more than that. */
static void t_speed(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", "Speed: 2\r\n"), 200);
	for (int i = 0; i < 10; i++) {
		watch(&x, 1005 * TICK_MS);
		CU_ASSERT_EQUAL(cinema_came(&x), film_packets((i + 1) * 2010 * TICK_MS));
	}
	/* back to normal: what it has is shown first */
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, TICK_S);
	cinema_check(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	cinema_close(&x);
}

static void t_loop(void)
{
	struct cinema x;

	cinema_open(&x);
	x.s.prefs.loop = 1;
	cinema_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 90005 * TICK_MS);
	uint32_t ts = x.v.timestamp[1], next = x.v.next[1];
	watch(&x, 40 * TICK_S);
	/* still 25 s ahead, ten seconds after the first end was shown */
	CU_ASSERT_EQUAL(
		cinema_came(&x), film_packets(FILM_S * TICK_S) + film_packets(35005 * TICK_MS));
	CU_ASSERT_EQUAL(x.v.timestamp[1] - ts,
		(FILM_S * FILM_AUDIO_PPS + x.v.next[1] - next) * (FILM_AUDIO_HZ / FILM_AUDIO_PPS));
	CU_ASSERT_EQUAL(x.v.lost + x.v.torn + x.v.byes, 0);
	cinema_close(&x);
}

UNIT_SUITE(pace,
	{ "pace: the first second at once, twice real time, 25 s ahead at most", t_fast_start },
	{ "pace: in real time by the bench profile", t_not_ahead },
	{ "pace: UDP in real time, or ahead by preference", t_udp },
	{ "pace: PAUSE while ahead loses and repeats nothing (2326 10.6)", t_pause },
	{ "pace: pausing often fills no client's memory", t_pause_often },
	{ "pace: a seek while ahead begins anew; RTP time never steps back (2326 B)", t_seek },
	{ "pace: Speed is followed to the letter (2326 12.35)", t_speed },
	{ "pace: the next round of a loop is sent ahead, too", t_loop });
