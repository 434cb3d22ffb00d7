/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/modules/auth_rules.h"
#include "server/modules/auth_sign.h"
#include "server/modules/auth_users.h"
#include "server/tests/unit.h"

/* ---- users and groups ---- */

#define MD5_A    "44086da9a89d780fd9b61b29f7f91d0c"
#define SHA256_A "1e40f916089983118296a02d2fe25a997c14470fb7ae249dde5016c0a20ef92a"

static void t_users(void)
{
	struct auth_users u;
	char why[AUTH_WHY];

	CU_ASSERT_EQUAL(
		auth_users_parse(&u,
			B("# who\n\nanna:Beagle:" MD5_A ":" SHA256_A "\r\n"
			  "anna:other:" MD5_A "\n bert:Beagle:" MD5_A " \ncarl:Beagle::" SHA256_A),
			"f", B("Beagle"), why),
		0);
	const struct auth_user *x = auth_users_find(&u, B("anna"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	CU_ASSERT_TRUE(x->has[AUTH_MD5] && x->has[AUTH_SHA256]);
	CU_ASSERT_TRUE(x->ha1[AUTH_MD5][0] == 0x44 && x->ha1[AUTH_SHA256][31] == 0x2a);
	CU_ASSERT_PTR_NOT_NULL(auth_users_find(&u, B("bert")));
	CU_ASSERT_PTR_NULL(auth_users_find(&u, B("Anna")));
	CU_ASSERT_PTR_NULL(auth_users_find(&u, B("")));
	CU_ASSERT_FALSE(u.all_have[AUTH_MD5]);
	CU_ASSERT_FALSE(u.all_have[AUTH_SHA256]);
	auth_users_clear(&u);
}

static void t_users_bad(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "anna:Beagle:" MD5_A "\nbert", "f:2: not 'user:realm" },
		{ "anna:Beagle:" MD5_A ":" SHA256_A ":x", "f:1: not 'user:realm" },
		{ "\n:Beagle:" MD5_A, "f:2: not 'user:realm" },
		{ "anna:Beagle:secret", "f:1: HA1 is not" },
		{ "anna:Beagle:" MD5_A ":" MD5_A, "f:1: the SHA-256" },
		{ "anna:Beagle:", "f:1: a user without a hash" },
		{ "anna:Beagle:" MD5_A "\nanna:Beagle:" MD5_A, "f:2: this user was" },
		{ "anna:other:" MD5_A, "f: no user of realm 'Beagle'" },
		{ "", "f: no user of realm 'Beagle'" },
	};
	struct auth_users u;
	char why[AUTH_WHY];

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_NOT_EQUAL(
			auth_users_parse(&u, bytes_str(rows[i].text), "f", B("Beagle"), why), 0);
		CU_ASSERT_TRUE(strncmp(why, rows[i].why, strlen(rows[i].why)) == 0);
		auth_users_clear(&u);
	}
	CU_ASSERT_NOT_EQUAL(auth_users_read(&u, NULL, "/nonexistent", B("Beagle"), why), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent"));
	auth_users_clear(&u);
}

