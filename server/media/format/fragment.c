/* SPDX-License-Identifier: MIT */
#include "server/media/format/fragment.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/format/moov.h"
#include "server/media/format/table_build.h"

enum {
	MOOF_MAX = 16 << 20,
	MOOFS_BYTES_MAX = 512 << 20, /* of all headers: six hours take some 40 MB at most */
	SAMPLES_MAX = 2 * TABLE_BUILD_SAMPLES_MAX, /* of all tracks */
	NOT_SYNC = 1 << 16                         /* of sample flags (8.8.3) */
};

/* What is assumed of a sample that is not described further. */
struct defaults {
	uint32_t duration, size, flags;
};

struct fragment_track {
	struct track *track;
	struct table_build *build;
	struct defaults defaults; /* trex */
	uint64_t next;            /* where the next sample begins unless tfdt says it */
	uint64_t shift;           /* what tfdt lacks since it began anew */
	bool ended;               /* later samples are left out */
	bool has_fragments;
};

struct fragments {
	struct movie *movie;
	struct fragment_track *tracks;
	uint32_t n_tracks, samples_left;
	uint64_t header_bytes_left;
	uint64_t moof_at;
	uint64_t data_end; /* where the data of the last run ended */
};

static struct fragment_track *find_track(struct fragments *x, uint32_t id)
{
	for (uint32_t i = 0; i < x->n_tracks; i++) {
		if (x->tracks[i].track->id == id)
			return &x->tracks[i];
	}
	return NULL;
}

/* ---- one traf ---- */

enum tfhd_flag {
	TFHD_BASE = 1,
	TFHD_DESCRIPTION = 2,
	TFHD_DURATION = 8,
	TFHD_SIZE = 0x10,
	TFHD_FLAGS = 0x20,
	TFHD_BASE_IS_MOOF = 0x20000
};
enum trun_flag {
	TRUN_OFFSET = 1,
	TRUN_FIRST_FLAGS = 4,
	TRUN_DURATION = 0x100,
	TRUN_SIZE = 0x200,
	TRUN_FLAGS = 0x400,
	TRUN_COMPOSITION = 0x800
};

/* A field that is there when its flag is set. */
static bool optional(struct cur *c, uint32_t flags, uint32_t flag, uint32_t *v)
{
	return !(flags & flag) || cur_be32(c, v);
}

struct traf {
	struct fragment_track *to;
	struct defaults defaults;
	uint64_t base; /* of trun's data offsets */
};

static int read_tfhd(struct fragments *x, struct bytes tfhd, struct traf *t)
{
	struct cur c = { tfhd };
	uint32_t flags, id, description;

	if (!cur_be32(&c, &flags) || !cur_be32(&c, &id))
		return ERR_CORRUPT;
	t->to = find_track(x, id);
	if (!t->to)
		return ERR_NOT_FOUND;
	t->defaults = t->to->defaults;
	t->base = flags & TFHD_BASE_IS_MOOF ? x->moof_at : x->data_end;
	if (flags & TFHD_BASE && !cur_be64(&c, &t->base))
		return ERR_CORRUPT;
	if (!optional(&c, flags, TFHD_DESCRIPTION, &description) ||
		!optional(&c, flags, TFHD_DURATION, &t->defaults.duration) ||
		!optional(&c, flags, TFHD_SIZE, &t->defaults.size) ||
		!optional(&c, flags, TFHD_FLAGS, &t->defaults.flags))
		return ERR_CORRUPT;
	if (flags & TFHD_DESCRIPTION && description != t->to->track->table.description) {
		if (!t->to->ended)
			movie_note(x->movie, "track %u: ends where its sample description changes",
				id);
		t->to->ended = true;
	}
	return 0;
}

/* Files that were put together of several ones begin anew: time goes on all the same. */
static int read_tfdt(struct fragments *x, struct bytes tfdt, struct fragment_track *f)
{
	struct cur c = { tfdt };
	uint32_t head, time32;
	uint64_t time;

	if (!cur_be32(&c, &head))
		return ERR_CORRUPT;
	if (head >> 24 == 1) {
		if (!cur_be64(&c, &time))
			return ERR_CORRUPT;
	} else {
		if (!cur_be32(&c, &time32))
			return ERR_CORRUPT;
		time = time32;
	}
	if (time > UINT64_MAX - f->shift)
		return ERR_CORRUPT;
	if (f->next > time + f->shift && f->next - time - f->shift > f->track->timescale) {
		if (!f->shift)
			movie_note(x->movie, "track %u: its times begin anew amid the file",
				f->track->id);
		f->shift = f->next - time;
	}
	f->next = time + f->shift;
	return 0;
}

