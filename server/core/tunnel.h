/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_TUNNEL_H
#define SERVER_CORE_TUNNEL_H

#include "server/base/list.h"
#include "server/base/tick.h"
#include "server/net/loop.h"
#include "server/wire/http.h"

/*
 * RTSP over HTTP, as QuickTime made it: one connection of RTSP out of two of TCP. What the server says
 * is the endless answer to a GET; what the client says is the endless body of a POST, in base64. Both
 * name the tunnel by a cookie, and either may come first. The first request of a connection shows that
 * it is a half. It goes with all it has to the worker that the cookie's hash names, where both meet;
 * there it waits in the worker's table, or joins. From then on the GET's rtsp_session is the
 * connection, and nothing but conn (and this file) knows of the tunnel. Its POST may end and be
 * replaced by another at any time; the tunnel ends with its GET.
 */
struct rtsp_session;
struct tunnel;
struct worker;

/* A connection's part in a tunnel. All zeroes: none. */
struct tunnel_half {
	struct tunnel *tunnel;
	bool is_post;      /* this one is the POST, and waits */
	bool has_post;     /* a POST's connection is part of this one, and counted */
	uint32_t post_tag; /* of that */
	bool moved; /* its connection lives on elsewhere: nothing ends with this rtsp_session */
	bool cut;   /* the POST has gone: what is not whole in the input never will be */
	bool bad;   /* its base64 was broken */
	bool waits; /* for its partner, since then: */
	tick_t since, told; /* told: when other processes last heard of it */
	struct link queue;  /* in worker->halves, while it waits */
	bool is_far;        /* it is a POST whose GET another process has (tunnel_far.h), over: */
	int far;
	struct watch far_watch;
};

/* c's first request is this half. Keeps it waiting, joins it to its partner, refuses it, or has it moved to
 * another worker (then c's connection is closed, and `moved`). */
void tunnel_begin(struct rtsp_session *c, const struct http_half *h, tick_t now);
/* It is HTTP, but no half: answers this status and closes. */
void tunnel_refuse(struct rtsp_session *c, int status, tick_t now);
/* Waits c for its other half? Then nobody reads its input. */
bool tunnel_is_waiting(const struct rtsp_session *c);
/* Has it read enough of what is to be read when it has met its partner? */
bool tunnel_is_full(const struct rtsp_session *c);
/* conn_read has answered `err` (< 0) for c. */
void tunnel_on_read(struct rtsp_session *c, int err);
/* At the end of c's turn. `is_idle`: no request is at hand, and nothing whole is left in the input; then
 * what a POST that has gone has left is dropped, and one that has come joins. True: there is more to do. */
bool tunnel_run(struct rtsp_session *c, bool is_idle, tick_t now);
/* Once a second: ends a half whose partner has not come. */
void tunnel_check(struct rtsp_session *c, tick_t now);
/* c begins to close: out of the table. May be called again. */
void tunnel_leave(struct rtsp_session *c);

#endif
