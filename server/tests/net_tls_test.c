/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "server/base/err.h"
#include "server/net/tls_own.h"
#include "server/tests/tls_rig.h"
#include "server/tests/unit.h"
#include "server/wire/frame.h"

/* What passes over TLS, and how it ends. */

static void t_hello(void)
{
	struct tls_rig r;

	for (size_t n = 1; n <= 16384; n = n * 7 + 1) {
		tls_rig_open(&r, "a.example");
		CU_ASSERT_TRUE(conn_is_secure(&r.server.conn));
		CU_ASSERT_STRING_EQUAL(tls_version(&r.server.conn.io.pipe), "");
		tls_rig_hello(&r, n);
		CU_ASSERT_STRING_EQUAL(tls_version(&r.server.conn.io.pipe), "TLSv1.3");
		CU_ASSERT_EQUAL(r.gate.handshakes, 2); /* both sides are on one loop here */
		CU_ASSERT_EQUAL(conn_waiting(&r.server.conn), 0);
		CU_ASSERT_EQUAL(r.server.conn.io.pipe.watch.interest, EV_READ);
		tls_rig_close(&r);
	}
}

/* Messages and frames of 200 octets to 40 KB, whole and in order, whatever the socket takes. */
static void t_stream(void)
{
	static uint8_t body[40000];
	struct tls_rig r;
	struct frame f;

	for (size_t step = 1; step <= 16384; step = step * 127 + 1) {
		size_t most = step == 1 ? 2000 : sizeof body;
		tls_rig_open(&r, "a.example");
		tls_rig_relay(&r, 16384);
		unsigned put = 0, got = 0;
		for (unsigned i = 0; i < 40; i++) {
			uint8_t head[8];
			size_t n = 200 + i * 7919 % (most - 200);
			frame_header_write(head, 1, (uint16_t)(n + 4));
			put_be32(head + 4, i);
			put += conn_put_frame(
				       &r.server.conn, head, 8, bytes_of(body, n), TICK_S, 1) == 0;
			if (i % 2)
				tls_rig_relay(&r, step);
		}
		tls_rig_relay(&r, step);
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
		tls_rig_close(&r);
	}
}

/* The library takes a record at a time: what it has not been offered can still be dropped, whole. */
static void t_slow(void)
{
	static const uint8_t body[2000];
	struct tls_rig r;
	struct frame f;
	unsigned got = 0;

	tls_rig_open(&r, "a.example");
	tls_rig_relay(&r, 16384);
	for (unsigned i = 0; i < 300; i++) {
		uint8_t head[4];
		frame_header_write(head, 1, sizeof body);
		(void)!conn_put_frame(
			&r.server.conn, head, 4, bytes_of(body, sizeof body), TICK_S, 1);
		tls_rig_turns(&r, 1);
	}
	/* the peer read nothing: a record inside, the rest here, and no more than high water */
	CU_ASSERT_TRUE(r.server.conn.io.frames_dropped > 200);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.ops->held(&r.server.conn.io.pipe) > 0);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.ops->held(&r.server.conn.io.pipe) < 20000);
	CU_ASSERT_TRUE(conn_waiting(&r.server.conn) < tls_rig_limits.high_water + 40000);
	tls_rig_relay(&r, 1000);
	for (struct bytes b = buf_bytes(&r.client.got); b.n; got++) {
		int used = frame_read(b, &f);
		CU_ASSERT_FATAL(used > 0);
		b = bytes_sub(b, (size_t)used, SIZE_MAX);
	}
	CU_ASSERT_EQUAL(got + r.server.conn.io.frames_dropped, 300);
	tls_rig_close(&r);
}

/* A record is larger than what may be read at once: no descriptor tells of the rest. */
static void t_inside(void)
{
	static uint8_t much[16000];
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_relay(&r, 16384);
	memset(much, 'x', sizeof much);
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	tls_rig_relay(&r, 16384);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much);
	/* the same with an owner who does not take it for a while */
	buf_drop(&r.server.got, r.server.got.n);
	r.server.deaf = true;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	tls_rig_relay(&r, 16384);
	while (conn_read(&r.server.conn) >= 0)
		;
	CU_ASSERT_EQUAL(r.server.conn.io.in.n, tls_rig_limits.in_max);
	conn_want_read(&r.server.conn, false);
	r.server.events = 0;
	tls_rig_turns(&r, 20);
	CU_ASSERT_EQUAL(r.server.events, 0); /* full: nothing spins */
	buf_drop(&r.server.conn.io.in, r.server.conn.io.in.n);
	r.server.deaf = false;
	conn_want_read(&r.server.conn, true);
	tls_rig_turns(&r, 20);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much - tls_rig_limits.in_max);
	tls_rig_close(&r);
}

static void t_goodbye(void)
{
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_hello(&r, 16384);
	conn_finish(&r.client.conn);
	tls_rig_relay(&r, 1);
	CU_ASSERT_TRUE(r.server.conn.io.eof);
	CU_ASSERT_FALSE(r.server.conn.io.pipe.truncated);
	CU_ASSERT_FALSE(r.server.conn.io.broken);
	/* the other direction still stands */
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B(", bye")), 0);
	conn_finish(&r.server.conn);
	tls_rig_relay(&r, 1);
	CU_ASSERT_TRUE(tls_side_has(&r.client, "hello client, bye"));
	CU_ASSERT_TRUE(r.client.conn.io.eof);
	CU_ASSERT_EQUAL(r.gate.truncated, 0);
	tls_rig_close(&r);
}

