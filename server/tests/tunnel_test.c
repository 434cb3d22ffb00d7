/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/base64.h"
#include "server/tests/sim_tunnel.h"
#include "server/tests/unit.h"
#include "server/wire/rtcp.h"

#define INTERLEAVED "RTP/AVP/TCP;unicast;interleaved=0-1"

struct seen {
	unsigned n[2];
};

static void on_frame(void *arg, uint8_t channel, struct bytes payload)
{
	struct seen *seen = arg;
	(void)payload;
	if (channel < 2)
		seen->n[channel]++;
}

static void watch_frames(struct sim_client *c, struct seen *seen)
{
	c->on_frame = on_frame;
	c->arg = seen;
}

/* Frames of a second. */
static unsigned play_on(struct sim *s, struct sim_client *c, struct seen *seen)
{
	unsigned before = seen->n[0];
	sim_run(s, TICK_S);
	sim_frames(c);
	return seen->n[0] - before;
}

/* ---- meeting ---- */

/* Everything that a session does, through a tunnel. */
static void use(struct pair *p, struct sim *s)
{
	struct seen seen = { 0 };

	watch_frames(&p->get, &seen);
	CU_ASSERT_EQUAL(sim_ask(&p->get, "OPTIONS", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&p->get, "DESCRIBE", "/pattern", ""), 200);
	CU_ASSERT(p->get.reply.body.n > 0);
	CU_ASSERT_EQUAL(sim_setup(&p->get, "/pattern/trackID=1", INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&p->get, "PLAY", "/pattern", ""), 200);
	CU_ASSERT(play_on(s, &p->get, &seen) > 5);
	CU_ASSERT_EQUAL(sim_ask(&p->get, "TEARDOWN", "/pattern", ""), 200);
	CU_ASSERT(seen.n[1] > 0);
}

static void t_meet(void)
{
	struct sim s;
	char cookie[16];

	sim_open(&s, 2);
	for (unsigned i = 0; i < 32; i++) {
		unsigned get_worker = i & 1, post_worker = i >> 1 & 1;
		struct pair p = { 0 };

		(void)snprintf(cookie, sizeof cookie, "cookie%u", i >> 3);
		if (i & 4) {
			pair_post(&p, &s, post_worker, cookie);
			pair_get(&p, &s, get_worker, cookie);
			p.get.post = p.post.fd;
		} else {
			pair_get(&p, &s, get_worker, cookie);
			CU_ASSERT(has_http(&p.get, 200));
			pair_post(&p, &s, post_worker, cookie);
		}
		CU_ASSERT(i & 4 ? has_http(&p.get, 200) : true);
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 0);
		CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
		use(&p, &s);
		pair_close(&p);
		sim_check_empty(&s);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnels), 32);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_halves), 64);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_moves), 32);
	CU_ASSERT(s.workers[0].stats.tunnels > 0);
	CU_ASSERT(s.workers[1].stats.tunnels > 0);
	sim_close(&s);
}

