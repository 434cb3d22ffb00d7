/* SPDX-License-Identifier: MIT */
#include "server/core/kept.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

bool kept_put(struct kept *h, const struct packet *p)
{
	if (h->n == KEPT_MAX)
		return false;
	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 16;
		h->v = xrealloc(h->v, h->cap * sizeof *h->v);
	}
	h->v[h->n++] = *p;
	if (p->block)
		(void)block_ref(p->block);
	return true;
}

static void release(struct kept *h, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		block_unref(h->v[i].block);
}

void kept_turn(struct kept *h, tick_t now)
{
	if (h->next && h->taken < now) {
		release(h, h->next);
		memmove(h->v, h->v + h->next, (h->n - h->next) * sizeof *h->v);
		h->n -= h->next;
		h->next = 0;
	}
	h->old = h->n;
}

void kept_drop(struct kept *h, tick_t now)
{
	h->next = h->n;
	kept_turn(h, now);
}

void kept_clear(struct kept *h)
{
	release(h, h->n);
	free(h->v);
	*h = (struct kept){ 0 };
}
