/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_HINT_SDP_H
#define SERVER_MEDIA_FORMAT_HINT_SDP_H

#include "server/media/format/hint_stream.h"

/*
 * Session descriptions (4566) from the texts that hinters leave in the file: one per hint track
 * (udta/hnti/sdp), one for the movie (udta/hnti/rtp). Their lines are taken over one by one, and only
 * what a description may hold there.
 */

/* What the hint track's own text says of the stream. ERR_UNSUPPORTED: no usable m= line. */
MUST_USE int hint_sdp_read(struct hint_stream *s, uint64_t bps_max);
/* Its attributes, after m=, b= and a=control. */
void hint_sdp_describe(const struct hint_stream *s, struct sdp_writer *w);
/* The movie's text: session_kbps and sdp of *m. */
void hint_sdp_movie(struct movie *m, struct bytes text);
/* The upper bound of a bit rate that this movie may announce (bits per second); 0: none. */
uint64_t hint_sdp_bps_max(const struct movie *m);

#endif
