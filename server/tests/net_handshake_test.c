/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/socket.h>

#include "server/net/tls_own.h"
#include "server/tests/tls_rig.h"
#include "server/tests/unit.h"

/* Handshakes: certificates, those that fail, and many at once. */

static void t_names(void)
{
	static const struct {
		const char *name;
		bool is_good;
	} rows[] = { { "a.example", true }, { "A.Example", true }, { "b.example", true },
		{ "x.b.example", true }, { "y.x.b.example", false }, { "c.example", false },
		{ "xb.example", false } };
	struct tls_rig r;

	for (size_t i = 0; i < COUNT(rows); i++) {
		tls_rig_open(&r, rows[i].name);
		CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("x")), 0);
		tls_rig_relay(&r, 16384);
		CU_ASSERT_EQUAL(tls_side_has(&r.server, "x"), rows[i].is_good);
		/* the first certificate serves who asks for another; the client minds */
		CU_ASSERT_EQUAL(r.client.conn.io.broken, !rows[i].is_good);
		CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_ALERT], rows[i].is_good ? 0 : 1);
		tls_rig_close(&r);
	}
}

static void t_insecure(void)
{
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_context_unref(r.there);
	r.there = tls_rig_client(true);
	conn_close(&r.client.conn);
	tls_rig_cut(&r.at_client);
	conn_close(&r.server.conn);
	tls_rig_cut(&r.at_server);
	r.at_server = tls_side_open(&r, &r.server, NULL);
	r.at_client = tls_side_open(&r, &r.client, "");
	tls_rig_hello(&r, 16384);
	tls_rig_close(&r);
}

static void t_no_tls(void)
{
	static const char *const said[] = { "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "$", "\x80\x2e\x01" };
	struct tls_rig r;
	char got[16];

	for (size_t i = 0; i < COUNT(said); i++) {
		tls_rig_open(&r, NULL);
		ssize_t n = (ssize_t)strlen(said[i]);
		CU_ASSERT_EQUAL(send(r.at_server, said[i], (size_t)n, 0), n);
		tls_rig_turns(&r, 5);
		CU_ASSERT_TRUE(r.server.conn.io.broken);
		CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_NOT_TLS], 1);
		/* and hears nothing that it could not understand */
		CU_ASSERT_TRUE(recv(r.at_server, got, sizeof got, MSG_DONTWAIT) < 0);
		tls_rig_close(&r);
	}
	/* TLS that is none after all */
	tls_rig_open(&r, NULL);
	CU_ASSERT_EQUAL(send(r.at_server, "\x16\x03\x01\x00\x04garbage", 12, 0), 12);
	tls_rig_turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	tls_rig_close(&r);
	/* who goes before he has spoken */
	tls_rig_open(&r, NULL);
	tls_rig_cut(&r.at_server);
	tls_rig_turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_CLOSED], 1);
	tls_rig_close(&r);
}

static void t_give_up(void)
{
	struct tls_rig r;

	tls_rig_open(&r, NULL);
	CU_ASSERT_EQUAL(send(r.at_server, "\x16", 1, 0), 1);
	tls_rig_turns(&r, 5);
	tls_give_up(&r.server.conn.io.pipe);
	tls_give_up(&r.server.conn.io.pipe);
	CU_ASSERT_EQUAL(r.gate.failed[TLS_FAILED_TIMEOUT], 1);
	tls_rig_close(&r);
}

enum { MANY = 40, PER_TURN = 3 };

struct many {
	struct tls_rig rig[MANY];
	struct loop loop;
	struct tls_gate gate;
};

