/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MPEG4V_H
#define SERVER_MEDIA_PACK_MPEG4V_H

#include "server/media/pack/pack.h"

/* RFC 6416, MP4V-ES. Config: the headers before the first picture, or none. */
extern const struct packer_ops mpeg4v_packer;

#endif
