/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTP_H
#define SERVER_WIRE_RTP_H

#include "server/base/bytes.h"
#include "server/base/err.h"

/* RTP data packets (RFC 3550 5.1, 5.3.1). */
enum { RTP_HEADER = 12, RTP_VERSION = 2 };

struct rtp_view {
	bool marker, has_extension;
	uint8_t payload_type;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	uint8_t n_csrc, padding; /* padding: bytes at the end, its count byte included */
	struct bytes csrc;       /* 4 * n_csrc bytes */
	uint16_t extension_id;   /* "defined by profile" */
	struct bytes extension;  /* without its four header bytes */
	struct bytes payload;    /* without padding */
};

/* Reads a whole datagram; views borrow from it. 0; ERR_TRUNCATED: shorter than its header says;
 * ERR_VERSION: not 2; ERR_CORRUPT: padding count 0 or longer than what is there. */
MUST_USE int rtp_read(struct bytes packet, struct rtp_view *v);

/* The fixed header alone, of a packet of which the rest may be missing; all views are empty. Errors as
 * above. */
MUST_USE static inline int rtp_read_head(struct bytes packet, struct rtp_view *v)
{
	if (packet.n < RTP_HEADER)
		return ERR_TRUNCATED;
	if (packet.p[0] >> 6 != RTP_VERSION)
		return ERR_VERSION;
	*v = (struct rtp_view){ .marker = packet.p[1] & 0x80,
		.has_extension = packet.p[0] & 0x10,
		.payload_type = packet.p[1] & 0x7f,
		.seq = be16(packet.p + 2),
		.timestamp = be32(packet.p + 4),
		.ssrc = be32(packet.p + 8),
		.n_csrc = packet.p[0] & 0x0f };
	return 0;
}

/* Twelve bytes without CSRC, extension and padding. */
static inline void rtp_header_write(uint8_t dst[RTP_HEADER], bool marker, uint8_t payload_type,
	uint16_t seq, uint32_t timestamp, uint32_t ssrc)
{
	dst[0] = RTP_VERSION << 6;
	dst[1] = (uint8_t)((marker ? 0x80u : 0u) | (payload_type & 0x7fu));
	put_be16(dst + 2, seq);
	put_be32(dst + 4, timestamp);
	put_be32(dst + 8, ssrc);
}

/* a - b on the circle: -32768 … 32767. */
static inline int32_t seq_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}
/* Does a come after b? */
static inline bool seq_newer(uint16_t a, uint16_t b)
{
	return seq_diff(a, b) > 0;
}
/* a - b on the circle. */
static inline int32_t ts_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}
/* The extended number (cycles * 65536 + seq) that is nearest to `near`; never negative. */
static inline uint64_t seq_extend(uint16_t seq, uint64_t near)
{
	int64_t v = (int64_t)near + seq_diff(seq, (uint16_t)near);
	return (uint64_t)(v < 0 ? v + 65536 : v);
}

#endif
