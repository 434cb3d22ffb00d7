/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/unit.h"
#include "server/wire/rtsp.h"

#define S(s)       bytes_str(s)
#define EQ(v, lit) CU_ASSERT(bytes_is_eq(v, B(lit)))

/* One parsed message and what it needs to stay alive. */
struct got {
	uint8_t *copy;
	struct arena arena;
	struct rtsp_msg m;
	struct fault f;
	int n;
};

/* Reads from a heap copy of exactly this size, so that a sanitizer sees any step outside. */
static void read_with(struct got *g, struct bytes in, const struct rtsp_limits *l)
{
	*g = (struct got){ .copy = xmalloc(in.n + 1) };
	g->copy = xrealloc(g->copy, in.n ? in.n : 1);
	memcpy(g->copy, in.p, in.n);
	g->n = rtsp_read(bytes_of(g->copy, in.n), l, &g->arena, &g->m, &g->f);
}

static void drop(struct got *g)
{
	arena_clear(&g->arena);
	free(g->copy);
}

static bool same_msg(const struct rtsp_msg *a, const struct rtsp_msg *b)
{
	bool same = a->is_response == b->is_response && a->method == b->method &&
		    a->status == b->status && bytes_is_eq(a->uri, b->uri) &&
		    a->n_headers == b->n_headers && bytes_is_eq(a->body, b->body) &&
		    a->has_cseq == b->has_cseq && a->cseq == b->cseq && a->skip == b->skip &&
		    a->refusal == b->refusal;

	for (size_t i = 0; same && i < a->n_headers; i++)
		same = a->header[i].id == b->header[i].id &&
		       bytes_is_eq(a->header[i].name, b->header[i].name) &&
		       bytes_is_eq(a->header[i].value, b->header[i].value);
	return same;
}

/* Goes on octet by octet: the same end as at once, and every octet of the head is looked at a fixed number of
 * times. */
static void read_on(struct bytes in)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct rtsp_scan scan = { 0 };
	struct got whole, g = { .n = ERR_MORE };

	read_with(&whole, in, &l);
	for (size_t k = 0; k <= in.n && g.n == ERR_MORE; k++) {
		arena_reset(&g.arena);
		g.n = rtsp_read_on(&scan, bytes_sub(in, 0, k), &l, &g.arena, &g.m, &g.f);
	}
	CU_ASSERT_EQUAL(g.n, whole.n);
	CU_ASSERT(same_msg(&g.m, &whole.m));
	CU_ASSERT(scan.looked <= 4 * in.n);
	arena_clear(&g.arena);
	drop(&whole);
}

/* Whole; then with every shorter part first: each answers ERR_MORE, or already the final answer (an
 * error that no further byte can mend). *g is the whole one. */
static void read_split(struct got *g, struct bytes in)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;

	read_on(in);
	read_with(g, in, &l);
	for (size_t k = 0; k < in.n; k++) {
		struct got part;
		read_with(&part, bytes_sub(in, 0, k), &l);
		CU_ASSERT(part.n == ERR_MORE ||
			  (part.n == g->n && (g->n > 0 || same_msg(&part.m, &g->m))));
		/* A message is only complete early when lone CRs or an LF that is not needed end
		 * it. */
		if (part.n > 0)
			CU_ASSERT(same_msg(&part.m, &g->m));
		drop(&part);
	}
}

static void t_request(void)
{
	struct bytes in = B("SETUP rtsp://h/a/trackID=1 RTSP/1.0\r\nCSeq: 302\r\n"
			    "Transport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n");
	struct got g;

	read_split(&g, in);
	CU_ASSERT_EQUAL(g.n, (int)in.n);
	CU_ASSERT_EQUAL(g.m.method, RTSP_SETUP);
	EQ(g.m.uri, "rtsp://h/a/trackID=1");
	CU_ASSERT(g.m.has_cseq && g.m.cseq == 302);
	EQ(g.m.cseq_text, "302");
	EQ(rtsp_value(&g.m, RTSP_H_TRANSPORT), "RTP/AVP;unicast;client_port=4588-4589");
	CU_ASSERT_EQUAL(g.m.version_major, 1);
	CU_ASSERT_EQUAL(g.m.body.n, 0);
	drop(&g);
}

