/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/peers.h"
#include "server/modules/auth_users.h"
#include "server/tests/sim_auth.h"
#include "server/tests/unit.h"

/* ---- logins ---- */

static void t_login(void)
{
	static const struct {
		bool md5, no_qop;
	} rows[] = { { false, false }, { true, false }, { true, true }, { false, true } };
	struct place p;

	place_open(&p, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct user u;
		user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
		u.wants_md5 = rows[i].md5;
		u.has_no_qop = rows[i].no_qop;
		CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
		CU_ASSERT_EQUAL(rtsp_header_count(&u.c.reply, RTSP_H_WWW_AUTHENTICATE), 2);
		struct bytes first = rtsp_value(&u.c.reply, RTSP_H_WWW_AUTHENTICATE);
		CU_ASSERT_TRUE(bytes_find(first, B("SHA-256")) < first.n);
		CU_ASSERT_FALSE(user_is_stale(&u));
		CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(user_setup(&u, "/pattern/trackID=1"), 200);
		CU_ASSERT_EQUAL(user_ask_once(&u, "PLAY", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(user_ask_once(&u, "GET_PARAMETER", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(user_ask_once(&u, "PAUSE", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(user_ask_once(&u, "TEARDOWN", "/pattern", ""), 200);
		user_close(&u);
	}
	CU_ASSERT_EQUAL(place_stats(&p).auth_logins, 6 * COUNT(rows));
	CU_ASSERT_EQUAL(place_stats(&p).auth_failed, 0);
	place_close(&p);
}

/* Each request, with or without a session; OPTIONS alone is free. */
static void t_every_request(void)
{
	static const char *const methods[] = { "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN",
		"GET_PARAMETER", "SET_PARAMETER" };
	struct place p;
	struct user u;
	struct sim_client bare;

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	sim_connect(&bare, &p.s, 0);
	CU_ASSERT_EQUAL(user_setup(&u, "/pattern/trackID=1"), 200);
	memcpy(bare.session, u.c.session, sizeof bare.session);
	for (size_t i = 0; i < COUNT(methods); i++)
		CU_ASSERT_EQUAL(sim_ask(&bare, methods[i], "/pattern", SIM_AUTH_UDP), 401);
	CU_ASSERT_EQUAL(sim_ask(&bare, "OPTIONS", "/pattern", ""), 200);
	bare.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask_star(&bare, "OPTIONS"), 200);
	CU_ASSERT_EQUAL(sim_ask_star(&bare, "GET_PARAMETER"), 200);
	CU_ASSERT_EQUAL(sim_ask(&bare, "GET_PARAMETER", "/pattern", ""), 401);
	/* what is not there is not told to strangers */
	CU_ASSERT_EQUAL(sim_ask(&bare, "DESCRIBE", "/nothing", ""), 401);
	CU_ASSERT_EQUAL(user_ask_once(&u, "PLAY", "/pattern", ""), 200);
	sim_hang_up(&bare);
	user_close(&u);
	place_close(&p);
}

static void t_wrong(void)
{
	struct place p;
	struct user u, v;

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "Secret");
	user_connect(&v, &p, 0, "127.0.0.1", "annna", "secret");
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_FALSE(user_is_stale(&u));
	CU_ASSERT_EQUAL(user_ask(&v, "DESCRIBE", "/pattern", ""), 401);
	/* who there is cannot be told from who there is not */
	CU_ASSERT_EQUAL(u.c.reply.n_headers, v.c.reply.n_headers);
	CU_ASSERT_EQUAL(place_stats(&p).auth_failed, 2);
	/* the connection lives, and the right password is welcome */
	u.password = "secret";
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	user_close(&u);
	user_close(&v);
	place_close(&p);
}

static void t_stale(void)
{
	struct place p;
	struct user u;

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 150 * TICK_S); /* a connection without a request for longer is closed */
	CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 151 * TICK_S);
	CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_TRUE(user_is_stale(&u));
	CU_ASSERT_EQUAL(place_stats(&p).auth_stale, 1);
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	/* an old nonce under a wrong password is wrong, not stale (2617 3.2.1) */
	sim_run(&p.s, 151 * TICK_S);
	CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 151 * TICK_S);
	u.password = "guess";
	CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_FALSE(user_is_stale(&u));
	user_close(&u);
	place_close(&p);
}

static void t_replay(void)
{
	struct place p;
	struct user u;
	struct sim_client other;
	char header[sizeof u.header];

	place_open(&p, 2);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	sim_connect_from(&other, &p.s, 1, "127.0.0.1");
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	memcpy(header, u.header, sizeof header);
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", header), 401);
	CU_ASSERT_TRUE(user_is_stale(&u));
	/* nor on another worker, nor for another method or medium */
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/pattern", header), 401);
	CU_ASSERT_EQUAL(place_stats(&p).auth_replayed, 2);
	CU_ASSERT_EQUAL(sim_ask(&other, "GET_PARAMETER", "/pattern", header), 401);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/clip.mp4", header), 400);
	CU_ASSERT_EQUAL(place_stats(&p).auth_bad, 1);
	/* the nonce itself is good on every worker */
	user_answer(&u, "DESCRIBE", "rtsp://127.0.0.1/pattern");
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/pattern", u.header), 200);
	sim_hang_up(&other);
	user_close(&u);
	place_close(&p);
}

static void t_nonce_of_another_host(void)
{
	struct place p;
	struct user u;
	struct sim_client other;

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	u.has_no_qop = true;
	sim_connect_from(&other, &p.s, 0, "127.0.0.2");
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", u.header), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/pattern", u.header), 401);
	sim_hang_up(&other);
	user_close(&u);
	place_close(&p);
}

