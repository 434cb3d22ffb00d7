/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_START_CODE_H
#define SERVER_MEDIA_PACK_START_CODE_H

#include <stddef.h>

#include "server/base/bytes.h"

/* Places in streams whose parts begin with start codes: 00 00 01 and what follows. */

/* Offset of the first 00 00 01 at or after `from`, or b.n. */
size_t start_code_find(struct bytes b, size_t from);

/*
 * For cutting streams whose parts begin with 00 00 and an octet that has a bit of `mask`: the last place
 * from 1 to limit where a part begins; limit when there is none (limit ≤ b.n).
 */
size_t start_code_cut(struct bytes b, size_t limit, uint8_t mask);

#endif
