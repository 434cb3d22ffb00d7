/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTCP_H
#define SERVER_WIRE_RTCP_H

#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"

/* RTCP packets (RFC 3550 6.4 … 6.7). */
enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
};
enum rtcp_sdes {
	RTCP_CNAME = 1,
	RTCP_NAME,
	RTCP_EMAIL,
	RTCP_PHONE,
	RTCP_LOC,
	RTCP_TOOL,
	RTCP_NOTE,
	RTCP_PRIV,
};
enum { RTCP_BLOCKS_MAX = 31, RTCP_BLOCK = 24 };

/* Sender info of an SR. */
struct rtcp_sender {
	uint64_t ntp; /* 32.32 seconds since 1900 */
	uint32_t timestamp, packets, octets;
};

struct rtcp_block {
	uint32_t ssrc;
	uint8_t fraction;   /* of 256 */
	int32_t lost;       /* cumulative, 24 bits signed */
	uint32_t highest;   /* extended sequence number */
	uint32_t jitter;    /* RTP time units */
	uint32_t lsr, dlsr; /* middle 32 bits of the SR's NTP time; 1/65536 s */
};

/* One packet of a compound. Views borrow from it. */
struct rtcp_view {
	uint8_t type;          /* enum rtcp_type, or another */
	uint8_t count;         /* blocks, chunks, SSRCs, or APP subtype */
	bool has_ssrc;         /* SR, RR, APP, and BYE and SDES when count > 0 */
	uint32_t ssrc;         /* the (first) one */
	struct rtcp_sender sr; /* SR only */
	struct bytes blocks;   /* SR, RR: count * RTCP_BLOCK bytes */
	struct bytes reason;   /* BYE */
	uint8_t name[4];       /* APP */
	struct bytes
		data; /* APP: after the name; SDES: the chunks; SR, RR: profile extensions; BYE: all
	                         SSRCs, 4 * count; others: all after the first four bytes */
	struct bytes packet; /* the whole packet, padding included */
};

/*
 * Takes the next packet off the front of *rest. 1, 0 at the end, or (with *rest emptied)
 * ERR_VERSION; ERR_TRUNCATED: its length field passes the end; ERR_CORRUPT: count, padding or
 * reason do not fit into the length.
 */
MUST_USE int rtcp_next(struct bytes *rest, struct rtcp_view *v);

/* Is this datagram a compound as RFC 3550 6.1 and A.2 want it? First SR or RR without padding,
 * every version 2, lengths add up exactly, padding only on the last, all readable. 0 or an error
 * as above. */
MUST_USE int rtcp_check(struct bytes compound);

/* Block i (< v->count) of an SR or RR. */
void rtcp_block_read(const struct rtcp_view *v, size_t i, struct rtcp_block *b);

/* Walks SDES items: start with *rest = v->data. 1 with the chunk's SSRC, item type and text; 0 at
 * the end; ERR_CORRUPT. State is in *rest and *in_chunk (start with false); *ssrc is kept between
 * calls. */
MUST_USE int rtcp_sdes_next(
	struct bytes *rest, bool *in_chunk, uint32_t *ssrc, uint8_t *type, struct bytes *text);

/* ---- writing: one compound into a fixed area ---- */

struct rtcp_writer {
	uint8_t *p;
	size_t cap, n;
	int err; /* sticks: ERR_LIMIT */
};
void rtcp_begin(struct rtcp_writer *w, void *dst, size_t cap);
/* At most RTCP_BLOCKS_MAX blocks (ERR_LIMIT). */
void rtcp_put_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sender *s,
	const struct rtcp_block *blocks, size_t n);
void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *blocks, size_t n);
/* SDES with a CNAME (1 … 255 bytes; ERR_LIMIT, ERR_MISSING when empty). */
void rtcp_put_cname(struct rtcp_writer *w, uint32_t ssrc, struct bytes cname);
/* Reason: up to 255 bytes, may be empty. */
void rtcp_put_bye(struct rtcp_writer *w, uint32_t ssrc, struct bytes reason);
/* Data is a multiple of 4 bytes (ERR_RANGE). */
void rtcp_put_app(struct rtcp_writer *w, uint32_t ssrc, uint8_t subtype, const char name[4],
	struct bytes data);
/* Bytes written, or the error. */
MUST_USE int rtcp_end(const struct rtcp_writer *w);

/* ---- NTP (4) ---- */

/* 32.32 seconds since 1900 of ns since 1970, and back (exact to 1 ns; era 0, until 2036). */
uint64_t ntp_of_unix(int64_t unix_ns);
int64_t ntp_to_unix(uint64_t ntp);
/* The middle 32 bits: LSR. */
static inline uint32_t ntp_middle(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}
/* A span in 1/65536 s: DLSR; clamped to 0 … 2^32 - 1. */
uint32_t ntp_short_of(tick_t span);
tick_t ntp_short_to(uint32_t span);
/* Round trip by 6.4.1: now - lsr - dlsr, in ns; -1 when lsr is 0 or the result is negative. */
tick_t rtcp_round_trip(uint32_t now_middle, uint32_t lsr, uint32_t dlsr);

#endif
