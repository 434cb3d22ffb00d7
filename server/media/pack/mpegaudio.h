/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MPEGAUDIO_H
#define SERVER_MEDIA_PACK_MPEGAUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"

/* Frame header of MPEG-1 audio (ISO/IEC 11172-3 2.4.2.3), MPEG-2's lower rates (13818-3 2.4.2.3),
 * and what everybody calls 2.5. */
enum {
	MPA_HEADER_BYTES = 4,
	MPA_FRAME_MAX = 2881 /* layer 2 of 160 kbit/s at 8 kHz is the longest */
};

struct mpa_header {
	uint8_t version;        /* 1: MPEG-1, 2: MPEG-2 (half the rate), 3: 2.5 (a quarter) */
	uint8_t layer;          /* 1, 2, 3 */
	uint8_t channels;       /* 1, 2 */
	uint16_t frame_samples; /* 384, 1152, 576 */
	uint16_t frame_n;       /* octets of the frame, header and padding included */
	uint32_t sample_hz, bitrate_bps;
};

/* Reads one. ERR_MORE: fewer than MPA_HEADER_BYTES; ERR_SYNTAX: no sync, or a reserved value;
 * ERR_UNSUPPORTED: free format (its length is written nowhere; the rest of *h is right). */
MUST_USE int mpa_header_read(struct bytes b, struct mpa_header *h);
/* Whether two frames may belong to one stream: same version, layer and rate. Bit rate and stereo
 * mode may change from frame to frame. */
bool mpa_header_is_like(const struct mpa_header *a, const struct mpa_header *b);

/* What an encoder's first frame tells about the file, in place of sound ("Xing", "Info", "VBRI"). */
struct mpa_info {
	bool has_frames;
	uint32_t n_frames; /* of sound: this one is not counted */
};
/* Whether a frame (whole, header included) is one; *info then says what it tells. */
bool mpa_info_read(struct bytes frame, struct mpa_info *info);

#endif
