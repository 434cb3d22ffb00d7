/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_payload_parts.h"

/* PCM of one or two octets a sample (3551 4.1): the clock counts samples of one channel. */
static void check_pcm(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, unsigned octets, struct ox_findings *fs)
{
	size_t frame = (size_t)octets * (format->channels ? format->channels : 1);
	int32_t step = ox_rtptime_diff(s->last_rtptime, p->rtptime);
	struct ox_finding *f;

	if (p->payload.n % frame != 0)
		ox_gotf(ox_find(fs, OX_PROF_4_1_04, p->payload_at,
				"the payload doesn't hold whole samples of all channels"),
			"%zu bytes", p->payload.n);
	if (follows && !p->marker && s->au_step > 0 && step != (int32_t)s->au_step) {
		f = ox_find(fs, OX_PROF_4_1_03, 4,
			"the RTP time doesn't rise by the samples of a packet");
		ox_expected(f, "%u", s->au_step);
		ox_gotf(f, "%d", step);
	}
	/* after a silence M=1 is right; the step is larger then */
	if (follows && p->marker && s->au_step > 0 && step == (int32_t)s->au_step)
		ox_find(fs, OX_PROF_4_1_01, 1, "M is set without a silence before");
	s->au_step = (uint32_t)(p->payload.n / frame);
}

static void check_pcm8(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, struct ox_findings *fs)
{
	check_pcm(s, p, format, follows, 1, fs);
}

static void check_pcm16(struct ox_payload *s, const struct ox_rtp *p,
	const struct ox_format *format, bool follows, struct ox_findings *fs)
{
	check_pcm(s, p, format, follows, 2, fs);
}

static const struct {
	const char *type, *encoding;
	void (*check)(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
		bool follows, struct ox_findings *fs);
} payloads[] = {
	{ "video", "H264", ox_h264_check },
	{ "audio", "mpeg4-generic", ox_aac_check },
	{ "audio", "PCMU", check_pcm8 },
	{ "audio", "PCMA", check_pcm8 },
	{ "audio", "L8", check_pcm8 },
	{ "audio", "L16", check_pcm16 },
};

void ox_payload_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_media *media,
	const struct ox_format *format, struct ox_findings *fs)
{
	bool follows = s->has_last && ox_seq_diff(s->last_seq, p->seq) == 1;

	for (size_t i = 0; i < COUNT(payloads); i++) {
		if (bytes_is_eq(media->type, bytes_str(payloads[i].type)) &&
			bytes_is_ieq(format->encoding, bytes_str(payloads[i].encoding)))
			payloads[i].check(s, p, format, follows, fs);
	}
	s->has_last = true;
	s->last_seq = p->seq;
	s->last_rtptime = p->rtptime;
	s->last_marker = p->marker;
}
