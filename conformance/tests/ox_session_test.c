/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/tests/ox_test.h"

/*
 * One whole session, DESCRIBE to TEARDOWN, 12 s of 50 packets a second on one or two tracks, and the
 * ways in which it can go wrong. All zero: nothing is wrong.
 */
struct wrong {
	bool tcp, two_tracks;
	int gap_at, twice_at, swap_at; /* packet number */
	int ssrc_at, alternate_at;
	bool no_sr, rr_for_sr, no_rtcp, no_bye, only_bye;
	double sr_hz; /* 0: 90000 */
	int sr_ssrc, sr_packets, sr_octets, sr_late_ms, sr_clock_s, track_clock_ms;
	bool sr_copies;
	bool ahead;                 /* media come twice as fast as they are shown */
	int info_seq, info_rtptime; /* off by */
	const char *info_url;
	bool transport_ssrc;
	const char *stray; /* after the DESCRIBE reply */
	bool no_length;    /* DESCRIBE reply without Content-Length */
	int channel;       /* frames on this channel in place of 0 */
	bool early;        /* a packet before the PLAY reply */
	bool rtcp_on_rtp;
	int frame_bytes, size; /* packets of this size */
	bool same_channels, same_ports, audio_too;
	int source_port, source_port_at;
	bool close_early;
	const char *publics, *server_request;
	const char *cname_2;
	int as_kbps;
	const char *garbage; /* after the media */
	int as_codec_pt;
};

struct scene {
	const struct wrong *w;
	struct ox_session *s;
	tick_t now;
	int cseq;
	uint16_t seq[2];
	uint32_t ssrc[2], rtptime[2];
	uint32_t packets[2], octets[2];
};

static void put(struct scene *c, enum ox_event_kind kind, bool from_client, struct bytes b)
{
	struct ox_event e = { .kind = kind, .time = c->now, .from_client = from_client, .b = b };

	ox_session_event(c->s, &e);
}

static void say(struct scene *c, bool from_client, const char *fmt, ...) PRINTF(3, 4);
static void say(struct scene *c, bool from_client, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	CU_ASSERT_FATAL(n > 0 && (size_t)n < sizeof(text));
	put(c, OX_EVENT_MESSAGE, from_client, bytes_of(text, (size_t)n));
	c->now += TICK_MS;
}

static void ask(struct scene *c, const char *method, const char *path, const char *more)
{
	say(c, true, "%s rtsp://h/a/%s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, path, ++c->cseq,
		more);
}

static void answer(struct scene *c, const char *more)
{
	say(c, false,
		"RTSP/1.0 200 OK\r\nCSeq: %d\r\nServer: t\r\nDate: Sun, 22 Nov 2026 19:51:23 GMT"
		"\r\n%s",
		c->cseq, more);
}

static void media(struct scene *c, int track, bool rtcp, struct bytes b)
{
	uint16_t client = (uint16_t)(5000 + (c->w->same_ports ? 0 : 2 * track) + rtcp);
	struct ox_event e = { .kind = c->w->tcp ? OX_EVENT_FRAME : OX_EVENT_DATAGRAM,
		.time = c->now,
		.channel = (uint8_t)(2 * track + rtcp),
		.src_port = (uint16_t)(6000 + rtcp),
		.dst_port = client,
		.b = b };

	if (c->w->channel && !rtcp)
		e.channel = (uint8_t)c->w->channel;
	if (c->w->source_port && !rtcp && c->packets[0] >= (uint32_t)c->w->source_port_at)
		e.src_port = (uint16_t)c->w->source_port;
	if (c->w->rtcp_on_rtp && rtcp) {
		e.channel--;
		e.dst_port--;
	}
	ox_session_event(c->s, &e);
}

static void rtp(struct scene *c, int track)
{
	uint8_t b[2048] = { 0x80, 96 };
	size_t n = c->w->size ? (size_t)c->w->size : 112;

	put_be16(b + 2, c->seq[track]);
	put_be32(b + 4, c->rtptime[track]);
	put_be32(b + 8, c->ssrc[track]);
	media(c, track, false, bytes_of(b, c->w->frame_bytes ? (size_t)c->w->frame_bytes : n));
}

