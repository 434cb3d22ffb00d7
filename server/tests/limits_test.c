/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Every limit: what the client is told, what is counted, and that what plays is left alone. */
#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"

static const struct stats *stats_of(const struct sim *s)
{
	return &s->workers[0].stats;
}

/* Did the server end this connection? Takes what it said first. */
static bool is_closed(struct sim_client *c)
{
	uint8_t d[4096];
	ssize_t n;

	sim_frames(c);
	do
		n = recv(c->fd, d, sizeof d, MSG_DONTWAIT);
	while (n > 0);
	return n == 0;
}

/* ---- connections that do nothing, or half of something ---- */

static void t_silent(void)
{
	struct sim s;
	struct sim_client mute, polite;

	sim_open(&s, 1);
	sim_connect(&mute, &s, 0);
	sim_connect(&polite, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&polite, "OPTIONS", "/", ""), 200);
	sim_run(&s, 29 * TICK_S);
	CU_ASSERT_FALSE(is_closed(&mute));
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_TRUE(is_closed(&mute));
	CU_ASSERT_EQUAL(sim_reply(&mute), 0); /* nothing was asked: nothing is answered */
	CU_ASSERT_EQUAL(sim_ask(&polite, "OPTIONS", "/", ""), 200);
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_SILENT], 1);
	sim_hang_up(&mute);
	sim_hang_up(&polite);
	sim_close(&s);
}

static void t_idle(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 200);
	sim_run(&s, 179 * TICK_S);
	CU_ASSERT_FALSE(is_closed(&c));
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_TRUE(is_closed(&c));
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_IDLE], 1);
	sim_hang_up(&c);
	sim_close(&s);
}

/* One octet each five seconds: `text` again and again, behind `first`. */
static void trickle(const char *first, const char *text)
{
	struct sim s;
	struct sim_client c;
	int status = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 200);
	if (*first)
		sim_send(&c, first);
	for (int i = 0; i < 8 && !status; i++) {
		char one[2] = { text[(size_t)i % strlen(text)], '\0' };
		(void)send(c.fd, one, 1, MSG_NOSIGNAL); /* it may have been closed already */
		sim_run(&s, 5 * TICK_S);
		status = sim_reply(&c);
	}
	CU_ASSERT_EQUAL(status, 408);
	CU_ASSERT_TRUE(s.clock <= TICK_S + 36 * TICK_S);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_TRUE(is_closed(&c));
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_SLOW], 1);
	CU_ASSERT_EQUAL(stats_of(&s)->responses_4xx, 1);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_slow_line(void)
{
	trickle("", "OPTIONS rtsp://127.0.0.1/");
}

static void t_slow_headers(void)
{
	trickle("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n", "X: abcdefghij");
}

static void t_slow_body(void)
{
	trickle("SET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 100\r\n\r\n", "x");
}

static void t_slow_frame(void)
{
	static const char frame[] = { '$', 1, 1, 'x' }; /* of 256 + 120 octets: it never ends */
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 200);
	CU_ASSERT_EQUAL(send(c.fd, frame, sizeof frame, MSG_NOSIGNAL), (ssize_t)sizeof frame);
	sim_run(&s, 34 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 408);
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_SLOW], 1);
	sim_hang_up(&c);
	sim_close(&s);
}

/* Half a request behind what plays: it plays on, as long as it is read. */
static void t_slow_while_playing(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/100k/10p/trackID=1", TCP), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/100k/10p", ""), 200);
	sim_send(&c, "GET_PARAM");
	for (int i = 0; i < 300; i++) {
		sim_run(&s, TICK_S);
		sim_frames(&c);
	}
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 1);
	sim_send(&c, "ETER rtsp://h/pattern/100k/10p RTSP/1.0\r\nCSeq: 9\r\nSession: ");
	sim_send(&c, c.session);
	sim_send(&c, "\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/100k/10p", ""), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

/* ---- clients that do not read ---- */

