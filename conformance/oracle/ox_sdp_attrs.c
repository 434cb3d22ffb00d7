/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_sdp_parts.h"
#include "conformance/oracle/ox_text.h"
#include "conformance/oracle/ox_url.h"

/* token of 4566 9 (differs from that of HTTP) */
static bool is_name(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i], letter = c | 0x20;
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
			(c == 0 || !strchr("!#$%&'*+.^_`{|}~-", c)))
			return false;
	}
	return b.n > 0;
}

/* The section's format of that text, or NULL. */
static struct ox_format *find_format(struct ox_sdp_reader *r, struct bytes text)
{
	for (size_t i = 0; r->m && i < r->m->n_formats; i++) {
		if (bytes_is_eq(r->m->formats[i].text, text))
			return &r->m->formats[i];
	}
	return NULL;
}

/* name/clock[/channels]; what follows a blank or ';' was put there by mistake (6-03). */
static void read_encoding(struct ox_sdp_reader *r, struct ox_format *f, struct bytes v)
{
	struct bytes part[3] = { { 0 } }, rest;
	uint64_t clock = 0, channels = 1;
	size_t n = 0, extra = 0;

	while (extra < v.n && v.p[extra] != ';' && v.p[extra] != ' ')
		extra++;
	if (extra < v.n)
		ox_sdp_remark(r, OX_SDP_6_03, 0, "codec parameters in rtpmap", v);
	rest = bytes_sub(v, 0, extra);
	while (n < 3 && bytes_cut(&rest, '/', &part[n]))
		n++;
	if (n < 2 || rest.n > 0 || !is_name(part[0]) ||
		!bytes_to_u64(part[1], UINT32_MAX, &clock) || clock == 0 ||
		(n == 3 && (!bytes_to_u64(part[2], 255, &channels) || channels == 0))) {
		ox_sdp_bad(r, OX_SDP_6_02, 0, "rtpmap is name/clock[/channels]", v);
		return;
	}
	if (n == 3 && bytes_is_eq(r->m->type, B("video")))
		ox_sdp_remark(r, OX_SDP_6_02, 0, "channels for video", v);
	f->encoding = part[0];
	f->clock_hz = (uint32_t)clock;
	f->channels = (unsigned)channels;
}

static void on_rtpmap(struct ox_sdp_reader *r, struct bytes v)
{
	struct bytes format, rest = v;
	struct ox_format *f;

	if (!r->m) {
		ox_sdp_remark(r, OX_SDP_6_01, 0, "rtpmap at session level", v);
		return;
	}
	if (!bytes_cut(&rest, ' ', &format)) {
		ox_sdp_bad(r, OX_SDP_6_02, 0, "rtpmap is empty", v);
		return;
	}
	f = find_format(r, format);
	if (!f) {
		ox_sdp_remark(r, OX_SDP_6_01, 0, "rtpmap of a format that m= doesn't have", v);
		return;
	}
	if (f->has_rtpmap)
		ox_sdp_remark(r, OX_SDP_6_01, 0, "a second rtpmap of one format", v);
	f->has_rtpmap = true;
	read_encoding(r, f, bytes_trim(rest));
}

static void on_fmtp(struct ox_sdp_reader *r, struct bytes v)
{
	struct bytes format, rest = v;
	struct ox_format *f;

	if (!bytes_cut(&rest, ' ', &format) || rest.n == 0) {
		ox_sdp_bad(r, OX_SDP_6_04, 0, "fmtp is a format, a blank and parameters", v);
		return;
	}
	f = find_format(r, format);
	if (!f) {
		ox_sdp_remark(r, OX_SDP_6_04, 0, "fmtp of a format that m= doesn't have", v);
		return;
	}
	if (f->fmtp.n > 0)
		ox_sdp_remark(r, OX_SDP_6_04, 0, "a second fmtp of one format", v);
	f->fmtp = bytes_trim(rest);
	if (ox_fmtp_value(f->fmtp, "ptime").n > 0) {
		struct ox_finding *found =
			ox_sdp_remark(r, OX_RTSP_C_1_4_01, 0, "the packet time is in fmtp", v);
		if (found)
			found->weight = OX_WARN;
	}
}

static void on_control(struct ox_sdp_reader *r, struct bytes v)
{
	struct bytes *control = r->m ? &r->m->control : &r->s->control;
	struct ox_url u;

	if (r->has_control) /* the first one counts */
		return;
	r->has_control = true;
	*control = bytes_trim(v);
	if (bytes_find(v, B("://")) < v.n)
		(void)ox_url_read(bytes_trim(v), r->at, &u, r->fs);
}

