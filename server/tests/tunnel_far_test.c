/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "server/tests/sim_tunnel.h"
#include "server/tests/unit.h"

/* Two processes in one test, each a server of its own in virtual time; what they say to one another is passed on
 * at once, or (when `deaf`) is lost. */
struct side {
	struct sim sim;
	struct side *other;
	bool deaf;
	int n_words; /* that it has said */
};
struct two {
	struct side old, new;
};

static int tell(void *arg, const struct tunnel_word *word, int fd)
{
	struct side *s = arg;
	struct tunnel_word w = *word;

	s->n_words++;
	if (s->other->deaf || (!w.to_all && w.to != s->other->sim.server.generation))
		return -EAGAIN;
	w.from = s->sim.server.generation;
	w.to = s->other->sim.server.generation;
	server_take_tunnel(&s->other->sim.server, &w, fd);
	return 0;
}

static void two_open(struct two *t)
{
	*t = (struct two){ .old.other = &t->new, .new.other = &t->old };
	for (struct side *s = &t->old;; s = &t->new) {
		sim_open(&s->sim, 2);
		s->sim.server.generation = s == &t->new;
		s->sim.server.relay = (struct relay_route){ .tell = tell, .arg = s };
		if (s == &t->new)
			break;
	}
}

static void settle(struct two *t)
{
	for (int i = 0; i < 4; i++) {
		sim_settle(&t->old.sim);
		sim_settle(&t->new.sim);
	}
}

static void run(struct two *t, tick_t span)
{
	for (tick_t done = 0; done < span; done += TICK_S) {
		sim_run(&t->old.sim, TICK_S);
		sim_run(&t->new.sim, TICK_S);
		settle(t);
	}
}

/* All clients have gone: nothing is left on either side, and what came has ended. */
static void two_close(struct two *t)
{
	run(t, 3 * TICK_S);
	for (struct side *s = &t->old;; s = &t->new) {
		struct sim *m = &s->sim;
		CU_ASSERT_EQUAL(atomic_load(&m->server.connections), 0);
		CU_ASSERT_EQUAL(atomic_load(&m->server.tunnel_halves), 0);
		CU_ASSERT_EQUAL(SUM(m, connections_closed),
			SUM(m, connections_accepted) + SUM(m, tunnel_posts_taken));
		for (unsigned i = 0; i < m->server.n_workers; i++) {
			CU_ASSERT_EQUAL(m->workers[i].n_posts_sent, 0);
			CU_ASSERT_PTR_NULL(m->workers[i].tunnels);
		}
		if (s == &t->new)
			break;
	}
	sim_close(&t->old.sim);
	sim_close(&t->new.sim);
}

/* sim_ask for a tunnel whose halves are with two processes. */
static int ask(struct two *t, struct pair *p, const char *method, const char *headers)
{
	char text[512];

	(void)snprintf(text, sizeof text,
		"%s rtsp://127.0.0.1/pattern%s RTSP/1.0\r\nCSeq: %u\r\n%s%s%s%s\r\n", method,
		strcmp(method, "SETUP") == 0 ? "/trackID=1" : "", ++p->get.cseq, headers,
		p->get.session[0] ? "Session: " : "", p->get.session,
		p->get.session[0] ? "\r\n" : "");
	sim_send(&p->get, text);
	settle(t);
	int status = sim_reply(&p->get);
	char id[64] = "";
	if (status == 200 && strcmp(method, "SETUP") == 0)
		(void)snprintf(p->get.session, sizeof p->get.session, "%.20s",
			sim_header(&p->get, RTSP_H_SESSION, id, sizeof id));
	return status;
}

