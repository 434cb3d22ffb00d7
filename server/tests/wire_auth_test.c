/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/auth.h"

static const char nonce_7616[] = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
static const char cnonce_7616[] = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

static void t_vectors(void)
{
	static const struct {
		enum auth_hash hash;
		const char *realm, *password, *nonce, *cnonce, *response;
	} rows[] = {
		/* 7616 3.9.1, both */
		{ AUTH_MD5, "http-auth@example.org", "Circle of Life", nonce_7616, cnonce_7616,
			"8ca523f5e9506fed4657c9700eebdbec" },
		{ AUTH_SHA256, "http-auth@example.org", "Circle of Life", nonce_7616, cnonce_7616,
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
		/* 2617 3.5 */
		{ AUTH_MD5, "testrealm@host.com", "Circle Of Life",
			"dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b",
			"6629fae49393a05397450978507c4ef1" },
		/* the same in the form of 2069, by hand with md5sum */
		{ AUTH_MD5, "testrealm@host.com", "Circle Of Life",
			"dcd98b7102dd2f0e8b11d0f600bfb0c093", NULL,
			"670fd8c2df070c60b045671b8b24ff02" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t ha1[AUTH_OCTETS];
		char got[AUTH_HEX];
		auth_ha1(rows[i].hash, B("Mufasa"), bytes_str(rows[i].realm),
			bytes_str(rows[i].password), ha1);
		struct auth_digest d = { .hash = rows[i].hash,
			.has_qop = rows[i].cnonce != NULL,
			.ha1 = ha1,
			.method = B("GET"),
			.uri = B("/dir/index.html"),
			.nonce = bytes_str(rows[i].nonce),
			.nc = B("00000001"),
			.cnonce = bytes_str(rows[i].cnonce) };
		auth_response(&d, got);
		CU_ASSERT_STRING_EQUAL(got, rows[i].response);
	}
}

static int read_text(struct arena *a, const char *text, struct auth_credentials *c)
{
	arena_reset(a);
	return auth_read(bytes_str(text), a, c);
}

#define MD5_ZERO "00112233445566778899aabbccddeeff"

static void t_quoting(void)
{
	static const char *const rows[] = {
		"Digest username=\"an\\\"na\", realm=\"r\", nonce=\"n\", uri=\"rtsp://h/a=b?c=d\", "
		"response=\"" MD5_ZERO "\"",
		"digest\tusername = \"an\\\"na\" ,, realm=r,nonce=n,uri=rtsp://h/a=b?c=d, response=" MD5_ZERO
		",",
		("DIGEST  , RESPONSE=\"00112233445566778899AABBCCDDEEFF\" URI=\"rtsp://h/a=b?c=d\" "
		 "NONCE=n REALM=r USERNAME=\"an\\\"na\" algorithm=md5 other=\"x, y=z\""),
	};
	struct arena a = { 0 };
	struct auth_credentials c;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(read_text(&a, rows[i], &c), 0);
		CU_ASSERT_EQUAL(c.scheme, AUTH_DIGEST);
		CU_ASSERT_TRUE(bytes_is_eq(c.user, B("an\"na")));
		CU_ASSERT_TRUE(bytes_is_eq(c.realm, B("r")));
		CU_ASSERT_TRUE(bytes_is_eq(c.nonce, B("n")));
		CU_ASSERT_TRUE(bytes_is_eq(c.uri, B("rtsp://h/a=b?c=d")));
		CU_ASSERT_TRUE(bytes_is_ieq(c.response, B(MD5_ZERO)));
		CU_ASSERT_EQUAL(c.hash, AUTH_MD5);
		CU_ASSERT_FALSE(c.has_qop);
	}
	arena_clear(&a);
}

#define FIVE                                                   \
	"username=\"u\", realm=\"r\", nonce=\"n\", uri=\"*\"," \
	" response=\"" MD5_ZERO "\""

static void t_refused(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "Digest", ERR_SYNTAX },
		{ "Digest=x", ERR_SYNTAX },
		{ "Digest username=\"x\"", ERR_SYNTAX },
		{ "Digest " FIVE ", realm=\"r\"", ERR_SYNTAX },
		{ "Digest " FIVE ", opaque=\"never ends", ERR_SYNTAX },
		{ "Digest " FIVE ", opaque=\"never ends\\\"", ERR_SYNTAX },
		{ "Digest " FIVE ", opaque=ab\"c", ERR_SYNTAX },
		{ "Digest " FIVE ", Basic realm=\"r\"", ERR_SYNTAX },
		{ "Digest " FIVE ", =x", ERR_SYNTAX },
		{ "Digest " FIVE ", qop=auth", ERR_SYNTAX },
		{ "Digest " FIVE ", qop=auth, cnonce=c, nc=1", ERR_SYNTAX },
		{ "Digest " FIVE ", qop=auth, cnonce=c, nc=0000000g", ERR_SYNTAX },
		{ "Digest " FIVE ", qop=auth-int, cnonce=c, nc=00000001", ERR_UNSUPPORTED },
		{ "Digest " FIVE ", algorithm=SHA-512-256", ERR_UNSUPPORTED },
		{ "Digest " FIVE ", algorithm=SHA-256", ERR_SYNTAX },  /* 32 digits are too few */
		{ "Digest " FIVE ", algorithm=MD5-sess", ERR_SYNTAX }, /* no cnonce */
		{ "Basic", ERR_SYNTAX },
		{ "Basic %%%", ERR_SYNTAX },
		{ "Basic YW5uYQ==", ERR_SYNTAX },          /* no colon */
		{ "Basic YW4AYTp4", ERR_SYNTAX },          /* a NUL */
		{ "Basic YW5uYTp4 YW5uYTp4", ERR_SYNTAX }, /* two */
		{ "Digest " FIVE, 0 },
		{ "Digest " FIVE ", qop=\"auth\", cnonce=\"\", nc=\"0000000A\"", 0 },
		{ "Digest " FIVE ", algorithm=MD5-sess, cnonce=c", 0 },
		{ "Basic YW5uYTp4OnkK", 0 },
		{ "Bearer abc.def", 0 },
		{ "Negotiate", 0 },
	};
	struct arena a = { 0 };
	struct auth_credentials c;

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(read_text(&a, rows[i].text, &c), rows[i].want);
	CU_ASSERT_EQUAL(read_text(&a, "basic   YW5uYTp4Onk=  ", &c), 0);
	CU_ASSERT_EQUAL(c.scheme, AUTH_BASIC);
	CU_ASSERT_TRUE(bytes_is_eq(c.user, B("anna")));
	CU_ASSERT_TRUE(bytes_is_eq(c.password, B("x:y")));
	CU_ASSERT_EQUAL(read_text(&a, "Bearer x", &c), 0);
	CU_ASSERT_EQUAL(c.scheme, AUTH_OTHER);
	arena_clear(&a);
}

