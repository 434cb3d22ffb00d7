/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_CONN_OWN_H
#define SERVER_NET_CONN_OWN_H

#include "server/net/conn.h"

/* What conn.c, conn_out.c and conn_tunnel.c share, and nobody else uses. */

enum { CONN_UNIT_MAX = 65536 };

static inline int conn_fail(struct conn *c, int err)
{
	c->io.broken = true;
	return err;
}
/* They hold nothing: what was in them was moved elsewhere, or there was nothing yet. */
void conn_parts_forget(struct conn_parts *parts);
/* Room in `in` for one read, *space octets of it; NULL: it is full. */
uint8_t *conn_in_room(struct conn *c, size_t *space);
/* Sets what the pipes are watched for. */
void conn_arm(struct conn *c);
/* The loop's flush phase. */
void conn_on_flush(struct flush *f, tick_t now);
/* Copies the frames of this turn into the queue, to which they are next. */
void conn_keep_frames(struct conn *c);

/* Bytes that came over the POST and were decoded into c->io.in; 0; ERR_LIMIT: `in` is full. Its end is
 * noted in c->io.post_end. */
int conn_read_post(struct conn *c);
/* Throws away what comes over the GET; sees its end. */
int conn_read_get(struct conn *c);

#endif
