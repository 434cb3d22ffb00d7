/* SPDX-License-Identifier: MIT */
#include "server/tests/mp4file.h"

#include <string.h>

#include "server/base/os.h"

void mp4file_put(struct buf *b, struct bytes v)
{
	if (buf_put(b, v))
		die("movie too long");
}

void mp4file_put32(struct buf *b, uint32_t v)
{
	uint8_t x[4];

	put_be32(x, v);
	mp4file_put(b, bytes_of(x, 4));
}

static void put16(struct buf *b, uint16_t v)
{
	uint8_t x[2];

	put_be16(x, v);
	mp4file_put(b, bytes_of(x, 2));
}

static void put_zeros(struct buf *b, size_t n)
{
	while (n--)
		mp4file_put(b, B("\0"));
}

size_t mp4file_open(struct buf *b, const char *type)
{
	mp4file_put32(b, 0);
	mp4file_put(b, bytes_str(type));
	return b->n - 8;
}

void mp4file_close(struct buf *b, size_t at)
{
	put_be32(b->p + b->at + at, (uint32_t)(b->n - at));
}

static void put_text_box(struct buf *b, const char *type, const char *prefix, const char *text)
{
	size_t at = mp4file_open(b, type);

	mp4file_put(b, bytes_str(prefix));
	mp4file_put(b, bytes_str(text));
	mp4file_close(b, at);
}

static void put_header(struct buf *b, const char *type, bool wide, uint32_t created, uint32_t value,
	uint64_t duration, uint16_t language)
{
	size_t at = mp4file_open(b, type);

	mp4file_put32(b, wide ? 1u << 24 : 0);
	if (wide)
		mp4file_put32(b, 0);
	mp4file_put32(b, created);
	put_zeros(b, wide ? 8 : 4);
	mp4file_put32(b, value);
	if (wide)
		mp4file_put32(b, (uint32_t)(duration >> 32));
	mp4file_put32(b, (uint32_t)duration);
	put16(b, language);
	put16(b, 0);
	mp4file_close(b, at);
}

static void put_tkhd(struct buf *b, const struct mp4file_track *t, uint32_t id)
{
	size_t at = mp4file_open(b, "tkhd");

	mp4file_put32(b, (t->wide ? 1u << 24 : 0) | t->flags);
	put_zeros(b, t->wide ? 16 : 8);
	mp4file_put32(b, id);
	put_zeros(b, (t->wide ? 12 : 8) + 8 + 2);
	put16(b, t->group);
	put_zeros(b, 4);
	mp4file_put32(b, t->turn[0]);
	mp4file_put32(b, t->turn[1]);
	put_zeros(b, 36);
	mp4file_close(b, at);
}

static void put_hdlr(struct buf *b, const struct mp4file_track *t)
{
	size_t at = mp4file_open(b, "hdlr");

	put_zeros(b, 8);
	mp4file_put(b, bytes_str(t->handler));
	put_zeros(b, 13);
	mp4file_close(b, at);
}

static void put_edts(struct buf *b, const struct mp4file_track *t, uint32_t duration)
{
	size_t edts, elst;

	if (t->edit < 0)
		return;
	edts = mp4file_open(b, "edts");
	elst = mp4file_open(b, "elst");
	mp4file_put32(b, 0);
	mp4file_put32(b, t->empty_edit ? 2 : 1);
	if (t->empty_edit) {
		mp4file_put32(b, t->empty_edit);
		mp4file_put32(b, UINT32_MAX);
		mp4file_put32(b, 1 << 16);
	}
	mp4file_put32(b, t->edit_length ? t->edit_length : duration);
	mp4file_put32(b, (uint32_t)t->edit);
	mp4file_put32(b, t->edit_rate ? t->edit_rate : 1 << 16);
	mp4file_close(b, elst);
	mp4file_close(b, edts);
}

static void put_stsd(struct buf *b, const struct mp4file_track *t)
{
	bool hint = strcmp(t->handler, "hint") == 0;
	size_t at = mp4file_open(b, "stsd"), entry, tims;

	mp4file_put32(b, 0);
	mp4file_put32(b, t->n_entries ? t->n_entries : 1);
	if (t->n_entries) {
		mp4file_put(b, t->entries);
		mp4file_close(b, at);
		return;
	}
	entry = mp4file_open(b, hint ? "rtp " : "mp4v");
	put_zeros(b, 8);
	if (hint) {
		mp4file_put32(b, 1 << 16 | 1);
		mp4file_put32(b, 1450);
		tims = mp4file_open(b, "tims");
		mp4file_put32(b, 90000);
		mp4file_close(b, tims);
	} else {
		mp4file_put(b, B("CONFIGURATION"));
	}
	mp4file_close(b, entry);
	mp4file_close(b, at);
}

