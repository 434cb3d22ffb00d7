/* SPDX-License-Identifier: MIT */
/*
 * Two codecs, one input: the server's (tolerant) and the oracle's (strict, whole messages). What both
 * accept must mean the same to both. "Accept": no error of the one, no failed rule of the other.
 * The first octet picks the plane.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"
#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_sdp.h"
#include "server/wire/range.h"
#include "server/wire/rtcp.h"
#include "server/wire/rtp.h"
#include "server/wire/rtpinfo.h"
#include "server/wire/rtsp.h"
#include "server/wire/sdp.h"
#include "server/wire/transport.h"
#include "server/wire/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the fuzzer and says on which fact. */
#define SAME(what, a, b)                                                                      \
	do {                                                                                  \
		if ((a) != (b)) {                                                             \
			fprintf(stderr, "fuzz_diff: the codecs disagree on %s: %lld, %lld\n", \
				what, (long long)(a), (long long)(b));                        \
			abort();                                                              \
		}                                                                             \
	} while (0)
#define SAME_BYTES(what, a, b)                                                     \
	do {                                                                       \
		struct bytes same_a = (a), same_b = (b);                           \
		if (!bytes_is_eq(same_a, same_b)) {                                \
			fprintf(stderr,                                            \
				"fuzz_diff: the codecs disagree on %s: \"%.*s\", " \
				"\"%.*s\"\n",                                      \
				what, BYTES_FMT(same_a), BYTES_FMT(same_b));       \
			abort();                                                   \
		}                                                                  \
	} while (0)

static bool is_clean(struct ox_findings *fs)
{
	bool clean = ox_findings_worst(fs) != OX_FAIL;

	ox_findings_clear(fs);
	return clean;
}

/* ---- RTSP ---- */

static void diff_transport(struct bytes value)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_transport v[OX_MAX_TRANSPORTS];
	struct transport_list *list = calloc(1, sizeof(*list));
	size_t n = ox_transport_read(value, 0, v, COUNT(v), &fs);
	struct fault f;

	if (list && transport_read(value, list, &f) == 0 && is_clean(&fs)) {
		SAME("number of transports", list->n, n);
		for (size_t i = 0; i < n && i < COUNT(v); i++) {
			const struct transport *t = &list->v[i];
			if (t->err != 0 || v[i].is_bad)
				continue;
			SAME("RTP/AVP", t->is_rtp_avp, v[i].is_rtp_avp);
			SAME("TCP", t->lower == TRANSPORT_TCP, v[i].is_tcp);
			SAME("client_port", t->client_port.n > 0, v[i].has_client_port);
			SAME("client_port low", t->client_port.lo, v[i].client_port[0]);
			SAME("server_port", t->server_port.n > 0, v[i].has_server_port);
			SAME("server_port low", t->server_port.lo, v[i].server_port[0]);
			SAME("interleaved", t->interleaved.n > 0, v[i].has_interleaved);
			SAME("channel", t->interleaved.lo, v[i].interleaved[0]);
			SAME("ssrc", t->has_ssrc ? t->ssrc : 0, v[i].ssrc);
			SAME("ttl", t->ttl, v[i].ttl);
		}
	}
	ox_findings_clear(&fs);
	free(list);
}

static void diff_range(struct bytes value)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_range x;
	struct range r;
	struct fault f;

	if (ox_range_read(value, 0, &x, &fs) == 0 && range_read(value, &r, &f) == 0 &&
		is_clean(&fs) && x.unit != OX_RANGE_SMPTE) {
		SAME("range start", r.has_start && !r.is_now ? r.start : 0,
			x.has_start ? x.start : 0);
		SAME("range end", r.has_end ? r.end : 0, x.has_end ? x.end : 0);
		SAME("range now", r.is_now, x.is_now);
	}
	ox_findings_clear(&fs);
}

