/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "conformance/oracle/ox_rtcp.h"
#include "conformance/tests/ox_test.h"

#define SR   "80c80006 00000001 e8000000 00000000 00000064 00000003 0000001e "
#define RR   "80c90001 00000001 "
#define SDES "81ca0004 00000001 01 06 754068 6f7374 00 000000 "
#define BYE  "81cb0001 00000001 "

static void judge(const char *hex, struct ox_findings *fs)
{
	uint8_t buf[4096];
	struct ox_rtcp c;

	(void)!ox_rtcp_read(ox_hex(hex, buf, sizeof(buf)), &c, fs);
}

static void check(enum ox_rule rule, const char *good, const char *bad)
{
	struct ox_findings fs = { .n = 0 };

	judge(good, &fs);
	ox_want(&fs, rule, false);
	ox_want_clean(&fs);
	ox_findings_clear(&fs);
	judge(bad, &fs);
	ox_want(&fs, rule, true);
	ox_findings_clear(&fs);
}
#define OX_CHECK check

#define PAIRS(X)                                                                                 \
	X(whole, OX_RTP_6_1_01, "RTP-6.1-01: packets end on 32 bits", SR SDES, SR SDES "0000")   \
	X(compound, OX_RTP_6_1_02, "RTP-6.1-02: at least two packets", SR SDES, SR)              \
	X(first, OX_RTP_6_1_03, "RTP-6.1-03: SR or RR comes first", RR SDES, SDES SR)            \
	X(sdes, OX_RTP_6_1_05, "RTP-6.1-05: SDES is there", SR SDES, SR BYE)                     \
	X(empty_rr, OX_RTP_6_1_06, "RTP-6.1-06: an empty RR leads a BYE", RR SDES BYE, BYE SDES) \
	X(bye_last, OX_RTP_6_1_08, "RTP-6.1-08: nothing after BYE", SR SDES BYE, SR BYE SDES)    \
	X(padding, OX_RTP_6_4_1_01, "RTP-6.4.1-01: padding on the last packet only", SR SDES,    \
		"a0c80007 00000001 e8000000 00000000 00000064 00000003 0000001e 00000004" SDES)  \
	X(padding_count, OX_RTP_6_4_1_01, "RTP-6.4.1-01: its count is a multiple of 4", SR SDES, \
		RR SDES "a1cb0002 00000001 00000003")                                            \
	X(blocks, OX_RTP_6_4_1_02, "RTP-6.4.1-02: RC counts the blocks",                         \
		"81c90007 00000001 00000002 00ffffff 00000001 00000000 00000000 00000000" SDES,  \
		"81c90001 00000001" SDES)                                                        \
	X(length, OX_RTP_6_4_1_03, "RTP-6.4.1-03: the lengths lead to the end", SR SDES,         \
		"80c90002 00000001")                                                             \
	X(chunks, OX_RTP_6_5_01, "RTP-6.5-01: SC counts the chunks", SR SDES,                    \
		SR "82ca0004 00000001 01 06 754068 6f7374 00 000000")                            \
	X(items, OX_RTP_6_5_02, "RTP-6.5-02: an item list ends with nulls", SR SDES,             \
		SR "81ca0003 00000001 01 06 754068 6f7374")                                      \
	X(items_padding, OX_RTP_6_5_02, "RTP-6.5-02: and is padded with them", SR SDES,          \
		SR "81ca0004 00000001 01 06 754068 6f7374 00 000100")                            \
	X(text, OX_RTP_6_5_03, "RTP-6.5-03: items are UTF-8", SR SDES,                           \
		SR "81ca0004 00000001 01 06 e44068 6f7374 00 000000")                            \
	X(text_nul, OX_RTP_6_5_03, "RTP-6.5-03: without a null at the end", SR SDES,             \
		SR "81ca0004 00000001 01 06 754068 6f7300 00 000000")                            \
	X(cname, OX_RTP_6_5_1_01, "RTP-6.5.1-01: CNAME is there", SR SDES,                       \
		SR "81ca0003 00000001 06 02 6161 00 000000")                                     \
	X(note, OX_RTP_6_5_7_01, "RTP-6.5.7-01: NOTE is not sent", SR SDES,                      \
		SR "81ca0005 00000001 01 06 754068 6f7374 07 00 00 000000 0000")                 \
	X(priv, OX_RTP_6_5_8_01, "RTP-6.5.8-01: the prefix of PRIV fits", SR SDES,               \
		SR "81ca0005 00000001 01 06 754068 6f7374 08 02 05 61 00 000000")                \
	X(bye, OX_RTP_6_6_01, "RTP-6.6-01: SC counts the sources of BYE", RR SDES BYE,           \
		RR SDES "82cb0001 00000001")                                                     \
	X(bye_reason, OX_RTP_6_6_01, "RTP-6.6-01: the reason fits",                              \
		RR SDES "81cb0002 00000001 02 6161 00", RR SDES "81cb0002 00000001 05 6161 00")  \
	X(app, OX_RTP_6_7_02, "RTP-6.7-02: APP has SSRC, name, words",                           \
		SR SDES "80cc0002 00000001 61616161", SR SDES "80cc0001 00000001")
