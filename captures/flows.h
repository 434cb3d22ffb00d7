/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_FLOWS_H
#define CAPTURES_FLOWS_H

#include "captures/dialog.h"
#include "captures/ippacket.h"
#include "captures/pcapfile.h"
#include "captures/reasm.h"
#include "server/base/arena.h"

/*
 * Packets of a file sorted into TCP connections (reassembled) and UDP flows (datagrams in order of
 * the file). Knows no RTSP but its first bytes: a connection in which nothing begins like an RTSP
 * message keeps only a little of its end, a datagram that can be neither RTP, RTCP, hole punch nor SIP
 * is counted only.
 */

/* Where a delivered piece of a direction came from. */
struct tcp_mark {
	uint64_t off; /* of its first byte in the direction */
	int64_t at;
	uint64_t frame_no;
};
struct tcp_gap {
	uint64_t off, n; /* bytes [off, off + n) were never recorded */
};
struct tcp_side {
	struct reasm reasm;
	struct tcp_stream *stream;
	uint8_t *p; /* the bytes from `base` on, gaps left out */
	size_t n, cap;
	uint64_t base;          /* kept bytes begin here, counted in delivered bytes */
	uint64_t bytes;         /* delivered in all */
	struct tcp_mark *marks; /* off counts delivered bytes */
	size_t n_marks, marks_cap;
	struct tcp_gap *gaps; /* off counts delivered bytes */
	size_t n_gaps, gaps_cap;
	uint64_t n_gap_bytes;
	uint64_t repeats; /* segments that were recorded before */
	bool has_syn, has_fin, has_rst;
	uint32_t first_seq; /* less one when there was no SYN */
	bool has_first_seq;
	int64_t end_at; /* of FIN or RST */
	uint64_t end_frame;
};
struct tcp_stream {
	struct flows *flows;
	uint32_t no;
	struct host_port node[2]; /* [0] sent the first packet */
	struct tcp_side side[2];
	bool is_rtsp; /* something in it begins like RTSP */
	int64_t first, last;
	struct tcp_stream *next; /* in its hash chain; the newest of a pair of ends comes first */
};

struct udp_flow {
	uint32_t no;
	struct host_port node[2];
	struct udp_flow *next;
};
enum repeat { REPEAT_NO, REPEAT_MAYBE, REPEAT_YES };
struct udp_datagram {
	struct udp_flow *flow;
	uint8_t from;   /* node */
	uint8_t repeat; /* enum repeat */
	bool was_maybe;
	bool is_cut;
	int64_t at;
	uint64_t frame_no;
	struct bytes b;
};

/* Packets seen a moment ago, to know a repeat of the recording. */
enum { RECENT = 1024, RECENT_BUCKETS = 2048, FLOW_BUCKETS = 16384 };
struct recent {
	uint64_t hash;
	int64_t at;
	uint16_t next; /* in its bucket, 1-based */
};

struct flows {
	struct dialog_limits limits;
	struct arena arena; /* datagrams */
	uint64_t kept;      /* bytes */
	uint64_t beyond_limits;
	struct tcp_stream **tcp;
	uint32_t n_tcp;
	size_t tcp_cap;
	struct udp_flow **udp;
	uint32_t n_udp;
	size_t udp_cap;
	struct udp_datagram *datagrams;
	size_t n_datagrams, datagrams_cap;
	struct tcp_stream *tcp_chain[FLOW_BUCKETS];
	struct udp_flow *udp_chain[FLOW_BUCKETS];
	struct ip_reassembly fragments;
	struct recent recent[RECENT];
	uint16_t recent_chain[RECENT_BUCKETS];
	uint64_t n_recent;
	uint64_t packets, sure, sure_repeats; /* sure: packets whose identity is beyond doubt */
	uint64_t n_fragments, undecoded;
	bool has_ipv4, has_ipv6;
	bool has_sip;
};

struct flows *flows_new(const struct dialog_limits *limits);
void flows_free(struct flows *f);
void flows_add(struct flows *f, const struct pcap_frame *frame);
/* No more packets: gives what waits for its turn, settles what is a repeat. */
void flows_end(struct flows *f);
/* Packets per distinct packet, 1 when nothing was recorded twice. */
double flows_times_recorded(const struct flows *f);

/* Does this begin like an RTSP message? (a method of capitals, a URL or '*', "RTSP/"; or "RTSP/") */
bool rtsp_is_begin(struct bytes b);
/* Does this look like SIP? */
bool sip_is_begin(struct bytes b);

#endif
