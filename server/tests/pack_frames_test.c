/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/packing.h"

enum { MAX = PACK_PAYLOAD_MAX, ROOM = 20000 };

static void run(struct packing *t, const uint8_t *p, size_t n, bool sync)
{
	packing_run(t, &(struct access_unit){ .data = bytes_of(p, n), .sync = sync }, 1);
}

/* ---- JPEG ---- */

/* A JPEG picture, as a camera might write it: what a test wants to be wrong, it changes. */
struct jpeg {
	uint8_t p[ROOM];
	size_t n;
	size_t frame, scan; /* where SOF0's and SOS's bodies are */
	size_t data;        /* where the scan's data begins */
};

static void add(struct jpeg *j, struct bytes v)
{
	memcpy(j->p + j->n, v.p, v.n);
	j->n += v.n;
}

static void add_table(struct jpeg *j, uint8_t number, uint8_t value)
{
	add(j, B("\xff\xdb\x00\x43"));
	j->p[j->n++] = number;
	memset(j->p + j->n, value, 64);
	j->n += 64;
}

static void jpeg_make(struct jpeg *j, uint8_t sampling, uint8_t restart, size_t data_n)
{
	struct dice d = { data_n };

	j->n = 0;
	add(j, B("\xff\xd8\xff\xe0\x00\x04xy"));
	add_table(j, 0, 11);
	add_table(j, 2, 22);
	if (restart)
		add(j, bytes_of((uint8_t[]){ 0xff, 0xdd, 0, 4, 0, restart }, 6));
	add(j, B("\xff\xff\xc0\x00\x11")); /* ff before a marker is fill */
	j->frame = j->n;
	add(j, B("\x08\x00\xf0\x01\x3a\x03\x01\x22\x00\x02\x11\x02\x03\x11\x02")); /* 314 x 240 */
	j->p[j->frame + 7] = sampling;
	add(j, B("\xff\xda\x00\x0c"));
	j->scan = j->n;
	add(j, B("\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"));
	j->data = j->n;
	dice_fill(&d, j->p + j->n, data_n);
	for (size_t i = 0; i < data_n; i++)
		j->p[j->n + i] &= 0x7f; /* no markers */
	j->n += data_n;
	add(j, B("\xff\xd9"));
}

static void t_jpeg(void)
{
	static struct jpeg j;
	struct packing t;

	jpeg_make(&j, 0x22, 0, 3000);
	memcpy(j.p + j.data + 50, "\xff\x00\xff\xd3", 4); /* stuffing and a restart are data */
	packing_open(&t, &(struct codec){ .id = CODEC_MJPEG });
	CU_ASSERT_EQUAL(t.p.payload_type, 26);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t), "a=rtpmap:26 JPEG/90000\r\n");
	run(&t, j.p, j.n, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	for (size_t i = 0, at = 0; i < 3; i++) {
		struct bytes v = packing_payload(&t, i);
		size_t head = i ? 8 : 8 + 4 + 128;

		/* offset, type 1 (4:2:0), Q 255, sides in units of 8 */
		CU_ASSERT_EQUAL(be32(v.p), at);
		CU_ASSERT_EQUAL(be32(v.p + 4), 0x01ff281e);
		CU_ASSERT(bytes_is_eq(
			bytes_sub(v, head, MAX), bytes_of(j.p + j.data + at, v.n - head)));
		CU_ASSERT_EQUAL(packing_row(&t, i)->marker, i == 2);
		at += v.n - head;
		CU_ASSERT_EQUAL(i == 2, at == 3000);
		CU_ASSERT(i == 2 || v.n == MAX);
	}
	/* 3.1.8: two tables of 8 bits; the luminance's first */
	struct bytes tables = bytes_sub(packing_payload(&t, 0), 8, 132);
	CU_ASSERT_EQUAL(be32(tables.p), 128);
	CU_ASSERT(tables.p[4] == 11 && tables.p[67] == 11 && tables.p[68] == 22 &&
		  tables.p[131] == 22);
	packing_close(&t);
}

