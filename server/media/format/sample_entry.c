/* SPDX-License-Identifier: MIT */
#include "server/media/format/sample_entry.h"

#include <math.h>
#include <string.h>

#include "server/media/format/box.h"
#include "server/media/pack/aacconfig.h"

enum { VISUAL_BYTES = 70, WAVE_DEPTH_MAX = 2, RATE_MAX = 768000, CHANNELS_MAX = 64 };

/* What is special about a kind of entry. */
enum entry_kind {
	KIND_PLAIN, /* nothing */
	KIND_AVC,   /* avcC */
	KIND_HEVC,  /* hvcC */
	KIND_AV1,   /* av1C */
	KIND_VPX,   /* vpcC */
	KIND_ESDS,  /* the elementary stream descriptor tells the codec */
	KIND_OPUS,  /* dOps */
	KIND_PCM,   /* bits as the entry says, big-endian if a wave atom doesn't say otherwise */
	KIND_SOWT,  /* the same, little-endian */
	KIND_RAW,   /* eight bits, unsigned */
	KIND_IN24,  /* 24 bits, whatever the entry says */
	KIND_LPCM,  /* QuickTime version 2 */
	KIND_IPCM   /* pcmC (23003-5) */
};

struct entry_row {
	uint32_t fourcc;
	enum codec_id codec;
	enum entry_kind kind;
};

static const struct entry_row video_entries[] = {
	{ FOURCC('a', 'v', 'c', '1'), CODEC_H264, KIND_AVC },
	{ FOURCC('a', 'v', 'c', '3'), CODEC_H264, KIND_AVC },
	{ FOURCC('h', 'v', 'c', '1'), CODEC_H265, KIND_HEVC },
	{ FOURCC('h', 'e', 'v', '1'), CODEC_H265, KIND_HEVC },
	{ FOURCC('a', 'v', '0', '1'), CODEC_AV1, KIND_AV1 },
	{ FOURCC('v', 'p', '0', '8'), CODEC_VP8, KIND_VPX },
	{ FOURCC('v', 'p', '0', '9'), CODEC_VP9, KIND_VPX },
	{ FOURCC('m', 'p', '4', 'v'), CODEC_NONE, KIND_ESDS },
	{ FOURCC('s', '2', '6', '3'), CODEC_H263, KIND_PLAIN },
	{ FOURCC('h', '2', '6', '3'), CODEC_H263, KIND_PLAIN },
	{ FOURCC('H', '2', '6', '3'), CODEC_H263, KIND_PLAIN },
	{ FOURCC('j', 'p', 'e', 'g'), CODEC_MJPEG, KIND_PLAIN },
	{ FOURCC('m', 'j', 'p', 'g'), CODEC_MJPEG, KIND_PLAIN },
	{ FOURCC('d', 'm', 'b', '1'), CODEC_MJPEG, KIND_PLAIN },
	{ FOURCC('m', 'p', '1', 'v'), CODEC_MPEG12V, KIND_PLAIN },
	{ FOURCC('m', 'p', '2', 'v'), CODEC_MPEG12V, KIND_PLAIN },
};

static const struct entry_row sound_entries[] = {
	{ FOURCC('m', 'p', '4', 'a'), CODEC_NONE, KIND_ESDS },
	{ FOURCC('.', 'm', 'p', '3'), CODEC_MPA, KIND_PLAIN },
	{ FOURCC('.', 'm', 'p', '2'), CODEC_MPA, KIND_PLAIN },
	{ FOURCC('.', 'm', 'p', '1'), CODEC_MPA, KIND_PLAIN },
	{ FOURCC('m', 's', 0, 'U'), CODEC_MPA, KIND_PLAIN }, /* Microsoft's number 0x55 */
	{ FOURCC('m', 's', 0, 'P'), CODEC_MPA, KIND_PLAIN }, /* 0x50 */
	{ FOURCC('O', 'p', 'u', 's'), CODEC_OPUS, KIND_OPUS },
	{ FOURCC('u', 'l', 'a', 'w'), CODEC_PCMU, KIND_PLAIN },
	{ FOURCC('a', 'l', 'a', 'w'), CODEC_PCMA, KIND_PLAIN },
	{ FOURCC('s', 'a', 'm', 'r'), CODEC_AMR, KIND_PLAIN },
	{ FOURCC('s', 'a', 'w', 'b'), CODEC_AMR_WB, KIND_PLAIN },
	{ FOURCC('a', 'c', '-', '3'), CODEC_AC3, KIND_PLAIN },
	{ FOURCC('t', 'w', 'o', 's'), CODEC_PCM, KIND_PCM },
	{ FOURCC('s', 'o', 'w', 't'), CODEC_PCM, KIND_SOWT },
	{ FOURCC('r', 'a', 'w', ' '), CODEC_PCM, KIND_RAW },
	{ FOURCC('N', 'O', 'N', 'E'), CODEC_PCM, KIND_RAW },
	{ FOURCC('i', 'n', '2', '4'), CODEC_PCM, KIND_IN24 },
	{ FOURCC('l', 'p', 'c', 'm'), CODEC_PCM, KIND_LPCM },
	{ FOURCC('i', 'p', 'c', 'm'), CODEC_PCM, KIND_IPCM },
};

