/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_GROW_H
#define CAPTURES_GROW_H

#include "server/base/os.h"

/* The array v with room for one more after n elements: itself, or moved to twice the size. */
static inline void *grown(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 16;
	return xrealloc(v, *cap * size);
}

#endif
