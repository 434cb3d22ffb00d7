/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/media/pack/nal.h"
#include "server/tests/packing.h"

/* NAL units behind four-octet lengths, as the packers of H.264 and H.265 get them, and back again. */
enum { ROOM = 200000, MAX = PACK_PAYLOAD_MAX };
struct lot {
	uint8_t p[ROOM];
	size_t n;
};

static void lot_add(struct lot *l, struct bytes nal)
{
	CU_ASSERT_FATAL(l->n + 4 + nal.n <= ROOM);
	put_be32(l->p + l->n, (uint32_t)nal.n);
	if (nal.n)
		memcpy(l->p + l->n + 4, nal.p, nal.n);
	l->n += 4 + nal.n;
}

/* A NAL unit of n octets with this header; no two alike. */
static void lot_make(struct lot *l, size_t n, uint32_t header, size_t header_n)
{
	static uint8_t nal[ROOM];
	struct dice d = { n + l->n };

	dice_fill(&d, nal, n);
	for (size_t i = 0; i < header_n && i < n; i++)
		nal[i] = (uint8_t)(header >> (8 * (header_n - 1 - i)));
	lot_add(l, bytes_of(nal, n));
}

static struct bytes lot_bytes(const struct lot *l)
{
	return bytes_of(l->p, l->n);
}

/* What 6184 5 and 7798 4.4 say a receiver does, for both: header_n 1 or 2. */
struct receiver {
	size_t header_n;
	struct lot out;
	uint8_t nal[ROOM];
	size_t nal_n; /* of a unit in fragments; 0: none */
};

static unsigned type_of(const struct receiver *r, const uint8_t *p)
{
	return r->header_n == 1 ? p[0] & 31 : p[0] >> 1 & 63;
}

static void receive_fragment(struct receiver *r, struct bytes v)
{
	size_t h = r->header_n;
	uint8_t fu = v.p[h];

	CU_ASSERT_FATAL(v.n > h + 1);
	if (fu & 0x80) {
		CU_ASSERT_EQUAL(r->nal_n, 0);
		CU_ASSERT_FALSE(fu & 0x40);
		memcpy(r->nal, v.p, h);
		r->nal[0] = (uint8_t)(h == 1 ? (v.p[0] & 0xe0) | (fu & 31)
					     : (v.p[0] & 0x81) | (fu & 63) << 1);
		r->nal_n = h;
	}
	CU_ASSERT_FATAL(r->nal_n > 0 && r->nal_n + v.n <= ROOM);
	memcpy(r->nal + r->nal_n, v.p + h + 1, v.n - h - 1);
	r->nal_n += v.n - h - 1;
	if (fu & 0x40) {
		lot_add(&r->out, bytes_of(r->nal, r->nal_n));
		r->nal_n = 0;
	}
}

static void receive(struct receiver *r, struct bytes v)
{
	unsigned type = type_of(r, v.p);
	struct cur c = { v };
	struct bytes nal;
	uint16_t n;
	int inside = 0;

	if (type == (r->header_n == 1 ? 28 : 49)) {
		receive_fragment(r, v);
		return;
	}
	CU_ASSERT_EQUAL(r->nal_n, 0);
	if (type != (r->header_n == 1 ? 24 : 48)) {
		lot_add(&r->out, v);
		return;
	}
	CU_ASSERT(cur_skip(&c, r->header_n));
	for (; cur_be16(&c, &n) && cur_take(&c, n, &nal); inside++)
		lot_add(&r->out, nal);
	CU_ASSERT(inside >= 2 && c.b.n == 0);
}

/* All packets back into NAL units; they must be those of `want`. */
static void check_back(struct packing *t, size_t header_n, const struct lot *want)
{
	static struct receiver r;

	r.header_n = header_n;
	r.out.n = r.nal_n = 0;
	for (size_t i = 0; i < packing_rows(t); i++) {
		receive(&r, packing_payload(t, i));
		CU_ASSERT_EQUAL(packing_row(t, i)->marker, i + 1 == packing_rows(t));
	}
	CU_ASSERT_EQUAL(r.nal_n, 0);
	CU_ASSERT(bytes_is_eq(lot_bytes(&r.out), lot_bytes(want)));
}

static const struct codec avc = { .id = CODEC_H264, .nal_length_bytes = 4 };
static const struct codec hevc = { .id = CODEC_H265, .nal_length_bytes = 4 };

