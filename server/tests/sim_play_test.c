/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/pattern.h"
#include "server/wire/rtpinfo.h"

/* PLAY, PAUSE and seek, by what comes over an interleaved connection. */

struct taker {
	uint16_t seq;
	uint32_t ts, first_ts;
	uint64_t position, first_position;
	uint16_t first_seq;
	unsigned n;
	unsigned gaps, jumps; /* in sequence numbers; in positions */
};

static void on_frame(void *arg, uint8_t channel, struct bytes payload)
{
	struct taker *t = arg;
	struct rtp_view v;

	if (channel != 0)
		return;
	CU_ASSERT_EQUAL_FATAL(rtp_read(payload, &v), 0);
	CU_ASSERT_FATAL(v.payload.n >= PATTERN_PREFIX);
	uint64_t position = be64(v.payload.p + 8);
	if (t->n == 0) {
		t->first_seq = v.seq;
		t->first_ts = v.timestamp;
		t->first_position = position;
	} else {
		t->gaps += v.seq != (uint16_t)(t->seq + 1);
		t->jumps += position != t->position + 1;
	}
	t->seq = v.seq;
	t->ts = v.timestamp;
	t->position = position;
	t->n++;
}

/* What the last PLAY reply promised. */
static void read_play(struct sim_client *c, uint16_t *seq, uint32_t *rtptime, double *start)
{
	struct rtpinfo e = { 0 };
	struct bytes v = rtsp_value(&c->reply, RTSP_H_RTP_INFO);
	char range[64];

	CU_ASSERT_EQUAL_FATAL(rtpinfo_next(&v, &e), 1);
	CU_ASSERT_TRUE(e.has_seq && e.has_rtptime);
	*seq = e.seq;
	*rtptime = e.rtptime;
	sim_header(c, RTSP_H_RANGE, range, sizeof range);
	CU_ASSERT_EQUAL(sscanf(range, "npt=%lf-", start), 1);
}

static void play_client(struct sim *s, struct sim_client *c, struct taker *t)
{
	sim_open(s, 1);
	sim_connect(c, s, 0);
	*t = (struct taker){ 0 };
	c->on_frame = on_frame;
	c->arg = t;
	CU_ASSERT_EQUAL(sim_setup(c, "/pattern/500k/50p/60s/trackID=1", SIM_INTERLEAVED), 200);
}

#define AGGREGATE "/pattern/500k/50p/60s"

static void t_pause(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
		sim_run(&s, 1234567890 + 777777 * i);
		sim_frames(&c);
		CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, ""), 200);
		unsigned n = t.n;
		sim_run(&s, 3 * TICK_S);
		sim_frames(&c);
		CU_ASSERT_EQUAL(t.n, n);
	}
	CU_ASSERT_TRUE(t.n > 300);
	CU_ASSERT_EQUAL(t.gaps, 0);
	CU_ASSERT_EQUAL(t.jumps, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, ""), 455);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_rtp_info(void)
{
	static const char *const ranges[] = { "Range: npt=0-\r\n", "Range: npt=10.01-\r\n",
		"Range: npt=3-5\r\n", "Range: npt=0:00:07.5-\r\n", "" };
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	for (size_t i = 0; i < COUNT(ranges); i++) {
		uint16_t seq = 0, last = t.seq;
		uint32_t rtptime = 0;
		double start = -1;
		if (i == 4)
			CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, ""), 200);
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ranges[i]), 200);
		read_play(&c, &seq, &rtptime, &start);
		if (i)
			CU_ASSERT_EQUAL(seq, (uint16_t)(last + 1));
		t.n = 0;
		sim_run(&s, TICK_S);
		sim_frames(&c);
		CU_ASSERT_TRUE(t.n >= 49);
		CU_ASSERT_EQUAL(t.first_seq, seq);
		/* NPT of the first packet by RTP-Info is its place in the pattern, to one RTP tick */
		double npt = start + (double)(int32_t)(t.first_ts - rtptime) / 90000;
		double want = (double)t.first_position / 50;
		CU_ASSERT_TRUE(npt - want < 2.0 / 90000 && want - npt < 2.0 / 90000);
		CU_ASSERT_EQUAL(t.gaps, 0);
		last = t.seq;
	}
	sim_hang_up(&c);
	sim_close(&s);
}

