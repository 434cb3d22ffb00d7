/* SPDX-License-Identifier: MIT */
#include "server/media/hint.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/mp4.h"
#include "server/media/source.h"
#include "server/media/title.h"

/* Caps per block: what they bound is the work that a hostile file can ask for. */
enum {
	BLOCK_BYTES_SOFT = 256 << 10, /* full: the next hint sample begins another block */
	BLOCK_ROWS_SOFT = 2048,
	BLOCK_SAMPLES_SOFT = 4096,
	HINT_SAMPLE_MAX = 4 << 20,
	FINDER_STEPS_MAX = 8 << 20,
	WINDOW_FILLS_MAX = 4096,
	TRAIN_MAX = 16,
	ORIGIN_SAMPLES_MAX = 64,
	ENTRY_BYTES = 16
};

enum { HINT_REPEAT = 1, HINT_B_FRAME = 2, HINT_EXTRA = 4 };

struct hint_packet {
	int32_t relative; /* transmission time against the sample's, hint timescale */
	uint16_t bits;    /* first two octets of the RTP header */
	uint16_t flags;
	int32_t rtp_offset;
	struct bytes entries; /* ENTRY_BYTES each */
};

enum { ENTRY_NONE, ENTRY_IMMEDIATE, ENTRY_SAMPLE, ENTRY_DESCRIPTION };

/* A constructor of kind sample or description. */
struct reference {
	int8_t track; /* -1: the hint track itself */
	uint16_t length;
	uint32_t number; /* sample or description, from 1 */
	uint32_t offset;
	uint16_t bytes_per_block, samples_per_block; /* ≥ 1 */
};

struct filler {
	const struct media_file *file;
	const struct stream *stream;
	struct window self, media;
	struct finder self_finder, finders[TRACK_REFS_MAX];
	uint32_t sample; /* hint sample at hand */
	uint8_t *data;
	uint32_t data_n;
	struct row *rows;
	uint8_t *payload;
	size_t n_rows, cap_rows, payload_n, payload_cap;
};

static void filler_init(struct filler *x, const struct media_file *f, const struct stream *s)
{
	*x = (struct filler){ .file = f, .stream = s };
	window_init(&x->self, f, WINDOW_FILLS_MAX);
	window_init(&x->media, f, WINDOW_FILLS_MAX);
	finder_init(&x->self_finder, &s->hint->table, FINDER_STEPS_MAX);
	for (uint32_t i = 0; i < TRACK_REFS_MAX; i++) {
		if (s->refs[i])
			finder_init(&x->finders[i], &s->refs[i]->table, FINDER_STEPS_MAX);
	}
}

static void filler_clear(struct filler *x)
{
	window_clear(&x->self);
	window_clear(&x->media);
	free(x->data);
	free(x->rows);
	free(x->payload);
}

/* Reads hint sample n into x->data. */
static int load_sample(struct filler *x, uint32_t n)
{
	uint64_t at;
	int err = finder_place(&x->self_finder, n, &at, &x->data_n);

	if (err)
		return err;
	if (x->data_n > HINT_SAMPLE_MAX)
		return ERR_LIMIT;
	x->data = xrealloc(x->data, x->data_n ? x->data_n : 1);
	x->sample = n;
	return window_read(&x->self, at, x->data, x->data_n);
}

/* Extra information: a length that counts itself, then boxes padded to four octets. */
static int read_extra(struct cur *c, struct hint_packet *p)
{
	struct bytes rest;
	uint32_t n;

	if (!cur_be32(c, &n) || n < 4 || !cur_take(c, n - 4, &rest))
		return ERR_CORRUPT;
	while (rest.n >= 8) {
		uint32_t size = be32(rest.p);

		if (size < 8 || size > rest.n)
			return ERR_CORRUPT;
		if (be32(rest.p + 4) == FOURCC('r', 't', 'p', 'o') && size >= 12)
			p->rtp_offset = (int32_t)be32(rest.p + 8);
		rest = bytes_sub(rest, (size_t)((size + 3ull) & ~3ull), rest.n);
	}
	return 0;
}

static int read_packet(struct cur *c, struct hint_packet *p)
{
	uint16_t seed, entries;
	uint32_t relative;
	int err = 0;

	*p = (struct hint_packet){ 0 };
	/* the sequence seed is of no use: the session counts its own */
	if (!cur_be32(c, &relative) || !cur_be16(c, &p->bits) || !cur_be16(c, &seed) ||
		!cur_be16(c, &p->flags) || !cur_be16(c, &entries))
		return ERR_CORRUPT;
	p->relative = (int32_t)relative;
	if (p->flags & HINT_EXTRA)
		err = read_extra(c, p);
	if (!err && !cur_take(c, (size_t)entries * ENTRY_BYTES, &p->entries))
		err = ERR_CORRUPT;
	return err;
}

