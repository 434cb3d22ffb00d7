/* SPDX-License-Identifier: MIT */
#include "server/media/format/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/os.h"

enum { WINDOW_BYTES = 64 << 10 };

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int media_file_open(struct media_file *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*f = (struct media_file){ .fd = fd,
		.size = (uint64_t)st.st_size,
		.device = (uint64_t)st.st_dev,
		.inode = (uint64_t)st.st_ino,
		.mtime = mtime_of(&st) };
	return 0;
}

void media_file_open_memory(struct media_file *f, struct bytes memory)
{
	*f = (struct media_file){ .fd = -1, .memory = memory, .size = memory.n };
}

void media_file_close(struct media_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd); /* read side: nothing to lose */
	f->fd = -1;
}

int media_file_read(const struct media_file *f, uint64_t at, void *dst, size_t n)
{
	uint8_t *to = dst;

	if (n > f->size || at > f->size - n)
		return ERR_TRUNCATED;
	if (f->fd < 0) {
		if (n)
			memcpy(to, f->memory.p + at, n);
		return 0;
	}
	while (n) {
		ssize_t got = pread(f->fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return ERR_TRUNCATED;
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int media_file_check(const struct media_file *f)
{
	struct stat st;

	if (f->fd < 0)
		return 0;
	if (fstat(f->fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == f->size && mtime_of(&st) == f->mtime ? 0 : ERR_CHANGED;
}

void window_init(struct window *w, const struct media_file *f, uint32_t fills_max)
{
	*w = (struct window){ .file = f, .fills_left = fills_max };
}

void window_clear(struct window *w)
{
	free(w->p);
	w->p = NULL;
	w->n = 0;
}

static int window_fill(struct window *w, uint64_t at)
{
	uint64_t left = w->file->size - at;
	size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
	int err;

	if (!w->p)
		w->p = xmalloc(WINDOW_BYTES);
	err = media_file_read(w->file, at, w->p, n);
	w->at = at;
	w->n = err ? 0 : n;
	return err;
}

int window_read(struct window *w, uint64_t at, void *dst, size_t n)
{
	const struct media_file *f = w->file;
	int err;

	if (n > f->size || at > f->size - n)
		return ERR_TRUNCATED;
	if (f->fd < 0)
		return media_file_read(f, at, dst, n);
	if (at < w->at || at + n > w->at + w->n) {
		if (!w->fills_left)
			return ERR_LIMIT;
		w->fills_left--;
		if (n > WINDOW_BYTES)
			return media_file_read(f, at, dst, n);
		err = window_fill(w, at);
		if (err)
			return err;
	}
	if (n)
		memcpy(dst, w->p + (at - w->at), n);
	return 0;
}
