/* SPDX-License-Identifier: MIT */
#include "server/wire/http.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/unit.h"

#define TYPE   "application/x-rtsp-tunnelled"
#define COOKIE "x-sessioncookie: 0123456789abcdef\r\n"
#define C16    "0123456789abcdef"
#define C64    C16 C16 C16 C16

static const struct {
	const char *head;
	int status; /* 0: a half */
	bool is_post, wants_continue;
	const char *cookie;
} heads[] = {
	/* as ffmpeg and GStreamer send them */
	{ "GET /clip.mp4 HTTP/1.1\r\nUser-Agent: Lavf59.27.100\r\nAccept: " TYPE "\r\n"
	  "Connection: close\r\nHost: 127.0.0.1:8554\r\n" COOKIE
	  "Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n",
		0, false, false, C16 },
	{ "POST /clip.mp4 HTTP/1.1\r\nUser-Agent: Lavf59.27.100\r\nAccept: */*\r\n"
	  "Host: 127.0.0.1:8554\r\n" COOKIE "Content-Type: " TYPE "\r\nPragma: no-cache\r\n"
	  "Cache-Control: no-cache\r\nContent-Length: 32767\r\n"
	  "Expires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n",
		0, true, false, C16 },
	/* case, line ends, folds, queries, lengths, absent Accept and Content-Type */
	{ "GET /a?b=c&d HTTP/1.0\nX-SESSIONCOOKIE:a\n\n", 0, false, false, "a" },
	{ "POST * HTTP/1.0\r\nX-Sessioncookie:\r\n  b \r\n\r\n", 0, true, false, "b" },
	{ "POST / HTTP/1.0\r\nContent-Length: 18446744073709551615\r\n" COOKIE "\r\n", 0, true,
		false, C16 },
	{ "GET / HTTP/1.9\r\naccept: text/html, " TYPE ";q=1\r\n" COOKIE "\r\n", 0, false, false,
		C16 },
	{ "POST / HTTP/1.1\r\nExpect: 100-Continue\r\n" COOKIE "\r\n", 0, true, true, C16 },
	{ "POST / HTTP/1.0\r\nExpect: 100-continue\r\n" COOKIE "\r\n", 0, true, false, C16 },
	{ "GET / HTTP/1.0\r\nx-sessioncookie: " C64 C64 "\r\n\r\n", 0, false, false, C64 C64 },
	/* halves that are wrong */
	{ "GET / HTTP/1.0\r\nAccept: " TYPE "\r\n\r\n", 400, false, false, NULL },
	{ "POST / HTTP/1.0\r\nContent-Type: " TYPE "; x=y\r\n\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\nx-sessioncookie:\r\n\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\nx-sessioncookie: a b\r\n\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\nx-sessioncookie: a\x80\r\n\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\nx-sessioncookie: " C64 C64 "0\r\n\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\n" COOKIE COOKIE "\r\n", 400, false, false, NULL },
	{ "GET / HTTP/1.0\r\n" COOKIE "Content-Length: x\r\n\r\n", 400, false, false, NULL },
	{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" COOKIE "\r\n", 501, false, false,
		NULL },
	{ "POST / HTTP/1.1\r\nExpect: a miracle\r\n" COOKIE "\r\n", 417, false, false, NULL },
	{ "GET / HTTP/2.0\r\n" COOKIE "\r\n", 505, false, false, NULL },
	/* other people's */
	{ "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", 404, false, false, NULL },
	{ "HEAD / HTTP/1.1\r\n\r\n", 404, false, false, NULL },
	{ "POST /form HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 405, false, false, NULL },
	{ "OPTIONS * HTTP/1.1\r\n\r\n", 405, false, false, NULL },
	{ "DELETE /a HTTP/1.1\r\n" COOKIE "\r\n", 405, false, false, NULL },
	{ "DESCRIBE /a HTTP/1.1\r\n\r\n", 501, false, false, NULL },
	{ "get / HTTP/1.1\r\n" COOKIE "\r\n", 501, false, false, NULL },
};

static int read_half(struct bytes in, int *n, struct rtsp_msg *m, struct http_half *h)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct arena a = { 0 };
	struct fault f;

	l.http = true;
	*n = rtsp_read(in, &l, &a, m, &f);
	int status = *n == ERR_MORE ? -1 : http_half_read(m, *n, h);
	arena_clear(&a);
	return status;
}

