/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_SESSION_PARTS_H
#define CONFORMANCE_ORACLE_OX_SESSION_PARTS_H

#include "conformance/oracle/ox_session.h"

/* The inside of the analyser: for ox_session*.c and tests only. */

enum {
	OX_MAX_TRACKS = 64,
	OX_MAX_CONNECTIONS = 64,
	OX_MAX_ASKED = 256,         /* requests that wait for an answer */
	OX_MAX_STREAMS = 8,         /* SSRCs per track */
	OX_PLAY_WINDOW = 8,         /* packets of a PLAY that are looked at for its first one */
	OX_MAX_SESSION_ID = 128,    /* longer ids are cut for comparing */
	OX_MAX_REQUEST = 256 * 1024 /* of a longer request only the beginning is kept */
};

/* A PLAY on one track: what the server said, and what came. */
struct ox_play {
	bool is_armed;             /* judged still outstanding */
	bool is_answered;          /* the reply was seen */
	bool is_fresh;             /* nothing was being played when it was asked for */
	bool has_seq, has_rtptime; /* RTP-Info named them */
	uint16_t seq;
	uint32_t rtptime;
	unsigned n; /* packets since */
	uint16_t first_seq;
	uint32_t first_rtptime; /* of the lowest number among the first OX_PLAY_WINDOW packets */
	uint32_t unit;          /* RTP time between two media units; 0: not known yet */
	uint32_t
		match_unit; /* the same from the packet that RTP-Info names: before it others may flow */
	bool has_match; /* the packet that RTP-Info names came */
	uint32_t match_rtptime;
};

/* A track and what only the analyser needs of it. */
struct ox_track_state {
	struct ox_track track; /* first: what users see */
	char session[OX_MAX_SESSION_ID];
	struct ox_play play;
	struct ox_payload payload;
	bool is_playing, was_played, is_torn_down, is_record;
	tick_t play_time, torn_down_time;
	tick_t first_rtcp_time; /* 0: none yet */
	tick_t rtp_since;       /* first packet of the playing that goes on */
	uint16_t rtp_src_port;
	uint8_t late_ticks; /* SRs in a row that copied the last packet's RTP time */
	bool told_no_sr;
	bool is_odd_speed; /* Scale or Speed other than 1 */
};

/* A request that waits for its answer. */
struct ox_asked {
	bool is_used, from_client;
	unsigned connection;
	tick_t time;
	uint64_t order;
	uint8_t *raw; /* owned */
	size_t n;
};

struct ox_connection {
	bool is_used;
	unsigned number;
	bool had_body;      /* the server's last message had a body or Content-Length */
	bool had_length;    /* ... Content-Length */
	bool after_message; /* its last unit was a message */
	bool said_close;    /* its last response said Connection: close */
	bool client_closed, server_closed, torn_down;
	uint64_t responses;
	bool has_server_cseq; /* requests of the server */
	uint64_t server_cseq;
};

struct ox_session {
	struct ox_session_opts opts;
	struct ox_findings fs;
	struct ox_session_counts counts;
	struct ox_asked asked[OX_MAX_ASKED];
	uint64_t orders;
	struct ox_connection connections[OX_MAX_CONNECTIONS];
	struct ox_track_state *tracks[OX_MAX_TRACKS]; /* owned */
	size_t n_tracks;
	uint8_t *sdp_text; /* owned; the views of *sdp look into it */
	struct ox_sdp *sdp;
	bool is_sdp_known; /* from before ox_session_begin: its text is not judged yet */
	/* older descriptions that tracks may still point into; owned */
	uint8_t *old_texts[OX_MAX_TRACKS];
	struct ox_sdp *old_sdps[OX_MAX_TRACKS];
	size_t n_old;
	char base[1024];
	char publics[512]; /* all that Public ever named */
	bool has_public;
	uint32_t worked; /* bit per known method that got a 2xx */
	tick_t now;
	bool is_ended;
};

/* ox_session_rtsp.c */
void ox_session_message(struct ox_session *s, const struct ox_event *e);
struct ox_connection *ox_session_connection(struct ox_session *s, unsigned number);
void ox_session_public_end(struct ox_session *s);

/* ox_session_setup.c: what a successful exchange changes */
void ox_session_asked(struct ox_session *s, const struct ox_message *q);
void ox_session_answered(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r);

/* ox_session_media.c */
void ox_session_frame(struct ox_session *s, const struct ox_event *e);
void ox_session_datagram(struct ox_session *s, const struct ox_event *e);
/* Judges RTP-Info of a track with what has come so far, and disarms. */
void ox_play_judge(struct ox_session *s, struct ox_track_state *t);
void ox_session_media_end(struct ox_session *s);

#endif
