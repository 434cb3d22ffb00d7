/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_WORKER_H
#define SERVER_CORE_WORKER_H

#include <stdatomic.h>

#include "server/base/log.h"
#include "server/core/demux.h"
#include "server/core/iopool.h"
#include "server/core/prefs.h"
#include "server/core/stats.h"
#include "server/net/conn.h"
#include "server/net/listener.h"
#include "server/net/tls.h"
#include "server/net/udp.h"
#include "server/wire/date.h"

/*
 * One event loop with all that it serves. Nothing in it is shared with another worker but the mailbox
 * and the counts that are marked atomic.
 */
struct server;
struct module;
struct rtp_session;
struct rtsp_session;
struct tunnel;

/* RTP and RTCP socket of one local address: all streams of that address send from here. */
struct udp_pair {
	struct udp_pair *next;
	struct worker *w;
	struct addr host;
	struct task task;   /* reads both */
	uint32_t n_streams; /* that send from it */
	struct udp rtp, rtcp;
};
/* *at is a stream's: it sends from `to` (NULL: none) from now on. */
void udp_pair_use(struct udp_pair **at, struct udp_pair *to);

/* Warnings that a peer can cause: one limit each (log.h). */
enum worker_warning { WARN_REPLY, WARN_MEDIA, WARN_SOCKETS, WARN_COUNT };

struct worker {
	struct loop loop;
	struct server *server;
	const struct prefs *prefs;
	unsigned index;
	pthread_t thread;
	bool started, draining;

	struct rtp_session *sessions; /* by id (uthash) */
	_Atomic uint32_t n_sessions;
	struct link connections;        /* of rtsp_session */
	struct link halves;             /* of tunnels, that wait; the oldest first */
	struct tunnel *tunnels;         /* by cookie (uthash) */
	_Atomic uint32_t n_connections; /* the acceptor reads it to find the least loaded worker */
	bool answers_posts;             /* of tunnels, at once: a deliberate fault */
	struct link relays;             /* requests that are with another process */
	uint32_t n_relays;              /* how many */
	uint32_t n_posts_sent;          /* of tunnels, forwarded to another process */
	struct tls_gate tls_gate;
	struct tls_context *tls; /* of connections to come; NULL: none. Holds a reference */
	struct udp_pair *pairs;
	struct demux demux;
	struct io_worker io;
	struct stats stats;
	uint64_t *module_stats; /* the modules' own counters (module_stats) */
	struct log_limit warned[WARN_COUNT];
	struct task ticker;   /* time-outs of connections, modules' intervals */
	tick_t next_interval; /* once a second */

	_Atomic int64_t wall_offset; /* ns since 1970 - tick; follows the clock (server_set_wall) */
	int64_t steady_offset;       /* what it was at the start */
	uint64_t random[4];          /* state of the generator */
	int64_t date_second;         /* what `date` holds */
	char date[DATE_TEXT];
};

/* The loop must be initialised by the caller (virtual time: by the test). seed 0: from the kernel.
 * 0 or -errno. */
MUST_USE int worker_init(
	struct worker *w, struct server *s, unsigned index, int64_t wall_offset, uint64_t seed);
/* After all loops have stopped. */
void worker_clear(struct worker *w);

/* Takes over a connection, on the worker's own thread. */
void worker_adopt(struct worker *w, struct conn_parts *parts, tick_t now);
/* The same for one that another worker had, and has counted here. NULL: it is closed, and counted. */
struct rtsp_session *worker_take(struct worker *w, struct conn_parts *parts, tick_t now);
/* The same as worker_adopt for one too many: it hears 503, and is closed. */
void worker_refuse(struct worker *w, struct conn_parts *parts, int64_t retry_after_s, tick_t now);
/* The same for one that another process sent, for one request. */
void worker_adopt_relayed(struct worker *w, struct conn_parts *parts, tick_t now);
/* Other preferences, on the worker's own thread: existing connections get new limits. */
void worker_prefs_changed(struct worker *w, const struct prefs *p);
/* One of its TCP connections is over; its tag is the one of doorman_admit. */
void worker_connection_ended(struct worker *w, uint32_t tag, enum conn_end why);
/* Ends everything: sessions with BYE, connections after their last answer. */
void worker_drain(struct worker *w, tick_t now);
static inline bool worker_is_empty(const struct worker *w)
{
	return atomic_load(&w->n_sessions) == 0 && atomic_load(&w->n_connections) == 0;
}

/* Adds the worker's counters, sockets included, to *sum. On its thread, or when it has stopped. */
void worker_stats(const struct worker *w, struct stats *sum);

/* The pair bound to this host (port ignored); made when there is none, in place of an unused one if there
 * are as many as there may be. NULL: all are in use, or the kernel refused. */
struct udp_pair *worker_pair(struct worker *w, const struct addr *host);
/* Media session by its id, octet by octet; NULL. */
struct rtp_session *worker_session(struct worker *w, struct bytes id);
/* Uniform random bits (xoshiro256**): not for secrets that must resist an attacker who sees many. */
uint64_t worker_random(struct worker *w);
/* ns since 1970 by the clock that people set: for dates, and for what ends at one. It may step either way. */
static inline int64_t worker_wall(const struct worker *w, tick_t now)
{
	return atomic_load_explicit(&w->wall_offset, memory_order_relaxed) + now;
}
/* The same by the clock as it was at the start, which never steps: for spans, on all workers. */
static inline int64_t worker_steady(const struct worker *w, tick_t now)
{
	return w->steady_offset + now;
}
/* "Sun, 22 Nov 2026 19:51:14 GMT" (RFC 1123) of the turn; valid until the next call. */
const char *worker_date(struct worker *w, tick_t now);

#endif