static void t_caps(void)
{
	struct arena a = { 0 };
	struct auth_credentials c;
	struct buf b;

	buf_init(&b, 1 << 20);
	CU_ASSERT_EQUAL(buf_put(&b, B("Digest " FIVE)), 0);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(buf_printf(&b, ", x%d=\"y\"", i), 0);
	CU_ASSERT_EQUAL(auth_read(buf_bytes(&b), &a, &c), ERR_LIMIT);
	buf_cut(&b, 0);
	CU_ASSERT_EQUAL(buf_put(&b, B("Digest username=\"")), 0);
	for (int i = 0; i < 65536; i++)
		CU_ASSERT_EQUAL(buf_put(&b, B("\\")), 0);
	CU_ASSERT_EQUAL(auth_read(buf_bytes(&b), &a, &c), ERR_SYNTAX);
	buf_clear(&b);
	arena_clear(&a);
}

/* Every prefix of what is right, as its own allocation, so that a sanitizer sees a read beyond its end. */
static void t_cut(void)
{
	static const char whole[] =
		"Digest username=\"a\\\"b\" , realm=r,nonce=\"n\", uri=\"rtsp://h/x\", response=\"" MD5_ZERO
		"\", qop=auth, nc=00000001, cnonce=\"c\"";
	struct arena a = { 0 };
	struct auth_credentials c;

	for (size_t n = 0; n < strlen(whole); n++) {
		char *part = malloc(n ? n : 1);
		memcpy(part, whole, n);
		arena_reset(&a);
		CU_ASSERT_TRUE(auth_read(bytes_of(part, n), &a, &c) <= 0);
		free(part);
	}
	CU_ASSERT_EQUAL(auth_read(bytes_str(whole), &a, &c), 0);
	CU_ASSERT_EQUAL(c.count, 1);
	arena_clear(&a);
}