static void end_track(struct fragments *x, struct fragment_track *f, const char *why)
{
	if (!f->ended)
		movie_note(x->movie, "track %u: ends early: %s", f->track->id, why);
	f->ended = true;
}

/* Adds one sample that lies at x->data_end. */
static void add_sample(struct fragments *x, struct fragment_track *f, const struct defaults *d,
	int32_t composition)
{
	uint64_t at = x->data_end, left = at < x->movie->file.size ? x->movie->file.size - at : 0;

	x->data_end += d->size;
	if (d->size > left)
		end_track(x, f, "the file is cut short");
	else if (!x->samples_left)
		end_track(x, f, "more samples than are read");
	/* what has no octets cannot be sent */
	if (!f->ended && d->size) {
		x->samples_left--;
		if (table_build_add(f->build, &(struct table_sample){ .at = at,
						      .size = d->size,
						      .dts = f->next,
						      .composition = composition,
						      .is_sync = !(d->flags & NOT_SYNC) }))
			end_track(x, f, "more samples than are read");
	}
	if (!f->ended)
		f->next += d->duration;
}

static int read_trun(struct fragments *x, const struct traf *t, struct bytes trun)
{
	struct cur c = { trun };
	uint32_t flags, n, offset, first_flags = 0, composition = 0;

	if (!cur_be32(&c, &flags) || !cur_be32(&c, &n) ||
		!optional(&c, flags, TRUN_OFFSET, &offset) ||
		!optional(&c, flags, TRUN_FIRST_FLAGS, &first_flags))
		return ERR_CORRUPT;
	if (flags & TRUN_OFFSET)
		x->data_end = t->base + (uint64_t)(int64_t)(int32_t)offset;
	for (uint32_t i = 0; i < n && !t->to->ended; i++) {
		struct defaults d = t->defaults;

		if (!optional(&c, flags, TRUN_DURATION, &d.duration) ||
			!optional(&c, flags, TRUN_SIZE, &d.size) ||
			!optional(&c, flags, TRUN_FLAGS, &d.flags) ||
			!optional(&c, flags, TRUN_COMPOSITION, &composition))
			return ERR_CORRUPT;
		if (!i && flags & TRUN_FIRST_FLAGS)
			d.flags = first_flags;
		add_sample(x, t->to, &d, (int32_t)composition);
		if (!d.size && !(flags & (TRUN_DURATION | TRUN_SIZE)))
			break; /* nothing, over and over */
	}
	return 0;
}

/* What moov itself describes comes first. */
static void take_over(struct fragments *x, struct fragment_track *f)
{
	const struct table *t = &f->track->table;
	struct finder finder;
	int err = 0;

	finder_init(&finder, t, UINT32_MAX);
	for (uint32_t i = 0; !err && i < t->n_samples && x->samples_left; i++) {
		struct table_sample s = { .dts = table_time(t, i),
			.composition = table_composition(t, i),
			.is_sync = table_is_sync(t, i) };

		err = finder_place(&finder, i, &s.at, &s.size);
		if (!err)
			err = table_build_add(f->build, &s);
		x->samples_left--;
	}
	if (err)
		end_track(x, f, "its table is broken");
	f->next = t->duration;
	f->has_fragments = true;
}

static int read_traf(struct fragments *x, struct bytes traf)
{
	struct bytes rest = traf, tfdt = box_find(traf, FOURCC('t', 'f', 'd', 't'));
	struct box box;
	struct traf t;
	int err = read_tfhd(x, box_find(traf, FOURCC('t', 'f', 'h', 'd')), &t), broken;

	if (err == ERR_NOT_FOUND)
		return 0; /* of a track that was left out */
	if (!err && !t.to->has_fragments)
		take_over(x, t.to);
	if (!err && tfdt.p)
		err = read_tfdt(x, tfdt, t.to);
	if (err)
		return err;
	x->data_end = t.base;
	while (!err && box_next(&rest, &box, &broken)) {
		if (box.type == FOURCC('t', 'r', 'u', 'n'))
			err = read_trun(x, &t, box.body);
	}
	return err ? err : broken;
}

