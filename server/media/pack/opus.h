/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_OPUS_H
#define SERVER_MEDIA_PACK_OPUS_H

#include "server/media/pack/pack.h"

/*
 * Opus in RFC 7587: an Opus packet is a payload, mono or stereo (more channels have no payload format
 * and are refused). One that is too long for a packet is sent as the single frames that it consists
 * of (RFC 6716 3.2).
 */
extern const struct packer_ops opus_packer;

#endif
