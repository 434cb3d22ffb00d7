/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/packing.h"

static const uint8_t lc_48000_stereo[] = { 0x11, 0x90 };

static void open_aac(struct packing *t, struct bytes config)
{
	packing_open(t, &(struct codec){ .id = CODEC_AAC, .config = config });
}

static void open_lc(struct packing *t)
{
	open_aac(t, bytes_of(lc_48000_stereo, sizeof lc_48000_stereo));
}

/* n units of len octets each, one behind the other from RTP 1000 on. */
static void follow(struct access_unit *u, size_t n, const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < n; i++)
		u[i] = (struct access_unit){ .data = bytes_of(octets, len),
			.due = TICK_S + (tick_t)i * 1024 * TICK_S / 48000,
			.rtp = 1000 + 1024 * (int64_t)i,
			.sync = true };
}

static void t_headers(void)
{
	struct packing t;
	const struct access_unit u[] = {
		{ .data = B("f"), .due = 4, .rtp = 5976, .sync = true },
		{ .data = B("abc"), .due = 5, .rtp = 7000, .sync = true },
		{ .data = B("de"), .due = 6, .rtp = 8024, .sync = true },
	};

	open_lc(&t);
	CU_ASSERT_EQUAL(t.p.clock_hz, 48000);
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 2);
	PACKET_IS(&t, 0, 0, 16, 0, 1 << 3, 'f');
	PACKET_IS(&t, 1, 0, 32, 0, 3 << 3, 0, 2 << 3, 'a', 'b', 'c', 'd', 'e');
	CU_ASSERT(packing_row(&t, 1)->due == 5 && packing_row(&t, 1)->rtp_time == 7000);
	CU_ASSERT(packing_row(&t, 0)->marker && packing_row(&t, 1)->marker);
	packing_close(&t);
}

static void t_together(void)
{
	struct packing t;
	struct access_unit u[13];
	uint8_t octets[1024];

	memset(octets, 7, sizeof octets);
	open_lc(&t);
	/* the first; then 4 × 1024 / 48000 s = 85 ms; five would be 107 */
	follow(u, 13, octets, 100);
	packing_run(&t, u, 13);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 4);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 2 + 2 + 100);
	for (size_t i = 1; i < 4; i++) {
		const struct access_unit *first = &u[4 * i - 3];

		CU_ASSERT_EQUAL(packing_row(&t, i)->n, 2 + 4 * (2 + 100));
		CU_ASSERT_EQUAL(packing_row(&t, i)->due, first->due);
		CU_ASSERT_EQUAL(packing_row(&t, i)->rtp_time, (uint32_t)first->rtp);
	}
	/* two of 697 and their headers are a full packet */
	follow(u, 5, octets, 697);
	packing_run(&t, u, 5);
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	CU_ASSERT_EQUAL(packing_row(&t, 1)->n, PACK_PAYLOAD_MAX);
	u[2].data.n++;
	packing_run(&t, u, 5);
	CU_ASSERT_EQUAL(packing_rows(&t), 4);
	packing_close(&t);
}

static void t_gap(void)
{
	struct packing t;
	struct access_unit u[4];

	open_lc(&t);
	follow(u, 4, (const uint8_t *)"abcd", 4);
	u[2].rtp += 128; /* an eighth: a container's rounding */
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 2);
	u[2].rtp++;
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	u[2].rtp -= 257;
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 2);
	u[2].rtp--;
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	/* times that no clock has */
	u[1].rtp = INT64_MAX;
	u[2].rtp = INT64_MIN;
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	packing_close(&t);
}

