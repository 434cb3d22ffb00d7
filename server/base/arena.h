/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_ARENA_H
#define SERVER_BASE_ARENA_H

#include "server/base/bytes.h"

/*
 * Memory with one common end of life. Embedded in its owner. arena_reset keeps the first chunk for
 * reuse (one of a longer piece is freed); arena_clear frees all. Pointers die with either.
 */
struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
};

void arena_reset(struct arena *a);
void arena_clear(struct arena *a);
/* Zeroed, aligned for any type, never NULL. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy with a NUL after it (not counted). */
struct bytes bytes_dup(struct arena *a, struct bytes b);
/* Formatted, NUL-terminated string. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#endif
