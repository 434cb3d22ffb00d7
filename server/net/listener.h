/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_LISTENER_H
#define SERVER_NET_LISTENER_H

#include "server/base/bytes.h"
#include "server/net/loop.h"
#include "server/net/sock.h"

/*
 * A listening socket. Accepts until EAGAIN, at most LISTENER_BURST a turn, and gives each
 * descriptor (nonblocking, close-on-exec) to `accepted`, which owns it from then on.
 * Out of descriptors (EMFILE, ENFILE): one that is kept in reserve lets who waits in, to be told `busy` and
 * closed. When that fails, too, or memory is short (ENOBUFS, ENOMEM): pauses for LISTENER_PAUSE, then tries
 * again. Embedded; the owner calls listener_close, or signals EV_KILL to .task from another thread.
 */
enum { LISTENER_BURST = 32 };
#define LISTENER_PAUSE (250 * TICK_MS)

struct listener {
	struct task task;
	struct watch watch;
	int fd;
	struct addr local; /* with the port that the kernel chose */
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now);
	/* May be NULL: how long the next connection has to wait (in the backlog); 0: come in. */
	tick_t (*wait)(struct listener *l, tick_t now);
	struct bytes busy; /* the owner's; may be empty */
	int reserve;       /* a descriptor that is not needed */
	uint64_t n_accepted, n_paused;
	uint64_t n_waits; /* times wait() said so */
	uint64_t n_busy;  /* told so, and closed */
};

/* v6_only: an IPv6 wildcard leaves IPv4 to others. 0 or -errno (EADDRINUSE …). */
MUST_USE int listener_open(struct listener *l, struct loop *loop, const struct addr *at,
	bool v6_only,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now));
/* The same on a socket that listens already; takes it over. */
MUST_USE int listener_adopt(struct listener *l, struct loop *loop, int fd,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now));
/* Stops listening. The task needs one more turn to end. */
void listener_close(struct listener *l);

/* Sockets that listen, by their addresses: those of another process, or of a service manager. */
enum { LISTENER_STORE = 64 };

struct listener_store {
	struct {
		struct addr at;
		int fd;
	} v[LISTENER_STORE];
	size_t n;
};
/* False: full. */
MUST_USE bool listener_store_put(struct listener_store *s, const struct addr *at, int fd);
/* Takes the first one out that listens at this host and port (port 0: any); -1: none. */
MUST_USE int listener_store_take(struct listener_store *s, const struct addr *at);
/* Closes what is left. */
void listener_store_clear(struct listener_store *s);

#endif
