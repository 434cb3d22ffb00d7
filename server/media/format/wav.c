/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/media/format/made.h"
#include "server/media/format/readers.h"

/* RIFF/WAVE, and RF64 (EBU Tech 3306) for more than 4 GB. All numbers are little-endian. */
enum {
	FORMAT_PCM = 1,
	FORMAT_ALAW = 6,
	FORMAT_MULAW = 7,
	FORMAT_EXTENSIBLE = 0xfffe,
	CHUNKS_MAX = 1000,
	FMT_BYTES = 26 /* up to the sub-format's first two octets */
};

struct wav {
	uint32_t format, channels, sample_hz, align, bits;
	uint64_t at, n;  /* of the sound */
	uint64_t long_n; /* ds64: where a length is 0xffffffff */
	bool has_fmt, has_data;
};

static uint32_t le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

static int read_fmt(struct wav *w, const struct media_file *f, uint64_t at, uint64_t n)
{
	uint8_t b[FMT_BYTES] = { 0 };
	size_t have = n < sizeof b ? (size_t)n : sizeof b;
	int err = media_file_read(f, at, b, have);

	if (err)
		return err;
	if (have < 16)
		return ERR_CORRUPT;
	w->format = le16(b);
	w->channels = le16(b + 2);
	w->sample_hz = le32(b + 4);
	w->align = le16(b + 12);
	w->bits = le16(b + 14);
	if (w->format == FORMAT_EXTENSIBLE && have == FMT_BYTES)
		w->format = le16(b + 24);
	w->has_fmt = true;
	return 0;
}

static int read_ds64(struct wav *w, const struct media_file *f, uint64_t at, uint64_t n)
{
	uint8_t b[16];
	int err = n < sizeof b ? ERR_CORRUPT : media_file_read(f, at, b, sizeof b);

	if (!err)
		w->long_n = le32(b + 8) | (uint64_t)le32(b + 12) << 32;
	return err;
}

/* A recorder that was cut off leaves lengths of 0 or -1: what there is counts. */
static void put_data(struct wav *w, const struct media_file *f, uint64_t at, uint64_t n)
{
	if (n == UINT32_MAX && w->long_n)
		n = w->long_n;
	if (!n || n > f->size - at)
		n = f->size - at;
	w->at = at;
	w->n = n;
	w->has_data = true;
}

static int read_chunks(struct wav *w, const struct media_file *f)
{
	uint64_t at = 12;

	for (int i = 0; i < CHUNKS_MAX && at + 8 <= f->size && !w->has_data; i++) {
		uint8_t head[8];
		uint64_t n;
		int err = media_file_read(f, at, head, sizeof head);

		if (err)
			return err;
		at += sizeof head;
		n = le32(head + 4);
		if (bytes_is_eq(bytes_of(head, 4), B("data")))
			put_data(w, f, at, n);
		else if (bytes_is_eq(bytes_of(head, 4), B("fmt ")))
			err = read_fmt(w, f, at, n);
		else if (bytes_is_eq(bytes_of(head, 4), B("ds64")))
			err = read_ds64(w, f, at, n);
		if (err)
			return err;
		at += n + (n & 1);
	}
	return w->has_fmt && w->has_data ? 0 : ERR_CORRUPT;
}

static enum codec_id codec_of(const struct wav *w)
{
	switch (w->format) {
	case FORMAT_PCM:
		return w->bits == 8 || w->bits == 16 || w->bits == 24 ? CODEC_PCM : CODEC_NONE;
	case FORMAT_ALAW: return CODEC_PCMA;
	case FORMAT_MULAW: return CODEC_PCMU;
	default: return CODEC_NONE;
	}
}

static int add(struct movie *m, const struct wav *w)
{
	struct made_track k = { .id = 1, .timescale = w->sample_hz };
	struct codec *c = &k.codec;
	uint64_t n;

	c->id = codec_of(w);
	if (c->id == CODEC_NONE) {
		movie_note(m, "WAVE: format 0x%04x of %u bits is not sent", w->format, w->bits);
		return ERR_UNSUPPORTED;
	}
	c->sample_bits = c->id == CODEC_PCM ? (uint8_t)w->bits : 8;
	if (!w->sample_hz || !w->channels || w->channels > UINT8_MAX ||
		w->align != w->channels * c->sample_bits / 8)
		return ERR_CORRUPT;
	c->sample_hz = w->sample_hz;
	c->channels = (uint8_t)w->channels;
	c->is_little = true;
	c->is_unsigned = c->id == CODEC_PCM && w->bits == 8;
	n = w->n / w->align;
	if (n > UINT32_MAX) {
		n = UINT32_MAX;
		movie_note(m, "WAVE: longer than can be sent, cut");
	}
	if (!n)
		return ERR_TRUNCATED;
	return made_add_uniform(m, &k, w->at, w->align, (uint32_t)n);
}

static int open_wav(struct movie *m)
{
	struct wav w = { 0 };
	int err = read_chunks(&w, &m->file);

	return err ? err : add(m, &w);
}

static bool probe_wav(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return (bytes_has_prefix(head, B("RIFF")) || bytes_has_prefix(head, B("RF64"))) &&
	       bytes_has_prefix(bytes_sub(head, 8, 4), B("WAVE"));
}

const struct movie_reader reader_wav = { .name = "WAVE", .probe = probe_wav, .open = open_wav };
