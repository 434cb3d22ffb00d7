/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_TRACK_H
#define LOADGEN_TRACK_H

#include "loadgen/meter.h"
#include "loadgen/sink.h"
#include "server/wire/rtcp_sched.h"
#include "server/wire/sdp.h"

/*
 * One media stream of a session: where its packets come in, who judges them, and the RTCP that it
 * sends back (RFC 3550 6: receiver reports with a CNAME, at the interval of 6.3).
 */
struct track_shared {
	struct tally *tally;
	const struct meter_rules *rules; /* for streams of the pattern codec */
	const struct meter_rules *plain; /* for all others */
	/* A stream has ended, or something else that its session should look at. */
	void (*on_change)(void *owner);
};

enum { TRACK_REPORT_MAX = 512, TRACK_CNAME_MAX = 64 };

struct track {
	/* What every packet touches comes first (SINK_HOT). */
	uint64_t types[2];  /* payload types that the SDP names: a bit each */
	struct addr server; /* where packets come from; port 0 = not named */
	struct track_shared *shared;
	struct meter meter;

	void *owner;
	struct sink_stream sink; /* UDP */
	struct rtcp_sched sched;
	uint32_t ssrc; /* ours */
	char *control; /* URL; owned */
	uint32_t clock_hz;
	double bps;
	struct addr server_rtcp;
	uint8_t channel[2]; /* interleaved: RTP, RTCP */
	bool is_over;       /* BYE */
	bool has_report, has_final;
	uint32_t packets_said; /* sender's packet count of the last report */
	uint8_t report[TRACK_REPORT_MAX];
};

/* Once per memory. */
void track_init(struct track *tr, struct track_shared *shared, struct sink *sink, void *owner);
void track_clear(struct track *tr); /* frees */

/* A new life: what the SDP says of it. control: heap, taken over. */
void track_begin(struct track *tr, const struct sdp_media *m, char *control, uint32_t ssrc);
/* RTCP starts. */
void track_play(struct track *tr, tick_t now, uint32_t random);

/* What came in, by either way. */
/* is_sharp: `at` is when this very packet came (meter.h). */
void track_rtp(struct track *tr, struct bytes packet, tick_t at, bool is_sharp);
void track_rtcp(struct track *tr, struct bytes compound, tick_t at);
extern const struct sink_events track_sink_events;

/* When track_report should be asked next. */
tick_t track_next(const struct track *tr);
/* The report that is due now, in tr->report; empty when none is due after all. */
struct bytes track_report(struct track *tr, struct bytes cname, tick_t now, uint32_t random);

/*
 * The session is over. played: from the PLAY reply to TEARDOWN; end: when TEARDOWN left. Counts into
 * the tally. *due: packets that were owed, -1 = unknown. Answers how many came.
 */
uint64_t track_end(struct track *tr, tick_t played, tick_t end, int64_t *due);

#endif
