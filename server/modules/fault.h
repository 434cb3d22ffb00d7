/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_FAULT_H
#define SERVER_MODULES_FAULT_H

#include <stdio.h>

#include "server/core/module.h"

/*
 * Deliberate faults: a bad server on demand, to prove the conformance suite (each row names the clause
 * it breaks), to calibrate the load generator (rows without a clause), and to test clients.
 * They act at three seams: the serialised reply, the packet on its way out, the write of a connection.
 */
enum fault_seam { SEAM_REPLY, SEAM_PACKET, SEAM_CONNECTION };

/* id, name, seam, clause ("-": none), default value (0: takes none), text */
#define FAULT_TABLE(X)                                                                     \
	X(CSEQ_DROP, "cseq-drop", SEAM_REPLY, "RTSP-12.17-01", 0, "replies without CSeq")  \
	X(CSEQ_SHIFT, "cseq-shift", SEAM_REPLY, "RTSP-12.17-03", 0,                        \
		"replies whose CSeq is one too high")                                      \
	X(STATUS_461_400, "status-461-400", SEAM_REPLY, "RTSP-11.3.12-01", 0,              \
		"400 where 461 is right")                                                  \
	X(STATUS_454_200, "status-454-200", SEAM_REPLY, "RTSP-11.3.5-01", 0,               \
		"200 for a session that does not exist")                                   \
	X(PUBLIC_DROP, "public-drop", SEAM_REPLY, "RTSP-1.5-03", 0,                        \
		"OPTIONS answered without Public")                                         \
	X(CONTENT_LENGTH_OFF, "content-length-off", SEAM_REPLY, "RTSP-4.4-02", 0,          \
		"Content-Length two bytes too small")                                      \
	X(TIMESTAMP_DROP, "timestamp-drop", SEAM_REPLY, "RTSP-12.38-01", 0,                \
		"Timestamp is not echoed")                                                 \
	X(SESSION_DROP, "session-drop", SEAM_REPLY, "RTSP-10.4-05", 0,                     \
		"SETUP answered without Session")                                          \
	X(RTPINFO_SEQ, "rtpinfo-seq", SEAM_REPLY, "RTSP-12.33-04", 0,                      \
		"RTP-Info's seq is off by one")                                            \
	X(RTPINFO_RTPTIME, "rtpinfo-rtptime", SEAM_REPLY, "RTSP-12.33-05", 0,              \
		"RTP-Info's rtptime is off by 90000")                                      \
	X(RANGE_END, "range-end", SEAM_REPLY, "RTSP-10.5-08", 0,                           \
		"PLAY's Range ends hours beyond the presentation")                         \
	X(SDP_GRAMMAR, "sdp-grammar", SEAM_REPLY, "SDP-9-01", 0,                           \
		"descriptions with a line of an unknown type")                             \
	X(SSRC_CHANGE, "ssrc-change", SEAM_PACKET, "RTSP-B-05", 20,                        \
		"a new SSRC after N packets of a stream")                                  \
	X(SR_DROP, "sr-drop", SEAM_PACKET, "RTP-6.4-01", 0,                                \
		"receiver reports where sender reports are due")                           \
	X(SR_NTP, "sr-ntp", SEAM_PACKET, "RTP-5.1-12", 0,                                  \
		"NTP time of sender reports runs an eighth too fast")                      \
	X(BYE_DROP, "bye-drop", SEAM_PACKET, "RTP-6.3.7-01", 0, "streams end without BYE") \
	X(LOSS, "loss", SEAM_PACKET, "RTP-5.1-09", 100, "every Nth packet is dropped")     \
	X(REORDER, "reorder", SEAM_PACKET, "RTP-5.1-09", 50,                               \
		"every Nth packet changes places with the next")                           \
	X(JITTER, "jitter", SEAM_PACKET, "-", 20,                                          \
		"packets held back by 0 to N ms at random, order kept")                    \
	X(STALL, "stall", SEAM_PACKET, "-", 1000,                                          \
		"3 s after its first packet a session pauses for N ms, then catches up")   \
	X(REPLY_DELAY, "reply-delay", SEAM_REPLY, "-", 20, "replies N ms late")            \
	X(TRICKLE, "trickle", SEAM_CONNECTION, "-", 7, "connections write N bytes at a time")

#define FAULT_ENUM(id, name, seam, clause, value, text) FAULT_##id,
enum fault_id { FAULT_TABLE(FAULT_ENUM) FAULT_COUNT };
#undef FAULT_ENUM

struct fault_row {
	const char *name;
	enum fault_seam seam;
	const char *clause;
	int64_t value;
	const char *text;
};
extern const struct fault_row fault_rows[FAULT_COUNT];

/* Which are on, with their values. Immutable after init. */
struct faults {
	uint64_t seed;
	bool any_reply, any_packet;
	int64_t on[FAULT_COUNT]; /* 0 = off; else the value, or 1 */
};

/* Reads "NAME" or "NAME=V". 0; ERR_NOT_FOUND, ERR_RANGE with one line in `why` (PREFS_WHY bytes). */
MUST_USE int faults_add(struct faults *f, const char *spec, char *why);
/* The table as TSV: name, clause, seam, text. */
void faults_list(FILE *out);

/* ---- the reply seam (fault_reply.c) ---- */
void fault_reply_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply);

/* ---- the packet seam (fault_packet.c) ---- */
/* Puts itself before *s, for the life of the stream. */
void fault_packet_wrap(const struct faults *f, struct rtp_stream *st, struct sender *s);

#endif
