/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_PACKED_STREAM_H
#define SERVER_MEDIA_FORMAT_PACKED_STREAM_H

#include "server/media/format/movie.h"
#include "server/media/format/track.h"
#include "server/media/pack/pack.h"

/*
 * A media track that is packetised on the fly: its units are samples of a sample table, whatever
 * container it came from (table_build.h makes one where the file has none).
 *
 * The axis: sample n is presented at its decode time + composition offset - edit.media_time + edit.delay,
 * and due at its decode time on the same axis (so B-frame streams begin a little before NPT 0, as audio
 * with priming does). Samples that the edit list cuts off at the end are not sent; those it cuts off at the
 * start are sent from the sync sample on that the first visible one needs.
 */
struct packed_config {
	const struct track *track; /* borrowed: lives with the movie */
	uint32_t movie_timescale;  /* of edit.delay */
	struct codec codec;        /* config borrowed for the call */
	/* raw octets that the reader must put before each sample's own, NULL: none (a container that
	 * strips headers); lives with the movie */
	struct bytes sample_prefix;
	const char *language; /* 4646 tag, or NULL */
	uint32_t rotation;    /* degrees clockwise, for --describe; 0 */
};

/*
 * Makes the stream and adds it to m. ERR_UNSUPPORTED, ERR_CORRUPT: it can't be packetised; movie_note
 * has been told which track, which codec and why, and m is otherwise as it was. ERR_LIMIT.
 */
MUST_USE int packed_stream_add(struct movie *m, const struct packed_config *c);

#endif