/* ---- the file ---- */

static int read_moof(struct fragments *x, struct bytes rest)
{
	struct box box;
	int err = 0, broken;

	x->data_end = x->moof_at;
	while (!err && box_next(&rest, &box, &broken)) {
		if (box.type == FOURCC('t', 'r', 'a', 'f'))
			err = read_traf(x, box.body);
	}
	return err ? err : broken;
}

static int load_moof(struct fragments *x, struct top_walk *w, const struct top_box *t)
{
	uint8_t *p;
	int err;

	if (t->n > MOOF_MAX || t->n > x->header_bytes_left)
		return ERR_LIMIT;
	x->header_bytes_left -= t->n;
	p = xmalloc(t->n ? (size_t)t->n : 1);
	x->moof_at = t->start;
	err = top_read(w, t->at, p, (size_t)t->n);
	if (!err)
		err = read_moof(x, bytes_of(p, (size_t)t->n));
	free(p);
	return err;
}

static int walk(struct fragments *x, uint64_t at)
{
	struct top_walk w;
	struct top_box t;
	int err;

	top_walk_init(&w, &x->movie->file, at);
	for (;;) {
		err = top_next(&w, &t);
		if (!err && t.type == FOURCC('m', 'o', 'o', 'f'))
			err = load_moof(x, &w, &t);
		if (err)
			break;
	}
	if (err == ERR_END)
		return 0;
	if (err == ERR_TRUNCATED || err == ERR_CORRUPT || err == ERR_LIMIT) {
		movie_note(x->movie, "ends at octet %llu of the file: %s",
			(unsigned long long)w.next, err_text(err));
		return 0;
	}
	return err;
}

static void read_trex(struct fragments *x, struct bytes rest)
{
	struct fragment_track *f;
	struct box box;
	uint32_t id, description;
	int err;

	while (box_next(&rest, &box, &err)) {
		struct cur c = { box.body };
		struct defaults d;

		if (box.type != FOURCC('t', 'r', 'e', 'x') || !cur_skip(&c, 4) ||
			!cur_be32(&c, &id) || !cur_be32(&c, &description) ||
			!cur_be32(&c, &d.duration) || !cur_be32(&c, &d.size) ||
			!cur_be32(&c, &d.flags))
			continue;
		f = find_track(x, id);
		if (!f)
			continue;
		f->defaults = d;
		if (!f->track->table.n_samples) /* a table without chunks names none */
			f->track->table.description = description;
	}
}

/* Puts the tables that have been built in place of the old ones. */
static int put_table(struct fragments *x, struct fragment_track *f)
{
	struct track *k = f->track;
	uint32_t description = k->table.description;
	struct table table;
	size_t bytes = 0;
	int err;

	if (!f->has_fragments)
		return 0;
	err = table_build_take(f->build, f->next, &table, &k->made, &bytes);
	f->build = NULL;
	table_clear(&k->table);
	k->table = table;
	k->table.description = description;
	k->edit.length = 0;
	x->movie->memory += bytes;
	if (err)
		movie_note(x->movie, "track %u: its fragments are broken", k->id);
	return 0;
}

static int read_all(struct fragments *x, struct bytes mvex, uint64_t at)
{
	int err;

	read_trex(x, mvex);
	err = walk(x, at);
	for (uint32_t i = 0; !err && i < x->n_tracks; i++)
		err = put_table(x, &x->tracks[i]);
	return err;
}

int fragments_read(
	struct movie *m, struct bytes mvex, uint64_t at, struct track *tracks, uint32_t n_tracks)
{
	struct fragments x = { .movie = m,
		.n_tracks = n_tracks,
		.samples_left = SAMPLES_MAX,
		.header_bytes_left = MOOFS_BYTES_MAX };
	int err;

	x.tracks = xcalloc(n_tracks ? n_tracks : 1, sizeof *x.tracks);
	for (uint32_t i = 0; i < n_tracks; i++) {
		x.tracks[i].track = &tracks[i];
		x.tracks[i].build = table_build_new();
	}
	err = read_all(&x, mvex, at);
	for (uint32_t i = 0; i < n_tracks; i++)
		table_build_free(x.tracks[i].build);
	free(x.tracks);
	return err;
}
