/* SPDX-License-Identifier: MIT */
#include "server/core/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

enum {
	RTP_RCVBUF = 64 * 1024, /* nothing useful comes in there */
	TICKS = 16,             /* of the ticker, per second */
};
#define TICKER (TICK_S / TICKS)

/* ---- randomness: xoshiro256** (Blackman and Vigna, public domain), seeded by splitmix64 ---- */

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t worker_random(struct worker *w)
{
	uint64_t *s = w->random, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

static void seed_random(struct worker *w, uint64_t seed)
{
	if (!seed)
		os_random(&seed, sizeof seed);
	for (size_t i = 0; i < COUNT(w->random); i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		w->random[i] = z ^ z >> 31;
	}
}

/* ---- dates ---- */

const char *worker_date(struct worker *w, tick_t now)
{
	int64_t second = worker_wall(w, now) / TICK_S;

	if (second != w->date_second) {
		w->date_second = second;
		date_text(second, w->date);
	}
	return w->date;
}

/* ---- sockets for media ---- */

static void on_rtp(void *arg, const struct addr *from, struct bytes datagram)
{
	struct worker *w = arg;

	/* clients open their NAT with packets like this; they mean nothing here */
	w->stats.rtp_received++;
	if (!w->server->has_incoming_data)
		return;
	struct rtp_stream *st = demux_find_rtp(&w->demux, from);
	if (st)
		rtp_stream_on_data(st, datagram, w->loop.now);
}

static void on_rtcp(void *arg, const struct addr *from, struct bytes datagram)
{
	struct worker *w = arg;

	if (rtcp_check(datagram) != 0) {
		w->stats.rtcp_bad++;
		return;
	}
	bool is_foreign = false;
	struct rtp_stream *st = demux_find(&w->demux, from, datagram, &is_foreign);
	w->stats.rtcp_foreign += is_foreign;
	if (st)
		rtp_stream_on_rtcp(st, datagram, w->loop.now);
	else if (!is_foreign)
		w->stats.rtcp_unknown++;
}

static tick_t pair_run(struct task *t, uint32_t events, tick_t now)
{
	struct udp_pair *p = container_of(t, struct udp_pair, task);
	(void)now;

	if (events & EV_KILL)
		return TASK_DONE;
	int n = udp_recv(&p->rtcp, on_rtcp, p->w);
	n += udp_recv(&p->rtp, on_rtp, p->w);
	return n ? 0 : TASK_IDLE;
}

/* What was handed to it, and how it left, or did not. */
static void add_udp(struct stats *s, const struct udp *u)
{
	s->packets_dropped_udp += u->dropped;
	s->packets_failed_udp += u->failed;
	s->packets_sent -= u->dropped + u->failed + u->n;
	s->packets_in_trains += u->trained;
	s->trains_refused += u->trains_refused;
	s->packets_fragmented += u->fragmented;
}

static void pair_free(struct task *t)
{
	struct udp_pair *p = container_of(t, struct udp_pair, task);
	udp_close(&p->rtp);
	udp_close(&p->rtcp);
	add_udp(&p->w->stats, &p->rtp);
	free(p);
}

static const struct task_ops pair_ops = { .name = "udp_pair", .run = pair_run, .free = pair_free };

static struct udp_pair *open_pair(struct worker *w, const struct addr *host)
{
	const struct prefs *p = w->prefs;
	struct addr at = *host;
	int fd[2];

	addr_set_port(&at, (uint16_t)p->udp_first_port);
	int err = sock_udp_pair(&at, (int)p->udp_send_buffer, (int)p->rtcp_rcv_buf_size, fd);
	if (err) {
		log_limited(&w->warned[WARN_SOCKETS], w->loop.now, LOG_E, "rtp",
			"no RTP sockets: %s", err_text(err));
		return NULL;
	}
	struct udp_pair *u = xcalloc(1, sizeof *u);
	u->w = w;
	u->host = *host;
	task_init(&u->task, &pair_ops, &w->loop);
	err = udp_open(&u->rtp, &w->loop, fd[0], &u->task);
	if (err) {
		(void)close(fd[1]); /* never used */
		free(u);
		return NULL;
	}
	err = udp_open(&u->rtcp, &w->loop, fd[1], &u->task);
	if (err) {
		udp_close(&u->rtp);
		free(u);
		return NULL;
	}
	if (p->udp_gso)
		udp_make_trains(&u->rtp);
	if (p->path_mtu_discovery)
		udp_find_mtu(&u->rtp);
	return u;
}

void udp_pair_use(struct udp_pair **at, struct udp_pair *to)
{
	if (to)
		to->n_streams++;
	if (*at)
		(*at)->n_streams--;
	*at = to;
}

/* Takes an unused pair away; it is closed at the end of the turn, when what waits in it has left. */
static bool drop_unused(struct worker *w)
{
	for (struct udp_pair **at = &w->pairs; *at; at = &(*at)->next) {
		struct udp_pair *u = *at;
		if (u->n_streams)
			continue;
		*at = u->next;
		task_signal(&u->task, EV_KILL);
		return true;
	}
	return false;
}

struct udp_pair *worker_pair(struct worker *w, const struct addr *host)
{
	int64_t n = 0;

	for (struct udp_pair *u = w->pairs; u; u = u->next, n++) {
		if (addr_is_same_host(&u->host, host))
			return u;
	}
	if (n >= w->prefs->maximum_udp_pairs && !drop_unused(w))
		return NULL;
	struct udp_pair *u = open_pair(w, host);
	if (u) {
		u->next = w->pairs;
		w->pairs = u;
	}
	return u;
}

struct rtp_session *worker_session(struct worker *w, struct bytes id)
{
	struct rtp_session *s = NULL;

	if (id.n == SESSION_ID)
		HASH_FIND(hh, w->sessions, id.p, SESSION_ID, s);
	return s;
}

/* ---- life ---- */

/* Each connection looks at its time-outs about once a second; a part of them at a time, so that media are
 * not kept waiting by many. */
static void look_at_connections(struct worker *w)
{
	uint32_t n = atomic_load(&w->n_connections) / TICKS + 1;

	while (n--) {
		struct link *x = list_pop(&w->connections);
		if (!x)
			return;
		list_push_back(&w->connections, x);
		task_signal(&container_of(x, struct rtsp_session, all)->task, EV_USER);
	}
}

static tick_t ticker_run(struct task *t, uint32_t events, tick_t now)
{
	struct worker *w = container_of(t, struct worker, ticker);
	struct server *srv = w->server;

	if (events & EV_KILL)
		return TASK_DONE;
	look_at_connections(w);
	if (now < w->next_interval)
		return TICKER;
	w->next_interval = now + TICK_S;
	if (w->index == 0)
		trimmer_look(w, now);
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->interval)
			m->interval(m, w, now);
	}
	return TICKER;
}

