/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_ADMISSION_H
#define SERVER_CORE_ADMISSION_H

#include "server/core/rtp_session.h"
#include "server/core/rtsp_txn.h"

/*
 * What SETUP and PLAY may take of the server: sessions and bandwidth, of all workers together, of one
 * connection, of one address. What is taken is taken at once, so that no two workers overshoot together.
 * Every refusal is counted.
 */
struct server;

/* Taken, and not yet a session's. */
struct admission {
	uint32_t peer;
	uint64_t bps;
};

/* A new session with a first stream of this rate: 0 and *a, or 453. */
MUST_USE int admission_take(struct rtsp_txn *t, uint64_t bps, tick_t now, struct admission *a);
/* It comes to nothing. */
void admission_drop(struct rtsp_txn *t, const struct admission *a, tick_t now);
/* It is this session's from now on. */
void admission_give(struct rtp_session *s, const struct admission *a);

/* One more stream: 0 or 453; and back. */
MUST_USE int admission_add(struct rtp_session *s, uint64_t bps);
void admission_remove(struct rtp_session *s, uint64_t bps);
/* For a Speed, beside that: replaces what it has. False: there is no room, nothing has changed. */
bool admission_set_speed(struct rtp_session *s, uint64_t bps);

/* It plays, for the first time or again. */
void admission_played(struct rtp_session *s);
/* Gives back all that it has. */
void admission_end(struct rtp_session *s, tick_t now);

#endif