static void t_response(void)
{
	struct bytes in = B("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nv=0\nRTSP/1.0");
	struct got g;

	read_split(&g, bytes_sub(in, 0, in.n - 8));
	CU_ASSERT_EQUAL(g.n, (int)in.n - 8);
	drop(&g);
	read_with(&g, in, &RTSP_LIMITS_DEFAULT);
	CU_ASSERT_EQUAL(g.n, (int)in.n - 8);
	CU_ASSERT(g.m.is_response);
	CU_ASSERT_EQUAL(g.m.status, 200);
	EQ(g.m.reason, "OK");
	EQ(g.m.body, "v=0\n");
	drop(&g);
	read_split(&g, B("RTSP/1.0 404\r\nCSeq: 2\r\n\r\n"));
	CU_ASSERT_EQUAL(g.m.status, 404);
	CU_ASSERT_EQUAL(g.m.reason.n, 0);
	drop(&g);
}

static void t_line_ends(void)
{
	static const char *const in[] = { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: y\r\n\r\n",
		"OPTIONS * RTSP/1.0\nCSeq: 1\nX: y\n\n", "OPTIONS * RTSP/1.0\rCSeq: 1\rX: y\r\r",
		"OPTIONS * RTSP/1.0\nCSeq: 1\r\nX: y\n\r\n",
		"OPTIONS * RTSP/1.0\rCSeq: 1\r\nX: y\r\n\r\n",
		"\r\n\r\n\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: y\r\n\r\n" };

	for (size_t i = 0; i < COUNT(in); i++) {
		struct got g;
		read_split(&g, S(in[i]));
		CU_ASSERT_EQUAL(g.n, (int)strlen(in[i]));
		CU_ASSERT_EQUAL(g.m.method, RTSP_OPTIONS);
		CU_ASSERT(g.m.has_cseq && g.m.cseq == 1);
		EQ(g.m.header[1].value, "y");
		drop(&g);
	}
}

static void t_cr_at_the_end_waits(void)
{
	struct got g;

	/* Half a CRLF must not end the headers: the body would start with its LF. */
	read_with(&g, B("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\n\r"),
		&RTSP_LIMITS_DEFAULT);
	CU_ASSERT_EQUAL(g.n, ERR_MORE);
	drop(&g);
	read_with(&g, B("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\n\r\nb"),
		&RTSP_LIMITS_DEFAULT);
	EQ(g.m.body, "b");
	drop(&g);
}

static void t_folds(void)
{
	struct got g;

	read_split(&g, B("OPTIONS * RTSP/1.0\r\nCSeq:\r\n 1\r\nUser-Agent: a\r\n\t  b \r\n c\r\n"
			 "X: y\r\n\r\n"));
	CU_ASSERT(g.n > 0);
	CU_ASSERT(g.m.has_cseq && g.m.cseq == 1);
	EQ(rtsp_value(&g.m, RTSP_H_USER_AGENT), "a b c");
	CU_ASSERT_EQUAL(g.m.n_headers, 3);
	drop(&g);
}

