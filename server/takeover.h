/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TAKEOVER_H
#define SERVER_TAKEOVER_H

#include <poll.h>
#include <pthread.h>

#include "server/core/server.h"

/*
 * A new process takes over from the one that serves, over its control_socket: AF_UNIX, one message a packet
 * (takeover_wire.h), for root and our own user only.
 *
 *   new  HELLO      →
 *        ← LISTENER…  each with its descriptor, CONTROL (that of the control socket itself),
 *          ELDER…     (the way to each older process that still drains), END
 *   new  starts, then READY →
 *        ← CHECK      it must answer at once: one that was stopped meanwhile gets nothing
 *        HERE →
 *        ← GONE       the old one has closed its listeners: it drains from now on
 *   both RELAY      one request for a session of the other, as a connected descriptor
 *        SEEK, WANT, POST   about tunnels whose halves are with different processes (tunnel_far.h)
 *
 * Until READY the old one goes on as if nothing had happened. No connection is refused or reset: the listening
 * sockets, and who waits in them, are the same all the time. All in main()'s thread but takeover_route.
 */
enum { TAKEOVER_KIN = 16, TAKEOVER_FDS = TAKEOVER_KIN + 2 };
#define TAKEOVER_PATIENCE (30 * TICK_S) /* for a new process between HELLO and READY */
#define TAKEOVER_CHECK    (5 * TICK_S)  /* and between CHECK and HERE */

/* Another process of ours that is alive. */
struct kin {
	int fd;
	uint8_t generation;
	bool is_heir; /* it took over from us */
};

struct takeover {
	struct server *server; /* NULL before takeover_start */
	int control;           /* listens; -1: none */
	char *path;            /* NULL: it is another's to unlink */
	bool is_borrowed;      /* so it is while the old one has not gone */
	struct listener_store given;
	pthread_mutex_t lock; /* of kin, candidate and is_offered: workers send, too */
	struct kin kin[TAKEOVER_KIN];
	size_t n_kin;
	uint8_t generation;
	int old; /* one of kin: from whom we take over; -1: nobody */
	/* a new one that has not taken over yet; fd -1: none */
	struct kin candidate;
	bool is_offered, is_ready; /* it has heard all; it has said READY, */
	bool is_checked;           /* and has been asked whether it is still there */
	tick_t candidate_until;
	int candidate_pid;
	bool is_gone; /* we have handed over */
};

/* Nothing yet. The caller closes. */
void takeover_init(struct takeover *t);
/*
 * The new side, first of all: asks for what there is at `path`. 0, also when nobody is there, or when he died
 * while he spoke: then we begin from nothing. An error, with its reason in `why` (PREFS_WHY bytes): he is
 * there, but would not, or not in time.
 */
MUST_USE int takeover_ask(struct takeover *t, const char *path, char *why);
/* Listens at prefs->control_socket, unless it was handed over. Before privileges are dropped. */
MUST_USE int takeover_listen(struct takeover *t, const struct prefs *p, char *why);
/* Before the workers start: relays of s go through t. */
void takeover_start(struct takeover *t, struct server *s);
/* The new side, when the workers serve. 0: the old one has gone, or has died. An error: he lives and serves
 * on; we must not. */
MUST_USE int takeover_ready(struct takeover *t, char *why);

/* What to poll: how many. */
size_t takeover_fds(struct takeover *t, struct pollfd fds[TAKEOVER_FDS]);
/* When to call takeover_run though nothing has come. */
tick_t takeover_next(const struct takeover *t);
/* Reads what has come. The pid to whom all was handed over just now; 0: to nobody. */
int takeover_run(struct takeover *t, const struct pollfd *fds, size_t n, tick_t now);
void takeover_close(struct takeover *t);

#endif
