/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_session_parts.h"
#include "server/base/os.h"

static const size_t most_udp_payload = 1472; /* 1500 less IPv4 and UDP */
static const tick_t rtcp_within = 10 * TICK_S;
static const tick_t flow_gap = 2 * TICK_S; /* a longer pause ends a run of RTP */

static bool is_exact(const struct ox_session *s, const struct ox_track_state *t)
{
	return t->track.is_tcp || s->opts.exact_udp;
}

static void say_where(struct ox_session *s, const struct ox_track_state *t, const char *what)
{
	struct bytes url = bytes_str(t->track.url);
	size_t n = url.n < 40 ? url.n : 40; /* its end tells most */

	ox_findings_at(&s->fs, "%s of ...%.*s", what, BYTES_FMT(bytes_sub(url, url.n - n, n)));
}

/* ---- RTP-Info against the packets ---- */

static void note_first(struct ox_play *p, const struct ox_rtp *rtp)
{
	bool is_first =
		p->n == 0 || (p->n < OX_PLAY_WINDOW && ox_seq_diff(p->first_seq, rtp->seq) < 0);

	if (is_first) {
		p->first_seq = rtp->seq;
		p->first_rtptime = rtp->rtptime;
	} else if (p->unit == 0 && rtp->rtptime != p->first_rtptime) {
		int32_t d = ox_rtptime_diff(p->first_rtptime, rtp->rtptime);
		p->unit = (uint32_t)(d < 0 ? -(int64_t)d : d);
	}
	if (p->has_seq && rtp->seq == p->seq && !p->has_match) {
		p->has_match = true;
		p->match_rtptime = rtp->rtptime;
	} else if (p->has_match && p->match_unit == 0 && ox_seq_diff(p->seq, rtp->seq) > 0) {
		int32_t d = ox_rtptime_diff(p->match_rtptime, rtp->rtptime);
		p->match_unit = (uint32_t)(d < 0 ? -(int64_t)d : d);
	}
	p->n++;
}

/* seq must be that of the first packet; among packets that were flowing before, it must exist. */
static void judge_seq(struct ox_session *s, struct ox_track_state *t)
{
	const struct ox_play *p = &t->play;
	struct ox_finding *f;

	if (!p->has_seq || !p->is_fresh || p->seq == p->first_seq)
		return;
	f = ox_find_as(&s->fs, OX_RTSP_12_33_04, is_exact(s, t) ? OX_FAIL : OX_WARN, 0,
		"seq of RTP-Info is not that of the first packet");
	ox_expected(f, "seq=%u (of the first packet)", p->first_seq);
	ox_gotf(f, "seq=%u", p->seq);
}

/* Within one media unit: the range may begin between two units, and pictures may be reordered. */
static void judge_rtptime(struct ox_session *s, struct ox_track_state *t)
{
	const struct ox_play *p = &t->play;
	uint32_t clock = t->track.format ? t->track.format->clock_hz : 0, slack;
	uint32_t first = p->is_fresh ? p->first_rtptime : p->match_rtptime;
	uint32_t unit = p->is_fresh ? p->unit : p->match_unit;
	int64_t off = ox_rtptime_diff(p->rtptime, first);
	struct ox_finding *f;

	if (!p->has_rtptime || (!p->is_fresh && !p->has_match) || off == 0)
		return;
	/* rtptime is that of the start of the range, which may lie anywhere in the first packet */
	/* and is told in ms: 2 ms for both roundings */
	slack = unit ? unit + clock / 500 : clock / 2;
	if (clock && slack > clock / 4 * 3)
		slack = clock / 4 * 3;
	off = off < 0 ? -off : off;
	f = ox_find_as(&s->fs, OX_RTSP_12_33_05, off > slack ? OX_FAIL : OX_NOTE, 0,
		"rtptime of RTP-Info is not that of the first packet");
	ox_expected(f, "rtptime=%u (of the first packet), +- %u", first, slack);
	ox_gotf(f, "rtptime=%u", p->rtptime);
}

