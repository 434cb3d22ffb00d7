/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mjpeg.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/fmtp.h"
#include "server/media/pack/jpeg_huffman.h"
#include "server/media/pack/jpeg_recode.h"

/*
 * JPEG pictures (RFC 2435). The receiver makes the headers anew from the few fields that are sent, so
 * only pictures that it would make alike can go: baseline, three components, 4:2:2 or 4:2:0, 8 bits,
 * sides up to 2040. Others are left out. Receivers know the standard Huffman tables only: data that was
 * written with others is recoded. Quantisation tables are always sent (Q = 255), both of them, since
 * some receivers expect two.
 */
enum {
	CLOCK_HZ = 90000,
	PAYLOAD_TYPE = 26,
	SIDE_MAX = 2040,
	OFFSET_MAX = 0xffffff,
	HEADER_BYTES = 8,
	RESTART_BYTES = 4,
	QUANT_BYTES = 4,
	TABLE_BYTES = 64,
	TYPE_422 = 0,
	TYPE_420 = 1,
	TYPE_RESTART = 64,
	Q_IN_BAND = 255,
	RESTART_WHOLE = 0xffff, /* F, L, count 3fff: restart markers are not counted (2435 3.1.7) */
	RECODE_SLACK =
		64 << 10, /* on four times the old length: more is not to be had from a film */
	COMPONENTS = 3,
	TABLES = 4
};
enum {
	SOF0 = 0xc0,
	DHT = 0xc4,
	RST0 = 0xd0,
	RST7 = 0xd7,
	SOI = 0xd8,
	SOS = 0xda,
	DQT = 0xdb,
	DRI = 0xdd,
	TEM = 0x01
};

/* What of a picture is sent. Views borrow from it. */
struct picture {
	uint8_t type;
	uint16_t width, height, restart;
	const uint8_t *tables[TABLES]; /* by number; NULL: not defined */
	uint8_t ids[COMPONENTS], table_of[COMPONENTS];
	struct bytes huffman[2][TABLES]; /* DC, AC by number; empty: not defined */
	struct jpeg_scan scan;           /* entropy-coded, without EOI */
	bool is_foreign;                 /* other tables than the standard ones */
};

struct mjpeg {
	struct video_lines lines;
	struct jpeg_codes codes;
};

/* ---- reading a picture: each answers whether it can be sent ---- */

static bool on_quant(struct picture *k, struct bytes body)
{
	struct cur c = { body };
	struct bytes table;
	uint8_t head;

	while (cur_u8(&c, &head)) {
		/* the upper half is the precision: 16 bits are for 12-bit pictures */
		if (head >= TABLES || !cur_take(&c, TABLE_BYTES, &table))
			return false;
		k->tables[head] = table.p;
	}
	return true;
}

static bool on_huffman(struct picture *k, struct bytes body)
{
	uint8_t number;
	struct bytes def;

	while (jpeg_huffman_next(&body, &number, &def)) {
		if (number >> 4 > 1 || (number & 15) >= TABLES)
			return false;
		k->huffman[number >> 4][number & 15] = def;
	}
	return body.n == 0;
}

static bool on_restart(struct picture *k, struct bytes body)
{
	if (body.n < 2)
		return false;
	k->restart = be16(body.p);
	return true;
}

static bool on_frame(struct picture *k, struct bytes body)
{
	const uint8_t *p = body.p;

	if (body.n < 6 + 3 * COMPONENTS || p[0] != 8 || p[5] != COMPONENTS)
		return false;
	k->height = be16(p + 1);
	k->width = be16(p + 3);
	if (!k->width || !k->height || k->width > SIDE_MAX || k->height > SIDE_MAX)
		return false;
	for (size_t i = 0; i < COMPONENTS; i++) {
		k->ids[i] = p[6 + 3 * i];
		k->table_of[i] = p[8 + 3 * i];
	}
	/* 2435 4.1: sampling factors; the chroma's must be 1x1, and share a table */
	if ((p[7] != 0x21 && p[7] != 0x22) || p[10] != 0x11 || p[13] != 0x11 ||
		k->table_of[1] != k->table_of[2])
		return false;
	k->type = p[7] == 0x21 ? TYPE_422 : TYPE_420;
	return true;
}

