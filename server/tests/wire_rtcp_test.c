/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/unit.h"
#include "server/wire/rtcp.h"

static const struct rtcp_sender sender = {
	.ntp = UINT64_C(0xe5a1b2c3d4e5f607), .timestamp = 90000, .packets = 10, .octets = 12500
};
static const struct rtcp_block blocks[] = {
	{ .ssrc = 1,
		.fraction = 128,
		.lost = -3,
		.highest = 0x10002,
		.jitter = 5,
		.lsr = 6,
		.dlsr = 7 },
	{ .ssrc = 2, .fraction = 255, .lost = 0x7fffff, .highest = 9 },
};

/* SR with two blocks, SDES, APP, BYE with a reason. */
static size_t compound(uint8_t *dst, size_t cap)
{
	struct rtcp_writer w;
	int n;

	rtcp_begin(&w, dst, cap);
	rtcp_put_sr(&w, 0xabcd, &sender, blocks, 2);
	rtcp_put_cname(&w, 0xabcd, B("beagle@10.0.0.1"));
	rtcp_put_app(&w, 0xabcd, 5, "qtsi", B("12345678"));
	rtcp_put_bye(&w, 0xabcd, B("teardown"));
	n = rtcp_end(&w);
	return n < 0 ? 0 : (size_t)n;
}

static void t_compound(void)
{
	uint8_t p[300];
	struct bytes rest = bytes_of(p, compound(p, sizeof p));
	struct rtcp_view v;
	struct rtcp_block b;

	CU_ASSERT_EQUAL(rtcp_check(rest), 0);
	CU_ASSERT_EQUAL_FATAL(rtcp_next(&rest, &v), 1);
	CU_ASSERT(v.type == RTCP_SR && v.count == 2 && v.ssrc == 0xabcd);
	CU_ASSERT(memcmp(&v.sr, &sender, sizeof sender) == 0);
	for (size_t i = 0; i < 2; i++) {
		rtcp_block_read(&v, i, &b);
		CU_ASSERT(b.ssrc == blocks[i].ssrc && b.fraction == blocks[i].fraction);
		CU_ASSERT(b.lost == blocks[i].lost && b.highest == blocks[i].highest);
		CU_ASSERT(b.lsr == blocks[i].lsr && b.dlsr == blocks[i].dlsr);
	}
	CU_ASSERT_EQUAL_FATAL(rtcp_next(&rest, &v), 1);
	CU_ASSERT(v.type == RTCP_SDES && v.count == 1 && v.ssrc == 0xabcd);
	CU_ASSERT_EQUAL_FATAL(rtcp_next(&rest, &v), 1);
	CU_ASSERT(v.type == RTCP_APP && v.count == 5 && memcmp(v.name, "qtsi", 4) == 0);
	CU_ASSERT(bytes_is_eq(v.data, B("12345678")));
	CU_ASSERT_EQUAL_FATAL(rtcp_next(&rest, &v), 1);
	CU_ASSERT(v.type == RTCP_BYE && v.count == 1 && v.ssrc == 0xabcd);
	CU_ASSERT(bytes_is_eq(v.reason, B("teardown")));
	CU_ASSERT_EQUAL(rtcp_next(&rest, &v), 0);
}

static void t_every_cut(void)
{
	uint8_t p[300];
	size_t n = compound(p, sizeof p);
	struct rtcp_view v;

	for (size_t k = 0; k < n; k++) {
		uint8_t *copy = xmalloc(k ? k : 1);
		struct bytes rest = bytes_of(copy, k);
		memcpy(copy, p, k);
		/* Whole packets are a whole compound; all else is not. */
		bool is_whole = k == 76 || k == 104 || k == 124;
		CU_ASSERT_EQUAL(rtcp_check(rest) == 0, is_whole);
		while (rtcp_next(&rest, &v) > 0) {}
		CU_ASSERT_EQUAL(rest.n, 0);
		free(copy);
		/* And a writer with that little room says so. */
		CU_ASSERT_EQUAL(compound(p, k), 0);
		CU_ASSERT_EQUAL(compound(p, sizeof p), n);
	}
}

static void t_validity(void)
{
	uint8_t p[300];
	size_t n = compound(p, sizeof p);
	struct rtcp_writer w;

	p[0] = 0x42; /* version 1 */
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, n)), ERR_VERSION);
	p[0] = 0xa2; /* padding on the first */
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, n)), ERR_CORRUPT);
	p[0] = 0x83; /* one block more than there is room for */
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, n)), ERR_CORRUPT);
	p[0] = 0x82;
	p[1] = RTCP_SDES; /* not SR or RR first */
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, n)), ERR_CORRUPT);
	p[1] = RTCP_SR;
	put_be16(p + 2, 0xffff); /* a length beyond the end */
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, n)), ERR_TRUNCATED);

	rtcp_begin(&w, p, sizeof p);
	rtcp_put_rr(&w, 1, NULL, 0);
	rtcp_put_bye(&w, 1, B(""));
	CU_ASSERT_EQUAL(rtcp_end(&w), 16);
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, 16)), 0);
	p[8] |= 0x20; /* padding on the last: four bytes more */
	put_be16(p + 10, 2);
	memcpy(p + 16, "\0\0\0\4", 4);
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, 20)), 0);
	p[19] = 3;
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, 20)), ERR_CORRUPT);
	p[19] = 16;
	CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, 20)), ERR_CORRUPT);
	CU_ASSERT_EQUAL(rtcp_check(B("\x80\xc9\xff\xff\0\0\0\1")), ERR_TRUNCATED);
	CU_ASSERT_EQUAL(rtcp_check(B("")), ERR_TRUNCATED);
}

