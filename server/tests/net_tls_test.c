/* SPDX-License-Identifier: MIT */
#include "server/net/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/err.h"
#include "server/net/conn.h"
#include "server/net/tls_own.h"
#include "server/tests/certificate.h"
#include "server/tests/unit.h"
#include "server/wire/frame.h"

/*
 * Our server's side and our client's side, with a relay between them that passes on as many octets at
 * a time as the test wants, so that records and what OpenSSL reads of them break anywhere.
 */
struct side {
	struct task task;
	struct conn conn;
	uint32_t events;
	bool deaf; /* does not read */
	struct buf got;
};

struct rig {
	struct loop loop;
	struct tls_gate gate;
	struct side server, client;
	int at_server, at_client; /* the relay's ends */
	struct tls_context *here, *there;
	uint64_t passed;
};

static struct certificate pems[3]; /* made once: a.example; *.b.example; RSA for 127.0.0.1 */

static tick_t clock_now = TICK_S;

static tick_t no_clock(void *arg)
{
	(void)arg;
	return clock_now; /* stands, but where a test moves it */
}

static tick_t side_run(struct task *t, uint32_t events, tick_t now)
{
	struct side *s = container_of(t, struct side, task);

	s->events |= events;
	if (events & EV_WRITE)
		(void)conn_write(&s->conn, now); /* seen in conn.broken */
	if (s->deaf || !(events & EV_READ) || !conn_is_open(&s->conn))
		return TASK_IDLE;
	if (conn_read(&s->conn) < 0 && s->conn.io.broken)
		return TASK_IDLE;
	CU_ASSERT_EQUAL(buf_put(&s->got, buf_bytes(&s->conn.io.in)), 0);
	buf_drop(&s->conn.io.in, s->conn.io.in.n);
	conn_want_read(&s->conn, !s->conn.io.eof);
	return TASK_IDLE;
}

static void side_free(struct task *t)
{
	(void)t;
}

static const struct task_ops side_ops = { .name = "side", .run = side_run, .free = side_free };

static const struct conn_limits limits = {
	.in_max = 5000, .high_water = 50000, .out_max = 1 << 20, .tolerance = TICK_S
};

