/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_sdp.h"
#include "conformance/tests/ox_test.h"
#include "server/base/os.h"

#define V    "v=0\r\n"
#define O    "o=- 1 1 IN IP4 127.0.0.1\r\n"
#define S    "s=a\r\n"
#define C    "c=IN IP4 0.0.0.0\r\n"
#define T    "t=0 0\r\n"
#define HEAD V O S C T
#define M    "m=video 0 RTP/AVP 96\r\n"
#define MAP  "a=rtpmap:96 H264/90000\r\n"
#define SPS \
	"a=fmtp:96 packetization-mode=1;profile-level-id=42001e;sprop-parameter-sets=Z0IAHpWoKA9k,aM4G4g==\r\n"
#define CTL  "a=control:t1\r\n"
#define GOOD HEAD M MAP CTL
#define AUD  "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/44100/2\r\n"
#define AAC                                                                                  \
	"a=fmtp:97 streamtype=5;profile-level-id=15;mode=AAC-hbr;config=1210;sizelength=13;" \
	"indexlength=3;indexdeltalength=3\r\n"

static int judge(struct bytes text, struct ox_findings *fs)
{
	struct ox_sdp *s = xmalloc(sizeof(*s));
	int err = ox_sdp_read(text, s, fs);

	CU_ASSERT((err == 0) == (s->bad_line == 0));
	free(s);
	return err;
}

static void check(enum ox_rule rule, const char *good, const char *bad)
{
	struct ox_findings fs = { .n = 0 };

	(void)judge(bytes_str(good), &fs);
	ox_want(&fs, rule, false);
	ox_want_clean(&fs);
	ox_findings_clear(&fs);
	(void)judge(bytes_str(bad), &fs);
	ox_want(&fs, rule, true);
	ox_findings_clear(&fs);
}
#define OX_CHECK check

