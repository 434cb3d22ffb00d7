/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_DOOR_H
#define CONFORMANCE_DOOR_H

#include "conformance/tunnel.h"
#include "conformance/wire.h"

/* The ways into a target, and what a connection through one of them consists of. */
struct door {
	bool tls, tunnel;
	bool post_first; /* tunnel: the POST comes before the GET */
	bool no_cookie;  /* tunnel: nothing says that the halves belong together */
	bool refused;    /* the case hopes that it stays shut */
	bool digest; /* requests over it carry the target's credentials once it has asked for them */
	unsigned split; /* tunnel: so many characters of base64 at a time; 0: as they come */
};

/* Where the doors of a target are. */
struct door_places {
	struct sockaddr_storage plain, tls;
	socklen_t plain_n, tls_n; /* tls_n 0: it has none */
	const char *host, *path;  /* for SNI and for the tunnel's heads; borrowed */
	struct ssl_ctx_st *ctx;   /* made when first needed; whoever owns the places frees it */
};

/* The wires of one connection: a plain one has only `main`; a tunnel receives on it and sends on `post`. */
struct door_wires {
	struct wire main, post;
	struct wire left; /* a POST before that one, which was not closed */
	char cookie[TUNNEL_COOKIE + 1];
	unsigned split;
	bool is_tls, is_tunnel;
	struct buf early; /* came behind the answer to the GET */
};
enum { DOOR_EARLY_MAX = 65536 };

/* Opens all of it. 0; -errno; ERR_TIMEOUT; ERR_SYNTAX (no HTTP); ERR_UNSUPPORTED (the tunnel was
 * refused; *status is what HTTP said); ERR_STATE (it has no such door). */
MUST_USE int door_open(struct door_wires *w, struct door_places *at, const struct door *d,
	tick_t wait, unsigned *status);
/* Its POST is no longer its own, and stays open until the end. One at a time: the one before is closed. */
void door_leave_post(struct door_wires *w);
/* A new POST with the cookie of before; an open one is closed first. 0 or as above. */
MUST_USE int door_repost(struct door_wires *w, struct door_places *at, tick_t wait);
/* What is sent as it goes over the wire: encoded for a tunnel. */
MUST_USE int door_encode(const struct door_wires *w, struct bytes b, struct buf *out);
static inline struct wire *door_out(struct door_wires *w)
{
	return w->is_tunnel ? &w->post : &w->main;
}
void door_close(struct door_wires *w, bool hard);

#endif
