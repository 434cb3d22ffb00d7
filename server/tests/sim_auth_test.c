/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/modules/auth_sign.h"
#include "server/modules/auth_users.h"
#include "server/modules/mod_auth.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/auth.h"

/* mod_auth in a whole server, in virtual time. The client's side of wire/auth.h logs in; server/tests/auth.sh does
 * so with code that is not ours. */

static const char users_text[] =
	"anna:Beagle:44086da9a89d780fd9b61b29f7f91d0c:"
	"1e40f916089983118296a02d2fe25a997c14470fb7ae249dde5016c0a20ef92a\n";
static const char rules_text[] = "[/]\nread = valid-user\n"
				 "[/pattern/2t]\nread = anyone\n"
				 "[/pattern/500k]\nread = bert\n"
				 "[/pattern/50p]\nread = nobody\n";
static const char udp[] = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";

/* A server with files in a folder of its own. */
struct place {
	struct sim s;
	char folder[64], users[96], rules[96], key[96];
	struct module *auth;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void reload(struct place *p)
{
	char why[PREFS_WHY] = "";
	CU_ASSERT_EQUAL(p->auth->prefs_changed(p->auth, &p->s.prefs, why), 0);
	CU_ASSERT_STRING_EQUAL(why, "");
}

static void set_text(char **pref, const char *text)
{
	free(*pref);
	*pref = xstrdup(text);
}

static void add_users(struct place *p)
{
	struct buf b;

	buf_init(&b, 4096);
	CU_ASSERT_EQUAL(buf_put(&b, bytes_str(users_text)), 0);
	CU_ASSERT_EQUAL(auth_user_line(B("bert"), B("Beagle"), B("b3rt"), &b), 0);
	char *text = xasprintf("%.*s", BYTES_FMT(buf_bytes(&b)));
	write_file(p->users, text);
	free(text);
	buf_clear(&b);
}

static void place_open(struct place *p, unsigned workers)
{
	*p = (struct place){ .folder = "/tmp/beagle-auth.XXXXXX" };
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->folder));
	(void)snprintf(p->users, sizeof p->users, "%s/users", p->folder);
	(void)snprintf(p->rules, sizeof p->rules, "%s/rules", p->folder);
	(void)snprintf(p->key, sizeof p->key, "%s/key", p->folder);
	sim_open_with(&p->s, workers, &mod_auth);
	p->auth = p->s.server.modules[p->s.server.n_modules - 1];
	add_users(p);
	write_file(p->rules, rules_text);
	write_file(p->key, "0123456789abcdef\n");
	set_text(&p->s.prefs.auth_users, p->users);
	set_text(&p->s.prefs.auth_rules, p->rules);
	set_text(&p->s.prefs.auth_sign_key, p->key);
	reload(p);
}

static void place_close(struct place *p)
{
	sim_close(&p->s);
	(void)unlink(p->users); /* a test may have removed it */
	(void)unlink(p->rules);
	(void)unlink(p->key);
	CU_ASSERT_EQUAL(rmdir(p->folder), 0);
}

static struct stats stats_of(struct place *p)
{
	struct stats sum = { 0 };
	for (unsigned i = 0; i < p->s.server.n_workers; i++)
		stats_add(&sum, &p->s.workers[i].stats);
	return sum;
}

/* A request for the server itself. */
static int ask_star(struct sim_client *c, const char *method)
{
	char *text = xasprintf("%s * RTSP/1.0\r\nCSeq: %u\r\n%s%s%s\r\n", method, ++c->cseq,
		c->session[0] ? "Session: " : "", c->session, c->session[0] ? "\r\n" : "");

	sim_send(c, text);
	free(text);
	return sim_reply(c);
}

/* ---- a client that logs in ---- */

struct user {
	struct sim_client c;
	const char *name, *password;
	char *challenge; /* kept text of the last WWW-Authenticate that it goes by */
	bool wants_md5, has_no_qop;
	uint32_t count;
	char header[1024]; /* the last Authorization line */
};

static void user_connect(struct user *u, struct place *p, unsigned worker, const char *host,
	const char *name, const char *password)
{
	*u = (struct user){ .name = name, .password = password };
	sim_connect_from(&u->c, &p->s, worker, host);
}

static void user_close(struct user *u)
{
	free(u->challenge);
	sim_hang_up(&u->c);
}