/* Packet count of the loaded sample; the cursor stands at the first packet. */
static int open_sample(const struct filler *x, struct cur *c, uint16_t *packets)
{
	*c = (struct cur){ bytes_of(x->data, x->data_n) };
	*packets = 0;
	if (!x->data_n)
		return 0;
	return cur_be16(c, packets) && cur_skip(c, 2) ? 0 : ERR_CORRUPT;
}

static struct reference read_reference(const uint8_t *e)
{
	struct reference r = { .track = (int8_t)e[1],
		.length = be16(e + 2),
		.number = be32(e + 4),
		.offset = be32(e + 8),
		.bytes_per_block = be16(e + 12),
		.samples_per_block = be16(e + 14) };

	if (!r.bytes_per_block)
		r.bytes_per_block = 1;
	if (!r.samples_per_block)
		r.samples_per_block = 1;
	return r;
}

static bool is_block_reference(const struct reference *r)
{
	return r->bytes_per_block > 1 || r->samples_per_block > 1;
}

static const struct track *reference_track(const struct stream *s, int8_t index)
{
	if (index == -1)
		return s->hint;
	return index >= 0 && index < TRACK_REFS_MAX ? s->refs[index] : NULL;
}

/* Room for n more payload bytes of the packet that began at `start`. */
static int reserve(struct filler *x, size_t start, size_t n, uint8_t **to)
{
	if (x->payload_n - start + n > PACKET_PAYLOAD_MAX ||
		x->payload_n + n > TITLE_BLOCK_BYTES_MAX)
		return ERR_LIMIT;
	if (!x->payload || x->payload_n + n > x->payload_cap) {
		x->payload_cap = x->payload_cap ? x->payload_cap * 2 : BLOCK_BYTES_SOFT / 4;
		if (x->payload_cap < x->payload_n + n)
			x->payload_cap = x->payload_n + n;
		x->payload = xrealloc(x->payload, x->payload_cap);
	}
	*to = x->payload + x->payload_n;
	x->payload_n += n;
	return 0;
}

static int copy_immediate(struct filler *x, size_t start, const uint8_t *e)
{
	uint8_t *to;
	int err;

	if (e[1] > ENTRY_BYTES - 2)
		return ERR_CORRUPT;
	err = reserve(x, start, e[1], &to);
	if (!err)
		memcpy(to, e + 2, e[1]);
	return err;
}

static int copy_description(struct filler *x, size_t start, const struct reference *r)
{
	const struct track *t = reference_track(x->stream, r->track);
	struct bytes entry, part;
	uint8_t *to;
	int err;

	if (!t)
		return ERR_CORRUPT;
	entry = track_description(t, r->number);
	part = bytes_sub(entry, r->offset, r->length);
	if (part.n != r->length)
		return ERR_CORRUPT;
	err = reserve(x, start, part.n, &to);
	if (!err && part.n)
		memcpy(to, part.p, part.n);
	return err;
}

/*
 * A reference that is longer than its sample: PCM, whose samples are single frames, read on from the
 * one that is named. ffmpeg's hinter names the number of its own packet instead, which is the hint
 * sample's: there the hint sample's time tells the frame.
 */
static int place_frames(struct filler *x, const struct reference *r, uint64_t *at)
{
	const struct track *hint = x->stream->hint, *media = x->stream->refs[r->track];
	int64_t frame = r->number - 1;
	uint32_t size;

	if (frame == x->sample)
		frame = scale_near((int64_t)table_time(&hint->table, x->sample), media->timescale,
			hint->timescale);
	if (frame > UINT32_MAX)
		return ERR_CORRUPT;
	return finder_place(&x->finders[r->track], (uint32_t)frame, at, &size);
}

/* Where a sample reference points to; *left bounds what may be read there. */
static int place_reference(
	struct filler *x, const struct reference *r, uint64_t *at, uint64_t *left)
{
	struct finder *f = r->track < 0 ? &x->self_finder : &x->finders[r->track];
	uint32_t size;
	int err;

