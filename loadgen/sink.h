/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_SINK_H
#define LOADGEN_SINK_H

#include "loadgen/batch.h"
#include "loadgen/options.h"
#include "loadgen/snapshot.h"
#include "server/net/loop.h"

/*
 * The UDP ends of all sessions. Nobody is woken by a datagram: sockets are drained on the run's 1 ms
 * tick, without blocking, and the kernel's receive stamps say when each one came.
 *
 *   pairs  an RTP and an RTCP socket per track, as a player has them
 *   wide   SINK_WIDE socket pairs for everybody. Each session has a loopback address of its own
 *          (127.64.0.1 and on), its RTSP connection is bound to it too; the address says which session a
 *          datagram is for, the socket says which track. Loopback IPv4 targets only. Made for many
 *          sessions: where payloads need not be looked at, only the heads of packets are read, and what
 *          a packet is counted in is fetched into the cache ahead of it.
 */
enum {
	SINK_WIDE = 8,
	SINK_TRACKS = 8, /* per session; wide needs SINK_TRACKS <= SINK_WIDE */
	SINK_HOT = 512,  /* the first bytes of an owner, which a packet needs */
	SINK_RCVBUF = 32 << 20,
	SINK_RCVBUF_PAIR = 4 << 20,
};

struct sink;

/* One track's end; embedded in its owner, who keeps it at its place until the loops have ended. */
struct sink_stream {
	struct sink *sink;
	void *owner;
	struct task task; /* pairs: drains the RTP socket */
	struct watch watch;
	int fd[2];      /* pairs: RTP, RTCP; -1 = closed */
	uint32_t batch; /* pairs: how many datagrams the next tick asks for */
	tick_t read_at;
	uint16_t port; /* of RTP, at the client; RTCP is the next; 0 = closed */
	uint32_t slot, track;
};

/* The owners of a session's streams; NULL = closed. One cache line. */
struct sink_slot {
	_Alignas(64) void *owners[SINK_TRACKS];
};

/* What an item holds lives until the function returns. They must not close a stream: they signal
 * whoever does. */
struct sink_events {
	/* x->bytes may be the packet's head only. */
	void (*on_rtp)(void *owner, const struct batch_item *x);
	void (*on_rtcp)(void *owner, const struct batch_item *x);
};

struct sink {
	enum socket_mode mode; /* PAIRS or WIDE */
	struct loop *tick_loop;
	struct tally *tally;
	const struct stamp_clock *stamps;
	const struct sink_events *events;
	struct batch *rtp, *rtcp; /* owned */
	uint16_t next_port;       /* pairs: where to look for a free pair */
	uint64_t turns;
	bool draining;
	/* wide */
	int fd[SINK_WIDE][2];
	uint16_t port[SINK_WIDE];
	uint32_t drops[SINK_WIDE][2]; /* told to the tally */
	int rcvbuf_bytes;             /* what the kernel granted (wide: the smallest) */
	struct sink_slot *slots;      /* owned, as are the next two */
	bool *taken;
	uint32_t n_slots;
	uint32_t *free_slots; /* ring: the slot that was free longest is taken first */
	uint32_t free_at, n_free;
};

struct sink_config {
	enum socket_mode mode; /* not AUTO */
	bool heads;            /* wide: nobody looks at payloads */
	uint32_t sessions;     /* most at once */
	uint64_t seed;
	struct loop *tick_loop; /* a loop that never sleeps: the run turns it every millisecond */
	struct tally *tally;
	const struct stamp_clock *stamps;
	const struct sink_events *events;
};

/*
 * Which mode AUTO becomes: pairs while `limit` descriptors hold `sessions` with `tracks` tracks each
 * over UDP; wide beyond that if the target is at IPv4 loopback.
 */
enum socket_mode sink_choose(
	uint64_t sessions, uint32_t tracks, uint64_t limit, const struct addr *target);

/* 0 or -errno. */
MUST_USE int sink_open(struct sink *s, const struct sink_config *c);
void sink_close(struct sink *s);
/* Drains everything that has come (wide), and the tallies of drops. */
void sink_drain(struct sink *s, tick_t now);
void sink_count_drops(struct sink *s);

/* A place for a session. *local: the address that its connection and its tracks use; n = 0: any.
 * ERR_LIMIT: none left. */
MUST_USE int sink_slot_take(struct sink *s, uint32_t *slot, struct addr *local);
void sink_slot_give(struct sink *s, uint32_t slot);

/* Once per memory. */
void sink_stream_init(struct sink_stream *st, struct sink *s, void *owner);
/* local: of the session's connection (port ignored). 0 with st->port, or -errno. */
MUST_USE int sink_stream_open(
	struct sink_stream *st, uint32_t slot, uint32_t track, const struct addr *local);
/* Datagrams that wait are delivered first. */
void sink_stream_close(struct sink_stream *st, tick_t now);
/* Reads what has come: RTCP of a pair is looked at only here. */
void sink_stream_poll(struct sink_stream *st, tick_t now);
/* Sends from the RTCP socket. 0 or -errno. */
MUST_USE int sink_stream_send(struct sink_stream *st, const struct addr *to,
	const struct addr *local, struct bytes packet);

#endif
