/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/pattern.h"
#include "server/wire/sdp.h"

static void t_path(void)
{
	struct pattern p;
	uint32_t track;

	CU_ASSERT_EQUAL(pattern_read(B("/pattern"), &p, &track), 0);
	CU_ASSERT(p.bps == 500000 && p.pps == 50 && p.tracks == 1 && p.duration_s == 0);
	CU_ASSERT_EQUAL(track, 0);
	CU_ASSERT_EQUAL(pattern_read(B("/pattern/60s/2t/1m/100p/trackID=2"), &p, &track), 0);
	CU_ASSERT(p.bps == 1000000 && p.pps == 100 && p.tracks == 2 && p.duration_s == 60);
	CU_ASSERT_EQUAL(track, 2);
	CU_ASSERT_EQUAL(pattern_read(B("/pattern/64000b/"), &p, &track), 0);
	CU_ASSERT_EQUAL(p.bps, 64000);
	CU_ASSERT_EQUAL(pattern_spec_read(B("/300k"), &p, &track), 0);
	CU_ASSERT_EQUAL(p.bps, 300000);
}

static void t_bad_path(void)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {
		{ "/", ERR_NOT_FOUND }, { "/patterns", ERR_NOT_FOUND },
		{ "/a/pattern", ERR_NOT_FOUND }, { "/pattern/trackID=2", ERR_NOT_FOUND },
		{ "/pattern/trackID=0", ERR_NOT_FOUND }, { "/pattern/trackID=", ERR_NOT_FOUND },
		{ "/pattern/500", ERR_SYNTAX }, { "/pattern/k", ERR_SYNTAX },
		{ "/pattern/-5k", ERR_SYNTAX }, { "/pattern/5.5m", ERR_SYNTAX },
		{ "/pattern/500k/1m", ERR_SYNTAX }, { "/pattern/50p/50p", ERR_SYNTAX },
		{ "/pattern/clip.mp4", ERR_SYNTAX }, { "/pattern/trackID=1/2t", ERR_SYNTAX },
		{ "/pattern/0k", ERR_RANGE }, { "/pattern/0p", ERR_RANGE },
		{ "/pattern/9t", ERR_RANGE }, { "/pattern/99999999999999999999k", ERR_RANGE },
		{ "/pattern/noseek/60s", ERR_SYNTAX }, { "/pattern/noseek1", ERR_SYNTAX },
		{ "/pattern/500k/20p", ERR_RANGE }, /* 3125 bytes a packet */
		{ "/pattern/10k/50p", ERR_RANGE },  /* 25 bytes a packet */
	};
	struct pattern p;
	uint32_t track;

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(pattern_read(bytes_str(rows[i].in), &p, &track), rows[i].err);
}

static void check_rate(uint64_t bps, uint32_t pps)
{
	struct pattern p = { .bps = bps, .pps = pps, .tracks = 1 };
	uint64_t sum = 0;

	for (uint64_t k = 0; k < 8 * (uint64_t)pps * 2; k++) {
		uint32_t n = pattern_packet_bytes(&p, k);
		CU_ASSERT_EQUAL(sum, pattern_bytes_before(&p, k));
		CU_ASSERT(n == bps / 8 / pps || n == bps / 8 / pps + 1);
		sum += n;
	}
	CU_ASSERT_EQUAL(sum, bps * 2);
	CU_ASSERT_EQUAL(pattern_packet_bytes(&p, 0), bps / 8 / pps);
}

static void t_rate(void)
{
	struct pattern p = PATTERN_DEFAULT;

	CU_ASSERT_EQUAL(pattern_packet_bytes(&p, 0), 1250);
	CU_ASSERT_EQUAL(pattern_packet_bytes(&p, 12345), 1250);
	check_rate(500000, 50);
	check_rate(499999, 50);
	check_rate(333333, 30);
	check_rate(64001, 7 * 17);
	check_rate(11776, 1);
}

