/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_sdp_parts.h"
#include "conformance/oracle/ox_text.h"

/* RFC 3551 tables 4 and 5 */
static const struct {
	uint8_t pt;
	const char *encoding;
	uint32_t clock_hz;
	unsigned channels;
} static_formats[] = {
	{ 0, "PCMU", 8000, 1 },
	{ 3, "GSM", 8000, 1 },
	{ 4, "G723", 8000, 1 },
	{ 5, "DVI4", 8000, 1 },
	{ 6, "DVI4", 16000, 1 },
	{ 7, "LPC", 8000, 1 },
	{ 8, "PCMA", 8000, 1 },
	{ 9, "G722", 8000, 1 },
	{ 10, "L16", 44100, 2 },
	{ 11, "L16", 44100, 1 },
	{ 12, "QCELP", 8000, 1 },
	{ 13, "CN", 8000, 1 },
	{ 14, "MPA", 90000, 1 },
	{ 15, "G728", 8000, 1 },
	{ 16, "DVI4", 11025, 1 },
	{ 17, "DVI4", 22050, 1 },
	{ 18, "G729", 8000, 1 },
	{ 25, "CelB", 90000, 1 },
	{ 26, "JPEG", 90000, 1 },
	{ 28, "nv", 90000, 1 },
	{ 31, "H261", 90000, 1 },
	{ 32, "MPV", 90000, 1 },
	{ 33, "MP2T", 90000, 1 },
	{ 34, "H263", 90000, 1 },
};

bool ox_static_format(uint8_t pt, struct bytes *encoding, uint32_t *clock_hz, unsigned *channels)
{
	for (size_t i = 0; i < COUNT(static_formats); i++) {
		if (static_formats[i].pt == pt) {
			*encoding = bytes_str(static_formats[i].encoding);
			*clock_hz = static_formats[i].clock_hz;
			*channels = static_formats[i].channels;
			return true;
		}
	}
	return false;
}

static void check_type(struct ox_sdp_reader *r, const struct ox_format *f)
{
	struct bytes encoding;
	uint32_t clock;
	unsigned channels;
	bool is_static = ox_static_format(f->pt, &encoding, &clock, &channels);

	if (f->pt >= 72 && f->pt <= 76)
		ox_sdp_remark(
			r, OX_PROF_6_03, 0, "a payload type that RTCP would be taken for", f->text);
	else if (f->pt < 96 && !is_static && f->has_rtpmap)
		ox_sdp_remark(r, OX_PROF_6_03, 0, "a dynamic format outside of 96 to 127", f->text);
	if (f->pt >= 96 && !f->has_rtpmap)
		ox_sdp_remark(
			r, OX_SDP_5_14_04, 0, "a dynamic payload type without rtpmap", f->text);
	if (!is_static || !f->has_rtpmap)
		return;
	if (f->pt == 9 && bytes_is_ieq(f->encoding, encoding) && f->clock_hz != 8000)
		ox_sdp_remark(r, OX_PROF_4_5_01, 0, "the RTP clock of G.722 is 8000 Hz", f->text);
	else if (!bytes_is_ieq(f->encoding, encoding) || f->clock_hz != clock)
		ox_sdp_remark(r, OX_PROF_6_01, 0,
			"rtpmap gives a static payload type another "
			"meaning",
			f->encoding);
}

static void check_clock(
	struct ox_sdp_reader *r, const struct ox_media *m, const struct ox_format *f)
{
	struct ox_finding *found;

	if (f->clock_hz == 0)
		return;
	if (bytes_is_eq(m->type, B("video")) && f->clock_hz != 90000) {
		found = ox_sdp_remark(r,
			bytes_is_ieq(f->encoding, B("H264")) ? OX_H264_5_1_02 : OX_PROF_5_01, 0,
			"video doesn't use a 90 kHz clock", f->encoding);
		ox_gotf(found, "%u Hz", f->clock_hz);
	} else if (f->clock_hz < 1000) {
		found = ox_sdp_remark(r, OX_RTP_5_1_13, 0,
			"a clock too slow to place packets in time", f->encoding);
		ox_gotf(found, "%u Hz", f->clock_hz);
	}
}

