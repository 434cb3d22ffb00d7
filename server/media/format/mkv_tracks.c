/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/media/format/mkv_parts.h"
#include "server/media/pack/aacconfig.h"
#include "server/media/pack/mpegaudio.h"
#include "server/media/pack/opus.h"

/* Tracks of Matroska, and what their codecs are called. */
enum {
	TRACK_ENTRY = 0xae,
	TRACK_NUMBER = 0xd7,
	TRACK_TYPE = 0x83,
	CODEC_ID = 0x86,
	CODEC_PRIVATE = 0x63a2,
	CODEC_DELAY = 0x56aa,
	DEFAULT_DURATION = 0x23e383,
	LANGUAGE = 0x22b59c,
	LANGUAGE_BCP47 = 0x22b59d,
	VIDEO = 0xe0,
	PIXEL_WIDTH = 0xb0,
	PIXEL_HEIGHT = 0xba,
	AUDIO = 0xe1,
	SAMPLING = 0xb5,
	CHANNELS = 0x9f,
	BIT_DEPTH = 0x6264,
	ENCODINGS = 0x6d80,
	ENCODING = 0x6240,
	ENCODING_TYPE = 0x5033,
	ENCODING_SCOPE = 0x5032,
	COMPRESSION = 0x5034,
	COMPRESSION_ALGO = 0x4254,
	COMPRESSION_SETTINGS = 0x4255,
	ALGO_STRIPPING = 3,
	SCOPE_FRAMES = 1,
	VIDEO_HZ = 90000,
	RATE_MAX = 1000000
};

static const struct {
	const char *name;
	enum codec_id codec;
} codecs[] = {
	{ "V_MPEG4/ISO/AVC", CODEC_H264 }, { "V_MPEGH/ISO/HEVC", CODEC_H265 },
	{ "V_AV1", CODEC_AV1 }, { "V_VP8", CODEC_VP8 }, { "V_VP9", CODEC_VP9 },
	{ "V_MPEG4/ISO/ASP", CODEC_MPEG4V }, { "V_MPEG4/ISO/SP", CODEC_MPEG4V },
	{ "V_MPEG4/ISO/AP", CODEC_MPEG4V }, { "V_MJPEG", CODEC_MJPEG },
	{ "V_MPEG1", CODEC_MPEG12V }, { "V_MPEG2", CODEC_MPEG12V }, { "A_AAC", CODEC_AAC },
	{ "A_MPEG/L1", CODEC_MPA }, { "A_MPEG/L2", CODEC_MPA }, { "A_MPEG/L3", CODEC_MPA },
	{ "A_OPUS", CODEC_OPUS }, { "A_PCM/INT/LIT", CODEC_PCM }, { "A_PCM/INT/BIG", CODEC_PCM },
	{ "A_AC3", CODEC_AC3 }, { "A_MS/ACM", CODEC_NONE }, /* its private data says which */
};

static void read_video(struct mkv_track *t, struct bytes rest)
{
	struct bytes body;
	uint32_t id;

	while (ebml_next(&rest, &id, &body)) {
		if (id == PIXEL_WIDTH)
			t->codec.width = (uint32_t)ebml_uint(body);
		else if (id == PIXEL_HEIGHT)
			t->codec.height = (uint32_t)ebml_uint(body);
	}
}

static void read_audio(struct mkv_track *t, struct bytes rest)
{
	struct bytes body;
	uint32_t id;
	double hz = 8000; /* the default */

	t->codec.channels = 1;
	while (ebml_next(&rest, &id, &body)) {
		if (id == SAMPLING)
			hz = ebml_float(body);
		else if (id == CHANNELS)
			t->codec.channels = (uint8_t)ebml_uint(body);
		else if (id == BIT_DEPTH)
			t->codec.sample_bits = (uint8_t)ebml_uint(body);
	}
	t->codec.sample_hz = hz >= 1 && hz <= RATE_MAX ? (uint32_t)(hz + 0.5) : 0;
}

static void read_encoding(struct mkv_track *t, struct bytes rest)
{
	struct bytes body, part;
	uint64_t type = 0, algo = 0, scope = SCOPE_FRAMES;
	struct bytes settings = { 0 };
	uint32_t id;

	while (ebml_next(&rest, &id, &body)) {
		if (id == ENCODING_TYPE)
			type = ebml_uint(body);
		else if (id == ENCODING_SCOPE)
			scope = ebml_uint(body);
		while (id == COMPRESSION && ebml_next(&body, &id, &part)) {
			if (id == COMPRESSION_ALGO)
				algo = ebml_uint(part);
			else if (id == COMPRESSION_SETTINGS)
				settings = part;
			id = COMPRESSION;
		}
	}
	if (type)
		t->why_not = "it is encrypted";
	else if (algo != ALGO_STRIPPING || scope != SCOPE_FRAMES || t->stripped.n)
		t->why_not = "its frames are compressed";
	else
		t->stripped = settings;
}

static void read_encodings(struct mkv_track *t, struct bytes rest)
{
	struct bytes body;
	uint32_t id;

	while (ebml_next(&rest, &id, &body)) {
		if (id == ENCODING)
			read_encoding(t, body);
	}
}

