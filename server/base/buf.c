/* SPDX-License-Identifier: MIT */
#include "server/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_clear(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){ b->p ? b->p + b->at : NULL, b->n };
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (n > b->max || b->n > b->max - n)
		return NULL;
	if (b->at + b->n + n > b->cap && b->at) {
		memmove(b->p, b->p + b->at, b->n);
		b->at = 0;
	}
	if (b->n + n > b->cap) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < b->n + n)
			cap *= 2;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	if (!b->p)
		b->p = xmalloc(b->cap = 256);
	return b->p + b->at + b->n;
}

void buf_grew(struct buf *b, size_t n)
{
	assert(b->at + b->n + n <= b->cap);
	b->n += n;
}

int buf_put(struct buf *b, struct bytes v)
{
	uint8_t *to = buf_room(b, v.n);

	if (!to)
		return ERR_LIMIT;
	if (v.n)
		memcpy(to, v.p, v.n);
	b->n += v.n;
	return 0;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	uint8_t *to;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return ERR_LIMIT;
	to = buf_room(b, (size_t)n + 1); /* vsnprintf's NUL is written, not counted */
	if (!to)
		return ERR_LIMIT;
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return err;
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->at += n;
	b->n -= n;
	if (b->n == 0)
		b->at = 0;
}

void buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n = n;
}
