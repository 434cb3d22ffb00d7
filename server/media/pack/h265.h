/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_H265_H
#define SERVER_MEDIA_PACK_H265_H

#include "server/media/pack/pack.h"

/* RFC 7798, one stream, no DON. Config: hvcC, or parameter sets behind start codes, or none. */
extern const struct packer_ops h265_packer;

#endif