static void t_times(void)
{
	struct pattern p = { .bps = 500000, .pps = 50, .tracks = 1, .duration_s = 60 };

	CU_ASSERT_EQUAL(pattern_due(&p, 75), 1500 * TICK_MS);
	CU_ASSERT_EQUAL(pattern_timestamp(&p, 75), 135000);
	CU_ASSERT_EQUAL(pattern_timestamp(&p, 50 * 47722), (uint32_t)(UINT64_C(90000) * 47722));
	CU_ASSERT_EQUAL(pattern_packet_at(&p, 1499 * TICK_MS), 74);
	CU_ASSERT_EQUAL(pattern_packet_at(&p, 1500 * TICK_MS), 75);
	CU_ASSERT_EQUAL(pattern_packets(&p), 3000);
	p.pps = 70;
	p.duration_s = 0;
	for (uint64_t k = 0; k < 1000; k++) {
		CU_ASSERT_EQUAL(pattern_packet_at(&p, pattern_due(&p, k)), k);
		if (k)
			CU_ASSERT_EQUAL(pattern_packet_at(&p, pattern_due(&p, k) - 1), k - 1);
		/* the timestamp is that of its due time, to the tick */
		uint32_t d = pattern_timestamp(&p, k) - pattern_timestamp_at(pattern_due(&p, k));
		CU_ASSERT(d <= 1);
	}
	CU_ASSERT_EQUAL(pattern_packets(&p), UINT64_MAX);
	CU_ASSERT_EQUAL(pattern_timestamp_at(1500 * TICK_MS), 135000);
}

static void t_payload(void)
{
	struct pattern_prefix x = { .ssrc = 0xabcd, .position = 77, .sent = 123456789 }, y;
	static struct pattern_body body;
	uint8_t p[PATTERN_PACKET_MAX];
	const size_t n = 1238;

	pattern_body_init(&body);
	pattern_prefix_write(p, &x);
	memcpy(p + PATTERN_PREFIX, body.at, n - PATTERN_PREFIX);
	CU_ASSERT_EQUAL(pattern_check(bytes_of(p, n), &body, &y), 0);
	CU_ASSERT(y.ssrc == x.ssrc && y.position == x.position && y.sent == x.sent);
	CU_ASSERT_EQUAL(pattern_check(bytes_of(p, PATTERN_PREFIX), &body, &y), 0);
	CU_ASSERT_EQUAL(pattern_check(bytes_of(p, PATTERN_PREFIX - 1), &body, &y), ERR_TRUNCATED);
	for (size_t i = 0; i < n; i += i < 4 ? 1 : 97) {
		if (i >= 4 && i < PATTERN_PREFIX)
			continue;
		p[i] ^= 1;
		CU_ASSERT_EQUAL(pattern_check(bytes_of(p, n), &body, &y), ERR_CORRUPT);
		p[i] ^= 1;
	}
	/* a shifted body is no body */
	for (size_t shift = 1; shift < 600; shift++)
		CU_ASSERT(memcmp(body.at, body.at + shift, 32) != 0);
}

static void t_sdp(void)
{
	struct pattern p = { .bps = 500000, .pps = 50, .tracks = 2, .duration_s = 60 };
	struct buf out;
	struct sdp s;
	struct fault f;

	buf_init(&out, 2000);
	CU_ASSERT_EQUAL(pattern_sdp(&p, 42, B("127.0.0.1"), false, &out), 0);
	CU_ASSERT_EQUAL(sdp_read(buf_bytes(&out), &s, &f), 0);
	CU_ASSERT_EQUAL(s.n_media, 2);
	CU_ASSERT(bytes_is_eq(s.control, B("*")));
	CU_ASSERT(bytes_is_eq(s.range, B("npt=0-60")));
	CU_ASSERT(bytes_is_eq(s.media[1].control, B("trackID=2")));
	CU_ASSERT(bytes_is_eq(s.media[0].encoding, B("X-BEAGLE-PATTERN")));
	CU_ASSERT(s.media[0].clock_hz == 90000 && s.media[0].payload_type == 96);
	CU_ASSERT_EQUAL(s.media[0].bandwidth_kbps, 512);
	CU_ASSERT_EQUAL(pattern_sdp(&p, 42, B("a\r\nb"), false, &out), ERR_SYNTAX);
	buf_clear(&out);
}

UNIT_SUITE(wire_pattern, { "a path names rate, packets, tracks and seconds in any order", t_path },
	{ "a path that is none is refused", t_bad_path }, { "the long-run rate is exact", t_rate },
	{ "due times, timestamps and packet numbers agree", t_times },
	{ "every byte of a payload is checked", t_payload },
	{ "the description reads back", t_sdp });
