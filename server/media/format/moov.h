/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_MOOV_H
#define SERVER_MEDIA_FORMAT_MOOV_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/err.h"
#include "server/media/format/file.h"

/* The outermost boxes of a file, and the one that tells what the rest is. */
struct top_box {
	uint32_t type;
	uint64_t start; /* of its header */
	uint64_t at, n; /* of the body */
	uint64_t end;   /* of the whole */
};

enum { TOP_WALK_BYTES = 4096 };

/* Goes from box to box; what is read ahead serves the boxes that lie close together, and their bodies.
 * Embedded; one thread. */
struct top_walk {
	const struct media_file *file;
	uint64_t next;       /* where the next box begins */
	uint32_t boxes_left; /* a file of nothing but headers must not take for ever */
	uint64_t head_at;
	size_t head_n;
	uint8_t head[TOP_WALK_BYTES];
};
void top_walk_init(struct top_walk *w, const struct media_file *f, uint64_t at);
/*
 * 0 and *t; ERR_END; ERR_TRUNCATED: the file ends inside the box (*t is right but for what is not there);
 * ERR_CORRUPT, ERR_LIMIT, -errno.
 */
MUST_USE int top_next(struct top_walk *w, struct top_box *t);
/* n octets of a box, from the file's offset `at` on. Errors as media_file_read. */
MUST_USE int top_read(struct top_walk *w, uint64_t at, void *dst, size_t n);

/*
 * Reads the body of the file's moov box, wherever it stands, into a heap block that the caller frees; a
 * compressed one (cmov) unpacked. *end: where the box after it begins.
 * ERR_UNSUPPORTED: not such a file; ERR_TRUNCATED: it ends inside a box; ERR_LIMIT: moov longer than
 * max, or too many boxes before it; ERR_CORRUPT; -errno.
 */
MUST_USE int moov_read(
	const struct media_file *f, size_t max, uint8_t **moov, size_t *n, uint64_t *end);

#endif
