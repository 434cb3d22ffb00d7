/* SPDX-License-Identifier: MIT */
#include "server/wire/rtcp.h"

#include <assert.h>

enum { SENDER_INFO = 20, HEADER = 4 };

/* ---- one packet ---- */

static bool read_sender(struct cur *c, struct rtcp_sender *s)
{
	return cur_be64(c, &s->ntp) && cur_be32(c, &s->timestamp) && cur_be32(c, &s->packets) &&
	       cur_be32(c, &s->octets);
}

static bool read_report(struct cur *c, struct rtcp_view *v)
{
	v->has_ssrc = true;
	if (!cur_be32(c, &v->ssrc) || (v->type == RTCP_SR && !read_sender(c, &v->sr)) ||
		!cur_take(c, (size_t)v->count * RTCP_BLOCK, &v->blocks))
		return false;
	v->data = c->b;
	return true;
}

static bool read_bye(struct cur *c, struct rtcp_view *v)
{
	uint8_t n;

	if (!cur_take(c, (size_t)v->count * 4, &v->data))
		return false;
	v->has_ssrc = v->count > 0;
	if (v->has_ssrc)
		v->ssrc = be32(v->data.p);
	return c->b.n == 0 || (cur_u8(c, &n) && cur_take(c, n, &v->reason));
}

static bool read_app(struct cur *c, struct rtcp_view *v)
{
	struct bytes name;

	v->has_ssrc = true;
	if (!cur_be32(c, &v->ssrc) || !cur_take(c, 4, &name))
		return false;
	for (size_t i = 0; i < 4; i++)
		v->name[i] = name.p[i];
	v->data = c->b;
	return true;
}

static bool read_sdes(struct cur *c, struct rtcp_view *v)
{
	v->data = c->b;
	v->has_ssrc = v->count > 0;
	return v->count == 0 || cur_be32(c, &v->ssrc);
}

static bool read_body(struct cur *c, struct rtcp_view *v)
{
	switch (v->type) {
	case RTCP_SR:
	case RTCP_RR: return read_report(c, v);
	case RTCP_SDES: return read_sdes(c, v);
	case RTCP_BYE: return read_bye(c, v);
	case RTCP_APP: return read_app(c, v);
	}
	v->data = c->b;
	return true;
}

/* Takes the padding off the packet's end. */
static bool strip_padding(struct bytes *b)
{
	uint8_t n = b->n ? b->p[b->n - 1] : 0;

	/* 3550 6.4.1: a multiple of four, its count byte included */
	if (n == 0 || n % 4 || n > b->n)
		return false;
	b->n -= n;
	return true;
}

static int read_packet(struct bytes *rest, struct rtcp_view *v)
{
	struct cur c = { *rest };
	struct bytes body;
	uint16_t words;
	uint8_t first;

	if (!cur_u8(&c, &first) || !cur_u8(&c, &v->type) || !cur_be16(&c, &words))
		return ERR_TRUNCATED;
	if (first >> 6 != 2)
		return ERR_VERSION;
	if (!cur_take(&c, (size_t)words * 4, &body))
		return ERR_TRUNCATED;
	c.b = body;
	v->packet = bytes_sub(*rest, 0, HEADER + (size_t)words * 4);
	*rest = bytes_sub(*rest, v->packet.n, rest->n);
	v->count = first & 0x1f;
	if ((first & 0x20) && !strip_padding(&c.b))
		return ERR_CORRUPT;
	return read_body(&c, v) ? 1 : ERR_CORRUPT;
}

int rtcp_next(struct bytes *rest, struct rtcp_view *v)
{
	int got;

	*v = (struct rtcp_view){ 0 };
	if (rest->n == 0)
		return 0;
	got = read_packet(rest, v);
	if (got < 0)
		*rest = (struct bytes){ 0 };
	return got;
}

int rtcp_check(struct bytes compound)
{
	struct bytes rest = compound;
	struct rtcp_view v;
	int got;

	if (compound.n < HEADER)
		return ERR_TRUNCATED;
	if (compound.p[0] >> 6 != 2)
		return ERR_VERSION;
	if (compound.p[1] != RTCP_SR && compound.p[1] != RTCP_RR)
		return ERR_CORRUPT;
	while ((got = rtcp_next(&rest, &v)) > 0) {
		/* padding may only stand on the last one, and a first one that is the last of a
		 * compound of one must not have it either (A.2) */
		if ((v.packet.p[0] & 0x20) && (rest.n || v.packet.p == compound.p))
			return ERR_CORRUPT;
	}
	return got;
}

void rtcp_block_read(const struct rtcp_view *v, size_t i, struct rtcp_block *b)
{
	assert(i < v->blocks.n / RTCP_BLOCK);
	const uint8_t *p = v->blocks.p + i * RTCP_BLOCK;

	*b = (struct rtcp_block){
		.ssrc = be32(p),
		.fraction = p[4],
		.lost = (int32_t)be24(p + 5) - (p[5] & 0x80 ? 0x1000000 : 0),
		.highest = be32(p + 8),
		.jitter = be32(p + 12),
		.lsr = be32(p + 16),
		.dlsr = be32(p + 20),
	};
}

/* Behind the null octets that end a chunk: up to the next multiple of four from the chunk's start.
 * All chunks are multiples of four, so the end of the packet is as good a mark. */
static void skip_chunk_end(struct bytes *rest)
{
	size_t n = 1 + (rest->n - 1) % 4;
	*rest = bytes_sub(*rest, n, rest->n);
}

int rtcp_sdes_next(
	struct bytes *rest, bool *in_chunk, uint32_t *ssrc, uint8_t *type, struct bytes *text)
{
	struct cur c;
	uint8_t n;

	for (;;) {
		c.b = *rest;
		if (!*in_chunk) {
			if (rest->n == 0)
				return 0;
			if (!cur_be32(&c, ssrc))
				return ERR_CORRUPT;
			*rest = c.b;
			*in_chunk = true;
		}
		if (!cur_u8(&c, type))
			return ERR_CORRUPT;
		if (*type)
			break;
		skip_chunk_end(rest);
		*in_chunk = false;
	}
	if (!cur_u8(&c, &n) || !cur_take(&c, n, text))
		return ERR_CORRUPT;
	*rest = c.b;
	return 1;
}
