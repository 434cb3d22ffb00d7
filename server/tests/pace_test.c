/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/tests/film.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/rtpinfo.h"

#define VIDEO_TCP "RTP/AVP/TCP;unicast;interleaved=0-1"
#define AUDIO_TCP "RTP/AVP/TCP;unicast;interleaved=2-3"

/* ---- how far ahead ---- */

static struct ahead ahead_of(int64_t rate, int64_t first_ms, int64_t max_s, tick_t lead)
{
	struct prefs p = {
		.overbuffer_rate = rate, .overbuffer_first = first_ms, .max_send_ahead_time = max_s
	};
	struct ahead a;

	ahead_start(&a, &p, 5 * TICK_S, lead);
	return a;
}

static void t_ahead(void)
{
	struct ahead a = ahead_of(200, 1000, 25, 0);

	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S - 1), 0);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 15 * TICK_S), 11 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 29 * TICK_S), 25 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, TICK_NEVER / 2), 25 * TICK_S);
	a = ahead_of(100, 1000, 25, 0); /* the window, and no more */
	CU_ASSERT_EQUAL(ahead_lead(&a, 500 * TICK_S), TICK_S);
	a = ahead_of(200, 3000, 2, 0);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), 2 * TICK_S);
	a = ahead_of(200, 1000, 25, 7 * TICK_S); /* after a pause */
	CU_ASSERT_EQUAL(ahead_lead(&a, 6 * TICK_S), 8 * TICK_S);
	a = ahead_of(200, 1000, 25, 99 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), 25 * TICK_S);
	ahead_stop(&a);
	CU_ASSERT_EQUAL(ahead_lead(&a, 6 * TICK_S), 0);
	CU_ASSERT_EQUAL(ahead_when(&a, 77), 77);
}

/* ahead_when is the first moment at which ahead_lead lets it go. */
static void t_ahead_when(void)
{
	static const int64_t rates[] = { 100, 101, 133, 200, 333, 1000, 10000 };
	uint64_t dice = 1;

	for (size_t i = 0; i < COUNT(rates); i++) {
		struct ahead a = ahead_of(rates[i], 1000, 25, 0);
		for (int k = 0; k < 2000; k++) {
			dice = dice * 6364136223846793005u + 1442695040888963407u;
			tick_t due = 4 * TICK_S + (tick_t)(dice >> 29);
			tick_t when = ahead_when(&a, due);
			CU_ASSERT_TRUE(when <= due);
			CU_ASSERT_TRUE(due - when <= ahead_lead(&a, when));
			/* what is due before the start may go at its time */
			if (when > a.at)
				CU_ASSERT_TRUE(due - when + 1 > ahead_lead(&a, when - 1));
		}
	}
}

static void t_ahead_hold(void)
{
	struct ahead a = ahead_of(200, 1000, 25, 0);

	ahead_hold(&a, 4 * TICK_S, 15 * TICK_S); /* 11 s were allowed */
	CU_ASSERT_EQUAL(ahead_lead(&a, 15 * TICK_S), 4 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 16 * TICK_S), 5 * TICK_S);
	ahead_hold(&a, -3 * TICK_S, 16 * TICK_S); /* late: the window is there at once again */
	CU_ASSERT_EQUAL(ahead_lead(&a, 16 * TICK_S), TICK_S);
	ahead_hold(&a, 90 * TICK_S, 17 * TICK_S); /* never more than was allowed */
	CU_ASSERT_EQUAL(ahead_lead(&a, 17 * TICK_S), 2 * TICK_S);
}

/* ---- what is left out ---- */

struct thinner {
	struct thin thin;
	struct prefs prefs;
	struct stats stats;
	struct thin_moment m;
};

static void thinner_open(struct thinner *x)
{
	*x = (struct thinner){ .m.is_pressed = true };
	prefs_init(&x->prefs);
}

static enum thin_verdict judge(struct thinner *x, bool sync, uint8_t importance, uint32_t rtp_time)
{
	struct packet p = { .sync = sync, .importance = importance, .rtp_time = rtp_time };
	return thin_judge(&x->thin, &x->prefs, &x->stats, true, &p, &x->m);
}

