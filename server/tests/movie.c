/* SPDX-License-Identifier: MIT */
#include "server/tests/movie.h"

#include <string.h>

#include "server/base/os.h"

static void put(struct buf *b, struct bytes v)
{
	if (buf_put(b, v))
		die("movie too long");
}

static void put32(struct buf *b, uint32_t v)
{
	uint8_t x[4];

	put_be32(x, v);
	put(b, bytes_of(x, 4));
}

static void put16(struct buf *b, uint16_t v)
{
	uint8_t x[2];

	put_be16(x, v);
	put(b, bytes_of(x, 2));
}

static void put_zeros(struct buf *b, size_t n)
{
	while (n--)
		put(b, B("\0"));
}

static size_t open_box(struct buf *b, const char *type)
{
	put32(b, 0);
	put(b, bytes_str(type));
	return b->n - 8;
}

static void close_box(struct buf *b, size_t at)
{
	put_be32(b->p + b->at + at, (uint32_t)(b->n - at));
}

static void put_text_box(struct buf *b, const char *type, const char *prefix, const char *text)
{
	size_t at = open_box(b, type);

	put(b, bytes_str(prefix));
	put(b, bytes_str(text));
	close_box(b, at);
}

static void put_header(
	struct buf *b, const char *type, bool wide, uint32_t value, uint64_t duration)
{
	size_t at = open_box(b, type);

	put32(b, wide ? 1u << 24 : 0);
	put_zeros(b, wide ? 16 : 8);
	put32(b, value);
	if (wide)
		put32(b, (uint32_t)(duration >> 32));
	put32(b, (uint32_t)duration);
	put_zeros(b, 4);
	close_box(b, at);
}

static void put_tkhd(struct buf *b, const struct movie_track *t, uint32_t id)
{
	size_t at = open_box(b, "tkhd");

	put32(b, t->wide ? 1u << 24 : 0);
	put_zeros(b, t->wide ? 16 : 8);
	put32(b, id);
	put_zeros(b, 64);
	close_box(b, at);
}

static void put_hdlr(struct buf *b, const struct movie_track *t)
{
	size_t at = open_box(b, "hdlr");

	put_zeros(b, 8);
	put(b, bytes_str(t->handler));
	put_zeros(b, 13);
	close_box(b, at);
}

static void put_edts(struct buf *b, const struct movie_track *t, uint32_t duration)
{
	size_t edts, elst;

	if (t->edit < 0)
		return;
	edts = open_box(b, "edts");
	elst = open_box(b, "elst");
	put32(b, 0);
	put32(b, t->empty_edit ? 2 : 1);
	if (t->empty_edit) {
		put32(b, t->empty_edit);
		put32(b, UINT32_MAX);
		put32(b, 1 << 16);
	}
	put32(b, duration);
	put32(b, (uint32_t)t->edit);
	put32(b, 1 << 16);
	close_box(b, elst);
	close_box(b, edts);
}

static void put_stsd(struct buf *b, const struct movie_track *t)
{
	bool hint = strcmp(t->handler, "hint") == 0;
	size_t at = open_box(b, "stsd"), entry, tims;

	put32(b, 0);
	put32(b, 1);
	entry = open_box(b, hint ? "rtp " : "mp4v");
	put_zeros(b, 8);
	if (hint) {
		put32(b, 1 << 16 | 1);
		put32(b, 1450);
		tims = open_box(b, "tims");
		put32(b, 90000);
		close_box(b, tims);
	} else {
		put(b, B("CONFIGURATION"));
	}
	close_box(b, entry);
	close_box(b, at);
}

static void put_pairs(struct buf *b, const char *type, uint32_t count, uint32_t value)
{
	size_t at = open_box(b, type);

	put32(b, 0);
	put32(b, 1);
	put32(b, count);
	put32(b, value);
	close_box(b, at);
}

static void put_stss(struct buf *b, const struct movie_track *t)
{
	size_t at;

	if (!t->n_sync)
		return;
	at = open_box(b, "stss");
	put32(b, 0);
	put32(b, t->n_sync);
	for (uint32_t i = 0; i < t->n_sync; i++)
		put32(b, t->sync[i]);
	close_box(b, at);
}

static void put_sizes(struct buf *b, const struct movie_track *t)
{
	size_t at = open_box(b, t->compact ? "stz2" : "stsz");

	put32(b, 0);
	put32(b, t->compact ? t->compact : t->uniform_size);
	put32(b, t->n_samples);
	for (uint32_t i = 0; !t->uniform_size && i < t->n_samples; i++) {
		uint8_t low = (uint8_t)t->sizes[i];

		if (t->compact == 4 && i % 2)
			continue;
		if (t->compact == 4)
			low = (uint8_t)((uint32_t)low << 4 |
					(i + 1 < t->n_samples ? t->sizes[i + 1] : 0));
		if (t->compact == 4 || t->compact == 8)
			put(b, bytes_of(&low, 1));
		else if (t->compact == 16)
			put16(b, (uint16_t)t->sizes[i]);
		else
			put32(b, t->sizes[i]);
	}
	close_box(b, at);
}

