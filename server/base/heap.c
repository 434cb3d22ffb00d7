/* SPDX-License-Identifier: MIT */
#include "server/base/heap.h"

#include <stdlib.h>

#include "server/base/os.h"

enum { WAYS = 4 };

static void put(struct heap *h, uint32_t pos, struct heap_node *node)
{
	h->v[pos - 1] = node;
	node->pos = pos;
}

static void sift_up(struct heap *h, struct heap_node *node)
{
	uint32_t pos = node->pos;

	while (pos > 1) {
		uint32_t up = (pos - 2) / WAYS + 1;
		if (h->v[up - 1]->at <= node->at)
			break;
		put(h, pos, h->v[up - 1]);
		pos = up;
	}
	put(h, pos, node);
}

static void sift_down(struct heap *h, struct heap_node *node)
{
	uint32_t pos = node->pos;

	for (;;) {
		uint32_t first = (pos - 1) * WAYS + 2, best = 0;
		for (uint32_t c = first; c < first + WAYS && c <= h->n; c++) {
			if (!best || h->v[c - 1]->at < h->v[best - 1]->at)
				best = c;
		}
		if (!best || h->v[best - 1]->at >= node->at)
			break;
		put(h, pos, h->v[best - 1]);
		pos = best;
	}
	put(h, pos, node);
}

void heap_clear(struct heap *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		h->v[i]->pos = 0;
	free(h->v);
	*h = (struct heap){ 0 };
}

void heap_set(struct heap *h, struct heap_node *node, tick_t at)
{
	if (!node->pos) {
		if (h->n == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 64;
			h->v = xrealloc(h->v, h->cap * sizeof *h->v);
		}
		node->at = at;
		put(h, ++h->n, node);
		sift_up(h, node);
		return;
	}
	tick_t was = node->at;
	node->at = at;
	if (at < was)
		sift_up(h, node);
	else
		sift_down(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	uint32_t pos = node->pos;

	if (!pos)
		return;
	struct heap_node *last = h->v[--h->n];
	node->pos = 0;
	if (last == node)
		return;
	put(h, pos, last);
	sift_up(h, last);
	sift_down(h, last);
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->n ? h->v[0] : NULL;
}
