/* SPDX-License-Identifier: MIT */
#include "server/media/pack/av1.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/fmtp.h"

/*
 * AV1: the OBUs of a temporal unit without their size fields (5 of the payload format), each behind a
 * length (W = 0), in packets that are filled to the last octet; an OBU goes on in the next packet where
 * it does not fit. Temporal delimiters and tile lists are not sent.
 */
enum {
	CLOCK_HZ = 90000,
	SEQUENCE_HEADER = 1,
	TEMPORAL_DELIMITER = 2,
	TILE_LIST = 8,
	Z_BIT = 0x80, /* the first element goes on from the packet before */
	Y_BIT = 0x40, /* the last one goes on in the next */
	N_BIT = 0x08, /* a coded video sequence begins */
	EXTENSION_BIT = 0x04,
	SIZE_BIT = 0x02,
	ROOM_MIN = 20,
	LENGTH_BYTES = 2, /* leb128 of what fits a packet */
	RECORD_BYTES = 4  /* av1C before its OBUs */
};

struct av1 {
	struct video_lines lines;
	struct bytes sequence; /* OBUs of the record; a copy of its own */
};

/* ---- OBUs ---- */

struct obu {
	uint8_t type;
	uint8_t head[2]; /* without the size bit */
	size_t head_n;
	struct bytes body;
};

static bool take_leb128(struct cur *c, uint64_t *v)
{
	uint8_t octet = 0x80;

	*v = 0;
	for (unsigned i = 0; i < 8 && (octet & 0x80); i++) {
		if (!cur_u8(c, &octet))
			return false;
		*v |= (uint64_t)(octet & 0x7f) << (7 * i);
	}
	return !(octet & 0x80);
}

/* The next OBU; false at the end, and where it is broken (nothing after that can be trusted). */
static bool obu_next(struct cur *c, struct obu *o)
{
	uint64_t n;

	*o = (struct obu){ .head_n = 1 };
	if (!cur_u8(c, &o->head[0]))
		return false;
	if ((o->head[0] & EXTENSION_BIT) && !cur_u8(c, &o->head[o->head_n++]))
		return false;
	n = c->b.n;
	if ((o->head[0] & SIZE_BIT) && (!take_leb128(c, &n) || n > c->b.n))
		return false;
	o->type = o->head[0] >> 3 & 15;
	o->head[0] &= (uint8_t)~SIZE_BIT;
	return cur_take(c, (size_t)n, &o->body);
}

static bool has_sequence(struct bytes unit)
{
	struct cur c = { unit };
	struct obu o;

	while (obu_next(&c, &o)) {
		if (o.type == SEQUENCE_HEADER)
			return true;
	}
	return false;
}

/* ---- set-up ---- */

static int av1_init(struct packer *p, const struct codec *c, const char **why)
{
	struct av1 *a = xcalloc(1, sizeof *a);
	struct bytes obus = bytes_sub(c->config, RECORD_BYTES, PACK_PAYLOAD_MAX);
	uint8_t *copy = xmalloc(obus.n ? obus.n : 1);
	const uint8_t *from = c->config.p;

	(void)why;
	p->encoding = "AV1";
	p->clock_hz = CLOCK_HZ;
	p->state = a;
	video_lines_init(&a->lines, c);
	if (obus.n)
		memcpy(copy, obus.p, obus.n);
	a->sequence = (struct bytes){ copy, obus.n };
	/* marker and version 1; seq_profile, seq_level_idx_0, seq_tier_0 */
	if (c->config.n >= RECORD_BYTES && from[0] == 0x81)
		fmtp_put(&a->lines.fmtp, "profile=%u;level-idx=%u;tier=%u", from[1] >> 5,
			from[1] & 31, from[2] >> 7);
	return 0;
}

static void av1_clear(struct packer *p)
{
	struct av1 *a = p->state;

	if (!a)
		return;
	video_lines_clear(&a->lines);
	free((uint8_t *)(uintptr_t)a->sequence.p); /* ours: see av1_init */
	free(a);
	p->state = NULL;
}

static void av1_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct av1 *a = p->state;

	video_lines_write(&a->lines, p, w);
}

/* ---- packets ---- */

struct run {
	const struct packer *p;
	struct block_build *b;
	struct row row;
	uint8_t first; /* N of the unit's first packet */
	bool open, some;
};

static void begin(struct run *r, uint8_t bits)
{
	uint8_t head = (uint8_t)(bits | (r->some ? 0 : r->first));

	block_begin(r->b, &r->row);
	(void)block_put(r->b, bytes_of(&head, 1)); /* the builder remembers errors */
	r->open = r->some = true;
}

static void end(struct run *r, uint8_t bits)
{
	if (r->open && !r->b->err)
		r->b->payload[block_last(r->b)->at] |= bits;
	if (r->open)
		(void)block_end(r->b);
	r->open = false;
}

/* One element of n octets: as much of the OBU's header as is left, then of its body. */
static void put_element(struct run *r, struct obu *o, size_t n)
{
	uint8_t length[LENGTH_BYTES] = { (uint8_t)(n & 0x7f), (uint8_t)(n >> 7) };
	size_t head = n < o->head_n ? n : o->head_n;

	if (n > 0x7f)
		length[0] |= 0x80;
	(void)block_put(r->b, bytes_of(length, n > 0x7f ? 2 : 1));
	(void)block_put(r->b, bytes_of(o->head, head));
	(void)block_put(r->b, bytes_sub(o->body, 0, n - head));
	memmove(o->head, o->head + head, o->head_n - head);
	o->head_n -= head;
	o->body = bytes_sub(o->body, n - head, o->body.n);
}

static void put_obu(struct run *r, struct obu *o)
{
	size_t left = o->head_n + o->body.n;
	uint8_t goes_on = 0;

	while (left && !r->b->err) {
		size_t room = r->open ? r->p->payload_max - block_packet_n(r->b) : 0;
		size_t n;

		/* a few octets at the end of a packet are not worth a cut */
		if (room < ROOM_MIN) {
			end(r, 0);
			begin(r, goes_on);
			room = r->p->payload_max - 1;
		}
		n = room - LENGTH_BYTES < left ? room - LENGTH_BYTES : left;
		put_element(r, o, n);
		left -= n;
		if (left) {
			end(r, Y_BIT);
			goes_on = Z_BIT;
		}
	}
}

static void put_obus(struct run *r, struct bytes obus)
{
	struct cur c = { obus };
	struct obu o;

	while (obu_next(&c, &o)) {
		if (o.type != TEMPORAL_DELIMITER && o.type != TILE_LIST)
			put_obu(r, &o);
	}
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	const struct av1 *a = p->state;
	struct run r = { .p = p, .b = b, .row = packer_row(p, u) };

	if (u->sync) {
		r.first = N_BIT;
		if (!has_sequence(u->data))
			put_obus(&r, a->sequence);
	}
	put_obus(&r, u->data);
	end(&r, 0);
	if (!b->err && r.some)
		block_last(b)->marker = true;
}

static void av1_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}

const struct packer_ops av1_packer = {
	.codec = CODEC_AV1,
	.rfc = "AV1 RTP 1.0",
	.init = av1_init,
	.pack = av1_pack,
	.describe = av1_describe,
	.clear = av1_clear,
};