static void diff_rtp_info(struct bytes value)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_rtp_info v[OX_MAX_RTP_INFO];
	size_t n = ox_rtp_info_read(value, 0, v, COUNT(v), &fs);
	struct rtpinfo e;

	/* 12.33 knows no quotes; where they stand, any reading will do */
	if (bytes_index(value, '"') < value.n)
		n = 0;
	for (size_t i = 0; is_clean(&fs) && i < n && i < COUNT(v); i++) {
		if (rtpinfo_next(&value, &e) != 1)
			break;
		SAME("RTP-Info seq", e.has_seq ? e.seq : 0, v[i].seq);
		SAME("RTP-Info rtptime", e.has_rtptime ? e.rtptime : 0, v[i].rtptime);
	}
	ox_findings_clear(&fs);
}

static void diff_session(struct bytes value)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_session_id x;
	struct bytes id;
	uint32_t timeout = 60;

	if (ox_session_id_read(value, 0, &x, &fs) == 0 &&
		rtsp_session_read(value, &id, &timeout) == 0 && is_clean(&fs)) {
		SAME_BYTES("Session", id, x.id);
		SAME("timeout", timeout, x.timeout_s);
	}
	ox_findings_clear(&fs);
}

static void diff_url(struct bytes value)
{
	struct ox_url x;
	struct url u;
	struct fault f;

	if (ox_url_read(value, 0, &x, NULL) == 0 && url_read(value, &u, &f) == 0) {
		SAME_BYTES("host", u.host, x.host);
		SAME("port", u.port, x.port);
	}
}

static void diff_fields(const struct rtsp_msg *m, const struct ox_message *x)
{
	static const struct {
		enum rtsp_header_id id;
		const char *name;
		void (*diff)(struct bytes value);
	} fields[] = {
		{ RTSP_H_TRANSPORT, "Transport", diff_transport },
		{ RTSP_H_SESSION, "Session", diff_session },
		{ RTSP_H_RANGE, "Range", diff_range },
		{ RTSP_H_RTP_INFO, "RTP-Info", diff_rtp_info },
	};
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct bytes value = ox_header_value(x, fields[i].name);
		if (bytes_index(value, '\r') < value.n || bytes_index(value, '\n') < value.n)
			continue; /* folded: joined by the one, left as it is by the other */
		SAME_BYTES(fields[i].name, rtsp_value(m, fields[i].id), value);
		fields[i].diff(value);
	}
}

static void diff_message(struct bytes b)
{
	struct ox_findings fs = { .n = 0 };
	struct rtsp_msg *m = calloc(1, sizeof(*m));
	struct ox_message *x = calloc(1, sizeof(*x));
	struct arena a = { 0 };
	struct fault f;
	int n;

	while (b.n > 0 && (b.p[0] == '\r' || b.p[0] == '\n'))
		b = bytes_sub(b, 1, b.n);
	if (b.n > 0 && b.p[0] == '$')
		goto out; /* a frame, for whoever cuts the stream */
	n = m ? rtsp_read(b, &RTSP_LIMITS_DEFAULT, &a, m, &f) : ERR_MORE;
	if (n > 0 && x && ox_message_read(bytes_sub(b, 0, (size_t)n), x, &fs) == 0 &&
		is_clean(&fs)) {
		size_t head = 0, body = 0;
		SAME("length of the message",
			ox_message_length(b, &head, &body) == 0 ? head + body : 0, (size_t)n);
		SAME("direction", m->is_response, x->is_response);
		SAME("status", m->is_response ? m->status : 0, (int)x->status);
		SAME_BYTES("method", m->method_name, x->method);
		SAME_BYTES("URL", m->uri, x->uri);
		SAME_BYTES("body", m->body, x->body);
		if (m->has_cseq)
			SAME_BYTES("CSeq", m->cseq_text, x->cseq);
		diff_fields(m, x);
		if (!x->is_response)
			diff_url(x->uri);
	}
out:
	arena_clear(&a);
	ox_findings_clear(&fs);
	free(m);
	free(x);
}

