/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_BUILD_H
#define CAPTURES_BUILD_H

#include "captures/dialog.h"
#include "captures/flows.h"

/* How a dialog is made from flows; used by dialog.c only. */
struct dialog_store {
	struct flows *flows;
	struct dialog_limits limits;
	uint32_t n_messages;
	struct media_table *media;
};

/* Reads a TCP stream as RTSP into *c: events (without datagrams), messages, pairs, tracks. False: it
 * carries none; *c is then untouched. */
MUST_USE bool talk_read(struct dialog_store *st, struct tcp_stream *s, struct dialog_connection *c);
void talk_clear(struct dialog_connection *c);
/* Puts the events of a connection in order of time. */
void talk_sort(struct dialog_event *v, size_t n);

/* Finds the media of all connections, on them and in datagrams; fills streams, rtcp, loose. */
void media_read(struct dialog *d);
void media_free(struct dialog *d);

#endif