static struct tls_context *new_here(void)
{
	char why[TLS_WHY];
	struct tls_pair pairs[3];

	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "DNS:a.example",
			"DNS:b.example,DNS:*.b.example", "IP:127.0.0.1" };
		if (!pems[i].key[0])
			certificate_make(&pems[i], names[i], i == 2);
		pairs[i] = certificate_pair(&pems[i]);
	}
	struct tls_context *c = tls_context_new(pairs, 3, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

/* Trusts all three. */
static struct tls_context *new_there(bool insecure)
{
	char why[TLS_WHY], all[3 * CERTIFICATE_TEXT];

	int n = snprintf(all, sizeof all, "%s%s%s", pems[0].certificate, pems[1].certificate,
		pems[2].certificate);
	CU_ASSERT_FATAL(n > 0 && (size_t)n < sizeof all);
	struct tls_context *c = tls_context_new_client(bytes_str(all), insecure, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static int open_side(struct rig *r, struct side *s, const char *name)
{
	struct conn_parts parts;
	int fd[2], small = 4096;

	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	CU_ASSERT_EQUAL(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	conn_parts_init(&parts, fd[0]);
	if (!name)
		tls_accept(&parts.pipe, r->here);
	else
		CU_ASSERT_EQUAL(tls_connect(&parts.pipe, r->there, name), 0);
	task_init(&s->task, &side_ops, &r->loop);
	buf_init(&s->got, 4 << 20);
	CU_ASSERT_EQUAL_FATAL(conn_attach(&s->conn, &r->loop, &parts, &s->task, &limits), 0);
	return fd[1];
}

/* name: whom the client wants to find there; NULL: no client, the test speaks. */
static void rig_open(struct rig *r, const char *name)
{
	*r = (struct rig){ 0 };
	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&r->loop, no_clock, r), 0);
	tls_gate_init(&r->gate, &r->loop, 8);
	r->here = new_here();
	r->there = new_there(false);
	r->at_server = open_side(r, &r->server, NULL);
	r->at_client = name ? open_side(r, &r->client, name) : -1;
	if (!name)
		r->client.conn.io.pipe.fd = -1;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* the test is over, or wants it so */
	*fd = -1;
}

static void rig_close(struct rig *r)
{
	conn_close(&r->server.conn);
	conn_close(&r->client.conn);
	buf_clear(&r->server.got);
	buf_clear(&r->client.got);
	close_end(&r->at_server);
	close_end(&r->at_client);
	tls_context_unref(r->here);
	tls_context_unref(r->there);
	loop_clear(&r->loop);
}

/* Passes at most n octets on; an end is passed on, too. */
static bool relay_one(struct rig *r, int from, int to, size_t n)
{
	uint8_t bytes[16384];
	ssize_t got =
		recv(from, bytes, n < sizeof bytes ? n : sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

	if (got == 0)
		(void)shutdown(to, SHUT_WR); /* again and again is fine */
	if (got <= 0)
		return false;
	ssize_t sent = send(to, bytes, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent <= 0)
		return false;
	r->passed += (uint64_t)sent;
	return recv(from, bytes, (size_t)sent, 0) == sent;
}

static void turns(struct rig *r, int n)
{
	for (int i = 0; i < n; i++)
		loop_turn(&r->loop);
}

/* Until nothing moves any more, n octets at a time. */
static void relay(struct rig *r, size_t n)
{
	int idle = 0;

	while (idle < 4) {
		turns(r, 2);
		bool moved = relay_one(r, r->at_client, r->at_server, n);
		moved |= relay_one(r, r->at_server, r->at_client, n);
		idle = moved ? 0 : idle + 1;
	}
}

static bool has(const struct side *s, const char *text)
{
	return bytes_is_eq(buf_bytes(&s->got), bytes_str(text));
}

static void hello(struct rig *r, size_t n)
{
	CU_ASSERT_EQUAL(conn_put(&r->client.conn, B("hello ")), 0);
	CU_ASSERT_EQUAL(conn_put(&r->client.conn, B("server")), 0);
	relay(r, n);
	CU_ASSERT_TRUE(has(&r->server, "hello server"));
	CU_ASSERT_EQUAL(conn_put(&r->server.conn, B("hello client")), 0);
	relay(r, n);
	CU_ASSERT_TRUE(has(&r->client, "hello client"));
}

static void t_hello(void)
{
	struct rig r;

	for (size_t n = 1; n <= 16384; n = n * 7 + 1) {
		rig_open(&r, "a.example");
		CU_ASSERT_TRUE(conn_is_secure(&r.server.conn));
		CU_ASSERT_STRING_EQUAL(tls_version(&r.server.conn.io.pipe), "");
		hello(&r, n);
		CU_ASSERT_STRING_EQUAL(tls_version(&r.server.conn.io.pipe), "TLSv1.3");
		CU_ASSERT_EQUAL(r.gate.handshakes, 2); /* both sides are on one loop here */
		CU_ASSERT_EQUAL(conn_waiting(&r.server.conn), 0);
		CU_ASSERT_EQUAL(r.server.conn.io.pipe.watch.interest, EV_READ);
		rig_close(&r);
	}
}

/* Messages and frames of 200 octets to 40 KB, whole and in order, whatever the socket takes. */
static void t_stream(void)
{
	static uint8_t body[40000];
	struct rig r;
	struct frame f;

	for (size_t step = 1; step <= 16384; step = step * 127 + 1) {
		size_t most = step == 1 ? 2000 : sizeof body;
		rig_open(&r, "a.example");
		relay(&r, 16384);
		unsigned put = 0, got = 0;
		for (unsigned i = 0; i < 40; i++) {
			uint8_t head[8];
			size_t n = 200 + i * 7919 % (most - 200);
			frame_header_write(head, 1, (uint16_t)(n + 4));
			put_be32(head + 4, i);
			put += conn_put_frame(
				       &r.server.conn, head, 8, bytes_of(body, n), TICK_S, 1) == 0;
			if (i % 2)
				relay(&r, step);
		}
		relay(&r, step);
		struct bytes b = buf_bytes(&r.client.got);
		while (b.n) {
			int used = frame_read(b, &f);
			CU_ASSERT_FATAL(used > 0);
			b = bytes_sub(b, (size_t)used, SIZE_MAX);
			got++;
		}
		CU_ASSERT_EQUAL(got + r.server.conn.io.frames_dropped, put);
		CU_ASSERT_TRUE(got > 20);
		CU_ASSERT_EQUAL(conn_waiting(&r.server.conn), 0);
		rig_close(&r);
	}
}

/* The library takes a record at a time: what it has not been offered can still be dropped, whole. */
static void t_slow(void)
{
	static const uint8_t body[2000];
	struct rig r;
	struct frame f;
	unsigned got = 0;

	rig_open(&r, "a.example");
	relay(&r, 16384);
	for (unsigned i = 0; i < 300; i++) {
		uint8_t head[4];
		frame_header_write(head, 1, sizeof body);
		(void)!conn_put_frame(
			&r.server.conn, head, 4, bytes_of(body, sizeof body), TICK_S, 1);
		turns(&r, 1);
	}
	/* the peer read nothing: a record inside, the rest here, and no more than high water */
	CU_ASSERT_TRUE(r.server.conn.io.frames_dropped > 200);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.ops->held(&r.server.conn.io.pipe) > 0);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.ops->held(&r.server.conn.io.pipe) < 20000);
	CU_ASSERT_TRUE(conn_waiting(&r.server.conn) < limits.high_water + 40000);
	relay(&r, 1000);
	for (struct bytes b = buf_bytes(&r.client.got); b.n; got++) {
		int used = frame_read(b, &f);
		CU_ASSERT_FATAL(used > 0);
		b = bytes_sub(b, (size_t)used, SIZE_MAX);
	}
	CU_ASSERT_EQUAL(got + r.server.conn.io.frames_dropped, 300);
	rig_close(&r);
}

/* A record is larger than what may be read at once: no descriptor tells of the rest. */
static void t_inside(void)
{
	static uint8_t much[16000];
	struct rig r;

	rig_open(&r, "a.example");
	relay(&r, 16384);
	memset(much, 'x', sizeof much);
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	relay(&r, 16384);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much);
	/* the same with an owner who does not take it for a while */
	buf_drop(&r.server.got, r.server.got.n);
	r.server.deaf = true;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	relay(&r, 16384);
	while (conn_read(&r.server.conn) >= 0)
		;
	CU_ASSERT_EQUAL(r.server.conn.io.in.n, limits.in_max);
	conn_want_read(&r.server.conn, false);
	r.server.events = 0;
	turns(&r, 20);
	CU_ASSERT_EQUAL(r.server.events, 0); /* full: nothing spins */
	buf_drop(&r.server.conn.io.in, r.server.conn.io.in.n);
	r.server.deaf = false;
	conn_want_read(&r.server.conn, true);
	turns(&r, 20);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much - limits.in_max);
	rig_close(&r);
}

