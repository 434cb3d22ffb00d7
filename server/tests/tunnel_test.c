/* SPDX-License-Identifier: MIT */
#include "server/core/tunnel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/base64.h"
#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/rtcp.h"

#define GET_HEAD                                                                           \
	"GET /pattern?a=b HTTP/1.1\r\nHost: a\r\nAccept: application/x-rtsp-tunnelled\r\n" \
	"x-sessioncookie: %s\r\nPragma: no-cache\r\n\r\n"
#define POST_HEAD                                                                        \
	"POST /pattern?a=b HTTP/1.0\r\nX-SessionCookie: %s\r\nContent-Length: 32767\r\n" \
	"Content-Type: application/x-rtsp-tunnelled\r\n\r\n"
#define INTERLEAVED "RTP/AVP/TCP;unicast;interleaved=0-1"

/* Both halves of a client. What `get` asks leaves over `post`, in base64. */
struct pair {
	struct sim_client get, post;
};

static void send_head(struct sim_client *c, const char *head, const char *cookie)
{
	char text[512];

	(void)snprintf(text, sizeof text, head, cookie);
	sim_send(c, text);
}

/* Is the HTTP answer there, with this status and ended by an empty line? Takes it off. */
static bool has_http(struct sim_client *c, int status)
{
	char line[64];
	(void)snprintf(line, sizeof line, "HTTP/1.0 %d ", status);

	sim_take(c);
	struct bytes in = buf_bytes(&c->in);
	size_t end = bytes_find(in, B("\r\n\r\n"));
	if (!bytes_has_prefix(in, bytes_str(line)) || end == in.n)
		return false;
	buf_drop(&c->in, end + 4);
	return true;
}

/* Has the server closed its side, with nothing more to read? */
static bool is_closed(struct sim_client *c)
{
	char octet;
	sim_take(c);
	return c->in.n == 0 && recv(c->fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void open_get(struct pair *p, struct sim *s, unsigned worker, const char *cookie)
{
	sim_connect(&p->get, s, worker);
	send_head(&p->get, GET_HEAD, cookie);
}

static void open_post(struct pair *p, struct sim *s, unsigned worker, const char *cookie)
{
	sim_connect(&p->post, s, worker);
	send_head(&p->post, POST_HEAD, cookie);
	p->get.post = p->post.fd;
}

static void open_pair(struct pair *p, struct sim *s, const char *cookie)
{
	open_get(p, s, 0, cookie);
	open_post(p, s, s->server.n_workers - 1, cookie);
	CU_ASSERT(has_http(&p->get, 200));
}

static void close_pair(struct pair *p)
{
	sim_hang_up(&p->get);
	sim_hang_up(&p->post);
}

static uint64_t sum(struct sim *s, size_t at)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < s->server.n_workers; i++)
		n += *(const uint64_t *)(const void *)((const char *)&s->workers[i].stats + at);
	return n;
}
#define SUM(s, name) sum(s, offsetof(struct stats, name))

/* The clients have gone: nothing of them is left, and every connection ended once. */
static void check_empty(struct sim *s)
{
	sim_run(s, 3 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s->server.connections), 0);
	CU_ASSERT_EQUAL(atomic_load(&s->server.tunnel_halves), 0);
	for (unsigned i = 0; i < s->server.n_workers; i++) {
		CU_ASSERT_EQUAL(atomic_load(&s->workers[i].n_connections), 0);
		CU_ASSERT_PTR_NULL(s->workers[i].tunnels);
	}
	CU_ASSERT_EQUAL(SUM(s, connections_closed), SUM(s, connections_accepted));
}

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
			open_post(&p, &s, post_worker, cookie);
			open_get(&p, &s, get_worker, cookie);
			p.get.post = p.post.fd;
		} else {
			open_get(&p, &s, get_worker, cookie);
			CU_ASSERT(has_http(&p.get, 200));
			open_post(&p, &s, post_worker, cookie);
		}
		CU_ASSERT(i & 4 ? has_http(&p.get, 200) : true);
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 0);
		CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
		use(&p, &s);
		close_pair(&p);
		check_empty(&s);
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
		close_pair(&p);
		check_empty(&s);
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
	open_pair(&p, &s, "pieces");
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
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
	buf_clear(&coded);
}

