/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/err.h"
#include "server/net/conn.h"
#include "server/net/listener.h"
#include "server/tests/unit.h"
#include "server/wire/frame.h"

/* A connection in virtual time; its peer is the other end of a socket pair. */
struct rig {
	struct loop loop;
	struct task task;
	struct conn conn;
	tick_t clock;
	int peer;
	uint32_t events;
	uint64_t drops;
	size_t cut; /* before_write: at most this many bytes; 0 = all */
};

static tick_t rig_clock(void *arg)
{
	return ((struct rig *)arg)->clock;
}

static tick_t rig_run(struct task *t, uint32_t events, tick_t now)
{
	struct rig *r = container_of(t, struct rig, task);

	r->events |= events;
	if (events & EV_WRITE && conn_write(&r->conn, now) != 0)
		r->events |= EV_KILL;
	return TASK_IDLE;
}

static void rig_free(struct task *t)
{
	(void)t;
}

static const struct task_ops rig_ops = { .name = "rig", .run = rig_run, .free = rig_free };

static void on_drop(void *arg, uint16_t tag, size_t n)
{
	struct rig *r = arg;
	CU_ASSERT_EQUAL(tag, 7);
	CU_ASSERT_EQUAL(n, 1008); /* head and all */
	r->drops++;
}

static void cut_write(void *arg, struct conn *c, struct iovec *iov, int *n)
{
	struct rig *r = arg;
	(void)c;
	if (r->cut && iov[0].iov_len > r->cut) {
		iov[0].iov_len = r->cut;
		*n = 1;
	}
}

static void rig_open(struct rig *r, size_t high_water)
{
	int fd[2], small = 4096;
	struct conn_limits limits = { .in_max = 10000,
		.high_water = high_water,
		.out_max = high_water + 100000,
		.tolerance = TICK_S };

	*r = (struct rig){ .clock = TICK_S };
	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&r->loop, rig_clock, r), 0);
	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	CU_ASSERT_EQUAL(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	r->peer = fd[1];
	task_init(&r->task, &rig_ops, &r->loop);
	CU_ASSERT_EQUAL_FATAL(conn_open(&r->conn, &r->loop, fd[0], &r->task, &limits), 0);
	r->conn.arg = r;
	r->conn.on_drop = on_drop;
}

static void rig_close(struct rig *r)
{
	conn_close(&r->conn);
	(void)close(r->peer); /* the test is over */
	loop_clear(&r->loop);
}

static void settle(struct rig *r)
{
	do
		loop_turn(&r->loop);
	while (!loop_is_quiet(&r->loop));
}

/* Everything that is there for the peer, while the loop goes on. */
static size_t take(struct rig *r, uint8_t *dst, size_t cap)
{
	size_t n = 0;
	ssize_t got;

	do {
		settle(r);
		got = read(r->peer, dst + n, cap - n);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	return n;
}

static int put_frame(struct rig *r, uint32_t number, size_t n, tick_t due)
{
	static const uint8_t body[2000];
	uint8_t head[8];

	frame_header_write(head, 0, (uint16_t)(n + 4));
	put_be32(head + 4, number);
	return conn_put_frame(&r->conn, head, sizeof head, bytes_of(body, n), due, 7);
}

/* Frames in a stream of bytes; every one must be whole. */
static unsigned count_frames(struct bytes b, uint32_t *last, bool *in_order)
{
	unsigned n = 0;
	struct frame f;

	*in_order = true;
	while (b.n) {
		int used = frame_read(b, &f);
		CU_ASSERT_FATAL(used > 0);
		uint32_t number = be32(f.payload.p);
		*in_order = *in_order && (n == 0 || number > *last);
		*last = number;
		b = bytes_sub(b, (size_t)used, SIZE_MAX);
		n++;
	}
	return n;
}

static void t_message(void)
{
	struct rig r;
	uint8_t got[100];

	rig_open(&r, 10000);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("one")), 0);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("two")), 0);
	CU_ASSERT_EQUAL(conn_waiting(&r.conn), 6);
	CU_ASSERT_TRUE(read(r.peer, got, sizeof got) < 0); /* not before the flush */
	CU_ASSERT_EQUAL(take(&r, got, sizeof got), 6);
	CU_ASSERT_EQUAL(memcmp(got, "onetwo", 6), 0);
	CU_ASSERT_EQUAL(conn_waiting(&r.conn), 0);
	CU_ASSERT_EQUAL(r.conn.io.pipe.watch.interest, EV_READ);
	rig_close(&r);
}