void ox_play_judge(struct ox_session *s, struct ox_track_state *t)
{
	if (t->play.is_armed && t->play.is_answered && t->play.n > 0) {
		say_where(s, t, "PLAY");
		s->fs.by_client = t->is_record;
		judge_seq(s, t);
		judge_rtptime(s, t);
		s->fs.by_client = false;
	}
	/* its packets may still be on their way when the next request leaves */
	if (t->play.is_armed && t->play.n == 0)
		t->payload = (struct ox_payload){ .has_last = false };
	t->play.is_armed = false;
}

/* ---- RTP ---- */

static struct ox_rtp_stream *find_stream(struct ox_track *t, uint32_t ssrc)
{
	for (size_t i = 0; i < t->n_streams; i++) {
		if (t->streams[i].ssrc == ssrc)
			return &t->streams[i];
	}
	return NULL;
}

/* An SSRC that this track has not had: right only for its first packet. */
static struct ox_rtp_stream *new_stream(
	struct ox_session *s, struct ox_track_state *ts, const struct ox_rtp *p)
{
	struct ox_track *t = &ts->track;
	struct ox_finding *f;

	if (t->n_streams > 0) {
		f = ox_find(&s->fs, OX_RTSP_B_05, 8, "the SSRC changed within the session");
		ox_expected(f, "%08x", t->streams[t->n_streams - 1].ssrc);
		ox_gotf(f, "%08x", p->ssrc);
	} else if (t->has_ssrc && t->ssrc != p->ssrc && !ts->is_record) {
		f = ox_find(&s->fs, OX_RTSP_12_39_20, 8, "the SSRC is not that of Transport");
		ox_expected(f, "%08x", t->ssrc);
		ox_gotf(f, "%08x", p->ssrc);
	}
	if (t->n_streams == OX_MAX_STREAMS)
		return NULL;
	t->streams = xrealloc(t->streams, (t->n_streams + 1) * sizeof(*t->streams));
	t->streams[t->n_streams] = (struct ox_rtp_stream){ .ssrc = p->ssrc };
	return &t->streams[t->n_streams++];
}

static void check_source(struct ox_session *s, struct ox_track_state *t, const struct ox_event *e)
{
	if (e->kind != OX_EVENT_DATAGRAM || t->is_record)
		return;
	if (t->rtp_src_port == 0 && t->track.server_port[0] != 0 &&
		e->src_port != t->track.server_port[0]) {
		struct ox_finding *f = ox_find(&s->fs, OX_RTSP_12_39_18, 0,
			"RTP doesn't come from the port that Transport names");
		ox_expected(f, "%u", t->track.server_port[0]);
		ox_gotf(f, "%u", e->src_port);
	} else if (t->rtp_src_port != 0 && t->rtp_src_port != e->src_port) {
		ox_gotf(ox_find(&s->fs, OX_RTP_5_1_20, 0,
				"the source port changed, the SSRC did not"),
			"%u after %u", e->src_port, t->rtp_src_port);
	}
	t->rtp_src_port = e->src_port;
	if (e->b.n > most_udp_payload)
		ox_gotf(ox_find(&s->fs, OX_RTP_11_06, 0,
				"the datagram is larger than an Ethernet frame can carry"),
			"%zu bytes", e->b.n);
}

/* A second source that alternates with the first, not one that took its place. */
static void check_alternation(
	struct ox_session *s, const struct ox_track *t, const struct ox_rtp_stream *st)
{
	if (t->n_streams > 1 && st != &t->streams[t->n_streams - 1])
		ox_gotf(ox_find(&s->fs, OX_RTP_5_1_19, 8, "two SSRCs alternate on one transport"),
			"%08x and %08x", st->ssrc, t->streams[t->n_streams - 1].ssrc);
}

static void check_payload(struct ox_session *s, struct ox_track_state *t, const struct ox_rtp *p)
{
	const struct ox_format *format =
		t->track.media ? ox_media_format(t->track.media, p->pt) : NULL;

	if (format)
		ox_payload_check(&t->payload, p, t->track.media, format, &s->fs);
}