static void t_continue(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_get(&p, &s, 0, "a");
	sim_connect(&p.post, &s, 1);
	sim_send(&p.post, "POST / HTTP/1.1\r\nx-sessioncookie: a\r\nExpect: 100-continue\r\n\r\n");
	sim_take(&p.post);
	CU_ASSERT(bytes_is_eq(buf_bytes(&p.post.in), B("HTTP/1.1 100 Continue\r\n\r\n")));
	CU_ASSERT(has_http(&p.get, 200));
	p.get.post = p.post.fd;
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

/* ---- media ---- */

static void t_frames_both_ways(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct rtcp_writer w;
	uint8_t rr[128];

	sim_open(&s, 2);
	open_pair(&p, &s, "both");
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
	close_pair(&p);
	sim_settle(&s);
	CU_ASSERT_EQUAL(SUM(&s, ended[CLOSE_DISCONNECT]), 1);
	check_empty(&s);
	sim_close(&s);
}

static void t_udp_through_a_tunnel(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_ports ports;
	char transport[128];
	uint8_t d[1500];

	sim_open(&s, 2);
	open_pair(&p, &s, "udp");
	sim_ports_open(&ports);
	(void)snprintf(transport, sizeof transport, "RTP/AVP;unicast;client_port=%u-%u", ports.port,
		ports.port + 1);
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", transport), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	sim_run(&s, TICK_S);
	CU_ASSERT(sim_ports_read(&ports, 0, d, sizeof d) > 12);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "TEARDOWN", "/pattern", ""), 200);
	close_pair(&p);
	sim_ports_close(&ports);
	check_empty(&s);
	sim_close(&s);
}

/* ---- the POST comes and goes ---- */

static void t_post_reopened(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct seen seen = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "again");
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
		open_post(&p, &s, i >> 1 & 1, "again");
		CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
		CU_ASSERT_EQUAL(sim_ask(&p.get, "GET_PARAMETER", "/pattern", ""), 200);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_reopened), 10);
	CU_ASSERT_EQUAL(SUM(&s, tunnels), 1);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "TEARDOWN", "/pattern", ""), 200);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

/* A client without POST is idle like any other. */
static void t_post_stays_away(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "idle");
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&p.post);
	sim_run(&s, (s.prefs.real_rtsp_timeout - 5) * TICK_S);
	CU_ASSERT_FALSE(is_closed(&p.get));
	sim_run(&s, 10 * TICK_S);
	CU_ASSERT(is_closed(&p.get));
	sim_hang_up(&p.get);
	check_empty(&s);
	sim_close(&s);
}

static void t_post_replaced(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "two");
	struct sim_client old = p.post;
	/* a whole request and half of one: the second POST begins a new one */
	sim_send_bytes(&old, B("T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiAxDQoNCk9QVElPTlMgKiBSVFNQ"));
	open_post(&p, &s, 0, "two");
	CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
	CU_ASSERT_EQUAL(p.get.reply.cseq, 1);
	CU_ASSERT(is_closed(&old));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_replaced), 1);
	CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 2);
	sim_hang_up(&old);
	close_pair(&p);
	check_empty(&s);

	/* and while both wait for their GET */
	open_post(&p, &s, 0, "two");
	old = p.post;
	open_post(&p, &s, 1, "two");
	CU_ASSERT(has_http(&old, 409));
	open_get(&p, &s, 0, "two");
	p.get.post = p.post.fd;
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&old);
	close_pair(&p);
	check_empty(&s);
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
	open_pair(&p, &s, "slow");
	sim_send(&p.get, "GET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
			 "OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RT");
	sim_hang_up(&p.post);
	sim_settle(&s);
	open_post(&p, &s, 1, "slow");
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&p.get), 0);
	sim_run(&s, 11 * TICK_S);
	for (uint64_t cseq = 1; cseq <= 3; cseq++) {
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
		CU_ASSERT_EQUAL(p.get.reply.cseq, cseq);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_posts_reopened), 1);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