PAIRS(OX_PAIR_FN)

static void t_mtu(void)
{
	struct ox_findings fs = { .n = 0 };
	char hex[2 * 1600] = RR SDES;

	size_t at = strlen(hex);
	CU_ASSERT(at < 200);
	memcpy(hex + at, "80cc0168", 9); /* APP of 361 words */
	memset(hex + at + 8, '6', 2 * 4 * 360);
	hex[at + 8 + 2 * 4 * 360] = '\0';
	judge(hex, &fs);
	ox_want(&fs, OX_RTP_6_1_11, false);
	memcpy(hex + at, "80cc0176", 8);
	memset(hex + at + 8, '6', 2 * 4 * 374);
	hex[at + 8 + 2 * 4 * 374] = '\0';
	judge(hex, &fs);
	ox_want(&fs, OX_RTP_6_1_11, true);
	ox_findings_clear(&fs);
}

static void t_facts(void)
{
	uint8_t buf[256];
	struct ox_rtcp c;

	CU_ASSERT(ox_rtcp_read(ox_hex("81c8000c 0000000a 83aa7e80 80000000 00000064 00000003 "
				      "0000001e 00000002 10ffffff 00010005 00000007 00000008 "
				      "00000009" SDES BYE,
				       buf, sizeof(buf)),
			  &c, NULL) == 0);
	CU_ASSERT(c.n == 3 && c.has_sr && c.has_cname && c.has_bye && !c.has_rr);
	CU_ASSERT(c.v[0].ssrc == 10 && c.v[0].ntp == 0x83aa7e8080000000u && c.v[0].rtptime == 100);
	CU_ASSERT(c.v[0].packets == 3 && c.v[0].octets == 30 && c.v[0].n_reports == 1);
	CU_ASSERT(c.v[0].reports[0].cumulative_lost == -1 && c.v[0].reports[0].fraction_lost == 16);
	CU_ASSERT(c.v[0].reports[0].highest_seq == 0x10005 && c.v[0].reports[0].dlsr == 9);
	CU_ASSERT(bytes_is_eq(c.v[1].cname, B("u@host")));
	CU_ASSERT(ox_rtcp_is_plausible(ox_hex(SR SDES, buf, sizeof(buf))));
	CU_ASSERT(!ox_rtcp_is_plausible(ox_hex("80600001 00000000 00000001", buf, sizeof(buf))));
}

/* A sender's report at `at` seconds, whose RTP time runs at `hz`. */
static struct ox_rtcp report(double at, double hz, const char *cname, const char *tool)
{
	struct ox_rtcp c = { .n = 2, .has_sr = true, .has_sdes = true, .has_cname = true };

	c.v[0] = (struct ox_rtcp_packet){ .type = OX_RTCP_SR,
		.ssrc = 1,
		.ntp = (uint64_t)((3e9 + at) * 4294967296.0),
		.rtptime = (uint32_t)(int64_t)(4294900000.0 + at * hz),
		.packets = (uint32_t)(at * 50),
		.octets = (uint32_t)(at * 50000) };
	c.v[1] = (struct ox_rtcp_packet){
		.type = OX_RTCP_SDES, .cname = bytes_str(cname), .tool = bytes_str(tool)
	};
	return c;
}

static void add(struct ox_sender *s, const struct ox_rtcp *c, double at, struct ox_findings *fs)
{
	ox_sender_add(s, c, 100, 90000, (tick_t)(at * 1e9), fs);
}

