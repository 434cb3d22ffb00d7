/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_RTP_H
#define CONFORMANCE_ORACLE_OX_RTP_H

#include "conformance/oracle/ox_finding.h"
#include "conformance/oracle/ox_sdp.h"
#include "server/base/err.h"

/* One RTP packet (3550 5.1). Views borrow. */
struct ox_rtp {
	bool has_padding, has_extension, marker;
	uint8_t pt, n_csrc, padding;
	uint16_t seq;
	uint32_t rtptime, ssrc;
	uint16_t extension_profile;
	struct bytes extension; /* without its 4-byte header */
	struct bytes payload;   /* without padding */
	size_t payload_at, n;   /* offset of the payload; length of the packet */
};

/*
 * Reads a packet and lists the clauses it breaks by itself. 0; ERR_TRUNCATED (no fixed header),
 * ERR_VERSION (not 2), ERR_CORRUPT (CSRCs, extension or padding don't fit): the fixed header's facts
 * are there in the last case.
 */
MUST_USE int ox_rtp_read(struct bytes b, struct ox_rtp *p, struct ox_findings *fs);
/* Quick look without findings: could this datagram be RTP? (version 2, fits, PT not one of RTCP) */
bool ox_rtp_is_plausible(struct bytes b);

/*
 * One stream: same flow, same channel, same SSRC; the caller keeps the key. The counts are those of
 * an arrival-order walk with extended sequence numbers, without the probation and restart rules of
 * 3550 A.1: a number at most 32768 behind the highest is late, else ahead.
 *   expected = highest - lowest + 1        unique = distinct numbers
 *   lost = expected - unique               duplicates = met before
 *   gaps = forward steps of more than one  big_jumps = new numbers more than 3000 away from highest
 *   late_or_reordered = new numbers below the highest
 */
struct ox_rtp_stream {
	uint32_t ssrc;
	uint64_t packets, markers, octets; /* octets: payload without padding */
	uint32_t pt_count[128];
	uint16_t first_seq, last_seq; /* in order of arrival */
	uint32_t first_rtptime, last_rtptime;
	tick_t first_time, last_time;
	int64_t lowest, highest; /* extended */
	int64_t expected, unique, lost;
	uint64_t duplicates, late_or_reordered, gaps, big_jumps;
	uint8_t seen[65536 / 8]; /* ring over the extended numbers up to the highest */

	/* for the rules */
	int64_t highest_rtptime;     /* extended, of the highest sequence number */
	uint32_t rtptime_of_highest; /* as in the packet */
	bool last_marker;            /* of the highest sequence number */
	uint64_t rtptime_backwards;  /* times the RTP time fell while the number rose */
	uint64_t bad_payloads;
};

/* Counts a packet; the first one begins the stream. */
void ox_rtp_stream_add(struct ox_rtp_stream *s, const struct ox_rtp *p, tick_t now);
/* What ox_rtp_stream_add would make of this packet. */
enum ox_rtp_place { OX_RTP_FIRST, OX_RTP_NEXT, OX_RTP_GAP, OX_RTP_DUPLICATE, OX_RTP_LATE };
enum ox_rtp_place ox_rtp_stream_place(const struct ox_rtp_stream *s, const struct ox_rtp *p);
/* Signed distance of two 16-bit sequence numbers (b - a), -32768 … 32767; of two RTP times. */
int ox_seq_diff(uint16_t a, uint16_t b);
int32_t ox_rtptime_diff(uint32_t a, uint32_t b);

/*
 * Rules about a packet as member of its stream: continuity (a gap, duplicate or late packet is a
 * finding only when `exact`: loopback or TCP, where nothing but the sender can lose or reorder),
 * payload type against the description. Call before ox_rtp_stream_add. media may be NULL.
 */
void ox_rtp_stream_check(const struct ox_rtp_stream *s, const struct ox_rtp *p,
	const struct ox_media *media, bool exact, struct ox_findings *fs);

/* Payload rules that need a memory: fragments, access units, steps. All zero at first. */
struct ox_payload {
	bool in_fu; /* H.264: inside a fragmented NAL unit */
	uint8_t fu_type, fu_nri;
	bool has_last;
	uint16_t last_seq;
	uint32_t last_rtptime;
	bool last_marker;
	uint32_t au_step; /* AAC: RTP time that the last packet's access units last */
	uint32_t au_left; /* AAC: octets still due of a fragmented access unit */
};
/* Rules of the payload format of `format` (H.264: RFC 6184; AAC: RFC 3640; others: 3551 where
 * cheap). Packets in order of arrival. */
void ox_payload_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_media *media,
	const struct ox_format *format, struct ox_findings *fs);

#endif
