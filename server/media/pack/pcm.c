/* SPDX-License-Identifier: MIT */
#include "server/media/pack/pcm.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { UNIT_MS = 20, RATE_MAX = 1 << 20 };

struct pcm {
	uint8_t channels;
	uint8_t octets, wire;       /* of a sample: as stored, as sent, then with zeros behind it */
	bool is_swapped, is_biased; /* to do: turn octets around, flip the highest bit */
	uint16_t packet_ms;         /* a=ptime; 0: less than one */
	uint32_t packet_frames;     /* sample frames in a packet */
};

/* How much goes into a packet: 20 ms, or as many ms as fit, or whatever fits. */
static void plan(const struct packer *p, struct pcm *s)
{
	uint32_t fit = p->payload_max / ((uint32_t)s->channels * s->wire);
	uint32_t ms = UNIT_MS;

	while (ms && (uint64_t)p->clock_hz * ms / 1000 > fit)
		ms--;
	s->packet_ms = (uint16_t)ms;
	s->packet_frames = ms ? (uint32_t)((uint64_t)p->clock_hz * ms / 1000) : fit;
	if (!s->packet_frames)
		s->packet_frames = 1;
}

static int init(struct packer *p, const struct codec *c, struct pcm s, const char **why)
{
	if (!c->sample_hz || c->sample_hz > RATE_MAX || !c->channels) {
		*why = "PCM without a sampling rate or channels";
		return ERR_CORRUPT;
	}
	s.channels = c->channels;
	p->clock_hz = c->sample_hz;
	p->unit_samples = c->sample_hz * UNIT_MS / 1000;
	if (!p->unit_samples)
		p->unit_samples = 1;
	plan(p, &s);
	p->state = xcalloc(1, sizeof s);
	*(struct pcm *)p->state = s;
	for (uint8_t pt = 0; pt < PACK_PT_FIRST; pt++) {
		const struct sdp_static *t = sdp_static_of(pt);

		if (t && !strcmp(t->encoding, p->encoding) && t->clock_hz == c->sample_hz &&
			t->channels == c->channels)
			p->payload_type = pt;
	}
	return 0;
}

static int pcmu_init(struct packer *p, const struct codec *c, const char **why)
{
	p->encoding = "PCMU";
	return init(p, c, (struct pcm){ .octets = 1, .wire = 1 }, why);
}

static int pcma_init(struct packer *p, const struct codec *c, const char **why)
{
	p->encoding = "PCMA";
	return init(p, c, (struct pcm){ .octets = 1, .wire = 1 }, why);
}

static int pcm_init(struct packer *p, const struct codec *c, const char **why)
{
	struct pcm s = { .octets = c->sample_bits / 8 };

	if (c->sample_bits != 8 && c->sample_bits != 16 && c->sample_bits != 24) {
		*why = "PCM of other than 8, 16 or 24 bits";
		return ERR_UNSUPPORTED;
	}
	s.wire = s.octets == 3 ? 3 : 2;
	p->encoding = s.octets == 3 ? "L24" : "L16";
	s.is_swapped = c->is_little;
	s.is_biased = c->is_unsigned;
	return init(p, c, s, why);
}

static void pcm_clear(struct packer *p)
{
	free(p->state);
}

/* Samples as stored to samples as sent; room for them is at `to`. */
static void convert(const struct pcm *s, uint8_t *to, struct bytes from)
{
	size_t k = s->octets;

	if (!s->is_swapped && !s->is_biased && k == s->wire) {
		memcpy(to, from.p, from.n);
		return;
	}
	for (size_t i = 0; i + k <= from.n; i += k, to += s->wire) {
		for (size_t j = 0; j < k; j++)
			to[j] = from.p[s->is_swapped ? i + k - 1 - j : i + j];
		if (s->is_biased)
			to[0] ^= 0x80;
		if (k < s->wire)
			to[k] = 0;
	}
}

static void pcm_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	const struct pcm *s = p->state;
	size_t frame_n = (size_t)s->channels * s->octets, part = s->packet_frames * frame_n;

	for (size_t i = 0; i < n; i++) {
		size_t whole = u[i].data.n - u[i].data.n % frame_n, sent = 0;

		/* parts of a unit leave together, each with its own RTP time */
		for (size_t at = 0; at < whole; at += part, sent += s->packet_frames) {
			struct row r = packer_row(p, &u[i]);
			struct bytes v =
				bytes_sub(u[i].data, at, whole - at < part ? whole - at : part);
			uint8_t *to;

			r.rtp_time += (uint32_t)sent;
			block_begin(b, &r);
			to = block_room(b, v.n / s->octets * s->wire);
			if (to)
				convert(s, to, v);
			block_end(b);
		}
	}
}

static void pcm_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct pcm *s = p->state;

	if (s->channels == 1)
		sdp_line(w, 'a', "rtpmap:%u %s/%u", p->payload_type, p->encoding, p->clock_hz);
	else
		sdp_line(w, 'a', "rtpmap:%u %s/%u/%u", p->payload_type, p->encoding, p->clock_hz,
			s->channels);
	if (s->packet_ms)
		sdp_line(w, 'a', "ptime:%u", s->packet_ms);
}

const struct packer_ops pcmu_packer = { .codec = CODEC_PCMU,
	.rfc = "RFC 3551",
	.init = pcmu_init,
	.pack = pcm_pack,
	.describe = pcm_describe,
	.clear = pcm_clear };
const struct packer_ops pcma_packer = { .codec = CODEC_PCMA,
	.rfc = "RFC 3551",
	.init = pcma_init,
	.pack = pcm_pack,
	.describe = pcm_describe,
	.clear = pcm_clear };
const struct packer_ops pcm_packer = { .codec = CODEC_PCM,
	.rfc = "RFC 3551",
	.init = pcm_init,
	.pack = pcm_pack,
	.describe = pcm_describe,
	.clear = pcm_clear };
