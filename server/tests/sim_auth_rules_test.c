/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/sim_auth.h"
#include "server/tests/unit.h"

/* Who may what, in a whole server: rules by path. A session is no way round them. */

static void t_forbidden(void)
{
	struct place p;
	struct user anna, bert;
	struct sim_client c;

	place_open(&p, 1);
	user_connect(&anna, &p, 0, "127.0.0.1", "anna", "secret");
	user_connect(&bert, &p, 0, "127.0.0.1", "bert", "b3rt");
	sim_connect(&c, &p.s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/2t", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/500k", ""), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/50p", ""), 403);
	CU_ASSERT_EQUAL(user_ask(&anna, "DESCRIBE", "/pattern/500k", ""), 403);
	CU_ASSERT_EQUAL(user_ask(&bert, "DESCRIBE", "/pattern/500k", ""), 200);
	CU_ASSERT_EQUAL(user_ask(&bert, "DESCRIBE", "/pattern/50p", ""), 403);
	CU_ASSERT_EQUAL(place_stats(&p).auth_forbidden, 3);
	sim_hang_up(&c);
	user_close(&anna);
	user_close(&bert);
	place_close(&p);
}

/* No spelling of a path gets round its rule. */
static void t_spellings(void)
{
	static const char *const rows[] = { "/pattern/500k/", "/pattern//500k", "/pattern/./500k",
		"/pattern/2t/../500k", "/%70attern/500%6b", "/pattern%2f500k", "/pattern/%2e/500k",
		"/pattern/2t/%2e%2e/500k", "/pattern/500k?x=/pattern/2t",
		"/pattern/500k#/pattern/2t", "/pattern/500k/trackID=1", "/pattern/500k/2t",
		"/public/../pattern/500k" };
	struct place p;
	struct sim_client c;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", rows[i], ""), 401);
		CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", rows[i], SIM_AUTH_UDP), 401);
	}
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/2t/../../../pattern/500k", ""), 403);
	sim_hang_up(&c);
	place_close(&p);
}

/* A session of a public path is no way to another path, and its path is asked for with every request. */
static void t_session_paths(void)
{
	struct place p;
	struct user u;
	struct sim_client c;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/2t/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"),
		200);
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/500k/trackID=1", SIM_AUTH_UDP), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/500k", ""), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/2t", ""), 200);
	user_connect(&u, &p, 0, "127.0.0.1", "bert", "b3rt");
	CU_ASSERT_EQUAL(user_setup(&u, "/pattern/500k/trackID=1"), 200);
	memcpy(c.session, u.c.session, sizeof c.session);
	CU_ASSERT_EQUAL(sim_ask_star(&c, "GET_PARAMETER"), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "GET_PARAMETER", "/pattern/2t", ""), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/2t", ""), 401);
	user_close(&u);
	sim_hang_up(&c);
	place_close(&p);
}

static void t_theft(void)
{
	struct place p;
	struct user anna, bert;

	place_open(&p, 2);
	user_connect(&anna, &p, 0, "127.0.0.1", "anna", "secret");
	user_connect(&bert, &p, 1, "127.0.0.1", "bert", "b3rt");
	CU_ASSERT_EQUAL(user_setup(&anna, "/pattern/trackID=1"), 200);
	memcpy(bert.c.session, anna.c.session, sizeof bert.c.session);
	CU_ASSERT_EQUAL(user_ask(&bert, "PLAY", "/pattern", ""), 454);
	CU_ASSERT_EQUAL(user_ask(&bert, "TEARDOWN", "/pattern", ""), 454);
	CU_ASSERT_EQUAL(place_stats(&p).sessions_stolen, 2);
	/* her own other connection, on another worker, may */
	bert.name = "anna";
	bert.password = "secret";
	CU_ASSERT_EQUAL(user_ask(&bert, "PLAY", "/pattern", ""), 200);
	user_close(&anna);
	user_close(&bert);
	place_close(&p);
}

/* A request of another user is no sign of the session's life. */
static void t_theft_keeps_nothing_alive(void)
{
	struct place p;
	struct user anna, bert;

	place_open(&p, 1);
	user_connect(&anna, &p, 0, "127.0.0.1", "anna", "secret");
	user_connect(&bert, &p, 0, "127.0.0.1", "bert", "b3rt");
	CU_ASSERT_EQUAL(user_setup(&anna, "/pattern/trackID=1"), 200);
	memcpy(bert.c.session, anna.c.session, sizeof bert.c.session);
	for (int i = 0; i < 13; i++) {
		sim_run(&p.s, 5 * TICK_S);
		CU_ASSERT_EQUAL(user_ask(&bert, "GET_PARAMETER", "/pattern", ""), 454);
	}
	CU_ASSERT_EQUAL(place_stats(&p).ended[CLOSE_TIMEOUT], 1);
	user_close(&anna);
	user_close(&bert);
	place_close(&p);
}

UNIT_SUITE(sim_auth_rules, { "rules: 401 to who is not known, 403 to who may not", t_forbidden },
	{ "rules: every spelling of a path is this path (16)", t_spellings },
	{ "rules: a session is no way round them", t_session_paths },
	{ "session: another user's is answered 454, one's own works from any connection", t_theft },
	{ "session: another user's requests do not keep it alive", t_theft_keeps_nothing_alive });