/* The uri of the answer may name the same in other words, but nothing else. */
static void t_uri(void)
{
	static const struct {
		const char *path, *uri;
		int want;
	} rows[] = {
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/pattern/trackID=1", 200 },
		{ "/pattern/trackID=1", "/pattern/trackID=1", 200 },
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/pattern/%74rackID=1", 200 },
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/pattern/", 200 }, /* live555 */
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/pattern?x=y", 200 },
		{ "/pattern/trackID=1", "rtsp://127.0.0.1:554/pattern/trackID=1", 200 },
		{ "/pattern/trackID=1", "rtsp://anna:x@127.0.0.1/pattern/trackID=1", 200 },
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/", 400 },
		{ "/pattern/trackID=1", "rtsp://other/pattern/trackID=1", 400 },
		{ "/pattern/trackID=1", "rtsp://127.0.0.1/pattern/trackID=2", 400 },
		{ "/pattern/trackID=1", "pattern/trackID=1", 400 },
		{ "/pattern/trackID=1", "*", 400 },
		{ "/pattern/trackID=1", "", 400 },
	};
	struct place p;

	place_open(&p, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct user u;
		user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
		CU_ASSERT_EQUAL(user_ask_once(&u, "SETUP", rows[i].path, SIM_AUTH_UDP), 401);
		user_hear(&u);
		user_answer(&u, "SETUP", rows[i].uri);
		char *lines = xasprintf("%s%s", u.header, SIM_AUTH_UDP);
		CU_ASSERT_EQUAL(sim_ask(&u.c, "SETUP", rows[i].path, lines), rows[i].want);
		free(lines);
		user_close(&u);
	}
	place_close(&p);
}

