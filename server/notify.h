/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include "server/core/server.h"

/*
 * What the service manager hears (sd_notify: NOTIFY_SOCKET, WATCHDOG_USEC of the environment). Without one
 * all of this does nothing. Messages are best effort: a manager that is away is no reason to stop serving.
 */
void notify_ready(const struct server *s);
void notify_reloading(void);
void notify_stopping(const char *why);
/* The service is another process from now on. */
void notify_main_pid(int pid);

/* Sockets that the manager has opened for us (LISTEN_FDS), once. 0 or -errno. */
MUST_USE int notify_listeners(struct listener_store *out);

/*
 * The watchdog: each worker is asked by mail to turn; only when all have answered is the manager told that
 * we live. A worker that hangs ends the messages, and with them the service.
 */
struct watchdog {
	tick_t every, next;   /* every: 0 = not asked for */
	struct pulse *pulses; /* one per worker */
	unsigned n;
	struct server *server;
};
void watchdog_init(struct watchdog *d, struct server *s, tick_t now);
/* Does what is due. When it wants to be called again; TICK_NEVER: never. */
tick_t watchdog_run(struct watchdog *d, tick_t now);
/* After the workers have stopped. */
void watchdog_clear(struct watchdog *d);

#endif