	if (!r->number)
		return ERR_CORRUPT;
	*left = UINT64_MAX; /* runs of blocks or frames: their chunk ends them, the file bounds them */
	if (r->track >= 0 && is_block_reference(r))
		return finder_block(f, r->number - 1, r->bytes_per_block, r->samples_per_block, at);
	if (r->track >= 0 && f->table->uniform_size &&
		(uint64_t)r->offset + r->length > f->table->uniform_size)
		return place_frames(x, r, at);
	err = finder_place(f, r->number - 1, at, &size);
	*left = err ? 0 : size;
	return err;
}

static int copy_sample(struct filler *x, size_t start, const struct reference *r)
{
	uint64_t at, left;
	uint8_t *to;
	int err;

	if (!reference_track(x->stream, r->track))
		return ERR_CORRUPT;
	err = reserve(x, start, r->length, &to);
	if (err)
		return err;
	if (r->track < 0 && r->number - 1 == x->sample) {
		struct bytes part = bytes_sub(bytes_of(x->data, x->data_n), r->offset, r->length);

		if (part.n != r->length)
			return ERR_CORRUPT;
		if (part.n)
			memcpy(to, part.p, part.n);
		return 0;
	}
	err = place_reference(x, r, &at, &left);
	if (err)
		return err;
	if ((uint64_t)r->offset + r->length > left)
		return ERR_CORRUPT;
	return window_read(r->track < 0 ? &x->self : &x->media, at + r->offset, to, r->length);
}

static int copy_entry(struct filler *x, size_t start, const uint8_t *e)
{
	struct reference r = read_reference(e);

	switch (e[0]) {
	case ENTRY_NONE: return 0;
	case ENTRY_IMMEDIATE: return copy_immediate(x, start, e);
	case ENTRY_SAMPLE: return copy_sample(x, start, &r);
	case ENTRY_DESCRIPTION: return copy_description(x, start, &r);
	}
	return ERR_CORRUPT;
}

/* The media sample that the packet's first reference to one names. */
static bool first_media_sample(const struct stream *s, const struct hint_packet *p,
	const struct track **media, uint32_t *n)
{
	for (size_t i = 0; i < p->entries.n; i += ENTRY_BYTES) {
		const uint8_t *e = p->entries.p + i;
		struct reference r = read_reference(e);

		if (e[0] != ENTRY_SAMPLE || r.track < 0 || is_block_reference(&r) || !r.number)
			continue;
		*media = reference_track(s, r.track);
		*n = r.number - 1;
		return *media != NULL;
	}
	return false;
}

/* Whether the packet belongs to a sync sample; `before`: of the packet before it, which settles it
 * for packets that take nothing from a media sample. */
static bool packet_is_sync(const struct stream *s, const struct hint_packet *p, bool before)
{
	const struct track *media;
	uint32_t n;

	if (!s->is_video)
		return true;
	return first_media_sample(s, p, &media, &n) ? table_is_sync(&media->table, n) : before;
}

static struct row *add_row(struct filler *x)
{
	if (x->n_rows == x->cap_rows) {
		x->cap_rows = x->cap_rows ? x->cap_rows * 2 : 128;
		x->rows = xrealloc(x->rows, x->cap_rows * sizeof *x->rows);
	}
	return &x->rows[x->n_rows++];
}

/* rtpo counts in the hint track's RTP scale; what clients know is the rtpmap's clock. */
static int64_t offset_ticks(const struct stream *s, int32_t rtpo)
{
	return s->hint->rtp_scale ? scale_near(rtpo, s->clock_hz, s->hint->rtp_scale) : rtpo;
}

static int add_packet(struct filler *x, const struct hint_packet *p, bool sync)
{
	const struct stream *s = x->stream;
	size_t start = x->payload_n;
	uint8_t importance = IMPORTANCE_NORMAL;

	if (x->n_rows == TITLE_BLOCK_ROWS_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < p->entries.n; i += ENTRY_BYTES) {
		int err = copy_entry(x, start, p->entries.p + i);

		if (err)
			return err;
	}
	if (p->flags & HINT_B_FRAME)
		importance = IMPORTANCE_LOW;
	else if (sync)
		importance = IMPORTANCE_HIGH;
	*add_row(x) = (struct row){
		.due = stream_due(s, x->sample) +
		       scale_near(p->relative, (uint64_t)TICK_S, s->hint->timescale),
		.rtp_time = (uint32_t)(stream_ticks(s, x->sample) + offset_ticks(s, p->rtp_offset)),
		.at = (uint32_t)start,
		.n = (uint16_t)(x->payload_n - start),
		.train = 1,
		.payload_type = p->bits & 0x7f,
		.importance = importance,
		.marker = p->bits & 0x80,
		.padding = p->bits & 0x2000,
		.extension = p->bits & 0x1000,
		.sync = sync,
	};
	return 0;
}

