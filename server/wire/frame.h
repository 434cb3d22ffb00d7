/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_FRAME_H
#define SERVER_WIRE_FRAME_H

#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * What comes next on an RTSP connection (RFC 2326 10.12): messages and `$` frames share the stream.
 * Looks at no more than the first few bytes and keeps nothing between calls.
 */
enum frame_kind {
	FRAME_DATA,    /* `$`, channel, 16-bit length, that many bytes */
	FRAME_MESSAGE, /* anything that starts like an RTSP request or response: rtsp_read judges */
	FRAME_HTTP,    /* "GET ", "POST " or "HTTP/": a half of a tunnel */
	FRAME_BLANK,   /* empty lines before a message: drop `total` bytes */
};

enum { FRAME_HEADER = 4, FRAME_PAYLOAD_MAX = 65535 };

struct frame {
	enum frame_kind kind;
	uint8_t channel;      /* FRAME_DATA */
	struct bytes payload; /* FRAME_DATA; borrows from the input; may be empty */
	size_t total;         /* FRAME_DATA, FRAME_BLANK: bytes of it in the stream; else 0 */
};

/*
 * Reads what starts at the front of `in`. FRAME_DATA and FRAME_BLANK answer the number of bytes
 * they take (> 0); FRAME_MESSAGE and FRAME_HTTP answer 0, their readers consume. ERR_MORE: too few
 * bytes to tell, or the data frame is not whole; f->channel and f->total are set as soon as the
 * four header bytes are there, else total is 0.
 */
MUST_USE int frame_read(struct bytes in, struct frame *f);

/* The four bytes before n bytes of payload. */
void frame_header_write(uint8_t dst[FRAME_HEADER], uint8_t channel, uint16_t n);

#endif