/* One group of 25: which of I, P, B pass, as a string of letters. */
static void group(struct thinner *x, uint32_t first, char *dst)
{
	for (uint32_t i = 0; i < 25; i++) {
		uint32_t shown = first + (i == 0 ? 0 : i % 2 ? i + 1 : i - 1);
		uint8_t importance = i == 0  ? IMPORTANCE_HIGH
				     : i % 2 ? IMPORTANCE_NORMAL
					     : IMPORTANCE_LOW;
		/* three packets of each frame have one fate */
		enum thin_verdict v = judge(x, i == 0, importance, shown);
		CU_ASSERT_EQUAL(judge(x, i == 0, importance, shown), v);
		CU_ASSERT_EQUAL(judge(x, i == 0, importance, shown), v);
		if (v == THIN_SEND)
			*dst++ = "IPB"[i == 0 ? 0 : i % 2 ? 1 : 2];
	}
	*dst = '\0';
}

static void t_thin_levels(void)
{
	static const char *const want[THIN_LEVELS] = { "IPBPBPBPBPBPBPBPBPBPBPBPB", "IPPPPPPPPPPPP",
		"IPPPPPPPPP", "IPPPPPP", "IPPP", "I", "" };
	struct thinner x;
	char got[64];

	thinner_open(&x);
	x.m.is_disabled = true; /* the level is ours */
	group(&x, 0, got);
	for (uint8_t level = 0; level < THIN_LEVELS; level++) {
		x.thin.level = level;
		if (level == THIN_SYNC_HALF) {
			group(&x, 2000, got);
			CU_ASSERT_STRING_EQUAL(got, "I");
		}
		group(&x, 100u * (level + 1u), got);
		CU_ASSERT_STRING_EQUAL(got, want[level]);
	}
	/* up again: a group that was cut waits for its sync sample */
	x.thin.level = THIN_QUARTER;
	group(&x, 3000, got);
	x.thin.level = THIN_ALL;
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3100), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3101), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, true, IMPORTANCE_HIGH, 3200), THIN_SEND);
	/* frames shown before it refer to what did not come */
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3199), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3198), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3202), THIN_SEND);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3201), THIN_SEND);
	CU_ASSERT_EQUAL(x.stats.thin_steps_down + x.stats.thin_steps_up, 0);
	prefs_clear(&x.prefs);
}

/* One frame every five seconds of the medium, late by this much; the level afterwards. */
static uint8_t look(struct thinner *x, tick_t late_ms)
{
	static const uint32_t step = 90000;

	x->m.due += 5 * TICK_S;
	x->m.now = x->m.due + late_ms * TICK_MS;
	(void)judge(x, true, IMPORTANCE_HIGH, x->thin.frame + step);
	return x->thin.level;
}

static void t_thin_steps(void)
{
	struct thinner x;

	thinner_open(&x);
	CU_ASSERT_EQUAL(look(&x, 0), 0);
	CU_ASSERT_EQUAL(look(&x, 100), 1); /* late, and getting later */
	CU_ASSERT_EQUAL(look(&x, 300), 2);
	CU_ASSERT_EQUAL(look(&x, 300), 2); /* stays so */
	CU_ASSERT_EQUAL(look(&x, 800), 3); /* late by much */
	CU_ASSERT_EQUAL(look(&x, 760), 4);
	CU_ASSERT_EQUAL(look(&x, 700), 4); /* better, not good */
	CU_ASSERT_EQUAL(look(&x, 200), 3);
	CU_ASSERT_EQUAL(look(&x, 100), 2);
	CU_ASSERT_EQUAL(look(&x, 200), 3); /* that was too much: wait before the next try */
	CU_ASSERT_EQUAL(look(&x, 0), 3);
	CU_ASSERT_EQUAL(look(&x, 0), 2);
	CU_ASSERT_EQUAL(look(&x, 1600), 6); /* very late; and again after a step up */
	CU_ASSERT_EQUAL(look(&x, 0), 6);
	CU_ASSERT_EQUAL(look(&x, 0), 6);
	CU_ASSERT_EQUAL(look(&x, 0), 5);
	CU_ASSERT_EQUAL(look(&x, -2500), 0); /* well ahead */
	CU_ASSERT_EQUAL(x.stats.thin_steps_down, 6);
	CU_ASSERT_EQUAL(x.stats.thin_steps_up, 5);
	/* seconds between the looks at each level */
	thin_account(&x.thin, &x.stats, x.m.now);
	uint64_t all = x.stats.thin_1_ms + x.stats.thin_2_ms + x.stats.thin_3_ms +
		       x.stats.thin_4_ms + x.stats.thin_5_ms + x.stats.thin_6_ms;
	CU_ASSERT_EQUAL(all, 75000 - 100 - 2500);        /* from the first step to the last */
	CU_ASSERT_EQUAL(x.stats.thin_4_ms, 10000 - 560); /* 760 late to 200 late */
	prefs_clear(&x.prefs);
}

