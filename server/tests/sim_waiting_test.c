/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/os.h"
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

static void t_reset_after_eof(void)
{
	struct sim s;
	struct sim_client c;
	struct linger hard = { .l_onoff = 1 };

	sim_open(&s, 1);
	s.server.modules[0]->filter = hold_setup;
	sim_connect(&c, &s, 0);
	sim_send(&c, setup_udp);
	CU_ASSERT_EQUAL(shutdown(c.fd, SHUT_WR), 0);
	sim_run(&s, TICK_S / 4);
	CU_ASSERT_EQUAL(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	sim_hang_up(&c);
	uint64_t runs = s.workers[0].loop.runs;
	for (int i = 0; i < 50; i++)
		loop_turn(&s.workers[0].loop);
	CU_ASSERT_TRUE(s.workers[0].loop.runs - runs < 5);
	sim_run(&s, TICK_S);
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

/* Sends a request whose reply does not come yet. */
static void send_held(struct sim_client *c, const char *method)
{
	char *text = xasprintf("%s rtsp://127.0.0.1/pattern RTSP/1.0\r\nCSeq: 9\r\n"
			       "Session: %s\r\n\r\n",
		method, c->session);

	sim_send(c, text);
	free(text);
	CU_ASSERT_EQUAL(sim_reply(c), 0);
}

/* Holds a PLAY back once; counts how often it is asked. */
static enum verdict hold_play(struct module *self, struct rtsp_txn *t)
{
	unsigned *asked = self->state;

	if (t->req.method != RTSP_PLAY)
		return MOD_PASS;
	CU_ASSERT_PTR_NOT_NULL(t->session);
	t->wake_at = t->worker->loop.now + TICK_S;
	return ++*asked == 1 ? MOD_WAIT : MOD_PASS;
}

static void t_session_gone(void)
{
	struct sim s;
	struct sim_client c, other;
	unsigned asked = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_connect(&other, &s, 0);
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"), 200);
	memcpy(other.session, c.session, sizeof c.session);
	struct module *m = s.server.modules[0];
	void *kept = m->state;
	m->state = &asked;
	m->authorize = hold_play;
	send_held(&c, "PLAY");
	CU_ASSERT_EQUAL(sim_ask(&other, "TEARDOWN", "/pattern", ""), 200);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 454);
	CU_ASSERT_EQUAL(asked, 1);
	m->state = kept;
	sim_hang_up(&c);
	sim_hang_up(&other);
	sim_close(&s);
}

/* Opens slowly: what it keeps in t->opening is its own until it takes it away. */
struct slow {
	bool ready;
	unsigned under_way;
};

static int open_slowly(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	struct slow *slow = self->state;

	(void)path;
	(void)out;
	if (!t->opening)
		slow->under_way++;
	t->opening = slow;
	if (!slow->ready)
		return ERR_AGAIN;
	slow->under_way--;
	t->opening = NULL;
	return ERR_CORRUPT;
}

static void t_opening_comes_home(void)
{
	struct sim s;
	struct sim_client c, other;
	struct slow slow = { 0 };

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_connect(&other, &s, 0);
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"), 200);
	memcpy(other.session, c.session, sizeof c.session);
	struct module *m = s.server.modules[0];
	void *kept = m->state;
	m->state = &slow;
	m->open_source = open_slowly;
	send_held(&c, "DESCRIBE");
	CU_ASSERT_EQUAL(sim_ask(&other, "TEARDOWN", "/pattern", ""), 200);
	sim_send(&c, "OPTIONS"); /* wakes the connection */
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	slow.ready = true;
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 415);
	CU_ASSERT_EQUAL(slow.under_way, 0);
	m->state = kept;
	sim_hang_up(&c);
	sim_hang_up(&other);
	sim_close(&s);
}

UNIT_SUITE(sim_waiting,
	{ "session: a reset during SETUP ends the interleaved session that it makes", t_reset },
	{ "session: a reset after the end of input does not keep the loop busy",
		t_reset_after_eof },
	{ "session: a SETUP that waited is 503 once the server drains", t_drain },
	{ "session: one that ended while a module waited is not shown to it again",
		t_session_gone },
	{ "session: a medium being opened comes home though its session has ended",
		t_opening_comes_home });