#define LINE_PAIRS(X)                                                                              \
	X(utf8, OX_SDP_5_02, "SDP-5-02: the text is UTF-8", GOOD, V O "s=\xe4\r\n" C T)            \
	X(form, OX_SDP_5_03, "SDP-5-03: a line is letter, =, value", GOOD, HEAD "video\r\n")       \
	X(blanks, OX_SDP_5_04, "SDP-5-04: no blank beside =", V O "s= \r\n" C T,                   \
		V O "s= a\r\n" C T)                                                                \
	X(blank_before, OX_SDP_5_04, "SDP-5-04: no blank before =", GOOD, "v =0\r\n" O S C T)      \
	X(fields, OX_SDP_5_05, "SDP-5-05: one blank between sub-fields", GOOD,                     \
		V O S "c=IN  IP4 0.0.0.0\r\n" T)                                                   \
	X(order, OX_SDP_5_06, "SDP-5-06: a=control after t=", GOOD, V O S C "a=control:*\r\n" T)   \
	X(order_media, OX_SDP_5_06, "SDP-5-06: c= before a= in a section", GOOD, GOOD C)           \
	X(order_version, OX_SDP_5_06, "SDP-5-06: o= after v=", GOOD, O V S C T)                    \
	X(required, OX_SDP_5_07, "SDP-5-07: v, o, s and t are there", GOOD, V O S C M MAP)         \
	X(crlf, OX_SDP_5_12, "SDP-5-12: lines end with CRLF", GOOD, HEAD "a=x\n")                  \
	X(last_crlf, OX_SDP_5_12, "SDP-5-12: the last line too", GOOD, HEAD "a=x")                 \
	X(ascii, OX_SDP_5_14, "SDP-5-14: domain names are ASCII", GOOD,                            \
		V "o=- 1 1 IN IP4 h\xc3\xa4.org\r\n" S C T)                                        \
	X(version, OX_SDP_5_1_01, "SDP-5.1-01: v=0 is first", GOOD, "v=1\r\n" O S C T)             \
	X(origin, OX_SDP_5_2_01, "SDP-5.2-01: o= has six sub-fields", GOOD,                        \
		V "o=a b 1 1 IN IP4 h\r\n" S C T)                                                  \
	X(origin_ids, OX_SDP_5_2_02, "SDP-5.2-02: ids are digits", GOOD,                           \
		V "o=- -1 1 IN IP4 h\r\n" S C T)                                                   \
	X(origin_address, OX_SDP_5_2_05, "SDP-5.2-05: the address fits its type", GOOD,            \
		V "o=- 1 1 IN IP4 ::1\r\n" S C T)                                                  \
	X(name_twice, OX_SDP_5_3_01, "SDP-5.3-01: one s=", GOOD, V O S S C T)                      \
	X(name_empty, OX_SDP_5_3_02, "SDP-5.3-02: s= is not empty", GOOD, V O "s=\r\n" C T)        \
	X(name_blank, OX_SDP_5_3_03, "SDP-5.3-03: the empty name is one blank", V O "s= \r\n" C T, \
		V O "s=  \r\n" C T)                                                                \
	X(information, OX_SDP_5_4_01, "SDP-5.4-01: one i= per section",                            \
		V O S "i=x\r\n" C T M "i=y\r\n" MAP, V O S "i=x\r\ni=y\r\n" C T)                   \
	X(uri, OX_SDP_5_5_01, "SDP-5.5-01: u= before the first m=", V O S "u=http://h/\r\n" C T,   \
		GOOD "u=http://h/\r\n")                                                            \
	X(email_place, OX_SDP_5_6_01,                                                              \
		"SDP-5.6-01: e= before the first m=", V O S "e=a@b.org (x)\r\n" C T,               \
		GOOD "e=a@b.org\r\n")                                                              \
	X(phone, OX_SDP_5_6_02, "SDP-5.6-02: phone numbers start with +",                          \
		V O S "p=+1 617 555\r\n" C T, V O S "p=1 617 555\r\n" C T)                         \
	X(email, OX_SDP_5_6_03, "SDP-5.6-03: e= is an address", V O S "e=Ann <a@b.org>\r\n" C T,   \
		V O S "e=admin@\r\n" C T)                                                          \
	X(connection, OX_SDP_5_7_01, "SDP-5.7-01: c= for every section", V O S T M C MAP,          \
		V O S T M MAP)                                                                     \
	X(multicast_ttl, OX_SDP_5_7_02, "SDP-5.7-02: multicast IPv4 has a ttl",                    \
		V O S "c=IN IP4 224.2.1.1/127\r\n" T, V O S "c=IN IP4 224.2.1.1\r\n" T)            \
	X(multicast6_ttl, OX_SDP_5_7_02, "SDP-5.7-02: multicast IPv6 has none",                    \
		V O S "c=IN IP6 FF15::101\r\n" T, V O S "c=IN IP6 FF15::101/127/3\r\n" T)          \
	X(unicast_slash, OX_SDP_5_7_03, "SDP-5.7-03: no slash after unicast", GOOD,                \
		V O S "c=IN IP4 10.0.0.1/127\r\n" T)                                               \
	X(addresses, OX_SDP_5_7_04, "SDP-5.7-04: one address at session level", GOOD,              \
		V O S "c=IN IP4 224.2.1.1/127/3\r\n" T)                                            \
	X(bandwidth, OX_SDP_5_8_01, "SDP-5.8-01: b=type:number", V O S C "b=AS:128\r\n" T,         \
		V O S C "b=AS:12.5\r\n" T)                                                         \
	X(time, OX_SDP_5_9_01, "SDP-5.9-01: t= has two NTP times",                                 \
		V O S C "t=2873397496 2873404696\r\n", V O S C "t=0\r\n")                          \
	X(time_order, OX_SDP_5_9_02, "SDP-5.9-02: stop is not before start",                       \
		V O S C "t=2873397496 0\r\n", V O S C "t=2873404696 2873397496\r\n")               \
	X(repeat, OX_SDP_5_10_01, "SDP-5.10-01: r= has typed times",                               \
		V O S C T "r=7d 1h 0 25h\r\n", V O S C T "r=7w 1h 0\r\n")                          \
	X(repeat_place, OX_SDP_5_10_01, "SDP-5.10-01: r= follows t=", V O S C T "r=7d 1h 0\r\n",   \
		V O S C "r=7d 1h 0\r\n" T)                                                         \
	X(zone, OX_SDP_5_11_01, "SDP-5.11-01: z= has pairs",                                       \
		V O S C T "z=2882844526 -1h 2898848070 0\r\n", V O S C T "z=2882844526\r\n")       \
	X(key, OX_SDP_5_12_01, "SDP-5.12-01: no keys in clear", GOOD,                              \
		V O S C T "k=clear:secret\r\n")                                                    \
	X(attribute, OX_SDP_5_13_01, "SDP-5.13-01: an attribute's name is a token", GOOD,          \
		HEAD "a=x(y:1\r\n")                                                                \
	X(attribute_blank, OX_SDP_5_13_02, "SDP-5.13-02: no blank beside the name", GOOD,          \
		HEAD "a=x :1\r\n")                                                                 \
	X(media_fields, OX_SDP_5_14_01, "SDP-5.14-01: m= has four sub-fields", GOOD,               \
		HEAD "m=video 0 RTP/AVP\r\n")                                                      \
	X(media_port, OX_SDP_5_14_01, "SDP-5.14-01: the port is a port", GOOD,                     \
		HEAD "m=video 99999 RTP/AVP 96\r\n" MAP)                                           \
	X(media_type, OX_SDP_5_14_02, "SDP-5.14-02: a registered media type", GOOD,                \
		HEAD "m=film 0 RTP/AVP 96\r\n" MAP)                                                \
	X(payload_type, OX_SDP_5_14_03, "SDP-5.14-03: formats are 0 to 127", GOOD,                 \
		HEAD "m=video 0 RTP/AVP 128\r\n")                                                  \
	X(dynamic, OX_SDP_5_14_04, "SDP-5.14-04: a dynamic type has rtpmap", GOOD, HEAD M)         \
	X(same_port, OX_SDP_5_14_07, "SDP-5.14-07: sections do not share an address", GOOD,        \
		HEAD "m=audio 5000 RTP/AVP 0\r\na=control:1\r\nm=audio 5000 RTP/AVP 8\r\n"         \
		     "a=control:2\r\n")                                                            \
	X(leftover, OX_SDP_9_02, "SDP-9-02: no bytes after the last line", GOOD, HEAD "\r\n")      \
	X(unknown, OX_SDP_9_01, "SDP-9-01: an unknown line breaks the grammar", GOOD,              \
		HEAD "y=1\r\n")

