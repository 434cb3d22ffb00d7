/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_VP9_H
#define SERVER_MEDIA_PACK_VP9_H

#include "server/media/pack/pack.h"

/* RFC 9628, one layer. Config: VPCodecConfigurationRecord, or none. */
extern const struct packer_ops vp9_packer;

#endif
