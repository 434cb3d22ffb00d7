/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_SESSION_H
#define SERVER_CORE_RTSP_SESSION_H

#include "server/core/rtp_stream.h"
#include "server/core/rtsp_txn.h"
#include "server/core/stats.h"
#include "server/core/tunnel.h"
#include "server/net/conn.h"

/*
 * A client's connection: reads requests and '$' frames (rtsp_input.h), runs one request at a time through the
 * phases, sends the replies in order, ends by itself (rtsp_end.h). Owns the interleaved channels. On the
 * worker's list.
 *
 *   state     what it does                           what comes next
 *   SERVING   reads and answers; its clocks run      EV_KILL: LEAVING; a reason to end: CLOSING
 *   LEAVING   answers the request at hand, reads     no request is at hand, or another reason to end:
 *             no other                               CLOSING
 *   CLOSING   the last answer leaves; what comes     it has left and the client has closed, or a second
 *             in is thrown away                      has passed: CLOSED
 *   CLOSED    nothing: its descriptor has gone       its request, which may be with another worker, is at
 *                                                    home and answered: freed
 *
 * From each state it goes to CLOSED at once when its connection breaks, or moves elsewhere as half of a
 * tunnel. Reasons are enum conn_end; the first one counts.
 */
enum conn_state { CONN_SERVING, CONN_LEAVING, CONN_CLOSING, CONN_CLOSED };

enum conn_kind {
	KIND_CLIENT,
	KIND_REFUSED, /* one too many: answers 503 and closes */
	KIND_RELAYED, /* of a client of another process, for one request (relay.h) */
};

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
	enum conn_kind kind;
	enum conn_state state;
	enum conn_end ended; /* why, from CLOSING on; END_NONE: not yet, or it has moved */
	tick_t close_by;     /* CLOSING */
	bool txn_away;       /* it is with another worker */
	bool unframed;       /* the message at hand has no end that could be told */
	bool wants_room;     /* media wait in their source for room in its output */
	tick_t last_request;
	uint64_t seen_out; /* bytes that had left when the last progress was seen, at */
	tick_t seen_out_at;
	tick_t begun; /* when the request that is being read began; 0 = none */
	uint64_t n_requests;
	uint64_t n_unread;    /* reads that met a full buffer or an error */
	uint8_t channels[32]; /* bit: taken */
};

/* Takes the connection over; runs by itself from then on. NULL: the kernel would not have it, and it is
 * closed. */
struct rtsp_session *rtsp_session_new(
	struct worker *w, struct conn_parts *parts, enum conn_kind kind, tick_t now);
/* A new one of KIND_REFUSED: 503, and the end. */
void rtsp_session_refuse(struct rtsp_session *c, int64_t retry_after_s, tick_t now);
/* Frees it with the request that it waits for. Only when all loops have stopped and nobody is left who
 * could wake it. */
void rtsp_session_abandon(struct rtsp_session *c);
/* Where the modules' slots are. */
void *rtsp_session_slots(struct rtsp_session *c);
/* The worker's preferences are others now. */
void rtsp_session_prefs_changed(struct rtsp_session *c);
/* Does more wait for this client than it seems to want to read? Then no other request of it is begun. */
bool rtsp_session_is_choked(const struct rtsp_session *c);
/* Its txn has come back from another worker (home's thread). */
void rtsp_session_txn_back(struct rtsp_session *c);

#endif