static void t_header_names(void)
{
	struct got g;

	read_split(&g, B("OPTIONS * RTSP/1.0\r\ncSEQ : 1\r\nX-Never-Heard-Of: 1\r\nx-e:\r\n\r\n"));
	CU_ASSERT(g.n > 0 && g.m.has_cseq);
	CU_ASSERT_EQUAL(g.m.header[1].id, RTSP_H_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL(rtsp_header_named(&g.m, B("x-never-heard-of")));
	CU_ASSERT_EQUAL(rtsp_header_named(&g.m, B("X-E"))->value.n, 0);
	CU_ASSERT_PTR_NULL(rtsp_header_named(&g.m, B("X-F")));
	drop(&g);
}

/* Well delimited, so the connection goes on; all of them carry CSeq 7. */
static void t_bad_headers_can_go_on(void)
{
	static const struct {
		const char *in;
		int err;
		int status;
	} rows[] = {
		{ "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nno separator here\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n: no name\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nX: a\bc\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.0\r\n folded: first\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nCSeq: 8\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.1\r\nCSeq: 7\r\n\r\n", ERR_VERSION, 505 },
		{ "OPTIONS * RTSP/0.9\r\nCSeq: 7\r\n\r\n", ERR_VERSION, 505 },
		{ "OPTIONS * RTSP/99999999999999999999.0\r\nCSeq: 7\r\n\r\n", ERR_VERSION, 505 },
		{ "OPTIONS * RTSP/x.y\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * RTSP/1.\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "OPTIONS * HTTP/1.0\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "DESCRIBE  RTSP/1.0\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "DESCRIBE\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "DESCRIBE rtsp://h/a b RTSP/1.0\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "PL(AY * RTSP/1.0\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "RTSP/1.0 20 OK\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
		{ "RTSP/1.0 2000 OK\r\nCSeq: 7\r\n\r\n", ERR_SYNTAX, 400 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct got g;
		read_split(&g, S(rows[i].in));
		CU_ASSERT_EQUAL(g.n, rows[i].err);
		CU_ASSERT_EQUAL(g.m.refusal, rows[i].status);
		CU_ASSERT_EQUAL(g.m.skip, strlen(rows[i].in));
		CU_ASSERT(g.m.has_cseq && g.m.cseq == 7);
		CU_ASSERT_PTR_NOT_NULL(g.f.why);
		drop(&g);
	}
}

static void t_bad_length_cannot_go_on(void)
{
	static const struct {
		const char *length;
		int err;
		int status;
	} rows[] = {
		{ "-1", ERR_SYNTAX, 400 },
		{ "abc", ERR_SYNTAX, 400 },
		{ "", ERR_SYNTAX, 400 },
		{ "+5", ERR_SYNTAX, 400 },
		{ "0x5", ERR_SYNTAX, 400 },
		{ "5, 5", ERR_SYNTAX, 400 },
		{ "18446744073709551616", ERR_SYNTAX, 400 },
		{ "18446744073709551615", ERR_LIMIT, 413 },
		{ "262145", ERR_LIMIT, 413 },
		{ "0\r\nContent-Length: 5", ERR_SYNTAX, 400 },
		{ "5\r\nContent-Length: 5", ERR_SYNTAX, 400 },
		{ "5\x01", ERR_SYNTAX, 400 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char in[200];
		struct got g;
		snprintf(in, sizeof in,
			"SET_PARAMETER * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: %s\r\n\r\nabcde",
			rows[i].length);
		read_split(&g, S(in));
		CU_ASSERT_EQUAL(g.n, rows[i].err);
		CU_ASSERT_EQUAL(g.m.refusal, rows[i].status);
		CU_ASSERT_EQUAL(g.m.skip, 0);
		CU_ASSERT(g.m.has_cseq && g.m.cseq == 7);
		drop(&g);
	}
}

static void t_junk_is_refused_at_once(void)
{
	struct got g;

	read_with(&g, B("\x16\x03\x01\x02"), &RTSP_LIMITS_DEFAULT); /* a TLS client */
	CU_ASSERT_EQUAL(g.n, ERR_SYNTAX);
	CU_ASSERT_EQUAL(g.m.skip, 0);
	drop(&g);
	read_with(&g, B("OPTIONS * RT\0"), &RTSP_LIMITS_DEFAULT);
	CU_ASSERT_EQUAL(g.n, ERR_SYNTAX);
	CU_ASSERT_EQUAL(g.f.at, 12);
	drop(&g);
}

static void t_unknown_method_is_no_error(void)
{
	static const char *const names[] = { "FOOBAR", "options", "$PLAY", "GET" };

	for (size_t i = 0; i < COUNT(names); i++) {
		char in[80];
		struct got g;
		snprintf(in, sizeof in, "%s * RTSP/1.0\r\nCSeq: 7\r\n\r\n", names[i]);
		read_split(&g, S(in));
		CU_ASSERT(g.n > 0);
		CU_ASSERT_EQUAL(g.m.method, RTSP_METHOD_UNKNOWN);
		CU_ASSERT(bytes_is_eq(g.m.method_name, S(names[i])));
		drop(&g);
	}
}

static void t_cseq_is_digits(void)
{
	static const char *const bad[] = { "", "-1", "1a", "1 2", "99999999999999999999" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		char in[80];
		struct got g;
		snprintf(in, sizeof in, "OPTIONS * RTSP/1.0\r\nCSeq: %s\r\n\r\n", bad[i]);
		read_split(&g, S(in));
		CU_ASSERT(g.n > 0);
		CU_ASSERT_FALSE(g.m.has_cseq);
		CU_ASSERT_EQUAL(g.m.cseq_text.n, 0);
		drop(&g);
	}
}

static void t_limits(void)
{
	struct rtsp_limits l = { .line = 40, .headers = 3, .header_bytes = 100, .body = 5 };
	struct got g;

	/* a long start line: 414, and the message can be skipped */
	read_with(&g, B("OPTIONS rtsp://h/aaaaaaaaaaaaaaaaaaaaaaaaa RTSP/1.0\r\nCSeq: 7\r\n\r\n"),
		&l);
	CU_ASSERT_EQUAL(g.n, ERR_LIMIT);
	CU_ASSERT_EQUAL(g.m.refusal, RTSP_URI_TOO_LARGE);
	CU_ASSERT(g.m.skip > 0 && g.m.has_cseq);
	drop(&g);
	/* too many headers */
	read_with(&g, B("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n"), &l);
	CU_ASSERT_EQUAL(g.n, ERR_LIMIT);
	CU_ASSERT_EQUAL(g.m.refusal, RTSP_BAD_REQUEST);
	CU_ASSERT_EQUAL(g.m.n_headers, 3);
	CU_ASSERT(g.m.skip > 0 && g.m.has_cseq);
	drop(&g);
	/* folds don't get around the line's cap */
	read_with(&g,
		B("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\na: 11111111111111111\r\n 111111111111111111"
		  "\r\n\r\n"),
		&l);
	CU_ASSERT_EQUAL(g.n, ERR_LIMIT);
	drop(&g);
}

static void t_endless_headers_end(void)
{
	struct rtsp_limits l = { .line = 40, .headers = 3, .header_bytes = 100, .body = 5 };
	struct buf b;
	struct got g;

	buf_init(&b, 1000);
	CU_ASSERT_EQUAL(buf_put(&b, B("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n")), 0);
	while (b.n <= 100)
		CU_ASSERT_EQUAL(buf_put(&b, B("a: 1\r\n")), 0);
	read_with(&g, buf_bytes(&b), &l);
	CU_ASSERT_EQUAL(g.n, ERR_LIMIT);
	CU_ASSERT_EQUAL(g.m.refusal, RTSP_BAD_REQUEST);
	CU_ASSERT_EQUAL(g.m.skip, 0);
	CU_ASSERT(g.m.has_cseq && g.m.cseq == 7);
	drop(&g);
	buf_cut(&b, 0);
	while (b.n <= 100)
		CU_ASSERT_EQUAL(buf_put(&b, B("aaaaaa")), 0);
	read_with(&g, buf_bytes(&b), &l);
	CU_ASSERT_EQUAL(g.n, ERR_LIMIT);
	CU_ASSERT_EQUAL(g.m.refusal, RTSP_URI_TOO_LARGE);
	drop(&g);
	buf_clear(&b);
}

static void t_pipelined(void)
{
	struct bytes in = B("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nFOO * RTSP/1.0\r\nCSeq: 2\r\n\r\n"
			    "bad line\r\nCSeq: 3\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n");
	uint64_t expect = 1;

	while (in.n) {
		struct got g;
		read_with(&g, in, &RTSP_LIMITS_DEFAULT);
		CU_ASSERT(g.m.has_cseq);
		CU_ASSERT_EQUAL(g.m.cseq, expect++);
		size_t used = g.n > 0 ? (size_t)g.n : g.m.skip;
		CU_ASSERT_FATAL(used > 0);
		in = bytes_sub(in, used, in.n);
		drop(&g);
	}
	CU_ASSERT_EQUAL(expect, 5);
}

static void t_lists(void)
{
	struct rtsp_list it = { 0 };
	struct bytes v;
	struct got g;
	int n = 0;

	read_split(&g, B("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nRequire: a, ,\"b,c\"\r\nrequire: d\r\n"
			 "Session: x\r\nSession: y\r\n\r\n"));
	while (rtsp_list_next(&g.m, RTSP_H_REQUIRE, &it, &v))
		n++;
	CU_ASSERT_EQUAL(n, 3);
	EQ(v, "d");
	CU_ASSERT(rtsp_list_has(&g.m, RTSP_H_REQUIRE, B("D")));
	CU_ASSERT_FALSE(rtsp_list_has(&g.m, RTSP_H_REQUIRE, B("b")));
	CU_ASSERT_EQUAL(rtsp_header_count(&g.m, RTSP_H_REQUIRE), 2);
	EQ(rtsp_header_nth(&g.m, RTSP_H_REQUIRE, 1)->value, "d");
	CU_ASSERT_PTR_NULL(rtsp_header_nth(&g.m, RTSP_H_REQUIRE, 2));
	CU_ASSERT_EQUAL(g.m.repeated, RTSP_H_SESSION);
	drop(&g);
}

static void t_http_passes_when_asked(void)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct bytes in = B("POST /a HTTP/1.1\r\nContent-Length: 32767\r\n\r\nT1BU");
	struct got g;

	l.http = true;
	read_with(&g, in, &l);
	CU_ASSERT_EQUAL(g.n, (int)in.n - 4);
	CU_ASSERT(g.m.is_http);
	EQ(g.m.uri, "/a");
	drop(&g);
}

static void t_session_value(void)
{
	struct bytes id;
	uint32_t timeout = 60;

	CU_ASSERT_EQUAL(rtsp_session_read(B("4711"), &id, &timeout), 0);
	EQ(id, "4711");
	CU_ASSERT_EQUAL(timeout, 60);
	CU_ASSERT_EQUAL(rtsp_session_read(B("ab-c ; Timeout = 30"), &id, &timeout), 0);
	EQ(id, "ab-c");
	CU_ASSERT_EQUAL(timeout, 30);
	CU_ASSERT_EQUAL(rtsp_session_read(B("x;timeout=-3"), &id, &timeout), 0);
	CU_ASSERT_EQUAL(timeout, 30);
	CU_ASSERT_EQUAL(rtsp_session_read(B(""), &id, &timeout), ERR_SYNTAX);
	CU_ASSERT_EQUAL(rtsp_session_read(B(";timeout=3"), &id, &timeout), ERR_SYNTAX);
	CU_ASSERT_EQUAL(rtsp_session_read(B("a b"), &id, &timeout), ERR_SYNTAX);
}

static void t_names(void)
{
	CU_ASSERT_STRING_EQUAL(rtsp_status_text(454), "Session Not Found");
	CU_ASSERT_STRING_EQUAL(rtsp_header_name(RTSP_H_CSEQ), "CSeq");
	CU_ASSERT_EQUAL(rtsp_header_of(B("rtp-info")), RTSP_H_RTP_INFO);
	CU_ASSERT_EQUAL(rtsp_method_of(B("play")), RTSP_METHOD_UNKNOWN);
}

/* ---- writer ---- */

static void t_write_reply(void)
{
	struct rtsp_writer w;
	struct buf out;

	buf_init(&out, 1000);
	rtsp_reply_begin(&w, &out, 200, B("7"));
	rtsp_putf(&w, RTSP_H_SESSION, "%08x;timeout=%u", 0xabcu, 60u);
	rtsp_put(&w, RTSP_H_CONTENT_TYPE, B("application/sdp"));
	CU_ASSERT_EQUAL(rtsp_end(&w, B("v=0\r\n")), 0);
	EQ(buf_bytes(&out), "RTSP/1.0 200 OK\r\nCSeq: 7\r\nSession: 00000abc;timeout=60\r\n"
			    "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
	buf_clear(&out);
}

static void t_write_request_reads_back(void)
{
	struct rtsp_writer w;
	struct buf out;
	struct got g;

	buf_init(&out, 1000);
	rtsp_request_begin(&w, &out, B("PLAY"), B("rtsp://h/a"), 9);
	rtsp_put_named(&w, B("X-Test"), B("tab\tpasses"));
	CU_ASSERT_EQUAL(rtsp_end(&w, B("")), 0);
	read_split(&g, buf_bytes(&out));
	CU_ASSERT_EQUAL(g.n, (int)out.n);
	CU_ASSERT_EQUAL(g.m.method, RTSP_PLAY);
	CU_ASSERT_EQUAL(g.m.cseq, 9);
	EQ(rtsp_header_named(&g.m, B("x-test"))->value, "tab\tpasses");
	drop(&g);
	buf_clear(&out);
}

static void t_no_injection(void)
{
	static const struct bytes bad[] = { { (const uint8_t *)"a\r\nX: y", 7 },
		{ (const uint8_t *)"a\nb", 3 }, { (const uint8_t *)"a\rb", 3 },
		{ (const uint8_t *)"a\0b", 3 }, { (const uint8_t *)"a\x7f", 2 } };
	struct rtsp_writer w;
	struct buf out;

	buf_init(&out, 1000);
	CU_ASSERT_EQUAL(buf_put(&out, B("before")), 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		rtsp_reply_begin(&w, &out, 200, B("1"));
		rtsp_put(&w, RTSP_H_SERVER, bad[i]);
		CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
		rtsp_reply_begin(&w, &out, 200, bad[i]);
		CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
		rtsp_reply_begin(&w, &out, 200, B("1"));
		rtsp_put_named(&w, bad[i], B("x"));
		CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
		rtsp_request_begin(&w, &out, B("PLAY"), bad[i], 1);
		CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
	}
	rtsp_reply_begin(&w, &out, 200, B("1"));
	rtsp_putf(&w, RTSP_H_SERVER, "%s", "a\r\nX: y");
	CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
	rtsp_request_begin(&w, &out, B("PLAY"), B("rtsp://h/a b"), 1);
	CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_SYNTAX);
	EQ(buf_bytes(&out), "before");
	buf_clear(&out);
}

static void t_write_limit_takes_back(void)
{
	struct rtsp_writer w;
	struct buf out;

	buf_init(&out, 40);
	CU_ASSERT_EQUAL(buf_put(&out, B("12345")), 0);
	rtsp_reply_begin(&w, &out, 200, B("7"));
	rtsp_put(&w, RTSP_H_SERVER, B("a long name of a server"));
	CU_ASSERT_EQUAL(rtsp_end(&w, B("")), ERR_LIMIT);
	EQ(buf_bytes(&out), "12345");
	buf_clear(&out);
}

UNIT_SUITE(wire_rtsp, { "a request is read whole and at every split (2326 6)", t_request },
	{ "a response is read, its body by Content-Length (2326 7, 4.4)", t_response },
	{ "CRLF, LF and CR end lines, empty lines before a message pass (2326 4)", t_line_ends },
	{ "half a CRLF does not end the headers", t_cr_at_the_end_waits },
	{ "folded lines are joined by one blank (2616 4.2)", t_folds },
	{ "header names have no case, unknown ones are kept (2326 12)", t_header_names },
	{ "a bad line in a delimited message is 400 and the connection goes on",
		t_bad_headers_can_go_on },
	{ "an unreadable Content-Length ends the connection", t_bad_length_cannot_go_on },
	{ "binary junk is refused without waiting for a line", t_junk_is_refused_at_once },
	{ "an unknown method is the server's 501, not a syntax error (2326 11)",
		t_unknown_method_is_no_error },
	{ "CSeq is digits (2326 12.17)", t_cseq_is_digits },
	{ "line, headers and folds have caps", t_limits },
	{ "headers without end hit the cap", t_endless_headers_end },
	{ "pipelined requests come out one by one (2326 9.1)", t_pipelined },
	{ "repeated list headers are one list (2616 4.2)", t_lists },
	{ "HTTP passes only when asked for", t_http_passes_when_asked },
	{ "Session is an id and a timeout (2326 12.37)", t_session_value },
	{ "statuses, headers and methods are found by their names", t_names },
	{ "a reply is written", t_write_reply },
	{ "a written request reads back", t_write_request_reads_back },
	{ "no value can inject a header", t_no_injection },
	{ "a message that does not fit leaves nothing behind", t_write_limit_takes_back });
