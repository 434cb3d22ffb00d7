/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_text.h"
#include "conformance/tests/ox_test.h"

static void t_transport(void)
{
	struct ox_transport t[2];
	struct ox_findings fs = { .n = 0 };

	CU_ASSERT(ox_transport_read(B("RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=0a0B0c0D;"
				      "mode=\"PLAY\";source=1.2.3.4, rtp/avp ; client_port=7000"),
			  0, t, 2, &fs) == 2);
	CU_ASSERT(t[0].is_tcp && t[0].is_known && t[0].unicast && t[0].has_interleaved);
	CU_ASSERT(t[0].interleaved[0] == 4 && t[0].interleaved[1] == 5);
	CU_ASSERT(t[0].has_ssrc && t[0].ssrc == 0x0a0b0c0d);
	CU_ASSERT(bytes_is_eq(t[0].mode, B("PLAY")) && bytes_is_eq(t[0].source, B("1.2.3.4")));
	CU_ASSERT(!t[1].is_tcp && t[1].is_rtp_avp && t[1].is_single_client_port);
	CU_ASSERT(t[1].client_port[0] == 7000 && t[1].client_port[1] == 7001);
	CU_ASSERT(fs.n == 0);
	CU_ASSERT(ox_transport_read(B("RTP/AVP/SCTP"), 0, t, 1, &fs) == 1 && !t[0].is_known);
	CU_ASSERT(ox_transport_read(B(""), 0, t, 1, &fs) == 0);
	CU_ASSERT(ox_transport_read(B("RTP/AVP;client_port=a-b"), 0, t, 1, &fs) == 1);
	CU_ASSERT(t[0].is_bad && !t[0].has_client_port);
	ox_findings_clear(&fs);
}

static void t_rtp_info(void)
{
	struct ox_rtp_info v[3];

	CU_ASSERT(ox_rtp_info_read(B("url=rtsp://h/a,b/1;seq=10;rtptime=4294967295, "
				     "url=rtsp://h/2;seq=65535;ssrc=00ff"),
			  0, v, 3, NULL) == 2);
	CU_ASSERT(bytes_is_eq(v[0].url, B("rtsp://h/a,b/1")));
	CU_ASSERT(v[0].has_seq && v[0].seq == 10 && v[0].rtptime == UINT32_MAX);
	CU_ASSERT(v[1].seq == 65535 && !v[1].has_rtptime && v[1].ssrc == 255);
	CU_ASSERT(ox_rtp_info_read(B("url=rtsp://h/1;seq=1;"), 0, v, 3, NULL) == 1);
}

static void t_range(void)
{
	struct ox_range r;

	CU_ASSERT(ox_range_read(B("npt=1:02:03.25-"), 0, &r, NULL) == 0);
	CU_ASSERT(r.has_start && !r.has_end && r.start == 3723 * TICK_S + 250 * TICK_MS);
	CU_ASSERT(ox_range_read(B("npt=-20.5"), 0, &r, NULL) == 0 && !r.has_start);
	CU_ASSERT(r.end == 20 * TICK_S + 500 * TICK_MS);
	CU_ASSERT(ox_range_read(B("npt=now-;time=20261122T195123Z"), 0, &r, NULL) == 0 && r.is_now);
	CU_ASSERT(bytes_is_eq(r.time, B("20261122T195123Z")));
	CU_ASSERT(ox_range_read(B("clock=19700102T000001.5Z-"), 0, &r, NULL) == 0);
	CU_ASSERT(r.start == 86401 * TICK_S + 500 * TICK_MS);
	CU_ASSERT(ox_range_read(B("smpte=0:00:10:15-"), 0, &r, NULL) == 0);
	CU_ASSERT(r.start == 10 * TICK_S + 500 * TICK_MS);
	CU_ASSERT(ox_range_read(B("foo=1-2"), 0, &r, NULL) == ERR_UNSUPPORTED);
	static const char *const bad[] = { "", "npt", "npt=", "npt=-", "npt=5", "npt=a-",
		"npt=1:2-", "npt=0:60:00-", "npt=0:0:60-", "npt=1e3-", "npt=nan-", "npt=1--2",
		"npt=-1-", "npt=0-  30", "clock=20261122T195123-", "clock=02261122T195123Z-",
		"clock=20260230T000000Z-", "smpte=1-" };
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT(ox_range_read(bytes_str(bad[i]), 0, &r, NULL) == ERR_SYNTAX);
}

