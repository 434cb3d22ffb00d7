/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PATTERN_SOURCE_H
#define SERVER_MEDIA_PATTERN_SOURCE_H

#include "server/media/source.h"
#include "server/wire/pattern.h"

/*
 * Packets made from nothing, for load and for calibration (server/wire/pattern.h has the format and
 * reads the URL path). A packet is its prefix in packet.head and a view into the shared body; its
 * stream id is source->tracks[].ssrc and its send time the `now` of the call.
 *
 * body: filled by pattern_body_init, one for the whole process (the module owns it), outlives every
 * source. Never fails; the caller frees with source_free. No I/O: next never answers ERR_AGAIN.
 */
struct source *pattern_source_new(const struct pattern *p, const struct pattern_body *body);

#endif