static void t_order(void)
{
	struct rig r;
	static uint8_t got[400000];
	uint32_t last = 0;
	bool in_order;

	rig_open(&r, 300000);
	for (uint32_t i = 1; i <= 100; i++)
		CU_ASSERT_EQUAL(put_frame(&r, i, 1000, r.clock), 0);
	CU_ASSERT_TRUE(conn_waiting(&r.conn) > 50000);
	size_t n = take(&r, got, sizeof got);
	CU_ASSERT_EQUAL(count_frames(bytes_of(got, n), &last, &in_order), 100);
	CU_ASSERT_TRUE(in_order);
	CU_ASSERT_EQUAL(r.drops, 0);
	CU_ASSERT_EQUAL(r.conn.io.bytes_out, n);
	rig_close(&r);
}

static void t_high_water(void)
{
	struct rig r;
	static uint8_t got[400000];
	uint32_t last = 0;
	bool in_order;
	unsigned refused = 0;

	rig_open(&r, 20000);
	for (uint32_t i = 1; i <= 200; i++)
		refused += put_frame(&r, i, 1000, r.clock) == ERR_LIMIT;
	CU_ASSERT_TRUE(refused > 100);
	CU_ASSERT_TRUE(conn_waiting(&r.conn) < 20000 + 10 * 1008);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("$\0\0\4last")), 0); /* a message is exempt */
	size_t n = take(&r, got, sizeof got);
	unsigned frames = count_frames(bytes_of(got, n), &last, &in_order);
	CU_ASSERT_EQUAL(last, 0x6c617374);
	CU_ASSERT_EQUAL(frames - 1 + r.drops, 200);
	CU_ASSERT_EQUAL(r.conn.io.frames_dropped, r.drops);
	CU_ASSERT_TRUE(in_order);
	rig_close(&r);
}

static void t_late(void)
{
	struct rig r;
	static uint8_t got[400000];
	uint32_t last = 0;
	bool in_order;

	rig_open(&r, 40000);
	for (uint32_t i = 1; i <= 45; i++)
		CU_ASSERT_EQUAL(put_frame(&r, i, 1000, r.clock), 0);
	settle(&r);
	CU_ASSERT_TRUE(conn_waiting(&r.conn) > 20000);
	r.clock += 5 * TICK_S;
	size_t n = take(&r, got, sizeof got);
	unsigned frames = count_frames(bytes_of(got, n), &last, &in_order);
	CU_ASSERT_TRUE(r.drops > 0);
	CU_ASSERT_EQUAL(frames + r.drops, 45);
	CU_ASSERT_TRUE(in_order);
	rig_close(&r);
}

static void t_trickle(void)
{
	struct rig r;
	static uint8_t got[400000];
	uint32_t last = 0;
	bool in_order;

	rig_open(&r, 100000);
	r.conn.before_write = cut_write;
	r.cut = 3;
	for (uint32_t i = 1; i <= 30; i++)
		CU_ASSERT_EQUAL(put_frame(&r, i, 50, r.clock), 0);
	size_t n = take(&r, got, sizeof got);
	CU_ASSERT_EQUAL(count_frames(bytes_of(got, n), &last, &in_order), 30);
	rig_close(&r);
}

static void t_finish(void)
{
	struct rig r;
	static uint8_t got[400000];
	char c;

	rig_open(&r, 100000);
	for (uint32_t i = 1; i <= 50; i++)
		CU_ASSERT_EQUAL(put_frame(&r, i, 1000, r.clock), 0);
	conn_finish(&r.conn);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("late")), ERR_CLOSED);
	CU_ASSERT_EQUAL(take(&r, got, sizeof got), 50 * 1008);
	CU_ASSERT_EQUAL(read(r.peer, &c, 1), 0);
	rig_close(&r);
}

static void t_read_cap(void)
{
	struct rig r;
	static uint8_t junk[20000];

	rig_open(&r, 100000);
	ssize_t sent = write(r.peer, junk, sizeof junk);
	CU_ASSERT_EQUAL(sent, (ssize_t)sizeof junk);
	CU_ASSERT_EQUAL(conn_read(&r.conn), 10000);
	CU_ASSERT_EQUAL(conn_read(&r.conn), ERR_LIMIT);
	buf_drop(&r.conn.io.in, 10000);
	CU_ASSERT_EQUAL(conn_read(&r.conn), 10000);
	buf_drop(&r.conn.io.in, 10000);
	(void)shutdown(r.peer, SHUT_WR);
	CU_ASSERT_EQUAL(conn_read(&r.conn), 0);
	CU_ASSERT_TRUE(r.conn.io.eof);
	rig_close(&r);
}

static void t_peer_gone(void)
{
	struct rig r;

	rig_open(&r, 100000);
	(void)close(r.peer);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("hello")), 0);
	loop_turn(&r.loop);
	loop_turn(&r.loop);
	CU_ASSERT_TRUE(r.conn.io.broken);
	CU_ASSERT_TRUE(r.events & EV_READ);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("hello")), ERR_CLOSED);
	r.peer = -1;
	rig_close(&r);
}

