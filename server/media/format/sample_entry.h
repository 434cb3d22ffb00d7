/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_SAMPLE_ENTRY_H
#define SERVER_MEDIA_FORMAT_SAMPLE_ENTRY_H

#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/media/pack/codec.h"

/*
 * Entries of the sample description box: ISO/IEC 14496-12 8.5.2 and 12, 14496-14, 14496-15, and
 * QuickTime's sound descriptions of versions 0, 1 and 2.
 */
struct sample_entry {
	struct codec codec;   /* its views borrow from the entry */
	uint32_t frame_bytes; /* PCM: octets of a sample frame; 0: no PCM */
	const char *why; /* it can't be told what it is, or it is of no use: a literal; else NULL */
};

/*
 * Reads an entry, its header included, of a video (is_video) or sound track. `iso`: its version 1 is
 * ISO's, not QuickTime's (the version of the box that holds it is not 0). 0, even when the codec is
 * CODEC_NONE: fourcc names it, and why may say more. ERR_CORRUPT: it is too short.
 */
MUST_USE int sample_entry_read(
	struct bytes entry, bool is_video, bool iso, struct sample_entry *out);

#endif
