/* SPDX-License-Identifier: MIT */
#include "server/media/format/track.h"

#include <stdlib.h>

#include "server/media/format/box.h"

#define HNTI FOURCC('h', 'n', 't', 'i')
/* Delays that can still be summed up. */
#define TIME_MAX ((uint64_t)1 << 60)

enum { RATE_ONE = 1 << 16, DESCRIPTIONS_MAX = 256 };

int64_t scale_floor(int64_t value, uint64_t num, uint64_t den)
{
	__int128 x = (__int128)value * (__int128)num;
	__int128 q = x / (__int128)den;

	if (x % (__int128)den < 0)
		q--;
	return q > INT64_MAX ? INT64_MAX : q < INT64_MIN ? INT64_MIN : (int64_t)q;
}

int64_t scale_near(int64_t value, uint64_t num, uint64_t den)
{
	__int128 x = (__int128)value * (__int128)num + (__int128)(den / 2);
	__int128 q = x / (__int128)den;

	if (x % (__int128)den < 0)
		q--;
	return q > INT64_MAX ? INT64_MAX : q < INT64_MIN ? INT64_MIN : (int64_t)q;
}

/* The turns that a picture's matrix {a b u c d v x y w} makes, as degrees clockwise. */
static uint16_t read_rotation(struct cur *c)
{
	uint32_t a, b;

	if (!cur_be32(c, &a) || !cur_be32(c, &b))
		return 0;
	if ((int32_t)b > 0 && !a)
		return 90;
	if ((int32_t)b < 0 && !a)
		return 270;
	return (int32_t)a < 0 && !b ? 180 : 0;
}

/* tkhd: version 1 has 64-bit times before the id. */
static int read_tkhd(struct track *t, struct bytes trak)
{
	struct cur c = { box_find(trak, FOURCC('t', 'k', 'h', 'd')) };
	uint32_t head;

	if (!c.b.p)
		return ERR_MISSING;
	if (!cur_be32(&c, &head) || !cur_skip(&c, head >> 24 == 1 ? 16 : 8) ||
		!cur_be32(&c, &t->id))
		return ERR_CORRUPT;
	t->is_enabled = head & 1;
	/* duration, then what only pictures and sound have */
	if (cur_skip(&c, (head >> 24 == 1 ? 12 : 8) + 8 + 2) && cur_be16(&c, &t->group) &&
		cur_skip(&c, 4))
		t->rotation = read_rotation(&c);
	return t->id ? 0 : ERR_CORRUPT;
}

static int read_mdhd(struct track *t, struct bytes mdia)
{
	struct cur c = { box_find(mdia, FOURCC('m', 'd', 'h', 'd')) };
	struct bytes tag = box_find(mdia, FOURCC('e', 'l', 'n', 'g'));
	uint8_t version;
	uint16_t code;

	if (!c.b.p)
		return ERR_MISSING;
	if (!cur_u8(&c, &version) || !cur_skip(&c, version == 1 ? 19 : 11) ||
		!cur_be32(&c, &t->timescale))
		return ERR_CORRUPT;
	if (cur_skip(&c, version == 1 ? 8 : 4) && cur_be16(&c, &code))
		language_of_mdhd(code, t->language);
	if (tag.n > 4) /* a tag in full, ended by a zero */
		language_of_name(
			bytes_sub(tag, 4, bytes_index(bytes_sub(tag, 4, tag.n), 0)), t->language);
	return t->timescale ? 0 : ERR_CORRUPT;
}

/* The component type before it is "mhlr" in QuickTime and 0 in ISO files: nothing hangs on it. */
static int read_hdlr(struct track *t, struct bytes mdia)
{
	struct cur c = { box_find(mdia, FOURCC('h', 'd', 'l', 'r')) };

	if (!c.b.p)
		return ERR_MISSING;
	return cur_skip(&c, 8) && cur_be32(&c, &t->handler) ? 0 : ERR_CORRUPT;
}

static bool read_edit(
	struct cur *c, bool wide, uint64_t *length, int64_t *media_time, uint32_t *rate)
{
	uint32_t length32, time32;
	uint64_t time64;

	if (wide) {
		if (!cur_be64(c, length) || !cur_be64(c, &time64))
			return false;
		*media_time = (int64_t)time64;
	} else {
		if (!cur_be32(c, &length32) || !cur_be32(c, &time32))
			return false;
		*length = length32;
		*media_time = (int32_t)time32;
	}
	return cur_be32(c, rate);
}

static int read_elst(struct track *t, struct bytes trak)
{
	static const uint32_t path[] = { FOURCC('e', 'd', 't', 's'), FOURCC('e', 'l', 's', 't'),
		0 };
	struct cur c = { box_find_path(trak, path) };
	bool found = false;
	uint8_t version;
	uint32_t n;

	if (!c.b.p)
		return 0;
	if (!cur_u8(&c, &version) || !cur_skip(&c, 3) || !cur_be32(&c, &n))
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t length;
		int64_t media_time;
		uint32_t rate;

		if (!read_edit(&c, version == 1, &length, &media_time, &rate))
			return found ? 0 : ERR_CORRUPT;
		if (media_time >= 0 && found) {
			t->edit.has_more = true;
			return 0;
		}
		if (media_time >= 0) {
			found = true;
			t->edit.media_time = media_time;
			t->edit.length = length;
			t->edit.has_rate = rate != RATE_ONE;
		} else if (media_time == -1 && !found) { /* an empty edit (14496-12 8.6.6.3) */
			if (length > TIME_MAX || t->edit.delay > TIME_MAX)
				return ERR_CORRUPT;
			t->edit.delay += length;
		}
	}
	return 0;
}

