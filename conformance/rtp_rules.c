/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "conformance/rules.h"

/* Rules about RTP packets. "since PLAY": those that came after the last PLAY request was sent. */

#define EXPECTED(o, ...) (void)snprintf((o)->expected, sizeof((o)->expected), __VA_ARGS__)
#define GOT(o, ...)      (void)snprintf((o)->got, sizeof((o)->got), __VA_ARGS__)

static double or_else(double v, double dflt)
{
	return isnan(v) ? dflt : v;
}

/* The packets since PLAY. */
static size_t played(const struct media_stream *s, const struct media_packet **p)
{
	*p = s->packets + s->play_packet;
	return s->n_packets - s->play_packet;
}

/* Those of the running gather. */
static size_t gathered(const struct media_stream *s, const struct media_packet **p)
{
	*p = s->packets + s->gather_packet;
	return s->n_packets - s->gather_packet;
}

static bool none(struct rule_result *out, size_t n)
{
	if (n)
		return false;
	out->no_media = true;
	EXPECTED(out, "RTP packets");
	GOT(out, "none");
	return true;
}

static void flowing(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = gathered(s, &p), least = (size_t)or_else(args->least, 1);
	(void)m;
	out->holds = n >= least && (isnan(args->most) || (double)n <= args->most);
	if (isnan(args->most))
		EXPECTED(out, "at least %zu RTP packets in %.1f s", least,
			tick_seconds(args->now - args->since));
	else
		EXPECTED(out, "%zu to %.0f RTP packets in %.1f s", least, args->most,
			tick_seconds(args->now - args->since));
	GOT(out, "%zu", n);
}

static void silent(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	double grace = or_else(args->most, 0.5);
	tick_t from = (m->stop_reply ? m->stop_reply : args->since) + (tick_t)(grace * 1e9);
	size_t late = 0;
	for (size_t i = s->stop_packet; i < s->n_packets; i++)
		late += s->packets[i].at > from;
	out->holds = late == 0;
	EXPECTED(out, "no RTP later than %.1f s after the reply", grace);
	GOT(out, "%zu packets", late);
}

static void seq_contiguous(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	(void)m;
	(void)args;
	if (none(out, n))
		return;
	EXPECTED(out, "each sequence number one above the one before");
	for (size_t i = 1; i < n; i++) {
		int step = ox_seq_diff(p[i - 1].seq, p[i].seq);
		if (step != 1 || p[i].is_bad) {
			GOT(out, "packet %zu: %u after %u", i + 1, p[i].seq, p[i - 1].seq);
			return;
		}
	}
	out->holds = true;
}

static void one_ssrc(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	if (none(out, s->n_packets))
		return;
	EXPECTED(out, "SSRC %08x on all packets", s->packets[0].ssrc);
	for (size_t i = 1; i < s->n_packets; i++) {
		if (s->packets[i].ssrc != s->packets[0].ssrc) {
			GOT(out, "%08x from packet %zu on", s->packets[i].ssrc, i + 1);
			return;
		}
	}
	out->holds = true;
}

static void ssrc_announced(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	if (none(out, s->n_packets))
		return;
	out->holds = !s->transport.has_ssrc || s->packets[0].ssrc == s->transport.ssrc;
	EXPECTED(out, "SSRC %08x, as in the Transport of the reply", s->transport.ssrc);
	GOT(out, "%08x", s->packets[0].ssrc);
}

static void ssrc_differ(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)args;
	if (none(out, s->n_packets))
		return;
	out->holds = true;
	EXPECTED(out, "an SSRC of its own for every stream");
	for (size_t i = 0; i < m->n; i++) {
		if (&m->v[i] != s && m->v[i].n_packets &&
			m->v[i].packets[0].ssrc == s->packets[0].ssrc) {
			out->holds = false;
			GOT(out, "%08x on two streams", s->packets[0].ssrc);
		}
	}
}

/* The first packet of the range: the one with the lowest number among the first few. */
static const struct media_packet *first_of(const struct media_packet *p, size_t n)
{
	const struct media_packet *least = p;
	for (size_t i = 1; i < n && i < 16; i++) {
		if (ox_seq_diff(least->seq, p[i].seq) < 0)
			least = &p[i];
	}
	return least;
}

