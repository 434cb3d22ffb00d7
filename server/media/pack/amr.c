/* SPDX-License-Identifier: MIT */
#include "server/media/pack/amr.h"

#include "server/media/pack/bundle.h"

enum {
	CMR_NONE = 0xf0, /* codec mode request 15: none; reserved bits 0 */
	TOC_MASK = 0x7c, /* frame type and quality; 4867 4.3.2: the padding bits are 0 */
	NO_DATA = 0x7c,
	TYPE_SHIFT = 3
};

/* 26.101 and 26.201, octets rounded up (4867 table 1 and 4.3.3) */
const struct amr_kind amr_narrow = { 8000, 160,
	{ 12, 13, 15, 17, 19, 20, 26, 31, 5, -1, -1, -1, -1, -1, -1, 0 }, 7 };
const struct amr_kind amr_wide = { 16000, 320,
	{ 17, 23, 32, 36, 40, 46, 50, 58, 60, 5, -1, -1, -1, -1, 0, 0 }, 8 };

size_t amr_frame_bytes(const struct amr_kind *k, uint8_t head)
{
	int n = k->octets[head >> TYPE_SHIFT & 15];

	return n < 0 ? 0 : (size_t)n + 1;
}

static int init(struct packer *p, const char *encoding, const struct amr_kind *k)
{
	p->encoding = encoding;
	p->clock_hz = k->clock_hz;
	p->state = (void *)(uintptr_t)k; /* constant, and only read */
	return 0;
}

static int amr_init(struct packer *p, const struct codec *c, const char **why)
{
	(void)c;
	(void)why;
	return init(p, "AMR", &amr_narrow);
}

static int amr_wb_init(struct packer *p, const struct codec *c, const char **why)
{
	(void)c;
	(void)why;
	return init(p, "AMR-WB", &amr_wide);
}

/* A run of frames, and whether the last one was silence: speech behind it begins a talkspurt. */
struct run {
	struct bundle k;
	const struct amr_kind *kind;
	bool is_silent;
};

static bool is_speech(const struct run *run, const struct audio_frame *f)
{
	return (f->data.p[0] >> TYPE_SHIFT & 15) <= run->kind->speech_max;
}

/* 4867 4.4: the request, the table of contents, the frame. */
static void put_whole(struct bundle *k)
{
	struct run *run = container_of(k, struct run, k);
	const struct audio_frame *f = &k->frame[0];
	struct row r = bundle_row(k->p, f);
	uint8_t *to;

	r.marker = run->is_silent && is_speech(run, f); /* 4867 4.1 */
	run->is_silent = !is_speech(run, f);
	block_begin(k->b, &r);
	to = block_room(k->b, 2);
	if (!to)
		return;
	to[0] = CMR_NONE;
	to[1] = f->data.p[0] & TOC_MASK;
	block_put(k->b, bytes_sub(f->data, 1, SIZE_MAX));
	block_end(k->b);
}

/* One frame a packet: libavcodec's decoder plays the first of a packet and no other. */
static const struct bundle_rules rules = { .fixed_n = 2, .frames_max = 1, .whole = put_whole };

/*
 * Takes the next storage frame off *left. One that is cut off, or of a type that isn't, takes all
 * that is left, since nobody knows where the next begins; NO_DATA keeps its place.
 */
static bool next_frame(const struct amr_kind *k, struct bytes *left, struct bytes *frame)
{
	static const uint8_t no_data = NO_DATA;
	size_t n;

	if (!left->n)
		return false;
	n = amr_frame_bytes(k, left->p[0]);
	if (n && n <= left->n) {
		*frame = bytes_sub(*left, 0, n);
		*left = bytes_sub(*left, n, SIZE_MAX);
	} else {
		*frame = bytes_of(&no_data, 1);
		*left = (struct bytes){ 0 };
	}
	return true;
}

static void amr_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	struct run run = { .kind = p->state };

	bundle_init(&run.k, p, &rules, b);
	for (size_t i = 0; i < n; i++) {
		struct bytes left = u[i].data, frame;

		for (size_t j = 0; next_frame(run.kind, &left, &frame); j++) {
			struct audio_frame f = bundle_frame(p, &u[i], j, run.kind->ticks);

			f.data = frame;
			bundle_add(&run.k, &f);
		}
	}
	bundle_flush(&run.k);
}

static void amr_describe(const struct packer *p, struct sdp_writer *w)
{
	sdp_line(w, 'a', "rtpmap:%u %s/%u/1", p->payload_type, p->encoding, p->clock_hz);
	sdp_line(w, 'a', "fmtp:%u octet-align=1", p->payload_type);
}

const struct packer_ops amr_packer = { .codec = CODEC_AMR,
	.rfc = "RFC 4867",
	.init = amr_init,
	.pack = amr_pack,
	.describe = amr_describe };
const struct packer_ops amr_wb_packer = { .codec = CODEC_AMR_WB,
	.rfc = "RFC 4867",
	.init = amr_wb_init,
	.pack = amr_pack,
	.describe = amr_describe };