#define ATTR_PAIRS(X)                                                                              \
	X(rtpmap_place, OX_SDP_6_01, "SDP-6-01: rtpmap of a format of m=", GOOD,                   \
		HEAD M MAP "a=rtpmap:97 x/90000\r\n")                                              \
	X(rtpmap_twice, OX_SDP_6_01, "SDP-6-01: one rtpmap per format", GOOD, HEAD M MAP MAP)      \
	X(rtpmap, OX_SDP_6_02, "SDP-6-02: rtpmap is name/clock", GOOD,                             \
		HEAD M "a=rtpmap:96 H264\r\n")                                                     \
	X(rtpmap_clock, OX_SDP_6_02, "SDP-6-02: the clock is not 0", GOOD,                         \
		HEAD M "a=rtpmap:96 H264/0\r\n")                                                   \
	X(rtpmap_extra, OX_SDP_6_03, "SDP-6-03: no parameters in rtpmap", GOOD,                    \
		HEAD M "a=rtpmap:96 H264/90000;packetization-mode=1\r\n")                          \
	X(fmtp, OX_SDP_6_04, "SDP-6-04: fmtp of a format of m=", GOOD,                             \
		HEAD M MAP "a=fmtp:97 x=1\r\n")                                                    \
	X(ptime, OX_SDP_6_05, "SDP-6-05: ptime is positive",                                       \
		HEAD "m=audio 0 RTP/AVP 0\r\na=ptime:20\r\n",                                      \
		HEAD "m=audio 0 RTP/AVP 0\r\na=ptime:0\r\n")                                       \
	X(framerate, OX_SDP_6_06, "SDP-6-06: framerate is of video", GOOD "a=framerate:29.97\r\n", \
		HEAD "m=audio 0 RTP/AVP 0\r\na=framerate:25\r\n")                                  \
	X(direction, OX_SDP_6_07, "SDP-6-07: one direction per level", GOOD "a=recvonly\r\n",      \
		GOOD "a=recvonly\r\na=sendonly\r\n")                                               \
	X(level, OX_SDP_6_08, "SDP-6-08: tool is of the session", HEAD "a=tool:x\r\n" M MAP,       \
		GOOD "a=tool:x\r\n")                                                               \
	X(quality, OX_SDP_6_10, "SDP-6-10: quality is 0 to 10", GOOD "a=quality:10\r\n",           \
		GOOD "a=quality:11\r\n")                                                           \
	X(ptime_fmtp, OX_RTSP_C_1_4_01, "RTSP-C.1.4-01: packet time is no codec parameter", GOOD,  \
		HEAD "m=audio 0 RTP/AVP 0\r\na=fmtp:0 ptime=20\r\n")                               \
	X(port, OX_RTSP_C_1_2_01, "RTSP-C.1.2-01: the port is 0", GOOD,                            \
		HEAD "m=audio 5000 RTP/AVP 0\r\n")                                                 \
	X(null_address, OX_RTSP_C_1_7_01, "RTSP-C.1.7-01: c= has the null address", GOOD,          \
		V O S "c=IN IP4 10.0.0.1\r\n" T)                                                   \
	X(controls, OX_RTSP_C_3_02, "RTSP-C.3-02: every stream has a control", GOOD,               \
		HEAD "a=control:*\r\n" M MAP CTL "m=audio 0 RTP/AVP 0\r\n")                        \
	X(controls_alone, OX_RTSP_C_2_01, "RTSP-C.2-01: also without an aggregate", GOOD,          \
		HEAD M MAP CTL "m=audio 0 RTP/AVP 0\r\n")                                          \
	X(range, OX_RTSP_3_6_01, "RTSP-3.6-01: a=range by its grammar",                            \
		HEAD "a=range:npt=0-30.5\r\n" M MAP, HEAD "a=range:npt=0-  30.5\r\n" M MAP)

