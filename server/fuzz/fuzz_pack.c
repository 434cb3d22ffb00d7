/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/fuzz/holds.h"
#include "server/media/pack/nal.h"
#include "server/media/pack/pack.h"

/*
 * Any bytes as set-up and units of any codec. In: codec (enum codec_id), form, 16 bits of the
 * set-up's length, set-up; then units: flags, 16 bits of length, octets. What every packetiser must
 * keep, and what H.264's and H.265's packets must give back, is checked.
 */
enum { UNITS_MAX = 64, SDP_MAX = 65536 };

static struct bytes take_sized(struct cur *c)
{
	uint16_t n = 0;
	struct bytes v = { 0 };

	if (cur_be16(c, &n) && !cur_take(c, n, &v)) {
		v = c->b;
		*c = (struct cur){ 0 };
	}
	return v;
}

static struct codec take_codec(struct cur *c, enum codec_id id, uint8_t form)
{
	static const uint32_t rates[] = { 48000, 8000, 44100, 0 };

	return (struct codec){ .id = id,
		.config = take_sized(c),
		.width = form & 8 ? 320 : 0,
		.height = form & 8 ? 240 : 0,
		.nal_length_bytes = (uint8_t)(form & 4 ? 4 : form & 3),
		.sample_hz = rates[form >> 4 & 3],
		.channels = (uint8_t)(form >> 6),
		.sample_bits = (uint8_t)(8 + 8 * (form & 3) % 24),
		.is_little = form & 4,
		.is_unsigned = form & 8 };
}

static size_t take_units(struct cur *c, struct access_unit *u)
{
	size_t n = 0;
	uint8_t flags;

	for (; n < UNITS_MAX && cur_u8(c, &flags); n++) {
		u[n] = (struct access_unit){ .data = take_sized(c),
			.due = (tick_t)n * 20 * TICK_MS,
			.rtp = (int64_t)n * 1800,
			.rtp_n = flags & 2 ? 1800 : 0,
			.sync = flags & 1 };
	}
	return n;
}

static void describe(const struct packer *p)
{
	struct sdp_writer w;
	struct buf out;

	buf_init(&out, SDP_MAX);
	sdp_begin(&w, &out);
	sdp_origin(&w, 1, 1, B("127.0.0.1"), false);
	sdp_line(&w, 's', "-");
	sdp_line(&w, 't', "0 0");
	sdp_line(&w, 'm', "video 0 RTP/AVP %u", p->payload_type);
	p->ops->describe(p, &w);
	HOLDS(sdp_end(&w) == 0);
	buf_clear(&out);
}

static void check_rows(const struct packer *p, const struct block_build *b)
{
	size_t at = 0;
	unsigned sum = 0;

	for (size_t i = 0; i < b->n_rows; i++) {
		const struct row *r = &b->rows[i];

		HOLDS(r->at == at && r->n > 0 && r->n <= p->payload_max);
		HOLDS(r->payload_type == p->payload_type);
		at += r->n;
	}
	HOLDS(at == b->payload_n);
	for (size_t i = 0; i < at; i++)
		sum += b->payload[i];
	HOLDS(sum < UINT32_MAX);
}

/* The packets of video units one by one: marker on the last, only there; and few enough. */
static void check_video(const struct packer *p, const struct access_unit *u)
{
	struct block_build b;

	block_build_init(&b);
	p->ops->pack(p, u, 1, &b);
	HOLDS(b.err == 0 && b.n_rows <= 8 + u->data.n);
	for (size_t i = 0; i < b.n_rows; i++)
		HOLDS(b.rows[i].marker == (i + 1 == b.n_rows) && b.rows[i].due == u->due);
	block_build_clear(&b);
}

/* ---- H.264, H.265: what a receiver makes of the packets (6184 5, 7798 4.4) ---- */

struct receiver {
	size_t header_n;
	uint8_t *out;        /* NAL units behind four octets of length */
	size_t n, cap, open; /* open: where the one in fragments began, plus one */
};

static uint8_t *room(struct receiver *r, size_t n)
{
	if (r->n + n > r->cap) {
		r->cap = 2 * (r->n + n);
		r->out = xrealloc(r->out, r->cap);
	}
	r->n += n;
	return r->out + r->n - n;
}

static void take_nal(struct receiver *r, struct bytes nal)
{
	uint8_t *to = room(r, 4 + nal.n);

	HOLDS(nal.n > 0 && !r->open);
	put_be32(to, (uint32_t)nal.n);
	memcpy(to + 4, nal.p, nal.n);
}

