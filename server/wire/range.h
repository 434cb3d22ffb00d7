/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RANGE_H
#define SERVER_WIRE_RANGE_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"

/* Range (RFC 2326 12.29; times 3.5, 3.6, 3.7), Scale (12.34) and Speed (12.35). Digits only, no
 * exponents, no locale. */
enum range_unit {
	RANGE_NPT,
	RANGE_SMPTE, /* "smpte", 30 drop frame */
	RANGE_SMPTE_30_DROP,
	RANGE_SMPTE_25,
	RANGE_CLOCK
};

struct range {
	enum range_unit unit;
	bool has_start, has_end;
	bool is_now; /* npt=now-: has_start, start 0 */
	/* ns: since the beginning (npt, smpte), or since 1970 UTC (clock). SMPTE frames are taken
	 * at 30000/1001 (smpte, smpte-30-drop) or 25 a second, plus hundredths of a frame. The two
	 * numbers that drop-frame time leaves out at a minute's start stand for the frame after them. */
	tick_t start, end;
	bool has_time; /* ;time= */
	tick_t time;   /* ns since 1970 UTC: when to start */
};

/*
 * Reads a Range value (also SDP's a=range, with blanks as they are met). Fractions of any length,
 * cut to ns. ERR_SYNTAX; ERR_UNSUPPORTED: another unit, or more than one range; ERR_RANGE: a time
 * beyond 9e9 s, or a field beyond its own limit (minutes 60, month 13). An end before the start is
 * no error here: with a negative Scale it is right (12.34), else the caller's 457.
 */
MUST_USE int range_read(struct bytes v, struct range *r, struct fault *f);
/* Appends "npt=1.500-" or "npt=0.000-12.345" (ms digits; more only when needed to be exact),
 * "clock=19961108T142300Z-", "smpte-25=00:00:02:12.50-", to the nearest hundredth of a frame. ERR_LIMIT;
 * ERR_RANGE: below 0, or 100 hours of SMPTE; out unchanged. */
MUST_USE int range_write(const struct range *r, struct buf *out);

/* One utc-time, "19961108T142300.25Z" (3.7), in ns since 1970. ERR_SYNTAX, ERR_RANGE. */
MUST_USE int range_utc_read(struct bytes v, tick_t *t);

/* Scale and Speed as millionths: 1.0 = SCALE_ONE. */
enum { SCALE_ONE = 1000000 };
/* ["-"] 1*DIGIT ["." *DIGIT], within ±1000, cut to millionths. ERR_SYNTAX, ERR_RANGE (also 0). */
MUST_USE int scale_read(struct bytes v, int64_t *millionths);
/* The same without a sign. */
MUST_USE int speed_read(struct bytes v, int64_t *millionths);
/* "1.0", "-0.25". ERR_LIMIT, out unchanged. */
MUST_USE int scale_write(int64_t millionths, struct buf *out);

#endif
