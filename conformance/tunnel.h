/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TUNNEL_H
#define CONFORMANCE_TUNNEL_H

#include "server/base/buf.h"

/*
 * RTSP over HTTP as QuickTime has it: what the client receives comes as the endless body of a GET, what it
 * sends goes in base64 as the endless body of a POST; a cookie says that they belong together.
 */
enum { TUNNEL_COOKIE = 22, TUNNEL_HEAD_MAX = 8192 };

/* A new cookie, NUL included in the size. */
void tunnel_cookie(char cookie[TUNNEL_COOKIE + 1]);
/* The head of either half. cookie NULL: without one. */
MUST_USE int tunnel_head(
	struct buf *out, bool is_post, const char *path, const char *host, const char *cookie);
/*
 * The answer to the GET. Its length; ERR_MORE; ERR_SYNTAX: no HTTP, or no end in TUNNEL_HEAD_MAX bytes.
 * *status is its code; *is_tunnel: the body is called application/x-rtsp-tunnelled.
 */
MUST_USE int tunnel_answer(struct bytes in, unsigned *status, bool *is_tunnel);
/* base64 with padding. */
MUST_USE int tunnel_encode(struct buf *out, struct bytes b);

#endif
