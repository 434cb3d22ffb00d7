/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_METHODS_H
#define SERVER_CORE_RTSP_METHODS_H

#include "server/core/rtsp_txn.h"

/* What a method answers with, and what it needs. */
enum { METHOD_NO_SESSION, METHOD_MAY_SESSION, METHOD_NEEDS_SESSION };

struct rtsp_method_row {
	/* MOD-like: true = replied; false = call again after a signal. */
	bool (*run)(struct rtsp_txn *t, tick_t now);
	uint8_t session; /* METHOD_… */
	bool star;       /* may address "*" */
};
/* NULL: not supported here (501). */
const struct rtsp_method_row *rtsp_method_row(enum rtsp_method m);
/* "OPTIONS, DESCRIBE, …" */
const char *rtsp_public(void);
/* 455 with the Allow of the session's state. */
void rtsp_answer_state(struct rtsp_txn *t, tick_t now);

/* The track that a path names in this session, MATCH_AGGREGATE, or MATCH_NONE. */
enum { MATCH_NONE = -1, MATCH_AGGREGATE = -2 };
int rtsp_match_path(const struct rtp_session *s, const char *path);
/*
 * May an aggregate method go on for the request's path? 0, or the status: 404 (not this session's), 460
 * (one track of several).
 */
int rtsp_check_aggregate(const struct rtsp_txn *t);

bool rtsp_do_describe(struct rtsp_txn *t, tick_t now); /* rtsp_describe.c */
/* Names the version of a description in a line of the session's own, before its first medium (C.1.8).
 * ERR_LIMIT: there is no room. */
MUST_USE int rtsp_put_etag(struct buf *sdp);
/* Is the description of this source one that If-Match names (12.22)? Without the header: yes. */
bool rtsp_is_current(struct rtsp_txn *t, struct source *source);
bool rtsp_do_setup(struct rtsp_txn *t, tick_t now); /* rtsp_setup.c */
bool rtsp_do_play(struct rtsp_txn *t, tick_t now);  /* rtsp_play.c */
bool rtsp_do_pause(struct rtsp_txn *t, tick_t now);

/*
 * Opens the medium at path: 0 (t->source), ERR_AGAIN (call again after a signal), or why not.
 */
int rtsp_open(struct rtsp_txn *t, const char *path);
/* RTSP status for a failed rtsp_open. */
int rtsp_open_status(int err);

#endif