/* The server has not run for a while when the PLAY comes: packets that were due are still to leave. */
static void t_rtp_info_late(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	for (int i = 0; i < 5; i++) {
		uint16_t seq = 0;
		uint32_t rtptime = 0;
		double start = -1;
		sim_run(&s, TICK_S + 7 * TICK_MS * i);
		sim_frames(&c);
		t.n = 0;
		s.clock += 50 * TICK_MS;
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, i % 2 ? "Scale: 1\r\n" : ""), 200);
		read_play(&c, &seq, &rtptime, &start);
		sim_run(&s, 100 * TICK_MS);
		sim_frames(&c);
		CU_ASSERT_FATAL(t.n > 0);
		CU_ASSERT_EQUAL(t.first_seq, seq);
		double npt = start + (double)(int32_t)(t.first_ts - rtptime) / 90000;
		double want = (double)t.first_position / 50;
		CU_ASSERT_TRUE(npt - want < 2.0 / 90000 && want - npt < 2.0 / 90000);
		/* not before the range: that is what a client throws away */
		CU_ASSERT_TRUE((int32_t)(t.first_ts - rtptime) >= 0);
	}
	CU_ASSERT_EQUAL(t.gaps, 0);
	CU_ASSERT_EQUAL(t.jumps, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_jump(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	sim_run(&s, 1005 * TICK_MS);
	sim_frames(&c);
	uint32_t before = t.ts;
	t.n = 0;
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=30-\r\n"), 200);
	sim_run(&s, TICK_S);
	sim_frames(&c);
	/* 2326 B: a jump in NPT is none in RTP time */
	CU_ASSERT_EQUAL(t.first_ts - before, 1800);
	CU_ASSERT_EQUAL(t.first_position, 1500);
	/* a PLAY without Range asks only whether we are there */
	unsigned n = t.n;
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	sim_run(&s, TICK_S);
	sim_frames(&c);
	CU_ASSERT_TRUE(t.n >= n + 49 && t.n <= n + 51);
	CU_ASSERT_EQUAL(t.gaps + t.jumps, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_range_end(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=2-3\r\n"), 200);
	sim_run(&s, 5 * TICK_S);
	sim_frames(&c);
	/* 12.29: the start is in, the end is not */
	CU_ASSERT_EQUAL(t.n, 50);
	CU_ASSERT_EQUAL(t.first_position, 100);
	CU_ASSERT_EQUAL(t.position, 149);
	/* a PAUSE that crossed with the end (10.5), and one too many */
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, ""), 455);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	sim_run(&s, TICK_S);
	sim_frames(&c);
	CU_ASSERT_EQUAL(t.gaps + t.jumps, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=60-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=5-2\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: bytes=5-2\r\n"), 501);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=59-\r\n"), 200);
	sim_run(&s, 3 * TICK_S);
	sim_frames(&c);
	CU_ASSERT_EQUAL(t.position, 2999);
	/* after the end of the medium it begins again */
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	t.n = 0;
	sim_run(&s, TICK_S);
	sim_frames(&c);
	CU_ASSERT_EQUAL(t.first_position, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

#define LIVE "/pattern/noseek/50p/2t"
static void t_no_seek(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t = { 0 };

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	c.on_frame = on_frame;
	c.arg = &t;
	CU_ASSERT_EQUAL(sim_setup(&c, LIVE "/trackID=1", SIM_INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, "Range: npt=20-\r\n"), 456);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, "Range: npt=0-\r\n"), 200);
	sim_run(&s, 5 * TICK_S);
	sim_frames(&c);
	/* it goes on playing over a refusal, and where it stood after a PAUSE */
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, "Range: npt=0-\r\n"), 456);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, "Range: npt=900-\r\n"), 456);
	sim_run(&s, 1234567890);
	sim_frames(&c);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", LIVE, ""), 200);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, "Range: npt=0-\r\n"), 456);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", LIVE, ""), 200);
	sim_run(&s, TICK_S);
	sim_frames(&c);
	CU_ASSERT_TRUE(t.n > 350);
	CU_ASSERT_EQUAL(t.first_position, 0);
	CU_ASSERT_EQUAL(t.gaps + t.jumps, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_pause_at(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, "Range: npt=0-10\r\n"), 200);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, "Range: npt=50-\r\n"), 457);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", AGGREGATE, "Range: npt=4-\r\n"), 200);
	sim_run(&s, 6 * TICK_S);
	sim_frames(&c);
	/* 10.6: what begins at the pause point is not sent */
	CU_ASSERT_EQUAL(t.position, 199);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", AGGREGATE, ""), 200);
	sim_run(&s, TICK_S);
	sim_frames(&c);
	CU_ASSERT_EQUAL(t.gaps + t.jumps, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_slow_client(void)
{
	struct sim s;
	struct sim_client c;
	struct taker t;

	play_client(&s, &c, &t);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", AGGREGATE, ""), 200);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/8m/1000p/trackID=1", SIM_INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/8m/1000p", ""), 200);
	sim_run(&s, 20 * TICK_S); /* nobody reads */
	struct stats *stats = &s.workers[0].stats;
	CU_ASSERT_TRUE(stats->packets_dropped_tcp > 1000);
	struct link *x = list_first(&s.workers[0].connections);
	CU_ASSERT_FATAL(x != NULL);
	struct rtsp_session *conn = container_of(x, struct rtsp_session, all);
	CU_ASSERT_TRUE(conn_waiting(&conn->conn) < (size_t)s.prefs.max_tcp_buffer_size + 100000);
	/* the reply comes through, and every frame is whole */
	sim_send(&c, "OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n");
	int status = 0;
	for (int i = 0; i < 1000 && !status; i++) {
		status = sim_reply(&c);
		sim_run(&s, TICK_MS);
	}
	CU_ASSERT_EQUAL(status, 200);
	CU_ASSERT_EQUAL(c.reply.cseq, 77);
	CU_ASSERT_TRUE(t.gaps > 0);
	sim_hang_up(&c);
	sim_close(&s);
}

UNIT_SUITE(sim_play, { "play: PAUSE loses and repeats nothing (2326 10.6)", t_pause },
	{ "play: RTP-Info is exact after every PLAY (2326 12.33)", t_rtp_info },
	{ "RFC 2326 12.33: RTP-Info names the next packet though it is late", t_rtp_info_late },
	{ "play: RTP time goes on over a jump in NPT (2326 B)", t_jump },
	{ "play: a range ends before its end and pauses (2326 10.5, 12.29)", t_range_end },
	{ "play: what cannot be sought in says 456 and goes on (2326 11.3.7)", t_no_seek },
	{ "play: PAUSE with a Range stops there (2326 10.6)", t_pause_at },
	{ "tcp: a slow client loses whole frames, counted, and no reply", t_slow_client });
