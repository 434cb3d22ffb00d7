/* SPDX-License-Identifier: MIT */
#include "server/media/pack/opus.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/pack/bundle.h"

enum {
	CLOCK_HZ = 48000,
	HEAD_BYTES = 11, /* version, channels, pre-skip, rate, gain, mapping family */
	HEAD_RATE = 4,
	HEAD_FAMILY = 10,
	FRAMES_MAX = 48, /* 6716 3.2.5: 120 ms of 2.5 ms each */
	FRAME_BYTES_MAX = 1275
};

struct opus {
	bool is_stereo;
	uint32_t capture_hz; /* 0: unknown */
};

static int opus_init(struct packer *p, const struct codec *c, const char **why)
{
	struct opus o = { .is_stereo = c->channels != 1 };
	struct bytes head = c->config;
	unsigned channels = c->channels;

	if (head.n >= HEAD_BYTES) {
		const uint8_t *rate = head.p + HEAD_RATE;

		channels = head.p[1];
		o.is_stereo = channels != 1;
		/* dOps says version 0 and counts from the big end, OpusHead 1 and the little one */
		o.capture_hz = be32(rate);
		if (head.p[0])
			o.capture_hz = __builtin_bswap32(o.capture_hz);
		if (head.p[HEAD_FAMILY] == 255)
			channels = 255; /* no order of channels that anyone could play */
	}
	if (channels > 2) {
		*why = "Opus of more than two channels";
		return ERR_UNSUPPORTED;
	}
	p->encoding = "opus";
	p->clock_hz = CLOCK_HZ; /* 7587 4.1: always */
	p->state = xcalloc(1, sizeof o);
	*(struct opus *)p->state = o;
	return 0;
}

static void opus_clear(struct packer *p)
{
	free(p->state);
}

/* Ticks of a frame by its TOC (6716 3.1). */
static uint32_t frame_ticks(uint8_t toc)
{
	static const uint16_t ticks[3][4] = {
		{ 480, 960, 1920, 2880 }, /* SILK */
		{ 480, 960, 480, 960 },   /* hybrid */
		{ 120, 240, 480, 960 },   /* CELT */
	};
	unsigned config = toc >> 3;

	return ticks[config < 12 ? 0 : config < 16 ? 1 : 2][config & 3];
}

uint32_t opus_ticks(struct bytes head)
{
	unsigned code;

	if (!head.n)
		return 0;
	code = head.p[0] & 3;
	if (code == 3)
		return head.n > 1 ? frame_ticks(head.p[0]) * (head.p[1] & 63u) : 0;
	return frame_ticks(head.p[0]) * (code ? 2 : 1);
}

/* A frame's length in one or two octets (6716 3.2.1). */
static bool take_length(struct cur *c, size_t *n)
{
	uint8_t a, b = 0;

	if (!cur_u8(c, &a) || (a >= 252 && !cur_u8(c, &b)))
		return false;
	*n = a + (size_t)b * 4;
	return true;
}

/* Code 3 (6716 3.2.5): lengths of its frames into n[]; answers how many, 0: malformed. */
static size_t split_many(struct cur *c, size_t n[FRAMES_MAX])
{
	uint8_t head, pad = 255;
	size_t count, padding = 0, sum = 0;

	if (!cur_u8(c, &head))
		return 0;
	count = head & 63;
	while (head & 0x40 && pad == 255) {
		if (!cur_u8(c, &pad))
			return 0;
		padding += pad == 255 ? 254 : pad;
	}
	if (!count || count > FRAMES_MAX)
		return 0;
	for (size_t i = 0; head & 0x80 && i + 1 < count; i++) {
		if (!take_length(c, &n[i]))
			return 0;
		sum += n[i];
	}
	if (c->b.n < padding || c->b.n - padding < sum)
		return 0;
	sum = c->b.n - padding - sum;
	if (head & 0x80) {
		n[count - 1] = sum;
		return count;
	}
	for (size_t i = 0; i < count; i++)
		n[i] = sum / count;
	return sum % count ? 0 : count;
}

/* Lengths of the frames of a packet, and *c moved to the first; answers how many, 0: malformed. */
static size_t split(struct cur *c, uint8_t toc, size_t n[FRAMES_MAX])
{
	switch (toc & 3) {
	case 0: n[0] = c->b.n; return 1;
	case 1: n[0] = n[1] = c->b.n / 2; return c->b.n % 2 ? 0 : 2;
	case 2:
		if (!take_length(c, &n[0]) || n[0] > c->b.n)
			return 0;
		n[1] = c->b.n - n[0];
		return 2;
	}
	return split_many(c, n);
}

/* Each frame as a packet of its own: code 0. */
static void put_frames(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	struct cur c = { u->data };
	uint8_t toc;
	size_t n[FRAMES_MAX], count;
	struct bytes frame;

	if (!cur_u8(&c, &toc))
		return;
	count = split(&c, toc, n);
	for (size_t i = 0; i < count && cur_take(&c, n[i], &frame); i++) {
		struct audio_frame f = bundle_frame(p, u, i, frame_ticks(toc));
		struct row r = bundle_row(p, &f);
		uint8_t code0 = toc & 0xfc;

		if (n[i] > FRAME_BYTES_MAX)
			continue;
		block_begin(b, &r);
		block_put(b, bytes_of(&code0, 1));
		block_put(b, frame);
		block_end(b);
	}
}

static void opus_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n; i++) {
		struct row r = packer_row(p, &u[i]);

		if (!u[i].data.n)
			continue;
		if (u[i].data.n > p->payload_max) {
			put_frames(p, &u[i], b);
			continue;
		}
		block_begin(b, &r);
		block_put(b, u[i].data);
		block_end(b);
	}
}

static void opus_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct opus *o = p->state;

	/* 7587 7: always 48000 and 2 */
	sdp_line(w, 'a', "rtpmap:%u %s/%u/2", p->payload_type, p->encoding, p->clock_hz);
	if (o->capture_hz && o->capture_hz < CLOCK_HZ)
		sdp_line(w, 'a', "fmtp:%u sprop-stereo=%d;sprop-maxcapturerate=%u", p->payload_type,
			o->is_stereo, o->capture_hz);
	else
		sdp_line(w, 'a', "fmtp:%u sprop-stereo=%d", p->payload_type, o->is_stereo);
}

const struct packer_ops opus_packer = { .codec = CODEC_OPUS,
	.rfc = "RFC 7587",
	.init = opus_init,
	.pack = opus_pack,
	.describe = opus_describe,
	.clear = opus_clear };