/* One packet of a stream, with what is wrong about it. */
static void stream(struct scene *c, int track, int i)
{
	const struct wrong *w = c->w;
	bool odd = w->alternate_at && i >= w->alternate_at && i % 2;

	if (w->ssrc_at && i == w->ssrc_at)
		c->ssrc[track] ^= 0x55;
	if (odd)
		c->ssrc[track] ^= 0x33;
	if (w->swap_at && i == w->swap_at)
		c->seq[track]++;
	else if (w->swap_at && i == w->swap_at + 1)
		c->seq[track]--;
	if (!(w->gap_at && i == w->gap_at) && !w->only_bye)
		rtp(c, track);
	if (w->twice_at && i == w->twice_at)
		rtp(c, track);
	if (w->swap_at && i == w->swap_at)
		c->seq[track]--;
	else if (w->swap_at && i == w->swap_at + 1)
		c->seq[track]++;
	if (odd)
		c->ssrc[track] ^= 0x33;
	c->seq[track]++;
	c->rtptime[track] += c->w->ahead ? 3600 : 1800;
	c->packets[track]++;
	c->octets[track] += 100;
}

static size_t put_report(struct scene *c, int track, uint8_t *b, bool sr)
{
	const struct wrong *w = c->w;
	double at = (double)c->now / 1e9, hz = w->sr_hz > 0 ? w->sr_hz : 90000;
	double clock = 3e9 + at + w->sr_clock_s + (track ? w->track_clock_ms / 1e3 : 0);
	/* the last packet was sent 3 ms ago */
	double rtptime =
		c->rtptime[track] - 1800.0 + (w->sr_copies ? 0 : 270) + w->sr_late_ms * 90.0;

	if (w->ahead)
		rtptime -= 1800.0 * c->packets[track];
	b[0] = 0x80;
	b[1] = sr ? 200 : 201;
	put_be16(b + 2, sr ? 6 : 1);
	put_be32(b + 4, c->ssrc[track] + (uint32_t)w->sr_ssrc);
	put_be64(b + 8, (uint64_t)(clock * 4294967296.0));
	put_be32(b + 16, (uint32_t)(int64_t)(rtptime + at * (hz - 90000)));
	put_be32(b + 20, c->packets[track] + (uint32_t)w->sr_packets);
	put_be32(b + 24, c->octets[track] + (uint32_t)w->sr_octets);
	return sr ? 28 : 8;
}

static void rtcp(struct scene *c, int track, bool bye)
{
	uint8_t b[128];
	bool sr = !c->w->rr_for_sr && !bye;
	const char *cname = track && c->w->cname_2 ? c->w->cname_2 : "u@host";
	size_t n = put_report(c, track, b, sr);

	put_be32(b + n, 0x81ca0004);
	put_be32(b + n + 4, c->ssrc[track]);
	put_be64(b + n + 8, 0);
	put_be32(b + n + 16, 0);
	b[n + 8] = 1;
	b[n + 9] = 6;
	memcpy(b + n + 10, cname, 6);
	n += 20;
	if (bye) {
		put_be32(b + n, 0x81cb0001);
		put_be32(b + n + 4, c->ssrc[track]);
		n += 8;
	}
	media(c, track, true, bytes_of(b, n));
}

static void describe(struct scene *c)
{
	char body[1024], head[1400];
	const struct wrong *w = c->w;
	int n = snprintf(body, sizeof(body),
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		"a=control:*\r\na=range:npt=0-12\r\nm=video 0 RTP/AVP %d\r\nb=AS:%d\r\n"
		"a=rtpmap:%d X-B/90000\r\na=control:t1\r\n"
		"m=%s 0 RTP/AVP 96\r\na=rtpmap:96 X-B/90000\r\na=control:t2\r\n",
		w->as_codec_pt ? w->as_codec_pt : 96, w->as_kbps ? w->as_kbps : 48,
		w->as_codec_pt ? w->as_codec_pt : 96, w->audio_too ? "audio" : "video");

	ask(c, "DESCRIBE", "", "");
	if (w->no_length)
		(void)snprintf(head, sizeof(head), "Content-Type: application/sdp\r\n\r\n");
	else
		(void)snprintf(head, sizeof(head),
			"Content-Base: rtsp://h/a/\r\nContent-Type: application/sdp\r\n"
			"Content-Length: %d\r\n\r\n%s",
			n, body);
	answer(c, head);
	if (w->stray)
		put(c, *w->stray == '\r' ? OX_EVENT_BLANK : OX_EVENT_GARBAGE, false,
			bytes_str(w->stray));
	if (w->no_length)
		put(c, OX_EVENT_GARBAGE, false, bytes_str(body));
}