static void t_slope(void)
{
	struct ox_sender good = { .ssrc = 1 }, bad = { .ssrc = 1 };
	struct ox_findings fs = { .n = 0 };

	for (int i = 0; i < 6; i++) {
		struct ox_rtcp c = report(i * 5, 90000, "a@b", "");
		add(&good, &c, i * 5, &fs);
	}
	ox_want(&fs, OX_RTP_5_1_12, false);
	CU_ASSERT(ox_sender_slope_hz(&good) > 89999.9 && ox_sender_slope_hz(&good) < 90000.1);
	CU_ASSERT(good.srs == 6 && ox_sender_interval_s(&good) == 5);
	/* a new PLAY begins a new mapping */
	struct ox_rtcp jump = report(100, 45000, "a@b", "");
	ox_sender_restart(&good);
	add(&good, &jump, 100, &fs);
	ox_want(&fs, OX_RTP_5_1_12, false);
	for (int i = 0; i < 3; i++) {
		struct ox_rtcp c = report(i * 5, 90500, "a@b", "");
		add(&bad, &c, i * 5, &fs);
	}
	ox_want(&fs, OX_RTP_5_1_12, true);
	ox_findings_clear(&fs);
}

static void t_constant(void)
{
	struct ox_sender s = { .ssrc = 1 };
	struct ox_findings fs = { .n = 0 };
	struct ox_rtcp a = report(1, 90000, "a@b", "x"), b = report(2, 90000, "a b", "y");
	struct ox_rtcp odd = report(3, 90000, "a b", "y");

	add(&s, &a, 1, &fs);
	add(&s, &a, 1.6, &fs);
	ox_want(&fs, OX_RTP_6_5_1_02, false);
	ox_want(&fs, OX_RTP_6_5_1_03, false);
	ox_want(&fs, OX_RTP_6_5_6_01, false);
	ox_want(&fs, OX_RTP_6_2_03, false);
	ox_want(&fs, OX_RTP_6_4_1_06, false);
	add(&s, &b, 2, &fs);
	ox_want(&fs, OX_RTP_6_5_1_02, true);
	ox_want(&fs, OX_RTP_6_5_6_01, true);
	ox_want(&fs, OX_RTP_6_2_03, true);
	odd.v[0].rtptime = b.v[0].rtptime;
	add(&s, &odd, 3, &fs);
	ox_want(&fs, OX_RTP_6_4_1_06, true);
	s = (struct ox_sender){ .ssrc = 1 };
	add(&s, &odd, 1, &fs);
	ox_want(&fs, OX_RTP_6_5_1_03, true);
	ox_findings_clear(&fs);
}

static void t_falls(void)
{
	struct ox_sender s = { .ssrc = 1 };
	struct ox_findings fs = { .n = 0 };
	struct ox_rtcp a = report(10, 90000, "a@b", ""), b = report(20, 90000, "a@b", "");
	struct ox_rtcp bye = { .n = 1, .has_bye = true };

	bye.v[0] = (struct ox_rtcp_packet){ .type = OX_RTCP_BYE, .ssrc = 1 };
	add(&s, &a, 10, &fs);
	add(&s, &b, 20, &fs);
	ox_want(&fs, OX_RTP_6_4_1_05, false);
	ox_want(&fs, OX_RTP_6_4_1_07, false);
	add(&s, &a, 30, &fs);
	ox_want(&fs, OX_RTP_6_4_1_05, true);
	ox_want(&fs, OX_RTP_6_4_1_07, true);
	add(&s, &bye, 31, &fs);
	ox_want(&fs, OX_RTP_6_1_08, false);
	add(&s, &b, 40, &fs);
	ox_want(&fs, OX_RTP_6_1_08, true);
	ox_findings_clear(&fs);
}

static void t_variation(void)
{
	struct ox_sender even = { .ssrc = 1 }, odd = { .ssrc = 1 };
	struct ox_findings fs = { .n = 0 };
	double at = 0;

	for (int i = 0; i < 22; i++) {
		struct ox_rtcp c = report(at, 90000, "a@b", "");
		add(&odd, &c, at, &fs);
		at += 4 + i % 3;
	}
	ox_want(&fs, OX_RTP_6_2_05, false);
	for (int i = 0; i < 22; i++) {
		struct ox_rtcp c = report(i * 5, 90000, "a@b", "");
		add(&even, &c, i * 5, &fs);
	}
	ox_want(&fs, OX_RTP_6_2_05, true);
	ox_findings_clear(&fs);
}

UNIT_SUITE(ox_rtcp, PAIRS(OX_PAIR_ENTRY){ "facts of a compound are read", t_facts },
	{ "RTP-6.1-11: a compound fits an MTU", t_mtu },
	{ "RTP-5.1-12: NTP and RTP time of SRs run at the clock's rate", t_slope },
	{ "RTP-6.5.1-02, -03, 6.5.6-01, 6.2-03, 6.4.1-06: what stays, and what moves", t_constant },
	{ "RTP-6.4.1-05, -07, 6.1-08: times and counts don't fall, BYE is last", t_falls },
	{ "RTP-6.2-05: the interval varies", t_variation });
