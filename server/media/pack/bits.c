/* SPDX-License-Identifier: MIT */
#include "server/media/pack/bits.h"

void bits_init(struct bits *b, struct bytes in)
{
	*b = (struct bits){ .in = in };
}

uint64_t bits_left(const struct bits *b)
{
	return b->over ? 0 : (uint64_t)b->in.n * 8 - b->at;
}

void bits_skip(struct bits *b, uint64_t n)
{
	if (n > bits_left(b))
		b->over = true;
	else
		b->at += n;
}

uint32_t bits_u(struct bits *b, unsigned n)
{
	uint64_t v = 0;
	unsigned shift = (unsigned)(b->at & 7);

	if (n > bits_left(b)) {
		b->over = true;
		return 0;
	}
	/* at most five octets hold 32 bits that start anywhere in the first */
	for (unsigned got = 0; got < shift + n; got += 8)
		v = v << 8 | b->in.p[(b->at >> 3) + (got >> 3)];
	v >>= (8 - (shift + n) % 8) % 8;
	b->at += n;
	return (uint32_t)(v & ((UINT64_C(1) << n) - 1));
}

bool bits_flag(struct bits *b)
{
	return bits_u(b, 1) != 0;
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->over && zeros <= 32 && !bits_flag(b))
		zeros++;
	if (zeros > 32)
		b->over = true;
	/* 32 zeros: 2^32 − 1 is the one code that an uint32_t can hold */
	uint64_t v = (UINT64_C(1) << (b->over ? 0 : zeros)) - 1 + bits_u(b, zeros > 32 ? 0 : zeros);

	if (v > UINT32_MAX)
		b->over = true;
	return b->over ? 0 : (uint32_t)v;
}

int32_t bits_se(struct bits *b)
{
	uint32_t k = bits_ue(b);

	/* 1, -1, 2, -2 …; k / 2 + k % 2 is at most 2^31, which only the negative side can hold */
	int64_t v = (int64_t)(k / 2) + (k & 1);
	if (v > INT32_MAX)
		v = INT32_MAX;
	return (int32_t)(k & 1 ? v : -v);
}
