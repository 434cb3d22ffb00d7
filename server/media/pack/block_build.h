/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_BLOCK_BUILD_H
#define SERVER_MEDIA_PACK_BLOCK_BUILD_H

#include <stddef.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/media/pack/block.h"

/*
 * A block under construction: rows and one growing payload. Embedded; one thread. A packet is begun,
 * gets its octets piece by piece, and is a row from packet_end on.
 *
 *	block_begin(&b, &row);              row: all but at, n, train
 *	err = block_put(&b, header) …
 *	err = block_end(&b);
 *
 * Errors stick: after the first one every call answers it, so a packetiser may check once at the end.
 */
enum {
	BLOCK_BYTES_SOFT = 256 << 10, /* full: what comes next begins another block */
	BLOCK_ROWS_SOFT = 2048,
	BLOCK_BYTES_MAX = 8 << 20, /* one sample may force a block up to this; more is ERR_LIMIT */
	BLOCK_ROWS_MAX = 65536,
	PACKET_PAYLOAD_MAX = 60000 /* longest payload of a packet; more is ERR_LIMIT */
};

struct block_build {
	struct row *rows;
	uint8_t *payload;
	size_t n_rows, cap_rows, payload_n, payload_cap;
	int err;
};

/* What a whole sample added can be taken back: */
struct block_mark {
	size_t n_rows, payload_n;
};

void block_build_init(struct block_build *b);
void block_build_clear(struct block_build *b);

struct block_mark block_build_mark(const struct block_build *b);
/* Also forgets the error. */
void block_build_back(struct block_build *b, struct block_mark m);

/* Starts a packet; the row's times, bits and importance are taken from *r. */
void block_begin(struct block_build *b, const struct row *r);
/* Appends octets to the packet. ERR_LIMIT: it, or the block, would be too long. */
int block_put(struct block_build *b, struct bytes v);
/* Room for n octets of the packet, which the caller fills; NULL: as above, b->err says it. */
uint8_t *block_room(struct block_build *b, size_t n);
/* The packet is complete. */
int block_end(struct block_build *b);
/* Octets of the packet so far. */
size_t block_packet_n(const struct block_build *b);
/* The row of the packet that was begun last, to mend its marker after all. NULL: none. */
struct row *block_last(struct block_build *b);

bool block_build_is_full(const struct block_build *b);

/*
 * Makes the block of it (one reference): track, and units first ≤ n < next. Marks trains. The builder
 * is empty afterwards.
 */
struct block *block_build_take(
	struct block_build *b, uint32_t track, uint32_t first, uint32_t next);

#endif
