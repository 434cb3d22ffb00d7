/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_VIDEO_PLAIN_H
#define SERVER_MEDIA_PACK_VIDEO_PLAIN_H

#include "server/media/pack/fmtp.h"

/* For video formats whose frames are cut anywhere, behind a short descriptor in each packet. */
enum { DESCRIPTOR_MAX = 8 };

/*
 * Writes the descriptor of the packet that goes on at offset `at` of the unit; answers its length, which
 * doesn't depend on is_last.
 */
typedef size_t descriptor_fn(const struct packer *p, const struct access_unit *u, size_t at,
	bool is_last, uint8_t to[DESCRIPTOR_MAX]);

struct video_plain {
	struct video_lines lines;
	descriptor_fn *descriptor;
};

/* Makes p->state, clock 90000; p->encoding is the caller's. */
struct video_plain *video_plain_init(struct packer *p, const struct codec *c, descriptor_fn *fn);
void video_plain_clear(struct packer *p);
void video_plain_describe(const struct packer *p, struct sdp_writer *w);
void video_plain_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b);

#endif
