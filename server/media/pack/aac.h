/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AAC_H
#define SERVER_MEDIA_PACK_AAC_H

#include "server/media/pack/pack.h"

/*
 * AAC in RFC 3640, mode AAC-hbr: access units as ISO files keep them (no ADTS headers), several in a
 * packet (bundle.h), or one in several.
 *
 * The RTP clock is the samplingFrequency of the AudioSpecificConfig, with SBR therefore the core's
 * (3640 3.3.6 wants what config says; GStreamer and live555 send so too, ffmpeg takes either): an
 * access unit lasts constantDuration = 1024 or 960 ticks whatever a decoder makes of it.
 */
extern const struct packer_ops aac_packer;

#endif
