/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_LOG_H
#define SERVER_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/tick.h"

/*
 * One line on stderr per event: `12.003417 I rtsp play sid=03a1 npt=0- streams=2 w=1` (seconds since
 * log_start, level, subsystem, text). Never in the packet path: count there instead. The text must
 * not hold credentials. Thread-safe: one write per line.
 */
enum log_level { LOG_E, LOG_W, LOG_I, LOG_D };

/* Sets time zero and the most talkative level that is still written (default LOG_W). */
void log_start(tick_t now, enum log_level upto);
/* At any time, from any thread. */
void log_set_level(enum log_level upto);
/* "error", "warning", "info", "debug", or the first letter. False: unknown. */
MUST_USE bool log_level_read(const char *s, enum log_level *l);
bool log_is_on(enum log_level l);
void log_write(enum log_level l, const char *subsystem, const char *fmt, ...) PRINTF(3, 4);
/* Changes where lines go (default stderr): tests and the error-log role. NULL = stderr. */
void log_sink(void (*sink)(void *arg, const char *line, size_t n), void *arg);
/* Who hears each line as well (NULL: nobody), on the thread that writes it; what he logs himself he does not
 * hear. Set while no other thread logs. */
void log_watch(void (*watch)(void *arg, const char *line, size_t n), void *arg);

/*
 * Warnings that a peer can cause: at most one line per second and limit (one limit per call site,
 * embedded in its worker or module; all zero = fresh); the next one that passes ends with
 * `suppressed=N`. `now` is the caller's time. Thread-safe.
 */
struct log_limit {
	_Atomic int64_t next;
	_Atomic uint32_t suppressed;
};
void log_limited(struct log_limit *limit, tick_t now, enum log_level l, const char *subsystem,
	const char *fmt, ...) PRINTF(5, 6);

#endif
