/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mpa.h"

#include "server/media/pack/bundle.h"
#include "server/media/pack/mpegaudio.h"

enum { PT_MPA = 14, CLOCK_HZ = 90000, HEADER_BYTES = 4, OFFSET_MAX = 0xffff };

static int mpa_init(struct packer *p, const struct codec *c, const char **why)
{
	(void)c;
	(void)why; /* every frame says what it is */
	p->encoding = "MPA";
	p->payload_type = PT_MPA;
	p->clock_hz = CLOCK_HZ;
	return 0;
}

/* 2250 3.5: 16 zero bits, then where in its frame the payload begins. */
static void put_header(struct block_build *b, size_t at)
{
	uint8_t *to = block_room(b, HEADER_BYTES);

	if (to)
		put_be32(to, (uint32_t)at);
}

/* The marker stays 0: it begins a talkspurt (3551 4.1), and there is no silence between frames. */
static void put_whole(struct bundle *k)
{
	struct row r = bundle_row(k->p, &k->frame[0]);

	block_begin(k->b, &r);
	put_header(k->b, 0);
	for (size_t i = 0; i < k->n; i++)
		block_put(k->b, k->frame[i].data);
	block_end(k->b);
}

static void put_parts(struct bundle *k, const struct audio_frame *f)
{
	struct row r = bundle_row(k->p, f);
	size_t part = k->p->payload_max - HEADER_BYTES;

	if (f->data.n > OFFSET_MAX)
		return;
	for (size_t at = 0; at < f->data.n; at += part) {
		block_begin(k->b, &r);
		put_header(k->b, at);
		block_put(k->b, bytes_sub(f->data, at, part));
		block_end(k->b);
	}
}

static const struct bundle_rules rules = {
	.fixed_n = HEADER_BYTES, .whole = put_whole, .parts = put_parts
};

/* Takes the next frame off *left; false: what is left is none. */
static bool next_frame(struct bytes *left, struct bytes *frame, uint32_t *ticks)
{
	struct mpa_header h;
	int err = mpa_header_read(*left, &h);

	if (err && err != ERR_UNSUPPORTED)
		return false;
	/* free format tells no length: the container's word for it that this is one frame */
	if (err || h.frame_n > left->n)
		h.frame_n = err && left->n <= OFFSET_MAX ? (uint16_t)left->n : 0;
	*ticks = (uint32_t)((uint64_t)h.frame_samples * CLOCK_HZ / h.sample_hz);
	*frame = bytes_sub(*left, 0, h.frame_n);
	*left = bytes_sub(*left, h.frame_n, SIZE_MAX);
	return frame->n > 0;
}

static void mpa_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	struct bundle k;

	bundle_init(&k, p, &rules, b);
	for (size_t i = 0; i < n; i++) {
		struct bytes left = u[i].data, frame;
		uint32_t ticks;

		for (size_t j = 0; next_frame(&left, &frame, &ticks); j++) {
			struct audio_frame f = bundle_frame(p, &u[i], j, ticks);

			f.data = frame;
			bundle_add(&k, &f);
		}
	}
	bundle_flush(&k);
}

static void mpa_describe(const struct packer *p, struct sdp_writer *w)
{
	sdp_line(w, 'a', "rtpmap:%u %s/%u", p->payload_type, p->encoding, p->clock_hz);
}

const struct packer_ops mpa_packer = { .codec = CODEC_MPA,
	.rfc = "RFC 2250",
	.init = mpa_init,
	.pack = mpa_pack,
	.describe = mpa_describe };
