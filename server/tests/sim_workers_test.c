/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* A session on one worker, and requests that come in on another one. */

/* A session on the first worker; `b` is a connection of the other one. */
struct two {
	struct sim s;
	struct sim_client a, b;
	struct sim_ports p;
};

static void two_open(struct two *x, const char *path)
{
	sim_open(&x->s, 2);
	sim_connect(&x->a, &x->s, 0);
	sim_connect(&x->b, &x->s, 1);
	sim_ports_open(&x->p);
	CU_ASSERT_EQUAL(sim_setup_udp(&x->a, &x->p, path), 200);
	CU_ASSERT_EQUAL_FATAL(x->s.workers[0].n_sessions, 1);
}

static void two_close(struct two *x)
{
	sim_hang_up(&x->a);
	sim_ports_close(&x->p);
	sim_close(&x->s);
}

static void t_forward(void)
{
	struct two x;

	two_open(&x, "/pattern/2t/trackID=1");
	memcpy(x.b.session, x.a.session, sizeof x.b.session);
	CU_ASSERT_EQUAL(sim_setup(&x.b, "/pattern/2t/trackID=2", SIM_INTERLEAVED), 461);
	CU_ASSERT_EQUAL(sim_setup_udp(&x.b, &x.p, "/pattern/2t/trackID=2"), 200);
	CU_ASSERT_EQUAL(sim_ask(&x.b, "PLAY", "/pattern/2t", ""), 200);
	sim_run(&x.s, 100 * TICK_MS);
	CU_ASSERT_TRUE(x.s.workers[0].stats.packets_sent > 5);
	/* a forwarded request keeps its place among the others of its connection */
	char *text =
		xasprintf("OPTIONS * RTSP/1.0\r\nCSeq: 101\r\n\r\n"
			  "PAUSE rtsp://h/pattern/2t RTSP/1.0\r\nCSeq: 102\r\nSession: %s\r\n\r\n"
			  "OPTIONS * RTSP/1.0\r\nCSeq: 103\r\n\r\n",
			x.a.session);
	sim_send(&x.b, text);
	free(text);
	for (uint32_t n = 101; n <= 103; n++) {
		CU_ASSERT_EQUAL(sim_reply(&x.b), 200);
		CU_ASSERT_EQUAL(x.b.reply.cseq, n);
	}
	CU_ASSERT_EQUAL(x.s.workers[1].stats.requests_forwarded, 4);
	CU_ASSERT_EQUAL(sim_ask(&x.b, "TEARDOWN", "/pattern/2t", ""), 200);
	CU_ASSERT_EQUAL(x.s.workers[0].n_sessions, 0);
	sim_hang_up(&x.b);
	two_close(&x);
}

static void t_forward_hangup(void)
{
	struct two x;

	two_open(&x, "/pattern/trackID=1");
	char *text = xasprintf(
		"PLAY rtsp://h/pattern RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n", x.a.session);
	CU_ASSERT_TRUE(send(x.b.fd, text, strlen(text), 0) > 0);
	free(text);
	loop_turn(&x.s.workers[1].loop); /* the request is on its way, the client is gone */
	sim_hang_up(&x.b);
	for (int i = 0; i < 5; i++)
		loop_turn(&x.s.workers[1].loop);
	sim_settle(&x.s);
	CU_ASSERT_EQUAL(x.s.workers[0].sessions->state, RTP_PLAYING);
	two_close(&x);
}

UNIT_SUITE(sim_workers,
	{ "workers: requests for a session elsewhere are carried there, in order", t_forward },
	{ "workers: a client may go while its request is away", t_forward_hangup });
