/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_SESSION_H
#define CONFORMANCE_ORACLE_OX_SESSION_H

#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"
#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_sdp.h"

/*
 * The passive analyser: everything that one client and one server say to each other, in order of
 * time, on any number of connections and ports. Fed by the runner, by a pcap, by a replay; knows no
 * socket. It copies what it needs: bytes of an event may go when the call returns.
 */
enum ox_event_kind {
	OX_EVENT_MESSAGE,  /* one whole RTSP message */
	OX_EVENT_FRAME,    /* payload of one '$' frame, with its channel */
	OX_EVENT_DATAGRAM, /* one UDP payload, with its ports */
	OX_EVENT_BLANK,    /* stray CR/LF on the connection */
	OX_EVENT_GARBAGE,  /* bytes on the connection that are neither message nor frame */
	OX_EVENT_CLOSE     /* the connection was closed by this side */
};
struct ox_event {
	enum ox_event_kind kind;
	tick_t time; /* never falls */
	bool from_client;
	unsigned connection;         /* the caller's number of the RTSP connection */
	uint8_t channel;             /* FRAME */
	uint16_t src_port, dst_port; /* DATAGRAM */
	struct bytes b;
};

struct ox_session_opts {
	/* Nothing between the peers can lose or reorder UDP (loopback): gaps are the sender's. TCP is
	 * always judged so. */
	bool exact_udp;
	/* A stream that has sent RTP for this long without an SR breaks RTP-6.4-01 (default 8 s). */
	tick_t sr_within;
	/* ns since 1970 at event time 0, to judge Date and NTP times; 0: not known. */
	int64_t epoch;
	/* The record ends because it was cut off, not because the session was over: what is missing at
	 * the end is not judged. */
	bool is_cut;
};

/* What the analyser knows about one stream of the presentation. */
struct ox_track {
	char url[512];                /* of its SETUP */
	const struct ox_media *media; /* of the last description; NULL: none seen or no match */
	const struct ox_format *format;
	bool is_tcp;
	unsigned connection;
	uint8_t channel[2];
	uint16_t client_port[2], server_port[2];
	bool has_ssrc; /* in the Transport of the reply */
	uint32_t ssrc;
	struct ox_rtp_stream *streams; /* one per SSRC met, in order; owned by the session */
	size_t n_streams;
	struct ox_sender *senders; /* one per SSRC that reported; owned by the session */
	size_t n_senders;
};

struct ox_session;
struct ox_session *ox_session_new(const struct ox_session_opts *opts); /* NULL: defaults */
void ox_session_free(struct ox_session *s);

/* Takes one event, in order of time. */
void ox_session_event(struct ox_session *s, const struct ox_event *e);
/* What came until now only taught what there is (a description, say, that someone else asked for):
 * none of it is a finding, and a description is judged when it comes again. */
void ox_session_begin(struct ox_session *s);
/* Nothing more comes: judges what can only be judged at the end (no SR, no BYE, RTP-Info of a stream
 * that stayed short, leftover bytes). Once. */
void ox_session_end(struct ox_session *s, tick_t now);

/* Findings so far; they live as long as the session. The context says when, where and who. */
const struct ox_findings *ox_session_findings(const struct ox_session *s);
/* Streams set up so far, in order of SETUP. NULL beyond the last. */
const struct ox_track *ox_session_track(const struct ox_session *s, size_t i);
/* The description in force, or NULL. */
const struct ox_sdp *ox_session_sdp(const struct ox_session *s);
/* Messages and media seen. */
struct ox_session_counts {
	uint64_t requests, responses, unanswered, rtp, rtcp, frames, strays;
};
struct ox_session_counts ox_session_counts(const struct ox_session *s);

#endif
