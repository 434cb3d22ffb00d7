/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_BYTES_H
#define SERVER_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"

/*
 * A borrowed view of bytes. Owned by nobody; never outlives the buffer that it looks into. May hold
 * any octet, NUL included; an empty view may have p == NULL.
 */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/* View of a string literal, without its NUL. */
#define B(lit) ((struct bytes){ (const uint8_t *)("" lit), sizeof(lit) - 1 })
/* Arguments for printf's "%.*s". */
#define BYTES_FMT(b) (int)(b).n, (const char *)(b).p

/* View of a C string, without its NUL. NULL gives the empty view. */
struct bytes bytes_str(const char *s);
/* View of n bytes at p. */
struct bytes bytes_of(const void *p, size_t n);
/* The part from `at` on, at most n long; clamped to b. */
struct bytes bytes_sub(struct bytes b, size_t at, size_t n);

bool bytes_is_eq(struct bytes a, struct bytes b);
/* Equal when ASCII letters are compared without case. */
bool bytes_is_ieq(struct bytes a, struct bytes b);
bool bytes_has_prefix(struct bytes b, struct bytes prefix);
bool bytes_has_iprefix(struct bytes b, struct bytes prefix);

/* Without blanks and tabs (also CR, LF) at either end. */
struct bytes bytes_trim(struct bytes b);
/* Offset of the first c, or b.n when there is none. */
size_t bytes_index(struct bytes b, uint8_t c);
/* Offset of the first `needle`, or b.n when there is none. */
size_t bytes_find(struct bytes b, struct bytes needle);

/*
 * Takes what stands before the first `sep` off the front of *b, separator included, and puts it in
 * *head (not trimmed). Without a separator, all of *b. False when *b was empty before the call, so
 * that `while (bytes_cut(&b, ',', &v))` visits every element.
 */
bool bytes_cut(struct bytes *b, uint8_t sep, struct bytes *head);
/* The same, but separators inside double quotes (with backslash escapes) don't cut. */
bool bytes_cut_quoted(struct bytes *b, uint8_t sep, struct bytes *head);

/*
 * Whole view as an unsigned number: digits only, no sign, no blanks, at least one digit, not above
 * max. False otherwise, *v untouched.
 */
MUST_USE bool bytes_to_u64(struct bytes b, uint64_t max, uint64_t *v);
/* The same in hexadecimal, either case, no prefix. */
MUST_USE bool bytes_hex_to_u64(struct bytes b, uint64_t max, uint64_t *v);

/* Copy to a NUL-terminated string. NUL octets inside are refused (false), as is what does not fit;
 * dst is then the empty string. */
MUST_USE bool bytes_to_str(struct bytes b, char *dst, size_t cap);

/* Big-endian loads and stores; the caller has checked the length. */
static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | be24(p + 1);
}
static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}
static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}
static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

/*
 * Cursor: length first, then touch. Every take checks the length and moves on, or answers false and
 * leaves cursor and output alone.
 */
struct cur {
	struct bytes b; /* what is left */
};
MUST_USE bool cur_take(struct cur *c, size_t n, struct bytes *out);
MUST_USE bool cur_skip(struct cur *c, size_t n);
MUST_USE bool cur_u8(struct cur *c, uint8_t *v);
MUST_USE bool cur_be16(struct cur *c, uint16_t *v);
MUST_USE bool cur_be32(struct cur *c, uint32_t *v);
MUST_USE bool cur_be64(struct cur *c, uint64_t *v);

#endif
