/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_TITLE_PARTS_H
#define SERVER_MEDIA_TITLE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/base/buf.h"
#include "server/base/list.h"
#include "server/media/block.h"
#include "server/media/stream.h"
#include "server/media/title.h"

/* What a title consists of; for server/media's own files only. */
enum { TITLE_TRACKS_MAX = 64, TITLE_BLOCKS_MAX = 512, TITLE_NAME_MAX = 64, SDP_LINE_MAX = 4096 };

/* A cursor's request for one block; embedded in it. */
struct block_job {
	struct media_job job;
	struct title *title;
	uint32_t stream, first;
	struct block *block; /* the answer's reference, when err is 0 */
	int err;
};

struct title {
	_Atomic uint32_t refs;
	struct media_file file;
	uint8_t *moov;
	size_t moov_n;
	uint32_t movie_timescale;
	struct track tracks[TITLE_TRACKS_MAX];
	uint32_t n_tracks;
	struct stream streams[SOURCE_TRACKS_MAX];
	uint32_t n_streams;
	tick_t duration;
	char name[TITLE_NAME_MAX]; /* for s= */

	pthread_mutex_t lock; /* of what follows */
	/* blocks kept: keys side by side, since a look-up passes over them all */
	uint64_t keys[TITLE_BLOCKS_MAX]; /* stream << 32 | first */
	uint64_t used[TITLE_BLOCKS_MAX];
	struct block *blocks[TITLE_BLOCKS_MAX]; /* one reference each */
	uint32_t n_blocks;
	uint64_t uses, block_bytes;
	bool filling;                      /* one request at a time is with the executor */
	struct media_job *waiting, **tail; /* the others */

	/* of the title cache, under its lock */
	uint64_t cache_used;
};

/* The block if it is there (a reference for the caller), else NULL. */
struct block *title_find_block(struct title *t, uint32_t stream, uint32_t first);
/* Sends j (title, stream, first filled in) to io when its turn comes; j->job.done is the caller's. */
void title_request_block(struct block_job *j, struct media_io *io);

/* Puts the name that s= shows: the last segment of path, what does not belong into SDP left out. */
void title_set_name(struct title *t, struct bytes path);

/* ---- title_sdp.c ---- */

/* What the hint track's own SDP text says of the stream. ERR_UNSUPPORTED: no usable m= line. */
MUST_USE int title_sdp_read(struct stream *s, struct bytes text, uint64_t bps_max);
/* Appends the whole description. */
MUST_USE int title_sdp_write(
	const struct title *t, const struct source_place *place, struct buf *sdp);
/* The upper bound of a bit rate that this title may announce (bits per second). */
uint64_t title_bps_max(const struct title *t);

#endif
