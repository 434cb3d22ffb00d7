/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_payload_parts.h"

/* RFC 3640, mode AAC-hbr: AU headers of 16 bits (size 13, index 3). */
enum { AU_HEADER_BITS = 16 };

/* One unit of rounding is met where times were kept in ns or ms on the way. */
static void check_step(const struct ox_payload *s, const struct ox_rtp *p, struct ox_findings *fs)
{
	static const uint32_t lengths[] = { 1024, 960, 512, 480, 2048, 1920 };
	int64_t step = ox_rtptime_diff(s->last_rtptime, p->rtptime), least = INT64_MAX;
	struct ox_finding *f;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		int64_t off = step - (int64_t)lengths[i] * s->au_step;
		off = off < 0 ? -off : off;
		least = off < least ? off : least;
	}
	if (least == 0)
		return;
	f = ox_find_as(fs, OX_AAC_3_3_6_02, least == 1 ? OX_NOTE : OX_FAIL, 4,
		"the RTP time doesn't rise by whole access units");
	ox_expected(f, "%u x 1024 (or 960, 512, 480, 2048)", s->au_step);
	ox_gotf(f, "%lld", (long long)step);
}

/* Sizes of the access units against what is there; true when the packet ends one. */
static bool check_sizes(struct ox_payload *s, const struct ox_rtp *p, struct bytes headers,
	size_t data_n, struct ox_findings *fs)
{
	size_t n = headers.n / 2, sum = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		size_t size = be16(headers.p + 2 * i) >> 3;
		first = i == 0 ? size : first;
		sum += size;
	}
	if (sum == data_n) {
		s->au_left = 0;
		return true;
	}
	if (n > 1 || sum < data_n) {
		struct ox_finding *f = ox_find(fs,
			n > 1 && sum > data_n ? OX_AAC_2_1_01 : OX_AAC_3_2_1_02, p->payload_at,
			"the sizes of the access units don't add up to the data");
		ox_expected(f, "%zu bytes", sum);
		ox_gotf(f, "%zu bytes", data_n);
		s->au_left = 0;
		return true;
	}
	/* one fragment of one access unit, whose whole size every fragment repeats */
	if (s->au_left == 0)
		s->au_left = (uint32_t)first;
	s->au_left = s->au_left > data_n ? s->au_left - (uint32_t)data_n : 0;
	return s->au_left == 0;
}

void ox_aac_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, struct ox_findings *fs)
{
	struct cur c = { p->payload };
	struct bytes headers;
	uint16_t bits;
	bool ends, continues = follows && s->au_left > 0;

	if (!bytes_is_ieq(ox_fmtp_value(format->fmtp, "mode"), B("AAC-hbr")))
		return;
	if (!cur_be16(&c, &bits) || !cur_take(&c, ((size_t)bits + 7) / 8, &headers)) {
		ox_find(fs, OX_AAC_3_2_1_01, p->payload_at,
			"AU-headers-length is more than the payload holds");
		return;
	}
	if (bits == 0 || bits % AU_HEADER_BITS != 0) {
		ox_gotf(ox_find(fs, OX_AAC_3_2_1_01, p->payload_at,
				"AU-headers-length is no multiple of one header"),
			"%u bits", bits);
		return;
	}
	if (!follows)
		s->au_left = 0;
	if (follows && !continues && s->au_step > 0)
		check_step(s, p, fs);
	ends = check_sizes(s, p, headers, c.b.n, fs);
	if (p->marker != ends)
		ox_find(fs, OX_AAC_3_1_01, 1,
			ends ? "M is not set on a packet that ends an access unit"
			     : "M is set within an access unit");
	s->au_step = bits / AU_HEADER_BITS;
}
