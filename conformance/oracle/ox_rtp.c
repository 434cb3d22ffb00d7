/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_rtp.h"

#include <inttypes.h>

enum { RTP_HEADER_BYTES = 12, BIG_JUMP = 3000 };

int ox_seq_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(b - a);
}

int32_t ox_rtptime_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a);
}

/* What follows the fixed header: CSRCs, extension. Answers where the payload begins, 0 when it
 * doesn't fit. */
static size_t skip_options(struct bytes b, struct ox_rtp *p, struct ox_findings *fs)
{
	size_t at = RTP_HEADER_BYTES + 4u * p->n_csrc;
	struct ox_finding *f;

	if (at > b.n) {
		f = ox_find(fs, OX_RTP_5_1_04, 0, "the CSRC list doesn't fit into the packet");
		ox_gotf(f, "CC %u, %zu bytes", p->n_csrc, b.n);
		return 0;
	}
	if (!p->has_extension)
		return at;
	if (b.n - at < 4) {
		f = ox_find(fs, OX_RTP_5_1_03, at, "X is set, but no extension header follows");
		ox_gotf(f, "%zu bytes left", b.n - at);
		return 0;
	}
	size_t n = 4u * be16(b.p + at + 2);
	p->extension_profile = be16(b.p + at);
	if (n > b.n - at - 4) {
		f = ox_find(fs, OX_RTP_5_3_1_01, at, "the extension is longer than the packet");
		ox_gotf(f, "%zu bytes, %zu left", n, b.n - at - 4);
		return 0;
	}
	p->extension = bytes_sub(b, at + 4, n);
	return at + 4 + n;
}

int ox_rtp_read(struct bytes b, struct ox_rtp *p, struct ox_findings *fs)
{
	size_t at;

	*p = (struct ox_rtp){ .n = b.n };
	if (b.n < RTP_HEADER_BYTES) {
		ox_gotf(ox_find(fs, OX_RTP_5_1_04, 0, "too short for an RTP header"), "%zu bytes",
			b.n);
		return ERR_TRUNCATED;
	}
	if (b.p[0] >> 6 != 2) {
		ox_gotf(ox_find(fs, OX_RTP_5_1_01, 0, "the version is not 2"), "%u", b.p[0] >> 6);
		return ERR_VERSION;
	}
	p->has_padding = (b.p[0] & 0x20) != 0;
	p->has_extension = (b.p[0] & 0x10) != 0;
	p->n_csrc = b.p[0] & 15;
	p->marker = (b.p[1] & 0x80) != 0;
	p->pt = b.p[1] & 0x7f;
	p->seq = be16(b.p + 2);
	p->rtptime = be32(b.p + 4);
	p->ssrc = be32(b.p + 8);
	at = skip_options(b, p, fs);
	if (at == 0)
		return ERR_CORRUPT;
	p->payload_at = at;
	p->payload = bytes_sub(b, at, b.n);
	if (!p->has_padding)
		return 0;
	p->padding = p->payload.n ? b.p[b.n - 1] : 0;
	if (p->padding == 0 || p->padding > p->payload.n) {
		struct ox_finding *f = ox_find(fs, OX_RTP_5_1_02, b.n - 1,
			"P is set, but the last octet is no count of padding");
		ox_expected(f, "1 to %zu", p->payload.n);
		ox_gotf(f, "%u", p->padding);
		return ERR_CORRUPT;
	}
	p->payload.n -= p->padding;
	return 0;
}

bool ox_rtp_is_plausible(struct bytes b)
{
	struct ox_rtp p;

	/* 3551 6: 72–76 would be taken for RTCP */
	return ox_rtp_read(b, &p, NULL) == 0 && !(p.pt >= 72 && p.pt <= 76);
}

static bool ring_has(const struct ox_rtp_stream *s, int64_t ext)
{
	size_t i = (size_t)(ext & 0xffff);

	return ext > s->highest - 65536 && ext <= s->highest && (s->seen[i / 8] >> (i % 8) & 1);
}

static void ring_put(struct ox_rtp_stream *s, int64_t ext, bool on)
{
	size_t i = (size_t)(ext & 0xffff);
	uint8_t bit = (uint8_t)(1u << (i % 8));

	s->seen[i / 8] = on ? s->seen[i / 8] | bit : s->seen[i / 8] & (uint8_t)~bit;
}

/* The number as the walk extends it: within 32768 of the highest. */
static int64_t extend(const struct ox_rtp_stream *s, uint16_t seq)
{
	return s->highest + ox_seq_diff((uint16_t)(s->highest & 0xffff), seq);
}

enum ox_rtp_place ox_rtp_stream_place(const struct ox_rtp_stream *s, const struct ox_rtp *p)
{
	int64_t ext = extend(s, p->seq);

	if (s->packets == 0)
		return OX_RTP_FIRST;
	if (ring_has(s, ext))
		return OX_RTP_DUPLICATE;
	if (ext < s->highest)
		return OX_RTP_LATE;
	return ext == s->highest + 1 ? OX_RTP_NEXT : OX_RTP_GAP;
}

static void begin(struct ox_rtp_stream *s, const struct ox_rtp *p, tick_t now)
{
	*s = (struct ox_rtp_stream){ .ssrc = p->ssrc,
		.first_seq = p->seq,
		.first_rtptime = p->rtptime,
		.first_time = now,
		.lowest = p->seq,
		.highest = p->seq,
		.highest_rtptime = p->rtptime,
		.rtptime_of_highest = p->rtptime };
	ring_put(s, p->seq, true);
	s->unique = 1;
}

