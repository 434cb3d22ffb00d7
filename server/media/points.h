/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_POINTS_H
#define SERVER_MEDIA_POINTS_H

#include "server/media/format/stream.h"

/* The frames of a video stream that can be shown by themselves: those of its sync points, or, when it has no
 * table of them, every unit. */

uint32_t points_count(const struct stream *s);
/* When point i < points_count is shown, and the unit at which to begin to look for its packets. */
tick_t points_npt(const struct stream *s, uint32_t i);
uint32_t points_unit(const struct stream *s, uint32_t i);
/* The last one that is shown at or before npt; false: there is none. */
bool points_before(const struct stream *s, tick_t npt, uint32_t *i);
/* Are there frames to be picked out, more than one? */
bool points_are_enough(const struct stream *s);

#endif