static void t_names(void)
{
	static const struct {
		const char *name;
		bool is_good;
	} rows[] = { { "a.example", true }, { "A.Example", true }, { "b.example", true },
		{ "x.b.example", true }, { "y.x.b.example", false }, { "c.example", false },
		{ "xb.example", false } };
	struct rig r;

	for (size_t i = 0; i < COUNT(rows); i++) {
		rig_open(&r, rows[i].name);
		CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("x")), 0);
		relay(&r, 16384);
		CU_ASSERT_EQUAL(has(&r.server, "x"), rows[i].is_good);
		/* the first certificate serves who asks for another; the client minds */
		CU_ASSERT_EQUAL(r.client.conn.io.broken, !rows[i].is_good);
		CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_ALERT], rows[i].is_good ? 0 : 1);
		rig_close(&r);
	}
}

static void t_insecure(void)
{
	struct rig r;

	rig_open(&r, "a.example");
	tls_context_unref(r.there);
	r.there = new_there(true);
	conn_close(&r.client.conn);
	close_end(&r.at_client);
	conn_close(&r.server.conn);
	close_end(&r.at_server);
	r.at_server = open_side(&r, &r.server, NULL);
	r.at_client = open_side(&r, &r.client, "");
	hello(&r, 16384);
	rig_close(&r);
}