/* Keeps the best challenge of the last reply. */
static void hear(struct user *u)
{
	struct auth_challenge best = { 0 }, x;
	struct arena a = { 0 };

	for (size_t i = 0; i < rtsp_header_count(&u->c.reply, RTSP_H_WWW_AUTHENTICATE); i++) {
		struct bytes v = rtsp_header_nth(&u->c.reply, RTSP_H_WWW_AUTHENTICATE, i)->value;
		struct bytes text = v;
		if (auth_challenge_next(&v, &a, &x) != 1 || (u->wants_md5 && x.hash != AUTH_MD5) ||
			!auth_challenge_is_better(&best, &x))
			continue;
		best = x;
		free(u->challenge);
		u->challenge = xasprintf("%.*s", BYTES_FMT(text));
	}
	u->count = 0;
	arena_clear(&a);
}

/* Makes the header for a request of this URI. */
static void answer(struct user *u, const char *method, const char *uri)
{
	struct auth_challenge ch;
	struct arena a = { 0 };
	struct bytes v = bytes_str(u->challenge);
	struct auth_login l = { bytes_str(u->name), bytes_str(u->password), B("c0ffee"),
		++u->count };
	struct buf b;

	CU_ASSERT_EQUAL_FATAL(auth_challenge_next(&v, &a, &ch), 1);
	ch.has_qop = ch.has_qop && !u->has_no_qop;
	buf_init(&b, 1024);
	CU_ASSERT_EQUAL(auth_answer_write(&ch, &l, bytes_str(method), bytes_str(uri), &b), 0);
	(void)snprintf(
		u->header, sizeof u->header, "Authorization: %.*s\r\n", BYTES_FMT(buf_bytes(&b)));
	buf_clear(&b);
	arena_clear(&a);
}

/* With what it has; `more` are whole lines. */
static int ask_once(struct user *u, const char *method, const char *path, const char *more)
{
	char *uri = xasprintf("rtsp://127.0.0.1%s", path);
	u->header[0] = '\0';
	if (u->challenge)
		answer(u, method, uri);
	char *lines = xasprintf("%s%s", u->header, more);
	int status = sim_ask(&u->c, method, path, lines);
	free(lines);
	free(uri);
	return status;
}

/* As ask_once, where no answer may come: 0. */
static int try_once(struct user *u, const char *path)
{
	char *uri = xasprintf("rtsp://127.0.0.1%s", path);

	answer(u, "DESCRIBE", uri);
	char *text = xasprintf(
		"DESCRIBE %s RTSP/1.0\r\nCSeq: %u\r\n%s\r\n", uri, ++u->c.cseq, u->header);
	sim_send(&u->c, text);
	free(text);
	free(uri);
	return sim_reply(&u->c);
}

/* As players do: once more after a challenge. */
static int ask(struct user *u, const char *method, const char *path, const char *more)
{
	int status = ask_once(u, method, path, more);

	if (status != 401)
		return status;
	hear(u);
	return ask_once(u, method, path, more);
}

static int setup(struct user *u, const char *path)
{
	char text[128];
	int status = ask(u, "SETUP", path, udp);

	sim_header(&u->c, RTSP_H_SESSION, text, sizeof text);
	if (status == 200)
		(void)snprintf(u->c.session, sizeof u->c.session, "%.*s", SESSION_ID, text);
	return status;
}