static void setup(struct scene *c, int track)
{
	char more[256], path[16], session[32];
	int port = 5000 + (c->w->same_ports ? 0 : 2 * track);
	int channel = c->w->same_channels ? 0 : 2 * track;

	(void)snprintf(path, sizeof(path), "t%d", track + 1);
	(void)snprintf(session, sizeof(session), "%s", track ? "Session: 12ab\r\n" : "");
	if (c->w->tcp)
		(void)snprintf(more, sizeof(more),
			"Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", channel, channel + 1);
	else
		(void)snprintf(more, sizeof(more), "Transport: RTP/AVP;unicast;client_port=%d-%d",
			port, port + 1);
	say(c, true, "SETUP rtsp://h/a/%s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n\r\n", path, ++c->cseq,
		session, more);
	(void)snprintf(more + strlen(more), sizeof(more) - strlen(more), "%s%s\r\n\r\n",
		c->w->tcp ? "" : ";server_port=6000-6001",
		c->w->transport_ssrc ? ";ssrc=00000099" : "");
	char full[320];
	(void)snprintf(full, sizeof(full), "Session: 12ab\r\n%s", more);
	answer(c, full);
}

static void play(struct scene *c)
{
	char more[512];
	const struct wrong *w = c->w;
	int n = snprintf(more, sizeof(more),
		"Session: 12ab\r\nRange: npt=0-12\r\nRTP-Info: url=%s;seq=%u;rtptime=%u",
		w->info_url ? w->info_url : "rtsp://h/a/t1",
		(unsigned)(uint16_t)(c->seq[0] + w->info_seq),
		c->rtptime[0] + (uint32_t)w->info_rtptime);

	(void)snprintf(more + n, sizeof(more) - (size_t)n, "%s\r\n\r\n",
		w->two_tracks ? ",url=rtsp://h/a/t2;seq=7000;rtptime=50" : "");
	ask(c, "PLAY", "", "Session: 12ab\r\n");
	if (w->early)
		stream(c, 0, 0);
	answer(c, more);
}

static void flow(struct scene *c)
{
	int tracks = c->w->two_tracks ? 2 : 1;

	for (int i = 0; i < 600; i++) {
		for (int t = 0; t < tracks; t++) {
			stream(c, t, i + 1);
			c->now += 3 * TICK_MS;
			if (i % 100 == (i / 100) * 5 && !c->w->no_sr && !c->w->no_rtcp &&
				!c->w->only_bye)
				rtcp(c, t, false);
			c->now -= 3 * TICK_MS;
		}
		c->now += 20 * TICK_MS;
	}
}

static void finish(struct scene *c)
{
	if (c->w->garbage)
		put(c, OX_EVENT_GARBAGE, false, bytes_str(c->w->garbage));
	if (c->w->server_request)
		say(c, false, "%s", c->w->server_request);
	if (c->w->close_early) {
		put(c, OX_EVENT_CLOSE, false, (struct bytes){ 0 });
		return;
	}
	ask(c, "TEARDOWN", "", "Session: 12ab\r\n");
	answer(c, "Session: 12ab\r\n\r\n");
	for (int t = 0; t < (c->w->two_tracks ? 2 : 1); t++) {
		if (!c->w->no_bye && !c->w->no_rtcp)
			rtcp(c, t, true);
	}
}

static void run(const struct wrong *w, struct ox_session *s)
{
	struct scene c = { .w = w,
		.s = s,
		.now = TICK_S,
		.seq = { 65500, 7000 },
		.ssrc = { 0x1234, 0x5678 },
		.rtptime = { 4294960000u, 50 } };
	char public[128];

	ask(&c, "OPTIONS", "", "");
	(void)snprintf(public, sizeof(public), "Public: %s\r\n\r\n",
		w->publics ? w->publics : "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN");
	answer(&c, public);
	describe(&c);
	setup(&c, 0);
	if (w->two_tracks)
		setup(&c, 1);
	play(&c);
	flow(&c);
	finish(&c);
	ox_session_end(s, c.now + TICK_S);
}