static void t_thin_innocent(void)
{
	struct thinner x;

	thinner_open(&x);
	x.m.is_pressed = false; /* late by our own fault */
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(look(&x, i * 1000), 0);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_SEND);
	x.m.is_pressed = x.m.is_disabled = true;
	CU_ASSERT_EQUAL(look(&x, 90000), 0);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_SEND);
	/* audio goes last */
	struct packet p = { .sync = true, .importance = IMPORTANCE_HIGH };
	struct thin audio = { 0 };
	struct thin_moment m = { .now = 2400 * TICK_MS, .is_pressed = true };
	CU_ASSERT_EQUAL(thin_judge(&audio, &x.prefs, &x.stats, false, &p, &m), THIN_SEND);
	p.rtp_time = 960;
	m.now = 2600 * TICK_MS;
	CU_ASSERT_EQUAL(thin_judge(&audio, &x.prefs, &x.stats, false, &p, &m), THIN_TOO_LATE);
	CU_ASSERT_EQUAL(audio.level, 0);
	x.m.is_disabled = false;
	(void)look(&x, 1800);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_TOO_LATE); /* video, key frame or not */
	prefs_clear(&x.prefs);
}

/* ---- a session over TCP ---- */

struct show {
	struct sim s;
	struct sim_client c;
	struct film_viewer v;
};

static void show_open(struct show *x)
{
	sim_open_with(&x->s, 1, &film_module);
	x->v = (struct film_viewer){ 0 };
	sim_connect(&x->c, &x->s, 0);
	x->c.on_frame = film_view;
	x->c.arg = &x->v;
}

static void show_setup(struct show *x)
{
	CU_ASSERT_EQUAL(sim_setup(&x->c, "/film/trackID=1", VIDEO_TCP), 200);
	CU_ASSERT_EQUAL(sim_setup(&x->c, "/film/trackID=2", AUDIO_TCP), 200);
}

static void show_close(struct show *x)
{
	sim_hang_up(&x->c);
	sim_close(&x->s);
}

/* Lets time pass; the client reads all that comes. */
static void watch(struct show *x, tick_t span)
{
	tick_t end = x->s.clock + span;

	while (x->s.clock < end) {
		tick_t step = end - x->s.clock < 10 * TICK_MS ? end - x->s.clock : 10 * TICK_MS;
		sim_run(&x->s, step);
		sim_frames(&x->c);
	}
}

static uint32_t came(const struct show *x)
{
	return x->v.n[0] + x->v.n[1];
}

static struct rtp_session *session_of(struct show *x)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(x->s.workers[0].sessions);
	return x->s.workers[0].sessions;
}

static void check_sound(const struct show *x)
{
	CU_ASSERT_EQUAL(x->v.lost, 0);
	CU_ASSERT_EQUAL(x->v.repeated, 0);
	CU_ASSERT_EQUAL(x->v.torn, 0);
	CU_ASSERT_EQUAL(x->v.undecodable, 0);
}

/* Packets due within the first `a` of the medium, all delivered `e` after the start: one second at once,
 * twice real time, at most 25 s ahead. */
static tick_t reached(tick_t e)
{
	return e + (e + TICK_S < 25 * TICK_S ? e + TICK_S : 25 * TICK_S);
}

