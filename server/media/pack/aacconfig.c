/* SPDX-License-Identifier: MIT */
#include "server/media/pack/aacconfig.h"

#include <string.h>

#include "server/base/err.h"
#include "server/media/pack/bits.h"

enum {
	RATE_ESCAPE = 15,
	SYNC_SBR =
		0x2b7, /* syncExtensionType: what follows is written for decoders that know SBR */
	SYNC_PS = 0x548
};

static const uint32_t rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000,
	12000, 11025, 8000, 7350 };

/* Channels of each channelConfiguration (14496-3 table 1.19). */
static const uint8_t channels_of[16] = { 0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0 };

uint32_t aac_rate_of_index(unsigned index)
{
	return index < COUNT(rates) ? rates[index] : 0;
}

static uint8_t take_type(struct bits *r)
{
	uint32_t v = bits_u(r, 5);

	return (uint8_t)(v == 31 ? 32 + bits_u(r, 6) : v);
}

static uint32_t take_rate(struct bits *r)
{
	uint32_t index = bits_u(r, 4);

	return index == RATE_ESCAPE ? bits_u(r, 24) : aac_rate_of_index(index);
}

/* Copies bits as they are read; w NULL: only reads. */
struct copier {
	struct bits r;
	uint8_t *w;
	size_t at, cap; /* in bits */
};

static uint32_t copy(struct copier *k, unsigned n)
{
	uint32_t v = bits_u(&k->r, n);

	if (!k->w)
		return v;
	if (k->at + n > k->cap) {
		k->r.over = true;
		return 0;
	}
	for (unsigned i = n; i-- > 0; k->at++) {
		if (v >> i & 1)
			k->w[k->at >> 3] |= (uint8_t)(0x80 >> (k->at & 7));
	}
	return v;
}

/* Elements of one kind: how many channels they are. */
static unsigned copy_elements(struct copier *k, unsigned n, bool may_pair)
{
	unsigned channels = 0;

	for (unsigned i = 0; i < n; i++) {
		channels += may_pair && copy(k, 1) ? 2 : 1;
		copy(k, 4);
	}
	return channels;
}

/*
 * program_config_element (14496-3 4.5.2.1), from its element_instance_tag on. Both sides are aligned
 * before the comment, each in its own way, since they may stand at different bits. Answers its
 * channels.
 */
static unsigned copy_pce(struct copier *k)
{
	unsigned front, side, back, lfe, data, coupling, channels;

	copy(k, 4 + 2 + 4); /* tag, object type, rate */
	front = copy(k, 4);
	side = copy(k, 4);
	back = copy(k, 4);
	lfe = copy(k, 2);
	data = copy(k, 3);
	coupling = copy(k, 4);
	if (copy(k, 1)) /* mono_mixdown */
		copy(k, 4);
	if (copy(k, 1)) /* stereo_mixdown */
		copy(k, 4);
	if (copy(k, 1)) /* matrix_mixdown */
		copy(k, 3);
	channels = copy_elements(k, front, true);
	channels += copy_elements(k, side, true);
	channels += copy_elements(k, back, true);
	channels += copy_elements(k, lfe, false);
	copy_elements(k, data, false);
	copy_elements(k, coupling, true);
	bits_skip(&k->r, (8 - k->r.at % 8) % 8);
	k->at = (k->at + 7) & ~(size_t)7;
	for (unsigned n = copy(k, 8); n > 0 && !k->r.over; n--)
		copy(k, 8);
	return channels;
}

static uint16_t frame_samples(const struct aac_config *c, bool is_short)
{
	if (c->object_type == AAC_ER_LD || c->object_type == AAC_ER_ELD)
		return is_short ? 480 : 512;
	return is_short ? 960 : 1024;
}

/* GASpecificConfig (14496-3 4.4.1) */
static int take_ga(struct bits *r, struct aac_config *c)
{
	c->frame_samples = frame_samples(c, bits_flag(r));
	if (bits_flag(r)) /* dependsOnCoreCoder: a layer of a scalable stream */
		return ERR_UNSUPPORTED;
	if (bits_flag(r) && c->object_type >= AAC_ER_LC && !c->channel_config)
		return ERR_UNSUPPORTED;
	if (!c->channel_config) {
		struct copier k = { .r = *r };

		c->channels = (uint8_t)copy_pce(&k);
		*r = k.r;
	}
	return 0;
}

