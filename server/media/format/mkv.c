/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/mkv_parts.h"
#include "server/media/format/readers.h"
#include "server/media/format/sweep.h"
#include "server/media/format/track.h"

/*
 * Matroska and WebM (RFC 9559). All elements are passed in one go from the front; those that are
 * entered are not told from those around them, so lengths need not be known, and nothing nests.
 */
enum {
	EBML_HEADER = 0x1a45dfa3,
	SEGMENT = 0x18538067,
	INFO = 0x1549a966,
	TRACKS = 0x1654ae6b,
	CLUSTER = 0x1f43b675,
	CUES = 0x1c53bb6b,
	CLUSTER_TIME = 0xe7,
	BLOCK_GROUP = 0xa0,
	BLOCK = 0xa1,
	SIMPLE_BLOCK = 0xa3,
	REFERENCE = 0xfb,
	TIMESTAMP_SCALE = 0x2ad7b1,
	DURATION = 0x4489,
	DATE = 0x4461,
	KEYFRAME = 0x80,
	LACING = 0x06,
	LACES_MAX = 256,
	BLOCK_HEAD = 512, /* of a block, what is looked at: its header and laces, as a rule */
	BLOCK_HEAD_MAX = 64 << 10,
	INFO_MAX = 64 << 10,
	READ_LEAST = 16 << 10, /* behind the body of a large block */
	FRAMES_MAX = 8 << 20,  /* of all tracks: 10 hours with four of them */
	TIMES_MAX_S = 1000000000
};
/* All of it passes by at opening: about 4 GB a second where the system has it in memory. */
#define SCAN_MAX   ((uint64_t)64 << 30)
#define DATE_EPOCH INT64_C(978307200000000000) /* 2001-01-01 */
/* 2106: clock times are sums of the date and of NPT, which must fit */
#define DATE_MAX INT64_C(4294967296000000000)

struct scan {
	struct movie *movie;
	struct mkv *k;
	struct sweep sweep;
	uint64_t at;
	int64_t cluster; /* its time in units */
	/* a block that waits for what its group says behind it */
	uint64_t block_at, block_n, group_end;
	bool has_block, has_reference;
	uint64_t lost;
	uint32_t n_frames;
};

/* A frame of a block. */
struct lace {
	uint64_t at;
	uint32_t n;
};

static struct mkv_track *find_track(struct mkv *k, uint64_t number)
{
	for (uint32_t i = 0; i < k->n_tracks; i++) {
		if (k->tracks[i].number == number)
			return &k->tracks[i];
	}
	return NULL;
}

/* ---- laces: how a block's octets are divided (RFC 9559 10.3) ---- */

static bool xiph_sizes(struct bytes *b, uint32_t n, struct lace *l)
{
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint8_t v = 255;

		for (l[i].n = 0; v == 255; l[i].n += v) {
			if (!b->n)
				return false;
			v = b->p[0];
			*b = bytes_sub(*b, 1, b->n);
		}
	}
	return true;
}

static bool ebml_sizes(struct bytes *b, uint32_t n, struct lace *l)
{
	int64_t size = 0;

	for (uint32_t i = 0; i + 1 < n; i++) {
		uint64_t v;
		unsigned octets;

		if (!ebml_take_number(b, &v, &octets))
			return false;
		/* the first one is a size, the others are differences, with a bias */
		size = i ? size + (int64_t)v - ((INT64_C(1) << (7 * octets - 1)) - 1) : (int64_t)v;
		if (size < 0 || size > UINT32_MAX)
			return false;
		l[i].n = (uint32_t)size;
	}
	return true;
}

/* Divides [at, at + n), whose beginning b is. Answers how many frames there are; 0: none that are whole. */
static uint32_t unlace(unsigned lacing, uint64_t at, uint64_t n, struct bytes b, struct lace *l)
{
	uint64_t sum = 0, head = b.n;
	uint32_t count;

	if (!lacing) {
		l[0] = (struct lace){ at, (uint32_t)n };
		return 1;
	}
	if (!b.n)
		return 0;
	count = b.p[0] + 1u;
	b = bytes_sub(b, 1, b.n);
	if (lacing == 2) {
		n -= 1;
		for (uint32_t i = 0; i < count; i++)
			l[i] = (struct lace){ at + 1 + n / count * i, (uint32_t)(n / count) };
		return n % count ? 0 : count;
	}
	if (!(lacing == 1 ? xiph_sizes(&b, count, l) : ebml_sizes(&b, count, l)))
		return 0;
	head -= b.n;
	for (uint32_t i = 0; i + 1 < count; i++) {
		l[i].at = at + head + sum;
		sum += l[i].n;
	}
	if (head + sum > n)
		return 0;
	l[count - 1] = (struct lace){ at + head + sum, (uint32_t)(n - head - sum) };
	return count;
}

