/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_SWEEP_H
#define SERVER_MEDIA_FORMAT_SWEEP_H

#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/media/format/file.h"

/*
 * A file read from front to back through a large window: for readers that must see all of it, or hop
 * along its headers. Embedded; one thread; clear it. Going back costs a read, too.
 */
enum { SWEEP_BYTES = 256 << 10 };

struct sweep {
	const struct media_file *file;
	size_t window; /* octets per read at most; set by init, may be changed before the first view */
	/* behind a part that was passed over, reads begin with so many octets and double: for files
	 * of which the greater part is passed over. 0: all reads are whole windows. */
	size_t least;
	size_t next_n; /* of the next read, when least counts */
	uint8_t *p;
	uint64_t p_at;
	size_t p_n;
	uint64_t reads; /* octets read so far */
};
void sweep_init(struct sweep *s, const struct media_file *f);
void sweep_clear(struct sweep *s);
/*
 * What stands from `at` on: at least `need` octets (≤ window), fewer only where the file ends, none behind
 * its end. Good until the next call. -errno, ERR_TRUNCATED (the file has become shorter).
 */
MUST_USE int sweep_view(struct sweep *s, uint64_t at, size_t need, struct bytes *out);

#endif