enum { P_SLICE = 0x41, B_SLICE = 0x01, IDR = 0x65, SEI = 0x06, TRAIL_R = 0x0201, TRAIL_N = 0x0001 };

static void pack_lot(struct packing *t, const struct lot *l, bool sync)
{
	packing_run(t, &(struct access_unit){ .data = lot_bytes(l), .sync = sync }, 1);
}

/* ---- sizes ---- */

static void t_single(void)
{
	static const struct {
		size_t n, packets;
	} rows[] = {
		{ 1, 1 },
		{ 2, 1 },
		{ MAX - 1, 1 },
		{ MAX, 1 },
		{ MAX + 1, 2 },
		{ 2 * (MAX - 2) + 1, 2 },
		{ 2 * (MAX - 2) + 2, 3 },
		{ 100000, 72 },
	};
	static struct lot l;
	struct packing t;

	packing_open(&t, &avc);
	for (size_t i = 0; i < COUNT(rows); i++) {
		l.n = 0;
		lot_make(&l, rows[i].n, P_SLICE, 1);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_rows(&t), rows[i].packets);
		check_back(&t, 1, &l);
	}
	packing_close(&t);
}

static void t_fragments(void)
{
	static struct lot l;
	struct packing t;

	packing_open(&t, &avc);
	lot_make(&l, 3 * (MAX - 2) + 1, IDR | 0x80, 1);
	pack_lot(&t, &l, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	for (size_t i = 0; i < 3; i++) {
		struct bytes v = packing_payload(&t, i);

		/* F and NRI of the unit, type 28; S, E, its type */
		CU_ASSERT_EQUAL(v.n, MAX);
		CU_ASSERT_EQUAL(v.p[0], 0x80 | 0x60 | 28);
		CU_ASSERT_EQUAL(v.p[1], (i == 0 ? 0x80 : i == 2 ? 0x40 : 0) | 5);
	}
	/* all of one length and moment: one train */
	CU_ASSERT_EQUAL(packing_row(&t, 0)->train, 3);
	packing_close(&t);
}

static void t_aggregate(void)
{
	static struct lot l;
	struct packing t;

	packing_open(&t, &avc);
	lot_add(&l, B("\x06\x01"));
	lot_add(&l, B("\x41\x02\x03"));
	lot_add(&l, B("\x80\x04")); /* forbidden bit; type 0 is not sent */
	lot_add(&l, B("\xa1\x05"));
	pack_lot(&t, &l, false);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 1);
	PACKET_IS(&t, 0, 0x80 | 0x40 | 24, 0, 2, 6, 1, 0, 3, 0x41, 2, 3, 0, 2, 0xa1, 5);
	packing_close(&t);
}

static void t_aggregate_limits(void)
{
	struct packing t;
	static struct lot l;

	packing_open(&t, &avc);
	for (size_t more = 0; more < 2; more++) {
		/* 1 + 2 + 500 + 2 + rest = MAX, and one more */
		l.n = 0;
		lot_make(&l, 500, SEI, 1);
		lot_make(&l, MAX - 505 + more, P_SLICE, 1);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_rows(&t), 1 + more);
		CU_ASSERT_EQUAL(packing_payload(&t, 0).n, more ? 500 : MAX);
		check_back(&t, 1, &l);
		/* a third one comes into an aggregate that is open */
		l.n = 0;
		lot_make(&l, 100, SEI, 1);
		lot_make(&l, 100, SEI, 1);
		lot_make(&l, MAX - 1 - 204 - 2 + more, P_SLICE, 1);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_rows(&t), 1 + more);
		check_back(&t, 1, &l);
	}
	packing_close(&t);
}

static void t_random(void)
{
	static struct lot l;
	struct dice d = { 264 };
	struct packing t, t5;

	packing_open(&t, &avc);
	packing_open(&t5, &hevc);
	for (int round = 0; round < 300; round++) {
		uint32_t n = 1 + dice_below(&d, 12), top = round % 3 ? 900 : 6000;

		l.n = 0;
		for (uint32_t i = 0; i < n; i++)
			lot_make(&l, 1 + dice_below(&d, top), dice_below(&d, 8) << 5 | 1, 1);
		pack_lot(&t, &l, false);
		check_back(&t, 1, &l);
		l.n = 0;
		for (uint32_t i = 0; i < n; i++)
			lot_make(&l, 2 + dice_below(&d, top),
				dice_below(&d, 32) << 9 | dice_below(&d, 512), 2);
		pack_lot(&t5, &l, false);
		check_back(&t5, 2, &l);
	}
	packing_close(&t);
	packing_close(&t5);
}

