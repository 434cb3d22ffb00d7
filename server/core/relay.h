/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RELAY_H
#define SERVER_CORE_RELAY_H

#include "server/core/rtsp_txn.h"

/*
 * Requests for sessions of another generation: those of a process that has handed its listeners over and
 * drains. The request travels, the connection stays: one end of a socket pair goes to that process, which
 * takes it for a connection of this client, reads the one request, writes the one reply and closes; what comes
 * back is the reply. Bounded in number (maximum_relays per worker), size and time (relay_timeout).
 */

/* Where to, and whose it is. */
struct relay_to {
	uint8_t generation, worker;
	bool is_secure; /* the client speaks TLS with us */
	struct addr peer, local;
};

struct tunnel_word;

/* Who else's sessions there are. Any thread may call send. */
struct relay_route {
	/* Hands the descriptor over, which is taken there for a connection from peer to local; closes our copy.
	 * 0; -ENOENT: there is no such process any more; another -errno. */
	int (*send)(void *arg, const struct relay_to *to, int fd);
	/* Says this of a tunnel, as `send` does if it is to one process; word->from is filled in. -1: no fd. */
	int (*tell)(void *arg, const struct tunnel_word *word, int fd);
	void *arg;
};

/*
 * Sends t's request there. 0: the txn is away; when the reply is in t->reply it comes home (rtsp_txn_home) in
 * PHASE_SENDING_RESPONSE, or, answered by us, in PHASE_POST_PROCESSING: 454 when nobody knows the session any
 * more, 503 when no whole reply came in time. Else the status that refuses it at once.
 */
MUST_USE int relay_start(struct rtsp_txn *t, uint8_t generation, uint8_t worker, tick_t now);
/* Frees what w has under way; their txns stay away. Only when all loops have stopped. */
void relay_abandon_all(struct worker *w);

#endif
