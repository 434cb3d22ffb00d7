/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/admission.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"
#include "server/wire/rtcp.h"

/* What SETUP may take, and where media may go. */
#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"

static const struct stats *stats_of(const struct sim *s)
{
	return &s->workers[0].stats;
}

/* ---- sessions ---- */

static void set(struct sim *s, const char *pref, const char *value)
{
	char why[PREFS_WHY];
	CU_ASSERT_EQUAL_FATAL(prefs_set(&s->prefs, pref, value, why), 0);
}

/* SETUP of a session of its own. */
static int setup_new(struct sim_client *c, const char *transport)
{
	c->session[0] = '\0';
	return sim_setup(c, "/pattern/100k/10p/trackID=1", transport);
}

static void count_frame(void *arg, uint8_t channel, struct bytes payload)
{
	(void)channel;
	(void)payload;
	++*(unsigned *)arg;
}

/* One plays, and goes on to. */
struct player {
	struct sim_client c;
	unsigned frames;
};

static void player_start(struct player *p, struct sim *s)
{
	*p = (struct player){ 0 };
	sim_connect(&p->c, s, 0);
	p->c.on_frame = count_frame;
	p->c.arg = &p->frames;
	CU_ASSERT_EQUAL(setup_new(&p->c, TCP), 200);
	CU_ASSERT_EQUAL(sim_ask(&p->c, "PLAY", "/pattern/100k/10p", ""), 200);
}

/* Ten packets a second, and reports. */
static void player_check(struct player *p)
{
	sim_frames(&p->c);
	p->frames = 0;
	sim_run(p->c.sim, 10 * TICK_S);
	sim_frames(&p->c);
	CU_ASSERT_TRUE(p->frames >= 99 && p->frames <= 110);
}

static void player_end(struct player *p)
{
	player_check(p);
	CU_ASSERT_EQUAL(sim_ask(&p->c, "TEARDOWN", "/pattern/100k/10p", ""), 200);
	sim_hang_up(&p->c);
}

/* With one session playing and one set up, a third is one too many. */
static const struct walk {
	const char *pref, *value;
	size_t counter;
} walks[] = {
	{ "maximum_sessions", "2", offsetof(struct stats, sessions_refused_total) },
	{ "maximum_sessions_per_connection", "1",
		offsetof(struct stats, sessions_refused_connection) },
	{ "maximum_sessions_per_address", "2", offsetof(struct stats, sessions_refused_address) },
	{ "maximum_unplayed_per_address", "1", offsetof(struct stats, sessions_refused_unplayed) },
	{ "maximum_bandwidth", "250", offsetof(struct stats, sessions_refused_bandwidth) },
};

static uint64_t counter(const struct sim *s, size_t at)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < s->server.n_workers; i++)
		n += *(const uint64_t *)(const void *)((const char *)&s->workers[i].stats + at);
	return n;
}

static void walk(const struct walk *x)
{
	struct sim s;
	struct sim_client c;
	struct player p;
	char first[32];

	sim_open(&s, 1);
	set(&s, "unlimited_addresses", "");
	player_start(&p, &s);
	set(&s, x->pref, x->value);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(setup_new(&c, TCP), 200);
	memcpy(first, c.session, sizeof first);
	CU_ASSERT_EQUAL(setup_new(&c, TCP), 453);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=5000-5001"), 453);
	CU_ASSERT_EQUAL(counter(&s, x->counter), 2);
	CU_ASSERT_EQUAL(stats_of(&s)->responses_4xx, 2);
	for (size_t i = 0; i < COUNT(walks); i++)
		CU_ASSERT_TRUE(
			walks[i].counter == x->counter || counter(&s, walks[i].counter) == 0);
	/* what could not be served for another reason gives its place back */
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;multicast"), 453);
	memcpy(c.session, first, sizeof first);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/100k/10p", ""), 200);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;multicast"), 461);
	CU_ASSERT_EQUAL(setup_new(&c, TCP), 200);
	player_check(&p);
	sim_hang_up(&c);
	player_end(&p);
	sim_close(&s);
}

static void t_walk(void)
{
	for (size_t i = 0; i < COUNT(walks); i++)
		walk(&walks[i]);
}