/* What comes on the GET behind its head is nobody's, before the POST has come and after. */
static void t_get_is_deaf(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_get(&p, &s, 0, "deaf");
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n");
	open_post(&p, &s, 1, "deaf");
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	p.get.post = 0;
	sim_send(&p.get, "OPTIONS * RTSP/1.0\r\nCSeq: 78\r\n\r\n");
	p.get.post = p.post.fd;
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	CU_ASSERT_EQUAL(SUM(&s, requests), 2);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

/* The old one goes in the same turn in which the new one comes. */
static void t_post_swapped(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "swap");
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
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

/* ---- the GET goes ---- */

static void t_get_dropped(void)
{
	struct sim s;
	struct pair p = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "gone");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	sim_run(&s, TICK_S);
	sim_hang_up(&p.get);
	sim_run(&s, 3 * TICK_S);
	CU_ASSERT_EQUAL(SUM(&s, ended[CLOSE_DISCONNECT]), 1);
	CU_ASSERT(is_closed(&p.post));
	sim_hang_up(&p.post);
	check_empty(&s);
	/* the cookie is free again */
	open_pair(&p, &s, "gone");
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

static void t_end_of_the_server(void)
{
	struct sim s;
	struct pair p = { 0 }, get = { 0 }, post = { 0 };

	sim_open(&s, 2);
	open_pair(&p, &s, "whole");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	open_get(&get, &s, 0, "get");
	open_post(&post, &s, 1, "post");
	sim_close(&s);
	close_pair(&p);
	sim_hang_up(&get.get);
	sim_hang_up(&post.post);
}

/* ---- halves without partners ---- */

static void t_deadline(void)
{
	struct sim s;
	struct pair get = { 0 }, post = { 0 };

	sim_open(&s, 2);
	open_get(&get, &s, 0, "a");
	open_post(&post, &s, 1, "b");
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
	check_empty(&s);
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
		send_head(c, i & 1 ? GET_HEAD : POST_HEAD, "short");
		CU_ASSERT_EQUAL(atomic_load(&s.server.tunnel_halves), 1);
		sim_hang_up(c);
		check_empty(&s);
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
	open_post(&p, &s, 0, "much");
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
			CU_ASSERT(c->conn.in.n <= 4096 + CONN_READ_TURN);
		}
	}
	open_get(&p, &s, 1, "much");
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
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
	buf_clear(&coded);
}

static void t_cap(void)
{
	struct sim s;
	struct pair p[3] = { 0 };
	char cookie[8];

	sim_open(&s, 2);
	s.prefs.tunnel_halves_max = 2;
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(cookie, sizeof cookie, "c%u", i);
		open_get(&p[i], &s, i & 1, cookie);
		CU_ASSERT(has_http(&p[i].get, i < 2 ? 200 : 503));
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_overflows), 1);
	/* a partner is always let in, and makes room */
	open_post(&p[0], &s, 1, "c0");
	CU_ASSERT_EQUAL(sim_ask(&p[0].get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&p[2].get);
	open_get(&p[2], &s, 0, "c2");
	CU_ASSERT(has_http(&p[2].get, 200));
	close_pair(&p[0]);
	sim_hang_up(&p[1].get);
	sim_hang_up(&p[2].get);
	check_empty(&s);
	sim_close(&s);
}

/* ---- those who have no business here ---- */

static void t_hijack(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_client thief;

	sim_open(&s, 2);
	open_get(&p, &s, 0, "mine");
	CU_ASSERT(has_http(&p.get, 200));
	sim_connect_from(&thief, &s, 1, "127.0.0.2");
	send_head(&thief, POST_HEAD, "mine");
	CU_ASSERT(has_http(&thief, 403));
	sim_hang_up(&thief);
	open_post(&p, &s, 1, "mine");
	CU_ASSERT_EQUAL(sim_setup(&p.get, "/pattern/trackID=1", INTERLEAVED), 200);
	for (unsigned i = 0; i < 2; i++) {
		sim_connect_from(&thief, &s, i, "127.0.0.2");
		send_head(&thief, i ? POST_HEAD : GET_HEAD, "mine");
		CU_ASSERT(has_http(&thief, 403));
		CU_ASSERT(is_closed(&thief));
		sim_hang_up(&thief);
	}
	CU_ASSERT_EQUAL(SUM(&s, tunnel_hijacks), 3);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "PLAY", "/pattern", ""), 200);
	close_pair(&p);
	check_empty(&s);

	/* behind proxies both halves may have addresses of their own */
	s.prefs.tunnel_same_address = 0;
	open_get(&p, &s, 0, "mine");
	sim_connect_from(&p.post, &s, 1, "127.0.0.2");
	send_head(&p.post, POST_HEAD, "mine");
	p.get.post = p.post.fd;
	CU_ASSERT(has_http(&p.get, 200));
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	close_pair(&p);
	check_empty(&s);
	sim_close(&s);
}

