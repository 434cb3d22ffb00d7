/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTP_RECV_H
#define SERVER_WIRE_RTP_RECV_H

#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/wire/rtcp.h"

/*
 * What a receiver knows about one SSRC (RFC 3550 6.4.1, A.1, A.3, A.8). Embedded in its owner, owns
 * nothing. Loss is exact up to the highest packet received: every number in between counts as lost
 * until it comes; a duplicate never makes up for a loss (a window of the last RTP_RECV_WINDOW
 * numbers tells them apart; a packet older than that counts as `late`, and as received neither
 * way).
 */
enum {
	RTP_RECV_WINDOW = 512,
	RTP_RECV_DROPOUT = 3000, /* MAX_DROPOUT of A.1 */
	RTP_RECV_MISORDER = 100, /* MAX_MISORDER */
	RTP_RECV_PROBATION = 2,  /* MIN_SEQUENTIAL */
};

enum rtp_recv_kind {
	RTP_RECV_NEW,       /* next or newer */
	RTP_RECV_REORDERED, /* older than the highest, first time seen */
	RTP_RECV_DUPLICATE,
	RTP_RECV_LATE,      /* older than the window, or than the first: no telling */
	RTP_RECV_PROBING,   /* source not valid yet (probation), not counted */
	RTP_RECV_RESTARTED, /* two in sequence far away: the source started over; counted anew */
	RTP_RECV_IGNORED,   /* one packet far away: kept out until a second confirms it */
};

struct rtp_recv {
	uint32_t ssrc, clock_hz;
	bool started, is_trusted, has_first; /* has_first: told by rtp_recv_expect_first */
	uint8_t probation;                   /* sequential packets still needed */
	uint16_t probe_next;                 /* expected while on probation */
	uint32_t bad_next;  /* A.1's bad_seq: this one confirms a jump; 65536: none */
	uint32_t bad_bytes; /* of the packet that jumped */
	bool bad_was_late;  /* it counts in late, not in ignored */
	/* Extended numbers since the source's (re)start; 65536 is added, so that a packet before
	 * the first is no negative one. */
	uint64_t first, highest;
	uint64_t seen[RTP_RECV_WINDOW / 64]; /* bit of (extended number % RTP_RECV_WINDOW) */

	uint64_t received; /* distinct packets, reordered ones included, restarts added up */
	uint64_t duplicates, reordered, late, ignored, restarts;
	uint64_t bytes;           /* of what counts as received, as told to rtp_recv_packet */
	uint64_t expected_before; /* before the last restart */

	/* Jitter (A.8), scaled by 16, in RTP units; transit of the last packet. */
	uint32_t jitter16, transit;
	bool has_transit;

	/* For report blocks. */
	uint64_t expected_prior, received_prior;
	uint32_t lsr;  /* middle of the last SR's NTP time; 0: none */
	tick_t lsr_at; /* when it came */
};

/*
 * probation 0 trusts the source from its first packet on (a client that was told so by SETUP and
 * PLAY): a gap of up to 32767 numbers is loss, a packet up to RTP_RECV_WINDOW behind is reordered.
 * Otherwise (RTP_RECV_PROBATION) the limits of A.1 hold, and the packets of the probation but the
 * last do not count.
 */
void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz, uint8_t probation);
/* Before the first packet: the stream starts with this number (RTP-Info), so what is lost before
 * the first packet seen counts, and older packets are `late`. */
void rtp_recv_expect_first(struct rtp_recv *r, uint16_t seq);

/* One packet; `at` is its time of arrival. */
enum rtp_recv_kind rtp_recv_packet(
	struct rtp_recv *r, uint16_t seq, uint32_t timestamp, uint32_t bytes, tick_t at);
void rtp_recv_sr(struct rtp_recv *r, uint64_t ntp, tick_t at);

/* Packets from the first to the highest seen, restarts added up. */
uint64_t rtp_recv_expected(const struct rtp_recv *r);
/* Expected and not received; never negative. */
uint64_t rtp_recv_lost(const struct rtp_recv *r);
/* Interarrival jitter in ns. */
tick_t rtp_recv_jitter(const struct rtp_recv *r);

/* Fills a report block and starts the next reporting interval (A.3). False: nothing received
 * yet. */
bool rtp_recv_report(struct rtp_recv *r, struct rtcp_block *b, tick_t now);

#endif
