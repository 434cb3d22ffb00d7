/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_SPLIT_H
#define CONFORMANCE_ORACLE_OX_SPLIT_H

#include <stdbool.h>

#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * Cuts one direction of an RTSP connection into units. Works on live bytes (call again when more
 * have come) and on captured streams, which may begin and end anywhere.
 */
enum ox_unit_kind {
	OX_UNIT_MESSAGE, /* head and body */
	OX_UNIT_FRAME,   /* '$' channel length payload (2326 10.12) */
	OX_UNIT_BLANK,  /* CR and LF between units: legal before a request (H4.1), else left over */
	OX_UNIT_GARBAGE /* neither; up to the next place that looks like a unit */
};
struct ox_unit {
	enum ox_unit_kind kind;
	struct bytes b;       /* the whole unit; borrowed from what was given */
	uint64_t at;          /* offset of its first byte in the stream */
	size_t head_n;        /* message: length of the head, blank line included */
	uint8_t channel;      /* frame */
	struct bytes payload; /* frame: its data; message: its body */
	bool truncated;       /* the stream ended inside of it */
};

enum {
	OX_MAX_HEAD_BYTES = 256 * 1024,      /* a longer head is garbage */
	OX_MAX_BODY_BYTES = 16 * 1024 * 1024 /* a longer Content-Length is taken as 0 */
};

/* All zero = at the start of a connection. */
struct ox_splitter {
	uint64_t at;      /* bytes consumed so far */
	bool lost;        /* true: the next byte need not begin a unit (start in mid-stream, gap) */
	bool was_message; /* the last unit was one */
};

/*
 * The next unit at the front of `have`, which begins at stream offset s->at. Answers the bytes
 * consumed (> 0; the caller drops them, views in *u stay valid as long as the bytes), ERR_MORE when
 * the unit isn't complete (only without `ended`), or ERR_END when ended and nothing is left.
 */
MUST_USE ptrdiff_t ox_split_next(
	struct ox_splitter *s, struct bytes have, bool ended, struct ox_unit *u);

/*
 * Length of the message at the front: its head (blank line included) and its body as Content-Length
 * says (0 when absent, unreadable or too large). 0, ERR_MORE while the head isn't complete (*head_n
 * is then 0), ERR_SYNTAX when this is no message, ERR_LIMIT when the head is too long.
 */
MUST_USE int ox_message_length(struct bytes have, size_t *head_n, size_t *body_n);

#endif
