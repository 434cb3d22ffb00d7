/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/err.h"
#include "server/net/conn.h"
#include "server/tests/unit.h"

/*
 * Connections that are moved between loops, and those of two pipes (a tunnel over HTTP). Every peer
 * is the other end of a socket pair.
 */
struct end {
	struct task task;
	struct conn conn;
	uint32_t events;
};

struct rig {
	struct loop loop[2];
	struct end get, post;
	int get_peer, post_peer;
};

static const struct conn_limits limits = {
	.in_max = 1000, .high_water = 50000, .out_max = 500000, .tolerance = TICK_S
};

static tick_t no_clock(void *arg)
{
	(void)arg;
	return TICK_S;
}

static tick_t end_run(struct task *t, uint32_t events, tick_t now)
{
	struct end *e = container_of(t, struct end, task);

	e->events |= events;
	if (events & EV_WRITE)
		(void)conn_write(&e->conn, now); /* seen in conn.broken */
	return TASK_IDLE;
}

static void end_free(struct task *t)
{
	(void)t;
}

static const struct task_ops end_ops = { .name = "end", .run = end_run, .free = end_free };

static int open_end(struct end *e, struct loop *l)
{
	int fd[2], small = 4096;

	CU_ASSERT_EQUAL_FATAL(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	CU_ASSERT_EQUAL(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	task_init(&e->task, &end_ops, l);
	CU_ASSERT_EQUAL_FATAL(conn_open(&e->conn, l, fd[0], &e->task, &limits), 0);
	return fd[1];
}

static void rig_open(struct rig *r)
{
	*r = (struct rig){ 0 };
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&r->loop[i], no_clock, r), 0);
	r->get_peer = open_end(&r->get, &r->loop[0]);
	r->post_peer = open_end(&r->post, &r->loop[1]);
}

static void rig_close(struct rig *r)
{
	conn_close(&r->get.conn);
	conn_close(&r->post.conn);
	(void)close(r->get_peer); /* the test is over */
	(void)close(r->post_peer);
	loop_clear(&r->loop[0]);
	loop_clear(&r->loop[1]);
}

/* Tests read by hand, so that a loop that is told of input is never quiet: some turns are enough. */
static void settle(struct rig *r)
{
	for (int i = 0; i < 20; i++) {
		loop_turn(&r->loop[0]);
		loop_turn(&r->loop[1]);
	}
}

static void say(int fd, const char *text)
{
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The POST leaves its own loop and becomes the GET's input. */
static int join(struct rig *r)
{
	struct conn_parts parts;

	conn_detach(&r->post.conn, &parts);
	int err = conn_join(&r->get.conn, &parts);
	if (err)
		conn_parts_close(&parts);
	return err;
}

/* A new POST in place of the one that went. */
static void post_again(struct rig *r)
{
	conn_close(&r->post.conn);
	(void)close(r->post_peer); /* the old one */
	r->post_peer = open_end(&r->post, &r->loop[1]);
}

static bool holds(const struct conn *c, const char *text)
{
	return bytes_is_eq(buf_bytes(&c->io.in), bytes_str(text));
}

/* ---- detach, attach ---- */

static void t_move(void)
{
	struct rig r;
	struct conn_parts parts;
	uint8_t got[600];
	static uint8_t much[60000];
	size_t n = 0;

	rig_open(&r);
	say(r.get_peer, "unread");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 6);
	memset(much, 'x', sizeof much);
	CU_ASSERT_EQUAL(conn_put(&r.get.conn, bytes_of(much, sizeof much)), 0);
	settle(&r); /* some of it has left */
	size_t waits = conn_waiting(&r.get.conn);
	CU_ASSERT_TRUE(waits > 0 && waits < sizeof much);
	r.get.events = 0;
	conn_detach(&r.get.conn, &parts);
	CU_ASSERT_FALSE(conn_is_open(&r.get.conn));
	conn_close(&r.get.conn); /* nothing to close any more */
	say(r.get_peer, " and more");
	settle(&r);
	CU_ASSERT_EQUAL(r.get.events, 0); /* nobody watches it */
	task_init(&r.get.task, &end_ops, &r.loop[1]);
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[1], &parts, &r.get.task, &limits), 0);
	CU_ASSERT_EQUAL(parts.pipe.fd, -1);
	conn_parts_close(&parts); /* it is empty */
	CU_ASSERT_EQUAL(conn_waiting(&r.get.conn), waits);
	for (ssize_t k = 1; k > 0; n += k > 0 ? (size_t)k : 0) {
		settle(&r);
		k = read(r.get_peer, got, sizeof got);
	}
	CU_ASSERT_EQUAL(n, sizeof much);
	CU_ASSERT_EQUAL(r.get.conn.io.bytes_out, sizeof much);
	CU_ASSERT_TRUE(r.get.events & EV_READ);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 9);
	CU_ASSERT_TRUE(holds(&r.get.conn, "unread and more"));
	rig_close(&r);
}

