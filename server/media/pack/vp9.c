/* SPDX-License-Identifier: MIT */
#include "server/media/pack/vp9.h"

#include "server/media/pack/bits.h"
#include "server/media/pack/video_plain.h"

/*
 * VP9 (RFC 9628 4.2), one layer, no picture ID: P from the frame's header, B and E at its ends, and
 * before key frames the scalability structure with the picture's size, which receivers take it from.
 */
enum {
	P_BIT = 0x40,
	B_BIT = 0x08,
	E_BIT = 0x04,
	V_BIT = 0x02,
	Y_BIT = 0x10, /* of the structure: sizes follow; one spatial layer, no picture group */
	FRAME_MARKER = 2,
	RECORD_BYTES = 8
};

/* 6.2 of the bitstream: whether the (first) frame is a key frame. */
static bool is_key(struct bytes frame)
{
	struct bits b;

	bits_init(&b, frame);
	if (bits_u(&b, 2) != FRAME_MARKER)
		return false;
	/* profile, low bit first; 3 has a reserved bit more */
	if (bits_u(&b, 2) == 3)
		bits_skip(&b, 1);
	/* show_existing_frame 0, frame_type 0 */
	return bits_u(&b, 2) == 0 && !b.over;
}

static size_t descriptor(
	const struct packer *p, const struct access_unit *u, size_t at, bool is_last, uint8_t *to)
{
	const struct video_plain *v = p->state;
	uint32_t width = v->lines.width, height = v->lines.height;
	bool key = is_key(u->data);

	to[0] = (uint8_t)((key ? 0 : P_BIT) | (at == 0 ? B_BIT : 0) | (is_last ? E_BIT : 0));
	if (at || !key || !width || !height || width > UINT16_MAX || height > UINT16_MAX)
		return 1;
	to[0] |= V_BIT;
	to[1] = Y_BIT;
	put_be16(to + 2, (uint16_t)width);
	put_be16(to + 4, (uint16_t)height);
	return 6;
}

static int vp9_init(struct packer *p, const struct codec *c, const char **why)
{
	struct video_plain *v;

	(void)why;
	p->encoding = "VP9";
	v = video_plain_init(p, c, descriptor);
	/* profile, level, bit depth in the upper half: WebM's private data of VP9 looks otherwise */
	if (c->config.n >= RECORD_BYTES && c->config.p[0] <= 3 && c->config.p[2] >> 4 >= 8)
		fmtp_put(&v->lines.fmtp, "profile-id=%u", c->config.p[0]);
	return 0;
}

const struct packer_ops vp9_packer = {
	.codec = CODEC_VP9,
	.rfc = "RFC 9628",
	.init = vp9_init,
	.pack = video_plain_pack,
	.describe = video_plain_describe,
	.clear = video_plain_clear,
};