static void put_pairs(struct buf *b, const char *type, uint32_t count, uint32_t value)
{
	size_t at = mp4file_open(b, type);

	mp4file_put32(b, 0);
	mp4file_put32(b, 1);
	mp4file_put32(b, count);
	mp4file_put32(b, value);
	mp4file_close(b, at);
}

static void put_stss(struct buf *b, const struct mp4file_track *t)
{
	size_t at;

	if (!t->n_sync)
		return;
	at = mp4file_open(b, "stss");
	mp4file_put32(b, 0);
	mp4file_put32(b, t->n_sync);
	for (uint32_t i = 0; i < t->n_sync; i++)
		mp4file_put32(b, t->sync[i]);
	mp4file_close(b, at);
}

static void put_sizes(struct buf *b, const struct mp4file_track *t)
{
	size_t at = mp4file_open(b, t->compact ? "stz2" : "stsz");

	mp4file_put32(b, 0);
	mp4file_put32(b, t->compact ? t->compact : t->uniform_size);
	mp4file_put32(b, t->n_samples);
	for (uint32_t i = 0; !t->uniform_size && i < t->n_samples; i++) {
		uint8_t low = (uint8_t)t->sizes[i];

		if (t->compact == 4 && i % 2)
			continue;
		if (t->compact == 4)
			low = (uint8_t)((uint32_t)low << 4 |
					(i + 1 < t->n_samples ? t->sizes[i + 1] : 0));
		if (t->compact == 4 || t->compact == 8)
			mp4file_put(b, bytes_of(&low, 1));
		else if (t->compact == 16)
			put16(b, (uint16_t)t->sizes[i]);
		else
			mp4file_put32(b, t->sizes[i]);
	}
	mp4file_close(b, at);
}

static uint32_t sample_size(const struct mp4file_track *t, uint32_t i)
{
	return t->uniform_size ? t->uniform_size : t->sizes[i];
}

static void put_chunks(struct buf *b, const struct mp4file_track *t, uint64_t data_at)
{
	uint32_t n = (t->n_samples + t->per_chunk - 1) / t->per_chunk;
	size_t at = mp4file_open(b, "stsc");

	mp4file_put32(b, 0);
	mp4file_put32(b, t->second_from ? 2 : 1);
	mp4file_put32(b, 1);
	mp4file_put32(b, t->per_chunk);
	mp4file_put32(b, 1);
	if (t->second_from) {
		mp4file_put32(b, t->second_from);
		mp4file_put32(b, t->per_chunk);
		mp4file_put32(b, 2);
	}
	mp4file_close(b, at);
	at = mp4file_open(b, t->wide ? "co64" : "stco");
	mp4file_put32(b, 0);
	mp4file_put32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		if (t->wide)
			mp4file_put32(b, (uint32_t)(data_at >> 32));
		mp4file_put32(b, (uint32_t)data_at);
		for (uint32_t k = 0; !t->chunk_bytes && k < t->per_chunk; k++)
			data_at += i * t->per_chunk + k < t->n_samples
					   ? sample_size(t, i * t->per_chunk + k)
					   : 0;
		data_at += t->chunk_bytes;
	}
	mp4file_close(b, at);
}

/* One reference to another file. */
static void put_dinf(struct buf *b)
{
	size_t dinf = mp4file_open(b, "dinf"), dref = mp4file_open(b, "dref"), url;

	mp4file_put32(b, 0);
	mp4file_put32(b, 1);
	url = mp4file_open(b, "url ");
	mp4file_put32(b, 0);
	mp4file_close(b, url);
	mp4file_close(b, dref);
	mp4file_close(b, dinf);
}

static void put_stbl(struct buf *b, const struct mp4file_track *t, uint64_t data_at)
{
	size_t minf = mp4file_open(b, "minf"), stbl;

	if (t->external)
		put_dinf(b);
	stbl = mp4file_open(b, "stbl");
	put_stsd(b, t);
	put_pairs(b, "stts", t->n_samples, t->delta);
	if (t->composition)
		put_pairs(b, "ctts", t->n_samples, (uint32_t)t->composition);
	put_stss(b, t);
	put_sizes(b, t);
	put_chunks(b, t, data_at);
	mp4file_close(b, stbl);
	mp4file_close(b, minf);
}

