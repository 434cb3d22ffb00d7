/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_H263_H
#define SERVER_MEDIA_PACK_H263_H

#include "server/media/pack/pack.h"

/* RFC 4629 (H263-1998). No config. */
extern const struct packer_ops h263_packer;

#endif
