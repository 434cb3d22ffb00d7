/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_BUF_H
#define SERVER_BASE_BUF_H

#include <stdarg.h>

#include "server/base/bytes.h"

/*
 * A byte queue that grows up to its own named cap. Embedded in its owner, who clears it. Appending
 * past `max` answers ERR_LIMIT and changes nothing; nothing else can fail (no memory ends the
 * process). Views from buf_bytes() live until the next call that changes the buffer.
 */
struct buf {
	uint8_t *p;
	size_t at;  /* first unread byte */
	size_t n;   /* unread bytes */
	size_t cap; /* allocated */
	size_t max; /* cap on n */
};

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* frees the memory; the buffer may be used again */

struct bytes buf_bytes(const struct buf *b);
MUST_USE int buf_put(struct buf *b, struct bytes v);
MUST_USE int buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
MUST_USE int buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);

/* Room for n more bytes, to be filled by read() and then counted with buf_grew(); NULL when that
 * would pass max. */
MUST_USE uint8_t *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);
/* Drops n bytes from the front (n ≤ b->n). */
void buf_drop(struct buf *b, size_t n);
/* Cuts the buffer to its first n unread bytes (n ≤ b->n): takes back what was appended. */
void buf_cut(struct buf *b, size_t n);

#endif