static void t_goodbye(void)
{
	struct rig r;

	rig_open(&r, "a.example");
	hello(&r, 16384);
	conn_finish(&r.client.conn);
	relay(&r, 1);
	CU_ASSERT_TRUE(r.server.conn.io.eof);
	CU_ASSERT_FALSE(r.server.conn.io.pipe.truncated);
	CU_ASSERT_FALSE(r.server.conn.io.broken);
	/* the other direction still stands */
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B(", bye")), 0);
	conn_finish(&r.server.conn);
	relay(&r, 1);
	CU_ASSERT_TRUE(has(&r.client, "hello client, bye"));
	CU_ASSERT_TRUE(r.client.conn.io.eof);
	CU_ASSERT_EQUAL(r.gate.truncated, 0);
	rig_close(&r);
}

static void t_truncated(void)
{
	struct rig r;

	rig_open(&r, "a.example");
	hello(&r, 16384);
	(void)shutdown(r.at_server, SHUT_WR); /* FIN, and no goodbye */
	turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.eof);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.truncated);
	CU_ASSERT_EQUAL(r.gate.truncated, 1);
	CU_ASSERT_FALSE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B("!")), 0); /* the answer survives */
	conn_finish(&r.server.conn);
	relay(&r, 16384);
	CU_ASSERT_TRUE(has(&r.client, "hello client!"));
	rig_close(&r);
}

/* A record whose seal is broken ends the connection. */
static void t_forged(void)
{
	static const uint8_t forged[] = { 23, 3, 3, 0, 32, [36] = 7 };
	struct rig r;

	rig_open(&r, "a.example");
	hello(&r, 16384);
	CU_ASSERT_EQUAL(send(r.at_server, forged, sizeof forged, 0), (ssize_t)sizeof forged);
	turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(r.gate.broken, 1);
	rig_close(&r);
}

static void t_no_tls(void)
{
	static const char *const said[] = { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "$", "\x80\x2e\x01" };
	struct rig r;
	char got[16];

	for (size_t i = 0; i < COUNT(said); i++) {
		rig_open(&r, NULL);
		ssize_t n = (ssize_t)strlen(said[i]);
		CU_ASSERT_EQUAL(send(r.at_server, said[i], (size_t)n, 0), n);
		turns(&r, 5);
		CU_ASSERT_TRUE(r.server.conn.io.broken);
		CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_NOT_TLS], 1);
		/* and hears nothing that it could not understand */
		CU_ASSERT_TRUE(recv(r.at_server, got, sizeof got, MSG_DONTWAIT) < 0);
		rig_close(&r);
	}
	/* TLS that is none after all */
	rig_open(&r, NULL);
	CU_ASSERT_EQUAL(send(r.at_server, "\x16\x03\x01\x00\x04garbage", 12, 0), 12);
	turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	rig_close(&r);
	/* who goes before he has spoken */
	rig_open(&r, NULL);
	close_end(&r.at_server);
	turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_CLOSED], 1);
	rig_close(&r);
}

static void t_give_up(void)
{
	struct rig r;

	rig_open(&r, NULL);
	CU_ASSERT_EQUAL(send(r.at_server, "\x16", 1, 0), 1);
	turns(&r, 5);
	tls_give_up(&r.server.conn.io.pipe);
	tls_give_up(&r.server.conn.io.pipe);
	CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_TIMEOUT], 1);
	rig_close(&r);
}

/* Records without data are one turn's work each: nobody keeps a worker busy with them. */
static void t_key_updates(void)
{
	struct rig r;
	int left = 0;

	rig_open(&r, "a.example");
	hello(&r, 16384);
	struct tls *t = r.client.conn.io.pipe.state;
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		CU_ASSERT_EQUAL(SSL_do_handshake(t->ssl), 1);
	}
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("!")), 0);
	r.server.deaf = true;
	for (int i = 0; i < 200; i++) {
		turns(&r, 1);
		(void)relay_one(&r, r.at_client, r.at_server, 16384);
	}
	CU_ASSERT_EQUAL(conn_waiting(&r.client.conn), 0);
	r.server.deaf = false;
	turns(&r, 10);
	CU_ASSERT_EQUAL(ioctl(r.server.conn.io.pipe.fd, FIONREAD, &left), 0);
	CU_ASSERT_TRUE(left > 100);
	relay(&r, 16384);
	turns(&r, 200);
	CU_ASSERT_TRUE(has(&r.server, "hello server!"));
	rig_close(&r);
}