/* ---- frames ---- */

static int add_video(struct mkv_track *t, const struct lace *l, uint64_t ns, bool is_sync)
{
	struct table_sample s = { .at = l->at, .size = l->n, .is_sync = is_sync };

	s.dts = (uint64_t)scale_near((int64_t)ns, t->timescale, MKV_NS);
	if (!t->has_first || s.dts < t->first)
		t->first = s.dts;
	t->has_first = true;
	return reorder_add(t->reorder, &s);
}

/* Times in the file are rounded, to ms as a rule: where a frame follows the one before, its time
 * is the end of that. */
static int add_audio(
	struct mkv_track *t, const struct lace *l, uint64_t ns, uint64_t unit_ns, struct bytes head)
{
	struct table_sample s = { .at = l->at, .size = l->n, .is_sync = true };
	uint64_t time = (uint64_t)scale_near((int64_t)ns, t->timescale, MKV_NS);
	uint64_t slack = (uint64_t)scale_near((int64_t)unit_ns, t->timescale, MKV_NS) + 1;

	if (t->has_first && time + slack >= t->next && time <= t->next + slack)
		time = t->next;
	if (!t->has_first)
		t->first = time;
	t->has_first = true;
	s.dts = time;
	t->next = time + mkv_frame_ticks(t, head, l->n);
	return table_build_add(t->build, &s);
}

static int add_laces(struct scan *s, struct mkv_track *t, const struct lace *l, uint32_t n,
	int64_t units, bool is_sync)
{
	uint64_t unit_ns = s->k->unit_ns, ns;

	if (units < 0)
		units = 0;
	if ((uint64_t)units > TIMES_MAX_S * MKV_NS / unit_ns)
		return 0; /* no time that there is */
	s->n_frames += n;
	if (s->n_frames > FRAMES_MAX)
		return ERR_LIMIT;
	ns = (uint64_t)units * unit_ns;
	for (uint32_t i = 0; i < n; i++) {
		struct bytes head = { 0 };
		int err;

		if (!l[i].n)
			continue;
		if (codec_is_video(t->codec.id)) {
			err = add_video(t, &l[i], ns + i * t->frame_ns, is_sync);
		} else {
			err = sweep_view(&s->sweep, l[i].at, l[i].n < 8 ? l[i].n : 8, &head);
			if (i) /* the laces behind the first follow it */
				ns = (uint64_t)scale_near((int64_t)t->next, MKV_NS, t->timescale);
			if (!err)
				err = add_audio(t, &l[i], ns, unit_ns, head);
		}
		if (err)
			return err;
	}
	return 0;
}

/* A block that can't be understood is passed over. */
static int add_block(struct scan *s, uint64_t at, uint64_t n, bool is_simple)
{
	size_t want = n < BLOCK_HEAD_MAX ? (size_t)n : BLOCK_HEAD_MAX;
	struct lace laces[LACES_MAX];
	struct mkv_track *t;
	struct bytes b, rest;
	uint64_t number;
	uint32_t n_laces;
	unsigned octets, flags;
	int err = sweep_view(&s->sweep, at, n < BLOCK_HEAD ? (size_t)n : BLOCK_HEAD, &b);

	if (err)
		return err;
	rest = b = bytes_sub(b, 0, (size_t)(n < b.n ? n : b.n));
	if (!ebml_take_number(&rest, &number, &octets) || rest.n < 3)
		return 0;
	t = find_track(s->k, number);
	if (!t || !t->build || n > UINT32_MAX)
		return 0;
	flags = rest.p[2];
	octets += 3;
	if (flags & LACING) {
		int16_t time = (int16_t)be16(rest.p);

		err = sweep_view(&s->sweep, at, want, &b);
		if (err)
			return err;
		b = bytes_sub(b, 0, want);
		n_laces = unlace((flags & LACING) >> 1, at + octets, n - octets,
			bytes_sub(b, octets, b.n), laces);
		return add_laces(s, t, laces, n_laces, s->cluster + time,
			is_simple ? flags & KEYFRAME : !s->has_reference);
	}
	laces[0] = (struct lace){ at + octets, (uint32_t)(n - octets) };
	return add_laces(s, t, laces, 1, s->cluster + (int16_t)be16(rest.p),
		is_simple ? flags & KEYFRAME : !s->has_reference);
}

static int end_group(struct scan *s)
{
	if (!s->has_block)
		return 0;
	s->has_block = false;
	return add_block(s, s->block_at, s->block_n, false);
}

