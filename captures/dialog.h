/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_DIALOG_H
#define CAPTURES_DIALOG_H

#include <stdio.h>

#include "captures/hostport.h"
#include "conformance/oracle/ox_rtp.h"
#include "conformance/oracle/ox_session.h"
#include "server/base/bytes.h"

/*
 * A capture as RTSP dialogs: connections, their messages both ways in order of time, and the media
 * that they announce. Built whole by dialog_read, then constant. Everything in it, views included,
 * is owned by the dialog.
 *
 * RTSP is found by its first bytes, never by port. UDP is media only when a SETUP reply (or SDP in
 * an ANNOUNCE or in SIP) names its ports; in a file with neither RTSP nor SIP, what looks like RTP or
 * RTCP is taken as such. Packets recorded several times (loopback, the "any" device) count once; the
 * repeats are counted as repeats of the recording, never as duplicates of a stream.
 *
 * Times are ns since 1970.
 */
#define DIALOG_NONE UINT32_MAX

/* Caps; 0 = the default in brackets. What lies beyond is counted in `beyond_limits`. */
struct dialog_limits {
	uint64_t packets;     /* read from the file [50 million] */
	uint64_t kept_bytes;  /* of payload held in memory [1 GiB] */
	uint32_t tcp_streams; /* [65536] */
	uint32_t udp_flows;   /* [65536] */
	uint32_t messages;    /* in all connections [1 million] */
	uint32_t rtp_streams; /* [4096] */
};

enum dialog_payload {
	DIALOG_OTHER, /* neither */
	DIALOG_RTP,
	DIALOG_RTCP,
	DIALOG_PUNCH /* opens a way through a NAT: from the client to the server's media port, small,
			no media in it */
};

/* One thing that a peer sent on a connection, or in a datagram that belongs to it. */
struct dialog_event {
	enum ox_event_kind kind;
	enum dialog_payload payload; /* FRAME, DATAGRAM */
	bool from_client;
	bool is_truncated; /* the recording lacks the end of it */
	bool after_gap;    /* bytes of this direction are missing just before it */
	uint8_t channel;   /* FRAME */
	uint16_t src_port, dst_port;
	int64_t began, at; /* when its first and its last byte were recorded */
	uint64_t frame_no; /* packet of the file that completed it, 1 = first */
	uint32_t message;  /* MESSAGE: index in the connection's messages */
	uint32_t stream;   /* RTP, PUNCH with an RTP header: index in the dialog's streams */
	uint32_t track;    /* FRAME, DATAGRAM: index in the connection's tracks */
	struct bytes b;    /* message, payload of the frame, payload of the datagram */
};

struct dialog_message {
	bool from_client; /* client = who sends requests and gets responses on this connection */
	bool is_response;
	bool is_truncated;
	int64_t began, at;
	uint64_t frame_no;
	struct bytes whole, head, body; /* ox_message_read(whole, …) gives the headers */
	struct bytes method, uri;       /* request */
	unsigned status;                /* response */
	bool has_cseq;
	uint64_t cseq;
	struct bytes session; /* id without parameters; empty: no such header */
	uint32_t
		pair; /* index of the response to this request or the other way round; by CSeq, else by
			  order; DIALOG_NONE */
};

/* A stream that was set up: SETUP (or ANNOUNCE) and its reply agreed on it. */
struct dialog_track {
	uint32_t setup, reply;  /* messages */
	struct bytes url;       /* of the SETUP */
	struct bytes session;   /* id */
	struct bytes transport; /* value in the reply */
	bool is_tcp;
	bool from_client; /* mode=record: the client sends */
	bool has_ssrc;
	uint32_t ssrc;
	bool has_channels;
	uint8_t channel[2];
	uint16_t client_port[2], server_port[2]; /* 0: not named */
	bool is_server_pair;                     /* server_port was a range, so that [1] is RTCP */
	struct host_port client,
		server; /* addresses of the media (destination=, source=), port 0 */
};