static void t_fast_start(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	tick_t begin = x.s.clock;
	/* 5 ms off every multiple of a packet's time; the first second takes 9 ms at 16 packets each */
	watch(&x, 15 * TICK_MS);
	CU_ASSERT_EQUAL(came(&x), film_packets(reached(15 * TICK_MS) - 10 * TICK_MS));
	for (int i = 0; i < 60; i++) {
		watch(&x, begin + (tick_t)(i + 1) * TICK_S + 5 * TICK_MS - x.s.clock);
		CU_ASSERT_EQUAL(came(&x), film_packets(reached(x.s.clock - begin)));
	}
	check_sound(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	/* it ends when the medium would have: the report and the BYE at 120 s */
	watch(&x, begin + FILM_S * TICK_S - 50 * TICK_MS - x.s.clock);
	CU_ASSERT_EQUAL(came(&x), film_packets(FILM_S * TICK_S));
	CU_ASSERT_EQUAL(x.v.byes, 0);
	watch(&x, 100 * TICK_MS);
	CU_ASSERT_EQUAL(x.v.byes, 2);
	CU_ASSERT_EQUAL(x.s.workers[0].stats.packets_late, 0);
	show_close(&x);
}

static void t_not_ahead(void)
{
	struct show x;
	char why[PREFS_WHY];

	show_open(&x);
	CU_ASSERT_EQUAL(prefs_set_profile(&x.s.prefs, "bench", why), 0);
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	for (int i = 0; i < 10; i++) {
		watch(&x, 1005 * TICK_MS);
		CU_ASSERT_EQUAL(came(&x), film_packets((i + 1) * 1005 * TICK_MS));
	}
	CU_ASSERT_EQUAL(prefs_set_profile(&x.s.prefs, "none", why), ERR_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(x.s.prefs.profile, "bench");
	show_close(&x);
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
		struct show x;
		struct sim_ports p;
		uint32_t n = 0;
		show_open(&x);
		x.s.prefs.overbuffer_udp = on;
		sim_ports_open(&p);
		char *transport =
			xasprintf("RTP/AVP;unicast;client_port=%u-%u", p.port, p.port + 1u);
		CU_ASSERT_EQUAL(sim_setup(&x.c, "/film/trackID=1", transport), 200);
		free(transport);
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
		for (int i = 0; i < 2500; i++) { /* its socket holds little */
			sim_run(&x.s, 1005 * TICK_MS / 500);
			n += udp_came(&p);
		}
		tick_t e = 2500 * (1005 * TICK_MS / 500);
		CU_ASSERT_EQUAL(n, film_video_packets(on ? reached(e) : e));
		sim_ports_close(&p);
		show_close(&x);
	}
}

/* npt of the Range in the last reply */
static double range_start(struct show *x)
{
	char text[64];
	double npt = -1;

	sim_header(&x->c, RTSP_H_RANGE, text, sizeof text);
	CU_ASSERT_EQUAL(sscanf(text, "npt=%lf-", &npt), 1);
	return npt;
}

static void t_pause(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 5005 * TICK_MS); /* 11.01 s of it */
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
	uint32_t n = came(&x), ts = x.v.timestamp[1], next = x.v.next[1];
	CU_ASSERT_EQUAL(n, film_packets(reached(5005 * TICK_MS)));
	/* after what was sent, not after what comes next, at 11.02 */
	double point = range_start(&x);
	CU_ASSERT_TRUE(point > 11.0 && point <= 11.02);
	watch(&x, 10 * TICK_S);
	CU_ASSERT_EQUAL(came(&x), n);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	CU_ASSERT_DOUBLE_EQUAL(range_start(&x), point, 0.0011);
	/* the client still has 6 s: no second window, but the run-ahead goes on */
	watch(&x, 3 * TICK_S);
	CU_ASSERT_TRUE(came(&x) >= film_packets(11005 * TICK_MS + 6 * TICK_S));
	CU_ASSERT_TRUE(came(&x) <= film_packets(11020 * TICK_MS + 6 * TICK_S));
	/* RTP time is that of the presentation, which stood still for ten seconds */
	CU_ASSERT_EQUAL(
		x.v.timestamp[1] - ts, (x.v.next[1] - next) * 960 + 10 * (uint32_t)FILM_AUDIO_HZ);
	check_sound(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	show_close(&x);
}

/* However often it pauses, the client's buffer stays bounded. */
static void t_pause_often(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	for (int i = 0; i < 30; i++) {
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
		watch(&x, 1500 * TICK_MS);
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
		watch(&x, 100 * TICK_MS);
	}
	CU_ASSERT_TRUE(came(&x) <= film_packets((45 + 25) * TICK_S + 100 * TICK_MS));
	CU_ASSERT_TRUE(came(&x) >= film_packets((45 + 25) * TICK_S - 600 * TICK_MS));
	check_sound(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	show_close(&x);
}

static void t_seek(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 5005 * TICK_MS);
	for (int i = 0; i < 6; i++) {
		/* inside what was sent, and back again */
		uint32_t ts = x.v.timestamp[1];
		tick_t to = i % 2 ? 3 * TICK_S : 10 * TICK_S;
		CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film",
					i % 2 ? "Range: npt=3-\r\n" : "Range: npt=10-\r\n"),
			200);
		CU_ASSERT_DOUBLE_EQUAL(range_start(&x), tick_seconds(to), 0.0001);
		struct rtpinfo e = { 0 };
		struct bytes info = rtsp_value(&x.c.reply, RTSP_H_RTP_INFO);
		CU_ASSERT_EQUAL(rtpinfo_next(&info, &e), 1);
		x.v.any[0] = x.v.any[1] = false;
		uint16_t seq = x.v.seq[0];
		uint32_t before = came(&x);
		watch(&x, 1005 * TICK_MS); /* at least a second at once, and two more */
		uint32_t n = came(&x) - before;
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
	show_close(&x);
}

