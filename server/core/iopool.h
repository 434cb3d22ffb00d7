/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_IOPOOL_H
#define SERVER_CORE_IOPOOL_H

#include "server/media/io.h"
#include "server/net/loop.h"

/*
 * Threads for blocking work. Jobs run in the order in which they came; done() travels back to the
 * worker's loop by mail.
 */
struct iopool;

/* A worker's door to the pool; embedded in the worker. Without a pool jobs run inside submit. */
struct io_worker {
	struct media_io io;
	struct iopool *pool;
	struct loop *loop;
};

struct iopool *iopool_new(unsigned threads);
/* Finishes every job that was submitted (their done() mails are posted by then) and ends the threads. */
void iopool_stop(struct iopool *p);
void iopool_free(struct iopool *p);
void io_worker_init(struct io_worker *w, struct iopool *p, struct loop *l);

#endif