/* The tables that the scan uses: of the luminance, and of both chrominances. */
static bool choose_tables(struct picture *k, uint8_t luma, uint8_t chroma)
{
	uint8_t number[JPEG_TABLES] = { luma >> 4, chroma >> 4, luma & 15, chroma & 15 };

	for (int t = 0; t < JPEG_TABLES; t++) {
		struct bytes def;

		if (number[t] >= TABLES)
			return false;
		def = k->huffman[t >= JPEG_AC_LUMA][number[t]];
		/* without a table: the standard one under its usual number, as in AVI */
		if (!def.n && number[t] != t % 2)
			return false;
		k->scan.table[t] = def;
		k->is_foreign |= def.n && !bytes_is_eq(def, jpeg_huffman_standard(t));
	}
	return true;
}

static bool on_scan(struct picture *k, struct bytes body)
{
	const uint8_t *p = body.p;

	if (k->width == 0 || body.n < 4 + 2 * COMPONENTS || p[0] != COMPONENTS || p[4] != p[6])
		return false;
	for (size_t i = 0; i < COMPONENTS; i++) {
		if (p[1 + 2 * i] != k->ids[i] || k->table_of[i] >= TABLES ||
			!k->tables[k->table_of[i]])
			return false;
	}
	k->scan.restart = k->restart;
	k->scan.luma_blocks = k->type == TYPE_420 ? 4 : 2;
	k->scan.mcus = (k->width + 15U) / 16 *
		       (k->type == TYPE_420 ? (k->height + 15U) / 16 : (k->height + 7U) / 8);
	return choose_tables(k, p[2], p[4]);
}

static const struct {
	uint8_t marker;
	bool (*take)(struct picture *k, struct bytes body);
} segments[] = {
	{ DQT, on_quant },
	{ DHT, on_huffman },
	{ DRI, on_restart },
	{ SOF0, on_frame },
	{ SOS, on_scan },
};

static bool take_segment(struct picture *k, uint8_t marker, struct bytes body)
{
	for (size_t i = 0; i < COUNT(segments); i++) {
		if (segments[i].marker == marker)
			return segments[i].take(k, body);
	}
	/* frames of other kinds; 0xc8 and 0xcc stand between them */
	return marker < SOF0 || marker > 0xcf;
}

/* The scan ends at the first marker that is no restart. */
static struct bytes scan_of(struct bytes rest)
{
	for (size_t at = 0; at + 1 < rest.n;) {
		size_t skip = bytes_index(bytes_sub(rest, at, rest.n), 0xff);
		uint8_t marker;

		at += skip;
		if (at + 1 >= rest.n)
			break;
		marker = rest.p[at + 1];
		/* ff ff: the first is fill */
		if (marker == 0xff)
			at++;
		else if (marker == 0 || (marker >= RST0 && marker <= RST7))
			at += 2;
		else
			return bytes_sub(rest, 0, at);
	}
	return rest;
}

/* The headers, up to the scan's data, which c is left with. */
static bool head_read(struct cur *c, struct picture *k)
{
	uint8_t mark, marker = 0;
	uint16_t n;
	struct bytes body;

	*k = (struct picture){ 0 };
	while (marker != SOS) {
		if (!cur_u8(c, &mark) || mark != 0xff)
			return false;
		do {
			if (!cur_u8(c, &marker))
				return false;
		} while (marker == 0xff);
		if (marker == SOI || marker == TEM)
			continue;
		if (!cur_be16(c, &n) || n < 2 || !cur_take(c, n - 2U, &body) ||
			!take_segment(k, marker, body))
			return false;
	}
	return true;
}

/* ---- set-up ---- */