static void t_basic(void)
{
	static const char good[] = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
	static const char bad[] = "Authorization: Basic YW5uYTpzZWNyZXR0\r\n";
	struct place p;
	struct sim_client c;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", good), 401);
	CU_ASSERT_EQUAL(rtsp_header_count(&c.reply, RTSP_H_WWW_AUTHENTICATE), 2);
	p.s.prefs.auth_basic_plain = 1;
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", good), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", bad), 401);
	CU_ASSERT_EQUAL(rtsp_header_count(&c.reply, RTSP_H_WWW_AUTHENTICATE), 3);
	struct bytes last = rtsp_header_nth(&c.reply, RTSP_H_WWW_AUTHENTICATE, 2)->value;
	CU_ASSERT_TRUE(bytes_is_eq(last, B("Basic realm=\"Beagle\"")));
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", "Authorization: Bearer x\r\n"), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", "Authorization: Digest\r\n"), 400);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", "Authorization:\r\n"), 400);
	place_set(&p.s.prefs.auth_schemes, "basic");
	place_reload(&p);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_EQUAL(rtsp_header_count(&c.reply, RTSP_H_WWW_AUTHENTICATE), 1);
	/* nothing may be offered: no login, no challenge */
	p.s.prefs.auth_basic_plain = 0;
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", ""), 403);
	sim_hang_up(&c);
	place_close(&p);
}

