/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_TITLE_H
#define SERVER_MEDIA_TITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/media/io.h"
#include "server/media/source.h"

/*
 * One media file: parsed once, immutable, counted, shared by all workers. Holds its descriptor, so a
 * file replaced by rename is played to its end from the old one; one changed in place answers
 * ERR_CHANGED at the next block (size and mtime are compared). Opening and filling block: they run
 * in jobs (io.h).
 */
struct title;
struct title_cache;

/*
 * Reads the tables of an opened regular file. Blocks. Takes fd over when it succeeds. path: as the client
 * has asked for it; its last segment is s= of the SDP, and tells formats without a magic number. -errno,
 * ERR_TRUNCATED, ERR_CORRUPT, ERR_LIMIT, or ERR_UNSUPPORTED: no format that we read, or no track that can
 * be sent (RTSP 415). *out has one reference. What was left out, and why, is logged in one line each.
 */
MUST_USE int title_open_fd(int fd, struct bytes path, struct title **out);
/* The same over bytes that outlive the title; logs nothing. */
MUST_USE int title_open_memory(struct bytes file, struct bytes path, struct title **out);

/*
 * The same for a file that a user names, for tools: logs nothing, and appends to *notes what was left out and
 * why, one line each, whether it succeeds or not. As root_open for what is no regular file.
 */
MUST_USE int title_open_path(const char *path, struct buf *notes, struct title **out);

/* What its reader made of it: streams, duration, notes. Lives with the title. */
struct movie;
const struct movie *title_movie(const struct title *t);

struct title *title_ref(struct title *t);
/* NULL is fine; any thread. The last one closes the file: a pool thread, or a tool. */
void title_unref(struct title *t);
/* The same for a worker's thread: what may block is done in a job of io. */
void title_release(struct title *t, struct media_io *io);

/* When the file was last written, ns since 1970 (Last-Modified); 0 for memory. */
int64_t title_mtime_ns(const struct title *t);

/* A new cursor at NPT 0 with its own reference to the title. io: the worker's. Never fails. */
struct source *title_source(struct title *t, struct media_io *io);

/*
 * The cache: one per process. It finds titles by device, inode, size and mtime, and keeps their tables and
 * blocks, all in one measure; the longest unused go first. What sessions hold is never taken away:
 * who would need more than there is, is refused. Its lock is touched when a title is opened and at a
 * change of block, never per packet. Free it after all its users.
 */
struct title_limits {
	size_t bytes;    /* tables and blocks together */
	uint32_t titles; /* open at a time: a descriptor each */
};
struct title_gauges {
	uint64_t tables, blocks; /* bytes kept */
	uint64_t pinned;         /* bytes of the blocks that sessions hold */
	uint64_t most;           /* bytes ever kept at a time */
	uint64_t titles;
	uint64_t read;    /* files read, in all */
	uint64_t filled;  /* blocks made */
	uint64_t evicted; /* blocks given up for others */
};
struct title_cache *title_cache_new(const struct title_limits *limits);
void title_cache_free(struct title_cache *c);
void title_cache_gauges(struct title_cache *c, struct title_gauges *g);
/* Looks whether files that are being played were written to, in jobs of io, and gives up fills that found no
 * room for ten calls; once a second. */
void title_cache_check(struct title_cache *c, struct media_io *io);

/*
 * Opens the file `path` beneath the folder root_fd (root.h tells what it refuses), or finds it among the
 * titles already open; of many at a time for one path or file, one does. The owner fills cache, root_fd (stays
 * the owner's), path (a heap string; it lives with the owner), for_session, on_done, the rest zero; then
 * title_request_start. on_done runs on io's loop with err and, when that is 0, title (whose reference is the
 * owner's). Keep the struct until then.
 *
 * err: what root_open and title_open_fd answer; -ENODATA: an empty file; ERR_CHANGED: it is being written
 * to; -EMFILE, -ENFILE: no descriptor, or limits.titles are in use; -ENOMEM: no room for its tables;
 * -ENOBUFS: no room for one session more.
 */
struct title_request {
	struct media_job job;
	struct title_cache *cache;
	int root_fd;
	const char *path;
	bool for_session; /* room for the blocks of one cursor is asked for, too */
	void (*on_done)(struct title_request *r);
	int err;
	struct title *title;
	/* while it runs: */
	bool is_settled;
	struct title_request *next, *followers;
	struct turn *turn;
};
void title_request_start(struct title_request *r, struct media_io *io);

#endif
