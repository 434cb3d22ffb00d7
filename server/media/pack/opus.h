/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_OPUS_H
#define SERVER_MEDIA_PACK_OPUS_H

#include "server/media/pack/pack.h"

/*
 * Opus in RFC 7587: an Opus packet is a payload, mono or stereo (more channels have no payload format
 * and are refused). One that is too long for a packet is sent as the single frames that it consists
 * of (RFC 6716 3.2).
 *
 * The codec's set-up, if it has one, are the fields that dOps and OpusHead begin with (RFC 7845 5.1):
 * where the version is 0 (dOps) numbers are from the big end, else (OpusHead) from the little one.
 */
extern const struct packer_ops opus_packer;

/* 48 kHz samples that a packet holds, by its first two octets (6716 3.1, 3.2); 0: it does not say. */
uint32_t opus_ticks(struct bytes head);

#endif
