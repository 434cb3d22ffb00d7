/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_END_H
#define SERVER_CORE_RTSP_END_H

#include "server/base/bytes.h"
#include "server/base/tick.h"
#include "server/core/stats.h"

/*
 * How a client's connection comes to its end: the steps from one of its states to the next (rtsp_session.h),
 * and the clocks that end it:
 *
 *   its TLS handshake is under way           tls_handshake_timeout    END_TLS
 *   nothing of what waits for it leaves      blocked_timeout          END_BLOCKED, reset
 *   half a request, and nothing plays        request_timeout          END_SLOW, after 408
 *   no request yet                           first_request_timeout    END_SILENT
 *   no request, no session over it           real_rtsp_timeout        END_IDLE
 *   the same, and this process is leaving    five seconds             END_SHUTDOWN
 *
 * The last four do not run while a request is at hand; of a waiting half of a tunnel only its own does
 * (tunnel.h).
 */
struct rtsp_session;

/* Ends it, after `answer` (may be empty), which has this status (0: none). Nothing but the answer is said if it
 * is ending already. */
void rtsp_session_end(
	struct rtsp_session *c, int status, struct bytes answer, enum conn_end why, tick_t now);
/* The same with a reply that names no CSeq and asks to close: "503 Service Unavailable", or more lines. */
void rtsp_session_end_saying(
	struct rtsp_session *c, int status, struct bytes line, enum conn_end why, tick_t now);
/* The server drains: no other request is read. */
void rtsp_session_leave(struct rtsp_session *c);
/* A reply has been queued: was it the last? */
void rtsp_session_replied(struct rtsp_session *c, bool close, tick_t now);
/* Looks at its clocks; now and then. */
void rtsp_session_check(struct rtsp_session *c, tick_t now);
/* At the end of a turn, with `more` when there is more to do at once: goes on to the next state if it is time.
 * When to run next, as task_ops.run says it. */
tick_t rtsp_session_next(struct rtsp_session *c, bool more, tick_t now);

#endif
