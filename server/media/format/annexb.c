/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/annexb_parts.h"
#include "server/media/format/made.h"
#include "server/media/format/readers.h"
#include "server/media/format/reorder.h"
#include "server/media/format/sweep.h"

/*
 * Bare H.264 and H.265: NAL units behind start codes (Annex B of either), without any times. Pictures
 * last as long as the VUI says, or a 25th of a second, and are shown in the order that they count.
 */
#define SCAN_MAX ((uint64_t)1 << 30) /* octets: all of it is read at opening */
enum {
	PICTURES_MAX = 1 << 20, /* 4 hours of 60 a second */
	CONFIG_MAX = 64 << 10,
	TIMESCALE = 90000,
	RATE_MAX = 300, /* pictures a second that one believes */
	LOOK_BACK = 3   /* of a start code that the end of a window cuts */
};

struct picture {
	uint64_t at;
	int32_t order;
	bool is_sync, recovers, resets, is_field;
};

struct scan {
	annexb_read_fn *read;
	struct annexb state;
	struct sweep sweep;
	struct picture *pictures;
	uint32_t n, cap;
	uint64_t unit_at; /* where the access unit begins whose slices are still to come */
	bool has_unit, has_slices, recovers;
	/* of the file: from the first parameter set to the first slice behind it */
	uint64_t config_from, config_to;
	bool has_config;
};

static void begin_unit(struct scan *s, uint64_t at)
{
	s->unit_at = at;
	s->has_unit = true;
	s->has_slices = false;
	s->recovers = false;
}

static int add_picture(struct scan *s, const struct annexb_nal *nal)
{
	if (s->n == PICTURES_MAX)
		return ERR_LIMIT;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->pictures = xrealloc(s->pictures, s->cap * sizeof *s->pictures);
	}
	s->pictures[s->n++] = (struct picture){ .at = s->unit_at,
		.order = nal->order,
		.is_sync = nal->is_sync,
		.recovers = s->recovers,
		.resets = nal->resets,
		.is_field = nal->is_field };
	return 0;
}

/* A NAL unit whose start code is at `at`. */
static int on_nal(struct scan *s, uint64_t at, struct bytes head)
{
	struct annexb_nal nal;

	if (!s->read(&s->state, head, &nal))
		return 0;
	if (nal.is_set && !s->has_config) {
		s->config_from = at;
		s->has_config = true;
	}
	if (!s->has_unit || (s->has_slices && (nal.begins_unit || nal.begins_picture)))
		begin_unit(s, at);
	s->recovers |= nal.recovers;
	if (!nal.is_slice)
		return 0;
	if (!s->config_to)
		s->config_to = at;
	s->has_slices = true;
	return nal.begins_picture ? add_picture(s, &nal) : 0;
}

/* Offset of the first 00 00 01, or b.n. Zeros are frequent in files, 1 after two of them is not: so the
 * whole file passes by at the speed of memchr. */
static size_t find_code(struct bytes b)
{
	for (size_t at = 2; at < b.n; at++) {
		const uint8_t *hit = memchr(b.p + at, 1, b.n - at);

		if (!hit)
			break;
		at = (size_t)(hit - b.p);
		if (!(hit[-1] | hit[-2]))
			return at - 2;
	}
	return b.n;
}

static int scan_file(struct scan *s)
{
	uint64_t at = 0, size = s->sweep.file->size;

	while (at < size) {
		struct bytes b;
		uint64_t from;
		size_t n;
		int err = sweep_view(&s->sweep, at, LOOK_BACK + 1, &b);

		if (err)
			return err;
		n = find_code(b);
		if (n == b.n) {
			at += b.n > LOOK_BACK ? b.n - LOOK_BACK : b.n;
			continue;
		}
		from = at + n - (n && !b.p[n - 1]); /* four octets */
		at += n + 3;
		err = sweep_view(&s->sweep, at, ANNEXB_HEAD_MAX, &b);
		b = bytes_sub(b, 0, ANNEXB_HEAD_MAX);
		if (!err)
			err = on_nal(s, from, bytes_sub(b, 0, find_code(b)));
		if (err)
			return err;
	}
	return 0;
}

/* ---- times ---- */

struct rank {
	int32_t order;
	uint32_t index;
};

static int compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

struct times {
	uint64_t *shown; /* of each picture */
	uint64_t next;
	uint32_t frame; /* ticks of TIMESCALE */
};

/* Pictures first … end, whose orders compare. */
static void show(const struct scan *s, struct times *t, uint32_t first, uint32_t end)
{
	struct rank *ranks = xmalloc((size_t)(end - first) * sizeof *ranks);

	for (uint32_t i = first; i < end; i++)
		ranks[i - first] = (struct rank){ s->pictures[i].order, i };
	qsort(ranks, end - first, sizeof *ranks, compare_ranks);
	for (uint32_t i = 0; i < end - first; i++) {
		t->shown[ranks[i].index] = t->next;
		t->next += s->pictures[ranks[i].index].is_field ? t->frame / 2 : t->frame;
	}
	free(ranks);
}

static void show_all(const struct scan *s, struct times *t)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i <= s->n; i++) {
		if (i == s->n || s->pictures[i].resets) {
			show(s, t, first, i);
			first = i;
		}
	}
}

