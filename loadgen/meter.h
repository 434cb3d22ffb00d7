/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_METER_H
#define LOADGEN_METER_H

#include "loadgen/snapshot.h"
#include "server/wire/pattern.h"
#include "server/wire/rtp_recv.h"

/*
 * Judges the packets of one media stream of one session, in the order in which they came. No clock,
 * no socket: a packet brings its time of arrival. Owns nothing; counts into a tally that all meters
 * share.
 *
 * - Loss is exact up to the last packet received: what is missing in between, and at the head when
 *   the first number is known (RTP-Info; the position in a pattern payload). Later: tail_lost.
 * - Lateness is that of the first packet of each RTP timestamp against the RTP clock, anchored at the
 *   earliest packet seen so far: the smallest (arrival - RTP time). The first METER_HELD frames are
 *   kept back until the anchor has settled on the smallest of them.
 * - A stall is a silence that is longer by more than `stall_after` than the media time it spans; its
 *   length is that excess. So a packet lost is no stall, and a slow stream has none of its own.
 * - Pattern payloads are checked byte for byte; their position against the sequence number shows
 *   packets that the server left out before numbering.
 */
enum { METER_HELD = 32, METER_JITTER_EVERY = 16 };

/* Same for all streams of a run. */
struct meter_rules {
	tick_t stall_after;
	bool same_clock;                 /* the sender's monotonic clock is ours: transit counts */
	const struct pattern *pattern;   /* NULL: payloads are not checked */
	const struct pattern_body *body; /* with pattern */
};

/* How far a stream has come. */
struct meter_mark {
	uint64_t packets; /* distinct ones, over all SSRCs */
	uint64_t upto;    /* those and the lost ones, up to the last one received */
	tick_t covered;   /* media time, up to the end of the last frame */
};

struct meter {
	const struct meter_rules *rules;
	tick_t deadline;   /* what comes later has not been delivered; 0: none yet */
	uint32_t clock_hz; /* 0: unknown, nothing is timed */
	double ns_per_unit;
	struct rtp_recv recv;
	bool has_first_seq, is_over; /* is_over: BYE */
	uint16_t first_seq;
	uint64_t lost_told; /* what the tally has been told of recv's loss */
	uint64_t packets;   /* distinct packets, over all SSRCs */
	uint64_t before;    /* packets of earlier SSRCs, the lost ones included */
	tick_t first_at, last_at, longest_gap;

	/* the time line */
	bool timed;
	uint32_t timestamp; /* of the frame under way */
	int64_t units;      /* its RTP time since the time line began */
	int64_t units_least,
		units_most; /* the first and the farthest: B frames run back and forth */
	tick_t zero_at, frame_at, step; /* step: media time between the last two frames */
	tick_t covered;                 /* media time of the time lines before */
	tick_t anchor;
	uint32_t n_held;

	/* pattern */
	bool has_position, has_offset; /* offset: not after a restart of the numbers */
	int64_t position_less_seq;     /* position - extended sequence number */
	uint64_t position;             /* highest */

	bool is_marked;
	struct meter_mark mark;  /* at the deadline, if a packet came after it */
	tick_t held[METER_HELD]; /* last: only the first packets need it */
};

/* clock_hz from the SDP; 0 when unknown. */
void meter_init(struct meter *m, const struct meter_rules *rules, uint32_t clock_hz);
/* RTP-Info's seq; heeded when no packet has come yet. */
void meter_expect_first(struct meter *m, uint16_t seq);
/*
 * One packet of n bytes (RTP header included) that arrived at `at`. is_sharp: that time may be believed.
 * Otherwise (we came late to read a connection, and it has one stamp for all that waited) everything
 * but the timing is judged, and the packet counts as untimed.
 */
void meter_packet(struct meter *m, const struct rtp_view *v, size_t n, tick_t at, bool is_sharp,
	struct tally *t);
/* Media are owed no longer (TEARDOWN or PAUSE left); what comes until `at` was on its way. */
void meter_stop(struct meter *m, tick_t at);
/* The stream said BYE, before meter_stop: this was the end of its media, silence is no stall. */
void meter_bye(struct meter *m);

/*
 * Packets that a stream owes which should have played for that long, judged by itself: those up to the last
 * one received in time, plus as many for the media time after it as there were for the media time up
 * to it. For media that are about as dense at the end as before. < 0: not known.
 */
int64_t meter_owed(const struct meter *m, tick_t played);

/*
 * The session is over; TEARDOWN left at `end`. due: packets that the stream owed until then, < 0 when
 * nobody knows. Called once. Answers the packets that arrived in time (distinct ones).
 */
uint64_t meter_end(struct meter *m, tick_t end, int64_t due, struct tally *t);

#endif