/* Entries that stand for others, which their sinf box names. */
static bool is_encrypted(uint32_t fourcc)
{
	static const uint32_t names[] = { FOURCC('e', 'n', 'c', 'v'), FOURCC('e', 'n', 'c', 'a'),
		FOURCC('d', 'r', 'm', 's'), FOURCC('d', 'r', 'm', 'i'),
		FOURCC('p', '6', '0', '8') };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (names[i] == fourcc)
			return true;
	}
	return false;
}

static const struct entry_row *find_row(uint32_t fourcc, bool is_video)
{
	const struct entry_row *rows = is_video ? video_entries : sound_entries;
	size_t n = is_video ? COUNT(video_entries) : COUNT(sound_entries);

	for (size_t i = 0; i < n; i++) {
		if (rows[i].fourcc == fourcc)
			return &rows[i];
	}
	return NULL;
}

/* ---- elementary stream descriptors (14496-1 7.2.6) ---- */

enum { TAG_ES = 3, TAG_DECODER_CONFIG = 4, TAG_DECODER_SPECIFIC = 5 };

/* objectTypeIndication: those that have a packetiser or at least a name here. */
static enum codec_id codec_of_object_type(uint8_t type)
{
	static const struct {
		uint8_t first, last, codec;
	} types[] = { { 0x20, 0x20, CODEC_MPEG4V }, { 0x21, 0x21, CODEC_H264 },
		{ 0x23, 0x23, CODEC_H265 }, { 0x40, 0x40, CODEC_AAC },
		{ 0x60, 0x65, CODEC_MPEG12V }, { 0x66, 0x68, CODEC_AAC }, { 0x69, 0x69, CODEC_MPA },
		{ 0x6a, 0x6a, CODEC_MPEG12V }, { 0x6b, 0x6b, CODEC_MPA },
		{ 0x6c, 0x6c, CODEC_MJPEG }, { 0xa5, 0xa5, CODEC_AC3 },
		{ 0xad, 0xad, CODEC_OPUS } };

	for (size_t i = 0; i < COUNT(types); i++) {
		if (type >= types[i].first && type <= types[i].last)
			return (enum codec_id)types[i].codec;
	}
	return CODEC_NONE;
}

/* Takes the next descriptor: a tag, a length of up to four octets of seven bits, the body. */
static bool next_descriptor(struct bytes *rest, uint8_t *tag, struct bytes *body)
{
	struct cur c = { *rest };
	uint32_t n = 0;
	uint8_t octet = 0x80;

	if (!cur_u8(&c, tag))
		return false;
	for (int i = 0; i < 4 && octet & 0x80; i++) {
		if (!cur_u8(&c, &octet))
			return false;
		n = n << 7 | (octet & 0x7f);
	}
	/* some writers count too much: what is there is taken */
	*body = bytes_sub(c.b, 0, n);
	*rest = bytes_sub(c.b, body->n, c.b.n);
	return true;
}

static bool find_descriptor(struct bytes in, uint8_t want, struct bytes *body)
{
	uint8_t tag;

	while (next_descriptor(&in, &tag, body)) {
		if (tag == want)
			return true;
	}
	return false;
}

/* What comes before the descriptors in an ES_Descriptor. */
static bool skip_es_head(struct cur *c)
{
	uint8_t flags, n;

	if (!cur_skip(c, 2) || !cur_u8(c, &flags))
		return false;
	if (flags & 0x80 && !cur_skip(c, 2)) /* depends on another stream */
		return false;
	if (flags & 0x40 && (!cur_u8(c, &n) || !cur_skip(c, n))) /* URL */
		return false;
	return !(flags & 0x20) || cur_skip(c, 2); /* clock reference */
}

/* Codec and its set-up. False: there is no such thing in it. */
static bool read_esds(struct bytes esds, struct codec *codec)
{
	struct bytes body;
	struct cur c;
	uint8_t type;

	if (!find_descriptor(bytes_sub(esds, 4, esds.n), TAG_ES, &body))
		return false;
	c = (struct cur){ body };
	if (!skip_es_head(&c) || !find_descriptor(c.b, TAG_DECODER_CONFIG, &body))
		return false;
	c = (struct cur){ body };
	if (!cur_u8(&c, &type) || !cur_skip(&c, 12))
		return false;
	codec->id = codec_of_object_type(type);
	if (find_descriptor(c.b, TAG_DECODER_SPECIFIC, &body))
		codec->config = body;
	return true;
}