/* ---- elements ---- */

static void read_info(struct mkv *k, struct bytes rest)
{
	struct bytes body;
	uint32_t id;

	while (ebml_next(&rest, &id, &body)) {
		if (id == TIMESTAMP_SCALE && ebml_uint(body))
			k->unit_ns = ebml_uint(body);
		else if (id == DURATION)
			k->duration = ebml_float(body);
		else if (id == DATE && body.n == 8 && ebml_int(body) > -DATE_EPOCH &&
			 ebml_int(body) < DATE_MAX - DATE_EPOCH)
			k->created_ns = ebml_int(body) + DATE_EPOCH;
	}
	if (k->unit_ns > MKV_NS)
		k->unit_ns = MKV_NS / 1000;
}

/* Reads a body into memory; the caller frees. */
static int read_body(struct scan *s, uint64_t at, const struct ebml *e, uint64_t max, uint8_t **p)
{
	int err;

	*p = NULL;
	if (e->n > max)
		return ERR_LIMIT;
	*p = xmalloc(e->n ? (size_t)e->n : 1);
	err = media_file_read(s->sweep.file, at, *p, (size_t)e->n);
	if (err) {
		free(*p);
		*p = NULL;
	}
	return err;
}

static void begin_track(struct scan *s, struct mkv_track *t)
{
	if (t->type != 1 && t->type != 2) {
		movie_note(s->movie, "track %llu: %s is not sent", (unsigned long long)t->number,
			t->type == 0x11 ? "a subtitle track" : "neither video nor audio, which");
		return;
	}
	mkv_find_codec(t);
	if (t->why_not || t->codec.id == CODEC_NONE ||
		codec_is_video(t->codec.id) != (t->type == 1)) {
		movie_note(s->movie, "track %llu: %.*s: left out: %s",
			(unsigned long long)t->number, BYTES_FMT(bytes_sub(t->codec_id, 0, 40)),
			t->why_not ? t->why_not : "there is no packetiser for it");
		return;
	}
	t->build = table_build_new();
	if (t->type == 1) {
		t->reorder = xmalloc(sizeof *t->reorder);
		reorder_init(t->reorder, t->build);
	}
}

static int read_tracks(struct scan *s, uint64_t at, const struct ebml *e)
{
	int err;

	if (s->k->tracks_p) /* once is enough */
		return 0;
	err = read_body(s, at, e, MKV_TRACKS_BYTES_MAX, &s->k->tracks_p);
	if (err)
		return err;
	mkv_read_tracks(s->k, bytes_of(s->k->tracks_p, (size_t)e->n));
	for (uint32_t i = 0; i < s->k->n_tracks; i++)
		begin_track(s, &s->k->tracks[i]);
	return 0;
}

static int on_info(struct scan *s, uint64_t at, const struct ebml *e)
{
	uint8_t *p;
	int err = read_body(s, at, e, INFO_MAX, &p);

	if (!err)
		read_info(s->k, bytes_of(p, (size_t)e->n));
	free(p);
	return err;
}

static int on_time(struct scan *s, uint64_t at, const struct ebml *e)
{
	struct bytes b;
	int err = sweep_view(&s->sweep, at, 8, &b);

	if (!err && e->n <= 8) {
		uint64_t v = ebml_uint(bytes_sub(b, 0, (size_t)e->n));

		s->cluster = v < INT64_MAX / 2 ? (int64_t)v : 0;
	}
	return err;
}

/* An element whose body begins at `at`. Sets s->at to where to go on. */
static int on_element(struct scan *s, uint64_t at, const struct ebml *e)
{
	int err = 0;

	if (s->has_block && at > s->group_end)
		err = end_group(s);
	if (err)
		return err;
	s->at = at + e->n;
	switch (e->id) {
	case SEGMENT:
	case CLUSTER: s->at = at; return end_group(s);
	case BLOCK_GROUP:
		s->at = at;
		s->group_end = at + e->n;
		return end_group(s);
	case BLOCK:
		err = end_group(s);
		s->block_at = at;
		s->block_n = e->n;
		s->has_block = true;
		s->has_reference = false;
		return err;
	case REFERENCE: s->has_reference = true; return 0;
	case SIMPLE_BLOCK: return add_block(s, at, e->n, true);
	case CLUSTER_TIME: return on_time(s, at, e);
	case INFO: return on_info(s, at, e);
	case TRACKS: return read_tracks(s, at, e);
	default: return 0;
	}
}

