/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_SINK_H
#define LOADGEN_SINK_H

#include "loadgen/options.h"
#include "loadgen/snapshot.h"
#include "loadgen/stamp.h"
#include "server/base/bytes.h"
#include "server/net/loop.h"
#include "server/net/sock.h"

/*
 * The UDP ends of all sessions. Nobody is woken by a datagram: sockets are drained on the run's 1 ms
 * tick, without blocking, and the kernel's receive stamps say when each one came.
 *
 *   pairs  an RTP and an RTCP socket per track, as a player has them
 *   wide   SINK_WIDE socket pairs for everybody. Each session has a loopback address of its own
 *          (127.64.0.1 and on), its RTSP connection is bound to it too; the address says which session a
 *          datagram is for, the socket says which track. Loopback IPv4 targets only.
 */
enum {
	SINK_WIDE = 8,
	SINK_TRACKS = 8, /* per session; wide needs SINK_TRACKS <= SINK_WIDE */
	SINK_BATCH = 64,
	SINK_DATAGRAM = 9216, /* longer ones are cut and counted */
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

struct sink_slot {
	struct sink_stream *streams[SINK_TRACKS];
	bool taken;
};

/* Views live until the function returns. `at`: when it arrived. They must not close a stream: they
 * signal whoever does. */
struct sink_events {
	void (*on_rtp)(void *owner, struct bytes packet, const struct addr *from, tick_t at);
	void (*on_rtcp)(void *owner, struct bytes packet, const struct addr *from, tick_t at);
};

struct sink_batch {
	struct mmsghdr msgs[SINK_BATCH];
	struct iovec iov[SINK_BATCH];
	struct addr from[SINK_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[SINK_BATCH][STAMP_CONTROL];
	uint8_t data[SINK_BATCH][SINK_DATAGRAM];
};

struct sink {
	enum socket_mode mode; /* PAIRS or WIDE */
	struct loop *tick_loop;
	struct tally *tally;
	const struct stamp_clock *stamps;
	const struct sink_events *events;
	struct sink_batch *batch;
	uint16_t next_port; /* pairs: where to look for a free pair */
	uint64_t turns;
	bool draining;
	/* wide */
	int fd[SINK_WIDE][2];
	uint16_t port[SINK_WIDE];
	uint32_t drops[SINK_WIDE][2]; /* told to the tally */
	int rcvbuf_bytes;             /* what the kernel granted (wide: the smallest) */
	struct sink_slot *slots;
	uint32_t n_slots;
	uint32_t *free_slots; /* ring: the slot that was free longest is taken first */
	uint32_t free_at, n_free;
};

struct sink_config {
	enum socket_mode mode; /* not AUTO */
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
