/* SPDX-License-Identifier: MIT */
#include "server/media/pack/ac3.h"

#include "server/media/pack/ac3frame.h"
#include "server/media/pack/bundle.h"

/* Frame type of the payload header (4184 4.1.1) */
enum { FT_WHOLE, FT_FIRST_LONG, FT_FIRST_SHORT, FT_OTHER };

enum { HEADER_BYTES = 2 };

static int ac3_init(struct packer *p, const struct codec *c, const char **why)
{
	if (c->sample_hz != 48000 && c->sample_hz != 44100 && c->sample_hz != 32000) {
		*why = "AC-3 of other than 48000, 44100 or 32000 Hz";
		return ERR_UNSUPPORTED;
	}
	p->encoding = "ac3";
	p->clock_hz = c->sample_hz;
	return 0;
}

/* Frame type, and the number of frames (whole ones) or of fragments (of this one). */
static void put_header(struct block_build *b, unsigned type, size_t n)
{
	uint8_t head[HEADER_BYTES] = { (uint8_t)type, (uint8_t)n };

	block_put(b, bytes_of(head, sizeof head));
}

static void put_whole(struct bundle *k)
{
	struct row r = bundle_row(k->p, &k->frame[0]);

	r.marker = true; /* 4184 4.1: whole frames, or the last part of one */
	block_begin(k->b, &r);
	put_header(k->b, FT_WHOLE, k->n);
	for (size_t i = 0; i < k->n; i++)
		block_put(k->b, k->frame[i].data);
	block_end(k->b);
}

/* The first part counts as long when it has the 5/8 of the frame that can be decoded alone. */
static void put_parts(struct bundle *k, const struct audio_frame *f)
{
	struct row r = bundle_row(k->p, f);
	size_t part = k->p->payload_max - HEADER_BYTES, n = (f->data.n + part - 1) / part;

	for (size_t at = 0; at < f->data.n; at += part) {
		unsigned type = at                          ? FT_OTHER
				: part * 8 >= f->data.n * 5 ? FT_FIRST_LONG
							    : FT_FIRST_SHORT;

		r.marker = f->data.n - at <= part;
		block_begin(k->b, &r);
		put_header(k->b, type, n);
		block_put(k->b, bytes_sub(f->data, at, part));
		block_end(k->b);
	}
}

static const struct bundle_rules rules = {
	.fixed_n = HEADER_BYTES, .whole = put_whole, .parts = put_parts
};

static void ac3_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	struct bundle k;
	struct ac3_header h;

	bundle_init(&k, p, &rules, b);
	for (size_t i = 0; i < n; i++) {
		struct bytes left = u[i].data;

		for (size_t j = 0; !ac3_header_read(left, &h) && h.frame_n <= left.n; j++) {
			struct audio_frame f = bundle_frame(p, &u[i], j, AC3_FRAME_SAMPLES);

			f.data = bytes_sub(left, 0, h.frame_n);
			left = bytes_sub(left, h.frame_n, SIZE_MAX);
			bundle_add(&k, &f);
		}
	}
	bundle_flush(&k);
}

static void ac3_describe(const struct packer *p, struct sdp_writer *w)
{
	/* the number of channels is optional, and may change inside the stream */
	sdp_line(w, 'a', "rtpmap:%u %s/%u", p->payload_type, p->encoding, p->clock_hz);
}

const struct packer_ops ac3_packer = { .codec = CODEC_AC3,
	.rfc = "RFC 4184",
	.init = ac3_init,
	.pack = ac3_pack,
	.describe = ac3_describe };