static void read_refs(struct track *t, struct bytes trak)
{
	struct bytes tref = box_find(trak, FOURCC('t', 'r', 'e', 'f'));
	struct cur c = { box_find(tref, FOURCC('h', 'i', 'n', 't')) };

	while (t->n_refs < TRACK_REFS_MAX && cur_be32(&c, &t->refs[t->n_refs]))
		t->n_refs++;
	c = (struct cur){ box_find(tref, FOURCC('c', 'h', 'a', 'p')) };
	if (!cur_be32(&c, &t->chapters))
		t->chapters = 0;
}

static int read_stsd(struct track *t, struct bytes stbl)
{
	struct cur c = { box_find(stbl, FOURCC('s', 't', 's', 'd')) };
	uint32_t head;

	if (!c.b.p)
		return ERR_MISSING;
	if (!cur_be32(&c, &head) || !cur_be32(&c, &t->n_stsd))
		return ERR_CORRUPT;
	t->is_iso_stsd = head >> 24 != 0;
	t->stsd = c.b;
	return 0;
}

/* Data references (8.7.2): flag 1 says that the data lie in this file. The first description tells for
 * all: files that mix are not made. */
static void read_dref(struct track *t, struct bytes minf)
{
	static const uint32_t path[] = { FOURCC('d', 'i', 'n', 'f'), FOURCC('d', 'r', 'e', 'f'),
		0 };
	struct bytes dref = box_find_path(minf, path), rest = bytes_sub(dref, 8, dref.n);
	struct cur c = { t->stsd };
	struct box box;
	uint16_t index;
	int err;

	if (!cur_skip(&c, 14) || !cur_be16(&c, &index))
		return;
	for (uint16_t i = 1; i <= index && box_next(&rest, &box, &err); i++) {
		if (i == index && box.body.n >= 4)
			t->is_external = !(box.body.p[3] & 1);
	}
}

struct bytes track_description(const struct track *t, uint32_t index)
{
	struct bytes rest = t->stsd, before = rest;
	struct box box;
	int err;

	if (index > DESCRIPTIONS_MAX) /* looked up for every packet */
		return (struct bytes){ 0 };
	for (uint32_t i = 1; i <= t->n_stsd && box_next(&rest, &box, &err); i++) {
		if (i == index)
			return bytes_sub(before, 0, before.n - rest.n);
		before = rest;
	}
	return (struct bytes){ 0 };
}

/* "rtp " entry: reserved, data reference, versions, maxpacketsize, then boxes (tims, tsro, snro).
 * tsro and snro shift what is random per session anyway. */
static void read_rtp_entry(struct track *t)
{
	struct bytes rest = t->stsd, tims;
	struct box entry;
	struct cur c;
	int err;

	if (!box_next(&rest, &entry, &err) || entry.type != FOURCC('r', 't', 'p', ' '))
		return;
	c = (struct cur){ entry.body };
	if (!cur_skip(&c, 12) || !cur_be32(&c, &t->packet_max))
		return;
	tims = box_find(c.b, FOURCC('t', 'i', 'm', 's'));
	if (tims.n >= 4)
		t->rtp_scale = be32(tims.p);
}

int track_read(struct track *t, struct bytes trak)
{
	static const uint32_t to_sdp[] = { FOURCC('u', 'd', 't', 'a'), HNTI,
		FOURCC('s', 'd', 'p', ' '), 0 };
	struct bytes mdia = box_find(trak, FOURCC('m', 'd', 'i', 'a'));
	struct bytes minf = box_find(mdia, FOURCC('m', 'i', 'n', 'f'));
	struct bytes stbl = box_find(minf, FOURCC('s', 't', 'b', 'l'));
	int err;

	*t = (struct track){ 0 };
	err = read_tkhd(t, trak);
	if (!err)
		err = read_mdhd(t, mdia);
	if (!err)
		err = read_hdlr(t, mdia);
	if (!err)
		err = read_elst(t, trak);
	if (!err)
		err = read_stsd(t, stbl);
	if (!err)
		err = table_read(&t->table, stbl);
	if (!err && t->table.duration / t->timescale > TIMESCALE_SECONDS_MAX)
		err = ERR_CORRUPT;
	if (err)
		return err;
	read_refs(t, trak);
	read_dref(t, minf);
	t->sdp = box_find_path(trak, to_sdp);
	read_rtp_entry(t);
	return 0;
}

void track_clear(struct track *t)
{
	table_clear(&t->table);
	free(t->made);
	t->made = NULL;
}

tick_t track_presentation(const struct track *t, uint32_t n, uint32_t movie_timescale)
{
	int64_t time = (int64_t)table_time(&t->table, n) + table_composition(&t->table, n) -
		       t->edit.media_time;

	return scale_near(time, (uint64_t)TICK_S, t->timescale) +
	       scale_near((int64_t)t->edit.delay, (uint64_t)TICK_S, movie_timescale);
}