static void check(enum ox_rule rule, struct wrong w)
{
	struct wrong good = {
		.tcp = w.tcp, .two_tracks = w.two_tracks, .audio_too = w.audio_too, .ahead = w.ahead
	};
	struct ox_session_opts opts = { .exact_udp = true,
		.epoch = (int64_t)(3000000000 - 2208988800) * TICK_S };

	for (int bad = 0; bad < 2; bad++) {
		struct ox_session *s = ox_session_new(&opts);
		run(bad ? &w : &good, s);
		ox_want(ox_session_findings(s), rule, bad);
		if (!bad)
			ox_want_clean(ox_session_findings(s));
		ox_session_free(s);
	}
}
#define OX_CHECK(rule, ...) check(rule, (struct wrong){ __VA_ARGS__ })

#define RQ(method, more) method " rtsp://h/ RTSP/1.0\r\n" more "\r\n"
#define RTP_PAIRS(X)                                                                             \
	X(ssrc, OX_RTSP_B_05, "RTSP-B-05: one SSRC from SETUP to TEARDOWN", .ssrc_at = 20)       \
	X(ssrc_setup, OX_RTSP_12_39_20, "RTSP-12.39-20: the SSRC is that of Transport",          \
		.transport_ssrc = true)                                                          \
	X(ssrc_two, OX_RTP_5_1_19, "RTP-5.1-19: one SSRC on a transport", .alternate_at = 50)    \
	X(gap, OX_RTP_5_1_09, "RTP-5.1-09: no gap", .gap_at = 100)                               \
	X(gap_tcp, OX_RTP_5_1_09, "RTP-5.1-09: no gap over TCP", .gap_at = 100, .tcp = true)     \
	X(twice, OX_RTP_5_1_09, "RTP-5.1-09: no repeat", .twice_at = 100)                        \
	X(swap, OX_RTP_5_1_09, "RTP-5.1-09: no reordering", .swap_at = 50)                       \
	X(type, OX_RTP_5_1_06, "RTP-5.1-06: the payload type is announced", .as_codec_pt = 97)   \
	X(port, OX_RTSP_12_39_18, "RTSP-12.39-18: RTP comes from server_port",                   \
		.source_port = 6010)                                                             \
	X(port_moves, OX_RTP_5_1_20, "RTP-5.1-20: and stays there", .source_port = 6010,         \
		.source_port_at = 100)                                                           \
	X(large, OX_RTP_11_06, "RTP-11-06: datagrams fit a frame", .size = 1473)                 \
	X(bandwidth, OX_SDP_5_8_03, "SDP-5.8-03: the rate is that of b=AS", .as_kbps = 30)       \
	X(info_seq, OX_RTSP_12_33_04, "RTSP-12.33-04: seq is that of the first packet",          \
		.info_seq = 1)                                                                   \
	X(info_rtptime, OX_RTSP_12_33_05, "RTSP-12.33-05: rtptime is that of the range's start", \
		.info_rtptime = 90000)                                                           \
	X(info_url, OX_RTSP_12_33_03, "RTSP-12.33-03: the URL is that of SETUP",                 \
		.info_url = "rtsp://h/a/t9")                                                     \
	X(info_relative, OX_RTSP_12_33_03, "RTSP-12.33-03: a relative URL is a warning",         \
		.info_url = "t1")                                                                \
	X(ports_shared, OX_RTP_5_2_01, "RTP-5.2-01: a port pair for each stream",                \
		.two_tracks = true, .same_ports = true)                                          \
	X(media_shared, OX_PROF_6_02, "PROF-6-02: one media type in a session",                  \
		.two_tracks = true, .same_ports = true, .audio_too = true)

