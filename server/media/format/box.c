/* SPDX-License-Identifier: MIT */
#include "server/media/format/box.h"

#include <stdlib.h>

#include "server/base/os.h"

enum { TOP_BOXES_MAX = 4096 };

bool box_next(struct bytes *rest, struct box *box, int *err)
{
	struct cur c = { *rest };
	uint32_t size32;
	uint64_t size, header = 8;

	*err = 0;
	if (rest->n < 8)
		return false; /* the end, or the 32-bit zero that ends QuickTime user data */
	if (!cur_be32(&c, &size32) || !cur_be32(&c, &box->type))
		return false;
	size = size32;
	if (size32 == 1) {
		header = 16;
		if (!cur_be64(&c, &size)) {
			*err = ERR_CORRUPT;
			return false;
		}
	} else if (size32 == 0) {
		size = rest->n;
	}
	if (size < header || size > rest->n) {
		*err = ERR_CORRUPT;
		return false;
	}
	box->body = bytes_sub(*rest, (size_t)header, (size_t)(size - header));
	*rest = bytes_sub(*rest, (size_t)size, rest->n);
	return true;
}

struct bytes box_find(struct bytes in, uint32_t type)
{
	struct box box;
	int err;

	while (box_next(&in, &box, &err)) {
		if (box.type == type)
			return box.body;
	}
	return (struct bytes){ 0 };
}

struct bytes box_find_path(struct bytes in, const uint32_t *path)
{
	for (; *path && in.p; path++)
		in = box_find(in, *path);
	return in;
}

bool box_is_top_type(uint32_t type)
{
	static const uint32_t types[] = { FOURCC('f', 't', 'y', 'p'), FOURCC('m', 'o', 'o', 'v'),
		FOURCC('m', 'd', 'a', 't'), FOURCC('f', 'r', 'e', 'e'), FOURCC('s', 'k', 'i', 'p'),
		FOURCC('w', 'i', 'd', 'e'), FOURCC('p', 'n', 'o', 't'), FOURCC('s', 't', 'y', 'p'),
		FOURCC('u', 'u', 'i', 'd'), FOURCC('P', 'I', 'C', 'T') };

	for (size_t i = 0; i < COUNT(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

struct top_box {
	uint32_t type;
	uint64_t at, n; /* of the body */
	uint64_t end;
};

static int read_top_box(const struct media_file *f, uint64_t at, struct top_box *t)
{
	uint8_t head[16];
	uint64_t size, header = 8;
	int err = media_file_read(f, at, head, 8);

	if (err)
		return err;
	size = be32(head);
	t->type = be32(head + 4);
	if (size == 1) {
		header = 16;
		err = media_file_read(f, at + 8, head + 8, 8);
		if (err)
			return err;
		size = be64(head + 8);
	} else if (size == 0) {
		size = f->size - at;
	}
	if (size < header)
		return ERR_CORRUPT;
	if (size > f->size - at)
		return ERR_TRUNCATED;
	*t = (struct top_box){ t->type, at + header, size - header, at + size };
	return 0;
}

static int find_moov(const struct media_file *f, struct top_box *t)
{
	uint64_t at = 0;
	int err;

	for (int i = 0; i < TOP_BOXES_MAX; i++) {
		if (at == f->size || (i && f->size - at < 8))
			return ERR_UNSUPPORTED; /* whole boxes only, but none is moov */
		err = read_top_box(f, at, t);
		if (i == 0 && (f->size < 8 || !box_is_top_type(t->type)))
			return ERR_UNSUPPORTED;
		if (err)
			return err;
		if (t->type == FOURCC('m', 'o', 'o', 'v'))
			return 0;
		at = t->end;
	}
	return ERR_LIMIT;
}

int mp4_read_moov(const struct media_file *f, size_t max, uint8_t **moov, size_t *n)
{
	struct top_box t = { 0 };
	int err = find_moov(f, &t);

	if (err)
		return err;
	if (t.n > max)
		return ERR_LIMIT;
	*n = (size_t)t.n;
	*moov = xmalloc(*n ? *n : 1);
	err = media_file_read(f, t.at, *moov, *n);
	if (err) {
		free(*moov);
		*moov = NULL;
	}
	return err;
}