static void t_other_addresses(void)
{
	struct sim s;
	struct sim_client a, b, free_one;

	sim_open(&s, 1);
	set(&s, "unlimited_addresses", "127.0.0.3/32");
	set(&s, "maximum_sessions_per_address", "1");
	set(&s, "maximum_unplayed_per_address", "1");
	sim_connect_from(&a, &s, 0, "127.0.0.1");
	sim_connect_from(&b, &s, 0, "127.0.0.2");
	sim_connect_from(&free_one, &s, 0, "127.0.0.3");
	CU_ASSERT_EQUAL(setup_new(&a, TCP), 200);
	CU_ASSERT_EQUAL(setup_new(&a, TCP), 453);
	CU_ASSERT_EQUAL(setup_new(&b, TCP), 200);
	CU_ASSERT_EQUAL(setup_new(&b, TCP), 453);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(setup_new(&free_one, TCP), 200);
	CU_ASSERT_EQUAL(stats_of(&s)->sessions_refused_address, 2);
	sim_hang_up(&a);
	sim_hang_up(&b);
	sim_hang_up(&free_one);
	sim_close(&s);
}

/* A session that never plays ends though its client keeps it alive; one that has played does not. */
static void t_unplayed(void)
{
	struct sim s;
	struct sim_client never, once;

	sim_open(&s, 1);
	sim_connect(&never, &s, 0);
	sim_connect(&once, &s, 0);
	CU_ASSERT_EQUAL(setup_new(&never, TCP), 200);
	CU_ASSERT_EQUAL(setup_new(&once, TCP), 200);
	CU_ASSERT_EQUAL(sim_ask(&once, "PLAY", "/pattern/100k/10p", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&once, "PAUSE", "/pattern/100k/10p", ""), 200);
	for (int i = 0; i < 3; i++) {
		sim_run(&s, 39 * TICK_S);
		CU_ASSERT_EQUAL(sim_ask(&never, "GET_PARAMETER", "/pattern/100k/10p", ""), 200);
		CU_ASSERT_EQUAL(sim_ask(&once, "GET_PARAMETER", "/pattern/100k/10p", ""), 200);
	}
	sim_run(&s, 5 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&never, "GET_PARAMETER", "/pattern/100k/10p", ""), 454);
	CU_ASSERT_EQUAL(sim_ask(&once, "GET_PARAMETER", "/pattern/100k/10p", ""), 200);
	CU_ASSERT_EQUAL(stats_of(&s)->ended[CLOSE_UNPLAYED], 1);
	sim_hang_up(&never);
	sim_hang_up(&once);
	sim_close(&s);
}

/* A second stream, and a Speed, are bandwidth, too. */
static void t_bandwidth_of_one(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	set(&s, "maximum_bandwidth", "250");
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/100k/10p/3t/60s/trackID=1", TCP), 200);
	/* one that cannot be served takes nothing */
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/100k/10p/3t/60s/trackID=2", "RTP/AVP;multicast"), 461);
	CU_ASSERT_EQUAL(atomic_load(&s.server.bandwidth_bps), 100000);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/100k/10p/3t/60s/trackID=2",
				"RTP/AVP/TCP;unicast;interleaved=2-3"),
		200);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/100k/10p/3t/60s/trackID=3",
				"RTP/AVP/TCP;unicast;interleaved=4-5"),
		453);
	CU_ASSERT_EQUAL(atomic_load(&s.server.bandwidth_bps), 200000);
	CU_ASSERT_EQUAL(stats_of(&s)->sessions_refused_bandwidth, 1);
	sim_hang_up(&c);
	sim_close(&s);
}

/* The cap is in thousands of bits, and all of it can be used. */
static void t_bandwidth_to_the_last(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	set(&s, "maximum_bandwidth", "200");
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP/TCP;unicast"), 200);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/101k/10p/trackID=1", "RTP/AVP/TCP;unicast"), 453);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP/TCP;unicast"), 200);
	CU_ASSERT_EQUAL(atomic_load(&s.server.bandwidth_bps), 200000);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/100k/10p", ""), 200);
	CU_ASSERT_EQUAL(atomic_load(&s.server.bandwidth_bps), 100000);
	sim_hang_up(&c);
	sim_close(&s);
}

/* Two workers at once: together never more than there is. */
struct taker {
	struct rtp_session *session;
	uint64_t most, taken;
};

static void *take_and_give(void *arg)
{
	struct taker *t = arg;
	_Atomic uint64_t *sum = &t->session->w->server->bandwidth_bps;

	for (int i = 0; i < 50000; i++) {
		if (admission_add(t->session, 300000) != 0)
			continue;
		uint64_t now = atomic_load(sum);
		t->most = now > t->most ? now : t->most;
		t->taken++;
		admission_remove(t->session, 300000);
	}
	return NULL;
}