/* ---- what is sent ---- */

static void t_left_out(void)
{
	static struct lot l, want;
	struct packing t;

	packing_open(&t, &avc);
	l.n = want.n = 0;
	lot_add(&l, B("\x09\xf0"));
	lot_add(&l, B(""));
	lot_add(&l, B("\x0c\xff\xff\x80"));
	for (unsigned type = 0; type < 32; type++) {
		uint8_t nal[] = { (uint8_t)(0x20 | type), 7 };

		lot_add(&l, bytes_of(nal, 2));
		if (type != 0 && type != 9 && type != 12 && type < 24)
			lot_add(&want, bytes_of(nal, 2));
	}
	pack_lot(&t, &l, false);
	check_back(&t, 1, &want);
	/* nothing at all: no packet, no marker */
	pack_lot(&t, &(struct lot){ .n = 0 }, false);
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

static void t_broken_length(void)
{
	static struct lot l, want;
	struct packing t;

	packing_open(&t, &avc);
	lot_make(&want, 50, P_SLICE, 1);
	l = want;
	put_be32(l.p + l.n, 0xfffffff0);
	l.n += 10;
	pack_lot(&t, &l, false);
	check_back(&t, 1, &want);
	packing_close(&t);
}

static void t_annex_b(void)
{
	static const uint8_t in[] = { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 1, 2, 0, 0, 0, 0, 1, 0x41,
		3, 0, 0, 3, 1, 0, 0 };
	static struct lot want;
	struct packing t;

	want.n = 0;
	lot_add(&want, B("\x41\x01\x02"));
	lot_add(&want, B("\x41\x03\x00\x00\x03\x01"));
	for (uint8_t length_bytes = 0; length_bytes <= 4; length_bytes += 4) {
		/* also where lengths were promised */
		packing_open(
			&t, &(struct codec){ .id = CODEC_H264, .nal_length_bytes = length_bytes });
		packing_run(&t, &(struct access_unit){ .data = bytes_of(in, sizeof in) }, 1);
		check_back(&t, 1, &want);
		packing_close(&t);
	}
}

static void t_short_lengths(void)
{
	static const uint8_t one[] = { 2, 0x41, 1, 1, 0x41 }, two[] = { 0, 2, 0x41, 1, 0, 1, 0x41 };
	static struct lot want;
	struct packing t;

	want.n = 0;
	lot_add(&want, B("\x41\x01"));
	lot_add(&want, B("\x41"));
	packing_open(&t, &(struct codec){ .id = CODEC_H264, .nal_length_bytes = 1 });
	packing_run(&t, &(struct access_unit){ .data = bytes_of(one, sizeof one) }, 1);
	check_back(&t, 1, &want);
	packing_close(&t);
	packing_open(&t, &(struct codec){ .id = CODEC_H264, .nal_length_bytes = 2 });
	packing_run(&t, &(struct access_unit){ .data = bytes_of(two, sizeof two) }, 1);
	check_back(&t, 1, &want);
	packing_close(&t);
}

static void t_units(void)
{
	struct access_unit u[3];
	static struct lot l[3];
	struct packing t;

	packing_open(&t, &avc);
	for (uint32_t i = 0; i < 3; i++) {
		l[i].n = 0;
		lot_make(&l[i], 10, i == 1 ? B_SLICE : i ? P_SLICE : IDR, 1);
		lot_make(&l[i], 20, i == 1 ? B_SLICE : i ? P_SLICE : IDR, 1);
		u[i] = (struct access_unit){ .data = lot_bytes(&l[i]),
			.due = i * TICK_MS,
			.rtp = 3600 * (int64_t)i,
			.sync = i == 0 };
	}
	packing_run(&t, u, 3);
	/* never more than one access unit in a packet; each ends with the marker */
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct row *r = packing_row(&t, i);

		CU_ASSERT(r->marker && r->due == i * TICK_MS && r->rtp_time == 3600 * i);
		CU_ASSERT_EQUAL(r->sync, i == 0);
	}
	CU_ASSERT_EQUAL(packing_row(&t, 0)->importance, IMPORTANCE_HIGH);
	CU_ASSERT_EQUAL(packing_row(&t, 1)->importance, IMPORTANCE_LOW);
	CU_ASSERT_EQUAL(packing_row(&t, 2)->importance, IMPORTANCE_NORMAL);
	packing_close(&t);
}