static void t_gate(void)
{
	static struct many m;
	uint64_t before = 0, most = 0;
	struct tls_context *here = tls_rig_server(), *there = tls_rig_client(false);

	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&m.loop, tls_rig_clock, &m), 0);
	tls_gate_init(&m.gate, &m.loop, PER_TURN);
	for (int i = 0; i < MANY; i++) {
		struct tls_rig *r = &m.rig[i];
		int fd[2];
		struct conn_parts server, client;
		*r = (struct tls_rig){ 0 };
		CU_ASSERT_EQUAL_FATAL(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
		conn_parts_init(&server, fd[0]);
		conn_parts_init(&client, fd[1]);
		tls_accept(&server.pipe, here);
		CU_ASSERT_EQUAL(tls_connect(&client.pipe, there, "a.example"), 0);
		task_init(&r->server.task, &tls_side_ops, &m.loop);
		task_init(&r->client.task, &tls_side_ops, &m.loop);
		buf_init(&r->server.got, 1000);
		buf_init(&r->client.got, 1000);
		CU_ASSERT_EQUAL(conn_attach(&r->server.conn, &m.loop, &server, &r->server.task,
					&tls_rig_limits),
			0);
		CU_ASSERT_EQUAL(conn_attach(&r->client.conn, &m.loop, &client, &r->client.task,
					&tls_rig_limits),
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
		CU_ASSERT_TRUE(tls_side_has(&m.rig[i].server, "x"));
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
	struct tls_rig r, gone;

	tls_rig_open(&r, "a.example");
	r.gate.stall = TICK_S;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("x")), 0);
	tls_rig_relay(&r, 16384);
	uint64_t said = r.passed;
	CU_ASSERT_TRUE(said > 0); /* the client's first words */
	tls_rig_now += TICK_S - 1;
	tls_rig_relay(&r, 16384);
	CU_ASSERT_EQUAL(r.passed, said);
	CU_ASSERT_FALSE(link_is_alone(&r.gate.stalled));
	tls_rig_now++;
	tls_rig_relay(&r, 16384);
	CU_ASSERT_TRUE(tls_side_has(&r.server, "x"));
	CU_ASSERT_TRUE(link_is_alone(&r.gate.stalled));
	tls_rig_close(&r);

	tls_rig_open(&gone, "a.example");
	gone.gate.stall = TICK_S;
	tls_rig_relay(&gone, 16384);
	CU_ASSERT_FALSE(link_is_alone(&gone.gate.stalled));
	tls_give_up(&gone.server.conn.io.pipe);
	conn_close(&gone.server.conn);
	CU_ASSERT_TRUE(link_is_alone(&gone.gate.stalled));
	CU_ASSERT_EQUAL(gone.gate.failed[TLS_FAILED_TIMEOUT], 1);
	tls_rig_now += 2 * TICK_S;
	tls_rig_turns(&gone, 4);
	tls_rig_close(&gone);
}

static void t_context(void)
{
	char why[TLS_WHY], cut[CERTIFICATE_TEXT];
	struct tls_pair good, bad;

	tls_context_unref(tls_rig_server());
	good = certificate_pair(&tls_rig_pems[0]);
	bad = good;
	bad.key = bytes_str(tls_rig_pems[1].key);
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "test: "));
	bad.key = bytes_str("");
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	bad = good;
	bad.certificate = bytes_str("no PEM");
	CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
	CU_ASSERT_PTR_NULL(tls_context_new(&good, 0, why));
	memcpy(cut, tls_rig_pems[0].certificate, sizeof cut);
	for (size_t n = 0; n + 30 < strlen(tls_rig_pems[0].certificate); n += 13) {
		cut[n] = '\0';
		bad = good;
		bad.certificate = bytes_str(cut);
		CU_ASSERT_PTR_NULL(tls_context_new(&bad, 1, why));
		cut[n] = tls_rig_pems[0].certificate[n];
	}
	CU_ASSERT_PTR_NULL(tls_context_new_client(bytes_str("no PEM"), false, why));
}

static void t_chain(void)
{
	enum { BEGIN = 28, END = 30 }; /* octets of the lines around a certificate */
	char why[TLS_WHY], all[3 * CERTIFICATE_TEXT];

	tls_context_unref(tls_rig_server());
	struct tls_pair pair = certificate_pair(&tls_rig_pems[0]);
	size_t first = (size_t)snprintf(
		all, sizeof all, "%s%s", tls_rig_pems[0].certificate, tls_rig_pems[0].key);
	size_t n = first + (size_t)snprintf(all + first, sizeof all - first, "%s",
				   tls_rig_pems[1].certificate);
	pair.certificate = pair.key = bytes_of(all, n);
	struct tls_context *c = tls_context_new(&pair, 1, why);
	CU_ASSERT_PTR_NOT_NULL(c);
	tls_context_unref(c);
	for (size_t cut = first + BEGIN; cut + END < n; cut += 13) {
		pair.certificate = bytes_of(all, cut);
		CU_ASSERT_PTR_NULL(tls_context_new(&pair, 1, why));
		CU_ASSERT_PTR_NULL(tls_context_new_client(pair.certificate, false, why));
	}
}

UNIT_SUITE(net_handshake,
	{ "tls: the certificate follows from the name asked for (6066 3)", t_names },
	{ "tls: a client may trust anybody", t_insecure },
	{ "tls: who speaks no TLS hears nothing, and is counted", t_no_tls },
	{ "tls: a handshake that is given up is counted once", t_give_up },
	{ "tls: so many steps of handshakes a turn, the others wait in order", t_gate },
	{ "tls: a stalled handshake begins when its time has come", t_stall },
	{ "tls: certificates and keys that are none, or another's, are refused", t_context },
	{ "tls: a chain is whole, or refused", t_chain });