/* Whether the sample's first packets belong to a sync sample: as the first reference in it says. */
static bool sample_is_sync(const struct filler *x, struct cur c, uint16_t packets)
{
	const struct stream *s = x->stream;
	const struct track *media;
	struct hint_packet p;
	uint32_t n;

	for (; packets && read_packet(&c, &p) == 0; packets--) {
		if (first_media_sample(s, &p, &media, &n))
			return table_is_sync(&media->table, n);
	}
	return table_is_sync(&s->hint->table, x->sample);
}

static int add_sample(struct filler *x, uint32_t n)
{
	struct hint_packet p;
	struct cur c;
	uint16_t packets;
	bool sync;
	int err = load_sample(x, n);

	if (!err)
		err = open_sample(x, &c, &packets);
	if (err)
		return err;
	for (sync = sample_is_sync(x, c, packets); !err && packets; packets--) {
		err = read_packet(&c, &p);
		if (err || p.flags & HINT_REPEAT)
			continue;
		sync = packet_is_sync(x->stream, &p, sync);
		err = add_packet(x, &p, sync);
	}
	return err;
}

static bool filler_is_full(const struct filler *x, uint32_t samples)
{
	return x->payload_n >= BLOCK_BYTES_SOFT || x->n_rows >= BLOCK_ROWS_SOFT ||
	       samples >= BLOCK_SAMPLES_SOFT;
}

/* How many rows from each on have its length and due time, and one more if that is only shorter. */
static void mark_trains(struct row *rows, size_t n)
{
	for (size_t i = n; i-- > 1;) {
		struct row *a = &rows[i - 1], *b = &rows[i];

		if (a->due == b->due && a->n == b->n && b->train < TRAIN_MAX)
			a->train = (uint16_t)(b->train + 1);
		else if (a->due == b->due && a->n == b->n)
			a->train = TRAIN_MAX;
	}
	for (size_t i = 0; i < n; i++) {
		struct row *a = &rows[i];
		size_t end = i + a->train;

		if (a->train < TRAIN_MAX && end < n && rows[end].due == a->due &&
			rows[end].n < a->n)
			a->train++;
	}
}

static struct block *filler_take(struct filler *x, uint32_t track, uint32_t first, uint32_t next)
{
	struct block *b = xcalloc(1, sizeof *b);

	mark_trains(x->rows, x->n_rows);
	atomic_init(&b->refs, 1);
	b->track = track;
	b->first = first;
	b->next = next;
	b->n_rows = (uint32_t)x->n_rows;
	b->payload_n = (uint32_t)x->payload_n;
	b->rows = x->rows;
	/* never NULL, though all its packets be empty: views are made from it */
	b->payload = xrealloc(x->payload, b->payload_n ? b->payload_n : 1);
	x->rows = NULL;
	x->payload = NULL;
	return b;
}

int hint_fill(const struct media_file *f, const struct stream *s, uint32_t track, uint32_t first,
	struct block **out)
{
	uint32_t n = first, end = stream_slot_end(s, first);
	struct filler x;
	int err = 0;

	filler_init(&x, f, s);
	do {
		size_t rows = x.n_rows, payload = x.payload_n;

		err = add_sample(&x, n);
		if (err) { /* the sample whole or not at all */
			x.n_rows = rows;
			x.payload_n = payload;
			break;
		}
		n++;
	} while (n < end && !filler_is_full(&x, n - first));
	if (n > first) {
		*out = filler_take(&x, track, first, n);
		err = 0;
	}
	filler_clear(&x);
	return err;
}

int hint_find_origin(const struct media_file *f, const struct stream *s, struct hint_origin *o)
{
	struct hint_packet p;
	struct filler x;
	struct cur c;
	uint16_t packets = 0;
	int err = 0;

	filler_init(&x, f, s);
	for (uint32_t n = 0; !err && !packets; n++) {
		if (n == ORIGIN_SAMPLES_MAX || n == s->hint->table.n_samples)
			break;
		err = load_sample(&x, n);
		if (!err)
			err = open_sample(&x, &c, &packets);
	}
	if (!err)
		err = packets ? read_packet(&c, &p) : ERR_NOT_FOUND;
	if (!err && !first_media_sample(s, &p, &o->media, &o->sample))
		err = ERR_NOT_FOUND;
	o->hint_sample = x.sample;
	o->rtp_offset = err ? 0 : offset_ticks(s, p.rtp_offset);
	filler_clear(&x);
	return err;
}
