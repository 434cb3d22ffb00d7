/* SPDX-License-Identifier: MIT */
#include "server/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { CHUNK = 4096 - 64 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, cap;
	_Alignas(max_align_t) uint8_t data[];
};

void arena_reset(struct arena *a)
{
	struct arena_chunk *keep = NULL, *next;

	for (struct arena_chunk *c = a->chunks; c; c = next) {
		next = c->next;
		if (!next && c->cap == CHUNK)
			keep = c;
		else
			free(c);
	}
	a->chunks = keep;
	if (keep)
		keep->used = 0;
}

void arena_clear(struct arena *a)
{
	arena_reset(a);
	free(a->chunks);
	*a = (struct arena){ 0 };
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t align = _Alignof(max_align_t), need = (n + align - 1) / align * align;
	struct arena_chunk *c = a->chunks;

	if (!c || c->cap - c->used < need) {
		size_t cap = need > CHUNK ? need : CHUNK;
		c = xmalloc(sizeof *c + cap);
		*c = (struct arena_chunk){ .next = a->chunks, .cap = cap };
		a->chunks = c;
	}
	void *p = c->data + c->used;
	c->used += need;
	return memset(p, 0, need);
}

struct bytes bytes_dup(struct arena *a, struct bytes b)
{
	uint8_t *p = arena_alloc(a, b.n + 1);
	if (b.n)
		memcpy(p, b.p, b.n);
	return (struct bytes){ p, b.n };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)(n < 0 ? 0 : n) + 1, fmt, ap);
	va_end(ap);
	return s;
}