static void t_jpeg_restart(void)
{
	static struct jpeg j;
	struct packing t;

	jpeg_make(&j, 0x21, 20, 2000);
	packing_open(&t, &(struct codec){ .id = CODEC_MJPEG });
	run(&t, j.p, j.n, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	for (size_t i = 0; i < 2; i++) {
		struct bytes v = packing_payload(&t, i);

		/* 4:2:2 with restart intervals of 20; whole frames are put together */
		CU_ASSERT_EQUAL(v.p[4], 64);
		CU_ASSERT_EQUAL(be32(v.p + 8), 20U << 16 | 0xffff);
	}
	CU_ASSERT_EQUAL(packing_payload(&t, 1).n, 12 + 2000 - (MAX - 12 - 132));
	packing_close(&t);
}

static void t_jpeg_not_sent(void)
{
	static const struct {
		int where; /* 0: in SOF0, 1: in SOS, 2: from the start */
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 0, 0, 12 },    /* precision */
		{ 0, 1, 8 },     /* height 2288 */
		{ 0, 4, 0 },     /* width 256: the one change that is fine */
		{ 0, 5, 1 },     /* grey */
		{ 0, 7, 0x11 },  /* 4:4:4 */
		{ 0, 14, 0 },    /* chroma with two tables */
		{ 0, 8, 1 },     /* a table that is not there */
		{ 1, 0, 1 },     /* one component in the scan */
		{ 1, 4, 0x01 },  /* other Huffman tables */
		{ 1, 1, 9 },     /* other component */
		{ 2, 12, 0x10 }, /* table of 16 bits */
		{ 2, 2, 0 },     /* no marker */
		{ 2, 1, 0xc2 },  /* progressive */
	};
	static struct jpeg j;
	struct packing t;
	struct codec big = { .id = CODEC_MJPEG, .width = 2041, .height = 100 };

	packing_open(&t, &(struct codec){ .id = CODEC_MJPEG });
	for (size_t i = 0; i < COUNT(rows); i++) {
		jpeg_make(&j, 0x22, 0, 100);
		j.p[rows[i].at + (rows[i].where == 0          ? j.frame
					 : rows[i].where == 1 ? j.scan
							      : 0)] = rows[i].value;
		run(&t, j.p, j.n, true);
		CU_ASSERT_EQUAL(packing_rows(&t), i == 2);
	}
	/* every length: no packet before there is scan data */
	jpeg_make(&j, 0x22, 0, 100);
	for (size_t n = 0; n <= j.n; n++) {
		run(&t, j.p, n, true);
		CU_ASSERT_EQUAL(packing_rows(&t), n > j.data);
	}
	packing_close(&t);
	CU_ASSERT_EQUAL(packing_refuses(&big), ERR_UNSUPPORTED);
}

/* Puts a segment behind SOI. */
static void insert(struct jpeg *j, const void *p, size_t n)
{
	memmove(j->p + 2 + n, j->p + 2, j->n - 2);
	memcpy(j->p + 2, p, n);
	j->n += n;
}

/* Tables of one code: 0 means the value 0, in each of the four. */
static void insert_tables(struct jpeg *j, uint8_t first_count)
{
	uint8_t dht[4 + 4 * 18] = { 0xff, 0xc4, 0, 2 + 4 * 18 };

	for (size_t i = 0; i < 4; i++) {
		dht[4 + 18 * i] = (uint8_t)((i & 2) << 3 | (i & 1));
		dht[5 + 18 * i] = i == 3 ? first_count : 1;
	}
	insert(j, dht, sizeof dht);
}

static void t_jpeg_recode(void)
{
	enum { MCUS = 20 * 15, ROW = 20 };
	/* 314 x 240: 20 x 15 MCUs of six blocks, each 0 (no difference) and 0 (end of block) */
	static struct jpeg j;
	static uint8_t want[8 * MCUS];
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_MJPEG });
	for (uint8_t restart = 0; restart <= ROW; restart += ROW) {
		size_t n = 0, at = 0;

		jpeg_make(&j, 0x22, restart, MCUS * 12 / 8 + (restart ? 28 : 0));
		memset(j.p + j.data, 0, MCUS * 12 / 8 + (restart ? 28 : 0));
		for (size_t m = 0; m < MCUS; m++) {
			uint8_t marker = (uint8_t)(0xd0 + (m / ROW - 1) % 8);

			if (restart && m && m % ROW == 0) {
				size_t from = j.data + m / ROW * (ROW * 12 / 8) + (m / ROW - 1) * 2;

				j.p[from] = want[n++] = 0xff;
				j.p[from + 1] = want[n++] = marker;
			}
			/* K.3: 00 1010 four times, then 00 00 twice */
			put_be32(want + n, 0x28a28a00);
			n += 4;
		}
		insert_tables(&j, 1);
		run(&t, j.p, j.n, true);
		for (size_t i = 0; i < packing_rows(&t); i++) {
			struct bytes v = packing_payload(&t, i);

			v = bytes_sub(v, 8U + (restart ? 4 : 0) + (i ? 0 : 132), MAX);
			CU_ASSERT(bytes_is_eq(v, bytes_of(want + at, v.n)));
			at += v.n;
		}
		CU_ASSERT_EQUAL(at, n);
	}
	/* ends early: what was whole; a table with more codes than there can be: nothing */
	jpeg_make(&j, 0x22, 0, 30);
	memset(j.p + j.data, 0, 30);
	insert_tables(&j, 1);
	run(&t, j.p, j.n, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 1);
	CU_ASSERT_EQUAL(packing_payload(&t, 0).n, 8 + 132 + 30 / 3 * 2 * 4);
	jpeg_make(&j, 0x22, 0, 450);
	insert_tables(&j, 0);
	j.p[2 + 4 + 1] = 3;
	run(&t, j.p, j.n, true);
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

