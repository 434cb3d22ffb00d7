/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_MOVIE_H
#define SERVER_MEDIA_FORMAT_MOVIE_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/buf.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/media/format/file.h"
#include "server/media/format/stream.h"

/*
 * What a reader makes of a media file: the streams that can be sent, and what is said of the whole. All
 * of it is read when the file is opened; afterwards it is immutable, and only stream fills read the file.
 */
enum { MOVIE_STREAMS_MAX = 16, MOVIE_NOTES_BYTES_MAX = 16 << 10, MOVIE_SDP_BYTES_MAX = 16 << 10 };

struct movie {
	struct media_file file;
	const char *format; /* "MP4", "MPEG-TS" …: a literal */
	tick_t duration;
	int64_t created_ns; /* when NPT 0 was, ns since 1970; 0: the file does not say */
	struct stream *streams[MOVIE_STREAMS_MAX]; /* owned */
	uint32_t n_streams;
	uint32_t session_kbps; /* b=AS of the whole, 0: none */
	struct buf sdp;        /* further session-level lines, "a=…\r\n" each; clean */
	/* what was left out and why, for the log and --describe: lines ended by \n */
	struct buf notes;
	size_t memory; /* bytes that the tables take, beside the struct */
	/* the reader's own memory, which streams point into */
	void *state;
	void (*clear)(struct movie *m);
};

/*
 * Reads the file in m->file (which the caller has opened and, when this fails, closes). `name` is the last
 * segment of its path: formats without a magic number go by its extension. Blocks. ERR_UNSUPPORTED: no
 * reader knows it, or no track of it can be sent (notes say which and why); ERR_TRUNCATED, ERR_CORRUPT,
 * ERR_LIMIT, -errno.
 */
MUST_USE int movie_open(struct movie *m, struct bytes name);
/* Frees all but the file; after a failed movie_open too. */
void movie_clear(struct movie *m);

/* One line; cut where notes are full. */
void movie_note(struct movie *m, const char *fmt, ...) PRINTF(2, 3);
/* Takes s over, in any case. ERR_LIMIT: too many. A control that is empty or taken becomes
 * trackID=<id>, or the next free number; payload types are made distinct by the caller. */
MUST_USE int movie_add(struct movie *m, struct stream *s);

/* A reader of one family of formats. */
struct movie_reader {
	const char *name;
	/* Whether the file is of this family: head is its first up to 4096 octets, name as above. */
	bool (*probe)(const struct media_file *f, struct bytes head, struct bytes name);
	int (*open)(struct movie *m);
};
/* All readers, in the order in which they are asked (readers.c). */
const struct movie_reader *const *movie_readers(size_t *n);

#endif
