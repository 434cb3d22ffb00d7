/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "server/takeover.h"

/*
 * The life of the process from `ready` to its end, in main()'s thread: signals, the service manager, status
 * and statistics.
 *
 *   SIGTERM, SIGINT   with shutdown_time: no new connections and sessions, those that are there may end by
 *                     themselves; a second one, or the time, ends them: BYE, replies, drain_time. One more
 *                     kills.
 *   SIGUSR1           statistics to --stats, what is going on now to --status or stderr
 *   SIGHUP            service_hooks.reload
 *   a take-over       another process accepts from now on: the sessions that are here may end by themselves
 *                     within takeover_time, or, after SIGTERM, what is left of shutdown_time; statistics
 *                     and status go to FILE.PID then
 */
struct service_hooks {
	/* SIGHUP; NULL: nothing to do. */
	void (*reload)(struct server *s, void *arg);
	void *arg;
};

/* Blocks the signals for all threads to come; before the first one. */
void service_block_signals(void);
/* Can the files be written that will be? Found out before serving, not after. 0 or an error with `why`. */
MUST_USE int service_check_files(const struct prefs *p, char *why);
/* The threads are running: tells that we are ready, and serves until a signal says otherwise. False: some disk
 * has not answered, so nothing may be freed, and the process must end by _exit. */
MUST_USE bool service_run(struct server *s, struct takeover *t, const struct service_hooks *hooks);

#endif