static void t_heads_in_pieces(void)
{
	char get[512], post[512];
	struct sim s;

	(void)snprintf(get, sizeof get, GET_HEAD, "a");
	(void)snprintf(post, sizeof post, POST_HEAD "T1BUSU9O", "a"); /* "OPTION" */
	sim_open(&s, 2);
	for (size_t cut = 1; cut < strlen(post); cut += 3) {
		struct pair p = { 0 };
		size_t cut_get = cut < strlen(get) ? cut : 1;

		sim_connect(&p.get, &s, 0);
		sim_send_bytes(&p.get, bytes_of(get, cut_get));
		sim_send(&p.get, get + cut_get);
		CU_ASSERT(has_http(&p.get, 200));
		sim_connect(&p.post, &s, 1);
		sim_send_bytes(&p.post, bytes_of(post, cut));
		sim_send(&p.post, post + cut);
		p.get.post = p.post.fd;
		sim_send(&p.get, "S * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
		pair_close(&p);
		sim_check_empty(&s);
	}
	sim_close(&s);
}

static void t_body_in_pieces(void)
{
	static const char requests[] = "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"
				       "$\1\0\1x"
				       "OPTIONS rtsp://a/pattern RTSP/1.0\r\nCSeq: 8\r\n\r\n";
	struct sim s;
	struct pair p = { 0 };
	struct buf coded;

	buf_init(&coded, 1024);
	CU_ASSERT_EQUAL(base64_write(&coded, bytes_of(requests, sizeof requests - 1)), 0);
	CU_ASSERT_EQUAL(buf_put(&coded, B("\r\n")), 0);
	CU_ASSERT_EQUAL(base64_write(&coded, B("OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n")), 0);
	sim_open(&s, 2);
	pair_open(&p, &s, "pieces");
	for (size_t cut = 0; cut <= coded.n; cut++) {
		sim_send_bytes(&p.post, bytes_sub(buf_bytes(&coded), 0, cut));
		sim_send_bytes(&p.post, bytes_sub(buf_bytes(&coded), cut, coded.n));
		for (uint64_t cseq = 7; cseq <= 9; cseq++) {
			CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
			CU_ASSERT_EQUAL(p.get.reply.cseq, cseq);
		}
	}
	for (size_t i = 0; i < coded.n; i++)
		sim_send_bytes(&p.post, bytes_sub(buf_bytes(&coded), i, 1));
	for (uint64_t cseq = 7; cseq <= 9; cseq++)
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
	CU_ASSERT_EQUAL(SUM(&s, frames_unknown), coded.n + 2);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
	buf_clear(&coded);
}

static void t_continue(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_get(&p, &s, 0, "a");
	sim_connect(&p.post, &s, 1);
	sim_send(&p.post, "POST / HTTP/1.1\r\nx-sessioncookie: a\r\nExpect: 100-continue\r\n\r\n");
	sim_take(&p.post);
	CU_ASSERT(bytes_is_eq(buf_bytes(&p.post.in), B("HTTP/1.1 100 Continue\r\n\r\n")));
	CU_ASSERT(has_http(&p.get, 200));
	p.get.post = p.post.fd;
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* mod_fault's tunnel-post-answered sets this; a POST of ours hears nothing. */
static void t_post_answered(void)
{
	for (int is_bad = 0; is_bad < 2; is_bad++) {
		struct sim s;
		struct pair p = { 0 };

		sim_open(&s, 2);
		s.workers[1].answers_posts = is_bad;
		pair_open(&p, &s, "a");
		CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
		CU_ASSERT_EQUAL(has_http(&p.post, 200), is_bad);
		CU_ASSERT_EQUAL(p.post.in.n, 0);
		pair_close(&p);
		sim_check_empty(&s);
		sim_close(&s);
	}
}

/* ---- media ---- */

static void t_frames_both_ways(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct rtcp_writer w;
	uint8_t rr[128];

	sim_open(&s, 2);
	pair_open(&p, &s, "both");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	rtcp_begin(&w, rr + 4, sizeof rr - 4);
	rtcp_put_rr(&w, 1, NULL, 0);
	rtcp_put_cname(&w, 1, B("a@b"));
	int n = rtcp_end(&w);
	CU_ASSERT_FATAL(n > 0);
	rr[0] = '$';
	rr[1] = 1;
	put_be16(rr + 2, (uint16_t)n);
	sim_send_bytes(&p.get, bytes_of(rr, (size_t)n + 4));
	CU_ASSERT_EQUAL(SUM(&s, rtcp_received), 1);
	pair_close(&p);
	sim_settle(&s);
	CU_ASSERT_EQUAL(SUM(&s, ended[CLOSE_DISCONNECT]), 1);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_udp_through_a_tunnel(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_ports ports;
	uint8_t d[1500];

	sim_open(&s, 2);
	pair_open(&p, &s, "udp");
	sim_ports_open(&ports);
	CU_ASSERT_EQUAL(sim_setup_udp(&p.get, &ports, "/pattern/trackID=1"), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	sim_run(&s, TICK_S);
	CU_ASSERT(sim_ports_read(&ports, 0, d, sizeof d) > 12);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "TEARDOWN", "/pattern", ""), 200);
	pair_close(&p);
	sim_ports_close(&ports);
	sim_check_empty(&s);
	sim_close(&s);
}

/* ---- the POST comes and goes ---- */

static void t_post_reopened(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct seen seen = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "again");
	watch_frames(&p.get, &seen);
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	for (unsigned i = 0; i < 10; i++) {
		/* the last digits are half a request, which ends with its POST */
		if (i & 1)
			sim_send_bytes(&p.post, B("T1BUSU9O"));
		sim_hang_up(&p.post);
		CU_ASSERT(play_on(&s, &p.get, &seen) > 5);
		CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 1);
		pair_post(&p, &s, i >> 1 & 1, "again");
		CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
		CU_ASSERT_EQUAL(sim_ask(&p.get, "GET_PARAMETER", "/pattern", ""), 200);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_reopened), 10);
	CU_ASSERT_EQUAL(SUM(&s, tunnels), 1);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "TEARDOWN", "/pattern", ""), 200);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* A client without POST is idle like any other. */
