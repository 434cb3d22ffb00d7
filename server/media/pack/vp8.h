/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_VP8_H
#define SERVER_MEDIA_PACK_VP8_H

#include "server/media/pack/pack.h"

/* RFC 7741. No config. */
extern const struct packer_ops vp8_packer;

#endif
