/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/media/pack/bits.h"
#include "server/media/pack/start_code.h"
#include "server/tests/packing.h"

enum { MAX = PACK_PAYLOAD_MAX, ROOM = 20000 };

static void check_sdp(const struct codec *c, const char *want)
{
	struct packing t;

	packing_open(&t, c);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t), want);
	packing_close(&t);
}

static void fill(uint8_t *p, size_t n)
{
	struct dice d = { n };

	/* no zeros: nothing in it looks like a start code */
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(1 + dice_below(&d, 255));
}

static void run(struct packing *t, const uint8_t *p, size_t n, bool sync)
{
	packing_run(t, &(struct access_unit){ .data = bytes_of(p, n), .sync = sync }, 1);
}

/* The packets' octets from `skip` on, one after the other, are those of `want`; one marker, at the end. */
static void check_joined(struct packing *t, size_t skip, struct bytes want)
{
	static uint8_t joined[4 * ROOM];
	size_t n = 0;

	for (size_t i = 0; i < packing_rows(t); i++) {
		struct bytes v = bytes_sub(packing_payload(t, i), skip, MAX);

		CU_ASSERT_FATAL(n + v.n <= sizeof joined);
		memcpy(joined + n, v.p, v.n);
		n += v.n;
		CU_ASSERT_EQUAL(packing_row(t, i)->marker, i + 1 == packing_rows(t));
	}
	CU_ASSERT(bytes_is_eq(bytes_of(joined, n), want));
}

/* ---- bits, start codes ---- */

static void t_bits(void)
{
	static const uint8_t in[] = { 0xa6, 0x42, 0x98, 0xe2, 0x04, 0x8a };
	struct bits b;

	/* H.264 9.1: 1 010 011 00100 00101 00110 00111 0001000 0001001 */
	bits_init(&b, bytes_of(in, sizeof in));
	for (uint32_t i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(bits_ue(&b), i);
	CU_ASSERT_EQUAL(bits_left(&b), 7);
	bits_init(&b, bytes_of(in, sizeof in));
	for (int32_t i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(bits_se(&b), i % 2 ? (i + 1) / 2 : -i / 2);
	bits_init(&b, bytes_of(in, sizeof in));
	bits_skip(&b, 3);
	CU_ASSERT_EQUAL(bits_u(&b, 32), 0x3214c710);
	CU_ASSERT_EQUAL(bits_u(&b, 13), 0x48a);
	CU_ASSERT(!b.over && bits_left(&b) == 0);
	CU_ASSERT_EQUAL(bits_u(&b, 1), 0);
	CU_ASSERT(b.over && bits_ue(&b) == 0 && bits_left(&b) == 0);
	/* 32 zeros are the longest code, 33 none */
	bits_init(&b, B("\0\0\0\0\x80\0\0\0\0"));
	CU_ASSERT_EQUAL(bits_ue(&b), UINT32_MAX);
	bits_init(&b, B("\0\0\0\0\x40\0\0\0\0\0"));
	CU_ASSERT(bits_ue(&b) == 0 && b.over);
}

static void t_cut(void)
{
	uint8_t p[40];
	struct bytes b = { p, sizeof p };

	memset(p, 0x55, sizeof p);
	CU_ASSERT_EQUAL(start_code_cut(b, 30, 0x80), 30);
	memcpy(p + 10, "\0\0\x80", 3);
	memcpy(p + 20, "\0\0\x01", 3); /* none of the mask's */
	CU_ASSERT_EQUAL(start_code_cut(b, 30, 0x80), 10);
	CU_ASSERT_EQUAL(start_code_cut(b, 10, 0x80), 10);
	CU_ASSERT_EQUAL(start_code_cut(b, 9, 0x80), 9);
	memcpy(p, "\0\0\x80", 3);
	/* the part that it begins with is no place to cut */
	CU_ASSERT_EQUAL(start_code_cut(b, 9, 0x80), 9);
	CU_ASSERT_EQUAL(start_code_find(b, 1), 20);
	CU_ASSERT_EQUAL(start_code_find(b, 21), 40);
}

/* ---- MPEG-4 Visual ---- */

/* Of a clip of ffmpeg's encoder (320x240), and of ffmpeg's SDP for it. */
static const uint8_t vol[] = { 0, 0, 1, 0xb0, 1, 0, 0, 1, 0xb5, 0x89, 0x13, 0, 0, 1, 0, 0, 0, 1,
	0x20, 0, 0xc4, 0x8d, 0x88, 0, 0xcd, 0x0a, 0x04, 0x1e, 0x14, 0x63 };

static void t_mpeg4v_sdp(void)
{
	struct codec c = { .id = CODEC_MPEG4V, .config = bytes_of(vol, sizeof vol) };

	check_sdp(&c, "a=rtpmap:97 MP4V-ES/90000\r\na=fmtp:97 profile-level-id=1;"
		      "config=000001B001000001B58913000001000000012000C48D8800CD0A041E1463\r\n"
		      "a=framesize:97 320-240\r\n");
	c = (struct codec){ .id = CODEC_MPEG4V, .config = bytes_of(vol + 5, sizeof vol - 5) };
	CU_ASSERT_EQUAL(packing_refuses(&c), 0);
	check_sdp(&(struct codec){ .id = CODEC_MPEG4V, .width = 8, .height = 4 },
		"a=rtpmap:97 MP4V-ES/90000\r\na=framesize:97 8-4\r\n");
}

static void t_mpeg4v_cut(void)
{
	static uint8_t in[3 * MAX];
	uint8_t config[sizeof vol];
	struct packing t;

	fill(in, sizeof in);
	memcpy(in, "\0\0\1\xb3\0\x10\x07\0\0\1\xb6\x10", 12); /* GOV, VOP */
	memcpy(in + 1000, "\0\0\x80", 3);
	memcpy(in + 1100, "\0\0\2", 3);
	memcpy(config, vol, sizeof vol);
	for (int has_resync = 0; has_resync < 2; has_resync++) {
		/* resync_marker_disable */
		config[29] = (uint8_t)(has_resync ? vol[29] & ~0x20 : vol[29] | 0x20);
		packing_open(&t, &(struct codec){ .id = CODEC_MPEG4V,
					 .config = bytes_of(config, sizeof config) });
		run(&t, in, sizeof in, true);
		CU_ASSERT_EQUAL(packing_payload(&t, 0).n, has_resync ? 1100 : MAX);
		check_joined(&t, 0, bytes_of(in, sizeof in));
		packing_close(&t);
	}
}

static void t_mpeg4v_vops(void)
{
	static const uint8_t two[] = { 0, 0, 1, 0xb6, 0x50, 1, 2, 3, 0, 0, 1, 0xb6, 0x90, 4 };
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_MPEG4V });
	run(&t, two, sizeof two, false);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(packing_payload(&t, 0).n, 8);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->importance, IMPORTANCE_NORMAL);
	check_joined(&t, 0, bytes_of(two, sizeof two));
	run(&t, two + 8, 6, false);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->importance, IMPORTANCE_LOW);
	packing_close(&t);
}