static void t_date(void)
{
	int64_t s;

	CU_ASSERT(ox_date_read(B("Sun, 06 Nov 1994 08:49:37 GMT"), &s) == 0 && s == 784111777);
	CU_ASSERT(ox_date_read(B("Thu, 01 Jan 1970 00:00:00 GMT"), &s) == 0 && s == 0);
	CU_ASSERT(ox_date_read(B("Sun Nov  6 08:49:37 1994"), &s) == ERR_SYNTAX);
	CU_ASSERT(ox_date_read(B("Sun, Nov 06 1994 08:49:37 GMT"), &s) == ERR_SYNTAX);
	CU_ASSERT(ox_date_read(B("Sun, 06 Nov 1994 08:49:37 UTC"), &s) == ERR_SYNTAX);
	CU_ASSERT(ox_date_read(B("Tue, 29 Feb 2023 08:49:37 GMT"), &s) == ERR_RANGE);
}

static void t_challenges(void)
{
	struct ox_challenge c[4];

	CU_ASSERT(ox_challenge_read(B("Basic realm=\"a, b\", Digest realm=\"c\",nonce=\"d\","
				      "algorithm=MD5,qop=\"auth,auth-int\",stale=TRUE"),
			  0, c, 4, NULL) == 2);
	CU_ASSERT(c[0].is_basic && bytes_is_eq(c[0].realm, B("a, b")));
	CU_ASSERT(c[1].is_digest && bytes_is_eq(c[1].nonce, B("d")));
	CU_ASSERT(bytes_is_eq(c[1].qop, B("auth,auth-int")));
	CU_ASSERT(bytes_is_eq(c[1].algorithm, B("MD5")) && bytes_is_eq(c[1].stale, B("TRUE")));
	CU_ASSERT(ox_challenge_read(B(""), 0, c, 4, NULL) == 0);
	CU_ASSERT(ox_challenge_read(B(",,,"), 0, c, 4, NULL) <= 4);
}

static void t_url(void)
{
	struct ox_url u;

	CU_ASSERT(ox_url_read(B("rtsp://joe:pw@[::1]:8554/a%20b?c"), 0, &u, NULL) == 0);
	CU_ASSERT(bytes_is_eq(u.host, B("::1")) && u.port == 8554 && u.is_ip_literal);
	CU_ASSERT(bytes_is_eq(u.user, B("joe:pw")) && bytes_is_eq(u.path, B("/a%20b?c")));
	CU_ASSERT(ox_url_read(B("rtspu://example.org"), 0, &u, NULL) == 0 && u.port == 554);
	static const char *const bad[] = { "", "/a", "http://h/", "rtsp:/h", "rtsp://", "rtsp:///a",
		"rtsp://h:x/", "rtsp://h:65536/", "rtsp://h/a b", "rtsp://h/%2", "rtsp://h/%zz",
		"rtsp://[::1/", "rtsp://[1.2.3.4]/", "rtsp://h_x/" };
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT(ox_url_read(bytes_str(bad[i]), 0, &u, NULL) == ERR_SYNTAX);
}

static void t_join(void)
{
	static const struct {
		const char *base, *ref, *strict, *concat;
	} rows[] = {
		{ "rtsp://h/a/", "t1", "rtsp://h/a/t1", "rtsp://h/a/t1" },
		{ "rtsp://h/a", "t1", "rtsp://h/t1", "rtsp://h/a/t1" },
		{ "rtsp://h", "t1", "rtsp://h/t1", "rtsp://h/t1" },
		{ "rtsp://h/a/b", "*", "rtsp://h/a/b", "rtsp://h/a/b" },
		{ "rtsp://h/a/b", "", "rtsp://h/a/b", "rtsp://h/a/b" },
		{ "rtsp://h/a/b/", "../c", "rtsp://h/a/c", "rtsp://h/a/b/../c" },
		{ "rtsp://h/a/b/", "./c/.", "rtsp://h/a/b/c/", "rtsp://h/a/b/./c/." },
		{ "rtsp://h/a/b", "/c", "rtsp://h/c", "rtsp://h/a/b/c" },
		{ "rtsp://h/a/?q=1", "t", "rtsp://h/a/t", "rtsp://h/a/?q=1/t" },
		{ "rtsp://h/a", "rtsp://g/b", "rtsp://g/b", "rtsp://g/b" },
	};
	char out[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes base = bytes_str(rows[i].base), ref = bytes_str(rows[i].ref);
		CU_ASSERT(ox_url_join(base, ref, out, sizeof(out)) == 0);
		CU_ASSERT_STRING_EQUAL(out, rows[i].strict);
		CU_ASSERT(ox_url_concat(base, ref, out, sizeof(out)) == 0);
		CU_ASSERT_STRING_EQUAL(out, rows[i].concat);
		CU_ASSERT(ox_url_join(base, ref, out, 8) == ERR_LIMIT);
	}
	CU_ASSERT(ox_url_is_same(B("RTSP://H:554/a/"), B("rtsp://h/a"), true));
	CU_ASSERT(!ox_url_is_same(B("rtsp://h/a/"), B("rtsp://h/a"), false));
	CU_ASSERT(!ox_url_is_same(B("rtsp://h:8554/a"), B("rtsp://h/a"), true));
}