static void t_fragments(void)
{
	static const struct {
		size_t unit;
		size_t packets, last;
	} rows[] = { { 1395, 1, 1399 }, { 1396, 1, 1400 }, { 1397, 2, 5 }, { 2792, 2, 1400 },
		{ 2793, 3, 5 }, { 8191, 6, 1215 }, { 8192, 0, 0 } };
	static uint8_t octets[8192];
	struct dice d = { 1 };
	struct packing t;

	dice_fill(&d, octets, sizeof octets);
	open_lc(&t);
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t at = 0, n = rows[i].packets;

		packing_run_one(&t, bytes_of(octets, rows[i].unit));
		CU_ASSERT_EQUAL_FATAL(packing_rows(&t), n);
		for (size_t j = 0; j < n; j++) {
			struct bytes v = packing_payload(&t, j);

			CU_ASSERT_EQUAL(be16(v.p), 16);
			CU_ASSERT_EQUAL(be16(v.p + 2), rows[i].unit << 3);
			CU_ASSERT_EQUAL(v.n, j + 1 < n ? 1400 : rows[i].last);
			CU_ASSERT_EQUAL(packing_row(&t, j)->marker, j + 1 == n);
			CU_ASSERT_EQUAL(packing_row(&t, j)->rtp_time, 0);
			v = bytes_sub(v, 4, SIZE_MAX);
			CU_ASSERT(bytes_is_eq(v, bytes_of(octets + at, v.n)));
			at += v.n;
		}
		CU_ASSERT(!n || at == rows[i].unit);
	}
	packing_close(&t);
}

static void t_long_between(void)
{
	static const uint8_t octets[2000];
	struct access_unit u[4];
	struct packing t;

	open_lc(&t);
	follow(u, 4, octets, 10);
	u[1].data.n = 2000;
	u[3].data.n = 0;
	packing_run(&t, u, 4);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 4);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 14);
	CU_ASSERT(packing_row(&t, 0)->marker);
	CU_ASSERT(packing_row(&t, 1)->n == 1400 && !packing_row(&t, 1)->marker);
	CU_ASSERT(packing_row(&t, 2)->n == 608 && packing_row(&t, 2)->marker);
	CU_ASSERT(packing_row(&t, 3)->n == 14 && packing_row(&t, 3)->rtp_time == 3048);
	packing_close(&t);
}

/* Reads packets as a receiver does: units out of headers, times by constantDuration. */
static size_t depacketise(const struct packing *t, const struct access_unit *u, size_t n)
{
	size_t next = 0, part = 0;

	for (size_t i = 0; i < packing_rows(t); i++) {
		struct bytes v = packing_payload(t, i);
		size_t units = be16(v.p) / 16;
		struct bytes data = bytes_sub(v, 2 + 2 * units, SIZE_MAX);

		for (size_t j = 0; j < units; j++) {
			size_t size = be16(v.p + 2 + 2 * j) >> 3;
			struct bytes got = bytes_sub(data, 0, size - part);

			CU_ASSERT_EQUAL(be16(v.p + 2 + 2 * j) & 7, 0);
			CU_ASSERT_FATAL(next < n && size == u[next].data.n);
			CU_ASSERT(bytes_is_eq(got, bytes_sub(u[next].data, part, got.n)));
			CU_ASSERT_EQUAL(
				packing_row(t, i)->rtp_time + 1024 * j, (uint32_t)u[next].rtp);
			data = bytes_sub(data, got.n, SIZE_MAX);
			part += got.n;
			CU_ASSERT_EQUAL(packing_row(t, i)->marker, part == size);
			if (part == size) {
				next++;
				part = 0;
			}
		}
		CU_ASSERT_EQUAL(data.n, 0);
	}
	return next;
}

static void t_random(void)
{
	static uint8_t octets[8191];
	struct access_unit u[40];
	struct dice d = { 2 };
	struct packing t;

	dice_fill(&d, octets, sizeof octets);
	open_lc(&t);
	for (int round = 0; round < 400; round++) {
		size_t n = 1 + dice_below(&d, COUNT(u));

		t.p.payload_max = 8 + dice_below(&d, 1393);
		follow(u, n, octets, 0);
		for (size_t i = 0; i < n; i++) {
			uint32_t most = dice_below(&d, 4) ? 400 : sizeof octets;

			u[i].data.n = 1 + dice_below(&d, most);
		}
		packing_run(&t, u, n);
		CU_ASSERT_EQUAL_FATAL(depacketise(&t, u, n), n);
	}
	packing_close(&t);
}

