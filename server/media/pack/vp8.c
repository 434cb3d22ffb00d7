/* SPDX-License-Identifier: MIT */
#include "server/media/pack/vp8.h"

#include "server/media/pack/video_plain.h"

/*
 * VP8 (RFC 7741): a frame in fragments of equal length behind the smallest descriptor (4.2): no
 * picture ID, which would have to survive seeks; the partition index stays 0, as 4.2 allows to senders
 * that cut anywhere.
 */
enum { S_BIT = 0x10 };

static size_t descriptor(
	const struct packer *p, const struct access_unit *u, size_t at, bool is_last, uint8_t *to)
{
	(void)p;
	(void)u;
	(void)is_last;
	to[0] = at == 0 ? S_BIT : 0;
	return 1;
}

static int vp8_init(struct packer *p, const struct codec *c, const char **why)
{
	(void)why;
	p->encoding = "VP8";
	video_plain_init(p, c, descriptor);
	return 0;
}

const struct packer_ops vp8_packer = {
	.codec = CODEC_VP8,
	.rfc = "RFC 7741",
	.init = vp8_init,
	.pack = video_plain_pack,
	.describe = video_plain_describe,
	.clear = video_plain_clear,
};