/* ---- H.263 ---- */

static void t_h263_sdp(void)
{
	check_sdp(&(struct codec){ .id = CODEC_H263, .width = 352, .height = 288 },
		"a=rtpmap:97 H263-1998/90000\r\na=fmtp:97 CIF=1\r\na=framesize:97 352-288\r\n");
	check_sdp(&(struct codec){ .id = CODEC_H263 }, "a=rtpmap:97 H263-1998/90000\r\n");
}

static void t_h263(void)
{
	static uint8_t in[3000];
	struct packing t;

	fill(in, sizeof in);
	memcpy(in, "\0\0\x80\x02", 4);
	memcpy(in + 1200, "\0\0\x86", 3); /* a group of blocks */
	packing_open(&t, &(struct codec){ .id = CODEC_H263 });
	run(&t, in, sizeof in, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	/* P, and two octets of 1200 are not sent; P again; then a packet that just goes on */
	for (size_t i = 0; i < 3; i++) {
		static const size_t from[] = { 2, 1202, 2600, 3000 }, want[] = { 1198, 1398, 400 };
		struct bytes v = packing_payload(&t, i);

		CU_ASSERT_EQUAL(be16(v.p), i < 2 ? 0x0400 : 0);
		CU_ASSERT_EQUAL(v.n, 2 + want[i]);
		CU_ASSERT(bytes_is_eq(bytes_sub(v, 2, v.n), bytes_of(in + from[i], want[i])));
		CU_ASSERT_EQUAL(packing_row(&t, i)->marker, i == 2);
	}
	/* what is no picture is not sent */
	run(&t, in + 1200, 100, true);
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

/* ---- MPEG-1 and MPEG-2 video ---- */

static size_t put_slice(uint8_t *p, uint8_t row, size_t n)
{
	fill(p, n);
	put_be32(p, 0x100U | row);
	return n;
}

/* Temporal reference 5; of P and B: forward vectors 0, 7; of B: backward vectors 1, 6. */
static size_t put_picture(uint8_t *p, uint32_t type)
{
	put_be32(p, 0x100);
	put_be32(p + 4, 5U << 22 | type << 19 | 0xffffU << 3 | 7 >> 1);
	p[8] = (7 & 1) << 7 | (8 | 6) << 3;
	return 9;
}

static void t_mpv_slices(void)
{
	static uint8_t in[ROOM];
	struct packing t;
	size_t n;

	memcpy(in, "\0\0\1\xb3\x14\0\xf0\x13\xff\xff\xe0\x18", 12);
	n = 12 + put_picture(in + 12, 1);
	/* 4 + 21 + 600 + 775 = MAX */
	n += put_slice(in + n, 1, 600);
	n += put_slice(in + n, 2, 775);
	n += put_slice(in + n, 3, 700);
	n += put_slice(in + n, 4, 697); /* one too long for one packet with the third */
	packing_open(&t, &(struct codec){ .id = CODEC_MPEG12V });
	CU_ASSERT_EQUAL(t.p.payload_type, 32);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t), "a=rtpmap:32 MPV/90000\r\n");
	run(&t, in, n, true);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	/* temporal reference 5, S B E, I */
	CU_ASSERT_EQUAL(be32(packing_payload(&t, 0).p), 5U << 16 | 0x3800 | 1 << 8);
	CU_ASSERT_EQUAL(be32(packing_payload(&t, 1).p), 5U << 16 | 0x1800 | 1 << 8);
	CU_ASSERT_EQUAL(packing_payload(&t, 0).n, MAX);
	check_joined(&t, 4, bytes_of(in, n));
	packing_close(&t);
}