static void put_hnti(struct buf *b, const char *type, const char *prefix, const char *text)
{
	size_t udta, hnti;

	if (!text)
		return;
	udta = mp4file_open(b, "udta");
	hnti = mp4file_open(b, "hnti");
	put_text_box(b, type, prefix, text);
	mp4file_close(b, hnti);
	mp4file_close(b, udta);
}

static void put_refs(struct buf *b, const struct mp4file_track *t)
{
	size_t tref, kind;

	if (!t->n_refs && !t->chapters)
		return;
	tref = mp4file_open(b, "tref");
	if (t->chapters) {
		kind = mp4file_open(b, "chap");
		mp4file_put32(b, t->chapters);
		mp4file_close(b, kind);
	}
	if (t->n_refs) {
		kind = mp4file_open(b, "hint");
		for (uint32_t i = 0; i < t->n_refs; i++)
			mp4file_put32(b, t->refs[i]);
		mp4file_close(b, kind);
	}
	mp4file_close(b, tref);
}

static void put_trak(struct buf *b, const struct mp4file *m, uint32_t i, uint64_t data_at)
{
	const struct mp4file_track *t = &m->tracks[i];
	size_t trak = mp4file_open(b, "trak"), mdia;

	put_tkhd(b, t, i + 1);
	put_edts(b, t, m->duration);
	put_refs(b, t);
	mdia = mp4file_open(b, "mdia");
	put_header(b, "mdhd", t->wide, 0, t->timescale, (uint64_t)t->n_samples * t->delta,
		t->language);
	put_hdlr(b, t);
	put_stbl(b, t, data_at);
	mp4file_close(b, mdia);
	put_hnti(b, "sdp ", "", t->sdp);
	mp4file_close(b, trak);
}

void mp4file_write_moov(const struct mp4file *m, uint64_t data_at, struct buf *b)
{
	size_t moov = mp4file_open(b, "moov");

	put_header(b, "mvhd", false, m->created, m->timescale, m->duration, 0);
	for (uint32_t i = 0; i < m->n_tracks; i++) {
		put_trak(b, m, i, data_at);
		data_at += m->tracks[i].data.n;
	}
	put_hnti(b, "rtp ", "sdp ", m->sdp);
	mp4file_put(b, m->mvex);
	mp4file_close(b, moov);
}

size_t mp4file_open_sound(
	struct buf *b, const char *type, uint16_t channels, uint16_t bits, uint16_t hz)
{
	size_t at = mp4file_open(b, type);

	put_zeros(b, 7);
	mp4file_put(b, B("\1")); /* data reference */
	put_zeros(b, 8);
	put16(b, channels);
	put16(b, bits);
	put_zeros(b, 4);
	put16(b, hz);
	put_zeros(b, 2);
	return at;
}

size_t mp4file_open_video(struct buf *b, const char *type, uint16_t width, uint16_t height)
{
	size_t at = mp4file_open(b, type);

	put_zeros(b, 7);
	mp4file_put(b, B("\1"));
	put_zeros(b, 16);
	put16(b, width);
	put16(b, height);
	put_zeros(b, 50);
	return at;
}

static void put_mdat(struct buf *b, const struct mp4file *m)
{
	uint64_t n = 16;

	for (uint32_t i = 0; i < m->n_tracks; i++)
		n += m->tracks[i].data.n;
	mp4file_put32(b, 1); /* 64-bit size */
	mp4file_put(b, B("mdat"));
	mp4file_put32(b, (uint32_t)(n >> 32));
	mp4file_put32(b, (uint32_t)n);
	for (uint32_t i = 0; i < m->n_tracks; i++)
		mp4file_put(b, m->tracks[i].data);
}

void mp4file_write(const struct mp4file *m, struct buf *out)
{
	size_t ftyp = mp4file_open(out, "ftyp"), before;

	mp4file_put(out, B("isom"));
	mp4file_close(out, ftyp);
	before = out->n;
	if (m->moov_first) { /* written twice: its length decides where the data lies */
		mp4file_write_moov(m, 0, out);
		before = out->n - before;
		buf_cut(out, out->n - before);
		mp4file_write_moov(m, out->n + before + 16, out);
	}
	put_mdat(out, m);
	if (!m->moov_first)
		mp4file_write_moov(m, before + 16, out);
}