/* What stands behind the core's configuration, for decoders that know SBR (1.6.5.3). */
static void take_extension(struct bits *r, struct aac_config *c)
{
	uint32_t hz;

	if (bits_left(r) < 16 || bits_u(r, 11) != SYNC_SBR || take_type(r) != AAC_SBR)
		return;
	if (!bits_flag(r))
		return;
	hz = take_rate(r);
	if (r->over || !hz)
		return;
	c->has_sbr = true;
	c->out_hz = hz;
	if (bits_left(r) >= 12 && bits_u(r, 11) == SYNC_PS)
		c->has_ps = bits_flag(r);
}

static bool is_known(uint8_t type)
{
	static const uint8_t known[] = { AAC_MAIN, AAC_LC, AAC_SSR, AAC_LTP, AAC_ER_LC, AAC_ER_LTP,
		AAC_ER_LD, AAC_ER_ELD };

	return memchr(known, type, sizeof known) != NULL;
}

int aac_config_read(struct bytes b, struct aac_config *c)
{
	struct bits r;
	int err;

	*c = (struct aac_config){ 0 };
	bits_init(&r, b);
	c->object_type = take_type(&r);
	c->sample_hz = c->out_hz = take_rate(&r);
	c->channel_config = (uint8_t)bits_u(&r, 4);
	c->channels = channels_of[c->channel_config];
	if (c->object_type == AAC_SBR || c->object_type == AAC_PS) {
		c->has_sbr = true;
		c->has_ps = c->object_type == AAC_PS;
		c->out_hz = take_rate(&r);
		c->object_type = take_type(&r);
	}
	if (r.over || !c->sample_hz || !c->out_hz)
		return ERR_CORRUPT;
	if (!is_known(c->object_type))
		return ERR_UNSUPPORTED;
	if (c->object_type == AAC_ER_ELD) { /* ELDSpecificConfig begins with the frame's length */
		c->frame_samples = frame_samples(c, bits_flag(&r));
		return r.over ? ERR_CORRUPT : 0;
	}
	err = take_ga(&r, c);
	if (!err && r.over)
		err = ERR_CORRUPT;
	if (!err && !c->has_sbr && c->object_type < AAC_ER_LC)
		take_extension(&r, c);
	return err;
}

int adts_header_read(struct bytes b, struct adts_header *h)
{
	struct bits r;

	if (b.n < ADTS_HEADER_BYTES)
		return ERR_MORE;
	bits_init(&r, b);
	*h = (struct adts_header){ 0 };
	if (bits_u(&r, 12) != 0xfff)
		return ERR_SYNTAX;
	bits_skip(&r, 1); /* MPEG-2 or 4: the same frames */
	if (bits_u(&r, 2) != 0)
		return ERR_SYNTAX; /* a layer: that is MPEG audio */
	h->has_crc = !bits_flag(&r);
	h->object_type = (uint8_t)(bits_u(&r, 2) + 1);
	h->rate_index = (uint8_t)bits_u(&r, 4);
	h->sample_hz = aac_rate_of_index(h->rate_index);
	bits_skip(&r, 1);
	h->channel_config = (uint8_t)bits_u(&r, 3);
	bits_skip(&r, 4);
	h->frame_n = (uint16_t)bits_u(&r, 13);
	bits_skip(&r, 11);
	h->n_blocks = (uint8_t)(bits_u(&r, 2) + 1);
	h->header_n = ADTS_HEADER_BYTES;
	/* 1.A.3.2.2: one CRC, and before it the places of the second block and those after it */
	if (h->has_crc)
		h->header_n = (uint16_t)(h->header_n + 2 * h->n_blocks);
	return h->sample_hz && h->frame_n > h->header_n ? 0 : ERR_SYNTAX;
}

bool adts_header_is_like(const struct adts_header *a, const struct adts_header *b)
{
	return a->object_type == b->object_type && a->rate_index == b->rate_index &&
	       a->channel_config == b->channel_config;
}

int aac_config_of_adts(struct bytes frame, uint8_t out[AAC_CONFIG_BYTES])
{
	struct adts_header h;
	struct copier k = { .at = 16, .cap = AAC_CONFIG_BYTES * 8, .w = out };
	int err = adts_header_read(frame, &h);

	if (err)
		return err == ERR_MORE ? ERR_SYNTAX : err;
	memset(out, 0, AAC_CONFIG_BYTES);
	put_be16(out, (uint16_t)(h.object_type << 11 | h.rate_index << 7 | h.channel_config << 3));
	if (h.channel_config)
		return 2;
	bits_init(&k.r, bytes_sub(frame, h.header_n, (size_t)h.frame_n - h.header_n));
	if (bits_u(&k.r, 3) != 5) /* ID_PCE comes first, or not at all */
		return ERR_CORRUPT;
	return !copy_pce(&k) || k.r.over ? ERR_CORRUPT : (int)(k.at / 8);
}
