/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/base64.h"
#include "server/tests/sim_tunnel.h"
#include "server/tests/unit.h"

#define INTERLEAVED "RTP/AVP/TCP;unicast;interleaved=0-1"

/* ---- halves without partners ---- */

static void t_deadline(void)
{
	struct sim s;
	struct pair get = { 0 }, post = { 0 };

	sim_open(&s, 2);
	pair_get(&get, &s, 0, "a");
	pair_post(&post, &s, 1, "b");
	CU_ASSERT(has_http(&get.get, 200));
	CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 2);
	sim_run(&s, (s.prefs.tunnel_timeout - 2) * TICK_S);
	CU_ASSERT_FALSE(is_closed(&get.get));
	CU_ASSERT_FALSE(is_closed(&post.post));
	sim_run(&s, 4 * TICK_S);
	CU_ASSERT(is_closed(&get.get));
	CU_ASSERT(has_http(&post.post, 408));
	CU_ASSERT(is_closed(&post.post));
	CU_ASSERT_EQUAL(SUM(&s, tunnel_timeouts), 2);
	sim_hang_up(&get.get);
	sim_hang_up(&post.post);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_gone_while_waiting(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	for (unsigned i = 0; i < 4; i++) {
		struct sim_client *c = i & 1 ? &p.get : &p.post;
		sim_connect(c, &s, i >> 1);
		pair_head(c, i & 1 ? GET_HEAD : POST_HEAD, "short");
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 1);
		sim_hang_up(c);
		sim_check_empty(&s);
	}
	sim_close(&s);
}

/* A POST that says much before its GET comes is read no further, and all of it counts then. */
static void t_much_before_the_get(void)
{
	enum { MANY = 4000 };
	struct sim s;
	struct pair p = { 0 };
	struct buf coded;
	unsigned answered = 0;

	buf_init(&coded, SIM_BYTES);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(
			base64_write(&coded, B("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")), 0);
	sim_open(&s, 2);
	pair_post(&p, &s, 0, "much");
	size_t sent = 0;
	for (unsigned i = 0; i < 8; i++) {
		struct bytes rest = bytes_sub(buf_bytes(&coded), sent, coded.n);
		ssize_t n = send(p.post.fd, rest.p, rest.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		sim_settle(&s);
	}
	for (unsigned i = 0; i < 2; i++) {
		LIST_EACH(x, &s.workers[i].connections)
		{
			struct rtsp_session *c = container_of(x, struct rtsp_session, all);
			CU_ASSERT(c->conn.io.in.n <= 4096 + CONN_READ_TURN);
		}
	}
	pair_get(&p, &s, 1, "much");
	CU_ASSERT(has_http(&p.get, 200));
	for (unsigned round = 0; round < 10 * MANY && answered < MANY; round++) {
		struct bytes rest = bytes_sub(buf_bytes(&coded), sent, coded.n);
		ssize_t n = send(p.post.fd, rest.p, rest.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		sim_settle(&s);
		while (sim_reply(&p.get) == 200)
			answered++;
	}
	CU_ASSERT_EQUAL(answered, MANY);
	CU_ASSERT_EQUAL(SUM(&s, requests), MANY);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
	buf_clear(&coded);
}

static void t_cap(void)
{
	struct sim s;
	struct pair p[4] = { 0 };
	char cookie[8];

	sim_open(&s, 1);
	s.prefs.tunnel_halves_max = 2;
	pair_get(&p[0], &s, 0, "c0");
	pair_post(&p[1], &s, 0, "c1");
	CU_ASSERT(has_http(&p[0].get, 200));
	for (unsigned i = 2; i < 4; i++) {
		(void)snprintf(cookie, sizeof cookie, "c%u", i);
		pair_get(&p[i], &s, 0, cookie);
		CU_ASSERT(has_http(&p[i].get, 200));
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 2);
	}
	/* the oldest went first */
	CU_ASSERT(is_closed(&p[0].get));
	CU_ASSERT(has_http(&p[1].post, 503));
	CU_ASSERT(is_closed(&p[1].post));
	CU_ASSERT_EQUAL(SUM(&s, tunnel_overflows), 2);
	/* a partner is no new one */
	for (unsigned i = 2; i < 4; i++) {
		(void)snprintf(cookie, sizeof cookie, "c%u", i);
		pair_post(&p[i], &s, 0, cookie);
		CU_ASSERT_EQUAL(sim_ask(&p[i].get, "OPTIONS", "/pattern", ""), 200);
		pair_close(&p[i]);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_overflows), 2);
	sim_hang_up(&p[0].get);
	sim_hang_up(&p[1].post);
	sim_check_empty(&s);
	sim_close(&s);
}