/* A Speed is what the client wants: no more than that. */
static void t_speed(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", "Speed: 2\r\n"), 200);
	for (int i = 0; i < 10; i++) {
		watch(&x, 1005 * TICK_MS);
		CU_ASSERT_EQUAL(came(&x), film_packets((i + 1) * 2010 * TICK_MS));
	}
	/* back to normal: what it has is shown first */
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PAUSE", "/film", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, TICK_S);
	check_sound(&x);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	show_close(&x);
}

static void t_loop(void)
{
	struct show x;

	show_open(&x);
	x.s.prefs.loop = 1;
	show_setup(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch(&x, 90005 * TICK_MS);
	uint32_t ts = x.v.timestamp[1], next = x.v.next[1];
	watch(&x, 40 * TICK_S);
	/* still 25 s ahead, ten seconds after the first end was shown */
	CU_ASSERT_EQUAL(came(&x), film_packets(FILM_S * TICK_S) + film_packets(35005 * TICK_MS));
	CU_ASSERT_EQUAL(x.v.timestamp[1] - ts,
		(FILM_S * FILM_AUDIO_PPS + x.v.next[1] - next) * (FILM_AUDIO_HZ / FILM_AUDIO_PPS));
	CU_ASSERT_EQUAL(x.v.lost + x.v.torn + x.v.byes, 0);
	show_close(&x);
}

/* ---- slow clients ---- */

/* The kernel holds little of what the client has not read. */
static void narrow(struct show *x)
{
	struct link *l = list_first(&x->s.workers[0].connections);
	int in = 32 * 1024, out = 32 * 1024;

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	int fd = container_of(l, struct rtsp_session, all)->conn.io.pipe.fd;
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof out), 0);
	CU_ASSERT_EQUAL(setsockopt(x->c.fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof in), 0);
}

static struct rtsp_session *connection_of(struct show *x)
{
	return session_of(x)->streams[0].over;
}

static void take(struct show *x, size_t budget)
{
	struct frame f;
	int n;

	while (budget) {
		size_t want = budget < 65536 ? budget : 65536;
		uint8_t *room = buf_room(&x->c.in, want);
		CU_ASSERT_PTR_NOT_NULL_FATAL(room);
		ssize_t got = recv(x->c.fd, room, want, MSG_DONTWAIT);
		if (got <= 0)
			break;
		buf_grew(&x->c.in, (size_t)got);
		budget -= (size_t)got;
	}
	while ((n = frame_read(buf_bytes(&x->c.in), &f)) > 0) {
		CU_ASSERT_EQUAL_FATAL(f.kind, FRAME_DATA);
		film_view(&x->v, f.channel, f.payload);
		buf_drop(&x->c.in, (size_t)n);
	}
}

/* A request whose answer stands behind what has not been read yet. */
static int ask_slowly(struct show *x, const char *method)
{
	char *text =
		xasprintf("%s rtsp://127.0.0.1/film RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n",
			method, x->c.session);
	int status = 0;

	sim_send(&x->c, text);
	free(text);
	for (int i = 0; i < 100 && !status; i++) {
		status = sim_reply(&x->c);
		sim_settle(&x->s);
	}
	return status;
}

struct extremes {
	uint8_t level;
	size_t waiting;
};

/* Lets time pass; the client reads this many bytes a second. */
static struct extremes watch_slowly(struct show *x, tick_t span, size_t bytes_per_s)
{
	struct extremes e = { 0 };
	tick_t end = x->s.clock + span;

	while (x->s.clock < end) {
		sim_run(&x->s, 20 * TICK_MS);
		take(x, bytes_per_s / 50);
		const struct rtp_session *s = x->s.workers[0].sessions;
		if (!s)
			break;
		const struct rtp_stream *video = &s->streams[0];
		if (video->thin.level > e.level)
			e.level = video->thin.level;
		if (video->over && video->over->conn.io.out.n > e.waiting)
			e.waiting = video->over->conn.io.out.n;
	}
	return e;
}

