/* SPDX-License-Identifier: MIT */
#include "server/media/pack/block_build.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { TRAIN_MAX = 16 };

void block_build_init(struct block_build *b)
{
	*b = (struct block_build){ 0 };
}

void block_build_clear(struct block_build *b)
{
	free(b->rows);
	free(b->payload);
	*b = (struct block_build){ 0 };
}

struct block_mark block_build_mark(const struct block_build *b)
{
	return (struct block_mark){ b->n_rows, b->payload_n };
}

void block_build_back(struct block_build *b, struct block_mark m)
{
	b->n_rows = m.n_rows;
	b->payload_n = m.payload_n;
	b->err = 0;
}

void block_begin(struct block_build *b, const struct row *r)
{
	if (b->n_rows == BLOCK_ROWS_MAX && !b->err)
		b->err = ERR_LIMIT;
	if (b->err)
		return;
	if (b->n_rows == b->cap_rows) {
		b->cap_rows = b->cap_rows ? b->cap_rows * 2 : 128;
		b->rows = xrealloc(b->rows, b->cap_rows * sizeof *b->rows);
	}
	b->rows[b->n_rows] = *r;
	b->rows[b->n_rows].at = (uint32_t)b->payload_n;
	b->rows[b->n_rows].n = 0;
	b->rows[b->n_rows].train = 1;
	b->n_rows++;
}

size_t block_packet_n(const struct block_build *b)
{
	return b->n_rows ? b->payload_n - b->rows[b->n_rows - 1].at : 0;
}

uint8_t *block_room(struct block_build *b, size_t n)
{
	uint8_t *to;

	if (!b->err && (!b->n_rows || n > PACKET_PAYLOAD_MAX ||
			       block_packet_n(b) + n > PACKET_PAYLOAD_MAX ||
			       b->payload_n + n > BLOCK_BYTES_MAX))
		b->err = ERR_LIMIT;
	if (b->err)
		return NULL;
	if (!b->payload || b->payload_n + n > b->payload_cap) {
		b->payload_cap = b->payload_cap ? b->payload_cap * 2 : BLOCK_BYTES_SOFT / 4;
		if (b->payload_cap < b->payload_n + n)
			b->payload_cap = b->payload_n + n;
		b->payload = xrealloc(b->payload, b->payload_cap);
	}
	to = b->payload + b->payload_n;
	b->payload_n += n;
	return to;
}

int block_put(struct block_build *b, struct bytes v)
{
	uint8_t *to = block_room(b, v.n);

	if (to && v.n)
		memcpy(to, v.p, v.n);
	return b->err;
}

int block_end(struct block_build *b)
{
	if (!b->err)
		b->rows[b->n_rows - 1].n = (uint16_t)block_packet_n(b);
	return b->err;
}

struct row *block_last(struct block_build *b)
{
	return b->n_rows ? &b->rows[b->n_rows - 1] : NULL;
}

bool block_build_is_full(const struct block_build *b)
{
	return b->payload_n >= BLOCK_BYTES_SOFT || b->n_rows >= BLOCK_ROWS_SOFT;
}

/* How many rows from each on have its length and due time, and one more if that is only shorter. */
static void mark_trains(struct row *rows, size_t n)
{
	for (size_t i = n; i-- > 1;) {
		struct row *a = &rows[i - 1], *b = &rows[i];

		if (a->due == b->due && a->n == b->n && b->train < TRAIN_MAX)
			a->train = (uint16_t)(b->train + 1);
		else if (a->due == b->due && a->n == b->n)
			a->train = TRAIN_MAX;
	}
	for (size_t i = 0; i < n; i++) {
		struct row *a = &rows[i];
		size_t end = i + a->train;

		if (a->train < TRAIN_MAX && end < n && rows[end].due == a->due &&
			rows[end].n < a->n)
			a->train++;
	}
}

struct block *block_build_take(struct block_build *b, uint32_t track, uint32_t first, uint32_t next)
{
	struct block *k = xcalloc(1, sizeof *k);

	mark_trains(b->rows, b->n_rows);
	atomic_init(&k->refs, 1);
	k->track = track;
	k->first = first;
	k->next = next;
	k->n_rows = (uint32_t)b->n_rows;
	k->payload_n = (uint32_t)b->payload_n;
	/* what it does not need goes back; never NULL, though all its packets be empty: views are
	 * made from it */
	k->rows = xrealloc(b->rows, (b->n_rows ? b->n_rows : 1) * sizeof *b->rows);
	k->payload = xrealloc(b->payload, b->payload_n ? b->payload_n : 1);
	*b = (struct block_build){ 0 };
	return k;
}