static void t_two_gets(void)
{
	struct sim s;
	struct pair p = { 0 };
	struct sim_client second;

	sim_open(&s, 2);
	open_pair(&p, &s, "one");
	sim_connect(&second, &s, 1);
	send_head(&second, GET_HEAD, "one");
	CU_ASSERT(has_http(&second, 409));
	CU_ASSERT_EQUAL(SUM(&s, tunnel_doubles), 1);
	CU_ASSERT_EQUAL(sim_ask(&p.get, "OPTIONS", "/pattern", ""), 200);
	sim_hang_up(&second);
	close_pair(&p);
	check_empty(&s);
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
		send_head(&c, first, "same");
		send_head(&c, i & 1 ? GET_HEAD : POST_HEAD, "same");
		sim_send_bytes(&c, B("T1BUSU9OUyAqIFJUU1AvMS4wDQoNCg=="));
		sim_run(&s, (s.prefs.tunnel_timeout + 2) * TICK_S);
		if (i & 1) {
			CU_ASSERT(has_http(&c, 408));
		} else {
			CU_ASSERT(has_http(&c, 200));
			CU_ASSERT(is_closed(&c));
		}
		sim_hang_up(&c);
		check_empty(&s);
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
		open_pair(&p, &s, "bad");
		/* what was good before it is still answered */
		sim_send_bytes(&p.post, B("T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiA1DQoNCg=="));
		sim_send_bytes(&p.post, bytes_str(bad[i]));
		CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
		CU_ASSERT_EQUAL(p.get.reply.cseq, 5);
		CU_ASSERT_EQUAL(sim_reply(&p.get), 400);
		/* the cookie is free while the rest of it lingers */
		struct pair again = { 0 };
		open_pair(&again, &s, "bad");
		CU_ASSERT_EQUAL(sim_ask(&again.get, "OPTIONS", "/pattern", ""), 200);
		close_pair(&again);
		sim_run(&s, TICK_S);
		CU_ASSERT(is_closed(&p.get));
		CU_ASSERT_EQUAL(SUM(&s, tunnel_bad_base64), i + 1);
		close_pair(&p);
		check_empty(&s);
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
		check_empty(&s);
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
	check_empty(&s);
	/* half a head for ever */
	sim_connect(&c, &s, 0);
	sim_send(&c, "GET / HTTP/1.0\r\nx-sessioncookie: a\r\n");
	sim_run(&s, (s.prefs.request_timeout + 3) * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 408);
	CU_ASSERT(is_closed(&c));
	sim_hang_up(&c);
	check_empty(&s);
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
	send_head(&c, GET_HEAD, "late");
	CU_ASSERT_EQUAL(sim_reply(&c), 400);
	CU_ASSERT_EQUAL(SUM(&s, tunnel_halves), 0);
	sim_hang_up(&c);
	check_empty(&s);
	sim_close(&s);
}

UNIT_SUITE(tunnel,
	{ "halves meet in either order, from any two workers, at that of their cookie", t_meet },
	{ "their heads may come in pieces", t_heads_in_pieces },
	{ "requests and frames may be cut anywhere, each padded or all at once", t_body_in_pieces },
	{ "who waits for 100 before the body of the POST gets it (7231 5.1.1)", t_continue },
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
	{ "and with the server, whole or waiting", t_end_of_the_server },
	{ "a half without partner ends at its deadline", t_deadline },
	{ "a half that goes while it waits makes room at once", t_gone_while_waiting },
	{ "what a POST says before its GET comes is kept in part, and counts in whole",
		t_much_before_the_get },
	{ "more waiting halves than the cap are answered 503, partners never", t_cap },
	{ "a cookie is of no use to another address", t_hijack },
	{ "a second GET with the same cookie is refused", t_two_gets },
	{ "GET and POST on one connection are no tunnel, and hurt nobody", t_one_connection },
	{ "broken base64 ends it with 400, after what was good", t_bad_base64 },
	{ "other HTTP is answered in HTTP and closed", t_other_http },
	{ "an HTTP head has the limits of an RTSP one", t_limits_are_those_of_rtsp },
	{ "only the first request of a connection may be half of a tunnel", t_first_only });
