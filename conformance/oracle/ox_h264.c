/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_payload_parts.h"

enum {
	NAL_IDR = 5,
	NAL_SEI = 6,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_LAST_SINGLE = 23,
	STAP_A = 24,
	STAP_B = 25,
	MTAP16 = 26,
	MTAP24 = 27,
	FU_A = 28,
	FU_B = 29
};

/* Forbidden bit and importance of one NAL unit's header (6184 5.3). */
static void check_nal_header(uint8_t header, size_t at, struct ox_findings *fs)
{
	unsigned type = header & 31, nri = header >> 5 & 3;

	if (header & 0x80)
		ox_gotf(ox_find(fs, OX_H264_5_3_01, at, "the forbidden bit is set"), "type %u",
			type);
	if (nri == 0 && (type == NAL_IDR || type == NAL_SPS || type == NAL_PPS))
		ox_gotf(ox_find(fs, OX_H264_5_3_02, at, "NRI is 0 on what must not be lost"),
			"type %u", type);
	if (nri != 0 && (type == NAL_SEI || (type >= 9 && type <= 12)))
		ox_gotf(ox_find(fs, OX_H264_5_3_02, at,
				"NRI is not 0 on a type that nothing "
				"refers to"),
			"type %u, NRI %u", type, nri);
}

static void check_stap(const struct ox_rtp *p, struct ox_findings *fs)
{
	struct cur c = { bytes_sub(p->payload, 1, p->payload.n) };
	uint8_t outer = p->payload.p[0], most = 0, forbidden = 0;
	struct bytes nal;
	uint16_t n;

	while (c.b.n > 0) {
		if (!cur_be16(&c, &n) || n == 0 || !cur_take(&c, n, &nal)) {
			ox_find(fs, OX_H264_5_7_01, p->payload_at,
				"the sizes in STAP-A don't add up to the payload");
			return;
		}
		check_nal_header(nal.p[0], p->payload_at, fs);
		if ((nal.p[0] & 31) >= STAP_A)
			ox_gotf(ox_find(fs, OX_H264_5_7_02, p->payload_at,
					"an aggregate holds an aggregate or a fragment"),
				"type %u", nal.p[0] & 31);
		most = (nal.p[0] & 0x60) > most ? nal.p[0] & 0x60 : most;
		forbidden |= nal.p[0] & 0x80;
	}
	if ((outer & 0x60) != most || (outer & 0x80) != forbidden)
		ox_gotf(ox_find(fs, OX_H264_5_7_01, p->payload_at,
				"NRI or F of STAP-A is not that of its NAL units"),
			"0x%02x", outer);
}

static void check_fu(
	struct ox_payload *s, const struct ox_rtp *p, bool follows, struct ox_findings *fs)
{
	uint8_t indicator = p->payload.p[0], header;
	bool is_start, is_end;

	if (p->payload.n < 3) {
		ox_find(fs, OX_H264_5_8_01, p->payload_at, "a fragment without payload");
		return;
	}
	header = p->payload.p[1];
	is_start = (header & 0x80) != 0;
	is_end = (header & 0x40) != 0;
	if (is_start && is_end)
		ox_find(fs, OX_H264_5_8_02, p->payload_at + 1, "S and E are both set");
	if (header & 0x20)
		ox_find(fs, OX_H264_5_8_03, p->payload_at + 1, "R is not 0");
	if (is_start && s->in_fu && follows)
		ox_find(fs, OX_H264_5_8_01, p->payload_at + 1,
			"a NAL unit begins before the last one ended");
	if (!is_start && !s->in_fu && follows)
		ox_find(fs, OX_H264_5_8_01, p->payload_at + 1, "a fragment without a first one");
	if (!is_start && s->in_fu && follows) {
		if ((header & 31) != s->fu_type || (indicator >> 5 & 3) != s->fu_nri)
			ox_find(fs, OX_H264_5_8_03, p->payload_at,
				"type or NRI differ among the fragments of a NAL unit");
		if (p->rtptime != s->last_rtptime)
			ox_find(fs, OX_RTP_5_1_15, 4, "the RTP time changes within a NAL unit");
	}
	if (is_start)
		check_nal_header((uint8_t)((indicator & 0xe0) | (header & 31)), p->payload_at, fs);
	s->in_fu = !is_end;
	s->fu_type = header & 31;
	s->fu_nri = indicator >> 5 & 3;
}

/* Which types the mode of the description allows (6184 6). */
static void check_mode(
	unsigned type, const struct ox_format *format, size_t at, struct ox_findings *fs)
{
	struct bytes v = ox_fmtp_value(format->fmtp, "packetization-mode");
	uint64_t mode = 0;

	if (v.n > 0 && !bytes_to_u64(v, 2, &mode))
		return;
	if (mode == 0 && type >= STAP_A && type <= FU_B)
		ox_gotf(ox_find(fs, OX_H264_6_2_01, at,
				"an aggregate or a fragment in packetization-mode 0"),
			"type %u", type);
	if (mode == 1 && (type == STAP_B || type == MTAP16 || type == MTAP24 || type == FU_B))
		ox_gotf(ox_find(fs, OX_H264_6_3_01, at,
				"a type that packetization-mode 1 doesn't have"),
			"type %u", type);
}

/* M ends an access unit, and only it. */
static void check_marker(const struct ox_payload *s, const struct ox_rtp *p, struct ox_findings *fs)
{
	if (s->last_marker && p->rtptime == s->last_rtptime)
		ox_find(fs, OX_H264_5_1_01, 1, "M was set before the last packet of a picture");
	if (!s->last_marker && p->rtptime != s->last_rtptime)
		ox_find(fs, OX_H264_5_1_01, 1, "the last packet of a picture had no M");
}

static bool has_start_code(struct bytes b)
{
	return bytes_has_prefix(b, bytes_of("\0\0\1", 3)) ||
	       bytes_has_prefix(b, bytes_of("\0\0\0\1", 4));
}

void ox_h264_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, struct ox_findings *fs)
{
	unsigned type;

	if (p->payload.n == 0)
		return;
	type = p->payload.p[0] & 31;
	if (!follows)
		s->in_fu = false;
	if (follows)
		check_marker(s, p, fs);
	check_mode(type, format, p->payload_at, fs);
	if (s->in_fu && type != FU_A && type != FU_B) {
		ox_find(fs, OX_H264_5_8_01, p->payload_at,
			"another packet between the fragments of a NAL unit");
		s->in_fu = false;
	}
	if (has_start_code(p->payload)) {
		ox_find(fs, OX_H264_5_6_01, p->payload_at, "a start code in front of the NAL unit");
	} else if (type == 0 || type > FU_B) {
		ox_gotf(ox_find(fs, OX_H264_5_4_01, p->payload_at, "an undefined NAL unit type"),
			"type %u", type);
	} else if (type <= NAL_LAST_SINGLE) {
		check_nal_header(p->payload.p[0], p->payload_at, fs);
	} else if (type == STAP_A) {
		check_stap(p, fs);
	} else if (type == FU_A) {
		check_fu(s, p, follows, fs);
	}
}