static void on_range(struct ox_sdp_reader *r, struct bytes v)
{
	struct ox_range range;
	int err = ox_range_read(v, r->at + 2, &range, r->fs);

	if (err != 0)
		return;
	*(r->m ? &r->m->range : &r->s->range) = range;
	*(r->m ? &r->m->has_range : &r->s->has_range) = true;
}

static void on_ptime(struct ox_sdp_reader *r, struct bytes v)
{
	uint64_t ms;
	bool is_whole = bytes_to_u64(v, UINT32_MAX, &ms);

	if (!r->m)
		ox_sdp_remark(r, OX_SDP_6_05, 0, "a packet time at session level", v);
	if (is_whole ? ms == 0 : !ox_is_decimal(v))
		ox_sdp_remark(r, OX_SDP_6_05, 0, "the packet time is no positive number", v);
}

static void on_framerate(struct ox_sdp_reader *r, struct bytes v)
{
	if (!r->m || !bytes_is_eq(r->m->type, B("video")))
		ox_sdp_remark(r, OX_SDP_6_06, 0, "framerate outside of video", v);
	if (!ox_is_decimal(v))
		ox_sdp_remark(r, OX_SDP_6_06, 0, "framerate is no decimal number", v);
}

static void on_quality(struct ox_sdp_reader *r, struct bytes v)
{
	uint64_t q;

	if (!r->m || !bytes_is_eq(r->m->type, B("video")) || !bytes_to_u64(v, 10, &q))
		ox_sdp_remark(r, OX_SDP_6_10, 0, "quality is 0 to 10, of video", v);
}

static void on_direction(struct ox_sdp_reader *r, struct bytes v)
{
	if (r->directions++ > 0)
		ox_sdp_remark(
			r, OX_SDP_6_07, 0, "more than one direction in one section", r->value);
	if (v.n > 0)
		ox_sdp_remark(r, OX_SDP_5_13_02, 0, "a flag with a value", r->value);
}

static void on_session_only(struct ox_sdp_reader *r, struct bytes v)
{
	if (r->m)
		ox_sdp_remark(r, OX_SDP_6_08, 0, "an attribute of the session in a media section",
			r->value);
	if (bytes_has_prefix(r->value, B("tool:")))
		r->s->tool = v;
}

static void on_extmap(struct ox_sdp_reader *r, struct bytes v)
{
	(void)v;
	*(r->m ? &r->m->has_extmap : &r->s->has_extmap) = true;
}

enum { FLAG = 1, VALUE = 2 };
static const struct {
	const char *name;
	int form;
	void (*read)(struct ox_sdp_reader *r, struct bytes v);
} attributes[] = {
	{ "rtpmap", VALUE, on_rtpmap },
	{ "fmtp", VALUE, on_fmtp },
	{ "control", VALUE, on_control },
	{ "range", VALUE, on_range },
	{ "ptime", VALUE, on_ptime },
	{ "maxptime", VALUE, on_ptime },
	{ "framerate", VALUE, on_framerate },
	{ "quality", VALUE, on_quality },
	{ "sendrecv", FLAG, on_direction },
	{ "sendonly", FLAG, on_direction },
	{ "recvonly", FLAG, on_direction },
	{ "inactive", FLAG, on_direction },
	{ "charset", VALUE, on_session_only },
	{ "type", VALUE, on_session_only },
	{ "tool", VALUE, on_session_only },
	{ "cat", VALUE, on_session_only },
	{ "keywds", VALUE, on_session_only },
	{ "extmap", VALUE, on_extmap },
};

void ox_sdp_attribute(struct ox_sdp_reader *r)
{
	size_t colon = bytes_index(r->value, ':');
	struct bytes name = bytes_sub(r->value, 0, colon);
	struct bytes v = bytes_sub(r->value, colon + 1, r->value.n);

	if (!bytes_is_eq(name, bytes_trim(name))) {
		ox_sdp_bad(r, OX_SDP_5_13_02, 0, "a blank beside the attribute's name", r->value);
		name = bytes_trim(name);
	} else if (!is_name(name)) {
		ox_sdp_bad(r, OX_SDP_5_13_01, 0, "the attribute's name is no token", r->value);
		return;
	}
	for (size_t i = 0; i < COUNT(attributes); i++) {
		if (!bytes_is_eq(name, bytes_str(attributes[i].name)))
			continue;
		if (attributes[i].form == VALUE && v.n == 0)
			ox_sdp_bad(
				r, OX_SDP_5_13_02, 0, "an attribute without its value", r->value);
		else
			attributes[i].read(r, v);
		return;
	}
	if (colon < r->value.n && v.n == 0)
		ox_sdp_bad(r, OX_SDP_5_13_02, 0, "nothing after the colon", r->value);
}
