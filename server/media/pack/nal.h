/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_NAL_H
#define SERVER_MEDIA_PACK_NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buf.h"
#include "server/base/bytes.h"

/*
 * NAL units of H.264 and H.265, as they lie in files: behind length fields (14496-15) or start codes
 * (Annex B of either standard). Views borrow from what was handed in.
 */
struct nal_iter {
	struct bytes rest;
	uint8_t length_bytes;
};

/* length_bytes: 1 to 4, or 0 for start codes; what stands before the first start code is no NAL unit. */
void nal_iter_init(struct nal_iter *it, struct bytes unit, uint8_t length_bytes);
/*
 * The next NAL unit that is not empty, without the zeros that may follow it before a start code.
 * False at the end, and where a length leads beyond it: the rest cannot be trusted then.
 */
bool nal_next(struct nal_iter *it, struct bytes *nal);
/* Whether it begins with a start code of three or four octets (four: 0001). */
bool nal_has_start_code(struct bytes b);

/*
 * Copies at most cap octets of the NAL unit without its emulation prevention (H.264 7.3.1: 3 after two
 * zeros), header included. Answers how many it wrote.
 */
size_t nal_unescape(struct bytes nal, uint8_t *dst, size_t cap);

/* Parameter sets, in their order. More than NAL_SETS_MAX are left out, as are such as are too long
 * for a packet's payload length field. */
enum { NAL_SETS_MAX = 64 };
struct nal_sets {
	struct bytes set[NAL_SETS_MAX];
	size_t n;
	size_t bytes; /* of all of them */
};
void nal_sets_add(struct nal_sets *s, struct bytes nal);

#endif
