/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_MEDIA_H
#define CONFORMANCE_MEDIA_H

#include "conformance/oracle/ox_fields.h"
#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"

/*
 * What arrived on the streams of one case, packet by packet, so that rules can look at any part of
 * it: since the last PLAY, after a PAUSE, in the last second. Judges nothing itself (rules.h does).
 */
enum { MEDIA_STREAMS = 8, MEDIA_PACKETS_MAX = 200000, MEDIA_REPORTS_MAX = 20000 };

struct media_packet {
	tick_t at;
	uint32_t ssrc, rtptime;
	uint16_t seq, n, src_port; /* n: length; src_port 0 on TCP */
	uint8_t pt;
	bool marker, is_bad; /* is_bad: not RTP; nothing but at and n is known */
};

/* One RTCP compound. */
struct media_report {
	tick_t at;
	uint32_t ssrc; /* of its first packet */
	uint64_t ntp;
	uint32_t rtptime, packets, octets; /* of its SR */
	uint32_t bye_ssrc;
	uint16_t src_port;
	bool has_sr, has_cname, has_bye, is_bad;
	size_t packets_before; /* of the stream, when it came */
	char cname[64];
};

struct media_stream {
	char *url; /* track URL; owned */
	uint32_t clock_hz;
	const struct ox_media *media; /* borrowed: of the description */
	bool is_set_up;
	struct ox_transport transport; /* of the SETUP reply; its views are not valid any more */
	struct media_packet *packets;
	size_t n_packets, cap_packets;
	struct media_report *reports;
	size_t n_reports, cap_reports;
	/* where the last PLAY, PAUSE or TEARDOWN stands in the arrays: when its request was sent */
	size_t play_packet, play_report, stop_packet;
	size_t gather_packet, gather_report; /* first ones of the running gather */
	bool has_info;                       /* RTP-Info of the last PLAY names this stream */
	struct ox_rtp_info info;             /* its url view is not valid any more */
	char info_url[512];
};

struct media {
	struct media_stream v[MEDIA_STREAMS];
	size_t n; /* tracks that the description has (at most MEDIA_STREAMS) */
	uint64_t stray_datagrams, dropped;
	tick_t play_sent, play_reply, stop_reply; /* 0: not yet */
	bool has_range;                           /* Range of the last PLAY reply */
	struct ox_range range;                    /* without views */
};

void media_init(struct media *m);
void media_clear(struct media *m);
/* Stream of that track URL (as a client compares them), or -1. */
int media_find(const struct media *m, struct bytes url);
void media_add_rtp(struct media *m, size_t stream, struct bytes b, uint16_t src_port, tick_t now);
void media_add_rtcp(struct media *m, size_t stream, struct bytes b, uint16_t src_port, tick_t now);
/* A PLAY request leaves: what comes from here on belongs to it. */
void media_mark_play(struct media *m, tick_t now);
/* A PAUSE or TEARDOWN was answered. */
void media_mark_stop(struct media *m, tick_t now);
void media_mark_gather(struct media *m);

#endif