static void t_line(void)
{
	struct buf b;
	struct auth_users u;
	char why[AUTH_WHY];

	buf_init(&b, 4096);
	CU_ASSERT_EQUAL(auth_user_line(B("anna"), B("Beagle"), B("secret"), &b), 0);
	CU_ASSERT_TRUE(bytes_is_eq(buf_bytes(&b), B("anna:Beagle:" MD5_A ":" SHA256_A "\n")));
	CU_ASSERT_EQUAL(auth_users_parse(&u, buf_bytes(&b), "f", B("Beagle"), why), 0);
	CU_ASSERT_TRUE(u.all_have[AUTH_SHA256]);
	auth_users_clear(&u);
	CU_ASSERT_EQUAL(auth_user_line(B("an:na"), B("Beagle"), B("x"), &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(auth_user_line(B("#anna"), B("Beagle"), B("x"), &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(auth_user_line(B(" anna"), B("Beagle"), B("x"), &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(auth_user_line(B(""), B("Beagle"), B("x"), &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(auth_user_line(B("a\nb"), B("Beagle"), B("x"), &b), ERR_SYNTAX);
	buf_clear(&b);
}

static void t_groups(void)
{
	struct auth_groups g;
	char why[AUTH_WHY];

	CU_ASSERT_EQUAL(
		auth_groups_parse(&g, B("staff: anna  bert\nempty:\nstaff: carl"), "f", why), 0);
	CU_ASSERT_TRUE(auth_groups_have(&g, B("staff"), B("anna")));
	CU_ASSERT_TRUE(auth_groups_have(&g, B("staff"), B("carl")));
	CU_ASSERT_FALSE(auth_groups_have(&g, B("staff"), B("ann")));
	CU_ASSERT_FALSE(auth_groups_have(&g, B("empty"), B("anna")));
	CU_ASSERT_TRUE(auth_groups_know(&g, B("empty")));
	CU_ASSERT_FALSE(auth_groups_know(&g, B("staf")));
	auth_groups_clear(&g);
	CU_ASSERT_NOT_EQUAL(auth_groups_parse(&g, B("a: b\nstaff anna"), "f", why), 0);
	CU_ASSERT_TRUE(strncmp(why, "f:2: ", 5) == 0);
	auth_groups_clear(&g);
}

/* ---- rules ---- */

static const char rules_text[] = "; comment\n"
				 "[/]\n"
				 "read = valid-user\n"
				 "publish = @studio\n"
				 "deny = 10.6.6.0/24 2001:db8::/32\n"
				 "[/public]\n"
				 "read = anyone\n"
				 "[/films/new]\n"
				 "read = anna, @studio\n"
				 "allow = 127.0.0.0/8\n"
				 "[/films/new/trailers/]\n"
				 "allow = ::/0\n"
				 "[/my%20films]\n"
				 "read = nobody\n"
				 "[/a/film.mp4]\n"
				 "read=bert\n";

static void t_rules(void)
{
	static const struct {
		const char *path, *user, *host;
		enum rtsp_action action;
		enum auth_answer want;
	} rows[] = {
		{ "/x", "", "127.0.0.1", ACTION_READ, AUTH_LOGIN },
		{ "/x", "anna", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/x", "anna", "10.6.6.6", ACTION_READ, AUTH_REFUSED },
		{ "/x", "anna", "2001:db8::7", ACTION_READ, AUTH_REFUSED },
		{ "/public", "", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/public/x", "", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/public/x", "", "10.6.6.6", ACTION_READ, AUTH_REFUSED }, /* deny of "/" */
		{ "/publicx", "", "127.0.0.1", ACTION_READ, AUTH_LOGIN },
		{ "/public/x", "", "127.0.0.1", ACTION_PUBLISH, AUTH_LOGIN }, /* as "/" says */
		{ "/public/x", "anna", "127.0.0.1", ACTION_PUBLISH, AUTH_REFUSED },
		{ "/public/x", "carl", "127.0.0.1", ACTION_PUBLISH, AUTH_GRANTED },
		{ "/films", "bert", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/films/new", "bert", "127.0.0.1", ACTION_READ, AUTH_REFUSED },
		{ "/films/new/a.mp4/trackID=1", "anna", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/films/new/a.mp4", "carl", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/films/new/a.mp4", "carl", "192.0.2.1", ACTION_READ, AUTH_REFUSED },
		{ "/films/new/a.mp4", "", "192.0.2.1", ACTION_READ, AUTH_REFUSED },
		{ "/films/new/trailers/b", "anna", "192.0.2.1", ACTION_READ, AUTH_GRANTED },
		{ "/films/new/trailers/b", "bert", "192.0.2.1", ACTION_READ, AUTH_REFUSED },
		{ "/films/new/trailers/b", "anna", "10.6.6.6", ACTION_READ, AUTH_REFUSED },
		{ "/my films", "anna", "127.0.0.1", ACTION_READ, AUTH_REFUSED },
		{ "/a/film.mp4/trackID=1", "anna", "127.0.0.1", ACTION_READ, AUTH_REFUSED },
		{ "/a/film.mp4/trackID=1", "bert", "127.0.0.1", ACTION_READ, AUTH_GRANTED },
		{ "/x", "anna", "127.0.0.1", ACTION_ADMIN, AUTH_REFUSED },
	};
	struct auth_groups g;
	char why[AUTH_WHY] = "";

	CU_ASSERT_EQUAL(auth_groups_parse(&g, B("studio: carl dora"), "g", why), 0);
	struct auth_rules *r = auth_rules_parse(bytes_str(rules_text), "f", &g, why);
	CU_ASSERT_STRING_EQUAL(why, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr peer;
		CU_ASSERT_EQUAL(addr_read(&peer, rows[i].host, 0), 0);
		struct auth_ask a = { rows[i].path, rows[i].action, bytes_str(rows[i].user), false,
			&peer };
		CU_ASSERT_EQUAL(auth_rules_ask(r, &a), rows[i].want);
	}
	auth_rules_free(r);
	auth_groups_clear(&g);
}

static void t_signature_and_addresses(void)
{
	struct auth_groups g = { 0 };
	struct addr peer;
	char why[AUTH_WHY];
	struct auth_rules *r =
		auth_rules_parse(B("[/]\nread=nobody\n[/a]\nread=anna\n[/b]\nread=anna\n"
				   "deny=127.0.0.1\n"),
			"f", &g, why);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(addr_read(&peer, "127.0.0.1", 0), 0);
	struct auth_ask a = { "/a", ACTION_READ, B(""), true, &peer };
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_GRANTED);
	a.path = "/b";
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_REFUSED);
	a.path = "/";
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_REFUSED);
	a.path = "/a";
	a.action = ACTION_PUBLISH;
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_LOGIN);
	auth_rules_free(r);
}

/* Without a file: every user may read and publish. */
static void t_rules_default(void)
{
	struct auth_groups g = { 0 };
	struct addr peer;
	char why[AUTH_WHY];
	struct auth_rules *r = auth_rules_new(NULL, "", &g, why);

	CU_ASSERT_EQUAL(addr_read(&peer, "127.0.0.1", 0), 0);
	struct auth_ask a = { "/a", ACTION_READ, B(""), false, &peer };
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_LOGIN);
	a.user = B("anna");
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_GRANTED);
	a.action = ACTION_PUBLISH;
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_GRANTED);
	a.action = ACTION_ADMIN;
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_REFUSED);
	auth_rules_free(r);
}

static void t_rules_bad(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "read = anyone", "f:1: before the first" },
		{ "[films]", "f:1: a section must be a path" },
		{ "[/..]", "f:1: a section must be a path" },
		{ "[/a", "f:1: no ']'" },
		{ "[/a]\n[/b/../a/]", "f:2: there was a section before" },
		{ "[/a]\nreed = anyone", "f:2: not read, publish" },
		{ "[/a]\nread", "f:2: this is no 'name = value'" },
		{ "[/a]\nread =", "f:2: who?" },
		{ "[/a]\nread = anyone\nread = anna", "f:3: said twice" },
		{ "[/a]\nread = @staff", "f:2: there is no group 'staff'" },
		{ "[/a]\nread = anna anyone", "f:2: this word stands alone: 'anyone'" },
		{ "[/a]\nallow =", "f:2: no list of addresses" },
		{ "[/a]\ndeny = 10.0.0.0/33", "f:2: no list of addresses" },
	};
	struct auth_groups g = { 0 };
	char why[AUTH_WHY];

	for (size_t i = 0; i < COUNT(rows); i++) {
		why[0] = '\0';
		CU_ASSERT_PTR_NULL(auth_rules_parse(bytes_str(rows[i].text), "f", &g, why));
		CU_ASSERT_TRUE(strncmp(why, rows[i].why, strlen(rows[i].why)) == 0);
	}
	CU_ASSERT_PTR_NULL(auth_rules_new(NULL, "/nonexistent", &g, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent"));
}

/* A path longer than inih's 49 octets protects what it says, and nothing else. */
static void t_rules_long(void)
{
	static const char text[] =
		"[/0123456789/0123456789/0123456789/0123456789/0123456789/secret]\n"
		"read = anna\n[/]\nread = anyone\n";
	struct auth_groups g = { 0 };
	struct addr peer;
	char why[AUTH_WHY];
	struct auth_rules *r = auth_rules_parse(bytes_str(text), "f", &g, why);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(addr_read(&peer, "127.0.0.1", 0), 0);
	struct auth_ask a = { "/0123456789/0123456789/0123456789/0123456789/0123456789/secret",
		ACTION_READ, B(""), false, &peer };
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_LOGIN);
	a.path = "/0123456789/0123456789/0123456789/0123456789/0123456789/other";
	CU_ASSERT_EQUAL(auth_rules_ask(r, &a), AUTH_GRANTED);
	auth_rules_free(r);
}

/* ---- signatures ---- */

static enum auth_signature check(const struct auth_key *k, const char *query, const char *path,
	const char *host, int64_t now)
{
	struct addr peer;
	int64_t expires;

	CU_ASSERT_EQUAL(addr_read(&peer, host, 0), 0);
	return auth_sign_check(k, bytes_str(query), path, &peer, now, &expires);
}

static const char *query_of(const char *url)
{
	return strchr(url, '?') + 1;
}

static char *sign(const struct auth_key *k, const char *url, int64_t expires, const char *client)
{
	struct addr a;
	struct buf b;

	buf_init(&b, 4096);
	if (client)
		CU_ASSERT_EQUAL(addr_read(&a, client, 0), 0);
	CU_ASSERT_EQUAL_FATAL(auth_sign_url(k, bytes_str(url), expires, client ? &a : NULL, &b), 0);
	char *text = xasprintf("%.*s", BYTES_FMT(buf_bytes(&b)));
	buf_clear(&b);
	return text;
}

static uint8_t key_octets[] = "0123456789abcdef";
static const struct auth_key key = { key_octets, 16 }, other = { key_octets, 15 };

static void t_sign(void)
{
	char *url = sign(&key, "rtsp://h/a%20b.mp4", 1000, NULL);
	char *q = xasprintf("%s", query_of(url));

	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "127.0.0.1", 999), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "::1", 0), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "127.0.0.1", 1000), SIGN_EXPIRED);
	CU_ASSERT_EQUAL(check(&key, q, "/a c.mp4", "127.0.0.1", 999), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4/x", "127.0.0.1", 999), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&key, q, "/", "127.0.0.1", 999), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&other, q, "/a b.mp4", "127.0.0.1", 999), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&key, "", "/a b.mp4", "127.0.0.1", 999), SIGN_NONE);
	CU_ASSERT_EQUAL(check(&key, "a=b&expires=1000", "/a b.mp4", "127.0.0.1", 999), SIGN_NONE);
	/* "&&": nothing stands between them, and not what stood before */
	char *gaps = xasprintf("&%s&&&x=y&", q);
	CU_ASSERT_EQUAL(check(&key, gaps, "/a b.mp4", "127.0.0.1", 999), SIGN_GOOD);
	free(gaps);
	/* longer time, same signature */
	*strstr(q, "1000") = '2';
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "127.0.0.1", 999), SIGN_WRONG);
	*strstr(q, "2000") = '1';
	q[strlen(q) - 1] ^= 1;
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "127.0.0.1", 999), SIGN_WRONG);
	q[strlen(q) - 1] = '\0';
	CU_ASSERT_EQUAL(check(&key, q, "/a b.mp4", "127.0.0.1", 999), SIGN_WRONG);
	free(q);
	free(url);
}

