/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MJPEG_H
#define SERVER_MEDIA_PACK_MJPEG_H

#include "server/media/pack/pack.h"

/* RFC 2435. Config: the first picture, or its head, to be judged (ERR_UNSUPPORTED); or none. */
extern const struct packer_ops mjpeg_packer;

#endif
