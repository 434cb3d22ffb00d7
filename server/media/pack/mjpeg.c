/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mjpeg.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/fmtp.h"
#include "server/media/pack/jpeg_huffman.h"

/*
 * JPEG pictures (RFC 2435). The receiver makes the headers anew from the few fields that are sent, so
 * only pictures that it would make alike can go: baseline, three components, 4:2:2 or 4:2:0, 8 bits,
 * the standard Huffman tables, sides up to 2040. Others are left out. Quantisation tables are always
 * sent (Q = 255), both of them, since some receivers expect two.
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
	struct bytes scan; /* entropy-coded, without EOI */
};

static int mjpeg_init(struct packer *p, const struct codec *c, const char **why)
{
	struct video_lines *v;

	if (c->width > SIDE_MAX || c->height > SIDE_MAX) {
		*why = "RFC 2435 has no pictures with sides over 2040";
		return ERR_UNSUPPORTED;
	}
	v = xcalloc(1, sizeof *v);
	p->encoding = "JPEG";
	p->clock_hz = CLOCK_HZ;
	p->payload_type = PAYLOAD_TYPE;
	p->state = v;
	video_lines_init(v, c);
	return 0;
}

static void mjpeg_clear(struct packer *p)
{
	if (p->state)
		video_lines_clear(p->state);
	free(p->state);
	p->state = NULL;
}

static void mjpeg_describe(const struct packer *p, struct sdp_writer *w)
{
	video_lines_write(p->state, p, w);
}

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
	(void)k;
	return jpeg_huffman_is_standard(body);
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

static bool on_scan(struct picture *k, struct bytes body)
{
	if (k->width == 0 || body.n < 4 + 2 * COMPONENTS || body.p[0] != COMPONENTS)
		return false;
	for (size_t i = 0; i < COMPONENTS; i++) {
		uint8_t huffman = i ? 0x11 : 0x00;

		if (body.p[1 + 2 * i] != k->ids[i] || body.p[2 + 2 * i] != huffman ||
			k->table_of[i] >= TABLES || !k->tables[k->table_of[i]])
			return false;
	}
	return true;
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

static bool picture_read(struct bytes in, struct picture *k)
{
	struct cur c = { in };
	uint8_t mark, marker = 0;
	uint16_t n;
	struct bytes body;

	*k = (struct picture){ 0 };
	while (marker != SOS) {
		if (!cur_u8(&c, &mark) || mark != 0xff)
			return false;
		do {
			if (!cur_u8(&c, &marker))
				return false;
		} while (marker == 0xff);
		if (marker == SOI || marker == TEM)
			continue;
		if (!cur_be16(&c, &n) || n < 2 || !cur_take(&c, n - 2U, &body) ||
			!take_segment(k, marker, body))
			return false;
	}
	k->scan = scan_of(c.b);
	return k->scan.n > 0 && k->scan.n <= OFFSET_MAX;
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

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	struct row row = packer_row(p, u);
	struct picture k;

	if (!picture_read(u->data, &k))
		return;
	for (size_t at = 0; at < k.scan.n && !b->err;) {
		struct bytes body;

		block_begin(b, &row);
		put_headers(b, &k, at);
		body = bytes_sub(k.scan, at, p->payload_max - block_packet_n(b));
		(void)block_put(b, body);
		(void)block_end(b);
		at += body.n;
	}
	if (!b->err)
		block_last(b)->marker = true;
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
