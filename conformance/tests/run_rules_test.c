/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conformance/run.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/* Rules over streams that are made up packet by packet. */

static void feed(struct media *m, uint16_t seq, uint32_t rtptime, uint32_t ssrc, tick_t at)
{
	uint8_t p[20] = { 0x80, 96 };
	put_be16(p + 2, seq);
	put_be32(p + 4, rtptime);
	put_be32(p + 8, ssrc);
	media_add_rtp(m, 0, bytes_of(p, sizeof(p)), 5000, at);
}

static struct media stream(size_t n)
{
	struct media m;
	media_init(&m);
	m.n = 1;
	m.v[0].url = xstrdup("rtsp://h/t");
	m.v[0].clock_hz = 90000;
	m.v[0].is_set_up = true;
	media_mark_play(&m, 1);
	for (size_t i = 0; i < n; i++)
		feed(&m, (uint16_t)(65534 + i), (uint32_t)(i * 900), 7, (tick_t)i * 10 * TICK_MS);
	return m;
}

static bool holds(const struct media *m, const char *rule, double least, double most)
{
	struct rule_args args = { .least = least, .most = most, .now = TICK_S };
	struct rule_result out = { 0 };
	const struct rule_type *type = rule_find(rule);
	CU_ASSERT_PTR_NOT_NULL_FATAL(type);
	type->judge(m, &m->v[0], &args, &out);
	return out.holds;
}

static void t_sequence(void)
{
	struct media m = stream(6);
	CU_ASSERT(holds(&m, "seq_contiguous", NAN, NAN));
	CU_ASSERT(holds(&m, "one_ssrc", NAN, NAN));
	CU_ASSERT(holds(&m, "valid", NAN, NAN));
	CU_ASSERT(holds(&m, "paced", NAN, 0.01));
	CU_ASSERT(holds(&m, "span", 0.04, 0.06));
	CU_ASSERT(!holds(&m, "span", 0.06, 1));
	feed(&m, 5, 9000, 7, TICK_S);
	CU_ASSERT(!holds(&m, "paced", NAN, 0.5)); /* too slow */
	CU_ASSERT(!holds(&m, "seq_contiguous", NAN, NAN));
	feed(&m, 6, 9900, 8, TICK_S);
	CU_ASSERT(!holds(&m, "one_ssrc", NAN, NAN));
	media_add_rtp(&m, 0, B("short"), 5000, TICK_S);
	CU_ASSERT(!holds(&m, "valid", NAN, NAN));
	media_clear(&m);
}

static void t_early(void)
{
	static const uint8_t later[20] = { 0x80, 96, 0, 2, 0, 10, 0, 0, 0, 0, 0, 7 };
	struct media m = stream(3); /* then 7 s of media in one */

	media_add_rtp(&m, 0, bytes_of(later, sizeof later), 5000, TICK_S);
	CU_ASSERT(!holds(&m, "paced", NAN, 0.5));
	for (size_t i = 0; i < m.v[0].n_packets; i++)
		m.v[0].packets[i].src_port = 0;
	CU_ASSERT(holds(&m, "paced", NAN, 0.5));
	media_clear(&m);
}

static void t_rtp_info(void)
{
	struct media m = stream(3);
	CU_ASSERT(!holds(&m, "first_seq", NAN, NAN));
	m.v[0].has_info = true;
	m.v[0].info = (struct ox_rtp_info){ .has_seq = true, .has_rtptime = true, .seq = 65534 };
	CU_ASSERT(holds(&m, "first_seq", NAN, NAN));
	CU_ASSERT(holds(&m, "first_rtptime", NAN, 0.001));
	m.v[0].info.seq = 65535;
	m.v[0].info.rtptime = 90000;
	CU_ASSERT(!holds(&m, "first_seq", NAN, NAN));
	CU_ASSERT(holds(&m, "seq_in_play", NAN, NAN));
	CU_ASSERT(!holds(&m, "first_rtptime", NAN, 0.5));
	media_clear(&m);
}