#define RTCP_PAIRS(X)                                                                              \
	X(sr, OX_RTP_6_4_01, "RTP-6.4-01: a sender sends SR", .no_sr = true)                       \
	X(rr, OX_RTP_6_4_01, "RTP-6.4-01: and not RR", .rr_for_sr = true)                          \
	X(no_rtcp, OX_RTP_6_02, "RTP-6-02: RTCP comes", .no_rtcp = true)                           \
	X(slope, OX_RTP_5_1_12, "RTP-5.1-12: the clock runs at its rate", .sr_hz = 91000)          \
	X(bye, OX_RTP_6_3_7_01, "RTP-6.3.7-01: leaving is announced by BYE", .no_bye = true)       \
	X(bye_only, OX_RTP_6_3_7_02, "RTP-6.3.7-02: no BYE of the silent", .only_bye = true)       \
	X(sr_ssrc, OX_RTP_6_4_1_04, "RTP-6.4.1-04: the SR has the stream's SSRC", .sr_ssrc = 1)    \
	X(sr_clock, OX_RTP_6_4_1_05, "RTP-6.4.1-05: NTP time is the wall clock",                   \
		.sr_clock_s = 100)                                                                 \
	X(sr_rtptime, OX_RTP_6_4_1_06, "RTP-6.4.1-06: RTP time is that of the SR's moment",        \
		.sr_late_ms = 150)                                                                 \
	X(sr_rtptime_ahead, OX_RTP_6_4_1_06, "RTP-6.4.1-06: also when media are sent ahead",       \
		.sr_late_ms = 150, .tcp = true, .ahead = true)                                     \
	X(sr_packets, OX_RTP_6_4_1_07, "RTP-6.4.1-07: the packet count is right",                  \
		.sr_packets = 100)                                                                 \
	X(sr_octets, OX_RTP_6_4_1_08, "RTP-6.4.1-08: the octet count is right", .sr_octets = 9000) \
	X(cnames, OX_RTP_6_5_1_02, "RTP-6.5.1-02: one CNAME for all tracks", .two_tracks = true,   \
		.cname_2 = "v@host")                                                               \
	X(clocks, OX_RTP_6_4_1_15, "RTP-6.4.1-15: one clock for all tracks", .two_tracks = true,   \
		.track_clock_ms = 700)                                                             \
	X(rtcp_channel, OX_RTP_6_01, "RTP-6-01: RTCP has its own channel", .tcp = true,            \
		.rtcp_on_rtp = true)                                                               \
	X(rtcp_port, OX_RTP_11_04, "RTP-11-04: SRs go to the RTCP port", .rtcp_on_rtp = true)

#define STREAM_PAIRS(X)                                                                        \
	X(leftover, OX_RTSP_4_4_02, "RTSP-4.4-02: nothing is left after the body",             \
		.stray = "\r\n")                                                               \
	X(no_length, OX_RTSP_4_4_04, "RTSP-4.4-04: a body needs Content-Length",               \
		.no_length = true)                                                             \
	X(garbage, OX_RTSP_10_12_02, "RTSP-10.12-02: frames and messages, nothing else",       \
		.tcp = true, .garbage = "??")                                                  \
	X(no_packet, OX_RTSP_10_12_03, "RTSP-10.12-03: a frame holds one packet", .tcp = true, \
		.frame_bytes = 8)                                                              \
	X(channel, OX_RTSP_10_12_04, "RTSP-10.12-04: only granted channels", .tcp = true,      \
		.channel = 7)                                                                  \
	X(early, OX_RTSP_10_12_11, "RTSP-10.12-11: the PLAY reply is first", .tcp = true,      \
		.early = true)                                                                 \
	X(channels, OX_RTSP_12_39_16, "RTSP-12.39-16: channels are not shared", .tcp = true,   \
		.two_tracks = true, .same_channels = true)                                     \
	X(close, OX_RTSP_12_10_02, "RTSP-12.10-02: closing is announced", .close_early = true) \
	X(publics, OX_RTSP_1_5_03, "RTSP-1.5-03: Public names what works",                     \
		.publics = "OPTIONS, DESCRIBE, SETUP, TEARDOWN")                               \
	X(server_method, OX_RTSP_9_03, "RTSP-9-03: requests that servers send",                \
		.server_request = RQ("PLAY", "CSeq: 1\r\n"))                                   \
	X(server_no_cseq, OX_RTSP_9_03, "RTSP-9-03: with CSeq",                                \
		.server_request = RQ("OPTIONS", ""))                                           \
	X(announce, OX_RTSP_10_3_02, "RTSP-10.3-02: ANNOUNCE has the whole description",       \
		.server_request = RQ("ANNOUNCE",                                               \
			"CSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n") "v=0\r\n")

RTP_PAIRS(OX_PAIR_FN)
RTCP_PAIRS(OX_PAIR_FN)
STREAM_PAIRS(OX_PAIR_FN)

