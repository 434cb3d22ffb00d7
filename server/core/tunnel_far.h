/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TUNNEL_FAR_H
#define SERVER_CORE_TUNNEL_FAR_H

#include "server/core/tunnel.h"
#include "server/net/sock.h"

/*
 * Tunnels whose halves are with different processes: one that has handed its listeners over, and its successors
 * (a POST that is opened again after a take-over, or two halves that came just then). A GET stays where it
 * is; its POST is forwarded to it:
 *
 *   POST here, no GET   SEEK to all, again every second while it waits   ("a POST of this cookie waits here")
 *   GET here, no POST   WANT to all                                      ("its GET is here")
 *   SEEK, and its GET is here    WANT to who seeks
 *   WANT, and its POST waits     POST, with one end of a socket pair
 *   SEEK of a stranger           REFUSE to who seeks: his POST hears 403, and holds the cookie there no more
 *
 * Each is in its table before it speaks, so whichever is later finds the other. What comes over a forwarded POST
 * (and what is answered to it) is copied by the process that has the connection, out of TLS if need be, as
 * it is: base64 is the other's business. Bounded by maximum_forwarded_posts per worker; more are 503.
 */
struct relay_route;
struct worker;

enum tunnel_news { TUNNEL_SEEK, TUNNEL_WANT, TUNNEL_POST_COMES, TUNNEL_REFUSE, TUNNEL_NEWS };

struct tunnel_word {
	uint8_t news;
	bool to_all;      /* else to the process of generation `to` */
	bool is_secure;   /* the half is over TLS */
	uint8_t from, to; /* generations */
	uint8_t cookie_n;
	char cookie[HTTP_COOKIE_MAX];
	struct addr peer, local; /* of the half that speaks; of TUNNEL_REFUSE: that is meant */
};

/* Its half has begun to wait (or waits still): the others are told. */
void tunnel_far_tell(struct rtsp_session *c, tick_t now);
/* At the worker of the cookie. fd: of TUNNEL_POST_COMES, counted here already. */
void tunnel_far_hear(struct worker *w, const struct tunnel_word *word, int fd, tick_t now);
/* Copies what there is, both ways. */
void tunnel_far_run(struct rtsp_session *c, tick_t now);
/* May c not close yet, though its client has finished? What it said has not left. */
bool tunnel_far_holds(const struct rtsp_session *c);
/* c begins to close. May be called again. */
void tunnel_far_leave(struct rtsp_session *c);

#endif
