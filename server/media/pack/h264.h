/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_H264_H
#define SERVER_MEDIA_PACK_H264_H

#include "server/media/pack/pack.h"

/* RFC 6184, packetization mode 1. Config: avcC, or parameter sets behind start codes, or none. */
extern const struct packer_ops h264_packer;

#endif