static void t_sign_control(void)
{
	char *url = sign(&key, "rtsp://h/a.mp4", 1000, NULL);
	char *behind = xasprintf("%s/trackID=1", query_of(url));
	char *twice = xasprintf("%s&%s", query_of(url), query_of(url));
	char *later = xasprintf("expires=9999&%s", query_of(url));

	CU_ASSERT_EQUAL(check(&key, query_of(url), "/a.mp4/trackID=1", "127.0.0.1", 1), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, behind, "/a.mp4/trackID=1", "127.0.0.1", 1), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, behind, "/a.mp4", "127.0.0.1", 1), SIGN_GOOD);
	CU_ASSERT_EQUAL(
		check(&key, query_of(url), "/a.mp4/b/trackID=1", "127.0.0.1", 1), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&key, twice, "/a.mp4", "127.0.0.1", 1), SIGN_WRONG);
	CU_ASSERT_EQUAL(check(&key, later, "/a.mp4", "127.0.0.1", 1), SIGN_WRONG);
	free(later);
	free(twice);
	free(behind);
	free(url);
}

static void t_sign_client(void)
{
	char *url = sign(&key, "rtsp://h/a.mp4?x=y", 1000, "127.0.0.1");
	char *without = xasprintf("%s", query_of(url));
	char *cut = strstr(without, "&client=127.0.0.1");

	CU_ASSERT_TRUE(
		strncmp(url, "rtsp://h/a.mp4?x=y&expires=1000&client=127.0.0.1&sig=", 52) == 0);
	CU_ASSERT_EQUAL(check(&key, query_of(url), "/a.mp4", "127.0.0.1", 1), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, query_of(url), "/a.mp4", "::ffff:127.0.0.1", 1), SIGN_GOOD);
	CU_ASSERT_EQUAL(check(&key, query_of(url), "/a.mp4", "127.0.0.2", 1), SIGN_WRONG);
	memmove(cut, cut + strlen("&client=127.0.0.1"),
		strlen(cut) - strlen("&client=127.0.0.1") + 1);
	CU_ASSERT_EQUAL(check(&key, without, "/a.mp4", "127.0.0.1", 1), SIGN_WRONG);
	free(without);
	free(url);
}