static void t_facts(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .two_tracks = true };

	run(&w, s);
	struct ox_session_counts n = ox_session_counts(s);
	CU_ASSERT(n.requests == 6 && n.responses == 6 && n.unanswered == 0 && n.strays == 0);
	CU_ASSERT(n.rtp == 1200 && n.rtcp == 14);
	const struct ox_track *t = ox_session_track(s, 1);
	CU_ASSERT_FATAL(t != NULL && ox_session_track(s, 2) == NULL);
	CU_ASSERT_STRING_EQUAL(t->url, "rtsp://h/a/t2");
	CU_ASSERT(t->client_port[0] == 5002 && t->server_port[1] == 6001 && !t->is_tcp);
	CU_ASSERT(t->n_streams == 1 && t->streams[0].packets == 600 && t->streams[0].lost == 0);
	CU_ASSERT(t->n_senders == 1 && t->senders[0].srs == 6 && t->senders[0].byes == 1);
	CU_ASSERT(t->format && t->format->clock_hz == 90000);
	CU_ASSERT(ox_session_sdp(s) && ox_session_sdp(s)->n_media == 2);
	ox_session_free(s);
}

static void t_within_unit(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .info_rtptime =
				   -1900 }; /* a packet is 1800, and 2 ms are for rounding */

	run(&w, s);
	ox_want(ox_session_findings(s), OX_RTSP_12_33_05, true);
	ox_want_clean(ox_session_findings(s));
	ox_session_free(s);
}

/* A PLAY that replaces another: a packet of the old range comes first, 100 ticks before the new ones, which last
 * 5000; the range begins in the middle of the first of them. `off`: from its beginning. */
static enum ox_weight play_over_play(uint32_t off)
{
	static const struct wrong w = { .tcp = true };
	struct ox_session *s = ox_session_new(NULL);
	struct scene c = { .w = &w, .s = s, .now = TICK_S, .seq = { 10 }, .ssrc = { 1 } };
	enum ox_weight worst = OX_NOTE;
	char more[256];

	describe(&c);
	setup(&c, 0);
	play(&c);
	for (int i = 0; i < 20; i++)
		stream(&c, 0, i);
	ask(&c, "PLAY", "", "Session: 12ab\r\nRange: npt=4-\r\n");
	(void)snprintf(more, sizeof(more),
		"Session: 12ab\r\nRange: npt=4-12\r\nRTP-Info: url=rtsp://h/a/t1;seq=%u;rtptime=%u"
		"\r\n\r\n",
		c.seq[0] + 1u, c.rtptime[0] + 100 + off);
	answer(&c, more);
	rtp(&c, 0);
	c.rtptime[0] += 100;
	for (int i = 0; i < 20; i++) {
		c.seq[0]++;
		rtp(&c, 0);
		c.rtptime[0] += 5000;
	}
	ox_session_end(s, c.now + TICK_S);
	const struct ox_findings *fs = ox_session_findings(s);
	for (size_t i = 0; i < fs->n; i++) {
		if (fs->v[i].rule == OX_RTSP_12_33_05 && fs->v[i].weight > worst)
			worst = fs->v[i].weight;
	}
	ox_session_free(s);
	return worst;
}

static void t_play_over_play(void)
{
	CU_ASSERT_EQUAL(play_over_play(4000), OX_NOTE);
	CU_ASSERT_EQUAL(play_over_play(9000), OX_FAIL);
}

static void t_inexact(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .gap_at = 100, .swap_at = 200, .sr_packets = 50 };

	run(&w, s);
	ox_want(ox_session_findings(s), OX_RTP_5_1_09, false);
	ox_want(ox_session_findings(s), OX_RTP_6_4_1_07, false);
	ox_want_clean(ox_session_findings(s));
	ox_session_free(s);
}

static void t_cut(void)
{
	struct ox_session_opts opts = { .is_cut = true };
	struct ox_session *s = ox_session_new(&opts);
	struct wrong w = { .no_bye = true, .close_early = true };

	run(&w, s);
	ox_want(ox_session_findings(s), OX_RTP_6_3_7_01, false);
	ox_want(ox_session_findings(s), OX_RTSP_12_10_02, false);
	ox_session_free(s);
}

