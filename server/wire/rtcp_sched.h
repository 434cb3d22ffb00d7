/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTCP_SCHED_H
#define SERVER_WIRE_RTCP_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/tick.h"

/*
 * When to send RTCP: RFC 3550 6.2, 6.3 and A.7, with timer reconsideration and reverse
 * reconsideration, the BYE back-off included. No clock, no randomness, no sockets: they come in.
 * The owner arms a timer for `next` and, when it fires, asks rtcp_sched_expire.
 */
struct rtcp_sched_config {
	double session_bps;   /* session bandwidth in bit/s; RTCP gets 5 % of it (6.2) */
	bool reduced_minimum; /* 360 / kbit/s seconds, not 5 (6.2); for unicast and for senders */
	bool is_sender;
	uint32_t members;     /* known at the start, ourselves included; >= 1 */
	uint32_t senders;     /* ourselves included when is_sender */
	uint32_t first_bytes; /* estimate of the first compound, with UDP and IP headers */
	/* A sender to one receiver needs no wait before its first report; 6.2 lets it be 0. */
	bool first_at_once;
};

struct rtcp_sched {
	struct rtcp_sched_config c;
	tick_t tp, next; /* last transmission; next due (tp, tn of 6.3) */
	uint32_t pmembers, members, senders;
	double avg_bytes; /* avg_rtcp_size, UDP and IP headers included */
	bool initial, we_sent, leaving, done;
};

enum rtcp_sched_act {
	RTCP_SCHED_WAIT,   /* reconsidered: s->next has moved */
	RTCP_SCHED_REPORT, /* send a report now, then call rtcp_sched_on_sent */
	RTCP_SCHED_BYE,    /* send the BYE now; the schedule is over */
};

/* `random` is uniform in 0 … 2^32 - 1, here and below. */
void rtcp_sched_init(
	struct rtcp_sched *s, const struct rtcp_sched_config *c, tick_t now, uint32_t random);

/* At or after s->next: 6.3.6. WAIT also when called early. Nothing but `next` moves before
 * on_sent. */
enum rtcp_sched_act rtcp_sched_expire(struct rtcp_sched *s, tick_t now, uint32_t random);
/* A report of n bytes (UDP and IP headers included) has left. Sets the next deadline. */
void rtcp_sched_on_sent(struct rtcp_sched *s, uint32_t bytes, tick_t now, uint32_t random);

/* A valid compound of n bytes came in, not a BYE (6.3.3). Nothing while leaving (6.3.7). */
void rtcp_sched_on_received(struct rtcp_sched *s, uint32_t bytes);
/* The number of members or senders is now this, ourselves included (joins, BYEs 6.3.4, time-outs
 * 6.3.5). Fewer members: reverse reconsideration. */
void rtcp_sched_on_members(struct rtcp_sched *s, uint32_t members, uint32_t senders, tick_t now);
/* A BYE came in from someone: while we leave, BYEs are what counts as members (6.3.7). */
void rtcp_sched_on_bye(struct rtcp_sched *s, uint32_t bytes, tick_t now);
/* We have sent RTP since the last but one report, or no longer (6.3.8). */
void rtcp_sched_set_sender(struct rtcp_sched *s, bool is_sender);

/*
 * We leave (6.3.7). True: with fewer than 50 members the BYE may go at once; the schedule is over.
 * False: expire will say RTCP_SCHED_BYE when its turn has come. bye_bytes as above. If neither RTP
 * nor RTCP was ever sent the BYE must not be sent at all; the owner knows.
 */
MUST_USE bool rtcp_sched_leave(
	struct rtcp_sched *s, uint32_t bye_bytes, tick_t now, uint32_t random);

/* The deterministic interval Td of 6.3.1 in ns, without randomising (for reports and checks of
 * others' intervals). */
tick_t rtcp_sched_interval(const struct rtcp_sched *s);

#endif