static int mjpeg_init(struct packer *p, const struct codec *c, const char **why)
{
	struct cur config = { c->config };
	struct picture k;
	struct mjpeg *m;

	if (c->width > SIDE_MAX || c->height > SIDE_MAX) {
		*why = "RFC 2435 has no pictures with sides over 2040";
		return ERR_UNSUPPORTED;
	}
	if (c->config.n && !head_read(&config, &k)) {
		*why = "RFC 2435 has only baseline pictures in 4:2:0 (2x2, 1x1) or 4:2:2 (2x1, 1x1)";
		return ERR_UNSUPPORTED;
	}
	m = xcalloc(1, sizeof *m);
	p->encoding = "JPEG";
	p->clock_hz = CLOCK_HZ;
	p->payload_type = PAYLOAD_TYPE;
	p->state = m;
	video_lines_init(&m->lines, c);
	jpeg_codes_init(&m->codes);
	return 0;
}

static void mjpeg_clear(struct packer *p)
{
	struct mjpeg *m = p->state;

	if (m)
		video_lines_clear(&m->lines);
	free(m);
	p->state = NULL;
}

static void mjpeg_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct mjpeg *m = p->state;

	video_lines_write(&m->lines, p, w);
}

/* ---- packets ---- */

/* Main header at `offset`, and what follows it (2435 3.1). */
static void put_headers(struct block_build *b, const struct picture *k, size_t offset)
{
	uint8_t main[HEADER_BYTES] = { 0 }, restart[RESTART_BYTES], quant[QUANT_BYTES] = { 0 };

	put_be32(main, (uint32_t)offset);
	main[4] = (uint8_t)(k->type + (k->restart ? TYPE_RESTART : 0));
	main[5] = Q_IN_BAND;
	main[6] = (uint8_t)((k->width + 7) / 8);
	main[7] = (uint8_t)((k->height + 7) / 8);
	(void)block_put(b, bytes_of(main, sizeof main)); /* the builder remembers errors */
	if (k->restart) {
		put_be16(restart, k->restart);
		put_be16(restart + 2, RESTART_WHOLE);
		(void)block_put(b, bytes_of(restart, sizeof restart));
	}
	if (offset)
		return;
	put_be16(quant + 2, 2 * TABLE_BYTES);
	(void)block_put(b, bytes_of(quant, sizeof quant));
	(void)block_put(b, bytes_of(k->tables[k->table_of[0]], TABLE_BYTES));
	(void)block_put(b, bytes_of(k->tables[k->table_of[1]], TABLE_BYTES));
}

static void put_scan(const struct packer *p, const struct access_unit *u, const struct picture *k,
	struct bytes scan, struct block_build *b)
{
	struct row row = packer_row(p, u);

	for (size_t at = 0; at < scan.n && !b->err;) {
		struct bytes body;

		block_begin(b, &row);
		put_headers(b, k, at);
		body = bytes_sub(scan, at, p->payload_max - block_packet_n(b));
		(void)block_put(b, body);
		(void)block_end(b);
		at += body.n;
	}
	if (!b->err && scan.n)
		block_last(b)->marker = true;
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	const struct mjpeg *m = p->state;
	struct cur c = { u->data };
	struct picture k;
	struct buf out;
	int err = 0;

	if (!head_read(&c, &k))
		return;
	k.scan.data = scan_of(c.b);
	buf_init(&out,
		k.scan.data.n < OFFSET_MAX / 4 ? 4 * k.scan.data.n + RECODE_SLACK : OFFSET_MAX);
	if (k.is_foreign) {
		err = jpeg_recode(&k.scan, &m->codes, &out);
		k.scan.data = buf_bytes(&out);
	}
	/* of a picture that ends early, what there is */
	if ((!err || err == ERR_TRUNCATED) && k.scan.data.n <= OFFSET_MAX)
		put_scan(p, u, &k, k.scan.data, b);
	buf_clear(&out);
}

static void mjpeg_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}

const struct packer_ops mjpeg_packer = {
	.codec = CODEC_MJPEG,
	.rfc = "RFC 2435",
	.init = mjpeg_init,
	.pack = mjpeg_pack,
	.describe = mjpeg_describe,
	.clear = mjpeg_clear,
};