#define SDP_IS(config, want)                                    \
	do {                                                    \
		struct packing t_;                              \
		open_aac(&t_, config);                          \
		CU_ASSERT_STRING_EQUAL(packing_sdp(&t_), want); \
		packing_close(&t_);                             \
	} while (0)
#define AAC_FMTP(level, duration, config)                                               \
	"a=fmtp:97 streamtype=5;profile-level-id=" level ";mode=AAC-hbr;sizelength=13;" \
	"indexlength=3;indexdeltalength=3;constantDuration=" duration ";config=" config "\r\n"

static void t_sdp(void)
{
	SDP_IS(B("\x11\x90"),
		"a=rtpmap:97 mpeg4-generic/48000/2\r\n" AAC_FMTP("41", "1024", "1190"));
	/* 960 samples, 24000, mono: level 1 */
	SDP_IS(B("\x13\x0c"),
		"a=rtpmap:97 mpeg4-generic/24000/1\r\n" AAC_FMTP("40", "960", "130C"));
	/* 5.1, with what an encoder appends: level 4 */
	SDP_IS(B("\x11\xb0\x56\xe5\x00"),
		"a=rtpmap:97 mpeg4-generic/48000/6\r\n" AAC_FMTP("42", "1024", "11B056E500"));
	/* channelConfiguration 7 is eight channels: level 6 */
	SDP_IS(B("\x11\xb8"),
		"a=rtpmap:97 mpeg4-generic/48000/8\r\n" AAC_FMTP("80", "1024", "11B8"));
	/* 96000, 5.1: level 5 */
	SDP_IS(B("\x10\x30"),
		"a=rtpmap:97 mpeg4-generic/96000/6\r\n" AAC_FMTP("43", "1024", "1030"));
	/* HE-AAC: the clock is the core's */
	SDP_IS(B("\x2b\x11\x88\x00"),
		"a=rtpmap:97 mpeg4-generic/24000/2\r\n" AAC_FMTP("44", "1024", "2B118800"));
	/* HE-AAC v2, 22050 mono at the core, heard in stereo */
	SDP_IS(B("\xeb\x8a\x08\x00"),
		"a=rtpmap:97 mpeg4-generic/22050/2\r\n" AAC_FMTP("48", "1024", "EB8A0800"));
	/* Main has no level here */
	SDP_IS(B("\x09\x90"),
		"a=rtpmap:97 mpeg4-generic/48000/2\r\n" AAC_FMTP("254", "1024", "0990"));
}

static void t_refused(void)
{
	static const uint8_t longest[513] = { 0x11, 0x90 };
	struct codec c = { .id = CODEC_AAC };

	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_CORRUPT);
	c.config = B("\x41\x90");
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
	c.config = bytes_of(longest, 513);
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_CORRUPT);
	c.config = bytes_of(longest, 512);
	CU_ASSERT_EQUAL(packing_refuses(&c), 0);
}

UNIT_SUITE(pack_aac,
	{ "AU-headers-length counts bits, AU-size 13 bits, indexes 3 (3640 3.2.1)", t_headers },
	{ "units but a run's first share a packet up to its length and 100 ms; its times are the first's",
		t_together },
	{ "units share a packet only without a gap (3640 3.2.1.1)", t_gap },
	{ "a long unit alone in fragments, each with its whole size, marker on the last (3640 3.2.3)",
		t_fragments },
	{ "order is kept around a fragmented unit; empty units are left out", t_long_between },
	{ "units come back byte for byte, whatever their lengths and the packet's", t_random },
	{ "a=rtpmap, a=fmtp: clock, channels, profile and level, config (3640 4.1)", t_sdp },
	{ "what is no AAC configuration is refused", t_refused });
