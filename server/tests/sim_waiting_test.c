/* SPDX-License-Identifier: MIT */
#include <sys/socket.h>

#include "server/core/module.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* What may happen while a request waits for something slow: here a module that holds SETUP back. */

static enum verdict hold_setup(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (t->req.method != RTSP_SETUP || t->worker->loop.now >= t->received + TICK_S)
		return MOD_PASS;
	t->wake_at = t->received + TICK_S;
	return MOD_WAIT;
}

static const char setup_tcp[] = "SETUP rtsp://127.0.0.1/pattern/trackID=1 RTSP/1.0\r\nCSeq: 1\r\n"
				"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
static const char setup_udp[] = "SETUP rtsp://127.0.0.1/pattern/trackID=1 RTSP/1.0\r\nCSeq: 1\r\n"
				"Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";

static void t_reset(void)
{
	struct sim s;
	struct sim_client c;
	struct linger hard = { .l_onoff = 1 };

	sim_open(&s, 1);
	s.server.modules[0]->filter = hold_setup;
	sim_connect(&c, &s, 0);
	sim_send(&c, setup_tcp);
	sim_run(&s, TICK_S / 2);
	CU_ASSERT_EQUAL(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	sim_hang_up(&c);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(s.workers[0].stats.sessions, 1);
	CU_ASSERT_EQUAL(s.workers[0].stats.ended[CLOSE_DISCONNECT], 1);
	CU_ASSERT_EQUAL(s.workers[0].stats.connections_closed, 1);
	sim_close(&s);
}

static void t_drain(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	s.server.modules[0]->filter = hold_setup;
	sim_connect(&c, &s, 0);
	sim_send(&c, setup_udp);
	sim_run(&s, TICK_S / 2);
	worker_drain(&s.workers[0], s.clock);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), RTSP_UNAVAILABLE);
	CU_ASSERT_EQUAL(s.workers[0].stats.sessions, 0);
	sim_hang_up(&c);
	sim_run(&s, TICK_S);
	CU_ASSERT_TRUE(worker_is_empty(&s.workers[0]));
	sim_close(&s);
}

UNIT_SUITE(sim_waiting,
	{ "session: a reset during SETUP ends the interleaved session that it makes", t_reset },
	{ "session: a SETUP that waited is 503 once the server drains", t_drain });
