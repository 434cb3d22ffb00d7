/* SPDX-License-Identifier: MIT */
#include "server/wire/rtp.h"

static int read_padding(struct rtp_view *v)
{
	if (v->payload.n == 0)
		return ERR_CORRUPT;
	v->padding = v->payload.p[v->payload.n - 1];
	if (v->padding == 0 || v->padding > v->payload.n)
		return ERR_CORRUPT;
	v->payload.n -= v->padding;
	return 0;
}

static bool read_extension(struct cur *c, struct rtp_view *v)
{
	uint16_t words;

	return cur_be16(c, &v->extension_id) && cur_be16(c, &words) &&
	       cur_take(c, (size_t)words * 4, &v->extension);
}

int rtp_read(struct bytes packet, struct rtp_view *v)
{
	struct cur c = { packet };
	uint8_t a, b;

	*v = (struct rtp_view){ 0 };
	if (!cur_u8(&c, &a) || !cur_u8(&c, &b))
		return ERR_TRUNCATED;
	if (a >> 6 != RTP_VERSION)
		return ERR_VERSION;
	if (!cur_be16(&c, &v->seq) || !cur_be32(&c, &v->timestamp) || !cur_be32(&c, &v->ssrc))
		return ERR_TRUNCATED;
	v->marker = b & 0x80;
	v->payload_type = b & 0x7f;
	v->n_csrc = a & 0x0f;
	v->has_extension = a & 0x10;
	if (!cur_take(&c, (size_t)v->n_csrc * 4, &v->csrc))
		return ERR_TRUNCATED;
	if (v->has_extension && !read_extension(&c, v))
		return ERR_TRUNCATED;
	v->payload = c.b;
	return a & 0x20 ? read_padding(v) : 0;
}