/* Unread input alone is reason to run: the kernel will not tell of it again. */
static void t_move_wakes(void)
{
	struct rig r;
	struct conn_parts parts;

	rig_open(&r);
	say(r.get_peer, "unread");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 6);
	settle(&r);
	r.get.events = 0;
	conn_detach(&r.get.conn, &parts);
	task_init(&r.get.task, &end_ops, &r.loop[1]);
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[1], &parts, &r.get.task, &limits), 0);
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ);
	rig_close(&r);
}

/* Also what was half written stays in its place: a frame goes on where it stopped. */
static void t_move_frames(void)
{
	struct rig r;
	struct conn_parts parts;
	uint8_t head[4] = { '$', 0, 0x03, 0xe8 };
	static const uint8_t body[1000];
	static uint8_t got[21000];
	size_t n = 0;

	rig_open(&r);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(conn_put_frame(&r.get.conn, head, sizeof head,
					bytes_of(body, sizeof body), TICK_S, 1),
			0);
	}
	conn_detach(&r.get.conn, &parts); /* before the flush: some wait in this turn's list */
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[0], &parts, &r.get.task, &limits), 0);
	for (ssize_t k = 1; k > 0; n += k > 0 ? (size_t)k : 0) {
		settle(&r);
		k = read(r.get_peer, got + n, sizeof got - n);
	}
	CU_ASSERT_EQUAL(n, 20 * 1004);
	for (size_t at = 0; at < n; at += 1004)
		CU_ASSERT_EQUAL(memcmp(got + at, head, sizeof head), 0);
	rig_close(&r);
}

static void *turn_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

struct visit {
	struct mail mail;
	struct end *end;
	struct conn_parts parts;
};

/* Answers on the other loop's thread, and goes on there. */
static tick_t echo_run(struct task *t, uint32_t events, tick_t now)
{
	struct end *e = container_of(t, struct end, task);

	(void)now;
	if (events & EV_READ && conn_read(&e->conn) > 0) {
		CU_ASSERT_EQUAL(conn_put(&e->conn, buf_bytes(&e->conn.io.in)), 0);
		buf_drop(&e->conn.io.in, e->conn.io.in.n);
	}
	if (events & EV_WRITE)
		(void)conn_write(&e->conn, now); /* seen in conn.broken */
	if (e->conn.io.eof) {
		conn_close(&e->conn);
		loop_stop(e->task.loop);
	}
	return TASK_IDLE;
}

static const struct task_ops echo_ops = { .name = "echo", .run = echo_run, .free = end_free };

static void on_visit(struct mail *m, struct loop *l, tick_t now)
{
	struct visit *v = container_of(m, struct visit, mail);

	(void)now;
	task_init(&v->end->task, &echo_ops, l);
	CU_ASSERT_EQUAL(conn_attach(&v->end->conn, l, &v->parts, &v->end->task, &limits), 0);
}

static void t_move_thread(void)
{
	struct rig r;
	struct loop other;
	struct visit v = { .mail.fn = on_visit, .end = &r.get };
	pthread_t thread;
	char got[16];

	rig_open(&r);
	CU_ASSERT_EQUAL_FATAL(loop_init(&other), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, turn_loop, &other), 0);
	conn_detach(&r.get.conn, &v.parts);
	loop_post(&other, &v.mail);
	CU_ASSERT_EQUAL(fcntl(r.get_peer, F_SETFL, 0), 0); /* this side may wait */
	say(r.get_peer, "hello");
	CU_ASSERT_EQUAL(recv(r.get_peer, got, 5, MSG_WAITALL), 5);
	CU_ASSERT_EQUAL(memcmp(got, "hello", 5), 0);
	(void)shutdown(r.get_peer, SHUT_WR);
	pthread_join(thread, NULL);
	loop_clear(&other);
	rig_close(&r);
}

