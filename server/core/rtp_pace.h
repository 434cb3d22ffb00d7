/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTP_PACE_H
#define SERVER_CORE_RTP_PACE_H

#include <stdbool.h>

#include "server/core/ahead.h"

/*
 * Where a media session follows its client's pace instead of the clock: stored media run ahead of real
 * time (ahead.h) as long as the connection takes them, wait in the source while it doesn't, and go on
 * without what has become too late (thin.h). Live media and UDP without a preference for it know none
 * of this: what is due leaves, and what the connection cannot hold is dropped by it.
 *
 * PAUSE while ahead: the pause point is the first packet that has not left, and PLAY without a Range goes
 * on with it, at once, as far ahead as before: the client has kept what came before, since TCP loses
 * nothing. So nothing is lost or repeated (2326 10.6); players ask like this (ffmpeg, GStreamer and
 * those built on them send the PLAY after a PAUSE without a Range). PLAY with a Range is a seek: the
 * client throws away what it has, so the window begins anew.
 */

struct rtp_session;
struct packet;

struct rtp_pace {
	struct ahead ahead;
	tick_t held;     /* what the client had in its buffer when it paused */
	tick_t begin;    /* no packet of this play is due before */
	tick_t reached;  /* when the last one was due */
	bool is_full;    /* this turn: the connection takes no more */
	bool is_pressed; /* it took no more, and that has not been made up for yet */
};

enum rtp_pace_how {
	RTP_PACE_ANEW,   /* after a seek: what the client has is of no more use */
	RTP_PACE_RESUME, /* where it stopped: what the client has is shown first */
	RTP_PACE_ON      /* the range before has left and is followed without a gap */
};
/* A stretch begins on s->line; its deliver may become later by what the client has still to show. */
void rtp_pace_begin(struct rtp_session *s, enum rtp_pace_how how);
/* Delivery stops at `npt`; s->line still is that of the play. */
void rtp_pace_end(struct rtp_session *s, tick_t npt, tick_t now);
/* Brings s->line.ahead up to date; before each use of s->line for sending. */
void rtp_pace_turn(struct rtp_session *s, tick_t now);
/* When the packet due at `npt` may leave. */
tick_t rtp_pace_leave(const struct rtp_session *s, tick_t npt, tick_t now);
/* Does the connection take another packet? False: come back at *wake or on a signal. Otherwise *until,
 * the NPT up to which packets may leave, may become less. */
bool rtp_pace_has_room(struct rtp_session *s, tick_t *until, tick_t *wake, tick_t now);
/* Nothing more to send this turn: all that may leave has left, or the medium has nothing to give. If that
 * was not the connection's fault, what comes next is not late by the client's. */
void rtp_pace_caught_up(struct rtp_session *s);
/* Sends the packet, unless its client is too slow for it. */
void rtp_pace_send(struct rtp_session *s, const struct packet *p, tick_t now);

#endif