/* ---- H.264: RFC 6184 8 ---- */

static void check_sprop(struct ox_sdp_reader *r, struct bytes sprop, struct bytes profile)
{
	struct bytes part;
	uint64_t want = 0;
	bool has_profile = profile.n == 6 && bytes_hex_to_u64(profile, 0xffffff, &want);

	while (bytes_cut(&sprop, ',', &part)) {
		uint8_t nal[4] = { 0 };
		size_t n = 0;
		uint64_t got;
		struct ox_finding *f;
		if (!ox_base64_read(part, nal, sizeof(nal), &n) || n == 0) {
			ox_sdp_remark(r, OX_H264_8_1_02, 0,
				"a parameter set that is no base64 of a NAL unit", part);
			continue;
		}
		if ((nal[0] & 0x80) || (nal[0] & 31) == 0 || (nal[0] & 31) > 23)
			ox_sdp_remark(
				r, OX_H264_8_1_02, 0, "a parameter set that is no NAL unit", part);
		got = be24(nal + 1);
		if ((nal[0] & 31) != 7 || n < 4 || !has_profile || got == want)
			continue;
		f = ox_sdp_remark(r, OX_H264_8_1_02, 0,
			"profile and level of the SPS are not those of profile-level-id", part);
		ox_expected(f, "%06llx", (unsigned long long)want);
		ox_gotf(f, "%06llx", (unsigned long long)got);
	}
}

/* name=value pairs, blanks allowed after ';', a ';' at the end is met everywhere */
static bool is_parameter_list(struct bytes fmtp)
{
	struct bytes part;

	while (bytes_cut_quoted(&fmtp, ';', &part)) {
		struct bytes name, v = bytes_trim(part);
		if (v.n == 0)
			continue;
		if (bytes_index(v, '=') == v.n || !bytes_cut(&v, '=', &name) || name.n == 0)
			return false;
	}
	return true;
}

static void check_h264(struct ox_sdp_reader *r, const struct ox_media *m, const struct ox_format *f)
{
	struct bytes mode = ox_fmtp_value(f->fmtp, "packetization-mode");
	struct bytes profile = ox_fmtp_value(f->fmtp, "profile-level-id");
	uint64_t v;

	if (!bytes_is_eq(m->type, B("video")))
		ox_sdp_remark(
			r, OX_H264_8_2_1_01, 0, "H264 in a section that is not video", m->type);
	if (!is_parameter_list(f->fmtp))
		ox_sdp_remark(r, OX_H264_8_2_1_01, 0, "the parameters are not name=value", f->fmtp);
	if (mode.n > 0 && !bytes_to_u64(mode, 2, &v))
		ox_sdp_remark(r, OX_H264_8_1_01, 0, "packetization-mode is 0, 1 or 2", mode);
	if (profile.n > 0 && (profile.n != 6 || !bytes_hex_to_u64(profile, 0xffffff, &v)))
		ox_sdp_remark(r, OX_H264_8_2_1_02, 0, "profile-level-id is 6 hexadecimal digits",
			profile);
	check_sprop(r, ox_fmtp_value(f->fmtp, "sprop-parameter-sets"), profile);
}

/* ---- AAC: RFC 3640 ---- */

/* Bits from the front of a hexadecimal string. */
struct bits {
	struct bytes hex;
	size_t at;
};

static bool take_bits(struct bits *b, unsigned n, uint32_t *v)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i++, b->at++) {
		uint64_t digit;
		if (!bytes_hex_to_u64(bytes_sub(b->hex, b->at / 4, 1), 15, &digit))
			return false;
		sum = sum << 1 | (uint32_t)(digit >> (3 - b->at % 4) & 1);
	}
	*v = sum;
	return true;
}

