/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_TITLE_H
#define SERVER_MEDIA_TITLE_H

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

/* Caps on what a file can make us hold or do; more is ERR_LIMIT. */
enum {
	TITLE_CACHE_BYTES_MAX = 16 << 20, /* blocks kept per title though nobody plays them */
	TITLE_CACHE_TITLES_MAX = 64       /* titles kept though nobody plays them */
};

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
void title_unref(struct title *t); /* NULL is fine; any thread */

/* When the file was last written, ns since 1970 (Last-Modified); 0 for memory. */
int64_t title_mtime_ns(const struct title *t);

/* A new cursor at NPT 0 with its own reference to the title. io: the worker's. Never fails. */
struct source *title_source(struct title *t, struct media_io *io);

/* The cache: one per process; finds titles by device, inode, size and mtime. Its lock is touched when
 * a title is opened, never per packet. Free it after all its users. */
struct title_cache *title_cache_new(void);
void title_cache_free(struct title_cache *c);
/*
 * Opens the file `path` beneath the folder root_fd (root.h: what it refuses is ERR_NOT_FOUND, -ENOENT,
 * -EACCES …), or finds it among the titles already open. Blocks: call it in a job, or use a
 * title_request. *out has one reference for the caller.
 */
MUST_USE int title_cache_open(
	struct title_cache *c, int root_fd, struct bytes path, struct title **out);

/*
 * title_cache_open as a job. The owner fills cache, root_fd (stays the owner's), path (a heap string;
 * it lives with the owner), on_done; then title_request_start. on_done runs on io's loop with err
 * and, when that is 0, title (whose reference is the owner's). Keep the struct until then.
 */
struct title_request {
	struct media_job job;
	struct title_cache *cache;
	int root_fd;
	const char *path;
	void (*on_done)(struct title_request *r);
	int err;
	struct title *title;
};
void title_request_start(struct title_request *r, struct media_io *io);

#endif