static void t_given_addresses(void)
{
	struct rig r;
	struct conn_parts parts;
	char text[ADDR_TEXT];

	rig_open(&r);
	CU_ASSERT_STRING_EQUAL(addr_host_text(&r.get.conn.io.peer, text), "");
	conn_detach(&r.get.conn, &parts);
	CU_ASSERT_EQUAL(addr_read(&parts.peer, "192.0.2.7", 1234), 0);
	CU_ASSERT_EQUAL(addr_read(&parts.local, "2001:db8::1", 554), 0);
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[0], &parts, &r.get.task, &limits), 0);
	CU_ASSERT_STRING_EQUAL(addr_text(&r.get.conn.io.peer, text), "192.0.2.7:1234");
	CU_ASSERT_STRING_EQUAL(addr_text(&r.get.conn.io.local, text), "[2001:db8::1]:554");
	rig_close(&r);
}

/* ---- tunnels ---- */

static void t_join(void)
{
	struct rig r;
	char got[16];

	rig_open(&r);
	say(r.post_peer, "T1BUSU9O"); /* "OPTION", unread when it joins */
	CU_ASSERT_EQUAL(conn_read(&r.post.conn), 8);
	CU_ASSERT_EQUAL(join(&r), 0);
	CU_ASSERT_EQUAL(join(&r), ERR_STATE);
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 6);
	/* one octet at a time, padding in mid-stream */
	for (const char *p = "UyAqIA==UlRTUC8xLjANCg0K"; *p; p++) {
		CU_ASSERT_EQUAL(write(r.post_peer, p, 1), 1);
		CU_ASSERT_TRUE(conn_read(&r.get.conn) >= 0);
	}
	CU_ASSERT_TRUE(holds(&r.get.conn, "OPTIONS * RTSP/1.0\r\n\r\n"));
	CU_ASSERT_EQUAL(conn_put(&r.get.conn, B("answer")), 0);
	settle(&r);
	CU_ASSERT_EQUAL(read(r.get_peer, got, sizeof got), 6);
	CU_ASSERT_TRUE(read(r.post_peer, got, sizeof got) < 0); /* nothing, and still open */
	CU_ASSERT_EQUAL(errno, EAGAIN);
	rig_close(&r);
}

static void t_post_ends(void)
{
	struct rig r;

	rig_open(&r);
	CU_ASSERT_EQUAL(join(&r), 0);
	say(r.post_peer, "b25lIAAA"); /* "one \0\0" */
	(void)shutdown(r.post_peer, SHUT_WR);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 6);
	r.get.events = 0;
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ); /* there is more to hear: */
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), ERR_CLOSED);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 0); /* once */
	CU_ASSERT_FALSE(r.get.conn.io.eof);
	CU_ASSERT_FALSE(conn_has_input(&r.get.conn));
	CU_ASSERT_EQUAL(conn_put(&r.get.conn, B("media")), 0);
	settle(&r);
	/* another takes its place, and begins at a group of its own */
	post_again(&r);
	buf_drop(&r.get.conn.io.in, r.get.conn.io.in.n);
	CU_ASSERT_EQUAL(join(&r), 0);
	CU_ASSERT_TRUE(conn_has_input(&r.get.conn));
	say(r.post_peer, "dHdv");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 3);
	CU_ASSERT_TRUE(holds(&r.get.conn, "two"));
	conn_part(&r.get.conn);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 0); /* who parts knows it */
	rig_close(&r);
}

static void t_post_bad(void)
{
	struct rig r;

	rig_open(&r);
	CU_ASSERT_EQUAL(join(&r), 0);
	say(r.post_peer, "Z29vZA==b!");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 4);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), ERR_SYNTAX);
	CU_ASSERT_TRUE(holds(&r.get.conn, "good"));
	CU_ASSERT_FALSE(r.get.conn.io.broken);
	CU_ASSERT_FALSE(conn_has_input(&r.get.conn));
	rig_close(&r);
}

