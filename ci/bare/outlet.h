/* SPDX-License-Identifier: MIT */
#ifndef CI_BARE_OUTLET_H
#define CI_BARE_OUTLET_H

#include <netinet/in.h>

#include "ci/bare/schedule.h"

/*
 * The ways to send the packets of a tick. Nothing else is done for them: a 12-byte RTP header (its numbers
 * come from an array), the payload where it stands, one system call for as much as the method allows.
 */
struct outlet_method {
	const char *name;
	uint32_t batch; /* datagrams, or trains, in one call */
	uint32_t train; /* packets in one train (GSO); 1: none */
	bool is_tcp;    /* one writev for all that a session sends in a tick */
};
extern const struct outlet_method outlet_methods[];
extern const size_t n_outlet_methods;

/* One track of one session. */
struct outlet_stream {
	struct sockaddr_in to;
	uint32_t ssrc, timestamp; /* timestamp: of RTP time 0 */
	uint16_t seq;
	uint8_t channel; /* TCP */
};

enum { OUTLET_BATCH = 64, OUTLET_TRAIN = 16, OUTLET_BURST = 256 };

struct outlet_queue; /* what waits for the next call */

struct outlet {
	const struct outlet_method *method;
	const struct clip *clip;
	int fd;                        /* UDP; borrowed */
	const int *fds;                /* TCP: per session; borrowed */
	struct outlet_stream *streams; /* session * clip->n_tracks + track; borrowed */
	struct outlet_queue *queue;
	uint64_t packets, calls;
	uint64_t dropped; /* packets that a full send buffer refused */
	uint64_t failed;  /* any other error */
	int last_error;
};

void outlet_open(struct outlet *o);
void outlet_close(struct outlet *o); /* frees the queue */
/* Sends, or queues, what one session sends in this tick. */
void outlet_put(struct outlet *o, const struct schedule_entry *e, const struct schedule_group *g);
/* All that is queued leaves. */
void outlet_flush(struct outlet *o);

#endif
