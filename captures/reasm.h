/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_REASM_H
#define CAPTURES_REASM_H

#include "server/base/bytes.h"

/*
 * One direction of a TCP connection put in order. Bears retransmission, overlap (the byte that came
 * first stays), reordering, a start in mid-stream and segments that the recording lacks: a gap is
 * given up when the other side has acknowledged it and more has come since, when too much waits
 * behind it, or at the end.
 *
 * Offsets count bytes of the direction from its first known one; gaps count.
 */
enum {
	REASM_WAITING_MAX = 1024,                  /* segments behind a gap */
	REASM_WAITING_BYTES_MAX = 4 * 1024 * 1024, /* bytes behind a gap */
	REASM_ACKED_WAITING_MAX = 32               /* segments behind a gap that is acknowledged */
};

struct reasm_sink {
	/* The next bytes; the view ends with the call. at, frame_no: of the packet that made them
	 * available. */
	void (*data)(void *arg, struct bytes b, int64_t at, uint64_t frame_no);
	/* n bytes are missing here. */
	void (*gap)(void *arg, uint64_t n);
	void *arg;
};
struct reasm_segment;
struct reasm {
	struct reasm_sink sink;
	bool is_started;
	uint32_t seq;                  /* of the next byte wanted */
	uint64_t next;                 /* its offset */
	struct reasm_segment *waiting; /* by offset, apart from each other */
	unsigned n_waiting;
	size_t waiting_bytes;
	bool has_acked;
	uint32_t acked; /* by the other side, highest */
	uint64_t retransmissions, out_of_order;
	uint64_t outside; /* segments nowhere near: another connection, or garbage */
};

void reasm_init(struct reasm *r, struct reasm_sink sink);
void reasm_clear(struct reasm *r);
/* SYN: the first data byte has seq + 1. */
void reasm_syn(struct reasm *r, uint32_t seq);
/* A segment. lost_n: bytes of it, at its end, that the snap length cut off; they are a gap. */
void reasm_add(struct reasm *r, uint32_t seq, struct bytes b, uint32_t lost_n, int64_t at,
	uint64_t frame_no);
/* The other side acknowledged everything before `ack`. */
void reasm_ack(struct reasm *r, uint32_t ack);
/* Nothing more comes: what waits is given, with gaps. */
void reasm_end(struct reasm *r);

#endif
