/* SPDX-License-Identifier: MIT */
#include "server/tests/tls_rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/tests/unit.h"

struct certificate tls_rig_pems[3];
tick_t tls_rig_now = TICK_S;

tick_t tls_rig_clock(void *arg)
{
	(void)arg;
	return tls_rig_now;
}

static tick_t side_run(struct task *t, uint32_t events, tick_t now)
{
	struct tls_side *s = container_of(t, struct tls_side, task);

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

const struct task_ops tls_side_ops = { .name = "side", .run = side_run, .free = side_free };

const struct conn_limits tls_rig_limits = {
	.in_max = 5000, .high_water = 50000, .out_max = 1 << 20, .tolerance = TICK_S
};

struct tls_context *tls_rig_server(void)
{
	char why[TLS_WHY];
	struct tls_pair pairs[3];

	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "DNS:a.example",
			"DNS:b.example,DNS:*.b.example", "IP:127.0.0.1" };
		if (!tls_rig_pems[i].key[0])
			certificate_make(&tls_rig_pems[i], names[i], i == 2);
		pairs[i] = certificate_pair(&tls_rig_pems[i]);
	}
	struct tls_context *c = tls_context_new(pairs, 3, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

struct tls_context *tls_rig_client(bool insecure)
{
	char why[TLS_WHY], all[3 * CERTIFICATE_TEXT];

	int n = snprintf(all, sizeof all, "%s%s%s", tls_rig_pems[0].certificate,
		tls_rig_pems[1].certificate, tls_rig_pems[2].certificate);
	CU_ASSERT_FATAL(n > 0 && (size_t)n < sizeof all);
	struct tls_context *c = tls_context_new_client(bytes_str(all), insecure, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

int tls_side_open(struct tls_rig *r, struct tls_side *s, const char *name)
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
	task_init(&s->task, &tls_side_ops, &r->loop);
	buf_init(&s->got, 4 << 20);
	CU_ASSERT_EQUAL_FATAL(
		conn_attach(&s->conn, &r->loop, &parts, &s->task, &tls_rig_limits), 0);
	return fd[1];
}

void tls_rig_open(struct tls_rig *r, const char *name)
{
	*r = (struct tls_rig){ 0 };
	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&r->loop, tls_rig_clock, r), 0);
	tls_gate_init(&r->gate, &r->loop, 8);
	r->here = tls_rig_server();
	r->there = tls_rig_client(false);
	r->at_server = tls_side_open(r, &r->server, NULL);
	r->at_client = name ? tls_side_open(r, &r->client, name) : -1;
	if (!name)
		r->client.conn.io.pipe.fd = -1;
}

void tls_rig_cut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* the test is over, or wants it so */
	*fd = -1;
}

void tls_rig_close(struct tls_rig *r)
{
	conn_close(&r->server.conn);
	conn_close(&r->client.conn);
	buf_clear(&r->server.got);
	buf_clear(&r->client.got);
	tls_rig_cut(&r->at_server);
	tls_rig_cut(&r->at_client);
	tls_context_unref(r->here);
	tls_context_unref(r->there);
	loop_clear(&r->loop);
}

bool tls_rig_relay_one(struct tls_rig *r, int from, int to, size_t n)
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

void tls_rig_turns(struct tls_rig *r, int n)
{
	for (int i = 0; i < n; i++)
		loop_turn(&r->loop);
}

void tls_rig_relay(struct tls_rig *r, size_t n)
{
	int idle = 0;

	while (idle < 4) {
		tls_rig_turns(r, 2);
		bool moved = tls_rig_relay_one(r, r->at_client, r->at_server, n);
		moved |= tls_rig_relay_one(r, r->at_server, r->at_client, n);
		idle = moved ? 0 : idle + 1;
	}
}

bool tls_side_has(const struct tls_side *s, const char *text)
{
	return bytes_is_eq(buf_bytes(&s->got), bytes_str(text));
}

void tls_rig_hello(struct tls_rig *r, size_t n)
{
	CU_ASSERT_EQUAL(conn_put(&r->client.conn, B("hello ")), 0);
	CU_ASSERT_EQUAL(conn_put(&r->client.conn, B("server")), 0);
	tls_rig_relay(r, n);
	CU_ASSERT_TRUE(tls_side_has(&r->server, "hello server"));
	CU_ASSERT_EQUAL(conn_put(&r->server.conn, B("hello client")), 0);
	tls_rig_relay(r, n);
	CU_ASSERT_TRUE(tls_side_has(&r->client, "hello client"));
}