static void play(struct two *t, struct pair *p)
{
	CU_ASSERT_EQUAL_FATAL(
		ask(t, p, "SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), 200);
	CU_ASSERT_EQUAL(ask(t, p, "PLAY", ""), 200);
}

/* A tunnel plays at the old one; its POST goes, and comes again at the new one. */
static void test_reopened(void)
{
	struct two t;
	struct pair p;

	two_open(&t);
	pair_open(&p, &t.old.sim, "c1");
	play(&t, &p);
	for (int i = 0; i < 3; i++) {
		sim_hang_up(&p.post);
		settle(&t);
		pair_post(&p, &t.new.sim, (unsigned)i % 2, "c1");
		settle(&t);
		CU_ASSERT_EQUAL(ask(&t, &p, "GET_PARAMETER", ""), 200);
		run(&t, TICK_S);
		sim_frames(&p.get);
	}
	CU_ASSERT_EQUAL(ask(&t, &p, "PAUSE", ""), 200);
	CU_ASSERT_EQUAL(ask(&t, &p, "TEARDOWN", ""), 200);
	CU_ASSERT_EQUAL(SUM(&t.new.sim, tunnel_posts_sent), 3);
	CU_ASSERT_EQUAL(SUM(&t.old.sim, tunnel_posts_taken), 3);
	CU_ASSERT_EQUAL(SUM(&t.old.sim, tunnel_posts_reopened), 3);
	CU_ASSERT_EQUAL(SUM(&t.new.sim, requests), 0);
	pair_close(&p);
	two_close(&t);
}

/* The first request comes in one piece with the POST's head: what was read goes along. */
static void test_read_already(void)
{
	struct two t;
	struct pair p;

	two_open(&t);
	pair_open(&p, &t.old.sim, "c2");
	sim_hang_up(&p.post);
	settle(&t);
	sim_connect(&p.post, &t.new.sim, 0);
	sim_send(&p.post, "POST / HTTP/1.0\r\nx-sessioncookie: c2\r\n\r\n"
			  "T1BUSU9OUyAqIFJUU1AvMS4wDQpDU2VxOiA5DQoNCg==");
	settle(&t);
	CU_ASSERT_EQUAL(sim_reply(&p.get), 200);
	CU_ASSERT_EQUAL(p.get.reply.cseq, 9);
	pair_close(&p);
	two_close(&t);
}

/* Both halves come during the hand-over, in any order, at either process. */
static void test_apart(void)
{
	for (int i = 0; i < 4; i++) {
		struct two t;
		struct pair p;

		two_open(&t);
		struct sim *get = i & 1 ? &t.new.sim : &t.old.sim;
		struct sim *post = i & 1 ? &t.old.sim : &t.new.sim;
		if (i & 2) {
			sim_connect(&p.post, post, 0);
			pair_head(&p.post, POST_HEAD, "c3");
			settle(&t);
			pair_get(&p, get, 1, "c3");
			p.get.post = p.post.fd;
		} else {
			pair_get(&p, get, 1, "c3");
			settle(&t);
			pair_post(&p, post, 0, "c3");
		}
		settle(&t);
		CU_ASSERT(has_http(&p.get, 200));
		play(&t, &p);
		CU_ASSERT_EQUAL(ask(&t, &p, "TEARDOWN", ""), 200);
		CU_ASSERT_EQUAL(SUM(get, tunnels), 1);
		pair_close(&p);
		two_close(&t);
	}
}

/* What was said was lost: a POST that waits says it again. */
static void test_again(void)
{
	struct two t;
	struct pair p;

	two_open(&t);
	pair_open(&p, &t.old.sim, "c4");
	sim_hang_up(&p.post);
	settle(&t);
	t.old.deaf = true;
	pair_post(&p, &t.new.sim, 0, "c4");
	run(&t, 2 * TICK_S);
	CU_ASSERT_EQUAL(SUM(&t.new.sim, tunnel_posts_sent), 0);
	t.old.deaf = false;
	run(&t, 2 * TICK_S);
	CU_ASSERT_EQUAL(ask(&t, &p, "OPTIONS", ""), 200);
	pair_close(&p);
	two_close(&t);
}

/* Nobody has the GET: 408 as ever; and no end of words. */
static void test_alone(void)
{
	struct two t;
	struct pair p = { .get.fd = -1 };

	two_open(&t);
	pair_post(&p, &t.new.sim, 0, "c5");
	run(&t, 40 * TICK_S);
	CU_ASSERT(has_http(&p.post, 408));
	CU_ASSERT(t.new.n_words > 20 && t.new.n_words < 40);
	CU_ASSERT_EQUAL(t.old.n_words, 0);
	sim_hang_up(&p.post);
	two_close(&t);
}

/* A cookie of another address finds nothing, in either direction. */
static void test_foreign(void)
{
	struct two t;
	struct pair p;
	struct sim_client thief;

	two_open(&t);
	pair_open(&p, &t.old.sim, "c6");
	sim_connect_from(&thief, &t.new.sim, 0, "127.0.0.2");
	pair_head(&thief, POST_HEAD, "c6");
	settle(&t);
	CU_ASSERT_EQUAL(SUM(&t.old.sim, tunnel_hijacks), 1);
	sim_hang_up(&thief);
	settle(&t);
	sim_hang_up(&p.post);
	settle(&t);
	pair_post(&p, &t.new.sim, 0, "c6");
	settle(&t);
	CU_ASSERT_EQUAL(ask(&t, &p, "OPTIONS", ""), 200);
	CU_ASSERT_EQUAL(SUM(&t.new.sim, tunnel_posts_sent), 1);
	pair_close(&p);
	two_close(&t);
}

/* The GET goes: its POST is closed wherever it is. The cap is answered 503. */
static void test_ends(void)
{
	struct two t;
	struct pair p, q;

	two_open(&t);
	t.new.sim.prefs.maximum_forwarded_posts = 1;
	pair_open(&p, &t.old.sim, "c7");
	pair_open(&q, &t.old.sim, "c7b");
	sim_hang_up(&p.post);
	sim_hang_up(&q.post);
	settle(&t);
	pair_post(&p, &t.new.sim, 0, "c7");
	settle(&t);
	CU_ASSERT_EQUAL(ask(&t, &p, "OPTIONS", ""), 200);
	/* the same worker's second */
	t.new.sim.workers[0].n_posts_sent++;
	t.new.sim.workers[1].n_posts_sent++;
	pair_post(&q, &t.new.sim, 0, "c7b");
	settle(&t);
	CU_ASSERT(has_http(&q.post, 503));
	CU_ASSERT_EQUAL(SUM(&t.new.sim, tunnel_posts_unsent), 1);
	t.new.sim.workers[0].n_posts_sent--;
	t.new.sim.workers[1].n_posts_sent--;
	sim_hang_up(&p.get);
	run(&t, 2 * TICK_S);
	CU_ASSERT(is_closed(&p.post));
	CU_ASSERT_EQUAL(t.new.sim.workers[0].stats.closed[END_MOVED] +
				t.new.sim.workers[1].stats.closed[END_MOVED],
		1);
	sim_hang_up(&p.post);
	pair_close(&q);
	two_close(&t);
}

/* More than the socket pair holds: nothing is lost or grows, and the client's end waits for it. */
static void test_much(void)
{
	struct two t;
	struct pair p;
	struct buf all;
	enum { REQUESTS = 4000 };

	two_open(&t);
	pair_open(&p, &t.old.sim, "c8");
	sim_hang_up(&p.post);
	settle(&t);
	pair_post(&p, &t.new.sim, 0, "c8");
	settle(&t);
	buf_init(&all, SIM_BYTES);
	for (int i = 0; i < REQUESTS; i++)
		CU_ASSERT_EQUAL(
			buf_printf(&all, "OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n", i + 1), 0);
	int answered = 0;
	for (size_t at = 0; at < all.n; at += 30000) {
		sim_send_bytes(&p.get, bytes_sub(buf_bytes(&all), at, 30000));
		if (at + 30000 >= all.n)
			(void)shutdown(p.post.fd, SHUT_WR);
		settle(&t);
		while (sim_reply(&p.get) == 200)
			CU_ASSERT_EQUAL(p.get.reply.cseq, (uint32_t)++answered);
	}
	CU_ASSERT_EQUAL(answered, REQUESTS);
	buf_clear(&all);
	pair_close(&p);
	two_close(&t);
}

UNIT_SUITE(tunnel_far,
	{ "a POST opened again at the new process finds the GET of the old one", test_reopened },
	{ "with what came along with its head", test_read_already },
	{ "halves at two processes meet, in either order", test_apart },
	{ "a word that was lost is said again", test_again },
	{ "a POST whose GET nobody has is 408", test_alone },
	{ "a cookie of another address finds nothing", test_foreign },
	{ "with its GET a forwarded POST ends; one too many is 503", test_ends },
	{ "much at once leaves whole and in order, then the end", test_much });
