/* SPDX-License-Identifier: MIT */
#include "server/tests/sim_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/modules/auth_users.h"
#include "server/modules/mod_auth.h"
#include "server/tests/unit.h"
#include "server/wire/auth.h"

static const char users_text[] =
	"anna:Beagle:44086da9a89d780fd9b61b29f7f91d0c:"
	"1e40f916089983118296a02d2fe25a997c14470fb7ae249dde5016c0a20ef92a\n";

static const char rules_text[] = "[/]\nread = valid-user\n"
				 "[/pattern/2t]\nread = anyone\n"
				 "[/pattern/500k]\nread = bert\n"
				 "[/pattern/50p]\nread = nobody\n";

void place_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

void place_reload(struct place *p)
{
	char why[PREFS_WHY] = "";
	CU_ASSERT_EQUAL(p->auth->prefs_changed(p->auth, &p->s.prefs, why), 0);
	CU_ASSERT_STRING_EQUAL(why, "");
}

void place_set(char **pref, const char *text)
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
	place_write(p->users, text);
	free(text);
	buf_clear(&b);
}

void place_open(struct place *p, unsigned workers)
{
	*p = (struct place){ .folder = "/tmp/beagle-auth.XXXXXX" };
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->folder));
	(void)snprintf(p->users, sizeof p->users, "%s/users", p->folder);
	(void)snprintf(p->rules, sizeof p->rules, "%s/rules", p->folder);
	(void)snprintf(p->key, sizeof p->key, "%s/key", p->folder);
	sim_open_with(&p->s, workers, &mod_auth);
	p->auth = p->s.server.modules[p->s.server.n_modules - 1];
	add_users(p);
	place_write(p->rules, rules_text);
	place_write(p->key, "0123456789abcdef\n");
	place_set(&p->s.prefs.auth_users, p->users);
	place_set(&p->s.prefs.auth_rules, p->rules);
	place_set(&p->s.prefs.auth_sign_key, p->key);
	place_reload(p);
}

void place_close(struct place *p)
{
	sim_close(&p->s);
	(void)unlink(p->users); /* a test may have removed it */
	(void)unlink(p->rules);
	(void)unlink(p->key);
	CU_ASSERT_EQUAL(rmdir(p->folder), 0);
}

struct stats place_stats(struct place *p)
{
	struct stats sum = { 0 };
	for (unsigned i = 0; i < p->s.server.n_workers; i++)
		stats_add(&sum, &p->s.workers[i].stats);
	return sum;
}

int sim_ask_star(struct sim_client *c, const char *method)
{
	char *text = xasprintf("%s * RTSP/1.0\r\nCSeq: %u\r\n%s%s%s\r\n", method, ++c->cseq,
		c->session[0] ? "Session: " : "", c->session, c->session[0] ? "\r\n" : "");

	sim_send(c, text);
	free(text);
	return sim_reply(c);
}

/* ---- a client that logs in ---- */

void user_connect(struct user *u, struct place *p, unsigned worker, const char *host,
	const char *name, const char *password)
{
	*u = (struct user){ .name = name, .password = password };
	sim_connect_from(&u->c, &p->s, worker, host);
}

void user_close(struct user *u)
{
	free(u->challenge);
	sim_hang_up(&u->c);
}

void user_hear(struct user *u)
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

void user_answer(struct user *u, const char *method, const char *uri)
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

int user_ask_once(struct user *u, const char *method, const char *path, const char *more)
{
	char *uri = xasprintf("rtsp://127.0.0.1%s", path);
	u->header[0] = '\0';
	if (u->challenge)
		user_answer(u, method, uri);
	char *lines = xasprintf("%s%s", u->header, more);
	int status = sim_ask(&u->c, method, path, lines);
	free(lines);
	free(uri);
	return status;
}

int user_try_once(struct user *u, const char *path)
{
	char *uri = xasprintf("rtsp://127.0.0.1%s", path);

	user_answer(u, "DESCRIBE", uri);
	char *text = xasprintf(
		"DESCRIBE %s RTSP/1.0\r\nCSeq: %u\r\n%s\r\n", uri, ++u->c.cseq, u->header);
	sim_send(&u->c, text);
	free(text);
	free(uri);
	return sim_reply(&u->c);
}

int user_ask(struct user *u, const char *method, const char *path, const char *more)
{
	int status = user_ask_once(u, method, path, more);

	if (status != 401)
		return status;
	user_hear(u);
	return user_ask_once(u, method, path, more);
}

int user_setup(struct user *u, const char *path)
{
	char text[128];
	int status = user_ask(u, "SETUP", path, SIM_AUTH_UDP);

	sim_header(&u->c, RTSP_H_SESSION, text, sizeof text);
	if (status == 200)
		(void)snprintf(u->c.session, sizeof u->c.session, "%.*s", SESSION_ID, text);
	return status;
}

bool user_is_stale(struct user *u)
{
	struct bytes v = rtsp_value(&u->c.reply, RTSP_H_WWW_AUTHENTICATE);
	return bytes_find(v, B("stale=true")) < v.n;
}
