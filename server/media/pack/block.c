/* SPDX-License-Identifier: MIT */
#include "server/media/pack/block.h"

#include <stdlib.h>

size_t block_cost(const struct block *b)
{
	return sizeof *b + b->payload_n + b->n_rows * sizeof *b->rows;
}

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
