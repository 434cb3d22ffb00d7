/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_RTCP_H
#define CONFORMANCE_ORACLE_OX_RTCP_H

#include "conformance/oracle/ox_finding.h"
#include "server/base/err.h"

enum { OX_RTCP_SR = 200, OX_RTCP_RR, OX_RTCP_SDES, OX_RTCP_BYE, OX_RTCP_APP };

/* One report block (3550 6.4.1). */
struct ox_report {
	uint32_t ssrc, highest_seq, jitter, lsr, dlsr;
	uint8_t fraction_lost;
	int32_t cumulative_lost;
};
/* One packet of a compound. Views borrow. */
struct ox_rtcp_packet {
	uint8_t type, count;
	bool has_padding;
	struct bytes b; /* the whole packet */
	uint32_t ssrc;  /* of sender; first one of SDES and BYE */
	/* SR */
	uint64_t ntp; /* 32.32 */
	uint32_t rtptime, packets, octets;
	struct ox_report reports[31];
	size_t n_reports;
	struct bytes cname, tool; /* SDES, of its first chunk that has one */
	struct bytes reason;      /* BYE */
	size_t n_ssrcs;           /* SDES, BYE: how many sources */
};
/* A compound (3550 6.1): what a datagram or frame holds. */
enum { OX_MAX_RTCP_PACKETS = 16 };
struct ox_rtcp {
	struct ox_rtcp_packet v[OX_MAX_RTCP_PACKETS];
	size_t n; /* those that fit */
	bool has_sr, has_rr, has_sdes, has_cname, has_bye, has_app;
};

/* Reads a compound and lists what it breaks by itself (3550 6.1, 6.4–6.7, A.2). 0; ERR_TRUNCATED,
 * ERR_VERSION or ERR_CORRUPT when the walk could not go to the end: the packets before are there. */
MUST_USE int ox_rtcp_read(struct bytes b, struct ox_rtcp *c, struct ox_findings *fs);
/* Quick look: could this datagram be RTCP? (version 2, type 200 … 207, lengths add up) */
bool ox_rtcp_is_plausible(struct bytes b);

/* What is kept about the reports of one SSRC over time. All zero at first. */
struct ox_sender {
	uint32_t ssrc;
	uint64_t compounds, srs, rrs, byes, octets; /* octets: of compounds, without IP and UDP */
	tick_t first_time, last_time;
	uint64_t first_ntp, last_ntp;
	uint32_t first_sr_rtptime, last_sr_rtptime;
	bool is_fresh;        /* the next SR begins a new mapping */
	int64_t rtptime_span; /* from the first SR to the last, extended */
	uint32_t last_packets, last_octets;
	tick_t first_sr_time, last_sr_time;
	tick_t bye_time;
	/* spacing of compounds */
	uint64_t n_intervals;
	double interval_sum, interval_sum2; /* s */
	double interval_least;
	char cname[256], tool[256];
};
/* RTP clock as the SRs show it: RTP units a second of NTP time; 0 with fewer than two SRs or when
 * their NTP times don't differ. */
double ox_sender_slope_hz(const struct ox_sender *s);
/* Mean, and coefficient of variation, of the intervals between compounds; 0 with none. */
double ox_sender_interval_s(const struct ox_sender *s);
double ox_sender_variation(const struct ox_sender *s);

/* A new PLAY begins: what was known about the mapping of NTP to RTP time is forgotten. */
void ox_sender_restart(struct ox_sender *s);
/* Adds a compound from this sender and lists what it breaks against the ones before: BYE is last,
 * CNAME and TOOL constant, slope of NTP to RTP against clock_hz (0: not known). */
void ox_sender_add(struct ox_sender *s, const struct ox_rtcp *c, size_t n_bytes, uint32_t clock_hz,
	tick_t now, struct ox_findings *fs);

#endif