static void first_seq(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	(void)m;
	(void)args;
	if (none(out, n))
		return;
	out->holds = s->has_info && s->info.has_seq && first_of(p, n)->seq == s->info.seq;
	if (s->has_info && s->info.has_seq)
		EXPECTED(out, "the first packet has seq=%u, as RTP-Info says", s->info.seq);
	else
		EXPECTED(out, "RTP-Info with seq for this stream");
	GOT(out, "%u is the first", first_of(p, n)->seq);
}

static void seq_in_play(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	(void)m;
	(void)args;
	if (none(out, n))
		return;
	EXPECTED(out, "a packet with seq=%u, as RTP-Info says", s->info.seq);
	for (size_t i = 0; i < n && s->has_info; i++)
		out->holds = out->holds || p[i].seq == s->info.seq;
	GOT(out, "%zu packets from %u on", n, p[0].seq);
}

static void first_rtptime(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	double most = or_else(args->most, 0.1);
	(void)m;
	if (none(out, n))
		return;
	if (!s->has_info || !s->info.has_rtptime || !s->clock_hz) {
		EXPECTED(out, "RTP-Info with rtptime for this stream");
		GOT(out, "none");
		return;
	}
	double off =
		ox_rtptime_diff(s->info.rtptime, first_of(p, n)->rtptime) / (double)s->clock_hz;
	out->holds = fabs(off) <= most;
	EXPECTED(out, "the first packet lies within %.3f s of rtptime=%u", most, s->info.rtptime);
	GOT(out, "%+.3f s (%u)", off, first_of(p, n)->rtptime);
}

/* The last packet before the PLAY, in order of sequence numbers. */
static const struct media_packet *last_before(const struct media_stream *s)
{
	const struct media_packet *last = NULL;
	for (size_t i = 0; i < s->play_packet; i++) {
		if (!last || ox_seq_diff(last->seq, s->packets[i].seq) > 0)
			last = &s->packets[i];
	}
	return last;
}

static void seq_goes_on(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p, *last = last_before(s);
	size_t n = played(s, &p);
	(void)m;
	(void)args;
	if (none(out, n) || none(out, last != NULL))
		return;
	int step = ox_seq_diff(last->seq, first_of(p, n)->seq);
	out->holds = step == 1;
	EXPECTED(out, "the new range goes on with seq %u", (unsigned)(uint16_t)(last->seq + 1));
	GOT(out, "%u", first_of(p, n)->seq);
}

static void rtptime_goes_on(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p, *last = last_before(s);
	size_t n = played(s, &p);
	double most = or_else(args->most, 1);
	(void)m;
	if (none(out, n) || none(out, last != NULL) || !s->clock_hz)
		return;
	const struct media_packet *first = first_of(p, n);
	double step = ox_rtptime_diff(last->rtptime, first->rtptime) / (double)s->clock_hz;
	double gap = tick_seconds(first->at - last->at);
	/* it may go on where it stopped, or with the wall clock over the pause */
	out->holds = step >= 0 && step <= most + gap;
	EXPECTED(out, "RTP time goes on from %u, at most %.1f s on", last->rtptime, most + gap);
	GOT(out, "%u (%+.1f s)", first->rtptime, step);
}

static void paced(const struct media *m, const struct media_stream *s, const struct rule_args *args,
	struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	double most = or_else(args->most, 0.5);
	(void)m;
	if (none(out, n) || !s->clock_hz)
		return;
	double media = ox_rtptime_diff(p[0].rtptime, p[n - 1].rtptime) / (double)s->clock_hz;
	double wall = tick_seconds(p[n - 1].at - p[0].at);
	/* over TCP stored media may come as fast as the client takes them */
	bool may_be_early = p[0].src_port == 0;
	out->holds = media - wall >= -most && (may_be_early || media - wall <= most);
	EXPECTED(out, "%.2f s of media in as much time, within %.2f s", media, most);
	GOT(out, "%.2f s", wall);
}

static void span(const struct media *m, const struct media_stream *s, const struct rule_args *args,
	struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	(void)m;
	if (none(out, n) || !s->clock_hz)
		return;
	const struct media_packet *first = first_of(p, n);
	int32_t most = 0;
	for (size_t i = 0; i < n; i++) {
		int32_t d = ox_rtptime_diff(first->rtptime, p[i].rtptime);
		most = d > most ? d : most;
	}
	double v = most / (double)s->clock_hz;
	out->holds = v >= or_else(args->least, 0) && v < or_else(args->most, 1e9);
	EXPECTED(out, "RTP time covers %.2f s or more and less than %.2f s",
		or_else(args->least, 0), or_else(args->most, 1e9));
	GOT(out, "%.3f s", v);
}