#define CODEC_PAIRS(X)                                                                           \
	X(static_type, OX_PROF_6_01, "PROF-6-01: static types keep their meaning",               \
		HEAD "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",                          \
		HEAD "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMU/8000\r\n")                          \
	X(barred, OX_PROF_6_03, "PROF-6-03: 72 to 76 are barred", GOOD,                          \
		HEAD "m=audio 0 RTP/AVP 72\r\na=rtpmap:72 x/8000\r\n")                           \
	X(g722, OX_PROF_4_5_01, "PROF-4.5-01: G.722 has a clock of 8000",                        \
		HEAD "m=audio 0 RTP/AVP 9\r\na=rtpmap:9 G722/8000\r\n",                          \
		HEAD "m=audio 0 RTP/AVP 9\r\na=rtpmap:9 G722/16000\r\n")                         \
	X(video_clock, OX_PROF_5_01, "PROF-5-01: video has a clock of 90000", GOOD,              \
		HEAD M "a=rtpmap:96 X-B/1000\r\n")                                               \
	X(clock, OX_RTP_5_1_13, "RTP-5.1-13: the clock is fine enough", GOOD,                    \
		HEAD "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 x/50\r\n")                             \
	X(h264_clock, OX_H264_5_1_02, "H264-5.1-02: 90 kHz", GOOD,                               \
		HEAD M "a=rtpmap:96 H264/48000\r\n")                                             \
	X(h264_mode, OX_H264_8_1_01, "H264-8.1-01: packetization-mode is 0, 1 or 2", GOOD SPS,   \
		GOOD "a=fmtp:96 packetization-mode=3\r\n")                                       \
	X(h264_sprop, OX_H264_8_1_02, "H264-8.1-02: sprop is base64", GOOD SPS,                  \
		GOOD "a=fmtp:96 sprop-parameter-sets=Z0I!\r\n")                                  \
	X(h264_profile, OX_H264_8_1_02, "H264-8.1-02: the SPS has that profile", GOOD SPS,       \
		GOOD "a=fmtp:96 profile-level-id=640028;sprop-parameter-sets=Z0IAHpWoKA9k\r\n")  \
	X(h264_fmtp, OX_H264_8_2_1_01, "H264-8.2.1-01: parameters are name=value", GOOD SPS,     \
		GOOD "a=fmtp:96 packetization-mode\r\n")                                         \
	X(h264_level, OX_H264_8_2_1_02, "H264-8.2.1-02: profile-level-id is 6 digits", GOOD SPS, \
		GOOD "a=fmtp:96 profile-level-id=42001\r\n")                                     \
	X(aac_hbr, OX_AAC_3_3_6_01, "AAC-3.3.6-01: AAC-hbr has 13, 3, 3", HEAD AUD AAC,          \
		HEAD AUD "a=fmtp:97 streamtype=5;profile-level-id=15;mode=AAC-hbr;config=1210;"  \
			 "sizelength=6;indexlength=2;indexdeltalength=2\r\n")                    \
	X(aac_config, OX_AAC_4_1_01, "AAC-4.1-01: config fits rtpmap", HEAD AUD AAC,             \
		HEAD AUD                                                                         \
		"a=fmtp:97 streamtype=5;profile-level-id=15;mode=generic;config=1208\r\n")       \
	X(aac_needs, OX_AAC_4_1_02, "AAC-4.1-02: streamtype, profile-level-id, mode",            \
		HEAD AUD AAC, HEAD AUD "a=fmtp:97 config=1210\r\n")