static void take_fragment(struct receiver *r, struct bytes v)
{
	size_t h = r->header_n;
	uint8_t fu = v.p[h];
	struct bytes body = bytes_sub(v, h + 1, v.n);

	HOLDS(body.n > 0 && !!(fu & 0x80) == !r->open);
	if (!r->open) {
		uint8_t header[] = { (uint8_t)(h == 1 ? (v.p[0] & 0xe0) | (fu & 31)
						      : (v.p[0] & 0x81) | (fu & 63) << 1),
			v.p[1] };

		take_nal(r, bytes_of(header, h));
		r->open = r->n - h - 4 + 1;
	}
	memcpy(room(r, body.n), body.p, body.n);
	if (fu & 0x40) {
		put_be32(r->out + r->open - 1, (uint32_t)(r->n - r->open - 3));
		r->open = 0;
	}
}

static void take_packet(struct receiver *r, struct bytes v)
{
	unsigned type = r->header_n == 1 ? v.p[0] & 31 : v.p[0] >> 1 & 63;
	struct cur c = { v };
	struct bytes nal;
	uint16_t n;

	if (type == (r->header_n == 1 ? 28 : 49)) {
		take_fragment(r, v);
	} else if (type == (r->header_n == 1 ? 24 : 48)) {
		HOLDS(cur_skip(&c, r->header_n));
		while (cur_be16(&c, &n)) {
			HOLDS(cur_take(&c, n, &nal));
			take_nal(r, nal);
		}
		HOLDS(c.b.n == 0);
	} else {
		take_nal(r, v);
	}
}

static bool is_sent(const struct receiver *r, struct bytes nal)
{
	unsigned type = r->header_n == 1 ? nal.p[0] & 31 : nal.p[0] >> 1 & 63;

	if (r->header_n == 1)
		return type != 0 && type != 9 && type != 12 && type < 24;
	return nal.n >= 2 && type != 35 && type != 38 && type < 48;
}

/* Without set-up (no parameter sets are put in), the NAL units that come back are those that went in. */
static void check_nals(const struct codec *c, const struct access_unit *u)
{
	struct codec bare = { .id = c->id, .nal_length_bytes = c->nal_length_bytes };
	struct receiver r = { .header_n = c->id == CODEC_H264 ? 1 : 2 }, want = r;
	struct block_build b;
	struct nal_iter it;
	struct bytes nal;
	struct packer p;
	const char *why;
	bool has_code = c->nal_length_bytes == 4 && u->data.n > 4 && be32(u->data.p) == 1;

	HOLDS(packer_init(&p, &bare, &why) == 0);
	block_build_init(&b);
	p.ops->pack(&p, u, 1, &b);
	for (size_t i = 0; i < b.n_rows; i++)
		take_packet(&r, (struct bytes){ b.payload + b.rows[i].at, b.rows[i].n });
	nal_iter_init(&it, u->data, has_code ? 0 : c->nal_length_bytes);
	while (nal_next(&it, &nal)) {
		if (is_sent(&r, nal))
			take_nal(&want, nal);
	}
	HOLDS(!r.open && bytes_is_eq(bytes_of(r.out, r.n), bytes_of(want.out, want.n)));
	free(r.out);
	free(want.out);
	block_build_clear(&b);
	packer_clear(&p);
}

static void run(struct packer *p, const struct codec *c, struct cur *in)
{
	struct access_unit u[UNITS_MAX];
	struct block_build b;
	size_t n;

	if (p->payload_type == PACK_PT_NONE)
		p->payload_type = PACK_PT_FIRST;
	describe(p);
	n = take_units(in, u);
	if (n == 0)
		return;
	block_build_init(&b);
	p->ops->pack(p, u, n, &b);
	HOLDS(b.err == 0);
	check_rows(p, &b);
	block_build_clear(&b);
	for (size_t i = 0; i < n && p->is_video; i++) {
		check_video(p, &u[i]);
		if (c->id == CODEC_H264 || c->id == CODEC_H265)
			check_nals(c, &u[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur in = { { data, size } };
	uint8_t which, form;
	const char *why = NULL;
	struct packer p;

	if (!cur_u8(&in, &which) || !cur_u8(&in, &form))
		return 0;
	struct codec c = take_codec(&in, (enum codec_id)(which % CODEC_COUNT), form);
	int err = packer_init(&p, &c, &why);
	HOLDS((err == 0) == (why == NULL));
	if (!err)
		run(&p, &c, &in);
	packer_clear(&p);
	return 0;
}