struct dialog_connection {
	uint32_t tcp_stream;      /* number among all TCP connections of the file, from 0 */
	struct host_port node[2]; /* [0] sent the first packet */
	struct host_port client, server;
	unsigned client_node;     /* 0 or 1 */
	uint64_t bytes[2];        /* reassembled, by node */
	uint64_t gaps, gap_bytes; /* not in the recording */
	uint64_t retransmissions; /* segments that brought nothing new, repeats left out */
	uint64_t out_of_order;    /* segments that came before their turn */
	bool has_syn;             /* the recording has its beginning */
	bool has_fin, has_rst;
	int64_t first, last; /* packets */
	struct dialog_message *messages;
	uint32_t n_messages;
	struct dialog_track *tracks;
	uint32_t n_tracks;
	struct dialog_event *events; /* messages, frames, its datagrams, ends; in order of time */
	size_t n_events;
	uint64_t frames_by_channel[256];
};

/* RTP packets of one flow, channel and SSRC. */
struct dialog_stream {
	bool is_tcp;
	struct host_port src, dst;
	int channel; /* -1: UDP */
	uint32_t ssrc;
	uint32_t connection; /* that announced it; DIALOG_NONE */
	uint32_t track;      /* in that connection */
	bool from_client;
	bool is_punch;                 /* not media (DIALOG_PUNCH) */
	struct ox_rtp_stream recorded; /* every packet of the file */
	struct ox_rtp_stream clean;    /* repeats of the recording left out: judge this one */
	uint64_t repeats;
};

/* RTCP packets, each one inside a compound, by packet type. */
struct dialog_rtcp {
	uint64_t compounds, bad;
	uint64_t by_type[256];
};

enum dialog_end { DIALOG_COMPLETE, DIALOG_TRUNCATED, DIALOG_DAMAGED, DIALOG_LIMIT };

struct dialog_file {
	char *name;   /* last part of the path */
	char *format; /* pcapfile_format */
	uint64_t bytes;
	char sha256[65];
	enum dialog_end end; /* how the file ended */
	char *end_why;       /* NULL when complete */
	uint64_t packets;
	int64_t first, last;          /* earliest and latest time */
	uint64_t time_goes_backwards; /* packets older than the one before */
	uint64_t truncated_packets;   /* by the snap length */
	int links[8];                 /* link types met, in order of first use */
	unsigned n_links;
	bool has_ipv4, has_ipv6;
	uint32_t tcp_streams, udp_streams; /* conversations */
	uint64_t fragments;                /* IP fragments */
	uint64_t fragments_lost;           /* that never became a datagram */
	uint64_t undecoded;                /* no IP, or damaged headers */
	uint64_t repeats;                  /* packets recorded before */
	double times_recorded;             /* packets per distinct packet: about 1, 2, 4 */
	uint64_t beyond_limits;
};

struct dialog {
	struct dialog_file file;
	struct dialog_connection *connections; /* that carry RTSP, in order of tcp_stream */
	uint32_t n_connections;
	struct dialog_stream **streams; /* in order of their first packet */
	uint32_t n_streams;
	struct dialog_rtcp rtcp_recorded, rtcp_clean;
	bool has_sip;    /* SDP over SIP announced the media */
	bool is_guessed; /* no signalling: streams were found by their looks */
	struct dialog_event
		*loose; /* media that no RTSP connection announced, in order of time; in a
				       file with RTSP only RTCP is known by its looks */
	size_t n_loose;
	struct dialog_store *store; /* memory behind the views */
};

/*
 * Reads a capture. 0; -errno; ERR_MISSING (empty), ERR_SYNTAX (not a capture), ERR_TRUNCATED (ends in
 * its header), ERR_UNSUPPORTED. A file that ends inside a packet is read up to there: 0, and
 * file.end says so. *why as in pcapfile_open. limits may be NULL.
 */
MUST_USE int dialog_read(
	const char *path, const struct dialog_limits *limits, struct dialog **out, char **why);
/* The same from a seekable stream, which it closes; `name` becomes file.name. */
MUST_USE int dialog_read_stream(FILE *f, const char *name, const struct dialog_limits *limits,
	struct dialog **out, char **why);
void dialog_free(struct dialog *d); /* NULL is fine */

/* The connection, of those with a PLAY or RECORD, else with a SETUP, else with any request, that
 * carried the most: what a replay without a choice takes. NULL when the file holds no request. */
const struct dialog_connection *dialog_main_connection(const struct dialog *d);

/* Gives event i of a connection as the oracle's analyser wants it. `epoch` is what ox_session_opts
 * got; times never fall (an older one is lifted to *last, which the caller keeps, from 0). */
struct ox_event dialog_oracle_event(
	const struct dialog_connection *c, size_t i, int64_t epoch, tick_t *last);

#endif