static uint32_t sample_size(const struct movie_track *t, uint32_t i)
{
	return t->uniform_size ? t->uniform_size : t->sizes[i];
}

static void put_chunks(struct buf *b, const struct movie_track *t, uint64_t data_at)
{
	uint32_t n = (t->n_samples + t->per_chunk - 1) / t->per_chunk;
	size_t at = open_box(b, "stsc");

	put32(b, 0);
	put32(b, 1);
	put32(b, 1);
	put32(b, t->per_chunk);
	put32(b, 1);
	close_box(b, at);
	at = open_box(b, t->wide ? "co64" : "stco");
	put32(b, 0);
	put32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		if (t->wide)
			put32(b, (uint32_t)(data_at >> 32));
		put32(b, (uint32_t)data_at);
		for (uint32_t k = 0; !t->chunk_bytes && k < t->per_chunk; k++)
			data_at += i * t->per_chunk + k < t->n_samples
					   ? sample_size(t, i * t->per_chunk + k)
					   : 0;
		data_at += t->chunk_bytes;
	}
	close_box(b, at);
}

static void put_stbl(struct buf *b, const struct movie_track *t, uint64_t data_at)
{
	size_t minf = open_box(b, "minf"), stbl = open_box(b, "stbl");

	put_stsd(b, t);
	put_pairs(b, "stts", t->n_samples, t->delta);
	if (t->composition)
		put_pairs(b, "ctts", t->n_samples, (uint32_t)t->composition);
	put_stss(b, t);
	put_sizes(b, t);
	put_chunks(b, t, data_at);
	close_box(b, stbl);
	close_box(b, minf);
}

static void put_hnti(struct buf *b, const char *type, const char *prefix, const char *text)
{
	size_t udta, hnti;

	if (!text)
		return;
	udta = open_box(b, "udta");
	hnti = open_box(b, "hnti");
	put_text_box(b, type, prefix, text);
	close_box(b, hnti);
	close_box(b, udta);
}

static void put_refs(struct buf *b, const struct movie_track *t)
{
	size_t tref, hint;

	if (!t->n_refs)
		return;
	tref = open_box(b, "tref");
	hint = open_box(b, "hint");
	for (uint32_t i = 0; i < t->n_refs; i++)
		put32(b, t->refs[i]);
	close_box(b, hint);
	close_box(b, tref);
}

static void put_trak(struct buf *b, const struct movie *m, uint32_t i, uint64_t data_at)
{
	const struct movie_track *t = &m->tracks[i];
	size_t trak = open_box(b, "trak"), mdia;

	put_tkhd(b, t, i + 1);
	put_edts(b, t, m->duration);
	put_refs(b, t);
	mdia = open_box(b, "mdia");
	put_header(b, "mdhd", t->wide, t->timescale, (uint64_t)t->n_samples * t->delta);
	put_hdlr(b, t);
	put_stbl(b, t, data_at);
	close_box(b, mdia);
	put_hnti(b, "sdp ", "", t->sdp);
	close_box(b, trak);
}

static void put_moov(struct buf *b, const struct movie *m, uint64_t data_at)
{
	size_t moov = open_box(b, "moov");

	put_header(b, "mvhd", false, m->timescale, m->duration);
	for (uint32_t i = 0; i < m->n_tracks; i++) {
		put_trak(b, m, i, data_at);
		data_at += m->tracks[i].data.n;
	}
	put_hnti(b, "rtp ", "sdp ", m->sdp);
	close_box(b, moov);
}

static void put_mdat(struct buf *b, const struct movie *m)
{
	uint64_t n = 16;

	for (uint32_t i = 0; i < m->n_tracks; i++)
		n += m->tracks[i].data.n;
	put32(b, 1); /* 64-bit size */
	put(b, B("mdat"));
	put32(b, (uint32_t)(n >> 32));
	put32(b, (uint32_t)n);
	for (uint32_t i = 0; i < m->n_tracks; i++)
		put(b, m->tracks[i].data);
}

void movie_write(const struct movie *m, struct buf *out)
{
	size_t ftyp = open_box(out, "ftyp"), before;

	put(out, B("isom"));
	close_box(out, ftyp);
	before = out->n;
	if (m->moov_first) { /* written twice: its length decides where the data lies */
		put_moov(out, m, 0);
		before = out->n - before;
		buf_cut(out, out->n - before);
		put_moov(out, m, out->n + before + 16);
	}
	put_mdat(out, m);
	if (!m->moov_first)
		put_moov(out, m, before + 16);
}
