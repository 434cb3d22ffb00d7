/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_HEAP_H
#define SERVER_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/tick.h"

/*
 * Intrusive 4-ary min-heap of deadlines. The node knows its place, so removing and re-arming need no
 * search. The heap owns its array only, never the nodes. Equal deadlines come out in no set order.
 */
struct heap_node {
	tick_t at;
	uint32_t pos; /* 1-based place in the array; 0 = not in a heap */
};
struct heap {
	struct heap_node **v;
	uint32_t n, cap;
};

void heap_clear(struct heap *h);
/* Puts the node in with this deadline, or moves it when it is in already. */
void heap_set(struct heap *h, struct heap_node *node, tick_t at);
/* Takes the node out; one that is not in is left alone. */
void heap_remove(struct heap *h, struct heap_node *node);
/* Earliest node, still in the heap; NULL when empty. */
struct heap_node *heap_first(const struct heap *h);
static inline bool heap_has(const struct heap_node *node)
{
	return node->pos != 0;
}

#endif
