/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_BASE64_H
#define SERVER_BASE_BASE64_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * Base64 with the alphabet of RFC 4648 4. The decoder takes a stream in pieces of any size, such as
 * the POST half of an HTTP tunnel: padding ends a group, not the stream, since every request is
 * encoded by itself; line ends and blanks between the digits mean nothing. All zeroes is its first
 * state; an octet of the result is there as soon as its last digit is.
 */
struct base64 {
	uint8_t carry; /* bits of the last digit that belong to the next octet */
	uint8_t at;    /* place in the group of four of what comes next */
	bool pad;      /* a '=' that needs a second one has come */
};

/*
 * Decodes all of `in` into dst, which has room for in.n octets and may be in.p itself. *n = octets
 * written. 0, or ERR_SYNTAX at an octet that is no digit, or '=' where no group can end: *n is what
 * stood before it, and the stream is of no more use.
 */
MUST_USE int base64_decode(struct base64 *d, struct bytes in, uint8_t *dst, size_t *n);
/* Does the input so far end with a whole group? */
static inline bool base64_is_whole(const struct base64 *d)
{
	return d->at == 0;
}

/* A whole value, padded, without blanks: its octets in dst (room for in.n). ERR_SYNTAX. */
MUST_USE int base64_read(struct bytes in, uint8_t *dst, size_t *n);
/* Appends v, padded. ERR_LIMIT: `to` is as before. */
MUST_USE int base64_write(struct buf *to, struct bytes v);

#endif