static void ts_steps(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_packet *p;
	size_t n = played(s, &p);
	double most = or_else(args->most, 1);
	(void)m;
	if (none(out, n) || !s->clock_hz)
		return;
	EXPECTED(out, "RTP time moves by less than %.1f s from packet to packet", most);
	for (size_t i = 1; i < n; i++) {
		double d = ox_rtptime_diff(p[i - 1].rtptime, p[i].rtptime) / (double)s->clock_hz;
		if (fabs(d) >= most) {
			GOT(out, "%+.2f s at packet %zu", d, i + 1);
			return;
		}
	}
	out->holds = true;
}

static void known_pt(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	if (none(out, s->n_packets) || !s->media)
		return;
	EXPECTED(out, "only payload types of the m= line");
	for (size_t i = 0; i < s->n_packets; i++) {
		if (!ox_media_format(s->media, s->packets[i].pt)) {
			GOT(out, "PT %u", s->packets[i].pt);
			return;
		}
	}
	out->holds = true;
}

static void valid(const struct media *m, const struct media_stream *s, const struct rule_args *args,
	struct rule_result *out)
{
	size_t bad = 0;
	(void)m;
	(void)args;
	if (none(out, s->n_packets))
		return;
	for (size_t i = 0; i < s->n_packets; i++)
		bad += s->packets[i].is_bad;
	out->holds = bad == 0;
	EXPECTED(out, "RTP of version 2 whose parts fit");
	GOT(out, "%zu of %zu packets are not", bad, s->n_packets);
}

static void from_server_port(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	if (none(out, s->n_packets))
		return;
	unsigned port = s->transport.has_server_port ? s->transport.server_port[0] : 0;
	out->holds = s->packets[0].src_port == port;
	EXPECTED(out, "RTP from server_port %u", port);
	GOT(out, "%u", s->packets[0].src_port);
}

static void fits_mtu(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	unsigned most = 0;
	(void)m;
	if (none(out, s->n_packets))
		return;
	for (size_t i = 0; i < s->n_packets; i++)
		most = s->packets[i].n > most ? s->packets[i].n : most;
	out->holds = most <= or_else(args->most, 1472);
	EXPECTED(out, "packets of at most %.0f bytes", or_else(args->most, 1472));
	GOT(out, "%u", most);
}

const struct rule_type rtp_rules[] = {
	{ "flowing", "RTP arrives during the gather: at least `least` (1) packets, at most `most`",
		flowing },
	{ "silent", "no RTP later than `most` (0.5) s after the reply to PAUSE or TEARDOWN",
		silent },
	{ "seq_contiguous", "sequence numbers since PLAY rise by one", seq_contiguous },
	{ "one_ssrc", "one SSRC from the first packet on", one_ssrc },
	{ "ssrc_announced", "the SSRC is that of the Transport reply, if it names one",
		ssrc_announced },
	{ "ssrc_differ", "streams have different SSRCs", ssrc_differ },
	{ "first_seq", "the first packet since PLAY has the seq of RTP-Info", first_seq },
	{ "seq_in_play", "a packet since PLAY has the seq of RTP-Info", seq_in_play },
	{ "first_rtptime", "the first packet lies within `most` (0.1) s of RTP-Info's rtptime",
		first_rtptime },
	{ "seq_goes_on", "the first number since PLAY follows the last one before", seq_goes_on },
	{ "rtptime_goes_on",
		"RTP time goes on over the PLAY, at most `most` (1) s and the time that passed",
		rtptime_goes_on },
	{ "paced",
		"RTP time advances as the clock, within `most` (0.5) s; over TCP, as fast at least",
		paced },
	{ "span", "RTP time since PLAY covers `least` up to `most` s", span },
	{ "ts_steps", "RTP time never jumps by `most` (1) s or more", ts_steps },
	{ "known_pt", "payload types are those of the description", known_pt },
	{ "valid", "every datagram or frame is RTP", valid },
	{ "from_server_port", "RTP comes from the first server_port", from_server_port },
	{ "fits_mtu", "no packet is longer than `most` (1472) bytes", fits_mtu },
};
const size_t n_rtp_rules = COUNT(rtp_rules);