static void t_sdes(void)
{
	/* chunk 1: CNAME "ab", TOOL "x"; chunk 2: CNAME "cdef" */
	struct bytes in = B("\x82\xca\0\6\0\0\0\1\1\2ab\6\1x\0\0\0\0\2\1\4cdef\0\0"), rest;
	struct rtcp_view v;
	struct bytes text;
	bool in_chunk = false;
	uint32_t ssrc = 0;
	uint8_t type = 0;

	CU_ASSERT_EQUAL_FATAL(rtcp_next(&in, &v), 1);
	rest = v.data;
	CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 1);
	CU_ASSERT(ssrc == 1 && type == RTCP_CNAME && bytes_is_eq(text, B("ab")));
	CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 1);
	CU_ASSERT(ssrc == 1 && type == RTCP_TOOL && bytes_is_eq(text, B("x")));
	CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 1);
	CU_ASSERT(ssrc == 2 && type == RTCP_CNAME && bytes_is_eq(text, B("cdef")));
	CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 0);
}

static void t_sdes_written(void)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz";
	struct rtcp_writer w;
	uint8_t p[300];

	for (size_t n = 1; n < sizeof name; n++) {
		struct bytes rest, text;
		struct rtcp_view v;
		bool in_chunk = false;
		uint32_t ssrc;
		uint8_t type;
		rtcp_begin(&w, p, sizeof p);
		rtcp_put_rr(&w, 9, NULL, 0);
		rtcp_put_cname(&w, 9, bytes_of(name, n));
		int len = rtcp_end(&w);
		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(rtcp_check(bytes_of(p, (size_t)len)), 0);
		rest = bytes_of(p + 8, (size_t)len - 8);
		CU_ASSERT_EQUAL(rtcp_next(&rest, &v), 1);
		/* a chunk ends with a null octet at least (6.5) */
		CU_ASSERT_EQUAL(v.data.p[v.data.n - 1], 0);
		rest = v.data;
		CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 1);
		CU_ASSERT(bytes_is_eq(text, bytes_of(name, n)));
		CU_ASSERT_EQUAL(rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text), 0);
	}
	rtcp_begin(&w, p, sizeof p);
	rtcp_put_cname(&w, 9, B(""));
	CU_ASSERT_EQUAL(rtcp_end(&w), ERR_MISSING);
	rtcp_begin(&w, p, sizeof p);
	rtcp_put_app(&w, 9, 0, "name", B("123"));
	CU_ASSERT_EQUAL(rtcp_end(&w), ERR_RANGE);
	rtcp_begin(&w, p, sizeof p);
	rtcp_put_rr(&w, 9, NULL, 32);
	CU_ASSERT_EQUAL(rtcp_end(&w), ERR_LIMIT);
}

static void t_ntp(void)
{
	CU_ASSERT_EQUAL(ntp_of_unix(0), UINT64_C(2208988800) << 32);
	CU_ASSERT_EQUAL(ntp_of_unix(500000000), (UINT64_C(2208988800) << 32) + 0x80000000);
	for (int64_t t = 1700000000123456789; t < 1700000001123456789; t += 7654321)
		CU_ASSERT_EQUAL(ntp_to_unix(ntp_of_unix(t)), t);
	CU_ASSERT_EQUAL(ntp_to_unix(ntp_of_unix(1700000000999999999)), 1700000000999999999);
	CU_ASSERT_EQUAL(ntp_to_unix(ntp_of_unix(-1)), -1);
	CU_ASSERT_EQUAL(ntp_short_of(TICK_S), 65536);
	CU_ASSERT_EQUAL(ntp_short_of(-5), 0);
	CU_ASSERT_EQUAL(ntp_short_of(70000 * TICK_S), UINT32_MAX);
	CU_ASSERT_EQUAL(ntp_short_to(32768), 500 * TICK_MS);
}

static void t_round_trip(void)
{
	/* the example of 3550 6.4.1, figure 2 */
	tick_t rtt = rtcp_round_trip(0xb7108000, 0xb7052000, 0x00054000);

	CU_ASSERT_EQUAL(rtt, 6125 * TICK_MS);
	CU_ASSERT_EQUAL(rtcp_round_trip(0xb7108000, 0, 0), -1);
	CU_ASSERT_EQUAL(rtcp_round_trip(100, 100, 50), -1);
	CU_ASSERT_EQUAL(rtcp_round_trip(65535, UINT32_MAX - 65535, 65535), TICK_S);
}

UNIT_SUITE(wire_rtcp, { "SR, SDES, APP and BYE are written and read (3550 6.4 - 6.7)", t_compound },
	{ "a compound cut anywhere is refused, nothing is read beyond", t_every_cut },
	{ "the validity checks hold (3550 A.2)", t_validity },
	{ "SDES items are walked across chunks (3550 6.5)", t_sdes },
	{ "a CNAME of any length ends its chunk with a null (3550 6.5)", t_sdes_written },
	{ "NTP times go both ways (3550 4)", t_ntp },
	{ "the round trip is that of figure 2 (3550 6.4.1)", t_round_trip });