static void t_over_play(void)
{
	struct media m = stream(3);
	media_mark_play(&m, 2);
	feed(&m, 1, 2700, 7, 30 * TICK_MS);
	CU_ASSERT(holds(&m, "seq_goes_on", NAN, NAN));
	CU_ASSERT(holds(&m, "rtptime_goes_on", NAN, NAN));
	media_clear(&m);
	m = stream(3);
	media_mark_play(&m, 2);
	feed(&m, 9000, 90000000, 7, 30 * TICK_MS);
	CU_ASSERT(!holds(&m, "seq_goes_on", NAN, NAN));
	CU_ASSERT(!holds(&m, "rtptime_goes_on", NAN, NAN));
	media_clear(&m);
}

static void t_silence(void)
{
	struct media m = stream(3);
	media_mark_stop(&m, TICK_S);
	CU_ASSERT(holds(&m, "silent", NAN, 0.5));
	feed(&m, 1, 2700, 7, TICK_S + 400 * TICK_MS);
	CU_ASSERT(holds(&m, "silent", NAN, 0.5));
	feed(&m, 2, 3600, 7, TICK_S + 600 * TICK_MS);
	CU_ASSERT(!holds(&m, "silent", NAN, 0.5));
	media_clear(&m);
}

static void sr(struct media *m, uint64_t ntp, uint32_t rtptime, uint32_t packets, tick_t at)
{
	uint8_t p[28] = { 0x80, 200, 0, 6 };
	put_be32(p + 4, 7);
	put_be64(p + 8, ntp);
	put_be32(p + 16, rtptime);
	put_be32(p + 20, packets);
	media_add_rtcp(m, 0, bytes_of(p, sizeof(p)), 5001, at);
}

static void t_reports(void)
{
	struct media m = stream(3);
	CU_ASSERT(!holds(&m, "sr_seen", NAN, NAN));
	sr(&m, 1ull << 32, 1800, 3, 20 * TICK_MS);
	CU_ASSERT(holds(&m, "sr_seen", NAN, NAN));
	CU_ASSERT(holds(&m, "sr_ssrc", NAN, NAN));
	CU_ASSERT(holds(&m, "sr_counts", NAN, 0));
	CU_ASSERT(holds(&m, "sr_matches_media", NAN, 0.001));
	CU_ASSERT(!holds(&m, "cname", NAN, NAN));
	CU_ASSERT(!holds(&m, "bye_seen", NAN, NAN));
	CU_ASSERT(holds(&m, "no_bye", NAN, NAN));
	sr(&m, 3ull << 32, 181800, 203, 2020 * TICK_MS);
	CU_ASSERT(holds(&m, "sr_slope", NAN, 0.001));
	CU_ASSERT(holds(&m, "sr_ntp_moves", NAN, 0.001));
	media_clear(&m);
	/* a report that was read before the first packet is judged by that one */
	m = stream(0);
	sr(&m, 1ull << 32, 65536, 0, 990 * TICK_MS);
	CU_ASSERT(!holds(&m, "sr_matches_media", NAN, 0.1));
	feed(&m, 1, 66436, 7, TICK_S);
	CU_ASSERT(holds(&m, "sr_matches_media", NAN, 0.001));
	CU_ASSERT(!holds(&m, "sr_matches_media", NAN, -1));
	media_clear(&m);
	m = stream(3);
	sr(&m, 1ull << 32, 1800, 3, 20 * TICK_MS);
	sr(&m, 3ull << 32, 202050, 203, 2020 * TICK_MS); /* an eighth too fast */
	CU_ASSERT(!holds(&m, "sr_slope", NAN, 0.002));
	media_clear(&m);
}

static void t_globs(void)
{
	static const char *const none[] = { NULL };
	static const char *const some[] = { "neg.*", "msg.cseq.?cho", NULL };
	CU_ASSERT(run_globs_match(none, "x", true));
	CU_ASSERT(!run_globs_match(none, "x", false));
	CU_ASSERT(run_globs_match(some, "neg.hdr.nul", false));
	CU_ASSERT(run_globs_match(some, "msg.cseq.echo", false));
	CU_ASSERT(!run_globs_match(some, "msg.cseq.missing", true));
}

UNIT_SUITE(conformance_rules, { "numbers rise by one over the wrap, SSRC stays", t_sequence },
	{ "media may be early over TCP, not over UDP", t_early },
	{ "RTP-Info must fit the first packet", t_rtp_info },
	{ "numbers and times go on over a new PLAY", t_over_play },
	{ "silence is judged from the reply on, with grace", t_silence },
	{ "sender reports are judged against the stream", t_reports },
	{ "globs select cases", t_globs });