static void on_rtp(struct ox_session *s, struct ox_track_state *t, const struct ox_event *e)
{
	struct ox_rtp_stream *st;
	struct ox_rtp p;
	bool first_of_play = t->play.is_armed && t->play.n == 0;

	say_where(s, t, "RTP");
	if (ox_rtp_read(e->b, &p, &s->fs) != 0) {
		if (e->kind == OX_EVENT_FRAME)
			ox_gotf(ox_find(&s->fs, OX_RTSP_10_12_03, 0,
					"the frame on an RTP channel is no RTP packet"),
				"%zu bytes", e->b.n);
		return;
	}
	s->counts.rtp++;
	check_source(s, t, e);
	st = find_stream(&t->track, p.ssrc);
	if (st)
		check_alternation(s, &t->track, st);
	else if ((st = new_stream(s, t, &p)) == NULL)
		return;
	/* a new PLAY may begin anywhere (RTSP-B-01 is a case of its own) */
	ox_rtp_stream_check(st, &p, t->track.media, is_exact(s, t) && !first_of_play, &s->fs);
	/* what passed meanwhile is no step from packet to packet */
	if (first_of_play || (t->play.is_armed && !t->play.is_fresh))
		t->payload = (struct ox_payload){ .has_last = false };
	check_payload(s, t, &p);
	if (t->rtp_since == 0 || s->now - st->last_time > flow_gap)
		t->rtp_since = s->now;
	ox_rtp_stream_add(st, &p, s->now);
	if (!t->play.is_armed)
		return;
	if (!t->play.is_answered && t->play.is_fresh && t->play.n == 0 && t->track.is_tcp)
		ox_find(&s->fs, OX_RTSP_10_12_11, 0, "media came before the reply to PLAY");
	note_first(&t->play, &p);
	if (t->play.is_answered && t->play.n >= (t->play.is_fresh ? OX_PLAY_WINDOW : 200))
		ox_play_judge(s, t);
}

/* ---- RTCP ---- */

static struct ox_sender *find_sender(struct ox_track *t, uint32_t ssrc)
{
	for (size_t i = 0; i < t->n_senders; i++) {
		if (t->senders[i].ssrc == ssrc)
			return &t->senders[i];
	}
	if (t->n_senders == OX_MAX_STREAMS)
		return NULL;
	t->senders = xrealloc(t->senders, (t->n_senders + 1) * sizeof(*t->senders));
	t->senders[t->n_senders] = (struct ox_sender){ .ssrc = ssrc };
	return &t->senders[t->n_senders++];
}

static double ntp_to_unix(uint64_t ntp)
{
	return (double)ntp / 4294967296.0 - 2208988800.0;
}

/* The first SR's wall clock. 0 is allowed; an uptime clock and a local one are met. */
static void check_wall_clock(struct ox_session *s, const struct ox_rtcp_packet *p)
{
	double off;

	if (s->opts.epoch == 0 || p->ntp == 0)
		return;
	off = ntp_to_unix(p->ntp) - tick_seconds(s->opts.epoch + s->now);
	if (off > 1 || off < -1)
		ox_gotf(ox_find_as(&s->fs, OX_RTP_6_4_1_05, OX_WARN, 8,
				"the NTP time is not the wall clock"),
			"%.3f s off", off);
}

/* How many packets may be under way between the report and the media beside it. */
static int64_t in_flight(const struct ox_rtp_stream *st)
{
	tick_t span = st->last_time - st->first_time;
	int64_t quarter_second =
		span > 0 ? (int64_t)((double)st->packets * 0.25e9 / (double)span) : 0;

	return 5 + quarter_second;
}

static void check_sr_counts(struct ox_session *s, const struct ox_track_state *t,
	const struct ox_rtp_stream *st, const struct ox_rtcp_packet *p)
{
	int64_t slack = in_flight(st), off = (int64_t)p->packets - st->expected, octets;
	struct ox_finding *f;

	if (!is_exact(s, t) || st->big_jumps > 0)
		return;
	if (off > slack || off < -slack) {
		f = ox_find(&s->fs, OX_RTP_6_4_1_07, 20,
			"the packet count is not that of the packets sent");
		ox_expected(f, "%lld +- %lld", (long long)st->expected, (long long)slack);
		ox_gotf(f, "%u", p->packets);
	}
	if (st->lost > 0 || st->unique <= 0 || st->octets > UINT32_MAX)
		return;
	octets = (int64_t)st->octets;
	slack = (slack + 1) * (octets / st->unique + 1);
	off = (int64_t)p->octets - octets;
	if (off > slack || off < -slack) {
		f = ox_find(&s->fs, OX_RTP_6_4_1_08, 24,
			"the octet count is not that of the payload sent");
		ox_expected(f, "%lld +- %lld", (long long)octets, (long long)slack);
		ox_gotf(f, "%u", p->octets);
	}
}

