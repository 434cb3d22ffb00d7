/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_IOPOOL_H
#define SERVER_CORE_IOPOOL_H

#include "server/media/io.h"
#include "server/net/loop.h"

/*
 * Threads for blocking work. Jobs of one share (a device) run in the order in which they came, shares take
 * turns; done() travels back to the worker's loop by mail.
 *
 * There are `base` threads. When a job has waited for some 20 ms because all of them are stuck, more are
 * started, up to `most`; those end when they were idle for some seconds.
 *
 * A dead disk must leave threads to the others: jobs of one share never take more than half of `most`, those
 * of the unknown share (0) a quarter. And a slow title must leave some to the others of its disk: when it has
 * kept a thread for 100 ms, its jobs wait in a lane of their own, which gets half of the share.
 */
struct iopool;

/* A worker's door to the pool; embedded in the worker. Without a pool jobs run inside submit. */
struct io_worker {
	struct media_io io;
	struct iopool *pool;
	struct loop *loop;
};

struct iopool *iopool_new(unsigned base, unsigned most);
/*
 * Finishes every job that was submitted (their done() mails are posted by then) and ends the threads; jobs
 * submitted later run inside submit. False: after wait_ms some job is still stuck in the kernel. Then
 * nothing that it may touch can be freed, the pool included: the process must end by _exit.
 */
MUST_USE bool iopool_stop(struct iopool *p, int64_t wait_ms);
/* Not after an iopool_stop that answered false. NULL is fine. */
void iopool_free(struct iopool *p);
void io_worker_init(struct io_worker *w, struct iopool *p, struct loop *l);

/* What it did, for statistics. */
struct iopool_gauges {
	unsigned threads, most_threads;
	uint64_t jobs;
};
void iopool_read_gauges(struct iopool *p, struct iopool_gauges *g);

#endif
