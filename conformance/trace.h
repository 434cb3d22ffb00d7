/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TRACE_H
#define CONFORMANCE_TRACE_H

#include "server/base/buf.h"
#include "server/base/tick.h"

/* Everything that one case sent and received, byte for byte and in order: what evidence is made of.
 * Bounded; what comes beyond is counted in `dropped`. */
enum trace_kind {
	TRACE_OPEN, /* connection made */
	TRACE_TCP,  /* bytes as written or read at once */
	TRACE_UDP,
	TRACE_CLOSE, /* the side named closed its direction */
	TRACE_RESET,
	TRACE_NOTE, /* what a step found; the bytes are text */
	TRACE_FAULT /* the same, and it is where the case failed */
};
struct trace_event {
	tick_t at;
	enum trace_kind kind;
	bool from_client;
	int conn; /* number of the TCP connection; -1: none */
	uint16_t client_port, server_port;
	size_t off, n; /* in the trace's bytes */
};
struct trace {
	struct trace_event *v;
	size_t n, cap;
	struct buf bytes;
	uint64_t dropped;
};
enum { TRACE_EVENTS_MAX = 100000, TRACE_BYTES_MAX = 64 << 20 };

void trace_init(struct trace *t);
void trace_clear(struct trace *t);
void trace_add(struct trace *t, const struct trace_event *e, struct bytes b);
void trace_note(struct trace *t, tick_t at, bool is_fault, const char *text);
struct bytes trace_bytes(const struct trace *t, const struct trace_event *e);

#endif