/* What it did not get, and what we say of it. */
static void check_counts(struct show *x)
{
	const struct rtp_session *s = session_of(x);
	const struct stats *stats = &x->s.workers[0].stats;
	uint64_t skipped = 0, sent = 0, thinned = 0, too_late = 0;

	for (uint32_t i = 0; i < 2; i++) {
		const struct rtp_stream *st = &s->streams[i];
		CU_ASSERT_EQUAL(st->packets, x->v.n[i]);
		CU_ASSERT_EQUAL(st->octets, x->v.octets[i]);
		CU_ASSERT_TRUE(st->thinned + st->too_late + st->dropped >= x->v.skipped[i]);
		sent += st->packets;
		thinned += st->thinned;
		too_late += st->too_late;
		skipped += st->thinned + st->too_late + st->dropped;
	}
	CU_ASSERT_EQUAL(stats->packets_sent, sent);
	CU_ASSERT_EQUAL(
		stats->bytes_sent, x->v.octets[0] + x->v.octets[1] + sent * (uint64_t)RTP_HEADER);
	CU_ASSERT_EQUAL(stats->packets_thinned, thinned);
	CU_ASSERT_EQUAL(stats->packets_too_late, too_late);
	/* what was left out after the last packet that came is not seen by the viewer */
	CU_ASSERT_EQUAL(skipped, (uint64_t)x->v.skipped[0] + x->v.skipped[1]);
}

static void t_slow(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	/* half of the film's 0.9 Mbit/s */
	struct extremes e = watch_slowly(&x, 40 * TICK_S, 56000);
	CU_ASSERT_TRUE(e.level >= THIN_MOST);
	CU_ASSERT_TRUE(e.waiting < 80000);
	CU_ASSERT_TRUE(x.v.of_kind[0] >= 30); /* key frames come */
	CU_ASSERT_TRUE(x.v.n[1] >= 35 * FILM_AUDIO_PPS && x.v.skipped[1] == 0); /* audio is whole */
	check_sound(&x); /* no number is missing, no frame torn, none in vain */
	CU_ASSERT_TRUE(x.s.workers[0].stats.packets_thinned > 0);
	CU_ASSERT_EQUAL(x.s.workers[0].stats.packets_dropped_tcp, 0);
	/* with room again, it has everything soon */
	watch_slowly(&x, 20 * TICK_S, 1000000);
	CU_ASSERT_EQUAL(session_of(&x)->streams[0].thin.level, THIN_ALL);
	uint32_t skipped = x.v.skipped[0];
	watch_slowly(&x, 30 * TICK_S, 1000000);
	CU_ASSERT_EQUAL(x.v.skipped[0], skipped);
	CU_ASSERT_TRUE(x.v.next[1] >= 110 * FILM_AUDIO_PPS);
	check_sound(&x);
	check_counts(&x);
	show_close(&x);
}

static void t_steady(void)
{
	struct show x;

	/* a client that reads as it plays, as ffmpeg -re does, loses nothing */
	show_open(&x);
	show_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	struct extremes e = watch_slowly(&x, 60 * TICK_S, 120000);
	CU_ASSERT_EQUAL(e.level, 0);
	CU_ASSERT_TRUE(e.waiting < 80000);
	CU_ASSERT_TRUE(x.v.next[1] >= 59 * FILM_AUDIO_PPS);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	CU_ASSERT_TRUE(x.s.workers[0].stats.ahead_waits > 0);
	check_sound(&x);
	show_close(&x);
}

/* PAUSE finds packets that wait for room: they come after the next PLAY, and no other. */
static void t_pause_full(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch_slowly(&x, 10 * TICK_S, 120000);
	CU_ASSERT_TRUE(connection_of(&x)->wants_room);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(ask_slowly(&x, "PAUSE"), 200);
		double point = range_start(&x);
		CU_ASSERT_TRUE(point >= (double)x.v.next[1] / FILM_AUDIO_PPS - 0.1);
		CU_ASSERT_TRUE(point <= (double)x.v.next[1] / FILM_AUDIO_PPS + 0.1);
		uint32_t n = came(&x);
		watch_slowly(&x, 3 * TICK_S, 1000000);
		CU_ASSERT_EQUAL(came(&x), n);
		CU_ASSERT_EQUAL(ask_slowly(&x, "PLAY"), 200);
		watch_slowly(&x, 3 * TICK_S, 120000);
	}
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	check_sound(&x);
	show_close(&x);
}

