/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "server/base/log.h"
#include "server/core/module.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* A session id that is known to others: by address, and by who they have proved to be. */

static const char udp[] = "RTP/AVP;unicast;client_port=5000-5001";
static const char track[] = "/pattern/trackID=1";

static void t_address(void)
{
	static const char *const methods[] = { "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER",
		"OPTIONS", "SETUP" };
	struct sim s;
	struct sim_client own, thief;

	sim_open(&s, 2);
	sim_connect(&own, &s, 0);
	sim_connect_from(&thief, &s, 1, "127.0.0.2");
	CU_ASSERT_EQUAL(sim_setup(&own, track, udp), 200);
	memcpy(thief.session, own.session, sizeof own.session);
	for (size_t i = 0; i < COUNT(methods); i++)
		CU_ASSERT_EQUAL(sim_ask(&thief, methods[i], "/pattern", ""), 454);
	CU_ASSERT_EQUAL(s.workers[0].stats.sessions_stolen, COUNT(methods));
	CU_ASSERT_EQUAL(sim_ask(&own, "PLAY", "/pattern", ""), 200);
	sim_hang_up(&own);
	sim_hang_up(&thief);
	sim_close(&s);
}

/* His requests are no sign of its life either. */
static void t_address_keeps_nothing_alive(void)
{
	struct sim s;
	struct sim_client own, thief;

	sim_open(&s, 1);
	sim_connect(&own, &s, 0);
	sim_connect_from(&thief, &s, 0, "127.0.0.2");
	CU_ASSERT_EQUAL(sim_setup(&own, track, udp), 200);
	memcpy(thief.session, own.session, sizeof own.session);
	for (int i = 0; i < 13; i++) {
		sim_run(&s, 5 * TICK_S);
		CU_ASSERT_EQUAL(sim_ask(&thief, "GET_PARAMETER", "/pattern", ""), 454);
	}
	CU_ASSERT_EQUAL(s.workers[0].stats.ended[CLOSE_TIMEOUT], 1);
	sim_hang_up(&own);
	sim_hang_up(&thief);
	sim_close(&s);
}

/* An id of ours names its worker: one that there is not is no session, at once. */
static void t_no_such_worker(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 2);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, track, udp), 200);
	CU_ASSERT_EQUAL_FATAL(strlen(c.session), SESSION_ID);
	for (unsigned worker = 1; worker < 256; worker++) {
		char digits[3];
		(void)snprintf(digits, sizeof digits, "%02x", worker);
		memcpy(c.session + SESSION_ID - 4, digits, 2);
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 454);
	}
	memcpy(c.session + SESSION_ID - 4, "00", 2);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_address_pref(void)
{
	struct sim s;
	struct sim_client own, other;

	sim_open(&s, 1);
	s.prefs.session_same_address = 0;
	sim_connect(&own, &s, 0);
	sim_connect_from(&other, &s, 0, "127.0.0.2");
	CU_ASSERT_EQUAL(sim_setup(&own, track, udp), 200);
	memcpy(other.session, own.session, sizeof own.session);
	CU_ASSERT_EQUAL(sim_ask(&other, "PLAY", "/pattern", ""), 200);
	sim_hang_up(&own);
	sim_hang_up(&other);
	sim_close(&s);
}

/* Believes the From header. */
static enum verdict believe(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (!bytes_to_str(rtsp_value(&t->req, RTSP_H_FROM), t->user, sizeof t->user))
		t->user[0] = '\0';
	return MOD_PASS;
}

static void t_user(void)
{
	struct sim s;
	struct sim_client c;
	char header[64];

	sim_open(&s, 1);
	s.server.modules[0]->authenticate = believe;
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(
		sim_ask(&c, "SETUP", track, "From: anna\r\nTransport: RTP/AVP/TCP;unicast\r\n"),
		200);
	sim_header(&c, RTSP_H_SESSION, header, sizeof header);
	memcpy(c.session, header, SESSION_ID);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", "From: bert\r\n"), 454);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 454);
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/trackID=1", "From: bert\r\n"), 454);
	CU_ASSERT_EQUAL(s.workers[0].stats.sessions_stolen, 3);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "*", ""), 200);
	CU_ASSERT_STRING_EQUAL(sim_header(&c, RTSP_H_SESSION, header, sizeof header), "");
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", "From: anna\r\n"), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", "From: bert\r\n"), 454);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", "From: anna\r\n"), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

struct search {
	const char *id;
	unsigned lines, whole, begun;
};

static void look_for_id(void *arg, const char *line, size_t n)
{
	struct search *x = arg;
	struct bytes text = bytes_of(line, n), id = bytes_str(x->id);

	x->lines++;
	x->whole += bytes_find(text, id) < n;
	x->begun += bytes_find(text, bytes_sub(id, 0, SESSION_SHOWN)) < n;
}

static void t_log(void)
{
	struct sim s;
	struct sim_client c;
	struct search x = { 0 };

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, track, udp), 200);
	CU_ASSERT_EQUAL_FATAL(strlen(c.session), SESSION_ID);
	x.id = c.session;
	log_sink(look_for_id, &x);
	log_set_level(LOG_D);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 200);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", ""), 200);
	log_set_level(LOG_W);
	log_sink(NULL, NULL);
	CU_ASSERT_TRUE(x.lines > 2);
	CU_ASSERT_TRUE(x.begun >= 2);
	CU_ASSERT_EQUAL(x.whole, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

UNIT_SUITE(sim_theft,
	{ "session: from another address its id is answered 454, on any worker", t_address },
	{ "session: requests from another address keep nothing alive",
		t_address_keeps_nothing_alive },
	{ "session: an id that names a worker that is not there is 454", t_no_such_worker },
	{ "session: with session_same_address=0 the id alone is enough", t_address_pref },
	{ "session: of another user it is answered 454; OPTIONS knows it not", t_user },
	{ "session: no log has a whole id", t_log });
