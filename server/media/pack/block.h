/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_BLOCK_H
#define SERVER_MEDIA_PACK_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/bytes.h"
#include "server/base/tick.h"

/* How much a viewer misses when the packet is dropped. */
enum importance {
	IMPORTANCE_LOW,    /* nothing refers to it (B frames) */
	IMPORTANCE_NORMAL, /* later frames refer to it */
	IMPORTANCE_HIGH    /* sync samples, audio */
};

/*
 * An immutable run of a track's packets, assembled: what the hint constructors (or a packetiser) put
 * together already stands in one piece of memory. Counted; one reference per cursor and per queued
 * TCP frame, never per packet.
 */
struct row {
	tick_t due;           /* ns from NPT 0 */
	uint32_t rtp_time;    /* ticks from NPT 0 */
	uint32_t at;          /* payload's offset in block->payload */
	uint16_t n;           /* its length */
	uint16_t train;       /* see struct packet */
	uint8_t payload_type; /* RTP PT */
	uint8_t importance;   /* enum importance */
	bool marker : 1;
	bool padding : 1;
	bool extension : 1;
	bool sync : 1;
};

struct block {
	_Atomic uint32_t refs;
	uint32_t track;       /* index of the title's track */
	uint32_t first, next; /* units (samples of the file) first ≤ n < next, counted from 0 */
	uint32_t n_rows;
	uint32_t payload_n;
	struct row *rows;
	uint8_t *payload;
};

static inline struct bytes block_payload(const struct block *b, const struct row *r)
{
	return (struct bytes){ b->payload + r->at, r->n };
}

/* Bytes that it takes. */
size_t block_cost(const struct block *b);

struct block *block_ref(struct block *b);
/* Frees with the last reference; NULL is fine. Any thread. */
void block_unref(struct block *b);

#endif
