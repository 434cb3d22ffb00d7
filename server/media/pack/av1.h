/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AV1_H
#define SERVER_MEDIA_PACK_AV1_H

#include "server/media/pack/pack.h"

/* RTP Payload Format for AV1 (AOM, version 1.0). Config: av1C, or none. */
extern const struct packer_ops av1_packer;

#endif
