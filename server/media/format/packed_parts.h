/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_PACKED_PARTS_H
#define SERVER_MEDIA_FORMAT_PACKED_PARTS_H

#include "server/media/format/packed_stream.h"

/* What a packetised stream consists of; for packed_stream.c and packed_block.c only. */
struct packed_stream {
	struct stream stream;
	const struct track *track;
	struct packer packer;
	struct bytes prefix;
	uint32_t movie_timescale;
	uint32_t first, end;   /* samples that are sent */
	uint32_t unit_samples; /* unit n begins with sample first + n * unit_samples */
	uint32_t first_sync;   /* index in the table of the first sync sample that is sent */
	int64_t delay_ticks;   /* edit.delay in ticks of the RTP clock */
	tick_t delay;          /* … in ns */
};

/* Media time of sample n (≤ n_samples) against what NPT 0 shows but for the edit's delay, and its
 * presentation. */
int64_t packed_decode_time(const struct packed_stream *s, uint32_t n);
int64_t packed_shown_time(const struct packed_stream *s, uint32_t n);
/* Such a time in ns of NPT, and in ticks of the RTP clock. */
tick_t packed_ns(const struct packed_stream *s, int64_t time);
int64_t packed_ticks(const struct packed_stream *s, int64_t time);
/* The sample that a unit begins with. */
uint32_t packed_unit_sample(const struct packed_stream *s, uint32_t unit);

/* The fill of stream.h, of units first ≤ n < end at most. */
MUST_USE int packed_block_fill(const struct packed_stream *s, const struct media_file *f,
	uint32_t track, uint32_t first, uint32_t end, struct block **out);

#endif
