/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/digest.h"
#include "conformance/door.h"
#include "server/base/err.h"
#include "server/tests/unit.h"

/* RFC 7616 3.9.1. */
static struct digest_answer vector(const char *algorithm)
{
	return (struct digest_answer){ .method = "GET",
		.password = "Circle of Life",
		.field = { [DIGEST_USERNAME] = "Mufasa",
			[DIGEST_REALM] = "http-auth@example.org",
			[DIGEST_NONCE] = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			[DIGEST_URI] = "/dir/index.html",
			[DIGEST_ALGORITHM] = algorithm,
			[DIGEST_QOP] = "auth",
			[DIGEST_NC] = "00000001",
			[DIGEST_CNONCE] = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" } };
}

static void t_vectors(void)
{
	char hex[65];
	struct digest_answer a = vector("MD5");

	CU_ASSERT_EQUAL(digest_response(&a, hex), 0);
	CU_ASSERT_STRING_EQUAL(hex, "8ca523f5e9506fed4657c9700eebdbec");
	a = vector(NULL);
	CU_ASSERT_EQUAL(digest_response(&a, hex), 0);
	CU_ASSERT_STRING_EQUAL(hex, "8ca523f5e9506fed4657c9700eebdbec");
	a = vector("SHA-256");
	CU_ASSERT_EQUAL(digest_response(&a, hex), 0);
	CU_ASSERT_STRING_EQUAL(
		hex, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
	a = vector("SHA-3");
	CU_ASSERT(digest_response(&a, hex) < 0);
}

/* 2617 3.5 has a qop too; without one, as 2069: H(A1:nonce:A2). */
static void t_without_qop(void)
{
	char hex[65];
	struct digest_answer a = { .method = "DESCRIBE",
		.password = "secret",
		.field = { [DIGEST_USERNAME] = "u",
			[DIGEST_REALM] = "r",
			[DIGEST_NONCE] = "n",
			[DIGEST_URI] = "rtsp://h/x" } };

	/* md5(md5("u:r:secret") ":n:" md5("DESCRIBE:rtsp://h/x")), by another program */
	CU_ASSERT_EQUAL(digest_response(&a, hex), 0);
	CU_ASSERT_STRING_EQUAL(hex, "7cdcff739f189204d4220759f7213e65");
}

static size_t challenges_of(const char *headers, struct challenge *v)
{
	static char text[2048];
	struct ox_message m;

	(void)snprintf(
		text, sizeof(text), "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n%s\r\n", headers);
	CU_ASSERT_EQUAL_FATAL(ox_message_read(bytes_str(text), &m, NULL), 0);
	return challenges_read(&m, v);
}

static void t_challenges(void)
{
	struct challenge v[CHALLENGES];

	CU_ASSERT_EQUAL(
		challenges_of("WWW-Authenticate: Digest realm=\"a, b\", nonce=\"x=\\\"y\", "
			      "algorithm=SHA-256, qop=\"auth\", stale=TRUE, Basic realm=\"c\"\r\n"
			      "WWW-Authenticate: Digest realm=d,nonce=\"z\"\r\n",
			v),
		3);
	CU_ASSERT_STRING_EQUAL(v[0].realm, "a, b");
	CU_ASSERT_STRING_EQUAL(v[0].nonce, "x=\"y");
	CU_ASSERT_STRING_EQUAL(v[0].qop, "auth");
	CU_ASSERT(v[0].is_stale && !v[2].is_stale);
	CU_ASSERT_STRING_EQUAL(v[1].scheme, "Basic");
	CU_ASSERT_STRING_EQUAL(v[2].realm, "d");
	CU_ASSERT_PTR_EQUAL(challenge_find(v, 3, "digest", NULL), &v[0]);
	CU_ASSERT_PTR_EQUAL(challenge_find(v, 3, "Digest", "MD5"), &v[2]);
	CU_ASSERT_PTR_EQUAL(challenge_find(v, 3, "basic", NULL), &v[1]);
	CU_ASSERT_PTR_NULL(challenge_find(v, 3, "Digest", "SHA-512-256"));
	CU_ASSERT_EQUAL(challenges_of("", v), 0);
	CU_ASSERT_EQUAL(challenges_of("WWW-Authenticate: ,,\"\r\n", v), 0);
}

static void t_written(void)
{
	struct digest_answer a = vector("MD5");
	struct buf b;

	buf_init(&b, 4096);
	CU_ASSERT(digest_write(&a, &b) >= 0);
	CU_ASSERT(bytes_has_prefix(
		buf_bytes(&b), B("Digest username=\"Mufasa\", realm=\"http-auth")));
	CU_ASSERT(bytes_find(buf_bytes(&b), B("qop=auth, nc=00000001, cnonce=\"")) < b.n);
	buf_drop(&b, b.n);
	a.shuffled = true;
	CU_ASSERT(digest_write(&a, &b) >= 0);
	CU_ASSERT(bytes_has_prefix(buf_bytes(&b), B("Digest   cnonce = \"f2/")));
	buf_drop(&b, b.n);
	CU_ASSERT(basic_write("Aladdin", "open sesame", &b) >= 0); /* 7617 2 */
	CU_ASSERT(bytes_is_eq(buf_bytes(&b), B("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
	buf_clear(&b);
}

static void t_tunnel_answer(void)
{
	static const char good[] = "HTTP/1.0 200 OK\r\nServer: x\r\n"
				   "content-type:  application/x-rtsp-tunnelled\r\n\r\n$";
	unsigned status = 0;
	bool is_tunnel = false;

	for (size_t n = 0; n + 1 < sizeof(good) - 1; n++)
		CU_ASSERT_EQUAL(tunnel_answer(bytes_of(good, n), &status, &is_tunnel), ERR_MORE);
	CU_ASSERT_EQUAL(tunnel_answer(bytes_str(good), &status, &is_tunnel), (int)sizeof(good) - 2);
	CU_ASSERT(status == 200 && is_tunnel);
	CU_ASSERT(tunnel_answer(B("HTTP/1.1 404 No\r\n\r\n"), &status, &is_tunnel) > 0);
	CU_ASSERT(status == 404 && !is_tunnel);
	CU_ASSERT_EQUAL(tunnel_answer(B("RTSP/1.0 200 OK"), &status, &is_tunnel), ERR_SYNTAX);
	CU_ASSERT_EQUAL(tunnel_answer(B("HTTP/1.0 abc\r\n\r\n"), &status, &is_tunnel), ERR_SYNTAX);
}

UNIT_SUITE(doors, { "digest: the vectors of 7616 3.9.1", t_vectors },
	{ "digest: without qop, as in 2069", t_without_qop },
	{ "digest: challenges in one header and in several (7235 4.1)", t_challenges },
	{ "digest: answers are written, in any order; Basic (7617 2)", t_written },
	{ "tunnel: the answer to a GET, whole or in part", t_tunnel_answer });