/* One user without it, and nobody is offered SHA-256: the choice comes before the name. */
static void t_sha256_of_all(void)
{
	struct place p;
	struct user u;

	place_open(&p, 1);
	place_write(p.users, "anna:Beagle:44086da9a89d780fd9b61b29f7f91d0c\n");
	place_reload(&p);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	CU_ASSERT_EQUAL(user_ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_EQUAL(rtsp_header_count(&u.c.reply, RTSP_H_WWW_AUTHENTICATE), 1);
	CU_ASSERT_EQUAL(user_ask(&u, "DESCRIBE", "/pattern", ""), 200);
	user_close(&u);
	place_close(&p);
}

/* ---- guessing ---- */

static void t_guessing(void)
{
	struct place p;
	struct user thief, known, late, other;

	place_open(&p, 1);
	user_connect(&thief, &p, 0, "127.0.0.3", "anna", "guess");
	user_connect(&known, &p, 0, "127.0.0.3", "anna", "secret");
	user_connect(&late, &p, 0, "127.0.0.3", "bert", "b3rt");
	user_connect(&other, &p, 0, "127.0.0.4", "anna", "secret");
	CU_ASSERT_EQUAL(user_ask(&known, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(user_ask_once(&thief, "DESCRIBE", "/pattern", ""), 401);
	user_hear(&thief);
	int tries = 0;
	while (user_try_once(&thief, "/pattern") == 401 && ++tries < 100) {}
	CU_ASSERT_TRUE(tries > 1 && tries < 20);
	CU_ASSERT_EQUAL(place_stats(&p).auth_waits, 1); /* no answer yet */
	/* who has logged in, and who comes from elsewhere, is not held up */
	CU_ASSERT_EQUAL(user_ask_once(&known, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(user_ask(&other, "DESCRIBE", "/pattern", ""), 200);
	/* from there, right ones wait like wrong ones, and get in */
	CU_ASSERT_EQUAL(user_ask_once(&late, "DESCRIBE", "/pattern", ""), 401);
	user_hear(&late);
	CU_ASSERT_EQUAL(user_try_once(&late, "/pattern"), 0);
	sim_run(&p.s, p.s.prefs.auth_wait_max * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&late.c), 200);
	CU_ASSERT_EQUAL(sim_reply(&thief.c), 401);
	CU_ASSERT_EQUAL(place_stats(&p).auth_waits, 2);
	user_close(&other);
	user_close(&late);
	user_close(&known);
	user_close(&thief);
	place_close(&p);
}

/* Of one address only so many wait; more hear 503 and are closed. All of them come to an end. */
static void t_crowd(void)
{
	enum { THIEVES = 12 };
	struct place p;
	struct user first, u[THIEVES];
	unsigned refused = 0, answered = 0;

	place_open(&p, 1);
	user_connect(&first, &p, 0, "127.0.0.3", "anna", "guess");
	CU_ASSERT_EQUAL(user_ask_once(&first, "DESCRIBE", "/pattern", ""), 401);
	user_hear(&first);
	for (int i = 0; i < 20 && user_try_once(&first, "/pattern") == 401; i++) {}
	for (int i = 0; i < THIEVES; i++) {
		user_connect(&u[i], &p, 0, "127.0.0.3", "anna", "guess");
		CU_ASSERT_EQUAL(user_ask_once(&u[i], "DESCRIBE", "/pattern", ""), 401);
		user_hear(&u[i]);
		if (user_try_once(&u[i], "/pattern") != 503)
			continue;
		/* not before the next login of that address would be looked at */
		char after[16] = "";
		long s = strtol(
			sim_header(&u[i].c, RTSP_H_RETRY_AFTER, after, sizeof after), NULL, 10);
		CU_ASSERT_TRUE(s > 0 && s <= p.s.prefs.auth_wait_max && s != p.s.prefs.retry_after);
		refused++;
	}
	CU_ASSERT_TRUE(refused > 0 && refused < THIEVES);
	CU_ASSERT_EQUAL(place_stats(&p).auth_crowded, refused);
	sim_run(&p.s, 60 * TICK_S);
	for (int i = 0; i < THIEVES; i++) {
		answered += sim_reply(&u[i].c) == 401;
		user_close(&u[i]);
	}
	CU_ASSERT_EQUAL(answered, THIEVES - refused);
	CU_ASSERT_EQUAL(place_stats(&p).closed[END_ASKED], refused);
	/* who has been answered waits no more: there is room for others */
	struct addr a = sock_local(first.c.fd);
	CU_ASSERT_EQUAL(sim_reply(&first.c), 401);
	user_hear(&first);
	for (int i = 0; i < 9; i++)
		peers_login_failed(p.s.server.peers, &a, p.s.clock);
	CU_ASSERT_EQUAL(user_try_once(&first, "/pattern"), 0);
	CU_ASSERT_EQUAL(place_stats(&p).auth_crowded, refused);
	user_close(&first);
	place_close(&p);
}

/* ---- files that change ---- */

static void t_reload(void)
{
	struct place p;
	struct user u;
	char why[PREFS_WHY] = "";

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	CU_ASSERT_EQUAL(user_setup(&u, "/pattern/trackID=1"), 200);
	/* a bad file: what was, stays */
	place_write(p.users, "anna:Beagle:secret\n");
	CU_ASSERT_NOT_EQUAL(p.auth->prefs_changed(p.auth, &p.s.prefs, why), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "users:1: HA1"));
	CU_ASSERT_EQUAL(user_ask_once(&u, "PLAY", "/pattern", ""), 200);
	/* her password changes: the session is there, and wants the new one */
	struct buf b;
	buf_init(&b, 4096);
	CU_ASSERT_EQUAL(auth_user_line(B("anna"), B("Beagle"), B("changed"), &b), 0);
	char *text = xasprintf("%.*s", BYTES_FMT(buf_bytes(&b)));
	place_write(p.users, text);
	free(text);
	buf_clear(&b);
	place_reload(&p);
	CU_ASSERT_EQUAL(user_ask_once(&u, "PAUSE", "/pattern", ""), 401);
	u.password = "changed";
	CU_ASSERT_EQUAL(user_ask(&u, "PAUSE", "/pattern", ""), 200);
	/* no files: everybody may */
	place_set(&p.s.prefs.auth_users, "");
	place_set(&p.s.prefs.auth_rules, "");
	place_set(&p.s.prefs.auth_sign_key, "");
	place_reload(&p);
	u.c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern/50p", ""), 200);
	user_close(&u);
	place_close(&p);
}

/* However many of however many addresses, and however long the wait would be. */
static void t_crowd_of_many(void)
{
	enum { HOSTS = 3, TRIES = 10 };
	struct place p;
	struct user u[HOSTS];
	unsigned refused = 0;

	place_open(&p, 1);
	p.s.prefs.auth_waiting_max = HOSTS - 1;
	p.s.prefs.auth_wait_max = 2;
	for (int i = 0; i < HOSTS; i++) {
		char host[32];
		(void)snprintf(host, sizeof host, "127.0.0.%d", 3 + i);
		user_connect(&u[i], &p, 0, host, "anna", "guess");
		struct addr a = sock_local(u[i].c.fd);
		for (int k = 0; k < TRIES; k++)
			peers_login_failed(p.s.server.peers, &a, p.s.clock);
		CU_ASSERT_EQUAL(user_ask_once(&u[i], "DESCRIBE", "/pattern", ""), 401);
		user_hear(&u[i]);
		refused += user_try_once(&u[i], "/pattern") == 503;
	}
	CU_ASSERT_EQUAL(refused, 1);
	sim_run(&p.s, 2 * TICK_S); /* 16 s by the failures alone */
	for (int i = 0; i < HOSTS - 1; i++)
		CU_ASSERT_EQUAL(sim_reply(&u[i].c), 401);
	for (int i = 0; i < HOSTS; i++)
		user_close(&u[i]);
	place_close(&p);
}

/* A response that would be right, under a realm or for an algorithm that we did not offer. */
static void t_not_offered(void)
{
	static const char *const realms[] = { "beagle", "Beagl", "Beagle2", "" };
	struct place p;
	struct user u;

	place_open(&p, 1);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	for (size_t i = 0; i < COUNT(realms); i++) {
		CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", ""), 401);
		user_hear(&u);
		user_answer(&u, "DESCRIBE", "rtsp://127.0.0.1/pattern");
		char *at = strstr(u.header, "realm=\"Beagle\"");
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		char *other = xasprintf("%.*srealm=\"%s\"%s", (int)(at - u.header), u.header,
			realms[i], at + strlen("realm=\"Beagle\""));
		CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", other), 401);
		free(other);
	}
	CU_ASSERT_EQUAL(place_stats(&p).auth_failed, COUNT(realms));
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", ""), 401);
	user_hear(&u);
	user_answer(&u, "DESCRIBE", "rtsp://127.0.0.1/pattern");
	char *at = strstr(u.header, "algorithm=SHA-256");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	char *sess = xasprintf("%.*s-sess%s", (int)(at - u.header + 17), u.header, at + 17);
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", sess), 401);
	free(sess);
	/* that is no guess */
	CU_ASSERT_EQUAL(place_stats(&p).auth_failed, COUNT(realms));
	user_close(&u);
	place_close(&p);
}

UNIT_SUITE(sim_auth,
	{ "login: by each hash that is offered, with and without qop (7616 3.7)", t_login },
	{ "login: for every request, but not for OPTIONS (2326 16)", t_every_request },
	{ "login: a wrong name and a wrong password are answered alike", t_wrong },
	{ "login: an old nonce is stale if all else is right (2617 3.2.1)", t_stale },
	{ "login: no answer twice, on no worker, for nothing else (2617 3.2.2)", t_replay },
	{ "login: a nonce is of no use to another host", t_nonce_of_another_host },
	{ "login: the uri names what the request names, else 400 (2617 3.2.2.5)", t_uri },
	{ "login: Basic in the clear only where it is allowed; nothing to offer is 403", t_basic },
	{ "login: SHA-256 is offered when every user has it", t_sha256_of_all },
	{ "guessing: wrong logins slow their address down, not who is in already", t_guessing },
	{ "guessing: only so many wait; more are answered 503", t_crowd },
	{ "guessing: the wait and the crowd have bounds, whatever the addresses", t_crowd_of_many },
	{ "login: another realm and another algorithm are none of ours", t_not_offered },
	{ "SIGHUP: a bad file changes nothing; a new password holds at once", t_reload });
