/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_DOORMAN_H
#define SERVER_CORE_DOORMAN_H

#include "server/net/conn.h"
#include "server/net/listener.h"

/*
 * Who comes in, and to which worker. On worker 0, whose the listeners are:
 *   more than so many a second                       wait in the backlog
 *   too many connections, of all or of an address    503 with Retry-After, closed
 *   an address too fast                              the same
 *   out of descriptors                               the same, by the listener itself; over TLS an alert
 */
struct server;
struct door;

/* In struct server. */
struct doorman {
	int64_t descriptors_most; /* connections that our descriptors are enough for */
	tick_t credit, filled;    /* the bucket of new connections, as of `filled` */
	uint32_t refused;         /* that linger until they have read why */
};

void doorman_init(struct server *s, tick_t now);
/* On worker 0, when it has the new ones. */
void doorman_prefs_changed(struct server *s);
/* A door that was opened with `accepted` = doorman_accept. */
void doorman_watch(struct door *d);
void doorman_accept(struct listener *l, int fd, const struct addr *peer, tick_t now);

struct admittance {
	uint32_t
		tag; /* of who comes in: for the connection's parts, and doorman_gone when it ends */
	int64_t retry_after_s; /* for who does not */
};

/* May it come in? If not, it is counted, and the caller tells it. */
MUST_USE bool doorman_admit(
	struct server *s, const struct addr *peer, tick_t now, struct admittance *a);
void doorman_gone(struct server *s, uint32_t tag, tick_t now);
/* One that was refused has gone; on worker 0. */
void doorman_refused_gone(struct server *s);
/* Adds what the listeners have counted; on worker 0. */
struct stats;
void doorman_stats(const struct server *s, struct stats *sum);

#endif
