/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_FILE_H
#define SERVER_MEDIA_FORMAT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * The bytes of a title: a descriptor read with pread (never mapped: a file cut short must be an
 * error, not a SIGBUS), or memory. Immutable after opening; any thread may read.
 */
struct media_file {
	int fd; /* owned; -1: memory */
	struct bytes memory;
	uint64_t size;
	uint64_t device, inode;
	int64_t mtime; /* ns */
};

/* Takes fd over when it succeeds. 0 or -errno. */
MUST_USE int media_file_open(struct media_file *f, int fd);
void media_file_open_memory(struct media_file *f, struct bytes memory);
void media_file_close(struct media_file *f);

/* All n bytes from `at`, or ERR_TRUNCATED, or -errno. */
MUST_USE int media_file_read(const struct media_file *f, uint64_t at, void *dst, size_t n);
/* 0; ERR_CHANGED when size or mtime are not what they were at opening; -errno. */
MUST_USE int media_file_check(const struct media_file *f);

/*
 * A reader's window on a file: small reads that go forward cost one pread per window. Embedded; one
 * thread. The window is allocated at the first use.
 */
struct window {
	const struct media_file *file;
	uint64_t at;
	size_t n;
	uint8_t *p;
	uint32_t fills_left; /* a hostile table must not make us read a file over and over */
};
void window_init(struct window *w, const struct media_file *f, uint32_t fills_max);
void window_clear(struct window *w);
/* As media_file_read; ERR_LIMIT after fills_max windows. */
MUST_USE int window_read(struct window *w, uint64_t at, void *dst, size_t n);

#endif
