/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_TS_CLOCK_H
#define SERVER_MEDIA_FORMAT_TS_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/err.h"
#include "server/base/tick.h"

/*
 * When each octet of a transport stream is due (RFC 2250 2: when it should leave), from its clock
 * references: a bounded choice of them, on one axis that begins with the file at 0 and has no wraps and
 * no jumps. What lies between two of the chosen is told more exactly by the references that stand
 * there (ts_clock_npt), which whoever reads the octets has before him.
 */
enum { TS_READINGS_MAX = 16384 };

/* A clock reference as the file has it. */
struct ts_reading {
	uint64_t at;  /* where its packet begins */
	uint64_t pcr; /* of 27 MHz, modulo TS_PCR_WRAP */
	bool jump;    /* does not go on from the reading before */
};

/* A place whose time is known. */
struct ts_mark {
	uint64_t at;
	tick_t npt;
};

struct ts_clock {
	struct ts_reading *readings; /* owned */
	tick_t *npt;                 /* owned; of each reading */
	uint32_t n, cap;
	struct ts_mark start, end; /* of the file's packets */
};

void ts_clock_clear(struct ts_clock *c);
/* Inserts before reading i ≤ n; readings stay in the order of the file. False: there are enough. */
bool ts_clock_insert(struct ts_clock *c, uint32_t i, const struct ts_reading *r);

/* 27 MHz ticks from one reading to a later one. */
uint64_t ts_clock_ticks(uint64_t from, uint64_t to);
/* Whether two readings that stand next to each other in the file belong to different clocks. */
bool ts_clock_is_jump(const struct ts_reading *from, const struct ts_reading *to);

/* Lays the axis, after the last insert; start.at and end.at are set. ERR_MISSING: no two readings to
 * measure by. */
MUST_USE int ts_clock_lay(struct ts_clock *c);

/* The time of a reference that stands at `at`. */
struct ts_mark ts_clock_npt(const struct ts_clock *c, uint64_t at, uint64_t pcr);
/* The last mark that is known at or before `at`, and the first behind it. */
void ts_clock_around(
	const struct ts_clock *c, uint64_t at, struct ts_mark *before, struct ts_mark *after);
/* The time of what lies at `at` between two marks. */
tick_t ts_clock_between(struct ts_mark before, struct ts_mark after, uint64_t at);
/* A place that is not due after npt and not far before. */
uint64_t ts_clock_place(const struct ts_clock *c, tick_t npt);

#endif
