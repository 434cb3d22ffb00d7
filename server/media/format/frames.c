/* SPDX-License-Identifier: MIT */
#include "server/media/format/frames.h"

#include <string.h>

enum {
	ID3_HEADER = 10,
	APE_HEADER = 32,
	ID3V1_BYTES = 128,
	TAG_HEADER_MAX = 256, /* more than any of them has */
	FIRST_IN_A_ROW = 3,   /* frames before the first one counts */
	LATER_IN_A_ROW = 2,   /* after damage */
	JUNK_MAX = 1 << 20    /* before the first frame */
};

/* Octets of the tag that b begins with; 0: there is none. ID3v1 stands at the end of files. */
static uint64_t tag_length(struct bytes b)
{
	uint64_t n;

	if (bytes_has_prefix(b, B("TAG")))
		return b.n == ID3V1_BYTES ? ID3V1_BYTES : 0;
	if (bytes_has_prefix(b, B("APETAGEX")) && b.n >= APE_HEADER)
		return APE_HEADER + (b.p[12] | (uint64_t)b.p[13] << 8 | (uint64_t)b.p[14] << 16 |
					    (uint64_t)b.p[15] << 24);
	if (b.n < ID3_HEADER || !bytes_has_prefix(b, B("ID3")) || b.p[3] == 0xff ||
		(b.p[6] | b.p[7] | b.p[8] | b.p[9]) & 0x80)
		return 0;
	n = (uint64_t)b.p[6] << 21 | (uint64_t)b.p[7] << 14 | (uint64_t)b.p[8] << 7 | b.p[9];
	return ID3_HEADER + n + (b.p[5] & 0x10 ? ID3_HEADER : 0); /* footer */
}

static int read_at(struct sweep *w, frame_read_fn *read, uint64_t at, struct frame *f)
{
	struct bytes b;
	int err = sweep_view(w, at, FRAME_BYTES_MAX, &b);

	if (err)
		return err;
	if (!b.n)
		return ERR_END;
	*f = (struct frame){ 0 };
	err = read(b, f);
	if (!err && f->n > b.n)
		return ERR_MORE; /* cut off by the end of the file */
	return err;
}

/* Whether `in_a_row` frames alike begin at `at`, or fewer and then the end or a tag. 0 or another error. */
static int check(
	struct sweep *w, frame_read_fn *read, uint64_t at, uint32_t in_a_row, struct frame *first)
{
	struct frame f;
	struct bytes b;
	/* all in one window: looking ahead must not move it, or a file could make us read it over and over */
	int err = sweep_view(w, at, (size_t)in_a_row * FRAME_BYTES_MAX, &b);

	if (!err)
		err = read_at(w, read, at, first);
	if (err)
		return err;
	at += first->n;
	for (uint32_t i = 1; i < in_a_row; i++, at += f.n) {
		err = sweep_view(w, at, FRAME_BYTES_MAX, &b);
		if (err)
			return err;
		if (!b.n || tag_length(b))
			return 0;
		err = read_at(w, read, at, &f);
		if (err == ERR_MORE)
			return 0;
		if (err)
			return err;
		if (memcmp(f.like, first->like, sizeof f.like) != 0)
			return ERR_SYNTAX;
	}
	return 0;
}

/* Errors of the file itself, against those that only say that there is no frame. */
static bool is_fatal(int err)
{
	return err && (err > -10000 || err == ERR_TRUNCATED);
}

/* From *at on over tags to the first frame. ERR_END: there is none up to `end`. */
static int find_first(
	struct sweep *w, frame_read_fn *read, uint64_t *at, uint64_t end, struct frame *f)
{
	while (*at < end && *at < w->file->size) {
		struct bytes b;
		uint64_t tag;
		int err = sweep_view(w, *at, TAG_HEADER_MAX, &b);

		if (err)
			return err;
		tag = tag_length(b);
		if (tag) {
			*at += tag;
			end = *at + JUNK_MAX;
			continue;
		}
		err = check(w, read, *at, FIRST_IN_A_ROW, f);
		if (!err || is_fatal(err))
			return err;
		++*at;
	}
	return ERR_END;
}

bool frames_probe(frame_read_fn *read, const struct media_file *f, struct bytes head)
{
	struct sweep w;
	struct frame first;
	uint64_t at = 0;
	int err;

	(void)head;
	sweep_init(&w, f);
	w.window = (size_t)FRAME_BYTES_MAX * 4;
	err = find_first(&w, read, &at, 1, &first);
	sweep_clear(&w);
	return !err;
}

/* After damage: the next frame like the first one. */
static int find_next(struct frames *s, struct sweep *w, uint64_t *at, struct frame *f)
{
	while (*at < w->file->size) {
		struct bytes b;
		uint64_t tag;
		int err = sweep_view(w, *at, TAG_HEADER_MAX, &b);

		if (err)
			return err;
		tag = tag_length(b);
		if (tag) {
			*at += tag;
			continue;
		}
		err = check(w, s->read, *at, LATER_IN_A_ROW, f);
		if (is_fatal(err))
			return err;
		if (!err && memcmp(f->like, s->first.like, sizeof f->like) == 0)
			return 0;
		++*at;
		s->lost++;
	}
	return ERR_END;
}

static int add(struct frames *s, struct table_build *b, uint64_t at, const struct frame *f)
{
	struct table_sample t = { .at = at + f->header_n,
		.size = (uint32_t)(f->n - f->header_n),
		.dts = s->samples,
		.is_sync = true };

	if (f->skip)
		return 0;
	s->samples += f->samples;
	return table_build_add(b, &t);
}

static int read_all(struct frames *s, struct sweep *w, struct table_build *b)
{
	struct frame f;
	uint64_t at = 0;
	int err = find_first(w, s->read, &at, JUNK_MAX, &s->first);

	s->first_at = at;
	while (!err) {
		err = read_at(w, s->read, at, &f);
		if (is_fatal(err))
			return err;
		if (err == ERR_MORE) /* the last one is cut off */
			return 0;
		if (err || memcmp(f.like, s->first.like, sizeof f.like) != 0)
			err = find_next(s, w, &at, &f);
		if (!err)
			err = add(s, b, at, &f);
		at += f.n;
	}
	return err == ERR_END ? 0 : err;
}

int frames_read(struct frames *s, const struct media_file *f, struct table_build *b)
{
	struct sweep w;
	int err;

	sweep_init(&w, f);
	err = read_all(s, &w, b);
	sweep_clear(&w);
	if (!err && !s->samples)
		err = ERR_UNSUPPORTED;
	return err;
}
