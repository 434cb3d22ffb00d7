/* SPDX-License-Identifier: MIT */
#ifndef CI_BARE_DRAIN_H
#define CI_BARE_DRAIN_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "ci/bare/clip.h"
#include "server/net/sock.h"

/*
 * Who receives: a process of its own made of the load generator's parts (its wide sockets with an address
 * per session, its connections, its meters, its 1 ms tick), since over loopback the sender pays for much
 * of what the receiver does: what is compared must be received alike.
 */
struct drain_config {
	const struct clip *clip;
	uint32_t sessions;
	int cpu; /* < 0: any */
	bool is_tcp;
	struct addr connect; /* TCP: where to */
};

/* What both processes see. */
struct drain_shared {
	_Atomic bool is_ready, stop;
	int err;
	int64_t received, duplicate, own_drops, malformed;
	tick_t lateness_p50, lateness_p99; /* of a frame's first packet (loadgen/meter.h) */
	double cpu, run_delay;             /* cores */
	/* UDP: session * n_tracks + track */
	struct sockaddr_in to[];
};

struct drain {
	struct drain_config config;
	struct drain_shared *shared;
	size_t shared_n;
	pid_t pid;
};

/* Starts the process. 0 or -errno. */
MUST_USE int drain_start(struct drain *d, const struct drain_config *config);
/* Is it alive, and ready for packets? 1, 0 (not yet), or why it is not. */
MUST_USE int drain_ready(struct drain *d);
/* Ends it when it has read all that came; then shared is filled. 0 or what went wrong. */
MUST_USE int drain_stop(struct drain *d);
void drain_clear(struct drain *d); /* ends it at once, if it lives; frees */

#endif