static void t_sign_empty_query(void)
{
	char *url = sign(&key, "rtsp://h/a.mp4?", 1000, NULL);

	CU_ASSERT_TRUE(strncmp(url, "rtsp://h/a.mp4?expires=1000&sig=", 32) == 0);
	CU_ASSERT_EQUAL(check(&key, query_of(url), "/a.mp4", "127.0.0.1", 1), SIGN_GOOD);
	free(url);
}

/* Whatever is there of path and query, what is added is found again. */
static void t_sign_forms(void)
{
	static const char *const rows[][2] = { { "rtsp://h", "/" }, { "rtsp://h/", "/" },
		{ "rtsp://h?", "/" }, { "rtsp://h?x=y", "/" }, { "rtsp://h/a?", "/a" },
		{ "rtsp://h/a?&", "/a" }, { "rtsp://h/a?x/y", "/a" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *url = sign(&key, rows[i][0], 1000, NULL);
		CU_ASSERT_EQUAL(
			check(&key, query_of(url), rows[i][1], "127.0.0.1", 999), SIGN_GOOD);
		free(url);
	}
}

static void t_sign_refused(void)
{
	static const char *const rows[] = { "a.mp4", "http://h/a", "rtsp://h/a?sig=1",
		"rtsp://h/a?expires=1", "rtsp://h/../a", "rtsp://h/a#b", "rtsp://h/a#", "*", "" };
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(auth_sign_url(&key, bytes_str(rows[i]), 1, NULL, &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(b.n, 0);
	CU_ASSERT_EQUAL(auth_sign_put_public(B("a=b&sig=0011/trackID=1&expires=7"), &b), 0);
	CU_ASSERT_TRUE(bytes_is_eq(buf_bytes(&b), B("a=b&sig=-&expires=7")));
	buf_clear(&b);
}

UNIT_SUITE(auth_files, { "users: htdigest's lines, with a fourth field for SHA-256", t_users },
	{ "users: a bad line is named by its number", t_users_bad },
	{ "users: a line that is made is a line that is read", t_line },
	{ "users: groups of them", t_groups },
	{ "rules: the longest path wins, key by key; deny before all", t_rules },
	{ "rules: a signature reads where anyone may who is named, not where nobody may",
		t_signature_and_addresses },
	{ "rules: without a file every user may read and publish, nobody administer",
		t_rules_default },
	{ "rules: what is wrong is named with its line", t_rules_bad },
	{ "rules: a long path is not cut", t_rules_long },
	{ "signed URL: path, time and key count, nothing less", t_sign },
	{ "signed URL: a control before or behind the query is covered", t_sign_control },
	{ "signed URL: for one address only", t_sign_client },
	{ "signed URL: behind an empty query, too", t_sign_empty_query },
	{ "signed URL: with any path and query, or none", t_sign_forms },
	{ "signed URL: what cannot be signed, and what logs show", t_sign_refused });
