/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conformance/rules.h"

/* Rules about RTCP compounds. */

#define EXPECTED(o, ...) (void)snprintf((o)->expected, sizeof((o)->expected), __VA_ARGS__)
#define GOT(o, ...)      (void)snprintf((o)->got, sizeof((o)->got), __VA_ARGS__)

static double or_else(double v, double dflt)
{
	return isnan(v) ? dflt : v;
}

/* The n-th sender report since PLAY (from 0), or NULL. */
static const struct media_report *sr_at(const struct media_stream *s, size_t n)
{
	for (size_t i = s->play_report; i < s->n_reports; i++) {
		if (s->reports[i].has_sr && n-- == 0)
			return &s->reports[i];
	}
	return NULL;
}

static bool no_sr(const struct media_stream *s, size_t n, struct rule_result *out)
{
	if (sr_at(s, n))
		return false;
	out->no_media = true;
	EXPECTED(out, "%zu sender reports", n + 1);
	GOT(out, "%zu RTCP compounds, fewer reports", s->n_reports);
	return true;
}

static void sr_seen(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *r = sr_at(s, 0);
	(void)m;
	out->holds = r != NULL;
	EXPECTED(out, "a sender report within %.1f s of PLAY",
		tick_seconds(args->now - m->play_sent));
	GOT(out, "%zu RTCP compounds", s->n_reports - s->play_report);
}

static void cname(const struct media *m, const struct media_stream *s, const struct rule_args *args,
	struct rule_result *out)
{
	(void)m;
	(void)args;
	out->no_media = s->n_reports == 0;
	EXPECTED(out, "a CNAME in every compound");
	for (size_t i = 0; i < s->n_reports; i++) {
		if (!s->reports[i].has_cname) {
			GOT(out, "none in compound %zu", i + 1);
			return;
		}
	}
	out->holds = !out->no_media;
	GOT(out, "no RTCP");
}

static void one_cname(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const char *first = NULL;
	(void)s;
	(void)args;
	out->holds = true;
	for (size_t k = 0; k < m->n; k++) {
		for (size_t i = 0; i < m->v[k].n_reports; i++) {
			const char *c = m->v[k].reports[i].cname;
			if (!*c)
				continue;
			first = first ? first : c;
			if (strcmp(first, c) != 0) {
				out->holds = false;
				EXPECTED(out, "the CNAME '%.60s' on every stream", first);
				GOT(out, "'%.60s'", c);
			}
		}
	}
	out->no_media = !first;
	if (!first)
		EXPECTED(out, "CNAMEs");
}

static void sr_ssrc(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *r = sr_at(s, 0);
	(void)m;
	(void)args;
	if (no_sr(s, 0, out))
		return;
	if (!s->n_packets)
		return;
	out->holds = r->ssrc == s->packets[0].ssrc;
	EXPECTED(out, "the SR of SSRC %08x", s->packets[0].ssrc);
	GOT(out, "%08x", r->ssrc);
}

static void sr_counts(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *r = sr_at(s, 0);
	double most = or_else(args->most, 10);
	(void)m;
	if (no_sr(s, 0, out))
		return;
	double off = (double)r->packets - (double)r->packets_before;
	out->holds = fabs(off) <= most;
	EXPECTED(out, "packet count %zu, within %.0f", r->packets_before, most);
	GOT(out, "%u", r->packets);
}

/* NTP 32.32 difference in seconds. */
static double ntp_seconds(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 4294967296.0;
}

static void sr_ntp_moves(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *a = sr_at(s, 0), *b = sr_at(s, 1);
	double most = or_else(args->most, 0.2);
	(void)m;
	if (no_sr(s, 1, out))
		return;
	double ntp = ntp_seconds(a->ntp, b->ntp), wall = tick_seconds(b->at - a->at);
	out->holds = fabs(ntp - wall) <= most;
	EXPECTED(out, "NTP time moves %.3f s between two reports, within %.2f s", wall, most);
	GOT(out, "%.3f s", ntp);
}

static void sr_slope(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *a = sr_at(s, 0), *b = sr_at(s, 1);
	double most = or_else(args->most, 0.002);
	(void)m;
	if (no_sr(s, 1, out))
		return;
	double ntp = ntp_seconds(a->ntp, b->ntp);
	double slope = ntp > 0 ? ox_rtptime_diff(a->rtptime, b->rtptime) / ntp : 0;
	out->holds = s->clock_hz && fabs(slope / s->clock_hz - 1) <= most;
	EXPECTED(out, "RTP time moves %u a second of NTP time, within %.1f %%", s->clock_hz,
		100 * most);
	GOT(out, "%.0f", slope);
}

