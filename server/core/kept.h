/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_KEPT_H
#define SERVER_CORE_KEPT_H

#include <stdbool.h>

#include "server/media/source.h"

/*
 * Packets that were taken from the source and must not be sent yet: in decoding order a frame that is
 * shown at or after the end of a range comes before others that are shown within it. A PLAY that goes on
 * from there sends them first, so that nothing is lost or repeated.
 */
enum { KEPT_MAX = 1024 };

struct kept {
	struct packet *v;
	uint32_t n, cap;
	/* v[next .. old) were there when the range began: they are to be sent */
	uint32_t next, old;
	tick_t taken; /* when the last was: datagrams of that turn still point into its block */
};

/* False when there is no room; the packet's block is counted. */
bool kept_put(struct kept *h, const struct packet *p);
/* A new range begins where the last one has ended: what is held is to be sent. */
void kept_turn(struct kept *h, tick_t now);
/* A new range begins elsewhere. */
void kept_drop(struct kept *h, tick_t now);
/* The next one to be sent, or NULL. */
static inline const struct packet *kept_peek(const struct kept *h)
{
	return h->next < h->old ? &h->v[h->next] : NULL;
}
static inline void kept_take(struct kept *h, tick_t now)
{
	h->next++;
	h->taken = now;
}
void kept_clear(struct kept *h);

#endif