/* What is decrypted already moves with the rest. */
static void t_move(void)
{
	static uint8_t much[16000];
	struct conn_parts parts;
	struct rig r;

	rig_open(&r, "a.example");
	hello(&r, 16384);
	buf_drop(&r.server.got, r.server.got.n);
	r.server.deaf = true;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	relay(&r, 16384);
	CU_ASSERT_EQUAL(conn_read(&r.server.conn), (int)limits.in_max);
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B("; moved")), 0);
	conn_detach(&r.server.conn, &parts);
	r.server.deaf = false;
	task_init(&r.server.task, &side_ops, &r.loop);
	CU_ASSERT_EQUAL(conn_attach(&r.server.conn, &r.loop, &parts, &r.server.task, &limits), 0);
	relay(&r, 16384);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much);
	CU_ASSERT_TRUE(has(&r.client, "hello client; moved"));
	rig_close(&r);
}

/* A POST over TLS speaks for a GET over TLS. */
static void t_tunnel(void)
{
	struct conn_parts parts;
	struct side get = { 0 };
	struct rig r;

	rig_open(&r, "a.example");
	relay(&r, 16384);
	conn_detach(&r.server.conn, &parts);
	int at_get = open_side(&r, &get, NULL);
	CU_ASSERT_EQUAL(conn_join(&get.conn, &parts), 0);
	CU_ASSERT_TRUE(conn_is_secure(&get.conn));
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("T1BUSU9OUw==")), 0);
	relay(&r, 1);
	CU_ASSERT_TRUE(has(&get, "OPTIONS"));
	conn_finish(&r.client.conn);
	relay(&r, 1);
	CU_ASSERT_FALSE(conn_has_input(&get.conn));
	conn_close(&get.conn);
	buf_clear(&get.got);
	close_end(&at_get);
	rig_close(&r);
}

/* ---- many at once ---- */

enum { MANY = 40, PER_TURN = 3 };

struct many {
	struct rig rig[MANY];
	struct loop loop;
	struct tls_gate gate;
};

static void t_gate(void)
{
	static struct many m;
	uint64_t before = 0, most = 0;
	struct tls_context *here = new_here(), *there = new_there(false);

	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&m.loop, no_clock, &m), 0);
	tls_gate_init(&m.gate, &m.loop, PER_TURN);
	for (int i = 0; i < MANY; i++) {
		struct rig *r = &m.rig[i];
		int fd[2];
		struct conn_parts server, client;
		*r = (struct rig){ 0 };
		CU_ASSERT_EQUAL_FATAL(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
		conn_parts_init(&server, fd[0]);
		conn_parts_init(&client, fd[1]);
		tls_accept(&server.pipe, here);
		CU_ASSERT_EQUAL(tls_connect(&client.pipe, there, "a.example"), 0);
		task_init(&r->server.task, &side_ops, &m.loop);
		task_init(&r->client.task, &side_ops, &m.loop);
		buf_init(&r->server.got, 1000);
		buf_init(&r->client.got, 1000);
		CU_ASSERT_EQUAL(
			conn_attach(&r->server.conn, &m.loop, &server, &r->server.task, &limits),
			0);
		CU_ASSERT_EQUAL(
			conn_attach(&r->client.conn, &m.loop, &client, &r->client.task, &limits),
			0);
		CU_ASSERT_EQUAL(conn_put(&r->client.conn, B("x")), 0);
	}
	for (int turn = 0; turn < 400; turn++) {
		loop_turn(&m.loop);
		uint64_t ready = 0;
		for (int i = 0; i < MANY; i++)
			ready += m.rig[i].server.conn.io.pipe.ready;
		most = ready - before > most ? ready - before : most;
		before = ready;
	}
	CU_ASSERT_EQUAL(before, MANY);
	CU_ASSERT_EQUAL(m.gate.handshakes, 2 * MANY);
	CU_ASSERT_TRUE(most <= 2 * PER_TURN); /* those let in, and those who come */
	CU_ASSERT_TRUE(m.gate.waited > MANY / 2);
	CU_ASSERT_TRUE(link_is_alone(&m.gate.queue));
	for (int i = 0; i < MANY; i++) {
		CU_ASSERT_TRUE(has(&m.rig[i].server, "x"));
		conn_close(&m.rig[i].server.conn);
		conn_close(&m.rig[i].client.conn);
		buf_clear(&m.rig[i].server.got);
		buf_clear(&m.rig[i].client.got);
	}
	tls_context_unref(here);
	tls_context_unref(there);
	loop_clear(&m.loop);
}

