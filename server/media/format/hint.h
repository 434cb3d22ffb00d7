/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_HINT_H
#define SERVER_MEDIA_FORMAT_HINT_H

#include <stdint.h>

#include "server/base/attr.h"
#include "server/media/format/hint_stream.h"
#include "server/media/pack/block.h"

/*
 * The reader of RTP hint samples (ISO/IEC 14496-12 9.1, QuickTime "hint media"): packets with
 * transmission times, header bits, extra information ("rtpo") and their constructors: no-op,
 * immediate data, sample data (of a media track, or of the hint track itself), sample description.
 * Packets flagged as repeats are left out: sequence numbers are the session's, so a repeat would
 * arrive as new data.
 */

/*
 * Assembles the block that begins with hint sample `first` (a block_first, or where another
 * block ended). Blocks on the file. A broken hint sample ends the block before it; when it is the
 * first one: ERR_CORRUPT, ERR_LIMIT, ERR_TRUNCATED, -errno. *out has one reference.
 */
MUST_USE int hint_fill(const struct media_file *f, const struct hint_stream *s, uint32_t track,
	uint32_t first, struct block **out);

/* The media sample that the track's first packet takes its first bytes from. */
struct hint_origin {
	const struct track *media;
	uint32_t sample;      /* of media, from 0 */
	uint32_t hint_sample; /* whose packet it is */
	int64_t rtp_offset;   /* its rtpo, in ticks of the stream's clock */
};
/* ERR_NOT_FOUND: it has none (own data, or compressed audio blocks); errors of the file. */
MUST_USE int hint_find_origin(
	const struct media_file *f, const struct hint_stream *s, struct hint_origin *o);

#endif
