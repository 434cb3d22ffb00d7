/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTPINFO_H
#define SERVER_WIRE_RTPINFO_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/* One stream of an RTP-Info header (RFC 2326 12.33). */
struct rtpinfo {
	struct bytes url; /* borrowed; quotes taken off; may be relative */
	bool has_seq, has_rtptime;
	uint16_t seq;
	uint32_t rtptime;
};

/*
 * Takes the next stream off the front of *v. 1, 0 at the end, or ERR_SYNTAX (no url=, or a number
 * that is none; *v then stands behind the bad element). URLs may hold commas and semicolons: a new
 * element starts at `,` followed by `url=`, and the URL ends at `;seq=`, `;rtptime=` or `;ssrc=`.
 */
MUST_USE int rtpinfo_next(struct bytes *v, struct rtpinfo *e);

/* Appends "url=…;seq=…;rtptime=…", after a comma unless `first`. ERR_SYNTAX: a blank, quote or
 * control in the URL; ERR_LIMIT. On an error out is unchanged. */
MUST_USE int rtpinfo_write(const struct rtpinfo *e, bool first, struct buf *out);

#endif
