/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_SESSION_H
#define SERVER_CORE_RTSP_SESSION_H

#include "server/core/rtp_stream.h"
#include "server/core/rtsp_txn.h"
#include "server/core/stats.h"
#include "server/core/tunnel.h"
#include "server/net/conn.h"

/*
 * A client's connection: reads requests and '$' frames, runs one request at a time through the phases,
 * sends the replies in order. Owns the interleaved channels. Ends by itself; on the worker's list.
 */
struct rtsp_session {
	struct task task;
	struct worker *w;
	struct conn conn;
	struct link all;   /* in worker->connections */
	struct link media; /* media sessions made over it, by on_conn */
	uint32_t n_media;
	enum rtsp_phase phase;
	struct rtsp_txn *txn;   /* NULL: reading */
	struct rtsp_txn *spare; /* the next one, while its message is not whole */
	struct rtsp_scan scan;  /* how far that has been looked at */
	struct tunnel_half half;
	bool txn_away;       /* it is with another worker */
	bool closing;        /* the last answer is queued */
	bool unframed;       /* the message at hand has no end that could be told */
	enum conn_end ended; /* why, once it is closing */
	bool draining;
	bool is_refused; /* one too many: it was told so */
	bool is_relayed; /* from another process, for one request of a client of its own (relay.h) */
	bool wants_room; /* media wait in their source for room in its output */
	tick_t close_by;
	tick_t last_request;
	uint64_t seen_out; /* bytes that had left when the last progress was seen, at */
	tick_t seen_out_at;
	tick_t begun; /* when the request that is being read began; 0 = none */
	uint64_t n_requests;
	uint64_t n_unread;    /* reads that met a full buffer or an error */
	uint8_t channels[32]; /* bit: taken */
};

enum conn_kind {
	KIND_CLIENT,
	KIND_REFUSED, /* one too many: answers 503 and closes */
	KIND_RELAYED, /* of a client of another process, for one request (relay.h) */
};
/* Takes the connection over; runs by itself from then on. NULL: the kernel would not have it, and it is
 * closed. */
struct rtsp_session *rtsp_session_new(
	struct worker *w, struct conn_parts *parts, enum conn_kind kind, tick_t now);
/* Ends it, after `answer` (may be empty), which has this status (0: none). */
void rtsp_session_end(
	struct rtsp_session *c, int status, struct bytes answer, enum conn_end why, tick_t now);
/* Frees it with the request that it waits for. Only when all loops have stopped and nobody is left who
 * could wake it. */
void rtsp_session_abandon(struct rtsp_session *c);
/* Where the modules' slots are. */
void *rtsp_session_slots(struct rtsp_session *c);
/* The worker's preferences are others now. */
void rtsp_session_prefs_changed(struct rtsp_session *c);
/* Its txn has come back from another worker (home's thread). */
void rtsp_session_txn_back(struct rtsp_session *c);

#endif