/* Embedded in the worker. */
static void ticker_free(struct task *t)
{
	(void)t;
}

static const struct task_ops ticker_ops = {
	.name = "ticker", .run = ticker_run, .free = ticker_free
};

int worker_init(
	struct worker *w, struct server *s, unsigned index, int64_t wall_offset, uint64_t seed)
{
	w->server = s;
	w->prefs = s->prefs;
	w->index = index;
	w->wall_offset = w->steady_offset = wall_offset;
	w->date_second = -1;
	seed_random(w, seed);
	tls_gate_init(&w->tls_gate, &w->loop, (uint32_t)s->prefs->tls_handshakes_per_turn);
	w->module_stats = xcalloc(s->n_module_stats + 1, sizeof *w->module_stats);
	link_init(&w->connections);
	link_init(&w->halves);
	link_init(&w->relays);
	io_worker_init(&w->io, s->pool, &w->loop);
	task_init(&w->ticker, &ticker_ops, &w->loop);
	w->next_interval = w->loop.now + TICK_S;
	task_run_at(&w->ticker, w->loop.now + TICKER);
	return 0;
}

void worker_clear(struct worker *w)
{
	relay_abandon_all(w);
	/* their requests waited for longer than the drain */
	LIST_EACH(x, &w->connections)
	{
		rtsp_session_abandon(container_of(x, struct rtsp_session, all));
	}
	for (struct udp_pair *u = w->pairs, *next; u; u = next) {
		next = u->next;
		pair_free(&u->task);
	}
	w->pairs = NULL;
	free(w->module_stats);
	w->module_stats = NULL;
	tls_context_unref(w->tls);
	w->tls = NULL;
	loop_clear(&w->loop);
}

