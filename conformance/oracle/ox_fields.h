/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_FIELDS_H
#define CONFORMANCE_ORACLE_OX_FIELDS_H

#include "conformance/oracle/ox_finding.h"
#include "server/base/err.h"

/*
 * Facts in header values. Every reader takes the trimmed value, borrows its views from it, and lists
 * what is wrong in fs (may be NULL) with `at` added to the offsets. They read on after a fault: the
 * facts hold what could be understood.
 */

/* One transport-spec (2326 12.39). Port and channel pairs: [1] is [0] + 1 when only one was given
 * for ports, [0] itself for a single channel. */
struct ox_transport {
	struct bytes spec;       /* the whole of it */
	struct bytes protocol;   /* "RTP/AVP/TCP" as written */
	bool is_rtp_avp;         /* protocol and profile are RTP/AVP, any case */
	bool is_tcp;             /* lower transport TCP; without one it is UDP */
	bool is_known;           /* RTP/AVP, RTP/AVP/UDP or RTP/AVP/TCP */
	bool unicast, multicast; /* the word stood there */
	bool has_client_port, has_server_port, has_port, has_interleaved, has_ssrc, has_ttl,
		has_layers, has_mode, has_append;
	bool is_single_client_port, is_single_server_port,
		is_single_channel; /* no "-b" was given */
	uint16_t client_port[2], server_port[2], port[2];
	uint8_t interleaved[2];
	uint32_t ssrc;
	unsigned ttl, layers;
	struct bytes mode, source, destination, ssrc_text; /* mode without its quotes */
	bool is_bad;                                       /* a parameter could not be read */
};
enum { OX_MAX_TRANSPORTS = 16 };
/* All alternatives of a Transport value in order. Answers how many there are; up to max are filled. */
size_t ox_transport_read(
	struct bytes value, size_t at, struct ox_transport *t, size_t max, struct ox_findings *fs);

/* Session: id[;timeout=seconds] (2326 12.37). */
struct ox_session_id {
	struct bytes id;
	bool has_timeout;
	uint32_t timeout_s; /* 60 when none is given */
};
/* 0, or ERR_SYNTAX when there is no usable id. */
int ox_session_id_read(
	struct bytes value, size_t at, struct ox_session_id *s, struct ox_findings *fs);

/* One entry of RTP-Info (2326 12.33). */
struct ox_rtp_info {
	struct bytes url;
	bool has_seq, has_rtptime, has_ssrc;
	uint16_t seq;
	uint32_t rtptime, ssrc; /* ssrc is DSS's extension */
};
enum { OX_MAX_RTP_INFO = 32 };
/* Answers how many entries there are; up to max are filled. */
size_t ox_rtp_info_read(
	struct bytes value, size_t at, struct ox_rtp_info *v, size_t max, struct ox_findings *fs);

/* One range (2326 3.5, 3.6, 3.7, 12.29). Times in ns; clock times count from 1970 in UTC. */
enum ox_range_unit { OX_RANGE_NPT, OX_RANGE_SMPTE, OX_RANGE_CLOCK, OX_RANGE_OTHER };
struct ox_range {
	enum ox_range_unit unit;
	struct bytes unit_name;
	bool has_start, has_end, is_now; /* is_now: npt=now- */
	tick_t start, end;               /* smpte: at 30 frames a second, drop frames not counted */
	struct bytes time;               /* ;time= */
};
/* 0, ERR_SYNTAX, or ERR_UNSUPPORTED for a unit not known here (no finding). */
int ox_range_read(struct bytes value, size_t at, struct ox_range *r, struct ox_findings *fs);

/* One challenge of WWW-Authenticate (2617 1.2, 3.2.1). Values without their quotes. */
struct ox_challenge {
	struct bytes scheme, realm, nonce, opaque, algorithm, qop, stale, domain;
	bool is_digest, is_basic;
};
enum { OX_MAX_CHALLENGES = 8 };
/* A header may hold several challenges. Answers how many; up to max are filled. */
size_t ox_challenge_read(
	struct bytes value, size_t at, struct ox_challenge *v, size_t max, struct ox_findings *fs);

/* An RFC 1123 date in GMT ("Sun, 06 Nov 1994 08:49:37 GMT"): seconds since 1970. The weekday must
 * be that of the date. ERR_SYNTAX, ERR_RANGE. */
MUST_USE int ox_date_read(struct bytes value, int64_t *seconds);

#endif