static void t_bandwidth_of_two(void)
{
	struct sim s;
	struct taker t[2];
	pthread_t thread[2];

	sim_open(&s, 2);
	set(&s, "maximum_bandwidth", "500");
	for (int i = 0; i < 2; i++) {
		t[i] = (struct taker){ .session = xcalloc(1, sizeof *t[i].session) };
		t[i].session->w = &s.workers[i];
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, take_and_give, &t[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		free(t[i].session);
		CU_ASSERT_TRUE(t[i].most <= 300000);
		CU_ASSERT_EQUAL(t[i].taken + s.workers[i].stats.sessions_refused_bandwidth, 50000);
	}
	CU_ASSERT_TRUE(t[0].taken + t[1].taken > 0);
	sim_close(&s);
}

/* ---- UDP: no reflector ---- */

static void t_low_ports(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=122-123"), 461);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=1024-1023"), 461);
	CU_ASSERT_EQUAL(stats_of(&s)->ports_refused, 2);
	/* the next alternative may do (12.39) */
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=122-123," TCP), 200);
	set(&s, "media_ports_min", "1");
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=122-123"), 200);
	CU_ASSERT_EQUAL(s.workers[0].n_sessions, 2);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_pairs(void)
{
	static const char udp[] = "RTP/AVP;unicast;client_port=5000-5001";
	struct sim s;
	struct sim_client c[4];
	char local[32];

	sim_open(&s, 1);
	set(&s, "maximum_udp_pairs", "2");
	for (int i = 0; i < 4; i++) {
		(void)snprintf(local, sizeof local, "127.0.1.%d", i + 1);
		sim_connect_to(&c[i], &s, 0, "127.0.0.1", local);
	}
	CU_ASSERT_EQUAL(setup_new(&c[0], udp), 200);
	CU_ASSERT_EQUAL(setup_new(&c[1], udp), 200);
	CU_ASSERT_EQUAL(setup_new(&c[0], udp), 200); /* the pair there is */
	CU_ASSERT_EQUAL(setup_new(&c[2], udp), 503);
	char after[8];
	CU_ASSERT_STRING_EQUAL(sim_header(&c[2], RTSP_H_RETRY_AFTER, after, sizeof after), "5");
	CU_ASSERT_EQUAL(stats_of(&s)->pairs_refused, 1);
	/* the next alternative may do */
	CU_ASSERT_EQUAL(setup_new(&c[2], "RTP/AVP;unicast;client_port=5000-5001," TCP), 200);
	/* a pair that nobody uses any more makes room */
	CU_ASSERT_EQUAL(sim_ask(&c[1], "TEARDOWN", "/pattern/100k/10p", ""), 200);
	CU_ASSERT_EQUAL(setup_new(&c[3], udp), 200);
	CU_ASSERT_EQUAL(sim_ask(&c[3], "PLAY", "/pattern/100k/10p", ""), 200);
	sim_run(&s, TICK_S);
	unsigned n = 0;
	for (struct udp_pair *u = s.workers[0].pairs; u; u = u->next)
		n++;
	CU_ASSERT_EQUAL(n, 2);
	for (int i = 0; i < 4; i++)
		sim_hang_up(&c[i]);
	sim_close(&s);
}

static void t_destination(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint8_t d[2048];
	char *third, text[256];

	sim_open(&s, 1);
	sim_ports_open(&p);
	sim_connect_from(&c, &s, 0, "127.0.0.5");
	third = xasprintf(
		"RTP/AVP;unicast;destination=127.0.0.1;client_port=%u-%u", p.port, p.port + 1u);
	CU_ASSERT_EQUAL(setup_new(&c, third), 462);
	set(&s, "destination_allowed", "127.0.0.2");
	CU_ASSERT_EQUAL(setup_new(&c, third), 462);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP/TCP;unicast;destination=127.0.0.2"), 462);
	CU_ASSERT_EQUAL(
		setup_new(&c, "RTP/AVP;unicast;destination=::1;client_port=5000-5001"), 462);
	CU_ASSERT_EQUAL(
		setup_new(&c, "RTP/AVP;unicast;destination=localhorst;client_port=5000-5001"), 462);
	CU_ASSERT_EQUAL(stats_of(&s)->destinations_refused, 5);
	set(&s, "destination_allowed", "127.0.0.0/30");
	CU_ASSERT_EQUAL(setup_new(&c, third), 200);
	sim_header(&c, RTSP_H_TRANSPORT, text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "destination=127.0.0.1"));
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/100k/10p", ""), 200);
	sim_run(&s, TICK_S);
	CU_ASSERT_TRUE(sim_ports_read(&p, 0, d, sizeof d) > 0);
	free(third);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

