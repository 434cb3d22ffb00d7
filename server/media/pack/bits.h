/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_BITS_H
#define SERVER_MEDIA_PACK_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/bytes.h"

/*
 * Reads a borrowed view bit by bit, the highest bit of an octet first. Past the end every read gives
 * 0 and `over` is set for good, so that a header may be read to its last field and judged once.
 */
struct bits {
	struct bytes in;
	uint64_t at; /* next bit, counted from in.p[0]'s highest */
	bool over;
};

void bits_init(struct bits *b, struct bytes in);
/* The next n bits (n ≤ 32) as a number. */
uint32_t bits_u(struct bits *b, unsigned n);
bool bits_flag(struct bits *b);
void bits_skip(struct bits *b, uint64_t n);
/* Exponential Golomb codes, ue(v) and se(v) of H.264 9.1. More than 32 leading zeros count as past
 * the end. */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);
/* Bits that are left; 0 once over. */
uint64_t bits_left(const struct bits *b);

#endif
