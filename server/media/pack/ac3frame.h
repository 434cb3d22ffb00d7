/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AC3FRAME_H
#define SERVER_MEDIA_PACK_AC3FRAME_H

#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"

/* Head of an AC-3 frame: syncinfo and the start of bsi (ATSC A/52 5.3). */
enum { AC3_HEADER_BYTES = 8, AC3_FRAME_SAMPLES = 1536, AC3_FRAME_MAX = 3840 };

struct ac3_header {
	uint32_t sample_hz, bitrate_bps;
	uint16_t frame_n; /* octets of the frame */
	uint8_t channels; /* with the low frequency one */
};

/* ERR_MORE: fewer than AC3_HEADER_BYTES; ERR_SYNTAX: no syncword, or a reserved value;
 * ERR_UNSUPPORTED: Enhanced AC-3 and what came after it. */
MUST_USE int ac3_header_read(struct bytes b, struct ac3_header *h);

#endif