static void t_heads(void)
{
	struct rtsp_msg *m = xcalloc(1, sizeof *m);

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct http_half h;
		int n, status = read_half(bytes_str(heads[i].head), &n, m, &h);

		CU_ASSERT(m->is_http);
		CU_ASSERT_EQUAL(status, heads[i].status);
		if (status != heads[i].status)
			fprintf(stderr, "%d instead of %d: %s", status, heads[i].status,
				heads[i].head);
		if (status || heads[i].status)
			continue;
		CU_ASSERT_EQUAL(n, (int)strlen(heads[i].head));
		CU_ASSERT_EQUAL(h.is_post, heads[i].is_post);
		CU_ASSERT_EQUAL(h.wants_continue, heads[i].wants_continue);
		CU_ASSERT(bytes_is_eq(bytes_of(h.cookie, h.cookie_n), bytes_str(heads[i].cookie)));
	}
	free(m);
}

/* Only an early refusal may come before the end, and it is the same one. */
static void t_every_split(void)
{
	struct rtsp_msg *m = xcalloc(1, sizeof *m);
	struct http_half h;
	int n;

	for (size_t i = 0; i < COUNT(heads); i++) {
		struct bytes whole = bytes_str(heads[i].head);
		for (size_t cut = 0; cut < whole.n; cut++) {
			int status = read_half(bytes_sub(whole, 0, cut), &n, m, &h);
			CU_ASSERT(status == -1 || (status == heads[i].status && status));
		}
	}
	free(m);
}

static void t_what_follows_is_the_tunnels(void)
{
	struct rtsp_msg *m = xcalloc(1, sizeof *m);
	static const char head[] = "POST / HTTP/1.0\r\nContent-Length: 32767\r\n" COOKIE "\r\n";
	struct http_half h;
	int n;

	CU_ASSERT_EQUAL(read_half(B("POST / HTTP/1.0\r\nContent-Length: 32767\r\n" COOKIE
				    "\r\nT1BUSU9OUw=="),
				&n, m, &h),
		0);
	CU_ASSERT_EQUAL(n, (int)sizeof head - 1);
	free(m);
}

static void t_answers(void)
{
	struct buf b;

	buf_init(&b, 1024);
	CU_ASSERT_EQUAL(http_tunnel_write(&b, B("S/1"), B("D")), 0);
	CU_ASSERT(bytes_is_eq(buf_bytes(&b),
		B("HTTP/1.0 200 OK\r\nServer: S/1\r\nConnection: close\r\nDate: D\r\n"
		  "Cache-Control: no-store\r\nPragma: no-cache\r\nContent-Type: " TYPE
		  "\r\n\r\n")));
	buf_cut(&b, 0);
	CU_ASSERT_EQUAL(http_refusal_write(&b, HTTP_METHOD_NOT_ALLOWED, 5, B("S/1"), B("D")), 0);
	CU_ASSERT(bytes_is_eq(buf_bytes(&b),
		B("HTTP/1.0 405 Method Not Allowed\r\nServer: S/1\r\nConnection: close\r\n"
		  "Date: D\r\nCache-Control: no-store\r\nPragma: no-cache\r\nAllow: GET, POST\r\n"
		  "Content-Length: 0\r\n\r\n")));
	buf_clear(&b);
	buf_init(&b, 60);
	CU_ASSERT_EQUAL(http_tunnel_write(&b, B("S/1"), B("D")), ERR_LIMIT);
	CU_ASSERT_EQUAL(http_refusal_write(&b, 400, 5, B("S/1"), B("D")), ERR_LIMIT);
	CU_ASSERT_EQUAL(b.n, 0);
	buf_clear(&b);
}

UNIT_SUITE(wire_http,
	{ "which requests are half of a tunnel, and what refuses the others", t_heads },
	{ "a head is read at every split, refused early at most", t_every_split },
	{ "what follows a POST's head is the tunnel's, whatever its Content-Length",
		t_what_follows_is_the_tunnels },
	{ "answers are HTTP/1.0, closing, never cached; whole or not at all", t_answers });
