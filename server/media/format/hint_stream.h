/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_HINT_STREAM_H
#define SERVER_MEDIA_FORMAT_HINT_STREAM_H

#include "server/media/format/movie.h"
#include "server/media/format/track.h"

/*
 * A hint track as a stream: its units are hint samples. It knows the media tracks it takes its bytes from,
 * and where its clocks stand on the NPT axis.
 */
struct hint_stream {
	struct stream stream;
	const struct track *hint;
	const struct track *refs[TRACK_REFS_MAX]; /* by track reference index; may be NULL */
	uint32_t movie_timescale;
	bool is_aac;   /* RFC 3640 */
	int64_t shift; /* RTP ticks of NPT 0 on the hint track's own axis */
};

/*
 * The stream of a hint track, whose refs the caller has resolved. Tables are borrowed: they live with the
 * movie. Reads the file: the hint track's own edit list counts; then the first packet is compared with
 * when its media sample is presented (the media track's edit list and composition offsets included),
 * since hinters forget what the media's edit list cuts off: an offset of up to a second is taken over, so
 * that tracks stay in step. ERR_UNSUPPORTED: its SDP has no usable m= line; errors of the file.
 */
MUST_USE int hint_stream_new(const struct movie *m, const struct track *hint,
	const struct track *const *refs, uint32_t movie_timescale, struct stream **out);

/* Hint sample n on the NPT axis, in RTP ticks and in ns. */
int64_t hint_stream_ticks(const struct hint_stream *s, uint32_t n);
tick_t hint_stream_due(const struct hint_stream *s, uint32_t n);
/* One past the last hint sample of the second that sample n is in. */
uint32_t hint_stream_slot_end(const struct hint_stream *s, uint32_t n);

#endif