static void t_post_stays_away(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "idle");
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&p.post);
	sim_run(&s, (s.prefs.real_rtsp_timeout - 5) * TICK_S);
	CU_ASSERT_FALSE(is_closed(&p.get));
	sim_run(&s, 10 * TICK_S);
	CU_ASSERT(is_closed(&p.get));
	sim_hang_up(&p.get);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_post_replaced(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "two");
	struct sim_client old = p.post;
	/* a whole request and half of one: the second POST begins a new one */
	sim_send_bytes(&old, B("T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiAxDQoNCk9QVElPTlMgKiBSVFNQ"));
	pair_post(&p, &s, 0, "two");
	CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
	CU_ASSERT_EQUAL(p.get.reply.cseq, 1);
	CU_ASSERT(is_closed(&old));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_replaced), 1);
	CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
	sim_hang_up(&old);
	pair_close(&p);
	sim_check_empty(&s);

	/* and while both wait for their GET */
	pair_post(&p, &s, 0, "two");
	old = p.post;
	pair_post(&p, &s, 1, "two");
	CU_ASSERT(has_http(&old, 409));
	pair_get(&p, &s, 0, "two");
	p.get.post = p.post.fd;
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&old);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* Holds GET_PARAMETER back for ten seconds. */
static enum verdict hold(struct module *self, struct rtsp_txn *t)
{
	tick_t now = t->worker->loop.now;
	(void)self;

	if (t->req.method != RTSP_GET_PARAMETER || now >= t->received + 10 * TICK_S)
		return MOD_PASS;
	t->wake_at = t->received + 10 * TICK_S;
	return MOD_WAIT;
}

static const struct module mod_hold = { MODULE_HEAD("hold"), .preprocess = hold };

static void t_requests_outlive_their_post(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open_with(&s, 2, &mod_hold);
	pair_open(&p, &s, "slow");
	sim_send(&p.get, "GET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
			 "OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RT");
	sim_hang_up(&p.post);
	sim_settle(&s);
	pair_post(&p, &s, 1, "slow");
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&p.get), 0);
	sim_run(&s, 11 * TICK_S);
	for (uint64_t cseq = 1; cseq <= 3; cseq++) {
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
		CU_ASSERT_EQUAL(p.get.reply.cseq, cseq);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_reopened), 1);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* What comes on the GET behind its head is nobody's, before the POST has come and after. */
static void t_get_is_deaf(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_get(&p, &s, 0, "deaf");
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n");
	pair_post(&p, &s, 1, "deaf");
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	p.get.post = 0;
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 78\r\n\r\n");
	p.get.post = p.post.fd;
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(SUM(&s, requests), 2);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* The old one goes in the same turn in which the new one comes. */
static void t_post_swapped(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "swap");
	for (unsigned i = 0; i < 4; i++) {
		struct sim_client old = p.post;
		sim_connect(&p.post, &s, i & 1);
		char head[512];
		(void)snprintf(head, sizeof head, POST_HEAD, "swap");
		CU_ASSERT(send(p.post.fd, head, strlen(head), MSG_NOSIGNAL) > 0);
		sim_hang_up(&old);
		p.get.post = p.post.fd;
		CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	}
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

/* ---- the GET goes ---- */

static void t_get_dropped(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "gone");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	sim_run(&s, TICK_S);
	sim_hang_up(&p.get);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(SUM(&s, ended[CLOSE_DISCONNECT]), 1);
	CU_ASSERT(is_closed(&p.post));
	sim_hang_up(&p.post);
	sim_check_empty(&s);
	/* the cookie is free again */
	pair_open(&p, &s, "gone");
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	pair_close(&p);
	sim_check_empty(&s);
	sim_close(&s);
}

static void t_end_of_the_server(void)
{
	struct sim s;
	struct pair p = { 0 }, get = { 0 }, post = { 0 };

	sim_open(&s, 2);
	pair_open(&p, &s, "whole");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	pair_get(&get, &s, 0, "get");
	pair_post(&post, &s, 1, "post");
	sim_close(&s);
	pair_close(&p);
	sim_hang_up(&get.get);
	sim_hang_up(&post.post);
}

UNIT_SUITE(tunnel,
	{ "halves meet in either order, from any two workers, at that of their cookie", t_meet },
	{ "their heads may come in pieces", t_heads_in_pieces },
	{ "requests and frames may be cut anywhere, each padded or all at once", t_body_in_pieces },
	{ "who waits for 100 before the body of the POST gets it (7231 5.1.1)", t_continue },
	{ "the POST is not answered, but by the fault of that name", t_post_answered },
	{ "interleaved frames go both ways", t_frames_both_ways },
	{ "UDP may be set up through it", t_udp_through_a_tunnel },
	{ "the POST may go and come again, on any worker; half a request goes with it",
		t_post_reopened },
	{ "without POST it is an idle connection, no more", t_post_stays_away },
	{ "a newer POST replaces the one that is there, whose requests count", t_post_replaced },
	{ "one POST may go while the next one comes", t_post_swapped },
	{ "requests that were whole are answered after their POST has gone, before the next one's",
		t_requests_outlive_their_post },
	{ "what comes on the GET behind its head is thrown away", t_get_is_deaf },
	{ "it ends with its GET", t_get_dropped },
	{ "and with the server, whole or waiting", t_end_of_the_server });
