/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_MPA_H
#define SERVER_MEDIA_PACK_MPA_H

#include "server/media/pack/pack.h"

/*
 * MPEG audio, layers 1 to 3, in RFC 2250 (payload type 14, 90 kHz, all rates): whole frames, several
 * in a packet (bundle.h), or one in several. A unit may hold any number of frames.
 *
 * Not RFC 5219 (mpa-robust), which takes layer 3 apart into what each frame really needs: it gains
 * something only where packets are lost, browsers and hardware do not know it, and every client that
 * does takes this one too.
 */
extern const struct packer_ops mpa_packer;

#endif