static void t_mpv_long_slice(void)
{
	static uint8_t in[ROOM];
	size_t n = put_picture(in, 3);
	struct packing t;

	n += put_slice(in + n, 1, 3000);
	n += put_slice(in + n, 2, 20);
	packing_open(&t, &(struct codec){ .id = CODEC_MPEG12V });
	run(&t, in, n, false);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 4);
	for (size_t i = 0; i < 4; i++) {
		static const uint32_t be[] = { 0x1000, 0, 0x0800, 0x1800 };

		CU_ASSERT_EQUAL(be32(packing_payload(&t, i).p),
			5U << 16 | be[i] | 3 << 8 | (8 | 6) << 4 | 7);
		CU_ASSERT_EQUAL(packing_row(&t, i)->importance, IMPORTANCE_LOW);
	}
	check_joined(&t, 4, bytes_of(in, n));
	packing_close(&t);
}

static void t_mpv_config(void)
{
	static const uint8_t sequence[] = { 0, 0, 1, 0xb3, 0x14, 0, 0xf0, 0x13, 0xff, 0xff, 0xe0,
		0x18 };
	static uint8_t in[ROOM], want[ROOM];
	size_t n = put_picture(in, 1);
	struct packing t;

	n += put_slice(in + n, 1, 100);
	memcpy(want, sequence, sizeof sequence);
	memcpy(want + sizeof sequence, in, n);
	packing_open(&t, &(struct codec){ .id = CODEC_MPEG12V,
				 .config = bytes_of(sequence, sizeof sequence) });
	run(&t, in, n, true);
	check_joined(&t, 4, bytes_of(want, n + sizeof sequence));
	run(&t, in, n, false);
	check_joined(&t, 4, bytes_of(in, n));
	/* one that has its own gets no other */
	run(&t, want, n + sizeof sequence, true);
	check_joined(&t, 4, bytes_of(want, n + sizeof sequence));
	packing_close(&t);
}

UNIT_SUITE(pack_video, { "bits: Exp-Golomb codes, and the end sticks (14496-10 9.1)", t_bits },
	{ "start codes: a cut comes before the last part that begins within the limit", t_cut },
	{ "mpeg4v: profile-level-id and config as ffmpeg writes them (6416 7.1)", t_mpeg4v_sdp },
	{ "mpeg4v: cut at video packets where the stream has them, else full (6416 5.2)",
		t_mpeg4v_cut },
	{ "mpeg4v: each VOP begins a packet; B-VOPs matter least (6416 5.2)", t_mpeg4v_vops },
	{ "h263: size in the SDP (4629 8.1)", t_h263_sdp },
	{ "h263: P stands for the zeros of a start code (4629 5.1, 6)", t_h263 },
	{ "mpv: whole slices as long as they fit, S B E (2250 3.1, 3.4)", t_mpv_slices },
	{ "mpv: a long slice goes alone, picture fields in each packet (2250 3.1, 3.4)",
		t_mpv_long_slice },
	{ "mpv: the container's sequence header goes before sync units that lack one",
		t_mpv_config });
