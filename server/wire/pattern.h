/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_PATTERN_H
#define SERVER_WIRE_PATTERN_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/wire/rtp.h"

/*
 * The pattern source: media without a file, of which every byte can be checked. URL path /pattern
 * with optional segments, each a number and a unit, in any order, each at most once:
 *   500k  bit rate of the RTP packets in bit/s (header and payload; suffixes k = 1000, m = 1000000,
 *         b = 1), per track
 *   50p   packets per second, per track
 *   2t    tracks
 *   60s   duration in seconds; without it the stream never ends
 *   noseek  goes on where it stands, like what is live; not with a duration
 * then optionally trackID=N, last. Packets are numbered from 0 at NPT 0 on each track; packet k is
 * due at k / pps seconds, and every packet is a sync sample.
 */
enum {
	PATTERN_PREFIX = 24,
	PATTERN_PACKET_MIN = RTP_HEADER + PATTERN_PREFIX,
	PATTERN_PACKET_MAX = 1472, /* what an Ethernet frame holds over IPv4 and UDP */
	PATTERN_TRACKS_MAX = 8,
	PATTERN_PPS_MAX = 20000,
	PATTERN_SECONDS_MAX = 10000000,
	PATTERN_CLOCK_HZ = 90000,
	PATTERN_PAYLOAD_TYPE = 96,
	PATTERN_BODY = 2048,
};
#define PATTERN_MAGIC 0x42474c50u /* "BGLP" */

struct pattern {
	uint64_t bps; /* bits of RTP header and payload per second */
	uint32_t pps;
	uint32_t tracks;     /* 1 … PATTERN_TRACKS_MAX */
	uint32_t duration_s; /* 0: endless */
	bool no_seek;
};
#define PATTERN_DEFAULT ((struct pattern){ .bps = 500000, .pps = 50, .tracks = 1 })

/*
 * Reads a decoded path ("/pattern/500k/50p/trackID=1"). *track: 0 for the aggregate, else 1 …
 * tracks. ERR_NOT_FOUND: the first segment is not "pattern", or there is no such track;
 * ERR_SYNTAX: a segment that is not as above, a unit twice, noseek and an end; ERR_RANGE: a number outside its
 * limits, or packets outside PATTERN_PACKET_MIN … PATTERN_PACKET_MAX.
 */
MUST_USE int pattern_read(struct bytes path, struct pattern *p, uint32_t *track);

/* The same for what follows "/pattern": "/500k/50p", "500k/50p" or nothing. */
MUST_USE int pattern_spec_read(struct bytes spec, struct pattern *p, uint32_t *track);

/* RTP bytes (header included) of packet k: those of packets 0 … k-1 sum up to k * bps / (8 * pps),
 * rounded down, so the long-run rate is exact also when it is no whole number of bytes a packet. */
uint32_t pattern_packet_bytes(const struct pattern *p, uint64_t k);
/* Bytes of packets 0 … k-1. */
uint64_t pattern_bytes_before(const struct pattern *p, uint64_t k);
/* When packet k is due, in ns of NPT (rounded down). */
tick_t pattern_due(const struct pattern *p, uint64_t k);
/* RTP time of packet k, from 0 at NPT 0. */
uint32_t pattern_timestamp(const struct pattern *p, uint64_t k);
/* RTP time of any NPT (>= 0), from 0 at NPT 0. */
uint32_t pattern_timestamp_at(tick_t npt);
/* The last packet that is due at or before npt (>= 0). */
uint64_t pattern_packet_at(const struct pattern *p, tick_t npt);
/* Number of packets of a track; UINT64_MAX when endless. */
uint64_t pattern_packets(const struct pattern *p);

/* First 24 bytes of the payload, all big-endian: magic, ssrc, position, send time. */
struct pattern_prefix {
	uint32_t ssrc;
	uint64_t position; /* packet number from NPT 0 on that track */
	tick_t sent;       /* the sender's turn clock, CLOCK_MONOTONIC ns */
};
void pattern_prefix_write(uint8_t dst[PATTERN_PREFIX], const struct pattern_prefix *x);

/*
 * What follows the prefix: the same bytes in every packet of every stream, byte i of the payload's
 * body is at[i]. Owned by whoever embeds it; filled once, read-only afterwards.
 */
struct pattern_body {
	uint8_t at[PATTERN_BODY];
};
void pattern_body_init(struct pattern_body *b);

/*
 * Checks a payload: prefix well-formed, body byte for byte. 0 and *x; ERR_TRUNCATED: shorter than
 * the prefix; ERR_CORRUPT: magic, a body byte, or longer than any packet of ours. The caller
 * compares x->ssrc, and the size with pattern_packet_bytes(position).
 */
MUST_USE int pattern_check(
	struct bytes payload, const struct pattern_body *b, struct pattern_prefix *x);

/*
 * Appends the session description: s=, a=control:*, a=range, and per track m=video with control
 * trackID=N. `address` is the server's (IPv6 when is_ip6), `id` the o= line's session id and
 * version. ERR_LIMIT, out unchanged; ERR_SYNTAX: a blank or control in address.
 */
MUST_USE int pattern_sdp(
	const struct pattern *p, uint64_t id, struct bytes address, bool is_ip6, struct buf *out);

#endif
