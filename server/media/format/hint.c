/* SPDX-License-Identifier: MIT */
#include "server/media/format/hint.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/pack/block_build.h"

/* Caps per block: what they bound is the work that a hostile file can ask for. */
enum {
	BLOCK_SAMPLES_SOFT = 4096,
	HINT_SAMPLE_MAX = 4 << 20,
	HINT_BYTES_SOFT = 8 << 20, /* of hint samples, whatever they hold */
	FINDER_STEPS_MAX = 8 << 20,
	WINDOW_FILLS_MAX = 4096,
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
	const struct hint_stream *stream;
	struct window self, media;
	struct finder self_finder, finders[TRACK_REFS_MAX];
	uint32_t sample; /* hint sample at hand */
	uint8_t *data;
	uint32_t data_n;
	uint64_t read_n; /* octets of hint samples so far */
	struct block_build build;
};

static void filler_init(struct filler *x, const struct media_file *f, const struct hint_stream *s)
{
	*x = (struct filler){ .file = f, .stream = s };
	block_build_init(&x->build);
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
	block_build_clear(&x->build);
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
	x->read_n += x->data_n;
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

static const struct track *reference_track(const struct hint_stream *s, int8_t index)
{
	if (index == -1)
		return s->hint;
	return index >= 0 && index < TRACK_REFS_MAX ? s->refs[index] : NULL;
}

static int copy_immediate(struct filler *x, const uint8_t *e)
{
	if (e[1] > ENTRY_BYTES - 2)
		return ERR_CORRUPT;
	return block_put(&x->build, bytes_of(e + 2, e[1]));
}

static int copy_description(struct filler *x, const struct reference *r)
{
	const struct track *t = reference_track(x->stream, r->track);
	struct bytes part;

	if (!t)
		return ERR_CORRUPT;
	part = bytes_sub(track_description(t, r->number), r->offset, r->length);
	return part.n == r->length ? block_put(&x->build, part) : ERR_CORRUPT;
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

static int copy_sample(struct filler *x, const struct reference *r)
{
	uint64_t at, left;
	uint8_t *to;
	int err;

	if (!reference_track(x->stream, r->track))
		return ERR_CORRUPT;
	if (r->track < 0 && r->number - 1 == x->sample) {
		struct bytes part = bytes_sub(bytes_of(x->data, x->data_n), r->offset, r->length);

		return part.n == r->length ? block_put(&x->build, part) : ERR_CORRUPT;
	}
	to = block_room(&x->build, r->length);
	if (!to)
		return x->build.err;
	err = place_reference(x, r, &at, &left);
	if (err)
		return err;
	if ((uint64_t)r->offset + r->length > left)
		return ERR_CORRUPT;
	return window_read(r->track < 0 ? &x->self : &x->media, at + r->offset, to, r->length);
}

static int copy_entry(struct filler *x, const uint8_t *e)
{
	struct reference r = read_reference(e);

	switch (e[0]) {
	case ENTRY_NONE: return 0;
	case ENTRY_IMMEDIATE: return copy_immediate(x, e);
	case ENTRY_SAMPLE: return copy_sample(x, &r);
	case ENTRY_DESCRIPTION: return copy_description(x, &r);
	}
	return ERR_CORRUPT;
}

/* The media sample that the packet's first reference to one names. */
static bool first_media_sample(const struct hint_stream *s, const struct hint_packet *p,
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
static bool packet_is_sync(const struct hint_stream *s, const struct hint_packet *p, bool before)
{
	const struct track *media;
	uint32_t n;

	if (!s->stream.is_video)
		return true;
	return first_media_sample(s, p, &media, &n) ? table_is_sync(&media->table, n) : before;
}

/* rtpo counts in the hint track's RTP scale; what clients know is the rtpmap's clock. */
static int64_t offset_ticks(const struct hint_stream *s, int32_t rtpo)
{
	return s->hint->rtp_scale ? scale_near(rtpo, s->stream.clock_hz, s->hint->rtp_scale) : rtpo;
}

static int add_packet(struct filler *x, const struct hint_packet *p, bool sync)
{
	const struct hint_stream *s = x->stream;
	uint8_t importance = IMPORTANCE_NORMAL;
	int err = 0;

	if (p->flags & HINT_B_FRAME)
		importance = IMPORTANCE_LOW;
	else if (sync)
		importance = IMPORTANCE_HIGH;
	block_begin(&x->build,
		&(struct row){
			.due = hint_stream_due(s, x->sample) +
			       scale_near(p->relative, (uint64_t)TICK_S, s->hint->timescale),
			.rtp_time = (uint32_t)(hint_stream_ticks(s, x->sample) +
					       offset_ticks(s, p->rtp_offset)),
			/* of the SDP: no other means anything to the client */
			.payload_type = s->stream.payload_type,
			.importance = importance,
			.marker = p->bits & 0x80,
			.padding = p->bits & 0x2000,
			.extension = p->bits & 0x1000,
			.sync = sync,
		});
	for (size_t i = 0; !err && i < p->entries.n; i += ENTRY_BYTES)
		err = copy_entry(x, p->entries.p + i);
	return err ? err : block_end(&x->build);
}

/* Whether the sample's first packets belong to a sync sample: as the first reference in it says. */
static bool sample_is_sync(const struct filler *x, struct cur c, uint16_t packets)
{
	const struct hint_stream *s = x->stream;
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

int hint_fill(const struct media_file *f, const struct hint_stream *s, uint32_t track,
	uint32_t first, struct block **out)
{
	uint32_t n = first, end = hint_stream_slot_end(s, first);
	struct filler x;
	int err = 0;

	filler_init(&x, f, s);
	do {
		struct block_mark mark = block_build_mark(&x.build);

		err = add_sample(&x, n);
		if (err) { /* the sample whole or not at all */
			block_build_back(&x.build, mark);
			break;
		}
		n++;
	} while (n < end && !block_build_is_full(&x.build) && n - first < BLOCK_SAMPLES_SOFT &&
		 x.read_n < HINT_BYTES_SOFT);
	if (n > first) {
		*out = block_build_take(&x.build, track, first, n);
		err = 0;
	}
	filler_clear(&x);
	return err;
}

int hint_find_origin(const struct media_file *f, const struct hint_stream *s, struct hint_origin *o)
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