static void read_entry(struct mkv_track *t, struct bytes rest)
{
	struct bytes body, language = { 0 };
	uint32_t id;

	while (ebml_next(&rest, &id, &body)) {
		switch (id) {
		case TRACK_NUMBER: t->number = ebml_uint(body); break;
		case TRACK_TYPE: t->type = ebml_uint(body); break;
		case CODEC_ID: t->codec_id = bytes_sub(body, 0, bytes_index(body, 0)); break;
		case CODEC_PRIVATE: t->private = body; break;
		case CODEC_DELAY: t->delay_ns = ebml_uint(body); break;
		case DEFAULT_DURATION: t->frame_ns = ebml_uint(body); break;
		case VIDEO: read_video(t, body); break;
		case AUDIO: read_audio(t, body); break;
		case ENCODINGS: read_encodings(t, body); break;
		case LANGUAGE:
			if (!language.n)
				language = body;
			break;
		case LANGUAGE_BCP47: language = body; break; /* counts for more */
		default: break;
		}
	}
	language = bytes_sub(language, 0, bytes_index(language, 0));
	language_of_name(language, t->language);
	if (t->delay_ns > MKV_NS)
		t->delay_ns = 0; /* no codec's */
	if (t->frame_ns > 60 * MKV_NS)
		t->frame_ns = 0; /* no picture's */
}

void mkv_read_tracks(struct mkv *k, struct bytes rest)
{
	struct bytes body;
	uint32_t id;

	while (k->n_tracks < MKV_TRACKS_MAX && ebml_next(&rest, &id, &body)) {
		if (id != TRACK_ENTRY)
			continue;
		k->tracks[k->n_tracks] = (struct mkv_track){ 0 };
		read_entry(&k->tracks[k->n_tracks++], body);
	}
}

/* ---- codecs ---- */

/* "A_AAC/MPEG4/LC" of old: what CodecPrivate says today is in the name. */
static void make_aac_config(struct mkv_track *t)
{
	unsigned index = 0;

	while (index < 13 && aac_rate_of_index(index) != t->codec.sample_hz)
		index++;
	if (index == 13)
		return;
	put_be16(t->config_room,
		(uint16_t)(AAC_LC << 11 | index << 7 | (t->codec.channels & 15u) << 3));
	t->codec.config = bytes_of(t->config_room, sizeof t->config_room);
}

/* WAVEFORMATEX */
static void find_acm(struct mkv_track *t)
{
	if (t->private.n < 16)
		return;
	switch (t->private.p[0] | t->private.p[1] << 8) {
	case 6: t->codec.id = CODEC_PCMA; break;
	case 7: t->codec.id = CODEC_PCMU; break;
	case 0x50:
	case 0x55: t->codec.id = CODEC_MPA; break;
	default: return;
	}
	t->codec.config = (struct bytes){ 0 };
	t->codec.sample_bits = 8;
}

static void find_details(struct mkv_track *t)
{
	struct codec *c = &t->codec;
	struct aac_config aac;

	switch (c->id) {
	case CODEC_H264:
		c->nal_length_bytes = c->config.n > 4 ? (uint8_t)((c->config.p[4] & 3) + 1) : 4;
		break;
	case CODEC_H265:
		c->nal_length_bytes = c->config.n > 21 ? (uint8_t)((c->config.p[21] & 3) + 1) : 4;
		break;
	case CODEC_AAC:
		if (!c->config.n)
			make_aac_config(t);
		if (aac_config_read(c->config, &aac) == 0) {
			t->timescale = aac.sample_hz;
			t->frame_samples = aac.frame_samples;
		}
		break;
	case CODEC_OPUS:
		if (bytes_has_prefix(c->config, B("OpusHead")))
			c->config = bytes_sub(c->config, 8, c->config.n);
		t->timescale = 48000;
		break;
	case CODEC_PCM:
		c->is_little = bytes_is_eq(t->codec_id, B("A_PCM/INT/LIT"));
		c->is_unsigned = c->sample_bits == 8;
		break;
	case CODEC_AC3: t->frame_samples = 1536; break;
	default: break;
	}
}

void mkv_find_codec(struct mkv_track *t)
{
	struct codec *c = &t->codec;

	for (size_t i = 0; i < COUNT(codecs); i++) {
		struct bytes name = bytes_str(codecs[i].name);

		if (bytes_is_eq(t->codec_id, name) ||
			(codecs[i].codec == CODEC_AAC && bytes_has_prefix(t->codec_id, name)))
			c->id = codecs[i].codec;
	}
	c->config = t->private;
	if (bytes_is_eq(t->codec_id, B("A_MS/ACM")))
		find_acm(t);
	t->timescale = codec_is_video(c->id) ? VIDEO_HZ : c->sample_hz;
	find_details(t);
	if (!t->timescale)
		t->timescale = VIDEO_HZ;
}

uint32_t mkv_frame_ticks(const struct mkv_track *t, struct bytes head, uint32_t n)
{
	const struct codec *c = &t->codec;
	uint32_t align = (uint32_t)c->channels * c->sample_bits / 8;
	struct mpa_header h;

	if (t->frame_samples)
		return t->frame_samples;
	switch (c->id) {
	case CODEC_OPUS: return opus_ticks(head);
	case CODEC_MPA:
		return mpa_header_read(head, &h) == 0 && h.sample_hz == t->timescale
			       ? h.frame_samples
			       : 0;
	case CODEC_PCM:
	case CODEC_PCMA:
	case CODEC_PCMU: return align ? n / align : 0;
	default: break;
	}
	return (uint32_t)(t->frame_ns * t->timescale / MKV_NS);
}
