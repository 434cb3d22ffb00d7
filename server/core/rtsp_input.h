/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_INPUT_H
#define SERVER_CORE_RTSP_INPUT_H

#include <stdbool.h>

#include "server/base/tick.h"

/*
 * What a client says over its connection: requests, '$' frames, stray answers, and, as the very first, HTTP of
 * a tunnel's half.
 */
struct rtsp_session;

/* Takes the next thing off the input and deals with it; a request becomes c->txn. False: nothing whole is
 * there (c->begun: since when). */
bool rtsp_session_read_next(struct rtsp_session *c, tick_t now);

#endif
