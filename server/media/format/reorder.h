/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_REORDER_H
#define SERVER_MEDIA_FORMAT_REORDER_H

#include "server/media/format/table_build.h"

/*
 * Decode times for pictures that come in decode order and have presentation times only: the same times
 * in rising order, moved ahead by as much as the first REORDER_WINDOW pictures need, so that none is shown
 * before it is decoded. Embedded, owns nothing.
 */
enum { REORDER_WINDOW = 128 };

struct reorder {
	struct table_build *build;                   /* borrowed */
	struct table_sample waiting[REORDER_WINDOW]; /* dts: presentation */
	uint64_t times[REORDER_WINDOW];              /* of those, sorted */
	uint32_t n;
	/* Composition offset that all have in common: presentation of the table less what was handed in. To
	 * be taken off by the edit (media_time). */
	uint64_t ahead;
	bool has_ahead;
	uint64_t last; /* the greatest presentation time */
};

void reorder_init(struct reorder *r, struct table_build *b);
/* s->dts: its presentation time; composition is not looked at. As table_build_add. */
MUST_USE int reorder_add(struct reorder *r, const struct table_sample *s);
/* After the last one. */
MUST_USE int reorder_end(struct reorder *r);

#endif