static void t_challenges(void)
{
	static const char text[] =
		"Negotiate, Digest realm=\"a, b\",qop=\"auth-int , auth\", algorithm=SHA-256,nonce=\"n1\","
		"stale=TRUE , Digest nonce=n2 realm=\"r\" opaque=\"o\", Basic realm=\"r\","
		"Digest realm=r, nonce=x, qop=\"auth-int\", NTLM abc=";
	static const enum auth_scheme want[] = { AUTH_OTHER, AUTH_DIGEST, AUTH_DIGEST, AUTH_BASIC,
		AUTH_OTHER, AUTH_OTHER };
	struct bytes v = bytes_str(text);
	struct arena a = { 0 };
	struct auth_challenge c[COUNT(want)], more;

	for (size_t i = 0; i < COUNT(want); i++) {
		CU_ASSERT_EQUAL_FATAL(auth_challenge_next(&v, &a, &c[i]), 1);
		CU_ASSERT_EQUAL(c[i].scheme, want[i]);
	}
	CU_ASSERT_EQUAL(auth_challenge_next(&v, &a, &more), 0);
	CU_ASSERT_TRUE(bytes_is_eq(c[1].realm, B("a, b")));
	CU_ASSERT_TRUE(c[1].is_stale && c[1].has_qop && c[1].hash == AUTH_SHA256);
	CU_ASSERT_TRUE(!c[2].is_stale && !c[2].has_qop && c[2].hash == AUTH_MD5);
	CU_ASSERT_TRUE(bytes_is_eq(c[2].opaque, B("o")));
	CU_ASSERT_TRUE(auth_challenge_is_better(&c[2], &c[1]));
	CU_ASSERT_TRUE(auth_challenge_is_better(&c[3], &c[2]));
	CU_ASSERT_FALSE(auth_challenge_is_better(&c[3], &c[0]));
	v = B("Digest realm=\"x");
	CU_ASSERT_EQUAL(auth_challenge_next(&v, &a, &more), ERR_SYNTAX);
	arena_clear(&a);
}