static bool is_stale(struct user *u)
{
	struct bytes v = rtsp_value(&u->c.reply, RTSP_H_WWW_AUTHENTICATE);
	return bytes_find(v, B("stale=true")) < v.n;
}

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
		CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
		CU_ASSERT_EQUAL(rtsp_header_count(&u.c.reply, RTSP_H_WWW_AUTHENTICATE), 2);
		struct bytes first = rtsp_value(&u.c.reply, RTSP_H_WWW_AUTHENTICATE);
		CU_ASSERT_TRUE(bytes_find(first, B("SHA-256")) < first.n);
		CU_ASSERT_FALSE(is_stale(&u));
		CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(setup(&u, "/pattern/trackID=1"), 200);
		CU_ASSERT_EQUAL(ask_once(&u, "PLAY", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(ask_once(&u, "GET_PARAMETER", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(ask_once(&u, "PAUSE", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(ask_once(&u, "TEARDOWN", "/pattern", ""), 200);
		user_close(&u);
	}
	CU_ASSERT_EQUAL(stats_of(&p).auth_logins, 6 * COUNT(rows));
	CU_ASSERT_EQUAL(stats_of(&p).auth_failed, 0);
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
	CU_ASSERT_EQUAL(setup(&u, "/pattern/trackID=1"), 200);
	memcpy(bare.session, u.c.session, sizeof bare.session);
	for (size_t i = 0; i < COUNT(methods); i++)
		CU_ASSERT_EQUAL(sim_ask(&bare, methods[i], "/pattern", udp), 401);
	CU_ASSERT_EQUAL(sim_ask(&bare, "OPTIONS", "/pattern", ""), 200);
	bare.session[0] = '\0';
	CU_ASSERT_EQUAL(ask_star(&bare, "OPTIONS"), 200);
	CU_ASSERT_EQUAL(ask_star(&bare, "GET_PARAMETER"), 200);
	CU_ASSERT_EQUAL(sim_ask(&bare, "GET_PARAMETER", "/pattern", ""), 401);
	/* what is not there is not told to strangers */
	CU_ASSERT_EQUAL(sim_ask(&bare, "DESCRIBE", "/nothing", ""), 401);
	CU_ASSERT_EQUAL(ask_once(&u, "PLAY", "/pattern", ""), 200);
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
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_FALSE(is_stale(&u));
	CU_ASSERT_EQUAL(ask(&v, "DESCRIBE", "/pattern", ""), 401);
	/* who there is cannot be told from who there is not */
	CU_ASSERT_EQUAL(u.c.reply.n_headers, v.c.reply.n_headers);
	CU_ASSERT_EQUAL(stats_of(&p).auth_failed, 2);
	/* the connection lives, and the right password is welcome */
	u.password = "secret";
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
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
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 150 * TICK_S); /* a connection without a request for longer is closed */
	CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 151 * TICK_S);
	CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_TRUE(is_stale(&u));
	CU_ASSERT_EQUAL(stats_of(&p).auth_stale, 1);
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
	/* an old nonce under a wrong password is wrong, not stale (2617 3.2.1) */
	sim_run(&p.s, 151 * TICK_S);
	CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 200);
	sim_run(&p.s, 151 * TICK_S);
	u.password = "guess";
	CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_FALSE(is_stale(&u));
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
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
	memcpy(header, u.header, sizeof header);
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern", header), 401);
	CU_ASSERT_TRUE(is_stale(&u));
	/* nor on another worker, nor for another method or medium */
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/pattern", header), 401);
	CU_ASSERT_EQUAL(stats_of(&p).auth_replayed, 2);
	CU_ASSERT_EQUAL(sim_ask(&other, "GET_PARAMETER", "/pattern", header), 401);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", "/clip.mp4", header), 400);
	CU_ASSERT_EQUAL(stats_of(&p).auth_bad, 1);
	/* the nonce itself is good on every worker */
	answer(&u, "DESCRIBE", "rtsp://127.0.0.1/pattern");
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
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
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
		CU_ASSERT_EQUAL(ask_once(&u, "SETUP", rows[i].path, udp), 401);
		hear(&u);
		answer(&u, "SETUP", rows[i].uri);
		char *lines = xasprintf("%s%s", u.header, udp);
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
	set_text(&p.s.prefs.auth_schemes, "basic");
	reload(&p);
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
	write_file(p.users, "anna:Beagle:44086da9a89d780fd9b61b29f7f91d0c\n");
	reload(&p);
	user_connect(&u, &p, 0, "127.0.0.1", "anna", "secret");
	CU_ASSERT_EQUAL(ask_once(&u, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_EQUAL(rtsp_header_count(&u.c.reply, RTSP_H_WWW_AUTHENTICATE), 1);
	CU_ASSERT_EQUAL(ask(&u, "DESCRIBE", "/pattern", ""), 200);
	user_close(&u);
	place_close(&p);
}

/* ---- rules ---- */

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
	CU_ASSERT_EQUAL(ask(&anna, "DESCRIBE", "/pattern/500k", ""), 403);
	CU_ASSERT_EQUAL(ask(&bert, "DESCRIBE", "/pattern/500k", ""), 200);
	CU_ASSERT_EQUAL(ask(&bert, "DESCRIBE", "/pattern/50p", ""), 403);
	CU_ASSERT_EQUAL(stats_of(&p).auth_forbidden, 3);
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
		CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", rows[i], udp), 401);
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
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/500k/trackID=1", udp), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/500k", ""), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/2t", ""), 200);
	user_connect(&u, &p, 0, "127.0.0.1", "bert", "b3rt");
	CU_ASSERT_EQUAL(setup(&u, "/pattern/500k/trackID=1"), 200);
	memcpy(c.session, u.c.session, sizeof c.session);
	CU_ASSERT_EQUAL(ask_star(&c, "GET_PARAMETER"), 401);
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
	CU_ASSERT_EQUAL(setup(&anna, "/pattern/trackID=1"), 200);
	memcpy(bert.c.session, anna.c.session, sizeof bert.c.session);
	CU_ASSERT_EQUAL(ask(&bert, "PLAY", "/pattern", ""), 454);
	CU_ASSERT_EQUAL(ask(&bert, "TEARDOWN", "/pattern", ""), 454);
	CU_ASSERT_EQUAL(stats_of(&p).sessions_stolen, 2);
	/* her own other connection, on another worker, may */
	bert.name = "anna";
	bert.password = "secret";
	CU_ASSERT_EQUAL(ask(&bert, "PLAY", "/pattern", ""), 200);
	user_close(&anna);
	user_close(&bert);
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
	CU_ASSERT_EQUAL(ask(&known, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(ask_once(&thief, "DESCRIBE", "/pattern", ""), 401);
	hear(&thief);
	int tries = 0;
	while (try_once(&thief, "/pattern") == 401 && ++tries < 100) {}
	CU_ASSERT_TRUE(tries > 1 && tries < 20);
	CU_ASSERT_EQUAL(stats_of(&p).auth_waits, 1); /* no answer yet */
	/* who has logged in, and who comes from elsewhere, is not held up */
	CU_ASSERT_EQUAL(ask_once(&known, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(ask(&other, "DESCRIBE", "/pattern", ""), 200);
	/* from there, right ones wait like wrong ones, and get in */
	CU_ASSERT_EQUAL(ask_once(&late, "DESCRIBE", "/pattern", ""), 401);
	hear(&late);
	CU_ASSERT_EQUAL(try_once(&late, "/pattern"), 0);
	sim_run(&p.s, p.s.prefs.auth_wait_max * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&late.c), 200);
	CU_ASSERT_EQUAL(sim_reply(&thief.c), 401);
	CU_ASSERT_EQUAL(stats_of(&p).auth_waits, 2);
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
	CU_ASSERT_EQUAL(ask_once(&first, "DESCRIBE", "/pattern", ""), 401);
	hear(&first);
	for (int i = 0; i < 20 && try_once(&first, "/pattern") == 401; i++) {}
	for (int i = 0; i < THIEVES; i++) {
		user_connect(&u[i], &p, 0, "127.0.0.3", "anna", "guess");
		CU_ASSERT_EQUAL(ask_once(&u[i], "DESCRIBE", "/pattern", ""), 401);
		hear(&u[i]);
		refused += try_once(&u[i], "/pattern") == 503;
	}
	CU_ASSERT_TRUE(refused > 0 && refused < THIEVES);
	CU_ASSERT_EQUAL(stats_of(&p).auth_crowded, refused);
	sim_run(&p.s, 60 * TICK_S);
	for (int i = 0; i < THIEVES; i++) {
		answered += sim_reply(&u[i].c) == 401;
		user_close(&u[i]);
	}
	CU_ASSERT_EQUAL(answered, THIEVES - refused);
	user_close(&first);
	place_close(&p);
}

/* ---- signed URLs ---- */

static char *signed_path(struct place *p, const char *path, int64_t seconds, const char *client)
{
	char why[PREFS_WHY];
	struct auth_key key;
	struct addr a;
	struct buf b;
	char *url = xasprintf("rtsp://127.0.0.1%s", path);
	int64_t now = worker_wall(&p->s.workers[0], p->s.clock) / TICK_S;

	buf_init(&b, 4096);
	CU_ASSERT_EQUAL_FATAL(auth_key_read(&key, p->key, why), 0);
	if (client)
		CU_ASSERT_EQUAL(addr_read(&a, client, 0), 0);
	CU_ASSERT_EQUAL(
		auth_sign_url(&key, bytes_str(url), now + seconds, client ? &a : NULL, &b), 0);
	free(url);
	url = xasprintf(
		"%.*s", BYTES_FMT(bytes_sub(buf_bytes(&b), strlen("rtsp://127.0.0.1"), b.n)));
	buf_clear(&b);
	auth_key_clear(&key);
	return url;
}

static void t_signed(void)
{
	struct place p;
	struct sim_client c, other;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	sim_connect(&other, &p.s, 0);
	char *url = signed_path(&p, "/pattern/500k", 60, NULL);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 200);
	/* by Content-Base, without the query: on this connection, for this medium */
	CU_ASSERT_EQUAL(sim_ask(&other, "SETUP", "/pattern/500k/trackID=1", udp), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/500k/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"),
		200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/500k", ""), 200);
	/* the session is good for itself, not for what else this user would like */
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/1000k", ""), 401);
	/* it plays on when its URL has expired; a new one is not made */
	sim_run(&p.s, 40 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "GET_PARAMETER", "/pattern/500k", ""), 200);
	sim_run(&p.s, 40 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", "/pattern/500k", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", url, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", url, ""), 403);
	CU_ASSERT_EQUAL(sim_ask(&other, "SETUP", url, udp), 403);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/500k", ""), 200);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/500k/trackID=1", udp), 401);
	CU_ASSERT_EQUAL(stats_of(&p).auth_signatures_bad, 2);
	free(url);
	sim_hang_up(&c);
	sim_hang_up(&other);
	place_close(&p);
}

/* Both ways in which players join a control to a URL with a query, and no DESCRIBE at all. */
static void t_signed_joins(void)
{
	struct place p;
	struct sim_client c;

	place_open(&p, 1);
	char *url = signed_path(&p, "/pattern/500k", 60, NULL);
	char *behind = xasprintf("%s/trackID=1", url);
	char *before = xasprintf("/pattern/500k/trackID=1%s", strchr(url, '?'));
	const char *const ways[] = { behind, before };
	for (size_t i = 0; i < COUNT(ways); i++) {
		sim_connect(&c, &p.s, 0);
		CU_ASSERT_EQUAL(
			sim_setup(&c, ways[i], "RTP/AVP;unicast;client_port=5000-5001"), 200);
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", url, ""), 200);
		CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/500k", ""), 200);
		sim_hang_up(&c);
	}
	free(before);
	free(behind);
	free(url);
	place_close(&p);
}

static void t_signed_for(void)
{
	struct place p;
	struct sim_client c, other;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	sim_connect_from(&other, &p.s, 0, "127.0.0.2");
	char *url = signed_path(&p, "/pattern/500k", 60, "127.0.0.1");
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", url, ""), 403);
	free(url);
	/* nobody is nobody, whoever signed */
	url = signed_path(&p, "/pattern/50p", 60, NULL);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 403);
	free(url);
	sim_hang_up(&c);
	sim_hang_up(&other);
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
	CU_ASSERT_EQUAL(setup(&u, "/pattern/trackID=1"), 200);
	/* a bad file: what was, stays */
	write_file(p.users, "anna:Beagle:secret\n");
	CU_ASSERT_NOT_EQUAL(p.auth->prefs_changed(p.auth, &p.s.prefs, why), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "users:1: HA1"));
	CU_ASSERT_EQUAL(ask_once(&u, "PLAY", "/pattern", ""), 200);
	/* her password changes: the session is there, and wants the new one */
	struct buf b;
	buf_init(&b, 4096);
	CU_ASSERT_EQUAL(auth_user_line(B("anna"), B("Beagle"), B("changed"), &b), 0);
	char *text = xasprintf("%.*s", BYTES_FMT(buf_bytes(&b)));
	write_file(p.users, text);
	free(text);
	buf_clear(&b);
	reload(&p);
	CU_ASSERT_EQUAL(ask_once(&u, "PAUSE", "/pattern", ""), 401);
	u.password = "changed";
	CU_ASSERT_EQUAL(ask(&u, "PAUSE", "/pattern", ""), 200);
	/* no files: everybody may */
	set_text(&p.s.prefs.auth_users, "");
	set_text(&p.s.prefs.auth_rules, "");
	set_text(&p.s.prefs.auth_sign_key, "");
	reload(&p);
	u.c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&u.c, "DESCRIBE", "/pattern/50p", ""), 200);
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
	{ "rules: 401 to who is not known, 403 to who may not", t_forbidden },
	{ "rules: every spelling of a path is this path (16)", t_spellings },
	{ "rules: a session is no way round them", t_session_paths },
	{ "session: another user's is answered 454, one's own works from any connection", t_theft },
	{ "guessing: wrong logins slow their address down, not who is in already", t_guessing },
	{ "guessing: only so many wait; more are answered 503", t_crowd },
	{ "signed URL: reads its medium until it expires; a session plays on", t_signed },
	{ "signed URL: a control may stand before the query or behind it", t_signed_joins },
	{ "signed URL: for one address; never where nobody may", t_signed_for },
	{ "SIGHUP: a bad file changes nothing; a new password holds at once", t_reload });