/* ---- SDP ---- */

/* A second a=control has no meaning of its own: either may be taken. */
static bool has_one_control(struct bytes lines)
{
	struct bytes needle = B("a=control:");
	size_t at = bytes_find(lines, needle);
	struct bytes rest = bytes_sub(lines, at + 1, lines.n);

	return at < lines.n && bytes_find(rest, needle) == rest.n;
}

static void diff_sdp(struct bytes b)
{
	struct ox_sdp *x = calloc(1, sizeof(*x));
	struct sdp *s = calloc(1, sizeof(*s));
	struct fault f;

	if (x && s && ox_sdp_read(b, x, NULL) == 0 && sdp_read(b, s, &f) == 0) {
		SAME("number of media", s->n_media, x->n_media);
		if (has_one_control(s->lines))
			SAME_BYTES("control", bytes_trim(s->control), x->control);
		for (size_t i = 0; i < s->n_media && i < OX_MAX_MEDIA; i++) {
			const struct sdp_media *m = &s->media[i];
			const struct ox_media *y = &x->media[i];
			SAME_BYTES("media type", m->type, y->type);
			SAME("port", m->port, y->port);
			SAME("b=AS", m->bandwidth_kbps, y->as_kbps);
			if (y->n_formats == 0 || !y->formats[0].is_pt || !m->has_pt)
				continue;
			SAME("payload type", m->payload_type, y->formats[0].pt);
		}
	}
	free(x);
	free(s);
}

/* ---- RTP, RTCP ---- */

static void diff_rtp(struct bytes b)
{
	struct ox_rtp x;
	struct rtp_view v;
	int a = ox_rtp_read(b, &x, NULL), w = rtp_read(b, &v);

	SAME("whether this is RTP", a == 0, w == 0);
	if (a != 0)
		return;
	SAME("sequence number", v.seq, x.seq);
	SAME("RTP time", v.timestamp, x.rtptime);
	SAME("SSRC", v.ssrc, x.ssrc);
	SAME("payload type", v.payload_type, x.pt);
	SAME("marker", v.marker, x.marker);
	SAME_BYTES("payload", v.payload, x.payload);
	SAME_BYTES("extension", v.extension, x.extension);
}

static void diff_rtcp(struct bytes b)
{
	struct ox_findings fs = { .n = 0 };
	struct ox_rtcp *x = calloc(1, sizeof(*x));
	struct rtcp_view v;

	if (x && ox_rtcp_read(b, x, &fs) == 0 && x->n < OX_MAX_RTCP_PACKETS && is_clean(&fs) &&
		rtcp_check(b) == 0) {
		for (size_t i = 0; i < x->n; i++) {
			const struct ox_rtcp_packet *p = &x->v[i];
			SAME("another RTCP packet", rtcp_next(&b, &v), 1);
			SAME("RTCP type", v.type, p->type);
			if (p->type != OX_RTCP_SR && p->type != OX_RTCP_RR)
				continue;
			SAME("SSRC", v.ssrc, p->ssrc);
			SAME("report blocks", v.count, p->n_reports);
			SAME("NTP time", v.sr.ntp, p->ntp);
			SAME("RTP time", v.sr.timestamp, p->rtptime);
			SAME("packet count", v.sr.packets, p->packets);
			for (size_t k = 0; k < p->n_reports; k++) {
				struct rtcp_block r;
				rtcp_block_read(&v, k, &r);
				SAME("cumulative lost", r.lost, p->reports[k].cumulative_lost);
				SAME("highest number", r.highest, p->reports[k].highest_seq);
			}
		}
	}
	ox_findings_clear(&fs);
	free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const planes[])(struct bytes b) = { diff_message, diff_sdp, diff_rtp,
		diff_rtcp, diff_transport, diff_range };
	struct bytes b = bytes_of(data, size);

	if (size > 0)
		planes[data[0] % COUNT(planes)](bytes_sub(b, 1, size));
	return 0;
}