/* ---- set-up and SDP ---- */

/* The records of clips that ffmpeg's libx264 and libx265 made (320x240, 25 pictures a second); below, what
 * ffmpeg itself writes into an SDP for them. */
static const uint8_t avcc[] = { 0x01, 0x64, 0x00, 0x0d, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x64, 0x00,
	0x0d, 0xac, 0xd9, 0x41, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
	0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd,
	0xf8, 0xf8, 0x00 };
static const uint8_t hvcc[] = { 0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x3c, 0xf0, 0x00, 0xfc, 0xfd, 0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0xa0, 0x00, 0x01,
	0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90,
	0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x95, 0x94, 0x09, 0xa1, 0x00, 0x01, 0x00,
	0x2a, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
	0x00, 0x03, 0x00, 0x3c, 0xa0, 0x0a, 0x08, 0x0f, 0x16, 0x59, 0x59, 0x52, 0x93, 0x0b, 0xc0,
	0x5a, 0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x32, 0x10, 0xa2, 0x00,
	0x01, 0x00, 0x06, 0x44, 0x01, 0xc0, 0x73, 0xc0, 0x89 };

#define AVC_SETS "Z2QADazZQUH7ARAAAAMAEAAAAwMg8UKZYA==,aO+8sA=="

static void check_sdp(const struct codec *c, const char *want)
{
	struct packing t;

	packing_open(&t, c);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t), want);
	packing_close(&t);
}

static void t_sdp(void)
{
	/* start codes before the sets that lie at 8 and 36 */
	uint8_t annex_b[4 + 25 + 3 + 4] = { 0, 0, 0, 1 };
	struct codec c = {
		.id = CODEC_H264, .config = bytes_of(avcc, sizeof avcc), .nal_length_bytes = 4
	};

	check_sdp(&c,
		"a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=64000D;"
		"sprop-parameter-sets=" AVC_SETS "\r\na=framesize:97 320-240\r\n");
	memcpy(annex_b + 4, avcc + 8, 25);
	memcpy(annex_b + 29, "\0\0\1", 3);
	memcpy(annex_b + 32, avcc + 36, 4);
	c = (struct codec){ .id = CODEC_H264,
		.config = bytes_of(annex_b, sizeof annex_b),
		.width = 64,
		.height = 48 };
	check_sdp(&c,
		"a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=64000D;"
		"sprop-parameter-sets=" AVC_SETS "\r\na=framesize:97 64-48\r\n");
	check_sdp(&avc, "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n");
}

static void t_sdp_h265(void)
{
	struct codec c = {
		.id = CODEC_H265, .config = bytes_of(hvcc, sizeof hvcc), .nal_length_bytes = 4
	};

	check_sdp(&c, "a=rtpmap:97 H265/90000\r\n"
		      "a=fmtp:97 profile-space=0;profile-id=1;tier-flag=0;level-id=60;"
		      "interop-constraints=900000000000;profile-compatibility-indicator=60000000;"
		      "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwA8lZQJ;"
		      "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwA8oAoIDxZZWVKTC8BaAgAAAwACAAADADIQ;"
		      "sprop-pps=RAHAc8CJ\r\na=framesize:97 320-240\r\n");
	check_sdp(&hevc, "a=rtpmap:97 H265/90000\r\n");
}

static void t_broken_config(void)
{
	struct codec c = avc;

	/* every length but the whole one (and but none) is a record that ends early */
	for (size_t n = 1; n <= 40; n++) {
		c.config = bytes_of(avcc, n);
		CU_ASSERT_EQUAL(packing_refuses(&c), n == 40 ? 0 : ERR_CORRUPT);
	}
	c = hevc;
	for (size_t n = 1; n <= sizeof hvcc; n++) {
		c.config = bytes_of(hvcc, n);
		CU_ASSERT_EQUAL(packing_refuses(&c), n == sizeof hvcc ? 0 : ERR_CORRUPT);
	}
	c.config = B("\x02 no record");
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_CORRUPT);
}

