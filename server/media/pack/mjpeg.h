/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MJPEG_H
#define SERVER_MEDIA_PACK_MJPEG_H

#include "server/media/pack/pack.h"

/* RFC 2435. No config. */
extern const struct packer_ops mjpeg_packer;

#endif