static void t_truncated(void)
{
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_hello(&r, 16384);
	(void)shutdown(r.at_server, SHUT_WR); /* FIN, and no goodbye */
	tls_rig_turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.eof);
	CU_ASSERT_TRUE(r.server.conn.io.pipe.truncated);
	CU_ASSERT_EQUAL(r.gate.truncated, 1);
	CU_ASSERT_FALSE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B("!")), 0); /* the answer survives */
	conn_finish(&r.server.conn);
	tls_rig_relay(&r, 16384);
	CU_ASSERT_TRUE(tls_side_has(&r.client, "hello client!"));
	tls_rig_close(&r);
}

/* A record whose seal is broken ends the connection. */
static void t_forged(void)
{
	static const uint8_t forged[] = { 23, 3, 3, 0, 32, [36] = 7 };
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_hello(&r, 16384);
	CU_ASSERT_EQUAL(send(r.at_server, forged, sizeof forged, 0), (ssize_t)sizeof forged);
	tls_rig_turns(&r, 5);
	CU_ASSERT_TRUE(r.server.conn.io.broken);
	CU_ASSERT_EQUAL(r.gate.broken, 1);
	tls_rig_close(&r);
}

/* Records without data are one turn's work each: nobody keeps a worker busy with them. */
static void t_key_updates(void)
{
	struct tls_rig r;
	int left = 0;

	tls_rig_open(&r, "a.example");
	tls_rig_hello(&r, 16384);
	struct tls *t = r.client.conn.io.pipe.state;
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		CU_ASSERT_EQUAL(SSL_do_handshake(t->ssl), 1);
	}
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("!")), 0);
	r.server.deaf = true;
	for (int i = 0; i < 200; i++) {
		tls_rig_turns(&r, 1);
		(void)tls_rig_relay_one(&r, r.at_client, r.at_server, 16384);
	}
	CU_ASSERT_EQUAL(conn_waiting(&r.client.conn), 0);
	r.server.deaf = false;
	tls_rig_turns(&r, 10);
	CU_ASSERT_EQUAL(ioctl(r.server.conn.io.pipe.fd, FIONREAD, &left), 0);
	CU_ASSERT_TRUE(left > 100);
	tls_rig_relay(&r, 16384);
	tls_rig_turns(&r, 200);
	CU_ASSERT_TRUE(tls_side_has(&r.server, "hello server!"));
	tls_rig_close(&r);
}

/* What is decrypted already moves with the rest. */
static void t_move(void)
{
	static uint8_t much[16000];
	struct conn_parts parts;
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_hello(&r, 16384);
	buf_drop(&r.server.got, r.server.got.n);
	r.server.deaf = true;
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, bytes_of(much, sizeof much)), 0);
	tls_rig_relay(&r, 16384);
	CU_ASSERT_EQUAL(conn_read(&r.server.conn), (int)tls_rig_limits.in_max);
	CU_ASSERT_EQUAL(conn_put(&r.server.conn, B("; moved")), 0);
	conn_detach(&r.server.conn, &parts);
	r.server.deaf = false;
	task_init(&r.server.task, &tls_side_ops, &r.loop);
	CU_ASSERT_EQUAL(
		conn_attach(&r.server.conn, &r.loop, &parts, &r.server.task, &tls_rig_limits), 0);
	tls_rig_relay(&r, 16384);
	CU_ASSERT_EQUAL(r.server.got.n, sizeof much);
	CU_ASSERT_TRUE(tls_side_has(&r.client, "hello client; moved"));
	tls_rig_close(&r);
}

/* A POST over TLS speaks for a GET over TLS. */
static void t_tunnel(void)
{
	struct conn_parts parts;
	struct tls_side get = { 0 };
	struct tls_rig r;

	tls_rig_open(&r, "a.example");
	tls_rig_relay(&r, 16384);
	conn_detach(&r.server.conn, &parts);
	int at_get = tls_side_open(&r, &get, NULL);
	CU_ASSERT_EQUAL(conn_join(&get.conn, &parts), 0);
	CU_ASSERT_TRUE(conn_is_secure(&get.conn));
	CU_ASSERT_EQUAL(conn_put(&r.client.conn, B("T1BUSU9OUw==")), 0);
	tls_rig_relay(&r, 1);
	CU_ASSERT_TRUE(tls_side_has(&get, "OPTIONS"));
	conn_finish(&r.client.conn);
	tls_rig_relay(&r, 1);
	CU_ASSERT_FALSE(conn_has_input(&get.conn));
	conn_close(&get.conn);
	buf_clear(&get.got);
	tls_rig_cut(&at_get);
	tls_rig_close(&r);
}

UNIT_SUITE(net_tls, { "tls: both sides speak, records split anywhere", t_hello },
	{ "tls: frames come out whole and in order, one octet at a time", t_stream },
	{ "tls: frames not offered to the library yet can be dropped", t_slow },
	{ "tls: octets inside the library wake their reader", t_inside },
	{ "tls: close_notify ends one direction (8446 6.1)", t_goodbye },
	{ "tls: FIN without close_notify is a truncation, and no more", t_truncated },
	{ "tls: a forged record ends the connection", t_forged },
	{ "tls: records without data are one turn's work each", t_key_updates },
	{ "tls: it moves, with what is decrypted already", t_move },
	{ "tls: both halves of a tunnel may be TLS", t_tunnel });
