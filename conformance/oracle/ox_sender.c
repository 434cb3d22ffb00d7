/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"

/* 3158 and our clause allow 0.1 %; the rounding of both stamps asks for some time between them. */
#define SLOPE_TOLERANCE 0.001
#define SLOPE_SECONDS   2.0
#define MANY_INTERVALS  20

static double ntp_seconds(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 4294967296.0;
}

double ox_sender_slope_hz(const struct ox_sender *s)
{
	double seconds = ntp_seconds(s->first_ntp, s->last_ntp);

	return s->srs < 2 || s->is_fresh || seconds <= 0 ? 0 : (double)s->rtptime_span / seconds;
}

void ox_sender_restart(struct ox_sender *s)
{
	s->is_fresh = true;
}

double ox_sender_interval_s(const struct ox_sender *s)
{
	return s->n_intervals ? s->interval_sum / (double)s->n_intervals : 0;
}

double ox_sender_variation(const struct ox_sender *s)
{
	double mean = ox_sender_interval_s(s), variance;

	if (s->n_intervals < 2 || mean <= 0)
		return 0;
	variance = s->interval_sum2 / (double)s->n_intervals - mean * mean;
	return variance > 0 ? sqrt(variance) / mean : 0;
}

/* Wall clock, in seconds since 1900; 0 = the sender has none (allowed). An uptime clock is met. */
static void check_slope(
	const struct ox_sender *s, uint32_t clock_hz, double expected, struct ox_findings *fs)
{
	double slope = ox_sender_slope_hz(s);

	if (expected < SLOPE_SECONDS || clock_hz == 0 || slope == 0)
		return;
	/* one RTP unit and a millisecond of rounding on a short base must not count */
	double slack = SLOPE_TOLERANCE + 0.002 / expected;
	if (fabs(slope / clock_hz - 1) > slack) {
		struct ox_finding *f = ox_find(fs, OX_RTP_5_1_12, 8,
			"RTP time and NTP time of the SRs don't run at the clock's rate");
		ox_expected(f, "%u Hz, +- %.2f %%", clock_hz, slack * 100);
		ox_gotf(f, "%.1f Hz over %.2f s", slope, expected);
	}
}

static void add_sr(struct ox_sender *s, const struct ox_rtcp_packet *p, uint32_t clock_hz,
	tick_t now, struct ox_findings *fs)
{
	s->srs++;
	if (s->srs == 1 || s->is_fresh) {
		s->is_fresh = false;
		s->rtptime_span = 0;
		s->first_ntp = p->ntp;
		s->first_sr_rtptime = p->rtptime;
		s->first_sr_time = now;
	} else {
		int32_t step = ox_rtptime_diff(s->last_sr_rtptime, p->rtptime);
		s->rtptime_span += step;
		if (ntp_seconds(s->last_ntp, p->ntp) < 0)
			ox_find(fs, OX_RTP_6_4_1_05, 8, "the NTP time went back");
		else if (ntp_seconds(s->last_ntp, p->ntp) > 0.5 && step == 0)
			ox_find(fs, OX_RTP_6_4_1_06, 16,
				"the RTP time stands still while the NTP time runs");
	}
	if (s->srs > 1 && ((int32_t)(p->packets - s->last_packets) < 0 ||
				  (int32_t)(p->octets - s->last_octets) < 0))
		ox_gotf(ox_find(fs, OX_RTP_6_4_1_07, 20, "a count of the SR fell"),
			"%u packets after %u", p->packets, s->last_packets);
	s->last_ntp = p->ntp;
	s->last_sr_rtptime = p->rtptime;
	s->last_sr_time = now;
	s->last_packets = p->packets;
	s->last_octets = p->octets;
	if (s->srs > 1)
		check_slope(s, clock_hz, ntp_seconds(s->first_ntp, s->last_ntp), fs);
}

/* Keeps the first text and compares the others with it. */
static void keep_text(char *kept, size_t cap, struct bytes text, enum ox_rule rule, const char *why,
	struct ox_findings *fs)
{
	char now[256];

	if (text.n == 0 || !bytes_to_str(text, now, sizeof(now)))
		return;
	if (kept[0] == '\0') {
		memcpy(kept, now, text.n + 1 < cap ? text.n + 1 : cap - 1);
	} else if (strcmp(kept, now) != 0) {
		struct ox_finding *f = ox_find(fs, rule, 0, why);
		ox_expected(f, "%s", kept);
		ox_got(f, text);
	}
}

static void check_cname_form(struct bytes cname, struct ox_findings *fs)
{
	size_t at = bytes_index(cname, '@');

	if (bytes_index(cname, ' ') < cname.n || at + 1 == cname.n)
		ox_got(ox_find(fs, OX_RTP_6_5_1_03, 0, "CNAME is neither user@host nor host"),
			cname);
}

static void add_sdes(struct ox_sender *s, const struct ox_rtcp_packet *p, struct ox_findings *fs)
{
	if (p->cname.n > 0 && s->cname[0] == '\0')
		check_cname_form(p->cname, fs);
	keep_text(s->cname, sizeof(s->cname), p->cname, OX_RTP_6_5_1_02,
		"CNAME changed within the session", fs);
	keep_text(s->tool, sizeof(s->tool), p->tool, OX_RTP_6_5_6_01,
		"TOOL changed within the session", fs);
}

static void add_interval(
	struct ox_sender *s, const struct ox_rtcp *c, tick_t now, struct ox_findings *fs)
{
	double gap = tick_seconds(now - s->last_time);

	if (s->compounds == 0 || c->has_bye) /* a BYE leaves at once */
		return;
	if (s->n_intervals++ == 0 || gap < s->interval_least)
		s->interval_least = gap;
	s->interval_sum += gap;
	s->interval_sum2 += gap * gap;
	if (gap < 0.5)
		ox_gotf(ox_find(fs, OX_RTP_6_2_03, 0, "reports very close to each other"), "%.3f s",
			gap);
	if (s->n_intervals == MANY_INTERVALS && ox_sender_variation(s) < 0.05)
		ox_gotf(ox_find(fs, OX_RTP_6_2_05, 0, "the interval of reports does not vary"),
			"coefficient of variation %.3f", ox_sender_variation(s));
}

void ox_sender_add(struct ox_sender *s, const struct ox_rtcp *c, size_t n_bytes, uint32_t clock_hz,
	tick_t now, struct ox_findings *fs)
{
	if (s->byes > 0 && !c->has_bye)
		ox_find(fs, OX_RTP_6_1_08, 0, "a report after the BYE of this source");
	add_interval(s, c, now, fs);
	if (s->compounds++ == 0)
		s->first_time = now;
	s->last_time = now;
	s->octets += n_bytes;
	for (size_t i = 0; i < c->n; i++) {
		const struct ox_rtcp_packet *p = &c->v[i];
		if (p->type == OX_RTCP_SR)
			add_sr(s, p, clock_hz, now, fs);
		else if (p->type == OX_RTCP_SDES)
			add_sdes(s, p, fs);
		s->rrs += p->type == OX_RTCP_RR;
		if (p->type == OX_RTCP_BYE && s->byes++ == 0)
			s->bye_time = now;
	}
}
