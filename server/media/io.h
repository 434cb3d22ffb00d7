/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_IO_H
#define SERVER_MEDIA_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Blocking work that media asks for: opening and parsing titles, filling blocks, closing. Whoever embeds
 * media injects the executor: a pool of threads in production, media_io_sync in tests.
 *
 * A job is embedded in its owner. run() is called on any thread, and may block. When it answers true, done()
 * is called once, on the thread (the loop) that the media_io stands for; between submit and the return of
 * done() the job belongs to the executor, and done() may submit it again or free its owner. Executors
 * deliver every done(), also while shutting down, before the loop goes. With done == NULL nobody is told:
 * run() may free the owner.
 *
 * run() answers false when somebody else goes on with the job (who submits it again, or has already):
 * the executor forgets it.
 */
struct media_job {
	bool (*run)(struct media_job *j);
	void (*done)(struct media_job *j);
	/* Jobs of one share (a device) get a part of the executor's threads only, so that a dead disk
	 * does not stop the others; 0: nobody knows. Set before submit. */
	uint64_t share;
	/* Whether what the job works on has kept a thread waiting for long: then it gets a smaller part
	 * still. The executor reads it at submit and writes it when run() has answered true, before done(); NULL: none. */
	_Atomic bool *is_slow;
	/* for whoever holds the job: a queue of the executor or of a title */
	struct media_job *next;
	uint32_t since;      /* the executor's: when it was submitted */
	struct media_io *io; /* set by submit: whose loop gets done() */
};

/* One per worker. submit may be called from any thread (a title hands its next job on from a pool
 * thread) and must not call done() before it returns, unless it is the synchronous one. */
struct media_io {
	void (*submit)(struct media_io *io, struct media_job *j);
};

static inline void media_submit(struct media_io *io, struct media_job *j)
{
	j->io = io;
	io->submit(io, j);
}

/* For tests and tools: runs the job and its done() inside submit. */
struct media_io *media_io_sync(void);

#endif