/* All that wait do so on the other worker. */
static void t_cap_elsewhere(void)
{
	struct sim s;
	struct sim_client c[64];
	char cookie[8];
	unsigned n, refused = 0;

	sim_open(&s, 2);
	s.prefs.tunnel_halves_max = 1;
	for (n = 0; n < COUNT(c) && !refused; n++) {
		(void)snprintf(cookie, sizeof cookie, "c%u", n);
		sim_connect(&c[n], &s, n & 1);
		pair_head(&c[n], GET_HEAD, cookie);
		refused += has_http(&c[n], 503);
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 1);
	}
	CU_ASSERT_EQUAL(refused, 1);
	while (n)
		sim_hang_up(&c[--n]);
	sim_check_empty(&s);
	sim_close(&s);
}

/* ---- those who have no business here ---- */

static void t_hijack(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_client thief;

	sim_open(&s, 2);
	pair_get(&p, &s, 0, "mine");
	CU_ASSERT(has_http(&p.get, 200));
	sim_connect_from(&thief, &s, 1, "127.0.0.2");
	pair_head(&thief, POST_HEAD, "mine");
	CU_ASSERT(has_http(&thief, 403));
	sim_hang_up(&thief);
	pair_post(&p, &s, 1, "mine");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	for (unsigned i = 0; i < 2; i++) {
		sim_connect_from(&thief, &s, i, "127.0.0.2");
		pair_head(&thief, i ? POST_HEAD : GET_HEAD, "mine");
		CU_ASSERT(has_http(&thief, 403));
		CU_ASSERT(is_closed(&thief));
		sim_hang_up(&thief);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_hijacks), 3);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	pair_close(&p);
	sim_check_empty(&s);

	/* behind proxies both halves may have addresses of their own */
	s.prefs.tunnel_same_address = 0;
	pair_get(&p, &s, 0, "mine");
	sim_connect_from(&p.post, &s, 1, "127.0.0.2");
	pair_head(&p.post, POST_HEAD, "mine");
	p.get.post = p.post.fd;
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* What begins the same is another's. */
static void t_like_cookies(void)
{
	static const char *const cookies[] = { "tunnel", "tunnel1", "tunnel12", "Tunnel12",
		"tunnel13" };
	struct sim s;
	struct pair p[COUNT(cookies)] = { 0 };

	sim_open(&s, 2);
	for (size_t i = 0; i < COUNT(p); i++)
		pair_get(&p[i], &s, 0, cookies[i]);
	for (size_t i = 0; i < COUNT(p); i++) {
		CU_ASSERT(has_http(&p[i].get, 200));
		pair_post(&p[i], &s, 1, cookies[i]);
		CU_ASSERT_EQUAL(SUM(&s, tunnels), i + 1);
	}
	for (size_t i = 0; i < COUNT(p); i++)
		CU_ASSERT_EQUAL(sim_ask(&p[i].get, "OPTIONS", "/pattern", ""), 200);
	for (size_t i = 0; i < COUNT(p); i++)
		pair_close(&p[i]);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_two_gets(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_client second;

	sim_open(&s, 2);
	pair_open(&p, &s, "one");
	sim_connect(&second, &s, 1);
	pair_head(&second, GET_HEAD, "one");
	CU_ASSERT(has_http(&second, 409));
	CU_ASSERT_EQUAL(SUM(&s, tunnel_doubles), 1);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&second);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_one_connection(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 2);
	for (unsigned i = 0; i < 4; i++) {
		const char *first = i & 1 ? POST_HEAD : GET_HEAD;
		sim_connect(&c, &s, i >> 1);
		pair_head(&c, first, "same");
		pair_head(&c, i & 1 ? GET_HEAD : POST_HEAD, "same");
		sim_send_bytes(&c, B("T1BUSU9OUyAqIFJUU1AvMS4wDQoNCg=="));
		sim_run(&s, (s.prefs.tunnel_timeout + 2) * TICK_S);
		if (i & 1) {
			CU_ASSERT(has_http(&c, 408));
		} else {
			CU_ASSERT(has_http(&c, 200));
			CU_ASSERT(is_closed(&c));
		}
		sim_hang_up(&c);
		sim_check_empty(&s);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnels), 0);
	CU_ASSERT_EQUAL(SUM(&s, requests), 0);
	sim_close(&s);
}

