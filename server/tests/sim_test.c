/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/base/log.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* ---- life ---- */

static void t_timeout(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	tick_t t0 = s.clock;
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/trackID=1"), 200);
	sim_run(&s, 30 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "GET_PARAMETER", "/pattern", ""), 200);
	sim_run(&s, t0 + 90 * TICK_S - TICK_MS - s.clock);
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 1);
	sim_run(&s, 2 * TICK_MS);
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 0);
	CU_ASSERT_EQUAL(s.workers[0].stats.ended[CLOSE_TIMEOUT], 1);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 454);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

static void t_connection_ends(void)
{
	struct sim s;
	struct sim_client udp, tcp, again;
	struct sim_ports p;

	sim_open(&s, 1);
	sim_connect(&udp, &s, 0);
	sim_connect(&tcp, &s, 0);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&udp, &p, "/pattern/trackID=1"), 200);
	CU_ASSERT_EQUAL(sim_setup(&tcp, "/pattern/trackID=1", SIM_INTERLEAVED), 200);
	sim_hang_up(&udp);
	sim_hang_up(&tcp);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 1);
	CU_ASSERT_EQUAL(s.workers[0].stats.ended[CLOSE_DISCONNECT], 1);
	sim_connect(&again, &s, 0);
	memcpy(again.session, udp.session, sizeof udp.session);
	CU_ASSERT_EQUAL(sim_ask(&again, "PLAY", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&again, "TEARDOWN", "/pattern", ""), 200);
	sim_hang_up(&again);
	sim_ports_close(&p);
	sim_close(&s);
}

/* ---- the same twice ---- */

static uint64_t hash_of_run(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint8_t d[1500];
	uint64_t h = 1469598103934665603u;
	int n;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/clip.mp4/streamid=3"), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/clip.mp4", ""), 200);
	for (int i = 0; i < 120; i++) {
		sim_run(&s, TICK_S / 10);
		for (int which = 0; which < 2; which++) {
			while ((n = sim_ports_read(&p, which, d, sizeof d)) > 0) {
				for (int k = 0; k < n; k++)
					h = (h ^ d[k]) * 1099511628211u;
				h = (h ^ (uint64_t)(s.clock / TICK_MS)) * 1099511628211u;
			}
		}
	}
	CU_ASSERT_TRUE(s.workers[0].stats.packets_sent > 100);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
	return h;
}

static void t_twice(void)
{
	CU_ASSERT_EQUAL(hash_of_run(), hash_of_run());
}

/* ---- limits ---- */

static void t_caps(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	s.prefs.maximum_sessions_per_connection = 2;
	sim_connect(&c, &s, 0);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/trackID=1", "RTP/AVP/TCP;unicast"),
			i < 2 ? 200 : 453);
		c.session[0] = '\0';
	}
	s.prefs.maximum_sessions_per_connection = 200;
	int granted = 2, status;
	while ((status = sim_setup(&c, "/pattern/trackID=1", "RTP/AVP/TCP;unicast")) == 200) {
		granted++;
		c.session[0] = '\0';
	}
	/* 128 pairs of channels, then there is none to grant */
	CU_ASSERT_EQUAL(granted, 128);
	CU_ASSERT_EQUAL(status, 461);
	s.prefs.maximum_bandwidth = 1;
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/trackID=1", "RTP/AVP/TCP;unicast"), 453);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_half_request(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_send(&c, "OPTIONS * RTSP/1.0\r\nCSeq");
	sim_run(&s, 29 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 408);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_byte_by_byte(void)
{
	static const char text[] = "\r\n$\x05" /* frame of 3 bytes on channel 5 */;
	static const char rest[] = "OPTIONS * RTSP/1.0\r\nCSeq: 9\r\nContent-Length: 5\r\n\r\nabcde"
				   "OPTIONS * RTSP/1.0\r\nCSeq: 10\r\n\r\n";
	static const char frame[] = { 0, 3, 'x', 'y', 'z' };
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		CU_ASSERT_EQUAL(send(c.fd, text + i, 1, 0), 1);
		sim_settle(&s);
	}
	for (size_t i = 0; i < sizeof frame; i++) {
		CU_ASSERT_EQUAL(send(c.fd, frame + i, 1, 0), 1);
		sim_settle(&s);
	}
	for (size_t i = 0; i < sizeof rest - 1; i++) {
		CU_ASSERT_EQUAL(send(c.fd, rest + i, 1, 0), 1);
		sim_settle(&s);
	}
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(c.reply.cseq, 9);
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(c.reply.cseq, 10);
	CU_ASSERT_EQUAL(s.workers[0].stats.frames_unknown, 1);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_stray_response(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_send(&c, "RTSP/1.0 200 OK\r\nCSeq: 7\r\nContent-Length: 2\r\n\r\nab");
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	CU_ASSERT_EQUAL(s.workers[0].stats.responses_stray, 1);
	CU_ASSERT_EQUAL(s.workers[0].stats.requests, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

static void keep_line(void *arg, const char *line, size_t n)
{
	struct buf *lines = arg;
	CU_ASSERT_EQUAL(buf_put(lines, bytes_of(line, n)), 0);
}

static void t_log_hides(void)
{
	struct sim s;
	struct sim_client c;
	struct buf lines;

	buf_init(&lines, SIM_BYTES);
	log_sink(keep_line, &lines);
	log_start(0, LOG_D);
	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_send(&c, "DESCRIBE rtsp://joe:hidden@127.0.0.1/pattern RTSP/1.0\r\nCSeq: 1\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	sim_hang_up(&c);
	sim_close(&s);
	log_start(0, LOG_W);
	log_sink(NULL, NULL);
	CU_ASSERT_TRUE(bytes_find(buf_bytes(&lines), B("DESCRIBE /pattern -> 200")) < lines.n);
	CU_ASSERT_EQUAL(bytes_find(buf_bytes(&lines), B("hidden")), lines.n);
	buf_clear(&lines);
}

UNIT_SUITE(sim, { "rtp: a session ends at its time-out, not before (2326 12.37)", t_timeout },
	{ "rtp: an interleaved session ends with its connection, a UDP one doesn't",
		t_connection_ends },
	{ "sim: the same seed gives the same bytes at the same times", t_twice },
	{ "caps: sessions, channels and bandwidth have their answers", t_caps },
	{ "caps: half a request is answered 408 in the end", t_half_request },
	{ "rtsp: requests and frames may come byte by byte", t_byte_by_byte },
	{ "rtsp: a response, never asked for, is taken and not answered", t_stray_response },
	{ "log: no password of a URL", t_log_hides });