/* A stalled handshake neither begins before its time nor is it lost, and who goes while it waits leaves no trace. */
static void t_stall(void)
{
	struct rig r, gone;

	rig_open(&r, "a.example");
	r.gate.stall = TICK_S;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("x")), 0);
	relay(&r, 16384);
	uint64_t said = r.passed;
	CU_ASSERT_TRUE(said > 0); /* the client's first words */
	clock_now += TICK_S - 1;
	relay(&r, 16384);
	CU_ASSERT_EQUAL(r.passed, said);
	CU_ASSERT_FALSE(link_is_alone(&r.gate.stalled));
	clock_now++;
	relay(&r, 16384);
	CU_ASSERT_TRUE(has(&r.server, "x"));
	CU_ASSERT_TRUE(link_is_alone(&r.gate.stalled));
	rig_close(&r);

	rig_open(&gone, "a.example");
	gone.gate.stall = TICK_S;
	relay(&gone, 16384);
	CU_ASSERT_FALSE(link_is_alone(&gone.gate.stalled));
	tls_give_up(&gone.server.conn.io.pipe);
	conn_close(&gone.server.conn);
	CU_ASSERT_TRUE(link_is_alone(&gone.gate.stalled));
	CU_ASSERT_EQUAL(gone.gate.failed[TLS_FAILED_TIMEOUT], 1);
	clock_now += 2 * TICK_S;
	turns(&gone, 4);
	rig_close(&gone);
}

/* ---- contexts ---- */

static void t_context(void)
{
	char why[TLS_WHY], cut[CERTIFICATE_TEXT];
	struct tls_pair good, bad;

	tls_context_unref(new_here());
	good = certificate_pair(&pems[0]);
	bad = good;
	bad.key = bytes_str(pems[1].key);
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "test: "));
	bad.key = bytes_str("");
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	bad = good;
	bad.certificate = bytes_str("no PEM");
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	CU_ASSERT_PTR_NULL(tls_context_new(&good, 0, why));
	memcpy(cut, pems[0].certificate, sizeof cut);
	for (size_t n = 0; n + 30 < strlen(pems[0].certificate); n += 13) {
		cut[n] = '\0';
		bad = good;
		bad.certificate = bytes_str(cut);
		CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
		cut[n] = pems[0].certificate[n];
	}
	CU_ASSERT_PTR_NULL(tls_context_new_client(bytes_str("no PEM"), false, why));
}

UNIT_SUITE(net_tls, { "tls: both sides speak, records split anywhere", t_hello },
	{ "tls: frames come out whole and in order, one octet at a time", t_stream },
	{ "tls: frames not offered to the library yet can be dropped", t_slow },
	{ "tls: octets inside the library wake their reader", t_inside },
	{ "tls: the certificate follows from the name asked for (6066 3)", t_names },
	{ "tls: a client may trust anybody", t_insecure },
	{ "tls: close_notify ends one direction (8446 6.1)", t_goodbye },
	{ "tls: FIN without close_notify is a truncation, and no more", t_truncated },
	{ "tls: a forged record ends the connection", t_forged },
	{ "tls: who speaks no TLS hears nothing, and is counted", t_no_tls },
	{ "tls: a handshake that is given up is counted once", t_give_up },
	{ "tls: records without data are one turn's work each", t_key_updates },
	{ "tls: it moves, with what is decrypted already", t_move },
	{ "tls: both halves of a tunnel may be TLS", t_tunnel },
	{ "tls: so many steps of handshakes a turn, the others wait in order", t_gate },
	{ "tls: a stalled handshake begins when its time has come", t_stall },
	{ "tls: certificates and keys that are none, or another's, are refused", t_context });
