/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_BOX_H
#define SERVER_MEDIA_FORMAT_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * Boxes of ISO base media (ISO/IEC 14496-12 4.2) and atoms of QuickTime, which are the same thing.
 * Everything is a bounded view: a box never reaches beyond the one that holds it.
 */
#define FOURCC(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct box {
	uint32_t type;
	struct bytes body; /* without the header */
};

/*
 * Takes the next box off *rest. True and *box; false when there is none: the end, or a terminating
 * zero (QuickTime user data). A box that lies about its size is ERR_CORRUPT in *err, and false.
 */
MUST_USE bool box_next(struct bytes *rest, struct box *box, int *err);
/* The first box of that type; the empty view with p == NULL when there is none or before it a broken
 * one. */
struct bytes box_find(struct bytes in, uint32_t type);
/* The same down a path of types, ended by 0. */
struct bytes box_find_path(struct bytes in, const uint32_t *path);

/* Whether such a box may stand first in a file of this family: it tells it from other files. */
bool box_is_top_type(uint32_t type);

#endif