static void t_sets_in_band(void)
{
	static struct lot l, want;
	struct packing t;
	struct codec c = avc;

	c.config = bytes_of(avcc, sizeof avcc);
	packing_open(&t, &c);
	l.n = want.n = 0;
	lot_make(&l, 3000, IDR, 1);
	lot_add(&want, bytes_of(avcc + 8, 25));
	lot_add(&want, bytes_of(avcc + 36, 4));
	lot_make(&want, 3000, IDR, 1);
	memcpy(want.p + want.n - 3000, l.p + 4, 3000);
	pack_lot(&t, &l, true);
	check_back(&t, 1, &want);
	/* not where no decoder may begin */
	pack_lot(&t, &l, false);
	check_back(&t, 1, &l);
	/* nor where the unit has its own */
	l.n = 0;
	lot_add(&l, B("\x09\xf0"));
	want.n = 0;
	for (int i = 0; i < 2; i++) {
		struct lot *to = i ? &want : &l;

		lot_add(to, B("\x67\x42\x00\x1e"));
		lot_add(to, B("\x68\x01"));
		lot_add(to, B("\x65\x02"));
	}
	pack_lot(&t, &l, true);
	check_back(&t, 1, &want);
	packing_close(&t);
}

/* ---- H.265 ---- */

static void t_h265_single(void)
{
	static const struct {
		size_t n, packets;
	} rows[] = {
		{ 2, 1 },
		{ MAX - 1, 1 },
		{ MAX, 1 },
		{ MAX + 1, 2 },
		{ 2 * (MAX - 3) + 2, 2 },
		{ 2 * (MAX - 3) + 3, 3 },
	};
	static struct lot l;
	struct packing t;

	packing_open(&t, &hevc);
	for (size_t i = 0; i < COUNT(rows); i++) {
		l.n = 0;
		lot_make(&l, rows[i].n, TRAIL_R, 2);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_rows(&t), rows[i].packets);
		check_back(&t, 2, &l);
	}
	packing_close(&t);
}

static void t_h265_headers(void)
{
	static struct lot l;
	struct packing t;

	packing_open(&t, &hevc);
	/* IDR_W_RADL (19) in layer 33, TID 2, forbidden bit set */
	lot_make(&l, 2 * MAX, (uint32_t)(0x8000 | 19 << 9 | 33 << 3 | 3), 2);
	pack_lot(&t, &l, true);
	for (size_t i = 0; i < 3; i++) {
		struct bytes v = packing_payload(&t, i);

		CU_ASSERT_EQUAL(v.p[0] << 8 | v.p[1], 0x8000 | 49 << 9 | 33 << 3 | 3);
		CU_ASSERT_EQUAL(v.p[2], (i == 0 ? 0x80 : i == 2 ? 0x40 : 0) | 19);
	}
	/* aggregate: F of any, the lowest layer (32) and TID (plus one: 2) */
	l.n = 0;
	lot_add(&l, B("\x03\x0b\x07"));
	lot_add(&l, B("\x82\x12"));
	lot_add(&l, B("\x03\x04\x08"));
	pack_lot(&t, &l, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 1);
	PACKET_IS(
		&t, 0, 0x80 | 48 << 1, 2 << 3 | 2, 0, 3, 3, 11, 7, 0, 2, 0x82, 0x12, 0, 3, 3, 4, 8);
	packing_close(&t);
}

static void t_h265_left_out(void)
{
	static struct lot l, want;
	struct packing t;

	packing_open(&t, &hevc);
	l.n = want.n = 0;
	for (unsigned type = 0; type < 64; type++) {
		uint8_t nal[] = { (uint8_t)(type << 1), 1, 7 };

		lot_add(&l, bytes_of(nal, 3));
		if (type != 35 && type != 38 && type < 48)
			lot_add(&want, bytes_of(nal, 3));
	}
	lot_add(&l, B("\x46")); /* a NAL unit has two octets of header */
	pack_lot(&t, &l, false);
	check_back(&t, 2, &want);
	packing_close(&t);
}

