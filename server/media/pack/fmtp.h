/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_FMTP_H
#define SERVER_MEDIA_PACK_FMTP_H

#include "server/base/buf.h"
#include "server/media/pack/pack.h"

/*
 * Format parameters of a=fmtp: the text after the payload type, made once when the packer is.
 * FMTP_MAX is its cap: clients read lines into buffers of their own size (ffmpeg 16384), so what
 * would be longer is left out by the packetiser.
 */
enum { FMTP_MAX = 12 << 10 };

/* Appends text; leaves it out when it would pass the cap. */
void fmtp_put(struct buf *to, const char *fmt, ...) PRINTF(2, 3);
/* Appends v in upper-case hexadecimal. ERR_LIMIT. */
MUST_USE int fmtp_hex(struct buf *to, struct bytes v);

/* What a video packer keeps for its description. */
struct video_lines {
	struct buf fmtp; /* empty: no a=fmtp */
	uint32_t width, height;
};

void video_lines_init(struct video_lines *v, const struct codec *c);
void video_lines_clear(struct video_lines *v);
/* a=rtpmap (also where the payload type is static), a=fmtp, a=framesize (3GPP TS 26.234 5.3.3.2) */
void video_lines_write(const struct video_lines *v, const struct packer *p, struct sdp_writer *w);

#endif