static void t_blocked_replies(void)
{
	struct sim s;
	struct sim_client c;
	size_t asked = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	int small = 4096;
	CU_ASSERT_EQUAL(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	static const char ask[] = "DESCRIBE rtsp://h/pattern RTSP/1.0\r\nCSeq: 1\r\n\r\n";
	/* until nothing more is taken from us: the server has stopped to read */
	for (int full = 0; full < 20;) {
		ssize_t n = send(c.fd, ask, sizeof ask - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		full = n == (ssize_t)sizeof ask - 1 ? 0 : full + 1;
		asked += n > 0;
		if (full || asked % 64 == 0)
			sim_run(&s, 10 * TICK_MS);
		CU_ASSERT_TRUE_FATAL(asked < 1000000);
	}
	struct link *x = list_first(&s.workers[0].connections);
	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	const struct rtsp_session *on = container_of(x, struct rtsp_session, all);
	CU_ASSERT_TRUE(conn_waiting(&on->conn) > 0);
	CU_ASSERT_TRUE(conn_waiting(&on->conn) <= (size_t)s.prefs.reply_queue_bytes + 65536);
	CU_ASSERT_TRUE(on->conn.io.in.n <= on->conn.limits.in_max);
	sim_run(&s, 63 * TICK_S);
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_BLOCKED], 1);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	sim_hang_up(&c);
	sim_close(&s);
}

/* Stored or live, a reader that stalls ends with its sessions, and what waited for it was bounded. */
static void stalled(const char *path, const char *control)
{
	struct sim s;
	struct sim_client c, other;
	size_t most = 0;

	sim_open(&s, 1);
	s.prefs.loop = 1;
	sim_connect(&c, &s, 0);
	sim_connect(&other, &s, 0);
	int small = 4096;
	CU_ASSERT_EQUAL(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	char *track = xasprintf("%s/%s", path, control);
	CU_ASSERT_EQUAL(sim_setup(&c, track, TCP), 200);
	CU_ASSERT_EQUAL(sim_setup(&other, track, TCP), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", path, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "PLAY", path, ""), 200);
	for (int i = 0; i < 200 && s.workers[0].n_sessions == 2; i++) {
		LIST_EACH(x, &s.workers[0].connections)
		{
			size_t n = conn_waiting(&container_of(x, struct rtsp_session, all)->conn);
			most = n > most ? n : most;
		}
		sim_run(&s, TICK_S);
		sim_frames(&other);
	}
	/* the kernel's buffers fill first; then it is a minute */
	CU_ASSERT_TRUE(s.clock <= 190 * TICK_S);
	CU_ASSERT_TRUE(most > 0 && most <= (size_t)s.prefs.max_tcp_buffer_size + 65536);
	CU_ASSERT_EQUAL(stats_of(&s)->ended[CLOSE_BLOCKED], 1);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(stats_of(&s)->closed[END_BLOCKED], 1);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 1);
	/* it has got what it should in the meantime, and is served */
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 1);
	free(track);
	sim_hang_up(&c);
	sim_hang_up(&other);
	sim_close(&s);
}

static void t_stalled_reader(void)
{
	stalled("/pattern/4000k/400p", "trackID=1");
}

static void t_stalled_reader_of_a_file(void)
{
	stalled("/clip.mp4", "streamid=3");
}

/* ---- what is given back ---- */

static void t_memory_back(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	char *big = xasprintf("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: %07000d\r\n\r\n", 0);
	sim_send(&c, big);
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	struct link *x = list_first(&s.workers[0].connections);
	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	const struct rtsp_session *on = container_of(x, struct rtsp_session, all);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(on->conn.io.in.cap, 0);
	CU_ASSERT_EQUAL(on->conn.io.out.cap, 0);
	CU_ASSERT_PTR_NULL(on->spare);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 200);
	free(big);
	sim_hang_up(&c);
	sim_close(&s);
}

UNIT_SUITE(limits, { "a connection that asks nothing ends, without an answer", t_silent },
	{ "an idle connection ends", t_idle },
	{ "a request line that trickles: 408, and the end", t_slow_line },
	{ "headers that trickle: 408, and the end", t_slow_headers },
	{ "a body that trickles: 408, and the end", t_slow_body },
	{ "a frame that never ends: 408, and the end", t_slow_frame },
	{ "what plays is not ended for half a request behind it", t_slow_while_playing },
	{ "who never reads replies is read no more, and then ended", t_blocked_replies },
	{ "a reader that stalls ends in bounded time and memory, others play on",
		t_stalled_reader },
	{ "the same of a file, whose media wait in it", t_stalled_reader_of_a_file },
	{ "what a connection needed at its busiest is given back when it idles", t_memory_back });
