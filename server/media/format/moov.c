/* SPDX-License-Identifier: MIT */
#include "server/media/format/moov.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"

/* Six hours of fragments of one picture each fit. */
enum {
	TOP_BOXES_MAX = 4 << 20,
	/* compressed headers are of the last century's films; a small file must not become a large one */
	UNPACKED_MAX = 16 << 20
};

void top_walk_init(struct top_walk *w, const struct media_file *f, uint64_t at)
{
	w->file = f;
	w->next = at;
	w->boxes_left = TOP_BOXES_MAX;
	w->head_at = 0;
	w->head_n = 0;
}

static bool has_read(const struct top_walk *w, uint64_t at, size_t n)
{
	return at >= w->head_at && at - w->head_at <= w->head_n &&
	       n <= w->head_n - (size_t)(at - w->head_at);
}

int top_read(struct top_walk *w, uint64_t at, void *dst, size_t n)
{
	const struct media_file *f = w->file;
	uint64_t left = at < f->size ? f->size - at : 0;
	int err;

	if (n > left)
		return ERR_TRUNCATED;
	if (!has_read(w, at, n)) {
		if (n > sizeof w->head)
			return media_file_read(f, at, dst, n);
		w->head_at = at;
		w->head_n = left < sizeof w->head ? (size_t)left : sizeof w->head;
		err = media_file_read(f, at, w->head, w->head_n);
		if (err) {
			w->head_n = 0;
			return err;
		}
	}
	if (n)
		memcpy(dst, w->head + (at - w->head_at), n);
	return 0;
}

int top_next(struct top_walk *w, struct top_box *t)
{
	uint64_t at = w->next, size, header = 8, left = w->file->size - at;
	uint8_t head[16];
	int err;

	if (!left)
		return ERR_END;
	if (!w->boxes_left--)
		return ERR_LIMIT;
	err = top_read(w, at, head, 8);
	if (err)
		return err;
	size = be32(head);
	t->type = be32(head + 4);
	if (size == 1) {
		header = 16;
		err = top_read(w, at + 8, head + 8, 8);
		if (err)
			return err;
		size = be64(head + 8);
	} else if (size == 0) {
		size = left;
	}
	if (size < header)
		return ERR_CORRUPT;
	t->start = at;
	t->at = at + header;
	t->n = size - header;
	if (size > left)
		return ERR_TRUNCATED;
	t->end = w->next = at + size;
	return 0;
}

static int find_moov(const struct media_file *f, struct top_box *t)
{
	struct top_walk w;
	int err;

	top_walk_init(&w, f, 0);
	err = top_next(&w, t);
	if (f->size < 8 || err == ERR_END || !box_is_top_type(t->type))
		return ERR_UNSUPPORTED;
	while (!err && t->type != FOURCC('m', 'o', 'o', 'v')) {
		if (f->size - w.next < 8)
			return ERR_UNSUPPORTED; /* whole boxes only, but none is moov */
		err = top_next(&w, t);
	}
	return err;
}

/* A box as in a file, header and all, from what cmvd holds: its length, then zlib's (1950) octets. */
static int unpack(struct bytes packed, size_t max, uint8_t **out, size_t *n)
{
	uLongf length;
	uint8_t *to;
	int err;

	if (packed.n < 4 || !be32(packed.p))
		return ERR_CORRUPT;
	if (be32(packed.p) > max || be32(packed.p) > UNPACKED_MAX)
		return ERR_LIMIT;
	length = be32(packed.p);
	to = xmalloc(length);
	err = uncompress(to, &length, packed.p + 4, (uLong)(packed.n - 4));
	if (err != Z_OK) {
		free(to);
		return ERR_CORRUPT;
	}
	*out = to;
	*n = length;
	return 0;
}

/* The compressed header of old QuickTime: its body takes the place of moov's. */
static int unpack_moov(struct bytes cmov, size_t max, uint8_t **moov, size_t *n)
{
	struct bytes method = box_find(cmov, FOURCC('d', 'c', 'o', 'm')), body;
	uint8_t *out;
	int err;

	if (method.n < 4 || be32(method.p) != FOURCC('z', 'l', 'i', 'b'))
		return ERR_UNSUPPORTED;
	err = unpack(box_find(cmov, FOURCC('c', 'm', 'v', 'd')), max, &out, n);
	if (err)
		return err;
	body = box_find(bytes_of(out, *n), FOURCC('m', 'o', 'o', 'v'));
	if (!body.p) {
		free(out);
		return ERR_CORRUPT;
	}
	memmove(out, body.p, body.n);
	*n = body.n;
	free(*moov);
	*moov = out;
	return 0;
}

int moov_read(const struct media_file *f, size_t max, uint8_t **moov, size_t *n, uint64_t *end)
{
	struct top_box t = { 0 };
	struct bytes cmov;
	int err = find_moov(f, &t);

	*moov = NULL;
	*n = 0;
	if (err)
		return err;
	if (t.n > max)
		return ERR_LIMIT;
	*n = (size_t)t.n;
	*end = t.end;
	*moov = xmalloc(*n ? *n : 1);
	err = media_file_read(f, t.at, *moov, *n);
	if (!err) {
		cmov = box_find(bytes_of(*moov, *n), FOURCC('c', 'm', 'o', 'v'));
		if (cmov.p)
			err = unpack_moov(cmov, max, moov, n);
	}
	if (err) {
		free(*moov);
		*moov = NULL;
	}
	return err;
}
