/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MPEG12V_H
#define SERVER_MEDIA_PACK_MPEG12V_H

#include "server/media/pack/pack.h"

/* RFC 2250 3: video elementary streams of MPEG-1 and MPEG-2. Config: a sequence header, for units that
 * lack it, or none. */
extern const struct packer_ops mpeg12v_packer;

#endif
