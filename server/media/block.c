/* SPDX-License-Identifier: MIT */
#include "server/media/block.h"

#include <stdlib.h>

struct block *block_ref(struct block *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void block_unref(struct block *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(b->rows);
	free(b->payload);
	free(b);
}
