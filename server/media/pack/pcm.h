/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_PCM_H
#define SERVER_MEDIA_PACK_PCM_H

#include "server/media/pack/pack.h"

/*
 * Sound without a codec (RFC 3551 4.5): PCMU and PCMA as they are; L16 and L24 (RFC 3190) turned into
 * what goes on the wire, signed and from the big end. Samples of 8 bits go as L16, which every client
 * takes, not as L8, which ffmpeg and all that is built on it refuse: nothing is lost by it. Units of
 * 20 ms; when such a unit is too long for a packet, packets of as many whole ms as fit. A unit's last
 * octets that are no sample frame are left out.
 */
extern const struct packer_ops pcmu_packer, pcma_packer, pcm_packer;

#endif
