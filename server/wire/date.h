/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_DATE_H
#define SERVER_WIRE_DATE_H

#include "server/base/bytes.h"

/* Dates of RTSP and HTTP (2326 12.18, 2616 3.3.1). */
enum { DATE_TEXT = 32 };

/* "Sun, 22 Nov 2026 19:51:14 GMT" (RFC 1123) of a second since 1970; dst holds DATE_TEXT. Answers dst. */
const char *date_text(int64_t seconds, char *dst);
/* Reads that form, and the two that only old peers write: "Sunday, 22-Nov-26 19:51:14 GMT" (RFC 850, a year
 * from 1970 to 2069) and "Sun Nov 22 19:51:14 2026" (asctime). Seconds since 1970, or -1: it is none, or no day
 * of the calendar. The name of the day is not compared. */
int64_t date_read(struct bytes v);

#endif