/* ---- boxes of an entry ---- */

/* The box among the children, or inside a wave atom, where QuickTime keeps sound's. */
static struct bytes find_child(struct bytes children, uint32_t type)
{
	for (int depth = 0; depth < WAVE_DEPTH_MAX && children.p; depth++) {
		struct bytes found = box_find(children, type);

		if (found.p)
			return found;
		children = box_find(children, FOURCC('w', 'a', 'v', 'e'));
	}
	return (struct bytes){ 0 };
}

/* avcC and hvcC: the length of lengths is in the octet at `at`. */
static void read_nal_config(struct sample_entry *e, struct bytes config, size_t at)
{
	if (config.n <= at) {
		e->why = "its decoder configuration is missing";
		return;
	}
	e->codec.config = config;
	e->codec.nal_length_bytes = (uint8_t)((config.p[at] & 3) + 1);
	if (e->codec.nal_length_bytes == 3)
		e->why = "lengths of three octets";
}

/* The entry's own words about AAC are of no use: two channels whatever there is, half the rate. */
static void read_aac_config(struct codec *codec)
{
	struct aac_config c;

	if (aac_config_read(codec->config, &c) == 0) {
		codec->sample_hz = c.out_hz;
		if (c.channels)
			codec->channels = c.has_ps ? 2 : c.channels;
	}
}

static void read_esds_entry(struct sample_entry *e, struct bytes children)
{
	struct bytes esds = find_child(children, FOURCC('e', 's', 'd', 's'));

	if (!esds.p || !read_esds(esds, &e->codec))
		e->why = "its elementary stream descriptor is missing";
	else if (e->codec.id == CODEC_H264 || e->codec.id == CODEC_H265)
		e->why = "not the entry for this codec";
	else if (e->codec.id == CODEC_AAC)
		read_aac_config(&e->codec);
}

/* pcmC: bit 0 of its flags is little-endian, then the bits of a sample. */
static void read_pcm_config(struct sample_entry *e, struct bytes children)
{
	struct bytes config = box_find(children, FOURCC('p', 'c', 'm', 'C'));

	if (config.n < 6) {
		e->why = "its PCM configuration is missing";
		return;
	}
	e->codec.is_little = config.p[4] & 1;
	e->codec.sample_bits = config.p[5];
}

static bool has_enda(struct bytes children)
{
	struct bytes enda = find_child(children, FOURCC('e', 'n', 'd', 'a'));

	return enda.n >= 2 && be16(enda.p) != 0;
}

/* What QuickTime's sound description of version 2 says beyond the others. */
enum { LPCM_FLOAT = 1, LPCM_BIG = 2, LPCM_SIGNED = 4 };
struct sound_head {
	uint16_t version;
	uint16_t bits;
	uint32_t lpcm_flags;
};

static void read_lpcm(struct sample_entry *e, const struct sound_head *h)
{
	if (h->version != 2) {
		e->codec.is_little = false;
		return;
	}
	if (h->lpcm_flags & LPCM_FLOAT)
		e->why = "PCM of floating point numbers";
	e->codec.is_little = !(h->lpcm_flags & LPCM_BIG);
	e->codec.is_unsigned = !(h->lpcm_flags & LPCM_SIGNED);
}

static void read_pcm(struct sample_entry *e, enum entry_kind kind, const struct sound_head *h,
	struct bytes children)
{
	struct codec *c = &e->codec;

	c->sample_bits = kind == KIND_IN24 ? 24 : (uint8_t)h->bits;
	c->is_little = kind == KIND_SOWT;
	if (kind == KIND_LPCM)
		read_lpcm(e, h);
	else if (kind == KIND_IPCM)
		read_pcm_config(e, children);
	else if (has_enda(children))
		c->is_little = true;
	if (kind == KIND_RAW && c->sample_bits == 8)
		c->is_unsigned = true;
	if (c->sample_bits != 8 && c->sample_bits != 16 && c->sample_bits != 24)
		e->why = "PCM of this width";
	else if (!c->channels)
		e->why = "PCM without channels";
	e->frame_bytes = (uint32_t)c->channels * c->sample_bits / 8;
}

