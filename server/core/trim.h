/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TRIM_H
#define SERVER_CORE_TRIM_H

#include "server/base/tick.h"
#include "server/media/io.h"

/*
 * After a rush the allocator sits on memory that nobody uses. When less than half of the connections of the
 * rush are left, and once a minute while many come and go, a thread of the I/O pool gives it back to the
 * kernel.
 */
struct worker;

/* In struct server; worker 0's. */
struct trimmer {
	struct media_job job;
	bool busy;
	uint32_t most; /* connections since the last time */
	uint64_t come; /* connections ever, at the last time */
	tick_t next;   /* not before */
};

/* Once a second, on worker 0. */
void trimmer_look(struct worker *w, tick_t now);

#endif