/* Datagrams of all kinds from `from` to both ports of the pair that the session uses. */
static void pester(struct sim *s, int from, uint32_t ssrc)
{
	struct udp_pair *u = s->workers[0].pairs;
	const struct addr *to[2] = { &u->rtp.local, &u->rtcp.local };
	uint8_t d[1400];

	for (unsigned i = 0; i < 400; i++) {
		struct rtcp_writer w;
		struct rtcp_block b = { .ssrc = ssrc };
		size_t n = 1 + i * 3;
		memset(d, (int)i, sizeof d);
		if (i % 4 == 0) {
			rtcp_begin(&w, d, sizeof d);
			rtcp_put_rr(&w, 77 + i, &b, 1);
			rtcp_put_cname(&w, 77 + i, B("a@b"));
			if (i % 8 == 0)
				rtcp_put_bye(&w, 77 + i, (struct bytes){ 0 });
			n = (size_t)rtcp_end(&w);
		}
		CU_ASSERT_EQUAL(
			sendto(from, d, n, 0, &to[i / 4 % 2]->sa, to[i / 4 % 2]->n), (ssize_t)n);
		sim_settle(s);
	}
}

static unsigned count_datagrams(int fd)
{
	uint8_t d[2048];
	unsigned n = 0;
	while (recv(fd, d, sizeof d, MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* A datagram makes no datagram, whoever sends it and whatever it is; only a client over TCP can ask for
 * some, and has shown his address by that. */
static void t_no_amplifier(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports own;
	struct addr at;

	sim_open(&s, 1);
	sim_ports_open(&own);
	sim_connect(&c, &s, 0);
	char *transport = xasprintf("RTP/AVP;unicast;client_port=%u-%u", own.port, own.port + 1u);
	CU_ASSERT_EQUAL(setup_new(&c, transport), 200);
	free(transport);
	uint32_t ssrc = s.workers[0].sessions->streams[0].ssrc;
	CU_ASSERT_EQUAL_FATAL(addr_read(&at, "127.0.0.9", 0), 0);
	int stranger = sock_udp(&at, 0, 0);
	CU_ASSERT_FATAL(stranger >= 0);
	pester(&s, stranger, ssrc);
	pester(&s, own.fd[1], ssrc);
	const struct stats *st = stats_of(&s);
	CU_ASSERT_EQUAL(st->packets_sent + st->rtcp_sent, 0);
	CU_ASSERT_EQUAL(count_datagrams(stranger), 0);
	CU_ASSERT_EQUAL(count_datagrams(own.fd[0]) + count_datagrams(own.fd[1]), 0);
	/* of the stranger's 50 reports about this stream none was heard, of the client's all were */
	CU_ASSERT_EQUAL(st->rtcp_foreign, 50);
	CU_ASSERT_EQUAL(st->rtcp_received, 50);
	CU_ASSERT_EQUAL(st->rtp_received, 400);
	(void)close(stranger); /* datagrams */
	sim_hang_up(&c);
	sim_ports_close(&own);
	sim_close(&s);
}

/* What a stranger says keeps no session alive, and is in no report. */
static void t_foreign_report(void)
{
	struct sim s;
	struct sim_client c;
	struct addr at;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(setup_new(&c, "RTP/AVP;unicast;client_port=5000-5001"), 200);
	struct rtp_session *on = s.workers[0].sessions;
	CU_ASSERT_EQUAL_FATAL(addr_read(&at, "127.0.0.9", 0), 0);
	int stranger = sock_udp(&at, 0, 0);
	CU_ASSERT_FATAL(stranger >= 0);
	for (int i = 0; i < 5; i++) {
		sim_run(&s, 10 * TICK_S);
		pester(&s, stranger, on->streams[0].ssrc);
	}
	CU_ASSERT_EQUAL(on->streams[0].report.n, 0);
	sim_run(&s, 11 * TICK_S);
	CU_ASSERT_EQUAL(stats_of(&s)->ended[CLOSE_TIMEOUT], 1);
	(void)close(stranger); /* datagrams */
	sim_hang_up(&c);
	sim_close(&s);
}

UNIT_SUITE(admission,
	{ "sessions: each limit has its answer and its counter, and what plays goes on", t_walk },
	{ "limits per address leave other addresses alone, and those without limits",
		t_other_addresses },
	{ "a session that never plays ends, whatever its client says", t_unplayed },
	{ "each stream of a session is bandwidth", t_bandwidth_of_one },
	{ "bandwidth is granted to the last kilobit", t_bandwidth_to_the_last },
	{ "two workers never grant more bandwidth than there is", t_bandwidth_of_two },
	{ "no media to a port that belongs to the system", t_low_ports },
	{ "socket pairs are capped: 503, and an unused one makes room", t_pairs },
	{ "destination= elsewhere only where the preferences allow it (12.39)", t_destination },
	{ "a datagram makes no datagram, whatever it is", t_no_amplifier },
	{ "what a third address reports counts for nothing", t_foreign_report });
