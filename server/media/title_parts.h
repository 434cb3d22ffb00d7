/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_TITLE_PARTS_H
#define SERVER_MEDIA_TITLE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/base/buf.h"
#include "server/base/list.h"
#include "server/media/format/movie.h"
#include "server/media/pack/block.h"
#include "server/media/title.h"

/* What a title consists of; for server/media's own files only. */
enum { TITLE_BLOCKS_MAX = 512, TITLE_NAME_MAX = 64 };

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
	struct movie movie;
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

/* ---- title_sdp.c ---- */

/* Appends the whole description. */
MUST_USE int title_sdp_write(
	const struct title *t, const struct source_place *place, struct buf *sdp);
#endif