/* How far ahead of its time the last packet came, if the first one came in time: stored media may be sent
 * faster than they are shown. */
static double seconds_early(const struct ox_rtp_stream *st, uint32_t clock)
{
	return ox_rtptime_diff(st->first_rtptime, st->rtptime_of_highest) / (double)clock -
	       tick_seconds(st->last_time - st->first_time);
}

/* What a packet lasts, on average, in seconds: a play may begin in the middle of one. */
static double packet_seconds(const struct ox_rtp_stream *st, uint32_t clock)
{
	double span = ox_rtptime_diff(st->first_rtptime, st->rtptime_of_highest) / (double)clock;

	return st->packets > 1 && span > 0 ? span / (double)(st->packets - 1) : 0;
}

/* The RTP time of an SR lies as far from the last packet's as the two are apart in time, or, when
 * that came early, from when it should have come. Judged by arrival, so only roughly. */
static void check_sr_rtptime(struct ox_session *s, struct ox_track_state *t,
	const struct ox_rtp_stream *st, const struct ox_rtcp_packet *p)
{
	uint32_t clock = t->track.format ? t->track.format->clock_hz : 0;
	tick_t since = s->now - st->last_time;
	double ahead, early, first;

	if (clock == 0 || t->is_odd_speed || since > TICK_S || st->packets < 2)
		return;
	ahead = ox_rtptime_diff(st->rtptime_of_highest, p->rtptime) / (double)clock -
		tick_seconds(since);
	early = ahead + seconds_early(st, clock);
	/* the first packet may have been sounding already when it came */
	first = 0.1 + packet_seconds(st, clock);
	if ((ahead > 0.1 || ahead < -0.1) && (early > first || early < -0.1))
		ox_gotf(ox_find_as(&s->fs, OX_RTP_6_4_1_06, OX_WARN, 16,
				"the RTP time of the SR is not that of its moment"),
			"%.3f s off against the last packet", ahead);
	t->late_ticks = (uint8_t)(p->rtptime == st->rtptime_of_highest && since > 5 * TICK_MS
					  ? (t->late_ticks < 255 ? t->late_ticks + 1 : 255)
					  : 0);
	if (t->late_ticks == 3)
		ox_find(&s->fs, OX_RTP_6_4_1_06, 16,
			"three SRs in a row copied the RTP time of the packet before");
}

static void on_sr(struct ox_session *s, struct ox_track_state *t, struct ox_sender *sender,
	const struct ox_rtcp_packet *p)
{
	const struct ox_rtp_stream *st = find_stream(&t->track, p->ssrc);

	if (!st && t->track.n_streams > 0)
		ox_gotf(ox_find(&s->fs, OX_RTP_6_4_1_04, 4, "the SSRC of the SR sends no RTP"),
			"%08x, RTP has %08x", p->ssrc,
			t->track.streams[t->track.n_streams - 1].ssrc);
	if (sender->srs == 0)
		check_wall_clock(s, p);
	if (st) {
		check_sr_counts(s, t, st, p);
		check_sr_rtptime(s, t, st, p);
	}
}

/* Is RTP flowing on this track just now? */
static bool is_flowing(const struct ox_session *s, const struct ox_track_state *t)
{
	const struct ox_rtp_stream *st =
		t->track.n_streams ? &t->track.streams[t->track.n_streams - 1] : NULL;

	return st && s->now - st->last_time < TICK_S && s->now - t->rtp_since > TICK_S;
}

static void check_bye(struct ox_session *s, const struct ox_track_state *t,
	const struct ox_sender *sender, const struct ox_rtcp *c)
{
	if (c->has_bye && t->track.n_streams == 0 && sender->compounds == 0)
		ox_find(&s->fs, OX_RTP_6_3_7_02, 0, "a BYE of one who never sent anything");
}

