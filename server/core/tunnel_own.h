/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TUNNEL_OWN_H
#define SERVER_CORE_TUNNEL_OWN_H

#include <uthash.h>

#include "server/core/rtsp_session.h"

/* What tunnel.c and tunnel_far.c share, and nobody else uses. */

struct tunnel {
	UT_hash_handle hh;
	struct rtsp_session *get;  /* NULL: only its POST has come */
	struct rtsp_session *post; /* the one that waits; NULL: none */
	uint8_t cookie_n;
	char cookie[HTTP_COOKIE_MAX];
};

/* In w's table, or NULL. */
struct tunnel *tunnel_find(struct worker *w, const char *cookie, size_t n);
/* The worker where the halves of that cookie meet. */
struct worker *tunnel_worker(struct server *s, const char *cookie, size_t n);
/* c, whose worker is that of the cookie, waits, or joins its partner, or is refused. */
void tunnel_enter(struct rtsp_session *c, const struct http_half *h, tick_t now);
/* Answers this status in HTTP, and closes. */
void tunnel_end_half(struct rtsp_session *c, int status, enum conn_end why, tick_t now);

#endif