static uint32_t frame_ticks(const struct sps *s)
{
	uint64_t ticks = s->rate_num ? (uint64_t)TIMESCALE * s->rate_den / s->rate_num : 0;

	return ticks < TIMESCALE / RATE_MAX || ticks > (uint64_t)TIMESCALE * 10 ? TIMESCALE / 25
										: (uint32_t)ticks;
}

/* ---- track ---- */

/* Where pictures can't be sought by, because a stream has but one IDR picture, its recovery points do. */
static bool by_recovery(const struct scan *s)
{
	uint32_t syncs = 0;

	for (uint32_t i = 0; i < s->n; i++)
		syncs += s->pictures[i].is_sync;
	return syncs < 2;
}

static int put_samples(const struct scan *s, const struct times *t, struct reorder *r)
{
	bool recovery = by_recovery(s);
	int err = 0;

	for (uint32_t i = 0; !err && i < s->n; i++) {
		const struct picture *p = &s->pictures[i];
		uint64_t end = i + 1 < s->n ? p[1].at : s->sweep.file->size;
		struct table_sample one = { .at = p->at,
			.size = (uint32_t)(end - p->at), /* ≤ SCAN_MAX */
			.dts = t->shown[i],
			.is_sync = p->is_sync || !i || (recovery && p->recovers) };

		err = reorder_add(r, &one);
	}
	return err ? err : reorder_end(r);
}

static int add_track(struct movie *m, struct scan *s, struct made_track *k)
{
	struct times t = { .frame = frame_ticks(&s->state.first) };
	struct table_build *b = table_build_new();
	struct reorder *r = xmalloc(sizeof *r);
	int err;

	reorder_init(r, b);
	t.shown = xmalloc(s->n * sizeof *t.shown);
	show_all(s, &t);
	err = put_samples(s, &t, r);
	k->media_time = (int64_t)r->ahead;
	free(t.shown);
	free(r);
	if (err) {
		table_build_free(b);
		return err;
	}
	return made_add(m, k, b, t.next);
}

static int make_track(struct movie *m, struct scan *s, enum codec_id id)
{
	uint64_t n = s->config_to - s->config_from;
	struct made_track k = { .id = 1,
		.timescale = TIMESCALE,
		.codec = { .id = id,
			.width = s->state.first.width,
			.height = s->state.first.height } };
	uint8_t *config;
	int err;

	if (n > CONFIG_MAX)
		n = CONFIG_MAX;
	config = xmalloc((size_t)n + 1);
	err = media_file_read(&m->file, s->config_from, config, (size_t)n);
	k.codec.config = bytes_of(config, (size_t)n);
	if (!err)
		err = add_track(m, s, &k);
	free(config);
	return err;
}

static int open_annexb(struct movie *m, annexb_read_fn *read, enum codec_id id)
{
	struct scan *s;
	int err;

	if (m->file.size > SCAN_MAX) {
		movie_note(m, "bare %s of more than 1 GB is not read: put it into a container",
			codec_name(id));
		return ERR_LIMIT;
	}
	s = xcalloc(1, sizeof *s);
	s->read = read;
	sweep_init(&s->sweep, &m->file);
	err = scan_file(s);
	if (!err && !s->n) {
		movie_note(m, "no %s pictures found", codec_name(id));
		err = ERR_UNSUPPORTED;
	}
	if (!err && s->state.is_guessed)
		movie_note(m, "%s: pictures are sent in decode order (pic_order_cnt_type 1)",
			codec_name(id));
	if (!err)
		err = make_track(m, s, id);
	sweep_clear(&s->sweep);
	free(s->pictures);
	free(s);
	return err;
}

/* ---- readers ---- */

/* The octets behind the first start code, when the file begins with one. */
static struct bytes first_nal(struct bytes head)
{
	size_t zeros = 0;

	while (zeros < head.n && !head.p[zeros])
		zeros++;
	if (zeros < 2 || zeros > 8 || zeros == head.n || head.p[zeros] != 1)
		return (struct bytes){ 0 };
	return bytes_sub(head, zeros + 1, head.n);
}

static int open_h264(struct movie *m)
{
	return open_annexb(m, annexb_read_h264, CODEC_H264);
}

static int open_h265(struct movie *m)
{
	return open_annexb(m, annexb_read_h265, CODEC_H265);
}

/* An SPS, or a delimiter before it: what else may stand first, other formats may have, too. */
static bool probe_h264(const struct media_file *f, struct bytes head, struct bytes name)
{
	static const char *const extensions[] = { ".264", ".h264", ".avc", ".26l", NULL };
	struct bytes nal = first_nal(head);

	(void)f;
	return made_has_extension(name, extensions) ||
	       (nal.n > 1 &&
		       ((nal.p[0] & 0x9f) == 7 || (nal.p[0] == 9 && (nal.p[1] & 0x1f) == 0x10)));
}

static bool probe_h265(const struct media_file *f, struct bytes head, struct bytes name)
{
	static const char *const extensions[] = { ".265", ".h265", ".hevc", NULL };
	struct bytes nal = first_nal(head);

	(void)f;
	return made_has_extension(name, extensions) || bytes_has_prefix(nal, B("\x40\x01")) ||
	       bytes_has_prefix(nal, B("\x46\x01"));
}

const struct movie_reader reader_h264 = { .name = "H.264", .probe = probe_h264, .open = open_h264 };
const struct movie_reader reader_h265 = { .name = "H.265", .probe = probe_h265, .open = open_h265 };
