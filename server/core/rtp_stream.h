/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTP_STREAM_H
#define SERVER_CORE_RTP_STREAM_H

#include "server/core/demux.h"
#include "server/core/thin.h"
#include "server/media/source.h"
#include "server/net/conn.h"
#include "server/net/udp.h"
#include "server/wire/frame.h"
#include "server/wire/rtcp.h"
#include "server/wire/rtcp_sched.h"
#include "server/wire/rtp.h"

struct rtp_session;
struct rtsp_session;
struct rtp_stream;
struct udp_pair;

/* One RTP packet on its way out. Four bytes are kept free before the RTP header for the '$' frame. */
struct rtp_out {
	uint8_t head[FRAME_HEADER + RTP_HEADER + PACKET_HEAD_MAX];
	uint32_t head_n;   /* RTP header and what the source put beside it; without the four */
	struct bytes body; /* borrowed until the end of the turn */
	tick_t due;        /* when it should leave */
};
static inline uint8_t *rtp_out_header(struct rtp_out *o)
{
	return o->head + FRAME_HEADER;
}

/* What left later than this is counted as late. */
#define PACKET_LATE (100 * TICK_MS)

/* How a stream's packets leave: chosen at SETUP, may be wrapped by modules. */
struct sender {
	void (*rtp)(struct sender *s, struct rtp_stream *st, struct rtp_out *o);
	/* compound: borrowed for the call */
	void (*rtcp)(struct sender *s, struct rtp_stream *st, struct bytes compound, tick_t now);
	void (*close)(struct sender *s, struct rtp_stream *st); /* may be NULL */
	void *arg;
};

/* What the last receiver report said. */
struct rtp_report {
	uint64_t n;
	uint8_t fraction;
	int32_t lost;
	uint32_t highest, jitter;
	tick_t round_trip; /* -1 unknown */
};

struct rtp_stream {
	/* What each packet touches, together. */
	struct sender sender;
	struct udp_pair *pair; /* UDP */
	struct addr rtp_to;
	struct rtp_session *session;
	uint32_t ssrc;
	/* Of this play (struct timeline). At scale 1 a packet's timestamp is ts_off + its RTP time. */
	uint32_t ts_off;
	int32_t scale; /* at others; 0: it is 1 */
	uint16_t seq;  /* of the next packet */
	uint8_t channel, rtcp_channel;
	/* The timestamp last sent, the highest, and the shortest step between two: one frame. */
	uint32_t ts_last, ts_high, ts_step;
	uint32_t ts_longest; /* the longest step within a play, of at most half a second */
	uint32_t clock_hz;
	uint8_t track;
	bool is_setup, is_tcp;
	bool is_placed;            /* a play has begun, and no packet of it has left */
	uint64_t packets, octets;  /* sent so far, as an SR says it (3550 6.4.1) */
	tick_t latest;             /* by how much a packet was late at most */
	struct rtsp_session *over; /* interleaved: the connection; NULL when it has gone */
	struct thin thin;

	struct addr rtcp_to;
	uint32_t ts_base;             /* random */
	uint32_t ts_start, rtp_start; /* timestamp, and the source's RTP time, of where it begins */
	uint32_t rtp_stop;            /* the source's RTP time of where it stops */
	tick_t start;                 /* NPT of where it begins */
	uint64_t packets_reported[2]; /* packets at the last report and the one before */
	bool has_rtcp;                /* the schedule runs */
	bool ever_reported;           /* RTCP has left: a BYE is due at the end (3550 6.3.7) */
	bool bye_sent;                /* and nothing since */
	struct rtcp_sched sched;
	struct rtp_report report;
	/* packets with a number of their own that never left: their connection is slow */
	uint64_t dropped;
	uint64_t thinned;  /* left out by importance, and */
	uint64_t too_late; /* because they were no longer of use: these took no number */
	uint64_t late;     /* left more than PACKET_LATE after their time */
	struct demux_node demux;
	char *url; /* of SETUP, without credentials */
};

/* Random SSRC (unique on the worker), sequence number and timestamp; known to the demux. */
void rtp_stream_init(struct rtp_stream *st, struct rtp_session *s, uint8_t track);
/* Frees what SETUP made; no more packets. */
void rtp_stream_clear(struct rtp_stream *st);
/* Sends a packet of the source: header, counters, sender. `due`: when on the loop's clock. */
void rtp_stream_send(struct rtp_stream *st, const struct packet *p, tick_t due);
/* The same, unless the client is too slow for it. */
void rtp_stream_offer(struct rtp_stream *st, const struct packet *p, const struct thin_moment *m);
/* The connection gave a packet up after all: `n` bytes, RTP header included, `padding` of them. */
void rtp_stream_on_drop(struct rtp_stream *st, size_t n, uint8_t padding);
/* A new play begins: from now on timestamps follow the session's timeline. */
void rtp_stream_place(struct rtp_stream *st);
/* The presentation from which on a range can begin, so that its timestamps are higher than all that were
 * sent, by one frame; `near` is one within 6 hours (2^31 ticks of 90 kHz). TICK_NEVER: none was sent. */
tick_t rtp_stream_free_from(const struct rtp_stream *st, tick_t near);
/* RTP timestamp of the loop's time t (3550 6.4.1: one linear clock for the whole session). */
uint32_t rtp_stream_time(const struct rtp_stream *st, tick_t t);

/* Starts the RTCP schedule, first report at once; no-op while it runs. */
void rtp_stream_start_rtcp(struct rtp_stream *st, tick_t now);
/* Sends what is due; answers when to call again (TICK_NEVER: no schedule). */
tick_t rtp_stream_run_rtcp(struct rtp_stream *st, tick_t now);
/* SR or RR, SDES, BYE, if anything ever left (3550 6.3.7); the schedule ends. */
void rtp_stream_bye(struct rtp_stream *st, tick_t now);
/* A compound came for this stream: checked already. */
void rtp_stream_on_rtcp(struct rtp_stream *st, struct bytes compound, tick_t now);
/* The client sent something on its RTP side: for the modules. */
void rtp_stream_on_data(struct rtp_stream *st, struct bytes data, tick_t now);

/* The two senders of our own. */
void rtp_stream_use_udp(struct rtp_stream *st);
void rtp_stream_use_tcp(struct rtp_stream *st);

#endif