LINE_PAIRS(OX_PAIR_FN)
ATTR_PAIRS(OX_PAIR_FN)
CODEC_PAIRS(OX_PAIR_FN)

static void t_nul(void)
{
	struct ox_findings fs = { .n = 0 };

	CU_ASSERT(judge(LIT(V O "s=a\0b\r\n" C T), &fs) == ERR_SYNTAX);
	ox_want(&fs, OX_SDP_5_11, true);
	ox_want(&fs, OX_SDP_9_02, false);
	ox_findings_clear(&fs);
	CU_ASSERT(judge(LIT(GOOD "\0"), &fs) == ERR_SYNTAX);
	ox_want(&fs, OX_SDP_5_11, false);
	ox_want(&fs, OX_SDP_9_02, true);
	ox_findings_clear(&fs);
}

static void t_line_named(void)
{
	struct ox_sdp *s = xmalloc(sizeof(*s));

	CU_ASSERT(ox_sdp_read(B(V O S C "t=0  0\r\n"), s, NULL) == ERR_SYNTAX);
	CU_ASSERT(s->bad_line == 5 && s->bad_at == sizeof(V O S C) - 1 + 4);
	free(s);
}

static void t_facts(void)
{
	struct ox_sdp *s = xmalloc(sizeof(*s));

	CU_ASSERT(ox_sdp_read(B(V O S C T "a=control:*\r\na=range:npt=0-30\r\n" M
					  "b=AS:500\r\n" MAP SPS CTL AUD AAC
					  "a=control:rtsp://h/x/t2\r\n"),
			  s, NULL) == 0);
	CU_ASSERT(s->n_media == 2 && s->has_range && s->range.end == 30 * TICK_S);
	CU_ASSERT(bytes_is_eq(s->control, B("*")) && s->media[0].as_kbps == 500);
	CU_ASSERT(bytes_is_eq(s->media[0].control, B("t1")));
	const struct ox_format *f = ox_media_format(&s->media[1], 97);
	CU_ASSERT(f && f->clock_hz == 44100 && f->channels == 2);
	CU_ASSERT(f && bytes_is_eq(ox_fmtp_value(f->fmtp, "sizeLength"), B("13")));
	CU_ASSERT(ox_media_format(&s->media[1], 96) == NULL);
	CU_ASSERT(ox_sdp_media_by_url(s, B("rtsp://h/x/"), B("rtsp://h/x/t1")) == &s->media[0]);
	CU_ASSERT(
		ox_sdp_media_by_url(s, B("rtsp://h/x/"), B("rtsp://H:554/x/t2/")) == &s->media[1]);
	CU_ASSERT(ox_sdp_media_by_url(s, B("rtsp://h/x/"), B("rtsp://h/x/t3")) == NULL);
	free(s);
}