/* epoll tells of a hang-up whatever is asked of it. */
static void t_hang_up_after_eof(void)
{
	struct rig r;
	int n = 0;

	rig_open(&r, 100000);
	(void)close(r.peer);
	CU_ASSERT_EQUAL(conn_read(&r.conn), 0);
	CU_ASSERT_TRUE(r.conn.io.eof);
	conn_want_read(&r.conn, false);
	while (!r.conn.io.broken && n++ < 10) {
		loop_turn(&r.loop);
		CU_ASSERT_TRUE(conn_read(&r.conn) <= 0);
	}
	CU_ASSERT_TRUE(r.conn.io.broken);
	r.peer = -1;
	rig_close(&r);
}

static void t_empty_message(void)
{
	struct rig r;
	uint8_t got[16];

	rig_open(&r, 100000);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("a")), 0);
	CU_ASSERT_EQUAL(conn_put(&r.conn, B("")), 0);
	CU_ASSERT_EQUAL(take(&r, got, sizeof got), 1);
	CU_ASSERT_EQUAL(r.conn.io.out.n, 0);
	rig_close(&r);
}

/* ---- the loop ---- */

struct twice {
	struct flush flush;
	struct loop *loop;
	unsigned n;
};

static void flush_twice(struct flush *f, tick_t now)
{
	struct twice *t = container_of(f, struct twice, flush);

	(void)now;
	if (t->n++ == 0)
		flush_soon(t->loop, f);
}

static void t_flush_again(void)
{
	struct loop l;
	struct task late;
	struct twice t = { .loop = &l };

	CU_ASSERT_EQUAL_FATAL(loop_init(&l), 0);
	task_init(&late, &rig_ops, &l);
	task_run_at(&late, l.now + TICK_S); /* wakes a loop that sleeps in spite of it */
	flush_init(&t.flush, flush_twice);
	flush_soon(&l, &t.flush);
	loop_turn(&l);
	CU_ASSERT_EQUAL(t.n, 1);
	tick_t at = l.now;
	loop_turn(&l);
	CU_ASSERT_EQUAL(t.n, 2);
	CU_ASSERT_TRUE(l.now - at < TICK_S / 2);
	loop_clear(&l);
}

/* ---- addresses ---- */

static void t_addr(void)
{
	struct addr a, b;
	char text[ADDR_TEXT];

	CU_ASSERT_EQUAL(addr_read(&a, "127.0.0.1", 554), 0);
	CU_ASSERT_STRING_EQUAL(addr_text(&a, text), "127.0.0.1:554");
	CU_ASSERT_TRUE(addr_is_loopback(&a));
	CU_ASSERT_EQUAL(addr_read(&b, "::ffff:127.0.0.1", 1), 0);
	CU_ASSERT_TRUE(addr_is_same_host(&a, &b));
	CU_ASSERT_EQUAL(addr_read(&b, "[::1]", 8554), 0);
	CU_ASSERT_STRING_EQUAL(addr_text(&b, text), "[::1]:8554");
	CU_ASSERT_TRUE(addr_is_loopback(&b));
	CU_ASSERT_FALSE(addr_is_same_host(&a, &b));
	static const char *const bad[] = { "", "example.org", "1.2.3", "1.2.3.4.5", "[127.0.0.1",
		"127.0.0.1 ", "::1::", "256.1.1.1" };
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(addr_read(&b, bad[i], 0), ERR_SYNTAX);
	/* a peer may not make us look up interfaces */
	CU_ASSERT_EQUAL(addr_read(&b, "fe80::1%lo", 554), ERR_SYNTAX);
	CU_ASSERT_EQUAL(addr_read_scoped(&b, "[fe80::1%lo]", 554), 0);
	CU_ASSERT_NOT_EQUAL(b.v6.sin6_scope_id, 0);
}

UNIT_SUITE(net, { "conn: messages leave in one flush, in order", t_message },
	{ "conn: frames come out whole and in order when the socket is full", t_order },
	{ "conn: above high water new frames are dropped whole, messages never", t_high_water },
	{ "conn: late frames are dropped whole when their turn comes", t_late },
	{ "conn: writes may be cut anywhere", t_trickle },
	{ "conn: finish sends what waits, then FIN", t_finish },
	{ "conn: input stops at its cap", t_read_cap },
	{ "conn: a peer that has gone breaks it, and the owner hears", t_peer_gone },
	{ "conn: a hang-up behind the end of input breaks it, too", t_hang_up_after_eof },
	{ "conn: an empty message is nothing", t_empty_message },
	{ "loop: a flush asked for by a flush comes in the next turn, at once", t_flush_again },
	{ "sock: numeric addresses only", t_addr });