static void on_rtcp(struct ox_session *s, struct ox_track_state *t, const struct ox_event *e)
{
	struct ox_rtcp c;
	struct ox_sender *sender;
	uint32_t clock = t->track.format && !t->is_odd_speed ? t->track.format->clock_hz : 0;

	say_where(s, t, "RTCP");
	s->counts.rtcp++;
	if (ox_rtcp_read(e->b, &c, &s->fs) != 0 && e->kind == OX_EVENT_FRAME)
		ox_gotf(ox_find(&s->fs, OX_RTSP_10_12_03, 0,
				"RTCP doesn't fill the frame to its end"),
			"%zu bytes", e->b.n);
	if (c.n == 0 || e->from_client != t->is_record)
		return;
	if (t->first_rtcp_time == 0)
		t->first_rtcp_time = s->now ? s->now : 1;
	sender = find_sender(&t->track, c.v[0].ssrc);
	if (!sender)
		return;
	check_bye(s, t, sender, &c);
	for (size_t i = 0; i < c.n; i++) {
		if (c.v[i].type == OX_RTCP_SR)
			on_sr(s, t, sender, &c.v[i]);
	}
	if (!c.has_sr && c.has_rr && !c.has_bye && is_flowing(s, t))
		ox_find(&s->fs, OX_RTP_6_4_01, 0, "a sender of RTP sent RR in place of SR");
	ox_sender_add(sender, &c, e->b.n, clock, s->now, &s->fs);
}

/* ---- which track, which half of it ---- */

void ox_session_frame(struct ox_session *s, const struct ox_event *e)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);
	bool any = false;

	s->counts.frames++;
	if (c && !e->from_client)
		c->after_message = false;
	for (size_t i = s->n_tracks; i-- > 0;) {
		struct ox_track_state *t = s->tracks[i];
		if (!t->track.is_tcp || t->track.connection != e->connection)
			continue;
		any = true;
		if (e->channel == t->track.channel[1]) {
			on_rtcp(s, t, e);
		} else if (e->channel == t->track.channel[0]) {
			bool is_rtcp = e->b.n > 1 && e->b.p[1] >= 200 && e->b.p[1] <= 204 &&
				       ox_rtcp_is_plausible(e->b);
			say_where(s, t, "RTP channel");
			if (is_rtcp)
				ox_find(&s->fs, OX_RTP_6_01, 0, "RTCP on the channel of RTP");
			if (is_rtcp)
				on_rtcp(s, t, e);
			else if (e->from_client == t->is_record)
				on_rtp(s, t, e);
		} else {
			continue;
		}
		return;
	}
	if (e->from_client)
		return;
	ox_findings_at(&s->fs, "frame on connection %u", e->connection);
	ox_gotf(ox_find(&s->fs, OX_RTSP_10_12_04, 1,
			any ? "a channel that no SETUP granted"
			    : "a frame where no channel was granted"),
		"channel %u", e->channel);
}

/* The newest track that has this port on the client's side. */
static struct ox_track_state *track_by_port(struct ox_session *s, uint16_t port, size_t *half)
{
	for (size_t i = s->n_tracks; i-- > 0;) {
		struct ox_track *t = &s->tracks[i]->track;
		for (*half = 0; *half < 2; (*half)++) {
			if (!t->is_tcp && port != 0 && t->client_port[*half] == port)
				return s->tracks[i];
		}
	}
	return NULL;
}

void ox_session_datagram(struct ox_session *s, const struct ox_event *e)
{
	size_t half;
	struct ox_track_state *t =
		track_by_port(s, e->from_client ? e->src_port : e->dst_port, &half);
	bool is_rtcp =
		e->b.n > 1 && e->b.p[1] >= 200 && e->b.p[1] <= 204 && ox_rtcp_is_plausible(e->b);

	if (!t) {
		s->counts.strays++;
		return;
	}
	if (e->from_client && !t->is_record) {
		/* empty reports and datagrams that open a way through a NAT */
		if (half == 1 && is_rtcp)
			on_rtcp(s, t, e);
		return;
	}
	if (half == 1) {
		on_rtcp(s, t, e);
		return;
	}
	if (is_rtcp) {
		say_where(s, t, "RTP port");
		ox_find(&s->fs, OX_RTP_11_04, 0, "RTCP to the port of RTP");
		on_rtcp(s, t, e);
		return;
	}
	on_rtp(s, t, e);
}

/* ---- the end ---- */

static bool has_sr(const struct ox_track *t)
{
	for (size_t i = 0; i < t->n_senders; i++) {
		if (t->senders[i].srs > 0)
			return true;
	}
	return false;
}

