/* SPDX-License-Identifier: MIT */
#include "server/media/pack/jpeg_recode.h"

#include <string.h>

#include "server/base/err.h"
#include "server/media/pack/jpeg_huffman.h"

enum {
	LENGTHS = 16,
	LOOK_BITS = 9, /* codes up to this long are found at once */
	COEFFICIENTS = 64,
	RST0 = 0xd0,
	OUT_STEP = 4096
};

/* ---- tables (T.81 C) ---- */

void jpeg_codes_init(struct jpeg_codes *c)
{
	*c = (struct jpeg_codes){ 0 };
	for (int t = 0; t < JPEG_TABLES; t++) {
		struct bytes def = jpeg_huffman_standard(t);
		uint32_t code = 0;
		size_t at = LENGTHS;

		for (uint8_t n = 1; n <= LENGTHS; n++, code <<= 1) {
			for (unsigned k = def.p[n - 1]; k; k--) {
				c->code[t][def.p[at]] = (uint16_t)code++;
				c->n[t][def.p[at++]] = n;
			}
		}
	}
}

struct decoder {
	const uint8_t *values;
	size_t n_values;
	uint32_t end[LENGTHS + 1];     /* code after the last of this length */
	int32_t value_at[LENGTHS + 1]; /* + code: index of its value */
	uint16_t look[1 << LOOK_BITS]; /* length << 8 | value; 0: longer, or no code */
};

static bool decoder_init(struct decoder *d, struct bytes def)
{
	uint32_t code = 0;
	size_t at = 0;

	*d = (struct decoder){ 0 };
	if (def.n < LENGTHS)
		return false;
	d->values = def.p + LENGTHS;
	d->n_values = def.n - LENGTHS;
	for (unsigned n = 1; n <= LENGTHS; n++, code <<= 1) {
		uint32_t count = def.p[n - 1];

		if (at + count > d->n_values || code + count > UINT32_C(1) << n)
			return false;
		d->value_at[n] = (int32_t)at - (int32_t)code;
		for (uint32_t k = 0; k < count && n <= LOOK_BITS; k++) {
			uint32_t from = (code + k) << (LOOK_BITS - n);

			for (uint32_t i = 0; i < UINT32_C(1) << (LOOK_BITS - n); i++)
				d->look[from + i] = (uint16_t)(n << 8 | d->values[at + k]);
		}
		code += count;
		at += count;
		d->end[n] = code;
	}
	return true;
}

/* ---- bits in: ff 00 is an ff, any other ff ends the data ---- */

struct reader {
	struct bytes in;
	size_t at;
	uint64_t bits; /* the lowest n are waiting */
	unsigned n;
	bool over;
};

static bool has_ff(uint32_t four)
{
	return (~four - UINT32_C(0x01010101)) & four & UINT32_C(0x80808080);
}

static void refill(struct reader *r)
{
	while (r->n <= 32 && r->in.n - r->at >= 4 && !has_ff(be32(r->in.p + r->at))) {
		r->bits = r->bits << 32 | be32(r->in.p + r->at);
		r->n += 32;
		r->at += 4;
	}
	while (r->n <= 48 && r->at < r->in.n) {
		uint8_t octet = r->in.p[r->at];

		if (octet == 0xff) {
			if (r->at + 1 >= r->in.n || r->in.p[r->at + 1] != 0)
				return;
			r->at++;
		}
		r->at++;
		r->bits = r->bits << 8 | octet;
		r->n += 8;
	}
}

/* The next n bits (≤ 16), zeros behind the end. */
static uint32_t peek(struct reader *r, unsigned n)
{
	if (r->n < n)
		refill(r);
	if (r->n >= n)
		return (uint32_t)(r->bits >> (r->n - n)) & ((1U << n) - 1);
	return (uint32_t)(r->bits << (n - r->n)) & ((1U << n) - 1);
}

static void skip(struct reader *r, unsigned n)
{
	if (n > r->n)
		r->over = true;
	else
		r->n -= n;
}

static uint8_t take_symbol(struct reader *r, const struct decoder *d)
{
	uint32_t look = d->look[peek(r, LOOK_BITS)], code;

	if (look) {
		skip(r, look >> 8);
		return (uint8_t)look;
	}
	for (unsigned n = LOOK_BITS + 1; n <= LENGTHS; n++) {
		code = peek(r, n);
		if (code < d->end[n]) {
			skip(r, n);
			/* shorter codes were found already, so it is one of this length */
			return d->values[(int32_t)code + d->value_at[n]];
		}
	}
	r->over = true;
	return 0;
}

/* To the marker, which must be there. False: it is not. */
static bool take_restart(struct reader *r)
{
	r->bits = r->n = 0;
	while (r->at + 1 < r->in.n && r->in.p[r->at] != 0xff)
		r->at++;
	if (r->at + 1 >= r->in.n || (r->in.p[r->at + 1] & 0xf8) != RST0)
		return false;
	r->at += 2;
	return true;
}