static void t_client(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .tcp = false };
	struct scene c = { .w = &w, .s = s };

	say(&c, true, "OPTIONS rtsp://h/ RTSP/1.0\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_02, true);
	CU_ASSERT(ox_session_findings(s)->v[0].by_client);
	say(&c, false, "RTSP/1.0 400 Bad\r\nServer: t\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_01, false);
	say(&c, true, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_02, true);
	ox_session_free(s);
}

static void t_server_cseq(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .tcp = false };
	struct scene c = { .w = &w, .s = s };

	say(&c, false, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 4\r\n\r\n");
	say(&c, false, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 5\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_04, false);
	say(&c, false, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 5\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_04, true);
	ox_session_free(s);
}

static void t_hole_punch(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .tcp = false };
	struct scene c = { .w = &w, .s = s, .ssrc = { 1, 2 } };
	struct ox_event e = { .kind = OX_EVENT_DATAGRAM,
		.from_client = true,
		.src_port = 5000,
		.dst_port = 6000,
		.b = bytes_of("\xce\xfa\xed\xfe", 4) };

	describe(&c);
	setup(&c, 0);
	e.time = c.now;
	ox_session_event(s, &e);
	CU_ASSERT(ox_session_track(s, 0)->n_streams == 0);
	ox_want_clean(ox_session_findings(s));
	ox_session_free(s);
}

static void t_pipelined(void)
{
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .tcp = false };
	struct scene c = { .w = &w, .s = s };

	say(&c, true, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
	say(&c, true, "TEARDOWN rtsp://h/ RTSP/1.0\r\nCSeq: 2\r\n\r\n");
	say(&c, true, "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\n\r\n");
	for (int i = 1; i <= 2; i++)
		say(&c, false, "RTSP/1.0 %s\r\nCSeq: %d\r\nServer: t\r\nPublic: PLAY\r\n\r\n",
			i == 1 ? "200 OK" : "454 No", i);
	ox_want_clean(ox_session_findings(s));
	say(&c, false, "RTSP/1.0 200 OK\r\nCSeq: 9\r\nServer: t\r\nPublic: PLAY\r\n\r\n");
	ox_want(ox_session_findings(s), OX_RTSP_12_17_03, true);
	ox_session_end(s, c.now);
	CU_ASSERT(ox_session_counts(s).unanswered == 0);
	ox_session_free(s);
}

/* A description that breaks rules (more often than findings of a rule are kept), asked for once to
 * learn the tracks, then by the client that is judged. */
static void t_known_description(void)
{
	static const char body[] =
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		"y=1\r\ny=2\r\ny=3\r\ny=4\r\ny=5\r\ny=6\r\ny=7\r\ny=8\r\ny=9\r\na=control:*\r\n"
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 X/90000\r\na=control:1\r\n";
	struct ox_session *s = ox_session_new(NULL);
	struct wrong w = { .tcp = false };
	struct scene c = { .w = &w, .s = s };
	uint32_t once = 0;

	for (int i = 1; i <= 3; i++) {
		say(&c, true, "DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: %d\r\n\r\n", i);
		say(&c, false,
			"RTSP/1.0 200 OK\r\nCSeq: %d\r\nServer: t\r\nContent-Type: application/sdp\r\n"
			"Content-Base: rtsp://h/a/\r\nContent-Length: %zu\r\n\r\n%s",
			i, sizeof(body) - 1, body);
		if (i == 1) {
			once = ox_session_findings(s)->per_rule[OX_SDP_9_01];
			ox_session_begin(s);
			ox_want_clean(ox_session_findings(s));
		}
	}
	ox_want(ox_session_findings(s), OX_SDP_9_01, true);
	CU_ASSERT(ox_session_findings(s)->per_rule[OX_SDP_9_01] == once);
	CU_ASSERT(ox_session_sdp(s) && ox_session_sdp(s)->n_media == 1);
	ox_session_free(s);
}

UNIT_SUITE(ox_session,
	RTP_PAIRS(OX_PAIR_ENTRY) RTCP_PAIRS(OX_PAIR_ENTRY)
		STREAM_PAIRS(OX_PAIR_ENTRY){ "facts of a session are kept", t_facts },
	{ "RTSP-12.33-05: within one packet it is only noted", t_within_unit },
	{ "RTSP-12.33-05: a packet of before tells nothing of the new ones' length",
		t_play_over_play },
	{ "RTP-5.1-09: a network may lose and reorder UDP", t_inexact },
	{ "a record that was cut off is not judged by what is missing", t_cut },
	{ "RTSP-12.17-02: the client's faults are told as its own", t_client },
	{ "RTSP-12.17-04: the server's CSeq rises", t_server_cseq },
	{ "datagrams that open a NAT are no stream", t_hole_punch },
	{ "pipelined requests find their answers by CSeq", t_pipelined },
	{ "a description that was learned before is judged when the client asks for it",
		t_known_description });