/* AudioSpecificConfig (14496-3 1.6.2.1), as far as the sampling rate and the channels. */
static bool read_config(struct bytes hex, uint32_t *object, uint32_t *rate, uint32_t *channels)
{
	static const uint32_t rates[] = { 96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
		16000, 12000, 11025, 8000, 7350 };
	struct bits b = { .hex = hex };
	uint32_t index, more;

	if (!take_bits(&b, 5, object))
		return false;
	if (*object == 31) {
		if (!take_bits(&b, 6, &more))
			return false;
		*object = 32 + more;
	}
	if (!take_bits(&b, 4, &index))
		return false;
	if (index == 15) {
		if (!take_bits(&b, 24, rate))
			return false;
	} else if (index >= COUNT(rates)) {
		return false;
	} else {
		*rate = rates[index];
	}
	return take_bits(&b, 4, channels);
}

static void check_config(struct ox_sdp_reader *r, const struct ox_format *f, struct bytes config)
{
	uint32_t object, rate, channels;
	uint64_t digit;
	struct ox_finding *found;
	bool is_hex = config.n > 0 && config.n % 2 == 0;

	for (size_t i = 0; i < config.n; i++)
		is_hex = is_hex && bytes_hex_to_u64(bytes_sub(config, i, 1), 15, &digit);
	if (!is_hex || !read_config(config, &object, &rate, &channels)) {
		ox_sdp_remark(r, OX_AAC_4_1_01, 0, "config is no hexadecimal AudioSpecificConfig",
			config);
		return;
	}
	/* 29 is parametric stereo: one coded channel makes two; 0 channels: told elsewhere */
	if (object != 29 && channels != 0 && channels < 7 && channels != f->channels) {
		found = ox_sdp_remark(r, OX_AAC_4_1_01, 0,
			"the channels of config are not those of rtpmap", config);
		ox_expected(found, "%u", f->channels);
		ox_gotf(found, "%u", channels);
	}
	if (rate != f->clock_hz) {
		found = ox_sdp_remark(r, OX_AAC_4_1_01, 0,
			"the sampling rate of config is not the clock of rtpmap", config);
		ox_expected(found, "%u Hz", f->clock_hz);
		ox_gotf(found, "%u Hz", rate);
		if (found)
			found->weight = OX_WARN; /* SBR doubles it */
	}
}

static void check_aac(struct ox_sdp_reader *r, const struct ox_format *f)
{
	static const char *const required[] = { "streamtype", "profile-level-id", "mode" };
	static const struct {
		const char *name, *value;
	} hbr[] = { { "sizelength", "13" }, { "indexlength", "3" }, { "indexdeltalength", "3" } };
	struct bytes mode = ox_fmtp_value(f->fmtp, "mode");

	for (size_t i = 0; i < COUNT(required); i++) {
		if (ox_fmtp_value(f->fmtp, required[i]).n == 0)
			ox_sdp_remark(r, OX_AAC_4_1_02, 0, "a required parameter is missing",
				bytes_str(required[i]));
	}
	for (size_t i = 0; i < COUNT(hbr) && bytes_is_ieq(mode, B("AAC-hbr")); i++) {
		struct bytes v = ox_fmtp_value(f->fmtp, hbr[i].name);
		if (!bytes_is_eq(v, bytes_str(hbr[i].value))) {
			struct ox_finding *found = ox_sdp_remark(r, OX_AAC_3_3_6_01, 0,
				"AAC-hbr has lengths of 13, 3 and 3 bits", v);
			ox_expected(found, "%s=%s", hbr[i].name, hbr[i].value);
		}
	}
	check_config(r, f, ox_fmtp_value(f->fmtp, "config"));
}

void ox_sdp_media_end(struct ox_sdp_reader *r, struct ox_media *m)
{
	size_t line_at = r->at;

	r->at = m->at;
	for (size_t i = 0; i < m->n_formats; i++) {
		const struct ox_format *f = &m->formats[i];
		if (!f->is_pt)
			continue;
		check_type(r, f);
		check_clock(r, m, f);
		if (bytes_is_ieq(f->encoding, B("H264")))
			check_h264(r, m, f);
		if (bytes_is_ieq(f->encoding, B("mpeg4-generic")) &&
			bytes_is_eq(m->type, B("audio")))
			check_aac(r, f);
	}
	r->at = line_at;
}
