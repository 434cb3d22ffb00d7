/* SPDX-License-Identifier: MIT */
#include "server/media/pack/aac.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/aacconfig.h"
#include "server/media/pack/bundle.h"
#include "server/media/pack/fmtp.h"

enum {
	CONFIG_MAX = 512,
	LENGTH_BYTES = 2,  /* AU-headers-length, in bits */
	HEADER_BYTES = 2,  /* AU-size 13 bits, AU-Index or AU-Index-delta 3 */
	UNIT_MAX = 0x1fff, /* what AU-size can say */
	LEVEL_NONE = 0xfe  /* "no audio profile specified" (14496-3 table 1.14) */
};

struct aac {
	struct aac_config config;
	uint8_t channels; /* as rtpmap says them: as heard */
	size_t n;
	uint8_t octets[CONFIG_MAX]; /* AudioSpecificConfig */
};

static int aac_init(struct packer *p, const struct codec *c, const char **why)
{
	struct aac_config config;
	struct aac *a;
	int err = aac_config_read(c->config, &config);

	if (!err && c->config.n > CONFIG_MAX)
		err = ERR_CORRUPT;
	if (err) {
		*why = err == ERR_UNSUPPORTED ? "an MPEG-4 audio object type that is not AAC"
					      : "its AudioSpecificConfig can't be read";
		return err;
	}
	a = xcalloc(1, sizeof *a);
	a->config = config;
	a->n = c->config.n;
	memcpy(a->octets, c->config.p, a->n);
	a->channels = config.has_ps ? 2 : config.channels ? config.channels : c->channels;
	p->state = a;
	p->encoding = "mpeg4-generic";
	p->clock_hz = config.sample_hz;
	return 0;
}

static void aac_clear(struct packer *p)
{
	free(p->state);
}

/* 3640 3.2.1: AU-headers-length, then one header each; the first has AU-Index 0, the others
 * AU-Index-delta 0 (nothing is interleaved). */
static void put_headers(struct block_build *b, const struct audio_frame *f, size_t n)
{
	uint8_t *to = block_room(b, LENGTH_BYTES + n * HEADER_BYTES);

	if (!to)
		return;
	put_be16(to, (uint16_t)(n * HEADER_BYTES * 8));
	for (size_t i = 0; i < n; i++)
		put_be16(to + LENGTH_BYTES + i * HEADER_BYTES, (uint16_t)(f[i].data.n << 3));
}

static void put_whole(struct bundle *k)
{
	struct row r = bundle_row(k->p, &k->frame[0]);

	r.marker = true; /* 3640 3.1: whole access units, or the last part of one */
	block_begin(k->b, &r);
	put_headers(k->b, k->frame, k->n);
	for (size_t i = 0; i < k->n; i++)
		block_put(k->b, k->frame[i].data);
	block_end(k->b);
}

/* 3640 3.2.3: nothing else in the packets of a fragmented unit; AU-size is the whole unit's. */
static void put_parts(struct bundle *k, const struct audio_frame *f)
{
	struct row r = bundle_row(k->p, f);
	size_t part = k->p->payload_max - LENGTH_BYTES - HEADER_BYTES;

	if (f->data.n > UNIT_MAX)
		return;
	for (size_t at = 0; at < f->data.n; at += part) {
		r.marker = f->data.n - at <= part;
		block_begin(k->b, &r);
		put_headers(k->b, f, 1);
		block_put(k->b, bytes_sub(f->data, at, part));
		block_end(k->b);
	}
}

/*
 * The first alone, since receivers trip over it: GStreamer marks every unit of the first packet as one
 * behind a gap, for which decoders start afresh, and ffmpeg guesses the times of all but the first.
 */
static const struct bundle_rules rules = { .fixed_n = LENGTH_BYTES,
	.each_n = HEADER_BYTES,
	.is_first_alone = true,
	.whole = put_whole,
	.parts = put_parts };

static void aac_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	const struct aac *a = p->state;
	struct bundle k;

	bundle_init(&k, p, &rules, b);
	for (size_t i = 0; i < n; i++) {
		struct audio_frame f = bundle_frame(p, &u[i], 0, a->config.frame_samples);

		f.data = u[i].data;
		bundle_add(&k, &f);
	}
	bundle_flush(&k);
}

/*
 * audioProfileLevelIndication (14496-3 table 1.14). Rows in order, the first that fits: what has no
 * profile of its own here says none.
 */
static uint8_t profile_level(const struct aac_config *c)
{
	static const struct {
		uint8_t channels; /* at most, without the low frequency one */
		uint32_t hz;      /* at most, of the core */
		uint8_t lc, sbr, ps;
	} levels[] = {
		{ 2, 24000, 0x28, 0x2c, 0x30 },
		{ 2, 48000, 0x29, 0x2d, 0x31 },
		{ 5, 48000, 0x2a, 0x2e, 0x32 },
		{ 5, 96000, 0x2b, 0x2f, 0x33 },
		{ 7, 48000, 0x50, 0x52, 0x54 },
		{ 7, 96000, 0x51, 0x53, 0x55 },
	};
	uint8_t channels = c->channels;

	if (channels == 6 || channels == 8)
		channels--;
	for (size_t i = 0; c->object_type == AAC_LC && channels && i < COUNT(levels); i++) {
		if (channels <= levels[i].channels && c->sample_hz <= levels[i].hz)
			return c->has_ps ? levels[i].ps : c->has_sbr ? levels[i].sbr : levels[i].lc;
	}
	return LEVEL_NONE;
}

static void aac_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct aac *a = p->state;
	struct buf hex;

	buf_init(&hex, 2 * CONFIG_MAX);
	if (fmtp_hex(&hex, bytes_of(a->octets, a->n)))
		UNREACHABLE("a config longer than its cap");
	if (a->channels)
		sdp_line(w, 'a', "rtpmap:%u %s/%u/%u", p->payload_type, p->encoding, p->clock_hz,
			a->channels);
	else
		sdp_line(w, 'a', "rtpmap:%u %s/%u", p->payload_type, p->encoding, p->clock_hz);
	sdp_line(w, 'a',
		"fmtp:%u streamtype=5;profile-level-id=%u;mode=AAC-hbr;sizelength=13;indexlength=3;"
		"indexdeltalength=3;constantDuration=%u;config=%.*s",
		p->payload_type, profile_level(&a->config), a->config.frame_samples,
		BYTES_FMT(buf_bytes(&hex)));
	buf_clear(&hex);
}

const struct packer_ops aac_packer = { .codec = CODEC_AAC,
	.rfc = "RFC 3640",
	.init = aac_init,
	.pack = aac_pack,
	.describe = aac_describe,
	.clear = aac_clear };
