/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_OS_H
#define SERVER_BASE_OS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/tick.h"

/* The little that we ask of the operating system outside the event loop. */

/* One line on stderr, then abort (our invariant is broken, or there is no memory). */
NORETURN void die(const char *fmt, ...) PRINTF(1, 2);

/* Memory or death: never NULL. xcalloc zeroes. The caller frees with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
/* Formatted heap string; the caller frees. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/* Free memory that the allocator holds goes back to the kernel; may take milliseconds. */
void os_give_memory_back(void);

/* CLOCK_MONOTONIC. For the loop, main() and measuring stamps only (tick.h). */
tick_t os_now(void);
/* CLOCK_REALTIME in ns since 1970. */
int64_t os_realtime(void);
/* CPU time of the whole process, user and system. */
tick_t os_cpu_time(void);
/* Random bytes of the kernel's generator. */
void os_random(void *p, size_t n);

/*
 * A file that appears whole or not at all: written under a temporary name in the same folder, then
 * synced and renamed. open: NULL with errno set, also where something stands that is no regular file;
 * a link is followed. commit: 0 or -errno; on an error (a full disk, say)
 * the temporary file is gone and an older file of that name is untouched. abort drops it. Both free.
 */
struct outfile {
	FILE *f; /* write here */
	char *path, *tmp;
};
struct outfile *outfile_open(const char *path);
MUST_USE int outfile_commit(struct outfile *o);
void outfile_abort(struct outfile *o);

/* The whole file as one heap block with a NUL after it (not counted in *n). 0, -errno, ERR_LIMIT when it is
 * longer than max, or ERR_NO_FILE: a FIFO, a socket or a device, which is not waited for. The caller frees *p. */
MUST_USE int os_read_file(const char *path, size_t max, char **p, size_t *n);
/* The same of whatever can be read, /dev/stdin or a FIFO too, however long its writer takes: for programs that
 * people run. */
MUST_USE int os_read_any(const char *path, size_t max, char **p, size_t *n);

/* Creates a folder and the folders above it. 0 or -errno; a folder that exists is fine. */
MUST_USE int os_mkdirs(const char *path);

#endif