static bool has_bye(const struct ox_track *t)
{
	for (size_t i = 0; i < t->n_senders; i++) {
		if (t->senders[i].byes > 0)
			return true;
	}
	return false;
}

static void check_reports_end(struct ox_session *s, const struct ox_track_state *t)
{
	const struct ox_rtp_stream *last = &t->track.streams[t->track.n_streams - 1];
	tick_t flowed = last->last_time - t->rtp_since;

	if (flowed >= s->opts.sr_within && !has_sr(&t->track))
		ox_gotf(ox_find(&s->fs, OX_RTP_6_4_01, 0, "RTP flowed, but no SR came"),
			"%.1f s of RTP, %llu packets", tick_seconds(flowed),
			(unsigned long long)last->packets);
	if (flowed >= rtcp_within && t->first_rtcp_time == 0)
		ox_gotf(ox_find(&s->fs, OX_RTP_6_02, 0, "no RTCP at all"), "%.1f s of RTP",
			tick_seconds(flowed));
	if (t->is_torn_down && !has_bye(&t->track) && !s->opts.is_cut)
		ox_find(&s->fs, OX_RTP_6_3_7_01, 0, "the session was torn down, but no BYE came");
}

/* b=AS counts RTP with its headers, but not UDP and IP in RTSP's practice: 1.2 leaves room. */
static void check_bandwidth_end(struct ox_session *s, const struct ox_track_state *t)
{
	const struct ox_rtp_stream *st = &t->track.streams[0];
	tick_t span = st->last_time - st->first_time;
	double kbps;

	if (!t->track.media || t->track.media->as_kbps == 0 || span < 5 * TICK_S || t->is_odd_speed)
		return;
	kbps = ((double)st->octets + 12.0 * (double)st->packets) * 8 / 1000 / tick_seconds(span);
	if (kbps > 1.2 * t->track.media->as_kbps) {
		struct ox_finding *f =
			ox_find(&s->fs, OX_SDP_5_8_03, 0, "the stream takes more than b=AS says");
		ox_expected(f, "AS:%u", t->track.media->as_kbps);
		ox_gotf(f, "%.0f kbit/s", kbps);
	}
}

static const char *cname_of(const struct ox_track_state *t)
{
	return t->track.n_senders ? t->track.senders[0].cname : "";
}

/* Between tracks of one session: one CNAME, one clock. */
static void check_pairs_end(
	struct ox_session *s, const struct ox_track_state *a, const struct ox_track_state *b)
{
	const struct ox_sender *x = a->track.senders, *y = b->track.senders;
	double off;

	if (strcmp(a->session, b->session) != 0 || a->track.n_senders == 0 ||
		b->track.n_senders == 0)
		return;
	if (*cname_of(a) && *cname_of(b) && strcmp(cname_of(a), cname_of(b)) != 0) {
		struct ox_finding *f = ox_find(
			&s->fs, OX_RTP_6_5_1_02, 0, "the tracks of one session differ in CNAME");
		ox_expected(f, "%.70s", cname_of(a));
		ox_got(f, bytes_str(cname_of(b)));
	}
	if (x->srs == 0 || y->srs == 0)
		return;
	off = (double)(int64_t)(y->last_ntp - x->last_ntp) / 4294967296.0 -
	      tick_seconds(y->last_sr_time - x->last_sr_time);
	off = off < 0 ? -off : off;
	/* arrival stamps of a busy machine are not better than this */
	if (off > 0.02)
		ox_gotf(ox_find_as(&s->fs, OX_RTP_6_4_1_15, off > 0.5 ? OX_FAIL : OX_NOTE, 8,
				"the clocks of two tracks differ"),
			"%.3f s", off);
}

void ox_session_media_end(struct ox_session *s)
{
	for (size_t i = 0; i < s->n_tracks; i++) {
		struct ox_track_state *t = s->tracks[i];
		ox_play_judge(s, t);
		say_where(s, t, "end");
		s->fs.by_client = t->is_record;
		for (size_t k = i + 1; k < s->n_tracks; k++)
			check_pairs_end(s, t, s->tracks[k]);
		if (t->track.n_streams > 0) {
			check_reports_end(s, t);
			check_bandwidth_end(s, t);
		}
		s->fs.by_client = false;
	}
}