void worker_connection_ended(struct worker *w, uint32_t tag, enum conn_end why)
{
	doorman_gone(w->server, tag, w->loop.now);
	atomic_fetch_sub(&w->n_connections, 1);
	atomic_fetch_sub(&w->server->connections, 1);
	w->stats.connections_closed++;
	w->stats.closed[why]++;
}

static struct rtsp_session *take(
	struct worker *w, struct conn_parts *parts, enum conn_kind kind, tick_t now)
{
	struct rtsp_session *c = NULL;
	uint32_t tag = parts->tag;

	if (w->draining)
		conn_parts_close(parts);
	else
		c = rtsp_session_new(w, parts, kind, now);
	if (!c)
		worker_connection_ended(w, tag, w->draining ? END_SHUTDOWN : END_FAILED);
	if (!c && kind == KIND_REFUSED)
		doorman_refused_gone(w->server);
	return c;
}

void worker_adopt(struct worker *w, struct conn_parts *parts, tick_t now)
{
	w->stats.connections_accepted++;
	(void)take(w, parts, KIND_CLIENT, now); /* what fails is counted */
}

struct rtsp_session *worker_take(struct worker *w, struct conn_parts *parts, tick_t now)
{
	return take(w, parts, KIND_CLIENT, now);
}

void worker_refuse(struct worker *w, struct conn_parts *parts, int64_t retry_after_s, tick_t now)
{
	struct rtsp_session *c = take(w, parts, KIND_REFUSED, now);

	if (c)
		rtsp_session_refuse(c, retry_after_s, now);
}

void worker_adopt_relayed(struct worker *w, struct conn_parts *parts, tick_t now)
{
	w->stats.requests_relayed_in++;
	(void)take(w, parts, KIND_RELAYED, now);
}

void worker_prefs_changed(struct worker *w, const struct prefs *p)
{
	w->prefs = p;
	w->tls_gate.per_turn = (uint32_t)p->tls_handshakes_per_turn;
	LIST_EACH(x, &w->connections)
	{
		rtsp_session_prefs_changed(container_of(x, struct rtsp_session, all));
	}
}

void worker_drain(struct worker *w, tick_t now)
{
	w->draining = true;
	struct rtp_session *s, *next;
	HASH_ITER(hh, w->sessions, s, next)
	rtp_session_end(s, CLOSE_SHUTDOWN, now);
	LIST_EACH(x, &w->connections)
	{
		task_signal(&container_of(x, struct rtsp_session, all)->task, EV_KILL);
	}
	task_signal(&w->ticker, EV_KILL);
}

static void add_tls(struct stats *sum, const struct tls_gate *g)
{
	sum->tls_handshakes += g->handshakes;
	sum->tls_resumed += g->resumed;
	sum->tls_waited += g->waited;
	sum->tls_truncated += g->truncated;
	sum->tls_broken += g->broken;
	sum->tls_failed_not_tls += g->failed[TLS_FAILED_NOT_TLS];
	sum->tls_failed_version += g->failed[TLS_FAILED_VERSION];
	sum->tls_failed_cipher += g->failed[TLS_FAILED_CIPHER];
	sum->tls_failed_alert += g->failed[TLS_FAILED_ALERT];
	sum->tls_failed_closed += g->failed[TLS_FAILED_CLOSED];
	sum->tls_failed_timeout += g->failed[TLS_FAILED_TIMEOUT];
	sum->tls_failed_other += g->failed[TLS_FAILED_OTHER];
}

void worker_stats(const struct worker *w, struct stats *sum)
{
	struct stats mine = w->stats;

	for (const struct udp_pair *u = w->pairs; u; u = u->next)
		add_udp(&mine, &u->rtp);
	add_tls(&mine, &w->tls_gate);
	stats_add(sum, &mine);
}