/* ---- bits out ---- */

struct writer {
	struct buf *out;
	uint8_t *at, *end; /* of the room that was made */
	uint64_t bits;
	unsigned n;
	int err;
};

static void make_room(struct writer *w)
{
	if (w->at)
		buf_grew(w->out, OUT_STEP - (size_t)(w->end - w->at));
	w->at = w->err ? NULL : buf_room(w->out, OUT_STEP);
	w->end = w->at ? w->at + OUT_STEP : NULL;
	if (!w->at)
		w->err = ERR_LIMIT;
}

static void put_octet(struct writer *w, uint8_t octet)
{
	if (w->at == w->end)
		make_room(w);
	if (w->at)
		*w->at++ = octet;
}

/* All whole octets that wait. */
static void put_waiting(struct writer *w)
{
	if (w->n >= 32 && w->end - w->at >= 4 && !has_ff((uint32_t)(w->bits >> (w->n - 32)))) {
		put_be32(w->at, (uint32_t)(w->bits >> (w->n - 32)));
		w->at += 4;
		w->n -= 32;
	}
	while (w->n >= 8) {
		uint8_t octet = (uint8_t)(w->bits >> (w->n - 8));

		put_octet(w, octet);
		if (octet == 0xff)
			put_octet(w, 0);
		w->n -= 8;
	}
}

/* n ≤ 32 */
static void put_bits(struct writer *w, uint32_t v, unsigned n)
{
	w->bits = w->bits << n | v;
	w->n += n;
	if (w->n >= 32)
		put_waiting(w);
}

/* Ones up to the octet's end (F.1.2.3) */
static void put_end(struct writer *w)
{
	unsigned n = (8 - w->n) % 8;

	put_bits(w, (1U << n) - 1, n);
	put_waiting(w);
}

static void writer_close(struct writer *w)
{
	put_end(w);
	if (w->at)
		buf_grew(w->out, OUT_STEP - (size_t)(w->end - w->at));
	w->at = w->end = NULL;
}

/* ---- recoding ---- */

struct recoder {
	struct reader r;
	struct writer w;
	const struct jpeg_codes *codes;
	struct decoder tables[JPEG_TABLES];
};

/* A symbol and the bits that belong to it: their number is its lower half (F.1.2). */
static uint8_t copy_symbol(struct recoder *k, int table)
{
	uint8_t symbol = take_symbol(&k->r, &k->tables[table]);
	unsigned n = symbol & 15, code_n = k->codes->n[table][symbol];
	uint32_t bits = n ? peek(&k->r, n) : 0;

	skip(&k->r, n);
	if (code_n == 0) /* more than 8 bits a sample have such */
		k->r.over = true;
	if (k->r.over)
		return 0;
	/* at most 16 + 15 bits */
	put_bits(&k->w, (uint32_t)k->codes->code[table][symbol] << n | bits, code_n + n);
	return symbol;
}

static void copy_block(struct recoder *k, bool is_chroma)
{
	unsigned at = 1;

	(void)copy_symbol(k, is_chroma ? JPEG_DC_CHROMA : JPEG_DC_LUMA);
	while (at < COEFFICIENTS && !k->r.over) {
		uint8_t symbol = copy_symbol(k, is_chroma ? JPEG_AC_CHROMA : JPEG_AC_LUMA);

		if (symbol == 0) /* end of block, or the data's */
			return;
		at += 1U + (symbol >> 4);
	}
}

static void copy_mcus(struct recoder *k, const struct jpeg_scan *s)
{
	for (uint32_t m = 0; m < s->mcus && !k->r.over && !k->w.err; m++) {
		if (s->restart && m && m % s->restart == 0) {
			if (!take_restart(&k->r)) {
				k->r.over = true;
				return;
			}
			put_end(&k->w);
			put_octet(&k->w, 0xff);
			put_octet(&k->w, (uint8_t)(RST0 + (m / s->restart - 1) % 8));
		}
		for (unsigned i = 0; i < s->luma_blocks + 2U; i++)
			copy_block(k, i >= s->luma_blocks);
	}
}

int jpeg_recode(const struct jpeg_scan *s, const struct jpeg_codes *codes, struct buf *out)
{
	struct recoder k = { .r = { .in = s->data }, .w = { .out = out }, .codes = codes };

	for (int t = 0; t < JPEG_TABLES; t++) {
		if (!decoder_init(
			    &k.tables[t], s->table[t].n ? s->table[t] : jpeg_huffman_standard(t)))
			return ERR_CORRUPT;
	}
	copy_mcus(&k, s);
	writer_close(&k.w);
	return k.w.err ? k.w.err : k.r.over ? ERR_TRUNCATED : 0;
}
