/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_TICK_H
#define SERVER_BASE_TICK_H

#include <stdint.h>

/*
 * Time is an argument. A tick_t counts nanoseconds of the monotonic clock (or of a test's virtual
 * clock); only the loop, the measuring code and main() may ask the system for one (os.h).
 */
typedef int64_t tick_t;

#define TICK_US    ((tick_t)1000)
#define TICK_MS    ((tick_t)1000000)
#define TICK_S     ((tick_t)1000000000)
#define TICK_NEVER INT64_MAX

/* Seconds as a double, for people and reports; never for arithmetic that must be exact. */
static inline double tick_seconds(tick_t t)
{
	return (double)t / 1e9;
}

#endif