/* Damage: on to the next cluster. False: there is none. */
static bool find_cluster(struct scan *s)
{
	static const uint8_t id[] = { 0x1f, 0x43, 0xb6, 0x75 };
	struct bytes b;

	for (s->at++; sweep_view(&s->sweep, s->at, sizeof id, &b) == 0 && b.n >= sizeof id;) {
		size_t n = bytes_find(b, bytes_of(id, sizeof id));

		s->at += n < b.n ? n : b.n - sizeof id + 1;
		s->lost += n;
		if (n < b.n)
			return true;
	}
	return false;
}

static bool is_master(uint32_t id)
{
	return id == SEGMENT || id == CLUSTER;
}

static int scan_elements(struct scan *s)
{
	uint64_t size = s->sweep.file->size;

	for (;;) {
		struct bytes b;
		struct ebml e;
		int err = sweep_view(&s->sweep, s->at, EBML_HEAD_MAX, &b);

		if (err)
			return err;
		if (!b.n)
			return end_group(s);
		err = ebml_read(b, &e);
		if (!err && e.id == EBML_HEADER && s->at) { /* another file behind this one */
			movie_note(
				s->movie, "Matroska: only the first of several segments is read");
			return end_group(s);
		}
		/* only these have no length where it isn't known, or one too great where it was cut */
		if (!err && !is_master(e.id) &&
			(e.n == EBML_UNKNOWN || e.n > size - s->at - e.head_n))
			err = ERR_SYNTAX;
		if (err) {
			if (find_cluster(s))
				continue;
			return end_group(s);
		}
		err = on_element(s, s->at + e.head_n, &e);
		if (err)
			return err;
	}
}

/* ---- tracks ---- */

/* What is NPT 0: the first frame of all. */
static uint64_t origin(const struct mkv *k)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < k->n_tracks; i++) {
		const struct mkv_track *t = &k->tracks[i];
		uint64_t ns;

		if (!t->has_first)
			continue;
		ns = (uint64_t)scale_floor((int64_t)t->first, MKV_NS, t->timescale);
		if (ns < least)
			least = ns;
	}
	return least;
}

static int add_track(struct movie *m, struct mkv_track *t, uint64_t from_ns)
{
	struct table_build *b = t->build;
	uint64_t end = t->next;
	struct made_track made = { .id = (uint32_t)t->number,
		.timescale = t->timescale,
		.codec = t->codec,
		.prefix = t->stripped,
		.language = t->language };

	made.media_time = scale_near((int64_t)(from_ns + t->delay_ns), t->timescale, MKV_NS);
	if (t->reorder) {
		made.media_time += (int64_t)t->reorder->ahead;
		end = t->reorder->last;
		end += t->frame_ns ? t->frame_ns * t->timescale / MKV_NS : t->timescale / 25;
	}
	t->build = NULL;
	return made_add(m, &made, b, end);
}

static int add_tracks(struct movie *m, struct mkv *k)
{
	uint64_t from_ns = origin(k);

	for (uint32_t i = 0; i < k->n_tracks; i++) {
		struct mkv_track *t = &k->tracks[i];
		int err = t->build && t->reorder ? reorder_end(t->reorder) : 0;

		if (err)
			return err;
		if (!t->has_first)
			continue;
		err = add_track(m, t, from_ns);
		if (err && err != ERR_UNSUPPORTED && err != ERR_CORRUPT)
			return err;
	}
	return m->n_streams ? 0 : ERR_UNSUPPORTED;
}

static void mkv_free(struct mkv *k)
{
	for (uint32_t i = 0; i < k->n_tracks; i++) {
		table_build_free(k->tracks[i].build);
		free(k->tracks[i].reorder);
	}
	free(k->tracks_p);
	free(k);
}

static int open_mkv(struct movie *m)
{
	struct mkv *k;
	struct scan s = { .movie = m };
	int err;

	if (m->file.size > SCAN_MAX) {
		movie_note(m, "Matroska of more than 64 GB is not read");
		return ERR_LIMIT;
	}
	s.k = k = xcalloc(1, sizeof *k);
	k->unit_ns = MKV_NS / 1000;
	sweep_init(&s.sweep, &m->file);
	s.sweep.least = READ_LEAST;
	err = scan_elements(&s);
	sweep_clear(&s.sweep);
	if (!err && s.lost)
		movie_note(m, "Matroska: %llu octets are damaged", (unsigned long long)s.lost);
	if (!err)
		err = add_tracks(m, k);
	if (!err)
		m->created_ns = k->created_ns > 0 ? k->created_ns : 0;
	mkv_free(k);
	return err;
}

static bool probe_mkv(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return bytes_has_prefix(head, B("\x1a\x45\xdf\xa3"));
}

const struct movie_reader reader_mkv = { .name = "Matroska", .probe = probe_mkv, .open = open_mkv };