static void t_bad_base64(void)
{
	static const char *const bad[] = { "!", "OPTIONS * RTSP/1.0\r\n\r\n", "T1=BUSU9O", "\x01" };
	struct sim s;

	sim_open(&s, 2);
	for (unsigned i = 0; i < COUNT(bad); i++) {
		struct pair p = { 0 };
		pair_open(&p, &s, "bad");
		/* what was good before it is still answered */
		sim_send_bytes(&p.post, B("T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiA1DQoNCg=="));
		sim_send_bytes(&p.post, bytes_str(bad[i]));
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
		CU_ASSERT_EQUAL(p.get.reply.cseq, 5);
		CU_ASSERT_EQUAL(sim_reply(&p.get), 400);
		/* the cookie is free while the rest of it lingers */
		struct pair again = { 0 };
		pair_open(&again, &s, "bad");
		CU_ASSERT_EQUAL(sim_ask(&again.get, "OPTIONS", "/pattern", ""), 200);
		pair_close(&again);
		sim_run(&s, TICK_S);
		CU_ASSERT(is_closed(&p.get));
		CU_ASSERT_EQUAL(SUM(&s, tunnel_bad_base64), i + 1);
		pair_close(&p);
		sim_check_empty(&s);
	}
	sim_close(&s);
}

static void t_other_http(void)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404 },
		{ "HEAD /a HTTP/1.0\r\n\r\n", 404 },
		{ "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405 },
		{ "PUT / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nabc", 405 },
		{ "BREW / HTTP/1.1\r\n\r\n", 501 },
		{ "GET / HTTP/2.0\r\n\r\n", 505 },
		{ "GET / HTTP/1.0\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n", 400 },
		{ "GET / HTTP/1.0\r\nx-sessioncookie: \r\n\r\n", 400 },
		{ "POST / HTTP/1.0\r\nx-sessioncookie: a\x01\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nx-sessioncookie: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
			501 },
	};
	struct sim s;
	struct sim_client c;

	sim_open(&s, 2);
	for (unsigned i = 0; i < COUNT(rows); i++) {
		sim_connect(&c, &s, i & 1);
		sim_send(&c, rows[i].text);
		CU_ASSERT(has_http(&c, rows[i].status));
		CU_ASSERT(is_closed(&c));
		sim_hang_up(&c);
		sim_check_empty(&s);
	}
	CU_ASSERT_EQUAL(SUM(&s, http_refused), COUNT(rows));
	CU_ASSERT_EQUAL(SUM(&s, requests), 0);
	sim_close(&s);
}

static void t_limits_are_those_of_rtsp(void)
{
	struct sim s;
	struct sim_client c;
	char line[1100];

	sim_open(&s, 1);
	memset(line, 'a', sizeof line);
	(void)snprintf(line + 1080, 20, "\r\n");
	memcpy(line, "X-Long: ", 8);
	sim_connect(&c, &s, 0);
	sim_send(&c, "GET / HTTP/1.0\r\nx-sessioncookie: a\r\n");
	for (size_t n = 0; n < (size_t)s.prefs.request_header_bytes + 2000; n += 1000)
		sim_send(&c, line);
	CU_ASSERT(has_http(&c, 400));
	sim_hang_up(&c);
	sim_check_empty(&s);
	/* half a head for ever */
	sim_connect(&c, &s, 0);
	sim_send(&c, "GET / HTTP/1.0\r\nx-sessioncookie: a\r\n");
	sim_run(&s, (s.prefs.request_timeout + 3) * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 408);
	CU_ASSERT(is_closed(&c));
	sim_hang_up(&c);
	sim_check_empty(&s);
	sim_close(&s);
}

/* Only the first request of a connection may be a half. */
static void t_first_only(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/pattern", ""), 200);
	pair_head(&c, GET_HEAD, "late");
	CU_ASSERT_EQUAL(sim_reply(&c), 400);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_halves), 0);
	sim_hang_up(&c);
	sim_check_empty(&s);
	sim_close(&s);
}

UNIT_SUITE(tunnel_refused, { "a half without partner ends at its deadline", t_deadline },
	{ "a half that goes while it waits makes room at once", t_gone_while_waiting },
	{ "what a POST says before its GET comes is kept in part, and counts in whole",
		t_much_before_the_get },
	{ "of more waiting halves than the cap the oldest goes, partners always come in", t_cap },
	{ "a new one hears 503 when all that wait do so elsewhere", t_cap_elsewhere },
	{ "a cookie is of no use to another address", t_hijack },
	{ "a cookie is compared whole", t_like_cookies },
	{ "a second GET with the same cookie is refused", t_two_gets },
	{ "GET and POST on one connection are no tunnel, and hurt nobody", t_one_connection },
	{ "broken base64 ends it with 400, after what was good", t_bad_base64 },
	{ "other HTTP is answered in HTTP and closed", t_other_http },
	{ "an HTTP head has the limits of an RTSP one", t_limits_are_those_of_rtsp },
	{ "only the first request of a connection may be half of a tunnel", t_first_only });