/* A new highest number: the ring's entries in between are from a turn ago. */
static void advance(struct ox_rtp_stream *s, const struct ox_rtp *p, int64_t ext)
{
	int32_t step = ox_rtptime_diff(s->rtptime_of_highest, p->rtptime);

	for (int64_t e = s->highest + 1; e < ext; e++)
		ring_put(s, e, false);
	s->highest = ext;
	s->highest_rtptime += step;
	s->rtptime_of_highest = p->rtptime;
	s->rtptime_backwards += step < 0;
	s->last_marker = p->marker;
}

void ox_rtp_stream_add(struct ox_rtp_stream *s, const struct ox_rtp *p, tick_t now)
{
	enum ox_rtp_place place = ox_rtp_stream_place(s, p);
	int64_t ext = extend(s, p->seq), away;

	if (place == OX_RTP_FIRST) {
		begin(s, p, now);
		s->last_marker = p->marker;
	} else if (place == OX_RTP_DUPLICATE) {
		s->duplicates++;
	} else {
		away = ext > s->highest ? ext - s->highest : s->highest - ext;
		s->big_jumps += away > BIG_JUMP;
		s->gaps += place == OX_RTP_GAP;
		s->late_or_reordered += place == OX_RTP_LATE;
		if (place == OX_RTP_LATE)
			s->lowest = ext < s->lowest ? ext : s->lowest;
		else
			advance(s, p, ext);
		ring_put(s, ext, true);
		s->unique++;
	}
	s->packets++;
	s->markers += p->marker;
	s->octets += p->payload.n;
	s->pt_count[p->pt]++;
	s->last_seq = p->seq;
	s->last_rtptime = p->rtptime;
	s->last_time = now;
	s->expected = s->highest - s->lowest + 1;
	s->lost = s->expected - s->unique;
}

static void check_place(
	const struct ox_rtp_stream *s, const struct ox_rtp *p, bool exact, struct ox_findings *fs)
{
	uint16_t next = (uint16_t)(s->highest + 1);
	struct ox_finding *f = NULL;

	if (!exact)
		return;
	switch (ox_rtp_stream_place(s, p)) {
	case OX_RTP_FIRST:
	case OX_RTP_NEXT: return;
	case OX_RTP_GAP: f = ox_find(fs, OX_RTP_5_1_09, 2, "a gap in the sequence numbers"); break;
	case OX_RTP_DUPLICATE: f = ox_find(fs, OX_RTP_5_1_09, 2, "a sequence number twice"); break;
	case OX_RTP_LATE:
		f = ox_find(fs, OX_RTP_5_1_09, 2, "a sequence number out of order");
		break;
	}
	ox_expected(f, "%u", next);
	ox_gotf(f, "%u", p->seq);
}

static void check_type(const struct ox_rtp_stream *s, const struct ox_rtp *p,
	const struct ox_media *media, struct ox_findings *fs)
{
	const struct ox_format *is, *was;

	if (!media || media->n_formats == 0 || (s->packets > 0 && s->pt_count[p->pt] > 0))
		return;
	is = ox_media_format(media, p->pt);
	if (!is) {
		struct ox_finding *f =
			ox_find(fs, OX_RTP_5_1_06, 1, "a payload type that was not announced");
		ox_expected(f, "%.*s%s", BYTES_FMT(bytes_sub(media->formats[0].text, 0, 32)),
			media->n_formats > 1 ? " or another of the m= line" : "");
		ox_gotf(f, "%u", p->pt);
		return;
	}
	if (s->packets == 0 && is != &media->formats[0])
		ox_gotf(ox_find(fs, OX_SDP_5_14_05, 1,
				"the first payload type sent is not the first one of the m= line"),
			"%u", p->pt);
	for (uint8_t pt = 0; s->packets > 0 && pt < 128; pt++) {
		was = s->pt_count[pt] ? ox_media_format(media, pt) : NULL;
		if (was && was->clock_hz && is->clock_hz && was->clock_hz != is->clock_hz)
			ox_gotf(ox_find(fs, OX_RTP_5_1_07, 1,
					"payload types of different clocks in one stream"),
				"%u after %u", p->pt, pt);
	}
}

void ox_rtp_stream_check(const struct ox_rtp_stream *s, const struct ox_rtp *p,
	const struct ox_media *media, bool exact, struct ox_findings *fs)
{
	check_place(s, p, exact, fs);
	check_type(s, p, media, fs);
	if (p->has_extension && media && !media->has_extmap && s->packets == 0)
		ox_gotf(ox_find(fs, OX_PROF_2_01, 12, "a header extension that was not announced"),
			"profile 0x%04x", p->extension_profile);
	if (s->packets > 0 && s->ssrc == p->ssrc && ox_rtp_stream_place(s, p) == OX_RTP_NEXT &&
		ox_rtptime_diff(s->rtptime_of_highest, p->rtptime) < 0)
		ox_gotf(ox_find(fs, OX_RTP_5_1_16, 4, "the RTP time went back"), "by %" PRId64,
			-(int64_t)ox_rtptime_diff(s->rtptime_of_highest, p->rtptime));
}