static void t_jpeg_judged(void)
{
	static struct jpeg j;
	struct codec c = { .id = CODEC_MJPEG };

	jpeg_make(&j, 0x22, 0, 100);
	c.config = bytes_of(j.p, j.data);
	CU_ASSERT_EQUAL(packing_refuses(&c), 0);
	j.p[j.frame + 7] = 0x11; /* 4:4:4 */
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
}

/* ---- VP8, VP9 ---- */

static void check_cut(const struct codec *c, const uint8_t *in, size_t n, size_t first, size_t head)
{
	struct packing t;
	size_t at = 0;

	packing_open(&t, c);
	run(&t, in, n, true);
	for (size_t i = 0; i < packing_rows(&t); i++) {
		struct bytes v = packing_payload(&t, i);
		size_t h = i ? head : first;

		CU_ASSERT(bytes_is_eq(bytes_sub(v, h, MAX), bytes_of(in + at, v.n - h)));
		at += v.n - h;
		CU_ASSERT_EQUAL(packing_row(&t, i)->marker, at == n);
		CU_ASSERT(at == n || v.n == MAX);
	}
	CU_ASSERT_EQUAL(at, n);
	packing_close(&t);
}

static void t_vp8(void)
{
	static uint8_t in[4000];
	struct codec c = { .id = CODEC_VP8, .width = 320, .height = 240 };
	struct dice d = { 8 };
	struct packing t;

	dice_fill(&d, in, sizeof in);
	for (size_t n = MAX - 2; n < MAX + 2; n++)
		check_cut(&c, in, n, 1, 1);
	packing_open(&t, &c);
	CU_ASSERT_STRING_EQUAL(
		packing_sdp(&t), "a=rtpmap:97 VP8/90000\r\na=framesize:97 320-240\r\n");
	run(&t, in, sizeof in, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	CU_ASSERT(packing_payload(&t, 0).p[0] == 0x10 && packing_payload(&t, 1).p[0] == 0 &&
		  packing_payload(&t, 2).p[0] == 0);
	packing_close(&t);
}

static void t_vp9(void)
{
	static uint8_t in[4000];
	struct codec c = { .id = CODEC_VP9,
		.width = 320,
		.height = 240,
		.config = B("\x00\x0b\x82\x02\x02\x02\x00\x00") };
	struct dice d = { 9 };
	struct packing t;

	dice_fill(&d, in, sizeof in);
	in[0] = 0x82; /* marker 2, profile 0, a key frame */
	for (size_t n = MAX - 7; n < MAX + 2; n++)
		check_cut(&c, in, n, 6, 1);
	packing_open(&t, &c);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t),
		"a=rtpmap:97 VP9/90000\r\na=fmtp:97 profile-id=0\r\na=framesize:97 320-240\r\n");
	memcpy(in, "\x82\x49\x83\x42", 4);
	run(&t, in, 4, true);
	PACKET_IS(&t, 0, 0x0e, 0x10, 0x01, 0x40, 0x00, 0xf0, 0x82, 0x49, 0x83, 0x42);
	in[0] = 0x86;
	run(&t, in, 2 * MAX, false);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	CU_ASSERT(packing_payload(&t, 0).p[0] == 0x48 && packing_payload(&t, 1).p[0] == 0x40 &&
		  packing_payload(&t, 2).p[0] == 0x44);
	packing_close(&t);
}

/* ---- AV1 ---- */

/* An OBU with its size field. */
static size_t put_obu(uint8_t *p, uint8_t type, size_t n)
{
	struct dice d = { n };

	p[0] = (uint8_t)(type << 3 | 2);
	p[1] = (uint8_t)(n & 0x7f) | 0x80;
	p[2] = (uint8_t)(n >> 7);
	dice_fill(&d, p + 3, n);
	return 3 + n;
}