/* What the client's side answers, the server's side reads, and both compute the same. */
static void t_round(void)
{
	static const struct {
		enum auth_hash hash;
		bool is_sess, has_qop;
	} rows[] = { { AUTH_MD5, false, false }, { AUTH_MD5, false, true },
		{ AUTH_MD5, true, true }, { AUTH_MD5, true, false }, { AUTH_SHA256, false, true },
		{ AUTH_SHA256, true, true } };
	const struct auth_login login = { B("an\"na"), B("p\\w:d"), B("c\\n"), 0xab };
	struct arena a = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_challenge asked = { .scheme = AUTH_DIGEST,
			.realm = B("re\"alm"),
			.nonce = B("no\\nce"),
			.opaque = B("o"),
			.hash = rows[i].hash,
			.is_sess = rows[i].is_sess,
			.has_qop = rows[i].has_qop,
			.is_stale = true };
		struct auth_challenge heard;
		struct auth_credentials c;
		uint8_t ha1[AUTH_OCTETS];
		char want[AUTH_HEX];
		buf_cut(&b, 0);
		CU_ASSERT_EQUAL(auth_challenge_write(&asked, &b), 0);
		struct bytes v = buf_bytes(&b);
		CU_ASSERT_EQUAL(auth_challenge_next(&v, &a, &heard), 1);
		CU_ASSERT_TRUE(heard.is_stale && heard.hash == asked.hash);
		struct buf answer;
		buf_init(&answer, 4096);
		CU_ASSERT_EQUAL(
			auth_answer_write(&heard, &login, B("PLAY"), B("rtsp://h/x"), &answer), 0);
		CU_ASSERT_EQUAL(auth_read(buf_bytes(&answer), &a, &c), 0);
		CU_ASSERT_TRUE(bytes_is_eq(c.user, login.user));
		CU_ASSERT_TRUE(bytes_is_eq(c.nonce, asked.nonce));
		CU_ASSERT_TRUE(bytes_is_eq(c.opaque, asked.opaque));
		CU_ASSERT_EQUAL(c.count, rows[i].has_qop ? 0xab : 0);
		auth_ha1(c.hash, c.user, c.realm, login.password, ha1);
		struct auth_digest d = { c.hash, c.is_sess, c.has_qop, ha1, B("PLAY"), c.uri,
			c.nonce, c.nc, c.cnonce };
		auth_response(&d, want);
		CU_ASSERT_TRUE(auth_is_equal(c.response, bytes_str(want)));
		buf_clear(&answer);
	}
	buf_clear(&b);
	arena_clear(&a);
}

static void t_basic_answer(void)
{
	const struct auth_challenge c = { .scheme = AUTH_BASIC, .realm = B("r") };
	struct auth_login l = { .user = B("anna"), .password = B("x:y") };
	struct buf b;

	buf_init(&b, 4096);
	CU_ASSERT_EQUAL(auth_answer_write(&c, &l, B("PLAY"), B("*"), &b), 0);
	CU_ASSERT_TRUE(bytes_is_eq(buf_bytes(&b), B("Basic YW5uYTp4Onk=")));
	l.user = B("an:na");
	CU_ASSERT_EQUAL(auth_answer_write(&c, &l, B("PLAY"), B("*"), &b), ERR_SYNTAX);
	l.user = B("an\r\nna");
	CU_ASSERT_EQUAL(auth_answer_write(&c, &l, B("PLAY"), B("*"), &b), ERR_SYNTAX);
	CU_ASSERT_EQUAL(b.n, strlen("Basic YW5uYTp4Onk="));
	buf_clear(&b);
}

static void t_hex(void)
{
	uint8_t octets[2];

	CU_ASSERT_TRUE(auth_unhex(B("fF0a"), octets, 2) && octets[0] == 0xff && octets[1] == 10);
	CU_ASSERT_FALSE(auth_unhex(B("fF0"), octets, 2));
	CU_ASSERT_FALSE(auth_unhex(B("fF0a0"), octets, 2));
	CU_ASSERT_FALSE(auth_unhex(B("+f0a"), octets, 2));
	CU_ASSERT_TRUE(auth_is_equal(B("ab"), B("ab")));
	CU_ASSERT_FALSE(auth_is_equal(B("ab"), B("aB")));
	CU_ASSERT_FALSE(auth_is_equal(B("ab"), B("abc")));
}

UNIT_SUITE(wire_auth,
	{ "auth: the vectors of 7616 3.9.1 and 2617 3.5, with and without qop", t_vectors },
	{ "auth: quoted or not, any order, blanks and commas anywhere (2617 1.2)", t_quoting },
	{ "auth: what Digest and Basic require, and nothing twice (2617 2, 3.2.2)", t_refused },
	{ "auth: a thousand directives and 64 KB of backslashes are refused", t_caps },
	{ "auth: every beginning of a header is read within its bounds", t_cut },
	{ "auth: several challenges in one header (7235 4.1)", t_challenges },
	{ "auth: an answer is read back, and the response agrees", t_round },
	{ "auth: Basic is base64 of name and password; no colon in the name (7617 2)",
		t_basic_answer },
	{ "auth: hex has exactly its digits; secrets compare whole", t_hex });
