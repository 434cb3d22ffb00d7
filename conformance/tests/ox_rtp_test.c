/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_rtp.h"
#include "conformance/tests/ox_test.h"
#include "server/base/os.h"

static void judge(const char *hex, struct ox_findings *fs)
{
	uint8_t buf[128];
	struct ox_rtp p;
	int err = ox_rtp_read(ox_hex(hex, buf, sizeof(buf)), &p, fs);

	CU_ASSERT((err == 0) == (fs->n == 0));
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

#define REST "60 0001 00000002 00000003"

#define PACKET_PAIRS(X)                                                                           \
	X(version, OX_RTP_5_1_01, "RTP-5.1-01: the version is 2", "80" REST "00", "40" REST "00") \
	X(padding, OX_RTP_5_1_02, "RTP-5.1-02: the last octet counts the padding",                \
		"a0" REST "aabb 0002", "a0" REST "aabb 0005")                                     \
	X(padding_0, OX_RTP_5_1_02, "RTP-5.1-02: the count is not 0", "a0" REST "aa 01",          \
		"a0" REST "aa 00")                                                                \
	X(extension, OX_RTP_5_1_03, "RTP-5.1-03: X means an extension header",                    \
		"90" REST "bede0000", "90" REST "bede")                                           \
	X(csrc, OX_RTP_5_1_04, "RTP-5.1-04: CC counts the CSRCs", "81" REST "00000009",           \
		"82" REST "00000009")                                                             \
	X(header, OX_RTP_5_1_04, "RTP-5.1-04: the fixed header has 12 octets", "80" REST,         \
		"80 60 0001 00000002")                                                            \
	X(extension_length, OX_RTP_5_3_1_01, "RTP-5.3.1-01: the extension fits",                  \
		"90" REST "bede0001 00000000", "90" REST "bede0002 00000000")
PACKET_PAIRS(OX_PAIR_FN)

static void t_facts(void)
{
	uint8_t buf[64];
	struct ox_rtp p;

	CU_ASSERT(ox_rtp_read(ox_hex("b1 e0 ffff 01020304 0a0b0c0d 11111111 1234 0001 deadbeef "
				     "aabbcc 000002",
				      buf, sizeof(buf)),
			  &p, NULL) == 0);
	CU_ASSERT(p.marker && p.pt == 96 && p.seq == 65535 && p.rtptime == 0x01020304);
	CU_ASSERT(p.ssrc == 0x0a0b0c0d && p.n_csrc == 1 && p.extension.n == 4);
	CU_ASSERT(p.payload.n == 4 && p.payload.p[0] == 0xaa && p.padding == 2);
}

/* The walk in the reference for our captures, with its unbounded memory. */
struct walk {
	int64_t *seen;
	size_t n;
	int64_t hi, base;
	uint64_t dup, late, gaps, jumps;
};

static void walk_add(struct walk *w, uint16_t s)
{
	int64_t e = s;

	if (w->n > 0) {
		int64_t d = ((s - (w->hi & 0xffff) + 0x8000) & 0xffff) - 0x8000;
		e = w->hi + d;
		for (size_t i = 0; i < w->n; i++) {
			if (w->seen[i] == e) {
				w->dup++;
				return;
			}
		}
		w->jumps += d > 3000 || d < -3000;
		if (d > 0) {
			w->gaps += d > 1;
			w->hi = e;
		} else {
			w->late++;
			w->base = e < w->base ? e : w->base;
		}
	} else {
		w->hi = w->base = e;
	}
	w->seen = xrealloc(w->seen, (w->n + 1) * sizeof(*w->seen));
	w->seen[w->n++] = e;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void t_counts(void)
{
	struct ox_rtp_stream *s = xmalloc(sizeof(*s));

	for (uint32_t seed = 1; seed <= 12; seed++) {
		struct walk w = { .n = 0 };
		uint32_t state = seed;
		uint16_t seq = (uint16_t)next_random(&state);
		*s = (struct ox_rtp_stream){ .ssrc = 1 };
		for (int i = 0; i < 2000; i++) {
			uint32_t r = next_random(&state) % 100;
			/* steps, gaps, repeats, late ones, and now and then a leap */
			uint16_t now =
				r < 70   ? ++seq
				: r < 80 ? (seq = (uint16_t)(seq + next_random(&state) % 50))
				: r < 97 ? (uint16_t)(seq - next_random(&state) % 60)
				: r < 99 ? (seq = (uint16_t)(seq + next_random(&state) % 40000))
					 : (uint16_t)(seq - next_random(&state) % 40000);
			struct ox_rtp p = { .seq = now, .ssrc = 1 };
			ox_rtp_stream_add(s, &p, i);
			walk_add(&w, now);
		}
		CU_ASSERT(s->highest == w.hi && s->expected == w.hi - w.base + 1);
		CU_ASSERT(s->unique == (int64_t)w.n && s->lost == s->expected - (int64_t)w.n);
		CU_ASSERT(s->duplicates == w.dup && s->late_or_reordered == w.late);
		CU_ASSERT(s->gaps == w.gaps && s->big_jumps == w.jumps);
		free(w.seen);
	}
	free(s);
}

/* Feeds numbers to one stream and tells whether RTP-5.1-09 was broken. */
static bool is_broken(const uint16_t *seqs, size_t n, bool exact)
{
	struct ox_rtp_stream *s = xcalloc(1, sizeof(*s));
	struct ox_findings fs = { .n = 0 };

	for (size_t i = 0; i < n; i++) {
		struct ox_rtp p = { .seq = seqs[i], .rtptime = (uint32_t)i };
		ox_rtp_stream_check(s, &p, NULL, exact, &fs);
		ox_rtp_stream_add(s, &p, (tick_t)i);
	}
	bool broken = fs.per_rule[OX_RTP_5_1_09] > 0;
	ox_findings_clear(&fs);
	free(s);
	return broken;
}

static void t_continuity(void)
{
	CU_ASSERT(!is_broken((uint16_t[]){ 65534, 65535, 0, 1 }, 4, true));
	CU_ASSERT(is_broken((uint16_t[]){ 1, 2, 4 }, 3, true));
	CU_ASSERT(is_broken((uint16_t[]){ 1, 2, 2 }, 3, true));
	CU_ASSERT(is_broken((uint16_t[]){ 1, 3, 2, 4 }, 4, true));
	CU_ASSERT(!is_broken((uint16_t[]){ 1, 3, 2, 4 }, 4, false));
}

/* One packet after another against a media section, the first of which is good. */
struct scene {
	struct ox_media media;
	struct ox_rtp_stream stream;
	struct ox_payload payload;
	struct ox_findings fs;
	uint16_t seq;
};

static struct scene *scene_new(
	const char *type, const char *encoding, uint8_t pt, uint32_t clock, const char *fmtp)
{
	struct scene *c = xcalloc(1, sizeof(*c));

	c->media.type = bytes_str(type);
	c->media.formats[0] = (struct ox_format){ .text = B("96"),
		.is_pt = true,
		.pt = pt,
		.encoding = bytes_str(encoding),
		.clock_hz = clock,
		.channels = 1,
		.fmtp = bytes_str(fmtp) };
	c->media.n_formats = 1;
	return c;
}

static void scene_free(struct scene *c)
{
	ox_findings_clear(&c->fs);
	free(c);
}

static void play(struct scene *c, uint8_t pt, uint32_t rtptime, bool marker, const char *hex)
{
	uint8_t buf[256];
	struct ox_rtp p = { .pt = pt,
		.seq = c->seq++,
		.rtptime = rtptime,
		.marker = marker,
		.payload = ox_hex(hex, buf, sizeof(buf)) };
	const struct ox_format *f = ox_media_format(&c->media, pt);

	p.n = 12 + p.payload.n;
	ox_rtp_stream_check(&c->stream, &p, &c->media, true, &c->fs);
	if (f)
		ox_payload_check(&c->payload, &p, &c->media, f, &c->fs);
	ox_rtp_stream_add(&c->stream, &p, rtptime);
}

static void t_types(void)
{
	struct scene *c = scene_new("video", "X", 96, 90000, "");

	c->media.formats[c->media.n_formats++] =
		(struct ox_format){ .text = B("97"), .is_pt = true, .pt = 97, .clock_hz = 8000 };
	play(c, 96, 0, false, "00");
	ox_want(&c->fs, OX_RTP_5_1_06, false);
	play(c, 98, 1, false, "00");
	ox_want(&c->fs, OX_RTP_5_1_06, true);
	ox_want(&c->fs, OX_RTP_5_1_07, false);
	play(c, 97, 2, false, "00");
	ox_want(&c->fs, OX_RTP_5_1_07, true);
	ox_want(&c->fs, OX_SDP_5_14_05, false);
	ox_want(&c->fs, OX_RTP_5_1_16, false);
	play(c, 96, 1, false, "00");
	ox_want(&c->fs, OX_RTP_5_1_16, true);
	scene_free(c);
	c = scene_new("video", "X", 97, 90000, "");
	c->media.formats[1] = c->media.formats[0];
	c->media.formats[0].pt = 96;
	c->media.n_formats = 2;
	play(c, 97, 0, false, "00");
	ox_want(&c->fs, OX_SDP_5_14_05, true);
	scene_free(c);
}

static void t_announced(void)
{
	struct scene *c = scene_new("video", "X", 96, 90000, "");
	struct ox_rtp p = { .pt = 96, .has_extension = true };

	ox_rtp_stream_check(&c->stream, &p, &c->media, true, &c->fs);
	ox_want(&c->fs, OX_PROF_2_01, true);
	ox_findings_clear(&c->fs);
	c->media.has_extmap = true;
	ox_rtp_stream_check(&c->stream, &p, &c->media, true, &c->fs);
	ox_want(&c->fs, OX_PROF_2_01, false);
	scene_free(c);
}

/* Rows of (marker, RTP time, payload): the rule is broken by the bad ones only. */
struct step {
	uint32_t rtptime;
	bool marker;
	const char *hex;
};

static void run(const char *const codec[3], enum ox_rule rule, bool broken, const struct step *v)
{
	bool h264 = strcmp(codec[1], "H264") == 0;
	struct scene *c = scene_new(codec[0], codec[1], 96, h264 ? 90000 : 8000, codec[2]);

	for (; v->hex; v++)
		play(c, 96, v->rtptime, v->marker, v->hex);
	ox_want(&c->fs, rule, broken);
	if (!broken)
		ox_want_clean(&c->fs);
	scene_free(c);
}
#undef OX_CHECK
#define OX_CHECK(rule, codec, good, bad)                                      \
	run(codec, rule, false, (const struct step[]){ UNPACK good, { 0 } }); \
	run(codec, rule, true, (const struct step[]){ UNPACK bad, { 0 } })
#define UNPACK(...) __VA_ARGS__

static const char *const h264_1[] = { "video", "H264", "packetization-mode=1" };
static const char *const h264_0[] = { "video", "H264", "" };
static const char *const aac[] = { "audio", "mpeg4-generic", "mode=AAC-hbr;sizelength=13" };
static const char *const pcmu[] = { "audio", "PCMU", "" };
static const char *const l16[] = { "audio", "L16", "" };

#define H264_PAIRS(X)                                                                              \
	X(marker, OX_H264_5_1_01, "H264-5.1-01: M is on the last packet of a picture", h264_1,     \
		({ 0, true, "65 00" }, { 9, false, "41 00" }, { 9, true, "41 01" }),               \
		({ 0, false, "65 00" }, { 9, true, "41 00" }))                                     \
	X(marker_early, OX_H264_5_1_01, "H264-5.1-01: and on no other", h264_1,                    \
		({ 0, true, "65 00" }), ({ 0, true, "65 00" }, { 0, true, "41 00" }))              \
	X(forbidden, OX_H264_5_3_01, "H264-5.3-01: F is 0", h264_1, ({ 0, true, "65 00" }),        \
		({ 0, true, "e5 00" }))                                                            \
	X(nri, OX_H264_5_3_02, "H264-5.3-02: NRI of an IDR is not 0", h264_1,                      \
		({ 0, true, "25 00" }), ({ 0, true, "05 00" }))                                    \
	X(nri_sei, OX_H264_5_3_02, "H264-5.3-02: NRI of SEI is 0", h264_1, ({ 0, true, "06 00" }), \
		({ 0, true, "66 00" }))                                                            \
	X(undefined, OX_H264_5_4_01, "H264-5.4-01: no undefined types", h264_1,                    \
		({ 0, true, "41 00" }), ({ 0, true, "5f 00" }))                                    \
	X(start_code, OX_H264_5_6_01, "H264-5.6-01: no start code", h264_1,                        \
		({ 0, true, "41 00" }), ({ 0, true, "00 00 00 01 41 00" }))                        \
	X(stap, OX_H264_5_7_01, "H264-5.7-01: STAP-A's sizes add up", h264_1,                      \
		({ 0, true, "78 0002 6700 0001 68" }), ({ 0, true, "78 0002 6700 0004 68" }))      \
	X(stap_nri, OX_H264_5_7_01, "H264-5.7-01: its NRI is the highest", h264_1,                 \
		({ 0, true, "78 0001 67" }), ({ 0, true, "38 0001 67" }))                          \
	X(stap_nested, OX_H264_5_7_02, "H264-5.7-02: it holds no fragments", h264_1,               \
		({ 0, true, "78 0001 67" }), ({ 0, true, "78 0002 7c85" }))                        \
	X(fu, OX_H264_5_8_01, "H264-5.8-01: fragments follow each other", h264_1,                  \
		({ 0, false, "7c 85 00" }, { 0, false, "7c 05 00" }, { 0, true, "7c 45 00" }),     \
		({ 0, false, "7c 85 00" }, { 0, true, "61 00" }))                                  \
	X(fu_first, OX_H264_5_8_01, "H264-5.8-01: the first has S", h264_1,                        \
		({ 0, true, "61 00" }, { 1, false, "7c 85 00" }),                                  \
		({ 0, true, "61 00" }, { 1, false, "7c 05 00" }))                                  \
	X(fu_both, OX_H264_5_8_02, "H264-5.8-02: not S and E", h264_1, ({ 0, false, "7c 85 00" }), \
		({ 0, true, "7c c5 00" }))                                                         \
	X(fu_r, OX_H264_5_8_03, "H264-5.8-03: R is 0", h264_1, ({ 0, false, "7c 85 00" }),         \
		({ 0, false, "7c a5 00" }))                                                        \
	X(fu_type, OX_H264_5_8_03, "H264-5.8-03: the type stays", h264_1,                          \
		({ 0, false, "7c 85 00" }, { 0, true, "7c 45 00" }),                               \
		({ 0, false, "7c 85 00" }, { 0, true, "7c 41 00" }))                               \
	X(fu_time, OX_RTP_5_1_15, "RTP-5.1-15: packets of a frame share the time", h264_1,         \
		({ 0, false, "7c 85 00" }, { 0, true, "7c 45 00" }),                               \
		({ 0, false, "7c 85 00" }, { 1, true, "7c 45 00" }))                               \
	X(mode_0, OX_H264_6_2_01, "H264-6.2-01: mode 0 has no fragments", h264_0,                  \
		({ 0, true, "65 00" }), ({ 0, false, "7c 85 00" }))                                \
	X(mode_1, OX_H264_6_3_01, "H264-6.3-01: mode 1 has no FU-B", h264_1,                       \
		({ 0, false, "7c 85 00" }), ({ 0, false, "7d 85 00" }))

#define AUDIO_PAIRS(X)                                                                            \
	X(aac_headers, OX_AAC_3_2_1_01, "AAC-3.2.1-01: AU-headers-length fits", aac,              \
		({ 0, true, "0010 0010 aabb" }), ({ 0, true, "0100 0010 aabb" }))                 \
	X(aac_sizes, OX_AAC_3_2_1_02, "AAC-3.2.1-02: the sizes add up", aac,                      \
		({ 0, true, "0020 0010 0008 aabbcc" }), ({ 0, true, "0020 0010 0008 aabbccdd" })) \
	X(aac_whole, OX_AAC_2_1_01, "AAC-2.1-01: whole units, or one fragment", aac,              \
		({ 0, false, "0010 0018 aabb" }, { 0, true, "0010 0018 cc" }),                    \
		({ 0, true, "0020 0010 0018 aabbcc" }))                                           \
	X(aac_marker, OX_AAC_3_1_01, "AAC-3.1-01: M ends a unit", aac,                            \
		({ 0, true, "0010 0010 aabb" }), ({ 0, false, "0010 0010 aabb" }))                \
	X(aac_step, OX_AAC_3_3_6_02, "AAC-3.3.6-02: the time rises by units", aac,                \
		({ 0, true, "0020 0008 0008 aabb" }, { 2048, true, "0010 0008 aa" }),             \
		({ 0, true, "0020 0008 0008 aabb" }, { 1000, true, "0010 0008 aa" }))             \
	X(pcm_marker, OX_PROF_4_1_01, "PROF-4.1-01: no M without silence", pcmu,                  \
		({ 0, true, "0000" }, { 2, false, "0000" }, { 99, true, "0000" }),                \
		({ 0, true, "0000" }, { 2, true, "0000" }))                                       \
	X(pcm_step, OX_PROF_4_1_03, "PROF-4.1-03: the clock counts samples", pcmu,                \
		({ 0, true, "0000" }, { 2, false, "0000" }),                                      \
		({ 0, true, "0000" }, { 3, false, "0000" }))                                      \
	X(pcm_whole, OX_PROF_4_1_04, "PROF-4.1-04: whole samples", l16, ({ 0, true, "0000" }),    \
		({ 0, true, "000000" }))

/* the difference of times that are half a turn apart has no positive counterpart in 32 bits */
static void t_half_turn(void)
{
	struct scene *c = scene_new("video", "X", 96, 90000, "");

	play(c, 96, 0, false, "00");
	play(c, 96, 0x80000000, false, "00");
	ox_want(&c->fs, OX_RTP_5_1_16, true);
	scene_free(c);
}

static void t_aac_rounding(void)
{
	struct scene *c = scene_new(aac[0], aac[1], 96, 44100, aac[2]);

	play(c, 96, 0, true, "0010 0008 aa");
	play(c, 96, 1025, true, "0010 0008 aa");
	play(c, 96, 2048, true, "0010 0008 aa");
	ox_want(&c->fs, OX_AAC_3_3_6_02, true);
	ox_want_clean(&c->fs);
	scene_free(c);
}

H264_PAIRS(OX_PAIR_FN)
AUDIO_PAIRS(OX_PAIR_FN)

UNIT_SUITE(ox_rtp,
	PACKET_PAIRS(OX_PAIR_ENTRY) H264_PAIRS(OX_PAIR_ENTRY)
		AUDIO_PAIRS(OX_PAIR_ENTRY){ "facts of a packet are read", t_facts },
	{ "counts are those of the reference walk, for any order of numbers", t_counts },
	{ "RTP-5.1-09: gaps, repeats and late packets break it, a wrap doesn't", t_continuity },
	{ "RTP-5.1-06, -07, -16, SDP-5.14-05: payload types and time of a stream", t_types },
	{ "RTP-5.1-16: a time half a turn away is told", t_half_turn },
	{ "AAC-3.3.6-02: one unit of rounding is only noted", t_aac_rounding },
	{ "PROF-2-01: an extension is announced", t_announced });
