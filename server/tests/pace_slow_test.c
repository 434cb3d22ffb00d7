/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/tests/cinema.h"
#include "server/tests/unit.h"

/* Clients that read slowly, or not at all. */

/* The kernel holds little of what the client has not read. */
static void narrow(struct cinema *x)
{
	struct link *l = list_first(&x->s.workers[0].connections);
	int in = 32 * 1024, out = 32 * 1024;

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	int fd = container_of(l, struct rtsp_session, all)->conn.io.pipe.fd;
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &out, sizeof out), 0);
	CU_ASSERT_EQUAL(setsockopt(x->c.fd, SOL_SOCKET, SO_RCVBUF, &in, sizeof in), 0);
}

static struct rtsp_session *connection_of(struct cinema *x)
{
	return cinema_session(x)->streams[0].over;
}

static void take(struct cinema *x, size_t budget)
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
static int ask_slowly(struct cinema *x, const char *method)
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
static struct extremes watch_slowly(struct cinema *x, tick_t span, size_t bytes_per_s)
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
static void check_counts(struct cinema *x)
{
	const struct rtp_session *s = cinema_session(x);
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
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	/* half of the film's 0.9 Mbit/s */
	struct extremes e = watch_slowly(&x, 40 * TICK_S, 56000);
	CU_ASSERT_TRUE(e.level >= THIN_MOST);
	CU_ASSERT_TRUE(e.waiting < 80000);
	CU_ASSERT_TRUE(x.v.of_kind[0] >= 30); /* key frames come */
	CU_ASSERT_TRUE(x.v.n[1] >= 35 * FILM_AUDIO_PPS && x.v.skipped[1] == 0); /* audio is whole */
	cinema_check(&x); /* no number is missing, no frame torn, none in vain */
	CU_ASSERT_TRUE(x.s.workers[0].stats.packets_thinned > 0);
	CU_ASSERT_EQUAL(x.s.workers[0].stats.packets_dropped_tcp, 0);
	/* with room again, it has everything soon */
	watch_slowly(&x, 20 * TICK_S, 1000000);
	CU_ASSERT_EQUAL(cinema_session(&x)->streams[0].thin.level, THIN_ALL);
	uint32_t skipped = x.v.skipped[0];
	watch_slowly(&x, 30 * TICK_S, 1000000);
	CU_ASSERT_EQUAL(x.v.skipped[0], skipped);
	CU_ASSERT_TRUE(x.v.next[1] >= 110 * FILM_AUDIO_PPS);
	cinema_check(&x);
	check_counts(&x);
	cinema_close(&x);
}

static void t_steady(void)
{
	struct cinema x;

	/* a client that reads as it plays, as ffmpeg -re does, loses nothing */
	cinema_open(&x);
	cinema_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	struct extremes e = watch_slowly(&x, 60 * TICK_S, 120000);
	CU_ASSERT_EQUAL(e.level, 0);
	CU_ASSERT_TRUE(e.waiting < 80000);
	CU_ASSERT_TRUE(x.v.next[1] >= 59 * FILM_AUDIO_PPS);
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	CU_ASSERT_TRUE(x.s.workers[0].stats.ahead_waits > 0);
	cinema_check(&x);
	cinema_close(&x);
}

/* PAUSE finds packets that wait for room: they come after the next PLAY, and no other. */
static void t_pause_full(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	watch_slowly(&x, 10 * TICK_S, 120000);
	CU_ASSERT_TRUE(connection_of(&x)->wants_room);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(ask_slowly(&x, "PAUSE"), 200);
		double point = cinema_range(&x);
		CU_ASSERT_TRUE(point >= (double)x.v.next[1] / FILM_AUDIO_PPS - 0.1);
		CU_ASSERT_TRUE(point <= (double)x.v.next[1] / FILM_AUDIO_PPS + 0.1);
		uint32_t n = cinema_came(&x);
		watch_slowly(&x, 3 * TICK_S, 1000000);
		CU_ASSERT_EQUAL(cinema_came(&x), n);
		CU_ASSERT_EQUAL(ask_slowly(&x, "PLAY"), 200);
		watch_slowly(&x, 3 * TICK_S, 120000);
	}
	CU_ASSERT_EQUAL(x.v.skipped[0] + x.v.skipped[1], 0);
	cinema_check(&x);
	cinema_close(&x);
}

static void t_stopped(void)
{
	struct cinema x;

	cinema_open(&x);
	cinema_setup(&x);
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
	cinema_check(&x);
	/* it never does again */
	e = watch_slowly(&x, 200 * TICK_S, 0);
	CU_ASSERT_TRUE(e.waiting < 80000);
	/* the kernel's buffers decide whether the last of the film still went into them: who waits for
	 * its end is not blocked, only gone */
	const uint64_t *ended = x.s.workers[0].stats.ended;
	CU_ASSERT_EQUAL(ended[CLOSE_BLOCKED] + ended[CLOSE_TIMEOUT], 1);
	cinema_close(&x);
}

/* Without thinning the connection's own mark is the last resort: packets are lost, and counted. */
static void t_last_resort(void)
{
	struct cinema x;

	cinema_open(&x);
	x.s.prefs.disable_thinning = 1;
	cinema_setup(&x);
	narrow(&x);
	CU_ASSERT_EQUAL(sim_ask(&x.c, "PLAY", "/film", ""), 200);
	struct extremes e = watch_slowly(&x, 60 * TICK_S, 56000);
	const struct rtp_session *s = cinema_session(&x);
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
	cinema_close(&x);
}

UNIT_SUITE(pace_slow,
	{ "pace: a slow client gets less, whole and in time, and all of it again later", t_slow },
	{ "pace: a client that reads at its own pace gets everything", t_steady },
	{ "pace: PAUSE while packets wait for room loses none (2326 10.6)", t_pause_full },
	{ "pace: a client that stops reading costs little, and ends", t_stopped },
	{ "pace: without thinning the high-water mark drops, and counts", t_last_resort });
