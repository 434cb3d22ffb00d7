/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_BATCH_H
#define LOADGEN_BATCH_H

#include <sys/socket.h>

#include "loadgen/stamp.h"
#include "server/base/bytes.h"
#include "server/net/sock.h"

/*
 * Datagrams read many at a time, in one system call: what they hold, where they come from, where they
 * went to, and when they arrived. One batch serves all sockets of a process.
 *
 * Whole, or their heads only: then the kernel copies no more than BATCH_HEAD bytes of each and tells
 * its length, which spares most of the cost of copying. Enough for an RTP header.
 */
enum {
	BATCH_MAX = 64,
	BATCH_HEAD = 64,
	BATCH_WHOLE = 9216,  /* longer ones are cut */
	BATCH_CONTROL = 128, /* stamp, address and what else sockets may be told */
};

struct batch_item {
	struct bytes bytes; /* what was read; lives until the next batch_read */
	size_t n;           /* length of the datagram */
	const struct addr *from;
	tick_t at; /* when it arrived */
	uint32_t
		to; /* the IPv4 address that it was sent to, host order; 0: the socket doesn't tell */
	bool is_cut; /* longer than BATCH_WHOLE: the rest is gone */
};

struct batch {
	struct batch_item items[BATCH_MAX]; /* of the last read */
	bool heads;
	unsigned n; /* messages that the last read has changed */
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	struct addr from[BATCH_MAX];
	_Alignas(struct cmsghdr) uint8_t control[BATCH_MAX][BATCH_CONTROL];
	uint8_t *data; /* owned */
};

/* Stays at its place from now on. */
void batch_init(struct batch *b, bool heads);
void batch_clear(struct batch *b); /* frees */
/*
 * Up to `want` datagrams that wait at fd, without blocking, into b->items. Answers how many; 0: none, or
 * an error that belongs to an earlier send. Arrival times by `stamps`; `now` where the kernel has none.
 */
unsigned batch_read(
	struct batch *b, int fd, unsigned want, const struct stamp_clock *stamps, tick_t now);

#endif
