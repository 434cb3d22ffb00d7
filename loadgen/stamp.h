/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_STAMP_H
#define LOADGEN_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/base/tick.h"

/*
 * Arrival times that don't depend on when we got round to reading: the kernel's receive stamps
 * (SO_TIMESTAMPNS). They are of CLOCK_REALTIME; the offset to the monotonic clock is read again and
 * again, so that a step of the wall clock spoils a few milliseconds and not the run.
 */
struct stamp_clock {
	int64_t offset; /* real - monotonic */
	tick_t read_at;
	bool known;
};

enum { STAMP_CONTROL = 128 }; /* room for the control messages of a connection */

/* Asks for stamps on a socket; a refusal leaves arrival times to stamp_or_now's `now`. */
void stamp_want(int fd);
/* Reads the clocks anew; call about once a millisecond. */
void stamp_refresh(struct stamp_clock *c);
/* A stamp as the kernel puts it into a control message (SCM_TIMESTAMPNS), on the monotonic clock;
 * `now` when it is none, or one of the future. */
tick_t stamp_read(const struct stamp_clock *c, const void *data, tick_t now);
/* The message's stamp on the monotonic clock; `now` when it has none, or one of the future. */
tick_t stamp_or_now(const struct stamp_clock *c, struct msghdr *m, tick_t now);

#endif
