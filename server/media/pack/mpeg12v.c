/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mpeg12v.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/bits.h"
#include "server/media/pack/fmtp.h"
#include "server/media/pack/start_code.h"

/*
 * MPEG-1 and MPEG-2 video (RFC 2250 3.1): as many whole slices as fit in a packet, headers before the
 * first of them; a slice that is too long goes in packets of its own.
 */
enum {
	CLOCK_HZ = 90000,
	PAYLOAD_TYPE = 32,
	HEADER_BYTES = 4,
	CODE_BYTES = 4,
	PICTURE = 0x00,
	SLICE_FIRST = 0x01,
	SLICE_LAST = 0xaf,
	SEQUENCE = 0xb3,
	SEQUENCE_END = 0xb7,
	CODING_P = 2,
	CODING_B = 3,
	CONFIG_MAX = 512
};

struct mpeg12v {
	struct video_lines lines;
	size_t config_n; /* 0: none */
	uint8_t config[CONFIG_MAX];
};

/* Bits of the video-specific header, 2250 3.4 */
enum { S_BIT = 1 << 13, B_BIT = 1 << 12, E_BIT = 1 << 11, PICTURE_TYPE_AT = 8, REFERENCE_AT = 16 };

/* ---- set-up ---- */

static bool is_slice(uint8_t code)
{
	return code >= SLICE_FIRST && code <= SLICE_LAST;
}

static int mpeg12v_init(struct packer *p, const struct codec *c, const char **why)
{
	static const uint8_t sequence[] = { 0, 0, 1, SEQUENCE };
	struct mpeg12v *m = xcalloc(1, sizeof *m);

	(void)why;
	p->encoding = "MPV";
	p->clock_hz = CLOCK_HZ;
	p->payload_type = PAYLOAD_TYPE;
	p->state = m;
	video_lines_init(&m->lines, c);
	if (c->config.n <= CONFIG_MAX && bytes_has_prefix(c->config, bytes_of(sequence, 4))) {
		memcpy(m->config, c->config.p, c->config.n);
		m->config_n = c->config.n;
	}
	return 0;
}

static void mpeg12v_clear(struct packer *p)
{
	struct mpeg12v *m = p->state;

	if (m)
		video_lines_clear(&m->lines);
	free(m);
	p->state = NULL;
}

static void mpeg12v_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct mpeg12v *m = p->state;

	video_lines_write(&m->lines, p, w);
}

/* ---- parts: a slice with the headers before it ---- */

struct part {
	struct bytes data;
	bool has_sequence, has_slice;
	bool has_picture;
	uint32_t header; /* temporal reference, type and vectors of its picture header */
};

/* temporal_reference … of the picture header after its start code (13818-2 6.2.3) */
static uint32_t picture_header(struct bytes after)
{
	struct bits b;
	uint32_t reference, type, vectors = 0;

	bits_init(&b, after);
	reference = bits_u(&b, 10);
	type = bits_u(&b, 3);
	bits_skip(&b, 16); /* vbv_delay */
	if (type == CODING_P || type == CODING_B)
		vectors = bits_u(&b, 4); /* full_pel_forward_vector, forward_f_code */
	if (type == CODING_B)
		vectors |= bits_u(&b, 4) << 4;
	return reference << REFERENCE_AT | type << PICTURE_TYPE_AT | vectors;
}

/* Takes the next part off the front of *rest, which begins with its headers or slice. */
static void part_next(struct bytes *rest, struct part *part)
{
	struct bytes in = *rest;
	size_t at = start_code_find(in, 0);

	*part = (struct part){ 0 };
	for (; at + CODE_BYTES <= in.n; at = start_code_find(in, at + 3)) {
		uint8_t code = in.p[at + 3];

		/* sequence_end_code belongs to what precedes it */
		if (part->has_slice && code != SEQUENCE_END)
			break;
		part->has_slice |= is_slice(code);
		part->has_sequence |= code == SEQUENCE;
		if (code == PICTURE) {
			part->has_picture = true;
			part->header = picture_header(bytes_sub(in, at + CODE_BYTES, in.n));
		}
	}
	if (at + CODE_BYTES > in.n)
		at = in.n;
	part->data = bytes_sub(in, 0, at);
	*rest = bytes_sub(in, at, in.n);
}

/* ---- packets ---- */

struct run {
	const struct packer *p;
	struct block_build *b;
	struct row row;
	uint32_t header; /* of the current picture */
	bool open;       /* the last packet may take more slices */
};

static void put_header(struct run *r, uint32_t bits)
{
	uint8_t *to = block_room(r->b, HEADER_BYTES);

	if (to)
		put_be32(to, r->header | bits);
}

static void close_packet(struct run *r)
{
	if (r->open)
		(void)block_end(r->b); /* the builder remembers errors */
	r->open = false;
}

/* A part that is longer than a packet. */
static void put_long(struct run *r, const struct part *part)
{
	struct bytes rest = part->data;
	size_t room = r->p->payload_max - HEADER_BYTES;
	uint32_t first = (part->has_slice ? B_BIT : 0) | (part->has_sequence ? S_BIT : 0);

	while (rest.n && !r->b->err) {
		size_t n = rest.n < room ? rest.n : room;

		block_begin(r->b, &r->row);
		put_header(r, first | (n == rest.n && part->has_slice ? E_BIT : 0));
		(void)block_put(r->b, bytes_sub(rest, 0, n));
		(void)block_end(r->b);
		rest = bytes_sub(rest, n, rest.n);
		first = 0;
	}
}

static void put_part(struct run *r, const struct part *part)
{
	size_t room = r->p->payload_max;

	/* headers of a picture begin a packet (2250 3.1) */
	if (part->has_picture || part->has_sequence ||
		(r->open && block_packet_n(r->b) + part->data.n > room))
		close_packet(r);
	if (part->has_picture)
		r->header = part->header;
	if (HEADER_BYTES + part->data.n > room) {
		close_packet(r);
		put_long(r, part);
		return;
	}
	if (!r->open) {
		block_begin(r->b, &r->row);
		put_header(r,
			(part->has_slice ? B_BIT | E_BIT : 0) | (part->has_sequence ? S_BIT : 0));
		r->open = true;
	}
	(void)block_put(r->b, part->data);
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	const struct mpeg12v *m = p->state;
	struct run r = { .p = p, .b = b, .row = packer_row(p, u) };
	struct bytes rest = u->data;
	struct part part;
	size_t first = start_code_find(rest, 0), rows = b->n_rows;

	rest = bytes_sub(rest, first, rest.n);
	if (rest.n < CODE_BYTES)
		return;
	for (bool is_first = true; rest.n && !b->err; is_first = false) {
		part_next(&rest, &part);
		if (is_first && (part.header >> PICTURE_TYPE_AT & 7) == CODING_B && !u->sync)
			r.row.importance = IMPORTANCE_LOW;
		if (is_first && u->sync && !part.has_sequence && m->config_n) {
			struct part config = { .data = { m->config, m->config_n },
				.has_sequence = true };

			r.header = part.header;
			put_part(&r, &config);
		}
		put_part(&r, &part);
	}
	close_packet(&r);
	if (!b->err && b->n_rows > rows)
		block_last(b)->marker = true;
}

static void mpeg12v_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}

const struct packer_ops mpeg12v_packer = {
	.codec = CODEC_MPEG12V,
	.rfc = "RFC 2250",
	.init = mpeg12v_init,
	.pack = mpeg12v_pack,
	.describe = mpeg12v_describe,
	.clear = mpeg12v_clear,
};
