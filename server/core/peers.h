/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_PEERS_H
#define SERVER_CORE_PEERS_H

#include "server/base/tick.h"
#include "server/net/sock.h"

/*
 * What each remote address holds of the server: one table for all workers, keyed by address (IPv4 whole,
 * IPv6 by its /64), of a size that can grow. Its lock is touched at the beginning and end of a connection, at
 * SETUP, the first PLAY and the end of a session, when a login fails, and, while the failures of any address are
 * remembered, at each login; never per packet.
 *
 * An entry that holds something stays. Others are given up, the longest unused first, when room is
 * needed. If all entries hold something, new addresses share one entry and its limits.
 */
struct peers;

/* At most, per address; 0: no limit. */
struct peers_limits {
	uint32_t connections;
	uint32_t connections_per_s; /* a bucket of one second's worth */
	uint32_t sessions;
	uint32_t unplayed; /* sessions that have never played */
};

enum peers_answer { PEERS_OK, PEERS_CONNECTIONS, PEERS_RATE, PEERS_SESSIONS, PEERS_UNPLAYED };

/* An entry, as whoever counts in it knows it. */
enum { PEERS_NOBODY = 0, PEERS_OTHERS = 1 };

/* What an entry holds, for tests and statistics. */
struct peers_count {
	uint32_t connections, sessions, unplayed, failures;
};

/* Room for `entries` addresses. The seed keeps outsiders from choosing addresses that collide. */
struct peers *peers_new(uint32_t entries, uint64_t seed);
void peers_free(struct peers *p);
/* Room for `entries`, if that is more than there is; who counts in an entry keeps it. Never less: pages that are
 * not needed are not touched. */
void peers_grow(struct peers *p, uint32_t entries);

/* PEERS_OK: counted in *at (never PEERS_NOBODY), which goes to peers_disconnect. */
MUST_USE enum peers_answer peers_connect(struct peers *p, const struct addr *a,
	const struct peers_limits *l, tick_t now, uint32_t *at);
void peers_disconnect(struct peers *p, uint32_t at, tick_t now);

/* PEERS_OK: a session that has not played is counted in *at, which goes to the two others. */
MUST_USE enum peers_answer peers_session(struct peers *p, const struct addr *a,
	const struct peers_limits *l, tick_t now, uint32_t *at);
void peers_played(struct peers *p, uint32_t at);
void peers_session_end(struct peers *p, uint32_t at, bool has_played, tick_t now);

/* Logins. The first few failures cost nothing; from then on each doubles the wait, from one second to a
 * minute. One is forgotten each minute. */
void peers_login_failed(struct peers *p, const struct addr *a, tick_t now);
/* How long this address has to wait for the answer to its next try; 0: not at all. */
tick_t peers_login_wait(struct peers *p, const struct addr *a, tick_t now);

struct peers_count peers_count(struct peers *p, const struct addr *a, tick_t now);
/* Addresses that are known now. */
uint32_t peers_known(struct peers *p);

#endif
