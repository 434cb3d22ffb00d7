/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_TITLE_PARTS_H
#define SERVER_MEDIA_TITLE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

#include "server/base/buf.h"
#include "server/base/list.h"
#include "server/media/format/movie.h"
#include "server/media/pack/block.h"
#include "server/media/title.h"

/* What a title and the cache consist of; for server/media's own files only. */
enum { TITLE_NAME_MAX = 64, TITLE_DIRS_MAX = 256 };

/* A cursor's request for one block; embedded in it. */
struct block_job {
	struct media_job job;
	struct title *title;
	uint32_t stream, first;
	struct block *block; /* the answer, held by the cursor, when err is 0 */
	/* -ENOBUFS: the cache is full of what others play. ERR_CHANGED, or what the fill ran into */
	int err;
	bool is_hungry; /* the cache's: it has waited for room, from that check on */
	uint64_t hungry_since;
	_Atomic bool unwanted; /* set by who asked: the answer may be any error */
};

/* ---- what a title is ---- */

/* The same key, the same octets; the first half tells the file. No padding: hashed as it lies. */
struct title_key {
	uint64_t device, inode;
	uint64_t size;
	int64_t mtime;
};
enum { TITLE_FILE_KEY = 16 };

struct title {
	_Atomic uint32_t refs;
	struct movie movie;
	char name[TITLE_NAME_MAX]; /* for s= */
	struct title_cache *cache;
	bool owns_cache;      /* opened without one */
	_Atomic bool changed; /* the file was written to: its sessions end at their next block */
	_Atomic bool is_slow; /* the executor's: of its fills */
	uint64_t number;      /* never used again */
	size_t cost;          /* bytes of its tables */
	size_t need;          /* bytes that a cursor holds at a time, about */
	struct media_job closing, checking;

	pthread_mutex_t lock;              /* of the next two */
	bool filling;                      /* one request at a time is with the executor */
	struct media_job *waiting, **tail; /* the others */

	/* under the cache's lock */
	struct title_key key;
	UT_hash_handle hh;
	struct link lru;  /* of the cache's titles; alone: not among them */
	struct link kept; /* its blocks in the cache */
	uint64_t used;    /* when, by the cache's count */
	bool is_counted;  /* cost is part of the cache's tables */
	bool is_checked;  /* `checking` is under way */
};

/* ---- what the cache is ---- */

struct kept_key {
	uint64_t title;
	uint32_t stream, first;
};

/* A block in the cache. While cursors hold it, it is pinned; else it stands in `idle`. */
struct kept {
	struct kept_key key;
	UT_hash_handle hh;
	struct block *block; /* one reference */
	uint32_t pins;
	uint64_t used;
	struct link idle, of_title;
};

/* A path that is being opened; who asks for it meanwhile waits for the next turn. */
struct turn {
	UT_hash_handle hh;
	struct title_request *waiting;
	char path[];
};

/* A file that is being read for the first time; the others who want it wait. */
struct opening {
	struct title_key key;
	UT_hash_handle hh;
	struct title_request *waiting;
};

struct title_cache {
	pthread_mutex_t lock;
	struct title_limits limits;
	_Atomic bool tight;

	/* under the lock */
	struct title *titles; /* by device and inode */
	struct link lru;      /* titles; the one not used for longest comes first */
	uint32_t n_titles;
	struct turn *turns;
	struct opening *openings;
	struct kept *kept; /* by key */
	struct link idle;  /* of kept; the one not used for longest comes first */
	/* fills that wait for a cursor to drop a block, in order; a check in which they are found too old
	 * gives them up */
	struct media_job *hungry, **hungry_tail;
	uint64_t checks;
	uint64_t uses;     /* counts what is used, and gives numbers */
	uint64_t expected; /* needs of cursors without a block yet, and of titles being read for */
	struct title_gauges gauges;
	/* devices that folders turned out to lie on, by a hash of the path */
	struct {
		uint64_t hash, device;
		_Atomic bool is_slow; /* the executor's */
	} dirs[TITLE_DIRS_MAX];
};

/* What was taken out of the cache under its lock, to be freed after it. */
struct victims {
	struct link blocks; /* kept.of_title */
	struct link titles; /* title.lru, a reference each */
};

/* ---- title.c ---- */

/* title_open_fd for a title that will keep its blocks in c. */
MUST_USE int title_read_fd(struct title_cache *c, int fd, struct bytes path, struct title **out);

/* ---- title_blocks.c: what cursors use ---- */

/* The block if it is there, else NULL. The caller holds it until title_drop_block. */
struct block *title_find_block(struct title *t, uint32_t stream, uint32_t first);
/* Gives back what title_find_block or a block_job gave. NULL is fine. */
void title_drop_block(struct title *t, struct block *b);
/* Sends j (title, stream, first filled in) to io when its turn comes; j->job.done is the caller's. */
void title_request_block(struct block_job *j, struct media_io *io);
/* Half of what the tables leave of the cache is held by cursors, or will be: who has a block shall not ask for the one after it yet. */
bool title_is_tight(const struct title *t);
/* A cursor was made that has no block yet; it has its first one, or ends without. */
void title_expect(struct title *t);
void title_arrived(struct title *t);

/* ---- within the cache, under its lock ---- */

void victims_init(struct victims *v);
/* After the lock. Blocks: closes files. */
void victims_free(struct victims *v);
/* Makes room for n bytes by giving up what nobody holds, the longest unused first. False: there is not so
 * much of that. */
MUST_USE bool cache_make_room(struct title_cache *c, size_t n, struct victims *v);
/* Takes the title and its blocks out of the cache. */
void cache_drop_title(struct title_cache *c, struct title *t, struct victims *v);
/* Takes out the fills that have waited for room for too long. */
struct media_job *cache_take_starved(struct title_cache *c);
/* All blocks of a title that nobody holds. */
void cache_drop_blocks(struct title_cache *c, struct title *t, struct victims *v);
/* The title not used for longest that only the cache holds, after a look at `steps` of them; NULL. */
struct title *cache_idle_title(struct title_cache *c, uint32_t steps);

/* ---- title_sdp.c ---- */

/* Appends the whole description. */
MUST_USE int title_sdp_write(
	const struct title *t, const struct source_place *place, struct buf *sdp);
#endif
