/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* The other process is played by the test: it holds the descriptors that were sent to it. */
enum { HELD = 8 };

struct other {
	int fd[HELD];
	int n;
	int answer; /* what sending says */
	struct relay_to last;
};

static int take(void *arg, const struct relay_to *to, int fd)
{
	struct other *o = arg;

	o->last = *to;
	if (o->answer)
		return o->answer;
	CU_ASSERT_FATAL(o->n < HELD);
	o->fd[o->n++] = fd;
	return 0;
}

static void other_close(struct other *o)
{
	for (int i = 0; i < o->n; i++)
		(void)close(o->fd[i]);
	o->n = 0;
}

struct scene {
	struct sim sim;
	struct sim_client client;
	struct other other;
};

static void scene_open(struct scene *s)
{
	sim_open(&s->sim, 1);
	sim_connect(&s->client, &s->sim, 0);
	s->other = (struct other){ .n = 0 };
	s->sim.server.generation = 3;
	s->sim.server.relay = (struct relay_route){ .send = take, .arg = &s->other };
}

static void scene_close(struct scene *s)
{
	other_close(&s->other);
	sim_hang_up(&s->client);
	sim_close(&s->sim);
}

#define OLD_ID "0123456789abcdef0502"
#define REQUEST                                          \
	"TEARDOWN rtsp://127.0.0.1/pattern RTSP/1.0\r\n" \
	"CSeq: 7\r\nSession: " OLD_ID "\r\nX-Kept: as it is\r\n\r\n"

static void ask(struct scene *s)
{
	sim_send(&s->client, REQUEST);
	sim_settle(&s->sim);
}

/* What the other process has been sent over its last descriptor. */
static const char *heard(struct scene *s, char dst[512])
{
	int fd = s->other.fd[s->other.n - 1];
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	ssize_t n = read(fd, dst, 511);
	dst[n > 0 ? n : 0] = '\0';
	return dst;
}

static void say(struct scene *s, const char *text)
{
	CU_ASSERT_EQUAL(
		write(s->other.fd[s->other.n - 1], text, strlen(text)), (ssize_t)strlen(text));
	sim_settle(&s->sim);
}

static void test_travels(void)
{
	struct scene s;
	char got[512];

	scene_open(&s);
	ask(&s);
	CU_ASSERT_EQUAL_FATAL(s.other.n, 1);
	CU_ASSERT_EQUAL(s.other.last.generation, 2);
	CU_ASSERT_EQUAL(s.other.last.worker, 5);
	CU_ASSERT_FALSE(s.other.last.is_secure);
	CU_ASSERT_TRUE(addr_is_loopback(&s.other.last.peer));
	CU_ASSERT_STRING_EQUAL(heard(&s, got), REQUEST);
	/* what follows on the connection waits for its turn */
	sim_send(&s.client, "OPTIONS * RTSP/1.0\r\nCSeq: 8\r\n\r\n");
	sim_settle(&s.sim);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 0);
	say(&s, "RTSP/1.0 200 OK\r\nCSeq: 7\r\n");
	say(&s, "Content-Length: 2\r\n\r\nh");
	say(&s, "i");
	CU_ASSERT_EQUAL(sim_reply(&s.client), 0);
	other_close(&s.other);
	sim_settle(&s.sim);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 200);
	CU_ASSERT_EQUAL(s.client.reply.cseq, 7);
	CU_ASSERT_EQUAL(s.client.reply.body.n, 2);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 200);
	CU_ASSERT_EQUAL(s.client.reply.cseq, 8);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.requests_relayed, 1);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.relays_failed, 0);
	scene_close(&s);
}

/* Over TLS or not goes with the request: the other process takes Basic only so. */
static void test_says_secure(void)
{
	struct scene s;

	scene_open(&s);
	struct link *first = list_first(&s.sim.workers[0].connections);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	container_of(first, struct rtsp_session, all)->conn.io.pipe.is_secure = true;
	ask(&s);
	CU_ASSERT_EQUAL_FATAL(s.other.n, 1);
	CU_ASSERT_TRUE(s.other.last.is_secure);
	scene_close(&s);
}

/* The other one says this, or nothing, and ends: the status that the client hears. */
static int status_after(const char *text)
{
	struct scene s;

	scene_open(&s);
	ask(&s);
	if (text)
		say(&s, text);
	other_close(&s.other);
	sim_settle(&s.sim);
	int status = sim_reply(&s.client);
	CU_ASSERT_EQUAL(s.client.reply.cseq, 7);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.relays_failed, 1);
	CU_ASSERT_EQUAL(s.sim.workers[0].n_relays, 0);
	/* the connection serves on */
	CU_ASSERT_EQUAL(sim_ask(&s.client, "OPTIONS", "/pattern", ""), 200);
	scene_close(&s);
	return status;
}

static void test_broken(void)
{
	CU_ASSERT_EQUAL(status_after(NULL), 454);
	CU_ASSERT_EQUAL(
		status_after("RTSP/1.0 200 OK\r\nCSeq: 7\r\nContent-Length: 9\r\n\r\nhalf"), 503);
	CU_ASSERT_EQUAL(status_after("nonsense"), 503);
	CU_ASSERT_EQUAL(status_after("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"), 503);
	CU_ASSERT_EQUAL(
		status_after(
			"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n"),
		503);
}

static void test_hangs(void)
{
	struct scene s;

	scene_open(&s);
	ask(&s);
	sim_run(&s.sim, 4 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 0);
	sim_run(&s.sim, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 503);
	CU_ASSERT_EQUAL(s.sim.workers[0].n_relays, 0);
	scene_close(&s);
}

