/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/base64.h"
#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/*
 * Clients that do anything at all with a few cookies, from two addresses, on two workers. After every
 * step what the server counts agrees with what there is, and at the end nothing is left.
 */
enum { CLIENTS = 12, COOKIES = 3, STEPS = 3000, DUE_SHARE = 10 };

struct crowd {
	struct sim s;
	struct sim_client c[CLIENTS]; /* fd 0: not connected */
	unsigned seed;
};

static unsigned pick(struct crowd *w, unsigned n)
{
	w->seed = w->seed * 1103515245u + 12345u;
	return (w->seed >> 16) % n;
}

static void hang_up(struct sim_client *c)
{
	if (c->fd > 0)
		sim_hang_up(c);
	c->fd = 0;
}

/* Sends in up to two pieces; the server may have closed, which is no fault. */
static void say(struct crowd *w, struct sim_client *c, struct bytes v)
{
	size_t cut = v.n ? pick(w, (unsigned)v.n) : 0;

	(void)send(c->fd, v.p, cut, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (pick(w, 2))
		sim_settle(&w->s);
	(void)send(c->fd, v.p + cut, v.n - cut, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_head(struct crowd *w, struct sim_client *c)
{
	static const char *const heads[] = {
		"GET / HTTP/1.0\r\nx-sessioncookie: k%u\r\n\r\n",
		"POST / HTTP/1.1\r\nx-sessioncookie: k%u\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nx-sessioncookie: k%u\r\n\r\n",
		"POST / HTTP/1.1\r\nExpect: 100-continue\r\nx-sessioncookie: k%u\r\n\r\n",
		"PUT /%u HTTP/1.0\r\n\r\n",
	};
	char text[128];
	int n = snprintf(text, sizeof text, heads[pick(w, COUNT(heads))], pick(w, COOKIES));

	say(w, c, bytes_of(text, (size_t)n));
}

static void say_body(struct crowd *w, struct sim_client *c)
{
	static const char *const requests[] = {
		"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"DESCRIBE rtsp://a/pattern RTSP/1.0\r\nCSeq: 2\r\n\r\n",
		("SETUP rtsp://a/pattern/trackID=1 RTSP/1.0\r\nCSeq: 3\r\n"
		 "Transport: RTP/AVP/TCP;unicast\r\n\r\n"),
		"OPTIONS * RTSP/1.0\r\nCSeq: 4\r\nConnection: close\r\n\r\n",
		"OPTIONS * RT",
		"$\1\0\4abcd",
	};
	struct buf coded;

	buf_init(&coded, 1024);
	CU_ASSERT_EQUAL(base64_write(&coded, bytes_str(requests[pick(w, COUNT(requests))])), 0);
	say(w, c, pick(w, 20) ? buf_bytes(&coded) : B("!!"));
	buf_clear(&coded);
}

static void step(struct crowd *w)
{
	struct sim_client *c = &w->c[pick(w, CLIENTS)];

	if (c->fd <= 0) {
		sim_connect_from(c, &w->s, pick(w, 2), pick(w, 8) ? "127.0.0.1" : "127.0.0.2");
		if (pick(w, 10))
			say_head(w, c);
		return;
	}
	switch (pick(w, 12)) {
	case 0: say_head(w, c); break;
	case 1:
	case 2:
	case 3: hang_up(c); break;
	case 4: (void)shutdown(c->fd, SHUT_WR); break; /* gone already: no fault */
	case 5: sim_take(c); break;
	case 6: sim_run(&w->s, (1 + (tick_t)pick(w, 400)) * TICK_S / DUE_SHARE); break;
	default: say_body(w, c); break;
	}
}

static void check(struct crowd *w)
{
	struct server *srv = &w->s.server;
	uint32_t waiting = 0, sessions = 0, posts = 0, counted = 0;
	uint64_t open = 0;

	for (unsigned i = 0; i < srv->n_workers; i++) {
		struct worker *k = &srv->workers[i];
		counted += atomic_load(&k->n_connections);
		open += k->stats.connections_accepted - k->stats.connections_closed;
		LIST_EACH(x, &k->connections)
		{
			struct rtsp_session *c = container_of(x, struct rtsp_session, all);
			sessions += !c->half.moved;
			posts += c->half.has_post;
			waiting += c->half.waits;
			CU_ASSERT(!c->half.waits || (c->half.tunnel && c->state < CONN_CLOSING));
			CU_ASSERT(c->conn.io.in.n <= c->conn.io.in.max);
		}
	}
	CU_ASSERT_EQUAL(atomic_load(&srv->tunnel_halves), waiting);
	CU_ASSERT_EQUAL(atomic_load(&srv->connections), counted);
	CU_ASSERT_EQUAL(counted, sessions + posts);
	CU_ASSERT_EQUAL(open, counted);
}

static void run(unsigned seed, uint64_t *tunnels, uint64_t *reopened)
{
	struct crowd *w = xcalloc(1, sizeof *w);

	w->seed = seed;
	sim_open(&w->s, 2);
	w->s.prefs.tunnel_halves_max = seed % 3 + 1;
	for (unsigned i = 0; i < STEPS; i++) {
		step(w);
		if (pick(w, 4))
			sim_settle(&w->s);
		else
			continue;
		check(w);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		hang_up(&w->c[i]);
	sim_run(&w->s, 3 * TICK_S);
	check(w);
	for (unsigned i = 0; i < 2; i++) {
		*tunnels += w->s.workers[i].stats.tunnels;
		*reopened += w->s.workers[i].stats.tunnel_posts_reopened;
		CU_ASSERT_PTR_NULL(w->s.workers[i].tunnels);
	}
	CU_ASSERT_EQUAL(atomic_load(&w->s.server.connections), 0);
	sim_close(&w->s);
	free(w);
}

static void t_anything(void)
{
	uint64_t tunnels = 0, reopened = 0;

	for (unsigned seed = 1; seed <= 3; seed++)
		run(seed, &tunnels, &reopened);
	/* it was worth it */
	CU_ASSERT(tunnels > 100);
	CU_ASSERT(reopened > 50);
}

UNIT_SUITE(tunnel_random, { "whatever halves do, what is counted is what there is", t_anything });