/* In the manner of JSONTestSuite: accepted and refused texts. */
static void t_accepted(void)
{
	static const char *const y[] = { V O S T, GOOD, HEAD, V O "s= \r\n" C T, V O "s=-\r\n" C T,
		V O S "u=http://a/b\r\ne=a@b\r\ne=c@d\r\np=+1\r\n" C "b=AS:1\r\n"
		      "b=RR:0\r\n" T "t=0 0\r\nr=1 1 1\r\n",
		V O S T "m=audio 0/2 RTP/AVP 0 8 96\r\n" C
			"c=IN IP4 0.0.0.0\r\na=rtpmap:96 x/8000\r\n",
		V "o=u 18446744073709551616 1 IN IP6 ::1\r\n" S "c=IN IP6 ::\r\n" T,
		HEAD "m=application 0 udp wb\r\n", HEAD "a=x-qt-text-nam:a b c\r\na=recvonly\r\n" };

	for (size_t i = 0; i < COUNT(y); i++) {
		struct ox_findings fs = { .n = 0 };
		CU_ASSERT(judge(bytes_str(y[i]), &fs) == 0);
		ox_findings_clear(&fs);
	}
}

static void t_refused(void)
{
	static const char *const n[] = { "", "v", "v=", V, "\r\n", O V S T, V O S "t=0 0 0\r\n",
		V O S "t=-1 0\r\n", V O S "t=5 5\r\n", V O S T "m=\r\n", V O S T "m=audio\r\n",
		V O S T "m=audio x RTP/AVP 0\r\n" C, V O S T "m=audio 0 RTP/AVP -1\r\n" C,
		V O S T "m=audio 0 RTP/AVP 0 0\r\n" C, V O S T "A=x\r\n", V O S T "a=\r\n",
		V O S T "a=:x\r\n", V O S T "a=control:\r\n", V O S T C, V O S "c=IN IP4\r\n" T,
		V O S "c=IN IP4 1.2.3.4 5\r\n" T, V O S "c=TN IP4 1.2.3.4\r\n" T,
		V O S "c=IN IP6 1.2.3.4\r\n" T, V O S "b=AS\r\n" T, V O S "b=\r\n" T,
		V O S "b=:1\r\n" T, V O S "b=AS:-1\r\n" T, V O S T "\r\nm=audio 0 RTP/AVP 0\r\n" C,
		"v=0 \r\n" O S T, V O S T T "z=1\r\n", V O S T "k=none\r\n", V O O S T, V V O S T };

	for (size_t i = 0; i < COUNT(n); i++) {
		struct ox_findings fs = { .n = 0 };
		CU_ASSERT(judge(bytes_str(n[i]), &fs) == ERR_SYNTAX);
		ox_want(&fs, OX_SDP_9_01, true);
		ox_findings_clear(&fs);
	}
}

UNIT_SUITE(ox_sdp,
	LINE_PAIRS(OX_PAIR_ENTRY) ATTR_PAIRS(OX_PAIR_ENTRY) CODEC_PAIRS(OX_PAIR_ENTRY){
		"SDP-5-11: no NUL inside a value; at the end it is SDP-9-02", t_nul },
	{ "SDP-9-01: the first bad line is named by number and offset", t_line_named },
	{ "facts of a description are read", t_facts },
	{ "descriptions by the grammar are accepted (y_)", t_accepted },
	{ "descriptions against the grammar are refused (n_)", t_refused });