static void test_nobody(void)
{
	struct scene s;

	scene_open(&s);
	s.other.answer = -ENOENT;
	ask(&s);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 454);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.relays_failed, 0);
	s.other.answer = -EAGAIN;
	ask(&s);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 503);
	s.sim.server.relay.send = NULL;
	ask(&s);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 454);
	scene_close(&s);
}

static void test_most(void)
{
	struct scene s;
	struct sim_client second;

	scene_open(&s);
	s.sim.prefs.maximum_relays = 1;
	sim_connect(&second, &s.sim, 0);
	ask(&s);
	sim_send(&second, REQUEST);
	sim_settle(&s.sim);
	CU_ASSERT_EQUAL(sim_reply(&second), 503);
	say(&s, "RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n");
	other_close(&s.other);
	sim_settle(&s.sim);
	CU_ASSERT_EQUAL(sim_reply(&s.client), 200);
	sim_hang_up(&second);
	scene_close(&s);
}

static void test_client_goes(void)
{
	struct scene s;

	scene_open(&s);
	ask(&s);
	sim_hang_up(&s.client);
	sim_run(&s.sim, 10 * TICK_S);
	CU_ASSERT_EQUAL(s.sim.workers[0].n_relays, 0);
	CU_ASSERT_EQUAL(atomic_load(&s.sim.server.connections), 0);
	other_close(&s.other);
	sim_close(&s.sim);
}

/* The server ends before the other process has answered: nothing of the request is left. */
static void test_cut_short(void)
{
	struct scene s;
	char octet;

	scene_open(&s);
	ask(&s);
	CU_ASSERT_EQUAL_FATAL(s.other.n, 1);
	worker_clear(&s.sim.workers[0]);
	CU_ASSERT_EQUAL(s.sim.workers[0].n_relays, 0);
	char got[512];
	CU_ASSERT_STRING_EQUAL(heard(&s, got), REQUEST);
	CU_ASSERT_EQUAL(read(s.other.fd[0], &octet, 1), 0);
	other_close(&s.other);
	sim_hang_up(&s.client);
	s.sim.server.workers = NULL; /* embedded */
	s.sim.server.n_workers = 0;
	server_clear(&s.sim.server);
	prefs_clear(&s.sim.prefs);
}

/* The other side of it: one request, one reply, the end. */
static void test_taken(void)
{
	struct scene s;
	struct relay_to to = { .generation = 3, .worker = 0 };
	char got[512];
	int fd[2];

	scene_open(&s);
	CU_ASSERT_EQUAL(
		sim_setup(&s.client, "/pattern/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"),
		200);
	CU_ASSERT_STRING_EQUAL(s.client.session + 18, "03");
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	to.peer = sock_local(s.client.fd);
	to.local = sock_peer(s.client.fd);
	server_take_relay(&s.sim.server, &to, fd[1]);
	int n = snprintf(got, sizeof got,
		"TEARDOWN rtsp://127.0.0.1/pattern RTSP/1.0\r\nCSeq: 1\r\nSession: %s\r\n\r\n"
		"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
		s.client.session);
	CU_ASSERT_EQUAL(write(fd[0], got, (size_t)n), n);
	sim_settle(&s.sim);
	ssize_t r = read(fd[0], got, sizeof got - 1);
	CU_ASSERT_FATAL(r > 0);
	got[r] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "RTSP/1.0 200"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "CSeq: 1\r\n"));
	CU_ASSERT_PTR_NULL(strstr(got, "CSeq: 2\r\n"));
	CU_ASSERT_EQUAL(read(fd[0], got, sizeof got), 0);
	CU_ASSERT_EQUAL(atomic_load(&s.sim.server.sessions), 0);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.closed[END_RELAYED], 0);
	(void)close(fd[0]);
	sim_run(&s.sim, 2 * TICK_S);
	CU_ASSERT_EQUAL(s.sim.workers[0].stats.closed[END_RELAYED], 1);
	/* a worker that there is not */
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	to.worker = 9;
	server_take_relay(&s.sim.server, &to, fd[1]);
	CU_ASSERT_EQUAL(read(fd[0], got, sizeof got), 0);
	(void)close(fd[0]);
	scene_close(&s);
}

/* An id that names a third process is not sent on and on. */
static void test_no_further(void)
{
	struct scene s;
	struct relay_to to = { .generation = 3, .worker = 0 };
	char got[512];
	int fd[2];

	scene_open(&s);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	to.peer = to.local = sock_local(s.client.fd);
	server_take_relay(&s.sim.server, &to, fd[1]);
	CU_ASSERT_EQUAL(write(fd[0], REQUEST, strlen(REQUEST)), (ssize_t)strlen(REQUEST));
	sim_settle(&s.sim);
	ssize_t r = read(fd[0], got, sizeof got - 1);
	CU_ASSERT_FATAL(r > 0);
	got[r] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "RTSP/1.0 454"));
	CU_ASSERT_EQUAL(s.other.n, 0);
	(void)close(fd[0]);
	scene_close(&s);
}

UNIT_SUITE(relay,
	{ "a request for a session of another process travels whole, its reply comes back in order",
		test_travels },
	{ "it says whether it came over TLS", test_says_secure },
	{ "nothing said is 454, anything but one whole reply is 503; the connection serves on",
		test_broken },
	{ "a process that hangs is 503 after relay_timeout", test_hangs },
	{ "no such process is 454, one that takes nothing 503", test_nobody },
	{ "more than maximum_relays at a time are 503", test_most },
	{ "a client that goes while its request is away leaves nothing behind", test_client_goes },
	{ "a server that ends with a request away leaves nothing behind", test_cut_short },
	{ "one request is taken from another process, answered, and the connection ends",
		test_taken },
	{ "a relayed request is not relayed again", test_no_further });