/* What section 4 of the payload format says a receiver does; OBUs one after the other, no sizes. */
static size_t receive_av1(struct packing *t, uint8_t *out, size_t *n_obus)
{
	size_t n = 0;
	bool goes_on = false;

	*n_obus = 0;
	for (size_t i = 0; i < packing_rows(t); i++) {
		struct cur c = { packing_payload(t, i) };
		uint8_t head = 0, low = 0, high = 0;
		struct bytes v;

		CU_ASSERT_FATAL(cur_u8(&c, &head));
		CU_ASSERT_EQUAL(!!(head & 0x80), goes_on);
		CU_ASSERT_EQUAL(head & 0x37, 0); /* W = 0: every element has its length */
		while (cur_u8(&c, &low)) {
			CU_ASSERT_FATAL(!(low & 0x80) || cur_u8(&c, &high));
			CU_ASSERT_FATAL(
				cur_take(&c, (low & 0x7fU) | (low & 0x80 ? high * 128U : 0), &v));
			CU_ASSERT(v.n > 0);
			memcpy(out + n, v.p, v.n);
			n += v.n;
			*n_obus += !goes_on;
			goes_on = false;
		}
		goes_on = head & 0x40;
		CU_ASSERT_EQUAL(packing_row(t, i)->marker, i + 1 == packing_rows(t));
	}
	CU_ASSERT_FALSE(goes_on);
	return n;
}

static void t_av1(void)
{
	static uint8_t in[ROOM], want[ROOM], out[ROOM];
	struct packing t;
	struct dice d = { 1 };

	packing_open(&t, &(struct codec){ .id = CODEC_AV1 });
	for (int round = 0; round < 300; round++) {
		size_t n = 2, want_n = 0, count = 1 + dice_below(&d, 6), got;

		in[0] = 0x12; /* temporal delimiter */
		in[1] = 0;
		for (size_t i = 0; i < count; i++) {
			size_t body = dice_below(&d, round % 2 ? 100 : 3000);

			in[n] = 0;
			put_obu(in + n, 6, body);
			want[want_n] = 6 << 3;
			memcpy(want + want_n + 1, in + n + 3, body);
			n += 3 + body;
			want_n += 1 + body;
		}
		run(&t, in, n, false);
		CU_ASSERT_EQUAL(receive_av1(&t, out, &got), want_n);
		CU_ASSERT_EQUAL(got, count);
		CU_ASSERT(!memcmp(out, want, want_n));
	}
	packing_close(&t);
}

static void t_av1_sequence(void)
{
	/* av1C: version, profile 0 level 0, flags; a sequence header of three octets */
	static const uint8_t config[] = { 0x81, 0x05, 0x8c, 0, 0x0a, 3, 1, 2, 3 };
	static const uint8_t frame[] = { 0x12, 0, 0x32, 2, 8, 9 },
			     with[] = { 0x0a, 1, 7, 0x32, 1, 8 };
	struct packing t;

	packing_open(
		&t, &(struct codec){ .id = CODEC_AV1, .config = bytes_of(config, sizeof config) });
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t),
		"a=rtpmap:97 AV1/90000\r\na=fmtp:97 profile=0;level-idx=5;tier=1\r\n");
	run(&t, frame, sizeof frame, true);
	PACKET_IS(&t, 0, 0x08, 4, 0x08, 1, 2, 3, 3, 0x30, 8, 9);
	run(&t, with, sizeof with, true);
	PACKET_IS(&t, 0, 0x08, 2, 0x08, 7, 2, 0x30, 8);
	run(&t, frame, sizeof frame, false);
	PACKET_IS(&t, 0, 0, 3, 0x30, 8, 9);
	/* an OBU that says more than there is: nothing after what was whole */
	run(&t, (const uint8_t[]){ 0x32, 1, 8, 0x32, 9, 1 }, 6, false);
	PACKET_IS(&t, 0, 0, 2, 0x30, 8);
	packing_close(&t);
}

UNIT_SUITE(pack_jpeg, { "jpeg: offset, type, Q and tables in the first packet (2435 3.1)", t_jpeg },
	{ "jpeg: restart intervals (2435 3.1.7)", t_jpeg_restart },
	{ "jpeg: what a receiver could not make again is left out whole (2435 4)",
		t_jpeg_not_sent },
	{ "jpeg: data of other Huffman tables is written anew with the standard ones (2435 4.1)",
		t_jpeg_recode },
	{ "jpeg: the first picture tells whether any can be sent (2435 4)", t_jpeg_judged });
UNIT_SUITE(pack_vpx,
	{ "vp8: S on the first packet only, marker on the last (7741 4.1, 4.2)", t_vp8 },
	{ "vp9: B, E, P, and the size before key frames (9628 4.2)", t_vp9 });
UNIT_SUITE(pack_av1,
	{ "av1: a receiver gets every OBU back, without sizes and delimiters (4.4, 5)", t_av1 },
	{ "av1: N and the sequence header begin a coded video sequence (4.4)", t_av1_sequence });
