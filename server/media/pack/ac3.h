/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AC3_H
#define SERVER_MEDIA_PACK_AC3_H

#include "server/media/pack/pack.h"

/* AC-3 in RFC 4184: whole frames, several in a packet (bundle.h), or one in several. A unit may hold
 * any number of frames. */
extern const struct packer_ops ac3_packer;

#endif
