/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/unit.h"
#include "server/wire/rtp.h"

static void t_write_and_read(void)
{
	uint8_t p[RTP_HEADER + 3];
	struct rtp_view v;

	rtp_header_write(p, true, 96, 65535, 0xdeadbeef, 0x01020304);
	memcpy(p + RTP_HEADER, "abc", 3);
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), 0);
	CU_ASSERT(v.marker && v.payload_type == 96 && v.seq == 65535);
	CU_ASSERT(v.timestamp == 0xdeadbeef && v.ssrc == 0x01020304);
	CU_ASSERT(bytes_is_eq(v.payload, B("abc")));
	for (size_t k = 0; k < RTP_HEADER; k++)
		CU_ASSERT_EQUAL(rtp_read(bytes_of(p, k), &v), ERR_TRUNCATED);
	rtp_header_write(p, false, 0x80 | 33, 0, 0, 0);
	CU_ASSERT_EQUAL(p[1], 33);
}

static void t_all_parts(void)
{
	/* 2 CSRC, an extension of one word, 2 bytes of payload, 3 of padding */
	static const uint8_t whole[] = { 0xb2, 0x21, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0,
		0, 5, 0xbe, 0xde, 0, 1, 'e', 'x', 't', 0, 'p', 'q', 0, 0, 3 };
	struct rtp_view v;

	CU_ASSERT_EQUAL(rtp_read(bytes_of(whole, sizeof whole), &v), 0);
	CU_ASSERT(v.n_csrc == 2 && v.csrc.n == 8 && be32(v.csrc.p + 4) == 5);
	CU_ASSERT(v.has_extension && v.extension_id == 0xbede);
	CU_ASSERT(bytes_is_eq(v.extension, B("ext\0")));
	CU_ASSERT(v.padding == 3 && bytes_is_eq(v.payload, B("pq")));
	for (size_t k = 0; k < sizeof whole; k++) {
		uint8_t *copy = xmalloc(k ? k : 1);
		memcpy(copy, whole, k);
		int got = rtp_read(bytes_of(copy, k), &v);
		CU_ASSERT(got == ERR_TRUNCATED || got == ERR_CORRUPT || k > 28);
		free(copy);
	}
}

static void t_bad(void)
{
	uint8_t p[16] = { 0 };
	struct rtp_view v;

	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), ERR_VERSION);
	p[0] = 0xa0; /* padding of 0 */
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), ERR_CORRUPT);
	p[15] = 5; /* more than there is */
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), ERR_CORRUPT);
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, RTP_HEADER), &v), ERR_CORRUPT);
	p[15] = 4;
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), 0);
	CU_ASSERT_EQUAL(v.payload.n, 0);
	p[0] = 0x90; /* an extension of 65535 words */
	p[14] = p[15] = 0xff;
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), ERR_TRUNCATED);
	p[0] = 0x8f; /* 15 CSRC */
	CU_ASSERT_EQUAL(rtp_read(bytes_of(p, sizeof p), &v), ERR_TRUNCATED);
}

static void t_circle(void)
{
	CU_ASSERT(seq_newer(0, 65535));
	CU_ASSERT_FALSE(seq_newer(65535, 0));
	CU_ASSERT_FALSE(seq_newer(7, 7));
	CU_ASSERT_EQUAL(seq_diff(2, 65534), 4);
	CU_ASSERT_EQUAL(seq_diff(65534, 2), -4);
	CU_ASSERT_EQUAL(ts_diff(1, UINT32_MAX), 2);
	CU_ASSERT_EQUAL(ts_diff(UINT32_MAX, 1), -2);
	CU_ASSERT_EQUAL(seq_extend(3, 65534), 65539);
	CU_ASSERT_EQUAL(seq_extend(65534, 65539), 65534);
	CU_ASSERT_EQUAL(seq_extend(65535, 0), 65535);
}

UNIT_SUITE(wire_rtp, { "a header is written and read (3550 5.1)", t_write_and_read },
	{ "CSRC, extension and padding are taken off (3550 5.1, 5.3.1)", t_all_parts },
	{ "a packet shorter than it says is refused (3550 A.1)", t_bad },
	{ "sequence numbers and timestamps wrap (3550 5.1)", t_circle });