static void t_post_full(void)
{
	struct rig r;
	char coded[1000];
	size_t n = 0;

	rig_open(&r);
	for (size_t i = 0; i < sizeof coded; i++)
		coded[i] = 'A';
	CU_ASSERT_EQUAL(write(r.post_peer, coded, sizeof coded), (ssize_t)sizeof coded);
	CU_ASSERT_EQUAL(conn_read(&r.post.conn), 1000); /* all of it unread when it joins */
	CU_ASSERT_EQUAL(join(&r), 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(write(r.post_peer, coded, sizeof coded), (ssize_t)sizeof coded);
	for (int got; (got = conn_read(&r.get.conn)) > 0;)
		n += (size_t)got;
	CU_ASSERT_EQUAL(n, 1000);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), ERR_LIMIT);
	/* full: nothing is asked for, and nothing spins */
	conn_want_read(&r.get.conn, false);
	settle(&r);
	r.get.events = 0;
	loop_turn(&r.loop[0]);
	CU_ASSERT_EQUAL(r.get.events, 0);
	while (n < 3000) {
		buf_drop(&r.get.conn.io.in, r.get.conn.io.in.n);
		r.get.events = 0;
		conn_want_read(&r.get.conn, true);
		settle(&r);
		CU_ASSERT_TRUE_FATAL(r.get.events & EV_READ);
		n += (size_t)conn_read(&r.get.conn);
	}
	CU_ASSERT_EQUAL(n, 3000);
	rig_close(&r);
}

static void t_get_ends(void)
{
	struct rig r;

	rig_open(&r);
	CU_ASSERT_EQUAL(join(&r), 0);
	say(r.get_peer, "OPTIONS * RTSP/1.0\r\n\r\n"); /* nobody may ask over the GET */
	conn_want_read(&r.get.conn, false);
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 0);
	CU_ASSERT_EQUAL(r.get.conn.io.bytes_junk, 22);
	CU_ASSERT_EQUAL(r.get.conn.io.in.n, 0);
	CU_ASSERT_FALSE(r.get.conn.io.eof);
	(void)shutdown(r.get_peer, SHUT_WR);
	r.get.events = 0;
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ); /* even while nothing is wanted of the POST */
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 0);
	CU_ASSERT_TRUE(r.get.conn.io.eof);
	rig_close(&r);
}

static void t_tunnel_moves(void)
{
	struct rig r;
	struct conn_parts parts;

	rig_open(&r);
	CU_ASSERT_EQUAL(join(&r), 0);
	say(r.post_peer, "b25l");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 3);
	say(r.post_peer, "dH"); /* the move comes in the middle of a group */
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 1);
	conn_detach(&r.get.conn, &parts);
	task_init(&r.get.task, &end_ops, &r.loop[1]);
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[1], &parts, &r.get.task, &limits), 0);
	say(r.post_peer, "dv");
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 2);
	CU_ASSERT_TRUE(holds(&r.get.conn, "onetwo"));
	rig_close(&r);
}

/* The end of the POST is seen, but not told yet, when the GET moves. */
static void t_untold_end_moves(void)
{
	struct rig r;
	struct conn_parts parts;

	rig_open(&r);
	CU_ASSERT_EQUAL(join(&r), 0);
	say(r.post_peer, "b25l");
	(void)shutdown(r.post_peer, SHUT_WR);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 3);
	while (conn_has_input(&r.get.conn))
		CU_ASSERT_TRUE(conn_read(&r.get.conn) >= 0);
	buf_drop(&r.get.conn.io.in, 3);
	settle(&r);
	r.get.events = 0;
	conn_detach(&r.get.conn, &parts);
	task_init(&r.get.task, &end_ops, &r.loop[1]);
	CU_ASSERT_EQUAL(conn_attach(&r.get.conn, &r.loop[1], &parts, &r.get.task, &limits), 0);
	settle(&r);
	CU_ASSERT_TRUE(r.get.events & EV_READ);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), ERR_CLOSED);
	CU_ASSERT_EQUAL(conn_read(&r.get.conn), 0);
	rig_close(&r);
}

UNIT_SUITE(net_parts, { "conn: unread input and unsent output move to another loop", t_move },
	{ "conn: what moved unread wakes its new owner", t_move_wakes },
	{ "conn: frames of this turn move, too, whole and in order", t_move_frames },
	{ "conn: it moves to another thread", t_move_thread },
	{ "conn: addresses may be given by who knows better", t_given_addresses },
	{ "tunnel: input comes from the POST, answers leave by the GET", t_join },
	{ "tunnel: a POST that ends is told once, and another may join", t_post_ends },
	{ "tunnel: broken base64 ends the POST, what came before it holds", t_post_bad },
	{ "tunnel: input stops at its cap, and goes on", t_post_full },
	{ "tunnel: what comes over the GET is thrown away, its end is the end", t_get_ends },
	{ "tunnel: both pipes move together, in the middle of a group", t_tunnel_moves },
	{ "tunnel: the end of a POST that was not told yet is told after a move",
		t_untold_end_moves });
