/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PATTERN_SOURCE_H
#define SERVER_MEDIA_PATTERN_SOURCE_H

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/media/source.h"

/*
 * Packets made from nothing, for load and for calibration: X-BEAGLE-PATTERN/90000, PT 96. Every
 * packet's 24-byte prefix proves stream (SSRC), position (packet number from NPT 0) and send time
 * (the turn's now); the body after it is the same for all (server/wire/pattern.h). Every packet is a
 * sync sample due at position / packets per second.
 *
 * spec is what follows "/pattern" in the URL: segments in any order, each a number and a unit:
 *   500k  bits per second of RTP packets (header and payload), suffixes k, m or none with "b" (64000b)
 *   50p   packets per second      2t  tracks      60s  duration (endless without)
 * 0, ERR_SYNTAX for anything else (also a unit named twice), ERR_RANGE when the numbers give a packet
 * shorter than its prefix or longer than fits, no whole number of bytes, or no whole RTP tick step.
 */
MUST_USE int pattern_source_new(struct bytes spec, struct source **out);

#endif