static void t_text(void)
{
	uint8_t out[8];
	size_t n;

	CU_ASSERT(ox_utf8_bad_at(B("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")) == 10);
	CU_ASSERT(ox_utf8_bad_at(B("a\xc0\x80")) == 1);
	CU_ASSERT(ox_utf8_bad_at(B("\xed\xa0\x80")) == 0);
	CU_ASSERT(ox_utf8_bad_at(B("ab\xe2\x82")) == 2);
	CU_ASSERT(ox_base64_read(B("Z0IA"), out, sizeof(out), &n) && n == 3 && out[0] == 0x67);
	CU_ASSERT(ox_base64_read(B("aM4="), out, sizeof(out), &n) && n == 2 && out[1] == 0xce);
	CU_ASSERT(!ox_base64_read(B("aM4"), out, sizeof(out), &n));
	CU_ASSERT(!ox_base64_read(B("a=4="), out, sizeof(out), &n));
	CU_ASSERT(ox_is_ip6(B("fe80::1")) && ox_is_ip6(B("::")) && ox_is_ip6(B("::ffff:1.2.3.4")));
	CU_ASSERT(!ox_is_ip6(B("1:2:3")) && !ox_is_ip6(B(":::")) && !ox_is_ip6(B("1::2::3")));
	CU_ASSERT(
		ox_is_ip4(B("224.2.0.1")) && !ox_is_ip4(B("1.2.3")) && !ox_is_ip4(B("1.2.3.256")));
}

static void t_findings(void)
{
	struct ox_findings fs = { .n = 0 }, all = { .n = 0 };

	for (int i = 0; i < OX_PER_RULE + 5; i++)
		ox_got(ox_find(&fs, OX_RTP_5_1_09, 2, "a gap"), B("a\n\\\xff"));
	CU_ASSERT(fs.n == OX_PER_RULE && fs.suppressed == 5);
	CU_ASSERT(fs.per_rule[OX_RTP_5_1_09] == OX_PER_RULE + 5);
	CU_ASSERT_STRING_EQUAL(fs.v[0].got, "a\\x0a\\x5c\\xff");
	CU_ASSERT_STRING_EQUAL(fs.v[0].clause, "RTP-5.1-09");
	ox_findings_add(&all, &fs);
	CU_ASSERT(all.n == OX_PER_RULE && all.per_rule[OX_RTP_5_1_09] == OX_PER_RULE + 5);
	CU_ASSERT(all.suppressed == 5 && ox_findings_worst(&all) == OX_FAIL);
	CU_ASSERT(ox_find(NULL, OX_RTP_5_1_09, 0, "nobody asks") == NULL);
	uint8_t many[300];
	memset(many, 0, sizeof(many));
	ox_got(&all.v[0], bytes_of(many, sizeof(many)));
	CU_ASSERT(strlen(all.v[0].got) < sizeof(all.v[0].got));
	ox_findings_clear(&fs);
	ox_findings_clear(&all);
}

UNIT_SUITE(ox_fields,
	{ "Transport: every parameter, alternatives in order (2326 12.39)", t_transport },
	{ "RTP-Info: URLs may hold commas (2326 12.33)", t_rtp_info },
	{ "Range: npt, smpte, clock by their grammars (2326 3.5 - 3.7)", t_range },
	{ "Date: RFC 1123 in GMT, a date that exists", t_date },
	{ "challenges: several in one header (2617 1.2)", t_challenges },
	{ "URLs: user, IPv6, port, escapes (2326 3.2)", t_url },
	{ "control URLs: strict resolution and concatenation (2326 C.1.1)", t_join },
	{ "small grammars: UTF-8, base64, addresses", t_text },
	{ "findings are bounded, counted and printable", t_findings });
