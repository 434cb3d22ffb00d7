/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_STREAM_H
#define SERVER_MEDIA_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/tick.h"
#include "server/media/file.h"
#include "server/media/track.h"

/*
 * A track that can be streamed: a hint track, the media tracks it takes its bytes from, and where its
 * clocks stand on the NPT axis. Immutable once the title is open.
 */
enum { STREAM_CONTROL_MAX = 64, STREAM_SLOT_S = 1 };

struct stream {
	const struct track *hint;
	const struct track *refs[TRACK_REFS_MAX]; /* by track reference index; may be NULL */
	bool is_video;
	bool is_aac; /* RFC 3640 */
	uint8_t payload_type;
	uint32_t clock_hz;
	uint32_t bitrate_bps; /* as the file announces it; 0 = not, or absurdly */
	int64_t shift;        /* RTP ticks of NPT 0 on the hint track's own axis */
	tick_t duration;      /* NPT of its end */
	char control[STREAM_CONTROL_MAX];
};

/*
 * Puts the stream's shift and duration. The hint track's own edit list counts; then the first packet
 * is compared with when its media sample is presented (the media track's edit list and composition
 * offsets included), since hinters forget what the media's edit list cuts off: an offset of up to a
 * second is taken over, so that tracks stay in step. Reads the file.
 */
MUST_USE int stream_place(struct stream *s, const struct media_file *f, uint32_t movie_timescale);

/* When sample n of a media track is presented, in ns of NPT. */
tick_t track_presentation(const struct track *t, uint32_t n, uint32_t movie_timescale);

/* Hint sample n on the NPT axis, in RTP ticks and in ns. */
int64_t stream_ticks(const struct stream *s, uint32_t n);
tick_t stream_due(const struct stream *s, uint32_t n);
/* The first hint sample that is not due before npt (0 for npt ≤ 0); n_samples when there is none. */
uint32_t stream_sample_at(const struct stream *s, tick_t npt);

/*
 * Blocks begin at fixed places whatever was asked first, so that sessions share them: at the first
 * hint sample of each second, and inside it wherever the block before was full.
 */
uint32_t stream_slot_first(const struct stream *s, uint32_t n);
/* One past the last hint sample of the second that sample n is in. */
uint32_t stream_slot_end(const struct stream *s, uint32_t n);

#endif