static void sr_matches_media(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	const struct media_report *r = sr_at(s, 0);
	double most = or_else(args->most, 0.5);
	(void)m;
	if (no_sr(s, 0, out))
		return;
	/* over UDP the first report may be read before the first packet */
	size_t at = r->packets_before > s->play_packet ? r->packets_before - 1 : s->play_packet;
	if (at >= s->n_packets || !s->clock_hz) {
		out->no_media = true;
		return;
	}
	const struct media_packet *p = &s->packets[at];
	double off = ox_rtptime_diff(p->rtptime, r->rtptime) / (double)s->clock_hz -
		     tick_seconds(r->at - p->at);
	out->holds = fabs(off) <= most;
	EXPECTED(
		out, "RTP time of the SR is that of its moment on the stream, within %.2f s", most);
	GOT(out, "%+.3f s", off);
}

static void bye_seen(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	EXPECTED(out, "a BYE when the stream ends");
	GOT(out, "none in %zu RTCP compounds", s->n_reports);
	for (size_t i = 0; i < s->n_reports; i++)
		out->holds = out->holds || s->reports[i].has_bye;
}

static void no_bye(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	bye_seen(m, s, args, out);
	out->holds = !out->holds;
	EXPECTED(out, "no BYE: nothing was sent");
	GOT(out, "a BYE");
}

static void bye_last(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	tick_t bye = 0;
	(void)m;
	(void)args;
	for (size_t i = 0; i < s->n_reports; i++) {
		if (s->reports[i].has_bye && !bye)
			bye = s->reports[i].at;
	}
	EXPECTED(out, "nothing after the BYE");
	GOT(out, "RTP after it");
	/* both ports are read in no order within a turn */
	out->holds = !bye || !s->n_packets || s->packets[s->n_packets - 1].at <= bye + 20 * TICK_MS;
	out->no_media = !bye;
}

static void rtcp_valid(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	size_t bad = 0;
	(void)m;
	(void)args;
	for (size_t i = 0; i < s->n_reports; i++)
		bad += s->reports[i].is_bad;
	out->holds = bad == 0 && s->n_reports;
	out->no_media = s->n_reports == 0;
	EXPECTED(out, "compounds whose lengths add up");
	GOT(out, "%zu of %zu do not", bad, s->n_reports);
}

static void rtcp_port(const struct media *m, const struct media_stream *s,
	const struct rule_args *args, struct rule_result *out)
{
	(void)m;
	(void)args;
	out->no_media = s->n_reports == 0;
	EXPECTED(out, "RTCP from server_port %u", s->transport.server_port[1]);
	if (!s->n_reports || !s->transport.has_server_port)
		return;
	out->holds = s->reports[0].src_port == s->transport.server_port[1];
	GOT(out, "%u", s->reports[0].src_port);
}

const struct rule_type rtcp_rules[] = {
	{ "sr_seen", "a sender report came since PLAY", sr_seen },
	{ "cname", "every compound has a CNAME", cname },
	{ "one_cname", "all streams of the session carry the same CNAME", one_cname },
	{ "sr_ssrc", "the SR's SSRC is that of the RTP stream", sr_ssrc },
	{ "sr_counts", "the SR's packet count is what arrived, within `most` (10)", sr_counts },
	{ "sr_ntp_moves", "NTP time between two SRs moves as the clock, within `most` (0.2) s",
		sr_ntp_moves },
	{ "sr_slope", "RTP over NTP time between two SRs is the clock rate, within `most` (0.002)",
		sr_slope },
	{ "sr_matches_media", "the SR's RTP time fits the packet next to it, within `most` (0.5) s",
		sr_matches_media },
	{ "bye_seen", "a BYE came", bye_seen },
	{ "no_bye", "no BYE came", no_bye },
	{ "bye_last", "no RTP follows the BYE", bye_last },
	{ "rtcp_valid", "every compound is whole", rtcp_valid },
	{ "rtcp_port", "RTCP comes from the second server_port", rtcp_port },
};
const size_t n_rtcp_rules = COUNT(rtcp_rules);