static void read_children(struct sample_entry *e, const struct entry_row *row,
	const struct sound_head *h, struct bytes children)
{
	struct bytes box;

	switch (row->kind) {
	case KIND_PLAIN: break;
	case KIND_AVC: read_nal_config(e, box_find(children, FOURCC('a', 'v', 'c', 'C')), 4); break;
	case KIND_HEVC:
		read_nal_config(e, box_find(children, FOURCC('h', 'v', 'c', 'C')), 21);
		break;
	case KIND_AV1: e->codec.config = box_find(children, FOURCC('a', 'v', '1', 'C')); break;
	case KIND_VPX:
		box = box_find(children, FOURCC('v', 'p', 'c', 'C'));
		e->codec.config = bytes_sub(box, 4, box.n);
		break;
	case KIND_ESDS: read_esds_entry(e, children); break;
	case KIND_OPUS:
		e->codec.config = box_find(children, FOURCC('d', 'O', 'p', 's'));
		e->codec.sample_hz = 48000;
		break;
	case KIND_PCM:
	case KIND_SOWT:
	case KIND_RAW:
	case KIND_IN24:
	case KIND_LPCM:
	case KIND_IPCM: read_pcm(e, row->kind, h, children); break;
	}
	if (row->codec == CODEC_PCMU || row->codec == CODEC_PCMA)
		e->frame_bytes = e->codec.channels;
	if (row->codec == CODEC_AMR || row->codec == CODEC_AMR_WB) { /* it says two (26.244 6.5) */
		e->codec.channels = 1;
		e->codec.sample_hz = row->codec == CODEC_AMR ? 8000 : 16000;
	}
}

/* ---- heads of entries ---- */

static bool read_visual_head(struct cur *c, struct codec *codec)
{
	uint16_t width, height;
	struct cur head = *c;

	if (!cur_skip(c, VISUAL_BYTES) || !cur_skip(&head, 16) || !cur_be16(&head, &width) ||
		!cur_be16(&head, &height))
		return false;
	codec->width = width;
	codec->height = height;
	return true;
}

/* A rate as a 64-bit floating point number; 0 for what is none. */
static uint32_t rate_of_bits(uint64_t bits)
{
	double rate;

	memcpy(&rate, &bits, sizeof rate);
	return isfinite(rate) && rate >= 1 && rate <= RATE_MAX ? (uint32_t)(rate + 0.5) : 0;
}

static bool read_sound_v2(struct cur *c, struct codec *codec, struct sound_head *h)
{
	uint32_t size, channels, bits;
	uint64_t rate;

	if (!cur_be32(c, &size) || !cur_be64(c, &rate) || !cur_be32(c, &channels) ||
		!cur_skip(c, 4) || !cur_be32(c, &bits) || !cur_be32(c, &h->lpcm_flags) ||
		!cur_skip(c, 8))
		return false;
	codec->sample_hz = rate_of_bits(rate);
	codec->channels = channels <= CHANNELS_MAX ? (uint8_t)channels : 0;
	h->bits = bits <= 64 ? (uint16_t)bits : 0;
	return true;
}

static bool read_sound_head(struct cur *c, bool iso, struct codec *codec, struct sound_head *h)
{
	uint16_t channels;
	uint32_t rate;

	if (!cur_be16(c, &h->version) || !cur_skip(c, 6) || !cur_be16(c, &channels) ||
		!cur_be16(c, &h->bits) || !cur_skip(c, 4) || !cur_be32(c, &rate))
		return false;
	codec->channels = channels <= CHANNELS_MAX ? (uint8_t)channels : 0;
	codec->sample_hz = rate >> 16;
	if (h->version == 1 && !iso)
		return cur_skip(c, 16);
	if (h->version == 2 && !iso)
		return read_sound_v2(c, codec, h);
	return true;
}

/* ISO's version 1 may say a rate that sixteen bits do not hold in a box. */
static void read_srat(struct codec *codec, struct bytes children)
{
	struct bytes srat = box_find(children, FOURCC('s', 'r', 'a', 't'));

	if (srat.n >= 8 && be32(srat.p + 4) <= RATE_MAX)
		codec->sample_hz = be32(srat.p + 4);
}

int sample_entry_read(struct bytes entry, bool is_video, bool iso, struct sample_entry *out)
{
	struct sound_head h = { 0 };
	const struct entry_row *row;
	struct cur c = { entry };

	*out = (struct sample_entry){ 0 };
	if (!cur_skip(&c, 4) || !cur_be32(&c, &out->codec.fourcc) || !cur_skip(&c, 8))
		return ERR_CORRUPT;
	if (is_encrypted(out->codec.fourcc)) {
		out->why = "it is encrypted";
		return 0;
	}
	row = find_row(out->codec.fourcc, is_video);
	if (!row)
		return 0;
	if (is_video ? !read_visual_head(&c, &out->codec)
		     : !read_sound_head(&c, iso, &out->codec, &h))
		return ERR_CORRUPT;
	if (!is_video && iso)
		read_srat(&out->codec, c.b);
	out->codec.id = row->codec;
	read_children(out, row, &h, c.b);
	return 0;
}