static void t_h265_importance(void)
{
	static const struct {
		uint32_t header;
		uint8_t importance;
	} rows[] = {
		{ TRAIL_N, IMPORTANCE_LOW },
		{ TRAIL_R, IMPORTANCE_NORMAL },
		{ 8 << 9 | 1, IMPORTANCE_LOW }, /* RASL_N */
		{ 16 << 9 | 1, IMPORTANCE_NORMAL },
		{ 20 << 9 | 1, IMPORTANCE_NORMAL },
	};
	struct codec c = hevc;
	static struct lot l;
	struct packing t;

	packing_open(&t, &hevc);
	for (size_t i = 0; i < COUNT(rows); i++) {
		l.n = 0;
		lot_make(&l, 30, rows[i].header, 2);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_row(&t, 0)->importance, rows[i].importance);
	}
	packing_close(&t);
	/* with sub-layers, only the highest: nothing in lower ones refers to it, those above may */
	uint8_t layered[sizeof hvcc];
	memcpy(layered, hvcc, sizeof hvcc);
	layered[23 + 5 + 24 + 5 + 2] |= 1 << 1; /* sps_max_sub_layers_minus1 */
	c.config = bytes_of(layered, sizeof layered);
	packing_open(&t, &c);
	for (uint32_t temporal = 0; temporal < 2; temporal++) {
		l.n = 0;
		lot_make(&l, 30, TRAIL_N + temporal, 2);
		pack_lot(&t, &l, false);
		CU_ASSERT_EQUAL(packing_row(&t, 0)->importance,
			temporal ? IMPORTANCE_LOW : IMPORTANCE_NORMAL);
	}
	packing_close(&t);
}

static void t_h265_sei(void)
{
	static const uint8_t more[] = { 0xa7, 0, 2, 0, 4, 0x4e, 0x01, 0x88, 0x80, 0, 4, 0x4e, 0x01,
		5, 0x80 };
	uint8_t record[sizeof hvcc + sizeof more];
	static struct lot l, want;
	struct packing t;
	struct codec c = hevc;

	/* a fourth array, of two messages; user data (5) is not sent */
	memcpy(record, hvcc, sizeof hvcc);
	memcpy(record + sizeof hvcc, more, sizeof more);
	record[22]++;
	c.config = bytes_of(record, sizeof record);
	packing_open(&t, &c);
	CU_ASSERT_PTR_NULL(strstr(packing_sdp(&t), "TgGI"));
	l.n = want.n = 0;
	lot_add(&l, B("\x26\x01\x07"));
	lot_add(&want, bytes_of(hvcc + 28, 24));
	lot_add(&want, bytes_of(hvcc + 57, 42));
	lot_add(&want, bytes_of(hvcc + 104, 6));
	lot_add(&want, bytes_of(more + 5, 4));
	lot_add(&want, B("\x26\x01\x07"));
	pack_lot(&t, &l, true);
	check_back(&t, 2, &want);
	packing_close(&t);
}

UNIT_SUITE(pack_h264,
	{ "h264: what fits is a single NAL unit, one octet more is fragmented (6184 5.6, 5.8)",
		t_single },
	{ "h264: fragments are of one length, with S, E, F, NRI and type (6184 5.8)", t_fragments },
	{ "h264: STAP-A has the F of any and the highest NRI (6184 5.7)", t_aggregate },
	{ "h264: an aggregate fills a packet to the octet and no further (6184 5.7.1)",
		t_aggregate_limits },
	{ "h264, h265: a receiver gets every NAL unit back, in order (6184 5, 7798 4)", t_random },
	{ "h264: delimiters, filler and types with another meaning in RTP stay behind (6184 5.2)",
		t_left_out },
	{ "h264: a length beyond the end ends the unit, not the film", t_broken_length },
	{ "h264: start codes instead of lengths, even where lengths were promised (14496-10 B)",
		t_annex_b },
	{ "h264: lengths of one and two octets (14496-15 5.3.3)", t_short_lengths },
	{ "h264: marker, times and importance are the access unit's (6184 5.1)", t_units },
	{ "h264: profile-level-id and sprop-parameter-sets as ffmpeg writes them (6184 8.1)",
		t_sdp },
	{ "h264, h265: a record that ends early is refused (14496-15 5.3.3, 8.3.3)",
		t_broken_config },
	{ "h264: parameter sets go before sync samples that lack them (6184 8.4)",
		t_sets_in_band });
UNIT_SUITE(pack_h265,
	{ "h265: what fits is a single NAL unit, one octet more is fragmented (7798 4.4)",
		t_h265_single },
	{ "h265: headers of fragments and aggregates (7798 4.4.2, 4.4.3)", t_h265_headers },
	{ "h265: delimiters, filler and types with another meaning in RTP stay behind (7798 4.1)",
		t_h265_left_out },
	{ "h265: sub-layer non-reference pictures of the highest sub-layer matter least (table 7-1)",
		t_h265_importance },
	{ "h265: the record's SEI messages go where its parameter sets go (14496-15 8.3.3)",
		t_h265_sei },
	{ "h265: profile and sprop-vps, -sps, -pps as ffmpeg writes them (7798 7.1)", t_sdp_h265 });