static void t_stopped(void)
{
	struct show x;

	show_open(&x);
	show_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch_slowly(&x, 5 * TICK_S, 200000);
	struct extremes e = watch_slowly(&x, 20 * TICK_S, 0);
	CU_ASSERT_TRUE(e.waiting < 80000);
	/* it comes back: what is too late is left out, what comes is whole */
	watch_slowly(&x, 5 * TICK_S, 400000);
	CU_ASSERT_TRUE(x.s.workers[0].stats.packets_too_late > 0);
	CU_ASSERT_TRUE(x.v.skipped[1] > 0);
	CU_ASSERT_TRUE(x.v.next[1] > 29 * FILM_AUDIO_PPS);
	check_sound(&x);
	/* it never does again */
	e = watch_slowly(&x, 200 * TICK_S, 0);
	CU_ASSERT_TRUE(e.waiting < 80000);
	/* the kernel's buffers decide whether the last of the film still went into them: who waits for
	 * its end is not blocked, only gone */
	const uint64_t *ended = x.s.workers[0].stats.ended;
	CU_ASSERT_EQUAL(ended[CLOSE_BLOCKED] + ended[CLOSE_TIMEOUT], 1);
	show_close(&x);
}

/* Without thinning the connection's own mark is the last resort: packets are lost, and counted. */
static void t_last_resort(void)
{
	struct show x;

	show_open(&x);
	x.s.prefs.disable_thinning = 1;
	show_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	struct extremes e = watch_slowly(&x, 60 * TICK_S, 56000);
	const struct rtp_session *s = session_of(&x);
	CU_ASSERT_EQUAL(e.level, 0);
	CU_ASSERT_TRUE(e.waiting < 600000);
	CU_ASSERT_TRUE(s->streams[0].dropped > 0);
	watch_slowly(&x, 10 * TICK_S, 1000000);
	CU_ASSERT_EQUAL(conn_waiting(&connection_of(&x)->conn), 0);
	CU_ASSERT_EQUAL(x.v.lost, s->streams[0].dropped + s->streams[1].dropped);
	CU_ASSERT_EQUAL(x.s.workers[0].stats.packets_dropped_tcp, x.v.lost);
	check_counts(&x);
	watch_slowly(&x, 60 * TICK_S, 1000000);
	/* the last reports count what was handed over */
	CU_ASSERT_EQUAL(x.v.byes, 2);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(x.v.sr_packets[i], x.v.n[i]);
		CU_ASSERT_EQUAL(x.v.sr_octets[i], x.v.octets[i]);
	}
	show_close(&x);
}

UNIT_SUITE(pace, { "ahead: a window at once, then at its rate, up to its maximum", t_ahead },
	{ "ahead: a packet leaves at the first moment that allows it", t_ahead_when },
	{ "ahead: a connection that is full holds it where it is", t_ahead_hold },
	{ "thin: each level has its frames, and a decoder can use them", t_thin_levels },
	{ "thin: a step per second of lateness, all the way when it is great", t_thin_steps },
	{ "thin: only the client's own lateness counts; audio goes last", t_thin_innocent },
	{ "pace: the first second at once, twice real time, 25 s ahead at most", t_fast_start },
	{ "pace: in real time by the bench profile", t_not_ahead },
	{ "pace: UDP in real time, or ahead by preference", t_udp },
	{ "pace: PAUSE while ahead loses and repeats nothing (2326 10.6)", t_pause },
	{ "pace: pausing often fills no client's memory", t_pause_often },
	{ "pace: a seek while ahead begins anew; RTP time never steps back (2326 B)", t_seek },
	{ "pace: Speed is followed to the letter (2326 12.35)", t_speed },
	{ "pace: the next round of a loop is sent ahead, too", t_loop },
	{ "pace: a slow client gets less, whole and in time, and all of it again later", t_slow },
	{ "pace: a client that reads at its own pace gets everything", t_steady },
	{ "pace: PAUSE while packets wait for room loses none (2326 10.6)", t_pause_full },
	{ "pace: a client that stops reading costs little, and ends", t_stopped },
	{ "pace: without thinning the high-water mark drops, and counts", t_last_resort });
